"""Reminders: who is to be contacted, who was, who is held back and why; a look ahead, and the daily round by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from flask import Blueprint, Response, flash, request
from wtforms import StringField, validators

from collect import contact_words, i18n, sentences
from collect.domain.errors import Refusal
from collect.reports import reminders as reports
from collect.reports.options import parse_day
from collect.services import day as rounds
from collect.services import dunning
from collect.web import pages
from collect.web.pages import FilterForm, PageForm, Permission, needs
from collect.web.words import MESSAGE_STATES

blueprint = Blueprint("reminders", __name__, url_prefix="/reminders")
SHOWN = ("planned", "made", "held", "ended")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class RunForm(PageForm):
    """The daily round by hand."""


class PostForm(PageForm):
    """A letter went out: the number of the posting proves it."""

    proof = StringField(i18n.lazy("Number of the posting"), [validators.Length(max=100)])


class PreviewForm(FilterForm):
    """The date to look at."""

    as_of = StringField(i18n.lazy("As of"))


@blueprint.get("")
@needs(Permission.READ_LEDGER)
def index() -> Response:
    """Contacts planned, made, or ended, and who is held back."""
    return _page()


@blueprint.post("/run")
@needs(Permission.SEND)
def run() -> Response:
    """Do today's round: judge promises, remind, propose escalations."""
    return _run(False)


@blueprint.post("/run-all")
@needs(Permission.DECIDE)
def run_all() -> Response:
    """A manager lets today's round go on although it contacts more customers than the policy's share (the runaway guard)."""
    return _run(True)


def _run(allow_many: bool) -> Response:
    form = RunForm()
    with pages.read_view() as view:
        today = view.today
    try:
        result = rounds.run(pages.runtime(), pages.actor(), today, allow_many)
    except Refusal as refusal:
        form.blame(refusal)
        return _page(422, form)
    told = i18n.gettext(
        "The round of {day} is done: {planned} customers to contact, {held} held back, {proposals} proposals.",
        day=today.isoformat(),
        planned=result.reminders.get("planned", 0),
        held=result.reminders.get("held", 0),
        proposals=result.proposals,
    )
    flash(told)
    return pages.go("reminders.index")


@blueprint.get("/preview")
@needs(Permission.SEND)
def preview() -> Response:
    """What the round of any day would decide, for every customer; nothing is written."""
    form = PreviewForm(request.args)
    size = pages.page_size()
    sentence = ""
    with pages.read_view() as view:
        try:
            as_of = parse_day(form.as_of.data, "as_of") if form.as_of.data else view.today
        except Refusal as refusal:
            as_of, sentence = view.today, sentences.say(refusal)
    told = dunning.remind(pages.runtime(), pages.actor(), as_of, preview=True)
    counts = {name: len({one.customer_no for one in told if one.decision == name}) for name in contact_words.DECISIONS}
    wanted = request.args.get("decision", "")
    if wanted in contact_words.DECISIONS:
        told = [one for one in told if one.decision == wanted]
    after = request.args.get("after", "")
    begin = next((at for at, one in enumerate(told) if f"{one.customer_no}.{one.currency}" == after), -1) + 1
    page = pages.page_of(told[begin : begin + size + 1], size, lambda one: f"{one.customer_no}.{one.currency}", begin == 0)
    form.as_of.data = as_of.isoformat()
    return pages.render("reminders/preview.html", 422 if sentence else 200, form=form, sentence=sentence, as_of=as_of, page=page, counts=counts, wanted=wanted, words=contact_words)


@blueprint.get("/<int:number>")
@needs(Permission.READ_LEDGER)
def show(number: int) -> Response:
    """One contact: what it asks for, and the message as it would go out now."""
    return _contact(number)


@blueprint.post("/<int:number>/posted")
@needs(Permission.LOG_CONTACT)
def posted(number: int) -> Response:
    """A planned letter went out by post or courier."""
    form = PostForm()
    try:
        if not form.validate():
            return _contact(number, 422, form)
        pages.write(lambda work: dunning.post_letter(work, number, form.proof.data or ""))
    except Refusal as refusal:
        form.blame(refusal)
        return _contact(number, 422, form)
    flash(i18n.gettext("The letter is on record as posted."))
    return pages.go("reminders.show", number=number)


def _contact(number: int, status: int = 200, form: PostForm | None = None) -> Response:
    with pages.read_view() as view:
        contact, lines, notice = reports.contact(view, view.actor.scope, number)
        written = dunning.written(view, notice)
    open_letter = notice.channel == "letter" and notice.state == "planned" and pages.may(Permission.LOG_CONTACT)
    post_form = (form or PostForm(formdata=None)) if open_letter or form else None
    return pages.render(
        "reminders/show.html", status, contact=contact, lines=lines, notice=notice, written=written, post_form=post_form, words=contact_words, sending=MESSAGE_STATES
    )


@blueprint.get("/customers/<number:number>")
@needs(Permission.READ_LEDGER)
def history(number: str) -> Response:
    """Why a customer was, or was not, asked on any day."""
    with pages.read_view() as view:
        customer, decided = reports.decisions(view, view.actor.scope, number)
        kept = {"number": customer.customer_no, "name": customer.name}
    return pages.render("reminders/history.html", customer=kept, decided=decided, words=contact_words)


def _page(status: int = 200, form: RunForm | None = None) -> Response:
    shown = request.args.get("show", "planned")
    shown = shown if shown in SHOWN else "planned"
    size = pages.page_size()
    after = request.args.get("after", "")
    with pages.read_view() as view:
        scope = view.actor.scope
        latest = reports.last_round(view)
        last_day = latest.day if latest else None
        if shown == "held":
            held = reports.held_back(view, scope, after, size + 1)
            page: pages.Page[object] = pages.page_of(held, size, lambda row: row.customer_no, not after)  # type: ignore[attr-defined]
        else:
            key = _key(after)
            found = reports.contacts(view, scope, shown, key, size + 1)
            page = pages.page_of(found, size, lambda row: f"{(row.slot - _EPOCH) // timedelta(microseconds=1)}.{row.id}", key is None)  # type: ignore[attr-defined]
        context = {"today": view.today, "last_day": last_day}
    return pages.render("reminders/index.html", status, page=page, shown=shown, refused=form, words=contact_words, sending=MESSAGE_STATES, **context)


def _key(text: str) -> tuple[datetime, int] | None:
    """A place in the list as it stands in the address; anything else begins at the top."""
    at, _, key = text.partition(".")
    if not (at.isascii() and at.isdigit() and len(at) < 19 and key.isascii() and key.isdigit() and len(key) < 19):
        return None
    try:
        return _EPOCH + timedelta(microseconds=int(at)), int(key)
    except OverflowError:
        return None
