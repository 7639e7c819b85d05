"""What our one small script adds: keys, filters without a reload, menus, colours, notes that are not lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, expect

from tests.browser.conftest import House


def test_keys(quiet: House) -> None:
    """`/` searches, `?` shows the keys, `g` and a letter goes, `j` and `k` walk the rows, Enter opens; typing is left alone."""
    page = quiet.page("fang")
    page.goto("/aging")
    page.keyboard.press("/")
    expect(page.locator("#search")).to_be_focused()
    page.keyboard.type("j/k?")
    expect(page.locator("#search")).to_have_value("j/k?")
    expect(page.locator("#keys")).not_to_be_visible()

    page.locator("h1").click()
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#keys")).not_to_be_visible()

    page.keyboard.press("g")
    page.keyboard.press("c")
    page.wait_for_url("**/customers")
    rows = page.locator("tbody th a")
    page.keyboard.press("j")
    expect(rows.nth(0)).to_be_focused()
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    expect(rows.nth(1)).to_be_focused()
    number = rows.nth(1).inner_text()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/customers/{number}")


def test_keys_can_be_turned_off(quiet: House) -> None:
    """Whoever dictates or has shortcuts of his own turns ours off, for this browser (WCAG 2.1.4); `?` still shows the sheet."""
    page = quiet.page("fang")
    page.goto("/aging")
    page.keyboard.press("?")
    page.locator("#keys-on").uncheck()
    page.keyboard.press("Escape")
    page.reload()
    page.keyboard.press("/")
    expect(page.locator("#search")).not_to_be_focused()
    page.keyboard.press("?")
    page.locator("#keys-on").check()
    page.keyboard.press("Escape")
    expect(page.locator("#keys")).not_to_be_visible()
    page.keyboard.press("/")
    expect(page.locator("#search")).to_be_focused()


def test_a_filter_changes_the_list_and_the_address_but_not_the_page(quiet: House) -> None:
    """Another grouping is swapped in, the address can be bookmarked, and what is swapped in is what the address alone gives."""
    page = quiet.page("fang")
    page.goto("/aging")
    stay(page)
    page.locator("select[name=by]").select_option("segment")
    page.wait_for_url("**/aging?by=segment")
    expect(page.locator("tbody tr").first).to_be_visible()
    expect(page.locator("#announce")).to_have_text("The list is updated.")
    assert stayed(page)
    swapped = page.locator("#results").inner_text()
    page.reload()
    assert not stayed(page)
    assert page.locator("#results").inner_text() == swapped


def test_sorting_is_a_step_that_back_undoes(quiet: House) -> None:
    """A click on a heading sorts without a reload; the browser's Back shows the order from before."""
    page = quiet.page("fang")
    page.goto("/aging?currency=CNY")
    first = page.locator("tbody th").first
    before = first.inner_text()
    stay(page)
    page.locator("thead th.is-money a", has_text="1096+").click()
    page.wait_for_url("**sort=**")
    assert stayed(page)
    # Of the two that are later than 1095 days, C2003 with 6,200.00 stands before C3002 with 3,600.00.
    expect(first).to_have_text("C2003")
    page.go_back()
    page.wait_for_url("**/aging?currency=CNY")
    expect(first).to_have_text(before)


def test_what_is_refused_is_said_beside_the_field_while_the_rest_stays(quiet: House) -> None:
    """A filter that cannot be read is answered by a page with the sentence and what was typed."""
    page = quiet.page("fang")
    page.goto("/aging")
    page.locator(".filter-more summary").click()
    page.locator("input[name=buckets]").fill("30,20")
    page.locator("input[name=buckets]").press("Enter")
    page.wait_for_url("**buckets=30%2C20**")
    expect(page.locator("input[name=buckets]")).to_have_value("30,20")
    expect(page.locator("input[name=buckets]")).to_have_attribute("aria-invalid", "true")


def test_menus_close_by_escape_and_by_a_click_elsewhere(quiet: House) -> None:
    page = quiet.page("fang")
    page.goto("/aging")
    menu = page.locator(".topbar details.menu")
    menu.locator("summary").click()
    expect(menu).to_have_attribute("open", "")
    page.keyboard.press("Escape")
    expect(menu).not_to_have_attribute("open", "")
    expect(menu.locator("summary")).to_be_focused()
    menu.locator("summary").click()
    page.locator("h1").click()
    expect(menu).not_to_have_attribute("open", "")


def test_colours_change_at_once_and_stay(quiet: House) -> None:
    """Dark is the paper #12171a whatever the system prefers, until one says otherwise."""
    page = quiet.page("ming")
    page.emulate_media(color_scheme="light")
    page.goto("/aging")
    page.locator(".topbar details.menu summary").click()
    page.locator(".theme-switch button[value=dark]").click()
    assert paper(page) == "rgb(18, 23, 26)"
    page.goto("/customers")
    assert paper(page) == "rgb(18, 23, 26)"
    page.locator(".topbar details.menu summary").click()
    page.locator(".theme-switch button[value=auto]").click()
    assert paper(page) == "rgb(244, 246, 247)"


def test_a_note_outlives_a_lost_session(open_house: Callable[[str], Any]) -> None:
    """What was typed is there again after the session ended before it was sent; once it is sent it is forgotten."""
    with open_house("notes") as house:
        page = house.page("fang")
        page.goto("/receipts/R-7004")
        page.locator("a[href*='/undo']").first.click()
        page.locator("textarea").fill("booked on the wrong invoice")
        undo = page.url
        kept = [cookie for cookie in page.context.cookies() if cookie["name"] != "collect"]
        page.context.clear_cookies()
        page.locator("main form button.btn-primary").click()
        page.wait_for_url("**/login**")
        page.context.add_cookies(kept)  # type: ignore[arg-type]

        page.locator("input[name=username]").fill("fang")
        page.locator("input[name=password]").fill("seven tall sea horses")
        page.locator("main form button").click()
        page.goto(undo)
        expect(page.locator("textarea")).to_have_value("booked on the wrong invoice")
        page.locator("main form button.btn-primary").click()
        page.wait_for_url("**/invoices/**")
        assert page.evaluate("Object.keys(localStorage).filter((name) => name.startsWith('collect.draft.')).length") == 0
        assert "booked on the wrong invoice" in page.locator("main").inner_text()


def test_the_language_changes_on_the_page_one_is_on(open_house: Callable[[str], Any]) -> None:
    """The page stays, filter and all; the choice is kept with the person."""
    with open_house("languages") as house:
        page = house.page("ao")
        page.goto("/aging?by=item&bucket=overdue")
        assert page.locator("h1").inner_text() == "Aging"
        page.locator("button[name=language][value=zh]").click()
        expect(page.locator("h1")).to_have_text("账龄")
        assert page.url.endswith("/aging?by=item&bucket=overdue")
        assert page.locator("html").get_attribute("lang") == "zh-CN"
        assert house.page("ao", "en", scripts=False).goto("/customers") is not None
        assert house.page("ao", "en", scripts=False).locator("h1").inner_text() == "客户"


def stay(page: Page) -> None:
    """Leave a mark that a reload would wipe out."""
    page.evaluate("window.mark = true")


def stayed(page: Page) -> bool:
    """Whether the page has not been loaded again since."""
    return bool(page.evaluate("window.mark === true"))


def paper(page: Page) -> str:
    """The colour that the page lies on."""
    return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))
