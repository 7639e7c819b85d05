"""Receipts one at a time: taken in, applied, and taken back, on both engines (S5, S6, S8, S15)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
import sqlalchemy as sa

from collect.domain.aging import parse_edges
from collect.domain.errors import NotFound, Refusal
from collect.domain.rights import SYSTEM, Actor, Role, Scope
from collect.reports import aging
from collect.runtime import Runtime
from collect.services import cash, months, receipts, verify
from collect.services.receipts import Receipt
from collect.storage.cash import Allocation, Credit
from collect.storage.customers import find_customer
from collect.storage.receivables import Item
from tests.conftest import FixedClock
from tests.taking_in import take_in

# Today is 10 March 2026. C1 owes I1 1,000.00 (due 1 February) and I2 500.00 (due 30 April); C2 owes J1 70.00.
CUSTOMERS = "customer_no,name,currency\nC1,甲公司,CNY\nC2,乙医院,CNY\n"
INVOICES = (
    "invoice_no,customer_no,issue_date,due_date,currency,amount\n"
    "I1,C1,2026-01-02,2026-02-01,CNY,1000.00\nI2,C1,2026-03-01,2026-04-30,CNY,500.00\nJ1,C2,2026-01-02,2026-02-01,CNY,70.00\n"
)


@pytest.fixture
def books(runtime: Runtime, clock: FixedClock) -> Runtime:
    clock.set("2026-03-10T04:00:00")
    assert not take_in(runtime, "customers", CUSTOMERS).refused
    assert not take_in(runtime, "invoices", INVOICES).refused
    return runtime


def draft(runtime: Runtime, customer: str = "C1", **more: object) -> Receipt:
    with runtime.read(SYSTEM) as view:
        found = find_customer(view.session, SYSTEM.scope, customer)
    assert found is not None
    return replace(Receipt(found.id, "R-1", date(2026, 3, 5), "CNY", 120000), **more)  # type: ignore[arg-type]


def items(runtime: Runtime) -> dict[str, Item]:
    with runtime.read(SYSTEM) as view:
        return {item.document_no: item for item in view.session.scalars(sa.select(Item))}


def total(runtime: Runtime, as_of: str) -> tuple[str, str]:
    """What C1 owes and what of its money is unapplied, as the aging of a day shows it."""
    with runtime.read(SYSTEM) as view:
        told = aging.as_json(aging.build(view, SYSTEM.scope, aging.AgingOptions(date.fromisoformat(as_of), parse_edges("30,60"), customer="C1")))
    assert told["control"]["ties_out"]
    return (told["rows"][0]["total"], told["rows"][0]["unapplied"]) if told["rows"] else ("0.00", "0.00")


def test_a_receipt_settles_its_parts_and_the_rest_stays_unapplied(books: Runtime) -> None:
    """1,200.00 of 5 March: 1,000.00 for I1 (settled that day), 50.00 for I2, so 150.00 stay.

    Owed in all 1,500.00 - 1,050.00 = 450.00, less 150.00 unapplied = 300.00; on 4 March still 1,500.00.
    """
    open_items = items(books)
    books.write(SYSTEM, lambda work: receipts.receive(work, draft(books, payer="甲公司"), [(open_items["I1"].id, 100000), (open_items["I2"].id, 5000)]))
    after = items(books)
    assert (after["I1"].open_minor, after["I1"].closed_on, after["I2"].open_minor) == (0, date(2026, 3, 5), 45000)
    assert total(books, "2026-03-10") == ("300.00", "-150.00")
    assert total(books, "2026-03-04") == ("1500.00", "0.00")
    assert verify.verify(books) == []


def test_taking_it_back_restores_what_was_open_and_leaves_the_past_alone(books: Runtime, clock: FixedClock) -> None:
    """Received 5 March, bounced on 12 March: on 11 March 450.00 net of 150.00, from 12 March on 1,500.00 again."""
    open_items = items(books)
    books.write(SYSTEM, lambda work: receipts.receive(work, draft(books), [(open_items["I1"].id, 100000), (open_items["I2"].id, 5000)]))
    clock.set("2026-03-12T04:00:00")
    books.write(SYSTEM, lambda work: receipts.void(work, "receipt", "R-1", "returned by the bank"))
    after = items(books)
    assert [(item.open_minor, item.closed_on) for item in (after["I1"], after["I2"])] == [(100000, None), (50000, None)]
    assert total(books, "2026-03-11") == ("300.00", "-150.00")
    assert total(books, "2026-03-12") == ("1500.00", "0.00")
    with books.read(SYSTEM) as view:
        assert view.session.scalar(sa.select(sa.func.count()).select_from(Allocation)) == 4
        assert view.session.scalar(sa.select(sa.func.sum(Allocation.amount_minor))) == 0
    assert verify.verify(books) == []
    with pytest.raises(Refusal, match="document_void"):
        books.write(SYSTEM, lambda work: receipts.void(work, "receipt", "R-1", "again"))
    assert verify.verify(books) == []


def test_what_was_entered_by_mistake_and_entered_anew_counts_once_on_every_day(books: Runtime, clock: FixedClock) -> None:
    """1,200.00 of 5 March voided as a mistake on 12 March and entered anew: 1,500.00 - 1,200.00 = 300.00 from 5 March on, as before.

    With March closed on 2 April a mistake counts from that day: what was closed stays.
    """
    books.write(SYSTEM, lambda work: receipts.receive(work, draft(books), [(items(books)["I1"].id, 100000)]))
    clock.set("2026-03-12T04:00:00")
    books.write(SYSTEM, lambda work: receipts.void(work, "receipt", "R-1", "wrong invoice", mistake=True))
    assert [total(books, day)[0] for day in ("2026-03-04", "2026-03-05", "2026-03-12")] == ["1500.00", "1500.00", "1500.00"]
    books.write(SYSTEM, lambda work: receipts.receive(work, draft(books, number="R-2"), [(items(books)["I2"].id, 50000)]))
    assert [total(books, day)[0] for day in ("2026-03-04", "2026-03-05", "2026-03-12")] == ["1500.00", "300.00", "300.00"]
    clock.set("2026-04-02T04:00:00")
    books.write(SYSTEM, lambda work: months.close(work, "2026-03"))
    books.write(SYSTEM, lambda work: receipts.void(work, "receipt", "R-2", "of somebody else", mistake=True))
    assert [total(books, day)[0] for day in ("2026-03-05", "2026-04-01", "2026-04-02")] == ["300.00", "300.00", "1500.00"]
    assert verify.verify(books) == []


def test_one_allocation_taken_back_leaves_the_other_and_can_be_followed_by_a_void(books: Runtime) -> None:
    open_items = items(books)
    books.write(SYSTEM, lambda work: receipts.receive(work, draft(books), [(open_items["I1"].id, 100000), (open_items["I2"].id, 5000)]))
    with books.read(SYSTEM) as view:
        first = view.session.scalars(sa.select(Allocation).order_by(Allocation.id)).first()
    assert first is not None
    books.write(SYSTEM, lambda work: cash.unapply(work, first.id, "wrong invoice"))
    books.write(SYSTEM, lambda work: receipts.void(work, "receipt", "R-1", "wrong customer"))
    assert total(books, "2026-03-10") == ("1500.00", "0.00")
    assert verify.verify(books) == []


@pytest.mark.parametrize(
    ("change", "parts", "code"),
    [
        ({"amount": 0}, [], "receipt_not_positive"),
        ({"day": date(2026, 3, 11)}, [], "receipt_in_future"),
        ({"amount": 99999}, [("I1", 100000)], "allocation_beyond_receipt"),
        ({"amount": 200000}, [("I1", 100001)], "allocation_beyond_item"),
        ({"amount": 200000}, [("I1", 60000), ("I1", 50000)], "allocation_beyond_item"),
        ({"currency": "EUR"}, [("I1", 100)], "invoice_in_other_currency"),
        ({}, [("J1", 100)], "invoice_of_other_customer"),
        ({"amount": 2**63 - 1}, [], "books_full"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_is_stored(sqlite_runtime: Runtime, clock: FixedClock, change: dict[str, object], parts: list[tuple[str, int]], code: str) -> None:
    clock.set("2026-03-10T04:00:00")
    take_in(sqlite_runtime, "customers", CUSTOMERS)
    take_in(sqlite_runtime, "invoices", INVOICES)
    take_in(sqlite_runtime, "payments", "payment_ref,customer_no,date,currency,amount\nR-0,C2,2026-03-01,CNY,0.07\n")
    known = items(sqlite_runtime)
    with pytest.raises(Refusal) as told:
        sqlite_runtime.write(SYSTEM, lambda work: receipts.receive(work, draft(sqlite_runtime, **change), [(known[number].id, amount) for number, amount in parts]))
    assert told.value.code == code
    with sqlite_runtime.read(SYSTEM) as view:
        assert view.session.scalars(sa.select(Credit.number)).all() == ["R-0"]


def test_rights_numbers_and_closed_months(books: Runtime, clock: FixedClock) -> None:
    books.write(SYSTEM, lambda work: receipts.receive(work, draft(books), []))
    with pytest.raises(Refusal, match="receipt_number_taken"):
        books.write(SYSTEM, lambda work: receipts.receive(work, draft(books, "C2"), []))
    rep = Actor("rui", 1, Role.REP, Scope(frozenset({1})))
    with pytest.raises(Refusal, match="allocate"):
        books.write(rep, lambda work: receipts.receive(work, draft(books, number="R-2"), []))
    stranger = Actor("fang", 2, Role.FINANCE, Scope(frozenset({2})))
    with pytest.raises(NotFound):
        books.write(stranger, lambda work: receipts.receive(work, draft(books, number="R-2"), []))
    with pytest.raises(NotFound):
        books.write(stranger, lambda work: receipts.void(work, "receipt", "R-1", "x"))
    with pytest.raises(Refusal, match="missing_reason"):
        books.write(SYSTEM, lambda work: receipts.void(work, "receipt", "R-1", " "))
    books.write(SYSTEM, lambda work: months.close(work, "2026-02"))
    with pytest.raises(Refusal, match="month_closed"):
        books.write(SYSTEM, lambda work: receipts.receive(work, draft(books, number="R-3", day=date(2026, 2, 27)), []))
    assert verify.verify(books) == []
