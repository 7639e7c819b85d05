"""Money: integer minor units with the currency's exponent, one strict grammar for amounts, and splits that lose nothing (S1)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Literal

from collect.domain.errors import Refusal

LIMIT = 2**63 - 1

# ISO 4217 minor units, list one (published 2024-06-25); every other active currency has two.
_NONE = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THREE = "BHD IQD JOD KWD LYD OMR TND"
_FOUR = "CLF UYW"
_TWO = (
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC CUP CVE "
    "CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD "
    "KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR "
    "PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU "
    "UZS VED VES WST XCD XCG YER ZAR ZMW ZWG"
)
_EXPONENTS = {code: places for places, codes in ((0, _NONE), (2, _TWO), (3, _THREE), (4, _FOUR)) for code in codes.split()}

Decimals = Literal[".", ","]

# What may stand before or after the digits (full-width forms have been folded), and the currencies it can mean.
_BEFORE = re.compile(r"(?:¥|\$|€|£|RMB|[A-Z]{3})\s*")
_AFTER = re.compile(r"(?:元|[A-Z]{3})$")
_DOLLARS = "ARS AUD BBD BMD BND BSD BZD CAD CLP COP CUP DOP FJD GYD HKD JMD KYD LRD MOP MXN NAD NZD SBD SGD SRD TTD TWD USD UYU XCD"
_MEANS = {
    "¥": frozenset({"CNY", "JPY"}),
    "元": frozenset({"CNY", "HKD", "MOP", "TWD"}),
    "RMB": frozenset({"CNY"}),
    "€": frozenset({"EUR"}),
    "£": frozenset("EGP FKP GBP GIP LBP SDG SHP SSP SYP".split()),  # noqa: SIM905 - a list of codes reads best so
    "$": frozenset(_DOLLARS.split()),
}
_SPACED = "[1-9][0-9]{0,2}(?P<gap>[ '’\u00a0\u202f])[0-9]{3}(?:(?P=gap)[0-9]{3})*"
_POINT = re.compile(rf"(?:[1-9][0-9]{{0,2}}(?:,[0-9]{{3}})+|{_SPACED}|[0-9]+)(?:\.[0-9]+)?|\.[0-9]+")
_COMMA = re.compile(rf"(?:[1-9][0-9]{{0,2}}(?:\.[0-9]{{3}})+|{_SPACED}|[0-9]+)(?:,[0-9]+)?|,[0-9]+")
_NOT_DIGITS = re.compile(r"[ '’\u00a0\u202f,]")
_PLAIN = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,2})?", re.ASCII)
_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20, 0xFFE5: 0xA5, 0x2212: 0x2D, 0x2013: 0x2D}


def is_currency(code: str) -> bool:
    """Whether the three letters are an active ISO 4217 code."""
    return code in _EXPONENTS


def exponent(currency: str) -> int:
    """Number of decimals of a currency (JPY 0, CNY 2, KWD 3); Refusal `unknown_currency` for any other code (S1)."""
    try:
        return _EXPONENTS[currency]
    except KeyError:
        raise Refusal("unknown_currency", "currency", value=currency) from None


def fold(text: str) -> str:
    """Full-width digits, signs and spaces as their plain forms, outer white space gone; nothing else is changed."""
    return text.strip() if text.isascii() else text.translate(_FULL_WIDTH).strip()


def decimal_evidence(text: str) -> Decimals | None:
    """Which sign separates decimals, where this amount alone proves it: it can be read in one way only.

    `1,234.50`, `1.5` and `1 234.567` prove the point, `1.234,50`, `1,5` and `1.234.567` the comma; `1,234`, `1.234`,
    `1234` and what is no amount at all prove nothing.
    """
    digits = _strip(fold(text))[0]
    point, comma = _POINT.fullmatch(digits), _COMMA.fullmatch(digits)
    if bool(point) == bool(comma):
        return None
    return "." if point else ","


def parse(text: str, currency: str, decimal: Decimals = ".", field: str = "amount") -> int:
    """The amount in minor units, by one strict grammar: grouped or plain digits, one sign or parentheses, a currency mark.

    Accepts `1,234.50`, `(12.00)`, `12.00-`, `¥1409.50`, `CNY 3`, full-width digits. Raises Refusal `bad_amount` for
    anything else (`1e3`, `NaN`, `1_000`, Arabic digits, two signs), `amount_in_other_currency` where the mark
    contradicts the currency, `too_many_decimals` where the currency has fewer, and `amount_too_large` beyond
    ±(2^63-1) minor units (S1).
    """
    places = exponent(currency)
    if places == 2 and decimal == "." and _PLAIN.fullmatch(text):
        whole, _, cents = text.partition(".")
        value = int(whole) * 100
        rest = int(cents.ljust(2, "0")) if cents else 0
        return value - rest if whole[0] == "-" else value + rest
    digits, negative, marks = _strip(fold(text))
    grammar = _POINT if decimal == "." else _COMMA
    if not grammar.fullmatch(digits) or not all(mark in _MEANS or is_currency(mark) for mark in marks):
        raise Refusal("bad_amount", field, value=text)
    if not all(currency in _MEANS.get(mark, {mark}) for mark in marks):
        raise Refusal("amount_in_other_currency", field, value=text, currency=currency)
    plain = _NOT_DIGITS.sub("", digits) if decimal == "." else _NOT_DIGITS.sub("", digits.replace(".", "").replace(",", "."))
    whole, _, tail = plain.partition(".")
    if len(tail.rstrip("0")) > places:
        raise Refusal("too_many_decimals", field, value=text, currency=currency, places=places)
    whole = whole.lstrip("0")
    if len(whole) > len(str(LIMIT)):  # int() of thousands of digits is refused by Python itself
        raise Refusal("amount_too_large", field, value=text)
    minor: int = int(whole or "0") * 10**places + int(tail[:places].ljust(places, "0") or "0")
    if minor > LIMIT:
        raise Refusal("amount_too_large", field, value=text)
    return -minor if negative else minor


def _strip(text: str) -> tuple[str, bool, list[str]]:
    """Digits with their separators, whether negative, and the currency marks beside them, from the outside in.

    At most one sign (a minus before or after, a plus before, or parentheses) and one mark on each side; with more than
    that the digits are empty, which no grammar accepts.
    """
    signs, before, after = "", "", ""
    while text and len(signs) < 2:
        if text[0] in "+-" or (text[0] == "(" and text[-1] == ")"):
            signs += text[0]
            text = text[1:-1].strip() if text[0] == "(" else text[1:].lstrip()
        elif text[-1] == "-":
            signs, text = signs + "-", text[:-1].rstrip()
        elif not before and (found := _BEFORE.match(text)):
            before, text = found.group().strip(), text[found.end() :]
        elif not after and (found := _AFTER.search(text)):
            after, text = found.group(), text[: found.start()].rstrip()
        else:
            break
    if len(signs) > 1:
        text = ""
    return text, signs in ("-", "("), [mark for mark in (before, after) if mark]


def plain(minor: int, currency: str) -> str:
    """The amount as a decimal string with the currency's own number of decimals and no grouping: `1409.50` (S1)."""
    places = exponent(currency)
    if places == 0:
        return str(minor)
    sign, digits = ("-" if minor < 0 else ""), str(abs(minor)).rjust(places + 1, "0")
    return f"{sign}{digits[:-places]}.{digits[-places:]}"


def as_decimal(minor: int, currency: str) -> Decimal:
    """The amount as an exact Decimal in whole units."""
    return Decimal(minor).scaleb(-exponent(currency))


def split(total: int, weights: Sequence[int]) -> list[int]:
    """Parts of `total` in proportion to non-negative `weights`, adding up to the whole (S1, largest remainder).

    The minor units left by rounding down go to the largest remainders, the earlier part first among equals.
    Raises ValueError when no weight is positive.
    """
    whole = sum(weights)
    if whole <= 0 or min(weights) < 0:
        raise ValueError("weights must be non-negative and not all zero")
    sign, size = (-1, -total) if total < 0 else (1, total)
    parts = [size * weight // whole for weight in weights]
    remainders = [size * weight % whole for weight in weights]
    order = sorted(range(len(weights)), key=lambda index: (-remainders[index], index))
    for index in order[: size - sum(parts)]:
        parts[index] += 1
    return [sign * part for part in parts]
