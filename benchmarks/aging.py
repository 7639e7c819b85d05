"""The aging report through its service, against the bare scan of the same database: today, a past date, as known at an instant."""

from __future__ import annotations

import statistics
import time
import tracemalloc
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from benchmarks.book import AS_OF
from collect.domain.aging import Basis, Buckets
from collect.domain.rights import ALL, SYSTEM
from collect.reports import aging
from collect.runtime import Runtime
from collect.services import imports

EDGES = Buckets((30, 60, 90, 180, 365, 730, 1095))


def run(make: Callable[[], Runtime], files: dict[str, Path], runs: int) -> None:
    """Print each report's median and its ratio to the bare statement."""
    runtime = make()
    for kind in ("customers", "invoices", "payments"):
        imports.run(runtime, SYSTEM, kind, files[kind], files[kind].name, imports.Options())
    with runtime.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("VACUUM ANALYZE" if runtime.engine.dialect.name == "postgresql" else "ANALYZE"))
    past = AS_OF - timedelta(days=200)
    known = datetime.now(UTC)

    def report(as_of: date, known_at: datetime | None) -> Callable[[], object]:
        def act() -> object:
            with runtime.read(SYSTEM) as view:
                return aging.build(view, ALL, aging.AgingOptions(as_of, EDGES, known_at, Basis.DUE))

        return act

    scan = _bare(runtime, scan_statement(runtime, past))
    balances = _bare(
        runtime,
        "SELECT customer_id, currency, SUM(open_minor), " + _cases(runtime, "due_date", "open_minor", AS_OF) + " FROM item WHERE open_minor > 0 GROUP BY customer_id, currency",
    )
    for name, act, base, goal in (
        ("past date", report(past, None), scan, 1.5),
        ("past date, known at", report(past, known), scan, 2.0),
        ("today, known at (same path)", report(date.today() + timedelta(days=1), known), scan, 2.0),  # noqa: DTZ011
        # Nothing in the book is effective later than this day: the open balances are the answer, in the buckets of the bare read.
        ("today", report(AS_OF, None), balances, 1.7),
    ):
        bare, took = pair(base, act, runs)
        print(f"  {name:28} {took * 1000:9.1f} ms   bare {bare * 1000:9.1f} ms   {took / bare:5.2f} × bare   (goal ≤ {goal})", flush=True)
    tracemalloc.start()
    report(past, None)()
    print(f"  memory of one report             {tracemalloc.get_traced_memory()[1] / 1e6:9.1f} MB   (goal ≤ 150)")
    tracemalloc.stop()


def median(act: Callable[[], object], runs: int) -> float:
    """The median of several timed calls after one untimed."""
    act()
    times = []
    for _ in range(runs):
        begun = time.perf_counter()
        act()
        times.append(time.perf_counter() - begun)
    return statistics.median(times)


def pair(one: Callable[[], object], other: Callable[[], object], runs: int) -> tuple[float, float]:
    """The medians of two acts called in turn, so that what else the machine does weighs on both alike."""
    one(), other()
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(runs):
        for act, took in zip((one, other), times, strict=True):
            begun = time.perf_counter()
            act()
            took.append(time.perf_counter() - begun)
    return statistics.median(times[0]), statistics.median(times[1])


def _literal(runtime: Runtime, day: date) -> str:
    return f"DATE '{day.isoformat()}'" if runtime.engine.dialect.name == "postgresql" else day.strftime("%Y%m%d")


def _cases(runtime: Runtime, column: str, amount: str, as_of: date) -> str:
    return ", ".join(f"SUM(CASE WHEN {column} <= {_literal(runtime, start)} THEN {amount} ELSE 0 END)" for start in EDGES.starts(as_of))


def scan_statement(runtime: Runtime, as_of: date) -> str:
    cases = _cases(runtime, "due", "receivable", as_of)
    return f"SELECT customer_id, currency, SUM(receivable), {cases}, SUM(unapplied) FROM ledger_line WHERE day <= {_literal(runtime, as_of)} GROUP BY customer_id, currency"


def _bare(runtime: Runtime, statement: str) -> Callable[[], object]:
    def act() -> object:
        connection = runtime.engine.raw_connection()
        try:
            cursor = connection.cursor()
            cursor.execute(statement)
            return cursor.fetchall()
        finally:
            connection.rollback()
            connection.close()

    return act
