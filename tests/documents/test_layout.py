"""Where lines break and how columns share the paper."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collect.documents import fonts, layout, page
from collect.documents.layout import Need


def wrapped(text: str, room: float) -> list[str]:
    return ["".join(piece for _, piece in line) for line in layout.wrap(fonts.load().runs(text)[0], room)]


@pytest.mark.parametrize(
    ("text", "room", "lines"),
    [
        # An ideograph is one em wide, so six of them need exactly six.
        ("华北医疗器械", 6, ["华北医疗器械"]),
        ("华北医疗器械", 4, ["华北医疗", "器械"]),
        # A closing mark does not begin a line, an opening one does not end it.
        ("华北医疗，器械", 4, ["华北医", "疗，器械"]),
        ("华北医（器械）", 4, ["华北医", "（器械）"]),
        # Latin words stay whole where they can, and are cut where they cannot.
        ("Acme Hospital Ltd.", 4.5, ["Acme", "Hospital", "Ltd."]),
        ("华北 Hospital 公司", 6, ["华北", "Hospital 公", "司"]),
        # 0.555 em a digit: five digits in 2.8 em.
        ("0123456789", 2.8, ["01234", "56789"]),
        ("", 5, []),
    ],
)
def test_lines_break_where_a_reader_expects(text: str, room: float, lines: list[str]) -> None:
    assert wrapped(text, room) == lines


@given(st.text("ab ，（）华北医疗01-", max_size=60), st.floats(1.0, 20.0))
def test_wrapping_loses_nothing_but_spaces_and_never_overflows(text: str, room: float) -> None:
    runs = fonts.load().runs(text)[0]
    lines = layout.wrap(runs, room)
    assert "".join(piece for line in lines for _, piece in line).replace(" ", "") == text.replace(" ", "")
    assert all(fonts.width(line) <= room + 0.01 for line in lines)


@given(st.text("ab ，华北医疗", max_size=40), st.floats(2.0, 20.0))
def test_balancing_keeps_the_number_of_lines(text: str, room: float) -> None:
    runs = fonts.load().runs(text)[0]
    plain, even = layout.wrap(runs, room), layout.balance(runs, room)
    assert len(plain) == len(even)
    assert all(fonts.width(line) <= room + 0.01 for line in even)


def test_a_scrap_on_the_last_line_is_balanced() -> None:
    """Fourteen ideographs in thirteen ems leave one alone; two lines of seven read better."""
    runs = fonts.load().runs("上海龘鿏精密仪器股份有限公司")[0]
    assert [round(fonts.width(line)) for line in layout.wrap(runs, 13)] == [13, 1]
    assert [round(fonts.width(line)) for line in layout.balance(runs, 13)] == [7, 7]


def needs(figures: int, digits: float, name: float) -> list[Need]:
    return [Need(4, 4, 3, False), Need(name, min(name, 9), 3, False), *[Need(digits, digits, 2, True)] * figures]


def test_a_narrow_table_stands_upright_and_is_not_stretched_over_the_page() -> None:
    """4 + 10 + 6 ems are 20, with gaps of one em each 23: 195 points at 8.5, and at most three ems more a column."""
    plan = layout.plan(needs(1, 6, 10))
    assert (plan.paper, plan.size) == (page.PORTRAIT, 8.5)
    assert plan.span == pytest.approx((20 + 3 + 3 * 3) * 8.5)


def test_twelve_columns_of_millions_and_a_name_fit_a4_across() -> None:
    """An aging: 1,234,567.89 is 5.55 + 0.83 em wide, twelve such columns, a code and a long name."""
    plan = layout.plan(needs(12, 6.4, 30))
    assert plan.paper == page.LANDSCAPE
    assert plan.size >= 6.5
    assert plan.span <= plan.paper.usable + 0.01
    assert plan.room(1) >= 13.9


def test_a_table_too_wide_for_a4_takes_a3_and_then_smaller_letters() -> None:
    plan = layout.plan(needs(20, 8, 20))
    assert plan.paper == page.WIDE
    assert plan.span <= plan.paper.usable + 0.01
    assert layout.plan(needs(30, 14, 20)).size < plan.size


@given(st.lists(st.tuples(st.floats(0.5, 30), st.booleans()), min_size=1, max_size=40))
def test_figures_are_never_cut_and_the_table_never_leaves_the_paper(columns: list[tuple[float, bool]]) -> None:
    wanted = [Need(size, size if right else min(size, 9), 2, right) for size, right in columns]
    plan = layout.plan(wanted)
    assert plan.span <= plan.paper.usable + 0.01
    assert all(plan.room(number) >= each.least - 0.01 for number, each in enumerate(wanted))
