"""Any table as a PDF: dense, paged, figures aligned at the decimal point; drawn straight on the canvas for speed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from collect import i18n
from collect.documents import fonts as letters
from collect.documents import layout, page
from collect.documents.fonts import Fonts, Run
from collect.documents.layout import EMPTY, GAP, Cell, Plan
from collect.documents.page import Heading, Sheets
from collect.domain import money
from collect.domain.errors import Refusal
from collect.i18n import mark
from collect.table import Column, Table

NOTHING = mark("Nothing to show.")
RIGHT = ("money", "integer")
WHOLE = ("money", "integer", "date")
LEADING, PADDING = 1.28, 0.62  # ems from line to line, and added to each row
BELOW_HEADER = 8.0
NOTE, NOTE_LEADING, NOTE_GAP = 7.5, 10.0, 18.0
Note = Sequence[Sequence[Run]]
MOST_ROWS = 50_000
"""Rows of one document: more than a thousand pages, and the limit of its memory (about 10 KB a row)."""


@dataclass(frozen=True, slots=True)
class Line:
    """A row on the page, its height in ems; the last line of a cell is its lowest in headings, its first elsewhere."""

    cells: Sequence[Cell]
    height: float
    total: bool = False
    heading: bool = False


def render_table(table: Table, language: str, company: str, printed: str, fonts: Fonts | None = None) -> bytes:
    """The table as a PDF in the reader's language; the same arguments give the same bytes.

    `company` heads each page, `printed` (an instant in the reader's zone, already as text) stands in its footer. The
    paper is A4 upright where that is enough, A4 across, then larger: no column is ever left out. Characters without a
    glyph are marked and named in a note. Raises Refusal `unknown_currency` for an amount whose row names no currency,
    `too_many_rows_for_pdf` before anything is drawn.
    """
    if len(table.rows) > MOST_ROWS:
        raise Refusal("too_many_rows_for_pdf", rows=len(table.rows), most=MOST_ROWS)
    fonts = fonts or letters.load()
    setting = Setting(table, language, fonts)
    heads = [setting.cell(i18n.in_language(language, column.label), bold=True) for column in table.columns]
    rows = [setting.row(row) for row in table.rows]
    totals = [setting.total(row) for row in table.totals]
    wide = [widest(rows, totals, index) for index in range(len(heads))]
    kinds = [column.kind for column in table.columns]
    needs = [layout.need(*each) for each in zip(heads, wide, (kind in WHOLE for kind in kinds), (kind in RIGHT for kind in kinds), strict=True)]
    plan = layout.plan(needs)
    facts = tuple((i18n.in_language(language, label), value) for label, value in table.facts)
    heading = Heading(company, i18n.in_language(language, table.title), facts, printed, language)
    for text in (company, heading.title, printed, *(text for fact in facts for text in fact), *table.notes):
        setting.missing |= fonts.runs(text)[1]
    notes = [*([] if rows else [i18n.in_language(language, NOTHING)]), *table.notes, *page.warnings(fonts, setting.missing, language)]
    body = [*(fold(row, plan) for row in rows), *(fold(row, plan, total=True) for row in totals)]
    folded = [layout.wrap(fonts.runs(note)[0], (plan.paper.usable - 10) / NOTE) for note in notes]
    return _draw(plan, heading, fonts, fold(heads, plan, heading=True), body, folded)


class Setting:
    """Turns the cells of one table into glyphs; `missing` gathers the characters that have none."""

    def __init__(self, table: Table, language: str, fonts: Fonts) -> None:
        self.table = table
        self.language = language
        self.fonts = fonts
        self.missing: set[str] = set()
        if any(column.kind == "money" for column in table.columns):
            used = {row[table.currency] for row in (*table.rows, *table.totals)}
            self.places = max((money.exponent(code) for code in used if money.is_currency(code)), default=0)

    def cell(self, text: str, bold: bool = False) -> Cell:
        """A text as one line."""
        runs, missing = self.fonts.runs(text, bold)
        self.missing |= missing
        return Cell((runs,), letters.width(runs))

    def row(self, row: Sequence[Any], bold: bool = False) -> list[Cell]:
        """The cells of a row; figures of a currency with fewer decimals stand in, so that points stand under points."""
        currency = row[self.table.currency]
        inset = -1.0
        cells = []
        for column, value in zip(self.table.columns, row, strict=True):
            if value is None or value == "":
                cells.append(EMPTY)
            elif column.kind == "money":
                if inset < 0:
                    inset = self._inset(currency, bold)
                lines, width, _, _ = self.cell(i18n.group(value, currency), bold)
                cells.append(Cell(lines, width + inset, inset, value == 0))
            else:
                cells.append(self.cell(show(column, value), bold))
        return cells

    def total(self, row: Sequence[Any]) -> list[Cell]:
        """The cells of a total, whose first one is a label to translate."""
        label = i18n.in_language(self.language, row[0]) if isinstance(row[0], str) else ""
        return [self.cell(label, bold=True) if label else EMPTY, *self.row(row, bold=True)[1:]]

    def _inset(self, currency: str, bold: bool) -> float:
        """The ems that a currency's lacking decimals would take."""
        lacking = self.places - money.exponent(currency)
        widths = (self.fonts.bold if bold else self.fonts.regular)[0].widths
        point = widths["."] if lacking and not money.exponent(currency) else 0.0
        return lacking * widths["0"] + point


def show(column: Column, value: Any) -> str:
    """A cell other than money as the reader sees it."""
    return i18n.show_day(value) if column.kind == "date" and isinstance(value, date) else str(value)


def widest(rows: Sequence[Sequence[Cell]], totals: Sequence[Sequence[Cell]], column: int) -> float:
    """The widest cell of a column; a total's label counts only where the cell beside it is taken."""
    if column == 0:
        totals = [row for row in totals if len(row) < 2 or row[1] is not EMPTY]
    return max((row[column].width for some in (rows, totals) for row in some), default=0.0)


def fold(cells: Sequence[Cell], plan: Plan, total: bool = False, heading: bool = False) -> Line:
    """The cells as a line: what is wider than its column is broken, and what would be taller than a page is cut short."""
    folded = list(cells)
    most = 1
    tallest = int((plan.paper.height * 0.6) / (plan.size * LEADING))
    for index, cell in enumerate(cells):
        room = plan.room(index)
        if cell.width <= room + 0.001 or not cell.lines:
            continue
        if total and index == 0:
            room += _free(cells, plan)
        lines = layout.balance(cell.lines[0], room)
        if len(lines) > tallest:
            face, text = lines[tallest - 1][-1]
            lines = [*lines[: tallest - 1], [*lines[tallest - 1][:-1], (face, text[:-1] + "…")]]
        folded[index] = Cell(tuple(lines), max(map(letters.width, lines)) + cell.inset, cell.inset, cell.muted)
        most = max(most, len(lines))
    return Line(folded, most * LEADING + PADDING, total, heading)


def _free(cells: Sequence[Cell], plan: Plan) -> float:
    """The ems that a total's label may run on into the empty cells beside it."""
    room = 0.0
    for index in range(1, len(cells)):
        if cells[index] is not EMPTY:
            break
        room += plan.widths[index] / plan.size
    return room


def _draw(plan: Plan, heading: Heading, fonts: Fonts, head: Line, body: Sequence[Line], notes: Sequence[Note]) -> bytes:
    """Lay the lines on pages, then draw the pages."""
    pages, end = _paginate(plan, heading, fonts, head, body)
    top = plan.paper.height - page.header_height(fonts, heading, plan.paper, 2)
    below = _paginate_notes(notes, end, top)
    sheets = Sheets(plan.paper, heading, fonts, len(pages) + len(below) - 1)
    y = 0.0
    for lines in pages:
        y = draw_lines(sheets, plan, sheets.begin() - BELOW_HEADER, head, lines)
    for number, some in enumerate(below):
        y = (sheets.begin() if number else y) - NOTE_GAP
        for note in some:
            sheets.text(page.MARGIN, y, fonts.runs("•")[0], NOTE, page.MUTED)
            for place, runs in enumerate(note):
                sheets.text(page.MARGIN + 10, y - place * NOTE_LEADING, runs, NOTE, page.MUTED)
            y -= _height(note)
    return sheets.finish()


def _paginate_notes(notes: Sequence[Note], end: float, top: float) -> list[list[Note]]:
    """The notes that fit below the table, then those of each further page; `end` and `top` are where the room begins."""
    pages: list[list[Note]] = [[]]
    y = end - NOTE_GAP
    for note in notes:
        if y - _height(note) + NOTE_LEADING < page.FOOT and (len(pages) == 1 or pages[-1]):
            pages.append([])
            y = top - NOTE_GAP
        pages[-1].append(note)
        y -= _height(note)
    return pages


def _height(note: Note) -> float:
    return len(note) * NOTE_LEADING + 2


def _paginate(plan: Plan, heading: Heading, fonts: Fonts, head: Line, body: Sequence[Line]) -> tuple[list[list[Line]], float]:
    """The lines of each page and the y where the last page ends; the totals stay together with the row before them."""
    tops = [plan.paper.height - page.header_height(fonts, heading, plan.paper, number) - BELOW_HEADER - head.height * plan.size for number in (1, 2)]
    first_total = next((number for number, line in enumerate(body) if line.total), len(body))
    tail = max(first_total - 1, 0)
    block = sum(line.height for line in body[tail:]) * plan.size if first_total < len(body) else 0.0
    pages: list[list[Line]] = [[]]
    y = tops[0]
    for number, line in enumerate(body):
        height = line.height * plan.size
        together = block if number == tail and block < plan.paper.height / 2 else height
        if y - max(height, together) < page.FOOT and pages[-1]:
            pages.append([])
            y = tops[1]
        pages[-1].append(line)
        y -= height
    return pages, y


def draw_lines(sheets: Sheets, plan: Plan, y: float, head: Line, lines: Sequence[Line]) -> float:
    """Draw the heading and the lines of one page, first what lies behind, then the text; returns the y below."""
    left, span, size = page.MARGIN, plan.span, plan.size
    top = place = y - head.height * size
    sheets.band(left, top, span, head.height * size, page.HEAD)
    for number, line in enumerate(lines):
        height = line.height * size
        if line.total or number % 2:
            sheets.band(left, place - height, span, height, page.HEAD if line.total else page.BAND)
        place -= height
    sums = sum(line.height for line in lines if line.total) * size
    sheets.rule(left, top, span, 0.8, page.ACCENT)
    sheets.rule(left, place, span, 0.8, page.ACCENT)
    if sums:
        sheets.rule(left, place + sums, span, 0.8, page.INK)
    _draw_cells(sheets, plan, y, head)
    for line in lines:
        _draw_cells(sheets, plan, top, line)
        top -= line.height * size
    return place


def _draw_cells(sheets: Sheets, plan: Plan, y: float, line: Line) -> None:
    """Set the cells of a line whose upper edge is y, from left to right, so that copied text reads like the page."""
    size, leading = plan.size, plan.size * LEADING
    lowest = round((line.height - PADDING) / LEADING)
    # The base line stands below the upper edge by half the padding and the part of the leading above the letters.
    first = y - (PADDING / 2 + 0.98) * size
    for index, (lines, wide, inset, muted) in enumerate(line.cells):
        base = first - (lowest - len(lines)) * leading if line.heading else first
        for runs in lines:
            colour = page.MUTED if muted else page.INK
            if plan.right[index]:
                sheets.text(plan.edges[index] + plan.widths[index] - (GAP + inset) * size, base, runs, size, colour, True, wide - inset if len(lines) == 1 else None)
            else:
                sheets.text(plan.edges[index] + plan.gaps[index] * size, base, runs, size, colour)
            base -= leading
