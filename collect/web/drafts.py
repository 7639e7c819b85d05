"""E-invoices that wait: taking one in, saying whose it is, and putting it into the books."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, flash, request
from flask_wtf.file import FileField  # type: ignore[import-untyped]
from wtforms import HiddenField, StringField, validators
from wtforms.widgets import DateInput

from collect import i18n, sentences
from collect.domain import money
from collect.domain.errors import NotFound, Refusal
from collect.reports import drafts as reports
from collect.reports import options
from collect.runtime import View
from collect.services import drafts as services
from collect.storage import drafts as storage
from collect.storage.customers import load_customers
from collect.web import files, numbers, pages
from collect.web.pages import PageForm, Permission, needs

blueprint = Blueprint("drafts", __name__, url_prefix="/drafts")

STATES = {"waiting": i18n.mark("Waiting"), "posted": i18n.mark("In the books"), "discarded": i18n.mark("Put aside")}
KINDS = {"invoice": i18n.mark("Invoice"), "credit_note": i18n.mark("Credit note")}
FORMS = {"ubl": "UBL", "cii": "CII", "pdf": "Factur-X / ZUGFeRD PDF", "ofd": "OFD"}
_MOST_FILES = 100


class UploadForm(PageForm):
    """One or more e-invoices."""

    file = FileField(i18n.lazy("File"))


class PostForm(PageForm):
    """Whose e-invoice it is, and when it falls due where it does not say."""

    version = HiddenField()
    customer = StringField(i18n.lazy("Customer no."), [validators.Length(max=64)])
    due = StringField(i18n.lazy("Due date"), widget=DateInput())
    terms = StringField(i18n.lazy("Terms"), [validators.Length(max=64)])
    reason = StringField(i18n.lazy("Reason"), [validators.Length(max=200)])


@blueprint.get("")
@needs(Permission.IMPORT)
def index() -> Response:
    """The drafts in a state, the last taken in first."""
    state = request.args.get("state", "waiting")
    state = state if state in STATES else "waiting"
    size, after = pages.page_size(), request.args.get("after", "")
    with pages.read_view() as view:
        if wanted := request.args.get("format", ""):
            table = reports.as_table(view, view.actor.scope, state, {kind: i18n.gettext(label) for kind, label in KINDS.items()})
            return files.of_table(view, table, wanted, f"drafts-{state}-{view.today.isoformat()}")
        found = storage.load_drafts(view.session, view.actor.scope, state, numbers.row_id(after) if after else None, size + 1)
        counts = storage.count_drafts(view.session, view.actor.scope)
        foreign = {draft.id for draft, _ in found if _foreign(view.seller.name, draft)}
    page = pages.page_of(found, size, lambda row: str(row[0].id), not after)
    return pages.render("drafts/index.html", page=page, state=state, states=STATES, kinds=KINDS, counts=counts, foreign=foreign)


def _foreign(ours: str, draft: storage.Draft) -> str:
    """The sentence that tells why the seller of a waiting draft may not be us; empty where he is."""
    reason = services.foreign_seller(ours, pages.runtime().settings.own_tax_nos, draft.fields) if draft.state == "waiting" else None
    return sentences.say(reason) if reason else ""


@blueprint.route("/upload", methods=["GET", "POST"])
@needs(Permission.IMPORT)
def upload() -> Response:
    """Take e-invoices in; each is a draft or is refused with its reason."""
    form = UploadForm()
    if not form.is_submitted():
        return pages.render("drafts/upload.html", form=form, results=[])
    sent = [file for file in request.files.getlist("file") if file and file.filename]
    if not form.validate() or not sent:
        form.file.errors = [i18n.gettext("Choose a file.")]
        return pages.render("drafts/upload.html", 422, form=form, results=[])
    results: list[tuple[str, services.Taken | None, str]] = []
    for file in sent[:_MOST_FILES]:
        name = str(file.filename).replace("\\", "/").rsplit("/", 1)[-1][-255:]
        with tempfile.NamedTemporaryFile(prefix="collect-einvoice-") as kept:
            file.save(kept)
            kept.flush()
            try:
                results.append((name, services.take_in(pages.runtime(), pages.actor(), Path(kept.name), name), ""))
            except Refusal as refusal:
                results.append((name, None, sentences.say(refusal)))
    if len(results) == 1 and results[0][1] is not None:
        return pages.go("drafts.show", draft_id=results[0][1].draft_id)
    return pages.render("drafts/upload.html", 422 if all(taken is None for _, taken, _ in results) else 200, form=form, results=results)


@blueprint.route("/<int:draft_id>", methods=["GET", "POST"])
@needs(Permission.IMPORT)
def show(draft_id: int) -> Response:
    """One draft: what was read, whom it may be for, and what it still needs."""
    with pages.read_view() as view:
        draft = storage.find_draft(view.session, view.actor.scope, draft_id) if draft_id < 2**63 else None
        ours = view.seller.name
        customer = load_customers(view.session, view.actor.scope, [draft.customer_id]).get(draft.customer_id) if draft and draft.customer_id else None
        proposals = _proposals(view, draft) if draft and draft.state == "waiting" and not customer else []
    if draft is None:
        raise NotFound("draft", draft_id)
    form = PostForm()
    context: dict[str, Any] = {"draft": draft, "customer": customer, "form": form, "states": STATES, "kinds": KINDS, "forms": FORMS, "proposals": proposals}
    net = draft.fields.get("net")
    context["net"] = money.parse(str(net), draft.currency) if net else None
    context["foreign"] = _foreign(ours, draft)
    context["rounding"] = services.rounding_of(draft)
    if not form.is_submitted():
        form.version.data = str(draft.version)
        form.customer.data = customer.customer_no if customer else ""
        return pages.render("drafts/show.html", **context)
    if not form.validate():
        return pages.render("drafts/show.html", 422, **context)
    told = form.version.data or ""
    version = int(told) if told.isascii() and told.isdigit() and len(told) < 10 else -1
    try:
        return _act(draft_id, version, form, customer.customer_no if customer else "")
    except Refusal as refusal:
        form.blame(refusal)
        return pages.render("drafts/show.html", 409 if refusal.code == "changed_meanwhile" else 422, **context)


def _proposals(view: View, draft: storage.Draft) -> list[services.Proposal]:
    """Whom the buyer may be, with the evidence."""
    buyer = draft.fields.get("buyer") or {}
    return services.propose(view, str(buyer.get("name") or ""), buyer.get("tax_nos") or [], str(buyer.get("country") or ""))


def _act(draft_id: int, version: int, form: PostForm, known: str) -> Response:
    """What the button says: put aside, say whose it is, make the customer, or put into the books."""
    act, wanted = request.form.get("act", "post"), money.fold(form.customer.data or "").strip()
    if act == "discard":
        pages.write(lambda work: services.discard(work, draft_id, form.reason.data or "", version))
        flash(i18n.gettext("The e-invoice is put aside."))
        return pages.go("drafts.index")
    if chosen := request.form.get("choose", ""):
        pages.write(lambda work: services.assign(work, draft_id, chosen[:64], version))
        flash(i18n.gettext("The e-invoice is for customer {number}.", number=chosen[:64]))
        return pages.go("drafts.show", draft_id=draft_id)
    terms = (form.terms.data or "").strip() or None
    if act == "create":
        pages.write(lambda work: services.create_customer(work, draft_id, wanted, terms, version))
        flash(i18n.gettext("Customer {number} is made.", number=wanted))
        return pages.go("drafts.show", draft_id=draft_id)
    due = options.parse_day(text, "due") if (text := (form.due.data or "").strip()) else None

    def post(work: Any) -> str:
        at = version
        if wanted and wanted != known:
            services.assign(work, draft_id, wanted, at)
            work.session.flush()
            at += 1
        return services.post(work, draft_id, at, due, terms)

    number = pages.write(post)
    flash(i18n.gettext("{number} is in the books.", number=number))
    return pages.go("drafts.index")
