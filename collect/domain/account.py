"""The account: the facts about one customer on one date that every decision takes (S17, S24)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple


class OpenItem(NamedTuple):
    """One open item with a due date; minor units of `currency`.

    `disputed` is what its owner accepted as disputed, `paper` what live instruments cover. `step` is the latest courtesy
    step that a contact made for it (None: none yet), completed on `step_on`. Items with a provisional date are not here:
    they are never asked as overdue (S7).
    """

    id: int
    document_no: str
    currency: str
    issued: date
    due: date
    amount: int
    open: int
    disputed: int = 0
    paper: int = 0
    step: str | None = None
    step_on: date | None = None


class LivePromise(NamedTuple):
    """A promise not yet judged: it pauses reminders for `amount` (S23). `until` is promise date plus grace."""

    id: int
    currency: str
    amount: int
    made: date
    due: date
    until: date


class Judged(NamedTuple):
    """A promise that money has judged: what of it is missing, and when that became known (S22)."""

    id: int
    currency: str
    state: str
    amount: int
    missing: int
    on: date


class Made(NamedTuple):
    """A contact that took place (a message sent, a call, a visit): the day in the customer's zone."""

    day: date
    channel: str
    fruitful: bool


class Notice(NamedTuple):
    """A formal step that was taken: its notice was proven sent on `sent_on` (None: not yet), naming a deadline."""

    rung: str
    decided_on: date
    sent_on: date | None
    deadline: date | None


class HoldInForce(NamedTuple):
    """A hold that stays in force until released (S25)."""

    id: int
    rung: str
    since: date


@dataclass(frozen=True, slots=True)
class Account:
    """Everything a decision about one customer needs, as of one date.

    `items` are in order of due date. `pool` is what is in the customer's favour and tied to no item, by currency:
    unapplied cash, unused credits, money handed to a rep (S17). `disputed_open` is the amount disputed and not yet
    answered, with the day of the oldest. `owner_id` is who calls or visits: collector, else rep, else None (finance).
    """

    customer_id: int
    customer_no: str
    name: str
    segment: str | None
    terms: str | None
    currency: str
    country: str
    timezone: str
    language: str
    email: str | None
    rep_id: int | None
    collector_id: int | None
    items: tuple[OpenItem, ...]
    pool: dict[str, int] = field(default_factory=dict)
    promises: tuple[LivePromise, ...] = ()
    judged: tuple[Judged, ...] = ()
    made: tuple[Made, ...] = ()
    notices: tuple[Notice, ...] = ()
    holds: tuple[HoldInForce, ...] = ()
    signals: frozenset[str] = frozenset()
    credit_limit: int | None = None
    do_not_contact: bool = False
    insolvent: bool = False

    @property
    def owner_id(self) -> int | None:
        """Who calls or visits: the collector, else the rep, else nobody by name (finance's queue)."""
        return self.collector_id or self.rep_id


def askable(account: Account, only_overdue_by: date | None = None) -> list[tuple[OpenItem, int]]:
    """The items with what may be asked of each, oldest due first; items of which nothing is left are absent (S17).

    Askable = open - accepted disputes - live paper, less what is tied to no item (unapplied cash, unused credits, live
    promises), which is taken from the oldest due first within the currency. `only_overdue_by` leaves out items due on
    that day or later, after the pool has been taken from the oldest.
    """
    pool = dict(account.pool) if account.pool else {}
    for promise in account.promises:
        pool[promise.currency] = pool.get(promise.currency, 0) + promise.amount
    found = []
    for item in account.items:
        rest = item.open - item.disputed - item.paper
        if rest <= 0:
            continue
        if pool:
            taken = min(rest, max(0, pool.get(item.currency, 0)))
            if taken:
                pool[item.currency] -= taken
                rest -= taken
        if rest > 0 and (only_overdue_by is None or item.due < only_overdue_by):
            found.append((item, rest))
    return found


def overdue(account: Account, as_of: date) -> list[tuple[OpenItem, int]]:
    """The overdue items with what a formal step may demand of each, oldest due first (S24).

    Overdue less accepted disputes, live paper and what is in the customer's favour and tied to no item; promises hide nothing.
    """
    pool = dict(account.pool) if account.pool else {}
    found = []
    for item in account.items:
        if item.due >= as_of:
            continue
        rest = max(0, item.open - item.disputed - item.paper)
        taken = min(rest, max(0, pool.get(item.currency, 0))) if pool else 0
        if taken:
            pool[item.currency] -= taken
        if rest > taken:
            found.append((item, rest - taken))
    return found


def escalable(account: Account, as_of: date) -> dict[str, tuple[int, OpenItem]]:
    """By currency: the overdue amount that escalation looks at, and its oldest item (S24)."""
    found: dict[str, tuple[int, OpenItem]] = {}
    for item, rest in overdue(account, as_of):
        total, oldest = found.get(item.currency, (0, item))
        found[item.currency] = (total + rest, oldest)
    return found
