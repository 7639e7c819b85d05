"""The exchange rates that a total in the company's currency stands on: which is in force on a day, and what an amount is by it (S10)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction

from sqlalchemy.orm import Session

from collect.domain import money
from collect.storage.rates import load_rates


@dataclass(frozen=True, slots=True)
class UsedRate:
    """One `base` is `value` (decimal text) of `quote` from `since` on; either of the two is the currency that is converted."""

    base: str
    quote: str
    value: str
    since: date
    source: str

    def __str__(self) -> str:
        return f"1 {self.base} = {self.value} {self.quote}"

    def convert(self, minor: int, currency: str) -> int:
        """An amount of `currency`, the one of the two, in minor units of the other; half a unit goes away from zero."""
        into, factor = (self.quote, Fraction(self.value)) if currency == self.base else (self.base, 1 / Fraction(self.value))
        exact = abs(minor) * factor * Fraction(10) ** (money.exponent(into) - money.exponent(currency))
        whole = (2 * exact.numerator + exact.denominator) // (2 * exact.denominator)
        return -whole if minor < 0 else whole


def in_force(session: Session, currencies: Iterable[str], into: str, as_of: date, known: datetime) -> dict[str, UsedRate]:
    """For each currency the rate into another that is in force on a day, of the rates recorded until `known`; absent where none is.

    A rate of the pair as asked goes before one of the pair turned round; of one day the last recorded counts.
    """
    found: dict[str, UsedRate] = {}
    for currency in currencies:
        if currency == into:
            continue
        for base, quote in ((currency, into), (into, currency)):
            rates = [rate for rate in load_rates(session, base, quote) if rate.since <= as_of and rate.recorded_at <= known]
            if rates:
                last = rates[-1]
                found[currency] = UsedRate(base, quote, last.value, last.since, last.source)
                break
    return found
