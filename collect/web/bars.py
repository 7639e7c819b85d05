"""The aging bar: one stacked bar a currency, drawn on the server; label and pattern tell the buckets apart, colour only helps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from flask.sansio.blueprints import BlueprintSetupState

from collect.domain import money
from collect.reports.aging import AgingRow

_WHOLE = 10_000
_TONES = 6


@dataclass(frozen=True, slots=True)
class Segment:
    """One piece of a bar: place and width in percent as text; `tone` 0 (not due) to 7 (oldest), or `p` for provisional.

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
    """The open amounts of one currency as a bar, and what stands beside it; minor units."""

    currency: str
    segments: tuple[Segment, ...]
    total: int
    overdue: int
    unapplied: int
    provisional: int
    open: int


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
    return Bar(row.currency, tuple(segments), row.total, row.overdue, row.unapplied, row.provisional, sum(row.amounts) + row.provisional)


def tone(at: int, count: int) -> str:
    """How late a bucket is, 0 to 7, whatever the number of buckets; beyond the last one stands what is provisional."""
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
