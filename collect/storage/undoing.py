"""What stands on the documents of an import, and the rows that its undo turns round, a bounded page at a time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from collect.storage.adjustments import Adjustment
from collect.storage.bank import BankLine
from collect.storage.cases import Dispute, Promise
from collect.storage.cash import Allocation, Credit
from collect.storage.customers import Customer
from collect.storage.database import Day
from collect.storage.deliveries import Delivery
from collect.storage.imports import ImportRun
from collect.storage.notices import Notice, NoticeItem
from collect.storage.outbox import Message
from collect.storage.receivables import Item

PAGE = 5000
SHOWN = 5
"""So many numbers are named of what depends; the rest is a count."""

_reversal = aliased(Allocation)


class Depends(NamedTuple):
    """How many documents something stands on, and the first of their numbers."""

    total: int
    numbers: list[str]


def load_dependents(session: Session, run: ImportRun) -> Iterator[tuple[str, Depends]]:
    """What must be taken back before the import can be: a code for the kind of thing, with the documents it stands on."""
    ours = Item.import_id == run.id
    its = Credit.import_id == run.id
    live = _reversal.id.is_(None)
    settled = (
        sa.select(Item.document_no)
        .join(Allocation, Allocation.item_id == Item.id)
        .join(Credit, Credit.id == Allocation.credit_id)
        .outerjoin(_reversal, _reversal.reverses_id == Allocation.id)
        .where(ours, Allocation.reverses_id.is_(None), live)
    )
    applied = (
        sa.select(Credit.number)
        .join(Allocation, Allocation.credit_id == Credit.id)
        .outerjoin(_reversal, _reversal.reverses_id == Allocation.id)
        .where(its, Allocation.reverses_id.is_(None), live, Allocation.recorded_at != run.recorded_at)
    )
    about = aliased(Item)
    claimed = sa.select(Item.document_no).join(about, about.about_id == Item.id).where(ours, about.voided_on.is_(None))
    noticed = (
        sa.select(Item.document_no)
        .join(NoticeItem, NoticeItem.item_id == Item.id)
        .join(Notice, Notice.id == NoticeItem.notice_id)
        .outerjoin(Message, Message.notice_id == Notice.id)
        .where(ours, sa.or_(Notice.state.in_(("sent", "done")), Message.state.in_(("leased", "handover", "sent", "uncertain"))))
    )
    disputed = sa.select(Item.document_no).join(Dispute, Dispute.item_id == Item.id).where(ours, Dispute.state.in_(("raised", "accepted")))
    owing = sa.select(Item.customer_id).where(ours, Item.voided_on.is_(None))
    promised = (
        sa.select(Customer.customer_no)
        .join(Promise, Promise.customer_id == Customer.id)
        .where(Promise.state.in_(("open", "awaiting_bank")), Promise.recorded_at > run.recorded_at, Customer.id.in_(owing))
    )
    linked = sa.select(Credit.number).where(
        its,
        sa.or_(
            Credit.prepaid_minor > 0,
            Credit.id.in_(sa.select(BankLine.credit_id).where(BankLine.credit_id.is_not(None), BankLine.state == "applied")),
        ),
    )
    invoiced = sa.select(Delivery.delivery_no).where(Delivery.import_id == run.id, Delivery.ended == "invoiced", Delivery.ended_at != run.recorded_at)
    for code, query in (
        ("undo_invoiced", invoiced),
        ("undo_settled", settled),
        ("undo_applied", applied),
        ("undo_claimed", claimed),
        ("undo_noticed", noticed),
        ("undo_disputed", disputed),
        ("undo_promised", promised),
        ("undo_linked", linked),
    ):
        found = _told(session, query)
        if found.total:
            yield code, found
    requested = _requested(session, run)
    if requested.total:
        yield "undo_requested", requested


def _told(session: Session, query: sa.Select[Any]) -> Depends:
    one = query.distinct().subquery()
    count = session.scalar(sa.select(sa.func.count()).select_from(one)) or 0
    column = next(iter(one.c))
    return Depends(count, list(session.scalars(sa.select(column).order_by(column).limit(SHOWN))) if count else [])


def _requested(session: Session, run: ImportRun) -> Depends:
    """Documents of the import that an open request names: requests are few, and say their parts as JSON."""
    numbers: set[str] = set()
    for parts in session.scalars(sa.select(Adjustment.parts).where(Adjustment.state == "open")):
        items = [part["item_id"] for part in parts if "item_id" in part]
        credits = [part["credit_id"] for part in parts if "credit_id" in part]
        numbers.update(session.scalars(sa.select(Item.document_no).where(Item.id.in_(items), Item.import_id == run.id)))
        numbers.update(session.scalars(sa.select(Credit.number).where(Credit.id.in_(credits), Credit.import_id == run.id)))
    return Depends(len(numbers), sorted(numbers)[:SHOWN])


def count_documents(session: Session, run: ImportRun) -> tuple[int, int]:
    """How many items and credits of the import are not void yet."""
    items = session.scalar(sa.select(sa.func.count()).where(Item.import_id == run.id, Item.voided_on.is_(None))) or 0
    credits = session.scalar(sa.select(sa.func.count()).where(Credit.import_id == run.id, Credit.voided_on.is_(None))) or 0
    return items, credits


def count_deliveries(session: Session, run: ImportRun) -> int:
    """How many deliveries of the import are not cancelled."""
    return session.scalar(sa.select(sa.func.count()).where(Delivery.import_id == run.id, sa.func.coalesce(Delivery.ended, "") != "cancelled")) or 0


def cancel_deliveries(session: Session, run: ImportRun, today: date, now: datetime, reason: str) -> int:
    """Cancel the import's deliveries from today (or their own day, where that lies ahead); returns how many.

    Those that found their invoice in the books as they came in count no more since then: they keep that day.
    """
    later = sa.case((Delivery.delivered_on > today, Delivery.delivered_on), else_=sa.literal(today, Day()))
    count = count_deliveries(session, run)
    session.execute(
        sa.update(Delivery)
        .where(Delivery.import_id == run.id, sa.func.coalesce(Delivery.ended, "") != "cancelled")
        .values(ended="cancelled", ended_on=sa.func.coalesce(Delivery.ended_on, later), ended_at=now, reason=reason, version=Delivery.version + 1)
        .execution_options(synchronize_session=False)
    )
    return count


def undone_among(session: Session, run_ids: set[int]) -> set[int]:
    """Which of these imports were undone."""
    return set(session.scalars(sa.select(ImportRun.id).where(ImportRun.id.in_(run_ids), ImportRun.undone_at.is_not(None)))) if run_ids else set()


def load_numbers(session: Session, run: ImportRun) -> list[str]:
    """The numbers of the import's documents that took the place of deliveries, as long as they are not void."""
    query = sa.select(Item.document_no).where(Item.import_id == run.id, Item.voided_on.is_(None), Item.document_no.in_(sa.select(Delivery.invoice_no)))
    return list(session.scalars(query.distinct()))


def load_allocations(session: Session, run: ImportRun) -> Iterator[list[Any]]:
    """The allocations that the import made and nothing reversed since, in pages of rows (allocation, item, credit columns)."""
    query = (
        sa.select(
            Allocation.id,
            Allocation.credit_id,
            Allocation.item_id,
            Allocation.amount_minor,
            Allocation.effective,
            Credit.kind,
            Item.customer_id,
            Item.currency,
            Item.issue_date,
            Item.due_date,
            Item.trigger,
        )
        .join(Credit, Credit.id == Allocation.credit_id)
        .join(Item, Item.id == Allocation.item_id)
        .outerjoin(_reversal, _reversal.reverses_id == Allocation.id)
        .where(Credit.import_id == run.id, Allocation.recorded_at == run.recorded_at, Allocation.reverses_id.is_(None), _reversal.id.is_(None))
    )
    return _pages(session, query, Allocation.id, run.id)


def load_items(session: Session, run: ImportRun) -> Iterator[list[Any]]:
    """The items of the import that are not void, in pages of rows."""
    query = sa.select(Item.id, Item.customer_id, Item.currency, Item.issue_date, Item.due_date, Item.amount_minor, Item.kind)
    return _pages(session, query.where(Item.import_id == run.id, Item.voided_on.is_(None)), Item.id, run.id)


def load_credits(session: Session, run: ImportRun) -> Iterator[list[Any]]:
    """The receipts and credits of the import that are not void, in pages of rows."""
    query = sa.select(Credit.id, Credit.customer_id, Credit.currency, Credit.day, Credit.kind, Credit.amount_minor)
    return _pages(session, query.where(Credit.import_id == run.id, Credit.voided_on.is_(None)), Credit.id, run.id)


def _pages(session: Session, query: Any, key: Any, after: int) -> Iterator[list[Any]]:
    """The rows by their ids, which all came after the import's own; the first column is the id."""
    while rows := list(session.execute(query.where(key > after).order_by(key).limit(PAGE))):
        yield rows
        after = rows[-1][0]


def void_items(session: Session, run: ImportRun, today: date, now: datetime) -> None:
    """Mark the items of the import void, each from today or from its issue date where that lies ahead."""
    day = sa.case((Item.issue_date > today, Item.issue_date), else_=sa.literal(today, Day()))
    session.execute(
        sa.update(Item)
        .where(Item.import_id == run.id, Item.voided_on.is_(None))
        .values(open_minor=0, closed_on=None, voided_on=day, voided_at=now, version=Item.version + 1)
        .execution_options(synchronize_session=False)
    )


def void_credits(session: Session, run: ImportRun, today: date, now: datetime) -> None:
    """Mark the receipts and credits of the import void, each from today or from its own day where that lies ahead."""
    day = sa.case((Credit.day > today, Credit.day), else_=sa.literal(today, Day()))
    session.execute(
        sa.update(Credit)
        .where(Credit.import_id == run.id, Credit.voided_on.is_(None))
        .values(open_minor=0, voided_on=day, voided_at=now, version=Credit.version + 1)
        .execution_options(synchronize_session=False)
    )


def give_back(session: Session, amounts: dict[int, int]) -> None:
    """Open items again by so many minor units each; what was settled in full is so no longer."""
    session.execute(
        sa.update(Item.__table__)  # type: ignore[arg-type]
        .where(Item.__table__.c.id == sa.bindparam("item"))
        .values(open_minor=Item.__table__.c.open_minor + sa.bindparam("back"), closed_on=None, version=Item.__table__.c.version + 1),
        [{"item": key, "back": amount} for key, amount in sorted(amounts.items())],
    )
