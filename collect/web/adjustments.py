"""Adjustments: what somebody asks to be taken off a debt or paid back, the list of tails, and their decisions (S12, S29, P18)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, flash, request, url_for
from wtforms import HiddenField, SelectField, StringField, TextAreaField, validators

from collect import i18n
from collect.domain import adjustments as domain
from collect.domain import money
from collect.domain.errors import NotFound, Refusal
from collect.reports import adjustments as reports
from collect.reports import document
from collect.runtime import Work
from collect.services import adjustments as services
from collect.services.adjustments import Ask
from collect.storage.cash import find_credit
from collect.storage.receivables import find_items
from collect.web import files, numbers, pages, words
from collect.web.aging import document_address
from collect.web.pages import PageForm, Permission, needs

blueprint = Blueprint("adjustments", __name__)
blueprint.record_once(numbers.register)

SHOWN = 200
LATELY = 30
MOST_OUT = 50_000
TONES = {"open": "warn", "approved": "good", "refused": "bad", "withdrawn": "quiet", "reversed": "quiet", "expired": "quiet"}
VERDICTS = ("approve", "refuse", "reverse")


class DecideForm(PageForm):
    """A decision about the request that was on the page."""

    verdict = HiddenField()
    version = HiddenField()
    note = TextAreaField(i18n.lazy("Note"), [validators.Length(max=domain.LONGEST_NOTE)])


class TailsForm(PageForm):
    """Which tails go, and why."""

    reason = StringField(i18n.lazy("Reason"), [validators.InputRequired(), validators.Length(max=domain.LONGEST_NOTE)])


class AskForm(PageForm):
    """What is asked for of an invoice."""

    what = SelectField(i18n.lazy("What is asked for"), choices=[], validate_choice=False)
    amount = StringField(i18n.lazy("Amount"), [validators.InputRequired(), validators.Length(max=40)])
    note = TextAreaField(i18n.lazy("Reason"), [validators.InputRequired(), validators.Length(max=domain.LONGEST_NOTE)])
    document = StringField(i18n.lazy("Document no."), [validators.Length(max=64)])
    other_no = StringField(i18n.lazy("Customer who takes it over"), [validators.Length(max=64)])


class RefundForm(PageForm):
    """How much of a receipt or credit is to be paid back."""

    what = SelectField(i18n.lazy("Because of"), choices=[], validate_choice=False)
    amount = StringField(i18n.lazy("Amount"), [validators.InputRequired(), validators.Length(max=40)])
    note = TextAreaField(i18n.lazy("Reason"), [validators.InputRequired(), validators.Length(max=domain.LONGEST_NOTE)])


def wanted(kinds: tuple[str, ...]) -> dict[str, str]:
    """What may be asked for, as the choices of a form: `kind:reason` to its words."""
    found = {}
    for kind in kinds:
        for reason in domain.REASONS[kind]:
            label = i18n.gettext("{what}: {reason}", what=words.said(words.ADJUSTMENTS, kind), reason=words.said(words.ADJUSTMENT_REASONS, reason))
            found[f"{kind}:{reason}"] = label
    return found


@blueprint.get("/adjustments")
@needs(Permission.READ_LEDGER)
def index() -> Response:
    """What waits for a decision, the tails, and what was decided lately; the requests as a file."""
    if wanted := request.args.get("format", ""):
        with pages.read_view() as view:
            return files.of_table(view, reports.as_table(view, view.actor.scope, _said, MOST_OUT), wanted, f"adjustments-{view.today.isoformat()}")
    return _index()


def _said(row: reports.Request) -> tuple[str, str]:
    """What is asked for, and how it stands, in the reader's words."""
    what = i18n.gettext("{what}: {reason}", what=words.said(words.ADJUSTMENTS, row.kind), reason=words.said(words.ADJUSTMENT_REASONS, row.reason))
    return what, words.said(words.ADJUSTMENT_STATES, row.state)


@blueprint.post("/adjustments/tails")
@needs(Permission.DECIDE)
def tails() -> Response:
    """Write the chosen tails off, for a reason."""
    form = TailsForm()
    chosen = [int(key) for key in request.form.getlist("item") if key.isascii() and key.isdigit() and len(key) < 19]
    if not form.validate():
        return _index(422, form, chosen)
    try:
        done = pages.write(lambda work: services.write_off_tails(work, chosen, form.reason.data or ""))
    except Refusal as refusal:
        form.blame(refusal)
        return _index(409 if refusal.code == "tail_gone" else 422, form, chosen)
    flash(i18n.gettext("Written off: {count}", count=done))
    return pages.go("adjustments.index")


@blueprint.get("/adjustments/<int:key>")
@needs(Permission.READ_LEDGER)
def show(key: int) -> Response:
    """One request, and the forms that decide it."""
    return _page(key)


@blueprint.post("/adjustments/<int:key>")
@needs(Permission.DECIDE)
def decide(key: int) -> Response:
    """Approve or refuse what waits, reverse what was approved; the decision binds to what was on the page."""
    form = DecideForm()
    verdict, note = form.verdict.data or "", form.note.data or ""
    if verdict not in VERDICTS or not form.validate():
        return _page(key, 422, form)
    act = {"approve": services.approve, "refuse": services.refuse, "reverse": services.reverse}[verdict]
    return _settle(key, form, lambda work: act(work, key, _version(form), note).state)


@blueprint.post("/adjustments/<int:key>/withdraw")
@needs(Permission.PROPOSE)
def withdraw(key: int) -> Response:
    """Take one's own request back."""
    form = DecideForm()
    if not form.validate():
        return _page(key, 422, form)
    return _settle(key, form, lambda work: services.withdraw(work, key, _version(form)).state)


def _version(form: DecideForm) -> int:
    text = form.version.data or ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _settle(key: int, form: DecideForm, act: Callable[[Work], str]) -> Response:
    """Do what was decided, and say what became of the request."""
    try:
        state = pages.write(act)
    except Refusal as refusal:
        refusal.field = "note" if refusal.field in ("note", "reason") else None
        form.blame(refusal)
        return _page(key, 409 if refusal.code in ("adjustment_decided", "adjustment_expired", "changed_meanwhile") else 422, form)
    told = {
        "open": i18n.gettext("Approved by the first of two; another manager has to agree."),
        "approved": i18n.gettext("Approved; it is in the books."),
        "refused": i18n.gettext("Refused."),
        "withdrawn": i18n.gettext("Withdrawn."),
        "reversed": i18n.gettext("Reversed; what it settled is open again."),
    }
    flash(told[state])
    return pages.go("adjustments.show", key=key) if state in ("open", "reversed") else pages.go("adjustments.index")


@blueprint.route("/invoices/<number:number>/ask", methods=["GET", "POST"])
@needs(Permission.PROPOSE)
def ask(number: str) -> Response:
    """Ask for a write-off, a credit or a set-off of an invoice."""
    form = AskForm()
    form.what.choices = pages.choices(wanted((domain.CREDIT, domain.WRITE_OFF, domain.SET_OFF)))
    with pages.read_view() as view:
        invoice = document.invoice(view, view.actor.scope, number)
    context: dict[str, Any] = {"form": form, "invoice": invoice}
    if not form.is_submitted():
        form.amount.data = money.plain(invoice.open, invoice.currency) if invoice.open else ""
        return pages.render("adjustments/ask.html", **context)
    if not form.validate():
        return pages.render("adjustments/ask.html", 422, **context)

    def act(work: Work) -> int:
        items = find_items(work.session, work.actor.scope, number)
        minor = money.parse(form.amount.data or "", invoice.currency)
        if minor <= 0:
            raise Refusal("nothing_asked", "amount")
        parts, left = [], minor
        for item in items:
            part = min(left, item.open_minor)
            if part:
                parts.append((item.id, part))
                left -= part
        if left:
            rest = money.plain(minor - left, invoice.currency)
            raise Refusal("adjustment_beyond_open", "amount", number=number, value=money.plain(minor, invoice.currency), rest=rest, currency=invoice.currency)
        kind, _, reason = (form.what.data or "").partition(":")
        told = Ask(kind, tuple(parts), reason, form.note.data or "", money.fold(form.document.data or ""), money.fold(form.other_no.data or ""))
        return services.request(work, invoice.customer.number, told).id

    return _asked(form, act, "adjustments/ask.html", context)


@blueprint.route("/receipts/<number:number>/refund", methods=["GET", "POST"], defaults={"kind": "receipt"})
@blueprint.route("/credits/<number:number>/refund", methods=["GET", "POST"], defaults={"kind": "credit_note"})
@needs(Permission.PROPOSE)
def refund(kind: str, number: str) -> Response:
    """Ask for money to be paid back out of what is left of a receipt or credit note."""
    form = RefundForm()
    form.what.choices = pages.choices(wanted((domain.REFUND,)))
    with pages.read_view() as view:
        credit = document.credit(view, view.actor.scope, kind, number)
    context: dict[str, Any] = {"form": form, "credit": credit, "words": words}
    if not form.is_submitted():
        form.amount.data = money.plain(credit.open + credit.prepaid, credit.currency)
        return pages.render("adjustments/refund.html", **context)
    if not form.validate():
        return pages.render("adjustments/refund.html", 422, **context)

    def act(work: Work) -> int:
        row = find_credit(work.session, work.actor.scope, kind, number)
        if row is None:
            raise NotFound(kind, number)
        minor = money.parse(form.amount.data or "", credit.currency)
        reason = (form.what.data or "").partition(":")[2]
        return services.request(work, credit.customer.number, Ask(domain.REFUND, ((row.id, minor),), reason, form.note.data or "")).id

    return _asked(form, act, "adjustments/refund.html", context)


def _asked(form: PageForm, act: Any, template: str, context: dict[str, Any]) -> Response:
    """Store a request, or show its form again with what is wrong."""
    try:
        key = pages.write(act)
    except Refusal as refusal:
        refusal.field = {"reason": "what", "kind": "what"}.get(refusal.field or "", refusal.field)
        form.blame(refusal)
        return pages.render(template, 422, **context)
    flash(i18n.gettext("Asked for; somebody else decides it."))
    return pages.go("adjustments.show", key=key)


def _index(status: int = 200, refused: TailsForm | None = None, chosen: list[int] | None = None) -> Response:
    with pages.read_view() as view:
        scope = view.actor.scope
        context: dict[str, Any] = {
            "waiting": reports.requests(view, scope, True, SHOWN),
            "decided": reports.requests(view, scope, False, LATELY),
            "tails": reports.tails(view, scope, services.MOST_TAILS),
            "limits": domain.parse_limits(view.settings.tail_limits),
        }
        may = view.actor.may(Permission.DECIDE)
    form = (refused or TailsForm(formdata=None)) if may and (context["tails"] or refused) else None
    return pages.render("adjustments/index.html", status, form=form, chosen=set(chosen or ()), words=words, tones=TONES, **context)


def _page(key: int, status: int = 200, refused: DecideForm | None = None) -> Response:
    """A request with the decisions that are open to the visitor."""
    with pages.read_view() as view:
        row = reports.request(view, view.actor.scope, key)
        decides = view.actor.may(Permission.DECIDE)
        proposes = view.actor.may(Permission.PROPOSE)
    verdicts = []
    if row.state == "open" and decides and not row.own and not row.mine_first:
        verdicts = ["approve", "refuse"]
    elif row.state == "open" and proposes and row.own:
        verdicts = ["withdraw"]
    elif row.state == "approved" and decides:
        verdicts = ["reverse"]
    form = refused or DecideForm(formdata=None)
    form.version.data = str(row.version)
    posted = document_address(*row.posted) if row.posted else url_for("adjustments.index")
    return pages.render("adjustments/show.html", status, row=row, form=form, verdicts=verdicts, words=words, tones=TONES, document_address=document_address, posted=posted)
