"""The program, called in this process as a shell would call it, on an installation of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from collect import runtime as running
from collect.cli import main
from collect.settings import Settings
from collect.storage import database
from tests.conftest import PASSWORD, FixedClock, copied


class Program:
    """`program("user", "list")` runs `collect user list` with this installation's environment."""

    def __init__(self, environment: dict[str, str], folder: Path) -> None:
        self.environment = environment
        self.folder = folder
        self.password_file = folder / "password.txt"
        self.password_file.write_text(f"{PASSWORD}\n", encoding="utf-8")

    def __call__(self, *arguments: object, status: int = 0, typed: str | None = None, **environment: str | None) -> Result:
        """Run it, and hold its exit status against what is expected; further environment by keyword (None takes away)."""
        result = CliRunner().invoke(main, [str(argument) for argument in arguments], input=typed, env={**self.environment, **environment})
        assert result.exit_code == status, f"exit {result.exit_code}\n{result.stdout}\n{result.stderr}"
        return result

    def init(self, *more: str, status: int = 0) -> Result:
        """`collect init` with the options of an American company."""
        firm = ("--company", "Northwind Ltd", "--country", "US", "--currency", "USD", "--timezone", "America/New_York")
        return self("init", *firm, "--admin-password-file", self.password_file, *more, status=status)


@pytest.fixture
def program(database_url: str, tmp_path: Path, clock: FixedClock, monkeypatch: pytest.MonkeyPatch) -> Program:
    """The program on an empty database, on each engine in turn; it is 10 March 2026 there."""
    return make_program(database_url, tmp_path, clock, monkeypatch)


@pytest.fixture
def sqlite_program(tmp_path: Path, clock: FixedClock, monkeypatch: pytest.MonkeyPatch) -> Program:
    """The program on an empty SQLite database."""
    return make_program(f"sqlite:///{tmp_path / 'home' / 'collect.db'}", tmp_path, clock, monkeypatch)


@pytest.fixture
def ready(sqlite_program: Program, tmp_path: Path, clock: FixedClock) -> Iterator[Program]:
    """The program on an installed Chinese company, on SQLite, spoken to in English."""
    home = tmp_path / "home"
    home.mkdir()
    copied(sqlite_program.environment["COLLECT_DATABASE_URL"], home, clock).engine.dispose()
    sqlite_program.environment["COLLECT_LANGUAGE"] = "en"
    yield sqlite_program


def make_program(url: str, folder: Path, clock: FixedClock, monkeypatch: pytest.MonkeyPatch) -> Program:
    """A program on a database address, with its data in `home`, reading the test's clock."""

    def start(chosen: Settings) -> running.Runtime:
        return running.Runtime(database.make_engine(chosen.database_url), chosen, clock)

    monkeypatch.setattr(running, "start", start)
    return Program({"COLLECT_DATABASE_URL": url, "COLLECT_DATA_DIR": str(folder / "home")}, folder)
