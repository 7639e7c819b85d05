"""The early payment discount on the pages: told while it is to be had, taken with the receipt, and taken back with it."""

from __future__ import annotations

import re

import pytest

from collect.domain.rights import Role
from collect.runtime import Runtime
from collect.services import verify
from tests.bank_lines import add_lines
from tests.conftest import FixedClock
from tests.web.book import take_in
from tests.web.conftest import SignIn, post
from tests.web.test_aging import get

# E1 was issued on 5 March with 2/10 NET30: 20.00 less through 15 March. Today is 10 March.
CUSTOMER = "customer_no,name,rep,currency,terms\nD1,早付公司,rui,CNY,2/10 NET30\n"
INVOICE = "invoice_no,customer_no,issue_date,currency,amount\nE1,D1,2026-03-05,CNY,1000.00\n"
OFFERED = "Pay 980.00 CNY until 2026-03-15"


@pytest.fixture
def book(filled: Runtime) -> Runtime:
    assert not take_in(filled, "customers", CUSTOMER).refused
    assert not take_in(filled, "invoices", INVOICE).refused
    return filled


def receipt(**more: str) -> dict[str, str]:
    return {"number": "R-9", "day": "2026-03-09", "amount": "1500.00", "currency": "CNY", "method": "transfer", **more}


def test_it_is_told_while_it_is_to_be_had(book: Runtime, sign_in: SignIn, clock: FixedClock) -> None:
    client = sign_in(Role.FINANCE)
    (key,) = add_lines(book, {"amount_minor": 98_000, "payer": "somebody"})
    paths = ("/invoices/E1", "/customers/D1", "/customers/D1/receipt", f"/bank/lines?line={key}&customer=D1")
    assert [OFFERED in get(client, path).text for path in paths] == [True] * 4
    assert OFFERED not in get(client, "/customers/C001").text
    clock.set("2026-03-15T04:00:00")
    assert OFFERED in get(sign_in(Role.FINANCE), "/invoices/E1").text, "its last day"
    clock.set("2026-03-16T04:00:00")
    client = sign_in(Role.FINANCE)
    assert [OFFERED in get(client, path).text for path in paths[:2]] == [False, False]
    assert OFFERED in get(client, "/customers/D1/receipt").text, "a receipt of a day before may still be entered"


def test_a_receipt_takes_it_and_taken_back_it_goes_too(book: Runtime, sign_in: SignIn) -> None:
    """1,500.00 came on the 9th and waited: its page says that 980.00 settle E1. They do; taken back, E1 is open with 1,000.00."""
    client = sign_in(Role.FINANCE)
    assert post(client, "/customers/D1/receipt", **receipt()).status_code == 303
    page = client.get("/receipts/R-9").get_data(as_text=True)
    assert OFFERED in get(client, "/receipts/R-9").text
    credit = re.findall(r'name="credit" value="([^"]+)"', page)[0]
    assert post(client, "/receipts/R-9/apply", credit=credit, invoice_no="E1", amount="980", effective="").status_code == 303
    told = get(client, "/invoices/E1")
    rows = [(row["Number"].text, row["Amount"].value) for row in told.rows(0)]
    assert rows[0] == ("R-9", "980.00") and rows[1][1] == "20.00" and rows[1][0].startswith("ED-")
    assert OFFERED not in told.text and "Early payment discount" in told.text
    discount = get(client, f"/discounts/{rows[1][0]}")
    assert "Earned by receipt R-9" in discount.text and "used up" in discount.text
    undo = re.findall(r'href="(/allocations/\d+/undo)"', client.get("/receipts/R-9").get_data(as_text=True))[0]
    assert "The discount that it earned is taken back with it." in get(client, undo).text
    assert post(client, undo, reason="wrong invoice").status_code == 303
    assert OFFERED in get(client, "/invoices/E1").text
    assert "Void" in get(client, f"/discounts/{rows[1][0]}").text
    assert verify.verify(book) == []


def test_a_bank_line_says_why_it_is_exact(book: Runtime, sign_in: SignIn) -> None:
    client = sign_in(Role.FINANCE)
    (key,) = add_lines(book, {"amount_minor": 98_000, "payer": "早付公司"})
    assert post(client, f"/bank/lines/{key}/propose").status_code == 303
    told = get(client, f"/bank/lines?line={key}").text
    assert "The amount is what is open of E1 less its early payment discount, and fits no other open item." in told
    assert "1,000.00 CNY are open; early payment takes 20.00 CNY off (granted until 2026-03-15)." in told
    version = re.findall(r'name="version" value="(\d+)"', client.get(f"/bank/lines?line={key}").get_data(as_text=True))[0]
    assert post(client, f"/bank/lines/{key}/accept", version=version).status_code == 303
    assert "Settled" in get(client, "/invoices/E1").text
    assert verify.verify(book) == []
