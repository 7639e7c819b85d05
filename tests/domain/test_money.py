"""Money: the accepted and the refused forms of an amount, limits, decimals by currency, and splits that lose nothing (S1)."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collect.domain import money
from collect.domain.errors import Refusal
from collect.sentences import say

LIMIT = 9_223_372_036_854_775_807  # 2^63 - 1, written out

# What a person reads in the text, in the currency's minor units.
ACCEPTED = [
    ("1409.50", "CNY", ".", 140950),
    ("1,234.50", "CNY", ".", 123450),
    ("1.234,50", "EUR", ",", 123450),
    ("1234,5", "EUR", ",", 123450),
    ("1,234", "CNY", ".", 123400),
    ("1,234", "KWD", ",", 1234),
    ("1.234", "EUR", ",", 123400),
    ("12,345,678.90", "USD", ".", 1234567890),
    ("1 234,50", "EUR", ",", 123450),
    ("1\u00a0234,50", "EUR", ",", 123450),  # no-break space, as French and Polish files group
    ("1\u202f234\u202f567,89", "EUR", ",", 123456789),  # narrow no-break space
    ("1'234.50", "CHF", ".", 123450),
    ("0", "CNY", ".", 0),
    ("-0.00", "CNY", ".", 0),
    ("0.01", "CNY", ".", 1),
    (".5", "CNY", ".", 50),
    (",5", "EUR", ",", 50),
    ("00012.5", "CNY", ".", 1250),
    ("12.500", "CNY", ".", 1250),  # a decimal that is zero is not one too many
    ("  7 ", "CNY", ".", 700),
    ("\t7\n", "CNY", ".", 700),
    ("-12.00", "CNY", ".", -1200),
    ("+12.00", "CNY", ".", 1200),
    ("12.00-", "CNY", ".", -1200),
    ("12.00 -", "CNY", ".", -1200),
    ("(12.00)", "CNY", ".", -1200),
    ("( 1,234.50 )", "CNY", ".", -123450),
    ("\u221212.00", "CNY", ".", -1200),  # the minus sign U+2212
    ("¥1409.50", "CNY", ".", 140950),
    ("￥1,409.50", "CNY", ".", 140950),
    ("¥ 300", "JPY", ".", 300),
    ("$1,234.50", "USD", ".", 123450),
    ("$ 5", "HKD", ".", 500),
    ("€5", "EUR", ".", 500),
    ("£5", "GBP", ".", 500),
    ("CNY 3", "CNY", ".", 300),
    ("CNY3", "CNY", ".", 300),
    ("3 CNY", "CNY", ".", 300),
    ("RMB 3", "CNY", ".", 300),
    ("3元", "CNY", ".", 300),
    ("¥3元", "CNY", ".", 300),
    ("-¥3.50", "CNY", ".", -350),
    ("¥-3.50", "CNY", ".", -350),
    ("(¥3.50)", "CNY", ".", -350),
    ("¥(3.50)", "CNY", ".", -350),
    ("3.50- CNY", "CNY", ".", -350),
    ("１，２３４．５０", "CNY", ".", 123450),
    ("（１２．００）", "CNY", ".", -1200),
    ("－１２．００", "CNY", ".", -1200),
    ("1,000", "JPY", ".", 1000),
    ("1000.00", "JPY", ".", 1000),
    ("1.234", "KWD", ".", 1234),
    ("1.2345", "CLF", ".", 12345),
    ("9,999,999,999,999,999.99", "CNY", ".", 999999999999999999),
    ("92233720368547758.07", "CNY", ".", LIMIT),
    ("-92233720368547758.07", "CNY", ".", -LIMIT),
    ("(9223372036854775807)", "JPY", ".", -LIMIT),
    ("9223372036854775.807", "KWD", ".", LIMIT),
]

# No amounts at all, whatever the currency and the decimal sign.
_WORDS = """
    1e3 1E3 NaN nan NAN Inf INF -Infinity 1_000 0x10 1.2.3 1,2,3 12,34.5 1,234,5 1.234.5 0,12,345 1..5 1,,000
    1.,5 5. 5, . , - + () (5 5) ((5)) -(5) (5)- (-5) --5 -5- +-5 -+5 ++5 5-- 5+ ¥ ¥¥5 $€5 5元元 CNY 5USDCNY ABC5
    5XXX 12万 十二 ½ ² ① ٣ ٤٥ १२ １e３ 1234abc a1 =1 =1+1 1/2 5% #5 1:30 2026-03-05
"""
NONSENSE = [*_WORDS.split(), "", " ", "\u3000", "1 23", "12 34", "1 234'567", "1 2 3", "1 ,234", "1, 234", "5 -3", "NaN 5", "INF 5", "1\x00", "1\n2", "0x", "9" * 20 + "x"]


@pytest.mark.parametrize(("text", "currency", "decimal", "minor"), ACCEPTED)
def test_accepted(text: str, currency: str, decimal: money.Decimals, minor: int) -> None:
    assert money.parse(text, currency, decimal) == minor


@pytest.mark.parametrize("text", NONSENSE)
@pytest.mark.parametrize("decimal", [".", ","])
def test_nonsense_is_no_amount(text: str, decimal: money.Decimals) -> None:
    with pytest.raises(Refusal) as refused:
        money.parse(text, "CNY", decimal, "allocated")
    assert (refused.value.code, refused.value.field, refused.value.params) == ("bad_amount", "allocated", {"value": text})


@pytest.mark.parametrize(
    ("text", "currency", "decimal", "code"),
    [
        ("0,123", "CNY", ".", "bad_amount"),  # a group never begins with 0, so this is no 123
        ("000,123", "CNY", ".", "bad_amount"),
        ("1,23", "CNY", ".", "bad_amount"),
        ("1.5", "EUR", ",", "bad_amount"),
        ("1,234.50", "EUR", ",", "bad_amount"),
        ("1.234,50", "CNY", ".", "bad_amount"),
        ("1,23,456", "INR", ".", "bad_amount"),
        ("12.345", "CNY", ".", "too_many_decimals"),
        ("0.001", "CNY", ".", "too_many_decimals"),
        ("0.1", "JPY", ".", "too_many_decimals"),
        ("1.2345", "KWD", ".", "too_many_decimals"),
        ("0." + "0" * 5000 + "1", "KWD", ".", "too_many_decimals"),
        ("USD 3", "CNY", ".", "amount_in_other_currency"),
        ("3 JPY", "CNY", ".", "amount_in_other_currency"),
        ("CNY 3 USD", "CNY", ".", "amount_in_other_currency"),
        ("RMB 3", "USD", ".", "amount_in_other_currency"),
        ("$3", "CNY", ".", "amount_in_other_currency"),
        ("¥3", "USD", ".", "amount_in_other_currency"),
        ("€3", "GBP", ".", "amount_in_other_currency"),
        ("3元", "USD", ".", "amount_in_other_currency"),
        ("92233720368547758.08", "CNY", ".", "amount_too_large"),
        ("-92233720368547758.08", "CNY", ".", "amount_too_large"),
        ("9223372036854775808", "JPY", ".", "amount_too_large"),
        ("9" * 5000, "CNY", ".", "amount_too_large"),  # more digits than int() itself takes
        ("1", "XXX", ".", "unknown_currency"),
        ("1", "cny", ".", "unknown_currency"),
        ("1", "", ".", "unknown_currency"),
    ],
)
def test_refused(text: str, currency: str, decimal: money.Decimals, code: str) -> None:
    with pytest.raises(Refusal) as refused:
        money.parse(text, currency, decimal)
    assert refused.value.code == code
    assert "{" not in say(refused.value) and code not in say(refused.value)


def test_leading_zeros_do_not_make_it_large() -> None:
    assert money.parse("0" * 5000 + "7", "CNY") == 700


@pytest.mark.parametrize(
    ("text", "sign"),
    [
        *[(text, ".") for text in ("1,234.50", "1.5", "0.123", "1234.567", "1 234.567", "1,234,567", ".123", "(1,234.5)", "¥1.50", "-12.3456")],
        *[(text, ",") for text in ("1.234,50", "1,5", "0,123", "1234,567", "1.234.567", "1.234,5-", "１．２３４，５０", "1\u00a0234,5")],
        *[(text, None) for text in ("1,234", "1.234", "1234", "0", "", "n.a.", "N/A", "abc.de", "1.2.3", "1,2,3", "1.234.56", "-", "12.03.2026x", "1,234元")],
    ],
)
def test_decimal_evidence(text: str, sign: str | None) -> None:
    """An amount is evidence only if it can be read in one way: `1,234.50` has a point, `1,5` a comma, `1,234` is either."""
    assert money.decimal_evidence(text) == sign


MINOR = st.integers(min_value=-LIMIT, max_value=LIMIT)
CURRENCY = st.sampled_from(["CNY", "USD", "EUR", "JPY", "KRW", "KWD", "TND", "CLF"])
PLACES = {"CNY": 2, "USD": 2, "EUR": 2, "JPY": 0, "KRW": 0, "KWD": 3, "TND": 3, "CLF": 4}
DRESSES = ["{sign}{digits}", "{sign}{code} {digits}", "{sign}{digits} {code}", "{code}{sign}{digits}", " {sign}{digits}\t"]
NEGATIVE_DRESSES = ["({digits})", "{digits}-", "({code} {digits})", "{code} ({digits})", "\u2212{digits}"]


@given(MINOR, CURRENCY, st.sampled_from(["", ",", " ", "'", "\u00a0", "\u202f"]), st.sampled_from(DRESSES + NEGATIVE_DRESSES), st.booleans(), st.data())
def test_every_dress_of_an_amount_is_read_back(minor: int, currency: str, gap: str, dress: str, wide: bool, data: st.DataObject) -> None:
    """The digits are written by Decimal and str.format, then dressed up in one of the allowed ways, with point or comma."""
    if dress in NEGATIVE_DRESSES:
        minor = -abs(minor)
    decimal: money.Decimals = data.draw(st.sampled_from([".", ","]))
    digits = f"{abs(Decimal(minor).scaleb(-PLACES[currency])):,f}".replace(",", "G").replace(".", decimal)
    digits = digits.replace("G", "." if gap == decimal == "," else gap)
    text = dress.format(digits=digits, code=currency, sign="-" if minor < 0 else "")
    if wide:
        text = "".join(chr(ord(sign) + 0xFEE0) if sign.isdigit() or sign in "().," else sign for sign in text)
    assert money.parse(text, currency, decimal) == minor
    evidence = money.decimal_evidence(text)
    assert evidence in (None, decimal)
    if evidence:
        with pytest.raises(Refusal):
            money.parse(text, currency, "," if decimal == "." else ".")


@given(MINOR, CURRENCY)
def test_plain_is_read_back_and_equals_decimal(minor: int, currency: str) -> None:
    text = money.plain(minor, currency)
    assert money.parse(text, currency) == minor
    assert Decimal(text) == money.as_decimal(minor, currency) == Decimal(minor) / 10 ** PLACES[currency]


@given(st.text(max_size=20), CURRENCY, st.sampled_from([".", ","]))
def test_any_text_is_an_amount_within_the_limit_or_refused(text: str, currency: str, decimal: money.Decimals) -> None:
    try:
        assert abs(money.parse(text, currency, decimal)) <= LIMIT
    except Refusal as refused:
        assert "{" not in say(refused).replace(text, "")


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        (140950, "CNY", "1409.50"),
        (5, "CNY", "0.05"),
        (-5, "CNY", "-0.05"),
        (0, "CNY", "0.00"),
        (-1200, "JPY", "-1200"),
        (7, "KWD", "0.007"),
        (-LIMIT, "CNY", "-92233720368547758.07"),
    ],
)
def test_plain(minor: int, currency: str, text: str) -> None:
    assert money.plain(minor, currency) == text


@pytest.mark.parametrize(("currency", "places"), [*PLACES.items(), ("VND", 0), ("XAF", 0), ("IQD", 3), ("BHD", 3), ("UYW", 4), ("HUF", 2), ("TWD", 2)])
def test_exponents(currency: str, places: int) -> None:
    """Minor units as ISO 4217 has them (which is not what people use in shops: HUF and TWD have two)."""
    assert money.exponent(currency) == places


@pytest.mark.parametrize(
    ("total", "weights", "parts"),
    [
        (100, [1, 1, 1], [34, 33, 33]),  # 33.33 each; one unit is left, the first of equals takes it
        (200, [1, 1, 1], [67, 67, 66]),  # 66.67 each, rounded down 66: two units left
        (1000, [3333, 3333, 3334], [333, 333, 334]),  # 333.3 333.3 333.4: the largest remainder takes the unit
        (1, [50, 50], [1, 0]),
        (-100, [1, 1, 1], [-34, -33, -33]),
        (0, [1, 2], [0, 0]),
        (7, [0, 1, 0], [0, 7, 0]),
        (5, [0, 2, 3], [0, 2, 3]),
        (LIMIT, [1, 1], [4_611_686_018_427_387_904, 4_611_686_018_427_387_903]),
        (10, [1], [10]),
    ],
)
def test_split(total: int, weights: list[int], parts: list[int]) -> None:
    assert money.split(total, weights) == parts


@pytest.mark.parametrize("weights", [[], [0], [0, 0], [1, -1], [2, -1]])
def test_split_without_weights(weights: list[int]) -> None:
    with pytest.raises(ValueError, match="weights"):
        money.split(100, weights)


@given(MINOR, st.lists(st.integers(0, 10**12), min_size=1, max_size=12).filter(any))
def test_split_loses_nothing_and_is_fair(total: int, weights: list[int]) -> None:
    """The parts add up; each is less than one minor unit away from its exact share; nothing goes where nothing is due."""
    parts = money.split(total, weights)
    whole = sum(weights)
    assert sum(parts) == total
    assert all(abs(part * whole - total * weight) < whole for part, weight in zip(parts, weights, strict=True))
    assert all(part == 0 for part, weight in zip(parts, weights, strict=True) if weight == 0)
