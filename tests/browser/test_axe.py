"""axe-core on every page, in both languages and both themes, at desk and phone size: no violation, and nothing on the console."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import House
from tests.browser.pages import PAGES, visit

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
Scheme = Literal["light", "dark"]
# Both themes and both ends of the widths in each language.
LOOKS: dict[str, list[tuple[int, Scheme]]] = {"en": [(1440, "light"), (320, "dark")], "zh": [(1440, "dark"), (320, "light")]}


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_accessible(quiet: House, axe_source: str, name: str, language: str) -> None:
    page = quiet.page(PAGES[name][0], language)
    visit(page, name)
    page.evaluate(axe_source)
    found = []
    for width, scheme in LOOKS[language]:
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        found += [f"{width} px, {scheme}: {line}" for line in violations(page)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_opens_is_accessible_too(quiet: House, axe_source: str, language: str, scheme: Scheme) -> None:
    """The menus, the folded parts and the sheet of keys, open, at desk and phone size."""
    page = quiet.page("fang", language)
    page.emulate_media(color_scheme=scheme)
    found = []
    for path in ("/aging", "/imports/new", "/customers/C1001"):
        page.goto(path)
        page.evaluate(axe_source)
        page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
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


def violations(page: Page) -> list[str]:
    """What axe-core finds on the page as it stands: rule, element and why."""
    answer: dict[str, Any] = page.evaluate("(tags) => axe.run(document, { runOnly: { type: 'tag', values: tags }, resultTypes: ['violations'] })", TAGS)
    return [f"{found['id']}: {node['target']} {node['html'][:160]} {node['failureSummary']}" for found in answer["violations"] for node in found["nodes"]]
