"""The pages on a temporary installation, and people of every role signed in to them."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from collect.domain.rights import SYSTEM, Role
from collect.runtime import Runtime
from collect.services import users
from collect.web import create_app
from tests.conftest import FixedClock
from tests.web import book

PASSWORD = "seven tall sea horses"
ROLE_NAMES = {Role.REP: "rui", Role.LEAD: "lan", Role.FINANCE: "fang", Role.MANAGER: "ming", Role.AUDITOR: "ao", Role.ADMIN: "ada"}
SignIn = Callable[[Role | str], FlaskClient]


@pytest.fixture(autouse=True)
def _quick_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Argon2 with little work: tests are about who may sign in, not about how long guessing takes."""
    from argon2 import PasswordHasher

    monkeypatch.setattr(users, "_hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    users._nobodys_hash.cache_clear()


_KEPT: dict[tuple[str, datetime], tuple[Path, datetime]] = {}
"""What tests begin with, to copy from: what it is and the instant before it to the file, and the instant after it."""


def once(name: str, runtime: Runtime, clock: FixedClock, make: Callable[[], Any]) -> None:
    """Bring the books to what `make` makes of them: by making it the first time, by a copy of that from then on."""
    before, source = clock.now, Path(str(runtime.engine.url.database))
    if (name, before) not in _KEPT:
        make()
        runtime.engine.dispose()
        folder = Path(tempfile.mkdtemp(prefix="collect-template-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        _KEPT[name, before] = (Path(shutil.copy(source, folder / "collect.db")), clock.now)
        return
    kept, clock.now = _KEPT[name, before]
    runtime.engine.dispose()
    shutil.copy(kept, source)


@pytest.fixture
def app(sqlite_runtime: Runtime, clock: FixedClock) -> Flask:
    """The application, with one user of every role besides the first administrator: see ROLE_NAMES; English is asked for."""

    def people(work: Any) -> None:
        users.add(work, ROLE_NAMES[Role.LEAD], "Lan Lead", Role.LEAD, PASSWORD)
        for role, name in ROLE_NAMES.items():
            if role is not Role.LEAD:
                lead = ROLE_NAMES[Role.LEAD] if role is Role.REP else None
                users.add(work, name, f"{name.title()} {role.value.title()}", role, PASSWORD, lead=lead, email=f"{name}@ours.example")

    once("people", sqlite_runtime, clock, lambda: sqlite_runtime.write(SYSTEM, people))
    made = create_app(sqlite_runtime)
    made.testing = False
    return made


@pytest.fixture
def filled(app: Flask, sqlite_runtime: Runtime, clock: FixedClock) -> Runtime:
    """The application's books with the small book of `tests.web.book` in them; `rosa` is a second rep, in nobody's team."""

    def fill() -> None:
        sqlite_runtime.write(SYSTEM, lambda work: users.add(work, "rosa", "Rosa Rep", Role.REP, PASSWORD))
        book.fill(sqlite_runtime, clock)

    once("book", sqlite_runtime, clock, fill)
    return sqlite_runtime


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser that nobody has signed in with."""
    return browser(app)


@pytest.fixture
def sign_in(app: Flask) -> Iterator[SignIn]:
    """Sign somebody in, by role or user name, in a browser of his own: `sign_in(Role.REP).get("/")`."""

    def enter(who: Role | str) -> FlaskClient:
        fresh = browser(app)
        name = ROLE_NAMES[who] if isinstance(who, Role) else who
        answer = post(fresh, "/login", username=name, password=PASSWORD)
        assert answer.status_code == 303, answer.get_data(as_text=True)
        return fresh

    yield enter


def browser(app: Flask, language: str = "en") -> FlaskClient:
    """A browser that asks for a language and keeps its own cookies."""
    made = app.test_client()
    made.environ_base["HTTP_ACCEPT_LANGUAGE"] = language
    return made


def token(client: FlaskClient, path: str = "/login") -> str:
    """The anti-forgery token of this browser's session: the one that its pages have shown already, else read from one."""
    with client.session_transaction() as session:
        shown = session.get("csrf_shown")
    if shown:
        return str(shown)
    page = client.get(path, follow_redirects=True).get_data(as_text=True)
    return page.split('name="csrf_token" value="', 1)[1].split('"', 1)[0]


def post(client: FlaskClient, path: str, /, **fields: Any) -> Any:
    """Send a form as a page of ours would, with this session's token."""
    return client.post(path, data={"csrf_token": token(client), **fields})
