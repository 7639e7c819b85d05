"""The order of settlement: what holds for everybody with its source, and the customers whose contract agrees otherwise (S14)."""

from __future__ import annotations

from flask import Blueprint, Response, flash
from wtforms import SelectField, StringField, validators

from collect import i18n
from collect.domain import money
from collect.domain.errors import NotFound, Refusal
from collect.i18n import mark as _
from collect.services import ordering as services
from collect.storage.bank_lines import load_agreed
from collect.web import numbers, pages
from collect.web.pages import PageForm, Permission, needs

blueprint = Blueprint("ordering", __name__, url_prefix="/bank")
blueprint.record_once(numbers.register)

CHOICES = {"costs": _("Costs, interest, principal"), "oldest": _("The oldest due first")}
KINDS = {"fee": _("claimed costs"), "interest": _("claimed interest")}


class AgreeForm(PageForm):
    """What a customer's contract agrees, with its clause."""

    customer_no = StringField(i18n.lazy("Customer no."), [validators.InputRequired(), validators.Length(max=64)])
    order = SelectField(i18n.lazy("Order agreed"), choices=pages.choices({key: i18n.lazy(label) for key, label in CHOICES.items()}), validate_choice=False)
    clause = StringField(i18n.lazy("Clause of the contract"), [validators.InputRequired(), validators.Length(max=200)])


@blueprint.route("/order", methods=["GET", "POST"])
@needs(Permission.ALLOCATE)
def index() -> Response:
    """The order that holds, and the customers with another."""
    form = AgreeForm()
    status = 200
    if form.is_submitted():
        try:
            if form.validate():
                if form.order.data not in CHOICES:
                    raise Refusal("not_a_choice", "order", value=form.order.data or "", allowed=", ".join(CHOICES))
                pages.write(lambda work: services.agree(work, money.fold(form.customer_no.data or ""), form.order.data == "costs", form.clause.data or ""))
                flash(i18n.gettext("The order agreed with customer {number} holds from now on.", number=form.customer_no.data))
                return pages.go("ordering.index")
        except NotFound as refusal:
            form.blame(Refusal("unknown_customer", "customer_no", value=refusal.params["key"]))
        except Refusal as refusal:
            form.blame(refusal)
        status = 422
    with pages.read_view() as view:
        usual = services.usual(view.session, view.seller, view.today)
        rows = load_agreed(view.session, view.actor.scope)
    first = [i18n.gettext(KINDS[kind]) for kind in usual.first]
    return pages.render("ordering/index.html", status, form=form, usual=usual, first=first, rows=rows, language=i18n.current())


@blueprint.post("/order/<number:number>/end")
@needs(Permission.ALLOCATE)
def end(number: str) -> Response:
    """A contract agrees on nothing any more."""
    pages.write(lambda work: services.end_agreement(work, number))
    flash(i18n.gettext("For customer {number} the usual order holds again.", number=number))
    return pages.go("ordering.index")
