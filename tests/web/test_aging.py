"""The aging page: figures worked out by hand, the way down to the invoice, the same rows in every form, and who sees what."""

from __future__ import annotations

import csv
import html
import io
import json
import re
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from python_calamine import CalamineWorkbook

from collect.domain.rights import Role
from collect.runtime import Runtime
from tests.conftest import FixedClock
from tests.documents import reading as pdfs
from tests.web import book
from tests.web.conftest import SignIn, browser
from tests.web.reading import Page, read

# On 10 March 2026 (see tests/web/book.py):
#   C001 同仁大药房 CNY: A1 1,200.00 - 150.00 (R-1) - 10.00 (CN-1) = 1,040.00, due 10 January, 59 days: 31-60; A2 300.50 due today: not due;
#                      unapplied R-1 280.00 - 80.00 - 150.00 = 50.00 and CN-1 20.00 - 10.00 = 10.00: -60.00; total 1,280.50
#   C003 北京协和 CNY: X1 1,000.01 waits for the acceptance: provisional
#   C/2 Northwind EUR: B/1 100.00 due 1 March, 9 days: 1-30; R-2 unapplied -25.00; total 75.00
# By pinyin: bei jing xie he, northwind…, tong ren da yao fang.
BY_CUSTOMER = {
    ("C003", "CNY"): {"Total": "1000.01", "Provisional": "1000.01"},
    ("C/2", "EUR"): {"Total": "75.00", "1–30": "100.00", "Unapplied": "-25.00"},
    ("C001", "CNY"): {"Total": "1280.50", "Not due": "300.50", "31–60": "1040.00", "Unapplied": "-60.00"},
}
TOTALS = {
    "CNY": {"Total": "2280.51", "Not due": "300.50", "31–60": "1040.00", "Provisional": "1000.01", "Unapplied": "-60.00"},
    "EUR": {"Total": "75.00", "1–30": "100.00", "Unapplied": "-25.00"},
}
WORDS = ("Customer no.", "Name", "Currency", "Document", "Due date")


def amounts(row: dict[str, Any]) -> dict[str, str]:
    """A row's amounts that are not zero."""
    return {name: cell.value for name, cell in row.items() if name not in WORDS and cell.value != "0.00"}


def by_key(page: Page) -> dict[tuple[str, str], dict[str, str]]:
    return {(row["Customer no."].text, row["Currency"].text): amounts(row) for row in page.rows()}


def get(client: Any, path: str) -> Page:
    answer = client.get(path)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return read(answer.get_data(as_text=True))


def test_the_page_shows_the_figures_worked_out_by_hand(filled: Runtime, sign_in: SignIn) -> None:
    page = get(sign_in(Role.FINANCE), "/aging")
    assert by_key(page) == BY_CUSTOMER
    assert [row["Customer no."].text for row in page.rows()] == ["C003", "C/2", "C001"]
    assert {row["Currency"].text: amounts(row) for row in page.totals()} == TOTALS
    assert "ties out with the journal" in page.text
    # A zero is a quiet dash; a column without any amount is left out, and said to be.
    row = page.rows()[2]
    assert {row[name].text for name in ("1–30", "Provisional")} == {"–"}
    assert "Columns without any amount are left out: 61–90, 91–180, 181–365, 366–730, 731–1095, 1096+, Disputed, Promised, In paper" in page.text
    assert list(row) == [
        "Customer no.",
        "Name",
        "Total",
        "Currency",
        "Not due",
        "1–30",
        "31–60",
        "Provisional",
        "Unapplied",
    ]
    # What is asked for is shown even where nothing is in it.
    assert "61–90" in get(sign_in(Role.FINANCE), "/aging?sort=-61-90").rows()[0]


def test_page_json_csv_xlsx_and_pdf_show_the_same_rows(filled: Runtime, sign_in: SignIn) -> None:
    """Read back by five readers; the page is compared with the hand-made figures above, so all of them are."""
    client = sign_in(Role.FINANCE)
    page = get(client, "/aging")
    names = [name for name in page.rows()[0] if name not in WORDS]
    shown = [(row["Customer no."].text, row["Name"].text, row["Currency"].text, {name: row[name].value for name in names}) for row in page.rows()]
    told = json.loads(client.get("/aging?format=json").data)
    keys = {"Not due": "not_due", "Total": "total", "Provisional": "provisional", "Unapplied": "unapplied", "Disputed": "disputed", "Promised": "promised", "In paper": "in_paper"}
    assert [(row["key"], row["name"], row["currency"], {name: row[keys.get(name, name.replace("–", "-"))] for name in names}) for row in told["rows"]] == shown
    assert told["control"]["ties_out"] is True and told["by"] == "customer" and told["as_of"] == "2026-03-10"
    answer = client.get("/aging?format=csv")
    assert answer.data.startswith(b"\xef\xbb\xbf") and answer.headers["Content-Disposition"] == 'attachment; filename="aging-2026-03-10.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig"))))
    assert [(row["Customer no."], row["Name"], row["Currency"], {name: row[name] for name in names}) for row in rows] == shown
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(client.get("/aging?format=xlsx").data)).get_sheet_by_index(0).to_python()
    at = next(number for number, row in enumerate(sheet) if row[0] == "Customer no.")
    cells = [dict(zip(sheet[at], row, strict=True)) for row in sheet[at + 1 : at + 4]]
    assert [(row["Customer no."], row["Name"], row["Currency"], {name: f"{row[name]:.2f}" for name in names}) for row in cells] == shown
    printed = " ".join(pdfs.text(client.get("/aging?format=pdf").data).split())
    for number, _, currency, values in shown:
        line = printed[printed.index(number) :].split(currency, 1)[1]
        expected = [
            f"{float(values.get(name) or 0):,.2f}"
            for name in ("Not due", "1–30", "31–60", "61–90", "91–180", "181–365", "366–730", "731–1095", "1096+", "Provisional", "Unapplied", "Total")
        ]
        assert line.split()[:12] == expected, number


def test_from_a_bucket_to_the_invoice_and_its_history(filled: Runtime, sign_in: SignIn) -> None:
    """Two clicks: the amount of 31-60 of C001, then the document; the crumbs lead back with the question kept."""
    client = sign_in(Role.FINANCE)
    page = get(client, "/aging?as_of=2026-03-10&buckets=30,60")
    row = next(row for row in page.rows() if row["Customer no."].text == "C001")
    items = get(client, row["31–60"].href or "")
    assert [(item["Document"].text, item["Due date"].text, amounts(item)) for item in items.rows()] == [("A1", "2026-01-10", {"Total": "1040.00", "31–60": "1040.00"})]
    assert ("/aging?as_of=2026-03-10&buckets=30,60", "Aging") in items.links
    invoice = get(client, items.rows()[0]["31–60"].href or "")
    assert "Invoice A1" in invoice.text
    assert [row["Number"].text for row in invoice.rows(0)] == ["R-1", "CN-1"]
    # The total of a currency leads to all its documents, and unapplied money to its receipts.
    everything = get(client, page.totals()[0]["Total"].href or "")
    assert [item["Document"].text for item in everything.rows()] == ["A1", "A2", "X1 1/2", "X1 2/2", "R-1", "CN-1"]
    unapplied = get(client, page.totals()[0]["Unapplied"].href or "")
    assert [(item["Document"].text, item["Document"].href) for item in unapplied.rows()] == [("R-1", "/receipts/R-1"), ("CN-1", "/credits/CN-1")]


@pytest.mark.parametrize(
    ("query", "first", "rows"),
    [
        ("by=rep", "Rep", [("Nobody", "CNY", "1000.01"), ("rosa", "EUR", "75.00"), ("rui", "CNY", "1280.50")]),
        ("by=segment", "Segment", [("dealer", "CNY", "2280.51"), ("hospital", "EUR", "75.00")]),
        ("by=currency", "Currency", [("CNY", "CNY", "2280.51"), ("EUR", "EUR", "75.00")]),
        ("by=group", "Group", [("C/2", "EUR", "75.00"), ("C003", "CNY", "1000.01"), ("C001", "CNY", "1280.50")]),
    ],
)
def test_other_groupings_lead_down_to_their_customers(filled: Runtime, sign_in: SignIn, query: str, first: str, rows: list[tuple[str, str, str]]) -> None:
    client = sign_in(Role.FINANCE)
    html = client.get(f"/aging?{query}").get_data(as_text=True)
    page = read(html)
    bodies = page.bodies[0]
    heads = [cell.text for cell in page.heads[0]]
    assert heads[0] == first
    total, currency = heads.index("Total"), len(heads) - 1 - heads[::-1].index("Currency")
    assert sorted((row[0].text, row[currency].text, row[total].value) for row in bodies) == sorted(rows)
    for row in bodies:
        below = get(client, row[total].href or "")
        assert [line["Total"].value for line in below.totals() if line["Currency"].text == row[currency].text] == [row[total].value]


def test_a_part_of_the_report_has_totals_of_its_own_and_exports_as_shown(filled: Runtime, sign_in: SignIn) -> None:
    client = sign_in(Role.FINANCE)
    page = get(client, "/aging?by=item&bucket=31-60")
    assert [row["Document"].text for row in page.rows()] == ["A1"]
    assert [amounts(row) for row in page.totals()] == [{"Total": "1040.00", "31–60": "1040.00"}]
    assert len(json.loads(client.get("/aging?by=item&bucket=31-60&format=json").data)["rows"]) == 1
    assert [row["Document"].text for row in get(client, "/aging?by=item&bucket=overdue").rows()] == ["A1", "B/1"]
    assert by_key(get(client, "/aging?rep=-")) == {("C003", "CNY"): BY_CUSTOMER["C003", "CNY"]}
    assert not get(client, "/aging?rep=nobody-of-that-name").bodies


def test_the_list_sorts_by_any_amount_and_pages_by_keys(filled: Runtime, sign_in: SignIn) -> None:
    client = sign_in(Role.FINANCE)
    assert [row["Customer no."].text for row in get(client, "/aging?sort=total").rows()] == ["C001", "C003", "C/2"]
    assert [row["Customer no."].text for row in get(client, "/aging?sort=-total").rows()] == ["C003", "C001", "C/2"]
    seen = []
    path = "/aging?limit=1"
    for _ in range(3):
        page = get(client, path)
        seen += [row["Customer no."].text for row in page.rows()]
        assert {row["Currency"].text: amounts(row) for row in page.totals()} == TOTALS
        path = next((href for href, text in page.links if text == "Next page"), "")
    assert seen == ["C003", "C/2", "C001"] and path == ""


def test_known_at_gives_the_old_report_again(filled: Runtime, sign_in: SignIn, clock: FixedClock) -> None:
    """A payment of 40.00 dated February and entered on 12 March; the link of 10 March still gives 10 March's figures."""
    client = sign_in(Role.FINANCE)
    before = get(client, "/aging?as_of=2026-02-28")
    known = next(href for href, text in before.links if "known_at=" in href)
    clock.set("2026-03-12T04:00:00")
    book.take_in(filled, "payments", "payment_ref,customer_no,date,currency,amount,invoice_no\nLATE,C001,2026-02-20,CNY,40.00,A1\n")
    client = sign_in(Role.FINANCE)
    after = get(client, "/aging?as_of=2026-02-28")
    assert by_key(after)["C001", "CNY"]["31–60"] == "1010.00"
    assert by_key(before)["C001", "CNY"]["31–60"] == "1050.00"
    assert by_key(get(client, known)) == by_key(before)


def test_unapplied_money_stands_in_the_buckets_by_its_own_date_where_that_is_asked_for(filled: Runtime, sign_in: SignIn) -> None:
    """R-1 is of 10 February (28 days before 10 March), CN-1 of 1 March (9 days), R-2 of 2 March (8 days); on any day, by row and by document.

    On 4 March CN-1 had not been used (its 10.00 count from the 5th): A1 1,050.00 (53 days), R-1 -50.00 (22 days), CN-1 -20.00 (3 days).
    """
    client = sign_in(Role.FINANCE)
    page = get(client, "/aging?unapplied=aged&buckets=10,20,30,60")
    assert by_key(page)["C001", "CNY"] == {"Total": "1280.50", "Not due": "300.50", "1–10": "-10.00", "21–30": "-50.00", "31–60": "1040.00"}
    assert by_key(page)["C/2", "EUR"] == {"Total": "75.00", "1–10": "75.00"}
    assert "unapplied in the buckets by its own date" in page.text
    row = next(row for row in page.rows() if row["Customer no."].text == "C001")
    assert [(item["Document"].text, amounts(item)) for item in get(client, row["21–30"].href or "").rows()] == [("R-1", {"Total": "-50.00", "21–30": "-50.00"})]
    past = json.loads(client.get("/aging?unapplied=aged&buckets=10,20,30,60&as_of=2026-03-04&format=json").data)
    told = {row["key"]: {name: row[name] for name in ("not_due", "1-10", "21-30", "31-60", "unapplied", "total")} for row in past["rows"]}
    assert told["C001"] == {"not_due": "300.50", "1-10": "-20.00", "21-30": "-50.00", "31-60": "1050.00", "unapplied": "0.00", "total": "1280.50"}
    assert told["C/2"]["1-10"] == "75.00" and past["unapplied"] == "aged" and past["control"]["ties_out"] is True
    assert "unapplied" not in json.loads(client.get("/aging?format=json").data)
    assert client.get("/aging?unapplied=mixed").status_code == 422


def test_a_report_of_a_past_day_is_grouped_as_the_customers_were_on_it(filled: Runtime, sign_in: SignIn, clock: FixedClock) -> None:
    """On 12 March C001 becomes a hospital and a member of C003: the report of the 10th keeps both apart as they were."""

    def told(query: str) -> dict[tuple[str, str], str]:
        return {(row["key"], row["currency"]): row["total"] for row in json.loads(client.get(f"/aging?format=json&{query}").data)["rows"]}

    client = sign_in(Role.FINANCE)
    known = json.loads(client.get("/aging?format=json").data)["control"]["known"].replace("+", "%2B")
    clock.set("2026-03-12T04:00:00")
    assert book.take_in(filled, "customers", "customer_no,name,segment,parent_no\nC001,同仁大药房,hospital,C003\n").changed == 1
    client = sign_in(Role.FINANCE)
    assert told("by=segment&as_of=2026-03-10") == {("dealer", "CNY"): "2280.51", ("hospital", "EUR"): "75.00"}
    assert told("by=segment") == {("dealer", "CNY"): "1000.01", ("hospital", "CNY"): "1280.50", ("hospital", "EUR"): "75.00"}
    # The first head that is known holds for the time before, except where the report is to know what was known then.
    assert told("by=group&as_of=2026-03-10") == {("C003", "CNY"): "2280.51", ("C/2", "EUR"): "75.00"}
    assert told(f"by=group&as_of=2026-03-10&known_at={known}") == {("C003", "CNY"): "1000.01", ("C001", "CNY"): "1280.50", ("C/2", "EUR"): "75.00"}
    below = get(client, "/aging?segment=hospital&as_of=2026-03-10&by=item")
    assert [row["Document"].text for row in below.rows()] == ["B/1", "R-2"]


def test_a_rep_sees_his_customers_in_rows_counts_sums_and_files(filled: Runtime, sign_in: SignIn) -> None:
    rui, rosa, lan = sign_in(Role.REP), sign_in("rosa"), sign_in(Role.LEAD)
    assert by_key(get(rui, "/aging")) == {("C001", "CNY"): BY_CUSTOMER["C001", "CNY"]}
    assert [amounts(row) for row in get(rui, "/aging").totals()] == [BY_CUSTOMER["C001", "CNY"]]
    assert "1 of 1 rows" in get(rui, "/aging").text
    assert by_key(get(rosa, "/aging")) == {("C/2", "EUR"): BY_CUSTOMER["C/2", "EUR"]}
    assert by_key(get(lan, "/aging")) == by_key(get(rui, "/aging"))
    for form in ("csv", "json"):
        text = rosa.get(f"/aging?format={form}").get_data(as_text=True)
        assert "Northwind" in text and "C001" not in text and "1280.50" not in text
    assert "EUR" not in get(rui, "/aging").text
    assert [(answer.status_code, answer.data) for answer in [rui.get("/aging?customer=C/2")]] == [(404, rui.get("/aging?customer=missing").data)]


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("as_of=2026-02-30", "2026-02-30 is no date; write it as 2026-03-31."),
        ("as_of=31.03.2026", "31.03.2026 is no date; write it as 2026-03-31."),
        ("known_at=yesterday", "yesterday is no instant; write a date such as 2026-03-31, or 2026-03-31T17:00:00+08:00."),
        ("buckets=60,30", "60,30 are no aging buckets; write rising upper edges in days such as 30,60,90."),
        ("by=moon", "moon is no grouping; choose one of customer, item, rep, collector, segment, group, currency."),
        ("basis=moon", "moon is no basis; count days from the due date (due) or the issue date (issue)."),
        ("currency=QQQ", "QQQ is no currency code; write three letters such as CNY, USD or EUR."),
    ],
)
def test_a_wrong_question_gets_one_sentence_and_keeps_what_was_typed(filled: Runtime, sign_in: SignIn, query: str, sentence: str) -> None:
    client = sign_in(Role.FINANCE)
    answer = client.get(f"/aging?{query}")
    html = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert sentence in read(html).text
    assert not read(html).bodies
    assert client.get(f"/aging?{query}&format=csv").status_code == 422


def test_what_does_not_tie_out_is_not_shown(filled: Runtime, sign_in: SignIn) -> None:
    """One cent more on an item behind the books' back: the sentence stands where the figures stood, and no file is given out."""
    with filled.engine.connect().execution_options(collect_writes=True) as connection:
        connection.execute(sa.text("UPDATE item SET open_minor = open_minor + 1 WHERE document_no = 'A2' AND open_minor < amount_minor"))
        connection.execute(sa.text("UPDATE item SET open_minor = open_minor - 1 WHERE document_no = 'A2'"))
        connection.commit()
    client = sign_in(Role.FINANCE)
    answer = client.get("/aging")
    page = read(answer.get_data(as_text=True))
    assert answer.status_code == 422
    assert "The report shows 2280.50 CNY where the control has 2280.51; it is not shown." in page.text
    assert not page.bodies
    assert client.get("/aging?format=xlsx").status_code == 422
    assert "it is not shown" in get(client, "/customers/C001").text


def test_an_unknown_form_of_file_is_not_found(filled: Runtime, sign_in: SignIn) -> None:
    assert sign_in(Role.FINANCE).get("/aging?format=exe").status_code == 404


def test_the_script_gets_the_block_alone(filled: Runtime, sign_in: SignIn) -> None:
    answer = sign_in(Role.FINANCE).get("/aging", headers={"X-Block": "results"})
    html = answer.get_data(as_text=True)
    assert answer.headers["X-Block"] == "results"
    assert "<html" not in html and '<form class="filter"' not in html
    assert by_key(read(html)) == BY_CUSTOMER


def test_an_empty_book_says_what_belongs_there(app: Flask, sign_in: SignIn) -> None:
    page = get(sign_in(Role.FINANCE), "/aging")
    assert "Nothing is open" in page.text
    assert ("/imports/new", "Import a file") in page.links
    assert "Import a file" not in get(sign_in(Role.MANAGER), "/aging").text


def test_the_bar_shows_every_bucket_by_pattern_label_and_share(filled: Runtime, sign_in: SignIn) -> None:
    """CNY open 2,340.51: not due 300.50 is 12.84 %, 31-60 1,040.00 is 44.43 %, provisional the rest; unapplied is no piece of it."""
    html = sign_in(Role.FINANCE).get("/aging?currency=CNY").get_data(as_text=True)
    bar = html.split('<svg class="bar"', 1)[1].split("</svg>", 1)[0]
    pieces = [part.split("</title>")[0] for part in bar.split("<title>")[1:]]
    assert pieces == ["Not due: 300.50 CNY (13 %)", "31–60: 1,040.00 CNY (44 %)", "Provisional: 1,000.01 CNY (43 %)"]
    assert 'x="0.00%" width="12.83%"' in bar and 'x="12.83%" width="44.44%"' in bar and 'x="57.27%" width="42.73%"' in bar
    assert 'fill="url(#hatch-2)"' in bar and "style=" not in html


def test_a_browser_of_nobody_is_sent_to_sign_in(app: Flask) -> None:
    answer = browser(app).get("/aging?by=item")
    assert answer.status_code == 303 and answer.headers["Location"].startswith("/login?next=/aging")


# A1 1,040.00 due 10 January, B/1 EUR 100.00 due 1 March, A2 300.50 due 10 March, X1 in halves of 500.01 and 500.00 without a date,
# then by their day R-1 50.00, CN-1 10.00 and EUR R-2 25.00 unapplied.
@pytest.mark.parametrize(
    ("query", "documents"),
    [
        ("", ["A1", "B/1", "A2", "X1 1/2", "X1 2/2", "R-1", "CN-1", "R-2"]),
        ("&as_of=2026-03-09&known_at=2026-03-10T12:00", ["A1", "B/1", "A2", "X1 1/2", "X1 2/2", "R-1", "CN-1", "R-2"]),
        ("&sort=total", ["A1", "X1 1/2", "X1 2/2", "A2", "CN-1", "R-1", "B/1", "R-2"]),
        ("&sort=-total", ["R-1", "CN-1", "A2", "X1 2/2", "X1 1/2", "A1", "R-2", "B/1"]),
        ("&bucket=overdue", ["A1", "B/1"]),
        ("&bucket=unapplied&currency=CNY", ["R-1", "CN-1"]),
        ("&bucket=provisional&sort=-provisional", ["X1 2/2", "X1 1/2"]),
        ("&segment=hospital", ["B/1", "R-2"]),
        ("&segment=dealer&bucket=total&sort=-unapplied", ["R-1", "CN-1", "A1", "A2", "X1 1/2", "X1 2/2"]),
        ("&unapplied=aged&bucket=1-30", ["B/1", "R-1", "CN-1", "R-2"]),
        ("&basis=issue&bucket=31-60", ["B/1"]),
        ("&bucket=disputed", []),
        ("&bucket=no_such", ["A1", "B/1", "A2", "X1 1/2", "X1 2/2", "R-1", "CN-1", "R-2"]),
    ],
)
@pytest.mark.parametrize("limit", [1, 3])
def test_pages_of_documents_hold_each_once_in_every_order(filled: Runtime, sign_in: SignIn, query: str, documents: list[str], limit: int) -> None:
    client = sign_in(Role.FINANCE)
    found: list[str] = []
    address: str | None = f"/aging?by=item&limit={limit}{query}"
    while address is not None:
        answer = client.get(address).get_data(as_text=True)
        some = [row["Document"].text for row in read(answer).rows()] if documents else []
        assert len(some) == min(limit, len(documents) - len(found))
        found += some
        following = re.search(r'rel="next" href="([^"]+)"', answer)
        address = html.unescape(following[1]) if following else None
    assert found == documents
    told = json.loads(client.get(f"/aging?by=item&format=json{query}").data)
    assert [row["key"] for row in told["rows"]] == documents
    sums = {total["currency"]: total["total"] for total in told["totals"]}
    assert sums == {currency: str(sum((Decimal(row["total"]) for row in told["rows"] if row["currency"] == currency), Decimal())) for currency in sums}


@pytest.mark.parametrize("after", ["CNY|invoice|2026-01-10|A9", "CNY|invoice||A1", "JPY|invoice|2026-01-10|A1", "CNY|invoice|x|A1", "CNY|receipt|2026-01-10|A1", "A1", "|||"])
def test_a_page_after_a_document_that_is_not_there_begins_at_the_top(filled: Runtime, sign_in: SignIn, after: str) -> None:
    page = get(sign_in(Role.FINANCE), f"/aging?by=item&limit=2&after={after}")
    assert [row["Document"].text for row in page.rows()] == ["A1", "B/1"]
