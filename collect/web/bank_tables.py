"""A bank's table whose columns nobody knows yet, step by step: columns placed, what each line would do shown, taken in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, flash, request
from wtforms import IntegerField, SelectField, StringField, validators

from collect import i18n, sentences
from collect.domain.errors import Refusal
from collect.services import bank, bank_tables, uploads
from collect.services.imports import save_mapping
from collect.services.uploads import UploadGone
from collect.storage import bank as storage
from collect.storage.uploads import Upload
from collect.web import pages
from collect.web.imports import MapForm, gone
from collect.web.pages import PageForm, Permission, needs

blueprint = Blueprint("bank_tables", __name__, url_prefix="/bank/files")

ROLES = {
    "day": i18n.mark("Date"),
    "amount": i18n.mark("Amount, money in is positive"),
    "in": i18n.mark("Money in"),
    "out": i18n.mark("Money out"),
    "direction": i18n.mark("In or out, as a word"),
    "balance": i18n.mark("Balance after the line"),
    "payer": i18n.mark("Name of the other party"),
    "payer_account": i18n.mark("Account of the other party"),
    "narrative": i18n.mark("Text"),
    "reference": i18n.mark("Reference"),
    "currency": i18n.mark("Currency"),
    "value_day": i18n.mark("Value date"),
    "serial": i18n.mark("Number of the row in the file"),
}
OUTCOMES = {
    "in": (i18n.mark("new, money in"), "good"),
    "out": (i18n.mark("new, money out"), "warn"),
    "known": (i18n.mark("known already"), "quiet"),
    "left_out": (i18n.mark("no line"), "quiet"),
}


class TableForm(MapForm):
    """How a table is read: dates, decimals, and what it does not tell itself; and a name to save the columns under."""

    strict = None  # type: ignore[assignment]  # a statement goes in as a whole or not at all
    account = StringField(i18n.lazy("Our account"), [validators.Length(max=64)])
    currency = StringField(i18n.lazy("Currency"), [validators.Length(max=3)])


class HeadForm(PageForm):
    """In which line of the file the headings stand."""

    head = IntegerField(i18n.lazy("Line of the headings"), [validators.InputRequired(), validators.NumberRange(min=1, max=1000)])


class LoadForm(PageForm):
    """A saved mapping to place the columns with."""

    mapping = SelectField(i18n.lazy("Saved mapping"), choices=[])


@dataclass(frozen=True, slots=True)
class Sum:
    """What a statement adds up to, in minor units."""

    account: str
    currency: str
    opening: int | None
    moved: int
    closing: int | None


@blueprint.errorhandler(UploadGone)
def _gone(_problem: UploadGone) -> Response:
    return gone("bank.upload", "bank.index", i18n.gettext("Cash and bank"))


@blueprint.get("/<token>")
@needs(Permission.IMPORT)
def columns(token: str) -> Response:
    """Which column is which, with the cells of the first rows; and why the last reading was refused, if it was."""
    upload = bank_tables.find(pages.runtime(), pages.actor(), token)
    job = uploads.status(pages.runtime(), pages.actor(), upload)
    if job is not None and (job.state == "running" or (job.what == "take" and job.state == "done")):
        return pages.go("bank_tables.check", token=token)
    form = _form(upload)
    if job is not None and job.state == "stopped":
        form.form_errors.append(sentences.say(Refusal("upload_stopped")))
    if job is not None and job.state == "refused" and uploads.is_current(upload, job):
        about = form._fields.get(job.about or "")
        (form.form_errors if about is None else about.errors).append(job.told[i18n.current()])
    return _page(upload, form)


@blueprint.post("/<token>")
@needs(Permission.IMPORT)
def place(token: str) -> Response:
    """Keep what was chosen, save it under a name if it has one, and look what the whole table would do."""
    upload = bank_tables.find(pages.runtime(), pages.actor(), token)
    form = TableForm()
    roles = [request.form.get(f"column-{at}", "") for at in range(len(uploads.look_of(upload).headers))]
    bank_tables.choose(pages.runtime(), upload, roles, {name: form[name].data or "" for name in ("dates", "decimal", "account", "currency")})
    if not form.validate():
        return _page(upload, form, 422)
    try:
        bank_tables.check(upload)
        if name := (form.save_as.data or "").strip():
            pages.write(lambda work: save_mapping(work, name, bank.KIND, bank_tables.placed(upload), upload.choices["dates"], upload.choices["decimal"]))
        bank_tables.start(pages.runtime(), pages.actor(), upload, "check")
    except Refusal as refusal:
        form.blame(refusal)
        return _page(upload, form, 422)
    return pages.go("bank_tables.check", token=token)


@blueprint.post("/<token>/read")
@needs(Permission.IMPORT)
def read(token: str) -> Response:
    """Look at the table with its headings in another line; its columns are recognised anew."""
    upload = bank_tables.find(pages.runtime(), pages.actor(), token)
    form = HeadForm()
    try:
        if form.validate():
            bank_tables.read_anew(pages.runtime(), pages.actor(), upload, form.head.data, upload.choices["account"])
            return pages.go("bank_tables.columns", token=token)
    except Refusal as refusal:
        form.blame(refusal)
    return _page(upload, _form(upload), 422, form)


@blueprint.post("/<token>/load")
@needs(Permission.IMPORT)
def load(token: str) -> Response:
    """Place the columns as a saved mapping says."""
    upload = bank_tables.find(pages.runtime(), pages.actor(), token)
    try:
        bank_tables.load(pages.runtime(), pages.actor(), upload, request.form.get("mapping", "")[:64])
    except Refusal as refusal:
        flash(sentences.say(refusal))
    return pages.go("bank_tables.columns", token=token)


@blueprint.post("/<token>/drop")
@needs(Permission.IMPORT)
def drop(token: str) -> Response:
    """Throw the waiting file away."""
    upload = bank_tables.find(pages.runtime(), pages.actor(), token)
    try:
        uploads.forget(pages.runtime(), pages.actor(), upload)
    except Refusal as refusal:
        flash(sentences.say(refusal))
        return pages.go("bank_tables.check", token=token)
    flash(i18n.gettext("The file was thrown away; nothing was changed."))
    return pages.go("bank.index")


@blueprint.get("/<token>/check")
@needs(Permission.IMPORT)
def check(token: str) -> Response:
    """How far the reading has got; then what the table would do, or where its lines are now."""
    upload = bank_tables.find(pages.runtime(), pages.actor(), token)
    job = uploads.status(pages.runtime(), pages.actor(), upload)
    if job is not None and job.state == "running":
        home = (pages.url("bank.index"), i18n.gettext("Cash and bank"))
        return pages.render("imports/progress.html", upload=upload, job=job, poll=pages.url("bank_tables.check", token=token), home=home)
    if job is None or job.state != "done" or (job.what == "check" and not uploads.is_current(upload, job)):
        return pages.go("bank_tables.columns", token=token)
    if job.what == "take":
        told = job.told.get(i18n.current())
        return pages.go("matching.index") if told and told["incoming"] else pages.go("bank.index")
    return _preview(upload, job.told[i18n.current()])


@blueprint.post("/<token>/check")
@needs(Permission.IMPORT)
def take(token: str) -> Response:
    """Take the table in, as it was looked at."""
    upload = bank_tables.find(pages.runtime(), pages.actor(), token)
    try:
        job = bank_tables.start(pages.runtime(), pages.actor(), upload, "take")
    except Refusal as refusal:
        flash(sentences.say(refusal))
        return pages.go("bank_tables.check", token=token)
    if job.state == "done" and job.told:
        told = job.told[i18n.current()]
        flash(i18n.gettext("{lines} lines, {new} of them new, {incoming} with money in.", lines=told["lines"], new=told["new"], incoming=told["incoming"]))
    return pages.go("bank_tables.check", token=token)


def _form(upload: Upload) -> TableForm:
    """The form with what was chosen before."""
    chosen = upload.choices
    form = TableForm(formdata=None, data={name: chosen[name] or "" for name in ("dates", "decimal", "account", "currency")})
    for field in form:
        field.errors = []
    return form


def _page(upload: Upload, form: TableForm, status: int = 200, heading: HeadForm | None = None) -> Response:
    """The page of columns."""
    runtime, actor = pages.runtime(), pages.actor()
    look = uploads.look_of(upload)
    saved = uploads.mappings(runtime, actor, bank.KIND)
    loading = LoadForm(formdata=None, data={"mapping": upload.choices["mapping"] or ""})
    loading.mapping.choices = pages.choices({mapping.name: mapping.name for mapping in saved})
    with pages.read_view() as view:
        accounts = [row.account for row in storage.load_accounts(view.session) if row.account.closed_on is None]
    return pages.render(
        "bank/columns.html",
        status,
        upload=upload,
        form=form,
        why=_why(upload),
        heading=heading or HeadForm(formdata=None, data={"head": upload.choices["head"]}),
        loading=loading if saved else None,
        rows=list(zip(look.headers, upload.choices["columns"], strict=True)),
        names=[(role, i18n.gettext(label)) for role, label in ROLES.items()],
        accounts=accounts,
        lost=bank_tables.missing_mapping(runtime, actor, upload),
        proofs=bank_tables.proofs(upload),
        orders={"dmy": i18n.gettext("Day, month, year"), "mdy": i18n.gettext("Month, day, year")},
    )


def _why(upload: Upload) -> str | None:
    """Why the columns are asked for, until the table was looked at with them once; an empty text where nothing in it was recognised."""
    if uploads.status(pages.runtime(), pages.actor(), upload) is not None:
        return None
    return str(((upload.looked or {}).get("why") or {}).get(i18n.current(), ""))


def _preview(upload: Upload, told: dict[str, Any]) -> Response:
    """What the table would do: its counts, what it adds up to, and what becomes of its first rows."""
    placed = set(upload.choices["columns"])
    sums = [Sum(**one) for one in told["balances"]]
    return pages.render(
        "bank/preview.html",
        upload=upload,
        told=told,
        sums=sums,
        rows=told["preview"],
        placed=placed,
        outcomes=OUTCOMES,
        all_rows=told["lines"] + told["left_out"],
    )
