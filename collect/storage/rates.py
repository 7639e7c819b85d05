"""Exchange rates and interest reference rates by the day they are in force from, each with its source; and the interest that contracts agree."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from collect.storage.database import Base, Day, Instant


class Rate(Base):
    """From `since` on, one `base` is `value` of `quote` (both currencies); or a reference rate such as LPR_1Y in percent a year (`quote` %).

    `value` is decimal text, never a float (S1, S10).
    """

    __tablename__ = "rate"
    id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    base: Mapped[str] = mapped_column(sa.String(12))
    quote: Mapped[str] = mapped_column(sa.String(3))
    since: Mapped[date] = mapped_column(Day)
    value: Mapped[str] = mapped_column(sa.String(24))
    source: Mapped[str] = mapped_column(sa.String(100))
    by: Mapped[str] = mapped_column(sa.String(64))
    recorded_at: Mapped[datetime] = mapped_column(Instant)
    __table_args__ = (sa.Index("ix_rate_base_quote_since", "base", "quote", "since"),)


class AgreedInterest(Base):
    """What a customer's contract agrees on interest for late payment: `percent` (decimal text) a day or a year of `day_count` days, with its clause (S14)."""

    __tablename__ = "agreed_interest"
    customer_id: Mapped[int] = mapped_column(sa.ForeignKey("customer.id"), primary_key=True, autoincrement=False)
    percent: Mapped[str] = mapped_column(sa.String(24))
    daily: Mapped[bool] = mapped_column(sa.Boolean)
    day_count: Mapped[int] = mapped_column(sa.Integer)
    clause: Mapped[str] = mapped_column(sa.String(200))
    by: Mapped[str] = mapped_column(sa.String(64))
    recorded_at: Mapped[datetime] = mapped_column(Instant)


def load_rates(session: Session, base: str, quote: str) -> list[Rate]:
    """The rates of a pair in order of the day they are in force from; of one day the last recorded counts and stands last."""
    return list(session.scalars(sa.select(Rate).where(Rate.base == base, Rate.quote == quote).order_by(Rate.since, Rate.id)))


def load_latest(session: Session, limit: int = 200) -> list[Rate]:
    """The rates of everything, the latest days first."""
    return list(session.scalars(sa.select(Rate).order_by(Rate.since.desc(), Rate.id.desc()).limit(limit)))
