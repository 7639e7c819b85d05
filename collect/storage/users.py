"""People who sign in: users, their server-side sessions, API tokens, and the attempts that throttle guessing."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from collect.storage.database import Base, Instant

_Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")


class User(Base):
    """A person with exactly one role (S29); never deleted, only disabled."""

    __tablename__ = "user_account"
    id: Mapped[int] = mapped_column(_Id, primary_key=True)
    username: Mapped[str] = mapped_column(sa.String(64), unique=True)
    name: Mapped[str] = mapped_column(sa.String(100))
    email: Mapped[str | None] = mapped_column(sa.String(254))
    role: Mapped[str] = mapped_column(sa.String(10))
    lead_id: Mapped[int | None] = mapped_column(sa.ForeignKey("user_account.id"))
    password_hash: Mapped[str] = mapped_column(sa.String(200))
    language: Mapped[str | None] = mapped_column(sa.String(8))
    timezone: Mapped[str | None] = mapped_column(sa.String(64))
    active: Mapped[bool] = mapped_column(sa.Boolean, default=True)
    version: Mapped[int] = mapped_column(sa.Integer, default=1)
    recorded_at: Mapped[datetime] = mapped_column(Instant)


class SignIn(Base):
    """A session on the server; the cookie holds a random token, this row its SHA-256."""

    __tablename__ = "sign_in"
    token_hash: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("user_account.id"), index=True)
    user_version: Mapped[int] = mapped_column(sa.Integer)
    created_at: Mapped[datetime] = mapped_column(Instant)
    seen_at: Mapped[datetime] = mapped_column(Instant)
    agent: Mapped[str] = mapped_column(sa.String(200))


class Token(Base):
    """A bearer token of the API, kept as SHA-256; `scopes` is a space-separated list."""

    __tablename__ = "api_token"
    id: Mapped[int] = mapped_column(_Id, primary_key=True)
    token_hash: Mapped[str] = mapped_column(sa.String(64), unique=True)
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("user_account.id"), index=True)
    scopes: Mapped[str] = mapped_column(sa.String(200))
    created_at: Mapped[datetime] = mapped_column(Instant)
    revoked_at: Mapped[datetime | None] = mapped_column(Instant)


class Attempt(Base):
    """A failed sign-in, by user name and address, kept while it counts against further tries."""

    __tablename__ = "sign_in_attempt"
    id: Mapped[int] = mapped_column(_Id, primary_key=True)
    username: Mapped[str] = mapped_column(sa.String(64))
    address: Mapped[str] = mapped_column(sa.String(64))
    at: Mapped[datetime] = mapped_column(Instant)
    __table_args__ = (sa.Index("ix_sign_in_attempt_address_at", "address", "at"), sa.Index("ix_sign_in_attempt_username_at", "username", "at"))


def find_user(session: Session, name: str) -> User | None:
    """The user of that user name (as stored, lower case), or None."""
    return session.scalars(sa.select(User).where(User.username == name.strip().lower())).first()


def load_user(session: Session, user_id: int) -> User | None:
    """The user with that id, or None."""
    return session.get(User, user_id)


def load_users(session: Session) -> list[User]:
    """All users by user name."""
    return list(session.scalars(sa.select(User).order_by(User.username)))


def load_team(session: Session, lead_id: int) -> frozenset[int]:
    """The ids of the users who report to a team lead."""
    return frozenset(session.scalars(sa.select(User.id).where(User.lead_id == lead_id)))
