"""`collect doctor`: tells what is in force, finds what is wrong, and never fails."""

from __future__ import annotations

import json
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

from collect.storage import database, health
from tests.cli.conftest import Program


def facts(program: Program, **environment: str) -> dict[str, Any]:
    """What `doctor --format json` tells; it always ends with 0."""
    told: dict[str, Any] = json.loads(program("doctor", "--format", "json", **environment).stdout)
    return told


def test_what_is_in_force(program: Program) -> None:
    program.init()
    told = facts(program)
    assert told["problems"] == []
    assert told["program"]["python"] == platform.python_version()
    assert told["libraries"]["sqlalchemy"] == version("sqlalchemy")
    assert (told["database"]["current"], told["database"]["wanted"]) == ("0010", "0010")
    assert told["company"] == {"name": "Northwind Ltd", "country": "US", "currency": "USD", "timezone": "America/New_York", "language": "en"}
    assert told["secret"] == {"file": str(program.folder / "home" / "secret"), "present": True, "mode": "0600"}
    # The Chinese state announces its make-up days year by year: 2026 is the last year it has (S3).
    assert told["calendars"]["CN"] == "2026-12-31"
    assert told["fonts"]["embedded"] is True
    if told["database"]["engine"] == "sqlite":
        assert told["database"]["version"] == database.sqlite_module().sqlite_version
        assert (told["database"]["journal_mode"], told["database"]["synchronous"], told["database"]["wal_reset_bug"]) == ("wal", "full", False)
    else:
        assert (told["database"]["driver"], told["database"]["journal_mode"], told["database"]["wal_reset_bug"]) == ("psycopg", None, None)
    assert program("doctor").stdout.splitlines()[-1] == "Nothing is wrong."


def test_before_init_it_finds_and_makes_nothing(sqlite_program: Program) -> None:
    assert facts(sqlite_program)["problems"] == [
        "There is no database yet: run `collect init`.",
        "There is no company yet: run `collect init`.",
        f"The secret {sqlite_program.folder / 'home' / 'secret'} is missing: run `collect init`.",
    ]
    assert list((sqlite_program.folder / "home").glob("*")) == []


def test_a_database_that_does_not_answer_is_a_problem_not_a_failure(ready: Program) -> None:
    told = facts(ready, COLLECT_DATABASE_URL="postgresql://someone:secret@127.0.0.1:9/books")
    assert told["database"] is None
    assert len(told["problems"]) == 2
    assert "secret" not in json.dumps(told["problems"])


def test_a_secret_that_others_can_read_is_a_problem(ready: Program) -> None:
    file = ready.folder / "home" / "secret"
    file.chmod(0o644)
    assert facts(ready)["problems"] == [f"Others can read the secret {file}: run `chmod 600` on it."]
    assert file.read_text() not in ready("doctor").stdout


def test_a_vulnerable_sqlite_is_named(ready: Program, monkeypatch: Any) -> None:
    """SQLite 3.40.1 has the WAL-reset bug: the rollback journal is in force, and the doctor says why."""
    told = health.Facts("sqlite", "3.40.1", "sqlite3", "delete", "full", False)
    monkeypatch.setattr(health, "describe", lambda engine: told)
    found = facts(ready)
    assert found["database"]["wal_reset_bug"] is True
    assert found["problems"] == ["SQLite 3.40.1 has the WAL-reset bug; the rollback journal is used instead. Install pysqlite3 for a safe one."]


def test_passwords_of_addresses_are_hidden(ready: Program) -> None:
    told = ready("doctor", COLLECT_DATABASE_URL=f"sqlite:///{Path(ready.folder) / 'home' / 'collect.db'}").stdout
    assert "collect.db" in told
    assert "***" not in told
