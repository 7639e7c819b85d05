"""Matching 10,000 bank lines against N open items of N/20 customers, and the same with everything that is sure applied."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from benchmarks.book import AS_OF
from collect.domain.rights import SYSTEM
from collect.runtime import Runtime, Work
from collect.services import imports, matching, verify
from collect.storage import database
from collect.storage.bank import BankAccount, BankLine, BankStatement
from collect.storage.customers import Customer
from collect.storage.receivables import Item

LINES = 10_000
GOAL = 20.0


def run(make: Callable[[], Runtime], files: dict[str, Path], runs: int) -> None:
    """Print seconds for proposing (goal: at most 20) and for applying, with what was proposed of each kind."""
    with files["invoices"].open(encoding="utf-8") as file:
        documents = sum(1 for _ in file) - 1
    runtime = make()
    imports.run(runtime, SYSTEM, "customers", files["customers"], "customers.csv", imports.Options())
    open_invoices = files["invoices"].with_name("open-invoices.csv")
    _write_open(open_invoices, documents)
    assert imports.run(runtime, SYSTEM, "invoices", open_invoices, "invoices.csv", imports.Options()).refused == 0
    runtime.write(SYSTEM, _add_lines)
    with runtime.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("VACUUM ANALYZE" if runtime.engine.dialect.name == "postgresql" else "ANALYZE"))
    print(f"  {LINES:,} bank lines, {documents:,} open items of {documents // 20:,} customers")
    for name in ("propose", "propose again"):
        begun = time.perf_counter()
        told = runtime.write(SYSTEM, matching.propose)
        took = time.perf_counter() - begun
        print(f"  {name:32} {took:9.2f} s   ({told.proposed:,} proposed, {told.unknown:,} unknown; goal ≤ {GOAL:.0f} s)", flush=True)
    with runtime.read(SYSTEM) as view:
        kinds = Counter((line.proposal or {}).get("kind", "-") for line in view.session.scalars(sa.select(BankLine)))
    print("  " + ", ".join(f"{kind} {count:,}" for kind, count in kinds.most_common()))
    begun = time.perf_counter()
    told = runtime.write(SYSTEM, matching.propose_and_apply)
    took = time.perf_counter() - begun
    print(f"  propose and apply                {took:9.2f} s   ({told.applied:,} applied, {took / max(told.applied, 1) * 1000:.2f} ms each)")
    begun = time.perf_counter()
    assert verify.verify(runtime) == []
    print(f"  (verified in                     {time.perf_counter() - begun:9.2f} s)")


def _write_open(path: Path, documents: int) -> None:
    """Open invoices, twenty a customer, with numbers of the usual shape."""
    rng = random.Random(5)
    customers = max(documents // 20, 10)
    with path.open("w", encoding="utf-8") as file:
        file.write("invoice_no,customer_no,issue_date,due_date,currency,amount\n")
        for n in range(documents):
            due = AS_OF - timedelta(days=rng.randrange(0, 900))
            cents = int(rng.lognormvariate(11, 1.2)) + 2
            file.write(f"INV-2026-{n:06d},C{n % customers:06d},{due - timedelta(days=30)},{due},CNY,{cents // 100}.{cents % 100:02d}\n")


def _add_lines(work: Work) -> None:
    """Lines of every kind: a third names its invoice, a third pays one item or a sum, the rest pays something, misspelt or unknown."""
    rng = random.Random(3)
    session = work.session
    account_id, statement_id, *ids = database.next_ids(session, LINES + 2)
    session.add(BankAccount(id=account_id, seller_id=work.seller.id, number="6222000011112222", name="Bank", currency="CNY", recorded_at=work.now))
    session.flush()
    told: dict[str, Any] = {"form": "csv", "lines": LINES, "fresh": LINES, "file_name": "b.csv", "file_hash": "0" * 64, "by": "system"}
    session.add(BankStatement(id=statement_id, account_id=account_id, recorded_at=work.now, **told))
    session.flush()
    names = {key: name for key, name in session.execute(sa.select(Customer.id, Customer.name))}  # noqa: C416
    items: dict[int, list[tuple[str, int]]] = {}
    for customer_id, number, amount in session.execute(sa.select(Item.customer_id, Item.document_no, Item.open_minor)):
        items.setdefault(customer_id, []).append((number, amount))
    owing = sorted(items)
    rows = []
    for n, key in enumerate(ids):
        customer_id = owing[rng.randrange(len(owing))]
        name, own = names[customer_id], items[customer_id]
        number, amount = own[rng.randrange(len(own))]
        payer: str = name
        text = "货款"
        if n % 3 == 0:
            text = f"付{number}货款" if n % 2 else f"payment of {number.replace('-', ' ')} thank you"
        elif n % 3 == 1:
            amount = amount if n % 2 else sum(part for _, part in rng.sample(own, 3))
        else:
            amount = rng.randrange(100, 10_000_000)
            payer = name if n % 4 else name.replace("医疗", "医药") if n % 8 else f"无名公司{n}"
        rows.append((key, account_id, statement_id, f"{n:064d}", 1, date(2026, 4, 1), amount, "CNY", payer, f"REF{n:08d}", text, False, "open", 1, work.now))
    columns = ("id", "account_id", "statement_id", "fingerprint", "ordinal", "day", "amount_minor", "currency", "payer", "reference", "narrative", "reversal", "state", "version")
    database.bulk(session, BankLine.__table__, (*columns, "recorded_at"), rows)  # type: ignore[arg-type]
