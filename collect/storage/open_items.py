"""Every open item and every unapplied receipt or credit as of a date: few numbers each, because there may be a great many."""

from __future__ import annotations

import contextlib
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from collect.domain.aging import Basis
from collect.domain.rights import Scope
from collect.storage.balances import Question, is_current, when, which
from collect.storage.cash import Credit
from collect.storage.customers import Customer, seen
from collect.storage.database import day_number, day_of, raw
from collect.storage.ledger import Line
from collect.storage.receivables import Item

INVOICE, CREDIT = 0, 1
"""What an entry is: an item of an invoice, or a receipt or credit."""
PROVISIONAL, UNAPPLIED = -1, -2
"""The places of an amount that is in no bucket."""


def _whole() -> array[int]:
    return array("q")


@dataclass(slots=True)
class OpenItems:
    """A list a column, in the order of the aging by document: items by due date, then receipts and credits by their day.

    `kinds` INVOICE or CREDIT, `ids` of the item or credit, `customers` ids, `currencies` indexes into `codes`, `dues` as the number
    yyyymmdd (0: none), `places` the index of the bucket, PROVISIONAL or UNAPPLIED, `rests` minor units (negative for a credit).
    """

    codes: list[str] = field(default_factory=list)
    kinds: array[int] = field(default_factory=lambda: array("b"))
    ids: array[int] = field(default_factory=_whole)
    customers: array[int] = field(default_factory=_whole)
    currencies: array[int] = field(default_factory=lambda: array("h"))
    dues: array[int] = field(default_factory=lambda: array("i"))
    places: array[int] = field(default_factory=lambda: array("b"))
    rests: array[int] = field(default_factory=_whole)

    def __len__(self) -> int:
        return len(self.ids)

    def columns(self) -> tuple[array[int], ...]:
        """All columns, in the order of the fields."""
        return self.kinds, self.ids, self.customers, self.currencies, self.dues, self.places, self.rests

    def picked(self, at: Iterable[int]) -> OpenItems:
        """Those at the given indexes, in that order."""
        chosen = list(at)
        return OpenItems(self.codes, *(array(column.typecode, map(column.__getitem__, chosen)) for column in self.columns()))

    def sums(self, width: int) -> dict[str, tuple[int, ...]]:
        """By currency what `width` buckets, what is provisional and what is unapplied come to."""
        found = {code: [0] * (width + 2) for code in self.codes}
        by_index = [found[code] for code in self.codes]
        for currency, place, rest in zip(self.currencies, self.places, self.rests, strict=True):
            by_index[currency][place if place >= 0 else width - 1 - place] += rest
        present = set(self.currencies)
        return {code: tuple(found[code]) for index, code in enumerate(self.codes) if index in present}


def load_open(session: Session, question: Question) -> OpenItems:
    """Whatever is open as the question asks: items oldest due first, then receipts and credits oldest first."""
    own_date = question.basis is Basis.DUE
    items: Any
    credits: Any
    if is_current(session, question):
        # Out of the covering indexes alone, which hold nothing but what is open.
        day = Item.due_date if own_date else Item.issue_date
        items = sa.select(Item.id, Item.customer_id, Item.currency, raw(Item.due_date), raw(day), Item.open_minor)
        items = items.where(Item.open_minor > 0, *which(question, Item.customer_id, Item.currency)).order_by(sa.nulls_last(Item.due_date.asc()), Item.id)
        credits = sa.select(Credit.id, Credit.customer_id, Credit.currency, sa.null(), raw(Credit.day), -Credit.open_minor)
        credits = credits.where(Credit.open_minor > 0, *which(question, Credit.customer_id, Credit.currency)).order_by(Credit.day, Credit.id)
    else:
        rest, unapplied = sa.func.sum(Line.receivable), sa.func.sum(Line.unapplied)
        where = [*when(question), *which(question, Line.customer_id, Line.currency)]
        day = Line.due if own_date else Line.issued
        items = sa.select(Line.item_id, Line.customer_id, Line.currency, raw(Line.due), raw(day), rest).where(*where, Line.item_id.is_not(None))
        items = items.group_by(Line.customer_id, Line.currency, Line.item_id, Line.due, Line.issued).having(rest != 0)
        items = items.order_by(sa.nulls_last(Line.due.asc()), Line.item_id)
        unused: Any = sa.select(Line.credit_id.label("id"), Line.customer_id, Line.currency, unapplied.label("rest")).where(*where, Line.credit_id.is_not(None))
        part = unused.group_by(Line.customer_id, Line.currency, Line.credit_id).having(unapplied != 0).subquery()
        credits = sa.select(part.c.id, part.c.customer_id, part.c.currency, sa.null(), raw(Credit.day), part.c.rest)
        credits = credits.join(Credit, Credit.id == part.c.id).order_by(Credit.day, Credit.id)
    found = OpenItems()
    codes: dict[str, int] = {}
    _take(session, items, found, INVOICE, codes, _Places(question, PROVISIONAL))
    _take(session, credits, found, CREDIT, codes, _Places(question, UNAPPLIED, None if question.age_unapplied else UNAPPLIED))
    found.codes = list(codes)
    return found


class _Places(dict[Any, int]):
    """The bucket of a day as the driver gives it, reckoned once; `none` for an entry without a day, `always` for every entry."""

    def __init__(self, question: Question, none: int, always: int | None = None) -> None:
        super().__init__({None: none})
        self._question, self._always = question, always

    def __missing__(self, day: Any) -> int:
        place = self._question.buckets.place((self._question.as_of - day_of(day)).days) if self._always is None else self._always
        self[day] = place
        return place


class _Numbers(dict[Any, int]):
    """A day as the driver gives it as the number yyyymmdd, 0 for none."""

    def __missing__(self, day: Any) -> int:
        number = self[day] = day_number(day_of(day)) if day is not None else 0
        return number


def _take(session: Session, query: Any, found: OpenItems, kind: int, codes: dict[str, int], places: _Places) -> None:
    """Put the rows (id, customer, currency, due, day, rest) to their columns."""
    numbers = _Numbers()
    with contextlib.closing(session.connection().execute(query)) as result:
        while rows := result.cursor.fetchmany(20_000):
            ids, customers, currencies, dues, days, rests = zip(*rows, strict=True)
            for code in set(currencies) - codes.keys():
                codes[code] = len(codes)
            found.kinds.extend([kind] * len(rows))
            found.ids.extend(ids)
            found.customers.extend(customers)
            found.currencies.extend(map(codes.__getitem__, currencies))
            found.dues.extend(map(numbers.__getitem__, dues))
            found.places.extend(map(places.__getitem__, days))
            found.rests.extend(map(int, rests))


Told = tuple[str, str, str, str, str]
"""What is shown of an entry: kind, the number of its document, the same with its instalment, number and name of the customer."""


def load_told(session: Session, scope: Scope, kind: int, ids: Sequence[int]) -> dict[int, Told]:
    """What is shown of items or credits of the customers a scope sees, by id."""
    found: dict[int, Told] = {}
    for start in range(0, len(ids), 500):
        some = ids[start : start + 500]
        if kind == INVOICE:
            query: Any = sa.select(Item.id, Item.document_no, Item.part, Item.parts, Customer.customer_no, Customer.name)
            query = query.join(Customer, Customer.id == Item.customer_id).where(Item.id.in_(some), seen(scope))
            for key, number, part, parts, customer_no, name in session.execute(query):
                found[key] = ("invoice", number, number if parts == 1 else f"{number} {part}/{parts}", customer_no, name)
        else:
            query = sa.select(Credit.id, Credit.kind, Credit.number, Customer.customer_no, Customer.name)
            query = query.join(Customer, Customer.id == Credit.customer_id).where(Credit.id.in_(some), seen(scope))
            for key, sort, number, customer_no, name in session.execute(query):
                found[key] = (sort, number, number, customer_no, name)
    return found


def due_of(number: int) -> date | None:
    """A due date out of its number; None for 0."""
    return day_of(number) if number else None
