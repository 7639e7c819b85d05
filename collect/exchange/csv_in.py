"""Reading delimited text: the header line, the delimiter it shows, and the records with the line each starts on."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from typing import TextIO

from collect.domain.errors import Refusal
from collect.exchange import columns
from collect.exchange.cells import Source
from collect.exchange.decoding import Text

Row = tuple[int, list[str]]
DELIMITERS = (",", ";", "\t")
_ANY = -1
"""The width of rows before the header is known."""
_PROBE = 40
"""Records looked at when the header line alone does not settle the delimiter."""


class CsvFile:
    """One delimited text file; `rows` reads it from the start each time and keeps no more than a record in memory."""

    def __init__(self, source: Source, text: Text) -> None:
        self.source = source
        self.text = text
        limits = source.limits
        if limits.max_cell > csv.field_size_limit():
            csv.field_size_limit(limits.max_cell)
        # A cell longer than allowed needs a line longer than that, or a record over several lines; so where no line is
        # that long the cells of one-line records need no look. The same with the number of rows and of lines.
        self.measure = text.longest > limits.max_cell
        self.count = text.lines > limits.max_rows
        self.delimiter = self._find_delimiter()
        self.headers = self._read_headers()

    @contextmanager
    def _lines(self) -> Iterator[TextIO]:
        # Cutting at line feeds alone is faster, and the same where no carriage return stands alone.
        cut = "" if self.text.lone_returns else "\n"
        with self.source.open() as file:
            file.seek(self.text.skip)
            with io.TextIOWrapper(file, self.text.codec, "strict", newline=cut) as lines:
                yield lines

    def _find_delimiter(self) -> str:
        """The one that makes the header line's names known ones, keeps the rows alike, and cuts most, in that order."""
        with self._lines() as lines:
            probe = list(islice(lines, _PROBE))
        return max(DELIMITERS, key=lambda delimiter: _fitness(probe, delimiter))

    def _read_headers(self) -> list[str]:
        _line, row = next(self._records(_ANY), (1, []))
        headers = [header.strip() for header in row]
        while headers and not headers[-1]:
            headers.pop()
        if not headers:
            raise Refusal("empty_file", None, name=self.source.name)
        if len(headers) > self.source.limits.max_columns:
            raise Refusal("too_many_columns", None, name=self.source.name, count=len(headers), limit=self.source.limits.max_columns)
        return headers

    def rows(self) -> Iterator[Row]:
        """The records below the header: line where each starts, and its cells.

        Blank records are left out, short ones filled up with empty cells, empty cells beyond the headers dropped; cells
        with something in them beyond the headers stay. Refusal `unclosed_quote`, `stray_quote`, `cell_too_long`,
        `too_many_rows` at the record where it happens.
        """
        rows = self._records(len(self.headers))
        if self.measure:
            rows = self._measured(rows)
        return self._counted(rows) if self.count else rows

    def _records(self, width: int) -> Iterator[Row]:
        """The records with the line each starts on; those below the header where its width is given, made as wide."""
        with self._lines() as lines:
            reader = csv.reader(lines, delimiter=self.delimiter, strict=True)
            line = 1
            try:
                if width != _ANY:
                    next((row for row in reader if any(cell.strip() for cell in row)), None)
                    line = reader.line_num + 1
                for row in reader:
                    start, line = line, reader.line_num + 1
                    if len(row) != width or row[0] <= " " or line - start > 1:
                        if line - start > 1:
                            self._check_lines(start, row, width)
                        if not self._fit(row, width):
                            continue
                    yield start, row
            except csv.Error as problem:
                raise self._told(problem, line, reader.line_num) from None
            except UnicodeDecodeError:
                raise Refusal("file_changed", None, name=self.source.name) from None

    @staticmethod
    def _fit(row: list[str], width: int) -> bool:
        """Fill a short row up, drop empty cells beyond the width; False for a blank row."""
        if not any(cell.strip() for cell in row):
            return False
        if len(row) < width:
            row += [""] * (width - len(row))
        while len(row) > width > 0 and not row[-1].strip():
            row.pop()
        return True

    def _told(self, problem: csv.Error, start: int, line: int) -> Refusal:
        """What the csv module found wrong in the record that starts at `start`, having read up to `line`."""
        told = str(problem)
        if line <= start and "field larger" in told:
            return Refusal("cell_too_long", None, line=start, limit=self.source.limits.max_cell)
        if line <= start and "expected after" in told:
            return Refusal("stray_quote", None, line=start)
        return Refusal("unclosed_quote", None, line=start)

    def _check_lines(self, start: int, row: list[str], width: int) -> None:
        """A record over several lines: no cell too long, and none that has swallowed whole records.

        Where a quote was left open and a stray one closes it later, the lines between are still whole records: each
        cuts into as many cells as the header. Two such lines may be prose with commas, which shows by a space after a
        comma or a comma at the end; more are none.
        """
        self._measure(start, row)
        if width < 3:
            return
        lines = self.delimiter.join(row).replace("\r\n", "\n").replace("\r", "\n").split("\n")
        cut = [line.split(self.delimiter) for line in lines]
        if any(len(cells) != width for cells in cut):
            return
        if len(cut) > 2 or not any(not cells[-1] or any(cell[:1] == " " for cell in cells) for cells in cut):
            raise Refusal("unclosed_quote", None, line=start)

    def _measure(self, line: int, row: list[str]) -> None:
        limit = self.source.limits.max_cell
        if row and max(map(len, row)) > limit:
            raise Refusal("cell_too_long", None, line=line, limit=limit)

    def _measured(self, rows: Iterator[Row]) -> Iterator[Row]:
        for line, row in rows:
            self._measure(line, row)
            yield line, row

    def _counted(self, rows: Iterator[Row]) -> Iterator[Row]:
        limit = self.source.limits.max_rows
        for count, entry in enumerate(rows, 1):
            if count > limit:
                raise Refusal("too_many_rows", None, name=self.source.name, limit=limit)
            yield entry


def _fitness(probe: list[str], delimiter: str) -> tuple[int, float, int]:
    """How well a delimiter cuts the first lines: known headers, share of rows as wide as the header, width."""
    rows: list[list[str]] = []
    with suppress(csv.Error):
        rows.extend(csv.reader(probe, delimiter=delimiter))
    rows = [row for row in rows if any(cell.strip() for cell in row)] or [row for row in rows if row]
    if not rows:
        return 0, 0.0, 0
    width = len(rows[0])
    known = sum(columns.known(name) for name in rows[0])
    alike = sum(len(row) == width for row in rows) / len(rows) if width > 1 else 0.0
    return known, alike, width
