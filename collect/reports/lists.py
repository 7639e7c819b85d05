"""What every list that goes out as a file shares: reading all of it page by page, and the table of a day."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date
from typing import Any, TypeVar

from collect.exchange.spool import Spool
from collect.i18n import mark as _
from collect.table import Column, Table

Entry = TypeVar("Entry")
Place = TypeVar("Place")

CHUNK = 2000
"""Entries read together."""


def every(load: Callable[[Place | None], list[Entry]], place: Callable[[Entry], Place]) -> Iterator[Entry]:
    """All entries of a list: `load` gives those that follow a place (None: from the top), `place` says where an entry stands."""
    after: Place | None = None
    while some := load(after):
        yield from some
        after = place(some[-1])


def as_of(title: str, columns: tuple[Column, ...], rows: Iterable[tuple[Any, ...]], day: date) -> Table:
    """A list as a table of a day, however long it is; one of its columns is `currency`."""
    at = next(number for number, column in enumerate(columns) if column.key == "currency")
    return Table(title, columns, Spool(rows), facts=((_("As of"), day.isoformat()),), currency=at)
