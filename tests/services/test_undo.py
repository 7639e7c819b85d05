"""Undoing a whole import: dated entries, what stands in the way, and the books proven afterwards; on both engines."""

from __future__ import annotations

from datetime import date

import pytest
import sqlalchemy as sa

from collect.domain.errors import Forbidden, NotFound, Refusal
from collect.domain.rights import ALL, SYSTEM, Actor, Role
from collect.runtime import Runtime
from collect.services import cases, cash, invoices, undo, verify
from collect.storage.imports import ImportRun
from tests.conftest import FixedClock
from tests.taking_in import counts, take_in

# Today is 2026-03-10 in Shanghai.
CUSTOMERS = "customer_no,name,terms\nC1,甲,NET30\nC2,乙,30/50@ACCEPTANCE+60/50@ACCEPTANCE\n"
INVOICES = """invoice_no,customer_no,issue_date,due_date,currency,amount
A1,C1,2026-01-05,2026-02-04,CNY,100.00
A2,C1,2026-02-01,2026-03-03,CNY,50.00
A3,C2,2026-02-20,,CNY,30.00
A4,C1,2026-04-01,2026-05-01,CNY,7.00
"""
# 120.00 come in on 2 March: 100.00 settle A1, 15.00 of A3 (both its parts, 15.00 each, oldest first), 5.00 stay unapplied;
# 7.00 paid ahead for A4, which is dated 1 April: that allocation counts from then.
PAYMENTS = """payment_ref,customer_no,date,currency,amount,invoice_no,allocated
R1,C1,2026-03-02,CNY,105.00,A1,100.00
R2,C2,2026-03-02,CNY,15.00,A3,15.00
R3,C1,2026-03-05,CNY,7.00,A4,7.00
"""


def fill(runtime: Runtime) -> tuple[int, int]:
    """The three files; the ids of the imports of invoices and of payments."""
    take_in(runtime, "customers", CUSTOMERS)
    owed, paid = take_in(runtime, "invoices", INVOICES), take_in(runtime, "payments", PAYMENTS)
    assert counts(owed) == (4, 0, 0, 0) and counts(paid) == (3, 0, 0, 0), (owed.errors, paid.errors)
    return owed.run_id or 0, paid.run_id or 0


def reverse(runtime: Runtime, run_id: int, reason: str = "wrong file") -> undo.Undone:
    return runtime.write(SYSTEM, lambda work: undo.undo(work, run_id, reason))


def rows(runtime: Runtime, text: str) -> list[tuple[object, ...]]:
    with runtime.read(SYSTEM) as view:
        return [tuple(row) for row in view.session.execute(sa.text(text))]


def in_the_way(runtime: Runtime, run_id: int) -> list[tuple[str, object]]:
    with runtime.read(SYSTEM) as view:
        run = view.session.get_one(ImportRun, run_id)
        return [(refusal.code, refusal.params.get("numbers")) for refusal in undo.obstacles(view.session, run)]


OPEN = "SELECT document_no, part, open_minor FROM item ORDER BY document_no, part"


def test_payments_then_invoices_are_turned_round_and_the_books_are_proven(runtime: Runtime) -> None:
    owed, paid = fill(runtime)
    assert rows(runtime, OPEN) == [("A1", 1, 0), ("A2", 1, 5000), ("A3", 1, 0), ("A3", 2, 1500), ("A4", 1, 0)]
    assert in_the_way(runtime, owed) == [("undo_settled", ("A1", "A3", "A4"))]
    with pytest.raises(Refusal, match="undo_settled"):
        reverse(runtime, owed)
    # R1, R2 and R3 with the allocations to A1, A3 (its first part) and A4
    assert reverse(runtime, paid) == undo.Undone(items=0, credits=3, allocations=3)
    assert rows(runtime, OPEN) == [("A1", 1, 10000), ("A2", 1, 5000), ("A3", 1, 1500), ("A3", 2, 1500), ("A4", 1, 700)]
    assert rows(runtime, "SELECT count(*) FROM item WHERE closed_on IS NOT NULL") == [(0,)]
    assert rows(runtime, "SELECT number, open_minor FROM credit WHERE voided_at IS NOT NULL ORDER BY number") == [("R1", 0), ("R2", 0), ("R3", 0)]
    assert verify.verify(runtime) == []
    # A3 is two items
    assert reverse(runtime, owed) == undo.Undone(items=5, credits=0, allocations=0)
    assert {row[2] for row in rows(runtime, OPEN)} == {0}
    with runtime.read(SYSTEM) as view:
        run = view.session.get_one(ImportRun, owed)
        assert (run.undone_by, run.undo_reason, run.undone_at is not None) == ("system", "wrong file", True)
        voided = view.session.execute(sa.text("SELECT document_no, voided_on FROM item WHERE part = 1 ORDER BY document_no")).all()
    # from today on; A4 is dated 1 April and is void from then
    days = [int(str(day).replace("-", "")) for _number, day in voided]
    assert days == [20260310, 20260310, 20260310, 20260401]
    assert verify.verify(runtime) == []
    assert rows(runtime, "SELECT action, kind, reason FROM audit WHERE action = 'undo_import' ORDER BY seq") == [
        ("undo_import", "payments", "wrong file"),
        ("undo_import", "invoices", "wrong file"),
    ]


def test_the_numbers_stay_taken_and_an_import_is_undone_once(runtime: Runtime) -> None:
    owed, paid = fill(runtime)
    reverse(runtime, paid)
    assert in_the_way(runtime, paid) == [("import_undone", None)]
    with pytest.raises(Refusal, match="import_undone"):
        reverse(runtime, paid)
    again = take_in(runtime, "payments", PAYMENTS)
    assert counts(again) == (0, 0, 0, 3) and {error.refusal.code for error in again.errors} == {"document_void"}
    renamed = take_in(runtime, "payments", PAYMENTS.replace("R1", "R1b").replace("R2", "R2b").replace("R3", "R3b"))
    assert counts(renamed) == (3, 0, 0, 0)
    assert in_the_way(runtime, owed) == [("undo_settled", ("A1", "A3", "A4"))]
    assert verify.verify(runtime) == []


def test_what_came_later_stands_in_the_way_until_it_is_taken_back(runtime: Runtime, clock: FixedClock) -> None:
    _owed, paid = fill(runtime)
    clock.set("2026-03-11T02:00:00")
    # the 5.00 of R1 that were left
    runtime.write(SYSTEM, lambda work: cash.apply(work, "receipt", "R1", "A2", 500))
    assert in_the_way(runtime, paid) == [("undo_applied", ("R1",))]
    (later,) = rows(runtime, "SELECT max(id) FROM allocation")
    runtime.write(SYSTEM, lambda work: cash.unapply(work, int(str(later[0])), "mistake"))
    assert in_the_way(runtime, paid) == []
    # an allocation of the file that was taken back by hand before is not reversed twice
    (first,) = rows(runtime, "SELECT min(id) FROM allocation")
    runtime.write(SYSTEM, lambda work: cash.unapply(work, int(str(first[0])), "mistake"))
    assert reverse(runtime, paid) == undo.Undone(items=0, credits=3, allocations=2)
    assert verify.verify(runtime) == []


def test_claims_disputes_and_promises_stand_in_the_way(sqlite_runtime: Runtime) -> None:
    runtime = sqlite_runtime
    take_in(runtime, "customers", CUSTOMERS)
    owed = take_in(runtime, "invoices", INVOICES).run_id or 0
    assert in_the_way(runtime, owed) == []
    day = date(2026, 3, 10)
    runtime.write(SYSTEM, lambda work: invoices.issue(work, "C1", invoices.Bill("F1", day, "CNY", 100, "fee", due=day, about="A1")))
    key = runtime.write(SYSTEM, lambda work: cases.raise_dispute(work, "A2", 1000, "price"))
    runtime.write(SYSTEM, lambda work: cases.promise(work, "C1", cases.PromiseDraft(15000, "CNY", date(2026, 3, 12))))
    assert key and in_the_way(runtime, owed) == [("undo_claimed", ("A1",)), ("undo_disputed", ("A2",)), ("undo_promised", ("C1",))]
    with pytest.raises(Refusal, match="undo_claimed"):
        reverse(runtime, owed)
    assert verify.verify(runtime) == []


def test_what_cannot_be_undone_says_so(sqlite_runtime: Runtime) -> None:
    runtime = sqlite_runtime
    people = take_in(runtime, "customers", CUSTOMERS).run_id or 0
    owed = take_in(runtime, "invoices", INVOICES).run_id or 0
    again = take_in(runtime, "invoices", INVOICES).run_id or 0
    changed = take_in(runtime, "invoices", "invoice_no,customer_no,issue_date,due_date,amount,po_no\nA1,C1,2026-01-05,2026-02-04,100.00,PO-1\n").run_id or 0
    assert in_the_way(runtime, people) == [("import_no_undo", None)]
    assert in_the_way(runtime, again) == [("import_nothing_to_undo", None)]
    assert in_the_way(runtime, changed) == [("import_changed_known", None)]
    with pytest.raises(Refusal, match="missing_reason"):
        reverse(runtime, owed, "  ")
    with pytest.raises(NotFound):
        reverse(runtime, 999_999)
    manager = Actor("ming", 7, Role.MANAGER, ALL)
    with pytest.raises(Forbidden):
        runtime.write(manager, lambda work: undo.undo(work, owed, "no right"))
    assert rows(runtime, "SELECT count(*) FROM item WHERE voided_on IS NOT NULL") == [(0,)]
