"""Aging: which bucket an open amount stands in as of a date, and what the columns are called (S7, S8)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from itertools import pairwise

from collect.domain.errors import Refusal

DEFAULT_EDGES = (30, 60, 90, 180, 365, 730, 1095)
MOST_EDGES = 24


class Basis(StrEnum):
    """What the days are counted from."""

    DUE = "due"
    ISSUE = "issue"


@dataclass(frozen=True, slots=True)
class Buckets:
    """A row of buckets by their inclusive upper edges in days; the last one is open above (S7).

    `edges` (30, 60) means: not due, 1-30, 31-60, 61+.
    """

    edges: tuple[int, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Column keys, oldest last: `not_due`, `1-30`, …, `61+`."""
        lower = [1, *(edge + 1 for edge in self.edges)]
        ranges = [f"{low}-{high}" for low, high in zip(lower, self.edges, strict=False)]
        return ("not_due", *ranges, f"{lower[-1]}+")

    def starts(self, as_of: date) -> tuple[date, ...]:
        """The latest day that falls into each bucket after `not_due`, newest first.

        A day on or before `starts[i]` is in bucket i+1 or an older one: SQL needs only these dates to sum (one
        comparison a bucket). Days 1… past due begin at `as_of - 1`, days 31… at `as_of - 31`.
        """
        return tuple(_earlier(as_of, low) for low in (1, *(edge + 1 for edge in self.edges)))

    def place(self, days: int) -> int:
        """Index into `names` of an amount that many days past due; 0 or fewer is `not_due` (due today is not due)."""
        if days <= 0:
            return 0
        for index, edge in enumerate(self.edges):
            if days <= edge:
                return index + 1
        return len(self.edges) + 1


def days_past(day: date, as_of: date) -> int:
    """Days past due (S7): `as_of - day`; negative before the day."""
    return (as_of - day).days


def parse_edges(text: str) -> Buckets:
    """Buckets from `30,60,90,120`: whole days, each larger than the one before; Refusal `bad_buckets` otherwise."""
    parts = [part.strip() for part in text.replace("，", ",").split(",")]
    if not all(part.isascii() and part.isdigit() and len(part) <= 5 for part in parts):
        raise Refusal("bad_buckets", "buckets", value=text)
    return buckets([int(part) for part in parts])


def buckets(edges: Sequence[int]) -> Buckets:
    """Buckets from upper edges; Refusal `bad_buckets` unless they are positive, rising and at most 24."""
    rising = all(low < high for low, high in pairwise(edges))
    if not edges or edges[0] < 1 or not rising or len(edges) > MOST_EDGES:
        raise Refusal("bad_buckets", "buckets", value=",".join(map(str, edges)))
    return Buckets(tuple(edges))


def _earlier(as_of: date, days: int) -> date:
    """The day that many days before, or the first day of the calendar when there is none that early."""
    try:
        return as_of - timedelta(days=days)
    except OverflowError:
        return date.min
