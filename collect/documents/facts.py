"""What a statement of account says, before anybody draws it: who owes whom, what is open, what moved, and how it was asked."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple


class OpenLine(NamedTuple):
    """An open item; minor units. `due` and `days` past due (S7) are None while only a provisional date is known."""

    document: str
    kind: str
    issued: date
    due: date | None
    days: int | None
    amount: int
    settled: int
    open: int


class CreditLine(NamedTuple):
    """A receipt or credit of which something is unapplied; `open` is positive minor units in the customer's favour (S8)."""

    kind: str
    number: str
    day: date
    amount: int
    open: int


class Movement(NamedTuple):
    """An entry of the period: what it changed, and the balance after it, in minor units."""

    day: date
    kind: str
    number: str
    change: int
    balance: int


@dataclass(frozen=True, slots=True)
class Party:
    """A legal debtor as he is printed: number, name, and what is known of his address and tax number."""

    number: str
    name: str
    address: str = ""
    tax_no: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """One legal debtor in one currency. `amounts` are in the order of `buckets` (S7), `opening` None without a period."""

    debtor: Party
    currency: str
    lines: tuple[OpenLine, ...]
    credits: tuple[CreditLine, ...]
    buckets: tuple[str, ...]
    amounts: tuple[int, ...]
    provisional: int
    opening: int | None = None
    movements: tuple[Movement, ...] = ()

    @property
    def amount(self) -> int:
        """What the open items were issued for."""
        return sum(line.amount for line in self.lines)

    @property
    def open(self) -> int:
        """What of them is open."""
        return sum(line.open for line in self.lines)

    @property
    def unapplied(self) -> int:
        """What is in the customer's favour and tied to no item."""
        return sum(line.open for line in self.credits)

    @property
    def balance(self) -> int:
        """What is owed in all: open items less what is unapplied; negative is the customer's favour (S9)."""
        return self.open - self.unapplied

    @property
    def overdue(self) -> int:
        """What is past due, before anything unapplied."""
        return sum(self.amounts[1:])

    @property
    def asked(self) -> int:
        """What a demand asks for: the overdue amount less what is unapplied, which covers the oldest first (S17)."""
        return max(self.overdue - self.unapplied, 0)


@dataclass(frozen=True, slots=True)
class StatementFacts:
    """One statement 对账单. `kind` is `confirm` (for reconciliation only) or `demand` (asks for payment by `pay_by`, S27).

    A demand has the sections of one legal debtor, the addressee; a statement for a group may have its members' too.
    `accounts` are our bank accounts as (currency, number, name). `since` is the first day of the period, None without.
    """

    number: str
    kind: str
    language: str
    as_of: date
    made_on: date
    company: str
    addressee: Party
    sections: tuple[Section, ...]
    pay_by: date | None = None
    since: date | None = None
    accounts: tuple[tuple[str, str, str], ...] = field(default=())
