"""Import through the service, against ready tuples put into the same tables with the same indexes and constraints in one transaction."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa

from collect.domain.rights import SYSTEM
from collect.runtime import Runtime
from collect.services import imports
from collect.storage import database
from collect.storage.cash import Allocation, Credit
from collect.storage.ledger import DayTotal, Line
from collect.storage.receivables import Item


def run(make: Callable[[], Runtime], files: dict[str, Path], runs: int) -> None:
    """Print seconds, rows and the ratio of the bare insert to the whole import (goal: at least 0.5)."""
    runtime = make()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    took, worked = {}, {}
    for kind in ("customers", "invoices", "payments"):
        begun, busy = time.perf_counter(), time.process_time()
        result = imports.run(runtime, SYSTEM, kind, files[kind], files[kind].name, imports.Options())
        took[kind], worked[kind] = time.perf_counter() - begun, time.process_time() - busy
        assert result.refused == 0, [error.refusal for error in result.errors[:3]]
        print(f"  import {kind:10} {took[kind]:8.2f} s  {worked[kind]:8.2f} s of this processor  {result.rows:>9,} rows", flush=True)
    begun = time.perf_counter()
    again = imports.run(runtime, SYSTEM, "invoices", files["invoices"], "invoices.csv", imports.Options())
    print(f"  the same again       {time.perf_counter() - begun:8.2f} s  {again.unchanged:>9,} unchanged invoices")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    tables = [Item, Credit, Allocation, Line, DayTotal]
    ready = {}
    with runtime.engine.connect() as connection:
        for table in tables:
            ready[table] = [tuple(row) for row in connection.execute(sa.select(table.__table__))]
        parents = {name: [tuple(row) for row in connection.execute(sa.text(f"SELECT * FROM {name}"))] for name in ("customer",)}
    bare = make()
    with bare.engine.connect() as connection:
        seller = connection.execute(sa.text("SELECT id FROM seller")).scalar_one()
    with runtime.engine.connect() as connection:
        assert seller == connection.execute(sa.text("SELECT id FROM seller")).scalar_one()
    imports.run(bare, SYSTEM, "customers", files["customers"], "customers.csv", imports.Options())
    with bare.engine.connect() as connection:
        moved = dict(zip((row[0] for row in parents["customer"]), connection.execute(sa.text("SELECT id FROM customer ORDER BY id")).scalars(), strict=True))
    begun, busy = time.perf_counter(), time.process_time()
    with database.writing(bare.engine) as session:
        count = 0
        for table in tables:
            names = [column.name for column in table.__table__.columns]
            at = names.index("customer_id") if "customer_id" in names else None
            rows = ready[table]
            if at is not None and any(old != new for old, new in moved.items()):
                rows = [(*row[:at], moved[row[at]], *row[at + 1 :]) for row in rows]
            count += database.bulk(session, table.__table__, names, rows)
    base, effort = time.perf_counter() - begun, time.process_time() - busy
    whole = took["invoices"] + took["payments"]
    print(f"  bare tuples          {base:8.2f} s  {effort:8.2f} s of this processor  {count:>9,} rows in {len(tables)} tables")
    if runtime.engine.dialect.name == "sqlite":  # on PostgreSQL most of the work is the server's
        print(f"  ratio by processor   {effort / (worked['invoices'] + worked['payments']):8.2f}")
    print(f"  ratio bare/import    {base / whole:8.2f}    (goal ≥ 0.50)   memory grew by {(peak - before) / 1024:.0f} MB")
