"""Recording what customers paid and were credited, and applying it to what they owe (核销)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa

from collect.domain import application, ledger, money
from collect.domain.errors import NotFound, Refusal
from collect.domain.rights import Permission
from collect.runtime import Work
from collect.services import customers, intake, receivables
from collect.storage import audit
from collect.storage.cash import Allocation, Credit, find_credit
from collect.storage.database import next_ids
from collect.storage.ledger import Line, load_closed_months
from collect.storage.receivables import Item, find_items, settle_items


@dataclass
class Owed:
    """An item as the import sees it while it allocates: `open` falls with each allocation of the file."""

    id: int
    document_no: str
    customer_id: int
    issued: date
    due: date | None
    currency: str
    open: int
    void: bool
    trigger: str | None
    closed: date | None
    touched: bool = False


@dataclass(frozen=True, slots=True)
class ReceiptDraft:
    """A receipt or credit as its rows tell it: `parts` are (invoice number, asked minor units or None, the row)."""

    kind: str
    number: str
    customer_no: str
    day: date
    currency: str
    amount: int
    method: str | None
    reference: str | None
    reason: str | None
    parts: tuple[tuple[str, int | None, intake.Row], ...]


def take_in(batch: intake.Batch, chunk: list[intake.Group]) -> None:
    """Decide and store a chunk of receipts (kind `payments`) or credit notes (`credits`); the rows of one number go together."""
    accounts = customers.accounts(batch, [batch.cell(row, "customer_no") for group in chunk for row in group])
    drafts: list[tuple[intake.Group, ReceiptDraft]] = []
    for group in chunk:
        blamed = group[0]
        try:
            parts = []
            for blamed in group:
                parts.append(_read(batch, blamed, accounts))
            blamed = group[0]
            drafts.append((group, _join(group, parts)))
        except Refusal as refusal:
            batch.refuse(group, refusal, blamed if len(group) > 1 else None)
    kind = "receipt" if batch.kind == "payments" else "credit_note"
    known = _load_known(batch, kind, [draft.number for _, draft in drafts]) if batch.knows(Credit) else {}
    taken = _numbers_of_invoices(batch, [draft.number for _, draft in drafts]) if kind == "credit_note" else frozenset()
    owed = _load_owed(batch, sorted({number for _, draft in drafts for number, _, _ in draft.parts}))
    applied = _load_applied(batch, [row.id for row in known.values()])
    buffers = receivables.Buffers(batch, len(drafts))
    for group, draft in drafts:
        try:
            if draft.number in taken:
                raise Refusal("number_of_other_kind", "credit_no", number=draft.number, known="invoice")
            if draft.number in known:
                changed = _compare(batch, draft, accounts[draft.customer_no], known[draft.number], owed, applied)
                batch.changed += changed
                batch.unchanged += len(group) - changed
            else:
                _take(batch, buffers, draft, accounts[draft.customer_no], owed)
                batch.new += len(group)
        except Refusal as refusal:
            batch.refuse(group, refusal)
    buffers.flush()
    _store_owed(batch, [item for items in owed.values() for item in items if item.touched])


def _read(batch: intake.Batch, row: intake.Row, accounts: dict[str, customers.Account]) -> ReceiptDraft:
    """One row as a receipt with at most one part; raises Refusal naming the field."""
    payment = batch.kind == "payments"
    number, customer_no, currency, amount = customers.document_of(batch, row, "payment_ref" if payment else "credit_no", accounts)
    if amount <= 0:
        raise Refusal("receipt_not_positive" if payment else "credit_not_positive", "amount", value=batch.cell(row, "amount"))
    day = batch.required_day(row, "date")
    invoice_no = batch.code(row, "invoice_no")
    asked = batch.amount(row, "allocated", currency) if payment else None
    if asked is not None and invoice_no is None:
        raise Refusal("allocated_without_invoice", "allocated", value=batch.cell(row, "allocated"))
    method = batch.choice(row, "method") if payment else None
    reference = batch.code(row, "bank_reference", 100) if payment else None
    reason = None if payment else batch.text(row, "reason", 200)
    kind = "receipt" if payment else "credit_note"
    parts = ((invoice_no, asked, row),) if invoice_no else ()
    return ReceiptDraft(kind, number, customer_no, day, currency, amount, method, reference, reason, parts)


def _join(group: intake.Group, rows: list[ReceiptDraft]) -> ReceiptDraft:
    """The rows of one number as one receipt; Refusal `rows_disagree` where they tell different receipts.

    A row that says exactly what another row says is the same row twice, not a second allocation (S16).
    """
    first = rows[0]
    if len(rows) == 1:
        return first
    parts: list[tuple[str, int | None, intake.Row]] = []
    said: set[tuple[str, int | None]] = set()
    for row, other in zip(group, rows, strict=True):
        for name in ("customer_no", "day", "currency", "amount", "method", "reference", "reason"):
            if getattr(other, name) != getattr(first, name):
                raise Refusal("rows_disagree", {"day": "date", "reference": "bank_reference"}.get(name, name), number=first.number, line=group[0].line, other=row.line)
        for number, asked, source in other.parts:
            if (number, asked) not in said:
                said.add((number, asked))
                parts.append((number, asked, source))
    return ReceiptDraft(first.kind, first.number, first.customer_no, first.day, first.currency, first.amount, first.method, first.reference, first.reason, tuple(parts))


def _take(batch: intake.Batch, buffers: receivables.Buffers, draft: ReceiptDraft, account: customers.Account, owed: dict[str, list[Owed]]) -> None:
    """A new receipt with its allocations: each part takes what it asks for, or the smaller of both rests."""
    ledger.check_open(draft.day, batch.closed, "date")
    shares: list[tuple[Owed, int, date]] = []
    rest = draft.amount
    taken: dict[int, int] = {}
    for number, asked, _row in draft.parts:
        items = owed.get(number, [])
        if not items:
            raise Refusal("unknown_invoice", "invoice_no", value=number)
        if items[0].customer_id != account.id:
            raise Refusal("invoice_of_other_customer", "invoice_no", value=number)
        if items[0].currency != draft.currency:
            raise Refusal("invoice_in_other_currency", "invoice_no", value=number, currency=items[0].currency)
        open_amount = sum(item.open - taken.get(item.id, 0) for item in items)
        left = application.share(asked, rest, open_amount, draft.currency)
        rest -= left
        for item in items:
            part = min(left, item.open - taken.get(item.id, 0))
            if part > 0:
                effective = application.effective_at_booking(draft.day, item.issued)
                ledger.check_open(effective, batch.closed, "date")
                shares.append((item, part, effective))
                taken[item.id] = taken.get(item.id, 0) + part
                left -= part
    _book(batch, buffers, draft, account, shares, rest)


def _book(batch: intake.Batch, buffers: receivables.Buffers, draft: ReceiptDraft, account: customers.Account, shares: list[tuple[Owed, int, date]], rest: int) -> None:
    """Buffer a new receipt, its allocations and their journal lines; `rest` stays unapplied."""
    credit_id = buffers.credit(account.id, draft.kind, draft.number, draft.day, draft.currency, draft.amount, rest, False, draft.method, draft.reference, draft.reason)
    for item, part, effective in shares:
        allocation_id = buffers.next_id()
        buffers.allocations.append((allocation_id, credit_id, item.id, part, effective, None, batch.work.now))
        batch.digest("allocations", draft.number, item.document_no, part, effective)
        history = _due_history(batch.work, item)
        if effective == draft.day and len(history) == 1:
            lines = [ledger.settle(draft.kind, effective, item.due, item.issued, part)]
        else:
            lines = [ledger.receive(draft.kind, draft.day, part), *ledger.allocate(effective, history, item.issued, part)]
        for line in lines:
            buffers.post(line, account.id, draft.currency, item.id, credit_id, allocation_id)
        item.open -= part
        item.closed = max(item.closed or effective, effective)
        item.touched = True


def _due_history(work: Work, item: Owed) -> list[ledger.Due]:
    """The due dates an item has had; only one that waits (or waited) for an event can have more than one."""
    if item.trigger is None:
        return [ledger.Due(None, item.due)]
    moves = work.session.execute(
        sa.select(Line.day, Line.due)
        .where(Line.customer_id == item.customer_id, Line.item_id == item.id, Line.event == "redate", Line.receivable > 0, Line.allocation_id.is_(None))
        .order_by(Line.recorded_at, Line.id)
    ).all()
    if not moves or item.due is None:
        return [ledger.Due(None, item.due)]
    return [ledger.Due(None, None), ledger.Due(min(day for day, _ in moves), item.due)]


def _compare(batch: intake.Batch, draft: ReceiptDraft, account: customers.Account, known: Any, owed: dict[str, list[Owed]], applied: dict[tuple[int, str], tuple[int, int]]) -> int:
    """Whether a known receipt changed in a descriptive field (1) or not (0); money fields that differ are refused.

    An invoice named for it that it never settled, while both still have a rest, is refused too: a file does not
    re-apply money that is already in the books.
    """
    field = "payment_ref" if draft.kind == "receipt" else "credit_no"
    for name, before, after in (
        ("customer_no", known.customer_id, account.id),
        ("date", known.day, draft.day),
        ("currency", known.currency, draft.currency),
        ("amount", known.amount_minor, draft.amount),
    ):
        if before != after:
            raise Refusal("receipt_differs" if draft.kind == "receipt" else "document_differs", name, number=draft.number)
    if known.voided_on is not None:
        raise Refusal("document_void", field, number=draft.number)
    for number, asked, row in draft.parts:
        gross, net = applied.get((known.id, number), (0, 0))
        open_amount = sum(item.open for item in owed.get(number, []))
        if asked is not None and gross and asked not in (gross, net):
            raise Refusal("receipt_differs", "allocated", number=draft.number)
        if not gross and known.open_minor and (open_amount or number not in owed):
            raise Refusal("receipt_known", "invoice_no", number=draft.number, invoice=number, line=row.line)
    before_values: dict[str, Any] = {}
    after_values: dict[str, Any] = {}
    for column, value in (("method", draft.method), ("bank_reference", draft.reference), ("reason", draft.reason)):
        if value is not None and value != getattr(known, column):
            before_values[column], after_values[column] = getattr(known, column), value
    if not after_values:
        return 0
    batch.work.session.execute(sa.update(Credit).where(Credit.id == known.id).values(**after_values, version=Credit.version + 1))
    batch.work.note(audit.Note("change", draft.kind, draft.number, known.customer_id, before_values, after_values))
    return 1


def _load_known(batch: intake.Batch, kind: str, numbers: list[str]) -> dict[str, Any]:
    if not numbers:
        return {}
    c = Credit.__table__.c
    query = sa.select(c.number, c.id, c.customer_id, c.day, c.currency, c.amount_minor, c.open_minor, c.voided_on, c.method, c.bank_reference, c.reason).where(
        c.seller_id == batch.work.seller.id, c.kind == kind, intake.among(batch.work.session, c.number, numbers)
    )
    return {row.number: row for row in batch.work.session.execute(query)}


def _load_applied(batch: intake.Batch, credit_ids: list[int]) -> dict[tuple[int, str], tuple[int, int]]:
    """(credit, invoice number) to what was ever applied, and what of it still is, in minor units."""
    found: dict[tuple[int, str], tuple[int, int]] = {}
    for start in range(0, len(credit_ids), 500):
        query = (
            sa.select(Allocation.credit_id, Item.document_no, Allocation.amount_minor)
            .join(Item, Item.id == Allocation.item_id)
            .where(Allocation.credit_id.in_(credit_ids[start : start + 500]))
        )
        for credit_id, number, amount in batch.work.session.execute(query):
            gross, net = found.get((credit_id, number), (0, 0))
            found[credit_id, number] = (gross + max(amount, 0), net + amount)
    return found


def _numbers_of_invoices(batch: intake.Batch, numbers: list[str]) -> frozenset[str]:
    """Which of these numbers invoices already have: credit notes share their number range."""
    if not numbers:
        return frozenset()
    c = Item.__table__.c
    query = sa.select(c.document_no).where(c.seller_id == batch.work.seller.id, intake.among(batch.work.session, c.document_no, numbers))
    return frozenset(batch.work.session.scalars(query))


def _load_owed(batch: intake.Batch, numbers: list[str]) -> dict[str, list[Owed]]:
    """The items of these documents by number, instalments oldest due first."""
    found: dict[str, list[Owed]] = {}
    if not numbers:
        return found
    c = Item.__table__.c
    query = (
        sa.select(c.id, c.document_no, c.customer_id, c.issue_date, c.due_date, c.currency, c.open_minor, c.voided_on, c.trigger, c.closed_on)
        .where(c.seller_id == batch.work.seller.id, intake.among(batch.work.session, c.document_no, numbers))
        .order_by(c.document_no, c.part)
    )
    for key, number, customer_id, issued, due, currency, open_minor, voided, trigger, closed in batch.work.session.execute(query):
        found.setdefault(number, []).append(Owed(key, number, customer_id, issued, due, currency, open_minor, voided is not None, trigger, closed))
    return found


def _store_owed(batch: intake.Batch, items: list[Owed]) -> None:
    """Write the open amounts that the file's allocations left."""
    if items:
        settle_items(batch.work.session, [(item.open, item.closed if item.open == 0 else None, item.id) for item in items])


def apply(work: Work, kind: str, credit_no: str, invoice_no: str, amount: int | None, effective: date | None = None) -> int:
    """Apply unapplied money of a receipt or credit to an invoice; returns the minor units allocated (S15).

    `amount` None takes the smaller of both rests. Rows are locked before they are read, and the database's own checks
    stand behind. Raises NotFound outside the actor's scope; Refusal where the amounts, customers or currencies do not
    fit, or the month is closed.
    """
    work.actor.need(Permission.ALLOCATE)
    credit = find_credit(work.session, work.actor.scope, kind, credit_no)
    if credit is None:
        raise NotFound(kind, credit_no)
    if not find_items(work.session, work.actor.scope, invoice_no):
        raise NotFound("invoice", invoice_no)
    credit = work.session.scalars(sa.select(Credit).where(Credit.id == credit.id).with_for_update().execution_options(populate_existing=True)).one()
    items = list(
        work.session.scalars(
            sa.select(Item)
            .where(Item.document_no == invoice_no, Item.seller_id == credit.seller_id)
            .order_by(Item.part)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
    )
    if items[0].customer_id != credit.customer_id:
        raise Refusal("invoice_of_other_customer", "invoice_no", value=invoice_no)
    if items[0].currency != credit.currency:
        raise Refusal("invoice_in_other_currency", "invoice_no", value=invoice_no, currency=items[0].currency)
    left = total = application.share(amount, credit.open_minor, sum(item.open_minor for item in items), credit.currency)
    if total == 0:
        raise Refusal("nothing_to_allocate", "amount", receipt=credit_no, invoice=invoice_no)
    closed = load_closed_months(work.session)
    for item in items:
        part = min(left, item.open_minor)
        if part > 0:
            day = application.effective_later(credit.day, item.issue_date, work.today, effective)
            ledger.check_open(day, closed, "effective")
            allocate(work, credit, item, part, day, None)
            left -= part
    work.note(audit.Note("apply", kind, credit_no, credit.customer_id, None, {"invoice": invoice_no, "amount": money.plain(total, credit.currency), "effective": effective}))
    return total


def unapply(work: Work, allocation_id: int, reason: str) -> None:
    """Take an allocation back by an entry of its own, effective today: both rests are as they were before (S5)."""
    work.actor.need(Permission.ALLOCATE)
    found = work.session.get(Allocation, allocation_id)
    credit = work.session.get(Credit, found.credit_id, with_for_update=True) if found else None
    item = work.session.get(Item, found.item_id, with_for_update=True) if found else None
    if found is None or credit is None or item is None or not find_credit(work.session, work.actor.scope, credit.kind, credit.number):
        raise NotFound("allocation", allocation_id)
    if found.reverses_id is not None or work.session.scalar(sa.select(Allocation.id).where(Allocation.reverses_id == allocation_id)):
        raise Refusal("already_reversed", None)
    day = max(work.today, found.effective)
    ledger.check_open(day, load_closed_months(work.session), "effective")
    allocate(work, credit, item, -found.amount_minor, day, found.id)
    after = {"invoice": item.document_no, "amount": money.plain(-found.amount_minor, credit.currency), "effective": day}
    work.note(audit.Note("unapply", credit.kind, credit.number, credit.customer_id, None, after, reason))


def allocate(work: Work, credit: Credit, item: Item, amount: int, day: date, reverses: int | None) -> None:
    """Write one allocation (negative when it reverses another), both rests, and the journal lines."""
    row = Allocation(id=next_ids(work.session, 1)[0], credit_id=credit.id, item_id=item.id, amount_minor=amount, effective=day, reverses_id=reverses, recorded_at=work.now)
    work.session.add(row)
    credit.open_minor -= amount
    credit.version += 1
    item.open_minor -= amount
    latest = work.session.scalar(sa.select(sa.func.max(Allocation.effective)).where(Allocation.item_id == item.id, Allocation.id != row.id))
    item.closed_on = application.closed_on(item.open_minor, day, latest)
    item.version += 1
    work.session.flush()
    owed = Owed(item.id, item.document_no, item.customer_id, item.issue_date, item.due_date, item.currency, item.open_minor, False, item.trigger, item.closed_on)
    lines = ledger.allocate(day, _due_history(work, owed), item.issue_date, amount)
    receivables.post(work, lines, item.customer_id, item.currency, item=item.id, credit=credit.id, allocation=row.id)
