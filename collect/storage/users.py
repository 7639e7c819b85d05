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


def find_user_by_email(session: Session, email: str) -> User | None:
    """The one active user with that e-mail address, in any case of letters; None where several share it."""
    found = list(session.scalars(sa.select(User).where(sa.func.lower(User.email) == email.strip().lower(), User.active).limit(2)))
    return found[0] if len(found) == 1 else None


def count_active(session: Session, role: str) -> int:
    """How many users of a role are not disabled."""
    return session.scalar(sa.select(sa.func.count()).select_from(User).where(User.role == role, User.active)) or 0


def find_sign_in(session: Session, token_hash: str) -> tuple[SignIn, User] | None:
    """The session of that hash with its user, whether or not it still counts."""
    row = session.execute(sa.select(SignIn, User).join(User, User.id == SignIn.user_id).where(SignIn.token_hash == token_hash)).first()
    return (row[0], row[1]) if row else None


def load_sign_ins(session: Session, user: User, since: datetime) -> list[SignIn]:
    """A user's sessions that still count (seen since an instant, of his current version), latest first."""
    query = sa.select(SignIn).where(SignIn.user_id == user.id, SignIn.user_version == user.version, SignIn.seen_at >= since)
    return list(session.scalars(query.order_by(SignIn.seen_at.desc(), SignIn.token_hash)))


def touch_sign_in(session: Session, token_hash: str, at: datetime) -> None:
    """Note that a session was used."""
    session.execute(sa.update(SignIn).where(SignIn.token_hash == token_hash).values(seen_at=at))


def end_sign_ins(session: Session, user_id: int, *, only: str | None = None, but: str | None = None) -> None:
    """End a user's sessions: all of them, one, or all but one (by hash)."""
    query = sa.delete(SignIn).where(SignIn.user_id == user_id)
    if only is not None:
        query = query.where(SignIn.token_hash == only)
    if but is not None:
        query = query.where(SignIn.token_hash != but)
    session.execute(query)


def end_old_sign_ins(session: Session, before: datetime) -> None:
    """Forget sessions that were last used before an instant."""
    session.execute(sa.delete(SignIn).where(SignIn.seen_at < before))


def find_token(session: Session, token_hash: str) -> tuple[Token, User] | None:
    """The token of that hash, unless revoked, with its user."""
    row = session.execute(sa.select(Token, User).join(User, User.id == Token.user_id).where(Token.token_hash == token_hash, Token.revoked_at.is_(None))).first()
    return (row[0], row[1]) if row else None


def load_tokens(session: Session, user_id: int) -> list[Token]:
    """A user's tokens that are not revoked, oldest first."""
    return list(session.scalars(sa.select(Token).where(Token.user_id == user_id, Token.revoked_at.is_(None)).order_by(Token.id)))


def add_attempt(session: Session, username: str, address: str, at: datetime) -> int:
    """Record a try to sign in; returns its id."""
    row = Attempt(username=username, address=address, at=at)
    session.add(row)
    session.flush()
    return row.id


def load_attempts(session: Session, address: str, since: datetime, but: int, username: str | None = None) -> list[datetime]:
    """The instants of the tries from an address (for one user name or any) since an instant, leaving out one; the last one last."""
    query = sa.select(Attempt.at).where(Attempt.address == address, Attempt.at > since, Attempt.id != but)
    if username is not None:
        query = query.where(Attempt.username == username)
    return list(session.scalars(query.order_by(Attempt.at)))


def drop_attempts(session: Session, *, only: int | None = None, username: str = "", address: str = "", before: datetime | None = None) -> None:
    """Forget tries: one by its id, those before an instant, or those of a user name from an address."""
    if only is not None:
        session.execute(sa.delete(Attempt).where(Attempt.id == only))
    elif before is not None:
        session.execute(sa.delete(Attempt).where(Attempt.at < before))
    else:
        session.execute(sa.delete(Attempt).where(Attempt.username == username, Attempt.address == address))
