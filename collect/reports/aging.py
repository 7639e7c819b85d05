"""The aging report: every open amount in its bucket as of any date and as known at any instant, held against the control (S5-S9)."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from itertools import repeat
from typing import Any
from zoneinfo import ZoneInfo

from collect import i18n
from collect.domain import aging, money
from collect.domain.errors import NotFound, Refusal
from collect.domain.rights import Scope
from collect.exchange.spool import Spool
from collect.i18n import mark as _
from collect.reports import aging_rows, exchange_rates
from collect.reports.aging_rows import BESIDE, AgingRow, totals
from collect.reports.exchange_rates import UsedRate
from collect.reports.open_documents import OpenDocuments
from collect.runtime import View, without_collection
from collect.storage import balances
from collect.storage.cases import load_disputed, load_promised
from collect.storage.customers import Moment, find_customer, load_duties
from collect.storage.open_items import load_open
from collect.storage.users import load_users
from collect.table import Column, Lines, Table

GROUPINGS = ("customer", "item", "rep", "collector", "segment", "group", "currency")
"""What `--by` may say; `group` is the parent customer with all its members."""


@dataclass(frozen=True, slots=True)
class AgingOptions:
    """What is asked: `as_of` effective date, `known_at` recorded instant (None: everything known now), one customer, one currency.

    `age_unapplied`: cash and credits not yet used stand in the buckets by their own date, not in a column of their own (S8).
    """

    as_of: date
    buckets: aging.Buckets
    known_at: datetime | None = None
    basis: aging.Basis = aging.Basis.DUE
    by: str = "customer"
    customer: str | None = None
    currency: str | None = None
    age_unapplied: bool = False


@dataclass(frozen=True, slots=True)
class AgingReport:
    """The answer; it exists only when it ties out (S9). `known` is the last recorded instant it contains.

    `rates` are those in force at `as_of` from a currency into the company's, by that currency; one not known is absent.
    """

    as_of: date
    known_at: datetime | None
    known: datetime
    basis: aging.Basis
    by: str
    buckets: aging.Buckets
    rows: Sequence[AgingRow]
    totals: list[AgingRow]
    ties_out: bool = True
    company_currency: str = ""
    rates: Mapping[str, UsedRate] = field(default_factory=dict)
    age_unapplied: bool = False


def build(view: View, scope: Scope, options: AgingOptions, at_hand: bool = False) -> AgingReport:
    """The aging report over the customers a scope sees.

    1. sum by customer (or item) and currency in the database; 2. hold the sums against the other path (`balances`);
    3. name, group and sort. Raises Refusal `does_not_tie_out` rather than show a wrong figure, NotFound for a customer
    outside the scope, `bad_grouping`. With `at_hand` the rows of a report by document are made when they are looked at,
    as long as the view is open: for a page, which shows few of them.
    """
    if options.by not in GROUPINGS:
        raise Refusal("bad_grouping", "by", value=options.by, allowed=", ".join(GROUPINGS))
    if options.currency is not None:
        money.exponent(options.currency)
    customer_id: int | None = None
    if options.customer is not None:
        found = find_customer(view.session, scope, options.customer)
        if found is None:
            raise NotFound("customer", options.customer)
        customer_id = found.id
    with without_collection():
        return _built(view, scope, options, customer_id, at_hand)


def _built(view: View, scope: Scope, options: AgingOptions, customer_id: int | None, at_hand: bool) -> AgingReport:
    question = balances.Question(options.as_of, options.known_at, options.basis, options.buckets, scope, customer_id, options.currency, options.age_unapplied)
    columns = balances.load_columns(view.session, question)
    sums = columns.sums()
    _control(view, question, sums)
    if options.by == "item":
        items = load_open(view.session, question)
        width = len(options.buckets.names)
        _control(view, question, items.sums(width))
        disputed = {one.item_id: one.amount for one in load_disputed(view.session, scope, options.as_of, options.known_at, customer_id)}
        listed = OpenDocuments(view.session, scope, items, width, disputed)
        sums_up = listed.totals()
        # As many rows as there are documents: what exceeds a page's worth many times over waits on disk.
        rows: Sequence[AgingRow] = listed if at_hand else Spool(listed)
    else:
        beside = _beside(view, scope, options, customer_id)
        rows = _by_customer(view, scope, columns, beside) if options.by == "customer" else _grouped(view, scope, options, columns, beside)
        sums_up = [_total(currency, sums[currency], rows, beside) for currency in sorted({row.currency for row in rows})]
    company = view.seller.currency
    rates = exchange_rates.in_force(view.session, [row.currency for row in sums_up], company, options.as_of, options.known_at or view.known)
    report = AgingReport(options.as_of, options.known_at, view.known, options.basis, options.by, options.buckets, rows, sums_up)
    return replace(report, company_currency=company, age_unapplied=options.age_unapplied, rates=rates)


def _control(view: View, question: balances.Question, sums: Mapping[str, Sequence[int]]) -> None:
    """Refuse to show what does not tie out with the other path (S9); `sums` has what each column comes to, by currency."""
    proved = balances.load_control(view.session, question)
    for currency in sorted(sums.keys() | proved.keys()):
        told = sum(sums.get(currency, ()))
        if told != proved.get(currency, 0):
            raise Refusal("does_not_tie_out", None, report=money.plain(told, currency), control=money.plain(proved.get(currency, 0), currency), currency=currency)


@dataclass(frozen=True, slots=True)
class _Beside:
    """What is disputed and promised, by customer and currency (S23, S24)."""

    disputed: Mapping[tuple[int, str], int]
    promised: Mapping[tuple[int, str], int]

    def __bool__(self) -> bool:
        return bool(self.disputed or self.promised)


def _beside(view: View, scope: Scope, options: AgingOptions, customer_id: int | None) -> _Beside:
    promised = load_promised(view.session, scope, options.as_of, options.known_at, customer_id)
    disputed: dict[tuple[int, str], int] = defaultdict(int)
    for one in load_disputed(view.session, scope, options.as_of, options.known_at, customer_id):
        disputed[one.customer_id, one.currency] += one.amount
    return _Beside(disputed, promised)


def _by_customer(view: View, scope: Scope, columns: balances.Columns, beside: _Beside) -> list[AgingRow]:
    """A row a customer and currency, ordered by the customer's name; put together by the column, since there may be very many."""
    names = balances.load_names(view.session, scope, columns.customers)
    _ids, numbers, called, sort_keys = zip(*map(names.__getitem__, columns.customers), strict=True) if columns.customers else [()] * 4
    at = list(zip(columns.customers, columns.currencies, strict=True)) if beside else []
    parts = (
        numbers,
        called,
        columns.currencies,
        zip(*columns.buckets, strict=True),
        columns.provisional,
        columns.unapplied,
        [beside.disputed.get(each, 0) for each in at] or repeat(0),
        [beside.promised.get(each, 0) for each in at] or repeat(0),
        repeat(0),
        zip(repeat("customer"), numbers),
        repeat(None),
        numbers,
    )
    rows = list(map(_MADE, zip(*parts)))  # noqa: B905 - what repeats has no end
    order = sorted(zip(sort_keys, numbers, columns.currencies, range(len(rows)), strict=True))
    return [rows[each[-1]] for each in order]


_MADE: Callable[[tuple[Any, ...]], AgingRow] = partial(tuple.__new__, AgingRow)
"""A row out of its fields, without the Python call that `AgingRow._make` is."""


def _grouped(view: View, scope: Scope, options: AgingOptions, columns: balances.Columns, beside: _Beside) -> list[AgingRow]:
    """The sums added up by what the customers have in common."""
    label = _labeller(view, scope, options, balances.load_names(view.session, scope, columns.customers))
    grouped: dict[tuple[str, str, str], AgingRow] = {}
    for entry in columns.rows():
        key, name = label(entry.customer_id, entry.currency)
        of = (entry.customer_id, entry.currency)
        row = AgingRow(key, name, entry.currency, entry.amounts, entry.provisional, entry.unapplied, beside.disputed.get(of, 0), beside.promised.get(of, 0))
        at = (name.casefold(), key, entry.currency)
        grouped[at] = aging_rows.add(grouped[at], row) if at in grouped else row
    return [row for _, row in sorted(grouped.items()) if not row.empty]


def _total(currency: str, figures: Sequence[int], rows: list[AgingRow], beside: _Beside) -> AgingRow:
    """The total of a currency: what its columns come to, with what stands beside them in its rows."""
    *amounts, provisional, unapplied = figures
    mine = [row for row in rows if row.currency == currency] if beside else []
    return AgingRow("", "", currency, tuple(amounts), provisional, unapplied, sum(row.disputed for row in mine), sum(row.promised for row in mine))


def _labeller(view: View, scope: Scope, options: AgingOptions, names: dict[int, balances.Name]) -> Callable[[int, str], tuple[str, str]]:
    """A function from customer and currency to the key and name of the row they belong to."""
    nobody = ("", "—")
    if options.by == "currency":
        return lambda customer_id, currency: (currency, currency)
    if options.by == "segment":
        segments = balances.load_segments(view.session, scope, moment(view, options.as_of, options.known_at))
        return lambda customer_id, currency: (segments[customer_id],) * 2 if customer_id in segments else nobody
    if options.by == "group":
        heads = {customer_id: (number, name) for customer_id, number, name, _sort_key in names.values()} | balances.load_tops(
            view.session, scope, moment(view, options.as_of, options.known_at)
        )
        return lambda customer_id, currency: heads[customer_id]
    # Dated: the report of February shows who looked after the account in February (S9).
    duties = load_duties(view.session, scope, options.by, options.as_of, options.known_at)
    people = {user.id: (user.username, user.name) for user in load_users(view.session)}
    return lambda customer_id, currency: people.get(duties.get(customer_id) or 0, nobody)


def moment(view: View, as_of: date, known_at: datetime | None) -> Moment | None:
    """The point in time that a report is grouped as of; None where that is now (S6)."""
    if as_of >= view.today and known_at is None:
        return None
    following = datetime.combine(as_of + timedelta(days=1), time(), ZoneInfo(view.seller.timezone))
    return Moment(following.astimezone(UTC) - timedelta(microseconds=1), known_at)


def without_rate(report: AgingReport) -> list[str]:
    """The currencies of the totals that no rate leads from into the company's: as long as there is one, there is no total of all."""
    return [row.currency for row in report.totals if row.currency not in (report.company_currency, *report.rates)]


def used_rates(report: AgingReport) -> list[UsedRate]:
    """The rates behind the total in the company's currency, in the order of the totals."""
    return [report.rates[row.currency] for row in report.totals if row.currency in report.rates]


def in_company(report: AgingReport) -> AgingRow | None:
    """All totals in the company's currency, by the rates of the report; None where a rate is missing, or nothing is to be converted (S10).

    Each column of each currency is converted and rounded by itself, so that the row adds up across.
    """
    if all(row.currency == report.company_currency for row in report.totals) or without_rate(report):
        return None

    def told(row: AgingRow) -> AgingRow:
        rate = report.rates.get(row.currency)
        if rate is None:
            return row
        amounts = tuple(rate.convert(amount, row.currency) for amount in row.amounts)
        provisional, unapplied, disputed, promised, in_paper = (rate.convert(getattr(row, name), row.currency) for name in BESIDE)
        return AgingRow("", "", report.company_currency, amounts, provisional, unapplied, disputed, promised, in_paper)

    return totals([told(row) for row in report.totals], len(report.buckets.names))[0]


def as_json(report: AgingReport) -> dict[str, Any]:
    """The report under the fixed keys of `interfaces`; amounts are decimal strings (S1)."""
    return dict(_told(report, list(_rows_json(report))))


def json_pieces(report: AgingReport) -> Iterator[bytes]:
    """What `as_json` says as JSON, piece by piece and a row a line: a report of every document may be long."""
    between = b"{\n"
    for key, value in _told(report, None):
        yield between + f"{json.dumps(key)}: ".encode()
        if key == "rows":
            before = b"[\n"
            for row in _rows_json(report):
                yield before + json.dumps(row, ensure_ascii=False).encode()
                before = b",\n"
            yield b"[]" if before == b"[\n" else b"\n]"
        else:
            yield json.dumps(value, ensure_ascii=False).encode()
        between = b",\n"
    yield b"\n}\n"


def _line_json(report: AgingReport, row: AgingRow) -> dict[str, Any]:
    amounts = {name: money.plain(value, row.currency) for name, value in zip(report.buckets.names, row.amounts, strict=True)}
    rest = ("provisional", "unapplied", "total", "disputed", "promised", "in_paper")
    return {"currency": row.currency, **amounts, **{name: money.plain(getattr(row, name), row.currency) for name in rest}}


def _rows_json(report: AgingReport) -> Iterator[dict[str, Any]]:
    for row in report.rows:
        extra = {"customer_no": row.customer_no, "due_date": row.due.isoformat() if row.due else None} if report.by == "item" else {}
        yield {"key": row.key, "name": row.name, **extra, **_line_json(report, row)}


def _told(report: AgingReport, rows: list[dict[str, Any]] | None) -> Iterator[tuple[str, Any]]:
    """The keys of the report in their order, with `rows` as they are given."""
    company = in_company(report)
    yield "as_of", report.as_of.isoformat()
    yield "known_at", report.known_at.isoformat() if report.known_at else None
    yield "basis", report.basis.value
    yield "by", report.by
    yield "buckets", list(report.buckets.names)
    if report.age_unapplied:
        yield "unapplied", "aged"
    yield "rows", rows
    yield "totals", [_line_json(report, row) for row in report.totals]
    if company:
        yield "company_total", {**_line_json(report, company), "rates": [_rate_json(rate) for rate in used_rates(report)]}
    yield "control", {"ties_out": report.ties_out, "known": report.known.isoformat()}


def _rate_json(rate: UsedRate) -> dict[str, str]:
    return {"base": rate.base, "quote": rate.quote, "rate": rate.value, "since": rate.since.isoformat(), "source": rate.source}


_KEY_LABELS = {
    "customer": _("Customer no."),
    "item": _("Document"),
    "rep": _("Rep"),
    "collector": _("Collector"),
    "segment": _("Segment"),
    "group": _("Group"),
    "currency": _("Currency"),
}
NOT_DUE, PROVISIONAL, UNAPPLIED, TOTAL = _("Not due"), _("Provisional"), _("Unapplied"), _("Total")
DISPUTED, PROMISED, IN_PAPER, AGING, AS_OF, KNOWN_AT = _("Disputed"), _("Promised"), _("In paper"), _("Aging"), _("As of"), _("Known at")
IN_COMPANY, RATE = _("Total in the company's currency"), _("Rate")
BY_OWN_DATE = _("in the buckets by its own date")
NAME, CURRENCY, DUE_DATE, BASIS, ISSUE_DATE = _("Name"), _("Currency"), _("Due date"), _("Days counted from"), _("Issue date")


def bucket_label(name: str) -> str:
    """What a bucket's column is called: its key with an en dash, since a spreadsheet takes `1-30` for a date."""
    return NOT_DUE if name == "not_due" else name.replace("-", "–")


def as_table(report: AgingReport, language: str, timezone: str) -> Table:
    """The report as a table for CSV, XLSX, PDF and the terminal, with the same rows in the same order."""
    columns = [Column("key", _KEY_LABELS[report.by], "code"), Column("name", NAME)]
    if report.by == "item":
        columns += [Column("customer_no", _KEY_LABELS["customer"], "code"), Column("due_date", DUE_DATE, "date")]
    columns.append(Column("currency", CURRENCY, "code"))
    at = len(columns) - 1
    columns += [Column(name, bucket_label(name), "money") for name in report.buckets.names]
    for key, label in (("provisional", PROVISIONAL), ("unapplied", UNAPPLIED), ("total", TOTAL), ("disputed", DISPUTED), ("promised", PROMISED), ("in_paper", IN_PAPER)):
        columns.append(Column(key, label, "money"))

    def cells(row: AgingRow, first: str) -> tuple[Any, ...]:
        extra = (row.customer_no, row.due) if report.by == "item" else ()
        return (first, row.name, *extra, row.currency, *row.amounts, row.provisional, row.unapplied, row.total, row.disputed, row.promised, row.in_paper)

    facts = [(AS_OF, report.as_of.isoformat()), (BASIS, i18n.in_language(language, DUE_DATE if report.basis is aging.Basis.DUE else ISSUE_DATE))]
    if report.age_unapplied:
        facts.append((UNAPPLIED, i18n.in_language(language, BY_OWN_DATE)))
    # An instant that lies ahead would not bring this report back: what is known ends with the last recorded change.
    known = min(report.known_at or report.known, report.known)
    # To the microsecond, so that `--known-at` with this very text prints the same report for ever (S6).
    facts.append((KNOWN_AT, known.astimezone(ZoneInfo(timezone)).isoformat(sep=" ")))
    company = in_company(report)
    if company:
        facts.append((RATE, "; ".join(f"{rate} ({rate.since.isoformat()}, {rate.source})" for rate in used_rates(report))))
    return Table(
        title=AGING,
        columns=tuple(columns),
        rows=Lines(report.rows, lambda row: cells(row, row.key)),
        totals=[*(cells(row, TOTAL) for row in report.totals), *([cells(company, IN_COMPANY)] if company else [])],
        facts=tuple(facts),
        currency=at,
    )
