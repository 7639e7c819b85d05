"""Documents one at a time, as a person at the desk, an e-invoice or a rule brings them: invoices, debit notes, interest, fees, credit notes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa

from collect.domain import application, ledger, money, receivables, terms
from collect.domain.errors import NotFound, Refusal
from collect.domain.rights import Permission
from collect.runtime import Work
from collect.services import cash, deliveries
from collect.services.deliveries import Billed
from collect.services.receivables import post, void_credit, void_document
from collect.storage import audit
from collect.storage.cash import Credit, find_credit
from collect.storage.customers import Customer, find_customer
from collect.storage.database import next_ids
from collect.storage.ledger import load_closed_months, load_volumes
from collect.storage.receivables import Item, find_items

KINDS = ("invoice", "debit_note", "interest", "fee")
"""What a customer may owe; interest and fees are items of their own, never hidden in an invoice (S14)."""


@dataclass(frozen=True, slots=True)
class Bill:
    """A document to issue: `amount` in minor units; `due` None: from `terms`, else from the customer's.

    With a `due` of its own an invoice keeps of the terms what they grant for early payment, counted from `issued`.

    `events` holds what has happened that the terms may wait for (a trigger's name to its day). `about` is the number of
    the invoice that a debit note, interest or a fee is about; `delivery_nos` are the deliveries that an invoice names.
    """

    number: str
    issued: date
    currency: str
    amount: int
    kind: str = "invoice"
    due: date | None = None
    terms: str | None = None
    po_no: str | None = None
    delivered_on: date | None = None
    description: str | None = None
    about: str | None = None
    delivery_nos: tuple[str, ...] = ()


def issue(work: Work, customer_no: str, bill: Bill) -> list[Item]:
    """Put a document into the books: one item, or one an instalment of the terms (S4); returns the stored items.

    Raises NotFound outside the actor's scope. Refused, with nothing stored: `invoice_not_positive`, `due_before_issue`,
    `no_due_date`, bad terms, `document_number_taken`, `books_full`, a closed month, `about_unknown`.
    """
    work.actor.need(Permission.ALLOCATE)
    customer = find_customer(work.session, work.actor.scope, customer_no)
    if customer is None:
        raise NotFound("customer", customer_no)
    _check(work, bill.number, bill.amount, bill.currency, bill.issued, side=0)
    receivables.check_dates(bill.issued, bill.due)
    about = None
    if bill.about:
        known = [item for item in find_items(work.session, work.actor.scope, bill.about) if item.customer_id == customer.id]
        if not known:
            raise Refusal("about_unknown", "about", value=bill.about)
        about = known[0].id
    rule, parts = _parts(customer, bill)
    ids = next_ids(work.session, len(parts))
    items = []
    for key, part in zip(ids, parts, strict=True):
        item = Item(
            id=key,
            seller_id=work.seller.id,
            customer_id=customer.id,
            document_no=bill.number,
            part=part.part,
            parts=part.parts,
            kind=bill.kind,
            issue_date=bill.issued,
            due_date=part.due,
            provisional_date=part.provisional,
            trigger=part.trigger,
            currency=bill.currency,
            amount_minor=part.minor,
            open_minor=part.minor,
            terms=rule,
            po_no=bill.po_no,
            delivered_on=bill.delivered_on,
            description=bill.description,
            about_id=about,
            version=1,
            recorded_at=work.now,
        )
        work.session.add(item)
        items.append(item)
    work.session.flush()
    for item in items:
        post(
            work, [ledger.issue(bill.issued, item.due_date, item.amount_minor)], customer.id, bill.currency, item=item.id, credit=None, allocation=None, documents=item.amount_minor
        )
    told = {"kind": bill.kind, "issue_date": bill.issued, "currency": bill.currency, "amount": money.plain(bill.amount, bill.currency), "due_date": bill.due, "about": bill.about}
    work.note(audit.Note("issue", "invoice", bill.number, customer.id, None, {name: value for name, value in told.items() if value is not None}))
    if bill.kind == "invoice":
        deliveries.invoiced(work, [Billed(customer.id, bill.number, bill.issued, bill.po_no, bill.delivered_on, bill.delivery_nos)])
    return items


def credit(work: Work, customer_no: str, number: str, day: date, currency: str, amount: int, reason: str, about: str | None = None) -> Credit:
    """Put a credit note into the books, unapplied until somebody applies it (S8); returns it. Refused as for `issue`, and `missing_reason`.

    `about` names the invoice it corrects: so much of that as is open is settled with it, from the later of the two documents' days
    (S6). Refusal `unknown_invoice_here` for an invoice that is not this customer's.
    """
    work.actor.need(Permission.ALLOCATE)
    customer = find_customer(work.session, work.actor.scope, customer_no)
    if customer is None:
        raise NotFound("customer", customer_no)
    if not reason.strip():
        raise Refusal("missing_reason", "reason")
    _check(work, number, amount, currency, day, side=1)
    note = Credit(
        id=next_ids(work.session, 1)[0],
        seller_id=work.seller.id,
        customer_id=customer.id,
        kind="credit_note",
        number=number,
        day=day,
        currency=currency,
        amount_minor=amount,
        open_minor=amount,
        reason=reason.strip()[:200],
        version=1,
        recorded_at=work.now,
    )
    work.session.add(note)
    work.session.flush()
    post(work, [ledger.receive("credit_note", day, amount)], customer.id, currency, item=None, credit=note.id, allocation=None, documents=-amount)
    work.note(audit.Note("credit", "credit_note", number, customer.id, None, {"day": day, "currency": currency, "amount": money.plain(amount, currency), "reason": note.reason}))
    if about:
        _settle_about(work, note, about)
    return note


def _settle_about(work: Work, note: Credit, about: str) -> None:
    """Settle what is open of the invoice that a credit note names; what is settled already leaves the note unapplied."""
    items = [item for item in find_items(work.session, work.actor.scope, about) if item.customer_id == note.customer_id]
    if not items:
        raise Refusal("unknown_invoice_here", "about", value=about)
    if any(item.open_minor for item in items):
        cash.apply(work, note.kind, note.number, about, None, application.effective_at_booking(note.day, items[0].issue_date))


def void(work: Work, kind: str, number: str, reason: str) -> None:
    """Take a document back in full by entries of their own, effective today; the number stays taken (S5).

    Refusal `document_settled` once anything was allocated to it, `document_void`, `missing_reason`, a closed month;
    NotFound outside the actor's scope.
    """
    work.actor.need(Permission.ALLOCATE)
    if not reason.strip():
        raise Refusal("missing_reason", "reason")
    scope, closed = work.actor.scope, load_closed_months(work.session)
    if kind == "invoice":
        items = find_items(work.session, scope, number)
        if not items:
            raise NotFound("invoice", number)
        if items[0].voided_on is not None:
            raise Refusal("document_void", None, number=number)
        void_document(work, "invoice", number, reason.strip(), closed)
        return
    note = find_credit(work.session, scope, kind, number)
    if note is None:
        raise NotFound(kind, number)
    locked = work.session.scalars(sa.select(Credit).where(Credit.id == note.id).with_for_update().execution_options(populate_existing=True)).one()
    if locked.voided_on is not None:
        raise Refusal("document_void", None, number=number)
    if locked.open_minor != locked.amount_minor:
        raise Refusal("document_settled", None, number=number)
    ledger.check_open(max(work.today, locked.day), closed, "reason")
    void_credit(work, locked, reason.strip())


def _check(work: Work, number: str, amount: int, currency: str, day: date, side: int) -> None:
    """What must be true of a document by itself; invoices and credit notes share their numbers."""
    if not number.strip() or len(number) > 64:
        raise Refusal("document_number_missing", "number")
    if amount <= 0:
        raise Refusal("invoice_not_positive" if side == 0 else "credit_not_positive", "amount", value=money.plain(amount, currency))
    if amount > money.LIMIT - load_volumes(work.session, work.seller.id, currency)[side]:
        raise Refusal("books_full", "amount", value=money.plain(amount, currency), currency=currency)
    items = sa.select(Item.id).where(Item.document_no == number, Item.seller_id == work.seller.id)
    notes = sa.select(Credit.id).where(Credit.number == number, Credit.kind == "credit_note", Credit.seller_id == work.seller.id)
    if work.session.scalar(items.limit(1)) is not None or work.session.scalar(notes.limit(1)) is not None:
        raise Refusal("document_number_taken", "number", number=number)
    ledger.check_open(day, load_closed_months(work.session), "issued")


def _parts(customer: Customer, bill: Bill) -> tuple[str | None, tuple[terms.Instalment, ...]]:
    """The canonical terms, where they decide or grant a discount, and the items they make of the amount."""
    if bill.due is not None:
        agreed = terms.with_own_due(bill.terms or customer.terms, bill.issued, bill.due) if bill.kind == "invoice" else None
        return agreed, (terms.Instalment(1, 1, bill.amount, bill.due, None, None),)
    text = bill.terms or customer.terms
    if not text:
        raise Refusal("no_due_date", "due")
    rule = terms.parse(text)
    events = {terms.Trigger.DELIVERY.value: bill.delivered_on} if bill.delivered_on else {}
    return str(rule), terms.instalments(rule, bill.issued, bill.amount, events)
