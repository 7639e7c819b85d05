"""`collect init`: by options, by questions on a terminal, again without harm, and never half."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from collect.cli import output
from tests.cli.conftest import Program


def mode(path: Path) -> int:
    """The permission bits of a file."""
    return stat.S_IMODE(path.stat().st_mode)


def test_by_options(program: Program) -> None:
    told = program.init()
    assert told.stderr == ""
    assert told.stdout.splitlines()[:2] == ["Made the company Northwind Ltd (US, USD, America/New_York).", "Sign in as `admin`; add people with `collect user add`."]
    secret = program.folder / "home" / "secret"
    assert (mode(secret), len(secret.read_text())) == (0o600, 64)
    assert secret.read_text() not in told.stdout
    assert program("user", "list").stdout.splitlines()[2].split() == ["admin", "Administrator", "admin", "yes"]
    assert program("verify").stdout == "Everything adds up: control totals, allocations, audit chain.\n"


def test_the_database_file_is_its_owners_alone(sqlite_program: Program) -> None:
    sqlite_program.init()
    assert mode(sqlite_program.folder / "home" / "collect.db") == 0o600


def test_again_it_is_harmless_and_needs_nothing(program: Program) -> None:
    program.init()
    secret = (program.folder / "home" / "secret").read_bytes()
    before = program("user", "list", "--format", "json").stdout
    assert "Made the company" not in program("init").stdout
    assert "Made the company" not in program("init", "--company", "Another", "--country", "DE", "--currency", "EUR", "--timezone", "Europe/Berlin").stdout
    assert (program.folder / "home" / "secret").read_bytes() == secret
    assert program("user", "list", "--format", "json").stdout == before
    assert "Northwind Ltd" in program("doctor").stdout


def test_without_a_terminal_it_names_what_is_missing(sqlite_program: Program) -> None:
    told = sqlite_program("init", "--company", "Northwind Ltd", "--country", "US", status=2)
    assert told.stderr.splitlines()[0] == "There is no terminal to ask on: add --currency --timezone --admin-password-file."
    assert list((sqlite_program.folder / "home").glob("*")) == []


def test_on_a_terminal_it_asks(sqlite_program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "asks", lambda: True)
    typed = "Nordwind GmbH\nde\neur\nEurope/Berlin\ncorrect horse 9\ncorrect horse 9\n"
    told = sqlite_program("init", typed=typed)
    assert "Made the company Nordwind GmbH (DE, EUR, Europe/Berlin)." in told.stdout
    assert "Name of your company" in told.stderr
    assert "correct horse" not in told.stdout + told.stderr


def test_only_what_is_missing_is_asked(sqlite_program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "asks", lambda: True)
    told = sqlite_program("init", "--company", "X", "--country", "US", "--currency", "USD", "--admin-password-file", sqlite_program.password_file, typed="America/Chicago\n")
    assert told.stderr == "Time zone (such as Asia/Shanghai): America/Chicago\n" or told.stderr.startswith("Time zone (such as Asia/Shanghai): ")
    assert "Made the company X (US, USD, America/Chicago)." in told.stdout


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--currency", "XYZ"), "XYZ is no currency code"),
        (("--country", "Germany"), "GERMANY"),
        (("--timezone", "Mars/Olympus"), "Mars/Olympus is no time zone"),
        (("--company", " "), "company"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_made(sqlite_program: Program, options: tuple[str, str], sentence: str) -> None:
    told = sqlite_program.init(*options, status=1)
    assert sentence in told.stderr
    assert len(told.stderr.splitlines()) == 1
    assert "Made" not in told.stdout
    assert sqlite_program("verify", status=1).stderr == "This database is empty: run `collect init` first.\n"


def test_a_weak_password_is_refused_before_anything_is_made(sqlite_program: Program) -> None:
    sqlite_program.password_file.write_text("short\n")
    assert sqlite_program.init(status=1).stderr == "This password is too short; use at least 10 characters.\n"
    assert sqlite_program("verify", status=1).stderr == "This database is empty: run `collect init` first.\n"


def test_an_address_for_the_administrator(sqlite_program: Program) -> None:
    sqlite_program.init("--admin-email", "boss@northwind.example")
    assert '"email": "boss@northwind.example"' in sqlite_program("user", "list", "--format", "json").stdout


@pytest.mark.parametrize(("country", "language"), [("CN", "zh"), ("US", "en")])
def test_the_language_is_the_countrys_where_none_is_named(sqlite_program: Program, country: str, language: str) -> None:
    sqlite_program.init("--country", country)
    assert f'"language": "{language}"' in sqlite_program("doctor", "--format", "json").stdout.partition('"company"')[2]


def test_a_password_file_may_have_a_mark_and_windows_line_ends(sqlite_program: Program) -> None:
    """A file from a Windows editor: byte order mark, CRLF. The password is what stands between."""
    from collect import settings
    from collect.runtime import start
    from collect.services import users

    sqlite_program.password_file.write_bytes("\ufeffcorrect horse 9\r\n".encode())
    sqlite_program.init()
    runtime = start(settings.load(sqlite_program.environment))
    assert users.sign_in(runtime, "admin", "correct horse 9", "127.0.0.1", "test")
    runtime.engine.dispose()
