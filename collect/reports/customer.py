"""The customer as a page tells him: who he is, what he owes, what he paid, who looks after him, and what happened (S28)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime

from collect.domain import aging
from collect.domain.errors import NotFound
from collect.domain.rights import Scope
from collect.i18n import mark as _
from collect.reports import lists
from collect.reports.aging import AgingOptions, AgingReport, build
from collect.runtime import View
from collect.storage import customers as storage
from collect.storage import listings
from collect.storage.cash import load_customer_credits
from collect.storage.listings import Balance, CustomerEntry, CustomerWish, DocumentEntry, Happening, Mark
from collect.storage.users import load_users
from collect.table import Column, Table


@dataclass(frozen=True, slots=True)
class Person:
    """One of ours."""

    username: str
    name: str


@dataclass(frozen=True, slots=True)
class Profile:
    """Master data of a customer; `credit_limit` is minor units of its currency, `parent` and each of `members` a number and a name."""

    id: int
    number: str
    name: str
    tax_no: str | None
    segment: str | None
    terms: str | None
    credit_limit: int | None
    currency: str
    country: str
    language: str | None
    timezone: str | None
    email: str | None
    phone: str | None
    address: str | None
    parent: tuple[str, str] | None
    members: tuple[tuple[str, str], ...]
    rep: Person | None
    collector: Person | None
    version: int


@dataclass(frozen=True, slots=True)
class Rest:
    """A receipt or credit of which something is unapplied; minor units, positive."""

    kind: str
    number: str
    day: date
    currency: str
    amount: int
    open: int
    version: int
    reference: str | None


@dataclass(frozen=True, slots=True)
class ContactEntry:
    """A person at the customer (P6)."""

    name: str
    role: str
    original: bool
    decides: bool
    phone: str | None
    mobile: str | None
    email: str | None
    wechat: str | None
    preferred_time: str | None


@dataclass(frozen=True, slots=True)
class Duty:
    """From `since` on (until the next entry of that duty) this person had it; None: nobody."""

    duty: str
    since: date
    person: Person | None
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class ListLine:
    """A customer in the list with one currency of his balance; `oldest_days` is days past due (S7), 0 when nothing is late."""

    entry: CustomerEntry
    balance: Balance
    rep: str
    oldest_days: int


def profile(view: View, scope: Scope, number: str) -> Profile:
    """The customer of that number; NotFound when missing or outside the scope, which are one answer."""
    row = storage.find_customer(view.session, scope, number)
    if row is None:
        raise NotFound("customer", number)
    people = _people(view)
    above = storage.load_customers(view.session, scope, [row.parent_id]).get(row.parent_id) if row.parent_id else None
    return Profile(
        id=row.id,
        number=row.customer_no,
        name=row.name,
        tax_no=row.tax_no,
        segment=row.segment,
        terms=row.terms,
        credit_limit=row.credit_limit,
        currency=row.currency,
        country=row.country,
        language=row.language,
        timezone=row.timezone,
        email=row.email,
        phone=row.phone,
        address=row.address,
        parent=(above.customer_no, above.name) if above else None,
        members=tuple((member.customer_no, member.name) for member in storage.load_members(view.session, scope, row.id)),
        rep=people.get(row.rep_id or 0),
        collector=people.get(row.collector_id or 0),
        version=row.version,
    )


def balance(view: View, scope: Scope, number: str, buckets: aging.Buckets) -> AgingReport:
    """The customer's aging of today, one row a currency, held against the control (S9)."""
    return build(view, scope, AgingOptions(view.today, buckets, by="currency", customer=number))


def open_items(view: View, scope: Scope, customer_id: int, limit: int) -> list[DocumentEntry]:
    """What is open, oldest due first, what waits for an event last; at most `limit`."""
    return listings.load_open_documents(view.session, scope, customer_id, limit)


def settled_items(view: View, scope: Scope, customer_id: int, after: tuple[date, int] | None, limit: int) -> list[DocumentEntry]:
    """What is settled or void, the last issued first; at most `limit`."""
    return listings.load_settled_documents(view.session, scope, customer_id, after, limit)


def unapplied(view: View, scope: Scope, customer_id: int) -> list[Rest]:
    """Receipts and credits that no invoice took wholly yet, oldest first (S8)."""
    return [
        Rest(row.kind, row.number, row.day, row.currency, row.amount_minor, row.open_minor, row.version, row.bank_reference)
        for row in load_customer_credits(view.session, scope, customer_id)
    ]


def contacts(view: View, scope: Scope, customer_id: int) -> list[ContactEntry]:
    """The people at the customer: those who decide first, then the original contact, then by name."""
    rows = listings.load_contacts(view.session, scope, customer_id)
    return [ContactEntry(row.name, row.role, row.original, row.decides, row.phone, row.mobile, row.email, row.wechat, row.preferred_time) for row in rows]


def duties(view: View, scope: Scope, customer_id: int) -> list[Duty]:
    """Who looked after the customer since when, the latest first (S9)."""
    people = _people(view)
    rows = listings.load_assignments(view.session, scope, customer_id)
    return [Duty(row.duty, row.since, people.get(row.user_id or 0), row.recorded_at) for row in rows]


def timeline(view: View, scope: Scope, customer_id: int, after: Mark | None, limit: int) -> list[Happening]:
    """What happened, the latest day first; at most `limit`, those before a mark."""
    return listings.load_timeline(view.session, scope, customer_id, view.seller.timezone, after, limit)


def lines(view: View, scope: Scope, wish: CustomerWish, after: tuple[str, str] | None, limit: int) -> list[ListLine]:
    """A page of the customer list with today's balances: a line a customer and currency, one of zeros for a customer who owes nothing."""
    entries = listings.load_customer_page(view.session, scope, wish, after, limit)
    balances = listings.load_balances(view.session, scope, [entry.id for entry in entries], wish.today)
    people = _people(view)
    found = []
    for entry in entries:
        rep = people.get(entry.rep_id or 0)
        for each in balances.get(entry.id, [Balance(entry.currency)]):
            days = max(aging.days_past(each.oldest, wish.today), 0) if each.oldest else 0
            found.append(ListLine(entry, each, rep.name if rep else "", days))
    return found


def all_lines(view: View, scope: Scope, wish: CustomerWish) -> Iterator[ListLine]:
    """The whole list that a wish means, page by page, for an export."""
    return lists.every(lambda after: lines(view, scope, wish, after, listings.LOOKED_UP), lambda line: (line.entry.sort_key, line.entry.customer_no))


COLUMNS = (
    Column("customer_no", _("Customer no."), "code"),
    Column("name", _("Name")),
    Column("rep", _("Rep")),
    Column("segment", _("Segment")),
    Column("currency", _("Currency"), "code"),
    Column("open", _("Open"), "money"),
    Column("overdue", _("Overdue"), "money"),
    Column("oldest_days", _("Oldest, days late"), "integer"),
    Column("unapplied", _("Unapplied"), "money"),
)
CUSTOMERS = _("Customers")


def as_table(found: Iterable[ListLine], today: date) -> Table:
    """The list as a table; what is unapplied stands there as a negative amount, as in the aging (S8)."""
    rows = (
        (
            line.entry.customer_no,
            line.entry.name,
            line.rep,
            line.entry.segment,
            line.balance.currency,
            line.balance.open,
            line.balance.overdue,
            line.oldest_days or None,
            -line.balance.unapplied,
        )
        for line in found
    )
    return lists.as_of(CUSTOMERS, COLUMNS, rows, today)


def _people(view: View) -> dict[int, Person]:
    return {user.id: Person(user.username, user.name) for user in load_users(view.session)}
