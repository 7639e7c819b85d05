"""Writing documents by hand: an invoice, debit note, interest, fee or credit note for a customer, and voiding one."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, flash, url_for
from wtforms import SelectField, StringField, TextAreaField, validators
from wtforms.widgets import DateInput

from collect import i18n
from collect.domain import money
from collect.domain.errors import NotFound, Refusal
from collect.reports import options
from collect.services import deliveries
from collect.services import invoices as services
from collect.services.invoices import Bill
from collect.storage.cash import find_credit
from collect.storage.customers import find_customer
from collect.storage.receivables import find_items
from collect.web import numbers, pages
from collect.web.pages import PageForm, Permission, needs

blueprint = Blueprint("billing", __name__)
blueprint.record_once(numbers.register)

KINDS = {
    "invoice": i18n.lazy("Invoice"),
    "debit_note": i18n.lazy("Debit note"),
    "interest": i18n.lazy("Late-payment interest"),
    "fee": i18n.lazy("Fee"),
    "credit_note": i18n.lazy("Credit note"),
}


class BillForm(PageForm):
    """One document; the due date may be left to the terms."""

    kind = SelectField(i18n.lazy("Kind"), choices=pages.choices(KINDS))
    number = StringField(i18n.lazy("Number"), [validators.InputRequired(), validators.Length(max=64)])
    issued = StringField(i18n.lazy("Issue date"), [validators.InputRequired()], widget=DateInput())
    amount = StringField(i18n.lazy("Amount"), [validators.InputRequired(), validators.Length(max=40)])
    currency = StringField(i18n.lazy("Currency"), [validators.InputRequired(), validators.Length(max=3)])
    due = StringField(i18n.lazy("Due date"), widget=DateInput())
    terms = StringField(i18n.lazy("Terms"), [validators.Length(max=64)])
    about = StringField(i18n.lazy("About invoice"), [validators.Length(max=64)])
    po_no = StringField(i18n.lazy("Order no."), [validators.Length(max=64)])
    delivered_on = StringField(i18n.lazy("Delivered"), widget=DateInput())
    delivery_nos = StringField(i18n.lazy("Delivery no."), [validators.Length(max=500)])
    description = TextAreaField(i18n.lazy("Description or reason"), [validators.Length(max=200)])


class VoidForm(PageForm):
    """Why a document is taken back."""

    reason = TextAreaField(i18n.lazy("Reason"), [validators.InputRequired(), validators.Length(max=400)])


@blueprint.route("/customers/<number:number>/bill", methods=["GET", "POST"])
@needs(Permission.ALLOCATE)
def new(number: str) -> Response:
    """Write a document for a customer."""
    with pages.read_view() as view:
        customer = find_customer(view.session, view.actor.scope, number)
        today = view.today
    if customer is None:
        raise NotFound("customer", number)
    form = BillForm()
    context: dict[str, Any] = {"customer": customer, "form": form}
    if not form.is_submitted():
        form.issued.data, form.currency.data, form.terms.data = today.isoformat(), customer.currency, customer.terms or ""
        return pages.render("billing/new.html", **context)
    if not form.validate():
        return pages.render("billing/new.html", 422, **context)
    try:
        written = _write(number, form)
    except Refusal as refusal:
        form.blame(refusal)
        return pages.render("billing/new.html", 422, **context)
    flash(i18n.gettext("{number} is in the books.", number=written))
    if form.kind.data == "credit_note":
        return pages.go("cash.show", kind="credit_note", number=written)
    return pages.go("invoices.show", number=written)


def _write(customer_no: str, form: BillForm) -> str:
    """Read the form and write the document; returns its number."""
    number = money.fold(form.number.data or "").strip()
    currency = money.fold(form.currency.data or "").upper()
    if not money.is_currency(currency):
        raise Refusal("unknown_currency", "currency", value=form.currency.data)
    issued = options.parse_day((form.issued.data or "").strip(), "issued")
    amount = money.parse(form.amount.data or "", currency)
    text = (form.description.data or "").strip()
    if form.kind.data == "credit_note":
        if not text:
            raise Refusal("missing_reason", "description")
        about = (form.about.data or "").strip() or None
        pages.write(lambda work: services.credit(work, customer_no, number, issued, currency, amount, text, about) and None)
        return number
    due, delivered = (options.parse_day(text, name) if (text := (getattr(form, name).data or "").strip()) else None for name in ("due", "delivered_on"))
    told = {name: (getattr(form, name).data or "").strip() or None for name in ("terms", "po_no", "about")}
    bill = Bill(
        number,
        issued,
        currency,
        amount,
        form.kind.data or "invoice",
        due,
        told["terms"],
        told["po_no"],
        delivered,
        text or None,
        told["about"],
        deliveries.names_of(form.delivery_nos.data),
    )
    pages.write(lambda work: services.issue(work, customer_no, bill) and None)
    return number


@blueprint.route("/invoices/<number:number>/void", methods=["GET", "POST"], defaults={"kind": "invoice"})
@blueprint.route("/credits/<number:number>/void", methods=["GET", "POST"], defaults={"kind": "credit_note"})
@needs(Permission.ALLOCATE)
def void(kind: str, number: str) -> Response:
    """Take a document back in full, with a reason."""
    with pages.read_view() as view:
        if kind == "invoice":
            items = find_items(view.session, view.actor.scope, number)
            known = bool(items)
        else:
            known = find_credit(view.session, view.actor.scope, kind, number) is not None
    if not known:
        raise NotFound(kind, number)
    form = VoidForm()
    back = url_for("invoices.show", number=number) if kind == "invoice" else url_for("cash.show", kind=kind, number=number)
    context: dict[str, Any] = {"form": form, "number": number, "kind": KINDS[kind], "back": back}
    if not form.is_submitted():
        return pages.render("billing/void.html", **context)
    if not form.validate():
        return pages.render("billing/void.html", 422, **context)
    try:
        pages.write(lambda work: services.void(work, kind, number, form.reason.data or ""))
    except Refusal as refusal:
        form.blame(refusal)
        return pages.render("billing/void.html", 422, **context)
    flash(i18n.gettext("{number} is void from today on; its number stays taken.", number=number))
    return pages.go("invoices.show", number=number) if kind == "invoice" else pages.go("cash.show", kind=kind, number=number)
