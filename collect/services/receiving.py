"""Many receipts at once, as a bank statement brings them: the same entries as one at a time, written in bulk (S5, S6, S8, S15)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import sqlalchemy as sa

from collect.domain import application, ledger, money, terms
from collect.domain.errors import Refusal
from collect.domain.rights import Permission
from collect.runtime import Work
from collect.services import new_rows
from collect.services.receipts import Part, Receipt
from collect.storage import audit
from collect.storage.cash import Allocation, Credit, load_prepaid_volume
from collect.storage.database import bulk, next_ids
from collect.storage.ledger import Line, load_closed_months, load_volumes
from collect.storage.receivables import Item, settle_items

_CREDIT = (
    *("id", "seller_id", "customer_id", "kind", "number", "day", "currency", "amount_minor", "open_minor"),
    *("method", "bank_reference", "payer", "line_id", "version", "recorded_at"),
)
_ALLOCATION = ("id", "credit_id", "item_id", "amount_minor", "effective", "recorded_at")


@dataclass(slots=True)
class Settled:
    """An item as the batch leaves it; `simple` is False where its due date may have moved, early payment is worth a discount, or an allocation was taken back: settled alone."""

    document_no: str
    customer_id: int
    issued: date
    due: date | None
    currency: str
    open: int
    simple: bool
    latest: date | None = None


@dataclass
class Receiving:
    """Receipts collected for one bulk write. What `fits` says yes to may be added; nothing is in the books before `write`."""

    work: Work
    closed: frozenset[str] = frozenset()
    items: dict[int, Settled] = field(default_factory=dict)
    room: dict[str, int] = field(default_factory=dict)
    credits: list[tuple[Any, ...]] = field(default_factory=list)
    allocations: list[tuple[Any, ...]] = field(default_factory=list)
    lines: list[tuple[Any, ...]] = field(default_factory=list)
    ids: list[int] = field(default_factory=list)

    @classmethod
    def begin(cls, work: Work) -> Receiving:
        """An empty batch. Raises Forbidden without the right to allocate."""
        work.actor.need(Permission.ALLOCATE)
        return cls(work, load_closed_months(work.session))

    def load(self, item_ids: Sequence[int]) -> None:
        """Read items that receipts of this batch will settle; those that are there already stay as the batch left them."""
        wanted = sorted(set(item_ids) - self.items.keys())
        columns = (Item.id, Item.document_no, Item.customer_id, Item.issue_date, Item.due_date, Item.currency, Item.open_minor, Item.trigger, Item.terms)
        for start in range(0, len(wanted), 5000):
            chunk = wanted[start : start + 5000]
            for key, number, customer_id, issued, due, currency, left, trigger, agreed in self.work.session.execute(sa.select(*columns).where(Item.id.in_(chunk))):
                simple = trigger is None and due is not None and not (agreed and terms.discount_of(agreed))
                self.items[key] = Settled(number, customer_id, issued, due, currency, left, simple)
            query = sa.select(Allocation.item_id, sa.func.max(Allocation.effective), sa.func.max(Allocation.reverses_id))
            for key, latest, taken_back in self.work.session.execute(query.where(Allocation.item_id.in_(chunk)).group_by(Allocation.item_id)):
                self.items[key].latest = latest
                self.items[key].simple &= taken_back is None

    def forget(self, item_ids: Sequence[int]) -> None:
        """Items that somebody settled alone meanwhile are read anew."""
        for key in item_ids:
            self.items.pop(key, None)
        self.load(item_ids)

    def fits(self, receipt: Receipt, parts: Sequence[Part]) -> bool:
        """Whether it can go into this batch: open months, no future, room in the books, and items that are open by as much."""
        if receipt.amount <= 0 or receipt.day > self.work.today or ledger.month_of(receipt.day) in self.closed:
            return False
        if receipt.currency not in self.room:
            self.room[receipt.currency] = money.LIMIT - _volume(self.work, receipt.currency)
        if receipt.amount > self.room[receipt.currency] or sum(amount for _, amount in parts) > receipt.amount or len({key for key, _ in parts}) < len(parts):
            return False
        for key, amount in parts:
            item = self.items.get(key)
            if item is None or not item.simple or (item.customer_id, item.currency) != (receipt.customer_id, receipt.currency) or not 0 < amount <= item.open:
                return False
            if ledger.month_of(application.effective_at_booking(receipt.day, item.issued)) in self.closed:
                return False
        return True

    def add(self, receipt: Receipt, parts: Sequence[Part]) -> int:
        """Put a receipt that fits into the batch; returns the id its credit will have."""
        if not self.fits(receipt, parts):
            raise Refusal("changed_meanwhile", None, what=receipt.number)
        work = self.work
        credit_id = self._next_id()
        rest = receipt.amount
        settled = []
        for key, amount in parts:
            item = self.items[key]
            effective = application.effective_at_booking(receipt.day, item.issued)
            allocation_id = self._next_id()
            self.allocations.append((allocation_id, credit_id, key, amount, effective, work.now))
            entries = [ledger.settle("receipt", effective, item.due, item.issued, amount)]
            if effective != receipt.day:
                entries = [ledger.receive("receipt", receipt.day, amount), *ledger.allocate(effective, [ledger.Due(None, item.due)], item.issued, amount)]
            for entry in entries:
                self._post(entry, receipt, key, credit_id, allocation_id)
            item.open -= amount
            item.latest = effective if item.latest is None else max(item.latest, effective)
            rest -= amount
            settled.append({"invoice": item.document_no, "amount": money.plain(amount, receipt.currency)})
        if rest:
            self._post(ledger.receive("receipt", receipt.day, rest), receipt, None, credit_id, None)
        identity = (credit_id, work.seller.id, receipt.customer_id, "receipt", receipt.number, receipt.day, receipt.currency, receipt.amount, rest)
        self.credits.append((*identity, receipt.method, receipt.reference, receipt.payer, receipt.line_id, 1, work.now))
        self.room[receipt.currency] -= receipt.amount
        work.total(receipt.currency, receipt.day, 0, 0, -receipt.amount)
        told = {"day": receipt.day, "currency": receipt.currency, "amount": money.plain(receipt.amount, receipt.currency), "payer": receipt.payer, "settled": settled or None}
        work.note(audit.Note("receive", "receipt", receipt.number, receipt.customer_id, None, {name: value for name, value in told.items() if value is not None}))
        return credit_id

    def _next_id(self) -> int:
        """A free identifier, from blocks of many."""
        if not self.ids:
            self.ids = list(reversed(next_ids(self.work.session, 2000)))
        return self.ids.pop()

    def _post(self, entry: ledger.Line, receipt: Receipt, item: int | None, credit: int, allocation: int | None) -> None:
        self.lines.append(new_rows.line_row(self.work, entry, self._next_id(), receipt.customer_id, receipt.currency, item, credit, allocation))
        self.work.total(receipt.currency, entry.day, entry.receivable, entry.unapplied, 0)

    def write(self) -> None:
        """Write everything collected, parents first, and the rests of the items."""
        session = self.work.session
        for table, columns, rows in ((Credit, _CREDIT, self.credits), (Allocation, _ALLOCATION, self.allocations), (Line, new_rows.LINE, self.lines)):
            if rows:
                bulk(session, table.__table__, columns, rows)  # type: ignore[arg-type]
        touched = {row[2] for row in self.allocations}
        if touched:
            settle_items(session, [(self.items[key].open, self.items[key].latest if self.items[key].open == 0 else None, key) for key in sorted(touched)])
        self.credits, self.allocations, self.lines = [], [], []


def _volume(work: Work, currency: str) -> int:
    return load_volumes(work.session, work.seller.id, currency)[1] + load_prepaid_volume(work.session, work.seller.id, currency)
