"""Early payment discounts: what open items still grant, which entries were granted, and the proofs of both."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from collect.domain import application
from collect.domain.rights import Scope
from collect.domain.terms import EarlyPayment, discount_of, discount_open
from collect.storage.adjustments import Adjustment
from collect.storage.cash import Allocation, Credit
from collect.storage.customers import Customer, seen_ids
from collect.storage.ledger import first_due_of
from collect.storage.receivables import Item

_CHUNK = 5000


def load_offers(session: Session, scope: Scope, item_ids: Sequence[int], since: date | None = None) -> dict[int, EarlyPayment]:
    """What these items still grant for early payment, by item id; only those whose last day is `since` or later.

    Items without such terms cost nothing more: they are not read.
    """
    found: dict[int, EarlyPayment] = {}
    columns = (Item.id, Item.terms, Item.issue_date, Item.due_date, Item.amount_minor, Item.open_minor, Item.customer_id)
    ids = sorted(set(item_ids))
    for start in range(0, len(ids), _CHUNK):
        query = sa.select(*columns).where(Item.id.in_(ids[start : start + _CHUNK]), Item.open_minor > 0, Item.terms.like("%/% NET%"), seen_ids(scope, Item.customer_id))
        rows = session.execute(query).all()
        credited = _credited(session, [row.id for row in rows if row.open_minor != row.amount_minor])
        fixed = first_due_of(session, {row.id: row.customer_id for row in rows if "@" in row.terms})
        for key, agreed, issued, due, amount, left, _ in rows:
            early = discount_open(agreed, issued, fixed.get(key, due), amount, credited.get(key, 0), left)
            if early is not None and (since is None or early.until >= since):
                found[key] = early
    return found


def _credited(session: Session, item_ids: list[int]) -> dict[int, int]:
    """How much credit notes took off these items; one granted as a discount counts as a discount, not as less goods."""
    if not item_ids:
        return {}
    total = sa.func.sum(Allocation.amount_minor)
    query = sa.select(Allocation.item_id, total).join(Credit, Credit.id == Allocation.credit_id).outerjoin(Adjustment, Adjustment.id == Credit.adjustment_id)
    query = query.where(Allocation.item_id.in_(item_ids), Credit.kind == "credit_note", sa.func.coalesce(Adjustment.reason, "") != "discount")
    return {key: int(amount) for key, amount in session.execute(query.group_by(Allocation.item_id))}


def granted_by(session: Session, allocation_id: int) -> Credit | None:
    """The discount that an allocation earned, if it stands."""
    return session.scalars(sa.select(Credit).where(Credit.earned_by == allocation_id, Credit.voided_on.is_(None))).first()


def wrong_discounts(session: Session) -> Iterator[tuple[str, str]]:
    """(discount, customer number) of those that no receipt earned in time, that are too large, or whose receipt was taken back.

    A discount that stands settles the item of its allocation by its whole amount; the item has no other one.
    """
    earning, back, own, receipt = aliased(Allocation), aliased(Allocation), aliased(Allocation), aliased(Credit)
    query = sa.select(Credit, Customer.customer_no, earning, receipt, Item, back.id).join(Customer, Customer.id == Credit.customer_id)
    query = query.outerjoin(earning, earning.id == Credit.earned_by).outerjoin(receipt, receipt.id == earning.credit_id)
    query = query.outerjoin(Item, Item.id == earning.item_id).outerjoin(back, back.reverses_id == earning.id)
    seen: set[int] = set()
    for row, number, origin, paid_by, item, taken_back in session.execute(query.where(sa.or_(Credit.kind == "discount", Credit.earned_by.is_not(None))).order_by(Credit.id)):
        fits = origin is not None and item is not None and row.kind == "discount" and paid_by.kind == "receipt"
        fits = fits and (origin.amount_minor > 0) and (row.customer_id, row.currency, row.day) == (item.customer_id, item.currency, origin.effective)
        fits = fits and _in_time(session, row, origin, paid_by, item)
        if fits and row.voided_on is None:
            settles = session.scalar(sa.select(sa.func.sum(own.amount_minor)).where(own.credit_id == row.id, own.item_id == item.id))
            fits = taken_back is None and row.open_minor == 0 and settles == row.amount_minor and item.id not in seen
            seen.add(item.id)
        if not fits:
            yield row.number, number


def _in_time(session: Session, row: Credit, origin: Allocation, receipt: Credit, item: Item) -> bool:
    """Whether the money came by the last day, and what it paid with the discount is the whole that was open."""
    agreed = discount_of(item.terms) if item.terms else None
    whole = origin.amount_minor + row.amount_minor
    if agreed is None or whole > item.amount_minor:
        return False
    fixed = first_due_of(session, {item.id: item.customer_id}) if "@" in (item.terms or "") else {}
    early = discount_open(item.terms, item.issue_date, fixed.get(item.id, item.due_date), whole, 0, whole)
    return application.discount(origin.amount_minor, whole, receipt.day, early) == row.amount_minor
