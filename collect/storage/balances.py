"""Balances as of a date and as known at an instant: the sums an aging needs, and the other path they are held against (S9)."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import compress, pairwise
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session
from sqlalchemy.sql.functions import GenericFunction

from collect.domain.aging import Basis, Buckets
from collect.domain.rights import Scope
from collect.storage.cash import Allocation, Credit
from collect.storage.customers import Customer, Moment, load_former, seen, seen_ids
from collect.storage.ledger import DayTotal, Line
from collect.storage.receivables import Item


@dataclass(frozen=True, slots=True)
class Question:
    """Which balances: effective up to `as_of`, recorded up to `known_at` (None: all), in these buckets, for these customers.

    `age_unapplied` puts cash and credits not yet used into the buckets by their own date, as negative amounts (S8).
    """

    as_of: date
    known_at: datetime | None
    basis: Basis
    buckets: Buckets
    scope: Scope
    customer_id: int | None = None
    currency: str | None = None
    age_unapplied: bool = False


class Sum(NamedTuple):
    """One customer's balance in one currency, minor units; `amounts` in the order of the buckets' names."""

    customer_id: int
    currency: str
    amounts: tuple[int, ...]
    provisional: int
    unapplied: int


@dataclass(frozen=True, slots=True)
class Columns:
    """Many customers' balances, a list a column: added up, paired and put in order by the column, at a tenth of the time of row by row.

    `buckets` has a list a bucket, in the order of the buckets' names.
    """

    customers: Sequence[int]
    currencies: Sequence[str]
    buckets: tuple[Sequence[int], ...]
    provisional: Sequence[int]
    unapplied: Sequence[int]

    def figures(self) -> tuple[Sequence[int], ...]:
        """The columns that hold amounts: the buckets, what is provisional, what is unapplied."""
        return (*self.buckets, self.provisional, self.unapplied)

    def sums(self) -> dict[str, tuple[int, ...]]:
        """What each column of `figures` comes to, by currency."""
        found: dict[str, tuple[int, ...]] = {}
        codes = sorted(set(self.currencies))
        for currency in codes:
            mine = [one == currency for one in self.currencies] if len(codes) > 1 else []
            found[currency] = tuple(sum(compress(column, mine) if mine else column) for column in self.figures())
        return found

    def rows(self) -> list[Sum]:
        """The same as an entry a customer and currency."""
        return list(map(Sum._make, zip(self.customers, self.currencies, zip(*self.buckets, strict=True), self.provisional, self.unapplied, strict=True)))


Name = tuple[int, str, str, str]
"""What a report needs to know of a customer: id, number, name, what it is sorted by."""


def is_current(session: Session, question: Question) -> bool:
    """Whether the open balances kept on the rows are the answer: nothing recorded is effective after `as_of`, nothing left out."""
    if question.known_at is not None:
        return False
    latest = session.scalar(sa.select(sa.func.max(DayTotal.day)))
    return latest is None or latest <= question.as_of


def load_sums(session: Session, question: Question) -> list[Sum]:
    """The balances by customer and currency, one entry each; see `load_columns`."""
    return load_columns(session, question).rows()


def load_columns(session: Session, question: Question) -> Columns:
    """The balances by customer and currency; a customer who owes nothing and has nothing is absent.

    As of a day on which everything recorded counts, the open balances kept on items and credits are read through their
    partial covering indexes; any other question is one ordered scan over the journal lines.
    """
    columns = _plain_columns(session, question)
    return _with_aged(columns, _aged_credits(session, question)) if question.age_unapplied else columns


def _plain_columns(session: Session, question: Question) -> Columns:
    """The balances with what is unapplied in a column of its own."""
    width = 2 + len(question.buckets.names) + 1
    if not is_current(session, question):
        day = Line.due if question.basis is Basis.DUE else Line.issued
        query = sa.select(Line.customer_id, Line.currency, *_columns(question, day, Line.receivable), _total(Line.unapplied))
        query = query.where(*when(question), *which(question, Line.customer_id, Line.currency)).group_by(Line.customer_id, Line.currency)
        columns = _across(_fetched(session, query), width + 1)
        return _with_anything(Columns(columns[0], columns[1], tuple(columns[2:-2]), columns[-2], columns[-1]))
    day = Item.due_date if question.basis is Basis.DUE else Item.issue_date
    items = sa.select(Item.customer_id, Item.currency, *_columns(question, day, Item.open_minor)).where(Item.open_minor > 0, *which(question, Item.customer_id, Item.currency))
    columns = _across(_fetched(session, items.group_by(Item.customer_id, Item.currency)), width)
    credits = sa.select(Credit.customer_id, Credit.currency, -_total(Credit.open_minor)).where(Credit.open_minor > 0, *which(question, Credit.customer_id, Credit.currency))
    unapplied = {(row[0], row[1]): row[2] for row in _fetched(session, credits.group_by(Credit.customer_id, Credit.currency))}
    taken = [unapplied.pop(key, 0) for key in zip(columns[0], columns[1], strict=True)]
    return _with_credits(Columns(columns[0], columns[1], tuple(columns[2:-1]), columns[-1], taken), unapplied)


def _aged_credits(session: Session, question: Question) -> dict[tuple[int, str], Sequence[int]]:
    """By customer and currency, what is unapplied in each bucket by the day of its receipt or credit note (S8); negative amounts."""
    if is_current(session, question):
        owner: Any = Credit
        query = sa.select(Credit.customer_id, Credit.currency, *_columns(question, Credit.day, -Credit.open_minor)).where(Credit.open_minor > 0)
    else:
        owner = Line
        query = sa.select(Line.customer_id, Line.currency, *_columns(question, Credit.day, Line.unapplied)).join(Credit, Credit.id == Line.credit_id).where(*when(question))
    query = query.where(*which(question, owner.customer_id, owner.currency)).group_by(owner.customer_id, owner.currency)
    return {(row[0], row[1]): row[2:-1] for row in _fetched(session, query)}


def _with_aged(columns: Columns, aged: dict[tuple[int, str], Sequence[int]]) -> Columns:
    """With what is unapplied added to the buckets instead of standing beside them."""
    rows = {(row.customer_id, row.currency): [*row.amounts, row.provisional] for row in columns.rows()}
    for key, amounts in aged.items():
        if key in rows:
            rows[key][:-1] = [one + other for one, other in zip(rows[key], amounts, strict=False)]
    made = _across([(*key, *figures, 0) for key, figures in rows.items()], 2 + len(columns.buckets) + 2)
    return _with_anything(Columns(made[0], made[1], tuple(made[2:-2]), made[-2], made[-1]))


def _fetched(session: Session, query: sa.Executable) -> Sequence[Any]:
    """All rows of a query of numbers and texts, as the driver gives them: without an object of SQLAlchemy's around each."""
    with contextlib.closing(session.connection().execute(query)) as result:
        return result.cursor.fetchall()


def _across(rows: Sequence[Any], width: int) -> list[Sequence[Any]]:
    """Rows of so many cells as columns."""
    return list(zip(*rows, strict=True)) if rows else [()] * width


def _with_anything(columns: Columns) -> Columns:
    """Without the customers whose every figure is nothing: everything was settled by then."""
    kept = list(map(any, zip(*columns.figures(), strict=True)))
    if all(kept):
        return columns

    def left(column: Sequence[Any]) -> list[Any]:
        return list(compress(column, kept))

    return Columns(left(columns.customers), left(columns.currencies), tuple(map(left, columns.buckets)), left(columns.provisional), left(columns.unapplied))


def _with_credits(columns: Columns, unapplied: dict[tuple[int, str], int]) -> Columns:
    """With those who have unapplied money and owe nothing."""
    if not unapplied:
        return columns
    zeros = [0] * len(unapplied)
    return Columns(
        [*columns.customers, *(customer_id for customer_id, _ in unapplied)],
        [*columns.currencies, *(currency for _, currency in unapplied)],
        tuple([*bucket, *zeros] for bucket in columns.buckets),
        [*columns.provisional, *zeros],
        [*columns.unapplied, *unapplied.values()],
    )


def _total(amount: Any, *when: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
    """The sum of amounts, of those alone that meet a condition; 0 for none."""
    total = sa.func.sum(amount)
    return Whole(sa.func.coalesce(total.filter(*when) if when else total, sa.literal_column("0")))


class Whole(GenericFunction[int]):
    """A sum as an integer: PostgreSQL adds bigints up to a numeric, which would arrive as a Decimal, cell by cell.

    It fits, because no company's receivables may come to more than 64 bits hold.
    """

    type = sa.BigInteger()
    inherit_cache = True


@compiles(Whole)
def _as_it_is(element: Whole, compiler: Any, **options: Any) -> str:
    return str(compiler.process(element.clauses, **options))


@compiles(Whole, "postgresql")
def _as_bigint(element: Whole, compiler: Any, **options: Any) -> str:
    return f"CAST({compiler.process(element.clauses, **options)} AS BIGINT)"


def _columns(question: Question, day: Any, amount: Any) -> list[sa.ColumnElement[int]]:
    """A sum for each bucket, then that of the amounts without a date.

    Conditions that exclude each other: each row is added to one sum, and compared twice for each of the others at most,
    which is faster than adding it to the sums of all buckets that it is older than.
    """
    starts = question.buckets.starts(question.as_of)
    between = [_total(amount, day > before, day <= start) for start, before in pairwise(starts)]
    return [_total(amount, day > starts[0]), *between, _total(amount, day <= starts[-1]), _total(amount, day.is_(None))]


def which(question: Question, customer: Any, currency: Any) -> list[sa.ColumnElement[bool]]:
    """The customers and the currency asked for."""
    conditions: list[sa.ColumnElement[bool]] = [] if question.scope.everything else [seen_ids(question.scope, customer)]
    if question.customer_id is not None:
        conditions.append(customer == question.customer_id)
    if question.currency is not None:
        conditions.append(currency == question.currency)
    return conditions


def when(question: Question) -> list[sa.ColumnElement[bool]]:
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
        query = sa.select(Line.currency, sa.func.sum(Line.receivable + Line.unapplied)).where(*when(question), *which(question, Line.customer_id, Line.currency))
        return {currency: int(total) for currency, total in session.execute(query.group_by(Line.currency))}
    found: dict[str, int] = {}
    for table, day, sign in ((Item, Item.issue_date, 1), (Credit, Credit.day, -1)):
        dead = [table.voided_on <= question.as_of]
        alive = [day <= question.as_of]
        if question.known_at is not None:
            dead.append(table.voided_at <= question.known_at)
            alive.append(table.recorded_at <= question.known_at)
        query = sa.select(table.currency, sa.func.sum(table.amount_minor)).where(*alive, *which(question, table.customer_id, table.currency))
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
    query = sa.select(Credit.currency, Credit.amount_minor - taken).where(*alive, *which(question, Credit.customer_id, Credit.currency))
    for conditions in ended:
        query = query.where(sa.not_(sa.func.coalesce(sa.and_(*conditions), sa.false())))
    for currency, kept in session.execute(query):
        yield currency, int(kept)


def _across_customers(session: Session, question: Question) -> Iterator[tuple[str, int]]:
    """By currency, what customers of a group settled for one another: it leaves the payer's credit and the other's debt."""
    for owner, sign in ((Credit, 1), (Item, -1)):
        query = sa.select(owner.currency, sign * sa.func.sum(Allocation.amount_minor)).select_from(Allocation)
        query = query.join(Credit, Credit.id == Allocation.credit_id).join(Item, Item.id == Allocation.item_id)
        query = query.where(Allocation.across, Allocation.effective <= question.as_of, *which(question, owner.customer_id, owner.currency))
        if question.known_at is not None:
            query = query.where(Allocation.recorded_at <= question.known_at)
        for currency, total in session.execute(query.group_by(owner.currency)):
            yield currency, int(total)


def load_names(session: Session, scope: Scope, ids: Sequence[int]) -> dict[int, Name]:
    """Names of customers by id: all the scope sees when many are wanted, else just those."""
    query = sa.select(Customer.id, Customer.customer_no, Customer.name, Customer.sort_key).where(seen(scope))
    wanted = set(ids)
    if len(wanted) <= 500:
        query = query.where(Customer.id.in_(sorted(wanted)))
    return {row[0]: row for row in _fetched(session, query)}


def load_segments(session: Session, scope: Scope, moment: Moment | None = None) -> dict[int, str]:
    """Customer id to segment, of those that have one; as it was at the moment, where one is told."""
    query = sa.select(Customer.id, Customer.segment).where(seen(scope), Customer.segment != "")
    found = dict(_fetched(session, query))
    if moment is None:
        return found
    return {key: segment for key, segment in (found | load_former(session, scope, "segment", moment)).items() if segment}


def load_tops(session: Session, scope: Scope, moment: Moment | None = None) -> dict[int, tuple[str, str]]:
    """Member id to number and name of the head of its group, as it was at the moment where one is told; heads and single customers are absent.

    A head outside the scope is not named: its members stand for themselves (S28).
    """
    rows: dict[int, Any] = {row[0]: row for row in session.execute(sa.select(Customer.id, Customer.parent_id, Customer.customer_no, Customer.name).where(seen(scope)))}
    if moment is not None:
        rows |= {key: (key, parent, *rows[key][2:]) for key, parent in load_former(session, scope, "parent_id", moment).items()}
    tops: dict[int, tuple[str, str]] = {}
    for member in rows:
        at, steps = rows[member], 0
        while at[1] is not None and at[1] in rows and steps < 50:
            at, steps = rows[at[1]], steps + 1
        if at[0] != member:
            tops[member] = (at[2], at[3])
    return tops
