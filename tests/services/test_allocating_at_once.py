"""Two processes allocating at the same time, on both engines: never beyond the receipt, never beyond the item (S15)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import sqlalchemy as sa

from collect.domain.rights import SYSTEM
from collect.runtime import Runtime
from collect.services import adjustments, verify
from collect.services.adjustments import Ask
from collect.storage.users import User
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
    told = [line.split() for line in together(WORKER, *([url, str(runtime.settings.data_dir), *pair] for pair in pairs))]
    return [(int(done), code) for done, code in told]


def together(program: str, *arguments: list[str]) -> list[str]:
    """Run a program once for each list of arguments, all let go together; what each printed at its end."""
    workers = [subprocess.Popen([sys.executable, "-c", program, *own], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) for own in arguments]
    for worker in workers:
        assert worker.stdout is not None and worker.stdout.readline() == "ready\n"
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    return [worker.communicate(timeout=120)[0] for worker in workers]


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


# Takes money in, takes it back, applies and decides, again and again, and prints the codes of what was refused.
BUSY = """
import os, sys
from datetime import date, datetime
os.environ.update(COLLECT_DATABASE_URL=sys.argv[1], COLLECT_DATA_DIR=sys.argv[2])
from collect import runtime, settings
from collect.domain.errors import Refusal
from collect.domain.rights import ALL, SYSTEM, Actor, Role
from collect.services import adjustments, cash, receipts
from collect.services.receipts import Receipt
name, me = sys.argv[3], Actor(sys.argv[3], int(sys.argv[4]), Role.MANAGER, ALL)
customer, item, *asked = map(int, sys.argv[5:-1])
run = runtime.start(settings.load(), lambda: datetime.fromisoformat(sys.argv[-1]))
def take(n):
    return lambda work: receipts.receive(work, Receipt(customer, f"{name}-{n}", date(2026, 2, 1), "CNY", 500), [(item, 300)]) and None
acts = []
for n in range(6):
    acts += [(SYSTEM, take(n)), (SYSTEM, lambda work: cash.apply(work, "receipt", "P1", "I1", 300))]
    acts += [(me, lambda work, key=key: adjustments.approve(work, key, 1) and None) for key in asked]
    acts += [(SYSTEM, lambda work, n=n: receipts.void(work, "receipt", f"{name}-{n}", "returned"))] if n % 2 else []
print("ready", flush=True)
sys.stdin.readline()
told = set()
for actor, act in acts:
    try:
        run.write(actor, act)
    except Refusal as refusal:
        told.add(refusal.code)
print(*sorted(told), flush=True)
"""


def test_taking_in_taking_back_refunding_and_writing_off_at_once(runtime: Runtime) -> None:
    """I1 of 100.00 and P1 of 80.00. Two processes each take in six receipts of 5.00 (3.00 for I1), take three of them back,
    apply 3.00 of P1 six times, and approve a write-off of 20.00 and a refund of 30.00.

    Nothing runs out (20 + 6·3 + 12·3 = 74.00 of I1 at most 92.00; 30 + 36 = 66.00 of P1), so all of it is done once:
    I1 stays open with 100 - 20 - 6·3 - 36 = 26.00, P1 with 80 - 30 - 36 = 14.00. The slower approval finds it decided.
    """
    take_in(runtime, "customers", "customer_no,name\nC1,甲公司\n")
    take_in(runtime, "invoices", "invoice_no,customer_no,issue_date,due_date,amount\nI1,C1,2026-01-05,2026-02-05,100.00\n")
    take_in(runtime, "payments", "payment_ref,customer_no,date,amount\nP1,C1,2026-02-01,80.00\n")
    with runtime.read(SYSTEM) as view:
        customer, item, credit = (view.session.execute(sa.text(f"SELECT id FROM {table}")).scalar_one() for table in ("customer", "item", "credit"))
    people = [User(id=place, username=name, name=name, role="manager", password_hash="-", recorded_at=runtime.clock()) for place, name in ((50, "mei"), (51, "ning"))]
    runtime.write(SYSTEM, lambda work: work.session.add_all(people))
    asks = (Ask("write_off", ((item, 2000),), "other", "small"), Ask("refund", ((credit, 3000),), "overpaid", "paid twice"))
    asked = [runtime.write(SYSTEM, lambda work, ask=ask: adjustments.request(work, "C1", ask).id) for ask in asks]
    url = runtime.engine.url.render_as_string(hide_password=False)
    told = together(
        BUSY,
        *(
            [url, str(runtime.settings.data_dir), name, str(key), str(customer), str(item), *map(str, asked), runtime.clock().isoformat()]
            for name, key in (("mei", 50), ("ning", 51))
        ),
    )
    assert set(" ".join(told).split()) == {"adjustment_decided"}
    with runtime.read(SYSTEM) as view:
        assert view.session.execute(sa.text("SELECT open_minor FROM item WHERE document_no = 'I1'")).scalar_one() == 2600
        assert view.session.execute(sa.text("SELECT open_minor FROM credit WHERE number = 'P1'")).scalar_one() == 1400
        assert view.session.execute(sa.text("SELECT kind, amount_minor FROM credit WHERE kind = 'write_off'")).all() == [("write_off", 2000)]
        assert view.session.execute(sa.text("SELECT amount_minor FROM item WHERE kind = 'refund'")).scalars().all() == [3000]
    assert verify.verify(runtime) == []
