"""The proofs of what was taken off debts: requests, decisions, what they posted, and rebates, held against each other and the log (S12, S29, S30)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from collect.domain import money
from collect.domain.ledger import ISSUED_AGAINST
from collect.storage.adjustments import Adjustment, Rebate
from collect.storage.audit import Audit
from collect.storage.cash import Credit
from collect.storage.customers import Customer
from collect.storage.receivables import Item

_BY_DECISION = ("write_off", "set_off")
"""Kinds of credit that nothing but a decision posts."""


def wrong_adjustments(session: Session) -> Iterator[tuple[int, str]]:
    """(request, customer number): not as the log has it, decided by who asked for it or by too few, or posted as something else."""
    logged = _last_notes(session, "adjustment")
    posted = sa.select(Credit.adjustment_id, sa.func.count().label("credits"), sa.func.sum(Credit.amount_minor).label("amount"))
    posted = posted.where(Credit.adjustment_id.is_not(None), Credit.voided_on.is_(None)).group_by(Credit.adjustment_id)
    credited = {row.adjustment_id: int(row.amount) for row in session.execute(posted)}
    # A debt that passed to another with its due dates is several items of one document; the request names the first.
    whole = sa.func.sum(Item.amount_minor).over(partition_by=Item.document_no).label("amount_minor")
    issued = {row.id: row for row in session.execute(sa.select(Item.id, Item.kind, whole, Item.voided_on).where(Item.kind.in_(tuple(ISSUED_AGAINST))))}
    query = sa.select(Adjustment, Customer.customer_no).join(Customer, Customer.id == Adjustment.customer_id).order_by(Adjustment.id)
    for row, number in session.execute(query):
        if logged.get(str(row.id)) != _as_logged(row) or not _decided_well(row) or not _posted_well(row, credited.get(row.id, 0), issued.get(row.item_id)):
            yield row.id, number


def _as_logged(row: Adjustment) -> dict[str, Any]:
    told = {"asked_for": row.kind, "amount": money.plain(row.amount_minor, row.currency), "currency": row.currency, "asked_because": row.reason}
    return told | {"parts": row.parts, "document": row.document, "managers": row.level, "request_state": row.state}


def _decided_well(row: Adjustment) -> bool:
    """Whether those who decided are other people than who asked, and as many as it takes."""
    if row.state in ("open", "withdrawn", "expired"):
        return row.decided_by is None
    people = [row.decided_by] if row.level == 1 or row.state == "refused" else [row.first_by, row.decided_by]
    return None not in people and len(set(people)) == len(people) and row.requested_by not in people


def _posted_well(row: Adjustment, credited: int, item: Any) -> bool:
    """Whether what stands in the books is what was approved: less only where money came in for what was written off."""
    if row.amount_minor != sum(int(part["amount"]) for part in row.parts):
        return False
    if row.state != "approved":
        return credited == 0 and (item is None or item.voided_on is not None) and (row.state == "reversed" or (row.credit_id is None and row.item_id is None))
    if row.kind == "refund":
        return credited == 0 and item is not None and item.kind == "refund" and item.amount_minor == row.amount_minor
    if row.other_id is not None and (item is None or item.kind != "taken_over" or item.amount_minor != row.amount_minor):
        return False
    return credited == row.amount_minor or (row.kind in ("write_off", "tail") and 0 <= credited < row.amount_minor)


def without_decision(session: Session) -> Iterator[tuple[str, str]]:
    """(document, customer number) of write-offs, set-offs, refunds and debts taken over that no request posted, or another's."""
    query = sa.select(Credit.number, Customer.customer_no).join(Customer, Customer.id == Credit.customer_id).outerjoin(Adjustment, Adjustment.id == Credit.adjustment_id)
    foreign = sa.or_(Adjustment.id.is_(None), Adjustment.customer_id != Credit.customer_id, Adjustment.currency != Credit.currency)
    wanted = sa.or_(Credit.kind.in_(_BY_DECISION), Credit.adjustment_id.is_not(None))
    yield from session.execute(query.where(wanted, foreign).order_by(Credit.id))
    first = sa.orm.aliased(Item)
    asked_for = sa.select(Adjustment.id).join(first, first.id == Adjustment.item_id).where(first.document_no == Item.document_no, first.customer_id == Item.customer_id)
    items = sa.select(Item.document_no, Customer.customer_no).join(Customer, Customer.id == Item.customer_id)
    yield from session.execute(items.where(Item.kind.in_(tuple(ISSUED_AGAINST)), ~asked_for.exists()).order_by(Item.id))


def wrong_rebates(session: Session) -> Iterator[tuple[int, str]]:
    """(entry, customer number): not as the log has it, or a reversal of something else."""
    logged = _last_notes(session, "rebate")
    origin = sa.orm.aliased(Rebate)
    query = sa.select(Rebate, Customer.customer_no, origin).join(Customer, Customer.id == Rebate.customer_id).outerjoin(origin, origin.id == Rebate.reverses_id)
    for row, number, first in session.execute(query.order_by(Rebate.id)):
        told = {"day": row.day.isoformat(), "amount": money.plain(row.amount_minor, row.currency), "currency": row.currency}
        odd = row.reverses_id is not None and (first is None or (first.customer_id, first.currency, first.amount_minor) != (row.customer_id, row.currency, -row.amount_minor))
        if odd or logged.get(str(row.id)) != told:
            yield row.id, number


def _last_notes(session: Session, kind: str) -> dict[str, Any]:
    """What the log last said of each object of a kind."""
    rows = session.execute(sa.select(Audit.key, Audit.after).where(Audit.kind == kind).order_by(Audit.seq))
    return {key: json.loads(after or "null") for key, after in rows}
