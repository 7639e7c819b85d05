"""Decisions: proposals that wait, the whole case of one on one screen, deciding it, and proposing by hand (S24, S25, S29, P22-P24)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any

from flask import Blueprint, Response, flash, request, url_for
from wtforms import BooleanField, HiddenField, SelectField, StringField, TextAreaField, validators
from wtforms.widgets import DateInput

from collect import i18n, sentences
from collect.domain.errors import NotFound, Refusal
from collect.domain.policy import HOLDS
from collect.reports import adjustments
from collect.reports import cases as case_reports
from collect.reports import customer as customers
from collect.reports import escalations as reports
from collect.reports.options import parse_day
from collect.runtime import View
from collect.services import escalation, policy
from collect.services.setup import default_buckets
from collect.storage.escalations import find_proposal
from collect.storage.policy import load_versions
from collect.web import bars, cases, numbers, pages, words
from collect.web.pages import PageForm, Permission, needs

blueprint = Blueprint("decisions", __name__)
blueprint.record_once(numbers.register)
blueprint.record_once(lambda state: state.app.jinja_env.globals.update(escalation_words=reports))

SHOWN = 200
LATELY = 20
UNANSWERED = 5
"""Business days after which a dispute that nobody answered comes before the manager (S24)."""
TONES = {"open": "warn", "deferred": "quiet", "approved": "good", "refused": "bad", "withdrawn": "quiet", "expired": "quiet"}
GRAVE = frozenset({"final_demand", "referral"})
"""Steps that cannot be taken back once they are out: approved only by somebody who says that he read the case."""
LEVELS = {1: i18n.mark("new"), 2: i18n.mark("undecided for days"), 3: i18n.mark("undecided for too long")}
EFFECTS = {
    "stop_credit": i18n.mark("The stop is in force at once: sales systems get the answer “no” for new credit. The customer is told by a formal notice."),
    "stop_supply": i18n.mark("The stop is in force at once: sales systems get the answer “no”. The customer is told by a formal notice."),
    "final_demand": i18n.mark("The final demand goes out as a formal notice. A referral can follow only once it is proven sent and its deadline has passed."),
    "referral": i18n.mark("The customer is told by a formal notice that the claim is referred; the file goes to collectors or the law."),
    "release": i18n.mark("The stop ends at once, and every lower one with it. The customer is told."),
}


class ApproveForm(PageForm):
    """The approval of the case that was on the page; `basis` is the ground of a stop, `read` stands only before a grave step."""

    verdict = HiddenField(id="approve-verdict")
    content_hash = HiddenField(id="approve-hash")
    basis = TextAreaField(i18n.lazy("Legal or contractual basis"), [validators.Length(max=400)], id="approve-basis")
    note = TextAreaField(i18n.lazy("Note"), [validators.Length(max=escalation.LONGEST_NOTE)], id="approve-note")
    read = BooleanField(i18n.lazy("I have read the case; this step cannot be taken back once it is out"), id="approve-read")


class RefuseForm(PageForm):
    """The refusal, with its reason."""

    verdict = HiddenField(id="refuse-verdict")
    content_hash = HiddenField(id="refuse-hash")
    note = TextAreaField(i18n.lazy("Reason"), [validators.Length(max=escalation.LONGEST_NOTE)], id="refuse-note")


class DeferForm(PageForm):
    """The deferral, until a day and with its reason."""

    verdict = HiddenField(id="defer-verdict")
    content_hash = HiddenField(id="defer-hash")
    until = StringField(i18n.lazy("Until"), [validators.Length(max=10)], widget=DateInput(), id="defer-until")
    note = TextAreaField(i18n.lazy("Reason"), [validators.Length(max=escalation.LONGEST_NOTE)], id="defer-note")


class ProposeForm(PageForm):
    """What a person asks for, and why."""

    step = SelectField(i18n.lazy("What is to be done"), choices=[], validate_choice=False)
    note = TextAreaField(i18n.lazy("Why"), [validators.Length(max=escalation.LONGEST_NOTE)])


FORMS: dict[str, type[PageForm]] = {"approve": ApproveForm, "refuse": RefuseForm, "defer": DeferForm}


@dataclass(frozen=True, slots=True)
class Waits:
    """Something else that waits for a manager: what, its name in somebody's own words, since when, and where it is decided."""

    label: str
    name: str
    since: date
    address: str


@blueprint.get("/decisions")
@needs(Permission.READ_LEDGER)
def index() -> Response:
    """What waits for a decision, and what was decided lately."""
    with pages.read_view() as view:
        scope = view.actor.scope
        lines = reports.waiting(view, scope, SHOWN)
        context: dict[str, Any] = {
            "waiting": lines,
            "decided": reports.decided(view, scope, LATELY),
            "policies": _policies(view) if view.actor.may(Permission.READ_POLICY) else [],
            "disputes": _disputes(view),
            "adjustments": adjustments.waiting_for(view),
            "today": view.today,
        }
    return pages.render("decisions/index.html", **context, **_words())


@blueprint.get("/decisions/<int:proposal_id>")
@needs(Permission.READ_LEDGER)
def show(proposal_id: int) -> Response:
    """One proposal: the whole case, and the forms that decide it."""
    return _page(proposal_id)


@blueprint.post("/decisions/<int:proposal_id>")
@needs(Permission.DECIDE)
def decide(proposal_id: int) -> Response:
    """Approve, refuse or defer; the decision binds to what was on the page."""
    verdict = request.form.get("verdict", "")
    form = FORMS.get(verdict, ApproveForm)()
    if not form.validate():
        return _page(proposal_id, 422, verdict, form)
    if verdict == "approve" and not form["read"].data and _is_grave(proposal_id):
        form["read"].errors = [i18n.gettext("Say that you have read the case.")]
        return _page(proposal_id, 422, verdict, form)
    data = form.data
    try:
        until = parse_day(data["until"].strip(), "until") if (data.get("until") or "").strip() else None
        act = partial(escalation.decide, proposal_id=proposal_id, verdict=verdict, content_hash=data["content_hash"] or "", note=data["note"] or "", until=until)
        pages.write(partial(act, basis=data.get("basis")))
    except Refusal as refusal:
        refusal.field = refusal.field if refusal.field in ("note", "until", "basis") else None
        form.blame(refusal)
        return _page(proposal_id, 409 if refusal.code in ("proposal_changed", "proposal_decided") else 422, verdict, form)
    told = {"approve": i18n.gettext("Approved; it is in force."), "refuse": i18n.gettext("Refused."), "defer": i18n.gettext("Deferred; it comes back by itself.")}
    flash(told[verdict])
    return pages.go("decisions.index")


@blueprint.route("/customers/<number:number>/propose", methods=["GET", "POST"])
@needs(Permission.PROPOSE)
def propose(number: str) -> Response:
    """Ask for a step, or for the release of a stop, by hand."""
    form = ProposeForm()
    with pages.read_view() as view:
        customer, state = reports.steps_for(view, view.actor.scope, number)
        named = {"number": customer.customer_no, "name": customer.name}
    offered = {code: i18n.lazy(label) for code, label in reports.STEPS.items() if code != "release" or state.stops}
    form.step.choices = pages.choices(offered)
    context: dict[str, Any] = {"customer": named, "state": state, "form": form, **_words()}
    if not form.is_submitted():
        return pages.render("decisions/propose.html", **context)
    if not form.validate():
        return pages.render("decisions/propose.html", 422, **context)
    try:
        proposal_id = pages.write(lambda work: escalation.propose(work, number, form.step.data or "", form.note.data or ""))
    except Refusal as refusal:
        form.blame(refusal)
        return pages.render("decisions/propose.html", 422, **context)
    flash(i18n.gettext("Proposed; somebody else decides it."))
    return pages.go("decisions.show", proposal_id=proposal_id)


def _page(proposal_id: int, status: int = 200, verdict: str = "", refused: PageForm | None = None) -> Response:
    """The case, with a form that was refused in the place of its empty one; every form carries the fingerprint of now."""
    with pages.read_view() as view:
        case = reports.case(view, view.actor.scope, proposal_id)
        figures, sentence = _figures(view, case.line.customer_no)
        open_case = case.line.state in ("open", "deferred")
        context: dict[str, Any] = {
            "case": case,
            "line": case.line,
            "bars": figures,
            "sentence": sentence,
            "file": case_reports.case_file(view, view.actor.scope, case.customer_id, case.line.customer_no, case.line.customer_name),
            "notice": _notice(view, proposal_id) if open_case else None,
            "today": view.today,
        }
        may = open_case and view.actor.may(Permission.DECIDE) and not case.own
    forms: dict[str, PageForm] = {}
    for name, kind in FORMS.items():
        form = refused if refused is not None and name == (verdict or "approve") else kind(formdata=None)
        form["verdict"].data, form["content_hash"].data = name, case.hash
        forms[name] = form
    if case.line.step not in HOLDS:
        del forms["approve"]["basis"]
    if case.line.step not in GRAVE:
        del forms["approve"]["read"]
    errors = refused.form_errors if refused is not None else []
    return pages.render("decisions/show.html", status, **context, forms=forms if may else {}, refused=errors, **_words())


def _is_grave(proposal_id: int) -> bool:
    """Whether the step cannot be taken back; a proposal that is not seen is answered by what decides it."""
    with pages.read_view() as view:
        found = find_proposal(view.session, view.actor.scope, proposal_id)
        return found is not None and found[0].step in GRAVE


def _figures(view: View, number: str) -> tuple[list[bars.Bar], str]:
    """What the customer owes as bars, or the sentence that stands in their place when it does not tie out."""
    buckets = default_buckets(view.settings, view.seller)
    try:
        report = customers.balance(view, view.actor.scope, number, buckets)
    except Refusal as refusal:
        return [], sentences.say(refusal)
    return [bars.bar(row, buckets.names, partial(_items_address, number, row.currency)) for row in report.rows], ""


def _items_address(number: str, currency: str, bucket: str) -> str:
    return url_for("aging.index", by="item", customer=number, currency=currency, bucket=None if bucket == "total" else bucket)


def _notice(view: View, proposal_id: int) -> tuple[str, str] | None:
    """What the customer would be told on approval; nothing where its text cannot be put together."""
    found = find_proposal(view.session, view.actor.scope, proposal_id)
    if found is None:
        raise NotFound("proposal", proposal_id)
    try:
        return escalation.preview_notice(view.session, view.seller, *found, view.today)
    except Refusal:
        return None


def _policies(view: View) -> list[Waits]:
    """Versions of the policy that wait for a second person."""
    waiting = [version for version in load_versions(view.session) if version.state == "waiting"]
    told = [i18n.gettext("Version {number} of the policy", number=one.number) for one in waiting]
    return [Waits(label, one.name, one.effective, url_for("policy.show", version=one.number)) for label, one in zip(told, waiting, strict=True)]


def _disputes(view: View) -> list[Waits]:
    """Disputes that nobody has answered for five business days."""
    calendar = policy.in_force(view.session, view.seller, view.today).calendar(view.seller.country)
    raised = case_reports.dispute_page(view, view.actor.scope, ("raised",), None, SHOWN)
    late = [one for one in raised if calendar.business_days_between(one.raised_on, view.today) >= UNANSWERED]
    label = i18n.gettext("Dispute without an answer")
    address = "cases.answer" if view.actor.may(Permission.ANSWER_DISPUTE) else "cases.disputes"
    return [
        Waits(
            label,
            f"{one.customer_name} · {one.invoice} · {i18n.group(one.amount, one.currency)} {one.currency}",
            one.raised_on,
            url_for(address, dispute_id=one.id if address == "cases.answer" else None),
        )
        for one in late
    ]


def _words() -> dict[str, Any]:
    """What every template here needs to say codes in words."""
    return {"reports": reports, "words": words, "tones": TONES, "levels": LEVELS, "effects": EFFECTS, "promise_tones": cases.TONES}
