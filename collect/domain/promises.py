"""Promises: what counts as one, and how the money that arrives judges it (P9, P17, S22, S23)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from fractions import Fraction
from typing import NamedTuple

from collect.domain.calendar import Calendar
from collect.domain.errors import Refusal
from collect.domain.policy import PromiseRules

OPEN, AWAITING_BANK = "open", "awaiting_bank"
KEPT, KEPT_LATE, PARTLY_KEPT, BROKEN = "kept", "kept_late", "partly_kept", "broken"
RENEGOTIATED, WITHDRAWN = "renegotiated", "withdrawn"
LIVE = (OPEN, AWAITING_BANK)
JUDGED = (KEPT, KEPT_LATE, PARTLY_KEPT, BROKEN)
"""What the judge said; renegotiated and withdrawn are what people said."""
PAPER = ("cheque", "bill")
"""Methods of payment that are paper and no money (P21)."""
METHODS = ("transfer", "cheque", "bill", "cash", "card", "direct_debit", "wallet", "other")
REMEMBERED_MONTHS = 24
"""How far back reliability looks (S23)."""
PORTFOLIO_WEIGHT = 3
"""With so many promises a customer's own record weighs as much as the portfolio's (S23)."""


class Promised(NamedTuple):
    """A promise as the judge takes it: minor units, `until` the due date plus grace, `method` by which it is to be paid."""

    id: int
    amount: int
    made: date
    due: date
    until: date
    method: str = "transfer"


class Received(NamedTuple):
    """Money of the same customer and currency that counts from a day on, allocated or not; minor units."""

    day: date
    amount: int
    method: str | None = None


class Verdict(NamedTuple):
    """The state of a promise, what came in for it, and the day it was judged on (None while it is live)."""

    state: str
    received: int
    judged_on: date | None


class Record(NamedTuple):
    """Promises that ended, of one customer or person in one currency: how many, what was promised, what of it was kept."""

    ended: int
    promised: int
    kept: int


def check(due: date, amount: int, overdue: int, reason: str | None, made: date, calendar: Calendar, rules: PromiseRules) -> date:
    """Whether this is a promise: a date and an amount (P17); returns `until`, the due date plus the grace in business days.

    `overdue` is everything that the customer owes overdue in this currency: less than that is an exception with a
    reason (P9). Refusal with the form's field: `promise_not_positive`, `promise_in_past`, `promise_too_far`,
    `promise_not_business_day` naming the next one, `promise_needs_reason`.
    """
    if amount <= 0:
        raise Refusal("promise_not_positive", "amount")
    if due < made:
        raise Refusal("promise_in_past", "due", value=due.isoformat())
    if due > made + timedelta(days=rules.farthest):
        raise Refusal("promise_too_far", "due", value=due.isoformat(), most=rules.farthest, last=calendar.on_or_before(made + timedelta(days=rules.farthest)).isoformat())
    if not calendar.is_business_day(due):
        raise Refusal("promise_not_business_day", "due", value=due.isoformat(), next=calendar.next_business_day(due).isoformat())
    if amount < overdue and not (reason or "").strip():
        raise Refusal("promise_needs_reason", "reason")
    return calendar.add_business_days(due, rules.grace)


def judge(promises: Sequence[Promised], receipts: Iterable[Received], bank_through: date | None, as_of: date, rules: PromiseRules) -> list[Verdict]:
    """What became of the promises of one customer in one currency, given as they fall due, the first first (S22).

    Money counts from the day a promise was made through `until`; paper counts only for a promise to pay by that paper.
    The oldest promise takes first, the earliest money first, and no money counts twice. A promise is judged once its
    `until` is past and the bank's data cover it; until then what came in is told, and the state is open or awaiting bank.
    """
    shares = share(promises, receipts, as_of)
    return [_verdict(promise, in_time, late, bank_through, as_of, rules.kept_percent) for promise, (in_time, late) in zip(promises, shares, strict=True)]


def share(promises: Sequence[Promised], receipts: Iterable[Received], as_of: date) -> list[tuple[int, int]]:
    """What came in for each promise by a date, in time and late (minor units); order and rules as in `judge`."""
    money = sorted((one for one in receipts if one.amount > 0 and one.day <= as_of), key=lambda one: one.day)
    left = [one.amount for one in money]
    found = []
    for promise in promises:
        wanted = promise.amount
        in_time = late = 0
        for at, one in enumerate(money):
            if not wanted or one.day > promise.until:
                break
            if one.day < promise.made or (one.method in PAPER and one.method != promise.method):
                continue
            taken = min(wanted, left[at])
            left[at] -= taken
            wanted -= taken
            if one.day <= promise.due:
                in_time += taken
            else:
                late += taken
        found.append((in_time, late))
    return found


def _verdict(promise: Promised, in_time: int, late: int, bank_through: date | None, as_of: date, percent: int) -> Verdict:
    received = in_time + late
    if as_of <= promise.until:
        return Verdict(OPEN, received, None)
    if bank_through is None or bank_through < promise.until:
        return Verdict(AWAITING_BANK, received, None)
    if in_time * 100 >= promise.amount * percent:
        return Verdict(KEPT, received, as_of)
    if received * 100 >= promise.amount * percent:
        return Verdict(KEPT_LATE, received, as_of)
    return Verdict(PARTLY_KEPT if received else BROKEN, received, as_of)


def record(ended: Iterable[tuple[str, int, int, int]]) -> Record:
    """Promises that ended, as (state, how many, amount, received) of one currency, added up: what reliability is reckoned from (S23).

    A promise that was re-dated by agreement is a soft break: it counts with half its amount, of which nothing was kept.
    One that was withdrawn counts as never made, and so does one that is live still.
    """
    count = promised = kept = 0
    for state, number, amount, received in ended:
        if state in JUDGED:
            count, promised, kept = count + number, promised + amount, kept + received
        elif state == RENEGOTIATED:
            count, promised = count + number, promised + amount // 2
    return Record(count, promised, kept)


def reliability(own: Iterable[Record], portfolio: Iterable[Record]) -> Fraction | None:
    """Kept amount ÷ promised amount, between 0 and 1, shrunk towards the portfolio while there are few promises (S23).

    Records are by currency, which are never added up (S10): each currency's share weighs as much as it has promises.
    The portfolio weighs as much as three promises of the customer's own. None while nobody's promise has ended.
    """
    count, share = _share(own)
    of_all, common = _share(portfolio)
    if not count and not of_all:
        return None
    if not of_all:
        return share
    return Fraction(share * count + common * PORTFOLIO_WEIGHT, count + PORTFOLIO_WEIGHT)


def _share(records: Iterable[Record]) -> tuple[int, Fraction]:
    """Number of promises and their kept share, weighted by number over the currencies."""
    count, weighed = 0, Fraction(0)
    for one in records:
        if one.promised:
            count += one.ended
            weighed += Fraction(one.kept, one.promised) * one.ended
    return count, Fraction(weighed, count) if count else Fraction(0)


def percent(share: Fraction) -> int:
    """A share as whole percent, half up."""
    return int((share * 200 + 1) // 2)
