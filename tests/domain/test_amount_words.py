"""Amounts in words: the vectors of the rules themselves, the round trip over everything, and what must not be read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collect.domain import amount_words as words
from collect.domain.errors import Refusal

# The examples of annex 1 to the 支付结算办法 (1409.50 and 6007.14 also stand in the project's reference), then boundaries
# worked out by its rules: minor units, what is written, and further spellings that must be read.
CHINESE = [
    (140950, "壹仟肆佰零玖元伍角", ["壹仟肆佰零玖元伍角整", "壹仟肆佰零玖圆伍角正"]),
    (600714, "陆仟零柒元壹角肆分", ["陸仟零柒圓壹角肆分"]),
    (168032, "壹仟陆佰捌拾元零叁角贰分", ["壹仟陆佰捌拾元叁角贰分"]),
    (10700053, "壹拾万柒仟元零伍角叁分", ["壹拾万零柒仟元伍角叁分"]),
    (1640902, "壹万陆仟肆佰零玖元零贰分", []),
    (32504, "叁佰贰拾伍元零肆分", []),
    (10000005, "壹拾万元零伍分", ["壹拾萬元零伍分"]),
    (300000, "叁仟元整", ["叁仟元正"]),
    (3000000, "叁万元整", ["参万元整".replace("参", "叄")]),
    (1000, "壹拾元整", ["拾元整"]),
    (1500, "壹拾伍元整", ["拾伍元整"]),
    (5, "伍分", []),
    (50, "伍角", ["伍角整"]),
    (0, "零元整", []),
    (10000000500, "壹亿零伍元整", []),
    (15000000000, "壹亿伍仟万元整", []),
    (10005000000, "壹亿零伍万元整", []),
    (10000700000, "壹亿零柒仟元整", ["壹亿柒仟元整"]),
    (100000000000000, "壹万亿元整", []),
    (999999999999999999, "玖仟玖佰玖拾玖万玖仟玖佰玖拾玖亿玖仟玖佰玖拾玖万玖仟玖佰玖拾玖元玖角玖分", []),
    (10**18, "壹亿亿元整", []),
]


@pytest.mark.parametrize(("minor", "written", "read"), CHINESE)
def test_chinese_by_the_rules_own_examples(minor: int, written: str, read: list[str]) -> None:
    assert words.chinese(minor, "CNY", 2) == "人民币" + written
    for text in (written, "人民币" + written, *read):
        assert words.parse(text, "CNY", 2) == minor, text


# Twelve wrong spellings: 零 missing, idle, a digit of the common script, a unit twice, 整 after 分, no unit, another currency.
@pytest.mark.parametrize(
    "text",
    [
        "壹仟肆佰玖元整",
        "壹佰零贰拾元整",
        "一百元整",
        "壹佰佰元整",
        "伍分整",
        "壹佰",
        "美元壹佰元整",
        "",
        "元整",
        "壹佰元伍",
        "壹佰元零",
        "壹万贰万元整",
        "壹佰元伍厘",
        "负",
        "拾拾元整",
        "零零元整",
    ],
)
def test_chinese_that_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(Refusal, match="bad_amount_words"):
        words.parse_chinese(text, "CNY", 2)


def test_other_currencies_signs_and_decimals() -> None:
    """JPY has no decimals, KWD three (厘); a negative amount has 负 after the currency's name."""
    assert words.chinese(1000, "JPY", 0) == "日元壹仟元整"
    assert words.chinese(1005, "KWD", 3) == "KWD壹元零伍厘"
    assert words.chinese(1505, "KWD", 3) == "KWD壹元伍角零伍厘"
    assert words.chinese(-10001, "USD", 2) == "美元负壹佰元零壹分"
    assert words.parse("美元负壹佰元零壹分", "USD", 2) == -10001
    assert words.english(-5, "USD", 2) == "Minus zero US dollars and five cents"


ENGLISH = [
    (140950, "USD", 2, "One thousand four hundred nine US dollars and fifty cents",
     ["ONE THOUSAND FOUR HUNDRED AND NINE DOLLARS AND 50/100", "One thousand four hundred nine and 50/100 dollars"]),
    (10000005, "USD", 2, "One hundred thousand US dollars and five cents", ["One Hundred Thousand Dollars and Five Cents"]),
    (100, "USD", 2, "One US dollar only", ["one dollar", "USD one", "one and no/100 dollars"]),
    (300000, "CNY", 2, "Three thousand yuan only", ["three thousand yuan", "CNY three thousand yuan only"]),
    (101, "GBP", 2, "One pound sterling and one penny", ["one pound and one penny"]),
    (9999999999999999_99, "EUR", 2, "", []),
    (1000000, "JPY", 0, "One million yen only", []),
    (10050, "KWD", 3, "Ten Kuwaiti dinars and fifty fils", ["ten dinars and 050/1000"]),
    (10050, "PLN", 2, "One hundred and 50/100 PLN", []),
    (12345_00, "PLN", 2, "Twelve thousand three hundred forty-five PLN only", []),
]  # fmt: skip


@pytest.mark.parametrize(("minor", "currency", "places", "written", "read"), ENGLISH)
def test_english(minor: int, currency: str, places: int, written: str, read: list[str]) -> None:
    assert not written or words.english(minor, currency, places) == written
    for text in filter(None, (written, words.english(minor, currency, places), *read)):
        assert words.parse(text, currency, places) == minor, text


@pytest.mark.parametrize(
    "text",
    ["", "dollars", "one hundred", "twenty eleven dollars", "one hundred hundred dollars", "one dollars two", "five thousand million dollars", "one and 50/1000 dollars",
     "one dollar and one hundred cents", "one euro", "1e3 dollars", "and one dollar", "one million million dollars", "one dollar and", "thousand dollars", "minus"],
)  # fmt: skip
def test_english_that_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(Refusal, match="bad_amount_words"):
        words.parse_english(text, "USD", 2)


# Amounts with many zeros are the hard ones: figures drawn one by one, half of them 0.
SPARSE = st.lists(st.one_of(st.just(0), st.integers(0, 9)), min_size=1, max_size=18).map(lambda digits: int("".join(map(str, digits))))


@given(minor=st.one_of(SPARSE, st.integers(-(2**63) + 1, 2**63 - 1)), places=st.sampled_from([0, 2, 3, 4]), currency=st.sampled_from(["CNY", "USD", "GBP", "KWD", "JPY", "XTS"]))
def test_every_amount_comes_back(minor: int, places: int, currency: str) -> None:
    if currency != "JPY" or places == 0:
        assert words.parse_english(words.english(minor, currency, places), currency, places) == minor
    assert words.parse_chinese(words.chinese(minor, currency, places), currency, places) == minor


@given(minor=SPARSE)
def test_no_spelling_has_two_values(minor: int) -> None:
    """Every spelling that is read for one amount is none of the amount beside it."""
    for spelling in words._spellings(minor, 2):
        assert words.parse_chinese(spelling, "CNY", 2) == minor
