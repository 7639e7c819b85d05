"""Receipts and credit notes of a file: each decided, stored and applied to the invoices it names (核销)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

import sqlalchemy as sa

from collect.domain import application, ledger, terms
from collect.domain.errors import Refusal
from collect.domain.rights import ALL
from collect.domain.terms import EarlyPayment
from collect.services import by_column, cash, customers, intake, new_rows
from collect.storage import audit
from collect.storage.cash import Allocation, Credit, load_steps
from collect.storage.database import day_of, raw
from collect.storage.discounts import load_offers
from collect.storage.receivables import Item, settle_items


@dataclass(slots=True)
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
    early: EarlyPayment | None = None
    touched: bool = False
    steps: Sequence[tuple[date, int]] = ()


class ReceiptDraft(NamedTuple):
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
    at = batch.index["customer_no"]
    accounts = customers.accounts(batch, list({row.cells[at] for group in chunk for row in group}))
    drafts: list[tuple[intake.Group, ReceiptDraft]] = []
    for group, plain in zip(chunk, _read_plain(batch, chunk, accounts), strict=True):
        if plain is not None:
            drafts.append((group, plain))
            continue
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
    buffers = new_rows.Buffers(batch, len(drafts))
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


def _read_plain(batch: intake.Batch, chunk: list[intake.Group], accounts: dict[str, customers.Account]) -> list[ReceiptDraft | None]:
    """What `_read` makes of each group, where it is one row that needs no second look; None where it does."""
    found: list[ReceiptDraft | None] = [None] * len(chunk)
    told = by_column.Columns(batch, chunk)
    if not told.rows:
        return found
    payment = batch.kind == "payments"
    kind, none = "receipt" if payment else "credit_note", [None] * len(told.rows)
    numbers, customer_nos = told.codes("payment_ref" if payment else "credit_no"), told.codes("customer_no")
    known = list(map(accounts.get, customer_nos))
    currencies = told.currencies([account and account.currency for account in known])
    amounts, days, invoices = told.amounts("amount", currencies), told.days("date"), told.codes("invoice_no")
    asked = told.amounts("allocated", currencies) if payment else none
    methods, references = (told.choices("method"), told.codes("bank_reference", 100)) if payment else (none, none)
    reasons = none if payment else told.texts("reason", 200)
    odd = by_column.unread(numbers, customer_nos, currencies, amounts, days, invoices, asked, methods, references, reasons)
    odd |= by_column.missing(numbers, customer_nos, known, amounts, days)
    for at in range(len(numbers)):
        if at not in odd and amounts[at] > 0 and (invoices[at] is not None or asked[at] is None):
            parts = ((invoices[at], asked[at], told.rows[at]),) if invoices[at] is not None else ()
            found[told.places[at]] = ReceiptDraft(kind, numbers[at], customer_nos[at], days[at], currencies[at], amounts[at], methods[at], references[at], reasons[at], parts)
    return found


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


def _take(batch: intake.Batch, buffers: new_rows.Buffers, draft: ReceiptDraft, account: customers.Account, owed: dict[str, list[Owed]]) -> None:
    """A new receipt with its allocations: each part takes what it asks for, or the smaller of both rests."""
    ledger.check_open(draft.day, batch.closed, "date")
    if len(draft.parts) == 1 and not batch.closed and _take_plain(batch, buffers, draft, account, owed):
        return
    shares: list[tuple[Owed, int, int, date]] = []
    rest = draft.amount
    taken: dict[int, int] = {}
    for number, asked, _row in draft.parts:
        items = owed.get(number, [])
        if not items:
            raise Refusal("unknown_invoice", "invoice_no", value=number)
        if items[0].customer_id != account.id and not cash.same_group(batch.work, items[0].customer_id, account.id):
            raise Refusal("invoice_of_other_customer", "invoice_no", value=number)
        if items[0].currency != draft.currency:
            raise Refusal("invoice_in_other_currency", "invoice_no", value=number, currency=items[0].currency)
        open_amount = sum(item.open - taken.get(item.id, 0) for item in items)
        left = application.share(asked, rest, open_amount, draft.currency)
        rest -= left
        for item in items:
            part = min(left, item.open - taken.get(item.id, 0))
            if part > 0:
                early = item.early if application.may_earn(draft.kind, draft.method) and not item.touched and item.id not in taken else None
                off = application.discount(part, item.open, draft.day, early)
                effective = application.effective_at_booking(draft.day, item.issued)
                effective = application.room_from(effective, item.open - taken.get(item.id, 0), part + off, item.steps)
                ledger.check_open(effective, batch.closed, "date")
                if batch.closed and item.trigger:  # what it corrects on the day of a changed due date is an entry of that month
                    for line in ledger.allocate(effective, cash.due_history(batch.work, item.customer_id, item.id, item.trigger, item.due), item.issued, part):
                        ledger.check_open(line.day, batch.closed, "date")
                shares.append((item, part, off, effective))
                taken[item.id] = taken.get(item.id, 0) + part
                left -= part
    _book(batch, buffers, draft, account, shares, rest)


def _take_plain(batch: intake.Batch, buffers: new_rows.Buffers, draft: ReceiptDraft, account: customers.Account, owed: dict[str, list[Owed]]) -> bool:
    """The same for most receipts, without the detours: one item of the customer's own that is there by then, no discount, nothing moved.

    False where it is not so plain, and then nothing was done.
    """
    number, asked, _row = draft.parts[0]
    items = owed.get(number, ())
    if len(items) != 1:
        return False
    (item,) = items
    if item.customer_id != account.id or item.currency != draft.currency or item.early is not None or item.trigger is not None or item.steps or draft.day < item.issued:
        return False
    part = application.share(asked, draft.amount, item.open, draft.currency)
    if part <= 0:
        return False
    day = draft.day
    credit_id = buffers.credit(account.id, draft.kind, draft.number, day, draft.currency, draft.amount, draft.amount - part, False, draft.method, draft.reference, draft.reason)
    buffers.settle(draft.number, draft.kind, day, draft.currency, account.id, credit_id, item.document_no, item.id, item.due, item.issued, part)
    item.open -= part
    if item.closed is None or day > item.closed:
        item.closed = day
    item.touched = True
    return True


def _book(batch: intake.Batch, buffers: new_rows.Buffers, draft: ReceiptDraft, account: customers.Account, shares: list[tuple[Owed, int, int, date]], rest: int) -> None:
    """Buffer a new receipt, its allocations with the discounts they earn, and their journal lines; `rest` stays unapplied."""
    _check_room(batch, draft, sum(off for _, _, off, _ in shares))
    credit_id = buffers.credit(account.id, draft.kind, draft.number, draft.day, draft.currency, draft.amount, rest, False, draft.method, draft.reference, draft.reason)
    for item, part, off, effective in shares:
        allocation_id = buffers.next_id()
        across = item.customer_id != account.id
        buffers.allocations.append((allocation_id, credit_id, item.id, part, effective, None, across, batch.work.now))
        batch.digest("allocations", draft.number, item.document_no, part, effective)
        history = cash.due_history(batch.work, item.customer_id, item.id, item.trigger, item.due)
        if across:
            buffers.post(ledger.receive(draft.kind, draft.day, part), account.id, draft.currency, None, credit_id, allocation_id)
            lines, other = ledger.allocate_across(effective, history, item.issued, part)
            buffers.post(other, account.id, draft.currency, None, credit_id, allocation_id)
        elif effective == draft.day and len(history) == 1:
            lines = [ledger.settle(draft.kind, effective, item.due, item.issued, part)]
        else:
            lines = [ledger.receive(draft.kind, draft.day, part), *ledger.allocate(effective, history, item.issued, part)]
        for line in lines:
            buffers.post(line, item.customer_id, draft.currency, item.id, credit_id, allocation_id)
        item.open -= part
        item.closed = max(item.closed or effective, effective)
        item.touched = True
        if off:
            _grant(batch, buffers, item, off, effective, history, allocation_id)


def _check_room(batch: intake.Batch, draft: ReceiptDraft, off: int) -> None:
    """Whether the books have room for a receipt and the discounts it earns, before anything of it is buffered."""
    if off:
        batch.take_room(draft.currency, 1, draft.amount + off)
        batch.room[draft.currency][1] += draft.amount + off


def _grant(batch: intake.Batch, buffers: new_rows.Buffers, item: Owed, off: int, day: date, history: list[ledger.Due], earned_by: int) -> None:
    """Buffer an early payment discount and its allocation: the same entries as `cash.settle` makes."""
    number = cash.discount_number(earned_by)
    credit_id = buffers.credit(item.customer_id, "discount", number, day, item.currency, off, 0, False, None, None, None, earned_by)
    allocation_id = buffers.next_id()
    buffers.allocations.append((allocation_id, credit_id, item.id, off, day, None, False, batch.work.now))
    batch.digest("allocations", number, item.document_no, off, day)
    lines = [ledger.settle("discount", day, item.due, item.issued, off)]
    if len(history) > 1:
        lines = [ledger.receive("discount", day, off), *ledger.allocate(day, history, item.issued, off)]
    for line in lines:
        buffers.post(line, item.customer_id, item.currency, item.id, credit_id, allocation_id)
    item.open -= off


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
    return {row.number: row for row in batch.work.session.execute(query).all()}


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
        sa.select(c.id, c.document_no, c.customer_id, raw(c.issue_date), raw(c.due_date), c.currency, c.open_minor, raw(c.voided_on), c.trigger, raw(c.closed_on), c.terms)
        .where(c.seller_id == batch.work.seller.id, intake.among(batch.work.session, c.document_no, numbers))
        .order_by(c.document_no, c.part)
    )
    granting: list[int] = []
    for key, number, customer_id, issued, due, currency, open_minor, voided, trigger, closed, agreed in batch.work.session.execute(query).all():
        owed = Owed(key, number, customer_id, day_of(issued), due and day_of(due), currency, open_minor, voided is not None, trigger, closed and day_of(closed))
        if number in found:
            found[number].append(owed)
        else:
            found[number] = [owed]
        if agreed is not None and terms.discount_of(agreed) is not None:
            granting.append(key)
    if batch.knows(Allocation):
        steps = load_steps(batch.work.session, Allocation.item_id, [item.id for items in found.values() for item in items])
        for item in (item for items in found.values() for item in items):
            item.steps = steps.get(item.id, ())
    if batch.kind == "payments" and granting:
        offers = load_offers(batch.work.session, ALL, granting)
        for item in (item for items in found.values() for item in items):
            item.early = offers.get(item.id)
    return found


def _store_owed(batch: intake.Batch, items: list[Owed]) -> None:
    """Write the open amounts that the file's allocations left."""
    if items:
        settle_items(batch.work.session, [(item.open, item.closed if item.open == 0 else None, item.id) for item in items])
