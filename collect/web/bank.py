"""Cash: our bank accounts with what waits on them, the statements taken in, and taking one in."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, flash
from flask_wtf.file import FileField  # type: ignore[import-untyped]
from wtforms import BooleanField, HiddenField, StringField, validators

from collect import i18n, sentences
from collect.domain.errors import NotFound, Refusal
from collect.services import bank as services
from collect.services import bank_tables, matching, uploads
from collect.storage import bank as storage
from collect.storage.cases import bank_through
from collect.web import pages
from collect.web.pages import PageForm, Permission, needs

blueprint = Blueprint("bank", __name__, url_prefix="/bank")

SHOWN = 500
NOTICES = 3
"""Notices of one file that are told; a file of many accounts may have many."""
STATES = {
    "open": i18n.mark("waiting"),
    "applied": i18n.mark("applied"),
    "ignored": i18n.mark("set aside"),
    "out": i18n.mark("money out"),
}
TONES = {"open": "warn", "applied": "good", "ignored": "quiet", "out": "quiet"}


class UploadForm(PageForm):
    """A bank file, and which account a table belongs to that tells none."""

    file = FileField(i18n.lazy("File"))
    account = StringField(i18n.lazy("Our account"), [validators.Length(max=64)])
    place = BooleanField(i18n.lazy("A table: let me say which column is which"))
    check = BooleanField(i18n.lazy("Only check: change nothing"))


class AccountForm(PageForm):
    """What an account is called, and whether it still delivers statements."""

    name = StringField(i18n.lazy("Name"), [validators.InputRequired(), validators.Length(max=100)])
    closed = BooleanField(i18n.lazy("Closed: its statements are no longer waited for"))
    version = HiddenField()


@blueprint.get("")
@needs(Permission.ALLOCATE)
def index() -> Response:
    """The accounts, and the statements taken in last."""
    with pages.read_view() as view:
        accounts = storage.load_accounts(view.session)
        statements = storage.load_statements(view.session, 50)
        through = bank_through(view.session, view.today)
        missing = {key: sentences.say(refusal) for key, refusal in services.missing(view).items()}
    waiting = uploads.waiting(pages.runtime(), pages.actor(), (services.KIND,)) if pages.may(Permission.IMPORT) else []
    return pages.render("bank/index.html", accounts=accounts, statements=statements, through=through, missing=missing, waiting=waiting)


@blueprint.route("/upload", methods=["GET", "POST"])
@needs(Permission.IMPORT)
def upload() -> Response:
    """Take a statement in: what is new is matched at once."""
    form = UploadForm()
    if not form.is_submitted():
        return _upload_page(form)
    sent = form.file.data
    if not form.validate():
        return _upload_page(form, 422)
    if not sent or not sent.filename:
        form.file.errors = [i18n.gettext("Choose a file.")]
        return _upload_page(form, 422)
    name = sent.filename.replace("\\", "/").rsplit("/", 1)[-1][-255:]
    account = (form.account.data or "").strip() or None
    with tempfile.NamedTemporaryFile(prefix="collect-bank-") as kept:
        sent.save(kept)
        kept.flush()
        if form.place.data:
            return _place(form, name, Path(kept.name), account, None)
        try:
            taken = services.take_in(pages.runtime(), pages.actor(), Path(kept.name), name, account, dry_run=bool(form.check.data))
        except Refusal as refusal:
            return _place(form, name, Path(kept.name), account, refusal)
    matched = None
    if not form.check.data and taken.line_ids:
        matched = pages.write(lambda work: matching.propose_and_apply(work, taken.line_ids))
    told = {"lines": taken.lines, "new": taken.new, "incoming": taken.incoming}
    if form.check.data:
        flash(i18n.gettext("Only checked: {lines} lines, {new} of them new, {incoming} with money in. Nothing was changed.", **told))
        return _upload_page(form)
    flash(i18n.gettext("{lines} lines, {new} of them new, {incoming} with money in.", **told))
    if matched is not None and taken.incoming:
        flash(i18n.gettext("{applied} were sure and are matched, {proposed} wait with a proposal, {unknown} without one.", **asdict(matched)))
    for notice in taken.notices[:NOTICES]:
        flash(sentences.say(notice))
    if taken.mapping:
        flash(i18n.gettext("Read with the saved mapping {name}.", name=taken.mapping))
    if taken.doubtful or taken.taken_back:
        return pages.go("matching.index", state="asked")
    return pages.go("matching.index") if taken.incoming else pages.go("bank.index")


def _place(form: UploadForm, name: str, path: Path, account: str | None, refused: Refusal | None) -> Response:
    """On to the page where its columns are placed, for a table that asks for it or was refused for want of it; else the refusal."""
    if refused is None or refused.code in bank_tables.MENDED_BY_PLACING:
        try:
            upload = bank_tables.receive(pages.runtime(), pages.actor(), name, lambda target: shutil.copyfile(path, target), account, refused)
        except Refusal as refusal:
            refused = refusal if refused is None or refused.code == "statement_no_head" else refused
        else:
            return pages.go("bank_tables.columns", token=upload.token)
    form.blame(refused)
    return _upload_page(form, 422)


def _upload_page(form: UploadForm, status: int = 200) -> Response:
    with pages.read_view() as view:
        accounts = [row.account for row in storage.load_accounts(view.session) if row.account.closed_on is None]
    return pages.render("bank/upload.html", status, form=form, accounts=accounts)


@blueprint.get("/statements/<int:statement_id>")
@needs(Permission.ALLOCATE)
def statement(statement_id: int) -> Response:
    """One statement: its balances and the lines it brought in."""
    with pages.read_view() as view:
        found = view.session.get(storage.BankStatement, statement_id) if statement_id < 2**63 else None
        if found is None:
            raise NotFound("bank_statement", statement_id)
        account = view.session.get_one(storage.BankAccount, found.account_id)
        lines = storage.load_statement_lines(view.session, statement_id, SHOWN)
    return pages.render("bank/statement.html", statement=found, account=account, lines=lines, states=STATES, tones=TONES, shown=SHOWN)


@blueprint.route("/accounts/<int:account_id>", methods=["GET", "POST"])
@needs(Permission.ALLOCATE)
def account(account_id: int) -> Response:
    """Name an account, or close it."""
    with pages.read_view() as view:
        found = view.session.get(storage.BankAccount, account_id) if account_id < 2**63 else None
        statements = storage.load_statements(view.session, 50, account_id) if found else []
    if found is None:
        raise NotFound("bank_account", account_id)
    form = AccountForm()
    context: dict[str, Any] = {"form": form, "account": found, "statements": statements}
    if not form.is_submitted():
        form.name.data, form.closed.data, form.version.data = found.name, found.closed_on is not None, str(found.version)
        return pages.render("bank/account.html", **context)
    told = form.version.data or ""
    version = int(told) if told.isascii() and told.isdigit() and len(told) < 10 else -1
    if not form.validate():
        return pages.render("bank/account.html", 422, **context)
    try:
        pages.write(lambda work: services.change_account(work, account_id, form.name.data or "", bool(form.closed.data), version))
    except Refusal as refusal:
        form.blame(refusal)
        return pages.render("bank/account.html", 409 if refusal.code == "changed_meanwhile" else 422, **context)
    flash(i18n.gettext("The account is changed."))
    return pages.go("bank.index")
