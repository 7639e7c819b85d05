"""A table as data: what a report answers with, and what the pages, CSV, XLSX, PDF and the terminal each render."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, overload

Kind = Literal["text", "code", "money", "date", "integer"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column: `key` is the fixed English name (CSV header, JSON key), `label` the English text that is translated.

    Cells by kind: `text` and `code` str, `money` int minor units (of the row's currency), `date` datetime.date,
    `integer` int; None is an empty cell in each.
    """

    key: str
    label: str
    kind: Kind = "text"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells in the order of `columns`; `currency` is the index of the column that names each row's currency.

    `facts` are label and value pairs shown above the table (labels are translated, values shown as they are),
    `totals` are rows like the others (their first cell is a label to translate), `notes` are finished sentences.
    """

    title: str
    columns: tuple[Column, ...]
    rows: Sequence[tuple[Any, ...]]
    totals: Sequence[tuple[Any, ...]] = ()
    facts: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    currency: int = 0


class Lines(Sequence[tuple[Any, ...]]):
    """The rows of a table made out of records one at a time, whenever they are read: a long list is in memory at most once."""

    def __init__(self, records: Sequence[Any], cells: Callable[[Any], tuple[Any, ...]]) -> None:
        self._records, self._cells = records, cells

    def __len__(self) -> int:
        return len(self._records)

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return map(self._cells, self._records)

    @overload
    def __getitem__(self, index: int) -> tuple[Any, ...]: ...
    @overload
    def __getitem__(self, index: slice) -> list[tuple[Any, ...]]: ...
    def __getitem__(self, index: int | slice) -> tuple[Any, ...] | list[tuple[Any, ...]]:
        return list(map(self._cells, self._records[index])) if isinstance(index, slice) else self._cells(self._records[index])
