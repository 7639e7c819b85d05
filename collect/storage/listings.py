"""Lists as pages show them: one page of rows by keys, newest or first by name, only what a scope sees (S28)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session, defer

from collect.domain.rights import Scope
from collect.storage.audit import Audit
from collect.storage.cash import Allocation, Credit
from collect.storage.customers import Assignment, Contact, Customer, seen, seen_ids
from collect.storage.imports import ImportRun
from collect.storage.ledger import MonthClose
from collect.storage.receivables import Item
from collect.storage.users import User

LOOKED_UP = 500
"""So many ids go into one IN list."""


@dataclass(frozen=True, slots=True)
class CustomerWish:
    """Which customers: text in number or name, one rep, one segment, only those with something overdue on `today`."""

    today: date
    text: str = ""
    rep_id: int | None = None
    segment: str = ""
    overdue: bool = False
    by_number: bool = False


@dataclass(frozen=True, slots=True)
class CustomerEntry:
    """A customer in a list."""

    id: int
    customer_no: str
    name: str
    sort_key: str
    segment: str
    rep_id: int | None
    collector_id: int | None
    currency: str


@dataclass(frozen=True, slots=True)
class Balance:
    """What a customer owes in one currency today, minor units: `open` is due, not yet due and provisional together.

    `oldest` is the earliest due date of anything open; `unapplied` is not negative here.
    """

    currency: str
    open: int = 0
    overdue: int = 0
    unapplied: int = 0
    oldest: date | None = None


@dataclass(frozen=True, slots=True)
class DocumentWish:
    """Which items: text in the number, one customer, one currency, a state (open, overdue, waiting, settled, void or all)."""

    today: date
    text: str = ""
    customer_id: int | None = None
    currency: str = ""
    state: str = "all"


class DocumentEntry(NamedTuple):
    """An item (an invoice or an instalment of it) with its customer; money in minor units."""

    id: int
    document_no: str
    part: int
    parts: int
    customer_no: str
    customer_name: str
    issued: date
    due: date | None
    provisional: date | None
    currency: str
    amount: int
    open: int
    closed_on: date | None
    voided_on: date | None
    po_no: str | None
    description: str | None


class Mark(NamedTuple):
    """A place in a timeline: the day, the instant it was recorded, which source, and the row's id there."""

    day: date
    at: datetime
    rank: int
    id: int


@dataclass(frozen=True, slots=True)
class Happening:
    """One entry of a customer's timeline: a document, an allocation, or a change from the audit log.

    `what` is `invoice`, `receipt`, `credit_note`, `allocation`, `reversal` or an audit action; `kind` and `number` name
    the document it is about, `other_kind` and `other` the second one (an allocation joins two).
    """

    mark: Mark
    what: str
    kind: str
    number: str
    part: int = 1
    parts: int = 1
    currency: str = ""
    amount: int = 0
    due: date | None = None
    other_kind: str = ""
    other: str = ""
    actor: str = ""
    before: str | None = None
    after: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class AuditWish:
    """Which audit rows: exact kind, key and actor; `kinds` limits them to what a role may know of (None: all)."""

    kind: str = ""
    key: str = ""
    actor: str = ""
    kinds: Collection[str] | None = None


def load_customer_page(session: Session, scope: Scope, wish: CustomerWish, after: tuple[str, str] | None, limit: int) -> list[CustomerEntry]:
    """Customers by name (pinyin) or number, those after a (sort key, number); at most `limit`."""
    c = Customer.__table__.c
    query = sa.select(c.id, c.customer_no, c.name, c.sort_key, c.segment, c.rep_id, c.collector_id, c.currency).where(seen(scope))
    if wish.text:
        low = wish.text.lower()
        # SQLite's lower() knows A to Z only; the sort key was folded by us.
        near = [sa.func.lower(c.customer_no).contains(low, autoescape=True), sa.func.lower(c.name).contains(low, autoescape=True)]
        query = query.where(sa.or_(*near, c.sort_key.contains(wish.text.casefold(), autoescape=True)))
    if wish.rep_id is not None:
        query = query.where(c.rep_id == wish.rep_id)
    if wish.segment:
        query = query.where(c.segment == wish.segment)
    if wish.overdue:
        late = sa.select(Item.id).where(Item.customer_id == c.id, Item.open_minor > 0, Item.due_date < wish.today)
        query = query.where(sa.exists(late))
    if wish.by_number:
        query = query.where(c.customer_no > after[1]) if after else query
        query = query.order_by(c.customer_no)
    else:
        query = query.where(sa.or_(c.sort_key > after[0], sa.and_(c.sort_key == after[0], c.customer_no > after[1]))) if after else query
        query = query.order_by(c.sort_key, c.customer_no)
    rows = session.execute(query.limit(limit))
    return [CustomerEntry(row.id, row.customer_no, row.name, row.sort_key, row.segment or "", row.rep_id, row.collector_id, row.currency) for row in rows]


def load_balances(session: Session, scope: Scope, ids: Sequence[int], today: date) -> dict[int, list[Balance]]:
    """Today's balances of these customers by currency, from the open amounts kept on items and credits; customers at zero are absent."""
    found: dict[int, dict[str, Balance]] = {}
    for start in range(0, len(ids), LOOKED_UP):
        some = list(ids[start : start + LOOKED_UP])
        late = sa.func.sum(sa.case((Item.due_date < today, Item.open_minor), else_=0))
        query = sa.select(Item.customer_id, Item.currency, sa.func.sum(Item.open_minor), late, sa.func.min(Item.due_date))
        query = query.where(Item.open_minor > 0, Item.customer_id.in_(some), seen_ids(scope, Item.customer_id))
        for customer_id, currency, total, overdue, oldest in session.execute(query.group_by(Item.customer_id, Item.currency)):
            found.setdefault(customer_id, {})[currency] = Balance(currency, int(total), int(overdue), 0, oldest)
        money = sa.select(Credit.customer_id, Credit.currency, sa.func.sum(Credit.open_minor))
        money = money.where(Credit.open_minor > 0, Credit.customer_id.in_(some), seen_ids(scope, Credit.customer_id))
        for customer_id, currency, rest in session.execute(money.group_by(Credit.customer_id, Credit.currency)):
            at = found.setdefault(customer_id, {}).get(currency, Balance(currency))
            found[customer_id][currency] = Balance(currency, at.open, at.overdue, int(rest), at.oldest)
    return {key: [each[currency] for currency in sorted(each)] for key, each in found.items()}


def load_numbers(session: Session, scope: Scope) -> dict[int, tuple[str, str]]:
    """Customer id to number and segment (empty for none), of everybody the scope sees."""
    rows = session.execute(sa.select(Customer.id, Customer.customer_no, Customer.segment).where(seen(scope)))
    return {key: (number, segment or "") for key, number, segment in rows}


def load_segments(session: Session, scope: Scope) -> list[str]:
    """The segments of the customers a scope sees.

    Over all customers each is found from the one before by the index: there are few of them, and PostgreSQL would read every row.
    """
    lowest = sa.func.min(Customer.segment)
    if not scope.everything:
        query: Any = sa.select(Customer.segment).where(seen(scope), Customer.segment.is_not(None)).distinct()
    else:
        found = sa.select(lowest.label("segment")).where(seen(scope)).cte(recursive=True)
        following = sa.select(lowest).where(Customer.segment > found.c.segment).scalar_subquery()
        query = sa.select(found.union_all(sa.select(following).where(found.c.segment.is_not(None))).c.segment)
    return sorted(segment for segment in session.scalars(query) if segment)


def load_reps(session: Session, scope: Scope) -> list[int]:
    """The ids of the users who are rep of a customer the scope sees."""
    # Each user's first customer by the index, rather than every customer: there are few users.
    return list(session.scalars(sa.select(User.id).where(sa.exists().where(Customer.rep_id == User.id, seen(scope)))))


def load_contacts(session: Session, scope: Scope, customer_id: int) -> list[Contact]:
    """The people at a customer: those who decide first, then the original contact, then by name (P6)."""
    query = sa.select(Contact).where(Contact.customer_id == customer_id, seen_ids(scope, Contact.customer_id))
    return list(session.scalars(query.order_by(Contact.decides.desc(), Contact.original.desc(), Contact.name)))


def load_assignments(session: Session, scope: Scope, customer_id: int) -> list[Assignment]:
    """Who had which duty for a customer since when, the latest first (S9)."""
    query = sa.select(Assignment).where(Assignment.customer_id == customer_id, seen_ids(scope, Assignment.customer_id))
    return list(session.scalars(query.order_by(Assignment.since.desc(), Assignment.id.desc())))


def load_document_page(session: Session, scope: Scope, wish: DocumentWish, after: int | None, limit: int) -> list[DocumentEntry]:
    """Items, the last recorded first, those before an id; at most `limit`."""
    query = _documents().where(seen_ids(scope, Item.customer_id)).order_by(Item.id.desc())
    if after is not None:
        query = query.where(Item.id < after)
    if wish.text:
        query = query.where(sa.func.lower(Item.document_no).contains(wish.text.lower(), autoescape=True))
    if wish.customer_id is not None:
        query = query.where(Item.customer_id == wish.customer_id)
    if wish.currency:
        query = query.where(Item.currency == wish.currency)
    states: dict[str, list[sa.ColumnElement[bool]]] = {
        "open": [Item.open_minor > 0],
        "overdue": [Item.open_minor > 0, Item.due_date < wish.today],
        "waiting": [Item.open_minor > 0, Item.due_date.is_(None)],
        "settled": [Item.open_minor == 0, Item.voided_on.is_(None)],
        "void": [Item.voided_on.is_not(None)],
    }
    rows = session.connection().execute(query.where(*states.get(wish.state, [])).limit(limit))
    return list(map(DocumentEntry._make, rows))


def load_open_documents(session: Session, scope: Scope, customer_id: int, limit: int) -> list[DocumentEntry]:
    """A customer's open items, oldest due first, provisional ones last; at most `limit`."""
    query = _documents().where(Item.customer_id == customer_id, Item.open_minor > 0, seen_ids(scope, Item.customer_id))
    rows = session.execute(query.order_by(sa.nulls_last(Item.due_date.asc()), Item.issue_date, Item.id).limit(limit))
    return list(map(DocumentEntry._make, rows))


def load_settled_documents(session: Session, scope: Scope, customer_id: int, after: tuple[date, int] | None, limit: int) -> list[DocumentEntry]:
    """A customer's settled and void items, the last issued first, those before an (issue date, id); at most `limit`."""
    query = _documents().where(Item.customer_id == customer_id, Item.open_minor == 0, seen_ids(scope, Item.customer_id))
    if after:
        query = query.where(sa.or_(Item.issue_date < after[0], sa.and_(Item.issue_date == after[0], Item.id < after[1])))
    rows = session.execute(query.order_by(Item.issue_date.desc(), Item.id.desc()).limit(limit))
    return list(map(DocumentEntry._make, rows))


def _documents() -> Any:
    """The columns of a `DocumentEntry`, and no objects: an export reads a million of them."""
    known = (Item.issue_date, Item.due_date, Item.provisional_date, Item.currency, Item.amount_minor, Item.open_minor, Item.closed_on, Item.voided_on, Item.po_no, Item.description)
    query = sa.select(Item.id, Item.document_no, Item.part, Item.parts, Customer.customer_no, Customer.name, *known)
    return query.join(Customer, Customer.id == Item.customer_id)


def load_timeline(session: Session, scope: Scope, customer_id: int, timezone: str, after: Mark | None, limit: int) -> list[Happening]:
    """What happened with a customer, the latest day first, from documents, allocations and the audit log; at most `limit`.

    Each source gives its own latest `limit` entries before the mark; merged, the first `limit` of them are right.
    `timezone` is the company's: it says on which day a change was recorded.
    """
    found = [
        *_issued(session, scope, customer_id, after, limit),
        *_credited(session, scope, customer_id, after, limit),
        *_allocated(session, scope, customer_id, after, limit),
        *_noted(session, scope, customer_id, timezone, after, limit),
    ]
    return sorted(found, key=lambda entry: entry.mark, reverse=True)[:limit]


def _before(after: Mark | None, rank: int, day: Any, at: Any, key: Any) -> sa.ColumnElement[bool]:
    """The condition "earlier than the mark" on a source whose rows order by (day, instant, rank, id)."""
    if after is None:
        return sa.true()
    tie = sa.true() if rank < after.rank else key < after.id if rank == after.rank else sa.false()
    return sa.or_(day < after.day, sa.and_(day == after.day, sa.or_(at < after.at, sa.and_(at == after.at, tie))))


def _issued(session: Session, scope: Scope, customer_id: int, after: Mark | None, limit: int) -> list[Happening]:
    query = sa.select(Item).where(Item.customer_id == customer_id, seen_ids(scope, Item.customer_id), _before(after, 0, Item.issue_date, Item.recorded_at, Item.id))
    rows = session.scalars(query.order_by(Item.issue_date.desc(), Item.recorded_at.desc(), Item.id.desc()).limit(limit))
    return [
        Happening(Mark(row.issue_date, row.recorded_at, 0, row.id), row.kind, "invoice", row.document_no, row.part, row.parts, row.currency, row.amount_minor, row.due_date)
        for row in rows
    ]


def _credited(session: Session, scope: Scope, customer_id: int, after: Mark | None, limit: int) -> list[Happening]:
    query = sa.select(Credit).where(Credit.customer_id == customer_id, seen_ids(scope, Credit.customer_id), _before(after, 1, Credit.day, Credit.recorded_at, Credit.id))
    rows = session.scalars(query.order_by(Credit.day.desc(), Credit.recorded_at.desc(), Credit.id.desc()).limit(limit))
    return [Happening(Mark(row.day, row.recorded_at, 1, row.id), row.kind, row.kind, row.number, currency=row.currency, amount=row.amount_minor, reason=row.reason) for row in rows]


def _allocated(session: Session, scope: Scope, customer_id: int, after: Mark | None, limit: int) -> list[Happening]:
    query = (
        sa.select(Allocation, Item.document_no, Item.part, Item.parts, Item.currency, Credit.kind, Credit.number)
        .join(Item, Item.id == Allocation.item_id)
        .join(Credit, Credit.id == Allocation.credit_id)
        .where(Item.customer_id == customer_id, seen_ids(scope, Item.customer_id), _before(after, 2, Allocation.effective, Allocation.recorded_at, Allocation.id))
        .order_by(Allocation.effective.desc(), Allocation.recorded_at.desc(), Allocation.id.desc())
        .limit(limit)
    )
    return [
        Happening(
            Mark(row.effective, row.recorded_at, 2, row.id),
            "reversal" if row.reverses_id is not None else "allocation",
            "invoice",
            number,
            part,
            parts,
            currency,
            row.amount_minor,
            other_kind=kind,
            other=other,
        )
        for row, number, part, parts, currency, kind, other in session.execute(query)
    ]


_DOCUMENTS = ("invoice", "receipt", "credit_note", "write_off", "set_off", "discount")


def _noted(session: Session, scope: Scope, customer_id: int, timezone: str, after: Mark | None, limit: int) -> list[Happening]:
    """Changes from the audit log; applying, taking back and what made a document are there as allocations and documents already."""
    zone = ZoneInfo(timezone)
    told_already = sa.or_(Audit.action.in_(("apply", "unapply")), sa.and_(Audit.action.in_(("issue", "receive", "credit")), Audit.kind.in_(_DOCUMENTS)))
    query = sa.select(Audit).where(Audit.customer_id == customer_id, seen_ids(scope, Audit.customer_id), sa.not_(told_already))
    if after is not None:
        begins = datetime.combine(after.day, time(), zone)
        ends = datetime.combine(after.day + timedelta(days=1), time(), zone)
        tie = sa.and_(Audit.at == after.at, Audit.seq < after.id) if after.rank == 3 else sa.false()
        query = query.where(sa.or_(Audit.at < begins, sa.and_(Audit.at < ends, sa.or_(Audit.at < after.at, tie))))
    rows = session.scalars(query.order_by(Audit.seq.desc()).limit(limit))
    return [
        Happening(Mark(row.at.astimezone(zone).date(), row.at, 3, row.seq), row.action, row.kind, row.key, actor=row.actor, before=row.before, after=row.after, reason=row.reason)
        for row in rows
    ]


def load_credit_allocations(session: Session, scope: Scope, credit_id: int) -> list[tuple[Allocation, Item]]:
    """The allocations of a receipt or credit with the item each settles, oldest first."""
    rows = session.execute(
        sa.select(Allocation, Item)
        .join(Item, Item.id == Allocation.item_id)
        .where(Allocation.credit_id == credit_id, seen_ids(scope, Item.customer_id))
        .order_by(Allocation.effective, Allocation.id)
    )
    return [(allocation, item) for allocation, item in rows]


def find_allocation(session: Session, scope: Scope, allocation_id: int) -> tuple[Allocation, Item, Credit] | None:
    """An allocation with the item and the credit it joins, if the scope sees their customer."""
    row = session.execute(
        sa.select(Allocation, Item, Credit)
        .join(Item, Item.id == Allocation.item_id)
        .join(Credit, Credit.id == Allocation.credit_id)
        .where(Allocation.id == allocation_id, seen_ids(scope, Item.customer_id))
    ).first()
    return (row[0], row[1], row[2]) if row else None


def load_moves(session: Session, scope: Scope, customer_id: int, instants: Collection[datetime]) -> dict[datetime, Audit]:
    """What the audit log says of a customer's applied and taken-back money, by the instant it was recorded.

    What was matched to a bank line, applied as it was entered or posted by a decision has no row of its own: that of the
    line, the receipt or the request counts.
    """
    wanted, moves = sorted(set(instants)), ("apply", "unapply")
    found: dict[datetime, Audit] = {}
    for start in range(0, len(wanted), LOOKED_UP):
        query = sa.select(Audit).where(Audit.customer_id == customer_id, Audit.action.in_((*moves, "match", "receive", "approve", "reverse")), seen_ids(scope, Audit.customer_id))
        query = query.where(Audit.at.in_(wanted[start : start + LOOKED_UP])).order_by(Audit.action.in_(moves), Audit.seq)
        found.update((row.at, row) for row in session.scalars(query))
    return found


def load_month_entries(session: Session) -> list[MonthClose]:
    """Every closing and opening of a month, the last recorded first."""
    return list(session.scalars(sa.select(MonthClose).order_by(MonthClose.recorded_at.desc(), MonthClose.id.desc())))


def load_run_page(session: Session, after: int | None, limit: int) -> list[ImportRun]:
    """Imports, the latest first, those before an id; at most `limit`. The refused rows themselves are not loaded."""
    query = sa.select(ImportRun).options(defer(ImportRun.refused_csv), defer(ImportRun.result)).order_by(ImportRun.id.desc()).limit(limit)
    return list(session.scalars(query if after is None else query.where(ImportRun.id < after)))


def load_audit_page(session: Session, scope: Scope, wish: AuditWish, after: int | None, limit: int) -> list[Audit]:
    """Audit rows, the latest first, those before a sequence number; rows about customers the scope does not see are absent."""
    query = sa.select(Audit).order_by(Audit.seq.desc()).limit(limit)
    if not scope.everything:
        query = query.where(sa.and_(Audit.customer_id.is_not(None), seen_ids(scope, Audit.customer_id)))
    if wish.kinds is not None:
        query = query.where(Audit.kind.in_(sorted(wish.kinds)))
    if wish.kind:
        query = query.where(Audit.kind == wish.kind)
    if wish.key:
        query = query.where(Audit.key == wish.key)
    if wish.actor:
        query = query.where(Audit.actor == wish.actor)
    if after is not None:
        query = query.where(Audit.seq < after)
    return list(session.scalars(query))
