"""Imports: the runs so far, taking in a file (or only checking it), and what became of each row."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, flash, request
from flask_wtf.file import FileField  # type: ignore[import-untyped]
from wtforms import BooleanField, SelectField

from collect import i18n
from collect.domain.errors import NotFound, Refusal
from collect.exchange.columns import column_label, columns_of
from collect.services import imports as services
from collect.storage import imports as storage
from collect.storage import listings
from collect.web import files, numbers, pages
from collect.web.pages import PageForm, Permission, needs

blueprint = Blueprint("imports", __name__, url_prefix="/imports")

KINDS = {
    "customers": i18n.lazy("Customers"),
    "contacts": i18n.lazy("Contacts"),
    "invoices": i18n.lazy("Invoices"),
    "credits": i18n.lazy("Credits"),
    "payments": i18n.lazy("Payments"),
}
ENCODINGS = ("utf-8", "gb18030", "utf-16")
SHOWN_ERRORS = 200
"""So many refused rows stand on the page; all of them are in the file of refused rows."""


def _or_empty(value: str | None) -> str:
    """A choice that was not sent at all is the first one, like in a browser."""
    return value or ""


class ImportForm(PageForm):
    """A file, what it holds, and how to read it where the file itself does not tell."""

    kind = SelectField(i18n.lazy("What it holds"), choices=pages.choices(KINDS))
    file = FileField(i18n.lazy("File"))
    dates = SelectField(
        i18n.lazy("Order of dates"),
        filters=[_or_empty],
        choices=pages.choices(
            {"": i18n.lazy("As the file tells"), "ymd": i18n.lazy("Year, month, day"), "dmy": i18n.lazy("Day, month, year"), "mdy": i18n.lazy("Month, day, year")}
        ),
    )
    decimal = SelectField(
        i18n.lazy("Decimal sign"),
        filters=[_or_empty],
        choices=pages.choices({"": i18n.lazy("As the file tells"), ".": i18n.lazy("Point: 1,234.50"), ",": i18n.lazy("Comma: 1.234,50")}),
    )
    encoding = SelectField(i18n.lazy("Encoding"), filters=[_or_empty], choices=pages.choices({"": i18n.lazy("As the file tells"), **{name: name.upper() for name in ENCODINGS}}))
    strict = BooleanField(i18n.lazy("One refused row refuses the whole file"))
    check = BooleanField(i18n.lazy("Only check: change nothing"))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a file, for its page: counts, sentences, and whether anything was stored at all.

    `stored` is `yes`, `check` (a dry run) or `strict` (refused as a whole).
    """

    kind: str
    name: str
    new: int
    changed: int
    unchanged: int
    refused: int
    ignored: list[str]
    errors: list[dict[str, Any]]
    notices: list[str]
    stored: str = "yes"


@blueprint.get("")
@needs(Permission.IMPORT)
def index() -> Response:
    """The latest runs."""
    size = pages.page_size()
    after = request.args.get("after", "")
    with pages.read_view() as view:
        found = listings.load_run_page(view.session, numbers.row_id(after), size + 1)
    page = pages.page_of(found, size, lambda run: str(run.id), not after)
    return pages.render("imports/index.html", page=page, kinds=KINDS)


@blueprint.route("/new", methods=["GET", "POST"])
@needs(Permission.IMPORT)
def new() -> Response:
    """Take in a file: good rows go in, refused ones are told with line and reason."""
    form = ImportForm(kind=request.args.get("kind"))
    if not form.is_submitted():
        return _form(form)
    upload = form.file.data
    if not form.validate():
        return _form(form, 422)
    if not upload or not upload.filename:
        form.file.errors = [i18n.gettext("Choose a file.")]
        return _form(form, 422)
    name = upload.filename.replace("\\", "/").rsplit("/", 1)[-1][-255:]
    chosen = services.Options(form.encoding.data or None, form.dates.data or None, form.decimal.data or None, bool(form.strict.data), bool(form.check.data))
    try:
        with tempfile.NamedTemporaryFile(prefix="collect-import-") as kept:
            upload.save(kept)
            kept.flush()
            result = services.run(pages.runtime(), pages.actor(), form.kind.data or "", Path(kept.name), name, chosen)
    except Refusal as refusal:
        form.blame(refusal)
        return _form(form, 422)
    if result.refused_csv is not None:
        result.refused_csv.close()
    if result.run_id is not None:
        if not result.refused:
            flash(i18n.gettext("The file is in the books."))
        return pages.go("imports.show", run_id=result.run_id)
    told = result.as_json()
    stored = "check" if form.check.data else "strict"
    outcome = Outcome(result.kind, name, result.new, result.changed, result.unchanged, result.refused, list(result.ignored_columns), told["errors"], told["notices"], stored)
    return _result(outcome, None, 200 if stored == "check" else 422)


@blueprint.get("/<int:run_id>")
@needs(Permission.IMPORT)
def show(run_id: int) -> Response:
    """What became of one file."""
    run = _run(run_id)
    told = run.result[i18n.current()]
    outcome = Outcome(
        run.kind,
        run.file_name,
        run.new,
        run.changed,
        run.unchanged,
        run.refused,
        list(told["ignored_columns"]),
        list(told["errors"]),
        list(told["notices"]),
    )
    return _result(outcome, run)


@blueprint.get("/<int:run_id>/refused.csv")
@needs(Permission.IMPORT)
def refused(run_id: int) -> Response:
    """The refused rows with line and reason, ready to be corrected and taken in again."""
    run = _run(run_id)
    if run.refused_csv is None:
        raise NotFound("import", run_id)
    return files.send(b"\xef\xbb\xbf" + run.refused_csv.encode(), f"refused-{run_id}.csv", "csv")


def _run(run_id: int) -> storage.ImportRun:
    with pages.read_view() as view:
        run = storage.find_run(view.session, run_id) if run_id < 2**63 else None
    if run is None:
        raise NotFound("import", run_id)
    return run


def _form(form: ImportForm, status: int = 200) -> Response:
    columns = {kind: [(column_label(key, i18n.current(), kind), column.required) for key, column in columns_of(kind).items()] for kind in KINDS}
    return pages.render("imports/new.html", status, form=form, kinds=KINDS, columns=columns, limit=pages.runtime().settings.max_bytes // 2**20)


def _result(outcome: Outcome, run: storage.ImportRun | None, status: int = 200) -> Response:
    rows = [(error["line"], column_label(error["field"], i18n.current(), outcome.kind) if error["field"] else "", error["value"], error["message"]) for error in outcome.errors]
    kept = run.refused_csv is not None if run else False
    return pages.render("imports/show.html", status, outcome=outcome, run=run, kinds=KINDS, rows=rows[:SHOWN_ERRORS], kept=kept, all_rows=len(rows))
