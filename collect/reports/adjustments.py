"""Requests to take something off a debt or pay it back, as pages tell them, and the rebate account of a customer (S12, S29, P13)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from collect.domain import adjustments as domain
from collect.domain.errors import NotFound
from collect.domain.rights import Permission, Scope
from collect.i18n import mark as _
from collect.reports import lists
from collect.runtime import View
from collect.storage import adjustments as storage
from collect.storage.cash import load_numbers
from collect.storage.customers import find_customer, load_customers
from collect.storage.users import load_users
from collect.table import Column, Table


@dataclass(frozen=True, slots=True)
class Part:
    """One document of a request: `kind` invoice, receipt or credit_note; money in minor units."""

    kind: str
    number: str
    amount: int


@dataclass(frozen=True, slots=True)
class Request:
    """A request as its line or page tells it; people by name, None for the program's own list; `rebate` is the account's balance."""

    id: int
    kind: str
    reason: str
    customer_no: str
    customer_name: str
    currency: str
    amount: int
    parts: tuple[Part, ...]
    note: str
    document: str | None
    other: tuple[str, str] | None
    managers: int
    state: str
    requested_by: str | None
    requested_on: date
    expires_on: date | None
    first_by: str | None
    decided_by: str | None
    decided_on: date | None
    answer: str | None
    posted: tuple[str, str] | None
    version: int
    own: bool
    mine_first: bool
    rebate: int | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of a rebate account with the balance after it; minor units."""

    id: int
    day: date
    amount: int
    balance: int
    note: str
    by: str
    adjustment_id: int | None
    reversal: bool
    reversible: bool


@dataclass(frozen=True, slots=True)
class Account:
    """The rebate account of a customer in one currency."""

    currency: str
    earned: int
    granted: int
    balance: int
    entries: tuple[Entry, ...]


def requests(view: View, scope: Scope, waiting: bool, limit: int) -> list[Request]:
    """What waits for a decision, the oldest first, or what was decided, the latest first."""
    return _told(view, scope, storage.load_adjustments(view.session, scope, waiting, limit))


def request(view: View, scope: Scope, key: int) -> Request:
    """One request, one less rebate with what the rebate account holds now; NotFound when missing or outside the scope."""
    found = storage.find_adjustment(view.session, scope, key)
    if found is None:
        raise NotFound("adjustment", key)
    told = _told(view, scope, [found])[0]
    return replace(told, rebate=rebate_left(view, scope, told.customer_no, told.currency)) if told.reason == domain.REBATE else told


def rebate_left(view: View, scope: Scope, customer_no: str, currency: str) -> int:
    """What a customer has earned in rebates and not used yet, minor units; below nothing where more was granted (P13)."""
    return next((account.balance for account in rebates(view, scope, customer_no) if account.currency == currency), 0)


def tails(view: View, scope: Scope, limit: int) -> list[storage.Tail]:
    """The rests that count as tails under the installation's limits (S12)."""
    return storage.load_tails(view.session, scope, domain.parse_limits(view.settings.tail_limits), limit)


def waiting_for(view: View) -> int:
    """How many requests wait, for somebody who decides; else 0."""
    return storage.count_waiting(view.session, view.actor.scope) if view.actor.may(Permission.DECIDE) else 0


def rebates(view: View, scope: Scope, customer_no: str) -> list[Account]:
    """A customer's rebate account by currency; NotFound outside the scope."""
    customer = find_customer(view.session, scope, customer_no)
    if customer is None:
        raise NotFound("customer", customer_no)
    rows = storage.load_rebates(view.session, scope, customer.id)
    taken_back = {row.reverses_id for row in rows if row.reverses_id is not None}
    found = []
    for currency in sorted({row.currency for row in rows}):
        balance = earned = granted = 0
        entries = []
        for row in (row for row in rows if row.currency == currency):
            balance += row.amount_minor
            live = row.reverses_id is None and row.id not in taken_back
            earned += max(row.amount_minor, 0) if live else 0
            granted -= min(row.amount_minor, 0) if live else 0
            reversible = live and row.adjustment_id is None
            entries.append(Entry(row.id, row.day, row.amount_minor, balance, row.note, row.by, row.adjustment_id, row.reverses_id is not None, reversible))
        found.append(Account(currency, earned, granted, balance, tuple(entries)))
    return found


def customer_no(view: View, customer_id: int) -> str:
    """The number of a customer whose document the visitor was shown already."""
    return load_customers(view.session, view.actor.scope, [customer_id])[customer_id].customer_no


def _told(view: View, scope: Scope, asked: list[storage.Asked]) -> list[Request]:
    """Requests with the numbers of their documents and the names of people."""
    items = sorted({part["item_id"] for one in asked for part in one.row.parts if "item_id" in part} | {one.row.item_id for one in asked if one.row.item_id})
    credits = sorted({part["credit_id"] for one in asked for part in one.row.parts if "credit_id" in part} | {one.row.credit_id for one in asked if one.row.credit_id})
    numbers = load_numbers(view.session, items, credits)
    people = {user.id: user.name for user in load_users(view.session)}
    others = load_customers(view.session, scope, sorted({one.row.other_id for one in asked if one.row.other_id}))
    found = []
    for row, number, name in asked:
        parts = tuple(Part(*numbers["item_id" if "item_id" in part else "credit_id", part.get("item_id") or part["credit_id"]], int(part["amount"])) for part in row.parts)
        other = others.get(row.other_id) if row.other_id else None
        posted = numbers.get(("credit_id", row.credit_id)) if row.credit_id else numbers.get(("item_id", row.item_id)) if row.item_id else None
        me = view.actor.user_id
        found.append(
            Request(
                id=row.id,
                kind=row.kind,
                reason=row.reason,
                customer_no=number,
                customer_name=name,
                currency=row.currency,
                amount=row.amount_minor,
                parts=parts,
                note=row.note or "",
                document=row.document,
                other=(other.customer_no, other.name) if other else None,
                managers=row.level,
                state="expired" if row.state == "open" and row.expires_on is not None and row.expires_on <= view.today else row.state,
                requested_by=people.get(row.requested_by) if row.requested_by else None,
                requested_on=row.requested_on,
                expires_on=row.expires_on,
                first_by=people.get(row.first_by) if row.first_by else None,
                decided_by=people.get(row.decided_by) if row.decided_by else None,
                decided_on=row.decided_on,
                answer=row.answer,
                posted=posted,
                version=row.version,
                own=me is not None and row.requested_by == me,
                mine_first=me is not None and row.first_by == me,
            )
        )
    return found


ADJUSTMENTS = _("Adjustments")
COLUMNS = (
    Column("customer_no", _("Customer no."), "code"),
    Column("name", _("Customer")),
    Column("what", _("What is asked for")),
    Column("documents", _("Documents"), "code"),
    Column("currency", _("Currency"), "code"),
    Column("amount", _("Amount"), "money"),
    Column("reason", _("Reason")),
    Column("document", _("Document no."), "code"),
    Column("requested_by", _("Asked for by")),
    Column("requested_on", _("Asked for on"), "date"),
    Column("state", _("State")),
    Column("decided_by", _("Decided by")),
    Column("decided_on", _("Decided on"), "date"),
)


def as_table(view: View, scope: Scope, say: Callable[[Request], tuple[str, str]], limit: int) -> Table:
    """What waits and what was decided, `limit` of each at most; `say` gives the words for what is asked for and for its state."""

    def rows() -> Iterator[tuple[Any, ...]]:
        for waiting in (True, False):
            for row in requests(view, scope, waiting, limit):
                what, state = say(row)
                documents = ", ".join(part.number for part in row.parts)
                told = (row.currency, row.amount, row.note, row.document, row.requested_by, row.requested_on, state, row.decided_by, row.decided_on)
                yield (row.customer_no, row.customer_name, what, documents, *told)

    return lists.as_of(ADJUSTMENTS, COLUMNS, rows(), view.today)
