"""What every bank file comes down to: statements of one account each, their lines, and the check that they add up."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Context, Decimal
from typing import NamedTuple

from collect.domain import money
from collect.domain.errors import Refusal
from collect.domain.sameness import Told, trace_of

MOST_LINES = 200_000
"""More lines than any bank puts into one file; a file beyond it is refused before it fills the memory."""
MOST_STATEMENTS = 5_000
"""Statements of one file: each costs several questions to the database, even where it has no line."""
_EXACT = Context(prec=64)
_PLAIN = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)")
_LONGEST = 4_000
"""Signs of a text that is put together from the parts of a line; what is kept of it is shorter."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One movement: `amount` in minor units, positive for money in. `reversal`: the bank takes an earlier movement back.

    `day` is when the bank booked it. `reference` is what payer or bank numbered it with, `narrative` all free text.
    `identity` is the bank's own number of the line, where it gives one; `end_to_end` the payer's, where the form has a
    place for it; `line` where it stands in the file of a table.
    """

    day: date
    amount: int
    currency: str
    value_day: date | None = None
    payer: str = ""
    payer_account: str = ""
    reference: str = ""
    narrative: str = ""
    reversal: bool = False
    identity: str = ""
    end_to_end: str = ""
    line: int = 0

    def fingerprint(self) -> str:
        """SHA-256 over everything the bank tells of the line: the same line of two files has the same one (S16)."""
        parts = (self.day, self.amount, self.currency, self.payer, self.payer_account, self.reference, self.narrative, self.reversal, self.identity)
        return hashlib.sha256("\x1f".join(re.sub(r"\s+", "", str(part)) for part in parts).encode()).hexdigest()

    def told(self) -> Told:
        """The line as far as its form does not matter, to be compared with the same account's lines of other forms."""
        own = "" if "|" in self.identity else self.identity  # of a table it is the whole row
        return Told(self.day, self.value_day, self.amount, self.currency, trace_of(self.end_to_end, own, self.reference), self.payer, self.payer_account, self.narrative)


class LeftOut(NamedTuple):
    """A row of a table that is no line of the account: a total, a note, or (`moved`) money that went neither in nor out."""

    line: int
    text: str
    moved: bool

    def as_json(self) -> dict[str, object]:
        """The row for a program; `reason` is `neither` (money neither in nor out) or `no_day`."""
        return {"line": self.line, "text": self.text, "reason": "neither" if self.moved else "no_day"}


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of one account; balances in minor units, None where the file tells none.

    Of a table: the saved mapping it was read with, the rows that are no lines, and (`broken`) the first line whose balance
    does not follow from the one before, where nobody but the words of banks says that the column holds balances. Of a
    camt `broken` are two balances in different currencies.
    """

    form: str
    account: str
    currency: str
    entries: tuple[Entry, ...]
    number: str = ""
    since: date | None = None
    through: date | None = None
    opening: int | None = None
    closing: int | None = None
    mapping: str = ""
    left_out: tuple[LeftOut, ...] = ()
    broken: Refusal | None = None

    def leaving(self, rows: Sequence[LeftOut]) -> Statement:
        """The statement, with the rows of its table that are no lines."""
        return replace(self, left_out=tuple(rows))

    def checked(self) -> Statement:
        """The statement, its days completed from its lines; Refusal `statement_off` unless opening + lines = closing."""
        moved = sum(entry.amount for entry in self.entries if entry.currency == self.currency)
        if self.opening is not None and self.closing is not None and self.opening + moved != self.closing:
            told = {name: money.plain(value, self.currency) for name, value in (("opening", self.opening), ("moved", moved), ("closing", self.closing))}
            raise Refusal("statement_off", None, account=self.account or "?", number=self.number or "?", currency=self.currency, **told)
        days = [entry.day for entry in self.entries]
        return replace(self, since=self.since or min(days, default=None), through=self.through or max(days, default=None))


def decimal_of(text: str) -> Decimal | None:
    """The number that a bank writes with ASCII digits, a point and a sign; None for all else (`1e3`, `1_000`, Arabic digits, `NaN`)."""
    plain = text.strip()
    return Decimal(plain) if _PLAIN.fullmatch(plain) else None


def minor_of(value: Decimal, currency: str, field: str = "amount") -> int:
    """The amount in minor units, exactly; Refusal `too_many_decimals` for what is no whole minor unit, `amount_too_large` (S1)."""
    try:
        scaled = value.scaleb(money.exponent(currency), _EXACT)
    except ArithmeticError:
        raise Refusal("bad_amount", field, value=str(value)[:80]) from None
    # More digits than are reckoned with would be rounded: no amount has them.
    if not value.is_finite() or scaled.adjusted() > 40 or len(value.as_tuple().digits) > 60:
        raise Refusal("bad_amount", field, value=str(value)[:80])
    minor = int(scaled)
    if minor != scaled:
        raise Refusal("too_many_decimals", field, value=str(value)[:80], currency=currency, places=money.exponent(currency))
    if abs(minor) > money.LIMIT:
        raise Refusal("amount_too_large", field, value=str(value)[:80], currency=currency)
    return minor


def line_of(*texts: str | None) -> str:
    """Texts joined by a space each, white space made single; what is empty or said already is left out."""
    found: dict[str, None] = {}
    length = 0
    for text in texts:
        plain = " ".join((text or "").split())
        if plain and plain not in found:
            found[plain] = None
            length += len(plain) + 1
            if length > _LONGEST:
                break
    return " ".join(found)[:_LONGEST]
