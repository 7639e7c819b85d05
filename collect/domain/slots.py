"""Slots: on which morning, and at which minute of it, a planned contact takes place (S19, P2, P3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from collect.domain.account import Made
from collect.domain.calendar import Calendar
from collect.domain.policy import Channel, ContactRules

_DAY = timedelta(days=1)
FARTHEST = 120
"""Calendar days that a search for a morning goes ahead: longer than any holiday, shorter than for ever."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A contact looking for its slot: not before `earliest`, not after `latest` (None: any time).

    `weeks` counts the contacts that the customer has already had, or will have, by the Monday of the week.
    """

    owner_id: int | None
    channel: Channel
    earliest: date
    latest: date | None
    weeks: Mapping[date, int]


@dataclass
class Diary:
    """What is already planned: slots taken by each person, and calls and visits a day; None is finance's queue, one person."""

    taken: set[tuple[int | None, datetime]] = field(default_factory=set)
    calls: dict[tuple[int | None, date], int] = field(default_factory=dict)
    visits: dict[tuple[int | None, date], int] = field(default_factory=dict)

    def note(self, owner_id: int | None, channel: Channel, day: date, at: datetime) -> None:
        """Write a contact into the diary; messages and letters take nobody's time."""
        if channel is Channel.CALL:
            self.taken.add((owner_id, at))
            self.calls[owner_id, day] = self.calls.get((owner_id, day), 0) + 1
        elif channel is Channel.VISIT:
            self.visits[owner_id, day] = self.visits.get((owner_id, day), 0) + 1


def is_allowed(day: date, rules: ContactRules, calendar: Calendar) -> bool:
    """Whether contacts may be planned on a day: a weekday of the window and a business day; never a make-up day on a weekend (P2)."""
    return day.weekday() in rules.weekdays and calendar.is_business_day(day) and not calendar.is_makeup_day(day)


def first_allowed(day: date, rules: ContactRules, calendar: Calendar) -> date | None:
    """The first allowed day on or after a day, within `FARTHEST` days."""
    for _ in range(FARTHEST):
        if is_allowed(day, rules, calendar):
            return day
        day += _DAY
    return None


def last_allowed(day: date, rules: ContactRules, calendar: Calendar) -> date | None:
    """The last allowed day on or before a day, within `FARTHEST` days: where a step before the due date moves back to (S19)."""
    for _ in range(FARTHEST):
        if is_allowed(day, rules, calendar):
            return day
        day -= _DAY
    return None


def monday(day: date) -> date:
    """The Monday of a day's week: weeks run Monday to Sunday (S18)."""
    return day - _DAY * day.weekday()


def weeks_of(made: tuple[Made, ...]) -> dict[date, int]:
    """How many contacts each week has seen, by its Monday."""
    found: dict[date, int] = {}
    for contact in made:
        start = monday(contact.day)
        found[start] = found.get(start, 0) + 1
    return found


@lru_cache(maxsize=4096)
def instant(day: date, at: time, zone: str) -> datetime:
    """A local time on a day in a time zone, as an instant in UTC."""
    return datetime.combine(day, at, ZoneInfo(zone)).astimezone(UTC)


def _minutes(start: time, end: time) -> int:
    return (end.hour - start.hour) * 60 + end.minute - start.minute


@lru_cache(maxsize=64)
def times(rules_start: time, rules_end: time, slot_minutes: int) -> tuple[time, ...]:
    """The beginnings of the slots of a morning: each lies wholly inside the window."""
    count = _minutes(rules_start, rules_end) // slot_minutes
    first = rules_start.hour * 60 + rules_start.minute
    return tuple(time((first + n * slot_minutes) // 60, (first + n * slot_minutes) % 60) for n in range(count))


def place(wish: Wish, rules: ContactRules, calendar: Calendar, zone: str, diary: Diary, not_before: datetime | None = None) -> tuple[date, datetime] | None:
    """The first slot that the wish can have, as its day and its instant (UTC), or None; the diary is not written.

    A day must be allowed, its week below the weekly cap, and the person's capacity not used up: `calls_per_day` calls,
    no two in one slot, and `visits_per_day` visits; what does not fit overflows to the next allowed morning (S19).
    `not_before` rules out slots of today that have gone by.
    """
    day = wish.earliest
    for _ in range(FARTHEST):
        if wish.latest is not None and day > wish.latest:
            return None
        if is_allowed(day, rules, calendar) and wish.weeks.get(monday(day), 0) < rules.per_week:
            at = _time_on(day, wish, rules, zone, diary, not_before)
            if at is not None:
                return day, at
        day += _DAY
    return None


def _time_on(day: date, wish: Wish, rules: ContactRules, zone: str, diary: Diary, not_before: datetime | None) -> datetime | None:
    """The first free slot of a person on a day; None when the day is full or over."""
    beginnings = times(rules.start, rules.end, rules.slot_minutes)
    key = (wish.owner_id, day)
    if wish.channel is Channel.CALL and diary.calls.get(key, 0) >= rules.calls_per_day:
        return None
    if wish.channel is Channel.VISIT:
        visits = diary.visits.get(key, 0)
        if visits >= rules.visits_per_day:
            return None
        beginnings = beginnings[visits * len(beginnings) // rules.visits_per_day :]
    for beginning in beginnings:
        at = instant(day, beginning, zone)
        if not_before is not None and at < not_before:
            continue
        if wish.channel is not Channel.CALL or (wish.owner_id, at) not in diary.taken:
            return at
    return None
