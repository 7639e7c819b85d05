"""Late-payment interest of an invoice by each rule, claiming it, and the rates that rules and currencies need."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import Blueprint, Response, flash, request
from wtforms import SelectField, StringField, validators
from wtforms.widgets import DateInput

from collect import i18n, sentences
from collect.domain import money
from collect.domain.errors import NotFound, Refusal
from collect.reports import options
from collect.services import interest as services
from collect.services import rates
from collect.storage.customers import load_customers
from collect.storage.rates import load_latest
from collect.storage.receivables import find_items
from collect.web import numbers, pages
from collect.web.pages import PageForm, Permission, needs

blueprint = Blueprint("interest", __name__)
blueprint.record_once(numbers.register)


class ClaimForm(PageForm):
    """Which rule, under which number, reckoned through which day."""

    rule = SelectField(i18n.lazy("Rule"), choices=[], validate_choice=False)
    number = StringField(i18n.lazy("Number of the claim"), [validators.InputRequired(), validators.Length(max=64)])
    through = StringField(i18n.lazy("Reckoned through"), [validators.InputRequired()], widget=DateInput())


class AgreementForm(PageForm):
    """What the customer's contract says of interest."""

    percent = StringField(i18n.lazy("Percent"), [validators.InputRequired(), validators.Length(max=24)])
    per = SelectField(
        i18n.lazy("Counted"),
        choices=pages.choices({"day": i18n.lazy("a day"), "365": i18n.lazy("a year of 365 days"), "360": i18n.lazy("a year of 360 days")}),
    )
    clause = StringField(i18n.lazy("Clause"), [validators.InputRequired(), validators.Length(max=services.LONGEST_CLAUSE)])


class RateForm(PageForm):
    """One rate from a day on."""

    base = StringField(i18n.lazy("Currency or reference rate"), [validators.InputRequired(), validators.Length(max=12)])
    quote = StringField(i18n.lazy("In currency"), [validators.Length(max=3)])
    since = StringField(i18n.lazy("In force from"), [validators.InputRequired()], widget=DateInput())
    value = StringField(i18n.lazy("Rate"), [validators.InputRequired(), validators.Length(max=24)])
    source = StringField(i18n.lazy("Source"), [validators.InputRequired(), validators.Length(max=100)])


@dataclass(frozen=True, slots=True)
class Shown:
    """One rule as the page shows it: what it comes to, or why it cannot be reckoned."""

    code: str
    name: str
    source: str
    fits: bool
    told: services.Reckoned | None
    sentence: str


@blueprint.get("/invoices/<number:number>/interest")
@needs(Permission.READ_LEDGER)
def show(number: str) -> Response:
    """What an invoice has earned by today or another day, by each rule, with every piece."""
    return _page(number, ClaimForm(formdata=None))


@blueprint.post("/invoices/<number:number>/interest")
@needs(Permission.ALLOCATE)
def claim(number: str) -> Response:
    """Claim it as an item of its own."""
    return _page(number, ClaimForm())


@blueprint.post("/invoices/<number:number>/interest/agreement")
@needs(Permission.ALLOCATE)
def agreement(number: str) -> Response:
    """Note what the customer's contract agrees on interest."""
    form = AgreementForm()
    if not form.validate():
        return _page(number, ClaimForm(formdata=None), form, 422)
    per = form.per.data or ""
    told = services.Agreement(form.percent.data or "", per == "day", 360 if per == "360" else 365, form.clause.data or "")
    customer_no = _customer_of(number)
    try:
        pages.write(lambda work: services.agree(work, customer_no, told))
    except Refusal as refusal:
        form.blame(refusal)
        return _page(number, ClaimForm(formdata=None), form, 422)
    flash(i18n.gettext("What the contract of {customer} agrees on interest is noted.", customer=customer_no))
    return pages.go("interest.show", number=number)


@blueprint.post("/invoices/<number:number>/interest/agreement/end")
@needs(Permission.ALLOCATE)
def end_agreement(number: str) -> Response:
    """The contract agrees on no interest any more."""
    customer_no = _customer_of(number)
    pages.write(lambda work: services.end_agreement(work, customer_no))
    flash(i18n.gettext("No interest is agreed with {customer} any more.", customer=customer_no))
    return pages.go("interest.show", number=number)


def _customer_of(number: str) -> str:
    """The number of an invoice's customer; NotFound outside the scope."""
    with pages.read_view() as view:
        items = find_items(view.session, view.actor.scope, number)
        if not items:
            raise NotFound("invoice", number)
        return load_customers(view.session, view.actor.scope, [items[0].customer_id])[items[0].customer_id].customer_no


def _page(number: str, form: ClaimForm, agreeing: AgreementForm | None = None, status: int = 200) -> Response:
    asked = request.args.get("as_of", "")
    with pages.read_view() as view:
        as_of = options.parse_day(asked, "as_of") if asked else view.today
        items = find_items(view.session, view.actor.scope, number)
        if not items:
            raise NotFound("invoice", number)
        customer = load_customers(view.session, view.actor.scope, [items[0].customer_id])[items[0].customer_id]
        known, agreed = services.rules_of(view.session, customer.id), services.agreement_of(view.session, customer.id)
        shown = [_shown(view.session, view.actor.scope, number, named, customer.country, as_of) for named in known.values()]
        today = view.today
        claims = services.claimed(view.session, items[0].id)
        taken = find_items(view.session, view.actor.scope, f"{number}-INT")
    shown = [one for one in shown if one.fits or one.told or one.code == services.AGREED]
    shown.sort(key=lambda one: (one.code != services.AGREED, not one.fits))
    form.rule.choices = pages.choices({one.code: one.name for one in shown if one.told})
    context: dict[str, Any] = {"number": number, "currency": items[0].currency, "shown": shown, "as_of": as_of, "form": form, "claims": claims}
    context |= {"customer": customer, "agreed": agreed, "agreeing": agreeing or _noted(agreed)}
    if request.method == "GET" or agreeing is not None:
        form.number.data, form.through.data = f"{number}-INT{len(claims) + 1 if taken else ''}", today.isoformat()
        return pages.render("interest/show.html", status, **context)
    if not form.validate():
        return pages.render("interest/show.html", 422, **context)
    try:
        through = _through(form.through.data or "", today)
        claim_no = money.fold(form.number.data or "").strip()
        pages.write(lambda work: services.claim(work, number, form.rule.data or "", claim_no, through) and None)
    except Refusal as refusal:
        form.blame(refusal)
        return pages.render("interest/show.html", 422, **context)
    flash(i18n.gettext("{number} is in the books.", number=claim_no))
    return pages.go("invoices.show", number=claim_no)


def _noted(agreed: services.Agreement | None) -> AgreementForm:
    """The form with what is noted already, so that a change begins from it."""
    if agreed is None:
        return AgreementForm(formdata=None)
    return AgreementForm(formdata=None, percent=agreed.percent, per="day" if agreed.daily else str(agreed.day_count), clause=agreed.clause)


def _through(text: str, today: date) -> date:
    """The day reckoned through: none that lies ahead."""
    day = options.parse_day(text.strip(), "through")
    if day > today:
        raise Refusal("event_in_future", "through", value=day.isoformat())
    return day


def _shown(session: object, scope: object, number: str, named: services.Named, country: str, as_of: date) -> Shown:
    told, sentence = None, ""
    try:
        told = services.reckon(session, scope, number, named.rule, as_of)  # type: ignore[arg-type]
    except NotFound:
        raise
    except Refusal as refusal:
        sentence = sentences.say(refusal)
    return Shown(named.rule.code, named.names.get(i18n.current(), named.names["en"]), named.rule.source, country in named.countries, told, sentence)


@blueprint.route("/rates", methods=["GET", "POST"])
@needs(Permission.ALLOCATE)
def rates_page() -> Response:
    """Exchange rates and reference rates, with their days and sources; and entering one."""
    form = RateForm()
    status = 200
    if form.is_submitted() and form.validate():
        try:
            since = options.parse_day((form.since.data or "").strip(), "since")
            base = money.fold(form.base.data or "").upper()
            quote = money.fold(form.quote.data or "").upper() or "%"
            pages.write(lambda work: rates.enter(work, base, quote, since, form.value.data or "", form.source.data or ""))
        except Refusal as refusal:
            form.blame(refusal)
            status = 422
        else:
            flash(i18n.gettext("The rate is recorded."))
            return pages.go("interest.rates_page")
    elif form.is_submitted():
        status = 422
    with pages.read_view() as view:
        known = load_latest(view.session)
    return pages.render("interest/rates.html", status, form=form, rates=known, references=rates.REFERENCES)
