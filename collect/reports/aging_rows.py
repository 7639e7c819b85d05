"""A line of the aging report, and what lines come to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from itertools import islice
from typing import NamedTuple

BESIDE = ("provisional", "unapplied", "disputed", "promised", "in_paper")
"""The amounts of a row beside its buckets."""


class AgingRow(NamedTuple):
    """One line: minor units of `currency`; `amounts` in the order of the buckets' names; `unapplied` is negative (S8).

    `key` is the number of the customer, document, receipt or user, `link` what a page drills down to (kind, key).
    """

    key: str
    name: str
    currency: str
    amounts: tuple[int, ...]
    provisional: int = 0
    unapplied: int = 0
    disputed: int = 0
    promised: int = 0
    in_paper: int = 0
    link: tuple[str, str] | None = None
    due: date | None = None
    customer_no: str | None = None

    @property
    def total(self) -> int:
        """Buckets, provisional and unapplied together."""
        return sum(self.amounts) + self.provisional + self.unapplied

    @property
    def overdue(self) -> int:
        """Everything past due."""
        return sum(self.amounts[1:])

    @property
    def empty(self) -> bool:
        """A row of zeros, which is left out."""
        return not (any(self.amounts) or self.provisional or self.unapplied)


def add(left: AgingRow, right: AgingRow) -> AgingRow:
    """Both amounts of each column together, under the name of the left one."""
    return left._replace(
        amounts=tuple(a + b for a, b in zip(left.amounts, right.amounts, strict=True)),
        provisional=left.provisional + right.provisional,
        unapplied=left.unapplied + right.unapplied,
        disputed=left.disputed + right.disputed,
        promised=left.promised + right.promised,
        in_paper=left.in_paper + right.in_paper,
    )


def totals(rows: Iterable[AgingRow], width: int) -> list[AgingRow]:
    """One total a currency, since currencies are never added up (S10); `width` is the number of buckets."""
    made: dict[str, AgingRow] = {}
    source = iter(rows)
    while some := list(islice(source, _AT_ONCE)):
        found: dict[str, list[AgingRow]] = defaultdict(list)
        for row in some:
            found[row.currency].append(row)
        for currency, mine in found.items():
            _key, _name, _currency, amounts, *rest = zip(*mine, strict=True)
            beside = {name: sum(column) for name, column in zip(BESIDE, rest, strict=False)}
            part = AgingRow("", "", currency, tuple(map(sum, zip(*amounts, strict=True))) or (0,) * width, **beside)
            made[currency] = add(made[currency], part) if currency in made else part
    return [made[currency] for currency in sorted(made)]


_AT_ONCE = 20_000
"""Rows added up together: by the column, which is several times faster than row by row."""
