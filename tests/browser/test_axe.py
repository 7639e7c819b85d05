"""axe-core on every page, in one of both languages and in both themes, at desk and phone size: no violation, and nothing on the console."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import House
from tests.browser.pages import PAGES, visit

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
Scheme = Literal["light", "dark"]
# Both themes and both ends of the widths in each language: every rule at the first, at the second those that hang on size and colour.
LOOKS: dict[str, list[tuple[int, Scheme]]] = {"en": [(1440, "light"), (320, "dark")], "zh": [(320, "light"), (1440, "dark")]}
LOOK_RULES = ["color-contrast", "target-size", "scrollable-region-focusable", "link-in-text-block", "landmark-unique", "region"]
# The rows of a long list are alike: what axe-core finds in the first twelve it would find in the others, at ten times the cost.
SHORTEN = "document.querySelectorAll('tbody tr:nth-child(n+13), .day-list > li:nth-child(n+7), .timeline > li:nth-child(n+13)').forEach((one) => one.remove())"


@pytest.mark.parametrize(("name", "language"), [(name, ("en", "zh")[nth % 2]) for nth, name in enumerate(PAGES)])
def test_a_page_is_accessible(quiet: House, axe_source: str, name: str, language: str) -> None:
    """Every other page in Chinese: what makes a page accessible is the same in both languages, and each has both widths and both themes."""
    page = quiet.page(PAGES[name][0], language)
    visit(page, name)
    page.evaluate(axe_source)
    page.evaluate(SHORTEN)
    found = []
    for nth, (width, scheme) in enumerate(LOOKS[language]):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        found += [f"{width} px, {scheme}: {line}" for line in violations(page, LOOK_RULES if nth else None)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(("language", "scheme"), [("en", "light"), ("zh", "dark")])
def test_what_opens_is_accessible_too(quiet: House, axe_source: str, language: str, scheme: Scheme) -> None:
    """The menus, the folded parts and the sheet of keys, open, at desk and phone size."""
    page = quiet.page("fang", language)
    page.emulate_media(color_scheme=scheme)
    found = []
    for path in ("/aging", "/imports/new", "/customers/C1001", "/customers/K08/log", "/my-day?person=rosa"):
        page.goto(path)
        page.evaluate(axe_source)
        page.evaluate(SHORTEN)
        page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        page.evaluate("document.querySelectorAll('#excuse-cheque_in_mail').forEach((one) => one.click())")
        for width in (390, 1440):
            page.set_viewport_size({"width": width, "height": 900})
            found += [f"{path}, {width} px: {line}" for line in violations(page)]
    page.keyboard.press("?")
    page.locator("#keys[open]").wait_for()
    found += violations(page)
    assert not found, "\n".join(found)


def test_the_checker_finds_what_is_wrong(reading_room: House, axe_source: str) -> None:
    """A picture without words and a field without a label, put into a good page, are found: the zero above means something."""
    page = reading_room.page("fang")
    page.goto("/customers")
    page.evaluate(axe_source)
    page.evaluate("document.querySelector('main').insertAdjacentHTML('beforeend', '<img src=\"/static/icon.svg\"><input>')")
    rules = {line.split(":")[0] for line in violations(page)}
    assert rules == {"image-alt", "label"}


def violations(page: Page, rules: list[str] | None = None) -> list[str]:
    """What axe-core finds on the page as it stands (by all rules unless some are named): rule, element and why."""
    only = {"type": "rule", "values": rules} if rules else {"type": "tag", "values": TAGS}
    answer: dict[str, Any] = page.evaluate("(only) => axe.run(document, { runOnly: only, resultTypes: ['violations'] })", only)
    return [f"{found['id']}: {node['target']} {node['html'][:160]} {node['failureSummary']}" for found in answer["violations"] for node in found["nodes"]]
