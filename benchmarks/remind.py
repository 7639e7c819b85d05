"""The reminder round over N open items of N/20 customers, against a plain Python loop that takes the same decisions from the same rows."""

from __future__ import annotations

import random
import resource
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from benchmarks.aging import median
from benchmarks.book import AS_OF
from collect import calendars
from collect.domain.rights import SYSTEM
from collect.runtime import Runtime, without_collection
from collect.services import dunning
from collect.storage import database
from collect.storage.customers import Customer
from collect.storage.receivables import Item

STEPS = ((30, "visit"), (14, "call"), (7, "overdue"), (0, "due"), (-3, "pre_due"))


def run(make: Callable[[], Runtime], files: dict[str, Path], runs: int) -> None:
    """Print the preview, the writing round and the same round again, each beside the plain loop."""
    with files["invoices"].open(encoding="utf-8") as file:
        documents = sum(1 for _ in file) - 1
    runtime = make()
    _fill(runtime, documents)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    plain = median(lambda: _plain(runtime), runs)
    print(f"  {documents:,} open items of {documents // 20:,} customers")
    print(f"  plain Python loop                {plain * 1000:9.1f} ms")
    with without_collection():
        took = median(lambda: dunning.remind(runtime, SYSTEM, AS_OF, preview=True), max(1, runs // 2))
    print(f"  decide and plan (preview)        {took * 1000:9.1f} ms   {took / plain:5.2f} × plain   (goal ≤ 10)")
    for name in ("the round, written", "the same round again"):
        begun = time.perf_counter()
        with without_collection():
            dunning.remind(runtime, SYSTEM, AS_OF, allow_many=True)
        took = time.perf_counter() - begun
        print(f"  {name:32} {took * 1000:9.1f} ms   {took / plain:5.2f} × plain")
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(f"  memory grew by                   {grown / 1000:9.1f} MB   (goal ≤ 250)")


def _fill(runtime: Runtime, documents: int) -> None:
    """Customers with an address, and open items from 30 days before to 900 days past their due date, straight into the tables."""
    rng = random.Random(11)
    customers = max(documents // 20, 1)

    def act(session: Any) -> None:
        now = datetime(2026, 1, 1, tzinfo=UTC)
        seller = session.execute(sa.text("SELECT id FROM seller")).scalar_one()
        ids = database.next_ids(session, customers)
        names = ("id", "customer_no", "name", "sort_key", "segment", "currency", "country", "email", "version", "recorded_at")
        rows = ((key, f"C{n:06d}", f"C{n:06d}", f"c{n:06d}", ("dealer", "hospital")[n % 2], "CNY", "CN", f"c{n}@buyer.example", 1, now) for n, key in enumerate(ids))
        database.bulk(session, Customer.__table__, names, rows)  # type: ignore[arg-type]
        amounts = ("amount_minor", "open_minor", "version", "recorded_at")
        columns = ("id", "seller_id", "customer_id", "document_no", "part", "parts", "kind", "issue_date", "due_date", "currency", *amounts)
        database.bulk(session, Item.__table__, columns, _items(rng, ids, database.next_ids(session, documents), seller, now))  # type: ignore[arg-type]

    database.transact(runtime.engine, act)
    with runtime.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("VACUUM ANALYZE" if runtime.engine.dialect.name == "postgresql" else "ANALYZE"))


def _items(rng: random.Random, customers: range, ids: range, seller: int, now: datetime) -> Iterator[tuple[Any, ...]]:
    days = [AS_OF + timedelta(days=30 - n) for n in range(931)]
    for n, key in enumerate(ids):
        due = days[int(930 * rng.random() ** 3)]
        cents = int(rng.lognormvariate(11, 1.2)) + 2
        yield (key, seller, customers[n % len(customers)], f"INV{n:08d}", 1, 1, "invoice", due - timedelta(days=30), due, "CNY", cents, cents, 1, now)


def _plain(runtime: Runtime) -> dict[int, tuple[str, date, int, int]]:
    """What somebody would write in an afternoon: one ordered query, one loop; customer to step, morning, amount and items."""
    connection = runtime.engine.raw_connection()
    holidays = calendars.load("CN").holidays
    morning = AS_OF
    while morning.weekday() not in (1, 2, 3) or morning in holidays:
        morning += timedelta(days=1)
    found: dict[int, tuple[str, date, int, int]] = {}
    native = runtime.engine.dialect.name == "postgresql"
    try:
        cursor = connection.cursor()
        columns = "customer_id, id, document_no, currency, issue_date, due_date, amount_minor, open_minor"
        cursor.execute(f"SELECT {columns} FROM item WHERE open_minor > 0 ORDER BY customer_id, due_date")
        current, oldest, amount, count = None, AS_OF, 0, 0
        for customer, _id, _number, _currency, _issued, due, _amount, rest in cursor:
            day = due if native else date(due // 10000, due // 100 % 100, due % 100)
            if customer != current:
                if current is not None:
                    _decide(found, current, oldest, morning, amount, count)
                current, oldest, amount, count = customer, day, 0, 0
            if day <= morning:
                amount += rest
                count += 1
        if current is not None:
            _decide(found, current, oldest, morning, amount, count)
    finally:
        connection.rollback()
        connection.close()
    return found


def _decide(found: dict[int, tuple[str, date, int, int]], customer: int, oldest: date, morning: date, amount: int, count: int) -> None:
    age = (AS_OF - oldest).days
    for days, step in STEPS:
        if age >= days:
            found[customer] = (step, morning, amount, count)
            return
