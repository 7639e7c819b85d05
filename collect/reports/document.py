"""An invoice, receipt or credit note as a page tells it: its parts, what settled it, its postings, and its history in the order recorded (S5, S6)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from collect.domain.errors import NotFound
from collect.domain.rights import Scope
from collect.domain.terms import EarlyPayment
from collect.runtime import View
from collect.storage import listings
from collect.storage.audit import Audit, load_notes
from collect.storage.bank_lines import load_items
from collect.storage.cash import Allocation, Credit, find_credit, load_item_allocations, load_prepayments
from collect.storage.customers import load_customers
from collect.storage.discounts import granted_by, load_offers
from collect.storage.imports import find_run
from collect.storage.ledger import load_item_lines
from collect.storage.receivables import find_items


@dataclass(frozen=True, slots=True)
class Owner:
    """The customer a document belongs to."""

    id: int
    number: str
    name: str


@dataclass(frozen=True, slots=True)
class PartEntry:
    """One instalment, or the whole invoice; `due` None while it waits for the event `trigger` (S7)."""

    part: int
    due: date | None
    provisional: date | None
    trigger: str | None
    amount: int
    open: int
    closed_on: date | None
    version: int


@dataclass(frozen=True, slots=True)
class Use:
    """An allocation as either of its two documents shows it: negative when it takes an earlier one back.

    `reversible` is true while nothing took it back; `kind` and `number` name the document on the other side, `actor`
    and `reason` who did it and why where a person did (None: it came with an import).
    """

    id: int
    kind: str
    number: str
    part: int
    parts: int
    amount: int
    effective: date
    recorded_at: datetime
    reverses: int | None
    reversible: bool
    actor: str | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Posting:
    """A journal line; receivable + unapplied + contra = 0 (S9)."""

    event: str
    day: date
    due: date | None
    receivable: int
    unapplied: int
    contra: int
    account: str | None
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class Change:
    """An audit row about the document; `before` and `after` are JSON text."""

    at: datetime
    actor: str
    action: str
    before: str | None
    after: str | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Step:
    """One line of a document's history: what became effective on `day`, recorded at `at`; `open` is what was open after it.

    `what` is `issue`, `receive`, `allocation`, `reversal` or an audit action; `use` and `change` carry the detail.
    """

    at: datetime
    day: date | None
    what: str
    amount: int | None
    open: int
    use: Use | None = None
    change: Change | None = None


class Kept(NamedTuple):
    """Money that is kept for the order of an invoice (预收): its receipt, as it was read, and what is left of it."""

    number: str
    amount: int
    version: int


class Source(NamedTuple):
    """The import that brought a document: its id, its file and who took it in; who undid it, and why, where somebody did."""

    run_id: int
    file: str
    by: str
    undone_by: str | None
    undo_reason: str | None


@dataclass(frozen=True, slots=True)
class Invoice:
    """An invoice with all its parts; money in minor units of `currency`, `early` what paying it today or soon is worth.

    `kind` says what it is where it is no invoice, `about` the invoice that interest, a fee or a debit note is about.
    """

    number: str
    kind: str
    about: str | None
    kept: tuple[Kept, ...]
    source: Source | None
    customer: Owner
    currency: str
    issued: date
    recorded_at: datetime
    terms: str | None
    po_no: str | None
    delivered_on: date | None
    description: str | None
    voided_on: date | None
    voided_at: datetime | None
    parts: tuple[PartEntry, ...]
    early: EarlyPayment | None
    uses: tuple[Use, ...]
    postings: tuple[Posting, ...]
    changes: tuple[Change, ...]

    @property
    def amount(self) -> int:
        """The whole invoice."""
        return sum(part.amount for part in self.parts)

    @property
    def open(self) -> int:
        """What is open of it now."""
        return sum(part.open for part in self.parts)

    @property
    def next_due(self) -> date | None:
        """The earliest due date of an open part that has one."""
        return min((part.due for part in self.parts if part.open and part.due), default=None)

    @property
    def waiting(self) -> tuple[PartEntry, ...]:
        """Parts whose due date waits for an event (S7)."""
        return tuple(part for part in self.parts if part.due is None and self.voided_on is None)

    @property
    def closed_on(self) -> date | None:
        """The day the last part was settled; None while something is open."""
        return None if self.open else max((part.closed_on for part in self.parts if part.closed_on), default=None)

    @property
    def history(self) -> list[Step]:
        """Everything in the order it was recorded, with what was open after each step."""
        steps = _history("issue", self.recorded_at, self.issued, self.amount, self.uses, self.changes, self.source)
        return steps + _undone(self.source, self.voided_on, self.voided_at, steps)


@dataclass(frozen=True, slots=True)
class CreditPage:
    """A receipt or credit; `open` is what no invoice took yet (S8), `prepaid` what is kept for the order `order_no`.

    `earned_by` is the receipt that earned a discount.
    """

    kind: str
    number: str
    customer: Owner
    currency: str
    day: date
    recorded_at: datetime
    amount: int
    open: int
    prepaid: int
    order_no: str | None
    released_on: date | None
    payer: str | None
    adjustment_id: int | None
    earned_by: str | None
    voided_on: date | None
    voided_at: datetime | None
    method: str | None
    reference: str | None
    reason: str | None
    version: int
    line_id: int | None
    source: Source | None
    uses: tuple[Use, ...]
    changes: tuple[Change, ...]

    @property
    def rest(self) -> int:
        """What no invoice took yet, unapplied or kept for its order."""
        return self.open + self.prepaid

    @property
    def history(self) -> list[Step]:
        """Everything in the order it was recorded, with what was unapplied after each step."""
        first = "credit" if self.kind == "credit_note" else "receive"
        steps = _history(first, self.recorded_at, self.day, self.amount, self.uses, self.changes, self.source)
        return steps + _undone(self.source, self.voided_on, self.voided_at, steps)


def invoice(view: View, scope: Scope, number: str) -> Invoice:
    """The invoice of that number; NotFound when missing or outside the scope, which are one answer (S28)."""
    items = find_items(view.session, scope, number)
    if not items:
        raise NotFound("invoice", number)
    first = items[0]
    by_id = {item.id: item for item in items}
    sides = []
    for row, origin in load_item_allocations(view.session, scope, list(by_id)):
        item = by_id[row.item_id]
        sides.append(_Side(row, origin.kind, origin.number, item.part, item.parts))
    uses = _uses(view, scope, first.customer_id, sides)
    postings = [
        Posting(line.event, line.day, line.due, line.receivable, line.unapplied, line.contra, line.account, line.recorded_at)
        for line in load_item_lines(view.session, scope, first.customer_id, list(by_id))
    ]
    kept = [row for row in load_prepayments(view.session, scope, first.customer_id) if row.order_no == first.po_no and row.currency == first.currency]
    return Invoice(
        number=first.document_no,
        kind=first.kind,
        about=_about(view, scope, first.about_id),
        kept=tuple(Kept(row.number, row.prepaid_minor, row.version) for row in kept if first.po_no),
        source=_source(view, first.import_id),
        customer=_owner(view, scope, first.customer_id),
        currency=first.currency,
        issued=first.issue_date,
        recorded_at=first.recorded_at,
        terms=first.terms,
        po_no=first.po_no,
        delivered_on=first.delivered_on,
        description=first.description,
        voided_on=first.voided_on,
        voided_at=first.voided_at,
        parts=tuple(PartEntry(item.part, item.due_date, item.provisional_date, item.trigger, item.amount_minor, item.open_minor, item.closed_on, item.version) for item in items),
        early=load_offers(view.session, scope, [first.id], view.today).get(first.id),
        uses=uses,
        postings=tuple(postings),
        changes=_changes(view, "invoice", number),
    )


def credit(view: View, scope: Scope, kind: str, number: str) -> CreditPage:
    """The receipt or credit note of that number; NotFound when missing or outside the scope."""
    row = find_credit(view.session, scope, kind, number)
    if row is None:
        raise NotFound(kind, number)
    sides = [_Side(allocation, "invoice", item.document_no, item.part, item.parts) for allocation, item in listings.load_credit_allocations(view.session, scope, row.id)]
    return _credit_page(view, scope, row, _uses(view, scope, row.customer_id, sides))


class _Side(NamedTuple):
    """An allocation and the document on its other side."""

    row: Allocation
    kind: str
    number: str
    part: int
    parts: int


def _uses(view: View, scope: Scope, customer_id: int, sides: list[_Side]) -> tuple[Use, ...]:
    """The allocations with who made them and why."""
    taken_back = {side.row.reverses_id for side in sides}
    moves = listings.load_moves(view.session, scope, customer_id, [side.row.recorded_at for side in sides])
    found = []
    for side in sides:
        row, move = side.row, moves.get(side.row.recorded_at)
        reversible = row.reverses_id is None and row.id not in taken_back
        about = (move.actor, move.reason) if move else (None, None)
        found.append(Use(row.id, side.kind, side.number, side.part, side.parts, row.amount_minor, row.effective, row.recorded_at, row.reverses_id, reversible, *about))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Join:
    """An allocation between its two documents; `taken_back` when a later one reverses it or it reverses one itself.

    `discount` is what early payment took off with it, in minor units.
    """

    id: int
    invoice: str
    part: int
    parts: int
    kind: str
    number: str
    currency: str
    amount: int
    effective: date
    recorded_at: datetime
    taken_back: bool
    discount: int


def allocation(view: View, scope: Scope, allocation_id: int) -> Join:
    """One allocation; NotFound when missing or outside the scope."""
    found = listings.find_allocation(view.session, scope, allocation_id)
    if found is None:
        raise NotFound("allocation", allocation_id)
    row, item, origin = found
    others = listings.load_credit_allocations(view.session, scope, origin.id)
    taken_back = row.reverses_id is not None or any(other.reverses_id == row.id for other, _ in others)
    granted = granted_by(view.session, row.id)
    sides = (row.id, item.document_no, item.part, item.parts, origin.kind, origin.number, item.currency)
    return Join(*sides, row.amount_minor, row.effective, row.recorded_at, taken_back, granted.amount_minor if granted else 0)


def _credit_page(view: View, scope: Scope, row: Credit, uses: tuple[Use, ...]) -> CreditPage:
    return CreditPage(
        kind=row.kind,
        number=row.number,
        customer=_owner(view, scope, row.customer_id),
        currency=row.currency,
        day=row.day,
        recorded_at=row.recorded_at,
        amount=row.amount_minor,
        open=row.open_minor,
        prepaid=row.prepaid_minor,
        order_no=row.order_no,
        released_on=row.released_on,
        payer=row.payer,
        adjustment_id=row.adjustment_id,
        earned_by=_earned_by(view, scope, row),
        voided_on=row.voided_on,
        voided_at=row.voided_at,
        method=row.method,
        reference=row.bank_reference,
        reason=row.reason,
        version=row.version,
        line_id=row.line_id,
        source=_source(view, row.import_id),
        uses=uses,
        changes=_changes(view, row.kind, row.number),
    )


def _about(view: View, scope: Scope, item_id: int | None) -> str | None:
    """The number of the document that an item is about, where the scope sees it."""
    found = load_items(view.session, scope, [item_id]).get(item_id) if item_id is not None else None
    return found.document_no if found else None


def _source(view: View, import_id: int | None) -> Source | None:
    """The import that brought a document of that `import_id`."""
    run = find_run(view.session, import_id) if import_id is not None else None
    return Source(run.id, run.file_name, run.by, run.undone_by, run.undo_reason) if run else None


def _earned_by(view: View, scope: Scope, row: Credit) -> str | None:
    """The number of the receipt that earned a discount, where the scope sees it."""
    found = listings.find_allocation(view.session, scope, row.earned_by) if row.earned_by is not None else None
    return found[2].number if found else None


def _owner(view: View, scope: Scope, customer_id: int) -> Owner:
    row = load_customers(view.session, scope, [customer_id])[customer_id]
    return Owner(row.id, row.customer_no, row.name)


def _changes(view: View, kind: str, number: str) -> tuple[Change, ...]:
    """What the audit log says of the document, in order; only asked for a document the scope sees."""
    notes: list[Audit] = load_notes(view.session, kind, number)
    return tuple(Change(note.at, note.actor, note.action, note.before, note.after, note.reason) for note in reversed(notes))


def _history(first: str, at: datetime, day: date, amount: int, uses: tuple[Use, ...], changes: tuple[Change, ...], source: Source | None) -> list[Step]:
    """The first entry, then allocations and changes by the instant they were recorded.

    Applying and taking back are told once, by the allocations themselves; what an import brought is told by its person.
    """
    told: list[tuple[datetime, int, Use | None, Change | None]] = [(use.recorded_at, use.id, use, None) for use in uses]
    told += [(change.at, 0, None, change) for change in changes if change.action not in ("apply", "unapply", first)]
    rest = amount
    brought = Change(at, source.by, first, None, None, None) if source else None
    steps = [Step(at, day, first, amount, rest, None, next((change for change in changes if change.action == first), brought))]
    for recorded, _, use, change in sorted(told, key=lambda entry: entry[:2]):
        if use is not None:
            rest -= use.amount
            what = "allocation" if use.reverses is None else "reversal"
            steps.append(Step(recorded, use.effective, what, -use.amount, rest, use))
        elif change is not None:
            rest = 0 if change.action == "void" else rest
            steps.append(Step(recorded, None, change.action, None, rest, None, change))
    return steps


def _undone(source: Source | None, day: date | None, at: datetime | None, steps: list[Step]) -> list[Step]:
    """The last line of what was voided with the whole of its import, which leaves no note of each document."""
    if source is None or source.undone_by is None or day is None or at is None or any(step.what == "void" for step in steps):
        return []
    return [Step(at, day, "void", None, 0, None, Change(at, source.undone_by, "void", None, None, source.undo_reason))]
