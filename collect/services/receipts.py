"""Receipts one at a time, as a bank line, an e-invoice or a person at the desk brings them: taken in, released from their order, taken back."""

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
from collect.storage.cash import Allocation, Credit, find_credit, load_prepaid_volume
from collect.storage.customers import Customer, seen, seen_ids
from collect.storage.database import next_ids
from collect.storage.ledger import load_closed_months, load_volumes
from collect.storage.receivables import Item

Part = tuple[int, int]
"""An item's id and how much of it is settled, in minor units."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """Money that came in from one customer, or is credited to it; `amount` minor units.

    `line_id` names the bank line it was read from. `order_no` makes it a prepayment 预收, kept apart for that order
    (S9, S13). `effective` is the day its allocations count from, where it is not the day of the receipt.
    """

    customer_id: int
    number: str
    day: date
    currency: str
    amount: int
    method: str | None = None
    reference: str | None = None
    payer: str | None = None
    line_id: int | None = None
    order_no: str | None = None
    kind: str = "receipt"
    reason: str | None = None
    effective: date | None = None
    adjustment_id: int | None = None


def receive(work: Work, receipt: Receipt, parts: Sequence[Part]) -> Credit:
    """Take a receipt in and settle `parts` with it; what is left stays unapplied (S8). Returns the stored credit.

    An item may belong to another customer of the payer's group; money for an order settles its invoices only. Each
    allocation counts from the later of the receipt's day and the item's issue date (S6), or from `effective`. Refused,
    with nothing stored: `receipt_not_positive`, `receipt_in_future`, `receipt_number_taken`, `books_full`, a closed month,
    an item of another customer, currency or order, more than the receipt's amount or than an item's open amount (S15).
    """
    work.actor.need(Permission.ALLOCATE)
    if not sees(work, receipt.customer_id):
        raise NotFound("customer", receipt.customer_id)
    return book(work, receipt, parts)


def book(work: Work, receipt: Receipt, parts: Sequence[Part]) -> Credit:
    """Store a receipt or credit with its allocations for whoever was asked already: `receive`, or the decision of a request."""
    closed = load_closed_months(work.session)
    _check(work, receipt, closed)
    credit = Credit(
        id=next_ids(work.session, 1)[0],
        seller_id=work.seller.id,
        customer_id=receipt.customer_id,
        kind=receipt.kind,
        number=receipt.number,
        day=receipt.day,
        currency=receipt.currency,
        amount_minor=receipt.amount,
        open_minor=0 if receipt.order_no else receipt.amount,
        prepaid_minor=receipt.amount if receipt.order_no else 0,
        method=receipt.method,
        bank_reference=receipt.reference,
        reason=(receipt.reason or "")[:200] or None,
        payer=receipt.payer,
        line_id=receipt.line_id,
        order_no=receipt.order_no,
        adjustment_id=receipt.adjustment_id,
        version=1,
        recorded_at=work.now,
    )
    work.session.add(credit)
    work.session.flush()
    line = ledger.receive(receipt.kind, receipt.day, receipt.amount)
    receivables.post(work, [line], receipt.customer_id, receipt.currency, item=None, credit=credit.id, allocation=None, documents=-receipt.amount)
    if receipt.order_no:
        cash.set_apart(work, credit, receipt.amount, receipt.day)
    settled = []
    for item, amount in _locked(work, credit, parts):
        effective = application.effective_at_booking(receipt.day, item.issue_date)
        if receipt.effective is not None:
            effective = application.effective_later(receipt.day, item.issue_date, work.today, receipt.effective)
        ledger.check_open(effective, closed, "day")
        cash.settle(work, credit, item, amount, effective, entered=receipt.effective is not None)
        settled.append({"invoice": item.document_no, "amount": money.plain(amount, receipt.currency)})
    told = {"day": receipt.day, "currency": receipt.currency, "amount": money.plain(receipt.amount, receipt.currency), "payer": receipt.payer}
    told |= {"order_no": receipt.order_no, "reason": receipt.reason, "settled": settled or None}
    work.note(audit.Note("receive", receipt.kind, receipt.number, receipt.customer_id, None, {name: value for name, value in told.items() if value is not None}))
    return credit


def check_version(credit: Credit, version: int | None) -> None:
    """Whether a locked credit is as the page showed it that asks for a change (S15): Refusal `changed_meanwhile`; None asks for no check."""
    if version is not None and credit.version != version:
        raise Refusal("changed_meanwhile", None, what=credit.number)


def void(work: Work, kind: str, number: str, reason: str, version: int | None = None, *, mistake: bool = False) -> None:
    """Take a receipt or credit back: each allocation by an entry of its own, then the whole, all effective today (S5).

    What it settled is open again from today; earlier days stay as they were. By `mistake` the money never came, or came from
    somebody else: it is void from its own day on (`void_from`). Promises it kept are judged again by the next round (S22).
    `version` is the one it was seen with. Raises NotFound outside the actor's scope; Refusal `missing_reason`, `document_void`,
    `changed_meanwhile`, a closed month, `undo_as_whole` for what a decision posted.
    """
    work.actor.need(Permission.ALLOCATE)
    known = find_credit(work.session, work.actor.scope, kind, number)
    if known is None:
        raise NotFound(kind, number)
    if not reason.strip():
        raise Refusal("missing_reason", "reason")
    if known.adjustment_id is not None:
        raise Refusal("undo_as_whole", None, number=number)
    check_version(cash.lock_credit(work, known.id), version if known.voided_on is None else None)
    if mistake:
        void_from(work, [known], known.day, reason)
    else:
        void_whole(work, known.id, reason)


def void_from(work: Work, made: Sequence[Credit], since: date, reason: str) -> None:
    """Void receipts effective `since`, or from the day on which their money had last settled something (S15).

    Money that comes in once is told once: what is voided here and what is entered anew must not both count on the days
    between. Where the month of that day is closed it is today. Refusal `undo_as_whole` for what a decision posted.
    """
    # also what was taken back meanwhile: until then the money had settled something
    latest = work.session.scalar(sa.select(sa.func.max(Allocation.effective)).where(Allocation.credit_id.in_([credit.id for credit in made])))
    day = max(since, latest or since)
    if day > work.today or ledger.month_of(day) in load_closed_months(work.session):
        day = work.today
    for credit in made:
        if credit.adjustment_id is not None:
            raise Refusal("undo_as_whole", None, number=credit.number)
        void_whole(work, credit.id, reason, day)


def void_whole(work: Work, credit_id: int, reason: str, on: date | None = None) -> None:
    """The same for whoever was asked already, effective `on` a day (today unless told)."""
    credit = cash.lock_credit(work, credit_id)
    if credit.voided_on is not None:
        raise Refusal("document_void", None, number=credit.number)
    day = max(on or work.today, cash.usable_from(credit))  # never before its money was released from its order
    ledger.check_open(day, load_closed_months(work.session), "day")
    for allocation_id in live_allocations(work, credit.id):
        cash.take_back(work, work.session.get_one(Allocation, allocation_id), reason, on)
    work.session.flush()
    if credit.prepaid_minor:
        kept, credit.prepaid_minor = credit.prepaid_minor, 0
        credit.open_minor += kept
        cash.set_apart(work, credit, -kept, day)
    receivables.void_credit(work, credit, reason, day)


def release(work: Work, number: str, reason: str, version: int | None = None) -> int:
    """What is left of a prepayment is no longer kept for its order: unapplied from today, or from its last allocation's day on (S9).

    Returns the minor units released. Raises NotFound outside the actor's scope; Refusal `no_prepayment`, `missing_reason`,
    `document_void`, `changed_meanwhile` (not of the `version` it was seen with), a closed month.
    """
    work.actor.need(Permission.ALLOCATE)
    known = find_receipt(work, number)
    if not reason.strip():
        raise Refusal("missing_reason", "reason")
    credit = cash.lock_credit(work, known.id)
    if credit.voided_on is not None:
        raise Refusal("document_void", None, number=number)
    if not credit.is_prepayment or not credit.prepaid_minor:
        raise Refusal("no_prepayment", None, number=number)
    check_version(credit, version)
    latest = work.session.scalar(sa.select(sa.func.max(Allocation.effective)).where(Allocation.credit_id == credit.id))
    day = max(work.today, credit.day, latest or credit.day)
    ledger.check_open(day, load_closed_months(work.session), "day")
    rest = credit.prepaid_minor
    credit.open_minor, credit.prepaid_minor, credit.released_on, credit.released_at, credit.version = rest, 0, day, work.now, credit.version + 1
    cash.set_apart(work, credit, -rest, day)
    told = {"amount": money.plain(rest, credit.currency), "order_no": credit.order_no, "day": day}
    work.note(audit.Note("release_prepayment", "receipt", number, credit.customer_id, None, told, reason.strip()))
    return rest


def find_receipt(work: Work, number: str) -> Credit:
    """The receipt of that number; NotFound outside the actor's scope."""
    known = find_credit(work.session, work.actor.scope, "receipt", number)
    if known is None:
        raise NotFound("receipt", number)
    return known


def sees(work: Work, customer_id: int) -> bool:
    """Whether the actor sees a customer (S28)."""
    return work.session.scalar(sa.select(Customer.id).where(Customer.id == customer_id, seen(work.actor.scope))) is not None


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
    volume = load_volumes(work.session, work.seller.id, receipt.currency)[1] + load_prepaid_volume(work.session, work.seller.id, receipt.currency)
    if receipt.amount > money.LIMIT - volume:
        raise Refusal("books_full", "amount", value=money.plain(receipt.amount, receipt.currency), currency=receipt.currency)
    taken = sa.select(Credit.id).where(Credit.number == receipt.number, Credit.kind == receipt.kind, Credit.seller_id == work.seller.id)
    billed = sa.select(Item.id).where(Item.document_no == receipt.number, Item.seller_id == work.seller.id).limit(1)
    if work.session.scalar(taken) is not None or (receipt.kind == "credit_note" and work.session.scalar(billed) is not None):
        raise Refusal("receipt_number_taken", "number", number=receipt.number)
    ledger.check_open(receipt.day, closed, "day")


def _locked(work: Work, credit: Credit, parts: Sequence[Part]) -> list[tuple[Item, int]]:
    """The items under lock, each with its share, after every limit was checked (S15)."""
    if not parts:
        return []
    query = sa.select(Item).where(Item.id.in_([key for key, _ in parts]), seen_ids(work.actor.scope, Item.customer_id)).order_by(Item.id)
    items = {item.id: item for item in work.session.scalars(query.with_for_update().execution_options(populate_existing=True))}
    rest = credit.rest
    found: list[tuple[Item, int]] = []
    for key, asked in parts:
        item = items.get(key)
        if item is None:
            raise Refusal("unknown_invoice_here", "parts", value=key)
        cash.check_fits(work, credit, item, "parts")
        amount = application.share(asked, rest, item.open_minor - sum(share for other, share in found if other is item), credit.currency)
        rest -= amount
        found.append((item, amount))
    return found
