"""The reader's language: gettext from .po files read at start, and money, dates and numbers in the reader's form; no Flask."""

from __future__ import annotations

from contextvars import ContextVar
from datetime import date, datetime
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from babel.messages import pofile

from collect import assets
from collect.domain import money

LANGUAGES = ("en", "zh")
NAMES = {"en": "English", "zh": "中文"}
_current: ContextVar[str] = ContextVar("language", default="en")


def use(language: str | None) -> None:
    """Make a language current for this thread or request; anything unknown means English."""
    _current.set(language if language in LANGUAGES else "en")


def current() -> str:
    """The current language: `en` or `zh`."""
    return _current.get()


@cache
def catalogue(language: str) -> dict[str, str]:
    """English text to its translation; empty for English, the source language."""
    if language == "en":
        return {}
    with assets.locale_file(language).open("rb") as file:
        entries = pofile.read_po(file, locale=language)
    return {entry.id: entry.string for entry in entries if isinstance(entry.id, str) and entry.id and isinstance(entry.string, str) and entry.string}


def gettext(text: str, /, **params: object) -> str:
    """The text in the current language, its `{placeholders}` filled; untranslated text stays English."""
    told = catalogue(_current.get()).get(text, text)
    return told.format(**params) if params else told


def in_language(language: str, text: str, /, **params: object) -> str:
    """The text in a named language (letters and files go out in the reader's, not the writer's)."""
    told = catalogue(language if language in LANGUAGES else "en").get(text, text)
    return told.format(**params) if params else told


def mark(text: str) -> str:
    """Mark a literal for translation where it is defined; it is translated where it is shown."""
    return text


class Lazy:
    """A text that is translated when it is shown: for labels that are defined once and read in many languages."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __str__(self) -> str:
        return gettext(self.text)

    def __html__(self) -> str:
        from markupsafe import escape

        return str(escape(str(self)))


def lazy(text: str) -> Any:
    """A lazily translated text; typed as Any because form libraries ask for str and only ever show it."""
    return Lazy(text)


def group(minor: int, currency: str) -> str:
    """The amount with thousands separators and the currency's decimals: `1,409.50`; both languages write it so."""
    text = money.plain(minor, currency)
    whole, point, tail = text.partition(".")
    return f"{int(whole):,}{point}{tail}" if whole != "-0" else f"-0{point}{tail}"


def show_day(day: date | None) -> str:
    """A date as `2026-03-05`, in both languages; empty for None."""
    return day.isoformat() if day else ""


def show_instant(instant: datetime | None, timezone: str) -> str:
    """An instant in the viewer's zone, to the minute: `2026-03-05 09:30`."""
    return instant.astimezone(ZoneInfo(timezone)).strftime("%Y-%m-%d %H:%M") if instant else ""


_WEEKDAYS = (mark("Mon"), mark("Tue"), mark("Wed"), mark("Thu"), mark("Fri"), mark("Sat"), mark("Sun"))


def weekday(day: date) -> str:
    """The short name of a date's weekday in the reader's language."""
    return gettext(_WEEKDAYS[day.weekday()])
