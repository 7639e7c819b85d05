"""Who looked after a customer: the first assignment holds for the time before it, later ones from their day on (S9)."""

from __future__ import annotations

from datetime import UTC, date, datetime

from collect.domain.aging import Buckets
from collect.domain.rights import SYSTEM, Role, Scope
from collect.reports import aging
from collect.runtime import Runtime
from collect.services import users
from tests.conftest import PASSWORD, FixedClock
from tests.taking_in import take_in


def add_rep(runtime: Runtime, name: str) -> None:
    runtime.write(SYSTEM, lambda work: users.add(work, name, name, Role.REP, PASSWORD, email=None, lead=None, language=None))


def by_rep(runtime: Runtime, as_of: date, known_at: datetime | None = None) -> list[str]:
    with runtime.read(SYSTEM) as view:
        report = aging.build(view, Scope(None), aging.AgingOptions(as_of, Buckets((30,)), known_at, by="rep"))
    return [row.key for row in report.rows]


def test_books_taken_over_today_are_told_by_rep_for_last_year_too(sqlite_runtime: Runtime, clock: FixedClock) -> None:
    runtime = sqlite_runtime
    for name in ("rui", "lan"):
        add_rep(runtime, name)
    take_in(runtime, "customers", "customer_no,name,terms,rep\nC1,A,NET30,rui\n")
    take_in(runtime, "invoices", "invoice_no,customer_no,issue_date,amount\nA1,C1,2025-01-01,100\n")
    assert by_rep(runtime, date(2025, 6, 30)) == ["rui"]
    before = clock.set("2026-04-01T02:00:00")
    clock.set("2026-05-01T02:00:00")
    take_in(runtime, "customers", "customer_no,name,terms,rep\nC1,A,NET30,lan\n")
    assert by_rep(runtime, date(2026, 4, 30)) == ["rui"] and by_rep(runtime, date(2026, 5, 1)) == ["lan"]
    # Known before it was recorded, the change did not exist: that report stays as it was (S6).
    assert by_rep(runtime, date(2026, 5, 31), before) == ["rui"]
    assert by_rep(runtime, date(2026, 5, 31), datetime(2026, 5, 31, tzinfo=UTC)) == ["lan"]
