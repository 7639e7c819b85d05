"""Make the pictures of README and docs: the demonstration company in Chromium, in English and Chinese, at desk and phone size."""

from __future__ import annotations

import shutil
import sys
import tempfile
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from collect.services import demo  # noqa: E402
from tests.browser import book  # noqa: E402
from tests.browser.conftest import FLAGS, served, serving, sign_in  # noqa: E402

TARGET = ROOT / "docs" / "images"
LARGEST = 250_000
"""Bytes a picture may have: they live in the repository."""
NOW = datetime(2026, 3, 10, 2, 30, tzinfo=UTC)
"""Half past ten in the company's morning, a Tuesday: the demonstration of the pictures is made and looked at then."""
LOCALES = {"en": "en-US", "zh": "zh-CN"}
DESK = (1280, 820)
PHONE = (390, 800)


@dataclass(frozen=True)
class Picture:
    """One file: who looks at which page, in which language, on what; `steps` are selectors clicked before.

    `book` ones are taken of the browser tests' small book, which has a file that was partly refused.
    """

    name: str
    username: str
    path: str
    language: str = "en"
    size: tuple[int, int] = DESK
    steps: tuple[str, ...] = ()
    book: bool = False


FINAL_DEMAND, LATE, PARTLY, REFERRAL = "K1015", "K1013", "K3005", "渝陵合众"
"""Customers of the stories: by number, and the one to be referred as its name begins."""
PICTURES = (
    Picture("aging-en", "fang", "/aging"),
    Picture("aging-zh", "fang", "/aging", "zh"),
    Picture("bucket-en", "fang", "/aging?by=item&currency=CNY&bucket=31-60"),
    Picture("invoice-en", "fang", f"/customers/{PARTLY}", steps=("main table tbody a[href*=invoices]",)),
    Picture("import-en", "fang", "/imports", steps=("a:text-is('invoices-march-late.csv')",), book=True),
    Picture("decisions-en", "gao", "/decisions"),
    Picture("decision-en", "gao", "/decisions", steps=(f"main a:has-text('{REFERRAL}')",)),
    Picture("decision-zh", "gao", "/decisions", "zh", steps=(f"main a:has-text('{REFERRAL}')",)),
    Picture("reminders-en", "fang", "/reminders"),
    Picture("reminders-zh", "fang", "/reminders", "zh"),
    Picture("customer-en", "gao", f"/customers/{FINAL_DEMAND}"),
    Picture("customer-zh", "gao", f"/customers/{FINAL_DEMAND}", "zh"),
    Picture("phone-my-day-en", "chen", "/my-day", size=PHONE),
    Picture("phone-my-day-zh", "chen", "/my-day", "zh", size=PHONE),
    Picture("phone-customers-en", "chen", "/customers?overdue=y", size=PHONE),
    Picture("phone-customer-zh", "chen", f"/customers/{LATE}", "zh", size=PHONE),
)


def main(wanted: list[str]) -> int:
    """Make all pictures, or those named; 1 when one is too large to keep, 3 without Chromium."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        print("Chromium is not installed (apt-get install chromium).", file=sys.stderr)
        return 3
    TARGET.mkdir(parents=True, exist_ok=True)
    too_large = 0
    with tempfile.TemporaryDirectory(prefix="collect-pictures-") as folder:
        asked = [picture for picture in PICTURES if not wanted or picture.name in wanted]
        with ExitStack() as stack:
            urls = {kind: stack.enter_context(_served(Path(folder), kind)) for kind in {picture.book for picture in asked}}
            playwright = stack.enter_context(sync_playwright())
            for language in ("en", "zh"):
                # The browser's own words (date fields, file buttons) follow the language it is started in.
                browser = playwright.chromium.launch(executable_path=program, args=[*FLAGS, f"--lang={LOCALES[language]}"])
                for picture in asked:
                    if picture.language == language:
                        too_large += take(browser, urls[picture.book], picture) > LARGEST
                browser.close()
    return 1 if too_large else 0


def _served(folder: Path, of_book: bool) -> AbstractContextManager[str]:
    """The company of a picture, served from a folder: the browser tests' book, or the demonstration."""
    if of_book:
        book.build(folder / "book")
        return served(folder / "book")
    demo.make(folder / "demo", lambda: NOW)
    runtime = demo.open_at(folder / "demo", lambda: NOW)
    demo.catch_up(runtime)
    return serving(runtime)


def take(browser: Browser, url: str, picture: Picture) -> int:
    """Take one picture; returns its size in bytes."""
    width, height = picture.size
    context = browser.new_context(
        base_url=url,
        locale=LOCALES[picture.language],
        viewport={"width": width, "height": height},
        device_scale_factor=2 if picture.size == PHONE else 1,
        color_scheme="light",
        reduced_motion="reduce",
    )
    page: Page = context.new_page()
    sign_in(page, picture.username, book.PASSWORD if picture.book else demo.people()[0].password)
    page.goto(picture.path)
    for step in picture.steps:
        page.locator(step).first.click()
    page.wait_for_load_state()
    file = TARGET / f"{picture.name}.png"
    page.screenshot(path=file)
    context.close()
    size = file.stat().st_size
    print(f"{file.relative_to(ROOT)}  {size / 1000:.0f} kB{'  TOO LARGE' if size > LARGEST else ''}")
    return size


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
