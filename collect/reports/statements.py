"""What stands in a statement of account: the open items, credits and movements of customers, held against the control (S5-S9)."""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy.orm import Session

from collect import i18n
from collect.documents.facts import CreditLine, Movement, OpenLine, Party, Section
from collect.domain import aging, money
from collect.domain.errors import Refusal
from collect.domain.rights import Scope
from collect.i18n import mark as _
from collect.reports import lists
from collect.runtime import View
from collect.storage import balances
from collect.storage import statements as storage
from collect.table import Column, Table

KINDS = {"confirm": _("For confirmation"), "demand": _("Demand for payment")}
STATES = {"made": _("Made, not sent"), "sent": _("Sent"), "returned": _("Returned"), "confirmed": _("Confirmed"), "differing": _("Differing")}
TONES = {"made": "quiet", "sent": "warn", "returned": "warn", "confirmed": "good", "differing": "bad"}
WAYS = {"email": _("E-mail"), "courier": _("Courier"), "post": _("Registered post"), "hand": _("By hand"), "fax": _("Fax")}
REASONS = {
    "not_booked": _("Not booked there yet"),
    "paid": _("Says it is paid"),
    "price": _("Price"),
    "quantity": _("Quantity"),
    "returned": _("Goods returned"),
    "rebate": _("Rebate"),
    "duplicate": _("Booked twice"),
    "not_ours": _("Not in our books"),
    "other": _("Other"),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """Which state of the books statements show: effective by `as_of`, recorded by `known_at`; `since` begins a period."""

    as_of: date
    known_at: datetime
    buckets: aging.Buckets
    scope: Scope
    since: date | None = None
    customer_id: int | None = None

    def question(self, as_of: date | None = None) -> balances.Question:
        """The same as the aging asks it."""
        return balances.Question(as_of or self.as_of, self.known_at, aging.Basis.DUE, self.buckets, self.scope, self.customer_id)

    def books(self) -> storage.Books:
        """The same as the lines of statements are read."""
        return storage.Books(self.as_of, self.known_at, self.scope, self.customer_id)


def balances_of(session: Session, asked: Asked) -> dict[int, list[balances.Sum]]:
    """The aging of each customer with a balance, one entry a currency, by customer id; proven against the other path (S9).

    Raises Refusal `does_not_tie_out` rather than let a wrong statement be printed.
    """
    question = asked.question()
    found: dict[int, list[balances.Sum]] = {}
    told: dict[str, int] = {}
    for entry in balances.load_sums(session, question):
        total = sum(entry.amounts) + entry.provisional + entry.unapplied
        told[entry.currency] = told.get(entry.currency, 0) + total
        if any(entry.amounts) or entry.provisional or entry.unapplied:
            found.setdefault(entry.customer_id, []).append(entry)
    proved = balances.load_control(session, question)
    for currency in sorted(told.keys() | proved.keys()):
        _same(told.get(currency, 0), proved.get(currency, 0), currency)
    return found


def _same(told: int, proved: int, currency: str) -> None:
    """Refusal `does_not_tie_out` unless both ways to the same figure agree."""
    if told != proved:
        raise Refusal("does_not_tie_out", None, report=money.plain(told, currency), control=money.plain(proved, currency), currency=currency)


def sections(
    session: Session, asked: Asked, sums: Mapping[int, list[balances.Sum]], parties: Mapping[int, Party], wanted: Collection[int]
) -> Generator[tuple[int, tuple[Section, ...]]]:
    """The sections of each wanted customer, one a currency, by customer id: a fixed number of statements for all of them.

    A customer without a balance has none, unless a period is asked for in which something moved. The lines of each
    section are held against its aging, and the movements of a period against both balances (S9).
    """
    books = asked.books()
    credits = storage.load_credit_lines(session, books)
    moved = _moved(session, asked) if asked.since else {}
    # An open cursor must not outlive its reader: it is closed when the last wanted customer has been told.
    with closing(storage.load_open_lines(session, books)) as source:
        rows = groupby(source, key=itemgetter(0))
        at = next(rows, None)
        for customer_id in sorted(wanted):
            while at is not None and at[0] < customer_id:
                at = next(rows, None)
            mine = list(at[1]) if at is not None and at[0] == customer_id else []
            yield customer_id, _sections(asked, parties[customer_id], sums.get(customer_id, []), mine, credits.get(customer_id, []), moved.get(customer_id, {}))


def _sections(asked: Asked, debtor: Party, sums: list[balances.Sum], items: list[Any], credits: list[Any], moved: Mapping[str, tuple[int, list[Any]]]) -> tuple[Section, ...]:
    """One customer's sections by currency."""
    names = asked.buckets.names
    lines: dict[str, list[OpenLine]] = {}
    for _owner, currency, number, part, parts, kind, issued, due, amount, rest in items:
        shown = number if parts == 1 else f"{number} {part}/{parts}"
        days = (asked.as_of - due).days if due is not None else None
        lines.setdefault(currency, []).append(OpenLine(shown, kind, issued, due, days, amount, amount - int(rest), int(rest)))
    favour: dict[str, list[CreditLine]] = {}
    for _owner, currency, kind, number, day, amount, rest in credits:
        favour.setdefault(currency, []).append(CreditLine(kind, number, day, amount, int(rest)))
    by_currency = {entry.currency: entry for entry in sums}
    nothing = balances.Sum(0, "", (0,) * len(names), 0, 0)
    found = []
    for currency in sorted(by_currency.keys() | lines.keys() | favour.keys() | moved.keys()):
        entry = by_currency.get(currency, nothing)
        section = Section(debtor, currency, tuple(lines.get(currency, ())), tuple(favour.get(currency, ())), names, entry.amounts, entry.provisional)
        _same(section.open, sum(entry.amounts) + entry.provisional, currency)
        _same(-section.unapplied, entry.unapplied, currency)
        found.append(section if asked.since is None else _with_period(section, *moved.get(currency, (section.balance, []))))
    return tuple(found)


def _moved(session: Session, asked: Asked) -> dict[int, dict[str, tuple[int, list[Any]]]]:
    """By customer and currency: the balance on the day before the period, and the entries of the period."""
    assert asked.since is not None  # noqa: S101 - asked only with a period
    found: dict[int, dict[str, tuple[int, list[Any]]]] = {}
    for entry in balances.load_sums(session, asked.question(asked.since - timedelta(days=1))):
        opening = sum(entry.amounts) + entry.provisional + entry.unapplied
        if opening:
            found.setdefault(entry.customer_id, {})[entry.currency] = (opening, [])
    for row in storage.load_movements(session, asked.books(), asked.since):
        found.setdefault(row[0], {}).setdefault(row[1], (0, []))[1].append(row)
    return found


def _with_period(section: Section, opening: int, rows: list[Any]) -> Section:
    """The section with its opening balance and movements, whose end must be its balance."""
    balance = opening
    movements = []
    for _owner, _currency, day, kind, number, change in rows:
        balance += int(change)
        movements.append(Movement(day, kind, number, int(change), balance))
    _same(balance, section.balance, section.currency)
    return replace(section, opening=opening, movements=tuple(movements))


def totals(found: Collection[Section]) -> dict[str, dict[str, str]]:
    """By currency what statements are listed by, as decimal strings: open, unapplied, balance, overdue (S1, S10)."""
    sums: dict[str, dict[str, int]] = {}
    for section in found:
        at = sums.setdefault(section.currency, dict.fromkeys(("open", "unapplied", "balance", "overdue", "asked"), 0))
        for name in at:
            at[name] += getattr(section, name)
    return {currency: {name: money.plain(value, currency) for name, value in at.items()} for currency, at in sums.items()}


@dataclass(frozen=True, slots=True)
class Sums:
    """The figures of a statement in one currency, minor units."""

    currency: str
    open: int
    unapplied: int
    balance: int
    overdue: int


def sums_of(totals: dict[str, dict[str, str]]) -> list[Sums]:
    """A statement's stored totals as minor units, by currency."""
    return [Sums(currency, *(money.parse(at[name], currency) for name in ("open", "unapplied", "balance", "overdue"))) for currency, at in sorted(totals.items())]


STATEMENTS = _("Statements")
COLUMNS = (
    Column("number", _("Number"), "code"),
    Column("kind", _("Kind")),
    Column("customer_no", _("Customer no."), "code"),
    Column("name", _("Customer")),
    Column("as_of", _("As of"), "date"),
    Column("currency", _("Currency"), "code"),
    Column("balance", _("Balance"), "money"),
    Column("state", _("State")),
    Column("sent_on", _("Sent on"), "date"),
    Column("returned_on", _("Returned on"), "date"),
)


def as_table(view: View, scope: Scope, wish: storage.StatementWish, language: str) -> Table:
    """All statements that a wish means, the last made first; a row a currency."""

    def rows() -> Iterator[tuple[Any, ...]]:
        for row, number, name in lists.every(lambda after: storage.load_page(view.session, scope, wish, after, lists.CHUNK), lambda line: line[0].id):
            kind, state = (i18n.in_language(language, words[key]) for words, key in ((KINDS, row.kind), (STATES, row.state)))
            for sums in sums_of(row.totals):
                yield (row.number, kind, number, name, row.as_of, sums.currency, sums.balance, state, row.sent_on, row.returned_on)

    return lists.as_of(STATEMENTS, COLUMNS, rows(), view.today)
