"""Invoices: the list, and the page of one with its parts, what settled it, its postings and its history."""

from __future__ import annotations

from flask import Blueprint, Response, flash, request
from wtforms import SelectField, StringField, validators
from wtforms.widgets import DateInput

from collect import i18n
from collect.domain import money
from collect.domain.errors import NotFound, Refusal
from collect.reports import audit, invoices, options
from collect.reports import document as reports
from collect.services import receivables as services
from collect.storage.customers import find_customer
from collect.storage.listings import DocumentWish
from collect.web import bars, files, numbers, pages, words
from collect.web.aging import document_address
from collect.web.differences import differences
from collect.web.pages import FilterForm, PageForm, Permission, needs

blueprint = Blueprint("invoices", __name__, url_prefix="/invoices")
blueprint.record_once(numbers.register)

STATES = {
    "": i18n.lazy("All"),
    "open": i18n.lazy("Still open"),
    "overdue": i18n.lazy("Overdue"),
    "waiting": i18n.lazy("Waiting for an event"),
    "settled": i18n.lazy("Settled"),
    "void": i18n.lazy("Void"),
}


class InvoiceFilter(FilterForm):
    """Which invoices."""

    q = StringField(i18n.lazy("Invoice no."))
    customer = StringField(i18n.lazy("Customer no."))
    state = SelectField(i18n.lazy("State"), choices=pages.choices(STATES), validate_choice=False)


class EventForm(PageForm):
    """On which day the event happened that a due date waits for."""

    trigger = SelectField(i18n.lazy("Event"), choices=[], validate_choice=False)
    happened = StringField(i18n.lazy("Happened on"), [validators.InputRequired()], widget=DateInput())
    reason = StringField(i18n.lazy("Note"), [validators.Length(max=400)])


class DueForm(PageForm):
    """Another due date; `part` names the part and its version as the page showed it."""

    part = SelectField(i18n.lazy("Part"), choices=[], validate_choice=False)
    due = StringField(i18n.lazy("New due date"), [validators.InputRequired()], widget=DateInput())
    reason = StringField(i18n.lazy("Reason"), [validators.InputRequired(), validators.Length(max=400)])


@blueprint.get("")
@needs(Permission.READ_LEDGER)
def index() -> Response:
    """The list, the last recorded first, as a page or as a file of what the filter selects."""
    form = InvoiceFilter(request.args)
    wanted = request.args.get("format", "")
    after = request.args.get("after", "")
    with pages.read_view() as view:
        scope = view.actor.scope
        customer_id = None
        if form.customer.data:
            number = money.fold(form.customer.data).replace("\x00", "")
            customer = find_customer(view.session, scope, number)
            if customer is None:
                raise NotFound("customer", number)
            customer_id = customer.id
        wish = DocumentWish(view.today, money.fold(form.q.data or "").replace("\x00", ""), customer_id, "", form.state.data or "")
        if wanted:
            return files.of_table(view, invoices.as_table(invoices.all_entries(view, scope, wish), view.today), wanted, f"invoices-{view.today.isoformat()}")
        size = pages.page_size()
        found = invoices.entries(view, scope, wish, numbers.row_id(after), size + 1)
    page = pages.page_of(found, size, lambda row: str(row.id), not after)
    filtered = bool(wish.text or customer_id is not None or wish.state)
    return pages.render("receivables/index.html", form=form, page=page, filtered=filtered, today=wish.today)


@blueprint.get("/<number:number>")
@needs(Permission.READ_LEDGER)
def show(number: str) -> Response:
    """An invoice's page."""
    return _page(number)


@blueprint.post("/<number:number>/event")
@needs(Permission.ALLOCATE)
def record_event(number: str) -> Response:
    """The event has happened: the due date is no longer provisional."""
    form = EventForm()
    if not form.validate():
        return _page(number, 422, form)
    try:
        happened = options.parse_day((form.happened.data or "").strip(), "happened")
        pages.write(lambda work: services.record_event(work, number, happened, (form.reason.data or "").strip() or None, form.trigger.data or None))
    except Refusal as refusal:
        if refusal.code == "no_event_awaited":
            raise
        form.blame(refusal)
        return _page(number, 422, form)
    flash(i18n.gettext("The event is recorded; the due date is fixed."))
    return pages.go("invoices.show", number=number)


@blueprint.post("/<number:number>/due")
@needs(Permission.ALLOCATE)
def move_due(number: str) -> Response:
    """Put the due date of the invoice, or of one of its parts, on another day."""
    form = DueForm()
    if not form.validate():
        return _page(number, 422, moved=form)
    part, _, version = (form.part.data or "").partition("|")
    if not all(told.isascii() and told.isdigit() and len(told) < 10 for told in (part, version)):
        raise NotFound("invoice", number)
    try:
        due = options.parse_day((form.due.data or "").strip(), "due")
        pages.write(lambda work: services.move_due(work, number, int(part), due, form.reason.data or "", int(version)))
    except Refusal as refusal:
        form.blame(refusal)
        return _page(number, 409 if refusal.code == "changed_meanwhile" else 422, moved=form)
    flash(i18n.gettext("The due date is {day} from today on.", day=due.isoformat()))
    return pages.go("invoices.show", number=number)


def _page(number: str, status: int = 200, refused: EventForm | None = None, moved: DueForm | None = None) -> Response:
    """The page, with a form that was refused in the place of its empty one."""
    with pages.read_view() as view:
        invoice = reports.invoice(view, view.actor.scope, number)
        people = audit.people(view)
        today = view.today
        may = view.actor.may(Permission.ALLOCATE)
    form = (refused or EventForm(formdata=None)) if may and invoice.waiting else None
    if form is not None:
        awaited = {part.trigger: i18n.lazy(words.TRIGGERS[part.trigger]) for part in invoice.waiting if part.trigger in words.TRIGGERS}
        form.trigger.choices = pages.choices(awaited)
    movable = [part for part in invoice.parts if part.open and part.due]
    due_form = (moved or DueForm(formdata=None)) if may and movable else None
    if due_form is not None:
        due_form.part.choices = pages.choices({f"{part.part}|{part.version}": f"{part.part} · {part.due.isoformat()}" for part in movable if part.due})
        if moved is not None:  # a part that was changed meanwhile is offered as it is now
            wanted = (moved.part.data or "").partition("|")[0]
            moved.part.data = next((f"{part.part}|{part.version}" for part in movable if str(part.part) == wanted), None)
    changes = {step.change: differences(step.change.before, step.change.after, people) for step in invoice.history if step.change}
    days = (today - invoice.next_due).days if invoice.next_due else 0
    context = {"invoice": invoice, "form": form, "due_form": due_form, "today": today, "days": days, "changes": changes, "words": words, "document_address": document_address}
    return pages.render("receivables/show.html", status, tone=bars.tone, **context)
