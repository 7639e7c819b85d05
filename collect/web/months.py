"""Months of the books: which are closed, closing one and opening it again, with the reason on record (S9)."""

from __future__ import annotations

from datetime import timedelta

from flask import Blueprint, Response, flash
from wtforms import StringField, validators

from collect import i18n
from collect.domain import ledger
from collect.domain.errors import Refusal
from collect.reports import months as reports
from collect.services import months as services
from collect.web import pages
from collect.web.pages import PageForm, Permission, needs

blueprint = Blueprint("months", __name__, url_prefix="/months")


class CloseForm(PageForm):
    """Which month to close, and why if there is anything to say."""

    month = StringField(i18n.lazy("Month"), [validators.InputRequired(), validators.Length(max=7)])
    reason = StringField(i18n.lazy("Note"), [validators.Length(max=200)])


class ReopenForm(PageForm):
    """Which month to open again; the reason is needed."""

    month = StringField(i18n.lazy("Month"), [validators.InputRequired(), validators.Length(max=7)])
    reason = StringField(i18n.lazy("Reason"), [validators.Length(max=200)])


@blueprint.get("")
@needs(Permission.CLOSE_MONTH)
def index() -> Response:
    """Every month that was closed or opened again."""
    return _page()


@blueprint.post("/close")
@needs(Permission.CLOSE_MONTH)
def close() -> Response:
    """Close a month."""
    form = CloseForm()
    if not form.validate():
        return _page(422, close_form=form)
    month = (form.month.data or "").strip()
    try:
        pages.write(lambda work: services.close(work, month, form.reason.data))
    except Refusal as refusal:
        form.blame(refusal)
        return _page(422, close_form=form)
    flash(i18n.gettext("{month} is closed: no entry can be effective in it.", month=month))
    return pages.go("months.index")


@blueprint.post("/reopen")
@needs(Permission.CLOSE_MONTH)
def reopen() -> Response:
    """Open a month again."""
    form = ReopenForm()
    if not form.validate():
        return _page(422, reopen_form=form)
    month = (form.month.data or "").strip()
    try:
        pages.write(lambda work: services.reopen(work, month, form.reason.data))
    except Refusal as refusal:
        form.blame(refusal)
        return _page(422, reopen_form=form)
    flash(i18n.gettext("{month} is open again.", month=month))
    return pages.go("months.index")


def _page(status: int = 200, close_form: CloseForm | None = None, reopen_form: ReopenForm | None = None) -> Response:
    """The page, with a form that was refused in the place of its empty one."""
    with pages.read_view() as view:
        entries = reports.history(view)
        closed = reports.closed(view)
        last = ledger.month_of(view.today.replace(day=1) - timedelta(days=1))
    suggested = last if last not in closed else ""
    return pages.render(
        "months/index.html",
        status,
        entries=entries,
        closed=closed,
        close_form=close_form or CloseForm(formdata=None, month=suggested),
        reopen_form=reopen_form or ReopenForm(formdata=None),
    )
