"""Proposals to escalate or release, the holds that follow from them, and the supply answers that were given (S24-S26)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from collect.domain import escalation as rules
from collect.domain.rights import Scope
from collect.storage.cases import Standing
from collect.storage.cash import Credit
from collect.storage.customers import Customer, seen, seen_ids
from collect.storage.database import Base, Day, Instant, Minor
from collect.storage.deliveries import Delivery, load_exposure
from collect.storage.notices import Round
from collect.storage.receivables import Item

PENDING = ("open", "deferred")


class Proposal(Base):
    """A step that somebody, or policy, proposes, with its reasons and evidence as JSON; decided by a person who did not ask (S24, S29).

    `step`: stop_credit, stop_supply, final_demand, referral or release. States: open, deferred (until `deferred_until`),
    approved, refused, withdrawn (its reason is gone), expired. `requested_by` None is `system`. `content_hash` covers what
    is approved; `level` rises while nobody decides, `level_on` is when it last did. Figures that nobody confirmed are no
    ground for a decision after `expires_at`. At most one is open or deferred for a customer.
    """

    __tablename__ = "proposal"
    id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    customer_id: Mapped[int] = mapped_column(sa.ForeignKey("customer.id"), index=True)
    step: Mapped[str] = mapped_column(sa.String(16))
    hold_id: Mapped[int | None] = mapped_column(sa.BigInteger)
    currency: Mapped[str] = mapped_column(sa.String(3))
    overdue_minor: Mapped[int] = mapped_column(Minor)
    oldest_days: Mapped[int] = mapped_column(sa.Integer)
    reasons: Mapped[str] = mapped_column(sa.Text)
    evidence: Mapped[str] = mapped_column(sa.Text)
    content_hash: Mapped[str] = mapped_column(sa.String(64))
    note: Mapped[str | None] = mapped_column(sa.String(2000))
    state: Mapped[str] = mapped_column(sa.String(10))
    level: Mapped[int] = mapped_column(sa.Integer)
    level_on: Mapped[date] = mapped_column(Day)
    expires_at: Mapped[datetime] = mapped_column(Instant)
    requested_by: Mapped[int | None] = mapped_column(sa.ForeignKey("user_account.id"))
    requested_on: Mapped[date] = mapped_column(Day)
    deferred_until: Mapped[date | None] = mapped_column(Day)
    decided_by: Mapped[int | None] = mapped_column(sa.ForeignKey("user_account.id"))
    decided_on: Mapped[date | None] = mapped_column(Day)
    decision_note: Mapped[str | None] = mapped_column(sa.String(2000))
    policy: Mapped[int] = mapped_column(sa.Integer)
    version: Mapped[int] = mapped_column(sa.Integer, default=1)
    recorded_at: Mapped[datetime] = mapped_column(Instant)
    __table_args__ = (
        sa.CheckConstraint("state IN ('open', 'deferred', 'approved', 'refused', 'withdrawn', 'expired')", name="state"),
        sa.CheckConstraint("requested_by IS NULL OR decided_by IS NULL OR requested_by <> decided_by", name="two_persons"),
        sa.Index(
            "uq_proposal_pending",
            "customer_id",
            unique=True,
            sqlite_where=sa.text("state IN ('open', 'deferred')"),
            postgresql_where=sa.text("state IN ('open', 'deferred')"),
        ),
    )


class Hold(Base):
    """A stop in force until it is released; `basis` is its legal or contractual ground, `review_on` when it is looked at again (S25)."""

    __tablename__ = "hold"
    id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    customer_id: Mapped[int] = mapped_column(sa.ForeignKey("customer.id"))
    rung: Mapped[str] = mapped_column(sa.String(16))
    proposal_id: Mapped[int] = mapped_column(sa.ForeignKey("proposal.id"), unique=True)
    since: Mapped[date] = mapped_column(Day)
    basis: Mapped[str] = mapped_column(sa.String(400))
    conditions: Mapped[str] = mapped_column(sa.String(400))
    review_on: Mapped[date] = mapped_column(Day)
    released_on: Mapped[date | None] = mapped_column(Day)
    release_proposal_id: Mapped[int | None] = mapped_column(sa.BigInteger)
    version: Mapped[int] = mapped_column(sa.Integer, default=1)
    recorded_at: Mapped[datetime] = mapped_column(Instant)
    __table_args__ = (
        sa.CheckConstraint("rung IN ('stop_credit', 'stop_supply')", name="rung"),
        sa.Index("uq_hold_in_force", "customer_id", "rung", unique=True, sqlite_where=sa.text("released_on IS NULL"), postgresql_where=sa.text("released_on IS NULL")),
    )


class SupplyAnswer(Base):
    """An answer to "may this customer be supplied for this amount today?", kept with its reasons; an order number reserves its amount (S26)."""

    __tablename__ = "supply_answer"
    id: Mapped[int] = mapped_column(sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True)
    customer_id: Mapped[int] = mapped_column(sa.ForeignKey("customer.id"), index=True)
    day: Mapped[date] = mapped_column(Day)
    at: Mapped[datetime] = mapped_column(Instant)
    asked_by: Mapped[str] = mapped_column(sa.String(64))
    currency: Mapped[str] = mapped_column(sa.String(3))
    amount_minor: Mapped[int | None] = mapped_column(Minor)
    order_no: Mapped[str | None] = mapped_column(sa.String(64))
    answer: Mapped[str] = mapped_column(sa.String(5))
    reasons: Mapped[str] = mapped_column(sa.String(400))
    __table_args__ = (sa.CheckConstraint("answer IN ('yes', 'no', 'refer')", name="answer"),)


def find_proposal(session: Session, scope: Scope, proposal_id: int, lock: bool = False) -> tuple[Proposal, Customer] | None:
    """The proposal of that id with its customer if the scope sees him; locked until the transaction ends where asked."""
    query = sa.select(Proposal).where(Proposal.id == proposal_id, seen_ids(scope, Proposal.customer_id))
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    row = session.scalars(query).first()
    return (row, session.get_one(Customer, row.customer_id)) if row is not None else None


def find_pending(session: Session, scope: Scope, customer_id: int) -> Proposal | None:
    """The one proposal of a customer that waits for a decision, deferred ones too."""
    query = sa.select(Proposal).where(Proposal.customer_id == customer_id, Proposal.state.in_(PENDING), seen_ids(scope, Proposal.customer_id))
    return session.scalars(query).first()


def load_pending(session: Session, scope: Scope, customer_ids: Sequence[int] | None = None) -> dict[int, Proposal]:
    """Every proposal that waits for a decision, by customer."""
    query = sa.select(Proposal).where(Proposal.state.in_(PENDING), seen_ids(scope, Proposal.customer_id))
    if customer_ids is not None:
        query = query.where(Proposal.customer_id.in_(list(customer_ids)))
    return {row.customer_id: row for row in session.scalars(query.order_by(Proposal.id))}


def load_proposals(session: Session, scope: Scope, states: Sequence[str], limit: int, customer_id: int | None = None) -> list[tuple[Proposal, Customer]]:
    """Proposals in some states with their customers: what waits by level and age, what is decided by when; at most `limit`."""
    query = sa.select(Proposal, Customer).join(Customer, Customer.id == Proposal.customer_id).where(Proposal.state.in_(states), seen(scope))
    if customer_id is not None:
        query = query.where(Proposal.customer_id == customer_id)
    order = [Proposal.level.desc(), Proposal.oldest_days.desc(), Proposal.id] if set(states) <= set(PENDING) else [sa.nulls_last(Proposal.decided_on.desc()), Proposal.id.desc()]
    return [(row[0], row[1]) for row in session.execute(query.order_by(*order).limit(limit))]


class Held(NamedTuple):
    """A hold in force, with the days past due and the currency of the debt that it was approved for."""

    hold: Hold
    days: int
    currency: str


def load_holds(session: Session, scope: Scope, customer_ids: Sequence[int] | None = None) -> dict[int, list[Held]]:
    """The holds in force by customer, the lower rung first."""
    query = sa.select(Hold, Proposal.oldest_days, Proposal.currency).join(Proposal, Proposal.id == Hold.proposal_id)
    query = query.where(Hold.released_on.is_(None), seen_ids(scope, Hold.customer_id))
    if customer_ids is not None:
        query = query.where(Hold.customer_id.in_(list(customer_ids)))
    found: dict[int, list[Held]] = {}
    for row in session.execute(query.order_by(Hold.rung, Hold.id)):
        found.setdefault(row[0].customer_id, []).append(Held(*row))
    return found


def load_customer_holds(session: Session, scope: Scope, customer_id: int) -> list[Hold]:
    """Every hold a customer ever had, the latest first."""
    return list(session.scalars(sa.select(Hold).where(Hold.customer_id == customer_id, seen_ids(scope, Hold.customer_id)).order_by(Hold.since.desc(), Hold.id.desc())))


def acting_day(session: Session, today: date) -> date:
    """The day a proposal is looked at by: today, or the day of the latest round where that is later (a round may run ahead of the clock)."""
    latest = session.scalar(sa.select(sa.func.max(Round.day)).where(Round.kind == "escalate"))
    return max(today, latest) if latest is not None else today


def load_refused(session: Session, scope: Scope, since: date, customer_ids: Sequence[int] | None = None) -> dict[int, list[tuple[str, int | None]]]:
    """What was refused after a day, by customer: the step, and the hold that was not to be released."""
    found: dict[int, list[tuple[str, int | None]]] = {}
    query = sa.select(Proposal.customer_id, Proposal.step, Proposal.hold_id).where(Proposal.state == "refused", Proposal.decided_on > since)
    query = query.where(seen_ids(scope, Proposal.customer_id))
    if customer_ids is not None:
        query = query.where(Proposal.customer_id.in_(list(customer_ids)))
    for customer_id, step, hold_id in session.execute(query):
        found.setdefault(customer_id, []).append((step, hold_id))
    return found


def lock_customer(session: Session, scope: Scope, number: str) -> Customer | None:
    """The customer of that number if the scope sees him, locked until the transaction ends: two orders are answered one after the other."""
    return session.scalars(sa.select(Customer).where(Customer.customer_no == number, seen(scope)).with_for_update().execution_options(populate_existing=True)).first()


def load_standing(session: Session, scope: Scope, customer: Customer, today: date, since: datetime, but: str | None = None) -> rules.Standing:
    """What the supply answer counts, reservations made after `since`; `but` is the order that is asked about (S26).

    Paper that is not cleared leaves its item open. What is open of the order itself is no earlier delivery: an order may
    be asked about again while it is delivered.
    """
    query: Any = sa.select(Item.currency, sa.func.sum(Item.open_minor), sa.func.min(Item.due_date)).where(Item.customer_id == customer.id, Item.open_minor > 0)
    rows = session.execute(query.group_by(Item.currency)).all()
    owed = sum(int(amount) for currency, amount, _ in rows if currency == customer.currency)
    earlier = sa.select(Item.id).where(Item.customer_id == customer.id, Item.open_minor > 0, sa.func.coalesce(Item.po_no, "") != (but or "\n")).limit(1)
    delivered = sa.select(Delivery.id).where(Delivery.customer_id == customer.id, Delivery.ended_on.is_(None), sa.func.coalesce(Delivery.order_no, "") != (but or "\n")).limit(1)
    rest = sa.select(sa.func.sum(Credit.open_minor)).where(Credit.customer_id == customer.id, Credit.currency == customer.currency, Credit.open_minor > 0)
    pending = find_pending(session, scope, customer.id)
    return rules.Standing(
        holds=frozenset(session.scalars(sa.select(Hold.rung).where(Hold.customer_id == customer.id, Hold.released_on.is_(None)))),
        pending=pending.step if pending else None,
        insolvent=bool(session.scalar(sa.select(Standing.insolvent).where(Standing.customer_id == customer.id))),
        terms=customer.terms,
        limit=customer.credit_limit,
        owed=owed - int(session.scalar(rest) or 0),
        reserved=_reserved(session, customer, since, but) if customer.credit_limit is not None else 0,
        uninvoiced=sum(one.amount for one in load_exposure(session, scope, customer.id) if one.currency == customer.currency),
        earlier_open=(bool(rows) and session.scalar(earlier) is not None) or session.scalar(delivered) is not None,
        any_overdue=any(due is not None and due < today for _, _, due in rows),
    )


def _reserved(session: Session, customer: Customer, since: datetime, but: str | None) -> int:
    """What is reserved for orders answered yes since an instant: the latest yes of each, but the order asked about and those delivered or invoiced by now."""
    invoiced = sa.select(Item.id).where(Item.customer_id == customer.id, Item.po_no == SupplyAnswer.order_no).exists()
    delivered = sa.select(Delivery.id).where(Delivery.customer_id == customer.id, Delivery.order_no == SupplyAnswer.order_no).exists()
    query = sa.select(SupplyAnswer.order_no, SupplyAnswer.amount_minor).where(
        SupplyAnswer.customer_id == customer.id,
        SupplyAnswer.currency == customer.currency,
        SupplyAnswer.answer == "yes",
        SupplyAnswer.at > since,
        SupplyAnswer.order_no.is_not(None),
        SupplyAnswer.amount_minor.is_not(None),
        sa.not_(invoiced),
        sa.not_(delivered),
    )
    latest = {order: int(amount or 0) for order, amount in session.execute(query.order_by(SupplyAnswer.id)) if order != but}
    return sum(latest.values())


def load_numbers(session: Session, scope: Scope, item_ids: Sequence[int]) -> dict[int, str]:
    """The numbers of the documents that items belong to."""
    rows: Any = session.execute(sa.select(Item.id, Item.document_no).where(Item.id.in_(list(item_ids)), seen_ids(scope, Item.customer_id))).all()
    return dict(rows)


def sales_since(session: Session, scope: Scope, customer_id: int, after: date, until: date) -> dict[str, int]:
    """What was invoiced less what was credited in (after, until], by currency; minor units."""
    found: dict[str, int] = {}
    invoiced: Any = sa.select(Item.currency, sa.func.sum(Item.amount_minor)).where(
        Item.customer_id == customer_id, seen_ids(scope, Item.customer_id), Item.voided_on.is_(None), Item.issue_date > after, Item.issue_date <= until
    )
    credited: Any = sa.select(Credit.currency, sa.func.sum(Credit.amount_minor)).where(
        Credit.customer_id == customer_id, seen_ids(scope, Credit.customer_id), Credit.kind == "credit_note", Credit.voided_on.is_(None), Credit.day > after, Credit.day <= until
    )
    for sign, query, column in ((1, invoiced, Item.currency), (-1, credited, Credit.currency)):
        for currency, amount in session.execute(query.group_by(column)):
            found[currency] = found.get(currency, 0) + sign * int(amount)
    return found
