"""Money: integer minor units with the currency's exponent, one strict grammar for amounts, and splits that lose nothing (S1)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Literal

from collect.domain.errors import Refusal

LIMIT = 2**63 - 1

# ISO 4217 minor units, list one (published 2024-06-25); every other active currency has two.
_EXPONENTS = dict.fromkeys("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split(), 0)
_EXPONENTS |= dict.fromkeys("BHD IQD JOD KWD LYD OMR TND".split(), 3) | dict.fromkeys("CLF UYW".split(), 4)
_TWO = (
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC CUP CVE "
    "CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD "
    "KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR "
    "PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU "
    "UZS VES WST XCD XCG YER ZAR ZMW ZWG"
)
_EXPONENTS |= dict.fromkeys(_TWO.split(), 2)

Decimals = Literal[".", ","]

# What may stand before or after the digits; full-width forms have been folded before this is asked.
_MARKS = re.compile(r"^(?:¥|\$|€|£|RMB|[A-Z]{3})\s*|\s*(?:元|[A-Z]{3})$")
_POINT = re.compile(r"(?:\d{1,3}(?:,\d{3})+|\d{1,3}(?:[ '\u00a0\u202f]\d{3})+|\d+)(?:\.\d+)?|\.\d+")
_COMMA = re.compile(r"(?:\d{1,3}(?:\.\d{3})+|\d{1,3}(?:[ '\u00a0\u202f]\d{3})+|\d+)(?:,\d+)?|,\d+")
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
    """Which sign separates decimals, where this amount alone proves it: two different signs, or one that cannot group.

    `1,234.50` and `1.5` prove the point, `1.234,50` and `1,5` the comma; `1,234` and `1.234` prove nothing.
    """
    digits = _strip(fold(text))[0]
    point, comma = digits.rfind("."), digits.rfind(",")
    if point >= 0 and comma >= 0:
        return "." if point > comma else ","
    sign: Decimals = "." if point >= 0 else ","
    if max(point, comma) < 0:
        return None
    if digits.count(sign) > 1:
        return "," if sign == "." else "."
    head, tail = digits.split(sign)
    could_group = len(tail) == 3 and 1 <= len(head) <= 3 and head != "0"
    return None if could_group else sign


def parse(text: str, currency: str, decimal: Decimals = ".", field: str = "amount") -> int:
    """The amount in minor units, by one strict grammar: grouped or plain digits, sign or parentheses, a currency mark.

    Accepts `1,234.50`, `(12.00)`, `12.00-`, `¥1409.50`, `CNY 3`, full-width digits. Raises Refusal `bad_amount` for
    anything else (`1e3`, `NaN`, `1_000`, Arabic digits), `too_many_decimals` where the currency has fewer, and
    `amount_too_large` beyond ±(2^63-1) minor units (S1).
    """
    places = exponent(currency)
    if places == 2 and decimal == "." and _PLAIN.fullmatch(text):
        whole, _, cents = text.partition(".")
        value = int(whole) * 100
        rest = int(cents.ljust(2, "0")) if cents else 0
        return value - rest if whole[0] == "-" else value + rest
    digits, negative, mark = _strip(fold(text))
    grammar = _POINT if decimal == "." else _COMMA
    if not digits.isascii() or not grammar.fullmatch(digits):
        raise Refusal("bad_amount", field, value=text)
    if mark and is_currency(mark) and mark != currency:
        raise Refusal("amount_in_other_currency", field, value=text, currency=currency)
    plain = re.sub(r"[ '\u00a0\u202f]", "", digits)
    plain = plain.replace(",", "") if decimal == "." else plain.replace(".", "").replace(",", ".")
    whole, _, tail = plain.partition(".")
    if len(tail.rstrip("0")) > places:
        raise Refusal("too_many_decimals", field, value=text, currency=currency, places=places)
    minor = int(whole or "0") * 10**places + int(tail[:places].ljust(places, "0") or "0")
    if minor > LIMIT:
        raise Refusal("amount_too_large", field, value=text)
    return -minor if negative else minor


def _strip(text: str) -> tuple[str, bool, str]:
    """Digits with their separators, whether negative, and the currency code that stood beside them."""
    negative = False
    if text.startswith("(") and text.endswith(")"):
        negative, text = True, text[1:-1].strip()
    elif text.endswith("-"):
        negative, text = True, text[:-1].strip()
    mark = ""
    for _ in range(2):
        if text[:1] in ("-", "+") and not negative:
            negative, text = text[0] == "-", text[1:].strip()
        found = _MARKS.search(text)
        if found:
            word = found.group().strip()
            mark = mark or ("CNY" if word == "RMB" else word if len(word) == 3 else "")
            text = (text[: found.start()] + text[found.end() :]).strip()
    return text, negative, mark


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
