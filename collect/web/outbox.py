"""The outbox: messages by state, one message as it goes out with its history, and settling what nobody knows (S20, S21)."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, flash, request
from wtforms import RadioField, StringField, validators

from collect import contact_words, i18n
from collect.domain import money
from collect.domain.errors import Refusal
from collect.domain.rights import SYSTEM
from collect.reports import outbox as reports
from collect.services import dispatch
from collect.web import numbers, pages, words
from collect.web.pages import FilterForm, PageForm, Permission, needs

blueprint = Blueprint("outbox", __name__, url_prefix="/outbox")
blueprint.record_once(numbers.register)
TONES = {"queued": "quiet", "leased": "quiet", "handover": "warn", "uncertain": "bad", "failed": "bad", "sent": "good", "cancelled": "quiet"}


class OutboxFilter(FilterForm):
    """Whose messages."""

    customer = StringField(i18n.lazy("Customer no."))


class SettleForm(PageForm):
    """What a person found out about an uncertain message, or that a failed one is to be tried again."""

    answer = RadioField(i18n.lazy("What happened to it?"), [validators.InputRequired()], choices=[])


@blueprint.get("")
@needs(Permission.READ_LEDGER)
def index() -> Response:
    """The messages of the visitor's customers, newest first."""
    form = OutboxFilter(request.args)
    state = request.args.get("state", "")
    wanted = [state] if state in words.MESSAGE_STATES else []
    after = request.args.get("after", "")
    customer = money.fold(form.customer.data or "").replace("\x00", "") or None
    size = pages.page_size()
    with pages.read_view() as view:
        found = reports.messages(view, view.actor.scope, wanted, customer, numbers.row_id(after), size + 1)
        counts = reports.counts(view, view.actor.scope)
    page = pages.page_of(found, size, lambda one: str(one.id), not after)
    return pages.render("outbox/index.html", words=words, page=page, counts=counts, state=state if wanted else "", form=form, **_words())


@blueprint.get("/<int:message_id>")
@needs(Permission.READ_LEDGER)
def show(message_id: int) -> Response:
    """One message: to whom, when, what it says, and what became of it."""
    return _page(message_id)


@blueprint.post("/<int:message_id>/settle")
@needs(Permission.SEND)
def settle(message_id: int) -> Response:
    """A person's word on a message: it arrived, or it did not and goes out again after every check."""
    form = SettleForm()
    form.answer.choices = pages.choices({"sent": "", "not-sent": ""})
    if not form.validate():
        return _page(message_id, 422, form)
    try:
        state = pages.write(lambda work: dispatch.resolve(work, message_id, form.answer.data or ""))
    except Refusal as refusal:
        form.blame(refusal)
        return _page(message_id, 409, form)
    flash(i18n.gettext("The message counts as sent.") if state == "sent" else i18n.gettext("The message is queued again; everything is checked once more before it goes out."))
    return pages.go("outbox.show", message_id=message_id)


def _page(message_id: int, status: int = 200, refused: SettleForm | None = None) -> Response:
    """The page, with a form that was refused in the place of its empty one."""
    with pages.read_view() as view:
        message, history = reports.message(view, view.actor.scope, message_id)
    form = None
    if pages.may(Permission.SEND) and message.state in ("uncertain", "failed"):
        form = refused or SettleForm(formdata=None)
        again = i18n.lazy("It did not arrive: check and send again")
        form.answer.choices = pages.choices({"sent": i18n.lazy("It arrived: count it as sent"), "not-sent": again} if message.state == "uncertain" else {"not-sent": again})
    errors = refused.form_errors if refused is not None and form is None else []
    return pages.render("outbox/show.html", status, message=message, history=history, form=form, errors=errors, words=words, system=words.who(SYSTEM.name), **_words())


def _words() -> dict[str, Any]:
    return {"states": words.MESSAGE_STATES, "tones": TONES, "steps": contact_words.CONTACT_STEPS, "reasons": words.REASONS}
