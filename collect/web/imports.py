"""Imports: the runs so far, a file taken in step by step (sent, columns placed, looked at, taken in), what became of each row, and undo."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, flash, request
from flask_wtf.file import FileField  # type: ignore[import-untyped]
from wtforms import BooleanField, SelectField, StringField, TextAreaField, validators

from collect import i18n, sentences
from collect.domain.errors import NotFound, Refusal
from collect.exchange.columns import column_label, columns_of, lacking
from collect.services import imports as services
from collect.services import undo as undoing
from collect.services import uploads
from collect.services.uploads import UploadGone
from collect.storage import imports as storage
from collect.storage import listings
from collect.storage import uploads as storage_uploads
from collect.web import files, numbers, pages
from collect.web.pages import PageForm, Permission, needs

blueprint = Blueprint("imports", __name__, url_prefix="/imports")

KINDS = {
    "customers": i18n.lazy("Customers"),
    "contacts": i18n.lazy("Contacts"),
    "invoices": i18n.lazy("Invoices"),
    "credits": i18n.lazy("Credits"),
    "payments": i18n.lazy("Payments"),
    "deliveries": i18n.lazy("Deliveries"),
}
ENCODINGS = ("utf-8", "gb18030", "utf-16")
OUTCOMES = {
    "new": (i18n.mark("New"), "good"),
    "changed": (i18n.mark("Changed"), "warn"),
    "unchanged": (i18n.mark("Unchanged"), "quiet"),
    "refused": (i18n.mark("Refused"), "bad"),
}
SHOWN_ERRORS = 200
"""So many refused rows stand on the page; all of them are in the file of refused rows."""


def _or_empty(value: str | None) -> str:
    """A choice that was not sent at all is the first one, like in a browser."""
    return value or ""


class ImportForm(PageForm):
    """A file and what it holds; its encoding only where the file itself does not tell."""

    kind = SelectField(i18n.lazy("What it holds"), choices=pages.choices(KINDS))
    file = FileField(i18n.lazy("File"))
    encoding = SelectField(i18n.lazy("Encoding"), filters=[_or_empty], choices=pages.choices({"": i18n.lazy("As the file tells"), **{name: name.upper() for name in ENCODINGS}}))


class ReadForm(PageForm):
    """The same file read in another way: as another kind, another sheet, another encoding."""

    kind = SelectField(i18n.lazy("What it holds"), choices=pages.choices(KINDS))
    sheet = SelectField(i18n.lazy("Sheet"), filters=[_or_empty], choices=[])
    encoding = SelectField(i18n.lazy("Encoding"), filters=[_or_empty], choices=pages.choices({"": i18n.lazy("As the file tells"), **{name: name.upper() for name in ENCODINGS}}))


class LoadForm(PageForm):
    """A saved mapping to place the columns with."""

    mapping = SelectField(i18n.lazy("Saved mapping"), choices=[])


class MapForm(PageForm):
    """How dates and numbers are read, what a refused row does, and a name to save the columns under."""

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
    strict = BooleanField(i18n.lazy("One refused row refuses the whole file"))
    save_as = StringField(i18n.lazy("Save these columns as"), [validators.Length(max=64)])


class UndoForm(PageForm):
    """Why an import is undone."""

    reason = TextAreaField(i18n.lazy("Reason"), [validators.InputRequired(), validators.Length(max=400)])


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a file, for its page: counts, sentences, and whether anything was stored at all: `stored` is `yes` or `strict` (refused as a whole)."""

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


def gone(again: str, home: str, home_label: str) -> Response:
    """The page instead of a step whose file is no longer kept for this person: why, where to send it again, and where to look (S28)."""
    return pages.render("imports/gone.html", 404, sentence=sentences.say(Refusal("upload_gone")), again=pages.url(again), home=pages.url(home), home_label=home_label)


@blueprint.errorhandler(UploadGone)
def _gone(_problem: UploadGone) -> Response:
    return gone("imports.new", "imports.index", i18n.gettext("Imports"))


@blueprint.get("")
@needs(Permission.IMPORT)
def index() -> Response:
    """The latest runs."""
    size = pages.page_size()
    after = request.args.get("after", "")
    with pages.read_view() as view:
        found = listings.load_run_page(view.session, numbers.row_id(after), size + 1)
    page = pages.page_of(found, size, lambda run: str(run.id), not after)
    waiting = uploads.waiting(pages.runtime(), pages.actor()) if not after else []
    return pages.render("imports/index.html", page=page, kinds=KINDS, waiting=waiting)


@blueprint.route("/new", methods=["GET", "POST"])
@needs(Permission.IMPORT)
def new() -> Response:
    """Send a file; it is kept aside until its columns are placed and what it would do was looked at."""
    form = ImportForm(kind=request.args.get("kind"))
    if not form.is_submitted():
        return _form(form)
    sent = form.file.data
    if not form.validate():
        return _form(form, 422)
    if not sent or not sent.filename:
        form.file.errors = [i18n.gettext("Choose a file.")]
        return _form(form, 422)
    name = sent.filename.replace("\\", "/").rsplit("/", 1)[-1][-255:]
    try:
        upload = uploads.receive(pages.runtime(), pages.actor(), form.kind.data or "", name, sent.save, form.encoding.data or None)
    except Refusal as refusal:
        form.blame(refusal)
        return _form(form, 422)
    return pages.go("imports.columns", token=upload.token)


@blueprint.get("/files/<token>")
@needs(Permission.IMPORT)
def columns(token: str) -> Response:
    """Which header is which column, with the first values of each; and why the last reading was refused, if it was."""
    upload = uploads.find(pages.runtime(), pages.actor(), token)
    job = uploads.status(pages.runtime(), pages.actor(), upload)
    if job is not None and (job.state == "running" or job.run_id is not None):
        return pages.go("imports.check", token=token)
    form = _map_form(upload)
    if job is not None and job.state == "stopped":
        form.form_errors.append(sentences.say(Refusal("upload_stopped")))
    if job is not None and job.state == "refused":
        about = form._fields.get(job.about or "")
        (form.form_errors if about is None else about.errors).append(job.told[i18n.current()])
    return _columns(upload, form)


@blueprint.post("/files/<token>")
@needs(Permission.IMPORT)
def place(token: str) -> Response:
    """Keep what was chosen and look what the whole file would do."""
    upload = uploads.find(pages.runtime(), pages.actor(), token)
    form = MapForm()
    keys = [request.form.get(f"column-{at}", "") for at in range(len(uploads.look_of(upload).headers))]
    uploads.choose(pages.runtime(), upload, keys, form.dates.data or None, form.decimal.data or None, bool(form.strict.data))
    if not form.validate():
        return _columns(upload, form, 422)
    try:
        uploads.check_columns(upload)
        name = (form.save_as.data or "").strip()
        if name:
            pages.write(lambda work: services.save_mapping(work, name, upload.kind, uploads.chosen_mapping(upload), upload.choices["dates"], upload.choices["decimal"]))
        uploads.start(pages.runtime(), pages.actor(), upload, "check")
    except Refusal as refusal:
        form.blame(refusal)
        return _columns(upload, form, 422)
    return pages.go("imports.check", token=token)


@blueprint.post("/files/<token>/read")
@needs(Permission.IMPORT)
def read(token: str) -> Response:
    """Read the file as another kind, another sheet or in another encoding; its columns are recognised anew."""
    upload = uploads.find(pages.runtime(), pages.actor(), token)
    form = _read_form(upload)
    try:
        if form.validate():
            uploads.read_anew(pages.runtime(), pages.actor(), upload, form.kind.data or "", form.sheet.data or None, form.encoding.data or None)
            return pages.go("imports.columns", token=token)
    except Refusal as refusal:
        form.blame(refusal)
    return _columns(upload, _map_form(upload), 422, form)


@blueprint.post("/files/<token>/load")
@needs(Permission.IMPORT)
def load(token: str) -> Response:
    """Place the columns as a saved mapping says."""
    upload = uploads.find(pages.runtime(), pages.actor(), token)
    name = request.form.get("mapping", "")
    found = [mapping for mapping in uploads.mappings(pages.runtime(), pages.actor(), upload.kind) if mapping.name == name]
    if found:
        uploads.apply_mapping(upload, found[0])
        uploads.shelf(pages.runtime()).save(upload)
    else:
        flash(sentences.say(Refusal("unknown_mapping", value=name[:64])))
    return pages.go("imports.columns", token=token)


@blueprint.post("/files/<token>/drop")
@needs(Permission.IMPORT)
def drop(token: str) -> Response:
    """Throw the waiting file away."""
    upload = uploads.find(pages.runtime(), pages.actor(), token)
    try:
        uploads.forget(pages.runtime(), pages.actor(), upload)
    except Refusal as refusal:
        flash(sentences.say(refusal))
        return pages.go("imports.check", token=token)
    flash(i18n.gettext("The file was thrown away; nothing was changed."))
    return pages.go("imports.index")


@blueprint.get("/files/<token>/check")
@needs(Permission.IMPORT)
def check(token: str) -> Response:
    """How far the reading has got; then what the file would do, or what became of it."""
    upload = uploads.find(pages.runtime(), pages.actor(), token)
    job = uploads.status(pages.runtime(), pages.actor(), upload)
    if job is not None and job.state == "running":
        home = (pages.url("imports.index"), i18n.gettext("Imports"))
        return pages.render("imports/progress.html", upload=upload, job=job, poll=pages.url("imports.check", token=token), home=home)
    if job is None or job.state != "done" or (job.what == "check" and not uploads.is_current(upload, job)):
        return pages.go("imports.columns", token=token)
    if job.what == "take" and job.run_id is not None:
        return pages.go("imports.show", run_id=job.run_id)
    told = job.told[i18n.current()]
    outcome = Outcome(
        upload.kind, upload.name, told["new"], told["changed"], told["unchanged"], told["refused"], told["ignored_columns"], told["errors"], told["notices"], "strict"
    )
    if job.what == "take":
        return _result(outcome, None, 422)
    return _preview(upload, outcome, told["preview"])


@blueprint.post("/files/<token>/check")
@needs(Permission.IMPORT)
def take(token: str) -> Response:
    """Take the file in, as it was looked at."""
    upload = uploads.find(pages.runtime(), pages.actor(), token)
    try:
        job = uploads.start(pages.runtime(), pages.actor(), upload, "take")
    except Refusal as refusal:
        flash(sentences.say(refusal))
        return pages.go("imports.check", token=token)
    if job.state == "done" and job.run_id is not None and not job.told[i18n.current()]["refused"]:
        flash(i18n.gettext("The file is in the books."))
    return pages.go("imports.check", token=token)


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


@blueprint.route("/<int:run_id>/undo", methods=["GET", "POST"])
@needs(Permission.IMPORT)
def undo(run_id: int) -> Response:
    """Undo a whole import, after a question and with a reason; or what stands in the way."""
    run = _run(run_id)
    form = UndoForm()
    if form.is_submitted() and form.validate():
        try:
            done = pages.write(lambda work: undoing.undo(work, run_id, form.reason.data or ""))
        except Refusal as refusal:
            form.blame(refusal)
        else:
            flash(
                i18n.gettext(
                    "The import is undone: {documents} documents voided, {allocations} allocations taken back.",
                    documents=f"{done.items + done.credits + done.deliveries:,}",
                    allocations=f"{done.allocations:,}",
                )
            )
            return pages.go("imports.show", run_id=run_id)
    with pages.read_view() as view:
        obstacles = undoing.obstacles(view.session, view.session.get_one(storage.ImportRun, run_id))
    return pages.render("imports/undo.html", 422 if form.is_submitted() else 200, run=run, form=form, kinds=KINDS, obstacles=[sentences.say(one) for one in obstacles])


def _run(run_id: int) -> storage.ImportRun:
    with pages.read_view() as view:
        run = storage.find_run(view.session, run_id) if run_id < 2**63 else None
    if run is None:
        raise NotFound("import", run_id)
    return run


def _form(form: ImportForm, status: int = 200) -> Response:
    columns = {kind: [(column_label(key, i18n.current(), kind), column.required) for key, column in columns_of(kind).items()] for kind in KINDS}
    return pages.render("imports/new.html", status, form=form, kinds=KINDS, columns=columns, limit=pages.runtime().settings.max_bytes // 2**20)


def _map_form(upload: storage_uploads.Upload) -> MapForm:
    """The form with what was chosen before."""
    chosen = upload.choices
    form = MapForm(formdata=None, dates=chosen["dates"] or "", decimal=chosen["decimal"] or "", strict=chosen["strict"])
    for field in form:
        field.errors = []
    return form


def _read_form(upload: storage_uploads.Upload) -> ReadForm:
    """How the file is read now."""
    look = uploads.look_of(upload)
    chosen = {"kind": upload.kind, "sheet": upload.choices["sheet"] or "", "encoding": upload.choices["encoding"] or ""}
    form = ReadForm(data=chosen) if request.path.endswith("/read") else ReadForm(formdata=None, data=chosen)
    form.sheet.choices = pages.choices({"": i18n.gettext("The first with content"), **{name: name for name in look.sheets}})
    return form


def _columns(upload: storage_uploads.Upload, form: MapForm, status: int = 200, reading: ReadForm | None = None) -> Response:
    """The page of columns."""
    look = uploads.look_of(upload)
    keys = upload.choices["columns"]
    language = i18n.current()
    known = columns_of(upload.kind)
    saved = uploads.mappings(pages.runtime(), pages.actor(), upload.kind)
    loading = LoadForm(formdata=None, data={"mapping": upload.choices["mapping"] or ""})
    loading.mapping.choices = pages.choices({mapping.name: mapping.name for mapping in saved})
    names = [(key, column_label(key, language, upload.kind) + ("*" if column.required else "")) for key, column in known.items()]
    return pages.render(
        "imports/columns.html",
        status,
        upload=upload,
        look=look,
        form=form,
        reading=reading or _read_form(upload),
        loading=loading if saved else None,
        rows=list(zip(look.headers, keys, strict=True)),
        names=names,
        lost=bool(upload.choices["mapping"]) and upload.choices["mapping"] not in {mapping.name for mapping in saved},
        missing=[column_label(key, language, upload.kind) for key in lacking(upload.kind, keys)],
        proofs=uploads.proofs(upload, keys),
        orders={"dmy": i18n.gettext("Day, month, year"), "mdy": i18n.gettext("Month, day, year")},
        examined=uploads.EXAMINED,
        kinds=KINDS,
    )


def _preview(upload: storage_uploads.Upload, outcome: Outcome, preview: list[dict[str, Any]]) -> Response:
    """What the file would do: the counts of the whole file, the first rows, and why rows would be refused."""
    places = [(at, column_label(key, i18n.current(), upload.kind)) for at, key in enumerate(upload.choices["columns"]) if key]
    rows = [(row["line"], row["outcome"], row["reason"], [row["cells"][at] if at < len(row["cells"]) else "" for at, _ in places]) for row in preview]
    return pages.render(
        "imports/preview.html",
        upload=upload,
        outcome=outcome,
        rows=rows,
        columns=[label for _, label in places],
        errors=_errors(outcome)[:SHOWN_ERRORS],
        outcomes=OUTCOMES,
        kinds=KINDS,
        refused_whole=bool(upload.choices["strict"] and outcome.refused),
        all_rows=outcome.new + outcome.changed + outcome.unchanged + outcome.refused,
    )


def _errors(outcome: Outcome) -> list[tuple[int, str, str, str]]:
    """The refused rows as the tables show them."""
    return [(error["line"], column_label(error["field"], i18n.current(), outcome.kind) if error["field"] else "", error["value"], error["message"]) for error in outcome.errors]


def _result(outcome: Outcome, run: storage.ImportRun | None, status: int = 200) -> Response:
    rows = _errors(outcome)
    kept = run.refused_csv is not None if run else False
    undoable = run is not None and run.undone_at is None and run.kind in undoing.KINDS and run.new > 0
    return pages.render("imports/show.html", status, outcome=outcome, run=run, kinds=KINDS, rows=rows[:SHOWN_ERRORS], kept=kept, undoable=undoable)
