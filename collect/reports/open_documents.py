"""The rows of an aging by document: held as a few numbers each, told in full when somebody looks at them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import overload

from sqlalchemy.orm import Session

from collect.domain.rights import Scope
from collect.reports.aging_rows import AgingRow
from collect.storage.customers import load_ids
from collect.storage.open_items import CREDIT, INVOICE, PROVISIONAL, UNAPPLIED, OpenItems, due_of, load_told

_DAY = re.compile(r"(?:[0-9]{4}-[0-9]{2}-[0-9]{2})?", re.ASCII)
_AT_ONCE = 2000
"""Rows told together where all are wanted."""


class OpenDocuments(Sequence[AgingRow]):
    """A row per open item and one per unapplied receipt or credit; they can be read as long as the session is open.

    `disputed` tells by item what is accepted as disputed of it, `width` how many buckets there are.
    """

    def __init__(self, session: Session, scope: Scope, items: OpenItems, width: int, disputed: Mapping[int, int]) -> None:
        self._session, self._scope, self._items, self._width, self._disputed = session, scope, items, width, disputed

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[AgingRow]:
        for start in range(0, len(self), _AT_ONCE):
            yield from self._told(range(start, min(start + _AT_ONCE, len(self))))

    @overload
    def __getitem__(self, index: int) -> AgingRow: ...
    @overload
    def __getitem__(self, index: slice) -> list[AgingRow]: ...
    def __getitem__(self, index: int | slice) -> AgingRow | list[AgingRow]:
        if isinstance(index, slice):
            return self._told(range(*index.indices(len(self))))
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        return self._told([index % len(self)])[0]

    def totals(self) -> list[AgingRow]:
        """One total a currency (S10)."""
        items = self._items
        disputed = dict.fromkeys(items.codes, 0)
        if self._disputed:
            for at in self._of_disputes():
                disputed[items.codes[items.currencies[at]]] += self._disputed[items.ids[at]]
        sums = sorted(items.sums(self._width).items())
        return [AgingRow("", "", code, tuple(amounts), provisional, unapplied, disputed[code]) for code, (*amounts, provisional, unapplied) in sums]

    def part(self, column: str, buckets: Sequence[str], members: frozenset[str] | None, sort: str) -> OpenDocuments:
        """The rows with something in a column, of these customers alone (None: all), in the order of a column.

        `sort` is a column (largest first) or `-` and a column (smallest first); a column that there is not selects and sorts
        nothing. Currencies are never compared with each other (S10): each is a block of its own.
        """
        items = self._items
        chosen: Sequence[int] = range(len(self))
        amount = self._amount(column, buckets)
        if members is not None:
            within = load_ids(self._session, self._scope, members)
            chosen = [at for at in chosen if items.customers[at] in within]
        if amount is not None:
            chosen = [at for at in chosen if amount(at)]
        order = self._amount(sort.removeprefix("-"), buckets)
        if order is not None:
            sign = 1 if sort.startswith("-") else -1
            chosen = sorted(chosen, key=lambda at: (items.codes[items.currencies[at]], sign * order(at)))
        if isinstance(chosen, range):
            return self
        return OpenDocuments(self._session, self._scope, items.picked(chosen), self._width, self._disputed)

    def find(self, currency: str, kind: str, due: str, key: str) -> int | None:
        """Where the document stands that has this currency, kind, due date (ISO, empty for none) and number; None where it is no longer open."""
        items = self._items
        if currency not in items.codes or not _DAY.fullmatch(due):
            return None
        wanted = (items.codes.index(currency), INVOICE if kind == "invoice" else CREDIT, int(due.replace("-", "") or 0))
        found = [at for at, one in enumerate(zip(items.currencies, items.kinds, items.dues, strict=True)) if one == wanted]
        for start in range(0, len(found), _AT_ONCE):
            some = found[start : start + _AT_ONCE]
            for at, row in zip(some, self._told(some), strict=True):
                if row.key == key and row.link and row.link[0] == kind:
                    return at
        return None

    def _of_disputes(self) -> list[int]:
        """Where the items stand of which something is disputed."""
        return [at for at, (kind, key) in enumerate(zip(self._items.kinds, self._items.ids, strict=True)) if kind == INVOICE and key in self._disputed]

    def _amount(self, column: str, buckets: Sequence[str]) -> Callable[[int], int] | None:
        """What the row at a place has in a column; None where there is no such column."""
        places, rests = self._items.places, self._items.rests
        if column in buckets or column in ("provisional", "unapplied"):
            wanted = {"provisional": PROVISIONAL, "unapplied": UNAPPLIED}.get(column)
            bucket = wanted if wanted is not None else buckets.index(column)
            return lambda at: rests[at] if places[at] == bucket else 0
        if column == "overdue":
            return lambda at: rests[at] if places[at] > 0 else 0
        if column == "total":
            return rests.__getitem__
        if column == "disputed":
            disputed = {at: self._disputed[self._items.ids[at]] for at in self._of_disputes()}
            return lambda at: disputed.get(at, 0)
        return (lambda at: 0) if column in ("promised", "in_paper") else None

    def _told(self, at: Sequence[int]) -> list[AgingRow]:
        """The rows at these places in full."""
        items = self._items
        known = {kind: load_told(self._session, self._scope, kind, [items.ids[one] for one in at if items.kinds[one] == kind]) for kind in (INVOICE, CREDIT)}
        empty = (0,) * self._width
        rows = []
        for one in at:
            kind, key, place, rest = items.kinds[one], items.ids[one], items.places[one], items.rests[one]
            sort, document, number, customer_no, name = known[kind][key]
            rows.append(
                AgingRow(
                    number,
                    name,
                    items.codes[items.currencies[one]],
                    empty if place < 0 else (*empty[:place], rest, *empty[place + 1 :]),
                    rest if place == PROVISIONAL else 0,
                    rest if place == UNAPPLIED else 0,
                    self._disputed.get(key, 0) if kind == INVOICE else 0,
                    link=(sort, document),
                    due=due_of(items.dues[one]),
                    customer_no=customer_no,
                )
            )
        return rows
