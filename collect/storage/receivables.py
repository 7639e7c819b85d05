"""What customers owe: open items (invoices, instalments, debit notes, fees), their trigger events, and reading them."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from collect.domain.rights import Scope
from collect.storage.customers import seen_ids
from collect.storage.database import Base, Day, Instant, Minor, day_number


class Item(Base):
    """One amount due on one date (S4): an invoice, or part `part` of one payable in `parts` instalments.

    `open_minor` and `closed_on` are kept in step with the allocations in the same transaction; the check makes an
    over-allocation impossible whatever happens at once (S15). `due_date` is NULL while only a provisional date is
    known (S7). A void item has `voided_on` and is not open from that day on.
    `about_id` is the item that interest, a fee or a debit note is about (S14).
    """

    __tablename__ = "item"
    id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    seller_id: Mapped[int] = mapped_column(sa.BigInteger)
    customer_id: Mapped[int] = mapped_column(sa.BigInteger)
    document_no: Mapped[str] = mapped_column(sa.String(64))
    part: Mapped[int] = mapped_column(sa.SmallInteger)
    parts: Mapped[int] = mapped_column(sa.SmallInteger)
    kind: Mapped[str] = mapped_column(sa.String(12))
    issue_date: Mapped[date] = mapped_column(Day)
    due_date: Mapped[date | None] = mapped_column(Day)
    provisional_date: Mapped[date | None] = mapped_column(Day)
    trigger: Mapped[str | None] = mapped_column(sa.String(16))
    currency: Mapped[str] = mapped_column(sa.String(3))
    amount_minor: Mapped[int] = mapped_column(Minor)
    open_minor: Mapped[int] = mapped_column(Minor)
    closed_on: Mapped[date | None] = mapped_column(Day)
    voided_on: Mapped[date | None] = mapped_column(Day)
    voided_at: Mapped[datetime | None] = mapped_column(Instant)
    terms: Mapped[str | None] = mapped_column(sa.String(64))
    po_no: Mapped[str | None] = mapped_column(sa.String(64))
    delivered_on: Mapped[date | None] = mapped_column(Day)
    description: Mapped[str | None] = mapped_column(sa.String(500))
    about_id: Mapped[int | None] = mapped_column(sa.BigInteger)
    import_id: Mapped[int | None] = mapped_column(sa.BigInteger)
    version: Mapped[int] = mapped_column(sa.Integer, default=1)
    recorded_at: Mapped[datetime] = mapped_column(Instant)
    __table_args__ = (
        sa.UniqueConstraint("document_no", "seller_id", "part"),
        sa.CheckConstraint("amount_minor > 0", name="amount"),
        sa.CheckConstraint("open_minor >= 0 AND open_minor <= amount_minor", name="open"),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"]),
        sa.ForeignKeyConstraint(["seller_id"], ["seller.id"]),
        sa.Index(
            "ix_item_open",
            "customer_id",
            "currency",
            "due_date",
            "issue_date",
            "open_minor",
            "id",
            sqlite_where=sa.text("open_minor > 0"),
            postgresql_where=sa.text("open_minor > 0"),
        ),
        sa.Index("ix_item_customer_id_issue_date", "customer_id", "issue_date"),
    )


def find_items(session: Session, scope: Scope, document_no: str) -> list[Item]:
    """The items of a document (one, or one an instalment) if the scope sees its customer; else empty."""
    return list(session.scalars(sa.select(Item).where(Item.document_no == document_no, seen_ids(scope, Item.customer_id)).order_by(Item.part)))


def load_customer_items(session: Session, scope: Scope, customer_id: int, only_open: bool = True) -> list[Item]:
    """A customer's items, oldest due first (provisional ones last); only the open ones unless told otherwise."""
    query = sa.select(Item).where(Item.customer_id == customer_id, seen_ids(scope, Item.customer_id))
    if only_open:
        query = query.where(Item.open_minor > 0)
    return list(session.scalars(query.order_by(sa.nulls_last(Item.due_date.asc()), Item.issue_date, Item.id)))


def settle_items(session: Session, rows: list[tuple[int, date | None, int]]) -> None:
    """Write (open amount, settled day, item id) for many items at once, raising each row's version."""
    connection = session.connection()
    if connection.dialect.name == "postgresql":
        statement = sa.text(
            "UPDATE item SET open_minor = new.rest, closed_on = new.closed, version = version + 1 "
            "FROM unnest(CAST(:rests AS bigint[]), CAST(:days AS date[]), CAST(:ids AS bigint[])) AS new(rest, closed, id) WHERE item.id = new.id"
        )
        rests, days, ids = (list(values) for values in zip(*rows, strict=True))
        connection.execute(statement, {"rests": rests, "days": days, "ids": ids})
        return
    cursor = connection.connection.cursor()
    cursor.executemany(
        "UPDATE item SET open_minor = ?, closed_on = ?, version = version + 1 WHERE id = ?",
        [(rest, day_number(day) if day else None, key) for rest, day, key in rows],
    )
    cursor.close()
