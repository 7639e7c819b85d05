"""The aging page: totals and buckets on top, a row a customer below, every number a way down to what it sums; and the same as files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import quote

from flask import Blueprint, Response, request, url_for
from wtforms import HiddenField, SelectField, StringField
from wtforms.widgets import DateInput

from collect import i18n, sentences
from collect.domain.errors import NotFound, Refusal
from collect.reports import aging as reports
from collect.reports import customer as customers
from collect.reports import drill, options
from collect.reports.aging import AgingReport
from collect.reports.aging_rows import AgingRow
from collect.reports.open_documents import OpenDocuments
from collect.runtime import View
from collect.storage.deliveries import Exposure, load_exposure
from collect.storage.search import load_currencies
from collect.web import bars, files, numbers, pages, views
from collect.web.pages import FilterForm, Permission, needs

blueprint = Blueprint("aging", __name__, url_prefix="/aging")
blueprint.record_once(numbers.register)
blueprint.record_once(bars.register)

BY = {
    "customer": i18n.lazy("Customer"),
    "item": i18n.lazy("Document"),
    "rep": i18n.lazy("Rep"),
    "collector": i18n.lazy("Collector"),
    "segment": i18n.lazy("Segment"),
    "group": i18n.lazy("Group"),
    "currency": i18n.lazy("Currency"),
}
KEPT = ("as_of", "known_at", "basis", "buckets", "unapplied")
"""What every way down and every way back keeps of the question."""
AMOUNTS = ("provisional", "unapplied", "disputed", "promised", "in_paper")
"""The columns after the buckets; the total stands before them, where no screen is too narrow for it."""
SORTED = ("total", "provisional", "unapplied")
"""Columns besides the buckets that the list can be sorted by."""
UNLINKED = ("in_paper",)
"""Columns with nothing below them yet."""


class AgingFilter(FilterForm):
    """What the report is asked for; all of it stands in the address."""

    as_of = StringField(i18n.lazy("As of"), widget=DateInput())
    by = SelectField(i18n.lazy("Group by"), choices=pages.choices({"" if key == "customer" else key: label for key, label in BY.items()}), validate_choice=False)
    currency = SelectField(i18n.lazy("Currency"), choices=[], validate_choice=False)
    customer = StringField(i18n.lazy("Customer no."))
    known_at = StringField(i18n.lazy("Known at"))
    basis = SelectField(i18n.lazy("Days counted from"), choices=pages.choices({"": i18n.lazy("Due date"), "issue": i18n.lazy("Issue date")}), validate_choice=False)
    buckets = StringField(i18n.lazy("Buckets"))
    unapplied = SelectField(
        i18n.lazy("Unapplied"), choices=pages.choices({"": i18n.lazy("In a column of its own"), "aged": i18n.lazy("In the buckets, by its own date")}), validate_choice=False
    )
    bucket = HiddenField()
    sort = HiddenField()
    rep = HiddenField()
    collector = HiddenField()
    segment = HiddenField()
    group = HiddenField()


@dataclass(frozen=True, slots=True)
class Cell:
    """One amount of a row; `address` leads to what it sums, empty where there is nothing below it."""

    name: str
    amount: int
    address: str


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the page; its first cell leads to `address`."""

    row: AgingRow
    address: str
    cells: list[Cell]


@dataclass(frozen=True, slots=True)
class Heading:
    """A column that can be sorted by: where a click leads, and how it is sorted now (`descending`, `ascending` or empty)."""

    name: str
    address: str
    sorted: str


@blueprint.get("")
@needs(Permission.READ_LEDGER)
def index() -> Response:
    """The report as the address asks for it: a page, or one of its files with exactly what the page shows."""
    asked = {name: value.replace("\x00", "") for name, value in request.args.items() if value}
    within = next(((kind, asked[kind]) for kind in drill.WITHIN if asked.get(kind)), None)
    if within and asked.get("by") != "item":
        asked["by"] = "customer"
    form = AgingFilter(request.args)
    wanted = asked.get("format", "")
    with pages.read_view() as view:
        scope = view.actor.scope
        codes = sorted({view.seller.currency, *load_currencies(view.session, scope)})
        form.currency.choices = pages.choices({"": i18n.lazy("All"), **{code: code for code in codes}})
        try:
            chosen = options.aging_options(view, asked)
            whole = reports.build(view, scope, chosen, at_hand=not wanted)
        except NotFound:
            raise
        except Refusal as refusal:
            if wanted:
                raise
            return _refused(form, refusal)
        members = drill.members(view, scope, *within, chosen.as_of, chosen.known_at) if within else None
        shown = drill.part_of(whole, drill.Part(asked.get("bucket", ""), members, asked.get("sort", "")))
        if wanted == "json":
            return files.written(lambda file: file.writelines(reports.json_pieces(shown)), f"aging-{shown.as_of.isoformat()}", "json")
        if wanted:
            return files.of_table(view, reports.as_table(shown, i18n.current(), view.seller.timezone), wanted, f"aging-{shown.as_of.isoformat()}")
        about = customers.profile(view, scope, chosen.customer) if chosen.customer else None
        # What is delivered and not invoiced is told as of today alone, beside the buckets and in no file of them (S4).
        exposure = load_exposure(view.session, scope, about.id) if about and shown.as_of == view.today and shown.known_at is None else []
        exposure = [one for one in exposure if one.currency == (chosen.currency or one.currency)]
        return _page(view, form, shown, asked, about.name if about else "", whole is not shown, exposure)


def _refused(form: AgingFilter, refusal: Refusal) -> Response:
    """The page with its filter and the sentence: beside the field it is about, or in the place of the figures."""
    field = form._fields.get(refusal.field or "")
    sentence = sentences.say(refusal)
    if field is not None and not isinstance(field, HiddenField):
        field.errors = [sentence]
    return pages.render("aging/index.html", 422, form=form, sentence=sentence, report=None, crumbs=[], title="")


def _page(view: View, form: AgingFilter, shown: AgingReport, asked: dict[str, Any], name: str, is_part: bool, exposure: list[Exposure]) -> Response:
    kept = {key: asked[key] for key in (*KEPT, *drill.WITHIN) if key in asked}
    page = _slice(shown.rows, asked.get("after", ""))
    columns = ("total", *shown.buckets.names, *AMOUNTS)
    left_out = _empty(shown, columns, asked)
    context: dict[str, Any] = {
        "form": form,
        "sentence": "",
        "report": shown,
        "is_part": is_part,
        "is_today": shown.as_of == view.today,
        "by": BY[shown.by],
        "page": page,
        "lines": [_line(row, shown, kept, asked) for row in page.rows],
        "totals": [_total(row, shown, kept, asked) for row in shown.totals],
        "company_total": _company_total(shown, kept, asked),
        "rates": reports.used_rates(shown),
        "without_rate": reports.without_rate(shown),
        "columns": [name for name in columns if name not in left_out],
        "left_out": left_out,
        "known_address": url_for("aging.index", **_changed(known_at=shown.known.isoformat(), as_of=shown.as_of.isoformat())),
        "headings": {name: _heading(name, asked) for name in (*shown.buckets.names, *SORTED)},
        "bars": [bars.bar(row, shown.buckets.names, partial(_items, kept, asked, row.currency)) for row in shown.totals],
        "crumbs": _crumbs(asked, name),
        "title": name,
        "exposure": exposure,
        "customer_no": asked.get("customer", ""),
    }
    return pages.render("aging/index.html", **context)


def _empty(report: AgingReport, columns: Sequence[str], asked: dict[str, Any]) -> list[str]:
    """The columns in which no row has an amount, so that the others are in sight; never the total, nor one that is asked for.

    The amounts of a column have one sign, so that its totals tell of every row; only buckets with unapplied money in them
    may cancel out, and stay.
    """
    kept = {"total", asked.get("bucket", ""), asked.get("sort", "").lstrip("-"), *(report.buckets.names if report.age_unapplied else ())}
    found = {name for row in report.totals for name, amount in _amounts(row, report) if amount}
    return [name for name in columns if name not in found | kept]


def _slice(rows: Sequence[AgingRow], after: str) -> pages.Page[AgingRow]:
    """One page of the rows; a row that is no longer there begins again at the top."""
    size = pages.page_size()
    start = _following(rows, after) if after else 0
    return pages.page_of(rows[start : start + size + 1], size, _place, start == 0)


def _following(rows: Sequence[AgingRow], after: str) -> int:
    """Where the row after that one stands; 0 where it is no longer there."""
    if isinstance(rows, OpenDocuments):
        found = rows.find(*parts) if len(parts := after.split("|", 3)) == 4 else None
        return 0 if found is None else found + 1
    return next((at + 1 for at, row in enumerate(rows) if _place(row) == after), 0)


def _place(row: AgingRow) -> str:
    return "|".join((row.currency, row.link[0] if row.link else "", row.due.isoformat() if row.due else "", row.key))


def _line(row: AgingRow, report: AgingReport, kept: dict[str, Any], asked: dict[str, Any]) -> Line:
    """A row with where each of its amounts leads: one step further down."""
    by, currency = report.by, row.currency
    if by == "item":
        address = document_address(*(row.link or ("invoice", row.key)))
        return Line(row, address, [Cell(name, amount, address if amount and name not in UNLINKED else "") for name, amount in _amounts(row, report)])
    if by == "customer":
        below = url_for("aging.index", **kept, by="item", customer=row.key, currency=currency)
        address = url_for("customers.show", number=row.key)
        return Line(row, address, _cells(row, report, below, f"{address}#promises"))
    if by == "currency":
        below = url_for("aging.index", **kept, **_only(asked, "customer"), currency=currency)
    else:
        group: dict[str, Any] = {by: row.key or drill.NOBODY}
        below = url_for("aging.index", **kept, **group, currency=currency)
    return Line(row, below, _cells(row, report, below))


def _total(row: AgingRow, report: AgingReport, kept: dict[str, Any], asked: dict[str, Any]) -> Line:
    """A total of a currency; it leads to all the documents it sums."""
    return Line(row, "", _cells(row, report, _items(kept, asked, row.currency, ""), _promised(kept, asked, row.currency)))


def _company_total(report: AgingReport, kept: dict[str, Any], asked: dict[str, Any]) -> Line | None:
    """All totals in the company's currency, where the rates are known (S10); it leads to the documents of every currency."""
    row = reports.in_company(report)
    if row is None:
        return None
    return Line(row, "", _cells(row, report, _items(kept, asked, _only(asked, "currency").get("currency"), ""), _promised(kept, asked, _only(asked, "currency").get("currency"))))


def _cells(row: AgingRow, report: AgingReport, below: str, promised: str = "") -> list[Cell]:
    """The amounts of a row; each that is not zero leads to the part of `below` that it sums.

    What is promised is promised by customers, not for documents: its way down, where it is another, is `promised`.
    """
    cells = [Cell(name, amount, _part(below, name) if amount and name not in UNLINKED else "") for name, amount in _amounts(row, report)]
    return [Cell(cell.name, cell.amount, promised) if promised and cell.name == "promised" and cell.amount else cell for cell in cells]


def _promised(kept: dict[str, Any], asked: dict[str, Any], currency: str | None) -> str:
    """The customers behind a total of promises."""
    return _part(url_for("aging.index", **kept, **_only(asked, "customer"), by="customer", currency=currency), "promised")


def _part(below: str, name: str) -> str:
    """An address of ours, which has a query, narrowed to one column; building each anew would cost as much as the rest of the page."""
    return below if name in ("", "total") else f"{below}&bucket={quote(name)}"


def _amounts(row: AgingRow, report: AgingReport) -> list[tuple[str, int]]:
    return [("total", row.total), *zip(report.buckets.names, row.amounts, strict=True), *((name, int(getattr(row, name))) for name in AMOUNTS)]


def _items(kept: dict[str, Any], asked: dict[str, Any], currency: str | None, name: str) -> str:
    """The documents behind a total."""
    return _part(url_for("aging.index", **kept, **_only(asked, "customer"), by="item", currency=currency), name)


def _only(asked: dict[str, Any], name: str) -> dict[str, Any]:
    return {name: asked[name]} if name in asked else {}


def document_address(kind: str, number: str) -> str:
    """The page of an invoice, receipt or credit note."""
    if kind == "invoice":
        return url_for("invoices.show", number=number)
    return url_for("cash.show", kind=kind, number=number)


def _heading(name: str, asked: dict[str, Any]) -> Heading:
    """Largest first, then smallest first, then the report's own order again."""
    now = asked.get("sort", "")
    following: Any = {name: f"-{name}", f"-{name}": None}.get(now, name)
    said = {name: "descending", f"-{name}": "ascending"}.get(now, "")
    return Heading(name, url_for("aging.index", **_changed(sort=following)), said)


def _changed(**changes: Any) -> dict[str, Any]:
    """The address's own parameters, from the first page on, with some changed."""
    return dict(pages.current_query(after=None, **changes))


def _crumbs(asked: dict[str, Any], name: str) -> list[tuple[str, str]]:
    """The way back up: label and address; the labels of what is somebody's data are shown as they are."""
    kept = {key: asked[key] for key in KEPT if key in asked}
    steps: list[tuple[str, str]] = []
    within = next((key for key in drill.WITHIN if key in asked), None)
    if within or "customer" in asked or "bucket" in asked or asked.get("by") == "item":
        steps.append((i18n.gettext("Aging"), url_for("aging.index", **(kept or views.plain("aging")))))
    if within and ("customer" in asked or asked.get("by") == "item"):
        label = i18n.gettext("Nobody") if asked[within] == drill.NOBODY else asked[within]
        group: dict[str, Any] = {within: asked[within]}
        steps.append((label, url_for("aging.index", **kept, **group)))
    if "customer" in asked:
        steps.append((name, url_for("customers.show", number=asked["customer"])))
    return steps
