"""A table as data: what a report answers with, and what the pages, CSV, XLSX, PDF and the terminal each render."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

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
