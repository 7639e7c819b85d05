"""Statements as PDF: what stands on which page, read back by another program; the words, the glyphs, the same bytes."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise

import pypdf
import pytest

from collect.documents import fonts as letters
from collect.documents import statement
from collect.documents.facts import CreditLine, OpenLine, Party, Section, StatementFacts
from tests.documents.reading import fonts, ink, pages, picture, text

AS_OF = date(2026, 3, 31)
BUCKETS = ("not_due", "1-30", "31+")
# Rare letters of real names and companies, a supplementary one (U+20BB7) among them; a company with half-width mixture.
NAME = "𠮷祥犇骉焱燚（镕喆）医疗器械Ｃo., Ltd."


def section(count: int, party: Party, currency: str = "CNY") -> Section:
    """Items of 100.00, one of every three settled by 10.00; the n-th is n days late, the first not due; 30.00 unapplied."""
    lines = []
    amounts = [0, 0, 0]
    for days in range(count):
        rest = 10000 - (1000 if days % 3 == 0 else 0)
        amounts[0 if days == 0 else 1 if days <= 30 else 2] += rest
        due = AS_OF - timedelta(days=days)
        lines.append(OpenLine(f"FP-{days:04d}", "invoice", due - timedelta(days=30), due, days, 10000, 10000 - rest, rest))
    lines.reverse()
    return Section(party, currency, tuple(lines), (CreditLine("receipt", "SK-1", AS_OF, 5000, 3000),), BUCKETS, tuple(amounts), 0)


def facts(count: int = 5, **changes: object) -> StatementFacts:
    party = Party("K-1", NAME, "上海市浦东新区世纪大道 1 号", "9131")
    made = StatementFacts("DZ-000042", "confirm", "zh", AS_OF, date(2026, 4, 2), "华北医疗器械有限公司", party, (section(count, party),))
    return replace(made, **changes)  # type: ignore[arg-type]


def test_a_short_statement_is_one_page_with_everything_on_it() -> None:
    """3 items: 300.00, 10.00 settled, 290.00 open, less 30.00: 260.00. One page of A4, slip included."""
    party = Party("K-1", "仁和医院", "上海市浦东新区世纪大道 1 号", "9131")
    pdf = statement.render([facts(addressee=party, sections=(section(3, party),))])
    found = pages(pdf)
    assert len(found) == 1
    told = text(pdf)
    for part in (
        "FP-0002 2026-02-27 2026-03-29 2 100.00 0.00 100.00",
        "合计 300.00 10.00 290.00",
        "减：未核销的收款和贷项 -30.00",
        "余额 260.00",
        "人民币贰佰陆拾元整",
        "SK-1 收款 2026-03-31 50.00 30.00",
    ):
        assert part in told, part
    assert "第 1 页" in told and "DZ-000042" in told
    assert fonts(pdf) and all(embedded for _name, embedded in fonts(pdf))


def test_every_row_stands_once_and_every_page_has_the_heading() -> None:
    """200 items over several pages: each row once and in order, the heading on each page with rows, pages counted."""
    found = pages(statement.render([facts(200)]))
    rows = [line.split()[0] for page in found for line in page if line.startswith("FP-")]
    assert rows == [f"FP-{number:04d}" for number in reversed(range(200))]
    for number, page in enumerate(found, start=1):
        if any(line.startswith("FP-") for line in page):
            assert "单据号 开票日期 到期日 逾期天数 原金额 已结算 未结清" in " ".join(page)
        assert f"第 {number} 页，共 {len(found)} 页" in " ".join(page)
    assert len(found) > 3
    # The totals stand with a row before them, and the slip in one piece.
    last = next(page for page in found if any("合计" in line for line in page))
    assert sum(line.startswith("FP-") for line in last) >= 1
    slips = [page for page in found if any("请沿此线裁下" in line for line in page)]
    assert len(slips) == 1 and "单位盖章处" in " ".join(slips[0])


@pytest.mark.parametrize("count", range(22, 42, 2))
def test_wherever_a_page_ends_nothing_is_lost(count: int) -> None:
    """The end of the first page moves through totals, credits, ages and slip."""
    told = text(statement.render([facts(count)]))
    for part in ("FP-0000", f"FP-{count - 1:04d}", "合计", "SK-1", "账龄（CNY）", "仅为核对账目之用", "数据无误", "数据不符"):
        assert part in told, (count, part)


def test_every_glyph_of_a_name_is_there() -> None:
    """Each letter of a hard name has a glyph of its own: none is marked as missing, and what is drawn differs from blank."""
    loaded = letters.load()
    for char in NAME:
        runs, missing = loaded.runs(char)
        if char != "𠮷":  # beyond the shipped faces: marked, and named in a note
            assert not missing and letters.width(runs) > 0, char
    pdf = statement.render([facts()])
    told = text(pdf)
    missing = loaded.runs(NAME)[1]
    assert ("U+20BB7" in told) == bool(missing)
    assert "祥犇骉焱燚（镕喆）医疗器械Ｃo., Ltd." in told
    assert ink(picture(pdf), (60, 250, 700, 330)) > 1500


def test_the_same_facts_give_the_same_bytes_and_another_number_does_not() -> None:
    assert statement.render([facts()]) == statement.render([facts()])
    assert statement.render([facts()]) != statement.render([facts(number="DZ-000043")])


def test_letters_of_one_file_count_their_own_pages() -> None:
    """A demand to each debtor of a group: each begins on a page of its own."""
    other = Party("K-2", "Second & Sons <Ltd>")
    one = facts(60, kind="demand", pay_by=date(2026, 4, 15), language="en")
    two = replace(one, number="DZ-000043", addressee=other, sections=(section(2, other, "USD"),))
    found = [" ".join(page) for page in pages(statement.render([one, two]))]
    assert ["Page 1 of 3" in found[0], "Page 3 of 3" in found[2], "Page 1 of 1" in found[3]] == [True, True, True]
    assert "Second & Sons <Ltd>" in found[3] and NAME[1:4] not in found[3]
    assert "USD 70.00" in found[3]  # one item late: 100.00 less 30.00 unapplied


def test_amounts_too_wide_for_a_bucket_shrink_and_stay_whole() -> None:
    party = Party("K-1", "甲")
    huge = 9_999_999_999_999_999_99
    big = Section(
        party,
        "CNY",
        (OpenLine("X", "invoice", AS_OF, AS_OF, 0, huge, 0, huge),),
        (),
        ("not_due", "1-30", "31-60", "61-90", "91-180", "181-365", "366+"),
        (huge, 0, 0, 0, 0, 0, 0),
        0,
    )
    told = text(statement.render([facts(sections=(big,))]))
    assert told.count("9,999,999,999,999,999.99") >= 4 and "玖仟玖佰玖拾玖万玖仟玖佰玖拾玖亿" in told


def test_both_languages_have_the_same_words() -> None:
    """No word of one language is missing in the other, and each text has the same placeholders."""
    import string

    zh, en = statement.words("zh"), statement.words("en")
    assert zh.keys() == en.keys() and set(zh["kinds"]) == set(en["kinds"])
    for key in zh:
        if isinstance(zh[key], str):
            assert {name for _, name, _, _ in string.Formatter().parse(zh[key]) if name} == {name for _, name, _, _ in string.Formatter().parse(en[key]) if name}, key


def test_a_line_of_text_does_not_break_a_date() -> None:
    """In every page of an English confirmation no line ends with a part of a date."""
    for page in pages(statement.render([facts(language="en")])):
        for before, _after in pairwise(page):
            assert not before.rstrip().endswith(("2026-", "2026-03-")), before


def test_what_is_for_reconciliation_only_asks_for_nothing() -> None:
    """The confirmation says what it is for and names no day to pay by; only the demand does (S27)."""
    confirmation, demand = text(statement.render([facts(language="en")])), text(statement.render([facts(kind="demand", pay_by=date(2026, 4, 15), language="en")]))
    assert "serves the reconciliation of accounts only and is no request for payment" in confirmation and "2026-04-15" not in confirmation
    assert "creditor requires the debtor to pay" in demand and "2026-04-15" in demand and "Reply slip" not in demand


def test_the_strip_of_ages_stays_legible_with_long_amounts() -> None:
    """Nine buckets of 99,999,999,999,999.99 do not fit beside each other in letters of 6.8 points: they stand in several rows, each whole."""
    names = ("not_due", "1-30", "31-60", "61-90", "91-180", "181-365", "366-730", "731-1095", "1096+")
    long = replace(section(2, Party("K-1", "仁和医院", "", "")), buckets=names, amounts=(9_999_999_999_999_999,) * 9)
    sizes: list[float] = []

    def look(told: str, _um: object, _tm: object, _font: object, size: float) -> None:
        sizes.extend([size] * told.count("99,999,999,999,999.99"))

    pypdf.PdfReader(io.BytesIO(statement.render([facts(sections=(long,))]))).pages[0].extract_text(visitor_text=look)
    assert len(sizes) == 9 and min(sizes) >= 6.8
