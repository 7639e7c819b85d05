"""`collect doctor`: what is in force here: database, journal, versions, calendars, fonts, secret; it finds, and never fails."""

from __future__ import annotations

import os
import platform
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from collect.cli import output
from collect.cli.inputs import Choice
from collect.cli.opening import open_runtime, speak_company
from collect.cli.program import Command
from collect.cli.words import gettext, mark

if TYPE_CHECKING:
    from collect.runtime import Runtime

_LIBRARIES = ("flask", "sqlalchemy", "alembic", "pysqlite3", "psycopg", "pandas", "reportlab", "babel", "waitress", "click")


@click.command(cls=Command, help=mark("Tell what is in force: database and journal mode, versions, calendars, fonts, secret, mail."), example="collect doctor --format json")
@click.option("--format", "form", type=Choice(["text", "json"]), default="text", show_default=True, help=mark("How to print it."))
def doctor(form: str) -> None:
    """Gather the facts; what cannot be asked is told as a problem."""
    runtime = open_runtime(ready=False)
    problems: list[str] = []
    facts: dict[str, Any] = {
        "program": _program(runtime),
        "database": _asked(problems, lambda: _database(runtime, problems)),
        "company": _asked(problems, lambda: _company(runtime, problems)),
        "secret": _secret(runtime.settings.secret_file, problems),
        "calendars": _asked(problems, _calendars),
        "fonts": _asked(problems, _fonts),
        "mail": _asked(problems, lambda: _mail(runtime, problems)),
        "libraries": _libraries(),
    }
    facts["problems"] = problems
    if form == "json":
        output.as_json(facts)
    else:
        _print(facts)


def _asked(problems: list[str], ask: Callable[[], Any]) -> Any:
    """The answer, or None and a line among the problems: a doctor looks at what is broken."""
    try:
        return ask()
    except Exception as problem:
        from collect.domain.errors import Refusal
        from collect.sentences import say

        cause = getattr(problem, "orig", None) or problem
        problems.append(say(problem) if isinstance(problem, Refusal) else " ".join(str(cause).split()) or type(cause).__name__)
        return None


def _program(runtime: Runtime) -> dict[str, Any]:
    import collect

    settings = runtime.settings
    return {
        "version": collect.__version__,
        "python": platform.python_version(),
        "system": platform.platform(terse=True),
        "data_dir": str(settings.data_dir),
        "config_file": os.environ.get("COLLECT_CONFIG"),
        "language": settings.language,
    }


def _database(runtime: Runtime, problems: list[str]) -> dict[str, Any]:
    """Engine, journal and migrations; a database that is not there yet is not made by asking."""
    from collect.storage import health, migrate

    facts: dict[str, Any] = {"url": health.shown(runtime.settings.database_url), "wanted": migrate.wanted(), "current": None}
    if not health.exists(runtime.settings.database_url):
        problems.append(gettext("There is no database yet: run `collect init`."))
        return facts
    told = health.describe(runtime.engine)
    facts |= {"engine": told.engine, "version": told.version, "driver": told.driver, "journal_mode": told.journal, "synchronous": told.synchronous, "wal_reset_bug": None}
    if told.engine == "sqlite":
        facts["wal_reset_bug"] = not told.wal_safe
        if not told.wal_safe:
            problems.append(gettext("SQLite {version} has the WAL-reset bug; the rollback journal is used instead. Install pysqlite3 for a safe one.", version=told.version))
    facts["current"] = migrate.current(runtime.engine)
    if facts["current"] != facts["wanted"]:
        problems.append(gettext("The database is at {found}, the program at {wanted}: run `collect init` or `collect db upgrade`.", found=facts["current"], wanted=facts["wanted"]))
    return facts


def _company(runtime: Runtime, problems: list[str]) -> dict[str, Any] | None:
    from collect.domain.rights import SYSTEM
    from collect.storage import health

    if not health.has_company(runtime.settings.database_url, runtime.engine):
        problems.append(gettext("There is no company yet: run `collect init`."))
        return None
    speak_company(runtime)
    with runtime.read(SYSTEM) as view:
        seller = view.seller
        return {"name": seller.name, "country": seller.country, "currency": seller.currency, "timezone": seller.timezone, "language": seller.language}


def _secret(file: Path, problems: list[str]) -> dict[str, Any]:
    """Whether the secret is there and who else could read it; never the secret."""
    if not file.is_file():
        problems.append(gettext("The secret {file} is missing: run `collect init`.", file=file))
        return {"file": str(file), "present": False, "mode": None}
    mode = stat.S_IMODE(file.stat().st_mode)
    if os.name == "posix" and mode & 0o077:
        problems.append(gettext("Others can read the secret {file}: run `chmod 600` on it.", file=file))
    return {"file": str(file), "present": True, "mode": f"{mode:04o}"}


def _mail(runtime: Runtime, problems: list[str]) -> dict[str, Any] | None:
    """Where mail goes and as whom; nothing secret, and no connection is made."""
    from collect import channels
    from collect.channels.email import is_loopback

    channel = channels.of(runtime.settings)
    if channel is None:
        return None
    settings = runtime.settings
    smtp = not settings.smtp_folder
    facts: dict[str, Any] = {"channel": channel.name, "from": channel.sender, "starttls": settings.smtp_starttls if smtp else None, "user": settings.smtp_user or None}
    if smtp and not settings.smtp_starttls and not is_loopback(settings.smtp_host):
        problems.append(gettext("Mail leaves without encryption: set COLLECT_SMTP_STARTTLS to true."))
    if smtp and settings.smtp_password_file and not os.access(settings.smtp_password_file, os.R_OK):
        problems.append(gettext("The password file of the mail server cannot be read: {file}", file=settings.smtp_password_file))
    return facts


def _calendars() -> dict[str, str]:
    """Countries and the last day that is official in each."""
    from collect import calendars

    return {country: until.isoformat() for country, until in calendars.known().items()}


def _fonts() -> dict[str, Any]:
    from collect.documents import fonts

    loaded = fonts.load()
    return {"embedded": loaded.embedded, "regular": [face.name for face in loaded.regular], "bold": [face.name for face in loaded.bold]}


def _libraries() -> dict[str, str | None]:
    from importlib.metadata import PackageNotFoundError, version

    found: dict[str, str | None] = {}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found


def _print(facts: dict[str, Any]) -> None:
    """The facts as lines of `group.name  value`, the problems last, as sentences."""
    rows = []
    for group, values in facts.items():
        if group == "problems":
            continue
        pairs = values.items() if isinstance(values, dict) else [("", values)]
        for name, value in pairs:
            shown = "—" if value is None else ", ".join(map(str, value)) if isinstance(value, list) else str(value).lower() if isinstance(value, bool) else str(value)
            rows.append((f"{group}.{name}" if name else group, shown))
    output.as_lines([gettext(mark("What")), gettext(mark("In force"))], rows)
    for problem in facts["problems"]:
        output.say(problem)
    if not facts["problems"]:
        output.say(gettext("Nothing is wrong."))
    sys.stdout.flush()
