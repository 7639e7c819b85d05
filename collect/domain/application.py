"""Cash application: how much of a receipt or credit an item takes, and from which day (S5, S6, S15)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from collect.domain import money
from collect.domain.errors import Refusal
from collect.domain.terms import EarlyPayment


def share(asked: int | None, rest: int, open_amount: int, currency: str) -> int:
    """How much is allocated, in minor units: what was asked, or the smaller of the receipt's rest and the item's open amount.

    Never more than either (S15): Refusal `allocation_beyond_receipt` or `allocation_beyond_item`. Nothing asked and
    nothing left on one side is 0: there is nothing to allocate.
    """
    if asked is None:
        return max(min(rest, open_amount), 0)
    if asked <= 0:
        raise Refusal("allocation_not_positive", "allocated", value=money.plain(asked, currency))
    if asked > rest:
        raise Refusal("allocation_beyond_receipt", "allocated", value=money.plain(asked, currency), rest=money.plain(rest, currency), currency=currency)
    if asked > open_amount:
        raise Refusal("allocation_beyond_item", "allocated", value=money.plain(asked, currency), open=money.plain(open_amount, currency), currency=currency)
    return asked


def may_earn(kind: str, method: str | None) -> bool:
    """Whether such money can earn an early payment discount: a receipt, and no bill, which is a promise to pay later (S11)."""
    return kind == "receipt" and method != "bill"


def discount(paid: int, open_amount: int, received: date, early: EarlyPayment | None) -> int:
    """How much of an open item is settled as early payment discount beside `paid` minor units of a receipt of the day `received`.

    What is missing, where the money came by the last day (inclusive) and no more than the discount is missing: to the
    minor unit. Nothing for a part payment, a day late, or where everything was paid.
    """
    if early is None or received > early.until or paid <= 0:
        return 0
    missing = open_amount - paid
    return missing if 0 < missing <= early.minor else 0


def effective_at_booking(received: date, issued: date) -> date:
    """An allocation made by import or at booking counts from the later of the receipt date and the item's issue date (S6)."""
    return max(received, issued)


def effective_later(received: date, issued: date, today: date, entered: date | None) -> date:
    """A later allocation counts from the day it is made, unless the user enters an earlier one (S6).

    Refusal `effective_too_early` before the receipt or the item existed, `effective_in_future` after today.
    """
    if entered is None:
        return max(today, received, issued)
    if entered < max(received, issued):
        raise Refusal("effective_too_early", "effective", value=entered.isoformat(), earliest=max(received, issued).isoformat())
    if entered > max(today, received, issued):
        raise Refusal("effective_in_future", "effective", value=entered.isoformat())
    return entered


def room_from(day: date, rest: int, wanted: int, steps: Iterable[tuple[date, int]]) -> date:
    """The first day, `day` or later, from which `wanted` minor units fit on every day up to the last (S5, S15).

    `rest` is what is left in the end, `steps` are (effective day, net allocated). What was taken back lately was still
    settled before: money entered for a day of then cannot settle it a second time.
    """
    for effective, amount in sorted(steps, reverse=True):
        if effective <= day:
            break
        rest += amount
        if rest < wanted:
            return effective
    return day


def closed_on(open_after: int, effective: date, latest_before: date | None) -> date | None:
    """The day an item is settled: the latest effective day among its allocations once nothing is open, else None."""
    if open_after:
        return None
    return effective if latest_before is None else max(effective, latest_before)
