"""Reading what a report is asked for from text: dates, instants, buckets, groupings, as the address line and the API give them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from collect.domain import aging as rules
from collect.domain import money
from collect.domain.errors import Refusal
from collect.reports.aging import GROUPINGS, AgingOptions
from collect.runtime import View

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?(?:Z|[+ -]\d{2}:\d{2})?", re.ASCII)
AGING = ("as_of", "known_at", "basis", "buckets", "by", "currency", "customer", "unapplied")
"""The names of the aging report's options."""

UNAPPLIED = ("column", "aged")
"""Where cash and credits not yet used stand: in a column of their own, or in the buckets by their own date (S8)."""


def aging_options(view: View, asked: Mapping[str, str]) -> AgingOptions:
    """The options of an aging report; what is absent or empty is today, everything known, by due date, by customer, the company's buckets.

    Refusal `bad_day`, `bad_instant`, `bad_basis`, `bad_buckets`, `bad_grouping`, `not_a_choice` or `unknown_currency`, with the
    option as its field.
    """
    text = {name: money.fold(asked.get(name) or "") for name in AGING}
    basis = text["basis"] or rules.Basis.DUE.value
    if basis not in list(rules.Basis):
        raise Refusal("bad_basis", "basis", value=basis)
    by = text["by"] or "customer"
    if by not in GROUPINGS:
        raise Refusal("bad_grouping", "by", value=by, allowed=", ".join(GROUPINGS))
    if text["unapplied"] not in ("", *UNAPPLIED):
        raise Refusal("not_a_choice", "unapplied", value=text["unapplied"], allowed=", ".join(UNAPPLIED))
    currency = text["currency"].upper() or None
    if currency is not None:
        money.exponent(currency)
    return AgingOptions(
        as_of=parse_day(text["as_of"], "as_of") if text["as_of"] else view.today,
        buckets=rules.parse_edges(text["buckets"] or view.seller.buckets or view.settings.buckets),
        known_at=parse_instant(text["known_at"], view.seller.timezone) if text["known_at"] else None,
        basis=rules.Basis(basis),
        by=by,
        customer=text["customer"] or None,
        currency=currency,
        age_unapplied=text["unapplied"] == "aged",
    )


def parse_day(text: str, field: str) -> date:
    """A date as 2026-03-05, in the years 1900 to 2199; Refusal `bad_day` for anything else."""
    try:
        if _DAY.fullmatch(text) and 1900 <= int(text[:4]) <= 2199:
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise Refusal("bad_day", field, value=text)


def parse_instant(text: str, timezone: str, field: str = "known_at") -> datetime:
    """An instant in UTC from ISO 8601; a bare date means its last microsecond in the company's zone, inclusive (S6).

    An instant without an offset is in the company's zone. Refusal `bad_instant` for anything else.
    """
    zone = ZoneInfo(timezone)
    try:
        if _DAY.fullmatch(text):
            following = date.fromisoformat(text) + timedelta(days=1)
            return datetime.combine(following, time(), zone).astimezone(UTC) - timedelta(microseconds=1)
        if _INSTANT.fullmatch(text):
            # In an address a plus sign arrives as a space: 2026-03-05T09:00:00 08:00.
            moment = datetime.fromisoformat(f"{text[:-6]}+{text[-5:]}" if text[-6] == " " else text)
            return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise Refusal("bad_instant", field, value=text)
