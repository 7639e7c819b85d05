"""How pages lie on screens from 320 to 2560 px and on paper: nothing sideways, nothing hidden under something else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page

from collect.web import create_app
from tests.browser import book
from tests.browser.conftest import NOON, House
from tests.browser.pages import LINKS, NO_PAGES, PAGES, visit

# Chinese words are the shorter ones: fewer widths show what there is to see.
WIDTHS = {"en": (320, 390, 768, 1024, 1440, 2560), "zh": (320, 390, 1440)}
UNFOLDED = {"en": (320, 768, 1440), "zh": (320,)}
UNFOLD = "[...document.querySelectorAll('main details')].map((one) => { one.open = true; }).length > 0"
"""Opens what is folded, and tells whether there was anything."""
OF_LINKS = {
    *(
        "adjustments.show",
        "bank.account",
        "bank.statement",
        "bank_tables.check",
        "bank_tables.columns",
        "cases.answer",
        "cases.task",
        "cases.withdraw",
        "cash.undo",
        "decisions.show",
        "drafts.show",
    ),
    *("imports.check", "imports.columns", "imports.show", "imports.undo", "outbox.show", "rebates.undo", "reminders.show", "statements.show"),
}
"""What the pages of `LINKS` open, each of them reached through a link on another page."""


def test_every_page_is_among_those_looked_at(seeded: Path) -> None:
    """A page that is added must be added to `PAGES`: each address with GET is opened by one of them, or is no page."""
    runtime = book.opened(seeded, book.Clock(NOON))
    app = create_app(runtime)
    runtime.engine.dispose()
    routes = app.url_map.bind("localhost")
    opened = set(OF_LINKS)
    for name, (_, path) in PAGES.items():
        if name not in LINKS:
            opened.add(str(routes.match(path.partition("?")[0], "GET")[0]))
    asked = {rule.endpoint for rule in app.url_map.iter_rules() if "GET" in (rule.methods or set())}
    assert asked - opened == NO_PAGES


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("who", ["nobody", "rui", "rosa", "fang", "ming", "ao", "ada"])
def test_no_page_scrolls_sideways(quiet: House, who: str, language: str) -> None:
    """From a small phone to a wide screen; only tables scroll, inside their frame, and no text is cut off without a sign of it."""
    username = None if who == "nobody" else who
    page = quiet.page(username, language)
    found = []
    for name in [name for name, (visitor, _) in PAGES.items() if visitor == username]:
        visit(page, name)
        for opened in (False, True):
            if opened and not page.evaluate(UNFOLD):
                break
            for width in UNFOLDED[language] if opened else WIDTHS[language]:
                page.set_viewport_size({"width": width, "height": 900})
                found += [f"{name}, {width} px{', unfolded' if opened else ''}: {line}" for line in [*too_wide(page), *cut(page)]]
    assert not found, "\n".join(found)


def test_on_a_phone_the_menu_opens_without_our_script(reading_room: House) -> None:
    """At 390 px the navigation is folded away, opens at a touch, and leads on; a touch target is at least 44 px high."""
    page = reading_room.page("fang", scripts=False)
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto("/aging")
    link = page.locator("nav.side a[href='/customers']")
    assert not link.is_visible()
    page.locator(".side-toggle summary").click()
    box = link.bounding_box()
    assert box is not None and box["height"] >= 44
    link.click()
    page.wait_for_url("**/customers")
    assert page.locator("h1").inner_text() == "Customers"


def test_the_skip_link_comes_first_and_leads_to_the_content(quiet: House) -> None:
    page = quiet.page("fang")
    page.goto("/aging")
    page.keyboard.press("Tab")
    skip = page.locator(".skip")
    assert skip.evaluate("(one) => one === document.activeElement && one.getBoundingClientRect().top >= 0")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null")


def test_a_long_table_keeps_its_head_and_first_column_in_sight(quiet: House) -> None:
    """Scrolled down and to the right within its frame, the heads stand at its top and the numbers at its left edge."""
    page = quiet.page("fang")
    page.goto("/invoices")
    page.set_viewport_size({"width": 700, "height": 700})
    region = page.locator(".region")
    region.evaluate("(one) => { one.scrollTop = 300; one.scrollLeft = 120; }")
    frame = region.bounding_box()
    corner = page.locator("thead th").first.bounding_box()
    assert frame is not None and corner is not None
    assert abs(corner["x"] - frame["x"]) <= 1
    if region.evaluate("(one) => one.scrollTop") > 0:
        assert abs(corner["y"] - frame["y"]) <= 1
    first = page.locator("tbody th").nth(20).bounding_box()
    assert first is not None and abs(first["x"] - frame["x"]) <= 1


def test_on_paper_only_the_content_is_left(quiet: House) -> None:
    """Printed, the frame and the controls are gone, every row is there, and it is black on white whatever the theme."""
    page = quiet.page("fang")
    page.emulate_media(media="print", color_scheme="dark")
    try:
        page.goto("/aging")
        for gone in (".topbar", ".side", ".filter", ".page-actions"):
            assert not page.locator(gone).first.is_visible(), gone
        frame, table = page.locator(".region").bounding_box(), page.locator(".region table").bounding_box()
        assert frame is not None and table is not None and frame["height"] >= table["height"]
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        ink = page.locator("tbody td.is-money").first.evaluate("(one) => getComputedStyle(one).color")
        assert max(int(part) for part in re.findall(r"\d+", ink)[:3]) < 80
    finally:
        page.emulate_media(media="screen", color_scheme="light")


def test_what_is_cut_off_is_found(reading_room: House) -> None:
    """A line put into a frame too small for it is found: the silence above means something."""
    page = reading_room.page("fang")
    page.goto("/customers")
    assert cut(page) == []
    page.evaluate("const one = document.querySelector('h1'); one.style.overflow = 'hidden'; one.style.whiteSpace = 'nowrap'; one.style.width = '20px'")
    assert len(cut(page)) == 1


def too_wide(page: Page) -> list[str]:
    """What makes the page scroll sideways: its width, and the elements that stand out."""
    return list(
        page.evaluate(
            """() => {
              const width = document.documentElement.clientWidth;
              if (document.documentElement.scrollWidth <= width) return [];
              const inside = (one) => one.parentElement && one.parentElement.closest(".region, .tabs, .bar") !== null;
              const wide = [...document.body.querySelectorAll("*")].filter((one) => one.getBoundingClientRect().right > width + 0.5 && !inside(one));
              return [`${document.documentElement.scrollWidth} px wide`, ...wide.slice(0, 5).map((one) => one.outerHTML.slice(0, 120))];
            }"""
        )
    )


def cut(page: Page) -> list[str]:
    """Elements whose content is wider or, besides regions that scroll, higher than they show, without an ellipsis to say so."""
    return list(
        page.evaluate(
            """() => [...document.querySelectorAll("main *")].filter((one) => {
              if (one.clientWidth < 3 || one.clientHeight < 3) return false;
              const style = getComputedStyle(one);
              const hides = (way) => way === "hidden" || way === "clip";
              return (hides(style.overflowX) && one.scrollWidth > one.clientWidth + 1 && style.textOverflow !== "ellipsis")
                || (hides(style.overflowY) && one.scrollHeight > one.clientHeight + 1 && style.textOverflow !== "ellipsis");
            }).slice(0, 5).map((one) => `cut: ${one.outerHTML.slice(0, 160)}`)"""
        )
    )
