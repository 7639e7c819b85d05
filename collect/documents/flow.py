"""Letters as a flow of pieces on upright A4: paragraphs, panels and tables go on page after page, table headings with them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import Any

from collect import i18n
from collect.documents import fonts as letters
from collect.documents import layout, page
from collect.documents.fonts import Fonts, Run
from collect.documents.layout import EMPTY, Cell, Plan
from collect.documents.page import MARGIN, Colour, Heading, Sheets
from collect.documents.table import RIGHT, WHOLE, Line, draw_lines, fold, widest
from collect.table import Column

ROOM = page.PORTRAIT.usable
BELOW_HEADER = 10.0
SHORT = 220.0  # points that a table has at most to be kept in one piece with what belongs below it
Draw = Callable[[Sheets, float], None]


@dataclass(frozen=True, slots=True)
class Piece:
    """Something that stays in one piece: its height in points, how it is drawn below a y, and the room wanted below it."""

    height: float
    draw: Draw
    keep: float = 0.0


@dataclass(frozen=True, slots=True)
class Rows:
    """A table that goes on over pages; the last row and the totals stay together.

    A short one with what belongs below it (`keep` points) is not begun at the foot of a page.
    """

    plan: Plan
    head: Line
    body: Sequence[Line]
    keep: float = 0.0

    @property
    def height(self) -> float:
        """The height of all of it in points, on one page."""
        return (self.head.height + sum(line.height for line in self.body)) * self.plan.size


@dataclass
class Flow:
    """The content of one letter while it is composed; `missing` gathers characters without a glyph."""

    fonts: Fonts
    parts: list[Piece | Rows] = field(default_factory=list)
    missing: set[str] = field(default_factory=set)

    def runs(self, text: str, bold: bool = False) -> list[Run]:
        """The text in faces."""
        runs, missing = self.fonts.runs(text, bold)
        if missing:
            self.missing |= missing
        return runs

    def fold(self, text: str, size: float, room: float, bold: bool = False) -> Sequence[Sequence[Run]]:
        """The text in lines of at most `room` points."""
        lines, missing = _folded(self.fonts, text, room / size, bold)
        self.missing |= missing
        return lines

    def gap(self, height: float) -> None:
        """Leave room."""
        self.parts.append(Piece(height, lambda sheets, y: None))

    def paragraph(self, text: str, size: float = 9.5, leading: float = 15.0, bold: bool = False, colour: Colour = page.INK, keep: float = 0.0) -> None:
        """Running text over the whole width; each line is a piece, so that a long text may go on over the page."""
        lines = self.fold(text, size, ROOM, bold)
        for number, runs in enumerate(lines):
            self.parts.append(Piece(leading, _line(runs, size, leading, colour), keep if number == len(lines) - 1 else 0.0))

    def table(self, columns: Sequence[Column], rows: Sequence[Sequence[Any]], currency: str, totals: Sequence[Sequence[Any]] = (), keep: float = 0.0) -> None:
        """A table in one currency: money cells are minor units, dates dates; labels and texts are finished."""
        kinds = [column.kind for column in columns]
        heads = [self._cell(column.label, True) for column in columns]
        known: dict[Any, Cell] = {}
        body = [self._row(kinds, row, currency, known) for row in rows]
        sums = [self._row(kinds, row, currency, {}, True) for row in totals]
        wide = [widest(body, sums, index) for index in range(len(columns))]
        whole = [kind in WHOLE for kind in kinds]
        plan = layout.plan_upright([layout.need(*each) for each in zip(heads, wide, whole, (kind in RIGHT for kind in kinds), strict=True)])
        lines = [*(fold(row, plan) for row in body), *(fold(row, plan, total=True) for row in sums)]
        self.parts.append(Rows(plan, fold(heads, plan, heading=True), lines, keep))

    def _cell(self, text: str, bold: bool = False) -> Cell:
        runs = self.runs(text, bold)
        return Cell((runs,), letters.width(runs))

    def _row(self, kinds: Sequence[str], row: Sequence[Any], currency: str, known: dict[Any, Cell], bold: bool = False) -> list[Cell]:
        """The cells of a row; an amount or a date is set once, however often it stands in the table."""
        cells = []
        for kind, value in zip(kinds, row, strict=True):
            if value is None or value == "":
                cells.append(EMPTY)
                continue
            key = (kind, value)
            if key not in known:
                if kind == "money":
                    known[key] = self._cell(i18n.group(value, currency), bold)._replace(muted=value == 0)
                else:
                    known[key] = self._cell(i18n.show_day(value) if isinstance(value, date) else str(value), bold)
            cells.append(known[key])
        return cells


@lru_cache(maxsize=256)
def _folded(fonts: Fonts, text: str, room: float, bold: bool) -> tuple[tuple[Sequence[Run], ...], frozenset[str]]:
    """A text in lines of at most `room` ems, and the letters that no face has: most texts of a batch are the same in each letter."""
    runs, missing = fonts.runs(text, bold)
    return tuple(layout.wrap(runs, room, whole_dates=True)), frozenset(missing)


def _line(runs: Sequence[Run], size: float, leading: float, colour: Colour) -> Draw:
    return lambda sheets, y: sheets.text(MARGIN, y - leading + (leading - size) / 2 + size * 0.14, runs, size, colour)


def paginate(parts: Sequence[Piece | Rows], first: float, later: float) -> list[list[tuple[float, Draw]]]:
    """What is drawn on each page and where; `first` and `later` are the y where the room of a page begins."""
    pages: list[list[tuple[float, Draw]]] = [[]]
    y = first
    for part in parts:
        if isinstance(part, Piece):
            if y - part.height - part.keep < page.FOOT and pages[-1]:
                pages.append([])
                y = later
            pages[-1].append((y, part.draw))
            y -= part.height
            continue
        start = 0
        if part.height < SHORT and y - part.height - part.keep < page.FOOT and pages[-1]:
            pages.append([])
            y = later
        while start < len(part.body):
            end, below = _fitting(part, start, y)
            # A table begins with two rows at least, and a page that holds nothing else takes what it can.
            if end - start < min(2, len(part.body) - start) and pages[-1] and y < later - 1:
                pages.append([])
                y = later
                continue
            end, below = (end, below) if end > start else (start + 1, y)
            pages[-1].append((y, _rows(part, start, end)))
            y, start = below, end
            if start < len(part.body):
                pages.append([])
                y = later
    return pages


def _fitting(part: Rows, start: int, y: float) -> tuple[int, float]:
    """How far a table gets on the page from a y, and the y below; the totals do not stand without the row before them."""
    size = part.plan.size
    below = y - part.head.height * size
    end = start
    while end < len(part.body) and below - part.body[end].height * size >= page.FOOT:
        below -= part.body[end].height * size
        end += 1
    while start < end < len(part.body) and part.body[end].total:
        end -= 1
        below += part.body[end].height * size
    return end, below


def _rows(part: Rows, start: int, end: int) -> Draw:
    lines = part.body[start:end]

    def draw(sheets: Sheets, y: float) -> None:
        draw_lines(sheets, part.plan, y, part.head, lines)

    return draw


def draw(sheets: Sheets, pages: Sequence[Sequence[tuple[float, Draw]]]) -> None:
    """Draw the pages of one letter with their headers and footers."""
    for placed in pages:
        sheets.begin()
        for y, drawing in placed:
            drawing(sheets, y)


def tops(fonts: Fonts, heading: Heading) -> tuple[float, float]:
    """Where the room begins on the first page and on the others."""
    first, later = (page.PORTRAIT.height - page.header_height(fonts, heading, page.PORTRAIT, number) - BELOW_HEADER for number in (1, 2))
    return first, later
