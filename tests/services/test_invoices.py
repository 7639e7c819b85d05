"""Documents one at a time: issued by terms, credited, voided, on both engines (S4, S5, S14)."""

from __future__ import annotations

from datetime import date

import pytest
import sqlalchemy as sa

from collect.domain.errors import NotFound, Refusal
from collect.domain.rights import SYSTEM, Actor, Role, Scope
from collect.runtime import Runtime
from collect.services import cash, invoices, verify
from collect.services.invoices import Bill
from collect.storage.cash import Allocation, Credit
from collect.storage.receivables import Item
from tests.conftest import FixedClock
from tests.taking_in import take_in

CUSTOMERS = "customer_no,name,currency,terms\nC1,甲公司,CNY,30/50+60/50\nC2,乙医院,CNY,\n"


@pytest.fixture
def books(runtime: Runtime, clock: FixedClock) -> Runtime:
    clock.set("2026-03-10T04:00:00")
    assert not take_in(runtime, "customers", CUSTOMERS).refused
    return runtime


def bill(number: str = "N1", **more: object) -> Bill:
    told: dict[str, object] = {"issued": date(2026, 3, 1), "currency": "CNY", "amount": 10001} | more
    return Bill(number, **told)  # type: ignore[arg-type]


def rows(runtime: Runtime) -> list[tuple[object, ...]]:
    with runtime.read(SYSTEM) as view:
        found = view.session.scalars(sa.select(Item).order_by(Item.document_no, Item.part))
        return [(item.document_no, item.part, item.kind, item.due_date, item.open_minor, item.voided_on) for item in found]


def test_the_customers_terms_make_the_instalments(books: Runtime) -> None:
    """100.01 in halves: 50.01 due 31 March (1 March + 30), 50.00 due 30 April (+ 60)."""
    books.write(SYSTEM, lambda work: invoices.issue(work, "C1", bill()) and None)
    assert rows(books) == [("N1", 1, "invoice", date(2026, 3, 31), 5001, None), ("N1", 2, "invoice", date(2026, 4, 30), 5000, None)]
    assert verify.verify(books) == []


def test_interest_is_an_item_of_its_own_about_an_invoice(books: Runtime) -> None:
    books.write(SYSTEM, lambda work: invoices.issue(work, "C1", bill(due=date(2026, 3, 5))) and None)
    books.write(SYSTEM, lambda work: invoices.issue(work, "C1", bill("V1", amount=37, kind="interest", issued=date(2026, 3, 10), due=date(2026, 3, 10), about="N1")) and None)
    with books.read(SYSTEM) as view:
        about = {row.document_no: row.about_id for row in view.session.execute(sa.select(Item.document_no, Item.about_id))}
        first = view.session.scalar(sa.select(Item.id).where(Item.document_no == "N1"))
    assert about == {"N1": None, "V1": first}
    assert verify.verify(books) == []


def test_a_credit_is_applied_and_then_cannot_be_voided_and_an_untouched_invoice_can(books: Runtime) -> None:
    books.write(SYSTEM, lambda work: invoices.issue(work, "C2", bill(due=date(2026, 3, 5))) and None)
    books.write(SYSTEM, lambda work: invoices.issue(work, "C2", bill("N2", due=date(2026, 3, 5))) and None)
    books.write(SYSTEM, lambda work: invoices.credit(work, "C2", "G1", date(2026, 3, 9), "CNY", 2000, "退货") and None)
    books.write(SYSTEM, lambda work: cash.apply(work, "credit_note", "G1", "N1", None) and None)
    books.write(SYSTEM, lambda work: invoices.void(work, "invoice", "N2", "written twice"))
    assert rows(books) == [("N1", 1, "invoice", date(2026, 3, 5), 8001, None), ("N2", 1, "invoice", date(2026, 3, 5), 0, date(2026, 3, 10))]
    for kind, number in (("credit_note", "G1"), ("invoice", "N1")):
        with pytest.raises(Refusal, match="document_settled"):
            books.write(SYSTEM, lambda work, kind=kind, number=number: invoices.void(work, kind, number, "no"))  # type: ignore[misc]
    with pytest.raises(Refusal, match="document_void"):
        books.write(SYSTEM, lambda work: invoices.void(work, "invoice", "N2", "again"))
    assert verify.verify(books) == []


@pytest.mark.parametrize(
    ("customer", "change", "code"),
    [
        ("C1", {"amount": 0}, "invoice_not_positive"),
        ("C1", {"due": date(2026, 2, 28)}, "due_before_issue"),
        ("C2", {}, "no_due_date"),
        ("C2", {"terms": "soon"}, "bad_terms"),
        ("C1", {"about": "N9"}, "about_unknown"),
        ("C1", {"number": "OLD"}, "document_number_taken"),
        ("C1", {"number": "CRED"}, "document_number_taken"),
        ("C1", {"number": ""}, "document_number_missing"),
        ("C1", {"amount": 2**63 - 1}, "books_full"),
    ],
)
def test_what_cannot_be_issued_is_refused_and_nothing_is_stored(sqlite_runtime: Runtime, clock: FixedClock, customer: str, change: dict[str, object], code: str) -> None:
    clock.set("2026-03-10T04:00:00")
    take_in(sqlite_runtime, "customers", CUSTOMERS)
    sqlite_runtime.write(SYSTEM, lambda work: invoices.issue(work, "C2", bill("OLD", due=date(2026, 3, 5))) and None)
    sqlite_runtime.write(SYSTEM, lambda work: invoices.credit(work, "C2", "CRED", date(2026, 3, 9), "CNY", 1, "x") and None)
    number = str(change.pop("number", "N1")) if "number" in change else "N1"
    with pytest.raises(Refusal) as told:
        sqlite_runtime.write(SYSTEM, lambda work: invoices.issue(work, customer, bill(number, **change)) and None)
    assert told.value.code == code
    assert [row[0] for row in rows(sqlite_runtime)] == ["OLD"]


def test_only_finance_writes_documents_and_only_for_customers_it_sees(sqlite_runtime: Runtime, clock: FixedClock) -> None:
    clock.set("2026-03-10T04:00:00")
    take_in(sqlite_runtime, "customers", CUSTOMERS)
    rep = Actor("rui", 1, Role.REP, Scope(None))
    with pytest.raises(Refusal, match="allocate"):
        sqlite_runtime.write(rep, lambda work: invoices.issue(work, "C1", bill()) and None)
    blind = Actor("fang", 2, Role.FINANCE, Scope(frozenset({2})))
    with pytest.raises(NotFound):
        sqlite_runtime.write(blind, lambda work: invoices.issue(work, "C1", bill()) and None)
    with pytest.raises(Refusal, match="missing_reason"):
        sqlite_runtime.write(SYSTEM, lambda work: invoices.credit(work, "C1", "G1", date(2026, 3, 9), "CNY", 1, " ") and None)


def test_a_credit_note_settles_the_invoice_it_names(books: Runtime) -> None:
    """100.01 in 50.01 and 50.00: of 60.00 credited the first half takes 50.01, the second 9.99; of 50.00 more 40.01 fit, 9.99 stay unapplied."""
    books.write(SYSTEM, lambda work: invoices.issue(work, "C1", bill()) and None)
    books.write(SYSTEM, lambda work: invoices.credit(work, "C1", "G1", date(2026, 2, 27), "CNY", 6000, "退货", "N1") and None)
    assert [row[4] for row in rows(books)] == [0, 4001]
    books.write(SYSTEM, lambda work: invoices.credit(work, "C1", "G2", date(2026, 3, 9), "CNY", 5000, "退货", "N1") and None)
    assert [row[4] for row in rows(books)] == [0, 0]
    with books.read(SYSTEM) as view:
        left = {number: rest for number, rest in view.session.execute(sa.select(Credit.number, Credit.open_minor))}  # noqa: C416
        days = set(view.session.scalars(sa.select(Allocation.effective)))
    # the first counts from the invoice's day, which is the later of the two, the second from its own
    assert left == {"G1": 0, "G2": 999} and days == {date(2026, 3, 1), date(2026, 3, 9)}
    with pytest.raises(Refusal, match="unknown_invoice_here"):
        books.write(SYSTEM, lambda work: invoices.credit(work, "C2", "G3", date(2026, 3, 9), "CNY", 100, "退货", "N1") and None)
    assert verify.verify(books) == []
