"""Early payment discounts through every door, on both engines: taken once, in time, and taken back to the exact state (S5, S12, S13)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest
import sqlalchemy as sa

from collect.domain.aging import parse_edges
from collect.domain.errors import Refusal
from collect.domain.rights import SYSTEM
from collect.reports import aging
from collect.runtime import Runtime
from collect.services import cash, invoices, matching, receipts, receivables, undo, verify
from collect.services.invoices import Bill
from collect.services.receipts import Receipt
from collect.storage.bank import BankLine
from collect.storage.cash import Allocation, Credit
from collect.storage.discounts import load_offers
from collect.storage.imports import ImportRun
from collect.storage.receivables import Item
from tests.bank_lines import add_lines
from tests.conftest import FixedClock
from tests.taking_in import counts, take_in
from tests.tampering import findings_after

# All agreed 2/10 NET30. Issued on 1 March 2026: the last day is 11 March, due 31 March. Today is 20 March.
CUSTOMERS = "customer_no,name,currency,terms,parent_no\nC1,北京同仁堂股份有限公司,CNY,2/10 NET30,\nC2,乙公司,CNY,NET30,C1\nJ,Sakura KK,JPY,2/10 NET30,\n"
# A1 grants 20.00; A2 24.69 (2 % of 1,234.56 = 24.6912); J1 grants 247 (2 % of 12,345 = 246.9).
INVOICES = """invoice_no,customer_no,issue_date,currency,amount
A1,C1,2026-03-01,CNY,1000.00
A2,C1,2026-03-01,CNY,1234.56
B1,C2,2026-03-01,CNY,300.00
J1,J,2026-03-01,JPY,12345
"""
LAST, LATE = date(2026, 3, 11), date(2026, 3, 12)


@pytest.fixture
def books(runtime: Runtime, clock: FixedClock) -> Runtime:
    return fill(runtime, clock)


@pytest.fixture
def small(sqlite_runtime: Runtime, clock: FixedClock) -> Runtime:
    return fill(sqlite_runtime, clock)


def fill(runtime: Runtime, clock: FixedClock) -> Runtime:
    clock.set("2026-03-20T04:00:00")
    assert not take_in(runtime, "customers", CUSTOMERS).refused
    assert not take_in(runtime, "invoices", INVOICES).refused
    return runtime


def item(runtime: Runtime, number: str) -> Item:
    with runtime.read(SYSTEM) as view:
        return view.session.scalars(sa.select(Item).where(Item.document_no == number)).one()


def discounts(runtime: Runtime) -> list[tuple[int, date, bool]]:
    """Every discount: minor units, its day, and whether it stands."""
    with runtime.read(SYSTEM) as view:
        rows = view.session.scalars(sa.select(Credit).where(Credit.kind == "discount").order_by(Credit.id))
        return [(row.amount_minor, row.day, row.voided_on is None) for row in rows]


def offered(runtime: Runtime, number: str) -> tuple[date, int] | None:
    key = item(runtime, number).id
    with runtime.read(SYSTEM) as view:
        early = load_offers(view.session, SYSTEM.scope, [key]).get(key)
        return (early.until, early.minor) if early else None


def receive(runtime: Runtime, number: str, amount: int, settles: dict[str, int], day: date = LAST) -> None:
    first = item(runtime, next(iter(settles)))
    wanted = Receipt(first.customer_id, number, day, first.currency, amount)
    parts = [(item(runtime, name).id, minor) for name, minor in settles.items()]
    runtime.write(SYSTEM, lambda work: receipts.receive(work, wanted, parts) and None)


def allocation(runtime: Runtime, receipt: str) -> int:
    with runtime.read(SYSTEM) as view:
        return view.session.scalars(sa.select(Allocation.id).join(Credit, Credit.id == Allocation.credit_id).where(Credit.number == receipt, Allocation.amount_minor > 0)).one()


def owed(runtime: Runtime, as_of: str) -> tuple[str, str]:
    """What C1 owes in all and what is unapplied, in the aging of a day; it ties out."""
    with runtime.read(SYSTEM) as view:
        told = aging.as_json(aging.build(view, SYSTEM.scope, aging.AgingOptions(date.fromisoformat(as_of), parse_edges("30"), customer="C1")))
    assert told["control"]["ties_out"]
    return told["rows"][0]["total"], told["rows"][0]["unapplied"]


def test_a_receipt_in_time_settles_the_invoice_with_a_discount_of_its_own(books: Runtime) -> None:
    """980.00 of 11 March for A1: settled on that day, 20.00 of it as a discount; C1 owed 2,234.56, then 1,234.56."""
    assert offered(books, "A1") == (LAST, 2000)
    receive(books, "R1", 98_000, {"A1": 98_000})
    assert (item(books, "A1").open_minor, item(books, "A1").closed_on) == (0, LAST)
    assert discounts(books) == [(2000, LAST, True)]
    assert owed(books, "2026-03-10") == ("2234.56", "0.00") and owed(books, "2026-03-11") == ("1234.56", "0.00")
    assert offered(books, "A1") is None
    assert verify.verify(books) == []


def test_a_day_late_the_rest_stays_open(books: Runtime) -> None:
    receive(books, "R1", 98_000, {"A1": 98_000}, LATE)
    assert item(books, "A1").open_minor == 2000 and discounts(books) == []
    assert offered(books, "A1") is None
    assert verify.verify(books) == []


@pytest.mark.parametrize(("paid", "left"), [(97_999, 2001), (50_000, 50_000), (98_500, 0), (100_000, 0)])
def test_part_payments_take_none_and_less_may_be_taken_off_than_granted(small: Runtime, paid: int, left: int) -> None:
    """A cent less than 980.00 is a part payment; 985.00 takes 15.00 off; 1,000.00 nothing."""
    receive(small, "R1", paid, {"A1": paid}, date(2026, 3, 5))
    assert item(small, "A1").open_minor == left
    assert [amount for amount, _, _ in discounts(small)] == ([1500] if paid == 98_500 else [])
    assert verify.verify(small) == []


def test_a_bill_is_no_early_payment(small: Runtime) -> None:
    """980.00 by a bill that falls due in months: 20.00 stay open (S11)."""
    rows = "payment_ref,customer_no,date,currency,amount,method,invoice_no\nR1,C1,2026-03-05,CNY,980.00,bill,A1\nR2,C1,2026-03-05,CNY,1209.87,bill,\n"
    assert not take_in(small, "payments", rows).refused
    small.write(SYSTEM, lambda work: cash.apply(work, "receipt", "R2", "A2", None))
    assert (item(small, "A1").open_minor, item(small, "A2").open_minor, discounts(small)) == (2000, 2469, [])


def test_an_invoice_with_its_own_due_date_has_the_days_from_its_issue(books: Runtime) -> None:
    """Issued on 1 March, due on 15 May as the file says: 2 % until 11 March. D2 is due before they end, C2 agreed none."""
    head = "invoice_no,customer_no,issue_date,due_date,currency,amount\n"
    rows = head + "D1,C1,2026-03-01,2026-05-15,CNY,1000.00\nD2,C1,2026-03-01,2026-03-05,CNY,500.00\nD3,C2,2026-03-01,2026-05-15,CNY,500.00\n"
    assert counts(take_in(books, "invoices", rows)) == (3, 0, 0, 0)
    assert (offered(books, "D1"), offered(books, "D2"), offered(books, "D3")) == ((LAST, 2000), None, None)
    receive(books, "R1", 98_000, {"D1": 98_000})
    assert (item(books, "D1").open_minor, item(books, "D1").due_date) == (0, date(2026, 5, 15))
    assert counts(take_in(books, "invoices", rows)) == (0, 0, 3, 0)
    assert verify.verify(books) == []


def test_what_is_written_by_hand_says_its_own_terms(small: Runtime) -> None:
    """C2 agreed none, but this invoice grants 1 % within five days: 5.00 of 500.00 until 6 March. A debit note grants nothing."""
    told = {"issued": date(2026, 3, 1), "currency": "CNY", "amount": 50_000, "due": date(2026, 4, 30), "terms": "1/5 NET30"}
    small.write(SYSTEM, lambda work: invoices.issue(work, "C2", Bill("W1", **told)) and None)  # type: ignore[arg-type]
    small.write(SYSTEM, lambda work: invoices.issue(work, "C2", Bill("W2", **told, kind="debit_note")) and None)  # type: ignore[arg-type]
    assert (offered(small, "W1"), offered(small, "W2")) == ((date(2026, 3, 6), 500), None)


def test_moving_a_due_date_moves_no_discount(small: Runtime) -> None:
    """A1: until 11 March, wherever its due date goes. E1 was accepted on 18 March, due 17 April: until the 28th, and so it stays."""
    assert not take_in(small, "customers", "customer_no,name,currency,terms\nE,Event Ltd,CNY,2/10 NET30@ACCEPTANCE\n").refused
    assert not take_in(small, "invoices", "invoice_no,customer_no,issue_date,currency,amount\nE1,E,2026-03-10,CNY,1000.00\n").refused
    small.write(SYSTEM, lambda work: receivables.record_event(work, "E1", date(2026, 3, 18)))
    assert (item(small, "E1").due_date, offered(small, "E1")) == (date(2026, 4, 17), (date(2026, 3, 28), 2000))
    for number in ("A1", "E1"):
        version = item(small, number).version
        small.write(SYSTEM, lambda work, number=number, version=version: receivables.move_due(work, number, 1, date(2026, 6, 1), "agreed", version))
    assert (offered(small, "A1"), offered(small, "E1")) == ((LAST, 2000), (date(2026, 3, 28), 2000))
    receive(small, "R1", 98_000, {"E1": 98_000}, date(2026, 3, 20))
    assert item(small, "E1").open_minor == 0 and verify.verify(small) == []


def test_two_parts_of_one_invoice_take_none(small: Runtime) -> None:
    """500.00 and 480.00, both in time: 20.00 stay open, for the invoice was not paid by one payment."""
    receive(small, "R1", 50_000, {"A1": 50_000})
    receive(small, "R2", 48_000, {"A1": 48_000})
    assert item(small, "A1").open_minor == 2000 and discounts(small) == []


def test_a_part_payment_ends_the_offer_and_taken_back_restores_it(small: Runtime) -> None:
    """400.00 of 1,000.00 in time: 600.00 are asked in full and nothing is granted for 588.00 (600.00 less 2 %); taken back, 20.00 are again."""
    receive(small, "R1", 40_000, {"A1": 40_000})
    assert (item(small, "A1").open_minor, offered(small, "A1")) == (60_000, None)
    receive(small, "R2", 58_800, {"A1": 58_800})
    assert item(small, "A1").open_minor == 1200 and discounts(small) == []
    for name in ("R1", "R2"):
        key = allocation(small, name)
        small.write(SYSTEM, lambda work, key=key: cash.unapply(work, key, "part payment"))
    assert offered(small, "A1") == (LAST, 2000)


def test_yen_and_what_rounding_leaves(small: Runtime) -> None:
    """J1: 12,345 less 247 is 12,098. A2: 1,234.56 less 24.69 is 1,209.87."""
    receive(small, "RJ", 12_098, {"J1": 12_098})
    receive(small, "R2", 120_987, {"A2": 120_987})
    assert discounts(small) == [(247, LAST, True), (2469, LAST, True)]
    assert item(small, "J1").open_minor == item(small, "A2").open_minor == 0
    assert verify.verify(small) == []


def test_applied_later_the_date_of_the_receipt_counts(books: Runtime) -> None:
    """1,500.00 came on 11 March and waited; on the 20th 980.00 of it are applied: effective on the 20th, with the discount."""
    assert not take_in(books, "payments", "payment_ref,customer_no,date,currency,amount,method,invoice_no,allocated\nR1,C1,2026-03-11,CNY,1500.00,transfer,,\n").refused
    assert books.write(SYSTEM, lambda work: cash.apply(work, "receipt", "R1", "A1", 98_000)) == 98_000
    assert discounts(books) == [(2000, date(2026, 3, 20), True)]
    assert owed(books, "2026-03-19") == ("734.56", "-1500.00") and owed(books, "2026-03-20") == ("714.56", "-520.00")
    assert verify.verify(books) == []


def test_a_credit_note_lowers_what_the_discount_is_of(books: Runtime) -> None:
    """300.00 of A1 came back: 2 % of 700.00 are 14.00, and 686.00 suffice."""
    assert not take_in(books, "credits", "credit_no,customer_no,date,currency,amount,invoice_no,reason\nN1,C1,2026-03-04,CNY,300.00,A1,returned\n").refused
    assert offered(books, "A1") == (LAST, 1400)
    receive(books, "R1", 68_600, {"A1": 68_600})
    assert item(books, "A1").open_minor == 0 and discounts(books) == [(1400, LAST, True)]
    assert verify.verify(books) == []


def take_back_money(runtime: Runtime) -> None:
    key = allocation(runtime, "R1")
    runtime.write(SYSTEM, lambda work: cash.unapply(work, key, "wrong invoice"))


def void_receipt(runtime: Runtime) -> None:
    runtime.write(SYSTEM, lambda work: receipts.void(work, "receipt", "R1", "wrong receipt"))


@pytest.mark.parametrize(("back", "unapplied"), [(take_back_money, "-980.00"), (void_receipt, "0.00")])
def test_taken_back_everything_is_as_it_was(books: Runtime, back: Callable[[Runtime], None], unapplied: str) -> None:
    """The money's allocation, or the receipt: the discount goes with it, A1 is open in full and grants its discount again."""
    receive(books, "R1", 98_000, {"A1": 98_000})
    back(books)
    assert (item(books, "A1").open_minor, item(books, "A1").closed_on) == (100_000, None)
    assert discounts(books) == [(2000, LAST, False)] and offered(books, "A1") == (LAST, 2000)
    assert owed(books, "2026-03-19") == ("1234.56", "0.00")
    assert owed(books, "2026-03-20")[1] == unapplied
    assert verify.verify(books) == []
    if unapplied == "-980.00":  # and applied again it earns a discount again, once
        books.write(SYSTEM, lambda work: cash.apply(work, "receipt", "R1", "A1", None))
        assert [stands for _, _, stands in discounts(books)] == [False, True] and item(books, "A1").open_minor == 0
        assert verify.verify(books) == []


def test_the_discount_alone_can_be_taken_back(books: Runtime) -> None:
    """The money stays, 20.00 are open as a short payment, and no discount is to be had a second time; taken back twice is refused."""
    receive(books, "R1", 98_000, {"A1": 98_000})
    with books.read(SYSTEM) as view:
        number = view.session.scalars(sa.select(Credit.number).where(Credit.kind == "discount")).one()
    key = allocation(books, number)
    books.write(SYSTEM, lambda work: cash.unapply(work, key, "not agreed"))
    assert item(books, "A1").open_minor == 2000 and discounts(books) == [(2000, LAST, False)]
    assert offered(books, "A1") is None
    with pytest.raises(Refusal, match="already_reversed"):
        books.write(SYSTEM, lambda work: cash.unapply(work, key, "again"))
    assert verify.verify(books) == []
    take_back_money(books)
    assert item(books, "A1").open_minor == 100_000
    assert verify.verify(books) == []


def test_another_company_of_the_group_pays_in_time(books: Runtime) -> None:
    """C2 pays 980.00 for C1's A1: the discount is C1's."""
    wanted = Receipt(item(books, "B1").customer_id, "R1", LAST, "CNY", 98_000)
    part = (item(books, "A1").id, 98_000)
    books.write(SYSTEM, lambda work: receipts.receive(work, wanted, [part]) and None)
    assert item(books, "A1").open_minor == 0 and discounts(books) == [(2000, LAST, True)]
    assert verify.verify(books) == []


PAYMENTS = """payment_ref,customer_no,date,currency,amount,method,invoice_no,allocated
R1,C1,2026-03-11,CNY,980.00,transfer,A1,
R2,C1,2026-03-12,CNY,1209.87,transfer,A2,
R3,J,2026-03-02,JPY,12098,transfer,J1,12098
"""


def test_payments_of_a_file_take_it_and_the_import_is_undone_as_a_whole(books: Runtime) -> None:
    """A1 and J1 in time, A2 a day late (24.69 stay open); the file again changes nothing; undone all is open, by entries of today."""
    assert counts(take_in(books, "payments", PAYMENTS)) == (3, 0, 0, 0)
    assert [item(books, number).open_minor for number in ("A1", "A2", "J1")] == [0, 2469, 0]
    assert discounts(books) == [(2000, LAST, True), (247, date(2026, 3, 2), True)]
    assert verify.verify(books) == []
    assert counts(take_in(books, "payments", PAYMENTS)) == (0, 0, 3, 0)
    with books.read(SYSTEM) as view:
        run = view.session.scalars(sa.select(ImportRun.id).where(ImportRun.kind == "payments").order_by(ImportRun.id)).first()
    assert run is not None
    done = books.write(SYSTEM, lambda work: undo.undo(work, run, "wrong file"))
    assert (done.credits, done.allocations) == (5, 5)
    assert [item(books, number).open_minor for number in ("A1", "A2", "J1")] == [100_000, 123_456, 12_345]
    assert discounts(books) == [(2000, LAST, False), (247, date(2026, 3, 2), False)]
    assert verify.verify(books) == []


def test_a_file_pays_one_invoice_in_two_parts(small: Runtime) -> None:
    """Neither of two receipts of one file pays A1 by itself: 20.00 stay open."""
    rows = "payment_ref,customer_no,date,currency,amount,method,invoice_no,allocated\nR1,C1,2026-03-05,CNY,500.00,transfer,A1,\nR2,C1,2026-03-05,CNY,480.00,transfer,A1,\n"
    assert counts(take_in(small, "payments", rows)) == (2, 0, 0, 0)
    assert item(small, "A1").open_minor == 2000 and discounts(small) == []


def test_bank_lines_settle_less_the_discount_by_themselves(books: Runtime) -> None:
    """980.00 on the last day applies itself to A1; 1,209.87 a day late waits; undone, A1 is open as before and the line waits."""
    first, second = add_lines(
        books, {"day": LAST, "amount_minor": 98_000, "payer": "北京同仁堂股份有限公司"}, {"day": LATE, "amount_minor": 120_987, "payer": "北京同仁堂股份有限公司"}
    )
    told = books.write(SYSTEM, matching.propose_and_apply)
    assert (told.applied, told.proposed) == (1, 1)
    assert item(books, "A1").open_minor == 0 and discounts(books) == [(2000, LAST, True)]
    assert verify.verify(books) == []
    with books.read(SYSTEM) as view:
        line = view.session.get_one(BankLine, first)
        version = line.version
        assert [code for code, _ in (line.proposal or {})["evidence"]][:2] == ["one_item_reduced", "less_discount"]
        assert view.session.get_one(BankLine, second).state == "open"
    books.write(SYSTEM, lambda work: matching.undo(work, first, version, "wrong"))
    assert item(books, "A1").open_minor == 100_000 and discounts(books) == [(2000, LAST, False)]
    assert verify.verify(books) == []


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE credit SET day = 20260312 WHERE number = 'R1'",
        "UPDATE credit SET earned_by = NULL WHERE kind = 'discount'",
        "UPDATE item SET terms = 'NET30' WHERE document_no = 'A1'",
        "UPDATE item SET terms = '1/10 NET30' WHERE document_no = 'A1'",
        "UPDATE credit SET earned_by = 1 WHERE number = 'R1'",
    ],
)
def test_a_discount_that_nothing_earned_is_found(small: Runtime, change: str) -> None:
    receive(small, "R1", 98_000, {"A1": 98_000})
    assert "proof_discount" in findings_after(small, change)
