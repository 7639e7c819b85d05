"""Every way money settles, on both engines: for an order, for a company of the group, and taken back to the exact state (S5, S9, S13, S15)."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
import sqlalchemy as sa

from collect.domain.aging import parse_edges
from collect.domain.errors import Refusal
from collect.domain.rights import SYSTEM
from collect.reports import aging
from collect.runtime import Runtime
from collect.services import cash, receipts, verify
from collect.services.receipts import Receipt
from collect.storage.cases import load_received
from collect.storage.cash import Allocation, Credit
from collect.storage.customers import find_customer
from collect.storage.receivables import Item
from tests.conftest import FixedClock
from tests.taking_in import take_in
from tests.tampering import findings_after

# Today is 10 March 2026. G is the head of C1 and C2; X is a stranger.
CUSTOMERS = "customer_no,name,currency,parent_no\nG,集团,CNY,\nC1,甲公司,CNY,G\nC2,乙公司,CNY,C1\nX,外人,CNY,\n"
# C1 owes A1 1,000.00 (order PO-7) and A2 500.00; C2 owes B1 300.00; X owes X1 70.00.
INVOICES = (
    "invoice_no,customer_no,issue_date,due_date,currency,amount,po_no\n"
    "A1,C1,2026-01-02,2026-02-01,CNY,1000.00,PO-7\nA2,C1,2026-01-02,2026-02-01,CNY,500.00,PO-8\n"
    "B1,C2,2026-01-02,2026-02-01,CNY,300.00,\nX1,X,2026-01-02,2026-02-01,CNY,70.00,\n"
)


@pytest.fixture
def books(runtime: Runtime, clock: FixedClock) -> Runtime:
    clock.set("2026-03-10T04:00:00")
    assert not take_in(runtime, "customers", CUSTOMERS).refused
    assert not take_in(runtime, "invoices", INVOICES).refused
    return runtime


def ident(runtime: Runtime, number: str) -> int:
    with runtime.read(SYSTEM) as view:
        found = find_customer(view.session, SYSTEM.scope, number)
        assert found is not None
        return found.id


def item(runtime: Runtime, number: str) -> Item:
    with runtime.read(SYSTEM) as view:
        return view.session.scalars(sa.select(Item).where(Item.document_no == number)).one()


def credit(runtime: Runtime, number: str) -> Credit:
    with runtime.read(SYSTEM) as view:
        return view.session.scalars(sa.select(Credit).where(Credit.number == number)).one()


def receive(runtime: Runtime, customer: str, number: str, amount: int, parts: dict[str, int] | None = None, order: str | None = None, day: date = date(2026, 3, 5)) -> None:
    wanted = Receipt(ident(runtime, customer), number, day, "CNY", amount, order_no=order)
    settles = [(item(runtime, name).id, minor) for name, minor in (parts or {}).items()]
    runtime.write(SYSTEM, lambda work: receipts.receive(work, wanted, settles) and None)


def total(runtime: Runtime, customer: str, as_of: str, known: str | None = None) -> tuple[str, str]:
    """What a customer owes in all and what of its money is unapplied, as the aging of a day shows it; it must tie out."""
    with runtime.read(SYSTEM) as view:
        known_at = aging_instant(known)
        told = aging.as_json(aging.build(view, SYSTEM.scope, aging.AgingOptions(date.fromisoformat(as_of), parse_edges("30,60"), customer=customer, known_at=known_at)))
    assert told["control"]["ties_out"]
    return (told["rows"][0]["total"], told["rows"][0]["unapplied"]) if told["rows"] else ("0.00", "0.00")


def aging_instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text).replace(tzinfo=UTC) if text else None


def test_a_prepayment_is_no_part_of_the_receivables_until_it_is_applied(books: Runtime, clock: FixedClock) -> None:
    """800.00 of 5 March for PO-7: C1 still owes 1,500.00, nothing unapplied. On 12 March 600.00 settle A1: 900.00.

    The remaining 200.00 are released on 20 March: unapplied -200.00, so 700.00 net; on the days before all stays as it was.
    """
    receive(books, "C1", "P-1", 80000, order="PO-7")
    assert total(books, "C1", "2026-03-10") == ("1500.00", "0.00")
    with pytest.raises(Refusal, match="prepayment_of_other_order"):
        books.write(SYSTEM, lambda work: cash.apply(work, "receipt", "P-1", "A2", 100))
    clock.set("2026-03-12T04:00:00")
    assert books.write(SYSTEM, lambda work: cash.apply(work, "receipt", "P-1", "A1", 60000)) == 60000
    assert (credit(books, "P-1").open_minor, credit(books, "P-1").prepaid_minor, item(books, "A1").open_minor) == (0, 20000, 40000)
    assert total(books, "C1", "2026-03-12") == ("900.00", "0.00")
    assert verify.verify(books) == []
    clock.set("2026-03-20T04:00:00")
    assert books.write(SYSTEM, lambda work: receipts.release(work, "P-1", "order cancelled")) == 20000
    for day, told in (("2026-03-04", ("1500.00", "0.00")), ("2026-03-11", ("1500.00", "0.00")), ("2026-03-19", ("900.00", "0.00")), ("2026-03-20", ("700.00", "-200.00"))):
        assert total(books, "C1", day) == told, day
    assert total(books, "C1", "2026-03-25", known="2026-03-15T00:00:00") == ("900.00", "0.00")
    with pytest.raises(Refusal, match="no_prepayment"):
        books.write(SYSTEM, lambda work: receipts.release(work, "P-1", "again"))
    with pytest.raises(Refusal, match="effective_too_early"):
        books.write(SYSTEM, lambda work: cash.apply(work, "receipt", "P-1", "A2", 100, date(2026, 3, 15)))
    assert books.write(SYSTEM, lambda work: cash.apply(work, "receipt", "P-1", "A2", None)) == 20000
    assert verify.verify(books) == []
    clock.set("2026-03-22T04:00:00")
    books.write(SYSTEM, lambda work: receipts.void(work, "receipt", "P-1", "returned by the bank"))
    assert (total(books, "C1", "2026-03-21"), total(books, "C1", "2026-03-22")) == (("700.00", "0.00"), ("1500.00", "0.00"))
    assert verify.verify(books) == []


def test_a_prepayment_voided_before_its_release_leaves_nothing(books: Runtime) -> None:
    """200.00 for PO-7, of which 150.00 settle A1 at once: 1,350.00; voided the same day: 1,500.00 again, nothing kept."""
    receive(books, "C1", "P-1", 20000, {"A1": 15000}, order="PO-7")
    assert total(books, "C1", "2026-03-10") == ("1350.00", "0.00")
    books.write(SYSTEM, lambda work: receipts.void(work, "receipt", "P-1", "wrong customer"))
    after = credit(books, "P-1")
    assert (after.open_minor, after.prepaid_minor, item(books, "A1").open_minor) == (0, 0, 100000)
    assert total(books, "C1", "2026-03-10") == ("1500.00", "0.00")
    assert verify.verify(books) == []


def test_one_receipt_settles_items_of_three_companies_of_the_group(books: Runtime, clock: FixedClock) -> None:
    """G pays 1,300.00: A1 1,000.00, B1 250.00 (a grandchild), 50.00 stay unapplied at G.

    C1 owes 500.00, C2 50.00, G has 50.00 to its credit; all customers together 500 + 50 + 70 - 50 = 570.00.
    """
    receive(books, "G", "P-1", 130000, {"A1": 100000, "B1": 25000})
    assert total(books, "G", "2026-03-10") == ("-50.00", "-50.00")
    assert (total(books, "C1", "2026-03-10"), total(books, "C2", "2026-03-10")) == (("500.00", "0.00"), ("50.00", "0.00"))
    assert total(books, "C1", "2026-03-04") == ("1500.00", "0.00")
    assert verify.verify(books) == []
    clock.set("2026-03-14T04:00:00")
    assert books.write(SYSTEM, lambda work: cash.apply(work, "receipt", "P-1", "B1", None)) == 5000
    assert total(books, "G", "2026-03-11") == ("-50.00", "-50.00")  # the control of an earlier day, by documents
    assert total(books, "C2", "2026-03-14") == ("0.00", "0.00")
    with pytest.raises(Refusal, match="invoice_of_other_customer"):
        receive(books, "G", "P-2", 7000, {"X1": 7000})
    books.write(SYSTEM, lambda work: receipts.void(work, "receipt", "P-1", "returned"))
    assert [total(books, name, "2026-03-14") for name in ("G", "C1", "C2")] == [("0.00", "0.00"), ("1500.00", "0.00"), ("300.00", "0.00")]
    assert total(books, "C2", "2026-03-13") == ("50.00", "0.00")
    assert verify.verify(books) == []


def test_a_file_pays_for_a_company_of_the_group_and_for_no_other(books: Runtime) -> None:
    rows = "payment_ref,customer_no,date,currency,amount,invoice_no,allocated\nP-1,C1,2026-03-05,CNY,400.00,B1,300.00\nP-2,C1,2026-03-05,CNY,70.00,X1,70.00\n"
    result = take_in(books, "payments", rows)
    assert [error.refusal.code for error in result.errors] == ["invoice_of_other_customer"]
    assert (item(books, "B1").open_minor, credit(books, "P-1").open_minor) == (0, 10000)
    assert (total(books, "C1", "2026-03-10"), total(books, "C1", "2026-03-04")) == (("1400.00", "-100.00"), ("1500.00", "0.00"))
    assert verify.verify(books) == []


def test_taking_an_allocation_back_restores_the_exact_state(books: Runtime, clock: FixedClock) -> None:
    """Whatever was open, closed or kept before the allocation is so again; only versions count up, and only entries are added."""
    receive(books, "G", "P-1", 100000, {"A2": 50000})
    receive(books, "C1", "P-2", 100000, order="PO-7")
    for number, invoice in (("P-1", "B1"), ("P-2", "A1")):
        state = (
            [(one.open_minor, one.closed_on) for one in (item(books, "A1"), item(books, "A2"), item(books, "B1"))],
            [(one.open_minor, one.prepaid_minor) for one in (credit(books, "P-1"), credit(books, "P-2"))],
        )
        before = [total(books, name, "2026-03-10") for name in ("G", "C1", "C2")]
        books.write(SYSTEM, lambda work, number=number, invoice=invoice: cash.apply(work, "receipt", number, invoice, None))
        assert [total(books, name, "2026-03-10") for name in ("G", "C1", "C2")] != before
        with books.read(SYSTEM) as view:
            latest = view.session.scalar(sa.select(sa.func.max(Allocation.id)))
        books.write(SYSTEM, lambda work, latest=latest: cash.unapply(work, latest, "mistake"))
        assert state == (
            [(one.open_minor, one.closed_on) for one in (item(books, "A1"), item(books, "A2"), item(books, "B1"))],
            [(one.open_minor, one.prepaid_minor) for one in (credit(books, "P-1"), credit(books, "P-2"))],
        )
        assert [total(books, name, "2026-03-10") for name in ("G", "C1", "C2")] == before
    assert verify.verify(books) == []


def test_money_for_an_order_keeps_no_promise_until_it_is_released(books: Runtime, clock: FixedClock) -> None:
    """What the judge of promises may count (S22): not the 100.00 kept for PO-7, not what was returned; the release counts it."""
    receive(books, "C1", "P-1", 10000, order="PO-7")
    receive(books, "C1", "P-2", 2000)
    receive(books, "C1", "P-3", 3000)
    books.write(SYSTEM, lambda work: receipts.void(work, "receipt", "P-3", "returned by the bank"))

    def counted() -> list[int]:
        with books.read(SYSTEM) as view:
            return [one.amount for own in load_received(view.session, SYSTEM.scope, [ident(books, "C1")], date(2026, 3, 1), view.today).values() for one in own]

    assert counted() == [2000]
    clock.set("2026-03-12T04:00:00")
    books.write(SYSTEM, lambda work: receipts.release(work, "P-1", "order cancelled") and None)
    assert counted() == [10000, 2000]


CHANGES = (
    ("UPDATE credit SET prepaid_minor = prepaid_minor - 100, open_minor = open_minor + 100 WHERE number = 'P-2'", "proof_credit"),
    ("UPDATE credit SET order_no = NULL WHERE number = 'P-2'", "proof_credit"),
    ("UPDATE allocation SET across = (1 = 0)", "proof_allocation"),
    ("UPDATE ledger_line SET unapplied = 0, contra = 0 WHERE event = 'transfer'", "proof_line"),
    ("UPDATE ledger_line SET account = 'bank' WHERE event = 'prepay'", "proof_line"),
    ("DELETE FROM ledger_line WHERE event = 'prepay'", "proof_sum"),
    ("DELETE FROM ledger_line WHERE event = 'transfer'", "proof_customer"),
    ("UPDATE day_total SET documents = documents + 1 WHERE receivable = 0 AND unapplied = 0", "proof_total"),
)


def test_a_change_behind_the_program_is_found(sqlite_runtime: Runtime, clock: FixedClock) -> None:
    clock.set("2026-03-10T04:00:00")
    take_in(sqlite_runtime, "customers", CUSTOMERS)
    take_in(sqlite_runtime, "invoices", INVOICES)
    receive(sqlite_runtime, "G", "P-1", 100000, {"A2": 50000})
    receive(sqlite_runtime, "C1", "P-2", 100000, order="PO-7")
    assert verify.verify(sqlite_runtime) == []
    for change, code in CHANGES:
        assert code in findings_after(sqlite_runtime, change), change
