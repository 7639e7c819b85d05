"""Days of the people who use it: finance takes a file in and follows a bucket down to its history, a rep sees his own, and all of it without scripts."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pypdf
import pytest
import python_calamine
from playwright.sync_api import Page, expect

from tests.browser.conftest import House, sign_in

# Today is 2026-03-10. E-1 is 37 days past due, E-2 is 9, E-3 is not due; nobody is C9999. January is closed, so nothing can be issued in it.
# Nothing else in the book is in euros: open 1000.00 + 250.50 + 80.00 = 1330.50, of which overdue 1250.50.
BUYERS = "customer_no,name,currency,rep\nE100,Praxisbedarf Nord GmbH,EUR,rui\nE200,Clínica del Mar S.L.,EUR,rosa\n"
EUROS = """invoice_no,customer_no,issue_date,due_date,currency,amount
E-1,E100,2026-02-01,2026-02-01,EUR,1000.00
E-2,E100,2026-02-05,2026-03-01,EUR,250.50
E-3,E200,2026-03-02,2026-04-01,EUR,80.00
E-4,C9999,2026-03-02,2026-04-01,EUR,45.00
"""
REASON = "Customer C9999 is not known; import the customer first."


@pytest.fixture
def house(open_house: Callable[[str], Any]) -> Iterator[House]:
    """A book of one's own, because the story changes it; nothing may have been complained about at the end."""
    with open_house("story") as opened:
        yield opened
        assert opened.complaints == []


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_finance_takes_a_file_in_and_follows_a_bucket_down(house: House, tmp_path: Path, scripts: bool) -> None:
    page = house.page(None, scripts=scripts)
    page.goto("/")
    sign_in(page, "fang")
    assert page.locator("h1").inner_text() == "Aging"

    take_in(page, tmp_path, "customers", BUYERS)
    assert figures(page) == {"New": "2", "Changed": "0", "Unchanged": "0", "Refused": "0"}
    take_in(page, tmp_path, "invoices", EUROS)
    assert figures(page) == {"New": "3", "Changed": "0", "Unchanged": "0", "Refused": "1"}
    assert page.locator("tbody tr").all_inner_texts() == [f"5\tcustomer_no\tC9999\t{REASON}"]
    refused = list(csv.reader(io.StringIO(download(page, page.get_by_role("link", name="All refused rows as a file"), tmp_path).read_text("utf-8-sig"))))
    assert refused[1] == ["E-4", "C9999", "2026-03-02", "2026-04-01", "EUR", "45.00", "5", REASON]

    page.locator("nav.side").get_by_role("link", name="Aging").click()
    page.locator("select[name=currency]").select_option("EUR")
    if not scripts:
        page.get_by_role("button", name="Show").click()
    page.wait_for_url("**currency=EUR**")
    expect(page.locator("tbody tr")).to_have_count(2)
    assert figures(page)["Total EUR"] == "1,330.50"
    assert figures(page)["Overdue"] == "1,250.50"
    check_files(page, tmp_path)

    # The row of E100, the bucket 31–60: the items in it; the item: its page; there, its history.
    row = page.locator("tbody tr", has_text="E100")
    row.get_by_role("link", name="1,000.00").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    page.locator("tbody th").get_by_role("link", name="E-1").click()
    page.wait_for_url("**/invoices/E-1")
    assert figures(page)["Open"] == "1,000.00"
    history = page.get_by_role("region", name="History", exact=True).locator("tbody tr")
    assert history.count() == 1
    assert "2026-02-01\tIssued\t1,000.00\t1,000.00" in history.first.inner_text()


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_a_rep_sees_only_his_own_customers(house: House, scripts: bool) -> None:
    """Rui looks after C1001 to C1005 and C3005; of the dollars, 15,750.00 of 33,540.00 are his (see the book)."""
    page = house.page("rui", scripts=scripts)
    page.goto("/aging")
    mine = {"C1001", "C1002", "C1003", "C1004", "C1005", "C3005"}
    assert set(page.locator("tbody th").all_inner_texts()) == mine
    assert "6 of 6 rows" in page.locator("main").inner_text()
    page.goto("/aging?currency=USD")
    assert figures(page)["Total USD"] == "15,750.00"
    page.goto("/customers")
    assert set(page.locator("tbody th").all_inner_texts()) == mine

    page.locator("#search").fill("C2")
    page.locator("#search").press("Enter")
    page.wait_for_url("**/search?q=C2")
    assert "Nothing fits" in page.locator("main").inner_text()
    page.locator("#search").fill("北辰")
    page.locator("#search").press("Enter")
    expect(page.locator("tbody th").first).to_have_text("C1003")

    for foreign in ("/customers/C2001", "/customers/C9999", "/receipts/R-7003"):
        answer = page.goto(foreign)
        assert answer is not None and answer.status == 404
        assert "There is nothing here, or nothing that you may see." in page.locator("main").inner_text()
    assert page.locator("nav.side a").all_inner_texts() == ["My day", "Reminders", "Outbox", "Promises", "Decisions", "Aging", "Customers", "Invoices", "Adjustments", "Statements"]


def test_money_is_applied_and_taken_back(house: House) -> None:
    """R-7003 brought 25,000.00 that wait; 20,000.00 of them settle a part of 39,000.00 (70 days late), and come back again."""
    page = house.page("fang")
    page.goto("/receipts/R-7003")
    page.locator("input[name=invoice_no]").fill("H251130-2003")
    page.locator("input[name=amount]").fill("20,000")
    page.get_by_role("button", name="Apply").click()
    expect(page.locator("tbody tr").first).to_contain_text("20,000.00")
    assert figures(page)["Unapplied"] == "5,000.00"
    page.goto("/invoices/H251130-2003")
    assert figures(page)["Open"] == "19,000.00"

    page.get_by_role("link", name="Take back").click()
    page.locator("textarea[name=reason]").fill("belongs to the January invoice")
    page.get_by_role("button", name="Take back").click()
    page.wait_for_url("**/invoices/H251130-2003")
    assert figures(page)["Open"] == "39,000.00"
    assert "belongs to the January invoice" in page.get_by_role("region", name="History", exact=True).inner_text()


def take_in(page: Page, folder: Path, kind: str, text: str) -> None:
    """Import a file through the form, as finance does."""
    file = folder / f"{kind}-euro.csv"
    file.write_text(text, encoding="utf-8")
    page.locator("nav.side").get_by_role("link", name="Imports").click()
    page.get_by_role("link", name="Import a file").click()
    page.locator("select[name=kind]").select_option(kind)
    page.locator("input[type=file]").set_input_files(file)
    page.get_by_role("button", name="Go on").click()
    page.get_by_role("button", name="Look what would happen").click()
    page.get_by_role("button", name="Take it in").click(timeout=20_000)
    page.wait_for_url(lambda url: url.rsplit("/", 1)[-1].isdigit(), timeout=20_000)
    assert page.locator("h1").inner_text() == file.name


def figures(page: Page) -> dict[str, str]:
    """The large figures of the page, by their label."""
    pairs = page.locator(".facts-large > div").evaluate_all("(all) => all.map((one) => [one.children[0].innerText.trim(), one.children[1].firstChild.textContent.trim()])")
    return {str(label): str(value) for label, value in pairs}


def download(page: Page, link: Any, folder: Path) -> Path:
    """Click and keep the file that comes."""
    with page.expect_download() as coming:
        link.click()
    target = folder / coming.value.suggested_filename
    coming.value.save_as(target)
    return target


def check_files(page: Page, folder: Path) -> None:
    """The page's rows as CSV, Excel and PDF, each through its own reader."""
    kept = {}
    for name in ("CSV file", "Excel file", "PDF file"):
        page.locator("details.menu-button summary").click()
        kept[name] = download(page, page.get_by_role("link", name=name), folder)
        if page.locator("details.menu-button[open]").count():
            page.locator("details.menu-button summary").click()
    rows = list(csv.DictReader(io.StringIO(kept["CSV file"].read_text("utf-8-sig"))))
    assert [(row["Customer no."], row["1–30"], row["31–60"], row["Total"]) for row in rows] == [
        ("E200", "0.00", "0.00", "80.00"),
        ("E100", "250.50", "1000.00", "1250.50"),
    ]
    sheet = python_calamine.CalamineWorkbook.from_path(str(kept["Excel file"])).get_sheet_by_index(0).to_python()
    heads = next(line for line in sheet if line[0] == "Customer no.")
    found = {line[0]: line[heads.index("Total")] for line in sheet if line[0] in ("E100", "E200")}
    assert found == {"E100": 1250.5, "E200": 80.0}
    text = pypdf.PdfReader(kept["PDF file"]).pages[0].extract_text()
    assert "Praxisbedarf Nord" in text
    assert "1,330.50" in text
