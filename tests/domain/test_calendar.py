"""The business day calendar: what makes a day one, counting in them, and where knowledge ends (S3, P2)."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collect.domain.calendar import Calendar, add_days, month_end, month_start
from collect.domain.errors import Refusal
from collect.sentences import say

# Autumn 2026 as the State Council announced it: 25-27 September and 1-7 October off, Sunday 20 September and
# Saturday 10 October worked.
CHINA = Calendar(
    "CN",
    {date(2026, 9, 25): "Mid-Autumn Festival", **{date(2026, 10, day): "National Day" for day in (1, 2, 3, 5, 6, 7)}},
    frozenset({date(2026, 9, 20), date(2026, 10, 10)}),
    date(2026, 1, 1),
    date(2026, 12, 31),
)


def day(text: str) -> date:
    return date.fromisoformat(f"2026-{text}")


@pytest.mark.parametrize(
    ("text", "business", "makeup"),
    [
        ("09-18", True, False),  # Friday
        ("09-19", False, False),  # Saturday
        ("09-20", True, True),  # Sunday, worked for the National Day
        ("09-25", False, False),  # Friday, Mid-Autumn
        ("10-04", False, False),  # Sunday within the holiday
        ("10-07", False, False),
        ("10-08", True, False),
        ("10-10", True, True),  # Saturday, worked
    ],
)
def test_days_of_autumn_2026(text: str, business: bool, makeup: bool) -> None:
    assert CHINA.is_business_day(day(text)) is business
    assert CHINA.is_makeup_day(day(text)) is makeup


@pytest.mark.parametrize(
    ("start", "count", "end"),
    [
        ("09-18", 1, "09-20"),  # the worked Sunday is the next business day
        ("09-19", 1, "09-20"),
        ("09-24", 1, "09-28"),  # over the festival and its weekend
        ("09-30", 1, "10-08"),
        ("10-03", 1, "10-08"),
        ("09-30", 2, "10-09"),
        ("09-30", 3, "10-10"),
        ("09-30", 4, "10-12"),
        ("10-08", -1, "09-30"),
        ("10-04", -1, "09-30"),
        ("10-12", -1, "10-10"),
        ("10-12", -5, "09-29"),  # 10, 9, 8 October, 30, 29 September
        ("10-04", 0, "10-04"),  # nothing is counted, nothing moves
    ],
)
def test_add_business_days(start: str, count: int, end: str) -> None:
    assert CHINA.add_business_days(day(start), count) == day(end)


@pytest.mark.parametrize(
    ("start", "end", "count"),
    [
        # 20 | 21 22 23 24 | 28 29 30 | 8 9 10 | 12: 1 + 4 + 3 + 3 + 1
        ("09-18", "10-12", 12),
        ("10-12", "09-18", -12),  # from the other side: 10-10 … 09-18 without 10-12 itself, with 09-18
        ("09-30", "10-07", 0),
        ("09-30", "10-08", 1),
        ("10-03", "10-08", 1),
        ("10-08", "10-03", 0),  # no business day in [3, 8) October
        ("10-08", "10-08", 0),
    ],
)
def test_business_days_between(start: str, end: str, count: int) -> None:
    assert CHINA.business_days_between(day(start), day(end)) == count


@pytest.mark.parametrize(
    ("text", "after", "before", "next_one", "previous"),
    [
        ("09-30", "09-30", "09-30", "10-08", "09-29"),
        ("10-03", "10-08", "09-30", "10-08", "09-30"),
        ("10-10", "10-10", "10-10", "10-12", "10-09"),
        ("10-11", "10-12", "10-10", "10-12", "10-10"),
    ],
)
def test_neighbours(text: str, after: str, before: str, next_one: str, previous: str) -> None:
    found = CHINA.on_or_after(day(text)), CHINA.on_or_before(day(text)), CHINA.next_business_day(day(text)), CHINA.previous_business_day(day(text))
    assert found == (day(after), day(before), day(next_one), day(previous))


def test_why_closed() -> None:
    assert CHINA.why_closed(day("10-01")) == "National Day"
    assert CHINA.why_closed(day("10-04")) == ""  # a plain Sunday
    assert CHINA.why_closed(day("10-08")) == ""
    assert CHINA.with_company({day("10-08"): "Stock-taking"}, frozenset()).why_closed(day("10-08")) == "Stock-taking"


def test_the_company_goes_before_the_state() -> None:
    """It closes on a worked Saturday and on a Thursday, and works on a Sunday and on the last day of the holiday."""
    ours = CHINA.with_company({day("10-10"): "Move", day("10-15"): "Move"}, frozenset({day("10-07"), day("10-11")}))
    assert [ours.is_business_day(day(text)) for text in ("10-07", "10-10", "10-11", "10-15")] == [True, False, True, False]
    assert [ours.is_makeup_day(day(text)) for text in ("10-07", "10-10", "10-11")] == [False, False, True]
    assert CHINA.is_business_day(day("10-10"))


def test_beyond_what_is_known_the_weekday_decides_and_says_so() -> None:
    """National Day 2027 is a Friday that nobody has announced yet: worked, but not known."""
    friday = date(2027, 10, 1)
    assert CHINA.is_business_day(friday)
    assert not CHINA.knows(friday)
    assert CHINA.knows(date(2026, 1, 1), date(2026, 12, 31))
    assert not CHINA.knows(date(2026, 12, 31), CHINA.next_business_day(date(2026, 12, 31)))
    assert not CHINA.knows(date(2025, 12, 31))


def test_company_days_count_where_the_country_is_unknown() -> None:
    ours = CHINA.with_company({date(2027, 1, 4): "Closed"}, frozenset({date(2027, 1, 9)}))
    assert not ours.is_business_day(date(2027, 1, 4))
    assert ours.is_business_day(date(2027, 1, 9))
    assert not ours.knows(date(2027, 1, 4))


def test_data_outside_the_known_range_is_not_used() -> None:
    holiday, worked = date(2027, 1, 1), date(2027, 1, 3)
    early = Calendar("CN", {holiday: "New Year's Day"}, frozenset({worked}), date(2026, 1, 1), date(2026, 12, 31))
    assert early.is_business_day(holiday)
    assert not early.is_business_day(worked)
    assert early.why_closed(worked) == ""


def test_a_calendar_that_knows_nothing_goes_by_weekday() -> None:
    nothing = Calendar()
    assert [nothing.is_business_day(date(2026, 3, 2) + timedelta(days=offset)) for offset in range(7)] == [True] * 5 + [False] * 2
    assert not nothing.knows(date(2026, 3, 2))


def test_another_weekend() -> None:
    """Friday and Saturday, as in much of the Gulf: Sunday 1 March 2026 is worked, Friday 6 March is not."""
    gulf = Calendar("SA", weekend=frozenset({4, 5}))
    assert gulf.is_business_day(date(2026, 3, 1))
    assert not gulf.is_business_day(date(2026, 3, 6))


@pytest.mark.parametrize("weekend", [frozenset(range(7)), frozenset({7}), frozenset({-1})])
def test_a_weekend_leaves_a_day_to_work(weekend: frozenset[int]) -> None:
    with pytest.raises(ValueError, match="weekend"):
        Calendar(weekend=weekend)


@pytest.mark.parametrize(("start", "count"), [(date.max, 1), (date.min, -1), (date(9999, 1, 1), 10**9)])
def test_the_end_of_all_dates_is_an_answer(start: date, count: int) -> None:
    with pytest.raises(Refusal) as refused:
        Calendar().add_business_days(start, count)
    assert refused.value.code == "date_out_of_range"
    assert say(refused.value).startswith("A date reckoned from")


@pytest.mark.parametrize("count", [1, 10**12, -(10**12)])
def test_add_days_past_the_end(count: int) -> None:
    with pytest.raises(Refusal) as refused:
        add_days(date.max if count > 0 else date.min, count)
    assert refused.value.code == "date_out_of_range"


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2026-02-10", "2026-02-01", "2026-02-28"),
        ("2024-02-29", "2024-02-01", "2024-02-29"),
        ("2026-12-31", "2026-12-01", "2026-12-31"),
        ("9999-12-01", "9999-12-01", "9999-12-31"),
    ],
)
def test_months(text: str, first: str, last: str) -> None:
    assert month_start(date.fromisoformat(text)) == date.fromisoformat(first)
    assert month_end(date.fromisoformat(text)) == date.fromisoformat(last)


NEAR = st.dates(date(2025, 12, 1), date(2026, 2, 28))
ANY = st.builds(
    lambda holidays, make_up, closed, works, weekend, until: Calendar(
        "XX", dict.fromkeys(holidays, "h"), make_up, date(2025, 12, 10), until, dict.fromkeys(closed, "c"), works, weekend
    ),
    st.frozensets(NEAR, max_size=25),
    st.frozensets(NEAR, max_size=8),
    st.frozensets(NEAR, max_size=8),
    st.frozensets(NEAR, max_size=8),
    st.sampled_from([frozenset({5, 6}), frozenset({4, 5}), frozenset({6})]),
    NEAR,
)


@given(ANY, NEAR, st.integers(-30, 30))
def test_counting_there_and_back(calendar: Calendar, start: date, count: int) -> None:
    """The n-th business day is one, is n away, and nothing but n-1 of them lies between."""
    end = calendar.add_business_days(start, count)
    if count == 0:
        assert end == start
        return
    assert calendar.is_business_day(end)
    between = [start + timedelta(days=offset) for offset in range(min(0, (end - start).days) + 1, max(0, (end - start).days))]
    assert sum(map(calendar.is_business_day, between)) == abs(count) - 1
    assert calendar.business_days_between(start, end) == count
    if calendar.is_business_day(start):
        assert calendar.add_business_days(end, -count) == start


@given(ANY, NEAR, st.integers(1, 15), st.integers(1, 15))
def test_steps_add_up(calendar: Calendar, start: date, one: int, two: int) -> None:
    both = calendar.add_business_days(start, one + two)
    assert calendar.add_business_days(calendar.add_business_days(start, one), two) == both
    assert calendar.add_business_days(start, one) < both


@given(ANY, NEAR)
def test_neighbours_of_any_day(calendar: Calendar, start: date) -> None:
    after, before = calendar.on_or_after(start), calendar.on_or_before(start)
    assert before <= start <= after
    assert calendar.is_business_day(after) and calendar.is_business_day(before)
    assert (after == start) == (before == start) == calendar.is_business_day(start)
    assert calendar.previous_business_day(start) < start < calendar.next_business_day(start)
    assert not calendar.is_makeup_day(start) or (calendar.is_business_day(start) and start.weekday() in calendar.weekend)
