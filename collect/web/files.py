"""Tables given out as files from a page: in the reader's language, exactly what the page shows."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from typing import BinaryIO

from flask import Response, make_response

from collect import i18n
from collect.documents.table import render_table
from collect.domain.errors import NotFound
from collect.exchange import export
from collect.runtime import View
from collect.table import Table
from collect.web import pages

TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pdf": "application/pdf",
    "json": "application/json",
}
TABLES = ("csv", "xlsx", "pdf")


def of_table(view: View, table: Table, form: str, name: str) -> Response:
    """A table as CSV (with the mark that makes spreadsheets read Chinese), XLSX or PDF; NotFound for any other form."""
    if form not in TABLES:
        raise NotFound("format", form)
    language = i18n.current()
    if form == "pdf":
        return send(render_table(table, language, view.seller.name, i18n.show_instant(view.now, pages.zone())), f"{name}.pdf", form)
    if form == "csv":
        return written(lambda file: export.write_csv(table, file, language, bom=True), name, form)
    return written(lambda file: export.write_xlsx(table, file, language), name, form)


def written(write: Callable[[BinaryIO], object], name: str, form: str) -> Response:
    """What `write` writes, by way of a temporary file because it may be long: what is refused is refused before a byte is sent."""
    file = tempfile.TemporaryFile(prefix="collect-")  # noqa: SIM115
    try:
        write(file)
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
    except BaseException:
        file.close()
        raise
    answer = Response(_pieces(file))
    answer.headers["Content-Length"] = str(size)
    answer.call_on_close(file.close)
    return _named(answer, f"{name}.{form}", form)


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while piece := file.read(65_536):
            yield piece


def send(data: bytes, name: str, form: str) -> Response:
    """A file to keep under a name of plain letters."""
    return _named(make_response(data), name, form)


def _named(answer: Response, name: str, form: str) -> Response:
    answer.headers["Content-Type"] = TYPES[form]
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer
