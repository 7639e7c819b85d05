"""Through which day statements that follow one another cover an account, and where one is missing in between (S22)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Stretch:
    """What one statement says of its account: lines `since` (None: not told) through `until`, complete through `covers`.

    `opening` and `closing` are its balances in minor units, None where it tells none. A file taken in before its last day was over has `covers` before `until`.
    """

    since: date | None
    until: date
    covers: date
    opening: int | None
    closing: int | None


@dataclass(frozen=True, slots=True)
class Gap:
    """A statement is missing: after `last` the balance was `closing`, at the beginning of `following` it is `opening`, both in minor units."""

    last: date
    closing: int
    following: date
    opening: int


def reached(stretches: Iterable[Stretch]) -> tuple[date | None, Gap | None]:
    """Through which day the account is complete (None: nothing is), and the gap after which it is not any more.

    A statement goes on from the ones before it when it begins no later than they end, when its opening balance is the
    closing balance of the one that ends last, or when a balance is missing, so that nothing shows a gap. A statement that
    comes later may close the gap; then the ones behind it count too.
    """
    waiting = sorted(stretches, key=lambda one: (one.covers, one.until))
    if not waiting:
        return None, None
    first = waiting.pop(0)
    covers, until, closings = first.covers, first.until, {first.closing}
    going_on = True
    while going_on:
        going_on = False
        apart: list[Stretch] = []
        for one in waiting:
            if not _follows(one, until, closings):
                apart.append(one)
                continue
            going_on = True
            covers = max(covers, one.covers)
            if one.until > until:
                until, closings = one.until, {one.closing}
            elif one.until == until:
                closings.add(one.closing)
        waiting = apart
    beyond = min((one for one in waiting if one.covers > covers), key=lambda one: (one.since or one.until, one.covers), default=None)
    if beyond is None or beyond.since is None or beyond.opening is None:
        return covers, None
    return covers, Gap(until, next(closing for closing in closings if closing is not None), beyond.since, beyond.opening)


def _follows(one: Stretch, until: date, closings: set[int | None]) -> bool:
    """Whether nothing is known to be missing between the days up to `until` and a statement."""
    return one.since is None or one.since <= until or one.opening is None or None in closings or one.opening in closings
