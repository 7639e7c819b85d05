"""Matching bank lines: the line on the left, what is proposed for it on the right; accept, split, set aside, take back, many at once (S13)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from flask import Blueprint, Response, flash, request
from wtforms import HiddenField, SelectField, StringField, TextAreaField, validators

from collect import i18n, sentences
from collect.domain import money
from collect.domain.errors import NotFound, Refusal
from collect.i18n import mark as _
from collect.reports import bank_lines as reports
from collect.runtime import View
from collect.services import line_questions, ordering
from collect.services import matching as services
from collect.services.matching import Payer
from collect.storage.bank_lines import LineWish, count_questions
from collect.storage.search import FoundCustomer, find_customers
from collect.web import files, numbers, pages, words
from collect.web.pages import FilterForm, PageForm, Permission, needs

blueprint = Blueprint("matching", __name__, url_prefix="/bank")
blueprint.record_once(numbers.register)

STATES = {**words.LINE_STATES, "asked": _("With a question"), "all": _("All")}
TONES = {"open": "warn", "applied": "good", "ignored": "quiet", "out": "quiet"}
KINDS = {
    "reference": _("The payer names it"),
    "narrative": _("Number in the text"),
    "group": _("The parent pays for its group"),
    "one_item": _("Exactly one open item"),
    "subset": _("One sum of open items"),
    "running": _("Running account: oldest due first"),
    "oldest": _("Oldest due first"),
    "advance": _("Paid in advance"),
    "nothing_open": _("Nothing is open"),
    "settled": _("What is named is settled"),
}
EVIDENCE = {
    "names_in_reference": _("The reference names {documents}."),
    "names_in_text": _("The text names {documents}."),
    "named_is_settled": _("Nothing is open of what is named; perhaps it was paid twice."),
    "sum_of_named": _("The amount is exactly what is open of it."),
    "sum_less_discount": _("The amount is what is open of it, {asked}, less {discount} for early payment (granted until {until})."),
    "less_than_named": _("{asked} are open of it, more than came in."),
    "more_than_named": _("{asked} are open of it; {rest} more came in."),
    "zeros_forgiven": _("Zeros in front of a number were left out."),
    "several_customers": _("Invoices of {count} customers are named; split the line."),
    "payer_is_customer": _("The payer is another customer: {name}."),
    "needs_letter": _("{payer} is not the customer's name; a third party needs its letter."),
    "no_payer": _("The bank does not tell who paid."),
    "third_party": _("{payer} pays for this customer by letter {letter}."),
    "learned_account": _("This account was learned as the customer's."),
    "learned_name": _("{payer} was learned as the customer's name."),
    "same_name": _("The payer's name is the customer's."),
    "same_core": _("The payer's name is the customer's, written otherwise: {name}."),
    "alike": _("{payer} is much like {name} ({score} of 100)."),
    "payer_is_branch": _("{payer} is a branch of {name}: one legal person, but perhaps not the debt that is meant ({score} of 100)."),
    "customer_is_branch": _("{name} is a branch of {payer}: one legal person, but perhaps not the debt that is meant ({score} of 100)."),
    "one_item": _("The amount is what is open of {document}, and of no other open item."),
    "one_item_reduced": _("The amount is what is open of {document} less its early payment discount, and fits no other open item."),
    "less_discount": _("{asked} are open; early payment takes {discount} off (granted until {until})."),
    "one_sum": _("{documents} add up to exactly this amount, and no other choice of {among} open items does."),
    "many_items": _("With more than {most} items that could be chance."),
    "equal_items": _("{count} open items have exactly this amount."),
    "several_sums": _("More than one choice of open items adds up to this amount."),
    "running": _("The customer settles by running account; the law's order applies."),
    "claims_first": _("{asked} are claimed about it by {documents}, and come first."),
    "claims_stay": _("{asked} claimed about it by {documents} stay open."),
    "pays_what_he_names": _("He pays exactly what he names; his word binds."),
    "pays_for_group": _("{name} heads the group and names invoices of {count} members; each stays its own debtor."),
    "principal_alone": _("He writes that he pays the principal alone; his word binds."),
    "principal_needs_consent": _("He writes that he pays the principal alone, which needs our consent: {source}. Accepting it gives it."),
    "by_law": _("Claimed costs and interest come before the principal by law: {source}."),
    "by_contract": _("Costs, interest and principal are settled in the order the contract agrees: {source}."),
    "by_due_date": _("Costs and interest come in the order of their due dates."),
    "oldest_first": _("Nothing tells what is paid; the oldest due comes first."),
    "nothing_open": _("Nothing is open in this currency; the money stays unapplied."),
    "two_customers": _("More than one customer has this name."),
    "advance": _("The payer marks it as paid in advance {order}."),
}
PAYERS = {"": _("Choose"), "same": _("The customer, under this name"), "third": _("A third party, with its letter")}


class LineFilter(FilterForm):
    """Which lines."""

    q = StringField(i18n.lazy("Payer or text"))
    state = SelectField(i18n.lazy("State"), choices=pages.choices({key: i18n.lazy(label) for key, label in STATES.items()}), validate_choice=False, default="open")
    account = SelectField(i18n.lazy("Bank account"), choices=[], validate_choice=False)
    least = StringField(i18n.lazy("Score from"))


class AcceptForm(PageForm):
    """The proposal, or a customer chosen by hand with the parts typed in."""

    version = HiddenField()
    customer_no = HiddenField()
    payer = SelectField(i18n.lazy("Who is the payer?"), choices=pages.choices({key: i18n.lazy(label) for key, label in PAYERS.items()}), validate_choice=False)
    letter = StringField(i18n.lazy("Letter"), [validators.Length(max=200)])
    order_no = StringField(i18n.lazy("Paid in advance for order"), [validators.Length(max=64)])


class ReasonForm(PageForm):
    """Why a line is set aside or taken back."""

    version = HiddenField()
    reason = TextAreaField(i18n.lazy("Reason"), [validators.InputRequired(), validators.Length(max=200)])


class AnswerForm(PageForm):
    """The answer to a line's question; a no needs its reason."""

    version = HiddenField()
    reason = TextAreaField(i18n.lazy("Note"), [validators.Length(max=200)])


class BulkForm(PageForm):
    """Accept what is ticked, or everything from a score on."""

    threshold = StringField(i18n.lazy("From score"), default="90")


class LearnForm(PageForm):
    """A payer that pays for a customer."""

    name = StringField(i18n.lazy("Payer"), [validators.InputRequired(), validators.Length(max=200)])
    account = StringField(i18n.lazy("Payer's account"), [validators.Length(max=64)])
    customer_no = StringField(i18n.lazy("Customer no."), [validators.InputRequired(), validators.Length(max=64)])
    payer = SelectField(i18n.lazy("Who is the payer?"), choices=pages.choices({key: i18n.lazy(label) for key, label in PAYERS.items() if key}), validate_choice=False)
    letter = StringField(i18n.lazy("Letter"), [validators.Length(max=200)])


class RunningForm(PageForm):
    """A customer who settles by running account."""

    customer_no = StringField(i18n.lazy("Customer no."), [validators.InputRequired(), validators.Length(max=64)])
    note = StringField(i18n.lazy("Note"), [validators.Length(max=200)])


@blueprint.get("/lines")
@needs(Permission.READ_LEDGER)
def index() -> Response:
    """The lines and the proposal of the chosen one; all the lines as a file."""
    if wanted := request.args.get("format", ""):
        with pages.read_view() as view:
            said = {state: i18n.gettext(label) for state, label in STATES.items()}
            return files.of_table(view, reports.as_table(view, view.actor.scope, _wish(), said), wanted, f"bank-lines-{view.today.isoformat()}")
    return _page()


@blueprint.post("/lines/propose")
@needs(Permission.ALLOCATE)
def propose() -> Response:
    """Look at all waiting lines again."""
    told = pages.write(services.propose)
    flash(i18n.gettext("{proposed} lines have a proposal, {unknown} have none.", proposed=told.proposed, unknown=told.unknown))
    return _back()


@blueprint.post("/lines/accept")
@needs(Permission.ALLOCATE)
def accept_many() -> Response:
    """Accept the ticked lines, or all from a score on, and say what became of each."""
    form = BulkForm()
    ticked = [pair for text in request.form.getlist("line") if (pair := _ticked(text))]
    wish = _wish()
    above = "above" in request.form
    try:
        threshold = _score(form.threshold.data) if above else None
        if above and threshold is None:
            raise Refusal("bad_threshold", "threshold", value=(form.threshold.data or "").strip())
        if not above and not ticked:
            raise Refusal("nothing_ticked", None)
        results = pages.write(lambda work: services.accept_above(work, threshold, wish) if threshold is not None else services.accept_all(work, ticked))
    except Refusal as refusal:
        form.blame(refusal)
        return _page(422, bulk=form)
    with pages.read_view() as view:
        rows = {result.line_id: reports.detail(view, view.actor.scope, result.line_id).row for result in results[:500]}
    return pages.render("matching/done.html", results=results[:500], count=len(results), rows=rows, sentence=sentences.say)


@blueprint.post("/lines/<int:line_id>/accept")
@needs(Permission.ALLOCATE)
def accept(line_id: int) -> Response:
    """Accept the proposal, or for the chosen customer with the parts that were typed."""
    form = AcceptForm()
    row = _row(line_id)
    by_hand = form.customer_no.data or None
    try:
        if not form.validate():
            return _page(422, line_id, accepted=form)
        parts = _parts(row) if by_hand else None
        payer = {"same": Payer(), "third": Payer(True, form.letter.data)}.get(form.payer.data or "")
        order = money.fold(form.order_no.data or "") or None
        number = pages.write(lambda work: services.accept(work, line_id, _version(form), parts, customer_no=by_hand, payer=payer, order_no=order))
    except Refusal as refusal:
        if isinstance(refusal, NotFound) and refusal.params.get("kind") != "customer":
            raise
        form.blame(refusal if not isinstance(refusal, NotFound) else Refusal("unknown_customer", None, value=by_hand))
        return _page(409 if refusal.code == "changed_meanwhile" else 422, line_id, accepted=form)
    flash(i18n.gettext("Receipt {number} was made of this line.", number=number))
    return _back()


@blueprint.post("/lines/<int:line_id>/ignore")
@needs(Permission.ALLOCATE)
def ignore(line_id: int) -> Response:
    """Set a line aside."""
    form = ReasonForm()
    _row(line_id)
    try:
        if not form.validate():
            return _page(422, line_id, reasoned=form)
        pages.write(lambda work: services.ignore(work, line_id, _version(form), form.reason.data or ""))
    except Refusal as refusal:
        form.blame(refusal)
        return _page(409 if refusal.code == "changed_meanwhile" else 422, line_id, reasoned=form)
    flash(i18n.gettext("The line is set aside."))
    return _back()


@blueprint.post("/lines/<int:line_id>/answer")
@needs(Permission.ALLOCATE)
def answer(line_id: int) -> Response:
    """Answer whether a line takes another back, or is the same as another."""
    form = AnswerForm()
    row = _row(line_id)
    yes = "yes" in request.form
    try:
        if not form.validate():
            return _page(422, line_id, answered=form)
        pages.write(lambda work: line_questions.answer(work, line_id, _version(form), yes, form.reason.data or ""))
        if not yes and row.question == line_questions.DOUBLE:
            pages.write(lambda work: services.propose(work, [line_id]))
    except Refusal as refusal:
        form.blame(refusal)
        return _page(409 if refusal.code == "changed_meanwhile" else 422, line_id, answered=form)
    if row.question == line_questions.DOUBLE:
        flash(i18n.gettext("The line is set aside; it was here already.") if yes else i18n.gettext("The line is one of its own and waits as any other."))
    else:
        flash(i18n.gettext("The receipt is reversed; what it settled is open again.") if yes else i18n.gettext("Nothing is reversed; the note is kept."))
    return pages.go("matching.index", **pages.current_query(line=str(line_id), customer=None, find=None))


@blueprint.post("/lines/<int:line_id>/undo")
@needs(Permission.ALLOCATE)
def undo(line_id: int) -> Response:
    """Take back what became of a line."""
    form = ReasonForm()
    _row(line_id)
    try:
        if not form.validate():
            return _page(422, line_id, reasoned=form)
        pages.write(lambda work: services.undo(work, line_id, _version(form), form.reason.data or ""))
    except Refusal as refusal:
        form.blame(refusal)
        return _page(409 if refusal.code == "changed_meanwhile" else 422, line_id, reasoned=form)
    flash(i18n.gettext("The line waits again; what it settled is open as before."))
    return pages.go("matching.index", line=line_id)


@blueprint.post("/lines/<int:line_id>/propose")
@needs(Permission.ALLOCATE)
def propose_one(line_id: int) -> Response:
    """Look at one line again."""
    _row(line_id)
    pages.write(lambda work: services.propose(work, [line_id]))
    return pages.go("matching.index", **pages.current_query(line=str(line_id), customer=None, find=None))


@blueprint.route("/payers", methods=["GET", "POST"])
@needs(Permission.ALLOCATE)
def payers() -> Response:
    """Learned payers, and learning one by hand."""
    form = LearnForm()
    status = 200
    if form.is_submitted():
        try:
            if form.validate():
                third = form.payer.data == "third"
                pages.write(lambda work: services.learn(work, form.name.data or "", form.account.data, money.fold(form.customer_no.data or ""), third, form.letter.data))
                flash(i18n.gettext("{name} is known from now on.", name=form.name.data))
                return pages.go("matching.payers")
        except Refusal as refusal:
            form.blame(_unknown(refusal))
        status = 422
    after = numbers.row_id(request.args.get("after", ""))
    size = pages.page_size()
    with pages.read_view() as view:
        found = reports.learned(view, view.actor.scope, after, size + 1)
    return pages.render("matching/payers.html", status, form=form, page=pages.page_of(found, size, lambda one: str(one.id), after is None))


@blueprint.post("/payers/<int:alias_id>/end")
@needs(Permission.ALLOCATE)
def forget(alias_id: int) -> Response:
    """A learned payer ends."""
    pages.write(lambda work: services.forget(work, alias_id))
    flash(i18n.gettext("This payer is not known any more; what he paid stays as it is."))
    return pages.go("matching.payers")


@blueprint.route("/running", methods=["GET", "POST"])
@needs(Permission.ALLOCATE)
def running() -> Response:
    """Customers on a running account 滚动结算, and marking one."""
    form = RunningForm()
    status = 200
    if form.is_submitted():
        try:
            if form.validate():
                pages.write(lambda work: services.set_running(work, money.fold(form.customer_no.data or ""), True, (form.note.data or "").strip()))
                flash(i18n.gettext("Customer {number} settles by running account.", number=form.customer_no.data))
                return pages.go("matching.running")
        except Refusal as refusal:
            form.blame(_unknown(refusal))
        status = 422
    with pages.read_view() as view:
        rows = reports.running(view, view.actor.scope)
    return pages.render("matching/running.html", status, form=form, rows=rows)


@blueprint.post("/running/<number:number>/end")
@needs(Permission.ALLOCATE)
def end_running(number: str) -> Response:
    """A customer does not settle by running account any more."""
    pages.write(lambda work: services.set_running(work, number, False))
    flash(i18n.gettext("Customer {number} names what he pays from now on.", number=number))
    return pages.go("matching.running")


def _page(
    status: int = 200,
    line_id: int | None = None,
    *,
    accepted: AcceptForm | None = None,
    reasoned: ReasonForm | None = None,
    bulk: BulkForm | None = None,
    answered: AnswerForm | None = None,
) -> Response:
    """The two panes; a form that was refused stands in the place of its empty one."""
    wish, size, after = _wish(), pages.page_size(), _key(request.args.get("after", ""))
    asked = line_id if line_id is not None else numbers.row_id(request.args.get("line", ""))
    with pages.read_view() as view:
        found = reports.lines(view, view.actor.scope, wish, after, size + 1)
        page = pages.page_of(found, size, lambda row: f"{row.day.isoformat()}.{row.id}", after is None)
        chosen = asked if asked is not None else (page.rows[0].id if page.rows else None)
        detail = _detail(view, chosen, asked is not None and line_id is not None)
        may = view.actor.may(Permission.ALLOCATE)
        context = _right(view, detail, may, accepted) if detail else {"customer": None, "found": [], "find": "", "asks": False}
        form: Any = LineFilter.of_request()
        questions = count_questions(view.session, view.actor.scope)
        # Our accounts are nothing that a rep needs to know (S28).
        form.account.choices = pages.choices({"": i18n.gettext("All"), **(dict(reports.accounts(view)) if may else {})})
    ids = [row.id for row in page.rows]
    at = ids.index(detail.row.id) if detail and detail.row.id in ids else None
    onward = None if at is None else ids[at + 1] if at + 1 < len(ids) else ids[at - 1] if at else None
    accept_form = accepted or AcceptForm(formdata=None)
    reason_form = reasoned or ReasonForm(formdata=None)
    return pages.render(
        "matching/index.html",
        status,
        form=form,
        page=page,
        detail=detail,
        chosen=detail.row.id if detail else None,
        accept_form=accept_form,
        reason_form=reason_form,
        reasoned=reasoned is not None,
        bulk=bulk or BulkForm(formdata=None),
        answer_form=answered or AnswerForm(formdata=None),
        questions=questions,
        asked_first=wish.state == "asked",
        may_match=may,
        filtered=bool(form.query()),
        onward=str(onward) if onward is not None else None,
        told=told,
        states=STATES,
        tones=TONES,
        kinds=KINDS,
        **context,
    )


def _detail(view: View, line_id: int | None, must: bool) -> reports.Detail | None:
    """The chosen line; one that an address names and nobody sees is no line, one that a form names is NotFound."""
    if line_id is None:
        return None
    try:
        return reports.detail(view, view.actor.scope, line_id)
    except NotFound:
        if must:
            raise
        return None


def _right(view: View, detail: reports.Detail, may: bool, accepted: AcceptForm | None) -> dict[str, Any]:
    """What the right pane offers besides the proposal: another customer, and whether to ask who the payer is."""
    number = (accepted.customer_no.data if accepted else None) or request.args.get("customer") or detail.row.customer_no
    find = request.args.get("find", "").strip()[:100]
    customer, found, asks = None, list[FoundCustomer](), False
    if may and detail.row.state == "open" and detail.row.amount > 0:
        if number:
            try:
                customer = reports.choose(view, view.actor.scope, detail.row, number, ordering.load(view.session, view.actor.scope, view.seller, view.today).of)
                asks = services.asks_who_pays(view, detail.row.id, number)
            except NotFound:
                customer = None
        found = find_customers(view.session, view.actor.scope, find, 10) if find else []
    return {"customer": customer, "found": found, "find": find, "asks": asks}


def told(code: str, params: Mapping[str, Any], currency: str) -> str:
    """One reason in the reader's words; amounts with their currency's decimals, numbers of documents in a list."""
    values: dict[str, object] = {}
    for name, value in params.items():
        if name in ("asked", "rest", "amount", "discount") and isinstance(value, int):
            values[name] = f"{i18n.group(value, currency)} {currency}"
        elif isinstance(value, dict):
            values[name] = value.get(i18n.current()) or value.get("en") or ""
        elif isinstance(value, list):
            values[name] = i18n.gettext(", ").join(str(each) for each in value)
        else:
            values[name] = value
    return i18n.gettext(EVIDENCE[code], **values) if code in EVIDENCE else code


def _row(line_id: int) -> reports.LineRow:
    with pages.read_view() as view:
        return reports.detail(view, view.actor.scope, line_id).row


def _wish() -> LineWish:
    state = request.args.get("state", "open")
    account = numbers.row_id(request.args.get("account", ""))
    return LineWish("" if state == "all" else state if state in STATES else "open", account, _score(request.args.get("least", "")), request.args.get("q", "").strip()[:100])


def _score(text: str | None) -> int | None:
    """A score from 1 to 100 as it was typed; None for anything else."""
    plain = money.fold(text or "")
    return int(plain) if plain.isascii() and plain.isdigit() and len(plain) <= 3 and 1 <= int(plain) <= 100 else None


def _version(form: PageForm) -> int:
    text = str(form.version.data or "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _ticked(text: str) -> tuple[int, int] | None:
    key, _sep, version = text.partition(".")
    found = numbers.row_id(key)
    return (found, int(version)) if found is not None and version.isascii() and version.isdigit() and len(version) < 10 else None


def _parts(row: reports.LineRow) -> list[tuple[int, int]]:
    """The parts that were typed for the offered items; empty fields take nothing."""
    found = []
    for name, text in request.form.items():
        key = numbers.row_id(name.removeprefix("part-")) if name.startswith("part-") else None
        if key is not None and text.strip():
            minor = money.parse(text, row.currency, field="parts")
            if minor < 0:
                raise Refusal("allocation_not_positive", "parts", value=text)
            if minor:
                found.append((key, minor))
    return found


def _key(text: str) -> tuple[date, int] | None:
    """A place in the list as the address has it; anything else begins at the top."""
    day, _sep, key = text.partition(".")
    found = numbers.row_id(key)
    try:
        return (date.fromisoformat(day), found) if found is not None else None
    except ValueError:
        return None


def _back() -> Response:
    return pages.go("matching.index", **pages.current_query(customer=None, find=None))


def _unknown(refusal: Refusal) -> Refusal:
    """A customer number nobody has is a wrong entry on these forms, not a missing page."""
    return Refusal("unknown_customer", "customer_no", value=refusal.params["key"]) if isinstance(refusal, NotFound) else refusal
