"""Our own companies (seller entities) and the settings that belong to the installation."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from collect.storage.database import Base, Instant


class Seller(Base):
    """A company of ours that is owed money; there is one until a second is added (S4)."""

    __tablename__ = "seller"
    id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(sa.String(200))
    country: Mapped[str] = mapped_column(sa.String(2))
    currency: Mapped[str] = mapped_column(sa.String(3))
    timezone: Mapped[str] = mapped_column(sa.String(64))
    language: Mapped[str] = mapped_column(sa.String(8))
    buckets: Mapped[str] = mapped_column(sa.String(200))
    version: Mapped[int] = mapped_column(sa.Integer, default=1)
    recorded_at: Mapped[datetime] = mapped_column(Instant)


class Closure(Base):
    """A company closure or an extra working day that adds to the country's calendar (S3)."""

    __tablename__ = "closure"
    day: Mapped[int] = mapped_column(sa.Integer, primary_key=True, autoincrement=False)
    works: Mapped[bool] = mapped_column(sa.Boolean)
    name: Mapped[str] = mapped_column(sa.String(100))


def load_seller(session: Session) -> Seller | None:
    """The one seller entity, or None before `collect init`."""
    return session.scalars(sa.select(Seller).order_by(Seller.id).limit(1)).first()
