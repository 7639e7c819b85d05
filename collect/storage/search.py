"""Finding customers and documents by what a person types: numbers, names (pinyin and initials too), phones, tax numbers, amounts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from collect.domain.rights import Scope
from collect.storage.cash import Credit
from collect.storage.customers import Contact, Customer, seen, seen_ids
from collect.storage.ledger import DayTotal, Line
from collect.storage.receivables import Item

_LEAST_DIGITS = 5
_MOST_INITIALS = 10


@dataclass(frozen=True, slots=True)
class FoundCustomer:
    """A customer that fits; `exact` when its number, tax number, phone or whole name is what was typed; `via` a contact's name."""

    customer_no: str
    name: str
    exact: bool
    via: str | None = None


@dataclass(frozen=True, slots=True)
class FoundDocument:
    """An invoice part, receipt or credit note that fits; minor units; `exact` when its number is what was typed."""

    kind: str
    number: str
    part: int
    parts: int
    customer_no: str
    customer_name: str
    day: date
    currency: str
    amount: int
    open: int
    exact: bool


def find_customers(session: Session, scope: Scope, text: str, limit: int) -> list[FoundCustomer]:
    """Customers whose number, name, pinyin, initials, tax number or phone fits, exact ones first; at most `limit`."""
    low, digits = text.lower(), _digits(text)
    c = Customer
    exact = [c.customer_no == text, sa.func.lower(c.name) == low, c.tax_no == text]
    near: list[sa.ColumnElement[bool]] = [
        sa.func.lower(c.customer_no).startswith(low, autoescape=True),
        sa.func.lower(c.name).contains(low, autoescape=True),
        c.sort_key.contains(text.casefold(), autoescape=True),  # SQLite's lower() knows A to Z only
        sa.func.lower(c.tax_no).startswith(low, autoescape=True),
    ]
    letters = low.replace(" ", "")
    if letters.isascii() and letters.isalpha():
        joined = sa.func.replace(c.sort_key, " ", "")
        near.append(joined.contains(letters, autoescape=True) if len(letters) > 2 else joined.startswith(letters, autoescape=True))
        if 2 <= len(letters) <= _MOST_INITIALS:
            near.append(c.sort_key.like(" ".join(f"{letter}%" for letter in letters)))
    if len(digits) >= _LEAST_DIGITS:
        exact.append(_only_digits(c.phone) == digits)
        near.append(_only_digits(c.phone).endswith(digits, autoescape=True))
    fits = sa.case((sa.or_(*exact), 1), else_=0)
    query = sa.select(c.customer_no, c.name, fits).where(seen(scope), sa.or_(*exact, *near)).order_by(fits.desc(), c.sort_key, c.customer_no).limit(limit)
    return [FoundCustomer(number, name, bool(same)) for number, name, same in session.execute(query)]


def find_contacts(session: Session, scope: Scope, text: str, limit: int) -> list[FoundCustomer]:
    """Customers one of whose people has this name, phone or mobile number; at most `limit`."""
    fits: list[Any] = [sa.func.lower(Contact.name).contains(text.lower(), autoescape=True)]
    digits = _digits(text)
    if len(digits) >= _LEAST_DIGITS:
        fits += [_only_digits(Contact.phone).endswith(digits, autoescape=True), _only_digits(Contact.mobile).endswith(digits, autoescape=True)]
    query = sa.select(Customer.customer_no, Customer.name, Contact.name).join(Contact, Contact.customer_id == Customer.id).where(seen(scope), sa.or_(*fits))
    return [FoundCustomer(number, name, False, via) for number, name, via in session.execute(query.order_by(Customer.sort_key, Customer.customer_no).limit(limit))]


def find_invoices(session: Session, scope: Scope, text: str, limit: int) -> list[FoundDocument]:
    """Invoices by the beginning of their number, as typed or in the other case of letters; the exact one first."""
    same = sa.case((Item.document_no == text, 1), else_=0)
    query = _invoices(scope, same).where(_begins(session, Item.document_no, text)).order_by(same.desc(), Item.document_no, Item.part)
    return _told_invoices(session, query.limit(limit))


def find_invoices_otherwise(session: Session, scope: Scope, text: str, amounts: Mapping[str, int], limit: int) -> list[FoundDocument]:
    """Invoices by order number or by an exact amount per currency, what is open first. Reads every item: asked only when there is reason to."""
    fits: list[Any] = [Item.po_no == text]
    fits += [sa.and_(Item.currency == currency, sa.or_(Item.amount_minor == minor, Item.open_minor == minor)) for currency, minor in amounts.items()]
    closed = sa.case((Item.open_minor > 0, 0), else_=1)
    return _told_invoices(session, _invoices(scope, sa.literal(0)).where(sa.or_(*fits)).order_by(closed, Item.document_no, Item.part).limit(limit))


def find_credits(session: Session, scope: Scope, text: str, limit: int) -> list[FoundDocument]:
    """Receipts and credit notes by the beginning of their number; the exact one first."""
    same = sa.case((Credit.number == text, 1), else_=0)
    query = _credits(scope, same).where(_begins(session, Credit.number, text)).order_by(same.desc(), Credit.number, Credit.kind)
    return _told_credits(session, query.limit(limit))


def find_credits_otherwise(session: Session, scope: Scope, text: str, amounts: Mapping[str, int], limit: int) -> list[FoundDocument]:
    """Receipts and credit notes by bank reference or by an exact amount per currency, what is left first. Reads every credit."""
    fits: list[Any] = [Credit.bank_reference == text]
    fits += [sa.and_(Credit.currency == currency, sa.or_(Credit.amount_minor == minor, Credit.open_minor == minor)) for currency, minor in amounts.items()]
    closed = sa.case((Credit.open_minor > 0, 0), else_=1)
    return _told_credits(session, _credits(scope, sa.literal(0)).where(sa.or_(*fits)).order_by(closed, Credit.number, Credit.kind).limit(limit))


def _begins(session: Session, column: Any, text: str) -> sa.ColumnElement[bool]:
    """The column begins with the text, in its own case or all in capitals or small letters.

    On SQLite as a range, which the unique index of the numbers answers at once; another database compares texts in an
    order of its own, in which a range means something else.
    """
    ways = sorted({text, text.upper(), text.lower()})
    if session.get_bind().dialect.name == "sqlite":
        return sa.or_(*(sa.and_(column >= way, column < way + "\U0010ffff") for way in ways))
    return sa.or_(*(column.startswith(way, autoescape=True) for way in ways))


def _invoices(scope: Scope, same: Any) -> sa.Select[Any]:
    return sa.select(Item, Customer.customer_no, Customer.name, same).join(Customer, Customer.id == Item.customer_id).where(seen_ids(scope, Item.customer_id))


def _credits(scope: Scope, same: Any) -> sa.Select[Any]:
    return sa.select(Credit, Customer.customer_no, Customer.name, same).join(Customer, Customer.id == Credit.customer_id).where(seen_ids(scope, Credit.customer_id))


def _told_invoices(session: Session, query: sa.Select[Any]) -> list[FoundDocument]:
    return [
        FoundDocument("invoice", row.document_no, row.part, row.parts, number, name, row.issue_date, row.currency, row.amount_minor, row.open_minor, bool(hit))
        for row, number, name, hit in session.execute(query)
    ]


def _told_credits(session: Session, query: sa.Select[Any]) -> list[FoundDocument]:
    return [
        FoundDocument(row.kind, row.number, 1, 1, number, name, row.day, row.currency, row.amount_minor, row.open_minor, bool(hit))
        for row, number, name, hit in session.execute(query)
    ]


def load_currencies(session: Session, scope: Scope) -> list[str]:
    """The currencies of the customers a scope sees, and of what they were ever invoiced or paid."""
    found = set(session.scalars(sa.select(Customer.currency).where(seen(scope)).distinct()))
    if scope.everything:
        found.update(session.scalars(sa.select(DayTotal.currency).distinct()))
    else:
        found.update(session.scalars(sa.select(Line.currency).where(seen_ids(scope, Line.customer_id)).distinct()))
    return sorted(found)


def _digits(text: str) -> str:
    """The digits of what may be a phone number; empty when it holds anything but digits and the signs between them."""
    kept = text.translate(str.maketrans("", "", " -+()/."))
    return kept if kept.isascii() and kept.isdigit() else ""


def _only_digits(column: Any) -> sa.ColumnElement[str]:
    """A phone column without the signs people write between digits."""
    for sign in " -+()":
        column = sa.func.replace(column, sign, "")
    return column  # type: ignore[no-any-return]
