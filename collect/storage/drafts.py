"""E-invoices taken in that are not in the books yet: what the file says, whom it may be for, and what it waits for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from collect.domain.rights import Scope
from collect.storage.customers import Customer, seen, seen_ids
from collect.storage.database import Base, Day, Instant, Minor


class Draft(Base):
    """One e-invoice; `fields` is all that was read of it. `state`: waiting (for a customer or terms), posted, discarded."""

    __tablename__ = "draft"
    id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    seller_id: Mapped[int] = mapped_column(sa.ForeignKey("seller.id"))
    form: Mapped[str] = mapped_column(sa.String(12))
    kind: Mapped[str] = mapped_column(sa.String(12))
    document_no: Mapped[str] = mapped_column(sa.String(64))
    issue_date: Mapped[date] = mapped_column(Day)
    due_date: Mapped[date | None] = mapped_column(Day)
    currency: Mapped[str] = mapped_column(sa.String(3))
    amount_minor: Mapped[int] = mapped_column(Minor)
    prepaid_minor: Mapped[int] = mapped_column(Minor)
    buyer_name: Mapped[str | None] = mapped_column(sa.String(200))
    buyer_tax_no: Mapped[str | None] = mapped_column(sa.String(64))
    customer_id: Mapped[int | None] = mapped_column(sa.ForeignKey("customer.id"), index=True)
    fields: Mapped[dict[str, Any]] = mapped_column(sa.JSON)
    state: Mapped[str] = mapped_column(sa.String(10))
    reason: Mapped[str | None] = mapped_column(sa.String(200))
    file_name: Mapped[str] = mapped_column(sa.String(255))
    file_hash: Mapped[str] = mapped_column(sa.String(64), index=True)
    by: Mapped[str] = mapped_column(sa.String(64))
    version: Mapped[int] = mapped_column(sa.Integer, default=1)
    recorded_at: Mapped[datetime] = mapped_column(Instant)
    __table_args__ = (sa.CheckConstraint("state IN ('waiting', 'posted', 'discarded')", name="state"), sa.Index("ix_draft_document_no", "document_no"))


def _seen(scope: Scope) -> sa.ColumnElement[bool]:
    """Drafts of nobody yet are finance's alone; the others belong to whoever sees the customer."""
    return sa.true() if scope.everything else sa.and_(Draft.customer_id.is_not(None), seen_ids(scope, Draft.customer_id))


def find_draft(session: Session, scope: Scope, draft_id: int, lock: bool = False) -> Draft | None:
    """One draft, locked and read anew where it is to be changed."""
    query = sa.select(Draft).where(Draft.id == draft_id, _seen(scope))
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    return session.scalars(query).first()


def load_drafts(session: Session, scope: Scope, state: str, after: int | None, limit: int) -> list[tuple[Draft, Customer | None]]:
    """A page of drafts in a state, the last taken in first, with the customer each is matched to."""
    query = sa.select(Draft, Customer).outerjoin(Customer, Customer.id == Draft.customer_id).where(Draft.state == state, _seen(scope))
    if after is not None:
        query = query.where(Draft.id < after)
    return [(draft, customer) for draft, customer in session.execute(query.order_by(Draft.id.desc()).limit(limit))]


def count_drafts(session: Session, scope: Scope) -> dict[str, int]:
    """How many drafts are in each state."""
    return {state: int(count) for state, count in session.execute(sa.select(Draft.state, sa.func.count()).where(_seen(scope)).group_by(Draft.state))}


def load_by_tax_no(session: Session, scope: Scope, numbers: Sequence[str], limit: int) -> list[Customer]:
    """Customers with one of the tax numbers, given in capitals without blanks and dashes; however ours are written."""
    plain: Any = Customer.tax_no
    for sign in (" ", "-", ".", "/"):
        plain = sa.func.replace(plain, sign, "")
    query = sa.select(Customer).where(Customer.tax_no.is_not(None), sa.func.upper(plain).in_(numbers), seen(scope))
    return list(session.scalars(query.order_by(Customer.customer_no).limit(limit)))
