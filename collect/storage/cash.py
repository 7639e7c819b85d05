"""What customers paid or were credited, and which items it settled: receipts, credit notes, allocations."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from collect.domain.rights import Scope
from collect.storage.customers import Customer, seen_ids
from collect.storage.database import Base, Day, Instant, Minor
from collect.storage.receivables import Item


class Credit(Base):
    """An amount in the customer's favour: a receipt, a credit note, a write-off; `open_minor` is what no item took yet (S8).

    `payer` is who the bank says paid, `line_id` the bank line it came from. `order_no`: taken in for an order, a prepayment
    预收 that is no part of the receivables until it is applied (S9, S13): `prepaid_minor` is what no item took of it,
    and `open_minor` stays nothing until the rest is released for other invoices (`released_on`). `adjustment_id` is the
    approved request that a write-off or set-off comes from, `earned_by` the allocation of a receipt that earned an early
    payment discount.
    """

    __tablename__ = "credit"
    id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    seller_id: Mapped[int] = mapped_column(sa.BigInteger)
    customer_id: Mapped[int] = mapped_column(sa.BigInteger)
    kind: Mapped[str] = mapped_column(sa.String(12))
    number: Mapped[str] = mapped_column(sa.String(64))
    day: Mapped[date] = mapped_column(Day)
    currency: Mapped[str] = mapped_column(sa.String(3))
    amount_minor: Mapped[int] = mapped_column(Minor)
    open_minor: Mapped[int] = mapped_column(Minor)
    prepaid_minor: Mapped[int] = mapped_column(Minor, default=0, server_default="0")
    released_on: Mapped[date | None] = mapped_column(Day)
    released_at: Mapped[datetime | None] = mapped_column(Instant)
    voided_on: Mapped[date | None] = mapped_column(Day)
    voided_at: Mapped[datetime | None] = mapped_column(Instant)
    method: Mapped[str | None] = mapped_column(sa.String(16))
    bank_reference: Mapped[str | None] = mapped_column(sa.String(100))
    reason: Mapped[str | None] = mapped_column(sa.String(200))
    payer: Mapped[str | None] = mapped_column(sa.String(200))
    order_no: Mapped[str | None] = mapped_column(sa.String(64))
    line_id: Mapped[int | None] = mapped_column(sa.BigInteger)
    adjustment_id: Mapped[int | None] = mapped_column(sa.BigInteger)
    earned_by: Mapped[int | None] = mapped_column(sa.BigInteger)
    import_id: Mapped[int | None] = mapped_column(sa.BigInteger)
    version: Mapped[int] = mapped_column(sa.Integer, default=1)
    recorded_at: Mapped[datetime] = mapped_column(Instant)
    __table_args__ = (
        sa.UniqueConstraint("number", "kind", "seller_id"),
        sa.CheckConstraint("amount_minor > 0", name="amount"),
        sa.CheckConstraint("open_minor >= 0 AND open_minor <= amount_minor", name="open"),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"]),
        sa.ForeignKeyConstraint(["seller_id"], ["seller.id"]),
        sa.Index("ix_credit_open", "customer_id", "currency", "day", "open_minor", "id", sqlite_where=sa.text("open_minor > 0"), postgresql_where=sa.text("open_minor > 0")),
        sa.Index("ix_credit_customer_id_day", "customer_id", "day"),
        sa.Index("ix_credit_prepaid", "customer_id", "currency", sqlite_where=sa.text("order_no IS NOT NULL"), postgresql_where=sa.text("order_no IS NOT NULL")),
        sa.Index("ix_credit_adjustment_id", "adjustment_id"),
        # The latest receipt through a bank is asked for on many pages (S22).
        sa.Index("ix_credit_receipt_day", "day", "method", sqlite_where=sa.text("kind = 'receipt'"), postgresql_where=sa.text("kind = 'receipt'")),
        sa.Index("ix_credit_earned_by", "earned_by", unique=True, sqlite_where=sa.text("earned_by IS NOT NULL"), postgresql_where=sa.text("earned_by IS NOT NULL")),
    )

    @property
    def rest(self) -> int:
        """What no item took yet, unapplied or prepaid."""
        return self.open_minor + self.prepaid_minor

    @property
    def is_prepayment(self) -> bool:
        """Whether what is left of it is kept for its order."""
        return self.order_no is not None and self.released_on is None


class Allocation(Base):
    """So much of a credit settles so much of an item from `effective` on; a reversal is a row of its own with the amount negated (S5).

    `across`: the item belongs to another customer of the payer's group.
    """

    __tablename__ = "allocation"
    id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    credit_id: Mapped[int] = mapped_column(sa.BigInteger)
    item_id: Mapped[int] = mapped_column(sa.BigInteger)
    amount_minor: Mapped[int] = mapped_column(Minor)
    effective: Mapped[date] = mapped_column(Day)
    reverses_id: Mapped[int | None] = mapped_column(sa.BigInteger, unique=True)
    across: Mapped[bool] = mapped_column(sa.Boolean, default=False, server_default=sa.text("false"))
    recorded_at: Mapped[datetime] = mapped_column(Instant)
    __table_args__ = (
        sa.CheckConstraint("(reverses_id IS NULL AND amount_minor > 0) OR (reverses_id IS NOT NULL AND amount_minor < 0)", name="amount"),
        sa.ForeignKeyConstraint(["credit_id"], ["credit.id"]),
        sa.ForeignKeyConstraint(["item_id"], ["item.id"]),
        sa.ForeignKeyConstraint(["reverses_id"], ["allocation.id"]),
        sa.Index("ix_allocation_item_id", "item_id"),
        sa.Index("ix_allocation_credit_id", "credit_id"),
        sa.Index("ix_allocation_across", "id", sqlite_where=sa.text("across = 1"), postgresql_where=sa.text("across")),
    )


def find_credit(session: Session, scope: Scope, kind: str, number: str) -> Credit | None:
    """The credit of that kind and number if the scope sees its customer."""
    return session.scalars(sa.select(Credit).where(Credit.number == number, Credit.kind == kind, seen_ids(scope, Credit.customer_id))).first()


def load_customer_credits(session: Session, scope: Scope, customer_id: int, only_open: bool = True) -> list[Credit]:
    """A customer's receipts and credits by date; only those not used up unless told otherwise."""
    query = sa.select(Credit).where(Credit.customer_id == customer_id, seen_ids(scope, Credit.customer_id))
    if only_open:
        query = query.where(Credit.open_minor > 0)
    return list(session.scalars(query.order_by(Credit.day, Credit.id)))


def load_prepayments(session: Session, scope: Scope, customer_id: int) -> list[Credit]:
    """A customer's money that is kept for orders, oldest first (S9)."""
    query = sa.select(Credit).where(Credit.customer_id == customer_id, Credit.order_no.is_not(None), Credit.prepaid_minor > 0, seen_ids(scope, Credit.customer_id))
    return list(session.scalars(query.order_by(Credit.day, Credit.id)))


def load_item_allocations(session: Session, scope: Scope, item_ids: list[int]) -> list[tuple[Allocation, Credit]]:
    """The allocations of items with the credit each came from, oldest first."""
    rows = session.execute(
        sa.select(Allocation, Credit)
        .join(Credit, Credit.id == Allocation.credit_id)
        .where(Allocation.item_id.in_(item_ids), seen_ids(scope, Credit.customer_id))
        .order_by(Allocation.effective, Allocation.id)
    )
    return [(allocation, credit) for allocation, credit in rows]


def load_steps(session: Session, column: Any, keys: Sequence[int]) -> dict[int, list[tuple[date, int]]]:
    """(day, net allocated) of those items or credits (`column` says which) that an allocation was ever taken back from, by id."""
    found: dict[int, list[tuple[date, int]]] = {}
    if session.scalar(sa.select(Allocation.id).where(Allocation.reverses_id.is_not(None)).limit(1)) is None:
        return found
    for start in range(0, len(keys), 5000):
        back = sa.select(column).where(column.in_(keys[start : start + 5000]), Allocation.reverses_id.is_not(None))
        query = sa.select(column, Allocation.effective, sa.func.sum(Allocation.amount_minor)).where(column.in_(back)).group_by(column, Allocation.effective)
        for key, effective, amount in session.execute(query):
            found.setdefault(key, []).append((effective, int(amount)))
    return found


def load_written_off(session: Session, scope: Scope, customer_id: int, currency: str) -> list[tuple[str, int]]:
    """A customer's invoices of which something is written off today, by number, each with how much (tails too), minor units."""
    query = sa.select(Item.document_no, sa.func.sum(Allocation.amount_minor)).join(Credit, Credit.id == Allocation.credit_id).join(Item, Item.id == Allocation.item_id)
    query = query.where(Item.customer_id == customer_id, Item.currency == currency, Credit.kind == "write_off", seen_ids(scope, Item.customer_id))
    query = query.group_by(Item.document_no).having(sa.func.sum(Allocation.amount_minor) > 0).order_by(Item.document_no)
    return [(number, int(amount)) for number, amount in session.execute(query)]


def load_prepaid_volume(session: Session, seller_id: int, currency: str) -> int:
    """How much was ever taken in for orders, in minor units: the day totals do not show it, since it is no receivable."""
    query = sa.select(Credit.amount_minor).where(Credit.order_no.is_not(None), Credit.seller_id == seller_id, Credit.currency == currency)
    return sum(session.scalars(query))


DEEPEST = 50
"""So many companies above one another are looked at; imports refuse a circle."""


def find_head(session: Session, customer_id: int) -> int:
    """The company at the head of a customer's group; the customer itself where it belongs to none."""
    at = customer_id
    for _ in range(DEEPEST):
        parent = session.scalar(sa.select(Customer.parent_id).where(Customer.id == at))
        if parent is None:
            break
        at = parent
    return at


class Payable(NamedTuple):
    """An open item that a customer's money may settle: its own, or one of another company of its group; minor units."""

    id: int
    document_no: str
    part: int
    parts: int
    customer_no: str
    customer_name: str
    due: date | None
    currency: str
    open: int
    po_no: str | None
    own: bool


def load_parents(session: Session) -> dict[int, int]:
    """The parent of every customer that has one."""
    rows = session.execute(sa.select(Customer.id, Customer.parent_id).where(Customer.parent_id.is_not(None)))
    return {key: parent for key, parent in rows if parent is not None}


def load_group(session: Session, customer_id: int) -> list[int]:
    """The ids of a customer's whole group, its head first; those of a customer without a group are its own."""
    group, level = [find_head(session, customer_id)], [find_head(session, customer_id)]
    for _ in range(DEEPEST):
        level = list(session.scalars(sa.select(Customer.id).where(Customer.parent_id.in_(level))))
        if not level:
            break
        group += level
    return group


def load_payable(session: Session, scope: Scope, customer_id: int, currency: str | None, limit: int) -> list[Payable]:
    """What a customer and the companies of its group owe, its own first, oldest due first; at most `limit`."""
    group = load_group(session, customer_id)
    own = (Item.customer_id == customer_id).label("own")
    query = sa.select(Item.id, Item.document_no, Item.part, Item.parts, Customer.customer_no, Customer.name, Item.due_date, Item.currency, Item.open_minor, Item.po_no, own)
    query = query.join(Customer, Customer.id == Item.customer_id).where(Item.open_minor > 0, Item.customer_id.in_(group), seen_ids(scope, Item.customer_id))
    if currency is not None:
        query = query.where(Item.currency == currency)
    rows = session.execute(query.order_by(own.desc(), sa.nulls_last(Item.due_date.asc()), Item.issue_date, Item.id).limit(limit))
    return [Payable(*row) for row in rows]


def load_claims(session: Session, scope: Scope, invoice_no: str, kinds: Sequence[str]) -> list[tuple[str, int]]:
    """(number, open minor units) of what is claimed about an invoice and open, in the order of the kinds, the oldest due first (S14)."""
    subject, place = sa.orm.aliased(Item), sa.case({kind: at for at, kind in enumerate(kinds)}, value=Item.kind, else_=len(kinds))
    query = sa.select(Item.document_no, Item.open_minor).join(subject, subject.id == Item.about_id)
    query = query.where(subject.document_no == invoice_no, Item.kind.in_(kinds), Item.open_minor > 0, seen_ids(scope, Item.customer_id))
    return [(number, left) for number, left in session.execute(query.order_by(place, Item.due_date, Item.id))] if kinds else []


def load_numbers(session: Session, item_ids: list[int], credit_ids: list[int]) -> dict[tuple[str, int], tuple[str, str]]:
    """Kind and number of items (under `item_id`) and credits (under `credit_id`) that were looked up for their customer already."""
    found: dict[tuple[str, int], tuple[str, str]] = {}
    for start in range(0, len(item_ids), 500):
        rows = session.execute(sa.select(Item.id, Item.document_no).where(Item.id.in_(item_ids[start : start + 500])))
        found.update((("item_id", key), ("invoice", number)) for key, number in rows)
    for start in range(0, len(credit_ids), 500):
        credits = session.execute(sa.select(Credit.id, Credit.kind, Credit.number).where(Credit.id.in_(credit_ids[start : start + 500])))
        found.update((("credit_id", key), (kind, number)) for key, kind, number in credits)
    return found
