"""Closing a month of the books and opening it again, on record (S9)."""

from __future__ import annotations

import re

from collect.domain import ledger
from collect.domain.errors import Refusal
from collect.domain.rights import Permission
from collect.runtime import Work
from collect.storage import audit
from collect.storage.database import next_ids
from collect.storage.ledger import MonthClose, load_closed_months

_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")


def close(work: Work, month: str, reason: str | None = None) -> None:
    """From now on no entry may be effective in the month (`2026-02`); Refusal `month_not_over` before its end, `bad_month`."""
    _change(work, month, True, reason)


def reopen(work: Work, month: str, reason: str | None) -> None:
    """Entries may be effective in the month again; a reason is needed (Refusal `missing_reason`)."""
    if not (reason or "").strip():
        raise Refusal("missing_reason", "reason")
    _change(work, month, False, reason)


def _change(work: Work, month: str, closed: bool, reason: str | None) -> None:
    work.actor.need(Permission.CLOSE_MONTH)
    if not _MONTH.fullmatch(month):
        raise Refusal("bad_month", "month", value=month)
    if closed and month >= ledger.month_of(work.today):
        raise Refusal("month_not_over", "month", month=month)
    if (month in load_closed_months(work.session)) == closed:
        raise Refusal("month_already_closed" if closed else "month_already_open", "month", month=month)
    work.session.add(
        MonthClose(
            id=next_ids(work.session, 1)[0],
            seller_id=work.seller.id,
            month=month,
            closed=closed,
            by=work.actor.name,
            reason=(reason or "").strip()[:200] or None,
            recorded_at=work.now,
        )
    )
    work.note(audit.Note("close" if closed else "reopen", "month", month, after={"closed": closed}, reason=reason))
