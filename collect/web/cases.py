"""What customers say and promise: the form to log a contact in a minute, promises, checks, disputes and marks (P13-P17, P32, S22-S24)."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from flask import Blueprint, Response, flash, request
from wtforms import BooleanField, HiddenField, IntegerField, RadioField, SelectField, StringField, TextAreaField, validators
from wtforms.widgets import DateInput, HiddenInput

from collect import catalogue, i18n, sentences
from collect.domain import money, promises
from collect.domain.errors import NotFound, Refusal
from collect.domain.excuses import Excuse, Rate
from collect.reports import cases as reports
from collect.reports import customer as customers
from collect.reports import options
from collect.reports.cases import CaseFile
from collect.reports.customer import Profile
from collect.services import cases as services
from collect.services.cases import Contact, OwnWord, PromiseDraft
from collect.storage.cases import PromiseWish, bank_through
from collect.web import files, numbers, pages, words
from collect.web.pages import FilterForm, PageForm, Permission, needs

blueprint = Blueprint("cases", __name__)
blueprint.record_once(numbers.register)

KINDS = {"visit": i18n.lazy("Visit"), "call": i18n.lazy("Call"), "message": i18n.lazy("Text or mail"), "note": i18n.lazy("Note")}
OUTCOMES = {"": i18n.lazy("As filled in below"), **{key: i18n.lazy(words.OUTCOMES[key]) for key in services.OUTCOMES if key != "note"}}
STATES = {
    "": i18n.lazy("All"),
    "live": i18n.lazy("Not judged yet"),
    "soon": i18n.lazy("Due in seven days"),
    **{key: i18n.lazy(label) for key, label in words.PROMISE_STATES.items()},
}
TONES = {"open": "quiet", "awaiting_bank": "warn", "kept": "good", "kept_late": "good", "partly_kept": "warn", "broken": "bad", "renegotiated": "warn", "withdrawn": "quiet"}
DISPUTE_TONES = {"raised": "warn", "accepted": "good", "refused": "bad", "settled": "quiet"}
_OPTIONAL = [validators.Length(max=100)]


class LogForm(PageForm):
    """A contact with everything that came of it; facts of excuses are fields of their own, named by excuse and fact."""

    token = HiddenField()
    shown = HiddenField()
    kind = RadioField(i18n.lazy("Kind"), choices=pages.choices(KINDS), validate_choice=False)
    day = StringField(i18n.lazy("Day"), widget=DateInput())
    person = StringField(i18n.lazy("Whom you met"), _OPTIONAL)
    outcome = SelectField(i18n.lazy("What came of it"), choices=pages.choices(OUTCOMES), validate_choice=False)
    due = StringField(i18n.lazy("Pays on"), widget=DateInput())
    amount = StringField(i18n.lazy("Amount"), [validators.Length(max=40)])
    currency = SelectField(i18n.lazy("Currency"), choices=[], validate_choice=False)
    method = SelectField(i18n.lazy("How"), choices=pages.choices({key: i18n.lazy(words.METHODS[key]) for key in promises.METHODS}), validate_choice=False)
    reason = StringField(i18n.lazy("Why less than all of it"), [validators.Length(max=400)])
    replaces = SelectField(i18n.lazy("Instead of the promise"), choices=[], validate_choice=False)
    excuse = RadioField(i18n.lazy("Excuse"), choices=[], validate_choice=False)
    own_title = StringField(i18n.lazy("What we promised to do"), [validators.Length(max=200)])
    own_due = StringField(i18n.lazy("Until when"), widget=DateInput())
    note = TextAreaField(i18n.lazy("Note"), [validators.Length(max=2000)])


class PromiseFilter(FilterForm):
    """Which promises."""

    q = StringField(i18n.lazy("Customer"))
    state = SelectField(i18n.lazy("State"), choices=pages.choices(STATES), validate_choice=False)


class DisputeFilter(FilterForm):
    """Which disputes."""

    state = SelectField(
        i18n.lazy("State"), choices=pages.choices({"": i18n.lazy("All"), **{key: i18n.lazy(label) for key, label in words.DISPUTE_STATES.items()}}), validate_choice=False
    )


class BankForm(PageForm):
    """Finance's word that the bank's data are complete."""

    through = StringField(i18n.lazy("Complete through"), [validators.InputRequired()], widget=DateInput())


class WithdrawForm(PageForm):
    """Why a promise was none."""

    version = IntegerField(widget=HiddenInput())
    reason = TextAreaField(i18n.lazy("Reason"), [validators.InputRequired(), validators.Length(max=400)])


class TaskForm(PageForm):
    """What a check found, or that our word is kept."""

    version = IntegerField(widget=HiddenInput())
    note = TextAreaField(i18n.lazy("Note"), [validators.Length(max=400)])


class DisputeForm(PageForm):
    """What a customer disputes."""

    invoice_no = StringField(i18n.lazy("Invoice"), [validators.InputRequired(), validators.Length(max=64)])
    amount = StringField(i18n.lazy("Disputed amount"), [validators.InputRequired(), validators.Length(max=40)])
    reason = SelectField(i18n.lazy("Reason"), choices=pages.choices({key: i18n.lazy(words.DISPUTE_REASONS[key]) for key in services.DISPUTE_REASONS}), validate_choice=False)
    note = TextAreaField(i18n.lazy("What they say"), [validators.Length(max=2000)])


class AnswerForm(PageForm):
    """What we answer to a dispute."""

    version = IntegerField(widget=HiddenInput())
    note = TextAreaField(i18n.lazy("Reply"), [validators.Length(max=400)])


class StandingForm(PageForm):
    """The marks that bind every decision."""

    do_not_contact = BooleanField(i18n.lazy("Do not contact"))
    insolvent = BooleanField(i18n.lazy("Insolvent"))
    reason = TextAreaField(i18n.lazy("Reason"), [validators.InputRequired(), validators.Length(max=400)])


@dataclass(frozen=True, slots=True)
class FactField:
    """One fact to ask for, as a field: its name, label, kind, whether it is required, what was typed, what is wrong with it."""

    name: str
    label: str
    kind: str
    required: bool
    value: str
    error: str


@dataclass(frozen=True, slots=True)
class ExcuseChoice:
    """An excuse of the catalogue in the reader's language, with what was typed for it."""

    code: str
    cause: str
    name: str
    question: str
    answer: str
    facts: tuple[FactField, ...]
    own: Rate
    all: Rate


@blueprint.route("/customers/<number:number>/log", methods=["GET", "POST"])
@needs(Permission.LOG_CONTACT)
def log(number: str) -> Response:
    """The form to log a contact, and what it sends."""
    if request.method == "GET":
        return _log_page(number, None)
    form = LogForm()
    if not form.validate():
        return _log_page(number, form, 422)
    try:
        contact = _contact(form, number)
        pages.write(lambda work: services.log(work, number, contact))
    except Refusal as refusal:
        wrong = {}
        if (refusal.field or "").startswith("facts."):
            wrong[(refusal.field or "")[6:]] = sentences.say(refusal)
            wrong |= _missing(form.excuse.data or "")
        else:
            form.blame(refusal)
        return _log_page(number, form, 422, wrong)
    flash(i18n.gettext("Logged."))
    return pages.go("customers.show", number=number)


def _contact(form: LogForm, number: str) -> Contact:
    """The contact that the form means; Refusal where a date or an amount cannot be read."""
    with pages.read_view() as view:
        customer = customers.profile(view, view.actor.scope, number)
    code = form.excuse.data or None
    given = _given(code) if code else {}
    own = None
    if _filled(form.own_title.data) or _filled(form.own_due.data):
        due = _filled(form.own_due.data)
        if not due:
            raise Refusal("missing_value", "own_due")
        own = OwnWord(form.own_title.data or "", options.parse_day(due, "own_due"))
    day = _filled(form.day.data)
    return Contact(
        kind=form.kind.data or "",
        day=options.parse_day(day, "day") if day else None,
        person=form.person.data,
        outcome=form.outcome.data or None,
        excuse=code,
        facts={key: value for key, value in given.items() if value.strip()},
        promise=_promise(form, customer.currency),
        own=own,
        note=form.note.data,
        token=(form.token.data or "")[:64] or None,
    )


def _filled(text: str | None) -> str:
    return money.fold(text or "").replace("\x00", "")


def _given(code: str) -> dict[str, str]:
    """What was typed for the facts of an excuse."""
    start = f"fact.{code}."
    return {name[len(start) :]: value for name, value in request.form.items() if name.startswith(start)}


def _missing(code: str) -> dict[str, str]:
    """Every fact that the excuse needs and nobody wrote, so that one look at the form tells them all."""
    known, given = catalogue.load().get(code), _given(code)
    return {fact.key: sentences.say(Refusal("fact_missing")) for fact in (known.facts if known else ()) if fact.required and not _filled(given.get(fact.key))}


def _promise(form: LogForm, currency: str) -> PromiseDraft | None:
    """The promise that the form means: there is one once a date is given; an amount without a date is none (P17)."""
    due, amount = _filled(form.due.data), _filled(form.amount.data)
    if not due:
        if (amount and amount != _filled(form.shown.data)) or form.replaces.data:
            raise Refusal("promise_without_date", "due")
        return None
    code = form.currency.data or currency
    if not amount:
        raise Refusal("promise_not_positive", "amount")
    replaced = numbers.row_id(form.replaces.data or "")
    return PromiseDraft(money.parse(amount, code), code, options.parse_day(due, "due"), form.method.data or "", None, form.reason.data, replaced)


def _log_page(number: str, refused: LogForm | None, status: int = 200, wrong: dict[str, str] | None = None) -> Response:
    """The form, empty but for what is known, or as it was typed."""
    with pages.read_view() as view:
        customer = customers.profile(view, view.actor.scope, number)
        case = reports.case_file(view, view.actor.scope, customer.id, customer.number, customer.name)
        people = customers.contacts(view, view.actor.scope, customer.id)
        rates = reports.rates_of_all(view)
        own_rates = reports.own_rates(view, view.actor.scope, customer.id)
        today = view.today
    form = refused or LogForm(formdata=None)
    currencies = [one.currency for one in case.overdue] or [customer.currency]
    live = [one for one in case.live if one.changeable]
    form.currency.choices = pages.choices({code: code for code in dict.fromkeys([*currencies, customer.currency])})
    form.replaces.choices = pages.choices(
        {"": i18n.lazy("None: in addition"), **{one.id: f"{one.due.isoformat()} · {i18n.group(one.amount, one.currency)} {one.currency}" for one in live}}
    )
    excuses = _choices(form.excuse.data or "", wrong or {}, own_rates, rates)
    if refused is None:
        _prefill(form, customer, case, today, currencies)
    context: dict[str, Any] = {"customer": customer, "case": case, "people": people, "form": form, "excuses": excuses, "today": today, "words": words, "wrong": wrong or {}}
    return pages.render("cases/log.html", status, **context)


def _prefill(form: LogForm, customer: Profile, case: CaseFile, today: date, currencies: Sequence[str]) -> None:
    """What is known already: the day, the kind that was planned, and everything overdue as the amount (P9)."""
    form.token.data = secrets.token_hex(16)
    asked = request.args.get("kind", "")
    form.kind.data = asked if asked in KINDS else "visit"
    form.day.data = today.isoformat()
    form.currency.data = customer.currency if customer.currency in currencies else currencies[0]
    owed = next((one for one in case.overdue if one.currency == form.currency.data), None)
    if owed is not None and owed.asked:
        form.amount.data = form.shown.data = i18n.group(owed.asked, owed.currency)


def _choices(chosen: str, wrong: dict[str, str], own: dict[str, Rate], everybody: dict[str, Rate]) -> list[ExcuseChoice]:
    """The catalogue in the reader's language, in its own order, with what was typed."""
    language = i18n.current()

    def fields(excuse: Excuse) -> tuple[FactField, ...]:
        here = excuse.code == chosen
        given = _given(excuse.code) if request.method == "POST" else {}
        return tuple(
            FactField(
                f"fact.{excuse.code}.{fact.key}",
                catalogue.label(fact.label, language),
                fact.kind,
                fact.required,
                given.get(fact.key, ""),
                wrong.get(fact.key, "") if here else "",
            )
            for fact in excuse.facts
        )

    return [
        ExcuseChoice(
            one.code,
            str(one.cause),
            catalogue.label(one.name, language),
            catalogue.label(one.question, language),
            catalogue.label(one.answer, language),
            fields(one),
            own.get(one.code, Rate()),
            everybody.get(one.code, Rate()),
        )
        for one in catalogue.load().values()
    ]


# Promises


@blueprint.get("/promises")
@needs(Permission.READ_LEDGER)
def index() -> Response:
    """Promises, the latest due first, as a page or as a file of what the filter selects."""
    return _promises_page()


@blueprint.post("/promises/bank")
@needs(Permission.ALLOCATE)
def bank() -> Response:
    """Finance says through which day the bank's data are complete."""
    form = BankForm()
    if not form.validate():
        return _promises_page(form, 422)
    try:
        through = options.parse_day(_filled(form.through.data), "through")
        pages.write(lambda work: services.bank_complete(work, through))
    except Refusal as refusal:
        form.blame(refusal)
        return _promises_page(form, 422)
    flash(i18n.gettext("The bank's data are complete through {day}. The next daily round judges the promises that fell due.", day=through.isoformat()))
    return pages.go("cases.index")


def _promises_page(bank_form: BankForm | None = None, status: int = 200) -> Response:
    form = PromiseFilter(request.args)
    after = _key(request.args.get("after", ""))
    wanted = request.args.get("format", "")
    size = pages.page_size()
    with pages.read_view() as view:
        wish = _wish(form, view.today)
        scope = view.actor.scope
        if wanted:
            return files.of_table(view, reports.as_table(reports.all_promises(view, scope, wish), view.today, i18n.current()), wanted, f"promises-{view.today.isoformat()}")
        found = reports.promise_page(view, scope, wish, after, size + 1)
        covered = bank_through(view.session, view.today)
        today = view.today
    page = pages.page_of(found, size, lambda one: f"{one.due.isoformat()}.{one.id}", after is None)
    if pages.may(Permission.ALLOCATE) and bank_form is None:
        bank_form = BankForm(formdata=None, through=(today - timedelta(days=1)).isoformat())
    context = {"form": form, "page": page, "filtered": bool(wish.text or form.state.data), "covered": covered, "bank_form": bank_form, "today": today}
    return pages.render("cases/promises.html", status, words=words, tones=TONES, **context)


def _wish(form: PromiseFilter, today: date) -> PromiseWish:
    """What the address asks for; a state nobody knows selects everything."""
    text, state = _filled(form.q.data), form.state.data or ""
    if state == "live":
        return PromiseWish(text, promises.LIVE)
    if state == "soon":
        return PromiseWish(text, promises.LIVE, today, today + timedelta(days=reports.SOON_DAYS))
    return PromiseWish(text, (state,) if state in words.PROMISE_STATES else ())


def _key(text: str) -> tuple[date, int] | None:
    """The key of a page of promises; anything else begins at the top."""
    day, _, key = text.partition(".")
    try:
        return (date.fromisoformat(day), int(key)) if key.isascii() and key.isdigit() and len(key) < 19 else None
    except ValueError:
        return None


@blueprint.route("/promises/<int:promise_id>/withdraw", methods=["GET", "POST"])
@needs(Permission.LOG_CONTACT)
def withdraw(promise_id: int) -> Response:
    """Take back a promise that was never made."""
    with pages.read_view() as view:
        promise = reports.find_promise(view, view.actor.scope, promise_id)
    if promise is None:
        raise NotFound("promise", promise_id)
    form = WithdrawForm()
    status = 200
    if form.is_submitted():
        status = 422
        if form.validate():
            try:
                pages.write(lambda work: services.withdraw(work, promise_id, form.reason.data or "", form.version.data or 0))
                flash(i18n.gettext("The promise is withdrawn."))
                return pages.go("customers.show", number=promise.customer_no)
            except Refusal as refusal:
                refusal.field = None if refusal.field == "replaces" else refusal.field
                form.blame(refusal)
                status = 409 if refusal.code == "changed_meanwhile" else 422
    if status != 422:
        form.version.data = promise.version
    return pages.render("cases/withdraw.html", status, promise=promise, form=form, words=words, tones=TONES)


# Checks and our own word


@blueprint.route("/tasks/<int:task_id>", methods=["GET", "POST"])
@needs(Permission.LOG_CONTACT)
def task(task_id: int) -> Response:
    """A task, and what came of it."""
    with pages.read_view() as view:
        found = reports.find_task(view, view.actor.scope, task_id)
    if found is None:
        raise NotFound("task", task_id)
    form = TaskForm()
    status = 200
    if form.is_submitted():
        status = 422
        if form.validate():
            try:
                result = request.form.get("result") or None
                pages.write(lambda work: services.finish_check(work, task_id, result, form.note.data, form.version.data or 0))
                flash(i18n.gettext("Done."))
                return pages.go("customers.show", number=found.customer_no)
            except Refusal as refusal:
                form.blame(refusal)
                status = 409 if refusal.code == "changed_meanwhile" else 422
    if status != 422:
        form.version.data = found.version
    return pages.render("cases/task.html", status, task=found, form=form, words=words)


# Disputes


@blueprint.get("/disputes")
@needs(Permission.READ_LEDGER)
def disputes() -> Response:
    """Disputes, the last raised first."""
    form = DisputeFilter(request.args)
    after = numbers.row_id(request.args.get("after", ""))
    size = pages.page_size()
    states = (form.state.data,) if form.state.data in words.DISPUTE_STATES else ()
    with pages.read_view() as view:
        if wanted := request.args.get("format", ""):

            def say(one: reports.DisputeEntry) -> tuple[str, str]:
                return words.said(words.DISPUTE_REASONS, one.reason), words.said(words.DISPUTE_STATES, one.state)

            return files.of_table(view, reports.disputes_as_table(view, view.actor.scope, states, say), wanted, f"disputes-{view.today.isoformat()}")
        found = reports.dispute_page(view, view.actor.scope, states, after, size + 1)
        today = view.today
    page = pages.page_of(found, size, lambda one: str(one.id), after is None)
    return pages.render("cases/disputes.html", form=form, page=page, filtered=bool(states), today=today, words=words, tones=DISPUTE_TONES)


@blueprint.route("/customers/<number:number>/dispute", methods=["GET", "POST"])
@needs(Permission.LOG_CONTACT)
def dispute(number: str) -> Response:
    """Record that the customer disputes an amount of an invoice."""
    with pages.read_view() as view:
        customer = customers.profile(view, view.actor.scope, number)
        items = customers.open_items(view, view.actor.scope, customer.id, 200)
    form = DisputeForm()
    if not form.is_submitted():
        form.invoice_no.data = request.args.get("invoice", "")
        return pages.render("cases/dispute.html", customer=customer, items=items, form=form)
    if form.validate():
        invoice = _filled(form.invoice_no.data)
        item = next((one for one in items if one.document_no == invoice), None)
        try:
            if item is None:
                raise Refusal("unknown_invoice_here", "invoice_no", value=invoice)
            amount = money.parse(_filled(form.amount.data), item.currency)
            pages.write(lambda work: services.raise_dispute(work, invoice, amount, form.reason.data or "", form.note.data))
            flash(i18n.gettext("The dispute is recorded. It counts once its owner accepts it."))
            return pages.go("customers.show", number=number)
        except Refusal as refusal:
            form.blame(refusal)
    return pages.render("cases/dispute.html", 422, customer=customer, items=items, form=form)


@blueprint.route("/disputes/<int:dispute_id>", methods=["GET", "POST"])
@needs(Permission.ANSWER_DISPUTE)
def answer(dispute_id: int) -> Response:
    """Answer a dispute: accept, refuse, or settle what was accepted."""
    with pages.read_view() as view:
        found = reports.find_dispute(view, view.actor.scope, dispute_id)
    if found is None:
        raise NotFound("dispute", dispute_id)
    form = AnswerForm()
    status = 200
    if form.is_submitted():
        status = 422
        if form.validate():
            try:
                verdict = request.form.get("answer", "")
                pages.write(lambda work: services.answer_dispute(work, dispute_id, verdict, form.note.data, form.version.data or 0))
                flash(i18n.gettext("The dispute is answered."))
                return pages.go("customers.show", number=found.customer_no)
            except Refusal as refusal:
                form.blame(refusal)
                status = 409 if refusal.code == "changed_meanwhile" else 422
    if status != 422:
        form.version.data = found.version
    return pages.render("cases/answer.html", status, dispute=found, form=form, words=words, tones=DISPUTE_TONES)


# Marks


@blueprint.route("/customers/<number:number>/standing", methods=["GET", "POST"])
@needs(Permission.ANSWER_DISPUTE)
def standing(number: str) -> Response:
    """Mark a customer: do not contact, insolvent."""
    with pages.read_view() as view:
        customer = customers.profile(view, view.actor.scope, number)
        case = reports.case_file(view, view.actor.scope, customer.id, customer.number, customer.name)
    form = StandingForm()
    status = 200
    if form.is_submitted():
        status = 422
        if form.validate():
            try:
                pages.write(lambda work: services.set_standing(work, number, bool(form.do_not_contact.data), bool(form.insolvent.data), form.reason.data or ""))
                flash(i18n.gettext("The marks are as you set them."))
                return pages.go("customers.show", number=number)
            except Refusal as refusal:
                form.blame(refusal)
    else:
        form.do_not_contact.data, form.insolvent.data = case.do_not_contact, case.insolvent
    return pages.render("cases/standing.html", status, customer=customer, case=case, form=form)
