"""Saved views on the pages: the row of links above a list, the page to name, default and delete them, and the default that opens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, flash, g, make_response, redirect, request, url_for
from flask.sansio.blueprints import BlueprintSetupState
from wtforms import BooleanField, HiddenField, StringField, validators

from collect import i18n
from collect.domain.errors import Refusal
from collect.i18n import mark as _
from collect.runtime import Work
from collect.services import views as services
from collect.storage.views import Offered, SavedView
from collect.web import numbers, pages
from collect.web.pages import PageForm, Permission, needs

blueprint = Blueprint("views", __name__, url_prefix="/views")

PLACES = {
    "aging": ("aging.index", _("Aging")),
    "invoices": ("invoices.index", _("Invoices")),
    "customers": ("customers.index", _("Customers")),
    "promises": ("cases.index", _("Promises")),
    "reminders": ("reminders.index", _("Reminders")),
    "bank_lines": ("matching.index", _("Bank lines")),
}
"""Where a page with views stands, and what it is called."""
_PAGES = {endpoint: page for page, (endpoint, _label) in PLACES.items()}
PLAIN = "plain"
"""`?view=plain` is the page as it comes, whatever view it would open with."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A view as a page offers it: where it leads, whether it is the one on the screen, and whether this person made it and opens the page with it."""

    view: SavedView
    place: str
    address: str
    current: bool
    mine: bool
    opens: bool


@dataclass(frozen=True, slots=True)
class Offer:
    """The row above a list: the views, and what would be saved; `plain` leads to the page without a view."""

    page: str
    shown: list[Shown]
    plain: str
    is_plain: bool
    query: str
    may_share: bool


class SaveForm(PageForm):
    """The filters on the screen under a name."""

    page = HiddenField()
    query = HiddenField()
    name = StringField(i18n.lazy("Name of the view"), [validators.Length(max=400)])
    opens = BooleanField(i18n.lazy("Open the page with it for me"))
    shared = BooleanField(i18n.lazy("For everybody"))


class ChangeForm(PageForm):
    """Another name, the default, or away with it."""

    view = HiddenField()
    version = HiddenField()
    name = StringField(i18n.lazy("Name of the view"), [validators.Length(max=400)])
    opens = BooleanField(i18n.lazy("Open the page with it for me"))


def offer(page: str) -> Offer:
    """What the row above a list shows; for templates."""
    known = _known(page)
    try:
        now = services.clean(page, request.query_string.decode("utf-8", "replace"))
    except Refusal:
        now = ""  # nothing that could be kept: the row offers what is saved
    endpoint, _label = PLACES[page]
    shown = [_shown(one, one.view.query == now) for one in known]
    return Offer(page, shown, url_for(endpoint, **plain(page)), not now, now, services.may_share(pages.actor()))


def plain(page: str) -> dict[str, Any]:
    """What an address of the page needs to be the page as it comes: nothing, unless a view opens it."""
    opened = services.opening(_known(page))
    return {"view": PLAIN} if opened and opened.query else {}


@blueprint.get("")
@needs(Permission.READ_LEDGER)
def index() -> Response:
    """All views of this person, and everybody's."""
    return _page()


@blueprint.post("/save")
@needs(Permission.READ_LEDGER)
def save() -> Response:
    """Keep the filters on the screen."""
    form = SaveForm()
    try:
        if not form.validate():
            return _page(422, form)
        page = form.page.data or ""
        keep: dict[str, Any] = {"shared": bool(form.shared.data), "opens": bool(form.opens.data)}
        pages.write(lambda work: services.save(work, page, form.name.data or "", form.query.data or "", **keep))
        address = _address(page, services.clean(page, form.query.data or ""))
    except Refusal as refusal:
        form.blame(refusal)
        return _page(422, form)
    flash(i18n.gettext("The view is saved."))
    return make_response(redirect(address, 303))


@blueprint.post("/change")
@needs(Permission.READ_LEDGER)
def change() -> Response:
    """Another name, or the default."""
    return _edit(lambda work, form: services.change(work, *_which(form), form.name.data or "", bool(form.opens.data)), i18n.gettext("The view is changed."))


@blueprint.post("/choose")
@needs(Permission.READ_LEDGER)
def choose() -> Response:
    """Open the page with it, or no longer, whoever made it."""
    return _edit(lambda work, form: services.choose(work, numbers.row_id(form.view.data or ""), bool(form.opens.data)), i18n.gettext("The view is changed."))


@blueprint.post("/delete")
@needs(Permission.READ_LEDGER)
def remove() -> Response:
    """Away with it."""
    return _edit(lambda work, form: services.remove(work, *_which(form)), i18n.gettext("The view is deleted."))


def _edit(act: Callable[[Work, ChangeForm], None], done: str) -> Response:
    form = ChangeForm()
    try:
        if not form.validate():
            return _page(422, changed=form)
        pages.write(lambda work: act(work, form))
    except Refusal as refusal:
        form.blame(refusal)
        return _page(409 if refusal.code == "changed_meanwhile" else 422, changed=form)
    flash(done)
    return pages.go("views.index")


def _which(form: ChangeForm) -> tuple[int | None, int | None]:
    """The view and its version as the form was made from."""
    return numbers.row_id(form.view.data or ""), numbers.row_id(form.version.data or "")


def _page(status: int = 200, saved: SaveForm | None = None, changed: ChangeForm | None = None) -> Response:
    """The page of all views; a form that was refused stands in its place with what was typed."""
    with pages.read_view() as view:
        known = services.offered(view.session, view.actor)
    shown = [_shown(one, False) for one in known]
    forms = {}
    for one in shown:
        if one.mine:
            forms[one.view.id] = ChangeForm(formdata=None, view=str(one.view.id), version=str(one.view.version), name=one.view.name, opens=one.opens)
    key = numbers.row_id(changed.view.data or "") if changed else None
    if changed and key in forms:
        changed.version.data = forms[key].version.data
        forms[key] = changed
    lost = changed if changed and key not in forms else None
    may_share = services.may_share(pages.actor())
    back = f"{url_for(PLACES[saved.page.data][0])}?{saved.query.data or ''}" if saved and saved.page.data in PLACES else ""
    return pages.render("views/index.html", status, shown=shown, forms=forms, saved=saved, lost=lost, may_share=may_share, back=back)


def _shown(one: Offered, current: bool) -> Shown:
    view = one.view
    return Shown(view, PLACES[view.page][1], _address(view.page, view.query), current, view.made_by == pages.actor().user_id, one.opens)


def _address(page: str, query: str) -> str:
    """The page with a view's parameters; cleaned again, because they may come from a form. Refusal `view_page`."""
    kept = services.clean(page, query)
    return url_for(PLACES[page][0], view=PLAIN) if not kept else f"{url_for(PLACES[page][0])}?{kept}"


def _known(page: str) -> list[Offered]:
    """The views of a page, read once a request."""
    if g.get("views_of") != page:
        with pages.read_view() as view:
            g.views = services.offered(view.session, view.actor, page)
        g.views_of = page
    found: list[Offered] = g.views
    return found


def _open_default() -> Response | None:
    """A page asked for without any parameter opens with the person's default view, where there is one."""
    page = _PAGES.get(request.endpoint or "")
    if page is None or request.method not in ("GET", "HEAD") or request.query_string or pages.block_wanted() or not pages.may(Permission.READ_LEDGER):
        return None
    chosen = services.opening(_known(page))
    return make_response(redirect(_address(page, chosen.query), 302)) if chosen and chosen.query else None


def _register(state: BlueprintSetupState) -> None:
    """Pages call `saved_views("aging")` in their templates; the default opens before the page's own view runs."""
    state.app.jinja_env.globals["saved_views"] = offer
    state.app.before_request(_open_default)


blueprint.record_once(_register)
