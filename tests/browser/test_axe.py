"""Every page, in both languages and both themes, at desk and phone size: no accessibility violation, nothing on the console, no sideways scroll."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser import book
from tests.browser.conftest import House

WIDTHS = (320, 390, 1440)
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
INVOICE, LATE = book.number("C1001", 75), book.number("C1003", 204)

# Page by page: who looks at it, and its address.
PAGES = {
    "sign-in": (None, "/login?next=/aging"),
    "aging": ("fang", "/aging"),
    "aging-of-a-rep": ("rui", "/aging?by=segment"),
    "aging-by-document": ("fang", "/aging?by=item&currency=CNY&bucket=overdue&known_at=2026-03-09T09:00"),
    "aging-refused": ("fang", "/aging?buckets=x"),
    "aging-empty": ("fang", "/aging?as_of=2020-01-01"),
    "customers": ("fang", "/customers"),
    "customers-none": ("rui", "/customers?q=zzz"),
    "customer": ("fang", "/customers/C1001"),
    "customer-of-a-rep": ("rui", "/customers/C1004"),
    "customer-long-name": ("ao", "/customers/C3002"),
    "customer-settled": ("fang", "/customers/C1001/settled"),
    "customer-timeline": ("fang", "/customers/C1001/timeline"),
    "invoices": ("fang", "/invoices"),
    "invoice": ("fang", f"/invoices/{INVOICE}"),
    "invoice-in-parts": ("fang", "/invoices/H-2026-021"),
    "invoice-void": ("ao", "/invoices/H-2026-031"),
    "receipt": ("fang", "/receipts/R-7001"),
    "receipt-unapplied": ("fang", "/receipts/R-7003"),
    "credit": ("fang", "/credits/CN-502"),
    "take-back": ("fang", "take-back"),
    "imports": ("fang", "/imports"),
    "import-form": ("fang", "/imports/new"),
    "import-result": ("fang", "/imports/9"),
    "months": ("ming", "/months"),
    "search": ("fang", "/search?q=C1"),
    "search-nothing": ("fang", "/search?q=zzzz"),
    "audit": ("ao", "/audit"),
    "account": ("rui", "/account"),
    "company": ("ada", "/settings/company"),
    "users": ("ada", "/settings/users"),
    "user-new": ("ada", "/settings/users/new"),
    "user": ("ada", "/settings/users/rui"),
    "api": ("ao", "/api/v1/docs"),
    "not-found": ("rui", "/customers/C2001"),
    "not-for-you": ("rui", "/imports"),
}
REFUSED = {"aging-refused": 422, "not-found": 404, "not-for-you": 403}


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_accessible_and_fits(quiet: House, axe_source: str, name: str, language: str) -> None:
    """axe-core finds nothing, light and dark, at 1440 and at 320 px; at 320, 390 and 1440 px only tables scroll sideways."""
    username, path = PAGES[name]
    page = quiet.page(username, language)
    answer = page.goto(address(page, path))
    assert answer is not None and answer.status == REFUSED.get(name, 200)
    page.evaluate(axe_source)
    found = []
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        found += [f"{width} px: {line}" for line in too_wide(page)]
    for width, scheme in ((1440, "light"), (1440, "dark"), (320, "light")):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        found += [f"{width} px, {scheme}: {line}" for line in violations(page)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_opens_is_accessible_too(quiet: House, axe_source: str, language: str, scheme: str) -> None:
    """The menus, the folded parts and the sheet of keys, open, at desk and phone size."""
    page = quiet.page("fang", language)
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    found = []
    for path in ("/aging", "/imports/new", "/customers/C1001"):
        page.goto(path)
        page.evaluate(axe_source)
        page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        for width in (390, 1440):
            page.set_viewport_size({"width": width, "height": 900})
            found += [f"{path}, {width} px: {line}" for line in violations(page) + too_wide(page)]
    page.keyboard.press("?")
    page.locator("#keys[open]").wait_for()
    found += violations(page)
    assert not found, "\n".join(found)


def address(page: Page, path: str) -> str:
    """The path; the page on which an allocation is taken back is reached by its link on the receipt."""
    if path != "take-back":
        return path
    page.goto("/receipts/R-7004")
    return page.locator("a[href*='/undo']").first.get_attribute("href") or ""


def violations(page: Page) -> list[str]:
    """What axe-core finds on the page as it stands: rule, element and why."""
    answer: dict[str, Any] = page.evaluate("(tags) => axe.run(document, { runOnly: { type: 'tag', values: tags }, resultTypes: ['violations'] })", TAGS)
    return [f"{found['id']}: {node['target']} {node['html'][:160]} {node['any'][0]['message'] if node['any'] else node['failureSummary']}" for found in answer["violations"] for node in found["nodes"]]


def too_wide(page: Page) -> list[str]:
    """The elements that make the page scroll sideways."""
    return list(
        page.evaluate(
            """() => {
              const width = document.documentElement.clientWidth;
              if (document.documentElement.scrollWidth <= width) return [];
              const inner = (one) => one.parentElement && (one.parentElement.closest('.region, .tabs, .bar, .visually-hidden') !== null);
              const wide = [...document.body.querySelectorAll('*')].filter((one) => one.getBoundingClientRect().right > width + 0.5 && !inner(one));
              return [`the page is ${document.documentElement.scrollWidth} px wide`, ...wide.slice(0, 5).map((one) => one.outerHTML.slice(0, 120))];
            }"""
        )
    )
