"""Aging: the edges of the buckets (S7), what counts as due, and the dates that let a database sum without asking the domain."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collect.domain import aging
from collect.domain.errors import Refusal
from collect.sentences import say

DEFAULT = aging.buckets(aging.DEFAULT_EDGES)


def test_default_buckets_are_those_of_the_rule() -> None:
    assert DEFAULT.names == ("not_due", "1-30", "31-60", "61-90", "91-180", "181-365", "366-730", "731-1095", "1096+")


@pytest.mark.parametrize(
    ("days", "name"),
    [
        (-400, "not_due"),
        (-1, "not_due"),
        (0, "not_due"),  # due today is not due
        (1, "1-30"),
        (30, "1-30"),  # upper edges are inclusive
        (31, "31-60"),
        (60, "31-60"),
        (61, "61-90"),
        (90, "61-90"),
        (91, "91-180"),
        (180, "91-180"),
        (181, "181-365"),
        (365, "181-365"),
        (366, "366-730"),
        (730, "366-730"),
        (731, "731-1095"),
        (1095, "731-1095"),
        (1096, "1096+"),
        (100_000, "1096+"),
    ],
)
def test_edges(days: int, name: str) -> None:
    assert DEFAULT.names[DEFAULT.place(days)] == name


@pytest.mark.parametrize(
    ("day", "as_of", "days"),
    [
        (date(2026, 3, 31), date(2026, 3, 31), 0),
        (date(2026, 3, 30), date(2026, 3, 31), 1),
        (date(2026, 4, 1), date(2026, 3, 31), -1),
        (date(2024, 2, 28), date(2024, 3, 1), 2),  # through a leap day
        (date(2025, 12, 31), date(2026, 12, 31), 365),
    ],
)
def test_days_past(day: date, as_of: date, days: int) -> None:
    assert aging.days_past(day, as_of) == days


def test_starts_by_hand() -> None:
    """As of 31 March: 1 day past is 30 March, 31 days past is 28 February (31 in March), 61 days past is 29 January."""
    assert aging.buckets([30, 60]).starts(date(2026, 3, 31)) == (date(2026, 3, 30), date(2026, 2, 28), date(2026, 1, 29))


EDGES = st.lists(st.integers(1, 4000), min_size=1, max_size=24, unique=True).map(sorted)


@given(EDGES, st.dates(date(1990, 1, 1), date(2100, 1, 1)), st.integers(-5000, 5000))
def test_starts_give_the_same_bucket_as_place(edges: list[int], as_of: date, days: int) -> None:
    """The bucket by dates (how many starts have come) is the bucket by days, and the name contains the days."""
    chosen = aging.buckets(edges)
    day = as_of - timedelta(days=days)
    index = sum(day <= start for start in chosen.starts(as_of))
    assert index == chosen.place(aging.days_past(day, as_of))
    name = chosen.names[index]
    if name == "not_due":
        assert days <= 0
    elif name.endswith("+"):
        assert days >= int(name[:-1])
    else:
        low, high = map(int, name.split("-"))
        assert low <= days <= high


def test_starts_before_the_first_day_of_the_calendar() -> None:
    assert aging.buckets([30]).starts(date(1, 1, 1)) == (date.min, date.min)


@pytest.mark.parametrize(("text", "edges"), [("30,60,90,120", (30, 60, 90, 120)), (" 30 , 60 ", (30, 60)), ("30，60", (30, 60)), ("1", (1,))])
def test_parse_edges(text: str, edges: tuple[int, ...]) -> None:
    assert aging.parse_edges(text).edges == edges


@pytest.mark.parametrize("text", ["", ",", "30,", "30,,60", "0", "-30", "60,30", "30,30", "1.5", "1e2", "abc", "٣٠", "100000", ",".join(map(str, range(1, 26)))])
def test_bad_edges(text: str) -> None:
    with pytest.raises(Refusal) as refused:
        aging.parse_edges(text)
    assert refused.value.code == "bad_buckets"
    assert "30,60,90" in say(refused.value)


def test_as_many_edges_as_allowed() -> None:
    assert len(aging.parse_edges(",".join(map(str, range(1, 25)))).names) == 26
