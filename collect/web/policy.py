"""The policy: what is in force in words, its versions with their differences, a new draft, and the second person's decision (S24, S29)."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import Blueprint, Response, flash, request
from flask_wtf.file import FileField  # type: ignore[import-untyped]
from wtforms import StringField, TextAreaField, validators
from wtforms.widgets import DateInput, HiddenInput

from collect import contact_words, i18n
from collect.domain.errors import Refusal
from collect.domain.policy import Policy, Rung, Segment
from collect.reports.options import parse_day
from collect.services import policy as services
from collect.services.policy import Version
from collect.web import pages
from collect.web.pages import PageForm, Permission, needs

blueprint = Blueprint("policy", __name__, url_prefix="/policy")

SEGMENTS = {
    "other": i18n.mark("Other customers"),
    "dealer": i18n.mark("Dealers"),
    "hospital": i18n.mark("Public hospitals"),
    "cash": i18n.mark("Cash terms"),
}
RUNGS = {
    Rung.STOP_CREDIT: i18n.mark("Stop new credit"),
    Rung.STOP_SUPPLY: i18n.mark("Stop supply"),
    Rung.FINAL_DEMAND: i18n.mark("Final demand"),
    Rung.REFERRAL: i18n.mark("Legal referral"),
}
STATES = {
    "waiting": i18n.mark("waiting"),
    "refused": i18n.mark("refused"),
    "coming": i18n.mark("approved, not yet in force"),
    "in_force": i18n.mark("in force"),
    "past": i18n.mark("replaced"),
}
TONES = {"waiting": "warn", "refused": "bad", "coming": "quiet", "in_force": "good", "past": "quiet"}


class DraftForm(PageForm):
    """A new version: its text or a file that holds it, and the first day on which it shall hold."""

    text = TextAreaField(i18n.lazy("Text of the policy"))
    file = FileField(i18n.lazy("Or a file"))
    effective = StringField(i18n.lazy("In force from"), [validators.Length(max=10)], widget=DateInput())


class DecisionForm(PageForm):
    """The second person's decision, bound to the text that was on the page."""

    content_hash = StringField(widget=HiddenInput())
    reason = TextAreaField(i18n.lazy("Reason"), [validators.Length(max=400)])


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a segment's ladder, courtesy step or formal rung: `days` past due (None: never by age alone)."""

    days: int | None
    label: str
    channel: str
    formal: bool


@dataclass(frozen=True, slots=True)
class Change:
    """One line of the differences between two texts: `sign` is +, -, @ (a new place) or a space."""

    sign: str
    text: str


@blueprint.get("")
@needs(Permission.READ_POLICY)
def index() -> Response:
    """The policy in force, readable, and every version."""
    with pages.read_view() as view:
        versions = services.versions(view.session, view.today)
        text = services.text_in_force(view.session, view.seller, view.today)
    current = next((version for version in versions if version.state == "in_force"), None) or (versions[-1] if versions else None)
    waiting = [version for version in versions if version.state == "waiting"]
    return pages.render("policy/index.html", version=current, versions=versions, waiting=waiting, **_readable(text))


@blueprint.route("/new", methods=["GET", "POST"])
@needs(Permission.EDIT_POLICY)
def new() -> Response:
    """Write or upload a draft, have it checked, and hand it in."""
    form = DraftForm()
    if not form.is_submitted():
        with pages.read_view() as view:
            form.text.data = services.text_in_force(view.session, view.seller, view.today)
        return pages.render("policy/new.html", form=form, sound=False)
    if not form.validate():
        return pages.render("policy/new.html", 422, form=form, sound=False)
    try:
        form.text.data = text = _text_of(form)
        found = services.check(text)
        for refusal in found:
            form.blame(refusal)
        day = (form.effective.data or "").strip()
        effective = parse_day(day, "effective") if day else None
        if found:
            return pages.render("policy/new.html", 422, form=form, sound=False)
        if request.form.get("act") == "check":
            return pages.render("policy/new.html", form=form, sound=True)
        number = pages.write(lambda work: services.publish(work, text, effective))
    except Refusal as refusal:
        form.blame(refusal)
        return pages.render("policy/new.html", 422, form=form, sound=False)
    flash(i18n.gettext("Version {number} is handed in; another manager has to approve it.", number=number))
    return pages.go("policy.show", version=number)


@blueprint.get("/<int:version>")
@needs(Permission.READ_POLICY)
def show(version: int) -> Response:
    """One version: what became of it, what it changes, what it says."""
    return _show(version, DecisionForm(formdata=None))


@blueprint.post("/<int:version>/decide")
@needs(Permission.EDIT_POLICY)
def decide(version: int) -> Response:
    """Approve or refuse a version that waits."""
    form = DecisionForm()
    verdict = request.form.get("verdict")
    if not form.validate():
        return _show(version, form, 422)
    try:
        if verdict not in ("approve", "refuse"):
            raise Refusal("not_a_choice", None, value=verdict or "", allowed="approve, refuse")
        pages.write(lambda work: services.decide(work, version, verdict == "approve", form.content_hash.data or "", form.reason.data))
    except Refusal as refusal:
        form.blame(refusal)
        return _show(version, form, 409 if refusal.code in ("changed_meanwhile", "policy_decided", "policy_overtaken") else 422)
    if verdict == "approve":
        flash(i18n.gettext("Version {number} is approved.", number=version))
    else:
        flash(i18n.gettext("Version {number} is refused; the policy in force stays.", number=version))
    return pages.go("policy.show", version=version)


def _show(number: int, form: DecisionForm, status: int = 200) -> Response:
    """A version's page, with a decision that was refused in the place of an empty one."""
    with pages.read_view() as view:
        versions = services.versions(view.session, view.today)
        version = services.version(view.session, number, view.today)
    other = _compared(version, versions)
    form.content_hash.data = version.content_hash
    return pages.render(
        "policy/show.html",
        status,
        version=version,
        other=other,
        changes=differences(other.text, version.text) if other else [],
        form=form if version.state == "waiting" and pages.may(Permission.EDIT_POLICY) else None,
        refused=[] if version.state == "waiting" else form.form_errors,
        own=version.requester_id is not None and version.requester_id == pages.user().id,
        **_readable(version.text),
    )


def _compared(version: Version, versions: Sequence[Version]) -> Version | None:
    """What a version is held against: the one in force, or for one that has been in force itself, the approved one before it."""
    if version.state in ("waiting", "refused", "coming"):
        return next((other for other in versions if other.state == "in_force"), None)
    return next((other for other in versions if other.number < version.number and other.state in ("in_force", "past")), None)


def _text_of(form: DraftForm) -> str:
    """The draft: what was uploaded, else what was typed; Refusal `policy_not_text` for a file that is no text."""
    upload = form.file.data
    if upload and upload.filename:
        return services.text_of(upload.read(services.MOST_CHARACTERS * 4), upload.filename[-100:])
    return form.text.data or ""


def differences(before: str, after: str) -> list[Change]:
    """The lines that two texts do not share, each place with two lines around it."""
    lines = list(difflib.unified_diff(before.splitlines(), after.splitlines(), n=2, lineterm=""))[2:]
    return [Change(line[0], "" if line[0] == "@" else line[1:]) for line in lines]


def _readable(text: str) -> dict[str, Any]:
    """What the templates need to say a policy in words; `policy` is None for a text that this program cannot read."""
    policy = services.parsed(text)
    return {
        "policy": policy,
        "text": text,
        "ladders": [(name, segment, ladder(segment)) for name, segment in _ordered(policy)] if policy else [],
        "weekdays": [i18n.weekday(date(2024, 1, 1 + day)) for day in sorted(policy.contact.weekdays)] if policy else [],
        "segment_words": SEGMENTS,
        "state_words": STATES,
        "tones": TONES,
    }


def _ordered(policy: Policy) -> list[tuple[str, Segment]]:
    """The segments in the order of the file, those for everybody else last."""
    return sorted(policy.segments.items(), key=lambda named: named[0] == "other")


def ladder(segment: Segment) -> list[Line]:
    """Courtesy steps and formal rungs of a segment as one list by days; what age alone never proposes stands last."""
    lines = [Line(step.days, contact_words.CONTACT_STEPS.get(step.code, step.code), contact_words.CHANNELS[step.channel.value], False) for step in segment.steps]
    lines += [Line(days, RUNGS[rung], "", True) for rung, days in segment.ladder.items()]
    lines.sort(key=lambda line: (line.days or 0, line.formal))
    return lines + [Line(None, RUNGS[rung], "", True) for rung in Rung if rung in segment.legal_review]
