"""Answers of the API kept under the caller's idempotency key, so that a repeated request has one effect and the same answer (S16)."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from collect.storage.database import Base, Instant


class Reply(Base):
    """What a caller's request under a key was answered; `digest` is the SHA-256 of the request itself."""

    __tablename__ = "reply"
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("user_account.id"), primary_key=True, autoincrement=False)
    key: Mapped[str] = mapped_column(sa.String(200), primary_key=True)
    digest: Mapped[str] = mapped_column(sa.String(64))
    body: Mapped[str] = mapped_column(sa.Text)
    recorded_at: Mapped[datetime] = mapped_column(Instant)


def reply_to(session: Session, user_id: int, key: str) -> Reply | None:
    """The answer kept for a caller's key."""
    return session.get(Reply, (user_id, key))


def add_reply(session: Session, user_id: int, key: str, digest: str, body: str, at: datetime) -> None:
    """Keep an answer, in the transaction of the change it tells of."""
    session.add(Reply(user_id=user_id, key=key, digest=digest, body=body, recorded_at=at))
