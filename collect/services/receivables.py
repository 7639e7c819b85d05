"""Recording what customers owe: invoices (in instalments where the terms say so), voiding them, and trigger events."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa

from collect.domain import ledger, receivables, terms
from collect.domain.calendar import add_days
from collect.domain.errors import NotFound, Refusal
from collect.domain.rights import Permission
from collect.runtime import Work
from collect.services import by_column, customers, deliveries, intake, new_rows
from collect.services.deliveries import Billed
from collect.storage import audit
from collect.storage.cash import Allocation, Credit
from collect.storage.database import next_ids
from collect.storage.deliveries import Delivery
from collect.storage.ledger import Line, first_due_of, load_closed_months
from collect.storage.receivables import Item, find_items


@dataclass(frozen=True, slots=True)
class KnownRow:
    """A document already in the books, with its descriptive fields, as an import compares it."""

    document: receivables.KnownDocument
    ids: tuple[int, ...]
    po_no: str | None
    delivered_on: date | None
    description: str | None


def post(work: Work, lines: list[ledger.Line], customer_id: int, currency: str, *, item: int | None, credit: int | None, allocation: int | None, documents: int = 0) -> None:
    """Write journal lines and their day totals; `documents` is the effect on items less credits, on the first line's day."""
    from collect.storage.database import bulk

    ids = next_ids(work.session, len(lines))
    bulk(work.session, Line.__table__, new_rows.LINE, [new_rows.line_row(work, line, ids[n], customer_id, currency, item, credit, allocation) for n, line in enumerate(lines)])  # type: ignore[arg-type]
    for line in lines:
        work.total(currency, line.day, line.receivable, line.unapplied, 0)
    if documents:
        work.total(currency, lines[0].day, 0, 0, documents)


def take_in_invoices(batch: intake.Batch, chunk: list[intake.Group]) -> None:
    """Decide and store a chunk of invoice rows: new, changed, unchanged or refused each, the good ones in bulk."""
    firsts: list[tuple[intake.Group, receivables.InvoiceDraft, str]] = []
    at = batch.index["customer_no"]
    accounts = customers.accounts(batch, list({group[0].cells[at] for group in chunk}))
    for group, plain in zip(chunk, _read_plain(batch, chunk, accounts), strict=True):
        if plain is not None:
            firsts.append((group, *plain))
            continue
        row = group[0]
        try:
            kind = batch.choice(row, "doc_type", "invoice") or "invoice"
            draft = read_invoice(batch, row, accounts, kind)
            for other in group[1:]:
                if read_invoice(batch, other, accounts, kind) != draft:
                    raise Refusal("number_twice_in_file", "invoice_no", number=draft.number, line=other.line)
            firsts.append((group, draft, kind))
        except Refusal as refusal:
            batch.refuse(group, refusal)
    known = load_known(batch.work, [draft.number for _, draft, _ in firsts]) if batch.knows(Item) or batch.knows(Credit) else {}
    buffers = new_rows.Buffers(batch, len(firsts))
    billed: list[Billed] = []
    awaited = batch.knows(Delivery)
    for group, draft, kind in firsts:
        account = accounts[draft.customer_no]
        try:
            _decide_invoice(batch, buffers, group, draft, kind, account, known.get(draft.number))
            if awaited and kind == "invoice" and not draft.void and draft.number not in known:
                billed.append(Billed(account.id, draft.number, draft.issued, draft.po_no, draft.delivered_on, draft.delivery_nos))
        except Refusal as refusal:
            batch.refuse(group, refusal)
    buffers.flush()
    deliveries.invoiced(batch.work, billed)


def _read_plain(batch: intake.Batch, chunk: list[intake.Group], accounts: dict[str, customers.Account]) -> list[tuple[receivables.InvoiceDraft, str] | None]:
    """What `read_invoice` makes of each group, with its kind, where it needs no second look; None where it does."""
    found: list[tuple[receivables.InvoiceDraft, str] | None] = [None] * len(chunk)
    told = by_column.Columns(batch, chunk)
    if not told.rows:
        return found
    numbers, customer_nos = told.codes("invoice_no"), told.codes("customer_no")
    known = list(map(accounts.get, customer_nos))
    currencies = told.currencies([account and account.currency for account in known])
    amounts, kinds, states = told.amounts("amount", currencies), told.choices("doc_type", "invoice"), told.choices("status", "posted")
    issued, due, delivered = told.days("issue_date"), told.days("due_date"), told.days("delivered_on")
    orders, texts, named = told.codes("po_no"), told.texts("description", 500), told.raw("delivery_no")
    odd = by_column.unread(numbers, customer_nos, currencies, amounts, kinds, states, issued, due, delivered, orders, texts)
    odd |= by_column.missing(numbers, customer_nos, known, amounts, issued)
    good = [place for place in range(len(numbers)) if place not in odd] if odd else range(len(numbers))
    for at in good:
        kind, amount, day, last = kinds[at], amounts[at], issued[at], due[at]
        if kind == "credit_note":
            amount = abs(amount)
        if amount > 0 and (last is None or last >= day):
            names = deliveries.names_of(named[at]) if named[at] else ()
            draft = receivables.InvoiceDraft(numbers[at], customer_nos[at], day, last, currencies[at], amount, states[at] == "void", orders[at], delivered[at], texts[at], names)
            found[told.places[at]] = (draft, kind)
    return found


def read_invoice(batch: intake.Batch, row: intake.Row, accounts: dict[str, customers.Account], kind: str) -> receivables.InvoiceDraft:
    """The row as a draft, checked in itself; raises Refusal naming the field."""
    number, customer_no, currency, amount = customers.document_of(batch, row, "invoice_no", accounts)
    if kind == "credit_note":
        amount = abs(amount)
    if amount <= 0:
        raise Refusal("invoice_not_positive", "amount", value=batch.cell(row, "amount"))
    issued = batch.required_day(row, "issue_date")
    due = batch.day(row, "due_date")
    receivables.check_dates(issued, due)
    void = batch.choice(row, "status", "posted") == "void"
    return receivables.InvoiceDraft(
        number,
        customer_no,
        issued,
        due,
        currency,
        amount,
        void,
        batch.code(row, "po_no"),
        batch.day(row, "delivered_on"),
        batch.text(row, "description", 500),
        deliveries.names_of(batch.cell(row, "delivery_no")),
    )


def _decide_invoice(
    batch: intake.Batch, buffers: new_rows.Buffers, group: intake.Group, draft: receivables.InvoiceDraft, kind: str, account: customers.Account, known: KnownRow | None
) -> None:
    if known is not None:
        fresh = receivables.KnownDocument(kind, account.id, draft.issued, draft.due, draft.currency, draft.amount, draft.void)
        receivables.check_same(known.document, fresh, draft.number, draft.due is not None)
        changed = update_known(batch, known, draft)
        batch.changed += changed
        batch.unchanged += len(group) - changed
        return
    if not draft.void:
        ledger.check_open(draft.issued, batch.closed, "issue_date")
    if kind == "credit_note":
        buffers.credit(account.id, "credit_note", draft.number, draft.issued, draft.currency, draft.amount, draft.amount, draft.void, None, None, draft.description)
    else:
        buffers.invoice(account, draft)
    batch.new += 1
    batch.unchanged += len(group) - 1


def update_known(batch: intake.Batch, known: KnownRow, draft: receivables.InvoiceDraft) -> int:
    """Bring a known document's descriptive fields up to the file, or void it; 1 when something changed, else 0.

    An empty cell never erases what is known: a file may simply not carry the column.
    """
    work = batch.work
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    if known.document.kind == "invoice":
        for name in ("po_no", "delivered_on", "description"):
            old, new = getattr(known, name), getattr(draft, name)
            if new is not None and new != old:
                before[name], after[name] = old, new
        if after:
            work.session.execute(sa.update(Item).where(Item.id.in_(known.ids)).values(**after, version=Item.version + 1))
            work.note(audit.Note("change", "invoice", draft.number, known.document.customer_id, before, after))
    if draft.void and not known.document.void:
        void_document(work, known.document.kind, draft.number, f"import {batch.import_id}", batch.closed)
        return 1
    return 1 if after else 0


def void_document(work: Work, kind: str, number: str, reason: str, closed: frozenset[str], whole: bool = False) -> None:
    """Take a document back in full, effective today; Refusal `document_settled` once anything was allocated (S5).

    An item that a decision posted beside other entries goes only with them (`whole`): Refusal `undo_as_whole`.
    """
    ledger.check_open(work.today, closed, "status")
    if kind == "credit_note":
        credit = work.session.scalars(sa.select(Credit).where(Credit.number == number, Credit.kind == kind).with_for_update()).one()
        if credit.open_minor != credit.amount_minor:
            raise Refusal("document_settled", "status", number=number)
        void_credit(work, credit, reason)
        return
    items = list(work.session.scalars(sa.select(Item).where(Item.document_no == number).order_by(Item.part).with_for_update()))
    if any(item.open_minor != item.amount_minor for item in items):
        raise Refusal("document_settled", "status", number=number)
    if items[0].kind in ledger.ISSUED_AGAINST and not whole:
        raise Refusal("undo_as_whole", "status", number=number)
    day = max(work.today, items[0].issue_date)
    for item in items:
        line = ledger.void(day, item.due_date, item.issue_date, item.amount_minor, item.kind)
        item.open_minor, item.voided_on, item.voided_at, item.version = 0, day, work.now, item.version + 1
        post(work, [line], item.customer_id, item.currency, item=item.id, credit=None, allocation=None, documents=-item.amount_minor)
    deliveries.reopen(work, [number])
    work.note(audit.Note("void", "invoice", number, items[0].customer_id, {"status": "posted"}, {"status": "void", "day": day.isoformat()}, reason))


def void_credit(work: Work, credit: Credit, reason: str, on: date | None = None) -> None:
    """Take a receipt or credit back that settles nothing (any more), by an entry effective `on`, today unless told (S5)."""
    day = max(on or work.today, credit.day)
    line = ledger.receive(credit.kind, day, -credit.amount_minor)
    credit.open_minor, credit.voided_on, credit.voided_at, credit.version = 0, day, work.now, credit.version + 1
    post(work, [line._replace(event="void")], credit.customer_id, credit.currency, item=None, credit=credit.id, allocation=None, documents=credit.amount_minor)
    work.note(audit.Note("void", credit.kind, credit.number, credit.customer_id, {"status": "posted"}, {"status": "void", "day": day.isoformat()}, reason))


def record_event(work: Work, number: str, happened: date, reason: str | None = None, trigger: str | None = None) -> None:
    """The event a provisional due date waits for has happened: the parts waiting for it get their due date today (S7).

    `trigger` names the event where the document's parts wait for different ones. The change of date is two journal
    lines on the day it is made, so the aging of earlier days stays as it was. Raises NotFound outside the actor's
    scope, Refusal `no_event_awaited` when no part waits for it, `event_ambiguous` when it must be named.
    """
    work.actor.need(Permission.ALLOCATE)
    items = find_items(work.session, work.actor.scope, number)
    if not items:
        raise NotFound("invoice", number)
    waiting = [item for item in items if item.due_date is None and item.voided_on is None and (trigger is None or item.trigger == trigger)]
    awaited = {item.trigger for item in waiting if item.trigger}
    if not awaited:
        raise Refusal("no_event_awaited", "happened", number=number)
    if len(awaited) > 1:
        raise Refusal("event_ambiguous", "trigger", number=number, events=", ".join(sorted(awaited)))
    if happened > work.today:
        raise Refusal("event_in_future", "happened", value=happened.isoformat())
    ledger.check_open(work.today, load_closed_months(work.session), "happened")
    rule = terms.parse(waiting[0].terms or "")
    whole = sum(item.amount_minor for item in items)
    parts = {part.part: part for part in terms.instalments(rule, waiting[0].issue_date, whole, {awaited.pop(): happened})}
    for item in waiting:
        due = parts[item.part].due
        if due is not None:
            _redate(work, item, due)
    work.note(
        audit.Note(
            "event", "invoice", number, waiting[0].customer_id, {"due_date": None}, {"happened": happened.isoformat(), "due_dates": [item.due_date for item in waiting]}, reason
        )
    )


def next_delivery(work: Work, customer_id: int, order_no: str | None) -> int:
    """The next delivery was asked for: what the earlier ones left open under terms PREVIOUS falls due today (S18); returns how many items.

    Items of that order itself, those that are due already, and those issued today or later stay as they are. Like any
    change of a due date it is two journal lines on the day it is made. Nothing happens while the month is closed.
    """
    if ledger.month_of(work.today) in load_closed_months(work.session):
        return 0
    query = sa.select(Item).where(Item.customer_id == customer_id, Item.open_minor > 0, Item.terms == terms.Kind.PREVIOUS.value, Item.seller_id == work.seller.id)
    query = query.where(Item.due_date > work.today, Item.issue_date <= work.today, sa.func.coalesce(Item.po_no, "") != (order_no or "\n")).order_by(Item.id)
    items = list(work.session.scalars(query.with_for_update().execution_options(populate_existing=True)))
    for item in items:
        before = item.due_date
        _redate(work, item, work.today)
        item.trigger = terms.Trigger.NEXT_DELIVERY.value
        after = {"happened": work.today, "due_date": item.due_date, "order_no": order_no}
        work.note(audit.Note("event", "invoice", item.document_no, customer_id, {"due_date": before}, {name: value for name, value in after.items() if value is not None}))
    return len(items)


def move_due(work: Work, number: str, part: int, due: date, reason: str, version: int) -> None:
    """Put the due date of an invoice, or of one part of it, on another day, earlier or later: two journal lines on the day it is made (S7).

    So a date that asking for a delivery brought forward is put back too. NotFound outside the actor's scope; Refusal
    `missing_reason`, `document_void`, `due_settled`, `due_waits`, `due_before_issue`, `due_too_far`, `due_same`, a closed month, and
    `changed_meanwhile` where the item is not as it was seen.
    """
    work.actor.need(Permission.ALLOCATE)
    item = next((item for item in find_items(work.session, work.actor.scope, number) if item.part == part), None)
    if item is None:
        raise NotFound("invoice", number)
    item = work.session.scalars(sa.select(Item).where(Item.id == item.id).with_for_update().execution_options(populate_existing=True)).one()
    if item.version != version:
        raise Refusal("changed_meanwhile", None, what=number)
    if not reason.strip():
        raise Refusal("missing_reason", "reason")
    if item.voided_on is not None or item.open_minor == 0:
        raise Refusal("document_void" if item.voided_on is not None else "due_settled", None, number=number)
    if item.due_date is None:
        raise Refusal("due_waits", "due", number=number)
    receivables.check_dates(item.issue_date, due, "due")
    if due > add_days(item.issue_date, terms.MOST_DAYS):
        raise Refusal("due_too_far", "due", value=due.isoformat(), most=terms.MOST_DAYS)
    if due == item.due_date:
        raise Refusal("due_same", "due", number=number, value=due.isoformat())
    ledger.check_open(max(work.today, item.issue_date), load_closed_months(work.session), "due")
    before = item.due_date
    item.trigger = item.trigger or terms.MOVED
    _redate(work, item, due)
    work.note(audit.Note("move_due", "invoice", number, item.customer_id, {"due_date": before}, {"due_date": due}, reason.strip()[:400]))


def _redate(work: Work, item: Item, due: date) -> None:
    """Move what is open of an item under another due date from today on; allocations that lie ahead follow on their days."""
    later = work.session.execute(
        sa.select(Allocation.effective, Allocation.amount_minor)
        .where(Allocation.item_id == item.id, Allocation.effective > work.today)
        .order_by(Allocation.effective, Allocation.id)
    ).all()
    day = max(work.today, item.issue_date)
    lines = ledger.redate(day, item.due_date, due, item.issue_date, item.open_minor + sum(amount for _, amount in later))
    for effective, amount in later:
        lines += ledger.redate(effective, item.due_date, due, item.issue_date, -amount)
    item.due_date, item.provisional_date, item.version = due, None, item.version + 1
    lines = [line for line in lines if line.receivable]
    if lines:
        post(work, lines, item.customer_id, item.currency, item=item.id, credit=None, allocation=None)


def load_known(work: Work, numbers: list[str]) -> dict[str, KnownRow]:
    """Documents already in the books under these numbers: invoices (all parts as one) and credit notes."""
    found: dict[str, KnownRow] = {}
    if not numbers:
        return found
    parts: dict[str, list[Any]] = defaultdict(list)
    item = Item.__table__.c
    query = sa.select(
        item.document_no,
        item.id,
        item.kind,
        item.customer_id,
        item.issue_date,
        item.due_date,
        item.currency,
        item.amount_minor,
        item.voided_on,
        item.po_no,
        item.delivered_on,
        item.description,
        item.trigger,
    ).where(item.seller_id == work.seller.id, intake.among(work.session, item.document_no, numbers))
    for row in work.session.execute(query.order_by(item.document_no, item.part)):
        parts[row.document_no].append(row)
    first_due = first_due_of(work.session, {row.id: row.customer_id for rows in parts.values() for row in rows if row.trigger == terms.MOVED})
    for number, rows in parts.items():
        first = rows[0]
        due = first.due_date if len(rows) == 1 else None
        whole, void = sum(row.amount_minor for row in rows), first.voided_on is not None
        document = receivables.KnownDocument(first.kind, first.customer_id, first.issue_date, due, first.currency, whole, void, first_due.get(first.id))
        found[number] = KnownRow(document, tuple(row.id for row in rows), first.po_no, first.delivered_on, first.description)
    credit = Credit.__table__.c
    notes = sa.select(credit.number, credit.id, credit.kind, credit.customer_id, credit.day, credit.currency, credit.amount_minor, credit.voided_on, credit.reason).where(
        credit.seller_id == work.seller.id, credit.kind == "credit_note", intake.among(work.session, credit.number, numbers)
    )
    for note in work.session.execute(notes):
        document = receivables.KnownDocument(note.kind, note.customer_id, note.day, None, note.currency, note.amount_minor, note.voided_on is not None)
        found[note.number] = KnownRow(document, (note.id,), None, None, note.reason)
    return found
