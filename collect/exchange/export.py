"""Tables going out as CSV and XLSX: exact amounts, real dates, the reader's language, and no cell that runs as a formula.

A text that a spreadsheet would take for a formula (it begins with `= + - @`, a tab, a carriage return, a line feed or the
full-width `＝＋－＠`, white space before it or not) goes out as text: in XLSX as a string cell marked with the quote
prefix, in CSV behind an apostrophe, because CSV has no types. Only texts and codes are treated so; a negative amount is
a number and stays one. CSV carries the rows alone (a total below them would be added up again), XLSX the whole report.
"""

from __future__ import annotations

import io
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime
from functools import lru_cache
from itertools import islice
from operator import itemgetter
from typing import Any, BinaryIO

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from collect import i18n
from collect.domain import money
from collect.domain.errors import Refusal
from collect.table import Column, Table

CHUNK = 5000
MOST_ROWS = 1_048_576  # of an XLSX sheet
EXACT = 10**15  # a spreadsheet's numbers are good for fifteen digits
SAMPLE = 1000  # rows that decide a column's width
_FORMULA = tuple("=+-@＝＋－＠")
_FIRST = frozenset("=+-@＝＋－＠ \t\r\n\v\f\u3000\u00a0\ufeff\x00")
_BLANKS = " \t\r\n\v\f\u3000\u00a0\ufeff\x00"
_SPECIAL = re.compile('[,"\\r\\n]')
_UNDATED = datetime(1980, 1, 1, tzinfo=UTC)


def is_formula(text: str) -> bool:
    """Whether a spreadsheet might run the text: see the head of this file (reliability, fact 9)."""
    return text[:1] in _FIRST and text != "" and (text[0] in "\t\r\n" or text.lstrip(_BLANKS).startswith(_FORMULA))


_NUMBER = re.compile(r"[+-][0-9][0-9.,]*")


def guarded(text: str) -> str:
    """A cell for a CSV that people correct and send back: an apostrophe before what a spreadsheet might run; a signed number stays one.

    A text that begins with apostrophes before such a sign gets one more, so that `unguarded` gives every text back.
    """
    return f"'{text}" if is_formula(text.lstrip("'")) and not _NUMBER.fullmatch(text) else text


def unguarded(text: str) -> str:
    """The cell as it was before `guarded`."""
    return text[1:] if text[:1] == "'" and is_formula(text.lstrip("'")) else text


def csv_bytes(table: Table, language: str | None = None, *, bom: bool = False) -> bytes:
    """The table's rows as CSV; see `write_csv`."""
    out = io.BytesIO()
    write_csv(table, out, language, bom=bom)
    return out.getvalue()


def write_csv(table: Table, stream: BinaryIO, language: str | None = None, *, bom: bool = False) -> None:
    """Write the table's rows as CSV (UTF-8, commas, CRLF as in RFC 4180).

    Without a language the header has the fixed English keys, for programs; with one the reader's labels. `bom` makes
    Excel read UTF-8. Amounts are plain decimal strings, dates ISO. Raises Refusal `unknown_currency`.
    """
    labels = [column.key if language is None else i18n.in_language(language, column.label) for column in table.columns]
    stream.write((b"\xef\xbb\xbf" if bom else b"") + _lines([_quoted([label]) for label in labels]))
    rows = iter(table.rows)
    while chunk := list(islice(rows, CHUNK)):
        cells = list(zip(*chunk, strict=True))
        stream.write(_lines([_texts(column, values, cells[table.currency]) for column, values in zip(table.columns, cells, strict=True)]))


def _lines(columns: Sequence[Iterable[str]]) -> bytes:
    """Columns of finished cells as lines of CSV."""
    cells = list(map(",".join, zip(*columns, strict=True)))
    if len(columns) == 1:
        cells = [cell or '""' for cell in cells]  # a line with nothing in it would be no row
    return ("\r\n".join(cells) + "\r\n").encode(errors="replace")


def _texts(column: Column, values: Sequence[Any], currencies: Sequence[Any]) -> Iterable[str]:
    """A column's cells as CSV texts; a whole column at a time, because that is several times faster than cell by cell."""
    if column.kind == "money":
        return _amounts(values, currencies)
    if column.kind == "integer":
        return ["" if value is None else str(value) for value in values]
    if column.kind == "date":
        return map(_shown_day, values)
    texts = values if None not in values else ["" if value is None else value for value in values]
    if "" in texts or not _FIRST.isdisjoint(map(itemgetter(0), texts)):
        texts = ["'" + text if text and is_formula(text) else text for text in texts]
    return _quoted(texts)


_shown_day = lru_cache(maxsize=1 << 14)(i18n.show_day)
"""A long list has few days, each many times."""


def _quoted(texts: Sequence[str]) -> Sequence[str]:
    """Texts with quotes around those in which something means more to CSV: a comma, a quote, the end of a line."""
    every = "".join(texts)
    if "," not in every and '"' not in every and "\n" not in every and "\r" not in every:
        return texts
    return ['"' + text.replace('"', '""') + '"' if _SPECIAL.search(text) else text for text in texts]


def _amounts(values: Sequence[Any], currencies: Sequence[Any]) -> list[str]:
    """Amounts as plain decimal strings, as `money.plain` writes them."""
    if len(set(currencies)) > 1 or None in values:
        return ["" if value is None else money.plain(value, currency) for value, currency in zip(values, currencies, strict=True)]
    currency = currencies[0]
    places = money.exponent(currency)
    if places == 0:
        return list(map(str, values))
    one, nothing = 10**places, money.plain(0, currency)
    digits = map(str, values)
    return [
        f"{text[:-places]}.{text[-places:]}" if value >= one else money.plain(value, currency) if value else nothing
        for value, text in zip(values, digits, strict=True)
    ]  # fmt: skip


def xlsx_bytes(table: Table, language: str, created: datetime | None = None) -> bytes:
    """The table as an XLSX workbook; see `write_xlsx`."""
    out = io.BytesIO()
    write_xlsx(table, out, language, created)
    return out.getvalue()


def write_xlsx(table: Table, stream: BinaryIO, language: str, created: datetime | None = None) -> None:
    """Write the table as an XLSX workbook in the reader's language, row by row, in constant memory.

    Title and facts above, a frozen header with filters, real dates, amounts as numbers with their currency's decimals
    (as text beyond fifteen digits, which a spreadsheet would round), totals in bold, notes below. The same arguments
    give the same bytes; `created` is what the file says of its making. Raises Refusal `too_many_rows_for_xlsx`.
    """
    above = len(table.facts) + 3
    if above + len(table.rows) + len(table.totals) + len(table.notes) + 2 > MOST_ROWS:
        raise Refusal("too_many_rows_for_xlsx", rows=len(table.rows), most=MOST_ROWS)
    title = i18n.in_language(language, table.title)
    with xlsxwriter.Workbook(stream, {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}) as book:
        book.set_properties({"title": title, "created": created or _UNDATED})
        sheet = book.add_worksheet(_sheet_name(title))
        writer = _Sheet(book, sheet, table, language)
        row = writer.head(title, above - 1)
        writer.rows(table.rows, row)
        last = row + len(table.rows)
        writer.totals(table.totals, last)
        writer.notes(table.notes, last + len(table.totals) + 1)
        writer.frame(above - 1, max(last - 1, above - 1))


class _Sheet:
    """The one worksheet of a workbook while it is written; rows must come in order."""

    def __init__(self, book: xlsxwriter.Workbook, sheet: Worksheet, table: Table, language: str) -> None:
        self.book, self.sheet, self.table, self.language = book, sheet, table, language
        self._formats: dict[tuple[tuple[str, object], ...], Format] = {}

    def style(self, **properties: object) -> Format:
        """The workbook's format with these properties; made once."""
        key = tuple(sorted(properties.items()))
        if key not in self._formats:
            self._formats[key] = self.book.add_format(properties)
        return self._formats[key]

    def head(self, title: str, header: int) -> int:
        """Title, facts and the header in row `header`; returns the first row of the body."""
        labels = [i18n.in_language(self.language, column.label) for column in self.table.columns]
        self._widths(labels)
        self._text(0, 0, title, bold=True, font_size=14)
        for number, (label, value) in enumerate(self.table.facts, start=1):
            self._text(number, 0, i18n.in_language(self.language, label), font_color="#5B6672")
            self._text(number, 1, value)
        for number, (column, label) in enumerate(zip(self.table.columns, labels, strict=True)):
            side = "right" if column.kind in ("money", "integer") else "left"
            self._text(header, number, label, bold=True, bg_color="#E7EEF3", bottom=2, bottom_color="#144D6E", align=side, valign="vcenter", text_wrap=True)
        return header + 1

    def rows(self, rows: Iterable[Sequence[Any]], start: int, bold: bool = False) -> None:
        """The body: each column has its own way to write, chosen once."""
        extra = {"bold": True, "bg_color": "#E7EEF3", "top": 1, "top_color": "#C7D1DB"} if bold else {}
        writers = [self._writer(column.kind, extra) for column in self.table.columns]
        currency = self.table.currency
        for number, row in enumerate(rows, start):
            code = row[currency]
            for place, (write, value) in enumerate(zip(writers, row, strict=True)):
                if value is not None:
                    write(number, place, value, code)

    def totals(self, totals: Sequence[Sequence[Any]], start: int) -> None:
        """The totals, their label translated, in bold under a line."""
        told = [(i18n.in_language(self.language, row[0]) if isinstance(row[0], str) else row[0], *row[1:]) for row in totals]
        self.rows([tuple("" if value is None else value for value in row) for row in told], start, bold=True)

    def notes(self, notes: Sequence[str], start: int) -> None:
        """Finished sentences below the table."""
        for number, note in enumerate(notes, start):
            self._text(number, 0, note, font_color="#5B6672")

    def frame(self, header: int, last: int) -> None:
        """What makes a sheet handy: frozen header, filters over the rows, paper that fits, codes without warnings."""
        columns = len(self.table.columns) - 1
        self.sheet.freeze_panes(header + 1, 0)
        self.sheet.autofilter(header, 0, last, columns)
        self.sheet.repeat_rows(header)
        self.sheet.set_landscape()
        self.sheet.set_paper(9)
        self.sheet.fit_to_pages(1, 0)
        self.sheet.set_footer("&R&P / &N")
        self.sheet.ignore_errors({"number_stored_as_text": f"A1:{xlsxwriter.utility.xl_rowcol_to_cell(MOST_ROWS - 1, columns)}"})

    def _text(self, row: int, column: int, text: str, **properties: object) -> None:
        if is_formula(text):
            properties["quote_prefix"] = True
        self.sheet.write_string(row, column, text, self.style(**properties))

    def _writer(self, kind: str, extra: dict[str, object]) -> Callable[[int, int, Any, Any], object]:
        """How the cells of a kind are written: (row, column, value, currency of the row)."""
        sheet, guarded = self.sheet, self.style(quote_prefix=True, **extra)
        plain = self.style(**extra) if extra else None

        def text(row: int, column: int, value: str, currency: str) -> None:
            risky = value[:1] in _FIRST and is_formula(value)
            sheet.write_string(row, column, value, guarded if risky else plain)

        whole = self.style(align="right", **extra)
        days, numbers = self.style(num_format="yyyy-mm-dd", align="left", **extra), self.style(num_format="#,##0", **extra)

        def day(row: int, column: int, value: Any, currency: str) -> None:
            if isinstance(value, date) and value.year >= 1900:
                sheet.write_datetime(row, column, value, days)
            else:
                sheet.write_string(row, column, str(value), plain)

        def integer(row: int, column: int, value: Any, currency: str) -> None:
            if isinstance(value, int) and -EXACT < value < EXACT:
                sheet.write_number(row, column, value, numbers)
            else:
                sheet.write_string(row, column, str(value), whole)

        return self._amount_writer(extra) if kind == "money" else {"date": day, "integer": integer}.get(kind, text)

    def _amount_writer(self, extra: dict[str, object]) -> Callable[[int, int, Any, Any], object]:
        """How amounts are written: as numbers while they are exact; a total that has none keeps its colour."""
        sheet, blank, whole = self.sheet, self.style(**extra), self.style(align="right", **extra)
        amounts: dict[str, tuple[int, Format]] = {}

        def amount(row: int, column: int, value: Any, currency: str) -> None:
            if value == "":
                sheet.write_blank(row, column, None, blank)
                return
            if currency not in amounts:
                amounts[currency] = self._amount(currency, extra)
            one, style = amounts[currency]
            if -EXACT < value < EXACT:
                sheet.write_number(row, column, value / one, style)
            else:
                sheet.write_string(row, column, money.plain(value, currency), whole)

        return amount

    def _amount(self, currency: str, extra: dict[str, object]) -> tuple[int, Format]:
        """What divides a currency's minor units, and its number format."""
        places = money.exponent(currency)
        return 10**places, self.style(num_format="#,##0" + (f".{'0' * places}" if places else ""), **extra)

    def _widths(self, labels: Sequence[str]) -> None:
        """Column widths by content: a sample spread over the rows, all totals, the header's longest word."""
        rows = self.table.rows
        sample = [*(rows[n] for n in range(0, len(rows), max(1, len(rows) // SAMPLE))), *self.table.totals]
        facts = [span(i18n.in_language(self.language, label)) for label, _ in self.table.facts]
        for number, (column, label) in enumerate(zip(self.table.columns, labels, strict=True)):
            widest = max((span(self._shown(column, row[number], row[self.table.currency])) for row in sample), default=0)
            # Half the heading, because it may wrap, and room for the filter's arrow.
            wanted = max(widest + 2, min(span(label) + 4, 16), *(facts if number == 0 else ()))
            self.sheet.set_column(number, number, min(max(wanted, 6), 60))

    def _shown(self, column: Column, value: Any, currency: str) -> str:
        if value is None:
            return ""
        return i18n.group(value, currency) if column.kind == "money" else str(value)


def span(text: str) -> int:
    """The width of a text in half-width characters: a Chinese character is as wide as two letters."""
    return len(text) if text.isascii() else sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def _sheet_name(title: str) -> str:
    """The title as a worksheet may be named: 31 characters, none of `[]:*?/\\`, no apostrophe at the ends."""
    name = "".join(" " if char in "[]:*?/\\" or ord(char) < 32 else char for char in title)[:31].strip(" '")
    return name if name and name.lower() != "history" else "Sheet1"
