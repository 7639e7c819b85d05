"""Rows of the books as they are written in bulk: items, credits, allocations and journal lines of new documents."""

from __future__ import annotations

from datetime import date
from typing import Any

from collect.domain import ledger, receivables, terms
from collect.domain.errors import Refusal
from collect.runtime import Work
from collect.services import customers, intake
from collect.storage.cash import Allocation, Credit
from collect.storage.database import next_ids
from collect.storage.ledger import Line
from collect.storage.receivables import Item

ITEM = [
    "id",
    "seller_id",
    "customer_id",
    "document_no",
    "part",
    "parts",
    "kind",
    "issue_date",
    "due_date",
    "provisional_date",
    "trigger",
    "currency",
    "amount_minor",
    "open_minor",
    "closed_on",
    "voided_on",
    "voided_at",
    "terms",
    "po_no",
    "delivered_on",
    "description",
    "import_id",
    "version",
    "recorded_at",
]
LINE = [
    "customer_id",
    "seller_id",
    "currency",
    "id",
    "day",
    "due",
    "issued",
    "receivable",
    "unapplied",
    "recorded_at",
    "contra",
    "account",
    "event",
    "item_id",
    "credit_id",
    "allocation_id",
]
CREDIT = [
    "id",
    "seller_id",
    "customer_id",
    "kind",
    "number",
    "day",
    "currency",
    "amount_minor",
    "open_minor",
    "voided_on",
    "voided_at",
    "method",
    "bank_reference",
    "reason",
    "earned_by",
    "import_id",
    "version",
    "recorded_at",
]


def line_row(work: Work, line: ledger.Line, line_id: int, customer_id: int, currency: str, item: int | None, credit: int | None, allocation: int | None) -> tuple[Any, ...]:
    """A journal line as a row of its table."""
    return (
        customer_id,
        work.seller_id,
        currency,
        line_id,
        line.day,
        line.due,
        line.issued,
        line.receivable,
        line.unapplied,
        work.now,
        line.contra,
        line.account,
        line.event,
        item,
        credit,
        allocation,
    )


class Buffers:
    """Rows of new documents, collected for one bulk write a table."""

    def __init__(self, batch: intake.Batch, documents: int) -> None:
        self.batch = batch
        self.items: list[tuple[Any, ...]] = []
        self.credits: list[tuple[Any, ...]] = []
        self.allocations: list[tuple[Any, ...]] = []
        self.lines: list[tuple[Any, ...]] = []
        self._ids = iter(next_ids(batch.work.session, documents * 3 + 16))

    def next_id(self) -> int:
        """A free identifier; the block reserved at the start is extended when it runs out."""
        value = next(self._ids, None)
        if value is None:
            self._ids = iter(next_ids(self.batch.work.session, 4096))
            value = next(self._ids)
        return value

    def invoice(self, account: customers.Account, draft: receivables.InvoiceDraft) -> None:
        """A new invoice: one item, or one an instalment of the customer's terms when no due date is given.

        With its own due date it keeps of the terms what they grant for early payment.
        """
        work, batch = self.batch.work, self.batch
        if not draft.void:
            batch.take_room(draft.currency, 0, draft.amount)
        if draft.due is not None and not draft.void and (account.terms is None or terms.discount_of(account.terms) is None):
            self._item(account.id, draft, draft.due)
            return
        agreed: str | None
        if draft.due is None:
            if not account.terms:
                raise Refusal("no_due_date", "due_date")
            rule = terms.parse(account.terms)
            agreed = str(rule)
            events = {"DELIVERY": draft.delivered_on} if draft.delivered_on else {}
            parts = [(part.part, part.parts, part.minor, part.due, part.provisional, part.trigger) for part in terms.instalments(rule, draft.issued, draft.amount, events)]
        else:
            agreed = terms.with_own_due(account.terms, draft.issued, draft.due)
            parts = [(1, 1, draft.amount, draft.due, None, None)]
        voided = draft.issued if draft.void else None
        for part, count, minor, due, provisional, trigger in parts:
            item_id = self.next_id()
            self.items.append(
                (
                    item_id,
                    work.seller_id,
                    account.id,
                    draft.number,
                    part,
                    count,
                    "invoice",
                    draft.issued,
                    due,
                    provisional,
                    trigger,
                    draft.currency,
                    minor,
                    0 if draft.void else minor,
                    None,
                    voided,
                    work.now if draft.void else None,
                    agreed,
                    draft.po_no,
                    draft.delivered_on,
                    draft.description,
                    batch.import_id,
                    1,
                    work.now,
                )
            )
            batch.digest("items", draft.number, part, account.id, draft.issued, draft.currency, minor)
            if not draft.void:
                self.post(ledger.issue(draft.issued, due, minor), account.id, draft.currency, item_id, None, None, minor)

    def _item(self, customer_id: int, draft: receivables.InvoiceDraft, due: date) -> None:
        """What most invoices are: one item with a due date of its own, and the journal line of its issue."""
        work, batch = self.batch.work, self.batch
        seller, now = work.seller_id, work.now
        number, _, issued, _, currency, minor, _, order, delivered, text, _ = draft
        item_id = self.next_id()
        told = (None, None, None, None, order, delivered, text, batch.import_id, 1, now)
        self.items.append((item_id, seller, customer_id, number, 1, 1, "invoice", issued, due, None, None, currency, minor, minor, *told))
        batch.digest_text("items", f"{number}\x1f1\x1f{customer_id}\x1f{issued}\x1f{currency}\x1f{minor}")
        self.lines.append((customer_id, seller, currency, self.next_id(), issued, due, issued, minor, 0, now, -minor, ledger.SALES, "issue", item_id, None, None))
        work.total(currency, issued, minor, 0, minor)

    def credit(
        self,
        customer_id: int,
        kind: str,
        number: str,
        day: date,
        currency: str,
        amount: int,
        rest: int,
        void: bool,
        method: str | None,
        reference: str | None,
        reason: str | None,
        earned_by: int | None = None,
    ) -> int:
        """A new receipt or credit note of which `rest` stays unapplied; returns its id. Its settled part is posted by the caller."""
        work, batch = self.batch.work, self.batch
        if not void:
            batch.take_room(currency, 1, amount)
        credit_id = self.next_id()
        reason = reason[:200] if reason else None
        self.credits.append(
            (
                credit_id,
                work.seller_id,
                customer_id,
                kind,
                number,
                day,
                currency,
                amount,
                0 if void else rest,
                day if void else None,
                work.now if void else None,
                method,
                reference,
                reason,
                earned_by,
                batch.import_id,
                1,
                work.now,
            )
        )
        batch.digest_text("credits", f"{kind}\x1f{number}\x1f{customer_id}\x1f{day}\x1f{currency}\x1f{amount}")
        if not void:
            work.total(currency, day, 0, 0, -amount)
            if rest:
                self.post(ledger.receive(kind, day, rest), customer_id, currency, None, credit_id, None)
        return credit_id

    def settle(
        self, number: str, kind: str, day: date, currency: str, customer_id: int, credit_id: int, document_no: str, item_id: int, due: date | None, issued: date, part: int
    ) -> None:
        """An allocation of a customer's own money to an item that effects nothing but `domain.ledger.settle`."""
        work = self.batch.work
        allocation_id = self.next_id()
        self.allocations.append((allocation_id, credit_id, item_id, part, day, None, False, work.now))
        self.batch.digest_text("allocations", f"{number}\x1f{document_no}\x1f{part}\x1f{day}")
        sale = (day, due, issued, -part, 0, work.now, part, ledger.CONTRA_OF[kind], "settle", item_id, credit_id, allocation_id)
        self.lines.append((customer_id, work.seller_id, currency, self.next_id(), *sale))
        work.total(currency, day, -part, 0, 0)

    def post(self, line: ledger.Line, customer_id: int, currency: str, item: int | None, credit: int | None, allocation: int | None, documents: int = 0) -> None:
        """Buffer a journal line and its day total; `documents` as in `post`."""
        self.lines.append(line_row(self.batch.work, line, self.next_id(), customer_id, currency, item, credit, allocation))
        self.batch.work.total(currency, line.day, line.receivable, line.unapplied, documents)

    def flush(self) -> None:
        """Write everything collected, parents first."""
        intake.write(self.batch, Item, tuple(ITEM), self.items)
        intake.write(self.batch, Credit, tuple(CREDIT), self.credits)
        intake.write(self.batch, Allocation, ("id", "credit_id", "item_id", "amount_minor", "effective", "reverses_id", "across", "recorded_at"), self.allocations)
        intake.write(self.batch, Line, tuple(LINE), self.lines)
        self.items, self.credits, self.allocations, self.lines = [], [], [], []
