"""Reading XLSX: the first sheet with content (or a named one), each cell as the text a person would have typed."""

from __future__ import annotations

import datetime as dt
import posixpath
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from collect.domain.errors import Refusal
from collect.exchange import xlsx_guard
from collect.exchange.cells import Exact, ExactFrom1904, Source

_ERROR_TEXT = "#ERROR!"
_FROM_1904 = re.compile(rb"""\sdate1904\s*=\s*["'](?:1|true)["']""")
_RELATIONS = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"


class Workbook:
    """The table of an XLSX: its sheet is held in memory, bounded by the limits on what it may unpack to."""

    def __init__(self, source: Source, wanted: str | None = None) -> None:
        self.source = source
        self.wanted = wanted
        self.names: tuple[str, ...] = ()
        parts = xlsx_guard.inspect(source)
        book = xlsx_guard.read_part(source, "xl/workbook.xml")
        if not book:
            kind = "XLSB" if xlsx_guard.read_part(source, "xl/workbook.bin") else "ZIP"
            raise Refusal("file_kind", None, name=source.name, kind=kind)
        sheet_name, self.sheet = self._load()
        self.first_column = (self.sheet.start or (0, 0))[1]
        self.errors: dict[int, list[int]] = {}
        if any(part.errors for part in parts.values()):
            for row, column in sorted(_part_of(source, book, sheet_name, parts).errors):
                self.errors.setdefault(row, []).append(column - 1 - self.first_column)
        self.texts = _texts(ExactFrom1904 if _FROM_1904.search(book) else Exact)
        if self.sheet.width > source.limits.max_columns:
            raise Refusal("too_many_columns", None, name=source.name, count=self.sheet.width, limit=source.limits.max_columns)
        self.headers = self._read_headers()

    def _load(self) -> tuple[str, CalamineSheet]:
        """The wanted sheet, else the first with content, visible ones before hidden ones; Refusal `empty_file` where there is none, `unknown_sheet`."""
        origin: Any = self.source.origin
        try:
            with CalamineWorkbook.from_path(origin) if isinstance(origin, Path) else CalamineWorkbook.from_filelike(self.source.open()) as book:
                known = [entry for entry in book.sheets_metadata if entry.typ == SheetTypeEnum.WorkSheet]
                ranked = sorted(known, key=lambda entry: entry.visible != SheetVisibleEnum.Visible)
                self.names = tuple(entry.name for entry in ranked)
                if self.wanted is not None and self.wanted not in self.names:
                    raise Refusal("unknown_sheet", "sheet", value=self.wanted, allowed=", ".join(self.names[:20]))
                for entry in ranked:
                    if self.wanted not in (None, entry.name):
                        continue
                    sheet = book.get_sheet_by_name(entry.name)
                    if sheet.start is not None:
                        return entry.name, sheet
        except CalamineError:
            raise Refusal("xlsx_broken", None, name=self.source.name) from None
        except BaseException as problem:
            # The reader is compiled, and tells of its own faults with an exception of this name outside `Exception`.
            if type(problem).__name__ == "PanicException":
                raise Refusal("xlsx_broken", None, name=self.source.name) from None
            raise
        raise Refusal("empty_file", None, name=self.source.name)

    def _read_headers(self) -> list[str]:
        for _row, cells in self._all_rows():
            headers = [cell.strip() for cell in cells]
            while headers and not headers[-1]:
                headers.pop()
            return [str(header) for header in headers]
        raise Refusal("empty_file", None, name=self.source.name)

    def _all_rows(self) -> Iterator[tuple[int, list[str]]]:
        """The rows that are not blank, with their numbers."""
        texts = self.texts
        for number, values in enumerate(self.sheet.iter_rows(), 1):
            cells = [texts[type(value)](value) for value in values]
            for column in self.errors.get(number, ()):
                if 0 <= column < len(cells):
                    cells[column] = _ERROR_TEXT
            if any(cell.strip() for cell in cells):
                yield number, cells

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """The rows below the header, as `Sheet.rows` promises; Refusal `cell_too_long`, `too_many_rows`, `zero_character`."""
        limits, width = self.source.limits, len(self.headers)
        rows = self._all_rows()
        next(rows, None)
        for count, (number, cells) in enumerate(rows, 1):
            if count > limits.max_rows:
                raise Refusal("too_many_rows", None, name=self.source.name, limit=limits.max_rows)
            if max(map(len, cells)) > limits.max_cell:
                raise Refusal("cell_too_long", None, line=number, limit=limits.max_cell)
            while len(cells) > width and not cells[-1].strip():
                cells.pop()
            if "\0" in "".join(cells):
                raise Refusal("zero_character", None, line=number)
            yield number, cells


def _part_of(source: Source, book: bytes, sheet: str, parts: dict[str, xlsx_guard.Part]) -> xlsx_guard.Part:
    """The worksheet part that holds the named sheet, as the workbook's relations say."""
    try:
        sheets = {entry.get("name"): entry.get(f"{_RELATIONS}id") for entry in ElementTree.fromstring(book).iter() if entry.tag.endswith("}sheet")}  # noqa: S314 - no DOCTYPE: inspected
        relations = ElementTree.fromstring(xlsx_guard.read_part(source, "xl/_rels/workbook.xml.rels"))  # noqa: S314
    except ElementTree.ParseError:
        raise Refusal("xlsx_broken", None, name=source.name) from None
    targets = {entry.get("Id"): entry.get("Target", "") for entry in relations}
    target = posixpath.normpath(posixpath.join("/xl", targets.get(sheets.get(sheet), ""))).lstrip("/").lower()
    return parts.get(target, xlsx_guard.Part())


def _texts(exact: type[Exact]) -> dict[type, Callable[[Any], str]]:
    """How each type of cell is written: ISO dates, `yes`/`no`, numbers as Exact."""

    def number(value: float) -> str:
        return exact(plain_number(value))

    return {
        str: _same,
        float: number,
        int: number,
        bool: lambda value: "yes" if value else "no",
        dt.date: dt.date.isoformat,
        dt.datetime: lambda value: value.isoformat(" ", "seconds"),
        dt.time: lambda value: value.isoformat("seconds"),
        dt.timedelta: str,
    }


def _same(value: str) -> str:
    return value


def plain_number(value: float) -> str:
    """A spreadsheet's number as a person sees it: 15 significant digits, no exponent, no `.0`, no binary remainder.

    A spreadsheet keeps no more than 15 digits; what has more before the point has lost the rest and is written with
    an exponent, which no amount may have and `lost_digits` recognises in a document number.
    """
    if value != value or value in (float("inf"), float("-inf")):
        return _ERROR_TEXT
    if abs(value) >= 1e15:
        return f"{value:.14E}"
    text = f"{value + 0.0:.15g}"  # adding zero makes the negative zero a plain one
    return f"{Decimal(text):f}" if "e" in text else text
