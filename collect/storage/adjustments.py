"""What somebody asks to be taken off a debt and somebody else decides: write-offs, tails, credits, refunds; and the rebates earned."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from collect.storage.database import Base, Day, Instant, Minor


class Adjustment(Base):
    """A request and its decision. `kind`: write_off, tail, credit, refund, set_off, recovery.

    `parts` names what it is about: [{"item_id", "amount"}] or [{"credit_id", "amount"}]. `level` is the approval it needs
    (1 one manager, 2 two of them), `first_by` the first of two. Nothing is posted before it is approved (S12, S29);
    `credit_id` and `item_id` are what the approval posted.
    """

    __tablename__ = "adjustment"
    id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(sa.String(12))
    customer_id: Mapped[int] = mapped_column(sa.ForeignKey("customer.id"), index=True)
    currency: Mapped[str] = mapped_column(sa.String(3))
    amount_minor: Mapped[int] = mapped_column(Minor)
    parts: Mapped[list[Any]] = mapped_column(sa.JSON)
    reason: Mapped[str] = mapped_column(sa.String(24))
    note: Mapped[str | None] = mapped_column(sa.String(400))
    document: Mapped[str | None] = mapped_column(sa.String(100))
    level: Mapped[int] = mapped_column(sa.SmallInteger)
    state: Mapped[str] = mapped_column(sa.String(10))
    requested_by: Mapped[int | None] = mapped_column(sa.ForeignKey("user_account.id"))
    requested_on: Mapped[date] = mapped_column(Day)
    first_by: Mapped[int | None] = mapped_column(sa.ForeignKey("user_account.id"))
    decided_by: Mapped[int | None] = mapped_column(sa.ForeignKey("user_account.id"))
    decided_on: Mapped[date | None] = mapped_column(Day)
    answer: Mapped[str | None] = mapped_column(sa.String(400))
    credit_id: Mapped[int | None] = mapped_column(sa.BigInteger)
    item_id: Mapped[int | None] = mapped_column(sa.BigInteger)
    version: Mapped[int] = mapped_column(sa.Integer, default=1)
    recorded_at: Mapped[datetime] = mapped_column(Instant)
    __table_args__ = (
        sa.CheckConstraint("amount_minor > 0", name="amount"),
        sa.CheckConstraint("state IN ('open', 'approved', 'refused', 'withdrawn')", name="state"),
        sa.Index("ix_adjustment_state", "state", "kind"),
    )


class Rebate(Base):
    """One entry of a customer's rebate account: earned (positive), or granted by a credit or paid (negative); a wrong one is reversed (P13)."""

    __tablename__ = "rebate"
    id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    customer_id: Mapped[int] = mapped_column(sa.ForeignKey("customer.id"), index=True)
    day: Mapped[date] = mapped_column(Day)
    currency: Mapped[str] = mapped_column(sa.String(3))
    amount_minor: Mapped[int] = mapped_column(Minor)
    note: Mapped[str] = mapped_column(sa.String(200))
    credit_id: Mapped[int | None] = mapped_column(sa.BigInteger)
    reverses_id: Mapped[int | None] = mapped_column(sa.BigInteger, unique=True)
    by: Mapped[str] = mapped_column(sa.String(64))
    recorded_at: Mapped[datetime] = mapped_column(Instant)
