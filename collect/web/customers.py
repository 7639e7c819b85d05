"""Customers: the list, and the one page that tells a customer's whole story; applying money and naming who looks after him."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

from flask import Blueprint, Response, flash, request, url_for
from wtforms import BooleanField, IntegerField, SelectField, StringField
from wtforms.widgets import HiddenInput

from collect import i18n, sentences
from collect.domain import money
from collect.domain.errors import Refusal
from collect.domain.rights import Role
from collect.reports import cases as case_reports
from collect.reports import customer as reports
from collect.reports import escalations, reminders
from collect.reports.aging_rows import AgingRow
from collect.reports.customer import Profile
from collect.runtime import View
from collect.services import customers as services
from collect.services.setup import default_buckets
from collect.storage import listings
from collect.storage.cash import load_prepayments
from collect.storage.customers import find_customer
from collect.storage.deliveries import load_exposure
from collect.storage.discounts import load_offers
from collect.storage.listings import CustomerWish, Mark
from collect.storage.users import load_users
from collect.web import bars, cases, cash, files, numbers, pages, words
from collect.web.aging import document_address
from collect.web.differences import Difference, differences
from collect.web.pages import FilterForm, PageForm, Permission, needs

blueprint = Blueprint("customers", __name__, url_prefix="/customers")
blueprint.record_once(numbers.register)

SHOWN_HAPPENINGS = 15
"""So many lines of the timeline stand on the customer's page; the rest is one click away."""


class CustomerFilter(FilterForm):
    """Which customers, and in which order."""

    q = StringField(i18n.lazy("Number or name"))
    rep = SelectField(i18n.lazy("Rep"), choices=[], validate_choice=False)
    segment = SelectField(i18n.lazy("Segment"), choices=[], validate_choice=False)
    sort = SelectField(i18n.lazy("Order"), choices=pages.choices({"": i18n.lazy("By name"), "number": i18n.lazy("By number")}), validate_choice=False)
    overdue = BooleanField(i18n.lazy("Only overdue"))


class DutyForm(PageForm):
    """Who looks after the customer from today on; `version` tells whether somebody else changed it meanwhile."""

    duty = SelectField(i18n.lazy("Duty"), choices=pages.choices({key: i18n.lazy(label) for key, label in words.DUTIES.items()}))
    person = SelectField(i18n.lazy("Person"), choices=[], validate_choice=False)
    version = IntegerField(widget=HiddenInput())


@dataclass(frozen=True, slots=True)
class Happened:
    """A line of the timeline in the reader's words."""

    entry: listings.Happening
    title: str
    address: str
    other: str
    differences: list[Difference]
    reason: str


@blueprint.get("")
@needs(Permission.READ_LEDGER)
def index() -> Response:
    """The list, as a page or as a file with exactly what the page's filter selects."""
    form = CustomerFilter(request.args)
    wanted = request.args.get("format", "")
    with pages.read_view() as view:
        scope = view.actor.scope
        reps = _reps(view)
        form.rep.choices = pages.choices({"": i18n.lazy("Everybody"), **dict(reps.values())})
        form.segment.choices = pages.choices({"": i18n.lazy("All"), **{name: name for name in listings.load_segments(view.session, scope)}})
        wish = _wish(view, form, reps)
        if wanted:
            return files.of_table(view, reports.as_table(reports.all_lines(view, scope, wish), wish.today), wanted, f"customers-{wish.today.isoformat()}")
        after = find_customer(view.session, scope, request.args.get("after", "").replace("\x00", "")) if request.args.get("after") else None
        size = pages.page_size()
        found = reports.lines(view, scope, wish, (after.sort_key, after.customer_no) if after else None, size + 1)
    last = _cut(found, size)
    page = pages.Page(found[:last], found[last - 1].entry.customer_no if last < len(found) else None, after is None)
    filtered = bool(wish.text or wish.rep_id is not None or wish.segment or wish.overdue)
    return pages.render("customers/index.html", form=form, page=page, filtered=filtered, today=wish.today, hide_rep=not pages.actor().scope.everything and len(reps) < 2)


def _reps(view: View) -> dict[int, tuple[str, str]]:
    """User id to user name and full name of everybody who is rep of a visible customer."""
    present = set(listings.load_reps(view.session, view.actor.scope))
    return {user.id: (user.username, user.name) for user in load_users(view.session) if user.id in present}


def _wish(view: View, form: CustomerFilter, reps: dict[int, tuple[str, str]]) -> CustomerWish:
    """What the address asks for; a rep who is none selects nobody."""
    chosen = form.rep.data or ""
    rep_id = next((key for key, (username, _) in reps.items() if username == chosen), -1) if chosen else None
    text = money.fold(form.q.data or "").replace("\x00", "")
    return CustomerWish(view.today, text, rep_id, (form.segment.data or "").replace("\x00", ""), bool(form.overdue.data), form.sort.data == "number")


def _cut(found: list[reports.ListLine], size: int) -> int:
    """How many lines the first `size` customers have: a customer with two currencies has two."""
    numbers_seen: list[str] = []
    for at, line in enumerate(found):
        if line.entry.customer_no not in numbers_seen[-1:]:
            numbers_seen.append(line.entry.customer_no)
        if len(numbers_seen) > size:
            return at
    return len(found)


@blueprint.get("/<number:number>")
@needs(Permission.READ_LEDGER)
def show(number: str) -> Response:
    """The customer's page."""
    return _page(number)


@blueprint.get("/<number:number>/settled")
@needs(Permission.READ_LEDGER)
def settled(number: str) -> Response:
    """What is settled or void, the last issued first."""
    size = pages.page_size()
    after = _day_and_id(request.args.get("after", ""))
    with pages.read_view() as view:
        customer = reports.profile(view, view.actor.scope, number)
        found = reports.settled_items(view, view.actor.scope, customer.id, after, size + 1)
    page = pages.page_of(found, size, lambda row: f"{row.issued.isoformat()}.{row.id}", after is None)
    return pages.render("customers/settled.html", customer=customer, page=page)


@blueprint.get("/<number:number>/timeline")
@needs(Permission.READ_LEDGER)
def timeline(number: str) -> Response:
    """Everything that happened with the customer, the latest first."""
    size = pages.page_size()
    after = _mark(request.args.get("after", ""))
    with pages.read_view() as view:
        customer = reports.profile(view, view.actor.scope, number)
        found = reports.timeline(view, view.actor.scope, customer.id, after, size + 1)
        told = _told(view, found, customer)
    page = pages.page_of(told, size, lambda line: _mark_text(line.entry.mark), after is None)
    return pages.render("customers/timeline.html", customer=customer, page=page)


@blueprint.post("/<number:number>/apply")
@needs(Permission.ALLOCATE)
def apply(number: str) -> Response:
    """Apply a receipt or credit of the customer to one of his invoices."""
    form = cash.ApplyForm()
    if not form.validate():
        return _page(number, 422, apply_form=form)
    try:
        kind, credit_no, version = cash.chosen(form.credit.data or "")
        flash(cash.apply_money(kind, credit_no, form, version, number))
    except Refusal as refusal:
        form.blame(cash.on_form(refusal))
        return _page(number, 409 if refusal.code == "changed_meanwhile" else 422, apply_form=form)
    return pages.go("customers.show", number=number)


@blueprint.post("/<number:number>/duty")
@needs(Permission.EDIT_CUSTOMER)
def reassign(number: str) -> Response:
    """Name another rep or collector from today on."""
    form = DutyForm()
    if not form.validate():
        return _page(number, 422, duty_form=form)
    try:
        pages.write(lambda work: services.reassign(work, number, form.duty.data or "", form.person.data or None, form.version.data or 0))
    except Refusal as refusal:
        refusal.field = "person" if refusal.field in words.DUTIES else refusal.field
        form.blame(refusal)
        return _page(number, 409 if refusal.code == "changed_meanwhile" else 422, duty_form=form)
    flash(i18n.gettext("From today on it is so."))
    return pages.go("customers.show", number=number)


def _page(number: str, status: int = 200, *, apply_form: cash.ApplyForm | None = None, duty_form: DutyForm | None = None) -> Response:
    """The customer's page, with a form that was refused in the place of its empty one."""
    size = pages.page_size()
    with pages.read_view() as view:
        scope = view.actor.scope
        customer = reports.profile(view, scope, number)
        figures, sentence, beside = _figures(view, customer)
        rests = reports.unapplied(view, scope, customer.id)
        open_items = reports.open_items(view, scope, customer.id, size + 1)
        context: dict[str, Any] = {
            "customer": customer,
            "bars": figures,
            "beside": beside,
            "case": case_reports.case_file(view, scope, customer.id, customer.number, customer.name),
            "supply": escalations.customer_state(view, scope, customer.id),
            "next_contact": reminders.next_contact(view, scope, customer.id),
            "tones": cases.TONES,
            "dispute_tones": cases.DISPUTE_TONES,
            "sentence": sentence,
            "today": view.today,
            "more_open": len(open_items) > size,
            "open_items": open_items[:size],
            "exposure": load_exposure(view.session, scope, customer.id),
            "offers": load_offers(view.session, scope, [item.id for item in open_items[:size]], view.today),
            "rests": rests,
            "contacts": reports.contacts(view, scope, customer.id),
            "duties": reports.duties(view, scope, customer.id),
            "happened": _told(view, reports.timeline(view, scope, customer.id, None, SHOWN_HAPPENINGS + 1), customer),
            "shown_happenings": SHOWN_HAPPENINGS,
            "words": words,
            "document_address": document_address,
            "prepayments": load_prepayments(view.session, view.actor.scope, customer.id),
            "duty_form": _duty_form(view, customer, duty_form, status) if view.actor.may(Permission.EDIT_CUSTOMER) else None,
            "apply_form": cash.offer(apply_form, rests, None, status) if rests and open_items and view.actor.may(Permission.ALLOCATE) else None,
        }
    return pages.render("customers/show.html", status, **context)


def _figures(view: View, customer: Profile) -> tuple[list[bars.Bar], str, dict[str, AgingRow]]:
    """The customer's totals as bars, or the sentence that stands in their place when they do not tie out; and the rows by currency."""
    buckets = default_buckets(view.settings, view.seller)
    try:
        report = reports.balance(view, view.actor.scope, customer.number, buckets)
    except Refusal as refusal:
        return [], sentences.say(refusal), {}
    found = [bars.bar(row, buckets.names, partial(_items_address, customer.number, row.currency)) for row in report.rows]
    return found, "", {row.currency: row for row in report.rows}


def _items_address(number: str, currency: str, bucket: str) -> str:
    return url_for("aging.index", by="item", customer=number, currency=currency, bucket=None if bucket == "total" else bucket)


def _duty_form(view: View, customer: Profile, refused: DutyForm | None, status: int) -> DutyForm:
    """The form with everybody who can carry a duty; after a stale one with the version of now."""
    form = refused or DutyForm(formdata=None, version=customer.version)
    able = {role for roles in services.CARRY.values() for role in roles}
    people = [user for user in load_users(view.session) if user.active and Role(user.role) in able]
    form.person.choices = pages.choices({"": i18n.lazy("Nobody"), **{user.username: f"{user.name} ({user.username})" for user in people}})
    if status == 409:
        form.version.data = customer.version
    return form


def _told(view: View, found: list[listings.Happening], customer: Profile) -> list[Happened]:
    """Timeline entries in the reader's words."""
    people = {user.id: user.name for user in load_users(view.session)}
    lines = []
    for entry in found:
        about = entry.kind if entry.kind in words.DOCUMENTS else ""
        title = words.said(words.HAPPENINGS, entry.what)
        changed = differences(entry.before, entry.after, people, customer.currency) if entry.mark.rank == 3 else []
        other = document_address(entry.other_kind, entry.other) if entry.other else ""
        lines.append(Happened(entry, title, document_address(about, entry.number) if about else "", other, changed, words.said(words.REASONS, entry.reason)))
    return lines


def _day_and_id(text: str) -> tuple[date, int] | None:
    """The key of a page of settled items; anything else begins at the top."""
    day, _, key = text.partition(".")
    try:
        return (date.fromisoformat(day), int(key)) if key.isascii() and key.isdigit() and len(key) < 19 else None
    except ValueError:
        return None


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _mark_text(mark: Mark) -> str:
    return f"{mark.day.isoformat()}.{(mark.at - _EPOCH) // timedelta(microseconds=1)}.{mark.rank}.{mark.id}"


def _mark(text: str) -> Mark | None:
    """A place in the timeline as it stands in the address; anything else begins at the top."""
    parts = text.split(".")
    if len(parts) != 4 or not all(part.isascii() and part.isdigit() and len(part) < 19 for part in parts[1:]):
        return None
    try:
        return Mark(date.fromisoformat(parts[0]), _EPOCH + timedelta(microseconds=int(parts[1])), int(parts[2]), int(parts[3]))
    except (ValueError, OverflowError):
        return None
