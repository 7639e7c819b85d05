"""Bank lines as their page tells them: the list, one line with its proposal in facts, and what a customer owes to split it over."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from collect.domain import matching
from collect.domain.errors import NotFound
from collect.domain.precedence import Precedence
from collect.domain.rights import Scope
from collect.domain.terms import EarlyPayment
from collect.i18n import mark as _
from collect.reports import lists
from collect.runtime import View
from collect.storage import bank_lines as storage
from collect.storage.bank import BankAccount, BankLine, BankStatement
from collect.storage.bank_lines import LineWish
from collect.storage.cash import Credit, load_group
from collect.storage.customers import Customer, find_customer, load_customers, seen
from collect.storage.discounts import load_offers
from collect.storage.listings import load_credit_allocations
from collect.table import Column, Table

MOST_ITEMS = 200
"""So many open items of a customer are offered to split a line over."""


@dataclass(frozen=True, slots=True)
class LineRow:
    """A line in the list. `customer_no` and `customer_name` are the proposed or the settled customer, None where nobody is."""

    id: int
    version: int
    day: date
    amount: int
    currency: str
    payer: str | None
    reference: str | None
    narrative: str | None
    state: str
    score: int | None
    reversal: bool
    customer_no: str | None
    customer_name: str | None
    question: str | None = None


@dataclass(frozen=True, slots=True)
class Share:
    """One part of a proposal: the item and whose it is, what is open of it now, and how much of the line it takes; minor units."""

    item_id: int
    customer_no: str
    document_no: str
    part: int
    parts: int
    due: date | None
    open: int
    amount: int


@dataclass(frozen=True, slots=True)
class Made:
    """A receipt that was made of a line, and what it settles today: numbers with minor units."""

    number: str
    customer_no: str
    amount: int
    voided: bool
    settled: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Detail:
    """One line with all that is known of it. `evidence` are codes with parameters; `stale`: an item takes less than proposed by now."""

    row: LineRow
    account: str
    account_no: str
    payer_account: str | None
    value_day: date | None
    reason: str | None
    kind: str | None
    applies: bool
    legal: bool
    order_no: str | None
    rest: int
    shares: tuple[Share, ...]
    evidence: tuple[tuple[str, dict[str, Any]], ...]
    made: tuple[Made, ...]
    other: LineRow | None = None
    other_form: str | None = None

    @property
    def stale(self) -> bool:
        """Whether what is open has changed so that the proposal cannot be accepted as it stands."""
        return any(share.amount > share.open for share in self.shares)


@dataclass(frozen=True, slots=True)
class Offer:
    """An open item that a line may settle, with what the order of the law would give it."""

    item_id: int
    customer_no: str
    document_no: str
    part: int
    parts: int
    due: date | None
    open: int
    proposed: int
    early: EarlyPayment | None = None


@dataclass(frozen=True, slots=True)
class Chosen:
    """A customer to split a line over, with his open items in the line's currency and those of his group."""

    customer_no: str
    name: str
    offers: tuple[Offer, ...]
    rest: int


@dataclass(frozen=True, slots=True)
class Learned:
    """A learned payer in its list."""

    id: int
    name: str
    account: str | None
    customer_no: str
    customer_name: str
    third_party: bool
    letter: str | None
    by: str
    learned_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Running:
    """A customer on a running account."""

    customer_no: str
    name: str
    since: date
    note: str | None


def lines(view: View, scope: Scope, wish: LineWish, after: tuple[date, int] | None, limit: int) -> list[LineRow]:
    """A page of lines, the latest first."""
    found = storage.load_line_page(view.session, scope, wish, after, limit)
    people = load_customers(view.session, scope, sorted({line.customer_id for line in found if line.customer_id}))
    return [_row(line, people) for line in found]


LINES = _("Bank lines")
COLUMNS = (
    Column("day", _("Day"), "date"),
    Column("amount", _("Amount"), "money"),
    Column("currency", _("Currency"), "code"),
    Column("payer", _("Payer")),
    Column("reference", _("Reference"), "code"),
    Column("narrative", _("Text")),
    Column("state", _("State")),
    Column("score", _("Score"), "integer"),
    Column("customer_no", _("Customer no."), "code"),
    Column("name", _("Customer")),
)


def as_table(view: View, scope: Scope, wish: LineWish, states: Mapping[str, str]) -> Table:
    """All lines that a wish means, the latest first; `states` are the finished words for their states."""

    def cells(row: LineRow) -> tuple[Any, ...]:
        state, score = states.get(row.state, row.state), row.score if row.state == "open" else None
        return (row.day, row.amount, row.currency, row.payer, row.reference, row.narrative, state, score, row.customer_no, row.customer_name)

    found = lists.every(lambda after: lines(view, scope, wish, after, lists.CHUNK), lambda row: (row.day, row.id))
    return lists.as_of(LINES, COLUMNS, map(cells, found), view.today)


def _row(line: BankLine, people: dict[int, Customer]) -> LineRow:
    customer = people.get(line.customer_id or 0)
    return LineRow(
        line.id,
        line.version,
        line.day,
        line.amount_minor,
        line.currency,
        line.payer,
        line.reference,
        line.narrative,
        line.state,
        line.score,
        line.reversal,
        customer.customer_no if customer else None,
        customer.name if customer else None,
        line.question,
    )


def accounts(view: View) -> list[tuple[int, str]]:
    """(id, name) of our bank accounts."""
    return [(account.id, f"{account.name} · {account.number[-4:]} · {account.currency}") for account in storage.our_accounts(view.session)]


def detail(view: View, scope: Scope, line_id: int) -> Detail:
    """One line; NotFound where the scope does not see it."""
    line = storage.find_line(view.session, scope, line_id)
    if line is None:
        raise NotFound("bank_line", line_id)
    account = view.session.get_one(BankAccount, line.account_id)
    told: dict[str, Any] = (line.proposal or {}) if line.state == "open" else {}
    asked = [(int(key), int(amount)) for key, amount in told.get("parts", ())]
    items = storage.load_items(view.session, scope, [key for key, _ in asked])
    owners = load_customers(view.session, scope, sorted({item.customer_id for item in items.values()}))
    shares = tuple(
        Share(key, owners[items[key].customer_id].customer_no, items[key].document_no, items[key].part, items[key].parts, items[key].due_date, items[key].open_minor, amount)
        for key, amount in asked
        if key in items
    )
    evidence = tuple((str(code), dict(params)) for code, params in (line.proposal or {}).get("evidence", ()))
    return Detail(
        _row(line, load_customers(view.session, scope, [line.customer_id] if line.customer_id else [])),
        account.name,
        account.number,
        line.payer_account,
        line.value_day,
        line.reason,
        (line.proposal or {}).get("kind"),
        bool((line.proposal or {}).get("applies")),
        bool((line.proposal or {}).get("legal")),
        (line.proposal or {}).get("order_no"),
        int(told.get("rest", 0)),
        shares,
        evidence,
        _made(view, scope, line.id) if line.credit_id else (),
        *_other(view, scope, line),
    )


def _other(view: View, scope: Scope, line: BankLine) -> tuple[LineRow | None, str | None]:
    """The line that a question is about, and the form of the file that told it."""
    other = storage.find_line(view.session, scope, line.other_id) if line.other_id else None
    if other is None:
        return None, None
    people = load_customers(view.session, scope, [other.customer_id] if other.customer_id else [])
    return _row(other, people), view.session.get_one(BankStatement, other.statement_id).form


def _made(view: View, scope: Scope, line_id: int) -> tuple[Made, ...]:
    query = sa.select(Credit, Customer.customer_no).join(Customer, Customer.id == Credit.customer_id).where(Credit.line_id == line_id, seen(scope)).order_by(Credit.id)
    return tuple(Made(credit.number, number, credit.amount_minor, credit.voided_on is not None, _settled(view, scope, credit.id)) for credit, number in view.session.execute(query))


def _settled(view: View, scope: Scope, credit_id: int) -> tuple[tuple[str, int], ...]:
    """What a receipt settles today, by document."""
    sums: dict[str, int] = {}
    for allocation, item in load_credit_allocations(view.session, scope, credit_id):
        sums[item.document_no] = sums.get(item.document_no, 0) + allocation.amount_minor
    return tuple((number, minor) for number, minor in sums.items() if minor)


def choose(view: View, scope: Scope, line: LineRow, customer_no: str, order: Callable[[int], Precedence]) -> Chosen:
    """A customer with his open items in the line's currency, the line poured into them in his order (S14); his group's follow, empty. NotFound."""
    customer = find_customer(view.session, scope, customer_no)
    if customer is None:
        raise NotFound("customer", customer_no)
    family = _family(view, scope, customer)
    owed = storage.load_owed(view.session, scope, view.seller.id, sorted(family))
    parts_of = {
        item.id: (item.part, item.parts)
        for item in storage.load_items(view.session, scope, [each.id for items in owed.values() for each in items if each.currency == line.currency][: MOST_ITEMS * 5]).values()
    }
    own = _in_order(owed.get(customer.id, []), line.currency, order(customer.id))
    poured, rest = matching.fill(own, line.amount)
    share = dict(poured)
    early = load_offers(view.session, scope, [item.id for items in owed.values() for item in items if item.currency == line.currency], line.day)
    offers: list[Offer] = []
    for key in sorted(family, key=lambda key: (key != customer.id, family[key])):
        for item in _in_order(owed.get(key, []), line.currency, order(key)):
            part, parts = parts_of.get(item.id, (1, 1))
            offers.append(Offer(item.id, family[key], item.document_no, part, parts, item.due, item.open, share.get(item.id, 0) if key == customer.id else 0, early.get(item.id)))
    return Chosen(customer.customer_no, customer.name, tuple(offers[:MOST_ITEMS]), rest)


def _in_order(items: Sequence[storage.OwedItem], currency: str, order: Precedence) -> list[matching.Open]:
    return matching.legal_order(
        [matching.Open(item.id, item.document_no, item.kind, item.currency, item.issued, item.due, item.open, item.about) for item in items if item.currency == currency], order
    )


def _family(view: View, scope: Scope, customer: Customer) -> dict[int, str]:
    """Id to number of the customers of his whole group that are seen, himself always."""
    rows = view.session.execute(sa.select(Customer.id, Customer.customer_no).where(Customer.id.in_(load_group(view.session, customer.id)), seen(scope)).limit(50))
    return {key: number for key, number in rows} | {customer.id: customer.customer_no}  # noqa: C416


def learned(view: View, scope: Scope, after: int | None, limit: int) -> list[Learned]:
    """Learned payers, the latest first."""
    return [
        Learned(alias.id, alias.name, alias.account, customer.customer_no, customer.name, alias.third_party, alias.letter, alias.by, alias.recorded_at, alias.ended_at)
        for alias, customer in storage.load_alias_page(view.session, scope, after, limit)
    ]


def running(view: View, scope: Scope) -> list[Running]:
    """Customers on a running account, by number."""
    return [Running(customer.customer_no, customer.name, one.since, one.note) for one, customer in storage.load_running(view.session, scope)]
