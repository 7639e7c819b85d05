"""Receipts by hand: one entered with what it settles and what is asked for as a credit, released from its order, recovered, taken back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from flask import Blueprint, Response, flash, request
from wtforms import BooleanField, HiddenField, SelectField, StringField, TextAreaField, validators
from wtforms.widgets import DateInput

from collect import i18n
from collect.domain import adjustments as domain
from collect.domain import money
from collect.domain.errors import NotFound, Refusal
from collect.reports import document, options
from collect.runtime import Work
from collect.services import adjustments, receipts
from collect.services.adjustments import Ask
from collect.services.receipts import Receipt
from collect.storage.cash import Payable, load_payable, load_written_off
from collect.storage.customers import find_customer
from collect.storage.discounts import load_offers
from collect.web import numbers, pages, words
from collect.web.pages import PageForm, Permission, needs

blueprint = Blueprint("receipts", __name__)
blueprint.record_once(numbers.register)

OFFERED = 300
LOOKING_BACK = timedelta(days=31)
"""A receipt is entered some days after it came in: discounts that ended since are still told, with their last day."""
METHODS = ("transfer", "cheque", "cash", "card", "direct_debit", "wallet", "other")


class ReceiptForm(PageForm):
    """Money that came in; what it settles stands beside each open item."""

    number = StringField(i18n.lazy("Receipt no."), [validators.InputRequired(), validators.Length(max=64)])
    day = StringField(i18n.lazy("Date"), [validators.InputRequired()], widget=DateInput())
    amount = StringField(i18n.lazy("Amount"), [validators.InputRequired(), validators.Length(max=40)])
    currency = StringField(i18n.lazy("Currency"), [validators.InputRequired(), validators.Length(max=3)])
    method = SelectField(i18n.lazy("Method"), choices=[], validate_choice=False)
    payer = StringField(i18n.lazy("Payer"), [validators.Length(max=200)])
    reference = StringField(i18n.lazy("Bank reference"), [validators.Length(max=100)])
    order_no = StringField(i18n.lazy("Prepaid for order"), [validators.Length(max=64)])
    oldest = BooleanField(i18n.lazy("Settle the oldest due first with it"))
    reason = SelectField(i18n.lazy("What they deducted is asked for as"), choices=[], validate_choice=False)
    note = StringField(i18n.lazy("Reason"), [validators.Length(max=domain.LONGEST_NOTE)])


class ReasonForm(PageForm):
    """Why something is taken back or released; `version` is the receipt's when it was shown."""

    version = HiddenField()
    reason = TextAreaField(i18n.lazy("Reason"), [validators.InputRequired(), validators.Length(max=400)])
    mistake = BooleanField(i18n.lazy("Entered by mistake: void from the day of the receipt on"))


class RecoverForm(PageForm):
    """For which written-off invoice the money came; `version` is the receipt's when it was shown."""

    version = HiddenField()
    invoice_no = StringField(i18n.lazy("Invoice"), [validators.InputRequired(), validators.Length(max=64)])
    amount = StringField(i18n.lazy("Amount"), [validators.Length(max=40)])


@blueprint.route("/customers/<number:number>/receipt", methods=["GET", "POST"])
@needs(Permission.ALLOCATE)
def new(number: str) -> Response:
    """Enter a receipt of a customer, with what it settles (of its group too) and what they deducted."""
    with pages.read_view() as view:
        customer = find_customer(view.session, view.actor.scope, number)
        if customer is None:
            raise NotFound("customer", number)
        owed = load_payable(view.session, view.actor.scope, customer.id, None, OFFERED)
        today = view.today
        offers = load_offers(view.session, view.actor.scope, [item.id for item in owed], today - LOOKING_BACK)
    form = ReceiptForm()
    form.method.choices = pages.choices({name: i18n.lazy(words.METHODS[name]) for name in METHODS})
    form.reason.choices = pages.choices({reason: i18n.lazy(words.ADJUSTMENT_REASONS[reason]) for reason in domain.REASONS[domain.CREDIT]})
    context: dict[str, Any] = {"customer": customer, "form": form, "owed": owed, "offers": offers, "typed": request.form}
    if not form.is_submitted():
        form.day.data, form.currency.data = today.isoformat(), customer.currency
        return pages.render("cash/receipt.html", **context)
    if not form.validate():
        return pages.render("cash/receipt.html", 422, **context)
    try:
        written, asked = _enter(form, customer.id, number, owed)
    except Refusal as refusal:
        refusal.field = {"allocated": "amount", "effective": "day"}.get(refusal.field or "", refusal.field)
        form.blame(refusal)
        return pages.render("cash/receipt.html", 422, **context)
    flash(i18n.gettext("Receipt {number} is in the books.", number=written))
    if asked:
        flash(i18n.gettext("What they deducted is asked for; somebody else decides it."))
    return pages.go("cash.show", kind="receipt", number=written)


def _enter(form: ReceiptForm, customer_id: int, customer_no: str, owed: Sequence[Payable]) -> tuple[str, bool]:
    """Store the receipt and the request for what was deducted, both or neither; its number, and whether something was asked for."""
    currency = money.fold(form.currency.data or "").upper()
    if not money.is_currency(currency):
        raise Refusal("unknown_currency", "currency", value=form.currency.data)
    day = options.parse_day((form.day.data or "").strip(), "day")
    amount = money.parse(form.amount.data or "", currency)
    order_no = money.fold(form.order_no.data or "").strip() or None
    parts = _typed("pay", owed, currency)
    if form.oldest.data and not parts:
        parts = _oldest(amount, owed, currency, order_no)
    less = _typed("less", owed, currency)
    told = {name: (getattr(form, name).data or "").strip() or None for name in ("payer", "reference")}
    number = money.fold(form.number.data or "").strip()
    wanted = Receipt(customer_id, number, day, currency, amount, form.method.data or None, told["reference"], told["payer"], order_no=order_no)

    def act(work: Work) -> None:
        receipts.receive(work, wanted, parts)
        if less:
            adjustments.request(work, customer_no, Ask(domain.CREDIT, tuple(less), form.reason.data or "", form.note.data or ""))

    pages.write(act)
    return number, bool(less)


def _typed(prefix: str, owed: Sequence[Payable], currency: str) -> list[tuple[int, int]]:
    """What was typed beside the items: (item id, minor units), without the empty ones."""
    found = []
    for item in owed:
        text = request.form.get(f"{prefix}-{item.id}", "").strip()
        if text:
            minor = money.parse(text, currency)
            if minor < 0:
                raise Refusal("allocation_not_positive", "amount", value=text)
            if minor:
                found.append((item.id, minor))
    return found


def _oldest(amount: int, owed: Sequence[Payable], currency: str, order_no: str | None) -> list[tuple[int, int]]:
    """The customer's own items, oldest due first, as far as the money goes; for an order its invoices only."""
    found, left = [], amount
    for item in owed:
        if item.own and item.currency == currency and (order_no is None or item.po_no == order_no) and left > 0:
            found.append((item.id, min(left, item.open)))
            left -= min(left, item.open)
    return found


@blueprint.route("/receipts/<number:number>/void", methods=["GET", "POST"])
@needs(Permission.ALLOCATE)
def void(number: str) -> Response:
    """Take a receipt back as a whole, with everything it settled."""

    def act(work: Work, reason: str, version: int | None) -> str:
        receipts.void(work, "receipt", number, reason, version, mistake=request.form.get("mistake") == "y")
        since = receipts.find_receipt(work, number).voided_on or work.today
        return i18n.gettext("Receipt {number} is void from {day} on; what it settled is open again.", number=number, day=since.isoformat())

    return _with_reason(number, "void", act)


@blueprint.route("/receipts/<number:number>/release", methods=["GET", "POST"])
@needs(Permission.ALLOCATE)
def release(number: str) -> Response:
    """What is left of a prepayment is free for other invoices."""

    def act(work: Work, reason: str, version: int | None) -> str:
        rest = receipts.release(work, number, reason, version)
        currency = receipts.find_receipt(work, number).currency
        return i18n.gettext("{amount} {currency} are unapplied now.", amount=i18n.group(rest, currency), currency=currency)

    return _with_reason(number, "release", act)


def _with_reason(number: str, what: str, act: Callable[[Work, str, int | None], str]) -> Response:
    """A page that asks for a reason, and does it."""
    with pages.read_view() as view:
        credit = document.credit(view, view.actor.scope, "receipt", number)
    form = ReasonForm()
    context: dict[str, Any] = {"credit": credit, "form": form, "what": what}
    if not form.is_submitted():
        return pages.render("cash/reason.html", **context)
    if not form.validate():
        return pages.render("cash/reason.html", 422, **context)
    try:
        told = pages.write(lambda work: act(work, (form.reason.data or "").strip(), numbers.row_id(form.version.data or "")))
    except Refusal as refusal:
        form.blame(refusal)
        return pages.render("cash/reason.html", _status(context, refusal, number), **context)
    flash(told)
    return pages.go("cash.show", kind="receipt", number=number)


def _status(context: dict[str, Any], refusal: Refusal, number: str) -> int:
    """409 for a receipt that was changed meanwhile, which is then shown as it is now; else 422."""
    if refusal.code != "changed_meanwhile":
        return 422
    with pages.read_view() as view:
        context["credit"] = document.credit(view, view.actor.scope, "receipt", number)
    return 409


@blueprint.route("/receipts/<number:number>/recover", methods=["GET", "POST"])
@needs(Permission.ALLOCATE)
def recover(number: str) -> Response:
    """The money came for what was written off: the write-off is reversed by as much, then settled."""
    with pages.read_view() as view:
        credit = document.credit(view, view.actor.scope, "receipt", number)
        lost = load_written_off(view.session, view.actor.scope, credit.customer.id, credit.currency)
    form = RecoverForm()
    context: dict[str, Any] = {"credit": credit, "form": form, "lost": lost}
    if not form.is_submitted():
        return pages.render("cash/recover.html", **context)
    if not form.validate():
        return pages.render("cash/recover.html", 422, **context)
    invoice = money.fold(form.invoice_no.data or "").strip()
    try:
        minor = money.parse(form.amount.data or "", credit.currency) if (form.amount.data or "").strip() else None
        total = pages.write(lambda work: adjustments.recover(work, number, invoice, minor, numbers.row_id(form.version.data or "")))
    except Refusal as refusal:
        if isinstance(refusal, NotFound) and refusal.params.get("kind") == "invoice":
            refusal = Refusal("unknown_invoice_here", "invoice_no", value=refusal.params["key"])
        form.blame(refusal)
        return pages.render("cash/recover.html", _status(context, refusal, number), **context)
    flash(i18n.gettext("{amount} {currency} recovered for invoice {number}.", amount=i18n.group(total, credit.currency), currency=credit.currency, number=invoice))
    return pages.go("cash.show", kind="receipt", number=number)
