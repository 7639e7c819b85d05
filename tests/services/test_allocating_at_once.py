"""Two processes allocating at the same time, on both engines: never beyond the receipt, never beyond the item (S15)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import sqlalchemy as sa

from collect.domain.rights import SYSTEM
from collect.runtime import Runtime
from collect.services import verify
from tests.taking_in import take_in

ROOT = Path(__file__).resolve().parents[2]

# Allocates 3.00 at a time from one receipt to one invoice until it is refused, and prints how often it succeeded.
WORKER = """
import os, sys
os.environ.update(COLLECT_DATABASE_URL=sys.argv[1], COLLECT_DATA_DIR=sys.argv[2])
from collect import runtime, settings
from collect.domain.errors import Refusal
from collect.domain.rights import SYSTEM
from collect.services import cash
run = runtime.start(settings.load())
done = 0
print("ready", flush=True)
sys.stdin.readline()
while True:
    try:
        done += run.write(SYSTEM, lambda work: cash.apply(work, "receipt", sys.argv[3], sys.argv[4], 300))
    except Refusal as refusal:
        print(done, refusal.code, flush=True)
        break
"""


def race(runtime: Runtime, *pairs: tuple[str, str]) -> list[tuple[int, str]]:
    """Run one process a (receipt, invoice) pair, all let go together; minor units allocated and why each stopped."""
    url = runtime.engine.url.render_as_string(hide_password=False)
    command = [sys.executable, "-c", WORKER, url, str(runtime.settings.data_dir)]
    workers = [subprocess.Popen([*command, *pair], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) for pair in pairs]
    for worker in workers:
        assert worker.stdout is not None and worker.stdout.readline() == "ready\n"
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    told = [worker.communicate(timeout=120)[0].split() for worker in workers]
    return [(int(done), code) for done, code in told]


def test_two_receipts_reach_for_one_invoice(runtime: Runtime) -> None:
    """Two receipts of 80.00 and an invoice of 100.00, 3.00 at a time: 33 steps fit (99.00), never 34."""
    take_in(runtime, "customers", "customer_no,name\nC1,甲公司\n")
    take_in(runtime, "invoices", "invoice_no,customer_no,issue_date,due_date,amount\nI1,C1,2026-01-05,2026-02-05,100.00\n")
    take_in(runtime, "payments", "payment_ref,customer_no,date,amount\nP1,C1,2026-02-01,80.00\nP2,C1,2026-02-01,80.00\n")
    told = race(runtime, ("P1", "I1"), ("P2", "I1"))
    assert sum(done for done, _ in told) == 9900
    with runtime.read(SYSTEM) as view:
        assert view.session.execute(sa.text("SELECT open_minor FROM item")).scalar_one() == 100
        assert sorted(view.session.execute(sa.text("SELECT 8000 - open_minor FROM credit")).scalars()) == sorted(done for done, _ in told)
    assert {code for _, code in told} <= {"allocation_beyond_item", "allocation_beyond_receipt"}
    assert verify.verify(runtime) == []


def test_one_receipt_is_reached_for_by_two_invoices(runtime: Runtime) -> None:
    """A receipt of 80.00 and two invoices of 100.00: 26 steps of 3.00 fit (78.00), never 27."""
    take_in(runtime, "customers", "customer_no,name\nC1,甲公司\n")
    take_in(runtime, "invoices", "invoice_no,customer_no,issue_date,due_date,amount\nI1,C1,2026-01-05,2026-02-05,100.00\nI2,C1,2026-01-05,2026-02-05,100.00\n")
    take_in(runtime, "payments", "payment_ref,customer_no,date,amount\nP1,C1,2026-02-01,80.00\n")
    told = race(runtime, ("P1", "I1"), ("P1", "I2"))
    assert sum(done for done, _ in told) == 7800
    assert verify.verify(runtime) == []
