"""A table in a file, whatever the file: CSV in any encoding and delimiter, or XLSX; checked against budgets before it is read."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from collect.domain.errors import Refusal
from collect.exchange import decoding, xlsx_in
from collect.exchange.cells import Exact, Limits, Source, lost_digits
from collect.exchange.csv_in import CsvFile, Row

__all__ = ["Exact", "Limits", "Row", "Sheet", "lost_digits", "open_sheet"]

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_KINDS = (
    (b"%PDF", "PDF"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"GIF8", "GIF"),
    (b"{\\rtf", "RTF"),
    (b"Rar!\x1a\x07", "RAR"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"\x1f\x8b\x08", "GZIP"),
    (b"SQLite format 3\x00", "SQLite"),
)
_MARKUP = ((b"<!doctype html", "HTML"), (b"<html", "HTML"), (b"<table", "HTML"), (b"<meta", "HTML"), (b"<?xml", "XML"), (b'{"', "JSON"), (b"[{", "JSON"))
_TAG = re.compile(rb"<[!?a-z][^,;\t\n]*[>\[]")
"""How XML begins whatever its kind: no name of a column does."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table: `name` as people know the file, `sha256` of its raw bytes, its headers without outer spaces.

    `encoding` is `utf-8`, `utf-16`, `gb18030` … or `xlsx`, `delimiter` the sign between cells (None in an XLSX).
    `sheets` names the sheets of a workbook, visible ones first.
    """

    name: str
    sha256: str
    headers: list[str]
    encoding: str
    delimiter: str | None
    _rows: Callable[[], Iterator[Row]] = field(repr=False)
    sheets: tuple[str, ...] = ()

    def rows(self) -> Iterator[Row]:
        """The rows below the header as (line, cells); every call starts again from the first.

        The line is the physical one where the record starts, the header's being 1 (in an XLSX the row's number). Each
        row has at least as many cells as there are headers: blank rows are left out, short ones filled up, and a row
        with something beyond the headers keeps its extra cells. Refusals that name a line come from here.
        """
        return self._rows()


def open_sheet(source: Path | bytes, name: str, limits: Limits, encoding: str | None = None, sheet: str | None = None) -> Sheet:
    """Recognise a file by its content and open its table; a header without rows is a table of no rows.

    The whole file is read once for its fingerprint, encoding and budgets, in pieces. `encoding` overrides what its
    bytes suggest; an XLSX has none. `sheet` names the sheet of a workbook to read (Refusal `unknown_sheet`), else it is
    the first with content. Raises a Refusal with one sentence for everything that is no such table, among
    them `empty_file`, `file_too_large`, `unreadable_encoding`, `ambiguous_encoding`, `file_kind`, `old_excel`.
    """
    file = Source(source, name, limits)
    head = file.head(4096)
    if head.startswith(b"PK\x03\x04"):
        book = xlsx_in.Workbook(file, sheet)
        return Sheet(name, file.sha256(), book.headers, "xlsx", None, book.rows, book.names)
    _refuse_other_kinds(file, head)
    text = decoding.survey(file, encoding)
    table = CsvFile(file, text)
    return Sheet(name, text.sha256, table.headers, text.label, table.delimiter, table.rows)


def _refuse_other_kinds(file: Source, head: bytes) -> None:
    """Refuse what is known to be no table, by its first bytes: a clear word is better than a missing column."""
    if head.startswith(_OLE):
        encrypted = any(_ENCRYPTED in chunk for chunk in file.chunks())
        raise Refusal("encrypted_excel" if encrypted else "old_excel", None, name=file.name)
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:200].lower()
    found = [kind for mark, kind in _KINDS if head.startswith(mark)] + [kind for mark, kind in _MARKUP if start.startswith(mark)]
    if not found and _TAG.match(start):
        found = ["XML"]
    if found:
        raise Refusal("file_kind", None, name=file.name, kind=found[0])
