"""Statements of account 对账单 that were made for customers, and what came back of them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from collect.storage.database import Base, Day, Instant


class Statement(Base):
    """One statement as it was made. `kind`: demand (restarts limitation once proven sent) or confirm (with reply slip).

    `totals` by currency, `file_hash` of the PDF. `state`: made, sent, returned, confirmed, differing.
    """

    __tablename__ = "statement"
    id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    seller_id: Mapped[int] = mapped_column(sa.ForeignKey("seller.id"))
    customer_id: Mapped[int] = mapped_column(sa.ForeignKey("customer.id"), index=True)
    number: Mapped[str] = mapped_column(sa.String(32), unique=True)
    kind: Mapped[str] = mapped_column(sa.String(8))
    as_of: Mapped[date] = mapped_column(Day)
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
