"""Delivered and not invoiced, on both engines: taken in, counted against the limit, ended by the invoice or cancelled (S4, S26, S28)."""

from __future__ import annotations

from datetime import date

import pytest
import sqlalchemy as sa

from collect.domain.errors import Forbidden, NotFound, Refusal
from collect.domain.rights import ALL, SYSTEM, Actor, Role, Scope
from collect.runtime import Runtime
from collect.services import deliveries, escalation, invoices, undo, verify
from collect.services.deliveries import Draft
from collect.services.invoices import Bill
from collect.storage.audit import Audit
from collect.storage.deliveries import Delivery, find_delivery, load_deliveries, load_exposure
from collect.storage.imports import ImportRun
from collect.storage.ledger import Line
from tests.conftest import FixedClock
from tests.taking_in import counts, take_in
from tests.tampering import findings_after

# Today is 10 March 2026. C1 has a limit of 1,000.00 and owes 600.00; C2 settles each delivery before the next.
CUSTOMERS = "customer_no,name,terms,credit_limit,currency\nC1,Alder,NET30,1000.00,CNY\nC2,Birch,PREVIOUS,,CNY\n"
INVOICES = "invoice_no,customer_no,issue_date,due_date,currency,amount\nA1,C1,2026-03-01,2026-03-31,CNY,600.00\n"
HEAD = "delivery_no,customer_no,delivered_on,currency,amount,order_no,invoice_no\n"
# D1 and D2 are of one order and day, D3 of another day, D4 names an invoice that is still to come, D5 is in euros.
DELIVERIES = (
    HEAD + "D1,C1,2026-03-05,CNY,100.00,PO-1,\nD2,C1,2026-03-05,CNY,50.00,PO-1,\nD3,C1,2026-03-06,,30.00,PO-1,\nD4,C1,2026-03-07,CNY,20.00,,A9\nD5,C1,2026-03-07,EUR,7.00,,\n"
)


@pytest.fixture
def books(runtime: Runtime, clock: FixedClock) -> Runtime:
    return fill(runtime, clock)


@pytest.fixture
def small(sqlite_runtime: Runtime, clock: FixedClock) -> Runtime:
    return fill(sqlite_runtime, clock)


def fill(runtime: Runtime, clock: FixedClock) -> Runtime:
    clock.set("2026-03-10T04:00:00")
    for kind, text in (("customers", CUSTOMERS), ("invoices", INVOICES)):
        assert not take_in(runtime, kind, text).refused
    return runtime


def states(runtime: Runtime) -> dict[str, tuple[str | None, str | None]]:
    """Each delivery's end and its invoice."""
    with runtime.read(SYSTEM) as view:
        return {row.delivery_no: (row.ended, row.invoice_no) for row in view.session.scalars(sa.select(Delivery).order_by(Delivery.id))}


def exposure(runtime: Runtime, scope: Scope = ALL) -> list[tuple[str, int, int, date]]:
    with runtime.read(SYSTEM) as view:
        key = view.session.scalar(sa.text("SELECT id FROM customer WHERE customer_no = 'C1'"))
        return [tuple(one) for one in load_exposure(view.session, scope, int(key or 0))]


def ask(runtime: Runtime, customer_no: str, amount: str | None = None, order_no: str | None = None) -> str:
    told = escalation.answer(runtime, SYSTEM, customer_no, amount, order_no)
    return " ".join([f"{told.answer}:", *told.reasons]) if told.reasons else told.answer


def test_a_file_of_deliveries_is_exposure_and_no_receivable(books: Runtime) -> None:
    """200.00 CNY in four deliveries since 5 March, 7.00 EUR in one; the journal has A1's line alone; the file again changes nothing."""
    assert counts(take_in(books, "deliveries", DELIVERIES)) == (5, 0, 0, 0)
    assert exposure(books) == [("CNY", 20_000, 4, date(2026, 3, 5)), ("EUR", 700, 1, date(2026, 3, 7))]
    with books.read(SYSTEM) as view:
        assert view.session.scalar(sa.select(sa.func.count()).select_from(Line)) == 1
    assert counts(take_in(books, "deliveries", DELIVERIES)) == (0, 0, 5, 0)
    assert verify.verify(books) == []


def test_it_counts_against_the_limit(books: Runtime) -> None:
    """1,000.00 less 600.00 open and 200.00 delivered: 200.00 are left, to the cent. PO-7, answered yes for 150.00, is delivered: counted once."""
    take_in(books, "deliveries", DELIVERIES)
    assert [ask(books, "C1", amount) for amount in ("200", "200.01")] == ["yes", "no: credit_limit"]
    assert ask(books, "C1", "150", "PO-7") == "yes"
    assert [ask(books, "C1", amount) for amount in ("50", "50.01")] == ["yes", "no: credit_limit"]
    take_in(books, "deliveries", HEAD + "D7,C1,2026-03-10,CNY,150.00,PO-7,\n")
    assert [ask(books, "C1", amount) for amount in ("50", "50.01")] == ["yes", "no: credit_limit"]


def test_an_earlier_delivery_without_an_invoice_stands_in_the_way_of_the_next(books: Runtime) -> None:
    """Previous-delivery terms (P27): the batch of PO-1 is not paid, whether or not it is invoiced; PO-1 itself may be asked about again."""
    assert ask(books, "C2", "10", "PO-2") == "yes"
    take_in(books, "deliveries", HEAD + "E1,C2,2026-03-10,CNY,10.00,PO-2,\n")
    assert ask(books, "C2", "10", "PO-2") == "yes"
    assert ask(books, "C2", "10", "PO-3") == "no: previous_delivery_open"


NEW = "invoice_no,customer_no,issue_date,due_date,currency,amount,po_no,delivered_on,delivery_no\n"


@pytest.mark.parametrize(
    ("row", "ended"),
    [
        ("B1,C1,2026-03-08,2026-04-07,CNY,150.00,PO-1,2026-03-05,", ["D1", "D2"]),  # the order and the day
        ("B1,C1,2026-03-08,2026-04-07,CNY,150.00,PO-1,2026-03-05,D3", ["D3"]),  # the number, and no other
        ('B1,C1,2026-03-08,2026-04-07,CNY,150.00,,,"D1，D3"', ["D1", "D3"]),
        ("B1,C1,2026-03-08,2026-04-07,CNY,150.00,PO-1,,", []),  # the order alone says not which
        ("A9,C1,2026-03-08,2026-04-07,CNY,20.00,,,", ["D4"]),  # the delivery names it
        ("B1,C2,2026-03-08,2026-04-07,CNY,150.00,PO-1,2026-03-05,D1", []),  # another customer's
    ],
)
def test_the_invoice_takes_the_place_of_what_it_is_about(small: Runtime, row: str, ended: list[str]) -> None:
    take_in(small, "deliveries", DELIVERIES)
    assert counts(take_in(small, "invoices", NEW + row + "\n")) == (1, 0, 0, 0)
    assert [number for number, (how, _) in states(small).items() if how == "invoiced"] == ended
    assert verify.verify(small) == []


def test_invoiced_voided_and_invoiced_again(books: Runtime) -> None:
    """B1 takes the place of D1 and D2; void, they count again; so they do when the import that brought their invoice is undone."""
    take_in(books, "deliveries", DELIVERIES)
    take_in(books, "invoices", NEW + "B1,C1,2026-03-08,2026-04-07,CNY,150.00,PO-1,2026-03-05,\n")
    assert exposure(books)[0][:3] == ("CNY", 5_000, 2)
    books.write(SYSTEM, lambda work: invoices.void(work, "invoice", "B1", "wrong price"))
    assert exposure(books)[0][:3] == ("CNY", 20_000, 4)
    bill = Bill("B2", date(2026, 3, 9), "CNY", 15_000, delivery_nos=("D1", "D2"))
    books.write(SYSTEM, lambda work: invoices.issue(work, "C1", bill) and None)
    assert states(books)["D1"] == ("invoiced", "B2") and exposure(books)[0][:3] == ("CNY", 5_000, 2)
    take_in(books, "invoices", NEW + "B3,C1,2026-03-08,2026-04-07,CNY,30.00,,,D3\n")
    assert states(books)["D3"] == ("invoiced", "B3")
    with books.read(SYSTEM) as view:
        run = view.session.scalars(sa.select(ImportRun.id).order_by(ImportRun.id.desc())).first() or 0
    books.write(SYSTEM, lambda work: undo.undo(work, run, "wrong file") and None)
    assert states(books)["D3"] == (None, None)
    assert verify.verify(books) == []


def test_an_import_of_deliveries_is_undone_while_nothing_took_its_place(books: Runtime) -> None:
    """D4 becomes A9: that stands in the way until A9 is void. Undone nothing is delivered, and no number comes again."""
    run = take_in(books, "deliveries", DELIVERIES).run_id or 0
    take_in(books, "invoices", NEW + "A9,C1,2026-03-08,2026-04-07,CNY,20.00,,,\n")
    with pytest.raises(Refusal) as refused:
        books.write(SYSTEM, lambda work: undo.undo(work, run, "wrong file") and None)
    assert (refused.value.code, refused.value.params["numbers"]) == ("undo_invoiced", ("D4",))
    books.write(SYSTEM, lambda work: invoices.void(work, "invoice", "A9", "wrong price"))
    assert books.write(SYSTEM, lambda work: undo.undo(work, run, "wrong file")).deliveries == 5
    assert exposure(books) == [] and {how for how, _ in states(books).values()} == {"cancelled"}
    assert counts(take_in(books, "deliveries", DELIVERIES)) == (0, 0, 0, 5)
    with pytest.raises(Refusal, match="import_undone"):
        books.write(SYSTEM, lambda work: undo.undo(work, run, "again") and None)
    assert verify.verify(books) == []


def test_deliveries_that_found_their_invoice_go_with_their_import(small: Runtime) -> None:
    """D6 belongs to A1, which was there before: nothing stands on D6. Voiding A1 afterwards brings nothing back."""
    run = take_in(small, "deliveries", HEAD + "D6,C1,2026-03-01,CNY,600.00,,A1\nD8,C1,2026-03-01,CNY,1.00,,\n").run_id or 0
    assert small.write(SYSTEM, lambda work: undo.undo(work, run, "wrong file")).deliveries == 2
    small.write(SYSTEM, lambda work: invoices.void(work, "invoice", "A1", "wrong price"))
    assert exposure(small) == [] and verify.verify(small) == []


def test_a_delivery_that_comes_in_after_its_invoice(books: Runtime) -> None:
    """By its invoice's number, by order and day, and by a later file that names the invoice (A1 is in the books)."""
    take_in(books, "invoices", NEW + "B1,C1,2026-03-08,2026-04-07,CNY,150.00,PO-1,2026-03-05,\n")
    late = HEAD + "D1,C1,2026-03-05,CNY,100.00,PO-1,\nD6,C1,2026-03-01,CNY,600.00,,A1\nD8,C1,2026-03-01,CNY,1.00,,\n"
    assert counts(take_in(books, "deliveries", late)) == (3, 0, 0, 0)
    assert states(books) == {"D1": ("invoiced", "B1"), "D6": ("invoiced", "A1"), "D8": (None, None)}
    assert counts(take_in(books, "deliveries", HEAD + "D8,C1,2026-03-01,CNY,1.00,,A1\n")) == (0, 1, 0, 0)
    assert states(books)["D8"] == ("invoiced", "A1")
    assert verify.verify(books) == []


def test_cancelled_with_a_reason_once(books: Runtime) -> None:
    take_in(books, "deliveries", DELIVERIES)
    with pytest.raises(Refusal, match="missing_reason"):
        books.write(SYSTEM, lambda work: deliveries.cancel(work, "D1", " "))
    books.write(SYSTEM, lambda work: deliveries.cancel(work, "D1", "came back"))
    with pytest.raises(Refusal, match="delivery_ended"):
        books.write(SYSTEM, lambda work: deliveries.cancel(work, "D1", "again"))
    assert exposure(books)[0][:3] == ("CNY", 10_000, 3)
    with books.read(SYSTEM) as view:
        row = view.session.scalars(sa.select(Delivery).where(Delivery.delivery_no == "D1")).one()
        assert (row.ended, row.ended_on, row.reason) == ("cancelled", date(2026, 3, 10), "came back")
        assert view.session.scalars(sa.select(Audit.action).where(Audit.kind == "delivery", Audit.key == "D1").order_by(Audit.seq)).all() == ["enter_delivery", "cancel_delivery"]
    assert verify.verify(books) == []


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ("D1,C1,2026-03-05,CNY,101.00,PO-1,", "delivery_differs"),
        ("D1,C2,2026-03-05,CNY,100.00,PO-1,", "delivery_differs"),
        ("D9,C1,2026-03-11,CNY,1.00,,", "delivery_in_future"),
        ("D9,C1,2026-03-05,CNY,0.00,,", "delivery_not_positive"),
        ("D9,C1,2026-03-05,CNY,-5.00,,", "delivery_not_positive"),
        ("D9,C77,2026-03-05,CNY,5.00,,", "unknown_customer"),
        (",C1,2026-03-05,CNY,5.00,,", "missing_value"),
    ],
)
def test_what_cannot_be_is_refused(small: Runtime, row: str, code: str) -> None:
    take_in(small, "deliveries", DELIVERIES)
    result = take_in(small, "deliveries", HEAD + row + "\n")
    assert (result.refused, result.errors[0].refusal.code) == (1, code)
    assert len(states(small)) == 5


def test_what_a_role_may_not_see_does_not_exist_for_it(small: Runtime) -> None:
    """A rep of other customers finds nothing and cancels nothing; an auditor enters nothing (S28)."""
    take_in(small, "deliveries", DELIVERIES)
    foreign = Scope(frozenset({77}))
    assert exposure(small, foreign) == []
    with small.read(SYSTEM) as view:
        key = view.session.scalar(sa.text("SELECT id FROM customer WHERE customer_no = 'C1'")) or 0
        assert load_deliveries(view.session, foreign, key, 9) == [] and find_delivery(view.session, foreign, "D1") is None
    with pytest.raises(NotFound):
        small.write(Actor("fin", 78, Role.FINANCE, foreign), lambda work: deliveries.cancel(work, "D1", "x"))
    with pytest.raises(Forbidden):
        draft = Draft("D9", date(2026, 3, 5), "CNY", 100)
        small.write(Actor("ann", 79, Role.AUDITOR, ALL), lambda work: deliveries.enter(work, "C1", draft) and None)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE delivery SET ended = 'cancelled' WHERE delivery_no = 'D2'",
        "UPDATE delivery SET invoice_no = 'nowhere' WHERE delivery_no = 'D3'",
        "UPDATE delivery SET ended_on = 20260301 WHERE delivery_no = 'D3'",
    ],
)
def test_a_wrong_end_is_found(small: Runtime, change: str) -> None:
    take_in(small, "deliveries", DELIVERIES)
    take_in(small, "invoices", NEW + "B3,C1,2026-03-08,2026-04-07,CNY,30.00,,,D3\n")
    assert findings_after(small, change) == {"proof_delivery"}
