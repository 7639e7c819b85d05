"""Customers, the people there, and who of ours looks after them since when."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, aliased, mapped_column

from collect.domain.rights import Scope
from collect.storage.audit import Audit
from collect.storage.database import Base, Day, Instant, Minor


class Customer(Base):
    """A legal debtor. `rep_id` and `collector_id` are today's assignment; its history is in `assignment` (S9)."""

    __tablename__ = "customer"
    id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    customer_no: Mapped[str] = mapped_column(sa.String(64), unique=True)
    name: Mapped[str] = mapped_column(sa.String(200))
    sort_key: Mapped[str] = mapped_column(sa.String(400), index=True)
    tax_no: Mapped[str | None] = mapped_column(sa.String(64))
    segment: Mapped[str | None] = mapped_column(sa.String(64), index=True)
    terms: Mapped[str | None] = mapped_column(sa.String(64))
    credit_limit: Mapped[int | None] = mapped_column(Minor)
    currency: Mapped[str] = mapped_column(sa.String(3))
    country: Mapped[str] = mapped_column(sa.String(64))
    language: Mapped[str | None] = mapped_column(sa.String(8))
    timezone: Mapped[str | None] = mapped_column(sa.String(64))
    email: Mapped[str | None] = mapped_column(sa.String(254))
    phone: Mapped[str | None] = mapped_column(sa.String(64))
    address: Mapped[str | None] = mapped_column(sa.String(400))
    margin: Mapped[str | None] = mapped_column(sa.String(16))
    parent_id: Mapped[int | None] = mapped_column(sa.ForeignKey("customer.id"), index=True)
    rep_id: Mapped[int | None] = mapped_column(sa.ForeignKey("user_account.id"), index=True)
    collector_id: Mapped[int | None] = mapped_column(sa.ForeignKey("user_account.id"), index=True)
    version: Mapped[int] = mapped_column(sa.Integer, default=1)
    recorded_at: Mapped[datetime] = mapped_column(Instant)
    __table_args__ = (sa.Index("ix_customer_name", "name"),)


class Assignment(Base):
    """From `since` on, `user_id` (None: nobody) is the customer's rep or collector, until a later row says otherwise."""

    __tablename__ = "assignment"
    id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    customer_id: Mapped[int] = mapped_column(sa.ForeignKey("customer.id"))
    duty: Mapped[str] = mapped_column(sa.String(10))
    user_id: Mapped[int | None] = mapped_column(sa.ForeignKey("user_account.id"), index=True)
    since: Mapped[date] = mapped_column(Day)
    recorded_at: Mapped[datetime] = mapped_column(Instant)
    __table_args__ = (sa.CheckConstraint("duty IN ('rep', 'collector')", name="duty"), sa.Index("ix_assignment_customer_id_duty_since", "customer_id", "duty", "since"))


class Contact(Base):
    """A person at the customer (P6)."""

    __tablename__ = "contact"
    id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    customer_id: Mapped[int] = mapped_column(sa.ForeignKey("customer.id"))
    name: Mapped[str] = mapped_column(sa.String(100))
    role: Mapped[str] = mapped_column(sa.String(16))
    original: Mapped[bool] = mapped_column(sa.Boolean)
    decides: Mapped[bool] = mapped_column(sa.Boolean)
    phone: Mapped[str | None] = mapped_column(sa.String(64))
    mobile: Mapped[str | None] = mapped_column(sa.String(64))
    email: Mapped[str | None] = mapped_column(sa.String(254))
    wechat: Mapped[str | None] = mapped_column(sa.String(64))
    preferred_time: Mapped[str | None] = mapped_column(sa.String(64))
    version: Mapped[int] = mapped_column(sa.Integer, default=1)
    recorded_at: Mapped[datetime] = mapped_column(Instant)
    __table_args__ = (sa.UniqueConstraint("customer_id", "name"),)


def seen(scope: Scope) -> sa.ColumnElement[bool]:
    """The condition on `customer` that a scope means: whose rep or collector today is one of its users (S28)."""
    if scope.user_ids is None:
        return sa.true()
    users = sorted(scope.user_ids)
    return sa.or_(Customer.rep_id.in_(users), Customer.collector_id.in_(users))


def seen_ids(scope: Scope, column: Any) -> sa.ColumnElement[bool]:
    """The same condition on a column that holds customer ids; no join where nothing is hidden."""
    if scope.user_ids is None:
        return sa.true()
    return column.in_(sa.select(Customer.id).where(seen(scope)))  # type: ignore[no-any-return]


def find_customer(session: Session, scope: Scope, number: str) -> Customer | None:
    """The customer of that number if the scope sees it; a foreign one is None like a missing one."""
    return session.scalars(sa.select(Customer).where(Customer.customer_no == number, seen(scope))).first()


def load_members(session: Session, scope: Scope, parent_id: int, limit: int = 200) -> list[Customer]:
    """The customers directly below one, by number, those the scope sees; at most `limit`."""
    return list(session.scalars(sa.select(Customer).where(Customer.parent_id == parent_id, seen(scope)).order_by(Customer.customer_no).limit(limit)))


def load_customers(session: Session, scope: Scope, ids: list[int]) -> dict[int, Customer]:
    """Customers by id, those the scope sees."""
    found: dict[int, Customer] = {}
    for start in range(0, len(ids), 5000):
        rows = session.scalars(sa.select(Customer).where(Customer.id.in_(ids[start : start + 5000]), seen(scope)))
        found.update((row.id, row) for row in rows)
    return found


def load_ids(session: Session, scope: Scope, numbers: Collection[str]) -> set[int]:
    """The ids of those customers a scope sees that have these numbers."""
    return {key for key, number in session.execute(sa.select(Customer.id, Customer.customer_no).where(seen(scope))) if number in numbers}


def head_segments(session: Session, ids: Sequence[int] | None = None) -> dict[int, str]:
    """Member of a group to the segment of the group's head, at any depth: a group has one policy, that of its head.

    A member whose head names no segment is not in it, and follows his own. All groups, or only some customers' where
    told. Scope has no part in it: how a customer is treated does not depend on who looks.
    """
    above = aliased(Customer)
    lowest = sa.select(Customer.id.label("member"), Customer.parent_id.label("above")).where(Customer.parent_id.is_not(None))
    if ids is not None:
        lowest = lowest.where(Customer.id.in_(list(ids)))
    climb = lowest.cte("customer_group", recursive=True)
    climb = climb.union(sa.select(climb.c.member, above.parent_id).where(above.id == climb.c.above, above.parent_id.is_not(None)))
    query = sa.select(climb.c.member, above.segment).where(above.id == climb.c.above, above.parent_id.is_(None), above.segment.is_not(None))
    return {row.member: row.segment for row in session.connection().execute(query)}


def policy_segment(session: Session, customer: Customer) -> str | None:
    """The word by which a customer's segment of the policy is found: his group's, else his own."""
    return customer.segment if customer.parent_id is None else head_segments(session, [customer.id]).get(customer.id, customer.segment)


class Moment(NamedTuple):
    """A point of both times (S6): the end of the day that is asked about, and what was known by then (None: all)."""

    end: datetime
    known_at: datetime | None = None


def load_former(session: Session, scope: Scope, name: str, moment: Moment) -> dict[int, Any]:
    """Customer id to what a field (`segment`, `parent_id`) said at a moment, of those where it was changed since; out of the audit log.

    A report of a past day is grouped as the customers were grouped on it, like its reps (S9). What a field said first holds
    for the time before too: books taken over tell it on the day they come in. Known at an instant, it is as it was then.
    """
    since = moment.end if moment.known_at is None else min(moment.end, moment.known_at)
    query = sa.select(Audit.customer_id, Audit.at, Audit.before).where(Audit.kind == "customer", Audit.action == "change", Audit.at > since, seen_ids(scope, Audit.customer_id))
    found: dict[int, Any] = {}
    for customer_id, at, told in session.execute(query.where(Audit.before.contains(f'"{name}"')).order_by(Audit.seq.desc())):
        before = json.loads(told or "{}")
        if customer_id is not None and name in before and (before[name] or (moment.known_at is not None and at > moment.known_at)):
            found[customer_id] = before[name]
    return found


def load_duties(session: Session, scope: Scope, duty: str, as_of: date, known_at: datetime | None = None) -> dict[int, int | None]:
    """Customer id to the user who had that duty (`rep` or `collector`) on the date, from the dated assignments (S9).

    The first assignment holds for the time before it too: nobody else is known to have looked after the customer,
    and books taken over from another program start with assignments of that day. Known up to `known_at` (None: now).
    """
    query = sa.select(Assignment.customer_id, Assignment.user_id, Assignment.since).where(Assignment.duty == duty, seen_ids(scope, Assignment.customer_id))
    if known_at is not None:
        query = query.where(Assignment.recorded_at <= known_at)
    found: dict[int, int | None] = {}
    for customer_id, user_id, since in session.execute(query.order_by(Assignment.since, Assignment.id)):
        if since <= as_of or customer_id not in found:
            found[customer_id] = user_id
    return found
