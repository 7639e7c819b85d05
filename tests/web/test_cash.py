"""Receipts and credit notes: their page, applying what is left, and taking an allocation back with a reason."""

from __future__ import annotations

import re

import sqlalchemy as sa

from collect.domain.rights import Role
from collect.runtime import Runtime
from collect.services import verify
from tests.web.conftest import SignIn, post
from tests.web.reading import field_of, read
from tests.web.test_aging import get


def test_the_page_tells_what_became_of_a_receipt(filled: Runtime, sign_in: SignIn) -> None:
    """R-1 of 280.00: 80.00 to A3 and 150.00 to A1, 50.00 left."""
    page = get(sign_in(Role.AUDITOR), "/receipts/R-1")
    assert "Receipt R-1 not used up" in page.text and "BANK-1" in page.text and "2026-02-10" in page.text
    assert [(row["Number"].text, row["Amount"].value) for row in page.rows(0)] == [("A3", "80.00"), ("A1", "150.00")]
    assert [(row["Amount"].value, row["Unapplied after"].value) for row in page.rows(1)] == [("280.00", "280.00"), ("-80.00", "200.00"), ("-150.00", "50.00")]
    assert "Credit note CN-1" in get(sign_in(Role.AUDITOR), "/credits/CN-1").text


def test_the_two_kinds_do_not_answer_for_each_other(filled: Runtime, sign_in: SignIn) -> None:
    client = sign_in(Role.FINANCE)
    assert client.get("/credits/R-1").status_code == 404
    assert client.get("/receipts/CN-1").status_code == 404


def test_what_is_left_is_applied_from_its_own_page(filled: Runtime, sign_in: SignIn) -> None:
    """The rest of CN-1, 10.00, with no amount given: as much as fits."""
    client = sign_in(Role.FINANCE)
    credit = field_of(client.get("/credits/CN-1").get_data(as_text=True), "credit")
    answer = post(client, "/credits/CN-1/apply", credit=credit, invoice_no="A2", amount="", effective="")
    assert answer.status_code == 303
    page = get(client, "/credits/CN-1")
    assert "10.00 CNY applied to invoice A2." in page.text and "Credit note CN-1 used up" in page.text
    assert [(row["Number"].text, row["Effective"].text) for row in page.rows(0)] == [("A1", "2026-03-05"), ("A2", "2026-03-10")]
    assert "/apply" not in client.get("/credits/CN-1").get_data(as_text=True)
    assert post(client, "/credits/CN-1/apply", credit=credit.replace("CN-1", "R-1"), invoice_no="A2").status_code == 404
    assert verify.verify(filled) == []


def undo_addresses(html: str) -> list[str]:
    return re.findall(r'href="(/allocations/\d+/undo)"', html)


def test_an_allocation_is_taken_back_with_a_reason_once(filled: Runtime, sign_in: SignIn) -> None:
    """150.00 of R-1 come back: A1 is open with 1,190.00, R-1 has 200.00 left; both pages tell who and why, nothing is deleted."""
    client = sign_in(Role.FINANCE)
    path = undo_addresses(client.get("/invoices/A1").get_data(as_text=True))[0]
    assert "150.00 CNY" in get(client, path).text
    bare = post(client, path, reason="")
    assert bare.status_code == 422 and "This field is required." in bare.get_data(as_text=True)
    answer = post(client, path, reason="wrong invoice")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/invoices/A1")
    page = get(client, "/invoices/A1")
    assert "150.00 CNY of invoice A1 are open again." in page.text
    assert [(row["Amount"].value, row["State"].text, row["By"].text) for row in page.rows(0)] == [
        ("150.00", "Taken back", "Import"),
        ("10.00", "In force", "System"),
        ("-150.00", "Reversal: wrong invoice", "fang"),
    ]
    assert page.rows(1)[-1]["Open after"].value == "1190.00"
    assert get(client, "/receipts/R-1").rows(1)[-1]["Unapplied after"].value == "200.00"
    assert len(undo_addresses(client.get("/invoices/A1").get_data(as_text=True))) == 1
    again = post(client, path, reason="again")
    assert again.status_code == 422 and "taken back already" in read(again.get_data(as_text=True)).text
    with filled.engine.connect() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM allocation")).scalar() == 4
    assert verify.verify(filled) == []


def test_a_closed_month_refuses_what_would_be_effective_in_it(filled: Runtime, sign_in: SignIn) -> None:
    client = sign_in(Role.FINANCE)
    assert post(client, "/months/close", month="2026-02", reason="").status_code == 303
    credit = field_of(client.get("/receipts/R-1").get_data(as_text=True), "credit")
    answer = post(client, "/receipts/R-1/apply", credit=credit, invoice_no="A1", amount="1", effective="2026-02-20")
    assert answer.status_code == 422 and "The month 2026-02 is closed" in answer.get_data(as_text=True)


def test_only_finance_may_take_back(filled: Runtime, sign_in: SignIn) -> None:
    path = undo_addresses(sign_in(Role.FINANCE).get("/invoices/A1").get_data(as_text=True))[0]
    for who in (Role.REP, Role.LEAD, Role.MANAGER, Role.AUDITOR, Role.ADMIN):
        client = sign_in(who)
        assert client.get(path).status_code == 403
        assert post(client, path, reason="x").status_code == 403
        if who is not Role.ADMIN:
            assert not undo_addresses(client.get("/invoices/A1").get_data(as_text=True))
