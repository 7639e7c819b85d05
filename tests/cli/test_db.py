"""`collect db`: upgrade, backup while in use, restore that asks before it replaces, check; on both engines."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from collect.runtime import start
from collect.settings import load
from tests.cli.conftest import Program


@pytest.fixture
def made(program: Program) -> Program:
    """An installation with a second user, on each engine in turn."""
    program.init()
    program("user", "add", "li.na", "--role", "rep", "--password-file", program.password_file)
    return program


def names(program: Program) -> list[str]:
    """The user names of an installation."""
    return [person["username"] for person in json.loads(program("user", "list", "--format", "json").stdout)]


def test_upgrade_is_harmless_and_says_where_it_is(made: Program) -> None:
    assert made("db", "upgrade").stdout == "The database is already at 0010.\n"


def test_upgrade_makes_the_tables_of_an_empty_database(program: Program) -> None:
    assert program("db", "upgrade").stdout == "The database went from — to 0010.\n"
    assert program("verify", status=1).stderr == "This database is empty: run `collect init` first.\n"
    program.init()


def test_check_of_a_sound_database(made: Program) -> None:
    assert made("db", "check").stdout == "The database is sound.\n"
    assert json.loads(made("db", "check", "--format", "json").stdout) == {"ok": True, "findings": []}


def test_check_ends_with_1_on_a_finding(made: Program) -> None:
    """Of the revision alone: `check` must still speak when every other command refuses a database of another version."""
    runtime = start(load(made.environment))
    with runtime.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0000'")
    runtime.engine.dispose()
    assert made("db", "check", status=1).stdout == "This database needs `collect db upgrade` (it is at 0000, the program at 0010).\n"
    told = json.loads(made("db", "check", "--format", "json", status=1).stdout)
    assert (told["ok"], told["findings"][0]["code"]) == (False, "not_migrated")


def test_back_and_forth(made: Program, tmp_path: Path) -> None:
    copy = tmp_path / "monday.backup"
    assert made("db", "backup", copy).stdout.startswith(f"The backup is in {copy}: ")
    made("user", "add", "wang.fang", "--role", "finance", "--password-file", made.password_file)
    told = made("db", "restore", copy).stdout
    assert names(made) == ["admin", "li.na"]
    kept = Path(told.splitlines()[1].removeprefix("What it held before is kept in ").removesuffix("."))
    made("db", "restore", kept)
    assert names(made) == ["admin", "li.na", "wang.fang"]
    assert made("db", "check").stdout == "The database is sound.\n"
    assert made("verify").stdout.startswith("Everything adds up")


def test_restore_where_nothing_is_makes_a_working_installation(sqlite_program: Program, tmp_path: Path) -> None:
    sqlite_program.init()
    sqlite_program("user", "add", "li.na", "--role", "rep", "--password-file", sqlite_program.password_file)
    sqlite_program("db", "backup", tmp_path / "copy")
    elsewhere = Program({"COLLECT_DATA_DIR": str(tmp_path / "elsewhere")}, tmp_path)
    elsewhere("db", "restore", tmp_path / "copy")
    assert names(elsewhere) == ["admin", "li.na"]
    assert (tmp_path / "elsewhere" / "secret").stat().st_mode & 0o777 == 0o600
    elsewhere("routes")


def test_a_backup_of_sqlite_is_one_ordinary_file(sqlite_program: Program, tmp_path: Path) -> None:
    """No neighbours, readable by any SQLite, and by its owner alone."""
    sqlite_program.init()
    folder = tmp_path / "copies"
    folder.mkdir()
    sqlite_program("db", "backup", folder / "copy")
    assert [path.name for path in folder.iterdir()] == ["copy"]
    assert (folder / "copy").stat().st_mode & 0o777 == 0o600
    with sqlite3.connect(folder / "copy") as copy:
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert copy.execute("PRAGMA journal_mode").fetchone() == ("delete",)
        assert copy.execute("SELECT name FROM seller").fetchone() == ("Northwind Ltd",)
    copy.close()


def test_a_damaged_backup_is_refused_and_changes_nothing(made: Program, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    made("db", "backup", copy)
    data = bytearray(copy.read_bytes())
    for at in range(len(data) // 2, len(data) // 2 + 64):  # one bit of an archive may be a time stamp that nobody reads
        data[at] ^= 1
    copy.write_bytes(data)
    assert made("db", "restore", copy, status=1).stderr == "copy is no whole backup: it is damaged, cut short or something else; use another one.\n"
    assert names(made) == ["admin", "li.na"]
    assert list((made.folder / "home").glob("before-restore-*")) == []


def test_the_database_itself_is_no_place_for_its_backup(sqlite_program: Program) -> None:
    sqlite_program.init()
    file = sqlite_program.folder / "home" / "collect.db"
    assert sqlite_program("db", "backup", file, status=1).stderr == "collect.db is the database itself; name another file for the backup.\n"
    assert names(sqlite_program) == ["admin"]


def test_a_backup_replaces_an_older_one(made: Program, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.write_text("last week's")
    made("db", "backup", copy)
    made("db", "restore", copy)


def test_a_missing_file_is_wrong_usage(made: Program, tmp_path: Path) -> None:
    assert made("db", "restore", tmp_path / "nothing", status=2).stdout == ""
