"""Tables given out as files from a page: in the reader's language, exactly what the page shows."""

from __future__ import annotations

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
    if form == "csv":
        data = export.csv_bytes(table, language, bom=True)
    elif form == "xlsx":
        data = export.xlsx_bytes(table, language)
    else:
        data = render_table(table, language, view.seller.name, i18n.show_instant(view.now, pages.zone()))
    return send(data, f"{name}.{form}", form)


def send(data: bytes, name: str, form: str) -> Response:
    """A file to keep under a name of plain letters."""
    answer = make_response(data)
    answer.headers["Content-Type"] = TYPES[form]
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer
