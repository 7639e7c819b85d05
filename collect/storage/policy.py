"""The versions of the collection policy: a version is never edited; the one in force on a date is the last effective by then."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from collect.storage.company import Closure
from collect.storage.database import Base, Day, Instant


class PolicyVersion(Base):
    """One published text of the policy (TOML). `state`: waiting (for a second person), in_force (from `effective`), refused."""

    __tablename__ = "policy_version"
    id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(sa.Integer, unique=True)
    name: Mapped[str] = mapped_column(sa.String(100))
    text: Mapped[str] = mapped_column(sa.Text)
    content_hash: Mapped[str] = mapped_column(sa.String(64))
    state: Mapped[str] = mapped_column(sa.String(10))
    effective: Mapped[date] = mapped_column(Day)
    requested_by: Mapped[int | None] = mapped_column(sa.ForeignKey("user_account.id"))
    requested_at: Mapped[datetime] = mapped_column(Instant)
    decided_by: Mapped[int | None] = mapped_column(sa.ForeignKey("user_account.id"))
    decided_at: Mapped[datetime | None] = mapped_column(Instant)
    reason: Mapped[str | None] = mapped_column(sa.String(400))
    __table_args__ = (sa.CheckConstraint("state IN ('waiting', 'in_force', 'refused')", name="state"),)


def load_closures(session: Session) -> tuple[dict[date, str], frozenset[date]]:
    """The company's own days that add to every calendar: closures with their reasons, and extra working days (S3)."""
    rows = [(date(row.day // 10000, row.day // 100 % 100, row.day % 100), row) for row in session.scalars(sa.select(Closure))]
    return {day: row.name for day, row in rows if not row.works}, frozenset(day for day, row in rows if row.works)


def find_in_force(session: Session, as_of: date) -> PolicyVersion | None:
    """The version in force on a date: the last one effective by then; before the first, the first."""
    query = sa.select(PolicyVersion).where(PolicyVersion.state == "in_force")
    found = session.scalars(query.where(PolicyVersion.effective <= as_of).order_by(PolicyVersion.effective.desc(), PolicyVersion.number.desc()).limit(1)).first()
    return found or session.scalars(query.order_by(PolicyVersion.effective, PolicyVersion.number).limit(1)).first()


def find_version(session: Session, number: int) -> PolicyVersion | None:
    """The version of that number, whatever its state."""
    return session.scalars(sa.select(PolicyVersion).where(PolicyVersion.number == number)).first()


def load_versions(session: Session) -> list[PolicyVersion]:
    """All versions, the latest first."""
    return list(session.scalars(sa.select(PolicyVersion).order_by(PolicyVersion.number.desc())))
