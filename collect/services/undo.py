"""Undoing a whole import: what it brought is turned round by entries effective today, while nothing stands on it (S5)."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from collect.domain import ledger
from collect.domain.errors import NotFound, Refusal
from collect.domain.rights import Permission
from collect.runtime import Work
from collect.services import cash, deliveries
from collect.services.new_rows import LINE, line_row
from collect.storage import audit, undoing
from collect.storage.cash import Allocation
from collect.storage.database import bulk, next_ids
from collect.storage.imports import ImportRun
from collect.storage.ledger import Line, load_closed_months

KINDS = ("invoices", "credits", "payments", "deliveries")
"""What is booked or counts can be turned round. A customer or a contact is no entry: it is corrected, never taken back."""


@dataclass(frozen=True, slots=True)
class Undone:
    """What an undo turned round: items (an instalment each), receipts and credits, the allocations they had made, and deliveries."""

    items: int
    credits: int
    allocations: int
    deliveries: int = 0


def obstacles(session: Session, run: ImportRun) -> list[Refusal]:
    """Why the import cannot be undone now: every reason, each naming the first documents; empty when it can."""
    if run.undone_at is not None:
        return [Refusal("import_undone", None, id=run.id)]
    if run.kind not in KINDS:
        return [Refusal("import_no_undo", None, id=run.id)]
    if run.changed:
        return [Refusal("import_changed_known", None, count=run.changed)]
    if not any((*undoing.count_documents(session, run), undoing.count_deliveries(session, run))):
        return [Refusal("import_nothing_to_undo", None, id=run.id)]
    return [Refusal(code, None, count=found.total, numbers=_first(found)) for code, found in undoing.load_dependents(session, run)]


def _first(found: undoing.Depends) -> tuple[str, ...]:
    """The first numbers, and a sign that there are more."""
    return (*found.numbers, "…") if found.total > len(found.numbers) else tuple(found.numbers)


def undo(work: Work, run_id: int, reason: str) -> Undone:
    """Turn round everything an import booked, in this one transaction: allocations taken back, then its documents voided.

    Every entry is effective today (or on the day a document itself counts from, where that lies ahead); earlier days
    stay as they were, nothing is deleted, and the numbers stay taken. Its deliveries are cancelled. Refused, with nothing changed: `missing_reason`,
    every one of `obstacles`, a closed month; NotFound for an import that does not exist.
    """
    work.actor.need(Permission.IMPORT)
    work.actor.need(Permission.ALLOCATE)
    run = work.session.scalars(sa.select(ImportRun).where(ImportRun.id == run_id).with_for_update()).first()
    if run is None:
        raise NotFound("import", run_id)
    told = reason.strip()[:400]
    if not told:
        raise Refusal("missing_reason", "reason")
    for refusal in obstacles(work.session, run):
        raise refusal
    entries = _Entries(work, load_closed_months(work.session))
    allocations = _take_back(work, run, entries)
    items = _void_items(work, run, entries)
    credits = _void_credits(work, run, entries)
    ended = undoing.cancel_deliveries(work.session, run, work.today, work.now, told)
    run.undone_at, run.undone_by, run.undo_reason = work.now, work.actor.name, told
    counts = {"items": items, "credits": credits, "allocations": allocations, "deliveries": ended}
    work.note(audit.Note("undo_import", run.kind, str(run.id), after=counts | {"file": run.file_name}, reason=told))
    return Undone(**counts)


class _Entries:
    """Journal lines of an undo: each on an open day, with its effect on the day's totals, written page by page."""

    def __init__(self, work: Work, closed: frozenset[str]) -> None:
        self.work = work
        self.closed = closed
        self.rows: list[tuple[Any, ...]] = []

    def post(self, line: ledger.Line, customer_id: int, currency: str, item: int | None, credit: int | None, allocation: int | None, documents: int = 0) -> None:
        """Take one line; `documents` is its effect on items less credits, in minor units."""
        ledger.check_open(line.day, self.closed, "reason")
        self.rows.append(line_row(self.work, line, 0, customer_id, currency, item, credit, allocation))
        self.work.total(currency, line.day, line.receivable, line.unapplied, documents)

    def write(self) -> None:
        """Write what was taken so far."""
        at = LINE.index("id")
        ids = next_ids(self.work.session, len(self.rows))
        bulk(self.work.session, Line.__table__, LINE, [(*row[:at], key, *row[at + 1 :]) for key, row in zip(ids, self.rows, strict=True)])  # type: ignore[arg-type]
        self.rows = []


def _later(today: date, day: date) -> date:
    return max(today, day)


def _take_back(work: Work, run: ImportRun, entries: _Entries) -> int:
    """Reverse the allocations that the import made: each by a row and a line of its own."""
    count = 0
    for page in undoing.load_allocations(work.session, run):
        ids = next_ids(work.session, len(page))
        rows: list[tuple[Any, ...]] = []
        back: dict[int, int] = defaultdict(int)
        for key, row in zip(ids, page, strict=True):
            day = _later(work.today, row.effective)
            rows.append((key, row.credit_id, row.item_id, -row.amount_minor, day, row.id, False, work.now))
            back[row.item_id] += row.amount_minor
            history = cash.due_history(work, row.customer_id, row.item_id, row.trigger, row.due_date)
            for line in ledger.allocate(day, history, row.issue_date, -row.amount_minor):
                entries.post(line, row.customer_id, row.currency, row.item_id, row.credit_id, key)
        names = ("id", "credit_id", "item_id", "amount_minor", "effective", "reverses_id", "across", "recorded_at")
        bulk(work.session, Allocation.__table__, names, rows)  # type: ignore[arg-type]
        undoing.give_back(work.session, back)
        entries.write()
        count += len(page)
    return count


def _void_items(work: Work, run: ImportRun, entries: _Entries) -> int:
    """Turn the issue of every item round."""
    count = 0
    for page in undoing.load_items(work.session, run):
        for row in page:
            line = ledger.void(_later(work.today, row.issue_date), row.due_date, row.issue_date, row.amount_minor, row.kind)
            entries.post(line, row.customer_id, row.currency, row.id, None, None, -row.amount_minor)
        entries.write()
        count += len(page)
    deliveries.reopen(work, undoing.load_numbers(work.session, run))
    undoing.void_items(work.session, run, work.today, work.now)
    return count


def _void_credits(work: Work, run: ImportRun, entries: _Entries) -> int:
    """Turn every receipt and credit round."""
    count = 0
    for page in undoing.load_credits(work.session, run):
        for row in page:
            line = ledger.receive(row.kind, _later(work.today, row.day), -row.amount_minor)._replace(event="void")
            entries.post(line, row.customer_id, row.currency, None, row.id, None, row.amount_minor)
        entries.write()
        count += len(page)
    undoing.void_credits(work.session, run, work.today, work.now)
    return count
