"""E-invoices from file to books, on both engines (BT-112, BT-113, BT-115; S16)."""

from __future__ import annotations

from datetime import date

import pytest
import sqlalchemy as sa

from collect.domain.errors import Refusal
from collect.domain.rights import SYSTEM, Actor, Role, Scope
from collect.runtime import Runtime
from collect.services import drafts, verify
from collect.storage.cash import Credit
from collect.storage.drafts import Draft
from collect.storage.receivables import Item
from tests.conftest import FixedClock
from tests.exchange.test_einvoices import digital, ubl
from tests.taking_in import take_in

CUSTOMERS = "customer_no,name,currency,terms,tax_no\nC1,仁和医院,CNY,,91110108MA01XYZ12Q\nC2,Muster GmbH,EUR,NET30,\n"


@pytest.fixture
def books(runtime: Runtime, clock: FixedClock) -> Runtime:
    clock.set("2026-03-10T04:00:00")
    assert not take_in(runtime, "customers", CUSTOMERS).refused
    return runtime


def draft_of(runtime: Runtime, number: str) -> Draft:
    with runtime.read(SYSTEM) as view:
        return view.session.scalars(sa.select(Draft).where(Draft.document_no == number).order_by(Draft.id.desc())).first()  # type: ignore[return-value]


def items(runtime: Runtime) -> list[tuple[str, date | None, int, int]]:
    with runtime.read(SYSTEM) as view:
        return [(item.document_no, item.due_date, item.amount_minor, item.open_minor) for item in view.session.scalars(sa.select(Item).order_by(Item.document_no))]


def test_the_buyer_is_known_by_his_tax_number_and_the_draft_waits_for_terms(books: Runtime) -> None:
    taken = drafts.take_in(books, SYSTEM, digital("1130.00"), "fp.ofd")
    assert (taken.new, taken.customer_no, taken.number) == (True, "C1", "25117000000123456789")
    assert drafts.take_in(books, SYSTEM, digital("1130.00"), "again.ofd").new is False
    with pytest.raises(Refusal, match="einvoice_known"):
        drafts.take_in(books, SYSTEM, digital("1131.00"), "other.ofd")
    with pytest.raises(Refusal, match="draft_needs_terms"):
        books.write(SYSTEM, lambda work: drafts.post(work, taken.draft_id, 1))
    books.write(SYSTEM, lambda work: drafts.post(work, taken.draft_id, 1, terms="NET60"))
    assert items(books) == [("25117000000123456789", date(2026, 5, 4), 113_000, 113_000)], "5 March + 60 days"
    with pytest.raises(Refusal, match="draft_done"):
        books.write(SYSTEM, lambda work: drafts.post(work, taken.draft_id, 2))
    assert verify.verify(books) == []


def test_what_was_prepaid_is_a_receipt_of_the_issue_date_and_the_payable_is_open(books: Runtime) -> None:
    """Gross 10.00, prepaid 4.00: owed 10.00, received 4.00 on 5 March, open 6.00; a stranger is made a customer first."""
    taken = drafts.take_in(books, SYSTEM, ubl(prepaid="4.00", payable="6.00"), "n1.xml")
    assert taken.customer_no is None
    with pytest.raises(Refusal, match="draft_needs_customer"):
        books.write(SYSTEM, lambda work: drafts.post(work, taken.draft_id, 1))
    with pytest.raises(Refusal, match="unknown_customer"):
        books.write(SYSTEM, lambda work: drafts.assign(work, taken.draft_id, "C9", 1))
    books.write(SYSTEM, lambda work: drafts.assign(work, taken.draft_id, "C2", 1))
    with pytest.raises(Refusal, match="changed_meanwhile"):
        books.write(SYSTEM, lambda work: drafts.post(work, taken.draft_id, 1))
    books.write(SYSTEM, lambda work: drafts.post(work, taken.draft_id, 2))
    assert items(books) == [("N1", date(2026, 4, 4), 1000, 600)], "the customer's NET30 from 5 March"
    with books.read(SYSTEM) as view:
        assert [(credit.number, credit.day, credit.amount_minor, credit.open_minor) for credit in view.session.scalars(sa.select(Credit))] == [("N1-PRE", date(2026, 3, 5), 400, 0)]
    assert verify.verify(books) == []


def test_a_red_invoice_becomes_a_credit_and_what_is_put_aside_may_come_again(books: Runtime) -> None:
    red = drafts.take_in(books, SYSTEM, digital("-1130.00"), "red.ofd")
    books.write(SYSTEM, lambda work: drafts.post(work, red.draft_id, 1))
    with books.read(SYSTEM) as view:
        assert [(credit.kind, credit.open_minor) for credit in view.session.scalars(sa.select(Credit))] == [("credit_note", 113_000)]
    first = drafts.take_in(books, SYSTEM, ubl(number="N2"), "n2.xml")
    with pytest.raises(Refusal, match="missing_reason"):
        books.write(SYSTEM, lambda work: drafts.discard(work, first.draft_id, " ", 1))
    books.write(SYSTEM, lambda work: drafts.discard(work, first.draft_id, "not ours", 1))
    assert drafts.take_in(books, SYSTEM, ubl(number="N2"), "n2.xml").new
    with pytest.raises(Refusal, match="einvoice_nothing"):
        drafts.take_in(books, SYSTEM, ubl(number="N3", gross="0.00", payable="0.00"), "n3.xml")
    with pytest.raises(Refusal, match="import"):
        drafts.take_in(books, Actor("rui", 1, Role.REP, Scope(None)), ubl(number="N4"), "n4.xml")
    assert verify.verify(books) == []


def test_a_stranger_is_made_a_customer_as_the_document_names_him(books: Runtime) -> None:
    other = drafts.take_in(books, SYSTEM, ubl(number="N5"), "n5.xml")
    with pytest.raises(Refusal, match="customer_number_taken"):
        books.write(SYSTEM, lambda work: drafts.create_customer(work, other.draft_id, "C1", None, 1))
    assert draft_of(books, "N5").customer_id is None
    books.write(SYSTEM, lambda work: drafts.create_customer(work, other.draft_id, "C7", "NET30", 1))
    assert drafts.take_in(books, SYSTEM, ubl(number="N6"), "n6.xml").customer_no == "C7", "known by his tax number from now on"
    books.write(SYSTEM, lambda work: drafts.post(work, other.draft_id, 2))
    assert items(books) == [("N5", date(2026, 4, 4), 1000, 1000)]
    assert verify.verify(books) == []
