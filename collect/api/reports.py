"""Reports over the API: the same report as the command and the page, for the customers the token's user may see."""

from __future__ import annotations

from flask import Response

from collect.api import access
from collect.api.schemas import AgingQuery, AgingReport
from collect.i18n import mark as _
from collect.reports import aging, options

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
    asked = {name: value for name, value in query.model_dump().items() if value is not None}
    with access.runtime().read(access.actor()) as view:
        report = aging.build(view, access.actor().scope, options.aging_options(view, asked))
    return Response(aging.json_pieces(report), content_type="application/json")
