"""Applying money to what customers owe and taking it back, one act at a time; receipts marked for an order stay apart (核销)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from collect.domain import application, ledger, money
from collect.domain.errors import NotFound, Refusal
from collect.domain.rights import ALL, Permission
from collect.runtime import Work
from collect.services import receivables
from collect.storage import audit
from collect.storage import discounts as storage
from collect.storage.cash import Allocation, Credit, find_credit, find_head, load_claims, load_prepaid_volume, load_steps
from collect.storage.database import next_ids
from collect.storage.ledger import Line, load_closed_months, load_volumes
from collect.storage.receivables import Item, find_items


def apply(work: Work, kind: str, credit_no: str, invoice_no: str, amount: int | None, effective: date | None = None) -> int:
    """Apply what is left of a receipt or credit to an invoice; returns the minor units allocated (S15).

    `amount` None takes the smaller of both rests; what early payment is worth is settled beside it (`settle`). The invoice
    may belong to another customer of the same group; money
    kept for an order settles invoices of that order only (S13). Rows are locked before they are read, and the
    database's own checks stand behind. Raises NotFound outside the actor's scope; Refusal where the amounts, customers,
    orders or currencies do not fit, or the month is closed.
    """
    work.actor.need(Permission.ALLOCATE)
    known = find_credit(work.session, work.actor.scope, kind, credit_no)
    if known is None:
        raise NotFound(kind, credit_no)
    if not find_items(work.session, work.actor.scope, invoice_no):
        raise NotFound("invoice", invoice_no)
    credit = lock_credit(work, known.id)
    query = sa.select(Item).where(Item.document_no == invoice_no, Item.seller_id == credit.seller_id).order_by(Item.part)
    items = list(work.session.scalars(query.with_for_update().execution_options(populate_existing=True)))
    check_fits(work, credit, items[0])
    left = total = application.share(amount, credit.rest, sum(item.open_minor for item in items), credit.currency)
    if total == 0:
        raise Refusal("nothing_to_allocate", "amount", receipt=credit_no, invoice=invoice_no)
    closed = load_closed_months(work.session)
    for item in items:
        part = min(left, item.open_minor)
        if part > 0:
            day = application.effective_later(usable_from(credit), item.issue_date, work.today, effective)
            ledger.check_open(day, closed, "effective")
            settle(work, credit, item, part, day, entered=effective is not None)
            left -= part
    work.note(audit.Note("apply", kind, credit_no, credit.customer_id, None, {"invoice": invoice_no, "amount": money.plain(total, credit.currency), "effective": effective}))
    return total


def apply_with_claims(work: Work, kind: str, credit_no: str, invoice_no: str, amount: int | None, effective: date | None, first: Sequence[str]) -> int:
    """The same, but first to costs and interest claimed about the invoice (kinds of items in order), then to the invoice (S14).

    Returns the minor units allocated in all. Raises and refuses as `apply`.
    """
    credit = find_credit(work.session, work.actor.scope, kind, credit_no)
    if credit is None:
        raise NotFound(kind, credit_no)
    left, done = credit.rest if amount is None else amount, 0
    for number, open_amount in load_claims(work.session, work.actor.scope, invoice_no, first):
        if min(left, open_amount) > 0:
            done += apply(work, kind, credit_no, number, min(left, open_amount), effective)
            left -= min(left, open_amount)
    owed = any(item.open_minor for item in find_items(work.session, work.actor.scope, invoice_no))
    if not done or (left > 0 and (owed or amount is not None)):
        done += apply(work, kind, credit_no, invoice_no, None if amount is None else left, effective)
    return done


def settle(work: Work, credit: Credit, item: Item, amount: int, day: date, *, entered: bool = False) -> int:
    """Allocate, and book the early payment discount where a receipt earns one by it; returns the discount in minor units.

    The discount is a credit and an allocation of its own, effective with the money's (S5); what is due for the last
    day is the receipt's own date. Both count from the first day on which there is room for them (S15): later than `day`
    where something was taken back since; a day that a person `entered` is refused then (`effective_too_early`).
    """
    early = storage.load_offers(work.session, ALL, [item.id]).get(item.id) if application.may_earn(credit.kind, credit.method) else None
    off = application.discount(amount, item.open_minor, credit.day, early)
    free = max(room_of(work, Allocation.credit_id, credit.id, credit.rest, amount, day), room_of(work, Allocation.item_id, item.id, item.open_minor, amount + off, day))
    if free > day:
        if entered:
            raise Refusal("effective_too_early", "effective", value=day.isoformat(), earliest=free.isoformat())
        ledger.check_open(free, load_closed_months(work.session), "effective")
    day = free
    key = allocate(work, credit, item, amount, day, None)
    if off:
        _grant(work, credit, item, off, day, key)
    return off


def room_of(work: Work, column: Any, key: int, rest: int, wanted: int, day: date) -> date:
    """The first day from which a credit or item (`column` says which) has room for so much until today (S15)."""
    return application.room_from(day, rest, wanted, load_steps(work.session, column, [key]).get(key, ()))


def discount_number(allocation_id: int) -> str:
    """How the entry of a discount is numbered, by the allocation that earned it."""
    return f"ED-{allocation_id}"


def _grant(work: Work, receipt: Credit, item: Item, off: int, day: date, earned_by: int) -> None:
    """Store an early payment discount and settle the rest of the item with it."""
    volume = load_volumes(work.session, work.seller.id, item.currency)[1] + load_prepaid_volume(work.session, work.seller.id, item.currency)
    if off > money.LIMIT - volume:
        raise Refusal("books_full", "amount", value=money.plain(off, item.currency), currency=item.currency)
    granted = Credit(
        id=next_ids(work.session, 1)[0],
        seller_id=item.seller_id,
        customer_id=item.customer_id,
        kind="discount",
        number=discount_number(earned_by),
        day=day,
        currency=item.currency,
        amount_minor=off,
        open_minor=off,
        prepaid_minor=0,
        earned_by=earned_by,
        version=1,
        recorded_at=work.now,
    )
    work.session.add(granted)
    work.session.flush()
    line = ledger.receive(granted.kind, day, off)
    receivables.post(work, [line], item.customer_id, item.currency, item=None, credit=granted.id, allocation=None, documents=-off)
    allocate(work, granted, item, off, day, None)
    told = {"invoice": item.document_no, "receipt": receipt.number, "amount": money.plain(off, item.currency), "day": day}
    work.note(audit.Note("receive", granted.kind, granted.number, item.customer_id, None, told))


def _withdraw(work: Work, granted: Credit, reason: str, on: date | None = None) -> None:
    """Take a discount back by entries of its own: its allocation, then the whole."""
    taken = sa.select(Allocation.reverses_id).where(Allocation.credit_id == granted.id, Allocation.reverses_id.is_not(None))
    for found in work.session.scalars(sa.select(Allocation).where(Allocation.credit_id == granted.id, Allocation.reverses_id.is_(None), Allocation.id.not_in(taken))).all():
        take_back(work, found, reason, on)
    receivables.void_credit(work, granted, reason, on)


def lock_credit(work: Work, credit_id: int) -> Credit:
    """The credit as it is now, locked until the work ends."""
    return work.session.scalars(sa.select(Credit).where(Credit.id == credit_id).with_for_update().execution_options(populate_existing=True)).one()


def usable_from(credit: Credit) -> date:
    """The day from which its money can settle what is not of its order: its own, or that of its release."""
    return max(credit.day, credit.released_on) if credit.released_on else credit.day


def check_fits(work: Work, credit: Credit, item: Item, field: str = "invoice_no") -> None:
    """Whether a credit's money may settle an item: same currency, same customer or group, and the order it was paid for."""
    if item.customer_id != credit.customer_id and not same_group(work, item.customer_id, credit.customer_id):
        raise Refusal("invoice_of_other_customer", field, value=item.document_no)
    if item.currency != credit.currency:
        raise Refusal("invoice_in_other_currency", field, value=item.document_no, currency=item.currency)
    if credit.is_prepayment and item.po_no != credit.order_no and item.kind != "refund":
        raise Refusal("prepayment_of_other_order", field, value=item.document_no, receipt=credit.number, order=credit.order_no)


def same_group(work: Work, one: int, other: int) -> bool:
    """Whether two customers belong to one group: the same company stands at the head of both."""
    return find_head(work.session, one) == find_head(work.session, other)


def unapply(work: Work, allocation_id: int, reason: str) -> None:
    """Take an allocation back by an entry of its own, effective today: both rests are as they were before (S5).

    With a receipt's goes the discount that it earned; a discount's own leaves the rest open as a short payment. What was
    approved as a whole (a write-off, a refund) is reversed as a whole: Refusal `undo_as_whole`.
    """
    work.actor.need(Permission.ALLOCATE)
    found = work.session.get(Allocation, allocation_id)
    credit = work.session.get(Credit, found.credit_id, with_for_update=True) if found else None
    item = work.session.get(Item, found.item_id, with_for_update=True) if found else None
    if found is None or credit is None or item is None or not find_credit(work.session, work.actor.scope, credit.kind, credit.number):
        raise NotFound("allocation", allocation_id)
    if credit.adjustment_id is not None or item.kind == "refund":
        raise Refusal("undo_as_whole", None, number=credit.number if credit.adjustment_id is not None else item.document_no)
    if credit.kind == "discount" and credit.voided_on is None:
        _withdraw(work, credit, reason)
    else:
        take_back(work, found, reason)


def take_back(work: Work, found: Allocation, reason: str, on: date | None = None) -> None:
    """Write the reversal of an allocation, effective `on` (today unless told) or when the allocation itself counts from."""
    if found.reverses_id is not None or work.session.scalar(sa.select(Allocation.id).where(Allocation.reverses_id == found.id)):
        raise Refusal("already_reversed", None)
    credit, item = work.session.get_one(Credit, found.credit_id, with_for_update=True), work.session.get_one(Item, found.item_id, with_for_update=True)
    if (granted := storage.granted_by(work.session, found.id)) is not None:
        _withdraw(work, granted, reason, on)
    day = max(on or work.today, found.effective, usable_from(credit))
    ledger.check_open(day, load_closed_months(work.session), "effective")
    allocate(work, credit, item, -found.amount_minor, day, found.id)
    after = {"invoice": item.document_no, "amount": money.plain(-found.amount_minor, credit.currency), "effective": day}
    work.note(audit.Note("unapply", credit.kind, credit.number, credit.customer_id, None, after, reason))


def allocate(work: Work, credit: Credit, item: Item, amount: int, day: date, reverses: int | None) -> int:
    """Write one allocation (negative when it reverses another), both rests, and the journal lines; returns its id."""
    across = item.customer_id != credit.customer_id
    row = Allocation(
        id=next_ids(work.session, 1)[0], credit_id=credit.id, item_id=item.id, amount_minor=amount, effective=day, reverses_id=reverses, across=across, recorded_at=work.now
    )
    work.session.add(row)
    if credit.is_prepayment:
        credit.prepaid_minor -= amount
    else:
        credit.open_minor -= amount
    credit.version += 1
    item.open_minor -= amount
    latest = work.session.scalar(sa.select(sa.func.max(Allocation.effective)).where(Allocation.item_id == item.id, Allocation.id != row.id))
    item.closed_on = application.closed_on(item.open_minor, day, latest)
    item.version += 1
    work.session.flush()
    if credit.is_prepayment:
        set_apart(work, credit, -amount, day, row.id)
    history = due_history(work, item.customer_id, item.id, item.trigger, item.due_date)
    if across:
        lines, other = ledger.allocate_across(day, history, item.issue_date, amount)
        receivables.post(work, [other], credit.customer_id, credit.currency, item=None, credit=credit.id, allocation=row.id)
    else:
        lines = ledger.allocate(day, history, item.issue_date, amount)
    if len(lines) > 1:  # what it corrects on the day of a changed due date is an entry of that month
        closed = load_closed_months(work.session)
        for line in lines:
            ledger.check_open(line.day, closed, "effective")
    receivables.post(work, lines, item.customer_id, item.currency, item=item.id, credit=credit.id, allocation=row.id)
    return row.id


def set_apart(work: Work, credit: Credit, amount: int, day: date, allocation_id: int | None = None) -> None:
    """Post that so much of a receipt is kept for its order from a day on, or (negative) is no longer."""
    receivables.post(work, [ledger.set_apart(day, amount)], credit.customer_id, credit.currency, item=None, credit=credit.id, allocation=allocation_id, documents=amount)


def due_history(work: Work, customer_id: int, item_id: int, trigger: str | None, due: date | None) -> list[ledger.Due]:
    """The due dates an item has had, in order; only one that an event or a person fixed or moved can have more than one."""
    if trigger is None or due is None:
        return [ledger.Due(None, due)]
    moves = work.session.execute(
        sa.select(Line.recorded_at, Line.day, Line.due)
        .where(Line.customer_id == customer_id, Line.item_id == item_id, Line.event == "redate", Line.allocation_id.is_(None))
        .order_by(Line.recorded_at, Line.id)
    ).all()
    history: list[ledger.Due] = []
    for _, group in groupby(moves, key=lambda line: line.recorded_at):
        old, new, *_ = group  # what lay ahead of the change follows on later days
        history += [ledger.Due(None, old.due)] if not history else []
        history.append(ledger.Due(new.day, new.due))
    return history or [ledger.Due(None, due)]
