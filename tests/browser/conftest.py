"""A real Chromium, and the program served to it on loopback; tests here say why when they cannot run."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from waitress.server import create_server

from collect.runtime import Runtime
from collect.web import create_app
from tests.browser import book

ROOT = Path(__file__).resolve().parents[2]
AXE = ROOT / ".tools" / "node_modules" / "axe-core" / "axe.min.js"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
NOON = "2026-03-10T04:00:00"
"""Noon of today in Shanghai, where the book is kept."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test here needs the browser (`Families` of the root keeps them in one worker, where they share it)."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


def missing(reason: str) -> NoReturn:
    """Skip, saying why; fail instead where a browser is required."""
    if os.environ.get("COLLECT_TEST_REQUIRE_BROWSER") == "1":
        pytest.fail(f"required, but {reason}", pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The browser that Debian packages; nothing is downloaded."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        missing("Chromium is not installed (apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def axe_source() -> str:
    """The accessibility checker, as `python3 run.py test` gets it from npm."""
    if not AXE.is_file():
        missing("axe-core is not installed (run.py gets it where npm is)")
    return AXE.read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a filled installation that nobody serves from: it is copied."""
    folder = tmp_path_factory.mktemp("seeded")
    book.build(folder)
    return folder


@dataclass
class House:
    """A served copy of the book, and the people who are signed in to it."""

    browser: Browser
    url: str
    complaints: list[str] = field(default_factory=list)
    _contexts: dict[Any, BrowserContext] = field(default_factory=dict)
    _states: dict[str, Any] = field(default_factory=dict)

    def context(self, username: str | None, language: str = "en", scripts: bool = True) -> BrowserContext:
        """A browser profile in which somebody is signed in (or nobody); made once and kept. It keeps its page."""
        key = (username, language, scripts)
        if key not in self._contexts:
            made = self.browser.new_context(
                base_url=self.url,
                locale={"en": "en-US", "zh": "zh-CN"}[language],
                java_script_enabled=scripts,
                reduced_motion="reduce",
                accept_downloads=True,
                viewport={"width": 1440, "height": 900},
                storage_state=self._states.get(username or ""),
            )
            made.on("console", lambda message: self._note(message.type, message.text, message.page))
            made.on("weberror", lambda problem: self.complaints.append(f"script: {problem.error}"))
            made.set_default_timeout(10_000)
            page = made.new_page()
            if username and username not in self._states:
                sign_in(page, username)
                self._states[username] = made.storage_state()
            self._contexts[key] = made
        return self._contexts[key]

    def _note(self, kind: str, text: str, page: Page | None) -> None:
        if kind in ("error", "warning") and not text.startswith("Failed to load resource: the server responded with a status of 4"):
            self.complaints.append(f"{page.url if page else ''}: {text}")

    def page(self, username: str | None, language: str = "en", scripts: bool = True) -> Page:
        """The page of that profile, at desk size."""
        page = self.context(username, language, scripts).pages[0]
        page.set_viewport_size({"width": 1440, "height": 900})
        return page

    def close(self) -> None:
        """Close every profile."""
        for context in self._contexts.values():
            context.close()


def sign_in(page: Page, username: str, password: str = book.PASSWORD) -> None:
    """Sign in through the page, as a person does."""
    page.goto("/login")
    page.locator("input[name=username]").fill(username)
    page.locator("input[name=password]").fill(password)
    page.locator("main form button").click()
    page.wait_for_url(lambda url: "/login" not in url)


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve the installation of a folder; gives its address."""
    with serving(book.opened(folder, book.Clock(NOON))) as url:
        yield url


@contextmanager
def serving(runtime: Runtime) -> Iterator[str]:
    """Serve a running program on a free port of loopback, as `collect serve` does; gives its address, and closes it at the end."""
    server = create_server(create_app(runtime), host="127.0.0.1", port=0, threads=4, clear_untrusted_proxy_headers=True)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.effective_port}"
    finally:
        # Closed from within its own loop, which ends when nothing is left to wait for.
        server.trigger.pull_trigger(lambda: server.asyncore.close_all(server._map, ignore_all=True))
        thread.join(20)
        server.task_dispatcher.shutdown()
        runtime.engine.dispose()
        assert not thread.is_alive()


@pytest.fixture(scope="session")
def open_house(chromium: Browser, seeded: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Any]:
    """Serve a copy of the book: `with open_house("name") as house`."""

    @contextmanager
    def opened(name: str) -> Iterator[House]:
        folder = tmp_path_factory.mktemp(name)
        shutil.copytree(seeded, folder, dirs_exist_ok=True)
        with served(folder) as url:
            house = House(chromium, url)
            try:
                yield house
            finally:
                house.close()

    return opened


@pytest.fixture(scope="session")
def reading_room(open_house: Callable[[str], Any]) -> Iterator[House]:
    """One served book for all tests that only look."""
    with open_house("reading") as house:
        yield house


@pytest.fixture
def quiet(reading_room: House) -> Iterator[House]:
    """The reading room; the test fails when the browser's console complained meanwhile (script errors, the content policy)."""
    reading_room.complaints.clear()
    yield reading_room
    assert reading_room.complaints == []
