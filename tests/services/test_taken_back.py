"""What was taken back today was settled before: money of an earlier day never settles it a second time then (S5, S8, S15)."""

from __future__ import annotations

from datetime import date

import pytest
import sqlalchemy as sa

from collect.domain.aging import parse_edges
from collect.domain.errors import Refusal
from collect.domain.rights import SYSTEM
from collect.reports import aging
from collect.runtime import Runtime, Work
from collect.services import cash, line_questions, matching, months, receipts, receivables, verify
from collect.services.receipts import Receipt
from collect.storage.bank import BankLine
from collect.storage.cash import Allocation, Credit
from collect.storage.customers import find_customer
from collect.storage.receivables import Item
from tests.bank_lines import add_lines
from tests.conftest import FixedClock
from tests.services.test_cash_lives import beyond
from tests.taking_in import take_in

# Today is 10 March 2026. C1 owes I1 1,000.00; R-1 of 1 March settled it, and was found to be wrong today.
INVOICE = "invoice_no,customer_no,issue_date,due_date,currency,amount\nI1,C1,2026-01-02,2026-02-01,CNY,1000.00\n"


def receive(runtime: Runtime, number: str, day: date, invoice: str | None = None, order: str | None = None, amount: int = 100_000) -> None:
    with runtime.read(SYSTEM) as view:
        customer = find_customer(view.session, SYSTEM.scope, "C1")
        parts = [(view.session.scalars(sa.select(Item.id).where(Item.document_no == invoice)).one(), min(amount, 100_000))] if invoice else []
    assert customer is not None
    runtime.write(SYSTEM, lambda work: receipts.receive(work, Receipt(customer.id, number, day, "CNY", amount, order_no=order), parts))


@pytest.fixture
def wrong(sqlite_runtime: Runtime, clock: FixedClock) -> Runtime:
    """R-1 settled I1 and is void from today."""
    clock.set("2026-03-10T04:00:00")
    take_in(sqlite_runtime, "customers", "customer_no,name,currency\nC1,甲公司,CNY\n")
    take_in(sqlite_runtime, "invoices", INVOICE)
    receive(sqlite_runtime, "R-1", date(2026, 3, 1), "I1")
    sqlite_runtime.write(SYSTEM, lambda work: receipts.void(work, "receipt", "R-1", "wrong customer"))
    return sqlite_runtime


def amounts(runtime: Runtime, day: date) -> dict[str, str]:
    """What the aging of a day shows of each document."""
    with runtime.read(SYSTEM) as view:
        told = aging.as_json(aging.build(view, SYSTEM.scope, aging.AgingOptions(day, parse_edges("30,60"), by="item")))
    return {row["key"]: row["total"] for row in told["rows"]}


@pytest.mark.parametrize("door", ["desk", "file", "bank"])
def test_the_right_money_of_an_earlier_day_settles_from_when_there_is_room(wrong: Runtime, door: str) -> None:
    """1,000.00 of 2 March: on 5 March I1 counted as settled by R-1, so the new money was unapplied; from the 10th on it settles I1."""
    if door == "desk":
        receive(wrong, "R-2", date(2026, 3, 2), "I1")
    elif door == "file":
        assert not take_in(wrong, "payments", "payment_ref,customer_no,date,amount,invoice_no\nR-2,C1,2026-03-02,1000.00,I1\n").refused
    else:
        add_lines(wrong, {"amount_minor": 100_000, "day": date(2026, 3, 2), "payer": "甲公司", "narrative": "I1"})
        assert wrong.write(SYSTEM, matching.propose_and_apply).applied == 1
    with wrong.read(SYSTEM) as view:
        assert view.session.scalars(sa.select(Allocation.effective).order_by(Allocation.id.desc())).first() == date(2026, 3, 10)
    assert list(amounts(wrong, date(2026, 3, 5)).values()) == ["-1000.00"] and "I1" not in amounts(wrong, date(2026, 3, 5))
    assert amounts(wrong, date(2026, 3, 10)) == {}
    assert beyond(wrong) == [] and verify.verify(wrong) == []


def test_an_earlier_day_that_a_person_enters_is_refused(wrong: Runtime) -> None:
    """R-2 settled I1 until today; taken off it, it settles nothing else on a day before."""
    receive(wrong, "R-2", date(2026, 3, 10), "I1")
    take_in(wrong, "invoices", INVOICE.replace("I1", "I2"))
    receive(wrong, "R-3", date(2026, 3, 3), "I2")
    with wrong.read(SYSTEM) as view:
        latest = view.session.scalars(sa.select(Allocation.id).order_by(Allocation.id.desc())).first()
    wrong.write(SYSTEM, lambda work: cash.unapply(work, latest or 0, "another invoice"))
    with pytest.raises(Refusal) as told:
        wrong.write(SYSTEM, lambda work: cash.apply(work, "receipt", "R-3", "I2", None, date(2026, 3, 4)))
    assert (told.value.code, told.value.params["earliest"]) == ("effective_too_early", "2026-03-10")
    assert beyond(wrong) == []


def test_what_the_bank_takes_back_had_settled_something_until_today(wrong: Runtime) -> None:
    """The line of 2 March settled I1 from today on and was taken off it today; the bank took it back on the 5th: void from today."""
    (came,) = add_lines(wrong, {"amount_minor": 100_000, "day": date(2026, 3, 2), "payer": "甲公司", "narrative": "I1"})
    wrong.write(SYSTEM, matching.propose_and_apply)
    with wrong.read(SYSTEM) as view:
        latest = view.session.scalars(sa.select(Allocation.id).order_by(Allocation.id.desc())).first()
    wrong.write(SYSTEM, lambda work: cash.unapply(work, latest or 0, "not theirs"))
    (went,) = add_lines(wrong, {"amount_minor": -100_000, "day": date(2026, 3, 5), "question": "reversal", "other_id": came})
    wrong.write(SYSTEM, lambda work: line_questions.answer(work, went, 1, True, "returned"))
    with wrong.read(SYSTEM) as view:
        assert view.session.scalars(sa.select(Credit.voided_on).where(Credit.line_id == came)).one() == date(2026, 3, 10)
        assert view.session.get_one(BankLine, came).state == "ignored"
    assert beyond(wrong) == [] and verify.verify(wrong) == []


def test_a_prepayment_released_ahead_is_void_from_its_release(wrong: Runtime) -> None:
    """1,200.00 for PO-7, of which 1,000.00 settle its invoice of 25 March: released from that day on, so void from that day on.

    Between today and then nothing of it is in the receivables: it was kept for its order.
    """
    take_in(wrong, "invoices", "invoice_no,customer_no,issue_date,due_date,currency,amount,po_no\nF1,C1,2026-03-25,2026-04-25,CNY,1000.00,PO-7\n")
    receive(wrong, "P-1", date(2026, 3, 5), "F1", "PO-7", 120_000)
    wrong.write(SYSTEM, lambda work: receipts.release(work, "P-1", "order cancelled"))
    wrong.write(SYSTEM, lambda work: receipts.void(work, "receipt", "P-1", "bounced"))
    assert amounts(wrong, date(2026, 3, 12)) == {"I1": "1000.00"}
    assert amounts(wrong, date(2026, 3, 25)) == {"I1": "1000.00", "F1": "1000.00"}
    assert verify.verify(wrong) == []


def test_undoing_what_an_answer_set_aside_asks_again(wrong: Runtime) -> None:
    """The bank took a line back, and that was undone: both lines wait, and the question with them; so does one that was told twice."""
    first, second = add_lines(wrong, {"amount_minor": 100_000, "payer": "甲公司", "narrative": "I1"}, {"amount_minor": 100_000, "payer": "甲公司", "narrative": "I1"})
    (went,) = add_lines(wrong, {"amount_minor": -100_000, "day": date(2026, 3, 10), "question": "reversal", "other_id": first})

    def double(work: Work) -> None:
        line = work.session.get_one(BankLine, second)
        line.question, line.other_id = "double", first

    wrong.write(SYSTEM, double)
    for key in (went, second):
        wrong.write(SYSTEM, lambda work, key=key: line_questions.answer(work, key, 1, True, ""))
    for key in (first, second):
        wrong.write(SYSTEM, lambda work, key=key: matching.undo(work, key, 2, "answered by mistake"))
    with wrong.read(SYSTEM) as view:
        found = {key: view.session.get_one(BankLine, key) for key in (first, second, went)}
    assert [(found[key].state, found[key].question) for key in (first, second, went)] == [("open", None), ("open", "double"), ("out", "reversal")]
    with pytest.raises(Refusal, match="line_has_question"):
        wrong.write(SYSTEM, lambda work: matching.accept(work, second, 3, customer_no="C1"))
    assert verify.verify(wrong) == []


def test_a_day_before_a_changed_due_date_whose_month_is_closed(sqlite_runtime: Runtime, clock: FixedClock) -> None:
    """T1's due date was fixed on 10 April, and April is closed: what is applied as of 20 March would correct the change in April."""
    clock.set("2026-03-15T04:00:00")
    take_in(sqlite_runtime, "customers", "customer_no,name,currency,terms\nC1,甲公司,CNY,30@ACCEPTANCE\n")
    take_in(sqlite_runtime, "invoices", INVOICE.replace("I1", "T1").replace("2026-02-01", ""))
    receive(sqlite_runtime, "R-1", date(2026, 3, 4))
    clock.set("2026-04-10T04:00:00")
    sqlite_runtime.write(SYSTEM, lambda work: receivables.record_event(work, "T1", date(2026, 4, 9)))
    clock.set("2026-05-10T04:00:00")
    sqlite_runtime.write(SYSTEM, lambda work: months.close(work, "2026-04"))
    with pytest.raises(Refusal, match="month_closed"):
        sqlite_runtime.write(SYSTEM, lambda work: cash.apply(work, "receipt", "R-1", "T1", None, date(2026, 3, 20)))
    told = take_in(sqlite_runtime, "payments", "payment_ref,customer_no,date,amount,invoice_no\nR-2,C1,2026-03-21,10.00,T1\n")
    assert (told.refused, [error.refusal.code for error in told.errors]) == (1, ["month_closed"])
    assert sqlite_runtime.write(SYSTEM, lambda work: cash.apply(work, "receipt", "R-1", "T1", None, date(2026, 5, 2))) == 100_000
    assert verify.verify(sqlite_runtime) == []
