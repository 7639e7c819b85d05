"""Late-payment interest and compensation: from dated principal and dated rates to an exact amount with its pieces (S14)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction

from collect.domain.errors import Refusal

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Band:
    """A fixed sum (minor units) for a debt of at least `least` minor units: EUR 40 each, or the UK's three bands."""

    currency: str
    least: int
    amount: int


@dataclass(frozen=True, slots=True)
class Rule:
    """How interest is reckoned. `kind`: yearly (`percent` a year), daily (`percent` a day), reference (of `reference`).

    A reference rate is multiplied by `multiple` and raised by `points`; `resets` says which day's rate counts: that of
    the first day late (`breach`), of the first day of each half-year (`half_year`), or of every day (`daily`).
    """

    code: str
    kind: str
    percent: Fraction = Fraction(0)
    reference: str | None = None
    multiple: Fraction = Fraction(1)
    points: Fraction = Fraction(0)
    resets: str = "breach"
    day_count: int = 365
    bands: tuple[Band, ...] = ()
    source: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """From `since` on so much principal was open (minor units)."""

    since: date
    open: int


@dataclass(frozen=True, slots=True)
class Quote:
    """From `since` on the reference rate was so many percent a year."""

    since: date
    percent: Fraction


@dataclass(frozen=True, slots=True)
class Piece:
    """`days` days through `until` with one principal and one rate; `percent` is a year's, or a day's under a daily rule."""

    since: date
    until: date
    days: int
    principal: int
    percent: Fraction
    exact: Fraction


@dataclass(frozen=True, slots=True)
class Accrual:
    """What an item has earned by a date; `interest` and `compensation` in minor units, interest rounded once, half up."""

    pieces: tuple[Piece, ...]
    interest: int
    compensation: int

    @property
    def total(self) -> int:
        """Both together."""
        return self.interest + self.compensation


def accrue(rule: Rule, currency: str, due: date, as_of: date, steps: Sequence[Step], quotes: Sequence[Quote] = ()) -> Accrual:
    """Interest of one item from the day after `due` through `as_of`, on the principal that was open each day.

    `steps` is the open principal in order of days, the first on or before the day after `due`; `quotes` the reference
    rate in order. Sources: State Council 802 art. 17 (0.05 % a day), 买卖合同解释 art. 18 (LPR × 1.3 to 1.5), Directive
    2011/7 art. 3, 6 and 8 (reference + 8 points, EUR 40), Late Payment Act 1998. Refusal `rate_unknown` where a
    reference rate is not known for a day that needs it.
    """
    first = due + _DAY
    if as_of < first:
        return Accrual((), 0, 0)
    cuts = {first, *(step.since for step in steps if first < step.since <= as_of)}
    if rule.kind == "reference":
        cuts |= {day for day in _resets(rule, quotes, first, as_of) if first < day <= as_of}
    days = sorted(cuts)
    pieces = []
    for since, after in zip(days, [*days[1:], as_of + _DAY], strict=True):
        principal = max((step for step in steps if step.since <= since), key=lambda step: step.since, default=Step(since, 0)).open
        if principal <= 0:
            continue
        count, percent = (after - since).days, _percent(rule, quotes, first, since)
        exact = principal * percent * count * Fraction(1, 100 if rule.kind == "daily" else 100 * rule.day_count)
        pieces.append(Piece(since, after - _DAY, count, principal, percent, exact))
    interest = sum((piece.exact for piece in pieces), Fraction(0))
    rounded = int(interest + Fraction(1, 2))
    return Accrual(tuple(pieces), rounded, _compensation(rule, currency, pieces[0].principal) if pieces else 0)


def _resets(rule: Rule, quotes: Sequence[Quote], first: date, as_of: date) -> list[date]:
    """The days on which another rate begins to count."""
    if rule.resets == "daily":
        return [quote.since for quote in quotes]
    if rule.resets == "half_year":
        return [date(year, month, 1) for year in range(first.year, as_of.year + 1) for month in (1, 7)]
    return []


def _percent(rule: Rule, quotes: Sequence[Quote], first: date, day: date) -> Fraction:
    """The percent that counts from a day on."""
    if rule.kind != "reference":
        return rule.percent
    if rule.resets == "breach":
        day = first
    elif rule.resets == "half_year":
        day = date(day.year, 1 if day.month < 7 else 7, 1)
    known = [quote for quote in quotes if quote.since <= day]
    if not known:
        raise Refusal("rate_unknown", None, name=rule.reference or "?", day=day.isoformat())
    return known[-1].percent * rule.multiple + rule.points


def _compensation(rule: Rule, currency: str, principal: int) -> int:
    """The fixed sum for a debt of that size in that currency; 0 where the rule has none."""
    fitting = [band for band in rule.bands if band.currency == currency and principal >= band.least]
    return max(fitting, key=lambda band: band.least).amount if fitting else 0
