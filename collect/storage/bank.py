"""Our bank accounts, the statements that came in, and their lines, each with its fingerprint and what became of it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from collect.domain.coverage import Stretch
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

    `form`: camt.052, camt.053, camt.054, mt940, mt942, ofx, csv or xls. `covers` is the day through which it completes its account by
    itself; None where it completes nothing.
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
    covers: Mapped[date | None] = mapped_column(Day)
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
    `proposal` is the latest match proposed with its evidence, `score` its strength from 0 to 100 (S13). `trace` is what
    the bank numbers the payment with, whatever the file's form. `question` waits for a person's answer about the line
    `other_id`: reversal (does this one take it back?) or double (is it the same, told in another form?).
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
    trace: Mapped[str | None] = mapped_column(sa.String(300))
    question: Mapped[str | None] = mapped_column(sa.String(10))
    other_id: Mapped[int | None] = mapped_column(sa.BigInteger)
    version: Mapped[int] = mapped_column(sa.Integer, default=1)
    recorded_at: Mapped[datetime] = mapped_column(Instant)
    __table_args__ = (
        sa.UniqueConstraint("account_id", "fingerprint", "ordinal"),
        sa.CheckConstraint("state IN ('open', 'applied', 'ignored', 'out')", name="state"),
        sa.Index("ix_bank_line_state_day", "state", "day"),
        sa.Index("ix_bank_line_credit_id", "credit_id"),
        sa.Index("ix_bank_line_account_id_day", "account_id", "day"),
        sa.Index("ix_bank_line_question", "question"),
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


def find_account(session: Session, seller_id: int, number: str, currency: str | None = None) -> BankAccount | None:
    """Our account of that number, in that currency where one is named."""
    query = sa.select(BankAccount).where(BankAccount.seller_id == seller_id, BankAccount.number == number)
    if currency is not None:
        query = query.where(BankAccount.currency == currency)
    return session.scalars(query.order_by(BankAccount.id)).first()


def load_accounts_in(session: Session, seller_id: int, currency: str) -> list[BankAccount]:
    """Our accounts in a currency, the oldest first."""
    return list(session.scalars(sa.select(BankAccount).where(BankAccount.seller_id == seller_id, BankAccount.currency == currency).order_by(BankAccount.id)))


def load_known(session: Session, account_id: int, marks: Collection[str]) -> dict[str, tuple[int, int]]:
    """How many lines of each of these fingerprints an account has already, and the ordinal after their last."""
    found: dict[str, tuple[int, int]] = {}
    wanted = sorted(marks)
    for start in range(0, len(wanted), 500):
        query = sa.select(BankLine.fingerprint, sa.func.count(), sa.func.max(BankLine.ordinal)).where(
            BankLine.account_id == account_id, BankLine.fingerprint.in_(wanted[start : start + 500])
        )
        for mark, count, last in session.execute(query.group_by(BankLine.fingerprint)):
            found[mark] = (int(count), int(last) + 1)
    return found


def has_file(session: Session, account_id: int, file_hash: str) -> bool:
    """Whether a file with these bytes was taken in for the account before."""
    return session.scalar(sa.select(BankStatement.id).where(BankStatement.account_id == account_id, BankStatement.file_hash == file_hash).limit(1)) is not None


def find_statement_of_file(session: Session, file_hash: str, by: str, since: datetime) -> BankStatement | None:
    """The statement that a person took in from a file since an instant: whether an interrupted taking in was done after all."""
    query = sa.select(BankStatement).where(BankStatement.file_hash == file_hash, BankStatement.by == by, BankStatement.recorded_at >= since)
    return session.scalars(query.order_by(BankStatement.id.desc()).limit(1)).first()


_BILLION = 10**9


class AccountRow(NamedTuple):
    """An account with how many of its lines wait, and the money in them."""

    account: BankAccount
    waiting: int
    waiting_minor: int


def load_accounts(session: Session) -> list[AccountRow]:
    """Our bank accounts, open ones first, by number.

    Amounts are added up in two parts, for a sum may be larger than what a column holds.
    """
    whole, part = sa.func.sum(BankLine.amount_minor // _BILLION), sa.func.sum(BankLine.amount_minor % _BILLION)
    waiting = (
        sa.select(BankLine.account_id, sa.func.count().label("lines"), whole.label("whole"), part.label("part"))
        .where(BankLine.state == "open")
        .group_by(BankLine.account_id)
        .subquery()
    )
    counts = [sa.func.coalesce(column, 0) for column in (waiting.c.lines, waiting.c.whole, waiting.c.part)]
    query = sa.select(BankAccount, *counts).outerjoin(waiting, waiting.c.account_id == BankAccount.id)
    rows = session.execute(query.order_by(BankAccount.closed_on.is_not(None), BankAccount.number, BankAccount.currency))
    return [AccountRow(account, int(lines), int(whole) * _BILLION + int(part)) for account, lines, whole, part in rows]


def load_statements(session: Session, limit: int, account_id: int | None = None) -> list[tuple[BankStatement, BankAccount]]:
    """The statements taken in last, with their accounts."""
    query = sa.select(BankStatement, BankAccount).join(BankAccount, BankAccount.id == BankStatement.account_id)
    if account_id is not None:
        query = query.where(BankStatement.account_id == account_id)
    return [(statement, account) for statement, account in session.execute(query.order_by(BankStatement.id.desc()).limit(limit))]


def load_statement_lines(session: Session, statement_id: int, limit: int) -> list[BankLine]:
    """The lines that a statement brought in, in the order of the file."""
    return list(session.scalars(sa.select(BankLine).where(BankLine.statement_id == statement_id).order_by(BankLine.id).limit(limit)))


def has_open_account(session: Session) -> bool:
    """Whether we take in the statements of any account that is not closed."""
    return session.scalar(sa.select(BankAccount.id).where(BankAccount.closed_on.is_(None)).limit(1)) is not None


def covered_through(session: Session) -> date | None:
    """Through which day the statements of every account that is not closed reach; None where there is no account, or one has none (S22)."""
    days = list(session.scalars(sa.select(BankAccount.through).where(BankAccount.closed_on.is_(None))))
    known = [day for day in days if day is not None]
    return min(known) if known and len(known) == len(days) else None


def load_stretches(session: Session, account_ids: Collection[int] | None = None) -> dict[int, list[Stretch]]:
    """What the statements say of their accounts that reach at least as far as the account does, by account; of all where none are told.

    What lies before the day that an account is known to be complete through changes nothing any more.
    """
    c = BankStatement.__table__.c
    query = sa.select(c.account_id, c.since, c.through, c.covers, c.opening_minor, c.closing_minor).join(BankAccount, BankAccount.id == c.account_id)
    query = query.where(c.through.is_not(None), c.covers.is_not(None), sa.or_(BankAccount.through.is_(None), c.covers >= BankAccount.through))
    if account_ids is not None:
        query = query.where(c.account_id.in_(account_ids))
    found: dict[int, list[Stretch]] = {}
    for account_id, *told in session.execute(query):
        found.setdefault(account_id, []).append(Stretch(*told))
    return found


def load_other_forms(session: Session, account_id: int, form: str, since: date, until: date) -> tuple[list[BankLine], frozenset[int]]:
    """An account's lines of those days that a file of another form told, and the ids of lines that one of this form is, perhaps, the same as."""
    query = sa.select(BankLine).join(BankStatement, BankStatement.id == BankLine.statement_id)
    query = query.where(BankLine.account_id == account_id, BankLine.day.between(since, until))
    found = list(session.scalars(query.where(BankStatement.form != form).order_by(BankLine.day, BankLine.id)))
    paired = query.where(BankStatement.form == form, BankLine.other_id.is_not(None)).with_only_columns(BankLine.other_id) if found else None
    return found, frozenset(key for key in session.scalars(paired) if key is not None) if paired is not None else frozenset()


def load_credits_of(session: Session, account_id: int, amounts: Collection[int], since: date, until: date) -> list[BankLine]:
    """An account's lines of those days with money in of exactly such amounts, which no line takes back yet."""
    asked = sa.select(BankLine.other_id).where(BankLine.account_id == account_id, BankLine.other_id.is_not(None), BankLine.amount_minor < 0)
    found: list[BankLine] = []
    wanted = sorted(amounts)
    for start in range(0, len(wanted), 500):
        query = sa.select(BankLine).where(BankLine.account_id == account_id, BankLine.day.between(since, until), BankLine.amount_minor.in_(wanted[start : start + 500]))
        found += session.scalars(query.where(BankLine.id.not_in(asked)).order_by(BankLine.day, BankLine.id))
    return found
