"""The rebate account of a customer: what was earned and granted, entries by hand, and taking a wrong one back (P13)."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, flash
from wtforms import HiddenField, SelectField, StringField, TextAreaField, validators
from wtforms.widgets import DateInput

from collect import i18n
from collect.domain import money
from collect.domain.errors import NotFound, Refusal
from collect.reports import adjustments as reports
from collect.reports import options
from collect.services import rebates as services
from collect.storage.adjustments import find_rebate
from collect.storage.customers import find_customer
from collect.web import numbers, pages
from collect.web.pages import PageForm, Permission, needs

blueprint = Blueprint("rebates", __name__)
blueprint.record_once(numbers.register)

SIDES = {"earned": i18n.lazy("Earned"), "paid": i18n.lazy("Paid out or given in goods")}


class RebateForm(PageForm):
    """One entry of the account; `seen` is the last one that stood above the form."""

    seen = HiddenField()
    side = SelectField(i18n.lazy("What"), choices=pages.choices(SIDES))
    day = StringField(i18n.lazy("Date"), [validators.InputRequired()], widget=DateInput())
    amount = StringField(i18n.lazy("Amount"), [validators.InputRequired(), validators.Length(max=40)])
    currency = StringField(i18n.lazy("Currency"), [validators.InputRequired(), validators.Length(max=3)])
    note = StringField(i18n.lazy("What for"), [validators.InputRequired(), validators.Length(max=services.LONGEST_NOTE)])


class UndoForm(PageForm):
    """Why an entry is taken back."""

    reason = TextAreaField(i18n.lazy("Reason"), [validators.InputRequired(), validators.Length(max=services.LONGEST_NOTE)])


@blueprint.get("/customers/<number:number>/rebates")
@needs(Permission.READ_LEDGER)
def show(number: str) -> Response:
    """The account, by currency."""
    return _page(number)


@blueprint.post("/customers/<number:number>/rebates")
@needs(Permission.ALLOCATE)
def enter(number: str) -> Response:
    """An entry by hand."""
    form = RebateForm()
    if not form.validate():
        return _page(number, 422, form)
    try:
        currency = money.fold(form.currency.data or "").upper()
        if not money.is_currency(currency):
            raise Refusal("unknown_currency", "currency", value=form.currency.data)
        day = options.parse_day((form.day.data or "").strip(), "day")
        amount = money.parse(form.amount.data or "", currency)
        if amount <= 0:
            raise Refusal("nothing_asked", "amount")
        signed = amount if form.side.data == "earned" else -amount
        pages.write(lambda work: services.enter(work, number, day, currency, signed, form.note.data or "", numbers.row_id(form.seen.data or "")) and None)
    except Refusal as refusal:
        form.blame(refusal)
        return _page(number, 422, form)
    flash(i18n.gettext("Entered."))
    return pages.go("rebates.show", number=number)


@blueprint.route("/rebates/<int:key>/undo", methods=["GET", "POST"])
@needs(Permission.ALLOCATE)
def undo(key: int) -> Response:
    """Take a wrong entry back, with a reason."""
    with pages.read_view() as view:
        row = find_rebate(view.session, view.actor.scope, key)
        if row is None:
            raise NotFound("rebate", key)
        number = reports.customer_no(view, row.customer_id)
    form = UndoForm()
    context: dict[str, Any] = {"form": form, "row": row, "number": number}
    if not form.is_submitted():
        return pages.render("rebates/undo.html", **context)
    if not form.validate():
        return pages.render("rebates/undo.html", 422, **context)
    try:
        pages.write(lambda work: services.reverse(work, key, form.reason.data or ""))
    except Refusal as refusal:
        form.blame(refusal)
        return pages.render("rebates/undo.html", 422, **context)
    flash(i18n.gettext("Taken back by an entry of its own."))
    return pages.go("rebates.show", number=number)


def _page(number: str, status: int = 200, refused: RebateForm | None = None) -> Response:
    with pages.read_view() as view:
        customer = find_customer(view.session, view.actor.scope, number)
        if customer is None:
            raise NotFound("customer", number)
        accounts = reports.rebates(view, view.actor.scope, number)
        may = view.actor.may(Permission.ALLOCATE)
        today = view.today
    form = refused
    if form is None and may:
        form = RebateForm(formdata=None)
        form.day.data, form.currency.data = today.isoformat(), customer.currency
    if form is not None:
        form.seen.data = str(max((entry.id for account in accounts for entry in account.entries), default=0))
    return pages.render("rebates/show.html", status, customer=customer, accounts=accounts, form=form)
