"""The aging bar: one stacked bar a currency, drawn on the server; label and pattern tell the buckets apart, colour only helps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from flask.sansio.blueprints import BlueprintSetupState

from collect.domain import money
from collect.reports.aging_rows import AgingRow

_WHOLE = 10_000
_TONES = 7


@dataclass(frozen=True, slots=True)
class Segment:
    """One piece of a bar: place and width in percent as text; `tone` 0 (not due) to 8 (oldest), or `p` for provisional.

    `share` is whole percent of everything open. A piece of nothing has no width.
    """

    name: str
    amount: int
    start: str
    width: str
    share: int
    tone: str
    address: str


@dataclass(frozen=True, slots=True)
class Bar:
    """The open amounts of one currency as a bar, and what stands beside it; minor units, positive where something is owed.

    `figures` are the total, overdue, unapplied and provisional amounts, each with where it leads.
    """

    currency: str
    segments: tuple[Segment, ...]
    figures: tuple[Figure, ...]
    open: int


@dataclass(frozen=True, slots=True)
class Figure:
    """One number above the bar; `tone` is its swatch where it is a piece of the bar."""

    name: str
    amount: int
    address: str
    tone: str = ""


def bar(row: AgingRow, names: Sequence[str], address: Callable[[str], str]) -> Bar:
    """The bar of one row; `address` gives where the piece of a bucket leads. Unapplied money is negative and no piece of it."""
    entries = [*zip(names, row.amounts, strict=True), ("provisional", row.provisional)]
    whole = sum(amount for _, amount in entries if amount > 0)
    segments = []
    passed = 0
    for at, (name, amount) in enumerate(entries):
        size = max(amount, 0)
        start, end = (passed * _WHOLE // whole, (passed + size) * _WHOLE // whole) if whole else (0, 0)
        passed += size
        share = (size * 200 + whole) // (2 * whole) if whole else 0
        segments.append(Segment(name, amount, _percent(start), _percent(end - start), share, tone(at, len(names)), address(name) if amount else ""))
    told = (("total", row.total, ""), ("overdue", row.overdue, ""), ("unapplied", row.unapplied, ""), ("provisional", row.provisional, "p"))
    figures = tuple(Figure(name, amount, address(name) if amount else "", swatch) for name, amount, swatch in told)
    return Bar(row.currency, tuple(segments), figures, sum(row.amounts) + row.provisional)


def tone(at: int, count: int) -> str:
    """How late a bucket is, 0 to 8, whatever the number of buckets; beyond the last one stands what is provisional."""
    if at >= count:
        return "p"
    return "0" if at == 0 else str(1 + (at - 1) * _TONES // max(count - 2, 1))


def register(state: BlueprintSetupState) -> None:
    """Give every template the parts that pages with open amounts share, as `parts`, and amounts for programs (`plain`)."""
    environment = state.app.jinja_env
    environment.filters["plain"] = money.plain
    environment.globals["parts"] = environment.get_template("aging/parts.html").module


def _percent(hundredths: int) -> str:
    return f"{hundredths // 100}.{hundredths % 100:02d}"
