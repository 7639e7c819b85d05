"""Balances as of a date and as known at an instant: the sums an aging needs, and the other path they are held against (S9)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from operator import sub
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from collect.domain.aging import Basis, Buckets
from collect.domain.rights import Scope
from collect.storage.cash import Allocation, Credit
from collect.storage.customers import Customer, seen, seen_ids
from collect.storage.ledger import DayTotal, Line
from collect.storage.receivables import Item


@dataclass(frozen=True, slots=True)
class Question:
    """Which balances: effective up to `as_of`, recorded up to `known_at` (None: all), in these buckets, for these customers."""

    as_of: date
    known_at: datetime | None
    basis: Basis
    buckets: Buckets
    scope: Scope
    customer_id: int | None = None
    currency: str | None = None


class Sum(NamedTuple):
    """One customer's balance in one currency, minor units; `amounts` in the order of the buckets' names."""

    customer_id: int
    currency: str
    amounts: tuple[int, ...]
    provisional: int
    unapplied: int


class Name(NamedTuple):
    """What a report needs to know of a customer."""

    customer_no: str
    name: str
    sort_key: str
    segment: str


@dataclass(frozen=True, slots=True)
class ItemSum:
    """One open item, or one unapplied receipt or credit; `kind` and `document` say where its page is."""

    kind: str
    document: str
    number: str
    customer_no: str
    customer_name: str
    currency: str
    due: date | None
    amounts: tuple[int, ...]
    provisional: int
    unapplied: int


def is_current(session: Session, question: Question) -> bool:
    """Whether the open balances kept on the rows are the answer: nothing recorded is effective after `as_of`, nothing left out."""
    if question.known_at is not None:
        return False
    latest = session.scalar(sa.select(sa.func.max(DayTotal.day)))
    return latest is None or latest <= question.as_of


def load_sums(session: Session, question: Question) -> list[Sum]:
    """The balances by customer and currency.

    As of a day on which everything recorded counts, the open balances kept on items and credits are read through their
    partial covering indexes; any other question is one ordered scan over the journal lines.
    """
    # Core rows on the connection: one a customer, without the ORM's loading of each.
    connection = session.connection()
    width = len(question.buckets.names)
    if not is_current(session, question):
        day = Line.due if question.basis is Basis.DUE else Line.issued
        query = sa.select(Line.customer_id, Line.currency, *_columns(question, day, Line.receivable), sa.func.sum(Line.unapplied))
        query = query.where(*_when(question), *_which(question, Line.customer_id, Line.currency)).group_by(Line.customer_id, Line.currency)
        return [_sum(row, width, row[-1]) for row in connection.execute(query)]
    day = Item.due_date if question.basis is Basis.DUE else Item.issue_date
    query = sa.select(Item.customer_id, Item.currency, *_columns(question, day, Item.open_minor)).where(Item.open_minor > 0, *_which(question, Item.customer_id, Item.currency))
    credits = sa.select(Credit.customer_id, Credit.currency, -sa.func.sum(Credit.open_minor)).where(Credit.open_minor > 0, *_which(question, Credit.customer_id, Credit.currency))
    unapplied = {(customer_id, currency): int(amount) for customer_id, currency, amount in connection.execute(credits.group_by(Credit.customer_id, Credit.currency))}
    found = [_sum(row, width, unapplied.pop((row[0], row[1]), 0)) for row in connection.execute(query.group_by(Item.customer_id, Item.currency))]
    found += [Sum(customer_id, currency, (0,) * width, 0, amount) for (customer_id, currency), amount in unapplied.items()]
    return found


def _columns(question: Question, day: Any, amount: Any) -> list[sa.ColumnElement[Any]]:
    """Sum of all, sum without a date, then for each bucket after `not_due` the sum of it and all older ones."""
    older = [sa.func.sum(sa.case((day <= start, amount), else_=0)) for start in question.buckets.starts(question.as_of)]
    undated = sa.func.sum(sa.case((day.is_(None), amount), else_=0))
    return [sa.func.sum(amount), undated, *older]


def _sum(row: Any, width: int, unapplied: Any) -> Sum:
    """Customer, currency, then the cumulative columns of `_columns`, as one amount a bucket."""
    _customer, _currency, everything, undated, *older = row[: 3 + width]
    if older[0].__class__ is not int:  # PostgreSQL adds bigints up to a Decimal
        everything, undated, unapplied = int(everything), int(undated), int(unapplied)
        older = [int(value) for value in older]
    return Sum(row[0], row[1], (everything - undated - older[0], *map(sub, older, older[1:]), older[-1]), undated, unapplied)


def _which(question: Question, customer: Any, currency: Any) -> list[sa.ColumnElement[bool]]:
    """The customers and the currency asked for."""
    conditions: list[sa.ColumnElement[bool]] = [] if question.scope.everything else [seen_ids(question.scope, customer)]
    if question.customer_id is not None:
        conditions.append(customer == question.customer_id)
    if question.currency is not None:
        conditions.append(currency == question.currency)
    return conditions


def _when(question: Question) -> list[sa.ColumnElement[bool]]:
    """The journal lines that count: effective by `as_of`, recorded by `known_at`."""
    conditions: list[sa.ColumnElement[bool]] = [Line.day <= question.as_of]
    if question.known_at is not None:
        conditions.append(Line.recorded_at <= question.known_at)
    return conditions


def load_control(session: Session, question: Question) -> dict[str, int]:
    """The balance by currency from the other path than `load_sums` took (S9).

    Open balances are held against the journal, journal sums against the documents: over everything by the day totals
    that each transaction left, over some customers by their rows.
    """
    current = is_current(session, question)
    if question.scope.everything and question.customer_id is None:
        amount = DayTotal.receivable + DayTotal.unapplied if current else DayTotal.documents
        query = sa.select(DayTotal.currency, sa.func.sum(amount)).where(DayTotal.day <= question.as_of)
        if question.known_at is not None:
            query = query.where(DayTotal.recorded_at <= question.known_at)
        if question.currency is not None:
            query = query.where(DayTotal.currency == question.currency)
        return {currency: int(total) for currency, total in session.execute(query.group_by(DayTotal.currency))}
    if current:
        query = sa.select(Line.currency, sa.func.sum(Line.receivable + Line.unapplied)).where(*_when(question), *_which(question, Line.customer_id, Line.currency))
        return {currency: int(total) for currency, total in session.execute(query.group_by(Line.currency))}
    found: dict[str, int] = {}
    for table, day, sign in ((Item, Item.issue_date, 1), (Credit, Credit.day, -1)):
        dead = [table.voided_on <= question.as_of]
        alive = [day <= question.as_of]
        if question.known_at is not None:
            dead.append(table.voided_at <= question.known_at)
            alive.append(table.recorded_at <= question.known_at)
        query = sa.select(table.currency, sa.func.sum(table.amount_minor)).where(*alive, *_which(question, table.customer_id, table.currency))
        query = query.where(sa.or_(table.voided_on.is_(None), sa.not_(sa.and_(*dead))))
        for currency, total in session.execute(query.group_by(table.currency)):
            found[currency] = found.get(currency, 0) + sign * int(total)
    for currency, total in [*_kept_for_orders(session, question), *_across_customers(session, question)]:
        found[currency] = found.get(currency, 0) + int(total)
    return found


def _kept_for_orders(session: Session, question: Question) -> Iterator[tuple[str, int]]:
    """By currency, what of the receipts was kept for orders on that day: no part of the receivables (S9)."""
    used = [Allocation.credit_id == Credit.id, Allocation.effective <= question.as_of]
    alive = [Credit.order_no.is_not(None), Credit.day <= question.as_of]
    ended = [[Credit.voided_on <= question.as_of], [Credit.released_on <= question.as_of]]
    if question.known_at is not None:
        used.append(Allocation.recorded_at <= question.known_at)
        alive.append(Credit.recorded_at <= question.known_at)
        ended[0].append(Credit.voided_at <= question.known_at)
        ended[1].append(Credit.released_at <= question.known_at)
    taken = sa.select(sa.func.coalesce(sa.func.sum(Allocation.amount_minor), 0)).where(*used).correlate(Credit).scalar_subquery()
    query = sa.select(Credit.currency, Credit.amount_minor - taken).where(*alive, *_which(question, Credit.customer_id, Credit.currency))
    for conditions in ended:
        query = query.where(sa.not_(sa.func.coalesce(sa.and_(*conditions), sa.false())))
    for currency, kept in session.execute(query):
        yield currency, int(kept)


def _across_customers(session: Session, question: Question) -> Iterator[tuple[str, int]]:
    """By currency, what customers of a group settled for one another: it leaves the payer's credit and the other's debt."""
    for owner, sign in ((Credit, 1), (Item, -1)):
        query = sa.select(owner.currency, sign * sa.func.sum(Allocation.amount_minor)).select_from(Allocation)
        query = query.join(Credit, Credit.id == Allocation.credit_id).join(Item, Item.id == Allocation.item_id)
        query = query.where(Allocation.across, Allocation.effective <= question.as_of, *_which(question, owner.customer_id, owner.currency))
        if question.known_at is not None:
            query = query.where(Allocation.recorded_at <= question.known_at)
        for currency, total in session.execute(query.group_by(owner.currency)):
            yield currency, int(total)


def load_names(session: Session, scope: Scope, ids: list[int]) -> dict[int, Name]:
    """Names of customers by id: all the scope sees when many are wanted, else just those."""
    query = sa.select(Customer.id, Customer.customer_no, Customer.name, Customer.sort_key, Customer.segment).where(seen(scope))
    wanted = sorted(set(ids))
    if len(wanted) <= 500:
        query = query.where(Customer.id.in_(wanted))
    return {row[0]: Name(row[1], row[2], row[3], row[4] or "") for row in session.connection().execute(query)}


def load_tops(session: Session, scope: Scope) -> dict[int, tuple[str, str]]:
    """Member id to number and name of the head of its group; heads and single customers are absent.

    A head outside the scope is not named: its members stand for themselves (S28).
    """
    rows = {row[0]: row for row in session.execute(sa.select(Customer.id, Customer.parent_id, Customer.customer_no, Customer.name).where(seen(scope)))}
    tops: dict[int, tuple[str, str]] = {}
    for member in rows:
        at, steps = rows[member], 0
        while at[1] is not None and at[1] in rows and steps < 50:
            at, steps = rows[at[1]], steps + 1
        if at[0] != member:
            tops[member] = (at[2], at[3])
    return tops


def load_item_sums(session: Session, question: Question) -> Iterator[ItemSum]:
    """A row per open item, oldest due first, then one per unapplied receipt or credit."""
    width = len(question.buckets.names)
    empty = (0,) * width
    items: Any
    credits: Any
    if is_current(session, question):
        items = sa.select(Item.id, Item.due_date.label("due"), Item.issue_date.label("issued"), Item.open_minor.label("rest")).where(
            Item.open_minor > 0, *_which(question, Item.customer_id, Item.currency)
        )
        credits = sa.select(Credit.id, (-Credit.open_minor).label("rest")).where(Credit.open_minor > 0, *_which(question, Credit.customer_id, Credit.currency))
    else:
        rest = sa.func.sum(Line.receivable)
        where = [*_when(question), *_which(question, Line.customer_id, Line.currency)]
        items = sa.select(Line.item_id.label("id"), Line.due, Line.issued, rest.label("rest")).where(*where, Line.item_id.is_not(None))
        items = items.group_by(Line.item_id, Line.due, Line.issued).having(rest != 0)
        unapplied = sa.func.sum(Line.unapplied)
        credits = sa.select(Line.credit_id.label("id"), unapplied.label("rest")).where(*where, Line.credit_id.is_not(None)).group_by(Line.credit_id).having(unapplied != 0)
    part = items.subquery()
    query = (
        sa.select(Item.document_no, Item.part, Item.parts, Customer.customer_no, Customer.name, Item.currency, part.c.due, part.c.issued, part.c.rest)
        .join(part, part.c.id == Item.id)
        .join(Customer, Customer.id == Item.customer_id)
        .order_by(sa.nulls_last(part.c.due.asc()), Item.document_no, Item.part)
    )
    for number, piece, pieces, customer_no, name, currency, due, issued, rest_minor in session.execute(query):
        shown = number if pieces == 1 else f"{number} {piece}/{pieces}"
        day = due if question.basis is Basis.DUE else issued
        if day is None:
            yield ItemSum("invoice", number, shown, customer_no, name, currency, due, empty, int(rest_minor), 0)
            continue
        place = question.buckets.place((question.as_of - day).days)
        yield ItemSum("invoice", number, shown, customer_no, name, currency, due, (*empty[:place], int(rest_minor), *empty[place + 1 :]), 0, 0)
    part = credits.subquery()
    query = (
        sa.select(Credit.kind, Credit.number, Customer.customer_no, Customer.name, Credit.currency, part.c.rest)
        .join(part, part.c.id == Credit.id)
        .join(Customer, Customer.id == Credit.customer_id)
        .order_by(Credit.day, Credit.number)
    )
    for kind, number, customer_no, name, currency, rest_minor in session.execute(query):
        yield ItemSum(kind, number, number, customer_no, name, currency, None, empty, 0, int(rest_minor))
