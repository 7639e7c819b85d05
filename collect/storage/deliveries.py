"""What was delivered and not yet invoiced (未开票): exposure of a customer, no receivable and never aged (S4, S26)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from collect.domain.rights import Scope
from collect.storage.customers import seen_ids
from collect.storage.database import Base, Day, Instant, Minor
from collect.storage.receivables import Item


class Delivery(Base):
    """One delivery. It counts from `delivered_on` until it is `invoiced` or `cancelled`, each a dated entry that stays.

    `ended_on` is the day from which it counts no more, `ended_at` when that became known; `invoice_no` is the invoice
    that took its place, `reason` why it was cancelled.
    """

    __tablename__ = "delivery"
    id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    seller_id: Mapped[int] = mapped_column(sa.BigInteger)
    customer_id: Mapped[int] = mapped_column(sa.BigInteger)
    delivery_no: Mapped[str] = mapped_column(sa.String(64))
    delivered_on: Mapped[date] = mapped_column(Day)
    currency: Mapped[str] = mapped_column(sa.String(3))
    amount_minor: Mapped[int] = mapped_column(Minor)
    order_no: Mapped[str | None] = mapped_column(sa.String(64))
    description: Mapped[str | None] = mapped_column(sa.String(500))
    ended: Mapped[str | None] = mapped_column(sa.String(10))
    ended_on: Mapped[date | None] = mapped_column(Day)
    ended_at: Mapped[datetime | None] = mapped_column(Instant)
    invoice_no: Mapped[str | None] = mapped_column(sa.String(64))
    reason: Mapped[str | None] = mapped_column(sa.String(400))
    import_id: Mapped[int | None] = mapped_column(sa.BigInteger)
    version: Mapped[int] = mapped_column(sa.Integer, default=1)
    recorded_at: Mapped[datetime] = mapped_column(Instant)
    __table_args__ = (
        sa.UniqueConstraint("delivery_no", "seller_id"),
        sa.CheckConstraint("amount_minor > 0", name="amount"),
        sa.CheckConstraint("ended IS NULL OR ended IN ('invoiced', 'cancelled')", name="ended"),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"]),
        sa.ForeignKeyConstraint(["seller_id"], ["seller.id"]),
        sa.Index("ix_delivery_open", "customer_id", "currency", sqlite_where=sa.text("ended_on IS NULL"), postgresql_where=sa.text("ended_on IS NULL")),
        sa.Index("ix_delivery_customer_id", "customer_id"),
        sa.Index("ix_delivery_invoice_no", "invoice_no"),
    )


class Exposure(NamedTuple):
    """What is delivered and not invoiced in one currency: minor units, how many deliveries, and since when."""

    currency: str
    amount: int
    deliveries: int
    oldest: date


def find_delivery(session: Session, scope: Scope, number: str, lock: bool = False) -> Delivery | None:
    """The delivery of that number if the scope sees its customer."""
    query = sa.select(Delivery).where(Delivery.delivery_no == number, seen_ids(scope, Delivery.customer_id))
    return session.scalars(query.with_for_update().execution_options(populate_existing=True) if lock else query).first()


def load_deliveries(session: Session, scope: Scope, customer_id: int, limit: int) -> list[Delivery]:
    """A customer's deliveries, those not invoiced first, then the latest; at most `limit`."""
    query = sa.select(Delivery).where(Delivery.customer_id == customer_id, seen_ids(scope, Delivery.customer_id))
    return list(session.scalars(query.order_by(Delivery.ended_on.is_not(None), Delivery.delivered_on.desc(), Delivery.id.desc()).limit(limit)))


def load_exposure(session: Session, scope: Scope, customer_id: int) -> list[Exposure]:
    """What a customer has been delivered and not been invoiced, by currency."""
    sums = (sa.func.sum(Delivery.amount_minor), sa.func.count(), sa.func.min(Delivery.delivered_on))
    query = sa.select(Delivery.currency, *sums).where(Delivery.customer_id == customer_id, Delivery.ended_on.is_(None), seen_ids(scope, Delivery.customer_id))
    return [
        Exposure(currency, int(amount), int(count), oldest) for currency, amount, count, oldest in session.execute(query.group_by(Delivery.currency).order_by(Delivery.currency))
    ]


def open_of(session: Session, seller_id: int, customer_ids: list[int]) -> list[Delivery]:
    """The deliveries of customers that are not invoiced, the oldest first, locked until the transaction ends."""
    found: list[Delivery] = []
    for start in range(0, len(customer_ids), 5000):
        some = customer_ids[start : start + 5000]
        query = sa.select(Delivery).where(Delivery.customer_id.in_(some), Delivery.ended_on.is_(None), Delivery.seller_id == seller_id)
        found += session.scalars(query.order_by(Delivery.delivered_on, Delivery.id).with_for_update())
    return found


def invoiced_by(session: Session, seller_id: int, invoice_nos: list[str]) -> list[Delivery]:
    """The deliveries that these invoices took the place of."""
    found: list[Delivery] = []
    for start in range(0, len(invoice_nos), 5000):
        some = invoice_nos[start : start + 5000]
        query = sa.select(Delivery).where(Delivery.invoice_no.in_(some), Delivery.ended == "invoiced", Delivery.seller_id == seller_id)
        found += session.scalars(query.order_by(Delivery.id).with_for_update())
    return found


def wrong_deliveries(session: Session) -> Iterator[str]:
    """Deliveries whose end is half told, lies before they were made, or names an invoice that the books do not have (any more)."""
    stands = sa.select(Item.id).where(Item.document_no == Delivery.invoice_no, Item.customer_id == Delivery.customer_id, Item.voided_on.is_(None)).exists()
    half = sa.or_(Delivery.ended.is_(None) != Delivery.ended_on.is_(None), Delivery.ended.is_(None) != Delivery.ended_at.is_(None))
    early = sa.func.coalesce(Delivery.ended_on < Delivery.delivered_on, sa.false())
    wrong = sa.or_(half, early, sa.and_(Delivery.ended == "invoiced", sa.not_(stands)))
    yield from session.scalars(sa.select(Delivery.delivery_no).where(wrong).order_by(Delivery.id))
