"""A small book worked out by hand, the application on it, and people with tokens.

As of 2026-03-31, in CNY unless another currency stands there (days past due in brackets):

    C001 (rep rui, lead lan)  I1 1,200.00 due 2026-02-28 (31)   I2 300.00 due 2026-03-31 (0)   receipt P1 250.00 unapplied
    C002 (rep wei)            I3   500.00 due 2026-03-01 (30)   receipt P2 100.00 of it paid on 2026-03-10
    C003 (nobody's)           I4    99.99 USD due 2026-01-31 (59)
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from collect import settings
from collect.domain.rights import SYSTEM, Role
from collect.runtime import Runtime
from collect.services import setup, users
from collect.web import create_app
from tests.conftest import FixedClock, make_runtime
from tests.taking_in import counts, take_in
from tests.web.conftest import PASSWORD, _quick_passwords  # noqa: F401 - a fixture

AGING = "/api/v1/reports/aging"
PEOPLE = {"rui": Role.REP, "wei": Role.REP, "lan": Role.LEAD, "fang": Role.FINANCE, "ming": Role.MANAGER, "ao": Role.AUDITOR, "ada": Role.ADMIN}
CUSTOMERS = "customer_no,name,rep,currency\nC001,Alder,rui,CNY\nC002,Birch,wei,CNY\nC003,Cedar,,USD\n"
INVOICES = """invoice_no,customer_no,issue_date,due_date,currency,amount
I1,C001,2026-01-31,2026-02-28,CNY,1200.00
I2,C001,2026-03-01,2026-03-31,CNY,300.00
I3,C002,2026-01-01,2026-03-01,CNY,500.00
I4,C003,2026-01-01,2026-01-31,USD,99.99
"""
PAYMENTS = "payment_ref,customer_no,date,currency,amount,method,invoice_no\nP1,C001,2026-03-05,CNY,250.00,transfer,\nP2,C002,2026-03-10,CNY,100.00,transfer,I3\n"


def fill(runtime: Runtime, clock: FixedClock) -> None:
    """People and the book above, on 2026-03-31 at 10:00 in Shanghai."""
    clock.set("2026-03-31T02:00:00")

    def people(work: Any) -> None:
        for name, role in sorted(PEOPLE.items(), key=lambda entry: entry[1] is not Role.LEAD):
            users.add(work, name, name.title(), role, PASSWORD, lead="lan" if name == "rui" else None)

    runtime.write(SYSTEM, people)
    for kind, text in (("customers", CUSTOMERS), ("invoices", INVOICES), ("payments", PAYMENTS)):
        assert counts(take_in(runtime, kind, text))[0] == len(text.splitlines()) - 1


class Caller:
    """A program that reads the API with one token, or with none."""

    def __init__(self, app: Flask, token: str | None = None, language: str | None = "en") -> None:
        self.client = app.test_client()
        self.headers = {name: value for name, value in (("Authorization", f"Bearer {token}" if token else None), ("Accept-Language", language)) if value}

    def get(self, path: str = AGING, /, **query: str) -> Any:
        return self.client.get(path, query_string=query, headers=self.headers)


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an installation with the book in it, made once and copied for each test."""
    folder = tmp_path_factory.mktemp("api-book")
    clock = FixedClock(datetime(2026, 3, 31, tzinfo=UTC))
    made = make_runtime(f"sqlite:///{folder / 'collect.db'}", folder, clock)
    fill(made, clock)
    made.engine.dispose()
    return folder


@pytest.fixture
def filled(template: Path, tmp_path: Path, clock: FixedClock) -> Iterator[Runtime]:
    """The book, an hour after it was taken in."""
    folder = shutil.copytree(template, tmp_path / "book")
    clock.set("2026-03-31T03:00:00")
    url = f"sqlite:///{folder / 'collect.db'}"
    made = Runtime(setup.database.make_engine(url), settings.load({"COLLECT_DATABASE_URL": url, "COLLECT_DATA_DIR": str(folder)}), clock)
    yield made
    made.engine.dispose()


@pytest.fixture
def app(filled: Runtime) -> Flask:
    made = create_app(filled)
    made.testing = False
    return made


def token_for(runtime: Runtime, username: str, *scopes: str) -> str:
    """A new token for somebody; for `reports:read` unless other scopes are named."""
    return runtime.write(SYSTEM, lambda work: users.issue_token(work, username, list(scopes) or ["reports:read"]))


@pytest.fixture
def finance(app: Flask, filled: Runtime) -> Caller:
    """Sees everything."""
    return Caller(app, token_for(filled, "fang"))
