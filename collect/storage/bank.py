"""Our bank accounts, the statements that came in, and their lines, each with its fingerprint and what became of it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from collect.storage.database import Base, Day, Instant, Minor


class BankAccount(Base):
    """An account of ours that money comes in on; `number` is the IBAN or account number as banks write it, without spaces.

    `through` is the last day that the account's statements cover: promises are judged only on days that every account
    which still delivers covers (S22).
    """

    __tablename__ = "bank_account"
    id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    seller_id: Mapped[int] = mapped_column(sa.ForeignKey("seller.id"))
    number: Mapped[str] = mapped_column(sa.String(64))
    name: Mapped[str] = mapped_column(sa.String(100))
    currency: Mapped[str] = mapped_column(sa.String(3))
    through: Mapped[date | None] = mapped_column(Day)
    closed_on: Mapped[date | None] = mapped_column(Day)
    version: Mapped[int] = mapped_column(sa.Integer, default=1)
    recorded_at: Mapped[datetime] = mapped_column(Instant)
    __table_args__ = (sa.UniqueConstraint("seller_id", "number", "currency"),)


class BankStatement(Base):
    """One statement of one account as a file told it; opening + lines = closing was checked where both are known.

    `form`: camt.052, camt.053, camt.054, mt940, mt942, ofx, csv or xls.
    """

    __tablename__ = "bank_statement"
    id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    account_id: Mapped[int] = mapped_column(sa.ForeignKey("bank_account.id"), index=True)
    form: Mapped[str] = mapped_column(sa.String(12))
    number: Mapped[str | None] = mapped_column(sa.String(64))
    since: Mapped[date | None] = mapped_column(Day)
    through: Mapped[date | None] = mapped_column(Day)
    opening_minor: Mapped[int | None] = mapped_column(Minor)
    closing_minor: Mapped[int | None] = mapped_column(Minor)
    lines: Mapped[int] = mapped_column(sa.Integer)
    fresh: Mapped[int] = mapped_column(sa.Integer)
    file_name: Mapped[str] = mapped_column(sa.String(255))
    file_hash: Mapped[str] = mapped_column(sa.String(64), index=True)
    import_id: Mapped[int | None] = mapped_column(sa.BigInteger)
    by: Mapped[str] = mapped_column(sa.String(64))
    recorded_at: Mapped[datetime] = mapped_column(Instant)


class BankLine(Base):
    """One movement on an account; `amount_minor` is positive for money in.

    `fingerprint` is a hash of everything the bank tells of the line, `ordinal` counts the truly equal ones, so that the
    same line of two files is one and two equal lines of one statement are two (S16). `state`: open, applied (a credit
    was made of it, `credit_id`), ignored (not from a customer, with a reason), or out (money that went out).
    `proposal` is the latest match proposed with its evidence, `score` its strength from 0 to 100 (S13).
    """

    __tablename__ = "bank_line"
    id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    account_id: Mapped[int] = mapped_column(sa.ForeignKey("bank_account.id"))
    statement_id: Mapped[int] = mapped_column(sa.ForeignKey("bank_statement.id"), index=True)
    fingerprint: Mapped[str] = mapped_column(sa.String(64))
    ordinal: Mapped[int] = mapped_column(sa.Integer)
    day: Mapped[date] = mapped_column(Day)
    value_day: Mapped[date | None] = mapped_column(Day)
    amount_minor: Mapped[int] = mapped_column(Minor)
    currency: Mapped[str] = mapped_column(sa.String(3))
    payer: Mapped[str | None] = mapped_column(sa.String(200))
    payer_account: Mapped[str | None] = mapped_column(sa.String(64))
    reference: Mapped[str | None] = mapped_column(sa.String(140))
    narrative: Mapped[str | None] = mapped_column(sa.String(2000))
    reversal: Mapped[bool] = mapped_column(sa.Boolean, default=False)
    state: Mapped[str] = mapped_column(sa.String(10))
    reason: Mapped[str | None] = mapped_column(sa.String(200))
    customer_id: Mapped[int | None] = mapped_column(sa.ForeignKey("customer.id"))
    credit_id: Mapped[int | None] = mapped_column(sa.ForeignKey("credit.id"))
    score: Mapped[int | None] = mapped_column(sa.SmallInteger)
    proposal: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON)
    version: Mapped[int] = mapped_column(sa.Integer, default=1)
    recorded_at: Mapped[datetime] = mapped_column(Instant)
    __table_args__ = (
        sa.UniqueConstraint("account_id", "fingerprint", "ordinal"),
        sa.CheckConstraint("state IN ('open', 'applied', 'ignored', 'out')", name="state"),
        sa.Index("ix_bank_line_state_day", "state", "day"),
        sa.Index("ix_bank_line_credit_id", "credit_id"),
    )


class PayerAlias(Base):
    """A payer learned: this name or account pays for that customer. A third party's needs its letter (`letter`, its reference)."""

    __tablename__ = "payer_alias"
    id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(sa.String(200))
    account: Mapped[str | None] = mapped_column(sa.String(64), index=True)
    customer_id: Mapped[int] = mapped_column(sa.ForeignKey("customer.id"), index=True)
    third_party: Mapped[bool] = mapped_column(sa.Boolean, default=False)
    letter: Mapped[str | None] = mapped_column(sa.String(200))
    ended_at: Mapped[datetime | None] = mapped_column(Instant)
    by: Mapped[str] = mapped_column(sa.String(64))
    recorded_at: Mapped[datetime] = mapped_column(Instant)
    __table_args__ = (sa.Index("ix_payer_alias_name", "name"),)
