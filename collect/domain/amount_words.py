"""Amounts in words and back: Chinese capitals 大写 and English, each by one grammar that has no second reading (S1, P19)."""

from __future__ import annotations

import re
from itertools import product

from collect.domain.errors import Refusal

_DIGITS = "零壹贰叁肆伍陆柒捌玖"
_WITHIN = ("", "拾", "佰", "仟")
_SMALL = "角分厘毫"
_OLD = str.maketrans("圆圓貳陸億萬參叄弍肄園〇正兩", "元元贰陆亿万叁叁贰肆元零整贰")
_NAMES = {
    "CNY": ("人民币", "人民幣"),
    "USD": ("美元",),
    "EUR": ("欧元",),
    "GBP": ("英镑",),
    "JPY": ("日元",),
    "HKD": ("港元", "港币"),
    "TWD": ("新台币",),
    "SGD": ("新加坡元",),
    "AUD": ("澳元",),
}
# One whole and many, then one and many of the hundredth.
_UNITS = {
    "CNY": ("yuan", "yuan", "fen", "fen"),
    "USD": ("US dollar", "US dollars", "cent", "cents"),
    "EUR": ("euro", "euros", "cent", "cents"),
    "GBP": ("pound sterling", "pounds sterling", "penny", "pence"),
    "JPY": ("yen", "yen", "", ""),
    "HKD": ("Hong Kong dollar", "Hong Kong dollars", "cent", "cents"),
    "SGD": ("Singapore dollar", "Singapore dollars", "cent", "cents"),
    "AUD": ("Australian dollar", "Australian dollars", "cent", "cents"),
    "CAD": ("Canadian dollar", "Canadian dollars", "cent", "cents"),
    "CHF": ("Swiss franc", "Swiss francs", "centime", "centimes"),
    "KWD": ("Kuwaiti dinar", "Kuwaiti dinars", "fils", "fils"),
}
_ONES = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()  # noqa: SIM905 - a list of words reads best so
_TENS = ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_SCALES = ("", "thousand", "million", "billion", "trillion", "quadrillion", "quintillion")
_VALUES = {word: value for value, word in enumerate(_ONES)} | {word: 10 * value for value, word in enumerate(_TENS) if word}
LONGEST = 400
"""Characters; no amount this program can keep takes as many."""
_CHINESE = re.compile(r"[\u4e00-\u9fff]")


def chinese(minor: int, currency: str, places: int) -> str:
    """An amount in minor units in capitals: 1,409.50 CNY is 人民币壹仟肆佰零玖元伍角 (annex 1 to the 支付结算办法, CN-BILL-05).

    `places` are the currency's decimals (元 角 分 厘 毫). 整 stands after 元, never after 角 or 分; where the rules leave
    a 零 open, the first of their spellings is used; a negative amount has 负 before it. A currency without a Chinese
    name here is named by its code.
    """
    sign = "负" if minor < 0 else ""
    return _NAMES.get(currency, (currency,))[0] + sign + next(iter(_spellings(abs(minor), places)))


def parse_chinese(text: str, currency: str, places: int, field: str = "words") -> int:
    """The amount in minor units that Chinese capitals name; every spelling that the rules allow is read (P19).

    Traditional and old forms (圆, 萬, 貳 …), 整 or 正 and the currency's name before it are accepted; white space is
    not read. Refusal `bad_amount_words` for anything else, above all a missing or an idle 零: no text has two values.
    """
    plain = "".join(text.split()).translate(_OLD)
    for name in sorted({name.translate(_OLD) for name in (*_NAMES.get(currency, ()), currency)}, key=len, reverse=True):
        if plain.startswith(name):
            plain = plain.removeprefix(name)
            break
    body = plain.removeprefix("负")
    try:
        value = _read(body[:LONGEST], places)
    except ValueError:
        raise Refusal("bad_amount_words", field, value=text) from None
    if body not in _spellings(value, places) and not (body.startswith("拾") and "壹" + body in _spellings(value, places)):
        raise Refusal("bad_amount_words", field, value=text)
    return -value if plain != body else value


def _spellings(minor: int, places: int) -> dict[str, None]:
    """Every way the rules allow to write an amount, the one that is written first; the order is kept, nothing twice."""
    whole, rest = divmod(minor, 10**places)
    digits = str(rest).rjust(places, "0") if places else ""
    tail = _small(digits)
    ends = (tail, tail + "整") if tail and not digits[1:].strip("0") else (tail or "整",)
    if whole == 0:
        return dict.fromkeys(ends if tail else ("零元整",))
    found: dict[str, None] = {}
    for head, end in product(_whole(whole), ends):
        if not tail or (digits[0] != "0" and whole % 10):
            found[head + "元" + end] = None
        elif digits[0] == "0":
            found[head + "元零" + end] = None
        else:  # 元位 is 0 and 角位 is not: with 零, as in the rules' own example, or without
            found[head + "元零" + end] = None
            found[head + "元" + end] = None
    return found


def _small(digits: str) -> str:
    """角分厘毫 of the decimals; a 0 between two figures is said once, those before the first and after the last are not."""
    said, gap = "", False
    for place, digit in enumerate(digits):
        if digit == "0":
            gap = bool(said)
            continue
        said += ("零" if gap else "") + _DIGITS[int(digit)] + _SMALL[place]
        gap = False
    return said


def _whole(number: int) -> list[str]:
    """A positive whole number in capitals: in its one spelling, or in two at each boundary where 零 is left open."""
    for size, unit in ((10**8, "亿"), (10**4, "万")):
        if number < size:
            continue
        upper, lower = divmod(number, size)
        heads = _whole(upper)
        if lower == 0:
            return [head + unit for head in heads]
        # 零 must stand before a lower part that does not fill its places, and may stand after an upper one that ends in 0;
        # where whole groups are skipped and 千位 is filled, both are allowed, and it is written.
        must = lower < size // 10
        free = upper % 10 == 0 and not must
        skipped = size == 10**8 and 10**3 <= lower < 10**4
        options = ("零", "") if skipped else ("", "零") if free else ("零",) if must else ("",)
        return [head + unit + zero + tail for head, zero, tail in product(heads, options, _whole(lower))]
    said, gap = "", False
    for place in (3, 2, 1, 0):
        digit = number // 10**place % 10
        if digit == 0:
            gap = bool(said)
            continue
        said += ("零" if gap else "") + _DIGITS[digit] + _WITHIN[place]
        gap = False
    return [said]


def _read(text: str, places: int) -> int:
    """The value of capitals, read loosely; the caller holds it against the spellings. ValueError for what is no amount."""
    whole, mark, rest = text.partition("元")
    if not mark:
        whole, rest = "", text
    rest = rest.removesuffix("整").replace("零", "")
    value = _number(whole) * 10**places if whole else 0
    while rest:
        if len(rest) < 2 or rest[1] not in _SMALL[:places]:
            raise ValueError(text)
        value += _DIGITS.index(rest[0]) * 10 ** (places - 1 - _SMALL.index(rest[1]))
        rest = rest[2:]
    return value


def _number(text: str) -> int:
    """A whole number in capitals, read loosely: 亿 parts at its last, 万 at its only place."""
    for unit, size in (("亿", 10**8), ("万", 10**4)):
        head, mark, tail = text.rpartition(unit)
        if mark:
            if not head or len(text) > 200:
                raise ValueError(text)
            return _number(head) * size + (_number(tail) if tail else 0)
    value, digit = 0, -1
    for char in text:
        if char in _DIGITS:
            digit = _DIGITS.index(char)
        elif char in _WITHIN[1:]:
            value += (1 if digit < 0 and not value else digit) * 10 ** _WITHIN.index(char)
            digit = -1
        else:
            raise ValueError(text)
    return value + max(digit, 0)


def english(minor: int, currency: str, places: int) -> str:
    """An amount in minor units in English words: 1,409.50 USD is `One thousand four hundred nine US dollars and fifty cents`.

    `and` stands once, before the decimals; without decimals `only` closes the amount. Currencies without names here are
    written with a fraction and their code: `One hundred and 05/100 PLN`.
    """
    whole, rest = divmod(abs(minor), 10**places)
    said = _words(whole)
    if currency in _UNITS:
        one, many, small, smalls = _UNITS[currency]
        said += f" {one if whole == 1 else many}"
        said += f" and {_words(rest)} {small if rest == 1 else smalls}" if rest else " only"
    else:
        said += f" and {str(rest).rjust(places, '0')}/{10**places} {currency}" if rest else f" {currency} only"
    said = f"minus {said}" if minor < 0 else said
    return said[0].upper() + said[1:]


def _words(number: int) -> str:
    """A whole number from 0 in English words, without `and`."""
    if number == 0:
        return _ONES[0]
    parts: list[str] = []
    for scale in range(len(_SCALES) - 1, -1, -1):
        group = number // 1000**scale % 1000
        if group:
            parts.append(" ".join(filter(None, (_hundreds(group), _SCALES[scale]))))
    return " ".join(parts)


def _hundreds(number: int) -> str:
    """1 to 999 in English words."""
    hundreds, rest = divmod(number, 100)
    said = [f"{_ONES[hundreds]} hundred"] if hundreds else []
    if rest >= 20:
        said.append(_TENS[rest // 10] + (f"-{_ONES[rest % 10]}" if rest % 10 else ""))
    elif rest:
        said.append(_ONES[rest])
    return " ".join(said)


def parse_english(text: str, currency: str, places: int, field: str = "words") -> int:
    """The amount in minor units that English words name (P19).

    Read without regard to case, hyphens, commas and `and` inside the number; decimals in words or as `50/100` (`no/100`
    is none); the currency by its name, the last word of its name, or its code, which may be absent where the decimals
    are a fraction. Refusal `bad_amount_words` for anything else: no word is skipped over.
    """
    words = re.sub(r"[-,.\s*]+", " ", text[: LONGEST + 1]).lower().split()
    if words and words[-1] == "only":
        words.pop()
    negative = bool(words) and words[0] == "minus"
    try:
        value = _amount(words[negative:] if len(text) <= LONGEST else [], currency, places)
    except ValueError:
        raise Refusal("bad_amount_words", field, value=text) from None
    return -value if negative else value


def _amount(words: list[str], currency: str, places: int) -> int:
    """Words without sign as minor units; ValueError for what is no amount in this currency."""
    code, whole = currency.lower(), int(10**places)
    names = [name.lower().split() for name in _UNITS.get(currency, ())]
    wholes = [each for name in names[:2] if name for each in (name, name[-1:], name[:1] if "sterling" in name else name)] + [[code]]
    smalls = [name for name in names[2:] if name]
    named = words[:1] == [code]
    words = words[named:]
    for at, word in enumerate(words):
        if re.fullmatch(r"(?:[0-9]{1,4}|no|xx)/10{1,4}", word):
            return _with_fraction(words[:at], word, words[at + 1 :], wholes, places)
    for name in sorted(wholes, key=len, reverse=True):
        for at in range(len(words) - len(name), 0, -1):
            if words[at : at + len(name)] == name:
                return _value(words[:at]) * whole + _cents(words[at + len(name) :], smalls, places)
    return _value(words) * whole if named and words[-1:] not in smalls else _cents(words, smalls, places, alone=True)


def _with_fraction(before: list[str], fraction: str, after: list[str], wholes: list[list[str]], places: int) -> int:
    """`… and 50/100 dollars`, `… dollars and 50/100`: the denominator must be the currency's own."""
    counted, _, of = fraction.partition("/")
    rest = 0 if counted in ("no", "xx") else int(counted)
    if of != str(10**places) or rest >= 10**places or (after and after not in wholes):
        raise ValueError(fraction)
    if before[-1:] == ["and"]:
        before = before[:-1]
    for name in sorted(wholes, key=len, reverse=True):
        if not after and before[-len(name) :] == name:
            before = before[: -len(name)]
            break
    return _value(before) * int(10**places) + rest


def _cents(words: list[str], smalls: list[list[str]], places: int, alone: bool = False) -> int:
    """The decimals in words: `and fifty cents`; nothing is 0 unless the amount is made of them alone."""
    if not words and not alone:
        return 0
    if words[:1] == ["and"] and not alone:
        words = words[1:]
    if not words or words[-1:] not in smalls:
        raise ValueError(" ".join(words))
    value = _value(words[:-1])
    if value >= 10**places:
        raise ValueError(" ".join(words))
    return value


def _value(words: list[str]) -> int:
    """A whole number in words; held against the one way to write it, so that nothing is skipped or read twice."""
    value, group = 0, 0
    for word in words:
        if word in _VALUES:
            group += _VALUES[word]
        elif word == "hundred":
            group *= 100
        elif word in _SCALES[1:]:
            value, group = value + group * 1000 ** _SCALES.index(word), 0
        elif word != "and":
            raise ValueError(word)
    value += group
    told = [word for word in words if word != "and"]
    if not words or value >= 1000 ** len(_SCALES) or told != _words(value).replace("-", " ").split() or "and" in (words[0], words[-1]):
        raise ValueError(" ".join(words))
    return value


def parse(text: str, currency: str, places: int, field: str = "words") -> int:
    """The amount in minor units that words in either language name; Refusal `bad_amount_words`."""
    return (parse_chinese if _CHINESE.search(text) else parse_english)(text, currency, places, field)
