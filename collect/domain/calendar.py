"""The business day calendar: a country's holidays and make-up working days, the company's own days, and how far all that is known (S3)."""

from __future__ import annotations

import calendar as months
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from collect.domain.errors import Refusal

SATURDAY_AND_SUNDAY = frozenset({5, 6})
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Calendar:
    """Which days are business days. `country` is ISO 3166 alpha-2, or empty where only weekdays are known.

    `holidays` are public holidays with their English names, `make_up` the weekend days that the state turns into
    working days (调休). The company's own word goes before the state's: `closed` are its closures, `works` its extra
    working days. Data are complete from `known_from` through `known_until`; outside them only the weekday decides
    (and the company's own days), and `knows` says so. `weekend` holds weekdays, Monday 0 to Sunday 6.
    """

    country: str = ""
    holidays: Mapping[date, str] = field(default_factory=dict)
    make_up: frozenset[date] = frozenset()
    known_from: date | None = None
    known_until: date | None = None
    closed: Mapping[date, str] = field(default_factory=dict)
    works: frozenset[date] = frozenset()
    weekend: frozenset[int] = SATURDAY_AND_SUNDAY

    def __post_init__(self) -> None:
        if len(self.weekend) > 6 or not self.weekend <= frozenset(range(7)):
            raise ValueError("weekend holds weekdays 0 to 6, and leaves at least one")

    def with_company(self, closed: Mapping[date, str], works: frozenset[date]) -> Calendar:
        """This calendar with the company's closures (day to reason) and extra working days instead of those it had (S3)."""
        return replace(self, closed=dict(closed), works=works)

    def knows(self, *days: date) -> bool:
        """Whether the data cover every one of these days: give it where a count began and where it ended (S3).

        False means that the answer went by weekday, and must be shown with that remark.
        """
        if self.known_from is None or self.known_until is None:
            return False
        return all(self.known_from <= day <= self.known_until for day in days)

    def is_business_day(self, day: date) -> bool:
        """Whether the company and the country work on that day (S3)."""
        if day in self.works:
            return True
        if day in self.closed:
            return False
        if self.knows(day) and (day in self.holidays or day in self.make_up):
            return day in self.make_up
        return day.weekday() not in self.weekend

    def is_makeup_day(self, day: date) -> bool:
        """Whether it is a weekend day on which people work: a business day, but no Tuesday to Thursday (P2)."""
        return day.weekday() in self.weekend and self.is_business_day(day)

    def why_closed(self, day: date) -> str:
        """The closure's or holiday's English name on a day that is closed for it; empty on business days and plain weekends."""
        if self.is_business_day(day):
            return ""
        return self.closed.get(day) or (self.holidays.get(day, "") if self.knows(day) else "")

    def on_or_after(self, day: date) -> date:
        """The day itself if it is a business day, else the first one after it."""
        return day if self.is_business_day(day) else self.next_business_day(day)

    def on_or_before(self, day: date) -> date:
        """The day itself if it is a business day, else the last one before it."""
        return day if self.is_business_day(day) else self.previous_business_day(day)

    def next_business_day(self, day: date) -> date:
        """The first business day strictly after a day; Refusal `date_out_of_range` past the end of the year 9999."""
        return self.add_business_days(day, 1)

    def previous_business_day(self, day: date) -> date:
        """The last business day strictly before a day; Refusal `date_out_of_range` before the year 1."""
        return self.add_business_days(day, -1)

    def add_business_days(self, day: date, count: int) -> date:
        """The count-th business day strictly after a day (before it for a negative count); 0 is the day itself.

        From a Saturday, 1 is Monday: the day one starts from is not counted, whatever it is.
        """
        step = 1 if count > 0 else -1
        for _ in range(abs(count)):
            day = add_days(day, step)
            while not self.is_business_day(day):
                day = add_days(day, step)
        return day

    def business_days_between(self, start: date, end: date) -> int:
        """Business days in (start, end]: the distance that `add_business_days` would go to reach a business day `end`.

        Negative when `end` is the earlier one: minus the business days in [end, start).
        """
        if end < start:
            return -sum(self.is_business_day(end + _DAY * offset) for offset in range((start - end).days))
        return sum(self.is_business_day(start + _DAY * offset) for offset in range(1, (end - start).days + 1))


def month_start(day: date) -> date:
    """The first day of that day's month."""
    return day.replace(day=1)


def month_end(day: date) -> date:
    """The last day of that day's month."""
    return day.replace(day=months.monthrange(day.year, day.month)[1])


def add_days(day: date, count: int) -> date:
    """A day so many calendar days later; Refusal `date_out_of_range` outside the years 1 to 9999."""
    try:
        return day + timedelta(days=count)
    except OverflowError:
        raise Refusal("date_out_of_range", None, value=day.isoformat()) from None
