"""Reminders to read: what is planned, what was sent, who is held back and why, and one contact with its message (S20)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from collect.domain.errors import NotFound
from collect.domain.rights import Scope
from collect.runtime import View
from collect.storage import notices as storage
from collect.storage.customers import Customer, find_customer, seen, seen_ids
from collect.storage.notices import Decision, Notice, NoticeItem, Round
from collect.storage.outbox import Message
from collect.storage.receivables import Item
from collect.storage.users import load_users

STATES = {"planned": ("planned",), "made": ("sent", "done"), "ended": ("cancelled", "missed")}


@dataclass(frozen=True, slots=True)
class Contact:
    """One planned or past contact; `amounts` minor units by currency, `slot` in UTC with the customer's `zone`."""

    id: int
    customer_no: str
    customer_name: str
    step: str
    channel: str
    state: str
    reason: str | None
    day: date
    slot: datetime
    zone: str
    person: str
    amounts: tuple[tuple[str, int], ...]
    items: int
    done_on: date | None
    formal: bool
    message_state: str | None
    message_id: int | None


@dataclass(frozen=True, slots=True)
class HeldBack:
    """A customer whom the last round held back."""

    customer_no: str
    customer_name: str
    reason: str
    step: str | None
    next_on: date | None


@dataclass(frozen=True, slots=True)
class Line:
    """One item of a contact: what it asks of it, minor units."""

    document_no: str
    due: date | None
    currency: str
    asked: int
    open: int


@dataclass(frozen=True, slots=True)
class Decided:
    """What was decided for a customer from a day on, until the next row."""

    day: date
    decision: str
    reason: str
    step: str | None
    next_on: date | None
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class NextContact:
    """The next contact with a customer and why, or why there is none (P4)."""

    decision: str
    reason: str
    step: str | None
    next_on: date | None
    contact: Contact | None


def contacts(view: View, scope: Scope, show: str, after: tuple[datetime, int] | None, limit: int, customer_id: int | None = None) -> list[Contact]:
    """Contacts that are planned (earliest slot first), made or ended (latest first), from a key on."""
    states = STATES.get(show, STATES["planned"])
    query = sa.select(Notice).where(Notice.state.in_(states), seen_ids(scope, Notice.customer_id))
    if customer_id is not None:
        query = query.where(Notice.customer_id == customer_id)
    planned = states == STATES["planned"]
    if after is not None:
        at, key = after
        later = sa.and_(Notice.slot_at == at, Notice.id > key) if planned else sa.and_(Notice.slot_at == at, Notice.id < key)
        query = query.where(sa.or_(Notice.slot_at > at if planned else Notice.slot_at < at, later))
    order = (Notice.slot_at, Notice.id) if planned else (Notice.slot_at.desc(), Notice.id.desc())
    return _contacts(view, list(view.session.scalars(query.order_by(*order).limit(limit))))


def contact(view: View, scope: Scope, notice_id: int) -> tuple[Contact, list[Line], Notice]:
    """One contact with its items; NotFound where the scope does not see its customer (S28)."""
    found = view.session.scalars(sa.select(Notice).where(Notice.id == notice_id, seen_ids(scope, Notice.customer_id))).first()
    if found is None:
        raise NotFound("contact", notice_id)
    rows = view.session.execute(
        sa.select(Item.document_no, Item.part, Item.parts, Item.due_date, Item.currency, NoticeItem.asked_minor, Item.open_minor)
        .join(NoticeItem, NoticeItem.item_id == Item.id)
        .where(NoticeItem.notice_id == notice_id)
        .order_by(Item.due_date, Item.id)
    )
    lines = [Line(row[0] if row[2] == 1 else f"{row[0]} {row[1]}/{row[2]}", row[3], row[4], row[5], row[6]) for row in rows]
    return _contacts(view, [found])[0], lines, found


def _contacts(view: View, rows: list[Notice]) -> list[Contact]:
    """Notices with what a reader needs beside them, in three statements."""
    session = view.session
    ids = [row.id for row in rows]
    customers = {row.id: row for row in session.scalars(sa.select(Customer).where(Customer.id.in_({row.customer_id for row in rows})))}
    people = {user.id: user.name for user in load_users(session)}
    query: Any = sa.select(Message.notice_id, Message.state, Message.id).where(Message.notice_id.in_(ids))
    messages: dict[int, tuple[str, int]] = {row[0]: (row[1], row[2]) for row in session.execute(query) if row[0] is not None}
    sums: dict[int, dict[str, int]] = {}
    counts: dict[int, int] = {}
    query = sa.select(NoticeItem.notice_id, Item.currency, sa.func.sum(NoticeItem.asked_minor), sa.func.count()).join(Item, Item.id == NoticeItem.item_id)
    for notice_id, currency, amount, count in session.execute(query.where(NoticeItem.notice_id.in_(ids)).group_by(NoticeItem.notice_id, Item.currency)):
        sums.setdefault(notice_id, {})[currency] = int(amount)
        counts[notice_id] = counts.get(notice_id, 0) + count
    found = []
    for row in rows:
        customer = customers[row.customer_id]
        amounts = tuple(sorted(sums.get(row.id, {}).items()))
        zone = customer.timezone or view.seller.timezone
        person = people.get(row.user_id, "") if row.user_id else ""
        own = (row.id, customer.customer_no, customer.name, row.step, row.channel, row.state, row.reason, row.day, row.slot_at, zone, person)
        found.append(Contact(*own, amounts, counts.get(row.id, 0), row.done_on, row.proposal_id is not None, *messages.get(row.id, (None, None))))
    return found


def held_back(view: View, scope: Scope, after: str, limit: int) -> list[HeldBack]:
    """The customers whom the last round held back, by customer number, from a number on."""
    kept = {key: one for key, one in storage.load_kept(view.session, scope).items() if one.decision == "held"}
    query = sa.select(Customer.id, Customer.customer_no, Customer.name).where(seen(scope), Customer.customer_no > after).order_by(Customer.customer_no)
    found = []
    for customer_id, number, name in view.session.execute(query):
        one = kept.get(customer_id)
        if one is not None:
            found.append(HeldBack(number, name, one.reason, one.step, one.next_on))
            if len(found) == limit:
                break
    return found


def decisions(view: View, scope: Scope, number: str, limit: int = 200) -> tuple[Customer, list[Decided]]:
    """Why a customer was, or was not, asked: every decision that differed from the one before, the latest first (S20)."""
    customer = find_customer(view.session, scope, number)
    if customer is None:
        raise NotFound("customer", number)
    rows = view.session.scalars(sa.select(Decision).where(Decision.customer_id == customer.id).order_by(Decision.day.desc(), Decision.id.desc()).limit(limit))
    return customer, [Decided(row.day, row.decision, row.reason, row.step, row.next_on, row.recorded_at) for row in rows]


def last_round(view: View) -> Round | None:
    """The latest round of reminding."""
    return storage.latest_round(view.session, "remind")


def next_contact(view: View, scope: Scope, customer_id: int) -> NextContact | None:
    """The next contact with a customer, or why there is none; None before the first round, and for customers never decided about."""
    kept = storage.load_kept(view.session, scope, [customer_id]).get(customer_id)
    found = contacts(view, scope, "planned", None, 1, customer_id)
    if kept is None and not found:
        return None
    if kept is None:
        return NextContact("planned", "step_reached", found[0].step, None, found[0])
    return NextContact(kept.decision, kept.reason, kept.step, kept.next_on, found[0] if found else None)
