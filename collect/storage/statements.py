"""Statements of account 对账单 that were made for customers, and what came back of them."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from collect.domain.rights import Scope
from collect.storage.bank import BankAccount
from collect.storage.cash import Credit
from collect.storage.customers import Customer, seen, seen_ids
from collect.storage.database import Base, Day, Instant
from collect.storage.ledger import Line
from collect.storage.receivables import Item


class Statement(Base):
    """One statement as it was made. `kind`: demand (restarts limitation once proven sent) or confirm (with reply slip).

    `totals` by currency, `file_hash` of the PDF. `state`: made, sent, returned, confirmed, differing. `since`: the first
    day of the period it tells, None where it lists what is open. `pay_by`: the day a demand names. `known_at` is the
    instant whose books it shows, `head` the names and addresses as they were printed: with both it can be printed again.
    """

    __tablename__ = "statement"
    id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    seller_id: Mapped[int] = mapped_column(sa.ForeignKey("seller.id"))
    customer_id: Mapped[int] = mapped_column(sa.ForeignKey("customer.id"), index=True)
    number: Mapped[str] = mapped_column(sa.String(32), unique=True)
    kind: Mapped[str] = mapped_column(sa.String(8))
    as_of: Mapped[date] = mapped_column(Day)
    since: Mapped[date | None] = mapped_column(Day)
    pay_by: Mapped[date | None] = mapped_column(Day)
    known_at: Mapped[datetime] = mapped_column(Instant)
    head: Mapped[dict[str, Any]] = mapped_column(sa.JSON)
    language: Mapped[str] = mapped_column(sa.String(8))
    totals: Mapped[dict[str, Any]] = mapped_column(sa.JSON)
    file_hash: Mapped[str] = mapped_column(sa.String(64))
    state: Mapped[str] = mapped_column(sa.String(10))
    sent_on: Mapped[date | None] = mapped_column(Day)
    sent_by_way: Mapped[str | None] = mapped_column(sa.String(16))
    proof: Mapped[str | None] = mapped_column(sa.String(200))
    returned_on: Mapped[date | None] = mapped_column(Day)
    note: Mapped[str | None] = mapped_column(sa.String(400))
    by: Mapped[str] = mapped_column(sa.String(64))
    version: Mapped[int] = mapped_column(sa.Integer, default=1)
    recorded_at: Mapped[datetime] = mapped_column(Instant)
    __table_args__ = (
        sa.CheckConstraint("kind IN ('demand', 'confirm')", name="kind"),
        sa.CheckConstraint("state IN ('made', 'sent', 'returned', 'confirmed', 'differing')", name="state"),
        sa.Index("ix_statement_state", "state", "as_of"),
    )


class StatementDifference(Base):
    """One line on which the customer's books differ from ours; minor units of `currency`, None where one side lacks it."""

    __tablename__ = "statement_difference"
    id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    statement_id: Mapped[int] = mapped_column(sa.ForeignKey("statement.id"), index=True)
    document_no: Mapped[str | None] = mapped_column(sa.String(64))
    currency: Mapped[str] = mapped_column(sa.String(3))
    ours_minor: Mapped[int | None] = mapped_column(sa.BigInteger)
    theirs_minor: Mapped[int | None] = mapped_column(sa.BigInteger)
    reason: Mapped[str] = mapped_column(sa.String(24))
    note: Mapped[str | None] = mapped_column(sa.String(400))
    settled_on: Mapped[date | None] = mapped_column(Day)
    recorded_at: Mapped[datetime] = mapped_column(Instant)


@dataclass(frozen=True, slots=True)
class Books:
    """Which state of the books: effective up to `as_of`, recorded up to `known_at`, of the customers a scope sees, or of one."""

    as_of: date
    known_at: datetime
    scope: Scope
    customer_id: int | None = None

    def counts(self) -> list[sa.ColumnElement[bool]]:
        """The journal lines that count."""
        conditions: list[sa.ColumnElement[bool]] = [Line.day <= self.as_of, Line.recorded_at <= self.known_at]
        if self.customer_id is not None:
            conditions.append(Line.customer_id == self.customer_id)
        return conditions if self.scope.everything else [*conditions, seen_ids(self.scope, Line.customer_id)]


@dataclass(frozen=True, slots=True)
class StatementWish:
    """Which statements: of a state, a kind, a customer's number or part of a name; empty means all."""

    state: str = ""
    kind: str = ""
    text: str = ""
    customer_id: int | None = None


def load_open_lines(session: Session, books: Books) -> Generator[Any]:
    """Rows (customer, currency, document, part, parts, kind, issued, due, amount, open) by customer, currency and due date.

    One ordered cursor whatever the number of customers; what waits for an event comes last.
    """
    rest = sa.func.sum(Line.receivable)
    sums = sa.select(Line.customer_id, Line.item_id, Line.due, rest.label("rest")).where(*books.counts(), Line.item_id.is_not(None))
    part = sums.group_by(Line.customer_id, Line.item_id, Line.due).having(rest != 0).subquery()
    query = sa.select(part.c.customer_id, Item.currency, Item.document_no, Item.part, Item.parts, Item.kind, Item.issue_date, part.c.due, Item.amount_minor, part.c.rest)
    query = query.join(part, part.c.item_id == Item.id)
    query = query.order_by(part.c.customer_id, Item.currency, sa.nulls_last(part.c.due.asc()), Item.issue_date, Item.document_no, Item.part)
    with session.connection().execute(query.execution_options(stream_results=True, yield_per=5_000)) as rows:
        yield from rows


def load_credit_lines(session: Session, books: Books) -> dict[int, list[Any]]:
    """Rows (customer, currency, kind, number, day, amount, unapplied) of what no item took, by customer, oldest first.

    Unapplied as the journal has it: money marked for an order is not among it before it is applied (S9).
    """
    rest = -sa.func.sum(Line.unapplied)
    sums = sa.select(Line.credit_id, rest.label("rest")).where(*books.counts(), Line.credit_id.is_not(None))
    part = sums.group_by(Line.credit_id).having(rest != 0).subquery()
    query = sa.select(Credit.customer_id, Credit.currency, Credit.kind, Credit.number, Credit.day, Credit.amount_minor, part.c.rest)
    found: dict[int, list[Any]] = {}
    for row in session.connection().execute(query.join(part, part.c.credit_id == Credit.id).order_by(Credit.customer_id, Credit.currency, Credit.day, Credit.number)):
        found.setdefault(row[0], []).append(row)
    return found


def load_movements(session: Session, books: Books, since: date) -> list[Any]:
    """Rows (customer, currency, day, kind, number, change) of what changed balances from `since` on, by customer and day.

    What only moves inside an account (an allocation, another due date) changes no balance and is not there.
    """
    change = sa.func.sum(Line.receivable + Line.unapplied)
    where = [*books.counts(), Line.day >= since]
    keys = (Line.customer_id, Line.currency, Line.day)
    issued = sa.select(*keys, Item.kind, Item.document_no, change).join(Item, Item.id == Line.item_id).where(*where, Line.credit_id.is_(None))
    issued = issued.group_by(*keys, Item.kind, Item.document_no).having(change != 0)
    paid = (
        sa.select(*keys, Credit.kind, Credit.number, change).join(Credit, Credit.id == Line.credit_id).where(*where).group_by(*keys, Credit.kind, Credit.number).having(change != 0)
    )
    rows = [tuple(row) for query in (issued, paid) for row in session.connection().execute(query)]
    return sorted(rows, key=lambda row: (row[0], row[1], row[2], -row[5], row[4]))


def load_members(session: Session, scope: Scope, parent_id: int) -> list[Customer]:
    """The customers below one in its group, all levels, by number; none that the scope does not see."""
    found: dict[int, Customer] = {}
    level = [parent_id]
    while level:
        rows = session.scalars(sa.select(Customer).where(Customer.parent_id.in_(level), seen(scope)))
        fresh = [row for row in rows if row.id not in found and row.id != parent_id]
        found.update((row.id, row) for row in fresh)
        level = [row.id for row in fresh]
    return sorted(found.values(), key=lambda row: row.customer_no)


def load_parties(session: Session, scope: Scope) -> dict[int, Any]:
    """Rows (id, number, name, address, tax number, language, segment, rep, country) of every customer the scope sees, by id."""
    columns = (Customer.id, Customer.customer_no, Customer.name, Customer.address, Customer.tax_no, Customer.language, Customer.segment, Customer.rep_id, Customer.country)
    return {row.id: row for row in session.connection().execute(sa.select(*columns).where(seen(scope)))}


def own_accounts(session: Session, seller_id: int) -> list[tuple[str, str, str]]:
    """Our bank accounts in use, as (currency, number, name)."""
    query = sa.select(BankAccount.currency, BankAccount.number, BankAccount.name).where(BankAccount.seller_id == seller_id, BankAccount.closed_on.is_(None))
    return [(currency, number, name) for currency, number, name in session.execute(query.order_by(BankAccount.currency, BankAccount.number))]


def add_all(session: Session, rows: Sequence[Statement]) -> None:
    """Insert rows that are in no session, in one statement."""
    names = [column.key for column in Statement.__mapper__.column_attrs]
    session.execute(sa.insert(Statement), [{name: getattr(row, name) for name in names} for row in rows])


def find_statement(session: Session, scope: Scope, statement_id: int) -> tuple[Statement, Customer] | None:
    """A statement with its customer, if the scope sees him."""
    query = sa.select(Statement, Customer).join(Customer, Customer.id == Statement.customer_id).where(Statement.id == statement_id, seen(scope))
    row = session.execute(query).first()
    return (row[0], row[1]) if row else None


def load_page(session: Session, scope: Scope, wish: StatementWish, after: int | None, limit: int) -> list[tuple[Statement, str, str]]:
    """Statements with their customers' numbers and names, the last made first, those before an id; at most `limit`."""
    query = sa.select(Statement, Customer.customer_no, Customer.name).join(Customer, Customer.id == Statement.customer_id)
    query = query.where(seen(scope)).order_by(Statement.id.desc())
    if after is not None:
        query = query.where(Statement.id < after)
    if wish.state:
        query = query.where(Statement.state == wish.state)
    if wish.kind:
        query = query.where(Statement.kind == wish.kind)
    if wish.customer_id is not None:
        query = query.where(Statement.customer_id == wish.customer_id)
    if wish.text:
        text = wish.text.lower()
        named = (sa.func.lower(column).contains(text, autoescape=True) for column in (Customer.customer_no, Customer.name, Statement.number))
        query = query.where(sa.or_(*named))
    return [(row, number, name) for row, number, name in session.execute(query.limit(limit))]


def count_states(session: Session, scope: Scope) -> dict[str, int]:
    """How many statements there are in each state, of the customers the scope sees."""
    query = sa.select(Statement.state, sa.func.count()).where(seen_ids(scope, Statement.customer_id)).group_by(Statement.state)
    return {state: int(count) for state, count in session.execute(query)}


def load_differences(session: Session, statement_id: int) -> list[StatementDifference]:
    """The lines on which a statement differs from the customer's books, in the order they were entered."""
    return list(session.scalars(sa.select(StatementDifference).where(StatementDifference.statement_id == statement_id).order_by(StatementDifference.id)))
