"""The append-only audit log, chained by hashes: who, when, what, before, after, why (S30)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from collect.storage.database import Base, Instant, microseconds

GENESIS = "0" * 64


class Audit(Base):
    """One change. `before` and `after` are canonical JSON text; `hash` covers every other column and the hash before."""

    __tablename__ = "audit"
    seq: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(Instant)
    actor: Mapped[str] = mapped_column(sa.String(64))
    action: Mapped[str] = mapped_column(sa.String(32))
    kind: Mapped[str] = mapped_column(sa.String(16))
    key: Mapped[str] = mapped_column(sa.String(80))
    customer_id: Mapped[int | None] = mapped_column(sa.BigInteger)
    before: Mapped[str | None] = mapped_column(sa.Text)
    after: Mapped[str | None] = mapped_column(sa.Text)
    reason: Mapped[str | None] = mapped_column(sa.String(400))
    previous: Mapped[str] = mapped_column(sa.String(64))
    hash: Mapped[str] = mapped_column(sa.String(64))
    __table_args__ = (sa.Index("ix_audit_kind_key", "kind", "key"), sa.Index("ix_audit_customer_id_seq", "customer_id", "seq"))


class AuditHead(Base):
    """One row: the last sequence number, its hash and instant. Every change locks it first, so the log has no gap."""

    __tablename__ = "audit_head"
    one: Mapped[int] = mapped_column(sa.Integer, primary_key=True, autoincrement=False)
    seq: Mapped[int] = mapped_column(sa.BigInteger)
    hash: Mapped[str] = mapped_column(sa.String(64))
    at: Mapped[datetime] = mapped_column(Instant)


@dataclass(frozen=True, slots=True)
class Note:
    """What a service says of one change, before it is numbered and chained."""

    action: str
    kind: str
    key: str
    customer_id: int | None = None
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None
    reason: str | None = None


def lock_head(session: Session) -> AuditHead:
    """The head row, locked until the transaction ends: changes are recorded one after the other, on both databases."""
    return session.scalars(sa.select(AuditHead).with_for_update()).one()


def add_notes(session: Session, head: AuditHead, at: datetime, actor: str, notes: list[Note]) -> None:
    """Append the notes of one transaction to the chain and move the head."""
    for note in notes:
        row = Audit(
            seq=head.seq + 1,
            at=at,
            actor=actor,
            action=note.action,
            kind=note.kind,
            key=note.key,
            customer_id=note.customer_id,
            before=_canonical(note.before),
            after=_canonical(note.after),
            reason=note.reason[:400] if note.reason else None,
            previous=head.hash,
            hash="",
        )
        row.hash = fingerprint(row)
        session.add(row)
        head.seq, head.hash = row.seq, row.hash
    head.at = at


def fingerprint(row: Audit) -> str:
    """The SHA-256 of a row: every column but `hash`, as canonical JSON, with the previous hash among them."""
    content = [row.seq, microseconds(row.at), row.actor, row.action, row.kind, row.key, row.customer_id, row.before, row.after, row.reason, row.previous]
    return hashlib.sha256(json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()


def _canonical(value: dict[str, Any] | None) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=str)


def load_chain(session: Session, after: int = 0) -> Iterator[Audit]:
    """The audit rows in sequence, streamed."""
    for row in session.execute(sa.select(Audit).where(Audit.seq > after).order_by(Audit.seq).execution_options(yield_per=2000)).scalars():
        yield row
        session.expunge(row)


def load_notes(session: Session, kind: str, key: str, limit: int = 100) -> list[Audit]:
    """The changes of one object, newest first."""
    return list(session.scalars(sa.select(Audit).where(Audit.kind == kind, Audit.key == key).order_by(Audit.seq.desc()).limit(limit)))
