"""What somebody asks to be taken off a debt and somebody else decides: write-offs, tails, credits, refunds; and the rebates earned."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from collect.domain.adjustments import BANK_CHARGES
from collect.domain.rights import Scope
from collect.storage.cash import Allocation, Credit
from collect.storage.customers import Customer, seen_ids
from collect.storage.database import Base, Day, Instant, Minor
from collect.storage.receivables import Item


class Adjustment(Base):
    """A request and its decision. `kind`: write_off, tail, credit, refund, set_off.

    `parts` names what it is about: [{"item_id", "amount"}] or [{"credit_id", "amount"}]; `other_id` is the customer who
    takes the debt over in a set-off among three parties. `level` is the approval it needs (1 one manager, 2 two of
    them), `first_by` the first of two. Nothing is posted before it is approved (S12, S29); `credit_id` and `item_id`
    are what the approval posted, and a reversal takes back. `requested_by` NULL: the list of tails. From `expires_on` on
    a request that waits is no ground for a decision any more (S29); NULL: asked before requests expired.
    """

    __tablename__ = "adjustment"
    id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(sa.String(12))
    customer_id: Mapped[int] = mapped_column(sa.ForeignKey("customer.id"), index=True)
    currency: Mapped[str] = mapped_column(sa.String(3))
    amount_minor: Mapped[int] = mapped_column(Minor)
    parts: Mapped[list[Any]] = mapped_column(sa.JSON)
    reason: Mapped[str] = mapped_column(sa.String(24))
    note: Mapped[str | None] = mapped_column(sa.String(400))
    document: Mapped[str | None] = mapped_column(sa.String(64))
    other_id: Mapped[int | None] = mapped_column(sa.ForeignKey("customer.id"))
    level: Mapped[int] = mapped_column(sa.SmallInteger)
    state: Mapped[str] = mapped_column(sa.String(10))
    requested_by: Mapped[int | None] = mapped_column(sa.ForeignKey("user_account.id"))
    requested_on: Mapped[date] = mapped_column(Day)
    expires_on: Mapped[date | None] = mapped_column(Day)
    first_by: Mapped[int | None] = mapped_column(sa.ForeignKey("user_account.id"))
    decided_by: Mapped[int | None] = mapped_column(sa.ForeignKey("user_account.id"))
    decided_on: Mapped[date | None] = mapped_column(Day)
    answer: Mapped[str | None] = mapped_column(sa.String(400))
    credit_id: Mapped[int | None] = mapped_column(sa.BigInteger)
    item_id: Mapped[int | None] = mapped_column(sa.BigInteger)
    version: Mapped[int] = mapped_column(sa.Integer, default=1)
    recorded_at: Mapped[datetime] = mapped_column(Instant)
    __table_args__ = (
        sa.CheckConstraint("amount_minor > 0", name="amount"),
        sa.CheckConstraint("state IN ('open', 'approved', 'refused', 'withdrawn', 'reversed', 'expired')", name="state"),
        sa.Index("ix_adjustment_state", "state", "kind"),
    )


class Rebate(Base):
    """One entry of a customer's rebate account: earned (positive), or granted by a credit or paid (negative); a wrong one is reversed (P13)."""

    __tablename__ = "rebate"
    id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    customer_id: Mapped[int] = mapped_column(sa.ForeignKey("customer.id"), index=True)
    day: Mapped[date] = mapped_column(Day)
    currency: Mapped[str] = mapped_column(sa.String(3))
    amount_minor: Mapped[int] = mapped_column(Minor)
    note: Mapped[str] = mapped_column(sa.String(200))
    adjustment_id: Mapped[int | None] = mapped_column(sa.BigInteger)
    reverses_id: Mapped[int | None] = mapped_column(sa.BigInteger, unique=True)
    by: Mapped[str] = mapped_column(sa.String(64))
    recorded_at: Mapped[datetime] = mapped_column(Instant)


class Asked(NamedTuple):
    """A request with its customer's number and name."""

    row: Adjustment
    customer_no: str
    customer_name: str


class Tail(NamedTuple):
    """An open rest that counts as a tail (S12), minor units."""

    item_id: int
    document_no: str
    part: int
    parts: int
    customer_id: int
    customer_no: str
    customer_name: str
    currency: str
    amount: int
    open: int
    due: date | None


def load_asked(session: Session, scope: Scope, customer_id: int, user_id: int | None, today: date) -> list[Adjustment]:
    """What a person asked for of a customer today and nobody decided yet; nothing for a program, which sends no form twice."""
    if user_id is None:
        return []
    query = sa.select(Adjustment).where(Adjustment.customer_id == customer_id, Adjustment.requested_by == user_id, Adjustment.requested_on == today)
    query = query.where(Adjustment.state == "open", seen_ids(scope, Adjustment.customer_id))
    return list(session.scalars(query.order_by(Adjustment.id)))


def find_entry(session: Session, scope: Scope, wanted: Rebate, after: int) -> Rebate | None:
    """The same entry by the same person, made after the one with that id: a form that was sent twice."""
    same = [getattr(Rebate, name) == getattr(wanted, name) for name in ("customer_id", "day", "currency", "amount_minor", "note", "by")]
    return session.scalars(
        sa.select(Rebate).where(*same, seen_ids(scope, Rebate.customer_id), Rebate.id > after, Rebate.adjustment_id.is_(None), Rebate.reverses_id.is_(None))
    ).first()


def find_adjustment(session: Session, scope: Scope, key: int) -> Asked | None:
    """A request by its id if the scope sees its customer."""
    query = sa.select(Adjustment, Customer.customer_no, Customer.name).join(Customer, Customer.id == Adjustment.customer_id)
    row = session.execute(query.where(Adjustment.id == key, seen_ids(scope, Adjustment.customer_id))).first()
    return Asked(*row) if row else None


def load_adjustments(session: Session, scope: Scope, open_ones: bool, limit: int, customer_id: int | None = None) -> list[Asked]:
    """Requests that wait, the oldest first, or those that were decided, the latest first."""
    query = sa.select(Adjustment, Customer.customer_no, Customer.name).join(Customer, Customer.id == Adjustment.customer_id)
    query = query.where(seen_ids(scope, Adjustment.customer_id), (Adjustment.state == "open") if open_ones else (Adjustment.state != "open"))
    if customer_id is not None:
        query = query.where(Adjustment.customer_id == customer_id)
    order = (Adjustment.id.asc(),) if open_ones else (Adjustment.decided_on.desc(), Adjustment.id.desc())
    return [Asked(*row) for row in session.execute(query.order_by(*order).limit(limit))]


def load_waiting(session: Session, scope: Scope) -> list[Adjustment]:
    """Requests that wait, as they are now, locked until the work ends."""
    query = sa.select(Adjustment).where(Adjustment.state == "open", seen_ids(scope, Adjustment.customer_id)).order_by(Adjustment.id)
    return list(session.scalars(query.with_for_update().execution_options(populate_existing=True)))


def count_waiting(session: Session, scope: Scope) -> int:
    """How many requests wait for a decision."""
    return session.scalar(sa.select(sa.func.count()).where(Adjustment.state == "open", seen_ids(scope, Adjustment.customer_id))) or 0


def waiting_amounts(session: Session, key: str, ids: list[int]) -> dict[int, int]:
    """How much of each item (`item_id`) or credit (`credit_id`) open requests ask for already, minor units."""
    found: dict[int, int] = {}
    wanted = set(ids)
    for parts in session.scalars(sa.select(Adjustment.parts).where(Adjustment.state == "open")):
        for part in parts:
            if part.get(key) in wanted:
                found[part[key]] = found.get(part[key], 0) + int(part["amount"])
    return found


def load_tails(session: Session, scope: Scope, limits: Mapping[str, int], limit: int) -> list[Tail]:
    """Rests of at most 1 % and at most their currency's limit that a payment left, largest first (S12).

    Not those of which it was said that bank charges are missing: they are no tail.
    """
    if not limits:
        return []
    charged: set[int] = set()
    for parts in session.scalars(sa.select(Adjustment.parts).where(Adjustment.reason == BANK_CHARGES, Adjustment.state.in_(("open", "refused")))):
        charged.update(part["item_id"] for part in parts)
    paid = sa.exists().where(Allocation.item_id == Item.id, Allocation.credit_id == Credit.id, Credit.kind == "receipt", Credit.voided_on.is_(None))
    small = sa.or_(*(sa.and_(Item.currency == currency, Item.open_minor <= most) for currency, most in sorted(limits.items())))
    document = (Item.id, Item.document_no, Item.part, Item.parts, Item.customer_id, Customer.customer_no, Customer.name)
    query = sa.select(*document, Item.currency, Item.amount_minor, Item.open_minor, Item.due_date).join(Customer, Customer.id == Item.customer_id)
    query = query.where(Item.open_minor > 0, Item.open_minor <= Item.amount_minor // 100, small, paid)
    query = query.where(seen_ids(scope, Item.customer_id), Item.id.not_in(charged)) if charged else query.where(seen_ids(scope, Item.customer_id))
    return [Tail(*row) for row in session.execute(query.order_by(Item.currency, Item.open_minor.desc(), Item.id).limit(limit))]


def load_rebates(session: Session, scope: Scope, customer_id: int) -> list[Rebate]:
    """A customer's rebate account in the order its entries count."""
    query = sa.select(Rebate).where(Rebate.customer_id == customer_id, seen_ids(scope, Rebate.customer_id))
    return list(session.scalars(query.order_by(Rebate.currency, Rebate.day, Rebate.id)))


def find_rebate(session: Session, scope: Scope, key: int) -> Rebate | None:
    """An entry of a rebate account if the scope sees its customer."""
    return session.scalars(sa.select(Rebate).where(Rebate.id == key, seen_ids(scope, Rebate.customer_id))).first()
