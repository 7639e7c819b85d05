"""Reports over the API: the same report as the command and the page, for the customers the token's user may see."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from flask import Response

from collect.api import access
from collect.api.schemas import AgingQuery, AgingReport
from collect.domain import aging as rules
from collect.domain.errors import Refusal
from collect.i18n import mark as _
from collect.reports import aging
from collect.runtime import View
from collect.services.setup import default_buckets

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?(?:Z|[+ -]\d{2}:\d{2})?", re.ASCII)
blueprint = access.noun("reports", "Reports", _("Reports as of any date, as known at any instant."))


@blueprint.get(
    "/aging",
    operation_id="report_aging",
    summary=_("The aging report: what is open, by how long it is overdue."),
    description=_("Takes the options of `collect report aging` and gives the same rows, of the customers that the token's user may see."),
    security=[{"bearer": ["reports:read"]}],
    responses={200: AgingReport},
)
@access.allow("reports:read")
def aging_report(query: AgingQuery) -> Response:
    """Build the report on one snapshot, in the scope of the token's user."""
    with access.runtime().read(access.actor()) as view:
        report = aging.build(view, access.actor().scope, options_of(query, view))
    return Response(json.dumps(aging.as_json(report), ensure_ascii=False), content_type="application/json")


def options_of(query: AgingQuery, view: View) -> aging.AgingOptions:
    """The options a request names, the company's own where it names none; a Refusal tells the field that cannot be read."""
    return aging.AgingOptions(
        as_of=_day(query.as_of) if query.as_of else view.today,
        buckets=rules.parse_edges(query.buckets) if query.buckets else default_buckets(view.settings, view.seller),
        known_at=_instant(query.known_at, view.seller.timezone) if query.known_at else None,
        basis=rules.Basis(query.basis),
        by=query.by,
        customer=query.customer,
        currency=query.currency.upper() if query.currency else None,
    )


def _day(text: str) -> date:
    """A date as 2026-03-05; Refusal `bad_day` for anything else."""
    try:
        if _DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise Refusal("bad_day", "as_of", value=text)


def _instant(text: str, timezone: str) -> datetime:
    """An instant in UTC; a bare date is its last microsecond in the company's zone, and an instant without offset is there (S6).

    A plus sign in an address means a space, so a space before the offset is read as the plus it was.
    Refusal `bad_instant` for anything else.
    """
    zone = ZoneInfo(timezone)
    try:
        if _DAY.fullmatch(text):
            following = date.fromisoformat(text) + timedelta(days=1)
            return datetime.combine(following, time(), zone).astimezone(UTC) - timedelta(microseconds=1)
        if _INSTANT.fullmatch(text):
            moment = datetime.fromisoformat(f"{text[:-6]}+{text[-5:]}" if text[-6] == " " else text)
            return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise Refusal("bad_instant", "known_at", value=text)
