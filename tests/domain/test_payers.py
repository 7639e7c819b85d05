"""Names of payers taken apart and compared: forms, cities, spellings, and what tells legal persons apart (S13)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collect.domain import payers
from collect.domain.payers import ALIKE, KNOWN, SUGGESTED, read, score
from collect.services.proposing import alike, pinyin


def told(payer: str, customer: str) -> int:
    return score(read(payer), read(customer), alike, pinyin)


@pytest.mark.parametrize(
    ("text", "core", "city"),
    [
        ("北京同仁堂股份有限公司", "同仁堂", "北京"),
        ("北京市同仁堂（集团）有限责任公司", "同仁堂", "北京"),
        ("江苏省苏州市同仁堂药店", "同仁堂药店", "江苏苏州"),
        ("强生（上海）医疗器材有限公司", "强生医疗器材", "上海"),
        ("國藥控股股份有限公司", "国药控股", None),
        ("华联超市有限公司", "华联超市", None),
        ("苏州市吴中区人民医院", "人民医院", "苏州吴中"),
        ("中国平安财产保险股份有限公司深圳分公司", "中国平安财产保险", None),
        ("Beijing Tongrentang Co., Ltd.", "tongrentang", "北京"),
        ("Northwind & Söhne GmbH & Co. KG", "northwind sohne", None),
        ("NORTHWIND SOEHNE", "northwind sohne", None),
        ("Bar Sp. z o.o.", "bar", None),
        ("Ｐｈｉｌｉｐｓ  B.V.", "philips", None),
        ("Nokia Oyj", "nokia", None),
        ("AB Volvo AB", "ab volvo", None),
        ("Ltd.", "ltd", None),
    ],
)
def test_a_name_is_taken_apart(text: str, core: str, city: str | None) -> None:
    assert (read(text).core, read(text).city) == (core, city)


@pytest.mark.parametrize(
    ("payer", "customer"),
    [
        ("北京同仁堂股份有限公司", "北京同仁堂股份有限公司"),
        ("北京同仁堂", "北京同仁堂股份有限公司"),
        ("同仁堂股份有限公司", "北京同仁堂股份有限公司"),
        ("北京同仁堂 股份 有限公司", "北京同仁堂股份有限公司"),
        ("國藥控股股份有限公司", "国药控股股份有限公司"),
        ("BEIJING TONGRENTANG CO LTD", "北京同仁堂股份有限公司"),
        ("NORTHWIND SOEHNE GMBH", "Northwind & Söhne GmbH & Co. KG"),
        ("Acme Inc.", "ACME, Incorporated"),
    ],
)
def test_one_legal_person_in_two_spellings_is_known(payer: str, customer: str) -> None:
    assert told(payer, customer) >= KNOWN and told(customer, payer) >= KNOWN


@pytest.mark.parametrize(
    ("payer", "customer", "least", "most"),
    [
        ("华为终端有限公司", "华为技术有限公司", 0, SUGGESTED - 1),  # half of the characters
        ("南京同仁堂有限公司", "北京同仁堂有限公司", 0, 60),  # another city
        ("上海市第二人民医院", "上海市第一人民医院", 0, 60),  # another number
        ("ABC Trading 2 Ltd", "ABC Trading 1 Ltd", 0, 60),
        ("苏州市人民医院", "苏州市吴中区人民医院", SUGGESTED, 88),  # the place of a public body is its name
        ("中国医药集团有限公司", "中国医药有限公司", SUGGESTED, 88),  # the group is not its member
        ("平安保险有限公司深圳分公司", "平安保险有限公司北京分公司", SUGGESTED, 80),
        ("中国平安财产保险股份有限公司深圳分公司", "中国平安财产保险股份有限公司", 88, 88),  # the company itself has 100 and goes before
        ("老百姓大药房连锁有限公司", "老百姓大药房连锁有限公司长沙分店", 88, 88),
        ("甲乙丙贸易有限公司驻上海办事处", "甲乙丙贸易有限公司", 88, 88),
        ("国药控股华北医疗器械供应链有限公司", "国药控股华东医疗器械供应链有限公司", ALIKE, 94),  # 13 of 14 characters
        ("TONGDA", "通达有限公司", SUGGESTED, 90),  # a spelling many names share
        ("", "甲公司", 0, 0),
    ],
)
def test_what_is_not_surely_one_waits_for_a_person(payer: str, customer: str, least: int, most: int) -> None:
    assert least <= told(payer, customer) <= most < KNOWN


@pytest.mark.parametrize(
    ("payer", "customer", "which"),
    [
        ("甲乙丙贸易有限公司上海分公司", "甲乙丙贸易有限公司", "payer"),
        ("甲乙丙贸易有限公司（上海分公司）", "甲乙丙贸易", "payer"),
        ("同仁大药房", "同仁大药房解放路分店", "customer"),
        ("甲乙丙贸易有限公司上海分公司", "甲乙丙贸易有限公司上海市分公司", None),  # one branch, spelt in two ways
        ("甲乙丙贸易有限公司上海分公司", "甲乙丙贸易有限公司深圳分公司", None),
        ("甲乙丙贸易有限公司上海分公司", "甲乙丁贸易有限公司", None),  # another company's
        ("甲乙丙贸易有限公司", "甲乙丙贸易有限公司", None),
        ("", "甲乙丙贸易有限公司上海分公司", None),
    ],
)
def test_a_branch_is_told_from_its_company(payer: str, customer: str, which: str | None) -> None:
    assert payers.branch_between(payers.read(payer), payers.read(customer)) == which


def test_each_old_character_has_the_sound_of_its_new_one() -> None:
    """The map has pairs; a pair that was shifted would sound otherwise (pypinyin knows both)."""
    from pypinyin import Style
    from pypinyin import pinyin as sounds

    assert len(payers._OLD) == len(payers._NEW) > 450
    for old, new in zip(payers._OLD, payers._NEW, strict=True):
        assert old != new and set(sounds(old, heteronym=True, style=Style.NORMAL)[0]) & set(sounds(new, heteronym=True, style=Style.NORMAL)[0]), old + new


@given(st.text(min_size=1, max_size=30), st.text(min_size=1, max_size=30))
def test_scores_stay_in_their_range_and_do_not_depend_on_the_side(one: str, other: str) -> None:
    here, there = told(one, other), told(other, one)
    assert here == there and 0 <= here <= 100
    assert read(read(one).full).full == read(one).full
