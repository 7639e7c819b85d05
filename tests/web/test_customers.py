"""Customers: the list with today's balances, the page that tells the story, applying money there, and who looks after whom."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
import sqlalchemy as sa

from collect.domain.rights import Role
from collect.runtime import Runtime
from collect.services import verify
from tests.conftest import FixedClock
from tests.web import book
from tests.web.conftest import SignIn, post
from tests.web.reading import field_of, read
from tests.web.test_aging import get


def numbers(page: Any) -> list[str]:
    return [row["Customer no."].text for row in page.rows()] if page.bodies else []


def test_the_list_sorts_by_pinyin_and_shows_todays_balances(filled: Runtime, sign_in: SignIn) -> None:
    """C001 owes 1,340.50, 1,040.00 of it 59 days late; C/2 100.00, 9 days late; C003 1,000.01, nothing late. See tests/web/test_aging.py."""
    rows = get(sign_in(Role.FINANCE), "/customers").rows()
    told = [(row["Customer no."].text, row["Rep"].text, row["Open"].value, row["Overdue"].value, row["Oldest, days late"].text, row["Unapplied"].value) for row in rows]
    assert told == [
        ("C003", "", "1000.01", "0.00", "", "0.00"),
        ("C/2", "Rosa Rep", "100.00", "100.00", "9", "-25.00"),
        ("C001", "Rui Rep", "1340.50", "1040.00", "59", "-60.00"),
    ]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("q=协和", ["C003"]),
        ("q=NORTH", ["C/2"]),
        ("q=c00", ["C003", "C001"]),
        ("q=%25", []),
        ("q=_", []),
        ("rep=rui", ["C001"]),
        ("rep=nobody", []),
        ("segment=hospital", ["C/2"]),
        ("overdue=y", ["C/2", "C001"]),
        ("sort=number", ["C/2", "C001", "C003"]),
        ("q=c00&overdue=y&segment=dealer", ["C001"]),
    ],
)
def test_filters_in_the_address(filled: Runtime, sign_in: SignIn, query: str, expected: list[str]) -> None:
    client = sign_in(Role.FINANCE)
    assert numbers(get(client, f"/customers?{query}")) == expected
    shown = list(csv.DictReader(io.StringIO(client.get(f"/customers?{query}&format=csv").data.decode("utf-8-sig"))))
    assert [row["Customer no."] for row in shown] == expected


@pytest.mark.parametrize("order", ["", "&sort=number"])
def test_pages_by_keys_meet_every_customer_once(filled: Runtime, sign_in: SignIn, clock: FixedClock, order: str) -> None:
    """Twelve more customers of the same name (told apart by their number), and C001 with a second currency, on pages of four."""
    more = "".join(f"D{number:02},同仁大药房,CNY\n" for number in range(12))
    book.take_in(filled, "customers", "customer_no,name,currency\n" + more)
    book.take_in(filled, "invoices", "invoice_no,customer_no,issue_date,due_date,currency,amount\nU1,C001,2026-03-01,2026-04-01,USD,5.00\n")
    client = sign_in(Role.FINANCE)
    seen, path = [], f"/customers?limit=4{order}"
    while path:
        page = get(client, path)
        assert len(set(numbers(page))) <= 4
        seen += numbers(page)
        path = next((href for href, text in page.links if text == "Next page"), "")
    names = [f"D{number:02}" for number in range(12)]
    assert seen == (["C/2", "C001", "C001", "C003", *names] if order else ["C003", "C/2", "C001", "C001", *names])


def test_the_page_tells_the_story(filled: Runtime, sign_in: SignIn) -> None:
    page = get(sign_in(Role.FINANCE), "/customers/C001")
    items, rests = page.rows(0), page.rows(1)
    assert [(row["Document"].text, row["Due date"].text, row["Days past due"].text, row["Amount"].value, row["Open"].value) for row in items] == [
        ("A1", "2026-01-10", "59", "1200.00", "1040.00"),
        ("A2", "2026-03-10", "", "300.50", "300.50"),
    ]
    assert [(row["Number"].text, row["Kind"].text, row["Amount"].value, row["Unapplied"].value) for row in rests] == [
        ("R-1", "Receipt", "280.00", "-50.00"),
        ("CN-1", "Credit note", "20.00", "-10.00"),
    ]
    for text in ("同仁大药房", "NET30", "91110101MA01", "Credit limit 1,000.00 exceeded", "王莉", "13800138000", "decides", "Rep Rui Rep", "Collector Fang Finance"):
        assert text in page.text, text
    # Newest first by the day it counts: the allocation of 5 March, the credit of 1 March, … the first invoice of December.
    story = page.text[page.text.index("Timeline") :]
    days = [
        "2026-03-05 Applied A1 10.00 CNY from CN-1",
        "2026-03-01 Credit note issued CN-1 20.00 CNY",
        "2026-02-10 Applied A1 150.00",
        "2026-02-10 Applied A3 80.00",
        "2026-02-10 Payment received R-1",
        "2025-12-11 Invoice issued A1",
    ]
    places = [story.index(day) for day in days[:2]] + [story.index(day) for day in days[4:]]
    assert places == sorted(places) and all(day in story for day in days)


def test_provisional_dates_and_instalments_are_told_apart(filled: Runtime, sign_in: SignIn) -> None:
    """C003's terms are 30 days 50 %, 60 days 50 % after acceptance; 1,000.01 is 500.01 + 500.00, nothing is overdue."""
    page = get(sign_in(Role.FINANCE), "/customers/C003")
    rows = page.rows(0)
    assert [(row["Document"].text, row["Due date"].text, row["Open"].value) for row in rows] == [
        ("X1 1/2", "2026-03-22 provisional", "500.01"),
        ("X1 2/2", "2026-04-21 provisional", "500.00"),
    ]
    assert "Provisional 1,000.01" in page.text


def test_settled_and_void_have_their_list(filled: Runtime, sign_in: SignIn) -> None:
    """A3 of 80.00 was due 4 February and settled by R-1 of 10 February: 6 days late; A4 is void."""
    rows = get(sign_in(Role.FINANCE), "/customers/C001/settled").rows()
    assert [(row["Invoice"].text, row["Settled on"].text, row["Days late"].text) for row in rows] == [("A4", "Void", ""), ("A3", "2026-02-10", "6")]


def test_the_timeline_pages_through_everything_once(filled: Runtime, sign_in: SignIn) -> None:
    """Nine entries of C001: 4 invoices, 1 receipt, 1 credit, 3 allocations; on pages of two, and a place nobody gave begins at the top."""
    client = sign_in(Role.FINANCE)
    whole = get(client, "/customers/C001/timeline").text
    path, seen = "/customers/C001/timeline?limit=2", 0
    while path:
        page = get(client, path)
        seen += page.text.count(" · recorded") + page.text.count(" recorded ")
        path = next((href for href, text in page.links if text == "Next page"), "")
    assert seen == whole.count(" recorded ") == 9
    for nonsense in ("x", "2026-02-10.1.2", "9999-99-99.1.1.1", "2026-02-10.999999999999999999.1.1", "²026.1.1.1"):
        assert client.get("/customers/C001/timeline", query_string={"after": nonsense}).status_code == 200


def test_money_is_applied_from_the_page(filled: Runtime, sign_in: SignIn) -> None:
    """R-1 has 50.00 left; 30.00 go to A2, effective 9 March; 270.50 of A2 stay open."""
    client = sign_in(Role.FINANCE)
    html = client.get("/customers/C001").get_data(as_text=True)
    credit = field_of(html, "credit")
    assert credit.startswith("receipt|R-1|")
    answer = post(client, "/customers/C001/apply", credit=credit, invoice_no="A2", amount="30.00", effective="2026-03-09")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/customers/C001")
    page = get(client, "/customers/C001")
    assert "30.00 CNY applied to invoice A2." in page.text
    assert [(row["Document"].text, row["Open"].value) for row in page.rows(0)] == [("A1", "1040.00"), ("A2", "270.50")]
    assert [(row["Number"].text, row["Unapplied"].value) for row in page.rows(1)] == [("R-1", "-20.00"), ("CN-1", "-10.00")]
    # The same form once more (a double click, the browser's Back): nothing is applied twice.
    again = post(client, "/customers/C001/apply", credit=credit, invoice_no="A2", amount="30.00", effective="2026-03-09")
    assert again.status_code == 409
    assert "R-1 was changed meanwhile" in read(again.get_data(as_text=True)).text
    assert get(client, "/customers/C001").rows(0)[1]["Open"].value == "270.50"
    assert verify.verify(filled) == []


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"amount": "60"}, "60.00 CNY cannot be allocated: only 50.00 of the receipt is left."),
        ({"amount": "1e1"}, "1e1 is no amount"),
        ({"amount": "-5"}, "An allocation must be more than zero, not -5.00."),
        ({"invoice_no": "B/1"}, "Invoice B/1 belongs to another customer."),
        ({"invoice_no": "A9"}, "There is no invoice A9 of this customer"),
        ({"invoice_no": "A3"}, "There is nothing left to allocate between R-1 and A3."),
        ({"effective": "2026-03-11"}, "2026-03-11 lies ahead"),
        ({"effective": "2026-02-01"}, "2026-02-01 is too early; the allocation can count from 2026-02-10 at the earliest."),
        ({"effective": "yesterday"}, "yesterday is no date"),
        ({"invoice_no": ""}, "This field is required."),
    ],
)
def test_what_cannot_be_applied_is_said_beside_its_field_and_kept(filled: Runtime, sign_in: SignIn, fields: dict[str, str], sentence: str) -> None:
    client = sign_in(Role.FINANCE)
    credit = field_of(client.get("/customers/C001").get_data(as_text=True), "credit")
    sent = {"credit": credit, "invoice_no": "A1", "amount": "", "effective": ""} | fields
    answer = post(client, "/customers/C001/apply", **sent)
    html = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert sentence in read(html).text
    assert (field_of(html, "amount"), field_of(html, "invoice_no")) == (sent["amount"], sent["invoice_no"])
    with filled.engine.connect() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM allocation")).scalar() == 3


def test_a_rep_reads_and_changes_nothing(filled: Runtime, sign_in: SignIn) -> None:
    for who in (Role.REP, Role.MANAGER, Role.AUDITOR):
        client = sign_in(who)
        html = client.get("/customers/C001").get_data(as_text=True)
        assert "/apply" not in html and "/duty" not in html
        assert post(client, "/customers/C001/apply", credit="receipt|R-1|1", invoice_no="A1").status_code == 403
        assert post(client, "/customers/C001/duty", duty="rep", person="", version="1").status_code == 403


def test_anothers_receipt_cannot_be_applied_through_ones_own_customers_page(filled: Runtime, sign_in: SignIn) -> None:
    client = sign_in(Role.FINANCE)
    assert post(client, "/customers/C001/apply", credit="receipt|R-2|1", invoice_no="A1").status_code == 404
    assert post(client, "/customers/C001/apply", credit="nonsense", invoice_no="A1").status_code == 404


def test_a_new_rep_from_today_on(filled: Runtime, sign_in: SignIn, clock: FixedClock) -> None:
    """On 12 March Rosa takes C001 over from Rui: it disappears for Rui and appears for Rosa, and the page says since when."""
    clock.set("2026-03-12T04:00:00")
    finance = sign_in(Role.FINANCE)
    rui, rosa = sign_in(Role.REP), sign_in("rosa")
    assert rosa.get("/customers/C001").status_code == 404
    version = field_of(finance.get("/customers/C001").get_data(as_text=True), "version")
    answer = post(finance, "/customers/C001/duty", duty="rep", person="rosa", version=version)
    assert answer.status_code == 303
    text = get(finance, "/customers/C001").text
    assert "Rep Rosa Rep" in text and "2026-03-12 · Rep · Rosa Rep" in text and "2026-03-10 · Rep · Rui Rep" in text
    assert "Assigned" in text and "Rui Rep → Rosa Rep" in text
    assert rui.get("/customers/C001").status_code == 404
    assert get(rosa, "/customers/C001").rows(0)
    stale = post(finance, "/customers/C001/duty", duty="rep", person="rui", version=version)
    assert stale.status_code == 409 and "was changed meanwhile" in stale.get_data(as_text=True)
    version = field_of(finance.get("/customers/C001").get_data(as_text=True), "version")
    wrong = post(finance, "/customers/C001/duty", duty="rep", person="fang", version=version)
    assert wrong.status_code == 422 and "User fang has the role" in wrong.get_data(as_text=True)
    assert post(finance, "/customers/C001/duty", duty="rep", person="", version=version).status_code == 303
    assert "2026-03-12 · Rep · Nobody" in get(finance, "/customers/C001").text
    assert verify.verify(filled) == []


@pytest.mark.parametrize("number", ["C/2", "100%", "..", "a/b/c", "é ü", "数/字#1?", "a%2Fb", "\\x", "-"])
def test_any_number_is_an_address_there_and_back(filled: Runtime, sign_in: SignIn, number: str) -> None:
    if number != "C/2":
        assert not book.take_in(filled, "customers", f'customer_no,name,currency\n"{number}",Odd,CNY\n', encoding="utf-8").refused
    client = sign_in(Role.FINANCE)
    listed = get(client, "/customers?sort=number")
    href = next(row["Customer no."].href for row in listed.rows() if row["Customer no."].text == number)
    assert href and number in get(client, href).text
