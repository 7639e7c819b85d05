"""Receipts one at a time, as a bank line, an e-invoice or a person at the desk brings them: taking one in, and taking it back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa

from collect.domain import application, ledger, money
from collect.domain.errors import NotFound, Refusal
from collect.domain.rights import Permission
from collect.runtime import Work
from collect.services import cash, receivables
from collect.storage import audit
from collect.storage.cash import Allocation, Credit, find_credit
from collect.storage.customers import Customer, seen
from collect.storage.database import next_ids
from collect.storage.ledger import load_closed_months, load_volumes
from collect.storage.receivables import Item

Part = tuple[int, int]
"""An item's id and how much of it is settled, in minor units."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """Money that came in from one customer; `amount` minor units. `line_id` names the bank line it was read from."""

    customer_id: int
    number: str
    day: date
    currency: str
    amount: int
    method: str | None = None
    reference: str | None = None
    payer: str | None = None
    line_id: int | None = None


def receive(work: Work, receipt: Receipt, parts: Sequence[Part]) -> Credit:
    """Take a receipt in and settle `parts` with it; what is left stays unapplied (S8). Returns the stored credit.

    Each allocation counts from the later of the receipt's day and the item's issue date (S6). Refused, with nothing
    stored: `receipt_not_positive`, `receipt_in_future`, `receipt_number_taken`, a closed month, an item of another
    customer or currency, more than the receipt's amount or than an item's open amount (S15).
    """
    work.actor.need(Permission.ALLOCATE)
    customer = work.session.scalars(sa.select(Customer).where(Customer.id == receipt.customer_id, seen(work.actor.scope))).first()
    if customer is None:
        raise NotFound("customer", receipt.customer_id)
    closed = load_closed_months(work.session)
    _check(work, receipt, closed)
    credit = Credit(
        id=next_ids(work.session, 1)[0],
        seller_id=work.seller.id,
        customer_id=customer.id,
        kind="receipt",
        number=receipt.number,
        day=receipt.day,
        currency=receipt.currency,
        amount_minor=receipt.amount,
        open_minor=receipt.amount,
        method=receipt.method,
        bank_reference=receipt.reference,
        payer=receipt.payer,
        line_id=receipt.line_id,
        version=1,
        recorded_at=work.now,
    )
    work.session.add(credit)
    work.session.flush()
    line = ledger.receive("receipt", receipt.day, receipt.amount)
    receivables.post(work, [line], customer.id, receipt.currency, item=None, credit=credit.id, allocation=None, documents=-receipt.amount)
    settled = []
    for item, amount in _locked(work, credit, parts):
        effective = application.effective_at_booking(receipt.day, item.issue_date)
        ledger.check_open(effective, closed, "day")
        cash.allocate(work, credit, item, amount, effective, None)
        settled.append({"invoice": item.document_no, "amount": money.plain(amount, receipt.currency)})
    told = {"day": receipt.day, "currency": receipt.currency, "amount": money.plain(receipt.amount, receipt.currency), "payer": receipt.payer, "settled": settled or None}
    work.note(audit.Note("receive", "receipt", receipt.number, customer.id, None, {name: value for name, value in told.items() if value is not None}))
    return credit


def void(work: Work, kind: str, number: str, reason: str) -> None:
    """Take a receipt or credit back: each allocation by an entry of its own, then the whole, all effective today (S5).

    What it settled is open again from today; earlier days stay as they were. Promises it kept are judged again by the
    next round (S22). Raises NotFound outside the actor's scope; Refusal `missing_reason`, `document_void`, a closed month.
    """
    work.actor.need(Permission.ALLOCATE)
    known = find_credit(work.session, work.actor.scope, kind, number)
    if known is None:
        raise NotFound(kind, number)
    if not reason.strip():
        raise Refusal("missing_reason", "reason")
    credit = work.session.scalars(sa.select(Credit).where(Credit.id == known.id).with_for_update().execution_options(populate_existing=True)).one()
    if credit.voided_on is not None:
        raise Refusal("document_void", None, number=number)
    ledger.check_open(max(work.today, credit.day), load_closed_months(work.session), "day")
    for allocation_id in live_allocations(work, credit.id):
        cash.unapply(work, allocation_id, reason)
    work.session.flush()
    receivables.void_credit(work, credit, reason)


def live_allocations(work: Work, credit_id: int) -> list[int]:
    """The allocations of a credit that no entry reversed, latest first."""
    reversed_ids = sa.select(Allocation.reverses_id).where(Allocation.reverses_id.is_not(None), Allocation.credit_id == credit_id)
    query = sa.select(Allocation.id).where(Allocation.credit_id == credit_id, Allocation.reverses_id.is_(None), Allocation.id.not_in(reversed_ids))
    return list(work.session.scalars(query.order_by(Allocation.id.desc())))


def _check(work: Work, receipt: Receipt, closed: frozenset[str]) -> None:
    """What must be true of a receipt by itself."""
    if receipt.amount <= 0:
        raise Refusal("receipt_not_positive", "amount", value=money.plain(receipt.amount, receipt.currency))
    if receipt.day > work.today:
        raise Refusal("receipt_in_future", "day", value=receipt.day.isoformat())
    if receipt.amount > money.LIMIT - load_volumes(work.session, work.seller.id, receipt.currency)[1]:
        raise Refusal("books_full", "amount", value=money.plain(receipt.amount, receipt.currency), currency=receipt.currency)
    taken = sa.select(Credit.id).where(Credit.number == receipt.number, Credit.kind == "receipt", Credit.seller_id == work.seller.id)
    if work.session.scalar(taken) is not None:
        raise Refusal("receipt_number_taken", "number", number=receipt.number)
    ledger.check_open(receipt.day, closed, "day")


def _locked(work: Work, credit: Credit, parts: Sequence[Part]) -> list[tuple[Item, int]]:
    """The items under lock, each with its share, after every limit was checked (S15)."""
    if not parts:
        return []
    query = sa.select(Item).where(Item.id.in_([key for key, _ in parts]), Item.customer_id == credit.customer_id).order_by(Item.id)
    items = {item.id: item for item in work.session.scalars(query.with_for_update().execution_options(populate_existing=True))}
    rest = credit.open_minor
    found: list[tuple[Item, int]] = []
    for key, asked in parts:
        item = items.get(key)
        if item is None:
            raise Refusal("unknown_invoice_here", "parts", value=key)
        if item.currency != credit.currency:
            raise Refusal("invoice_in_other_currency", "parts", value=item.document_no, currency=item.currency)
        amount = application.share(asked, rest, item.open_minor - sum(share for other, share in found if other is item), credit.currency)
        rest -= amount
        found.append((item, amount))
    return found
