"""Contacts that the program plans (notices), the items each covers, the daily rounds, and every decision with its reason (S18-S20)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, NamedTuple, cast

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from collect.domain.rights import ALL, Scope
from collect.storage.customers import seen_ids
from collect.storage.database import Base, Day, Instant, Minor, bulk, next_ids
from collect.storage.outbox import Message


class Round(Base):
    """One round of deciding: `kind` remind, escalate or promises; `counts` as JSON. A round before the latest one of its kind is refused."""

    __tablename__ = "round"
    id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(sa.String(10))
    day: Mapped[date] = mapped_column(Day)
    policy: Mapped[int] = mapped_column(sa.Integer)
    counts: Mapped[str] = mapped_column(sa.Text)
    recorded_at: Mapped[datetime] = mapped_column(Instant)
    __table_args__ = (sa.Index("ix_round_kind_day", "kind", "day"),)


class Decision(Base):
    """What the round of `day` decided for a customer, and why; holds until a later row says otherwise (S20).

    Only a decision that differs from the one before leaves a row, so that the answer to "why was this customer (not)
    reminded on that day" is the last row by that day, for ever.
    """

    __tablename__ = "decision"
    customer_id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    day: Mapped[date] = mapped_column(Day, primary_key=True)
    id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    decision: Mapped[str] = mapped_column(sa.String(8))
    reason: Mapped[str] = mapped_column(sa.String(24))
    step: Mapped[str | None] = mapped_column(sa.String(24))
    next_on: Mapped[date | None] = mapped_column(Day)
    notice_id: Mapped[int | None] = mapped_column(sa.BigInteger)
    recorded_at: Mapped[datetime] = mapped_column(Instant)
    __table_args__ = ({"sqlite_with_rowid": False},)


class Notice(Base):
    """One planned contact with one customer, covering all its items (P3).

    `step` is a courtesy step of the policy, `broken_promise`, or a formal rung (then `proposal_id` is set). `day` and
    `slot_at` say when (the instant the slot begins); `user_id` who calls or visits. States: planned → sent (a message) or
    done (a call, visit or letter logged), or cancelled with a reason, or missed (the day went by without it; P4).
    `anchor_id` and `occurrence` make it impossible to plan the same step for the same item twice.
    """

    __tablename__ = "notice"
    id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    customer_id: Mapped[int] = mapped_column(sa.ForeignKey("customer.id"))
    step: Mapped[str] = mapped_column(sa.String(24))
    anchor_id: Mapped[int] = mapped_column(sa.BigInteger)
    occurrence: Mapped[int] = mapped_column(sa.Integer)
    channel: Mapped[str] = mapped_column(sa.String(8))
    text: Mapped[str] = mapped_column(sa.String(40))
    day: Mapped[date] = mapped_column(Day)
    slot_at: Mapped[datetime] = mapped_column(Instant)
    user_id: Mapped[int | None] = mapped_column(sa.ForeignKey("user_account.id"))
    state: Mapped[str] = mapped_column(sa.String(10))
    reason: Mapped[str | None] = mapped_column(sa.String(24))
    proposal_id: Mapped[int | None] = mapped_column(sa.BigInteger)
    deadline: Mapped[date | None] = mapped_column(Day)
    decided_on: Mapped[date] = mapped_column(Day)
    done_on: Mapped[date | None] = mapped_column(Day)
    policy: Mapped[int] = mapped_column(sa.Integer)
    version: Mapped[int] = mapped_column(sa.Integer, default=1)
    recorded_at: Mapped[datetime] = mapped_column(Instant)
    __table_args__ = (
        sa.CheckConstraint("state IN ('planned', 'sent', 'done', 'cancelled', 'missed')", name="state"),
        sa.UniqueConstraint("customer_id", "step", "anchor_id", "occurrence"),
        sa.Index("ix_notice_planned", "slot_at", "channel", sqlite_where=sa.text("state = 'planned'"), postgresql_where=sa.text("state = 'planned'")),
        sa.Index("ix_notice_customer_id_day", "customer_id", "day"),
        sa.Index("ix_notice_user_id_day", "user_id", "day"),
    )


class NoticeItem(Base):
    """An item that a notice covers, what it asked of it, and which step that was for the item itself (the clock belongs to the item)."""

    __tablename__ = "notice_item"
    notice_id: Mapped[int] = mapped_column(sa.ForeignKey("notice.id"), primary_key=True, autoincrement=False)
    item_id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    asked_minor: Mapped[int] = mapped_column(Minor)
    step: Mapped[str | None] = mapped_column(sa.String(24))
    done_on: Mapped[date | None] = mapped_column(Day)
    __table_args__ = (
        sa.ForeignKeyConstraint(["item_id"], ["item.id"]),
        sa.Index("ix_notice_item_done", "item_id", "done_on", "step", sqlite_where=sa.text("done_on IS NOT NULL"), postgresql_where=sa.text("done_on IS NOT NULL")),
    )


class Planned(NamedTuple):
    """A contact that stands planned; `moving`: its message has left the queue or is uncertain, so nobody may plan it anew."""

    id: int
    customer_id: int
    step: str
    anchor_id: int
    channel: str
    day: date
    slot_at: datetime
    user_id: int | None
    proposal_id: int | None
    moving: bool


class NewNotice(NamedTuple):
    """A contact to be planned; `items` are (item id, asked minor units, the item's own step)."""

    customer_id: int
    step: str
    anchor_id: int
    channel: str
    text: str
    day: date
    slot_at: datetime
    user_id: int | None
    items: list[tuple[int, int, str | None]]
    proposal_id: int | None = None
    deadline: date | None = None


class Kept(NamedTuple):
    """The decision that holds for a customer."""

    decision: str
    reason: str
    step: str | None
    next_on: date | None
    notice_id: int | None


def latest_round(session: Session, kind: str) -> Round | None:
    """The last round of a kind."""
    return session.scalars(sa.select(Round).where(Round.kind == kind).order_by(Round.day.desc(), Round.id.desc()).limit(1)).first()


def load_planned(session: Session, scope: Scope) -> dict[int, list[Planned]]:
    """Every planned contact, by customer, earliest slot first."""
    moving = sa.and_(Message.id.is_not(None), Message.state.not_in(("cancelled", "failed", "queued")))
    columns = (Notice.id, Notice.customer_id, Notice.step, Notice.anchor_id, Notice.channel, Notice.day, Notice.slot_at, Notice.user_id, Notice.proposal_id)
    query = sa.select(*columns, sa.case((moving, 1), else_=0)).outerjoin(Message, Message.notice_id == Notice.id)
    found: dict[int, list[Planned]] = {}
    for row in session.connection().execute(query.where(Notice.state == "planned", seen_ids(scope, Notice.customer_id)).order_by(Notice.slot_at, Notice.id)):
        found.setdefault(row[1], []).append(_planned(row))
    return found


def _planned(row: Any) -> Planned:
    return Planned._make((*row[:9], bool(row[9])))


def end_planned(session: Session, ended: list[dict[str, Any]]) -> None:
    """Take planned contacts back: {key, new_state, why} each; their queued messages are cancelled with them."""
    if not ended:
        return
    table = cast(sa.Table, Notice.__table__)
    statement = sa.update(table).where(table.c.id == sa.bindparam("key"), table.c.state == "planned")
    session.connection().execute(statement.values(state=sa.bindparam("new_state"), reason=sa.bindparam("why"), version=table.c.version + 1), ended)
    outbox = cast(sa.Table, Message.__table__)
    stop = sa.update(outbox).where(outbox.c.notice_id == sa.bindparam("key"), outbox.c.state == "queued")
    session.connection().execute(
        stop.values(state="cancelled", reason=sa.bindparam("why"), version=outbox.c.version + 1), [{"key": one["key"], "why": one["why"]} for one in ended]
    )


def add_notices(session: Session, now: datetime, policy: int, decided_on: date, new: list[NewNotice]) -> list[int]:
    """Store planned contacts with their items; returns their ids in order. A step planned for an item before is its next occurrence."""
    if not new:
        return []
    session.flush()
    before = _occurrences(session, new)
    ids = next_ids(session, len(new))
    columns = ("id", "customer_id", "step", "anchor_id", "occurrence", "channel", "text", "day", "slot_at", "user_id", "state", "proposal_id", "deadline", "decided_on", "policy")
    rows = []
    for key, one in zip(ids, new, strict=True):
        count = before.get((one.customer_id, one.step, one.anchor_id), 0)
        own = (key, one.customer_id, one.step, one.anchor_id, count, one.channel, one.text, one.day, one.slot_at, one.user_id)
        rows.append((*own, "planned", one.proposal_id, one.deadline, decided_on, policy, 1, now))
    bulk(session, cast(sa.Table, Notice.__table__), (*columns, "version", "recorded_at"), rows)
    items = [(key, item_id, asked, step) for key, one in zip(ids, new, strict=True) for item_id, asked, step in one.items]
    bulk(session, cast(sa.Table, NoticeItem.__table__), ("notice_id", "item_id", "asked_minor", "step"), items)
    return list(ids)


def _occurrences(session: Session, new: list[NewNotice]) -> dict[tuple[int, str, int], int]:
    """How often each step was planned for its item before."""
    found: dict[tuple[int, str, int], int] = {}
    for start in range(0, len(new), 5_000):
        anchors = [one.anchor_id for one in new[start : start + 5_000]]
        customers = [one.customer_id for one in new[start : start + 5_000]]
        query = sa.select(Notice.customer_id, Notice.step, Notice.anchor_id, sa.func.count())
        query = query.where(Notice.anchor_id.in_(anchors), Notice.customer_id.in_(customers)).group_by(Notice.customer_id, Notice.step, Notice.anchor_id)
        for customer_id, step, anchor_id, count in session.connection().execute(query):
            found[customer_id, step, anchor_id] = count
    return found


def load_kept(session: Session, scope: Scope, customer_ids: list[int] | None = None, by: date | None = None) -> dict[int, Kept]:
    """The decision that holds for each customer (by a date: that held then)."""
    latest = sa.select(Decision.customer_id, sa.func.max(Decision.day).label("day")).where(seen_ids(scope, Decision.customer_id))
    if customer_ids is not None:
        latest = latest.where(Decision.customer_id.in_(customer_ids))
    if by is not None:
        latest = latest.where(Decision.day <= by)
    part = latest.group_by(Decision.customer_id).subquery()
    query = sa.select(Decision.customer_id, Decision.decision, Decision.reason, Decision.step, Decision.next_on, Decision.notice_id, Decision.id)
    query = query.join(part, sa.and_(part.c.customer_id == Decision.customer_id, part.c.day == Decision.day)).order_by(Decision.id)
    return {row[0]: Kept(*row[1:6]) for row in session.connection().execute(query)}


def keep_decisions(session: Session, now: datetime, day: date, told: Mapping[int, Any], notice_ids: Mapping[int, int]) -> int:
    """Keep the decisions that differ from those that hold; customers not named have nothing open. Returns how many rows were written."""
    held = load_kept(session, ALL)
    nothing = Kept("nothing", "nothing_open", None, None, None)
    fresh: list[tuple[int, Kept]] = []
    for customer_id, one in told.items():
        kept = Kept(one.decision, one.reason, one.step, one.next_on, notice_ids.get(customer_id))
        if held.get(customer_id, nothing) != kept:
            fresh.append((customer_id, kept))
    fresh += [(customer_id, nothing) for customer_id, kept in held.items() if customer_id not in told and kept != nothing]
    if fresh:
        ids = next_ids(session, len(fresh))
        rows = [(customer_id, day, key, *kept, now) for key, (customer_id, kept) in zip(ids, fresh, strict=True)]
        columns = ("customer_id", "day", "id", "decision", "reason", "step", "next_on", "notice_id", "recorded_at")
        bulk(session, cast(sa.Table, Decision.__table__), columns, rows)
    return len(fresh)
