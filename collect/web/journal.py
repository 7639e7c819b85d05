"""Vouchers for the general ledger, and the control report receivables = ledger, with both as files."""

from __future__ import annotations

from itertools import islice

from flask import Blueprint, Response, request
from wtforms import SelectField, StringField
from wtforms.widgets import DateInput

from collect import i18n, sentences
from collect.domain import money
from collect.domain.errors import Refusal
from collect.reports import journal as reports
from collect.reports.options import parse_day
from collect.storage.search import load_currencies
from collect.web import files, pages
from collect.web.pages import FilterForm, Permission, needs

blueprint = Blueprint("journal", __name__, url_prefix="/journal")

SHOWN = 200
"""Vouchers on the page."""
MONTHS = 13
"""Months of the control on the page: each is proved from the documents anew."""
"""So many vouchers stand on the page; all of them are in the files."""


class JournalFilter(FilterForm):
    """Which days."""

    since = StringField(i18n.lazy("From"), widget=DateInput())
    until = StringField(i18n.lazy("Through"), widget=DateInput())
    currency = SelectField(i18n.lazy("Currency"), choices=[], validate_choice=False)


@blueprint.get("")
@needs(Permission.READ_LEDGER)
def index() -> Response:
    """The vouchers of a period (this month where none is chosen) and the control report, or one of them as a file."""
    form = JournalFilter(request.args)
    wanted = request.args.get("format", "")
    with pages.read_view() as view:
        scope, sentence = view.actor.scope, ""
        form.currency.choices = pages.choices({"": i18n.lazy("All"), **{code: code for code in load_currencies(view.session, scope)}})
        since, until = view.today.replace(day=1), view.today
        shown: list[reports.Voucher] = []
        count = 0
        try:
            since = parse_day(text, "since") if (text := (form.since.data or "").strip()) else since
            until = parse_day(text, "until") if (text := (form.until.data or "").strip()) else until
            currency = form.currency.data or None
            if currency is not None:
                money.exponent(currency)
            found = reports.vouchers(view, scope, since, until, i18n.current(), currency)
            if wanted and request.args.get("what") != "control":
                return files.of_table(view, reports.as_table(found, since, until, i18n.current()), wanted, f"vouchers-{since.isoformat()}-{until.isoformat()}")
            shown = list(islice(found, SHOWN))
            count = len(shown) + sum(1 for _ in found)
        except Refusal as refusal:
            sentence = sentences.say(refusal)
            if (field := form._fields.get(refusal.field or "")) is not None:
                field.errors, sentence = [sentence], ""
        months = reports.control(view, scope, view.today, None if wanted else MONTHS)
        control = reports.control_table(months, view.today)
        if wanted and not form.errors and not sentence:
            return files.of_table(view, control, wanted, f"control-{view.today.isoformat()}")
    wrong = bool(sentence or form.errors)
    if not wrong:
        form.since.data, form.until.data = since.isoformat(), until.isoformat()
    table = reports.as_table(shown, since, until, i18n.current())
    context = {"form": form, "sentence": sentence, "table": table, "count": count, "shown": SHOWN, "control": control, "months": MONTHS, "ties_out": reports.ties_out(months)}
    return pages.render("journal/index.html", 422 if wrong else 200, **context)
