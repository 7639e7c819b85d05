"""What a customer was delivered and not invoiced yet: the list, entering one by hand, and cancelling one with a reason (S4)."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, flash
from wtforms import StringField, TextAreaField, validators
from wtforms.widgets import DateInput

from collect import i18n
from collect.domain import money
from collect.domain.errors import NotFound, Refusal
from collect.reports import options
from collect.services import deliveries as services
from collect.services.deliveries import Draft
from collect.storage.customers import find_customer, load_customers
from collect.storage.deliveries import find_delivery, load_deliveries, load_exposure
from collect.web import numbers, pages
from collect.web.pages import PageForm, Permission, needs

blueprint = Blueprint("deliveries", __name__)
blueprint.record_once(numbers.register)

SHOWN = 200


class DeliveryForm(PageForm):
    """One delivery that is not invoiced yet."""

    number = StringField(i18n.lazy("Delivery no."), [validators.InputRequired(), validators.Length(max=64)])
    delivered_on = StringField(i18n.lazy("Delivered"), [validators.InputRequired()], widget=DateInput())
    amount = StringField(i18n.lazy("Amount"), [validators.InputRequired(), validators.Length(max=40)])
    currency = StringField(i18n.lazy("Currency"), [validators.InputRequired(), validators.Length(max=3)])
    order_no = StringField(i18n.lazy("Order no."), [validators.Length(max=64)])
    description = StringField(i18n.lazy("Description"), [validators.Length(max=500)])


class CancelForm(PageForm):
    """Why a delivery counts no more."""

    reason = TextAreaField(i18n.lazy("Reason"), [validators.InputRequired(), validators.Length(max=400)])


@blueprint.get("/customers/<number:number>/deliveries")
@needs(Permission.READ_LEDGER)
def show(number: str) -> Response:
    """A customer's deliveries, those not invoiced first."""
    return _page(number)


@blueprint.post("/customers/<number:number>/deliveries")
@needs(Permission.ALLOCATE)
def enter(number: str) -> Response:
    """A delivery entered by hand."""
    form = DeliveryForm()
    if not form.validate():
        return _page(number, 422, form)
    try:
        currency = money.fold(form.currency.data or "").upper()
        if not money.is_currency(currency):
            raise Refusal("unknown_currency", "currency", value=form.currency.data)
        day = options.parse_day((form.delivered_on.data or "").strip(), "delivered_on")
        order_no, text = money.fold(form.order_no.data or "").strip() or None, (form.description.data or "").strip() or None
        draft = Draft(money.fold(form.number.data or "").strip(), day, currency, money.parse(form.amount.data or "", currency), order_no, text)
        pages.write(lambda work: services.enter(work, number, draft) and None)
    except Refusal as refusal:
        form.blame(refusal)
        return _page(number, 422, form)
    flash(i18n.gettext("Delivery {number} is in the books.", number=draft.number))
    return pages.go("deliveries.show", number=number)


@blueprint.route("/deliveries/<number:number>/cancel", methods=["GET", "POST"])
@needs(Permission.ALLOCATE)
def cancel(number: str) -> Response:
    """A delivery came back, or never was: it counts no more from today."""
    with pages.read_view() as view:
        row = find_delivery(view.session, view.actor.scope, number)
        customer = load_customers(view.session, view.actor.scope, [row.customer_id]).get(row.customer_id) if row else None
    if row is None or customer is None:
        raise NotFound("delivery", number)
    form = CancelForm()
    context: dict[str, Any] = {"row": row, "customer": customer, "form": form}
    if not form.is_submitted():
        return pages.render("deliveries/cancel.html", **context)
    if not form.validate():
        return pages.render("deliveries/cancel.html", 422, **context)
    try:
        pages.write(lambda work: services.cancel(work, number, form.reason.data or ""))
    except Refusal as refusal:
        form.blame(refusal)
        return pages.render("deliveries/cancel.html", 422, **context)
    flash(i18n.gettext("Delivery {number} counts no more.", number=number))
    return pages.go("deliveries.show", number=customer.customer_no)


def _page(number: str, status: int = 200, refused: DeliveryForm | None = None) -> Response:
    """The list, with a form that was refused in the place of its empty one."""
    with pages.read_view() as view:
        scope = view.actor.scope
        customer = find_customer(view.session, scope, number)
        if customer is None:
            raise NotFound("customer", number)
        rows = load_deliveries(view.session, scope, customer.id, SHOWN + 1)
        exposure = load_exposure(view.session, scope, customer.id)
        may = view.actor.may(Permission.ALLOCATE)
        today = view.today
    form = (refused or DeliveryForm(formdata=None, delivered_on=today.isoformat(), currency=customer.currency)) if may else None
    return pages.render("deliveries/show.html", status, customer=customer, rows=rows[:SHOWN], more=len(rows) > SHOWN, exposure=exposure, form=form, today=today)
