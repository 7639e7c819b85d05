"""Invoices: the list, the page with what settled each, its postings and history, and the event a due date waits for."""

from __future__ import annotations

import csv
import io
import re

import pytest

from collect.domain.rights import Role
from collect.runtime import Runtime
from collect.services import verify
from tests.conftest import FixedClock
from tests.web import book
from tests.web.conftest import SignIn, post
from tests.web.reading import read
from tests.web.test_aging import amounts, get


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["X1 2/2", "X1 1/2", "B/1", "A4", "A3", "A2", "A1"]),
        ("state=open", ["X1 2/2", "X1 1/2", "B/1", "A2", "A1"]),
        ("state=overdue", ["B/1", "A1"]),
        ("state=waiting", ["X1 2/2", "X1 1/2"]),
        ("state=settled", ["A3"]),
        ("state=void", ["A4"]),
        ("q=a", ["A4", "A3", "A2", "A1"]),
        ("customer=C/2", ["B/1"]),
        ("q=a&state=overdue&customer=C001", ["A1"]),
    ],
)
def test_the_list_and_its_file_show_what_the_filter_says(filled: Runtime, sign_in: SignIn, query: str, expected: list[str]) -> None:
    client = sign_in(Role.FINANCE)
    rows = get(client, f"/invoices?{query}").rows()
    assert sorted(row["Invoice no."].text for row in rows) == sorted(expected)
    shown = list(csv.DictReader(io.StringIO(client.get(f"/invoices?{query}&format=csv").data.decode("utf-8-sig"))))
    assert [row["Invoice no."] for row in shown] == [row["Invoice no."].text for row in rows]


def test_pages_by_keys_meet_every_invoice_once(filled: Runtime, sign_in: SignIn) -> None:
    client = sign_in(Role.FINANCE)
    seen, path = [], "/invoices?limit=2"
    while path:
        page = get(client, path)
        seen += [row["Invoice no."].text for row in page.rows()]
        path = next((href for href, text in page.links if text == "Next page"), "")
    assert len(seen) == 7 and len(set(seen)) == 7


def test_the_page_tells_what_settled_it_in_the_order_recorded(filled: Runtime, sign_in: SignIn) -> None:
    """A1: 1,200.00, less 150.00 of R-1 on 10 February (imported), less 10.00 of CN-1 effective 5 March and entered on the 10th."""
    page = get(sign_in(Role.FINANCE), "/invoices/A1")
    settled, history, journal = page.rows(0), page.rows(1), page.rows(2)
    assert [(row["Number"].text, row["Effective"].text, row["Amount"].value, row["State"].text, row["By"].text) for row in settled] == [
        ("R-1", "2026-02-10", "150.00", "In force", "Import"),
        ("CN-1", "2026-03-05", "10.00", "In force", "System"),
    ]
    assert [(row["Recorded at"].text, row["Effective"].text, row["Amount"].value, row["Open after"].value) for row in history] == [
        ("2026-03-10 10:00", "2025-12-11", "1200.00", "1200.00"),
        ("2026-03-10 10:00", "2026-02-10", "-150.00", "1050.00"),
        ("2026-03-10 11:00", "2026-03-05", "-10.00", "1040.00"),
    ]
    # Each line of the journal balances: receivables + unapplied + other side = 0.
    assert [(row["Receivables"].value, row["Unapplied"].value, row["Other side"].value) for row in journal] == [
        ("1200.00", "0.00", "-1200.00"),
        ("-150.00", "0.00", "150.00"),
        ("-10.00", "10.00", "0.00"),
    ]
    for text in ("Overdue", "Days past due 59", "PO-7", "first delivery", "同仁大药房"):
        assert text in page.text, text


def test_settled_and_void_invoices_say_so(filled: Runtime, sign_in: SignIn) -> None:
    client = sign_in(Role.FINANCE)
    assert "Invoice A3 Settled" in get(client, "/invoices/A3").text
    assert "Invoice A4 Void" in get(client, "/invoices/A4").text


def test_the_event_fixes_the_due_date(filled: Runtime, sign_in: SignIn) -> None:
    """Accepted on 25 February: 30 days later is 27 March, 60 days later 26 April. The amount leaves the provisional column."""
    client = sign_in(Role.FINANCE)
    page = get(client, "/invoices/X1")
    assert "until this has happened: Acceptance" in page.text
    answer = post(client, "/invoices/X1/event", happened="2026-02-25", reason="signed by the ward")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/invoices/X1")
    page = get(client, "/invoices/X1")
    assert [(row["Part"].text, row["Due date"].text) for row in page.rows(0)] == [("1", "2026-03-27"), ("2", "2026-04-26")]
    assert "signed by the ward" in page.text and "Event recorded" in page.text
    rows = {row["Customer no."].text: amounts(row) for row in get(client, "/aging").rows()}
    assert rows["C003"] == {"Total": "1000.01", "Not due": "1000.01"}
    again = post(client, "/invoices/X1/event", happened="2026-02-26")
    assert again.status_code == 422 and "X1 has a fixed due date" in read(again.get_data(as_text=True)).text
    assert verify.verify(filled) == []


@pytest.mark.parametrize(
    ("happened", "sentence"),
    [
        ("2026-03-11", "2026-03-11 lies ahead; enter the day on which it happened."),
        ("soon", "soon is no date; write it as 2026-03-31."),
        ("", "This field is required."),
    ],
)
def test_a_wrong_event_is_said_beside_its_field(filled: Runtime, sign_in: SignIn, happened: str, sentence: str) -> None:
    answer = post(sign_in(Role.FINANCE), "/invoices/X1/event", happened=happened)
    assert answer.status_code == 422
    assert sentence in read(answer.get_data(as_text=True)).text
    assert "Provisional" in get(sign_in(Role.FINANCE), "/invoices/X1").text


def test_only_finance_records_events(filled: Runtime, sign_in: SignIn, clock: FixedClock) -> None:
    for who in (Role.REP, Role.LEAD, Role.MANAGER, Role.AUDITOR):
        client = sign_in(who)
        assert "/event" not in client.get("/invoices/X1").get_data(as_text=True)
        assert post(client, "/invoices/X1/event", happened="2026-02-25").status_code == 403


def test_parts_that_wait_for_different_events_are_told_which_happened(filled: Runtime, sign_in: SignIn) -> None:
    """30 % thirty days after delivery, 70 % sixty days after acceptance of 100.00: delivery on 1 March makes 30.00 due on 31 March."""
    book.take_in(filled, "customers", "customer_no,name,currency,terms\nC9,Ward,CNY,30/30@DELIVERY+60/70@ACCEPTANCE\n")
    book.take_in(filled, "invoices", "invoice_no,customer_no,issue_date,currency,amount\nW1,C9,2026-02-20,CNY,100.00\n")
    client = sign_in(Role.FINANCE)
    unclear = post(client, "/invoices/W1/event", happened="2026-03-01")
    assert unclear.status_code == 422 and "say which one happened" in unclear.get_data(as_text=True)
    assert post(client, "/invoices/W1/event", happened="2026-03-01", trigger="DELIVERY").status_code == 303
    page = get(client, "/invoices/W1")
    assert [(row["Part"].text, row["Due date"].text, row["Open"].value) for row in page.rows(0)] == [("1", "2026-03-31", "30.00"), ("2", "2026-04-21 provisional", "70.00")]
    assert post(client, "/invoices/W1/event", happened="2026-03-01", trigger="DELIVERY").status_code == 422
    assert verify.verify(filled) == []


def test_a_due_date_is_moved_on_the_page_once(filled: Runtime, sign_in: SignIn) -> None:
    """A1 goes to 30 April with a reason; the same form again was made for what is no more. An auditor has no form."""
    client = sign_in(Role.FINANCE)
    page = client.get("/invoices/A1").get_data(as_text=True)
    part = re.findall(r'name="part" value="([^"]+)"', page)[0]
    assert post(client, "/invoices/A1/due", part=part, due="2026-04-30", reason="").status_code == 422
    answer = post(client, "/invoices/A1/due", part=part, due="2026-04-30", reason="agreed by telephone")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/invoices/A1")
    page_now = get(client, "/invoices/A1").text
    assert "Due date 2026-04-30" in page_now and "Due date moved" in page_now and "agreed by telephone" in page_now
    assert post(client, "/invoices/A1/due", part=part, due="2026-05-30", reason="once more").status_code == 409
    assert post(client, "/invoices/A1/due", part="x", due="2026-05-30", reason="once more").status_code == 404
    assert verify.verify(filled) == []
    assert "Move the due date" not in get(sign_in(Role.AUDITOR), "/invoices/A1").text
