"""Dates and numbers: read in the form that the file proves, asked about where it proves none."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collect.domain import money
from collect.domain.errors import Refusal
from collect.exchange.cells import Exact
from collect.exchange.forms import Evidence, Forms, parse_day
from collect.sentences import say

DAY = date(2026, 3, 5)


def settle(days: list[str] | None = None, amounts: list[str] | None = None, **options: Any) -> Forms:
    evidence = Evidence()
    for text in days or []:
        evidence.see_day(text)
    for text in amounts or []:
        evidence.see_amount(text)
    return evidence.settle(**options)


def refusal(days: list[str] | None = None, amounts: list[str] | None = None, **options: Any) -> Refusal:
    with pytest.raises(Refusal) as caught:
        settle(days, amounts, **options)
    assert "{" not in say(caught.value)
    return caught.value


@pytest.mark.parametrize("order", ["ymd", "dmy", "mdy"])
@pytest.mark.parametrize(
    "text",
    [
        "2026-03-05",
        "2026-3-5",
        "2026/3/5",
        "2026/03/05",
        "2026.3.5",
        "20260305",
        "2026年3月5日",
        "2026年03月05日",
        "2026 年 3 月 5 日",
        "２０２６－０３－０５",
        "２０２６年３月５日",
        "2026-03-05 14:30",
        "2026-03-05T14:30:00.123",
        "2026/3/5 0:00:00",
        " 2026-03-05 ",
        "2026年3月5号",
    ],
)
def test_year_first_needs_no_order(text: str, order: Any) -> None:
    assert parse_day(text, order) == DAY


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("05.03.2026", "dmy"),
        ("5/3/2026", "dmy"),
        ("5-3-2026", "dmy"),
        ("05-03-2026", "dmy"),
        ("3/5/2026", "mdy"),
        ("03/05/2026", "mdy"),
        ("０３／０５／２０２６", "mdy"),
        ("3/5/2026 12:00:00 AM", "mdy"),
        ("05.03.2026 08:15", "dmy"),
    ],
)
def test_year_last_by_order(text: str, order: Any) -> None:
    assert parse_day(text, order) == DAY


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "2026-13-01",
        "2026-02-30",
        "2026-02-29",
        "31/12/26",
        "5.3.26",
        "2026-3",
        "2026/3-5",
        "2026-W10-4",
        "20261301",
        "2026-03-05x",
        "٢٠٢٦-٠٣-٠٥",
        "46086",
        "1899-12-31",
        "2200-01-01",
        "0001-01-01",
        "2026-03-05Z",
        "2026-03-05T23:30+08:00",
        "3/5/2026/1",
        "1e5",
        "00000000",
    ],
)
@pytest.mark.parametrize("order", ["ymd", "dmy", "mdy"])
def test_what_is_no_date(text: str, order: Any) -> None:
    with pytest.raises(Refusal) as caught:
        parse_day(text, order, "due_date")
    assert (caught.value.code, caught.value.field, caught.value.params) == ("bad_date", "due_date", {"value": text})


def test_other_orders_are_no_dates() -> None:
    for text, order in (("31/12/2026", "mdy"), ("12/31/2026", "dmy"), ("5/3/2026", "ymd")):
        with pytest.raises(Refusal):
            parse_day(text, order)  # type: ignore[arg-type]


def test_serials_only_in_numeric_cells() -> None:
    assert parse_day(Exact("46086"), "ymd") == parse_day(Exact("46086.5"), "mdy") == DAY == parse_day(Exact("20260305"), "dmy")
    for text in ("5", "99999999", "1.5E+20", "-46086"):
        with pytest.raises(Refusal):
            parse_day(Exact(text), "ymd")


@given(st.dates(date(1900, 1, 1), date(2199, 12, 31)))
def test_every_day_in_every_form(day: date) -> None:
    y, m, d = day.year, day.month, day.day
    for text in (day.isoformat(), f"{y}/{m}/{d}", f"{y}.{m:02}.{d:02}", f"{y}{m:02}{d:02}", f"{y}年{m}月{d}日"):
        assert parse_day(text, "ymd") == day
    assert parse_day(f"{d}.{m}.{y}", "dmy") == parse_day(f"{m:02}/{d:02}/{y}", "mdy") == day
    if day > date(1900, 3, 1):  # serial 61 is 1900-03-01
        assert parse_day(Exact(str(61 + (day - date(1900, 3, 1)).days)), "ymd") == day


@pytest.mark.parametrize(
    ("days", "order"),
    [
        ([], "ymd"),
        (["2026-03-05", "", "2026年3月5日", "nonsense", "45/45/2026"], "ymd"),
        (["3/5/2026", "31/12/2026"], "dmy"),
        (["31/12/2026", "3/5/2026"], "dmy"),
        (["3/5/2026", "12/31/2026", "2026-03-05"], "mdy"),
        (["05.03.2026", "13.03.2026"], "dmy"),
        (["05-3-2026", "13-3-2026"], "dmy"),
        (["３／５／２０２６", "１２／３１／２０２６"], "mdy"),
        (["12/31/2026 0:00"], "mdy"),
        (["29/2/2024", "3/5/2026"], "dmy"),
    ],
)
def test_one_date_settles_the_order(days: list[str], order: str) -> None:
    assert settle(days).dates == order


def test_dates_that_are_the_same_either_way() -> None:
    assert parse_day("3/3/2026", settle(["3/3/2026", "12.12.2026"]).dates) == date(2026, 3, 3)


def test_dates_that_can_be_two() -> None:
    found = refusal(["2026-01-01", "3/3/2026", "3/5/2026", "4/5/2026"])
    assert (found.code, found.field) == ("ambiguous_dates", "dates")
    assert say(found) == "3/5/2026 can be 2026-05-03 or 2026-03-05, and no date in the file decides it; say which with --dates dmy or --dates mdy."
    assert settle(["3/5/2026"], dates="mdy").dates == "mdy"
    assert settle(["3/5/2026"], dates="ymd").dates == "ymd"


def test_dates_that_contradict_each_other() -> None:
    found = refusal(["31/12/2026", "12/31/2026"])
    assert (found.code, found.params) == ("contradictory_dates", {"first": "31/12/2026", "second": "12/31/2026"})
    assert settle(["31/12/2026", "12/31/2026"], dates="dmy").dates == "dmy"


@pytest.mark.parametrize(
    ("amounts", "sign"),
    [
        ([], "."),
        (["5", "-7", "", "abc", "1e3", "05.03.2026", "1,23,4"], "."),
        (["1,234", "1,234.50"], "."),
        (["1.234", "1.234,50"], ","),
        (["1,234", "5.5"], "."),
        (["1.234", "5,5"], ","),
        (["1,234,567"], "."),
        (["1.234.567"], ","),
        (["(1.234,50)"], ","),
        (["¥1,234.50-"], "."),
        (["CNY 1.234,5"], ","),
        (["１，２３４．５０"], "."),
        (["1409.50"], "."),
        (["1409,50"], ","),
        (["0,500"], ","),
        (["1234.567"], "."),
        (["1 234,50"], ","),
        ([Exact("1.234"), "1.234,00"], ","),
        ([Exact("1.5"), "5,5"], ","),
        (["1.234567"], "."),
    ],
)
def test_one_amount_settles_the_sign(amounts: list[str], sign: str) -> None:
    assert settle(amounts=amounts).decimal == settle(amounts=amounts[::-1]).decimal == sign


@pytest.mark.parametrize(("text", "first", "second"), [("1,234", "1234", "1.234"), ("1.234", "1.234", "1234"), ("CNY 12,500", "12500", "12.5"), ("(1,000)", "-1000", "-1")])
def test_amounts_that_can_be_two(text: str, first: str, second: str) -> None:
    found = refusal(amounts=["17", text, "3"])
    assert (found.code, found.field, found.params) == ("ambiguous_numbers", "decimal", {"value": text, "first": first, "second": second})
    assert "--decimal" in say(found)
    assert settle(amounts=[text], decimal=",").decimal == ","
    assert settle(amounts=[text], decimal=".").decimal == "."


def test_zero_is_the_same_either_way() -> None:
    assert settle(amounts=["0,000", "5"]).decimal in (".", ",")


def test_amounts_that_contradict_each_other() -> None:
    found = refusal(amounts=["1,234.50", "1.234,50"])
    assert (found.code, found.params) == ("contradictory_numbers", {"first": "1,234.50", "second": "1.234,50"})


def test_options_nobody_knows() -> None:
    assert refusal(dates="ydm").field == "dates"
    assert refusal(decimal=";").field == "decimal"


def test_evidence_of_a_long_file_stays_small() -> None:
    """A hundred thousand different texts: no more than fifty thousand of each are remembered, and the last one still counts."""
    evidence = Evidence()
    for n in range(100_000):
        evidence.see_amount(f"{n % 900 + 1},{n % 1000:03}")
        evidence.see_day(f"garbage {n}")
    assert len(evidence._seen_amounts) <= 50_000 and len(evidence._seen_days) <= 50_000
    evidence.see_amount("1.234,5")
    evidence.see_day("31/12/2026")
    assert evidence.settle() == Forms("dmy", ",")


MATRIX = list(product(["{y}-{m:02}-{d:02}", "{y}/{m}/{d}", "{d:02}.{m:02}.{y}", "{m}/{d}/{y}", "{d}/{m}/{y}", "{y}年{m}月{d}日"], [".", ","]))


@pytest.mark.parametrize(("form", "sign"), MATRIX)
@given(days=st.lists(st.dates(date(2000, 1, 1), date(2030, 12, 31)), min_size=1, max_size=6), amounts=st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=6))
def test_what_is_written_is_read_or_asked_about(form: str, sign: str, days: list[date], amounts: list[int]) -> None:
    """Any days and cents in any form: read back exactly, or the whole file is asked about; never another value."""
    texts = [form.format(y=day.year, m=day.month, d=day.day) for day in days]
    written = []
    for minor in amounts:
        whole, cents = divmod(abs(minor), 100)
        grouped = f"{whole:,}" + (f".{cents:02}" if cents else "")
        written.append(("-" if minor < 0 else "") + (grouped if sign == "." else grouped.translate({44: ".", 46: ","})))
    try:
        forms = settle(texts, written)
    except Refusal as found:
        assert found.code in ("ambiguous_dates", "ambiguous_numbers")
        return
    assert [parse_day(text, forms.dates) for text in texts] == days
    assert [money.parse(text, "CNY", forms.decimal) for text in written] == amounts


@given(st.dates(date(2026, 1, 1), date(2026, 12, 31)))
def test_a_month_of_days_always_settles(first: date) -> None:
    """Any 20 days in a row hold one beyond the twelfth."""
    for form, order in (("{d}/{m}/{y}", "dmy"), ("{m}/{d}/{y}", "mdy")):
        days = [first + timedelta(n) for n in range(20)]
        assert settle([form.format(y=day.year, m=day.month, d=day.day) for day in days]).dates == order


@given(st.lists(st.sampled_from(["1.5", "1,5", "1.234", "1,234", "1.234.567", "1,234.50", "7", "", "x", "1.2,3"]), max_size=8), st.integers(0, 8))
def test_a_column_of_amounts_proves_what_each_of_them_proves(texts: list[str], cut: int) -> None:
    one_by_one, together = Evidence(), Evidence()
    for text in texts:
        one_by_one.see_amount(text)
    together.see_amounts(texts[:cut])
    together.see_amounts(texts[cut:])
    assert together.seen() == one_by_one.seen()
