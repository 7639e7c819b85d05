"""Make the pictures of README and docs: a filled company in Chromium, in English and Chinese, at desk and phone size."""

from __future__ import annotations

import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.browser import book  # noqa: E402
from tests.browser.conftest import FLAGS, served, sign_in  # noqa: E402

TARGET = ROOT / "docs" / "images"
LARGEST = 250_000
"""Bytes a picture may have: they live in the repository."""
LOCALES = {"en": "en-US", "zh": "zh-CN"}
DESK = (1280, 820)
PHONE = (390, 800)


@dataclass(frozen=True)
class Picture:
    """One file: who looks at which page, in which language, on what; `steps` are selectors clicked before."""

    name: str
    username: str
    path: str
    language: str = "en"
    size: tuple[int, int] = DESK
    steps: tuple[str, ...] = ()


PICTURES = (
    Picture("aging-en", "fang", "/aging"),
    Picture("aging-zh", "fang", "/aging", "zh"),
    Picture("bucket-en", "fang", "/aging?by=item&currency=CNY&bucket=181-365"),
    Picture("invoice-en", "fang", f"/invoices/{book.number('C1001', 75)}"),
    Picture("import-en", "fang", "/imports", steps=("a:text-is('invoices-march-late.csv')",)),
    Picture("phone-customers-en", "rui", "/customers?overdue=y", size=PHONE),
    Picture("phone-customer-zh", "rui", "/customers/C1001", "zh", size=PHONE),
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
        book.build(Path(folder))
        with served(Path(folder)) as url, sync_playwright() as playwright:
            for language in ("en", "zh"):
                # The browser's own words (date fields, file buttons) follow the language it is started in.
                browser = playwright.chromium.launch(executable_path=program, args=[*FLAGS, f"--lang={LOCALES[language]}"])
                for picture in PICTURES:
                    if picture.language == language and (not wanted or picture.name in wanted):
                        too_large += take(browser, url, picture) > LARGEST
                browser.close()
    return 1 if too_large else 0


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
    sign_in(page, picture.username)
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
