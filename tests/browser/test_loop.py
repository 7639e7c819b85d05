"""From a visit to an approved stop, as people live it: a rep at 390 px logs what he hears, finance does the round, a manager decides at 1440 px."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from collect.services import setup
from tests.browser import book
from tests.browser.conftest import House, served, sign_in
from tests.taking_in import take_in

# Today is Tuesday 10 March 2026. Three customers of rui's, all dealers: policy stops new credit at 15 days past due and supply at 30.
# L1 owes 12,000.00 for 40 days and 800.00 for 3: 12,800.00 overdue, a stop of supply is due. L2 owes 5,000.00 for 20 days: a stop of
# new credit, which his promise puts off. L3 owes 2,000.00 for 5 days: nothing is due but what the manager asks for himself.
CUSTOMERS = """customer_no,name,segment,rep,terms,currency,country,language,email
L1,Harbour Dental Supply,dealer,rui,NET30,CNY,CN,en,ap@harbour.example
L2,Green Valley Medical,dealer,rui,NET30,CNY,CN,en,ap@green.example
L3,Old Mill Pharmacy,dealer,rui,NET30,CNY,CN,en,ap@mill.example
"""
INVOICES = """invoice_no,customer_no,issue_date,due_date,currency,amount
LF-1,L1,2025-12-30,2026-01-29,CNY,12000.00
LF-2,L1,2026-02-05,2026-03-07,CNY,800.00
LF-3,L2,2026-01-19,2026-02-18,CNY,5000.00
LF-4,L3,2026-02-03,2026-03-05,CNY,2000.00
"""
PHONE: ViewportSize = {"width": 390, "height": 844}


@pytest.fixture
def house(chromium: Browser, tmp_path: Path) -> Iterator[House]:
    """The three customers, people of every role, no round done yet; nothing may have been complained about at the end."""
    runtime = book.opened(tmp_path, book.Clock("2026-03-10T01:00:00"))
    setup.initialise(runtime, book.COMPANY, book.PASSWORD)
    setup.make_secret(runtime.settings)
    book.add_people(runtime)
    assert take_in(runtime, "customers", CUSTOMERS).refused == take_in(runtime, "invoices", INVOICES).refused == 0
    runtime.engine.dispose()
    with served(tmp_path) as url:
        opened = House(chromium, url)
        yield opened
        opened.close()
        assert opened.complaints == []


def test_from_a_visit_to_an_approved_stop(house: House) -> None:
    rep = house.page(None)
    rep.set_viewport_size(PHONE)
    sign_in(rep, "rui")
    expect(rep.locator("h1")).to_have_text("My day")
    log_an_excuse(rep)
    promise_everything(rep)
    assert supply(rep, "L1") == ("May be supplied", [])

    finance = house.page("fang")
    finance.goto("/reminders")
    finance.get_by_role("button", name="Do today's round").click()
    # L1 is for a visit (30 days), L3 for the note of its due date (the reminder comes after 7); all of L2's is promised.
    expect(finance.locator(".notice").first).to_contain_text("The round of 2026-03-10 is done: 2 customers to contact, 1 held back, 1 proposals.")
    finance.locator(".tabs").get_by_role("link", name="Held back").click()
    expect(finance.locator("tbody tr")).to_have_count(1)
    expect(finance.locator("tbody tr")).to_contain_text("All that is due is promised")
    assert supply(finance, "L1") == ("Ask a manager before supplying", ["A stop of supply is proposed and not decided."])

    rep.context.clear_cookies()
    manager = house.page(None)
    approve(manager)
    assert supply(manager, "L1") == ("May not be supplied", ["Supply is stopped."])
    rep = house.page("rui")
    rep.set_viewport_size(PHONE)
    assert supply(rep, "L1") == ("May not be supplied", ["Supply is stopped."])
    assert rep.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_nobody_approves_what_he_asked_for_himself(house: House) -> None:
    """A manager proposes by hand; his own page offers no decision, and the form sent all the same is refused in words."""
    manager = house.page("ming")
    manager.goto("/customers/L3")
    manager.get_by_role("link", name="Propose a step").click()
    manager.locator("select[name=step]").select_option("stop_credit")
    manager.get_by_role("button", name="Propose").click()
    expect(manager.locator(".wrong")).to_be_visible()  # nothing was written why
    manager.locator("textarea[name=note]").fill("The shop has been shut for two weeks.")
    manager.get_by_role("button", name="Propose").click()
    manager.wait_for_url("**/decisions/*")
    expect(manager.locator("main")).to_contain_text("You asked for this, so somebody else decides it.")
    assert manager.get_by_role("button", name="Approve").count() == 0

    mark = manager.locator("input[name=csrf_token]").first.get_attribute("value") or ""
    answer = manager.request.post(manager.url, form={"csrf_token": mark, "verdict": "approve", "content_hash": "x", "note": ""}, headers={"Accept-Language": "en"})
    assert answer.status == 422
    assert "Nobody decides his own request; another person with the right has to do it." in answer.text()
    assert supply(manager, "L3") == ("Ask a manager before supplying", ["A stop of new credit is proposed and not decided."])


def log_an_excuse(page: Page) -> None:
    """From the card to the customer to the form; without the cheque's number nothing is saved and everything typed stays."""
    page.locator(".day-card h3 a", has_text="Harbour").click()
    page.get_by_role("link", name="Log a contact").click()
    page.locator("input[name=person]").fill("Dana Whitfield")
    page.locator("textarea[name=note]").fill("Met her at the counter.")
    page.locator("summary", has_text="They promise to pay").click()
    expect(page.locator("input[name=amount]")).to_have_value("12,800.00")  # all that is overdue: 12,000.00 and 800.00
    page.locator("summary", has_text="They give an excuse").click()
    page.get_by_label("Paid, the cheque is in the mail").check()
    page.get_by_label("Date sent").fill("2026-03-09")
    page.get_by_role("button", name="Save").click()

    number = page.get_by_label("Cheque number")
    expect(number).to_have_attribute("aria-invalid", "true")
    expect(page.locator("main")).to_contain_text("ask for it, since the excuse cannot be logged without it.")
    for field, typed in (("input[name=person]", "Dana Whitfield"), ("textarea[name=note]", "Met her at the counter."), ("input[name=amount]", "12,800.00")):
        expect(page.locator(field)).to_have_value(typed)
    expect(page.get_by_label("Paid, the cheque is in the mail")).to_be_checked()
    expect(page.get_by_label("Date sent")).to_have_value("2026-03-09")

    number.fill("0042")
    page.get_by_role("button", name="Save").click()
    page.wait_for_url("**/customers/L1")
    # Three business days after Tuesday the 10th: the 11th, the 12th, Friday the 13th.
    check = page.get_by_role("region", name="To check and to do")
    expect(check).to_contain_text("Paid, the cheque is in the mail due 2026-03-13")
    expect(check).to_contain_text("Cheque number 0042 · Date sent 2026-03-09")


def promise_everything(page: Page) -> None:
    """L2 promises all of it for Friday: the form holds the amount already."""
    page.goto("/customers/L2/log")
    page.locator("summary", has_text="They promise to pay").click()
    expect(page.locator("input[name=amount]")).to_have_value("5,000.00")
    page.locator("input[name=due]").fill("2026-03-13")
    page.get_by_role("button", name="Save").click()
    page.wait_for_url("**/customers/L2")
    row = page.locator("tbody tr", has_text="2026-03-13").first
    expect(row).to_contain_text("5,000.00")
    expect(row).to_contain_text("Pending")


def approve(page: Page) -> None:
    """The manager signs in, lands on Decisions, reads the case, and approves it."""
    sign_in(page, "ming")
    expect(page.locator("h1")).to_have_text("Decisions")
    page.locator(".day-card h3 a", has_text="Harbour").click()
    main = page.locator("main")
    for told in ("The oldest item is 40 days past due; this step is due from 30 days on.", "12,800.00", "LF-1", "Paid, the cheque is in the mail", "Met her at the counter."):
        expect(main).to_contain_text(told)
    page.get_by_role("form", name="Approve").get_by_role("button", name="Approve").click()
    page.wait_for_url("**/decisions")
    expect(page.locator(".notice").first).to_contain_text("Approved; it is in force.")
    expect(page.locator("tbody tr", has_text="Harbour")).to_contain_text("Ming Zhao")


def supply(page: Page, number: str) -> tuple[str, list[str]]:
    """What a customer's page answers to whether he may be supplied, and why."""
    page.goto(f"/customers/{number}")
    panel = page.get_by_role("region", name="Supply", exact=True)
    return panel.locator(".tag").first.inner_text(), panel.locator(".reasons li").all_inner_texts()
