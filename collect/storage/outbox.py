"""Messages on their way out: the row is the queue, leased by one worker at a time, and never handed over twice (S21, `reliability` fact 5)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from collect.domain.rights import Scope
from collect.storage.customers import Customer, seen, seen_ids
from collect.storage.database import Base, Instant


class Message(Base):
    """One message. States: queued → leased → handover → sent; or failed, uncertain, cancelled with a reason.

    `handover` is committed just before the server is given the text: after a crash a leased row goes back to queued, a
    row in handover becomes uncertain, for a person to settle. `message_id` is the stable Message-ID of the mail.
    """

    __tablename__ = "message"
    id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    notice_id: Mapped[int | None] = mapped_column(sa.BigInteger, unique=True)
    customer_id: Mapped[int] = mapped_column(sa.ForeignKey("customer.id"), index=True)
    message_id: Mapped[str] = mapped_column(sa.String(200), unique=True)
    recipient: Mapped[str] = mapped_column(sa.String(254))
    language: Mapped[str] = mapped_column(sa.String(8))
    subject: Mapped[str] = mapped_column(sa.String(400))
    body: Mapped[str] = mapped_column(sa.Text)
    state: Mapped[str] = mapped_column(sa.String(10))
    reason: Mapped[str | None] = mapped_column(sa.String(400))
    attempts: Mapped[int] = mapped_column(sa.Integer)
    next_try_at: Mapped[datetime] = mapped_column(Instant)
    lease_owner: Mapped[str | None] = mapped_column(sa.String(64))
    lease_until: Mapped[datetime | None] = mapped_column(Instant)
    sent_at: Mapped[datetime | None] = mapped_column(Instant)
    version: Mapped[int] = mapped_column(sa.Integer, default=1)
    recorded_at: Mapped[datetime] = mapped_column(Instant)
    __table_args__ = (
        sa.CheckConstraint("state IN ('queued', 'leased', 'handover', 'sent', 'failed', 'uncertain', 'cancelled')", name="state"),
        sa.Index(
            "ix_message_moving",
            "state",
            "next_try_at",
            sqlite_where=sa.text("state IN ('queued', 'leased', 'handover', 'uncertain')"),
            postgresql_where=sa.text("state IN ('queued', 'leased', 'handover', 'uncertain')"),
        ),
    )


class Lease(Base):
    """Who does a job that only one may do (the daily round), until when."""

    __tablename__ = "lease"
    name: Mapped[str] = mapped_column(sa.String(20), primary_key=True)
    owner: Mapped[str] = mapped_column(sa.String(64))
    until: Mapped[datetime] = mapped_column(Instant)


STATES = ("queued", "leased", "handover", "uncertain", "failed", "sent", "cancelled")


@dataclass(frozen=True, slots=True)
class Stuck:
    """A message whose worker may be gone: leased, or handed over without an answer yet."""

    id: int
    state: str
    owner: str
    until: datetime


def next_queued(session: Session, at: datetime, skip: Collection[int]) -> Message | None:
    """The queued message whose next attempt has been due longest, locked; None when there is none."""
    query = sa.select(Message).where(Message.state == "queued", Message.next_try_at <= at, Message.id.not_in(skip))
    return session.scalars(query.order_by(Message.next_try_at, Message.id).limit(1).with_for_update()).first()


def stuck_messages(session: Session) -> list[Stuck]:
    """Messages that some worker holds, oldest lease first."""
    columns = (Message.id, Message.state, Message.lease_owner, Message.lease_until)
    query = sa.select(*columns).where(Message.state.in_(("leased", "handover")), Message.lease_until.is_not(None)).order_by(Message.lease_until)
    return [Stuck(key, state, owner or "", until) for key, state, owner, until in session.execute(query) if until is not None]


def begin_handover(session: Session, key: int, owner: str, at: datetime, until: datetime) -> bool:
    """Leased becomes handover, only for the owner of the lease; False when it is not his any more. `at` is when the text leaves."""
    statement = sa.update(Message).where(Message.id == key, Message.state == "leased", Message.lease_owner == owner)
    done = session.execute(statement.values(state="handover", lease_until=until, sent_at=at, version=Message.version + 1))
    return _count(done) == 1


def recover(session: Session, stuck: Stuck) -> str | None:
    """Take a message from a worker that is gone: leased back to queued, handover to uncertain; None when it moved meanwhile.

    The owner's name stays: should he be alive after all, his answer may still settle an uncertain message.
    """
    state = {"leased": "queued", "handover": "uncertain"}[stuck.state]
    statement = sa.update(Message).where(
        Message.id == stuck.id, Message.state == stuck.state, sa.func.coalesce(Message.lease_owner, "") == stuck.owner, Message.lease_until == stuck.until
    )
    values: dict[str, Any] = {"state": state, "lease_until": None, "version": Message.version + 1}
    if state == "queued":
        values["lease_owner"] = None
    else:
        values["reason"] = "worker_gone"
    return state if _count(session.execute(statement.values(**values))) == 1 else None


def claim_held(session: Session, key: int, owner: str) -> Message | None:
    """The message if it is still the owner's to settle (in his lease, handed over, or uncertain since), locked."""
    states = ("leased", "handover", "uncertain")
    return session.scalars(sa.select(Message).where(Message.id == key, Message.state.in_(states), Message.lease_owner == owner).with_for_update()).first()


def find_message(session: Session, scope: Scope, key: int) -> Message | None:
    """The message if the scope sees its customer; a foreign one is None like a missing one."""
    return session.scalars(sa.select(Message).where(Message.id == key, seen_ids(scope, Message.customer_id))).first()


def load_messages(session: Session, scope: Scope, states: Sequence[str], customer: str | None, before: int | None, limit: int) -> list[tuple[Message, str, str]]:
    """Messages with their customer's number and name, newest first; `before` is the id to go on from."""
    query = sa.select(Message, Customer.customer_no, Customer.name).join(Customer, Customer.id == Message.customer_id).where(seen(scope))
    if states:
        query = query.where(Message.state.in_(list(states)))
    if customer:
        query = query.where(Customer.customer_no == customer)
    if before is not None:
        query = query.where(Message.id < before)
    return [(row[0], row[1], row[2]) for row in session.execute(query.order_by(Message.id.desc()).limit(limit))]


def count_states(session: Session, scope: Scope) -> dict[str, int]:
    """How many messages are in each state."""
    query = sa.select(Message.state, sa.func.count()).where(seen_ids(scope, Message.customer_id)).group_by(Message.state)
    found = {state: int(count) for state, count in session.execute(query)}
    return {state: found.get(state, 0) for state in STATES}


def take_lease(session: Session, name: str, owner: str, now: datetime, until: datetime) -> bool:
    """Become (or stay) the one who does a job until an instant; False while somebody else holds it."""
    statement = sa.update(Lease).where(Lease.name == name, sa.or_(Lease.owner == owner, Lease.until <= now))
    if _count(session.execute(statement.values(owner=owner, until=until))) == 1:
        return True
    if session.get(Lease, name) is not None:
        return False
    try:
        with session.begin_nested():
            session.add(Lease(name=name, owner=owner, until=until))
    except IntegrityError:
        return False
    return True


def end_lease(session: Session, name: str, owner: str) -> None:
    """Give a job back, so that another may take it at once."""
    session.execute(sa.delete(Lease).where(Lease.name == name, Lease.owner == owner))


def _count(result: sa.Result[Any]) -> int:
    return int(cast(sa.CursorResult[Any], result).rowcount)
