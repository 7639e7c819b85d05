"""A part of the aging to look at closer: one bucket, the customers of one rep or segment, in another order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from collect.domain.rights import Scope
from collect.exchange.spool import Spool
from collect.reports.aging import AgingReport, moment
from collect.reports.aging_rows import AgingRow, totals
from collect.reports.open_documents import OpenDocuments
from collect.runtime import View
from collect.storage import balances, listings
from collect.storage.customers import load_duties
from collect.storage.users import load_users

EXTRA_COLUMNS = ("provisional", "unapplied", "overdue", "total", "disputed", "promised", "in_paper")
"""What else than a bucket's name can be looked at closer or sorted by."""
WITHIN = ("rep", "collector", "segment", "group")
NOBODY = "-"
"""The key of customers without a rep, collector or segment."""


@dataclass(frozen=True, slots=True)
class Part:
    """Which rows: those with something in the column `bucket`, of the customers `members` (None: all), ordered by `sort`.

    `sort` is a column (largest first) or `-` and a column (smallest first); empty is the report's own order.
    """

    bucket: str = ""
    members: frozenset[str] | None = None
    sort: str = ""


def part_of(report: AgingReport, part: Part) -> AgingReport:
    """The part of a report, with totals of its own; a column that the report has not selects and sorts nothing."""
    rows: Sequence[AgingRow] = report.rows
    if isinstance(rows, OpenDocuments):
        chosen = rows.part(part.bucket, report.buckets.names, part.members, part.sort)
        return report if chosen is rows else replace(report, rows=chosen, totals=chosen.totals())
    pick, within = _column(report, part.bucket), part.members
    if pick or within is not None:
        rows = Spool(row for row in rows if (within is None or row.customer_no in within) and (pick is None or pick(row)))
    order = _column(report, part.sort.removeprefix("-"))
    if order:
        # Currencies are never compared with each other (S10): each is a block of its own.
        sign = 1 if part.sort.startswith("-") else -1
        rows = sorted(rows, key=lambda row: (row.currency, sign * order(row)))
    if rows is report.rows:
        return report
    return replace(report, rows=rows, totals=totals(rows, len(report.buckets.names)))


def _column(report: AgingReport, name: str) -> Callable[[AgingRow], int] | None:
    """The amount of a row in a column by its name; None when there is no such column."""
    if name in report.buckets.names:
        at = report.buckets.names.index(name)
        return lambda row: row.amounts[at]
    if name in EXTRA_COLUMNS:
        return lambda row: int(getattr(row, name))
    return None


def members(view: View, scope: Scope, kind: str, key: str, as_of: date, known_at: datetime | None = None) -> frozenset[str]:
    """The numbers of the customers that a row of the aging by rep, collector, segment or group stands for (`-`: nobody's)."""
    numbers = listings.load_numbers(view.session, scope)
    at = moment(view, as_of, known_at)
    if kind == "segment":
        wanted = "" if key == NOBODY else key
        segments = balances.load_segments(view.session, scope, at)
        return frozenset(number for each, (number, _) in numbers.items() if segments.get(each, "") == wanted)
    if kind == "group":
        tops = balances.load_tops(view.session, scope, at)
        return frozenset(number for each, (number, _) in numbers.items() if tops.get(each, (number, ""))[0] == key)
    duties = load_duties(view.session, scope, kind, as_of, known_at)
    people = {user.id: user.username for user in load_users(view.session)}
    return frozenset(number for each, (number, _) in numbers.items() if people.get(duties.get(each) or 0, NOBODY) == key)
