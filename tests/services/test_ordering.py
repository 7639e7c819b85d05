"""Costs, interest, principal in the books: by the law of the company's country, by the policy, by contract, and by hand (S14)."""

from __future__ import annotations

from datetime import date

import pytest
import sqlalchemy as sa

from collect.domain.errors import NotFound, Refusal
from collect.domain.rights import SYSTEM
from collect.runtime import Runtime
from collect.services import cash, invoices, matching, ordering, policy, receipts, verify
from collect.services.invoices import Bill
from collect.storage.bank import BankLine
from collect.storage.receivables import Item
from tests.bank_lines import add_lines
from tests.conftest import FixedClock
from tests.taking_in import take_in

# C1 owes INV-100 10,000.00 due 1 February, and about it costs of 200.00 and interest of 300.00, claimed on 10 March 2026.
CUSTOMERS = "customer_no,name,currency\nC1,北京同仁堂股份有限公司,CNY\n"
INVOICES = "invoice_no,customer_no,issue_date,due_date,currency,amount\nINV-100,C1,2026-01-02,2026-02-01,CNY,10000.00\n"


def fill(runtime: Runtime, clock: FixedClock) -> Runtime:
    clock.set("2026-03-10T04:00:00")
    assert not take_in(runtime, "customers", CUSTOMERS).refused
    assert not take_in(runtime, "invoices", INVOICES).refused
    today = date(2026, 3, 10)
    for number, amount, kind in (("FEE-100", 20_000, "fee"), ("INT-100", 30_000, "interest")):
        bill = Bill(number, today, "CNY", amount, kind, today, about="INV-100")
        runtime.write(SYSTEM, lambda work, bill=bill: invoices.issue(work, "C1", bill)[0].id)  # type: ignore[misc]
    return runtime


@pytest.fixture
def books(runtime: Runtime, clock: FixedClock) -> Runtime:
    return fill(runtime, clock)


@pytest.fixture
def small(sqlite_runtime: Runtime, clock: FixedClock) -> Runtime:
    return fill(sqlite_runtime, clock)


def left(runtime: Runtime) -> tuple[int, int, int]:
    """What is open of the costs, the interest and the invoice."""
    with runtime.read(SYSTEM) as view:
        found = {number: amount for number, amount in view.session.execute(sa.select(Item.document_no, Item.open_minor))}  # noqa: C416
        return found["FEE-100"], found["INT-100"], found["INV-100"]


def test_five_thousand_without_a_word_and_back(books: Runtime) -> None:
    """5,000.00 by running account: 200.00, 300.00, 4,500.00, so that 5,500.00 of the invoice stay; taken back, all is open as before."""
    books.write(SYSTEM, lambda work: matching.set_running(work, "C1", True))
    (key,) = add_lines(books, {"amount_minor": 500_000, "payer": "北京同仁堂"})
    assert books.write(SYSTEM, matching.propose_and_apply).applied == 1
    assert left(books) == (0, 0, 550_000)
    with books.read(SYSTEM) as view:
        told = view.session.get_one(BankLine, key).proposal
        assert told is not None and told["legal"] and ["by_law", {"source": {"en": "Civil Code of China, art. 561", "zh": "《民法典》第五百六十一条"}}] in told["evidence"]
        version = view.session.get_one(BankLine, key).version
    books.write(SYSTEM, lambda work: matching.undo(work, key, version, "not theirs"))
    assert left(books) == (20_000, 30_000, 1_000_000)
    assert verify.verify(books) == []


def test_a_contract_agrees_otherwise_until_it_ends(books: Runtime) -> None:
    """By contract the oldest due: 5,000.00 go to the invoice due 1 February alone."""
    books.write(SYSTEM, lambda work: ordering.agree(work, "C1", False, "Sales contract 2025-7, clause 8"))
    books.write(SYSTEM, lambda work: matching.set_running(work, "C1", True))
    add_lines(books, {"amount_minor": 500_000, "payer": "北京同仁堂"})
    assert books.write(SYSTEM, matching.propose_and_apply).applied == 1
    assert left(books) == (20_000, 30_000, 500_000)
    books.write(SYSTEM, lambda work: ordering.end_agreement(work, "C1"))
    with books.read(SYSTEM) as view:
        assert ordering.load(view.session, SYSTEM.scope, view.seller, view.today).agreed == {}
    assert verify.verify(books) == []


def test_an_agreement_names_its_clause_and_its_customer(small: Runtime) -> None:
    for customer_no, clause, code in (("C1", "  ", "clause_missing"), ("C1", "x" * 201, "too_long")):
        with pytest.raises(Refusal, match=code):
            small.write(SYSTEM, lambda work, number=customer_no, text=clause: ordering.agree(work, number, True, text))  # type: ignore[misc]
    with pytest.raises(NotFound):
        small.write(SYSTEM, lambda work: ordering.agree(work, "C9", True, "clause 8"))


def test_by_hand_with_what_is_claimed_first(small: Runtime) -> None:
    """A receipt of 5,000.00: 300.00 asked with the claims give costs 200.00 and interest 100.00; the rest, 4,700.00: interest 200.00, invoice 4,500.00."""

    def receive(work: object) -> None:
        receipts.receive(work, receipts.Receipt(customer, "R1", date(2026, 3, 10), "CNY", 500_000), [])  # type: ignore[arg-type]

    with small.read(SYSTEM) as view:
        customer = view.session.scalars(sa.select(Item.customer_id)).first()
    assert customer is not None
    small.write(SYSTEM, receive)
    first = ("fee", "interest")
    assert small.write(SYSTEM, lambda work: cash.apply_with_claims(work, "receipt", "R1", "INV-100", 30_000, None, first)) == 30_000
    assert left(small) == (0, 20_000, 1_000_000)
    assert small.write(SYSTEM, lambda work: cash.apply_with_claims(work, "receipt", "R1", "INV-100", None, None, first)) == 470_000
    assert left(small) == (0, 0, 550_000)
    with pytest.raises(Refusal, match="nothing_to_allocate"):
        small.write(SYSTEM, lambda work: cash.apply_with_claims(work, "receipt", "R1", "INV-100", None, None, first))
    assert verify.verify(small) == []


def test_the_policy_says_which_order_holds(small: Runtime) -> None:
    """The shipped pack says the law; a policy may say the oldest due, with its clause in both languages, and not without."""
    with small.read(SYSTEM) as view:
        assert ordering.usual(view.session, view.seller, view.today).first == ("fee", "interest")
    text = policy.shipped("CN").replace('order = "law" ', 'order = "oldest" ')
    assert [one.params["place"] for one in policy.check(text)] == ["receipts.source", "receipts.source.en", "receipts.source.zh"]
    text = text.replace("# [receipts.source] ", "[receipts.source] ").replace('# zh = "购销', 'zh = "购销').replace('# en = "Clause 8', 'en = "Clause 8')
    assert policy.check(text) == []
    assert [one.code for one in policy.check(text.replace('order = "oldest"', 'order = "newest"'))] == ["policy_word"]
