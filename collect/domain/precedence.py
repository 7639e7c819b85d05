"""What comes first when money settles a debt that its payer did not mark: costs, interest, principal, by law or by contract (S14)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

ORDERS = ("law", "costs_first", "oldest")
"""What a policy may say: as the law of its country orders it, costs and interest first by contract, or the oldest due first alone."""
DESIGNATIONS = ("payer", "consent")
"""Whether the payer's word that he means the principal alone binds, or only where the creditor agrees to it."""
CLAIMED = ("fee", "interest")
"""Kinds of items that can come before the principal, in the order in which they do: costs, then interest."""


@dataclass(frozen=True, slots=True)
class Precedence:
    """Which claimed items go before the principal, because of which law or clause.

    `first` are their kinds in order (empty: the oldest due first, whatever it is); `origin` law, contract or none;
    `source` tells the article or the clause, by language; `designation` is one of `DESIGNATIONS`.
    """

    first: tuple[str, ...] = ()
    origin: str = "none"
    source: Mapping[str, str] = field(default_factory=dict)
    designation: str = "payer"

    def rank(self, kind: str) -> int:
        """The place of a kind of item: what is named in `first` in its order, everything else after it."""
        return self.first.index(kind) if kind in self.first else len(self.first)


NONE = Precedence()
"""No law and no contract is known: the oldest due comes first."""


def of_contract(costs_first: bool, source: Mapping[str, str]) -> Precedence:
    """What a contract agreed, with its clause: costs and interest first, or the oldest due first alone."""
    return Precedence(CLAIMED if costs_first else (), "contract", source)


def chosen(order: str, source: Mapping[str, str], country: str, laws: Mapping[str, Precedence]) -> Precedence:
    """What a policy's choice (a word of `ORDERS`) means for a company of that country; where no law is known of it, the oldest due first."""
    if order == "law":
        return laws.get(country, NONE)
    return of_contract(order == "costs_first", source)
