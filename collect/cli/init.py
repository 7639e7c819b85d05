"""`collect init`: makes or upgrades an installation; asks on a terminal, takes options elsewhere, and is harmless again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from collect.cli import output
from collect.cli.inputs import FILE_TO_READ, Choice
from collect.cli.opening import open_runtime, speak_company
from collect.cli.program import Command
from collect.cli.words import gettext, mark

if TYPE_CHECKING:
    from collect.runtime import Runtime
    from collect.services.setup import Company

_ASKED = {
    "company": mark("Name of your company"),
    "country": mark("Country (two letters such as CN, US, DE)"),
    "currency": mark("Currency of the books (three letters such as CNY, USD, EUR)"),
    "timezone": mark("Time zone (such as Asia/Shanghai)"),
}


@click.command(
    cls=Command,
    help=mark("Create or upgrade the database, the company and the first administrator. Asks on a terminal; running it again is harmless."),
    example='collect init --company "Northwind Ltd" --country US --currency USD --timezone America/New_York --admin-password-file password.txt',
)
@click.option("--company", help=mark("Name of your company."))
@click.option("--currency", help=mark("Currency of the books, ISO 4217."))
@click.option("--country", help=mark("Country of the company, ISO 3166 (two letters)."))
@click.option("--timezone", help=mark("Time zone of the company, IANA name."))
@click.option("--language", type=Choice(["en", "zh"]), help=mark("Language of the company; where none is given, that of its country."))
@click.option("--admin-email", help=mark("E-mail address of the first administrator (user name `admin`)."))
@click.option("--admin-password-file", type=FILE_TO_READ, help=mark("File whose first line is the administrator's password."))
def init(
    company: str | None, currency: str | None, country: str | None, timezone: str | None, language: str | None, admin_email: str | None, admin_password_file: Path | None
) -> None:
    """Make the installation, or bring an old one up to date."""
    from collect.services import setup, users
    from collect.storage import health

    runtime = open_runtime(ready=False)
    if health.has_company(runtime.settings.database_url, runtime.engine):
        setup.upgrade(runtime)
        speak_company(runtime)
    else:
        answers = _answers({"company": company, "country": country, "currency": currency, "timezone": timezone}, admin_password_file)
        password = _password(admin_password_file)
        firm = setup.Company(answers["company"], answers["country"].upper(), answers["currency"].upper(), answers["timezone"], language or _language(answers["country"]))
        users.hash_password(password)
        setup.initialise(runtime, firm, password, admin_email)
        _guard(runtime)
        speak_company(runtime)
        _greet(firm)
    setup.make_secret(runtime.settings)
    _tell(runtime)


def _answers(given: dict[str, str | None], password_file: Path | None) -> dict[str, str]:
    """What was given by option, the rest asked for; without a terminal, wrong usage that names what is missing."""
    missing = [name for name, value in given.items() if not value]
    if not output.asks():
        absent = [f"--{name}" for name in missing] + ([] if password_file else ["--admin-password-file"])
        if absent:
            raise click.UsageError(gettext("There is no terminal to ask on: add {options}.", options=" ".join(absent)))
    return {name: value or click.prompt(gettext(_ASKED[name]), err=True) for name, value in given.items()}


def _password(file: Path | None) -> str:
    """The first line of the file, or what is typed twice without being shown."""
    if file is None:
        return str(click.prompt(gettext("Password of the administrator"), hide_input=True, confirmation_prompt=gettext("The same password again"), err=True))
    return first_line(file)


def first_line(file: Path) -> str:
    """A secret kept in a file: its first line without the line end; a byte order mark is not part of it."""
    lines = file.read_text(encoding="utf-8-sig").splitlines()
    return lines[0] if lines else ""


def _language(country: str) -> str:
    """The language of a company where none was named."""
    return "zh" if country.upper() in ("CN", "TW", "HK", "MO") else "en"


def _guard(runtime: Runtime) -> None:
    """A new SQLite file belongs to its owner alone: it holds names, debts and password hashes."""
    file = runtime.engine.url.database
    if runtime.engine.dialect.name == "sqlite" and file and Path(file).is_file():
        Path(file).chmod(0o600)


def _greet(firm: Company) -> None:
    output.say(gettext("Made the company {company} ({country}, {currency}, {timezone}).", company=firm.name, country=firm.country, currency=firm.currency, timezone=firm.timezone))
    output.say(gettext("Sign in as `admin`; add people with `collect user add`."))


def _tell(runtime: Runtime) -> None:
    """Where things are now; addresses without passwords."""
    from collect.storage import health

    output.say(gettext("The database is ready: {url}", url=health.shown(runtime.settings.database_url)))
    output.say(gettext("The secret is kept in {file}", file=runtime.settings.secret_file))
