"""Rows of a file read by the column: whatever a row has that is not plain is left to be read row by row, and refused there."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import date
from functools import partial
from itertools import compress
from typing import Any, Final

from collect.domain import money
from collect.domain.errors import Refusal
from collect.services import intake

ASK: Final = object()
"""Stands for a cell that only the reading of its row can judge; nothing is refused here."""
_MOST = 20_000
_CENTS = re.compile(r"-?[0-9]{1,15}\.[0-9]{2}(?:\n-?[0-9]{1,15}\.[0-9]{2})*", re.ASCII)


class Once(dict[str, Any]):
    """What each distinct text of a column means, read once by the row's own reader; `ASK` where that refuses it."""

    def __init__(self, batch: intake.Batch, read: Callable[[intake.Row, str], Any], key: str) -> None:
        super().__init__()
        self._read, self._key, self._at = read, key, batch.index[key]
        self._width = batch.index["#width"] + 1

    def __missing__(self, text: str) -> Any:
        cells = [""] * self._width
        cells[self._at] = text
        value = _asked(partial(self._read, intake.Row(0, cells), self._key))
        if len(self) >= _MOST:
            self.clear()
        if text.__class__ is str:  # a number of a spreadsheet equals the text that looks like it, and may mean something else
            self[text] = value
        return value


class Columns:
    """The columns of those groups of a chunk that are one row without cells beyond the headers; `places` tells which.

    Every reader gives one value a row: what the reader of `intake.Batch` of that name gives, or `ASK`.
    """

    def __init__(self, batch: intake.Batch, chunk: list[intake.Group]) -> None:
        self.batch = batch
        width = batch.index["#width"] + 1
        plain = [len(group) == 1 and len(group[0].cells) == width for group in chunk]
        self.places: Sequence[int] = range(len(chunk)) if all(plain) else list(compress(range(len(chunk)), plain))
        self.rows = [chunk[place][0] for place in self.places]
        self.cells: list[tuple[str, ...]] = list(zip(*(row.cells for row in self.rows), strict=True))

    def _column(self, key: str) -> tuple[str, ...] | None:
        at = self.batch.index.get(key)
        return None if at is None else self.cells[at]

    def _each(self, key: str, read: Callable[[intake.Row, str], Any], column: Sequence[str]) -> list[Any]:
        known = self.batch.read_once.get(key)
        if known is None:
            known = self.batch.read_once[key] = Once(self.batch, read, key)
        given = set(column)
        if given == {""}:
            return [known[""]] * len(column)
        return list(map(known.__getitem__, column))

    def codes(self, key: str, longest: int = 64) -> list[Any]:
        """Numbers and codes, None where the cell is empty."""
        column = self._column(key)
        if column is None:
            return [None] * len(self.rows)
        whole = "".join(column)
        if whole.isascii() and whole.isprintable() and max(map(len, column)) <= longest and set(map(type, column)) == {str}:
            values: list[Any] = list(map(str.strip, column)) if " " in whole else list(column)
            return [value or None for value in values] if "" in values else values
        return [_asked(partial(self.batch.code, row, key, longest)) for row in self.rows]

    def texts(self, key: str, longest: int) -> list[Any]:
        """Free text, None where the cell is empty."""
        column = self._column(key)
        if column is None:
            return [None] * len(self.rows)
        whole = "".join(column)
        if whole.isprintable() and max(map(len, column)) <= longest and set(map(type, column)) == {str}:
            return [text.strip() or None for text in column] if whole else [None] * len(column)
        return [_asked(partial(self.batch.text, row, key, longest)) for row in self.rows]

    def days(self, key: str) -> list[Any]:
        """Dates, None where the cell is empty."""
        column = self._column(key)
        return [None] * len(self.rows) if column is None else self._each(key, self.batch.day, column)

    def choices(self, key: str, default: str | None = None) -> list[Any]:
        """Values of a column that knows its values."""
        column = self._column(key)
        return [default] * len(self.rows) if column is None else self._each(key, lambda row, name: self.batch.choice(row, name, default), column)

    def currencies(self, of_customers: Sequence[Any]) -> list[Any]:
        """The rows' currencies; an empty cell means that of the row's customer."""
        column = self._column("currency")
        company = self.batch.work.seller.currency
        own = [None] * len(self.rows) if column is None else self._each("currency", lambda row, key: self.batch.currency(row, None) if self.batch.cell(row, key) else None, column)
        return [mine or theirs or company for mine, theirs in zip(own, of_customers, strict=True)] if None in own else own

    def amounts(self, key: str, currencies: Sequence[Any]) -> list[Any]:
        """Amounts in minor units, None where the cell is empty."""
        column = self._column(key)
        if column is None:
            return [None] * len(self.rows)
        kinds = set(currencies)
        if len(kinds) == 1 and ASK not in kinds and money.exponent(currencies[0]) == 2 and self.batch.forms.decimal == ".":
            whole = "\n".join(column)
            if _CENTS.fullmatch(whole):
                return list(map(int, whole.replace(".", "").split("\n")))
        return [ASK if currency is ASK else _asked(partial(self.batch.amount, row, key, currency)) for row, currency in zip(self.rows, currencies, strict=True)]

    def raw(self, key: str) -> Sequence[str]:
        """The cells as they stand, empty ones where the file has no such column."""
        return self._column(key) or [""] * len(self.rows)


def _asked(read: Callable[[], Any]) -> Any:
    """What the row's own reader says of a cell, `ASK` where it refuses it."""
    try:
        return read()
    except Refusal:
        return ASK


def unread(*columns: Sequence[Any]) -> set[int]:
    """The places where a column has a cell that only its row's reading can judge."""
    return {place for column in columns if ASK in column for place, value in enumerate(column) if value is ASK}


def missing(*columns: Sequence[Any]) -> set[int]:
    """The places where a column that must be filled is empty."""
    return {place for column in columns if None in column for place, value in enumerate(column) if value is None}


def before(days: Sequence[date | None], others: Sequence[date]) -> set[int]:
    """The places where a day, if there is one, lies before the other column's."""
    return {place for place, (day, other) in enumerate(zip(days, others, strict=True)) if day is not None and day < other}
