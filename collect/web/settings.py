"""Settings: where they begin, and those of the company."""

from __future__ import annotations

from flask import Blueprint, Response, flash
from wtforms import IntegerField, StringField, validators
from wtforms.widgets import HiddenInput

from collect import i18n
from collect.domain.errors import Refusal
from collect.services import company
from collect.web import pages
from collect.web.pages import PageForm, Permission, needs

blueprint = Blueprint("settings", __name__, url_prefix="/settings")


class CompanyForm(PageForm):
    """The company's name and aging buckets; `version` tells whether somebody else changed them meanwhile."""

    name = StringField(i18n.lazy("Company name"), [validators.InputRequired(), validators.Length(max=200)])
    buckets = StringField(i18n.lazy("Aging buckets"), [validators.InputRequired(), validators.Length(max=200)])
    version = IntegerField(widget=HiddenInput())


@blueprint.get("")
@needs(Permission.MANAGE_SETTINGS)
def index() -> Response:
    """Settings begin with the people."""
    return pages.go("users.index" if pages.may(Permission.MANAGE_USERS) else "settings.edit_company")


@blueprint.route("/company", methods=["GET", "POST"])
@needs(Permission.MANAGE_SETTINGS)
def edit_company() -> Response:
    """The company's name and aging buckets; what else it is was settled when it was made."""
    with pages.read_view() as view:
        seller = view.seller
    form = CompanyForm(obj=seller)
    if not form.is_submitted():
        return pages.render("settings/company.html", form=form, seller=seller)
    if not form.validate():
        return pages.render("settings/company.html", 422, form=form, seller=seller)
    try:
        pages.write(lambda work: company.edit(work, form.name.data or "", form.buckets.data or "", form.version.data or 0))
    except Refusal as refusal:
        form.blame(refusal)
        stale = refusal.code == "changed_meanwhile"
        if stale:
            form.version.data = seller.version
        return pages.render("settings/company.html", 409 if stale else 422, form=form, seller=seller)
    flash(i18n.gettext("The company's settings are saved."))
    return pages.go("settings.edit_company")
