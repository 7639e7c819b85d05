"""Reading what the day's work is chosen from and what a brief says: plans, tasks, promises, contacts, disputes; a fixed number of statements (P4)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session, aliased

from collect.domain.rights import Scope
from collect.storage.cases import Activity, Dispute, Promise, Standing, Task
from collect.storage.cash import Credit
from collect.storage.customers import Contact, Customer, seen, seen_ids
from collect.storage.escalations import Proposal
from collect.storage.notices import Decision, Notice
from collect.storage.receivables import Item

LIVE = ("open", "awaiting_bank")
"""States of a promise that nobody has judged yet (S22)."""
_MADE = ("sent", "done")
_TALKS = ("visit", "call", "message")


class Planned(NamedTuple):
    """A contact that is planned or was missed, and who was to make it."""

    customer_id: int
    id: int
    step: str
    channel: str
    day: date
    slot_at: datetime
    user_id: int | None
    state: str


class OpenTask(NamedTuple):
    """Something of ours that is not done yet: a check, a word of ours to keep (P16, P32)."""

    customer_id: int
    id: int
    kind: str
    due: date
    user_id: int | None
    title: str | None
    excuse: str | None
    facts: str | None


class PromiseRow(NamedTuple):
    """A promise with what became of it; minor units."""

    customer_id: int
    id: int
    currency: str
    amount: int
    made_on: date
    due: date
    user_id: int | None
    state: str
    received: int
    judged_on: date | None


class Talk(NamedTuple):
    """A contact that took place: its day, its kind (visit, call, message, or the channel of ours), who made it, what came of it."""

    customer_id: int
    day: date
    kind: str
    user_id: int | None
    outcome: str | None


class OpenDispute(NamedTuple):
    """A disputed amount of an item that is not settled; `due` is the item's due date, `state` raised or accepted (S24)."""

    customer_id: int
    item_id: int
    currency: str
    due: date | None
    open: int
    amount: int
    reason: str
    state: str


def among(session: Session, column: Any, ids: Collection[int]) -> sa.ColumnElement[bool]:
    """The condition that a column is one of these ids, as one bound value however many they are."""
    if session.get_bind().dialect.name == "postgresql":
        return column == sa.any_(sa.literal(list(ids), ARRAY(sa.BigInteger)))  # type: ignore[no-any-return]
    listed = sa.func.json_each("[" + ",".join(map(str, ids)) + "]").table_valued("value")
    return column.in_(sa.select(listed.c.value))  # type: ignore[no-any-return]


def _run(session: Session, query: Any) -> Any:
    """The rows of a statement as they are, without what the session does for objects: twice as fast for many rows."""
    return session.connection().execute(query)


def load_contacts_planned(session: Session, scope: Scope, states: Collection[str], first: date, last: date) -> list[Planned]:
    """Calls, visits and letters in one of these states whose day lies between two days; messages go by themselves."""
    columns = (Notice.customer_id, Notice.id, Notice.step, Notice.channel, Notice.day, Notice.slot_at, Notice.user_id, Notice.state)
    query = sa.select(*columns).where(Notice.state.in_(states), Notice.channel != "email", Notice.day.between(first, last), seen_ids(scope, Notice.customer_id))
    return [Planned(*row) for row in _run(session, query.order_by(Notice.day, Notice.slot_at, Notice.id))]


def load_open_tasks(session: Session, scope: Scope) -> list[OpenTask]:
    """Every open task, the first to fall due first."""
    query = sa.select(Task.customer_id, Task.id, Task.kind, Task.due, Task.user_id, Task.title, Task.excuse, Task.facts)
    query = query.where(Task.state == "open", seen_ids(scope, Task.customer_id))
    return [OpenTask(*row) for row in _run(session, query.order_by(Task.due, Task.id))]


def load_live_promises(session: Session, scope: Scope) -> list[PromiseRow]:
    """Every promise that is not judged yet, the first to fall due first."""
    query = _promises().where(Promise.state.in_(LIVE), seen_ids(scope, Promise.customer_id))
    return [PromiseRow(*row) for row in _run(session, query.order_by(Promise.due, Promise.id))]


def load_judged_promises(session: Session, scope: Scope, ids: Collection[int]) -> list[PromiseRow]:
    """The promises of these customers that ended, the last to end first."""
    query = _promises().where(Promise.judged_on.is_not(None), Promise.state.not_in(LIVE), among(session, Promise.customer_id, ids), seen_ids(scope, Promise.customer_id))
    return [PromiseRow(*row) for row in _run(session, query.order_by(Promise.judged_on.desc(), Promise.id.desc()))]


def _promises() -> sa.Select[Any]:
    columns: tuple[Any, ...] = (Promise.customer_id, Promise.id, Promise.currency, Promise.amount_minor, Promise.made_on, Promise.due)
    return sa.select(*columns, Promise.user_id, Promise.state, Promise.received_minor, Promise.judged_on)


def load_without_next(session: Session, scope: Scope, day: date) -> set[int]:
    """Customers with something overdue on a day for whom nothing is planned: the fault that is shown (P4).

    A next action is a planned contact, an open task, a live promise, a proposal that waits for its decision, or the day
    on which the last decision says to look again, if that day has not gone by.
    """
    c = Customer.id
    later = aliased(Decision)
    again = sa.exists().where(
        Decision.customer_id == c,
        Decision.next_on >= day,
        ~sa.exists().where(later.customer_id == Decision.customer_id, sa.or_(later.day > Decision.day, sa.and_(later.day == Decision.day, later.id > Decision.id))),
    )
    query = sa.select(c).where(
        seen(scope),
        sa.exists().where(Item.customer_id == c, Item.open_minor > 0, Item.due_date < day),
        ~sa.exists().where(Notice.customer_id == c, Notice.state == "planned"),
        ~sa.exists().where(Task.customer_id == c, Task.state == "open"),
        ~sa.exists().where(Promise.customer_id == c, Promise.state.in_(LIVE)),
        ~sa.exists().where(Proposal.customer_id == c, Proposal.state.in_(("open", "deferred"))),
        ~again,
    )
    return {row[0] for row in _run(session, query)}


def load_overdue_ids(session: Session, scope: Scope, day: date) -> set[int]:
    """Customers with something overdue on a day."""
    query = sa.select(Item.customer_id).where(Item.open_minor > 0, Item.due_date < day, seen_ids(scope, Item.customer_id)).distinct()
    return {row[0] for row in _run(session, query)}


def load_owners(session: Session, scope: Scope, ids: Collection[int]) -> dict[int, tuple[int | None, int | None]]:
    """Customer id to today's rep and collector."""
    query = sa.select(Customer.id, Customer.rep_id, Customer.collector_id).where(among(session, Customer.id, ids), seen(scope))
    return {row[0]: (row[1], row[2]) for row in _run(session, query)}


def load_people_of(session: Session, scope: Scope, ids: Collection[int]) -> dict[int, Any]:
    """Customers by id with what a brief needs, and the marks that bind every decision (`do_not_contact`, `insolvent`; None: no mark)."""
    columns: tuple[Any, ...] = (Customer.id, Customer.customer_no, Customer.name, Customer.currency, Customer.credit_limit, Customer.phone, Customer.timezone)
    query = sa.select(*columns, Customer.rep_id, Customer.collector_id, Standing.do_not_contact, Standing.insolvent)
    query = query.outerjoin(Standing, Standing.customer_id == Customer.id).where(among(session, Customer.id, ids), seen(scope))
    return {row.id: row for row in _run(session, query)}


def load_sums(session: Session, scope: Scope, ids: Collection[int], day: date) -> list[tuple[int, str, int, int, date | None]]:
    """(customer, currency, open, overdue, due date of the oldest overdue item) as of a day, by currency."""
    is_late = sa.and_(Item.due_date.is_not(None), Item.due_date < day)
    late = sa.func.sum(sa.case((is_late, Item.open_minor), else_=0))
    query = sa.select(Item.customer_id, Item.currency, sa.func.sum(Item.open_minor), late, sa.func.min(sa.case((is_late, Item.due_date))))
    query = query.where(Item.open_minor > 0, among(session, Item.customer_id, ids), seen_ids(scope, Item.customer_id))
    rows: Any = _run(session, query.group_by(Item.customer_id, Item.currency).order_by(Item.currency))
    return [(row[0], row[1], int(row[2]), int(row[3]), row[4]) for row in rows]


def load_open_by_due(session: Session, scope: Scope, ids: Collection[int]) -> list[tuple[int, str, date | None, int]]:
    """(customer, currency, due date, open) summed by due date, oldest first; items without a real due date last (S7)."""
    query = sa.select(Item.customer_id, Item.currency, Item.due_date, sa.func.sum(Item.open_minor))
    query = query.where(Item.open_minor > 0, among(session, Item.customer_id, ids), seen_ids(scope, Item.customer_id))
    query = query.group_by(Item.customer_id, Item.currency, Item.due_date).order_by(sa.nulls_last(Item.due_date.asc()))
    return [(row[0], row[1], row[2], int(row[3])) for row in _run(session, query)]


def load_untied(session: Session, scope: Scope, ids: Collection[int]) -> list[tuple[int, str, int]]:
    """(customer, currency, amount) of money and credits that are tied to no item."""
    query = sa.select(Credit.customer_id, Credit.currency, sa.func.sum(Credit.open_minor))
    query = query.where(Credit.open_minor > 0, among(session, Credit.customer_id, ids), seen_ids(scope, Credit.customer_id))
    return [(row[0], row[1], int(row[2])) for row in _run(session, query.group_by(Credit.customer_id, Credit.currency))]


def load_open_disputes(session: Session, scope: Scope, ids: Collection[int]) -> list[OpenDispute]:
    """Disputes that are raised or accepted and not settled, of items that are still open, the oldest first."""
    query = sa.select(Dispute.customer_id, Dispute.item_id, Item.currency, Item.due_date, Item.open_minor, Dispute.amount_minor, Dispute.reason, Dispute.state)
    query = query.join(Item, Item.id == Dispute.item_id).where(Dispute.state.in_(("raised", "accepted")), Item.open_minor > 0)
    query = query.where(among(session, Dispute.customer_id, ids), seen_ids(scope, Dispute.customer_id))
    return [OpenDispute(*row) for row in _run(session, query.order_by(Dispute.raised_on, Dispute.id))]


def load_last_days(session: Session, scope: Scope, ids: Collection[int]) -> dict[int, date]:
    """The day of the last contact that took place with each of these customers; a note is none, and neither is one that reached nobody."""
    talked = sa.select(Activity.customer_id.label("customer_id"), sa.func.max(Activity.day).label("day"))
    talked = talked.where(Activity.kind.in_(_TALKS), Activity.outcome != "not_reached", among(session, Activity.customer_id, ids), seen_ids(scope, Activity.customer_id))
    talked = talked.group_by(Activity.customer_id)
    told = sa.select(Notice.customer_id.label("customer_id"), sa.func.max(Notice.done_on).label("day"))
    told = told.where(Notice.state.in_(_MADE), among(session, Notice.customer_id, ids), seen_ids(scope, Notice.customer_id)).group_by(Notice.customer_id)
    found: dict[int, date] = {}
    rows: Any = _run(session, sa.union_all(talked, told))
    for row in rows:
        if row[1] is not None:
            found[row[0]] = max(row[1], found.get(row[0], row[1]))
    return found


def load_last_talks(session: Session, scope: Scope, ids: Collection[int]) -> dict[int, Talk]:
    """The last contact with each of these customers, or the last try: what somebody logged, else what was sent or done as planned."""
    order = sa.func.row_number().over(partition_by=Activity.customer_id, order_by=(Activity.day.desc(), Activity.id.desc())).label("place")
    logged = sa.select(Activity.customer_id, Activity.day, Activity.kind, Activity.user_id, Activity.outcome, order)
    logged = logged.where(Activity.kind.in_(_TALKS), among(session, Activity.customer_id, ids), seen_ids(scope, Activity.customer_id))
    order = sa.func.row_number().over(partition_by=Notice.customer_id, order_by=(Notice.done_on.desc(), Notice.id.desc())).label("place")
    sent = sa.select(Notice.customer_id, Notice.done_on, Notice.channel, Notice.user_id, sa.null().label("outcome"), order)
    sent = sent.where(Notice.state.in_(_MADE), Notice.done_on.is_not(None), among(session, Notice.customer_id, ids), seen_ids(scope, Notice.customer_id))
    found: dict[int, Talk] = {}
    for query in (logged.subquery(), sent.subquery()):
        for row in _run(session, sa.select(query).where(query.c.place == 1)):
            talk = Talk(*row[:5])
            if talk.customer_id not in found or talk.day > found[talk.customer_id].day:
                found[talk.customer_id] = talk
    return found


def load_people_there(session: Session, scope: Scope, ids: Collection[int]) -> list[Contact]:
    """The people at these customers: those who decide first, then the original contact, then by name (P6)."""
    query = sa.select(Contact).where(among(session, Contact.customer_id, ids), seen_ids(scope, Contact.customer_id))
    return list(session.scalars(query.order_by(Contact.decides.desc(), Contact.original.desc(), Contact.name)))


def load_missed(session: Session, scope: Scope, since: date) -> list[Planned]:
    """The contacts that we missed since a day, messages left out, the latest first."""
    found: Sequence[Planned] = load_contacts_planned(session, scope, ("missed",), since, date.max)
    return list(reversed(found))
