"""What a command prints: tables and progress for people on a terminal, plain text, JSON and files for everything else."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from collect.cli.words import gettext

if TYPE_CHECKING:
    from collect.table import Column, Table

_EVERY = 100_000
"""Rows between two lines of progress where there is no terminal."""


def on_terminal() -> bool:
    """Whether standard output is read by a person."""
    return sys.stdout.isatty()


def asks() -> bool:
    """Whether there is a person to ask: both ends of the conversation are a terminal."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def say(sentence: str) -> None:
    """A finished sentence of the result, on standard output."""
    click.echo(sentence)


def note(sentence: str) -> None:
    """A finished sentence beside the result, on standard error."""
    click.echo(sentence, err=True)


def as_json(value: Any) -> None:
    """A value as JSON on standard output; keys and codes are English and fixed."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))


def as_file(target: Path, data: bytes) -> None:
    """Bytes into a file, which is complete as soon as it has its name; devices and pipes are written to directly."""
    into_file(target, lambda file: file.write(data))


def given_out(target: Path | None, write: Callable[[BinaryIO], object]) -> None:
    """What `write` writes, into the file that was named, which is then told, or on standard output."""
    if target is None:
        sys.stdout.flush()
        write(sys.stdout.buffer)
        sys.stdout.buffer.flush()
        return
    into_file(target, write)
    note(gettext("Written to {file}.", file=target))


def into_file(target: Path, write: Callable[[BinaryIO], object]) -> None:
    """What `write` writes, into a file that is complete as soon as it has its name."""
    if target.exists() and not target.is_file():
        with target.open("wb") as file:
            write(file)
        return
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".partial", dir=target.parent)
    partial = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            write(file)
        partial.chmod(0o666 & ~_mask())
        partial.replace(target)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def table_given_out(table: Table, value: Any, form: str, target: Path | None) -> None:
    """A report as `table`, `json` (its `value`), `csv` or `xlsx`, into the file that was named or on standard output."""
    from collect import i18n
    from collect.exchange import export

    def write(file: BinaryIO) -> None:
        if form == "csv":
            export.write_csv(table, file)
        elif form == "xlsx":
            export.write_xlsx(table, file, i18n.current())
        else:
            file.write(table_text(table).encode() if form == "table" else (json.dumps(value, ensure_ascii=False, indent=2) + "\n").encode())

    given_out(target, write)


def write_json(values: Iterable[Any], file: BinaryIO) -> None:
    """Many values as one JSON list, one after the other, laid out as `as_json` would."""
    between = b"[\n"
    for value in values:
        file.write(between + ("  " + json.dumps(value, ensure_ascii=False, indent=2).replace("\n", "\n  ")).encode())
        between = b",\n"
    file.write(b"[]\n" if between == b"[\n" else b"\n]\n")


def _mask() -> int:
    """The mask of permissions that new files get."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def as_lines(labels: Sequence[str], rows: Sequence[Sequence[str]], right: frozenset[int] = frozenset(), totals: Sequence[Sequence[str]] = ()) -> None:
    """Rows of finished text under their labels: drawn on a terminal, aligned by display width elsewhere.

    `right` are the positions of columns of numbers; `totals` are rows set apart below the others.
    """
    if on_terminal():
        _draw(labels, rows, right, totals)
        return
    click.echo(plain(labels, rows, right, totals), nl=False)


def plain(labels: Sequence[str], rows: Sequence[Sequence[str]], right: frozenset[int] = frozenset(), totals: Sequence[Sequence[str]] = ()) -> str:
    """The same as text: one line a row, two spaces between columns, full-width characters counted as two."""
    every = [labels, *rows, *totals]
    widths = [max(_width(text) for text in column) for column in zip(*every, strict=True)]
    rule = "  ".join("-" * width for width in widths)
    lines = [_aligned(row, widths, right) for row in every]
    lines.insert(1, rule)
    if totals:
        lines.insert(len(lines) - len(totals), rule)
    return "\n".join(lines) + "\n"


def _aligned(row: Sequence[str], widths: Sequence[int], right: frozenset[int]) -> str:
    padded = []
    for position, (text, width) in enumerate(zip(row, widths, strict=True)):
        room = " " * (width - _width(text))
        padded.append(room + text if position in right else text + room)
    return "  ".join(padded).rstrip()


def _width(text: str) -> int:
    """How many columns a text takes on a screen."""
    return sum(0 if unicodedata.combining(sign) else 2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text)


def _draw(labels: Sequence[str], rows: Sequence[Sequence[str]], right: frozenset[int], totals: Sequence[Sequence[str]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table as Drawn
    from rich.text import Text

    console, text = Console(), plain(labels, rows, right, totals)
    # A drawn table that does not fit is cut, and a figure that is cut is a wrong figure: then plain lines, which wrap.
    if max(map(_width, text.splitlines())) + 3 * len(labels) > console.width:
        click.echo(text, nl=False)
        return
    drawn = Drawn(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for position, label in enumerate(labels):
        drawn.add_column(Text(label), justify="right" if position in right else "left", no_wrap=position in right)
    for index, row in enumerate(rows):
        drawn.add_row(*map(Text, row), end_section=bool(totals) and index == len(rows) - 1)
    for row in totals:
        drawn.add_row(*map(Text, row), style="bold")
    console.print(drawn)


def as_table(table: Table) -> None:
    """A report: its title, facts and notes around its rows, in the language of this run."""
    if not on_terminal():
        click.echo(table_text(table), nl=False)
        return
    head, labels, rows, totals, right = _parts(table)
    click.echo("\n".join(head))
    _draw(labels, rows, right, totals)
    for sentence in table.notes:
        click.echo(sentence)


def table_text(table: Table) -> str:
    """The same as plain text, as it is printed where there is no terminal."""
    head, labels, rows, totals, right = _parts(table)
    return "\n".join([*head, plain(labels, rows, right, totals).rstrip("\n"), *table.notes]) + "\n"


def _parts(table: Table) -> tuple[list[str], list[str], list[list[str]], list[list[str]], frozenset[int]]:
    """The lines above a table, its labels, rows and totals as text, and the positions of its columns of numbers."""
    head = [gettext(table.title), *(gettext("{label}: {value}", label=gettext(label), value=value) for label, value in table.facts)]
    rows = [_shown(table, row) for row in table.rows]
    totals = [_shown(table, (gettext(str(row[0] or "")), *row[1:])) for row in table.totals]
    right = frozenset(index for index, column in enumerate(table.columns) if column.kind in ("money", "integer"))
    return head, [gettext(column.label) for column in table.columns], rows, totals, right


def _shown(table: Table, row: Sequence[Any]) -> list[str]:
    currency = str(row[table.currency])
    return [_cell(column, value, currency) for column, value in zip(table.columns, row, strict=True)]


def _cell(column: Column, value: Any, currency: str) -> str:
    """One cell as text: money grouped with the currency's decimals, dates as 2026-03-05, control characters gone."""
    from collect import i18n

    if value is None:
        return ""
    if column.kind == "money":
        return i18n.group(value, currency)
    return "".join(sign if sign.isprintable() else " " for sign in str(value))


@contextmanager
def progress(label: str) -> Iterator[Callable[[int], None]]:
    """Tell how many rows are done: a bar on a terminal, a line each 100,000 rows elsewhere; always on standard error."""
    if not sys.stderr.isatty():
        told = 0

        def line(done: int) -> None:
            nonlocal told
            if done // _EVERY > told:
                told = done // _EVERY
                note(gettext("{label}: {count} rows done", label=label, count=f"{done:,}"))

        yield line
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed:,.0f}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(escape(label), total=None)
        yield lambda done: bar.update(task, completed=done)
