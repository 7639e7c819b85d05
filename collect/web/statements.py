"""Statements of account 对账单: the list, making one or a batch, and the life of one until it is confirmed or differs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from typing import Any

from flask import Blueprint, Response, flash, request
from wtforms import BooleanField, HiddenField, IntegerField, RadioField, SelectField, StringField, TextAreaField, validators
from wtforms.widgets import DateInput, HiddenInput

from collect import i18n, sentences
from collect.domain import money
from collect.domain.errors import NotFound, Refusal
from collect.i18n import mark as _
from collect.reports import statements as reports
from collect.reports.options import parse_day
from collect.reports.statements import KINDS, REASONS, STATES, TONES, WAYS, sums_of
from collect.runtime import View, Work
from collect.services import statements as services
from collect.services.statements import DifferenceDraft, Which, Wish
from collect.storage import listings
from collect.storage import statements as storage
from collect.storage.search import load_currencies
from collect.storage.statements import StatementWish
from collect.storage.users import load_users
from collect.web import files, numbers, pages
from collect.web.pages import FilterForm, PageForm, Permission, needs

blueprint = Blueprint("statements", __name__, url_prefix="/statements")
blueprint.record_once(numbers.register)

LANGUAGES = {"": _("The customer's"), **i18n.NAMES}


def _lazy(named: dict[str, str]) -> list[Any]:
    return pages.choices({key: i18n.lazy(label) for key, label in named.items()})


class StatementFilter(FilterForm):
    """Which statements."""

    q = StringField(i18n.lazy("Customer or number"))
    kind = SelectField(i18n.lazy("Kind"), choices=_lazy({"": _("All"), **KINDS}), validate_choice=False)


class MakeForm(PageForm):
    """One statement, or one for each customer that a choice selects."""

    customer = StringField(i18n.lazy("Customer no."), [validators.Length(max=64)])
    group = BooleanField(i18n.lazy("With the members of the group"))
    kind = RadioField(i18n.lazy("Kind"), choices=_lazy(KINDS), default="confirm", validate_choice=False)
    as_of = StringField(i18n.lazy("As of"), widget=DateInput())
    since = StringField(i18n.lazy("Period from"), widget=DateInput())
    pay_by = StringField(i18n.lazy("Payable by"), widget=DateInput())
    language = SelectField(i18n.lazy("Language"), choices=_lazy(LANGUAGES), validate_choice=False, filters=[lambda value: value or ""])


class BatchForm(PageForm):
    """A statement for each customer with a balance, narrowed down; its fields have names of their own on the page."""

    kind = RadioField(i18n.lazy("Kind"), choices=_lazy(KINDS), default="confirm", validate_choice=False, id="batch-kind")
    as_of = StringField(i18n.lazy("As of"), widget=DateInput(), id="batch-as-of")
    pay_by = StringField(i18n.lazy("Payable by"), widget=DateInput(), id="batch-pay-by")
    segment = SelectField(i18n.lazy("Segment"), choices=[], validate_choice=False, id="batch-segment", filters=[lambda value: value or ""])
    rep = SelectField(i18n.lazy("Rep"), choices=[], validate_choice=False, id="batch-rep", filters=[lambda value: value or ""])
    overdue = BooleanField(i18n.lazy("Only with something overdue"), id="batch-overdue")


class SentForm(PageForm):
    """When and how it went out, and what shows it."""

    version = IntegerField(widget=HiddenInput(), id="sent-version")
    day = StringField(i18n.lazy("Sent on"), [validators.InputRequired()], widget=DateInput(), id="sent-day")
    way = SelectField(i18n.lazy("How"), choices=_lazy(WAYS), validate_choice=False, id="sent-way")
    proof = StringField(i18n.lazy("Proof"), [validators.Length(max=200)], id="sent-proof")


class ReturnedForm(PageForm):
    """When the reply slip came back."""

    version = IntegerField(widget=HiddenInput(), id="returned-version")
    day = StringField(i18n.lazy("Returned on"), [validators.InputRequired()], widget=DateInput(), id="returned-day")
    note = TextAreaField(i18n.lazy("Note"), [validators.Length(max=400)], id="returned-note")


class ConfirmedForm(PageForm):
    """The customer agrees."""

    version = IntegerField(widget=HiddenInput(), id="confirmed-version")
    note = TextAreaField(i18n.lazy("Note"), [validators.Length(max=400)], id="confirmed-note")


class DifferenceForm(PageForm):
    """One line on which the customer's books differ."""

    version = IntegerField(widget=HiddenInput(), id="difference-version")
    document_no = StringField(i18n.lazy("Document"), [validators.Length(max=64)], id="difference-document")
    currency = SelectField(i18n.lazy("Currency"), choices=[], validate_choice=False, id="difference-currency")
    ours = StringField(i18n.lazy("Our amount"), [validators.Length(max=40)], id="difference-ours")
    theirs = StringField(i18n.lazy("Their amount"), [validators.Length(max=40)], id="difference-theirs")
    reason = SelectField(i18n.lazy("Reason"), choices=_lazy(REASONS), validate_choice=False, id="difference-reason")
    note = TextAreaField(i18n.lazy("Note"), [validators.Length(max=400)], id="difference-note")


class SettleForm(PageForm):
    """How a difference was settled."""

    version = IntegerField(widget=HiddenInput())
    line = HiddenField()
    note = StringField(i18n.lazy("How it was settled"), [validators.InputRequired(), validators.Length(max=400)])


@blueprint.get("")
@needs(Permission.READ_LEDGER)
def index() -> Response:
    """The statements that were made, the last first, by state."""
    form = StatementFilter(request.args)
    state = request.args.get("state", "") if request.args.get("state", "") in STATES else ""
    size, after = pages.page_size(), request.args.get("after", "")
    with pages.read_view() as view:
        scope = view.actor.scope
        wish = StatementWish(state, form.kind.data if form.kind.data in KINDS else "", (form.q.data or "").strip().replace("\x00", ""))
        if wanted := request.args.get("format", ""):
            return files.of_table(view, reports.as_table(view, scope, wish, i18n.current()), wanted, f"statements-{view.today.isoformat()}")
        found = storage.load_page(view.session, scope, wish, numbers.row_id(after), size + 1)
        counts = storage.count_states(view.session, scope)
    page = pages.page_of(found, size, lambda line: str(line[0].id), not after)
    filtered = bool(state or wish.kind or wish.text)
    return pages.render("statements/index.html", form=form, page=page, state=state, states=STATES, counts=counts, kinds=KINDS, tones=TONES, sums_of=sums_of, filtered=filtered)


@blueprint.route("/new", methods=["GET", "POST"])
@needs(Permission.LOG_CONTACT)
def new() -> Response:
    """Make one customer's statement, or that of his group."""
    form = MakeForm(customer=request.args.get("customer", "")[: numbers.LONGEST]) if request.method == "GET" else MakeForm()
    if not form.is_submitted():
        return _new_page(form)
    if not form.validate():
        return _new_page(form, status=422)
    number = (form.customer.data or "").strip()
    try:
        wish = _wish(form.data)
        if not number:
            raise Refusal("missing_value", "customer")
        rows = pages.write(partial(_make, number=number, wish=wish, group=bool(form.group.data)))
    except NotFound:
        form.customer.errors = [sentences.say(Refusal("unknown_customer", "customer", value=number))]
        return _new_page(form, status=422)
    except Refusal as refusal:
        form.blame(refusal)
        return _new_page(form, status=422)
    flash(i18n.gettext("Made."))
    return pages.go("statements.show", statement_id=rows[0]) if len(rows) == 1 else pages.go("statements.index", q=number)


def _make(work: Work, number: str, wish: Wish, group: bool) -> list[int]:
    """The ids of the statements made."""
    if group:
        return [made.row.id for made in services.make_group(work, number, wish)]
    return [services.make(work, number, wish)[0].id]


def _wish(data: dict[str, Any]) -> Wish:
    """What a form asks for; Refusal `bad_day` beside the field."""
    days = {name: parse_day(text, name) if (text := (data.get(name) or "").strip()) else None for name in ("as_of", "since", "pay_by")}
    return Wish(data["kind"] or "confirm", days["as_of"], data.get("language") or None, days["since"], days["pay_by"])


def _new_page(form: MakeForm, batch: BatchForm | None = None, status: int = 200) -> Response:
    """Both forms; a fresh one where the other was sent."""
    may_batch = pages.may(Permission.SEND)
    batch = (batch or BatchForm(formdata=None)) if may_batch else None
    with pages.read_view() as view:
        if batch is not None:
            _fill_choices(view, batch)
        today = view.today
    return pages.render("statements/new.html", status, form=form, batch=batch, today=today, days=services.PAY_WITHIN)


def _fill_choices(view: View, batch: BatchForm) -> None:
    scope = view.actor.scope
    reps = set(listings.load_reps(view.session, scope))
    batch.segment.choices = pages.choices({"": i18n.lazy("All"), **{name: name for name in listings.load_segments(view.session, scope)}})
    batch.rep.choices = pages.choices({"": i18n.lazy("Everybody"), **{user.username: user.name for user in load_users(view.session) if user.id in reps}})


@blueprint.post("/batch")
@needs(Permission.SEND)
def batch() -> Response:
    """A statement for each customer that fits, as one ZIP that is sent while it is made; each stands in the list afterwards."""
    form = BatchForm()
    if not form.validate():
        return _new_page(MakeForm(formdata=None), form, 422)
    try:
        wish = _wish(form.data)
        with pages.read_view() as view:
            people = {user.username: user.id for user in load_users(view.session)}
        which = Which(form.segment.data or "", people.get(form.rep.data, -1) if form.rep.data else None, bool(form.overdue.data))
        planned = services.plan(pages.runtime(), pages.actor(), wish, which)
    except Refusal as refusal:
        form.blame(refusal)
        return _new_page(MakeForm(formdata=None), form, 422)
    pieces = services.batch(pages.runtime(), pages.actor(), planned)
    day = (wish.as_of or planned.known_at.date()).isoformat()
    answer = Response(_whole(pieces), mimetype="application/zip")
    answer.headers["Content-Disposition"] = f'attachment; filename="statements-{day}.zip"'
    return answer


def _whole(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The pieces, the first of them made before the answer begins: what is refused becomes a page, not a broken file."""
    first = next(pieces)
    return chain([first], pieces)


@blueprint.get("/<int:statement_id>")
@needs(Permission.READ_LEDGER)
def show(statement_id: int) -> Response:
    """One statement: its figures, its file, and what comes next in its life."""
    return _page(statement_id)


@blueprint.get("/<int:statement_id>/pdf")
@needs(Permission.READ_LEDGER)
def pdf(statement_id: int) -> Response:
    """The file again, to the byte; where this release draws it differently only as a reprint, which is asked for."""
    with pages.read_view() as view:
        row, data, same = services.print_again(view.session, view.actor.scope, statement_id)
    if not same and not request.args.get("reprint"):
        return _page(statement_id, 409, differs=sentences.say(Refusal("statement_differs", number=row.number)))
    return files.send(data, f"{row.number}{'' if same else '-reprint'}.pdf", "pdf")


def _page(statement_id: int, status: int = 200, sent: dict[str, PageForm] | None = None, differs: str = "") -> Response:
    """The page of a statement; `sent` are forms that come back refused."""
    with pages.read_view() as view:
        found = storage.find_statement(view.session, view.actor.scope, statement_id)
        if found is None:
            raise NotFound("statement", statement_id)
        row, customer = found
        lines = storage.load_differences(view.session, row.id)
        currencies = sorted({*row.totals, *load_currencies(view.session, view.actor.scope)})
        today = view.today
    forms = _forms(row, today.isoformat(), any(line.settled_on is None for line in lines))
    forms |= {name: form for name, form in (sent or {}).items() if name == "settle" or name in forms}
    if "difference" in forms:
        forms["difference"].currency.choices = pages.choices({code: code for code in currencies})
    may_settle = pages.may(Permission.ANSWER_DISPUTE) and row.state == "differing"
    words: dict[str, Any] = {"states": STATES, "kinds": KINDS, "tones": TONES, "ways": WAYS, "reasons": REASONS}
    context: dict[str, Any] = {
        "row": row,
        "customer": customer,
        "lines": lines,
        "forms": forms,
        "may_settle": may_settle,
        "differs": differs,
        "refused": (sent or {}).get("settle"),
    }
    return pages.render("statements/show.html", status, sums=sums_of(row.totals), **context, **words)


def _forms(row: storage.Statement, today: str, unsettled: bool) -> dict[str, Any]:
    """The forms for what may come next."""
    if not pages.may(Permission.LOG_CONTACT):
        return {}
    forms: dict[str, Any] = {}
    if row.state in ("made", "sent") and (row.kind != "demand" or pages.may(Permission.SEND)):
        forms["sent"] = SentForm(formdata=None, version=row.version, day=row.sent_on.isoformat() if row.sent_on else today, way=row.sent_by_way or "courier", proof=row.proof)
    if row.state in ("made", "sent"):
        forms["returned"] = ReturnedForm(formdata=None, version=row.version, day=today)
    if row.state in ("returned", "differing") and not unsettled:
        forms["confirmed"] = ConfirmedForm(formdata=None, version=row.version)
    if row.state in ("returned", "differing"):
        forms["difference"] = DifferenceForm(formdata=None, version=row.version)
    return forms


@blueprint.post("/<int:statement_id>/sent")
@needs(Permission.LOG_CONTACT)
def mark_sent(statement_id: int) -> Response:
    """It went out."""
    form = SentForm()
    return _step(
        statement_id,
        "sent",
        form,
        lambda work: services.mark_sent(work, statement_id, parse_day((form.day.data or "").strip(), "day"), form.way.data or "", form.proof.data, form.version.data or 0),
    )


@blueprint.post("/<int:statement_id>/returned")
@needs(Permission.LOG_CONTACT)
def mark_returned(statement_id: int) -> Response:
    """The reply slip is back."""
    form = ReturnedForm()
    return _step(
        statement_id,
        "returned",
        form,
        lambda work: services.mark_returned(work, statement_id, parse_day((form.day.data or "").strip(), "day"), form.note.data, form.version.data or 0),
    )


@blueprint.post("/<int:statement_id>/confirmed")
@needs(Permission.LOG_CONTACT)
def confirm(statement_id: int) -> Response:
    """The customer agrees."""
    form = ConfirmedForm()
    return _step(statement_id, "confirmed", form, lambda work: services.confirm(work, statement_id, form.note.data, form.version.data or 0))


@blueprint.post("/<int:statement_id>/differences")
@needs(Permission.LOG_CONTACT)
def add_difference(statement_id: int) -> Response:
    """One more line that differs."""
    form = DifferenceForm()
    form.currency.choices = pages.choices({form.currency.data or "": form.currency.data or ""})

    def act(work: Work) -> None:
        currency = form.currency.data or ""
        ours, theirs = (money.parse(text, currency, field=name) if (text := (form[name].data or "").strip()) else None for name in ("ours", "theirs"))
        services.add_difference(work, statement_id, DifferenceDraft(currency, form.document_no.data, ours, theirs, form.reason.data or "", form.note.data), form.version.data or 0)

    return _step(statement_id, "difference", form, act)


@blueprint.post("/<int:statement_id>/settle")
@needs(Permission.ANSWER_DISPUTE)
def settle(statement_id: int) -> Response:
    """One difference is settled."""
    form = SettleForm()
    line = numbers.row_id(form.line.data or "")
    return _step(statement_id, "settle", form, lambda work: services.settle_difference(work, statement_id, line or -1, form.note.data or "", form.version.data or 0))


def _step(statement_id: int, name: str, form: PageForm, act: Callable[[Work], Any]) -> Response:
    """Do one step and go back to the page; a refusal stands beside its field there, with what was typed."""
    if form.validate():
        try:
            pages.write(act)
        except Refusal as refusal:
            form.blame(refusal)
        else:
            flash(i18n.gettext("Saved."))
            return pages.go("statements.show", statement_id=statement_id)
    return _page(statement_id, 422, {name: form})
