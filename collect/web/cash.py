"""Receipts and credit notes: what became of one, applying what is left of it, and taking an allocation back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, Protocol

from flask import Blueprint, Response, flash, url_for
from wtforms import BooleanField, SelectField, StringField, TextAreaField, validators
from wtforms.widgets import DateInput

from collect import i18n
from collect.domain import application, money
from collect.domain.errors import NotFound, Refusal
from collect.reports import document as reports
from collect.reports import options
from collect.runtime import Work
from collect.services import cash as services
from collect.services import ordering
from collect.storage.cash import find_credit, load_payable, load_written_off
from collect.storage.customers import find_customer
from collect.storage.discounts import load_offers
from collect.web import numbers, pages, words
from collect.web.pages import PageForm, Permission, needs

blueprint = Blueprint("cash", __name__)
blueprint.record_once(numbers.register)

OFFERED = 200
"""So many open invoices are offered while a number is typed."""
TOLD = 8
"""Of so many it is told what settles them with their early payment discount."""


class ApplyForm(PageForm):
    """Which credit settles how much of which invoice, from which day on."""

    credit = SelectField(i18n.lazy("Receipt or credit"), choices=[], validate_choice=False)
    invoice_no = StringField(i18n.lazy("Invoice"), [validators.InputRequired(), validators.Length(max=64)])
    amount = StringField(i18n.lazy("Amount"), [validators.Length(max=40)])
    effective = StringField(i18n.lazy("Effective"), widget=DateInput())
    claims = BooleanField(i18n.lazy("First what is claimed about it"))


class UndoForm(PageForm):
    """Why an allocation is taken back."""

    reason = TextAreaField(i18n.lazy("Reason"), [validators.InputRequired(), validators.Length(max=400)])


class Offered(Protocol):
    """What is left of a receipt or credit, as far as the form shows it."""

    @property
    def kind(self) -> str: ...
    @property
    def number(self) -> str: ...
    @property
    def currency(self) -> str: ...
    @property
    def day(self) -> date: ...
    @property
    def open(self) -> int: ...
    @property
    def version(self) -> int: ...


@blueprint.get("/receipts/<number:number>", defaults={"kind": "receipt"})
@blueprint.get("/credits/<number:number>", defaults={"kind": "credit_note"})
@blueprint.get("/write-offs/<number:number>", defaults={"kind": "write_off"})
@blueprint.get("/set-offs/<number:number>", defaults={"kind": "set_off"})
@blueprint.get("/discounts/<number:number>", defaults={"kind": "discount"})
@needs(Permission.READ_LEDGER)
def show(kind: str, number: str) -> Response:
    """The page of a receipt, a credit note, a write-off, a set-off or a discount."""
    return _page(kind, number)


@blueprint.post("/receipts/<number:number>/apply", defaults={"kind": "receipt"})
@blueprint.post("/credits/<number:number>/apply", defaults={"kind": "credit_note"})
@needs(Permission.ALLOCATE)
def apply(kind: str, number: str) -> Response:
    """Apply what is left of it to an invoice."""
    form = ApplyForm()
    if not form.validate():
        return _page(kind, number, 422, form)
    try:
        chosen_kind, chosen_no, version = chosen(form.credit.data or "")
        if (chosen_kind, chosen_no) != (kind, number):
            raise NotFound(kind, number)
        flash(apply_money(kind, number, form, version, None))
    except Refusal as refusal:
        form.blame(on_form(refusal))
        return _page(kind, number, 409 if refusal.code == "changed_meanwhile" else 422, form)
    return pages.go("cash.show", kind=kind, number=number)


@blueprint.route("/allocations/<int:allocation_id>/undo", methods=["GET", "POST"])
@needs(Permission.ALLOCATE)
def undo(allocation_id: int) -> Response:
    """Take an allocation back, with a reason: both documents are open again by as much."""
    with pages.read_view() as view:
        join = reports.allocation(view, view.actor.scope, allocation_id)
    form = UndoForm()
    context: dict[str, Any] = {"join": join, "form": form, "credit_address": url_for("cash.show", kind=join.kind, number=join.number), "words": words}
    if not form.is_submitted():
        return pages.render("cash/undo.html", **context)
    if not form.validate():
        return pages.render("cash/undo.html", 422, **context)
    try:
        pages.write(lambda work: services.unapply(work, allocation_id, (form.reason.data or "").strip()))
    except Refusal as refusal:
        form.blame(refusal)
        return pages.render("cash/undo.html", 422, **context)
    told = {"amount": i18n.group(join.amount, join.currency), "currency": join.currency, "number": join.invoice}
    flash(i18n.gettext("{amount} {currency} of invoice {number} are open again.", **told))
    return pages.go("invoices.show", number=join.invoice)


def _page(kind: str, number: str, status: int = 200, refused: ApplyForm | None = None) -> Response:
    """The page, with a form that was refused in the place of its empty one."""
    with pages.read_view() as view:
        scope = view.actor.scope
        credit = reports.credit(view, scope, kind, number)
        open_items = load_payable(view.session, scope, credit.customer.id, credit.currency, OFFERED) if credit.rest else []
        if credit.prepaid:
            open_items = [item for item in open_items if item.po_no == credit.order_no]
        may = credit.rest and open_items and view.actor.may(Permission.ALLOCATE)
        order = ordering.load(view.session, scope, view.seller, view.today).of(credit.customer.id) if may else None
        offers = load_offers(view.session, scope, [item.id for item in open_items], credit.day) if may and application.may_earn(kind, credit.method) else {}
        written_off = bool(load_written_off(view.session, scope, credit.customer.id, credit.currency)) if credit.rest else False
    early = [(item, offers[item.id]) for item in open_items if item.id in offers and item.open - offers[item.id].minor <= credit.rest][:TOLD]
    form = offer(refused, [credit], credit, status) if may else None
    told = {"words": words, "written_off": written_off, "order": order if kind == "receipt" else None, "language": i18n.current()}
    return pages.render("cash/show.html", status, credit=credit, open_items=open_items, early=early, form=form, **told)


def offer(refused: ApplyForm | None, credits: Sequence[Offered], only: Offered | None, status: int) -> ApplyForm:
    """The form with the credits to choose from; each option carries the version it was read with."""
    form = refused or ApplyForm(formdata=None, credit=_option(only) if only else None)
    shown = {"receipt": i18n.gettext("Receipt"), "credit_note": i18n.gettext("Credit note")}
    offered = {
        _option(each): f"{shown.get(each.kind, each.kind)} {each.number} · {each.day.isoformat()} · {i18n.group(each.open, each.currency)} {each.currency}" for each in credits
    }
    form.credit.choices = pages.choices(offered)
    if refused is not None and status == 409:
        before = (refused.credit.data or "").rpartition("|")[0]
        form.credit.data = next((option for option in offered if option.rpartition("|")[0] == before), None)
    return form


def _option(each: Offered) -> str:
    return f"{each.kind}|{each.number}|{each.version}"


def chosen(option: str) -> tuple[str, str, int]:
    """Kind, number and version of the credit that was chosen; NotFound for what no form of ours offers."""
    kind, _, rest = option.partition("|")
    number, _, version = rest.rpartition("|")
    if kind not in ("receipt", "credit_note") or not number or not (version.isascii() and version.isdigit() and len(version) < 10):
        raise NotFound("receipt", option)
    return kind, number, int(version)


def apply_money(kind: str, number: str, form: ApplyForm, version: int, customer_no: str | None) -> str:
    """Apply a credit as the form says; returns the sentence that says what was done.

    Refusal `changed_meanwhile` when the credit is not as the form showed it (so a form sent twice counts once);
    NotFound for a credit outside the scope or of another customer than the page's.
    """

    def act(work: Work) -> tuple[int, str]:
        scope = work.actor.scope
        credit = find_credit(work.session, scope, kind, number)
        customer = find_customer(work.session, scope, customer_no) if customer_no is not None else None
        if credit is None or (customer_no is not None and (customer is None or customer.id != credit.customer_id)):
            raise NotFound(kind, number)
        if credit.version != version:
            raise Refusal("changed_meanwhile", None, what=number)
        amount = money.parse(form.amount.data, credit.currency) if form.amount.data and form.amount.data.strip() else None
        effective = options.parse_day(form.effective.data.strip(), "effective") if form.effective.data and form.effective.data.strip() else None
        invoice = money.fold(form.invoice_no.data or "")
        if form.claims.data:
            first = ordering.load(work.session, scope, work.seller, work.today).of(credit.customer_id).first
            return services.apply_with_claims(work, kind, number, invoice, amount, effective, first), credit.currency
        return services.apply(work, kind, number, invoice, amount, effective), credit.currency

    total, currency = pages.write(act)
    return i18n.gettext("{amount} {currency} applied to invoice {number}.", amount=i18n.group(total, currency), currency=currency, number=form.invoice_no.data)


def on_form(refusal: Refusal) -> Refusal:
    """The refusal with the form's own name for its field; an invoice nobody knows is a wrong entry, not a missing page."""
    if isinstance(refusal, NotFound) and refusal.params.get("kind") == "invoice":
        return Refusal("unknown_invoice_here", "invoice_no", value=refusal.params["key"])
    refusal.field = {"allocated": "amount"}.get(refusal.field or "", refusal.field)
    return refusal
