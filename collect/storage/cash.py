"""What customers paid or were credited, and which items it settled: receipts, credit notes, allocations."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from collect.domain.rights import Scope
from collect.storage.customers import seen_ids
from collect.storage.database import Base, Day, Instant, Minor


class Credit(Base):
    """An amount in the customer's favour: a receipt, a credit note, a write-off; `open_minor` is what no item took yet (S8).

    `payer` is who the bank says paid, `line_id` the bank line it came from. `order_no`: marked for an order, a prepayment
    预收 that is no part of the receivables until it is applied (S9, S13)."""

    __tablename__ = "credit"
    id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    seller_id: Mapped[int] = mapped_column(sa.BigInteger)
    customer_id: Mapped[int] = mapped_column(sa.BigInteger)
    kind: Mapped[str] = mapped_column(sa.String(12))
    number: Mapped[str] = mapped_column(sa.String(64))
    day: Mapped[date] = mapped_column(Day)
    currency: Mapped[str] = mapped_column(sa.String(3))
    amount_minor: Mapped[int] = mapped_column(Minor)
    open_minor: Mapped[int] = mapped_column(Minor)
    voided_on: Mapped[date | None] = mapped_column(Day)
    voided_at: Mapped[datetime | None] = mapped_column(Instant)
    method: Mapped[str | None] = mapped_column(sa.String(16))
    bank_reference: Mapped[str | None] = mapped_column(sa.String(100))
    reason: Mapped[str | None] = mapped_column(sa.String(200))
    payer: Mapped[str | None] = mapped_column(sa.String(200))
    order_no: Mapped[str | None] = mapped_column(sa.String(64))
    line_id: Mapped[int | None] = mapped_column(sa.BigInteger)
    import_id: Mapped[int | None] = mapped_column(sa.BigInteger)
    version: Mapped[int] = mapped_column(sa.Integer, default=1)
    recorded_at: Mapped[datetime] = mapped_column(Instant)
    __table_args__ = (
        sa.UniqueConstraint("number", "kind", "seller_id"),
        sa.CheckConstraint("amount_minor > 0", name="amount"),
        sa.CheckConstraint("open_minor >= 0 AND open_minor <= amount_minor", name="open"),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"]),
        sa.ForeignKeyConstraint(["seller_id"], ["seller.id"]),
        sa.Index("ix_credit_open", "customer_id", "currency", "day", "open_minor", sqlite_where=sa.text("open_minor > 0"), postgresql_where=sa.text("open_minor > 0")),
        sa.Index("ix_credit_customer_id_day", "customer_id", "day"),
    )


class Allocation(Base):
    """So much of a credit settles so much of an item from `effective` on; a reversal is a row of its own with the amount negated (S5)."""

    __tablename__ = "allocation"
    id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    credit_id: Mapped[int] = mapped_column(sa.BigInteger)
    item_id: Mapped[int] = mapped_column(sa.BigInteger)
    amount_minor: Mapped[int] = mapped_column(Minor)
    effective: Mapped[date] = mapped_column(Day)
    reverses_id: Mapped[int | None] = mapped_column(sa.BigInteger, unique=True)
    recorded_at: Mapped[datetime] = mapped_column(Instant)
    __table_args__ = (
        sa.CheckConstraint("(reverses_id IS NULL AND amount_minor > 0) OR (reverses_id IS NOT NULL AND amount_minor < 0)", name="amount"),
        sa.ForeignKeyConstraint(["credit_id"], ["credit.id"]),
        sa.ForeignKeyConstraint(["item_id"], ["item.id"]),
        sa.ForeignKeyConstraint(["reverses_id"], ["allocation.id"]),
        sa.Index("ix_allocation_item_id", "item_id"),
        sa.Index("ix_allocation_credit_id", "credit_id"),
    )


def find_credit(session: Session, scope: Scope, kind: str, number: str) -> Credit | None:
    """The credit of that kind and number if the scope sees its customer."""
    return session.scalars(sa.select(Credit).where(Credit.number == number, Credit.kind == kind, seen_ids(scope, Credit.customer_id))).first()


def load_customer_credits(session: Session, scope: Scope, customer_id: int, only_open: bool = True) -> list[Credit]:
    """A customer's receipts and credits by date; only those not used up unless told otherwise."""
    query = sa.select(Credit).where(Credit.customer_id == customer_id, seen_ids(scope, Credit.customer_id))
    if only_open:
        query = query.where(Credit.open_minor > 0)
    return list(session.scalars(query.order_by(Credit.day, Credit.id)))


def load_item_allocations(session: Session, scope: Scope, item_ids: list[int]) -> list[tuple[Allocation, Credit]]:
    """The allocations of items with the credit each came from, oldest first."""
    rows = session.execute(
        sa.select(Allocation, Credit)
        .join(Credit, Credit.id == Allocation.credit_id)
        .where(Allocation.item_id.in_(item_ids), seen_ids(scope, Credit.customer_id))
        .order_by(Allocation.effective, Allocation.id)
    )
    return [(allocation, credit) for allocation, credit in rows]
