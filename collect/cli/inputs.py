"""What may be typed: one of some words, a file that is there, a file to write; each says no in the reader's language."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from collect.cli.words import gettext

if TYPE_CHECKING:
    from collect.runtime import View


class Choice(click.Choice[str]):
    """One of some words."""

    def get_invalid_choice_message(self, value: Any, ctx: click.Context | None) -> str:
        return gettext("{value} is none of {choices}", value=value, choices=", ".join(self.choices))


class FileToRead(click.ParamType[Path]):
    """A file that exists, as a path."""

    name = "FILE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        path = Path(value)
        if path.is_dir():
            self.fail(gettext("{file} is a folder, not a file", file=path), param, ctx)
        if not path.exists():
            self.fail(gettext("there is no file {file}", file=path), param, ctx)
        return path


class FileToWrite(click.ParamType[Path]):
    """A file to be made or replaced, as a path."""

    name = "FILE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        path = Path(value)
        if path.is_dir():
            self.fail(gettext("{file} is a folder, not a file", file=path), param, ctx)
        return path


FILE_TO_READ, FILE_TO_WRITE = FileToRead(), FileToWrite()


def day_of(view: View, text: str | None) -> date:
    """The date that --as-of names, today's in the company's zone without one; wrong usage when it is no date."""
    from collect import sentences
    from collect.domain.errors import Refusal
    from collect.reports.options import parse_day

    if text is None:
        return view.today
    try:
        return parse_day(text, "as_of")
    except Refusal as refusal:
        raise click.UsageError(sentences.say(refusal)) from None
