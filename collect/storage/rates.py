"""Exchange rates and interest reference rates by the day they are in force from, each with its source."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

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
