"""Which months of the books are closed, and who closed or opened them again when and why (S9)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from collect.runtime import View
from collect.storage import listings
from collect.storage.ledger import load_closed_months


@dataclass(frozen=True, slots=True)
class Entry:
    """One closing or opening again; `current` is true for the latest entry of its month."""

    month: str
    closed: bool
    by: str
    reason: str | None
    recorded_at: datetime
    current: bool


def closed(view: View) -> list[str]:
    """The closed months (`2026-02`), the latest first."""
    return sorted(load_closed_months(view.session), reverse=True)


def history(view: View) -> list[Entry]:
    """Every closing and opening, the last recorded first; months are the same for everybody, so there is no scope."""
    found: list[Entry] = []
    told: set[str] = set()
    for row in listings.load_month_entries(view.session):
        found.append(Entry(row.month, row.closed, row.by, row.reason, row.recorded_at, row.month not in told))
        told.add(row.month)
    return found
