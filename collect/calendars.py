"""Reads config/calendars/*.toml (and an installation's own) into the domain's business day calendars (S3)."""

from __future__ import annotations

import tomllib
from datetime import date
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from collect import assets
from collect.domain.calendar import Calendar
from collect.domain.errors import Refusal


@cache
def load(country: str, own: Path | None = None) -> Calendar:
    """The calendar of a country (ISO 3166 alpha-2, any case), without company days.

    A file of the same form in the folder `own` (the installation's, for a year announced since) goes before the shipped one.
    A country without a file, or a text that is no code, gets a calendar that goes by weekday and knows nothing.
    Raises Refusal `bad_calendar_file` for a file that cannot be read. Read once; a changed file counts after a restart.
    """
    code = country.strip().upper()
    if not (len(code) == 2 and code.isascii() and code.isalpha()):
        return Calendar()
    for folder in (own, assets.folder("config") / "calendars"):
        path = folder / f"{code.lower()}.toml" if folder else None
        if path and path.is_file():
            return read(path)
    return Calendar(country=code)


def read(path: Path) -> Calendar:
    """One calendar file: `known_from`, `known_until`, [holidays] year = { name = "mm-dd …" }, [make_up] year = "mm-dd …"."""
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8"))
        named = {day: name for year, group in entries["holidays"].items() for name, days in group.items() for day in _days(year, days)}
        make_up = frozenset(day for year, days in entries.get("make_up", {}).items() for day in _days(year, days))
        known = _date(entries["known_from"]), _date(entries["known_until"])
        weekend = frozenset(int(number) - 1 for number in entries.get("weekend", (6, 7)))
        return Calendar(str(entries["country"]), MappingProxyType(named), make_up, *known, weekend=weekend)
    except KeyError as missing:
        raise Refusal("bad_calendar_file", None, value=str(path), reason=str(missing)) from None
    except (OSError, ValueError, TypeError, AttributeError) as problem:
        raise Refusal("bad_calendar_file", None, value=str(path), reason=str(problem)) from None


def known(own: Path | None = None) -> dict[str, date]:
    """The countries with a calendar and the last day that is official in each, for `collect doctor`."""
    folders = (assets.folder("config") / "calendars", own)
    codes = sorted({path.stem.upper() for folder in folders if folder for path in folder.glob("*.toml")})
    return {code: until for code in codes if (until := load(code, own).known_until)}


def _days(year: str, days: str) -> list[date]:
    """The dates of one year from `01-01 12-25`; ValueError for any other form."""
    return [date.fromisoformat(f"{year}-{day}") for day in days.split()]


def _date(value: Any) -> date:
    """A TOML date, else TypeError (a date with a time is none)."""
    if type(value) is not date:
        raise TypeError(f"{value!r} is no date")
    return value
