"""The rebate account of a customer: what was earned, what was granted by credits or paid out, and what we still owe of it (P13)."""

from __future__ import annotations

from datetime import date

import sqlalchemy as sa

from collect.domain import money
from collect.domain.errors import NotFound, Refusal
from collect.domain.rights import Permission
from collect.runtime import Work
from collect.storage import adjustments as storage
from collect.storage import audit
from collect.storage.adjustments import Rebate
from collect.storage.customers import find_customer
from collect.storage.database import next_ids

LONGEST_NOTE = 200


def enter(work: Work, customer_no: str, day: date, currency: str, amount: int, note: str, seen: int | None = None) -> Rebate:
    """An entry by hand: earned (positive) or paid out (negative), minor units, with what it is for.

    `seen` is the last entry that the form stood under: the same entry made since then is this form sent twice, and one (S16).
    Raises NotFound outside the actor's scope; Refusal `nothing_asked`, `missing_reason`, `receipt_in_future`.
    """
    work.actor.need(Permission.ALLOCATE)
    customer = find_customer(work.session, work.actor.scope, customer_no)
    if customer is None:
        raise NotFound("customer", customer_no)
    if amount == 0:
        raise Refusal("nothing_asked", "amount")
    if not note.strip():
        raise Refusal("missing_reason", "note")
    if day > work.today:
        raise Refusal("receipt_in_future", "day", value=day.isoformat())
    if seen is not None:
        wanted = Rebate(customer_id=customer.id, day=day, currency=currency, amount_minor=amount, note=note.strip()[:LONGEST_NOTE], by=work.actor.name)
        if (known := storage.find_entry(work.session, work.actor.scope, wanted, seen)) is not None:
            return known
    return _add(work, customer.id, day, currency, amount, note.strip())


def grant(work: Work, customer_id: int, currency: str, amount: int, number: str, adjustment_id: int) -> None:
    """A credit granted less of the rebate: so much of what was earned is settled by it, today."""
    _add(work, customer_id, work.today, currency, -amount, number, adjustment_id)


def give_back(work: Work, adjustment_id: int, reason: str) -> None:
    """The credit was reversed: what it settled of the rebate is owed again."""
    for row in work.session.scalars(sa.select(Rebate).where(Rebate.adjustment_id == adjustment_id, Rebate.reverses_id.is_(None))).all():
        _reverse(work, row, reason)


def reverse(work: Work, key: int, reason: str) -> None:
    """Take a wrong entry back by one of its own, today; Refusal `missing_reason`, `already_reversed`, `undo_as_whole` for one of a credit."""
    work.actor.need(Permission.ALLOCATE)
    row = storage.find_rebate(work.session, work.actor.scope, key)
    if row is None:
        raise NotFound("rebate", key)
    if not reason.strip():
        raise Refusal("missing_reason", "reason")
    if row.adjustment_id is not None:
        raise Refusal("undo_as_whole", None, number=row.note)
    _reverse(work, row, reason)


def _reverse(work: Work, row: Rebate, reason: str) -> None:
    if row.reverses_id is not None or work.session.scalar(sa.select(Rebate.id).where(Rebate.reverses_id == row.id)) is not None:
        raise Refusal("already_reversed", None)
    _add(work, row.customer_id, max(work.today, row.day), row.currency, -row.amount_minor, reason.strip(), row.adjustment_id, row.id)


def _add(work: Work, customer_id: int, day: date, currency: str, amount: int, note: str, adjustment_id: int | None = None, reverses: int | None = None) -> Rebate:
    row = Rebate(
        id=next_ids(work.session, 1)[0],
        customer_id=customer_id,
        day=day,
        currency=currency,
        amount_minor=amount,
        note=note[:LONGEST_NOTE],
        adjustment_id=adjustment_id,
        reverses_id=reverses,
        by=work.actor.name,
        recorded_at=work.now,
    )
    work.session.add(row)
    work.session.flush()
    told = {"day": day, "amount": money.plain(amount, currency), "currency": currency}
    work.note(audit.Note("enter", "rebate", str(row.id), customer_id, None, told, note[:LONGEST_NOTE]))
    return row
