"""The real book of 2,466 invoices and 100 customers, imported once an engine and copied for each test."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from collect import settings
from collect.runtime import Runtime
from collect.services import setup
from collect.storage import database
from tests.conftest import SHARED, FixedClock, make_runtime, new_postgres_database
from tests.taking_in import take_in

NOW = datetime(2014, 3, 3, 15, 0, tzinfo=UTC)

AMERICAN = setup.Company("Example Supplies Inc.", "US", "USD", "America/New_York", "en")


@pytest.fixture(scope="session")
def sqlite_book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The book in a SQLite file, made once a worker."""
    folder = tmp_path_factory.mktemp("book")
    build(f"sqlite:///{folder / 'collect.db'}", folder)
    return folder / "collect.db"


@pytest.fixture(scope="session")
def postgres_book(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The name of a PostgreSQL database with the book, made once a worker, to copy from."""
    for url in new_postgres_database(postgres_url):
        build(url, tmp_path_factory.mktemp("book-pg"))
        yield database.make_url(url).database or ""


def build(url: str, folder: Path) -> None:
    """Import the three files into an empty database, as of March 2014, after everything in them happened."""
    clock = FixedClock(NOW)
    runtime = make_runtime(url, folder, clock, AMERICAN)
    for kind in ("customers", "invoices", "payments"):
        assert take_in(runtime, kind, SHARED / "ar" / "ibm" / "converted" / f"{kind}.csv").refused == 0
    runtime.engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def book(request: pytest.FixtureRequest, tmp_path: Path, clock: FixedClock, shared: Path) -> Iterator[Runtime]:
    """A copy of the real book, on each engine in turn."""
    clock.now = NOW + timedelta(hours=1)
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_book"), tmp_path / "collect.db")
        yield from opened(f"sqlite:///{tmp_path / 'collect.db'}", tmp_path, clock)
    else:
        server: str = request.getfixturevalue("postgres_url")
        for url in new_postgres_database(server, request.getfixturevalue("postgres_book")):
            yield from opened(url, tmp_path, clock)


def opened(url: str, folder: Path, clock: FixedClock) -> Iterator[Runtime]:
    """A runtime on an existing database."""
    runtime = Runtime(database.make_engine(url), settings.load({"COLLECT_DATABASE_URL": url, "COLLECT_DATA_DIR": str(folder)}), clock)
    yield runtime
    runtime.engine.dispose()
