"""The supply answer: what it counts, what it reserves, that two orders at once cannot both pass, and how long it takes (S26)."""

from __future__ import annotations

import threading
import time
from datetime import date

import pytest
import sqlalchemy as sa

from collect.domain.aging import parse_edges
from collect.domain.errors import Forbidden, NotFound, Refusal
from collect.domain.rights import SYSTEM, Actor, Role, Scope
from collect.reports import aging
from collect.runtime import Runtime
from collect.services import cases, escalation, receipts, receivables, verify
from collect.storage.audit import Audit
from collect.storage.escalations import SupplyAnswer
from collect.storage.receivables import Item
from tests.conftest import FixedClock
from tests.taking_in import take_in

# C1: limit 1,000.00, owes 600.00 (one invoice in paper or not, all of it debt), 50.00 unapplied. C2 cash, C3 previous delivery, C4 no limit.
CUSTOMERS = """customer_no,name,terms,credit_limit,currency
C1,Alder,NET30,1000.00,CNY
C2,Birch,COD,,CNY
C3,Cedar,PREVIOUS,,CNY
C4,Doum,NET30,,JPY
"""
INVOICES = """invoice_no,customer_no,issue_date,due_date,currency,amount,po_no
A1,C1,2026-03-01,2026-03-31,CNY,600.00,
A2,C1,2026-03-01,2026-03-31,EUR,99999.00,
B1,C2,2026-03-10,2026-03-10,CNY,10.00,
D1,C4,2026-01-01,2026-01-31,JPY,5000,
"""
PAYMENTS = "payment_ref,customer_no,date,currency,amount,invoice_no\nP1,C1,2026-03-05,CNY,50.00,\n"


@pytest.fixture
def book(runtime: Runtime) -> Runtime:
    for kind, text in (("customers", CUSTOMERS), ("invoices", INVOICES), ("payments", PAYMENTS)):
        assert take_in(runtime, kind, text).refused == 0
    return runtime


def ask(runtime: Runtime, customer_no: str, amount: str | None = None, order_no: str | None = None) -> str:
    """The answer and its reasons, as `no: credit_limit`."""
    told = escalation.answer(runtime, SYSTEM, customer_no, amount, order_no)
    return " ".join([f"{told.answer}:", *told.reasons]) if told.reasons else told.answer


def test_the_credit_limit_counts_what_is_open_and_what_is_unapplied(book: Runtime) -> None:
    """600.00 open - 50.00 unapplied: 450.00 are left, to the cent; euros are another matter (S10)."""
    assert [ask(book, "C1", amount) for amount in (None, "450", "450.01")] == ["yes", "yes", "no: credit_limit"]
    assert ask(book, "C4", "99999999999") == "yes"


def test_terms_that_settle_each_delivery(book: Runtime, clock: FixedClock) -> None:
    """COD: due today is not overdue, tomorrow it is. PREVIOUS: anything open stands in the way (P27)."""
    assert ask(book, "C2", "1") == "yes"
    clock.set("2026-03-11T02:00:00")
    assert ask(book, "C2", "1") == "no: cash_terms_overdue"
    assert ask(book, "C3") == "yes"
    assert take_in(book, "invoices", "invoice_no,customer_no,issue_date,amount\nX1,C3,2026-03-11,5.00\n").new == 1
    assert ask(book, "C3") == "no: previous_delivery_open"


PREVIOUS = """invoice_no,customer_no,issue_date,amount,po_no
X1,C3,2026-03-01,500.00,O-1
X2,C3,2026-03-05,300.00,
X3,C3,2026-01-20,70.00,
"""


def due_of(runtime: Runtime) -> dict[str, str]:
    with runtime.read(SYSTEM) as view:
        rows = view.session.execute(sa.select(Item.document_no, Item.due_date).where(Item.document_no.like("X%")).order_by(Item.document_no))
        return {number: day.isoformat() for number, day in rows}


def aged(runtime: Runtime, as_of: str) -> tuple[str, str]:
    """What of C3 is not due and what is 1 to 30 days late, in the aging of a day; it ties out."""
    with runtime.read(SYSTEM) as view:
        told = aging.as_json(aging.build(view, SYSTEM.scope, aging.AgingOptions(date.fromisoformat(as_of), parse_edges("30"), customer="C3")))
    assert told["control"]["ties_out"]
    return told["rows"][0]["not_due"], told["rows"][0]["1-30"]


def test_asking_for_the_next_delivery_makes_the_earlier_ones_due(book: Runtime, clock: FixedClock) -> None:
    """PREVIOUS (S18): X1 was due 31 March, X2 4 April (30 days), X3 19 February, already. Asked for on 10 March, X1 and X2 fall due that day.

    A look without an amount asks for nothing. 100.00 of X1 are paid on the 12th: 400.00 and 300.00 late then, and X3's 70.00;
    what the aging said of 9 March stays as it was. X4 comes later and keeps its 30 days, until somebody asks again.
    """
    assert take_in(book, "invoices", PREVIOUS).new == 3
    assert ask(book, "C3") == "no: previous_delivery_open"
    assert due_of(book) == {"X1": "2026-03-31", "X2": "2026-04-04", "X3": "2026-02-19"}
    assert ask(book, "C3", "50") == "no: previous_delivery_open"
    assert due_of(book) == {"X1": "2026-03-10", "X2": "2026-03-10", "X3": "2026-02-19"}
    clock.set("2026-03-12T02:00:00")
    assert not take_in(book, "payments", "payment_ref,customer_no,date,currency,amount,invoice_no\nP2,C3,2026-03-12,CNY,100.00,X1\nP3,C3,2026-03-08,CNY,1.00,X2\n").refused
    assert (aged(book, "2026-03-09"), aged(book, "2026-03-10"), aged(book, "2026-03-12")) == (("799.00", "70.00"), ("799.00", "70.00"), ("0.00", "769.00"))
    assert take_in(book, "invoices", "invoice_no,customer_no,issue_date,amount\nX4,C3,2026-03-11,9.00\n").new == 1
    assert due_of(book)["X4"] == "2026-04-10"
    assert ask(book, "C3", order_no="O-9") == "no: previous_delivery_open"
    assert due_of(book)["X4"] == "2026-03-12" and due_of(book)["X1"] == "2026-03-10"
    with book.read(SYSTEM) as view:
        notes = view.session.scalars(sa.select(Audit.key).where(Audit.action == "event").order_by(Audit.seq)).all()
    assert notes == ["X1", "X2", "X4"]
    assert verify.verify(book) == []


def test_what_fell_due_by_asking_is_paid_and_taken_back_on_any_day(book: Runtime, clock: FixedClock) -> None:
    """X2's 300.00, asked for on the 10th, is paid with money of the 8th, effective then, and that is taken back: 300.00 late again."""
    assert take_in(book, "invoices", PREVIOUS).new == 3
    ask(book, "C3", "50")
    clock.set("2026-03-12T02:00:00")
    assert not take_in(book, "payments", "payment_ref,customer_no,date,currency,amount,invoice_no\nP3,C3,2026-03-08,CNY,300.00,X2\n").refused
    assert aged(book, "2026-03-09") == ("500.00", "70.00") and aged(book, "2026-03-12") == ("0.00", "570.00")
    book.write(SYSTEM, lambda work: receipts.void(work, "receipt", "P3", "wrong"))
    assert aged(book, "2026-03-12") == ("0.00", "870.00")
    assert verify.verify(book) == []


def test_what_fell_due_by_asking_is_put_back_and_days_before_stay(book: Runtime, clock: FixedClock) -> None:
    """Asked for on the 10th in error; X1 goes back to 31 March on the 12th, then to 20 March: 500.00 and X3's 70.00, X2's 300.00 asked for.

    Late on the 11th 870.00, on the 12th 370.00 for ever; 100.00 of the 8th, entered effective then, leaves each day by its own due date.
    """
    assert take_in(book, "invoices", PREVIOUS).new == 3
    ask(book, "C3", "50")
    clock.set("2026-03-12T02:00:00")
    book.write(SYSTEM, lambda work: receivables.move_due(work, "X1", 1, date(2026, 3, 31), "asked by mistake", 2))
    assert due_of(book) == {"X1": "2026-03-31", "X2": "2026-03-10", "X3": "2026-02-19"}
    with pytest.raises(Refusal, match="changed_meanwhile"):
        book.write(SYSTEM, lambda work: receivables.move_due(work, "X1", 1, date(2026, 4, 30), "again", 2))
    book.write(SYSTEM, lambda work: receivables.move_due(work, "X1", 1, date(2026, 3, 20), "agreed", 3))
    assert not take_in(book, "payments", "payment_ref,customer_no,date,currency,amount,invoice_no\nP2,C3,2026-03-08,CNY,100.00,X1\n").refused
    assert [aged(book, f"2026-03-{day:02d}") for day in (9, 11, 12)] == [("700.00", "70.00"), ("0.00", "770.00"), ("400.00", "370.00")]
    assert verify.verify(book) == []


def test_a_due_date_that_cannot_be_moved_is_refused(sqlite_runtime: Runtime, clock: FixedClock) -> None:
    """X1 is issued on 1 March and due on the 31st; X2's 300.00 are paid."""
    clock.set("2026-03-10T02:00:00")
    assert not take_in(sqlite_runtime, "customers", CUSTOMERS).refused and not take_in(sqlite_runtime, "invoices", PREVIOUS).refused
    take_in(sqlite_runtime, "payments", "payment_ref,customer_no,date,currency,amount,invoice_no\nP2,C3,2026-03-09,CNY,300.00,X2\n")

    def refused(number: str, due: str, reason: str, version: int = 1) -> str:
        with pytest.raises(Refusal) as told:
            sqlite_runtime.write(SYSTEM, lambda work: receivables.move_due(work, number, 1, date.fromisoformat(due), reason, version))
        return told.value.code

    assert refused("X1", "2026-03-31", "the same day") == "due_same"
    assert refused("X1", "2026-02-28", "before its issue") == "due_before_issue"
    assert refused("X1", "2046-03-01", "years ahead") == "due_too_far"
    assert refused("X1", "2026-03-20", " ") == "missing_reason"
    assert refused("X2", "2026-03-20", "settled", 2) == "due_settled"


def test_the_file_of_a_moved_invoice_changes_nothing(sqlite_runtime: Runtime, clock: FixedClock) -> None:
    """Due on 31 March in the file, moved to 15 April: the file again, and one that tells the new date, are the same; another date is not (S16)."""
    clock.set("2026-03-10T02:00:00")
    rows = "invoice_no,customer_no,issue_date,due_date,amount\nY1,C1,2026-03-01,{},500.00\n"
    assert not take_in(sqlite_runtime, "customers", CUSTOMERS).refused and not take_in(sqlite_runtime, "invoices", rows.format("2026-03-31")).refused
    sqlite_runtime.write(SYSTEM, lambda work: receivables.move_due(work, "Y1", 1, date(2026, 4, 15), "agreed", 1))
    found = [take_in(sqlite_runtime, "invoices", rows.format(day)) for day in ("2026-03-31", "2026-04-15", "2026-04-16")]
    assert [(told.unchanged, told.refused) for told in found] == [(1, 0), (1, 0), (0, 1)]


def test_the_order_itself_is_no_earlier_delivery_and_an_auditor_changes_nothing(book: Runtime) -> None:
    """O-1 was delivered and invoiced as X1; asked about again it is not in its own way. An auditor's question is answered, and no due date moves."""
    assert take_in(book, "invoices", PREVIOUS.replace("X2,C3,2026-03-05,300.00,\nX3,C3,2026-01-20,70.00,\n", "")).new == 1
    assert ask(book, "C3", "500", "O-1") == "yes"
    auditor = Actor("ann", 79, Role.AUDITOR, Scope(None))
    assert escalation.answer(book, auditor, "C3", "1").answer == "no"
    assert due_of(book) == {"X1": "2026-03-31"}


def test_a_yes_reserves_its_amount_for_three_days(book: Runtime, clock: FixedClock) -> None:
    """450.00 are free. O-1 takes 300.00, so O-2 gets at most 150.00; a no reserves nothing; the same order again is the same order."""
    assert ask(book, "C1", "300", "O-1") == "yes"
    assert ask(book, "C1", "150.01", "O-2") == "no: credit_limit"
    assert ask(book, "C1", "150", "O-3") == "yes"
    assert ask(book, "C1", "300", " O-1 ") == "yes"
    assert ask(book, "C1", "0.01") == "no: credit_limit"
    assert ask(book, "C1", "200", "O-1") == "yes", "the order has become smaller"
    assert ask(book, "C1", "100") == "yes"
    clock.set("2026-03-13T01:59:00")
    assert ask(book, "C1", "450") == "no: credit_limit"
    clock.set("2026-03-13T02:01:00")
    assert ask(book, "C1", "450") == "yes"


def test_an_order_that_is_invoiced_by_now_is_not_counted_twice(book: Runtime) -> None:
    """O-1 of 300.00 comes back as an invoice of 310.00: 140.00 are left, not minus 160.00."""
    assert ask(book, "C1", "300", "O-1") == "yes"
    assert take_in(book, "invoices", "invoice_no,customer_no,issue_date,due_date,currency,amount,po_no\nA9,C1,2026-03-10,2026-04-09,CNY,310.00,O-1\n").new == 1
    assert [ask(book, "C1", amount) for amount in ("140", "140.01")] == ["yes", "no: credit_limit"]


def test_every_answer_is_written_to_the_log(book: Runtime) -> None:
    ask(book, "C1", "300", "O-1")
    ask(book, "C1", "500")
    with book.read(SYSTEM) as view:
        rows = view.session.scalars(sa.select(SupplyAnswer).order_by(SupplyAnswer.id)).all()
        audits = view.session.execute(sa.text("SELECT count(*) FROM audit WHERE kind = 'supply'")).scalar()
    assert [(row.answer, row.reasons, row.amount_minor, row.order_no, row.asked_by, row.currency) for row in rows] == [
        ("yes", "", 30_000, "O-1", "system", "CNY"),
        ("no", "credit_limit", 50_000, None, "system", "CNY"),
    ]
    assert audits == 0, "the log of answers is its own; nothing of the books has changed"


@pytest.mark.parametrize("amount", ["0", "-1", "1.001", "NaN", "1e400", "", "１２x", "abc"])
def test_what_is_no_amount_is_refused_and_not_logged(book: Runtime, amount: str) -> None:
    with pytest.raises(Refusal):
        escalation.answer(book, SYSTEM, "C1", amount)
    with pytest.raises(Refusal):
        escalation.answer(book, SYSTEM, "C1", "1", "O" * 65)
    with pytest.raises(Refusal):
        escalation.answer(book, SYSTEM, "C1", "1", "O\x001")
    with book.read(SYSTEM) as view:
        assert view.session.execute(sa.text("SELECT count(*) FROM supply_answer")).scalar() == 0


def test_foreign_is_missing(book: Runtime) -> None:
    rep = Actor("rui", 77, Role.REP, Scope(frozenset({77})))
    for number in ("C1", "C999"):
        with pytest.raises(NotFound) as caught:
            escalation.answer(book, rep, number)
        assert caught.value.params == {"kind": "customer", "key": number}
    with pytest.raises(Forbidden):
        escalation.answer(book, Actor("ada", 78, Role.ADMIN, Scope(None)), "C1")


def test_insolvent_customers_are_referred(book: Runtime) -> None:
    book.write(SYSTEM, lambda work: cases.set_standing(work, "C4", False, True, "Court of 10 March."))
    assert ask(book, "C4", "1") == "refer: insolvent"


def test_two_orders_at_once_cannot_both_pass(book: Runtime) -> None:
    """Ten orders of 100.00 at once against 450.00: four pass, on every engine, in every order."""
    told: list[str] = []
    gate = threading.Barrier(10)

    def act(order: int) -> None:
        gate.wait()
        told.append(ask(book, "C1", "100", f"O-{order}"))

    threads = [threading.Thread(target=act, args=(order,)) for order in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(told) == ["no: credit_limit"] * 6 + ["yes"] * 4


def test_an_answer_takes_milliseconds(book: Runtime) -> None:
    """The middle of 25 answers, far below what anybody waits for; a machine under load has room to spare."""
    taken = []
    for _ in range(25):
        begun = time.perf_counter()
        ask(book, "C1", "1")
        taken.append(time.perf_counter() - begun)
    assert sorted(taken)[12] < 0.25
