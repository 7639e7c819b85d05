"""The receivables journal: one balanced, append-only line for every effect, day totals for the control, closed months."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from collect.domain.rights import Scope
from collect.storage.customers import seen_ids
from collect.storage.database import Base, Day, Instant, Minor


class Line(Base):
    """One effect on a customer's account: receivable + unapplied + contra = 0, held by the database itself (S9).

    `receivable` moves the aged balance of the item whose due and issue dates it repeats (a NULL `due` is the
    provisional column), `unapplied` moves cash and credits not yet used (negative: the customer's favour), `contra`
    is the other side, on the account named `account`. Repeating the dates makes the aging of any past day one
    ordered scan without a join: a settled item cancels inside its own bucket. On SQLite the primary key is the
    clustered order of that scan.
    """

    __tablename__ = "ledger_line"
    customer_id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    seller_id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    currency: Mapped[str] = mapped_column(sa.String(3), primary_key=True)
    id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    day: Mapped[date] = mapped_column(Day)
    due: Mapped[date | None] = mapped_column(Day)
    issued: Mapped[date | None] = mapped_column(Day)
    receivable: Mapped[int] = mapped_column(Minor)
    unapplied: Mapped[int] = mapped_column(Minor)
    recorded_at: Mapped[datetime] = mapped_column(Instant)
    contra: Mapped[int] = mapped_column(Minor)
    account: Mapped[str | None] = mapped_column(sa.String(12))
    event: Mapped[str] = mapped_column(sa.String(10))
    item_id: Mapped[int | None] = mapped_column(sa.BigInteger)
    credit_id: Mapped[int | None] = mapped_column(sa.BigInteger)
    allocation_id: Mapped[int | None] = mapped_column(sa.BigInteger)
    __table_args__ = (
        sa.CheckConstraint("receivable + unapplied + contra = 0", name="balanced"),
        {"sqlite_with_rowid": False},
    )


class DayTotal(Base):
    """What one transaction recorded for one effective day, twice: from its journal lines and from its documents.

    `receivable` and `unapplied` add up the lines; `documents` adds up items less credits (voids negated). A report
    computed from one side is held against the other before it is shown (S9); `collect verify` holds both against
    the rows themselves.
    """

    __tablename__ = "day_total"
    id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    seller_id: Mapped[int] = mapped_column(sa.BigInteger)
    currency: Mapped[str] = mapped_column(sa.String(3))
    day: Mapped[date] = mapped_column(Day)
    receivable: Mapped[int] = mapped_column(Minor)
    unapplied: Mapped[int] = mapped_column(Minor)
    documents: Mapped[int] = mapped_column(Minor)
    recorded_at: Mapped[datetime] = mapped_column(Instant)
    __table_args__ = (sa.Index("ix_day_total_day", "day"),)


class MonthClose(Base):
    """A month of the books closed (or opened again): the latest row of a month says which."""

    __tablename__ = "month_close"
    id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    seller_id: Mapped[int] = mapped_column(sa.BigInteger)
    month: Mapped[str] = mapped_column(sa.String(7))
    closed: Mapped[bool] = mapped_column(sa.Boolean)
    by: Mapped[str] = mapped_column(sa.String(64))
    reason: Mapped[str | None] = mapped_column(sa.String(200))
    recorded_at: Mapped[datetime] = mapped_column(Instant)


def load_closed_months(session: Session) -> frozenset[str]:
    """The months (`2012-02`) in which no entry may be effective any more (S9)."""
    state: dict[str, bool] = {}
    for month, closed in session.execute(sa.select(MonthClose.month, MonthClose.closed).order_by(MonthClose.recorded_at, MonthClose.id)):
        state[month] = closed
    return frozenset(month for month, closed in state.items() if closed)


_STEP = 1 << 20
"""Minor units that sums over everything are rounded up to, so that adding them up cannot overflow a 64-bit integer."""


def load_volumes(session: Session, seller_id: int, currency: str) -> tuple[int, int]:
    """How much was ever invoiced, and how much ever received or credited, in minor units and rounded up a little.

    Read from the day totals: few rows, and each holds what one transaction recorded.
    """

    def steps(amount: Any) -> sa.ColumnElement[int]:
        return sa.func.coalesce(sa.func.sum(sa.case((amount > 0, amount // _STEP + 1), else_=0)), 0)

    query = sa.select(steps(DayTotal.receivable), steps(-DayTotal.receivable) + steps(-DayTotal.unapplied))
    row = session.execute(query.where(DayTotal.seller_id == seller_id, DayTotal.currency == currency)).one()
    return int(row[0]) * _STEP, int(row[1]) * _STEP


def first_due_of(session: Session, items: Mapping[int, int]) -> dict[int, date]:
    """The first due date that items had, by item id, before anybody moved it; `items` are their customers' ids by item id.

    One that waited for an event has that which the event gave. Items without a line that tells it are left out.
    """
    found: dict[int, date] = {}
    if items:
        query = sa.select(Line.item_id, Line.due).where(Line.customer_id.in_(set(items.values())), Line.item_id.in_(set(items)), Line.due.is_not(None))
        query = query.where(Line.event.in_(("issue", "redate")), Line.allocation_id.is_(None)).order_by(Line.recorded_at, Line.id)
        for key, due in session.execute(query):
            if key is not None and due is not None:
                found.setdefault(key, due)
    return found


def load_item_lines(session: Session, scope: Scope, customer_id: int, item_ids: list[int]) -> list[Line]:
    """The journal lines of a customer's items, in the order they were recorded; none outside the scope."""
    query = sa.select(Line).where(Line.customer_id == customer_id, Line.item_id.in_(item_ids), seen_ids(scope, Line.customer_id))
    return list(session.scalars(query.order_by(Line.recorded_at, Line.id)))
