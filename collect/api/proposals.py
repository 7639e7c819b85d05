"""Proposals over the API: what waits, one of them, and the decision of a person who did not ask for it (S24, S29)."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import Response
from flask_openapi3.request import validate_request

from collect.api import access
from collect.api.schemas import DecisionBody, NoQuery, Proposal, ProposalPath, Proposals
from collect.domain import money
from collect.domain.errors import NotFound
from collect.i18n import mark as _
from collect.reports import escalations as reports
from collect.reports.options import parse_day
from collect.runtime import View, Work
from collect.services import escalation
from collect.storage.escalations import find_proposal

MOST = 200
blueprint = access.noun("proposals", "Proposals", _("Formal steps and releases: what waits, and deciding it."))


def _there(view: Callable[..., Response]) -> Callable[..., Response]:
    """What is missing or foreign is told before anything of the request itself is looked at (S28)."""

    @wraps(view)
    def checked(**arguments: Any) -> Response:
        with access.runtime().read(access.actor()) as snapshot:
            if find_proposal(snapshot.session, access.actor().scope, arguments["id"]) is None:
                raise NotFound("proposal", arguments["id"])
        return view(**arguments)

    return checked


@blueprint.get(
    "",
    operation_id="proposals",
    summary=_("What waits for a decision."),
    description=_("Of the customers that the token's user may see."),
    security=[{"bearer": ["proposals:read"]}],
    responses={200: Proposals},
)
@access.allow("proposals:read")
def index(query: NoQuery) -> Response:
    """The proposals that wait."""
    with access.runtime().read(access.actor()) as view:
        found = [_told(view, line) for line in reports.waiting(view, access.actor().scope, MOST)]
    return Response(json.dumps({"proposals": found}, ensure_ascii=False), content_type="application/json")


@blueprint.get(
    "/<int:id>",
    operation_id="proposal",
    summary=_("One proposal, with the fingerprint of its case as it is now."),
    description=_("Of a customer that the token's user may see."),
    security=[{"bearer": ["proposals:read"]}],
    responses={200: Proposal},
)
@access.allow("proposals:read")
def show(path: ProposalPath, query: NoQuery) -> Response:
    """One proposal."""
    with access.runtime().read(access.actor()) as view:
        line, content_hash = reports.one(view, access.actor().scope, path.id)
    return Response(json.dumps(_as_json(line, content_hash), ensure_ascii=False), content_type="application/json")


@blueprint.post(
    "/<int:id>/decision",
    operation_id="proposal_decision",
    summary=_("Approve, refuse or defer a proposal, once."),
    description=_(
        "The decider is not the person who asked. The decision names the fingerprint it was made on; when the case has changed since, nothing is decided. "
        "With the header `Idempotency-Key` a repeated request has one effect and gets the same answer."
    ),
    security=[{"bearer": ["proposals:decide"]}],
    responses={200: Proposal},
)
@access.allow("proposals:decide")
@_there
@validate_request()  # type: ignore[no-untyped-call,untyped-decorator]
def decide(path: ProposalPath, body: DecisionBody) -> Response:
    """Decide it."""

    def act(work: Work) -> dict[str, Any]:
        until = parse_day(body.until, "until") if body.until else None
        escalation.decide(work, path.id, body.verdict, body.content_hash, body.note or "", until, body.basis)
        work.session.flush()
        found = find_proposal(work.session, work.actor.scope, path.id)
        assert found is not None  # noqa: S101 - it was decided just now
        return _as_json(reports.line_of(work.session, *found), found[0].content_hash)

    return access.change(body.model_dump(), act)


def _told(view: View, line: reports.Line) -> dict[str, Any]:
    return _as_json(*reports.one(view, access.actor().scope, line.id))


def _as_json(line: reports.Line, content_hash: str) -> dict[str, Any]:
    """A proposal as the document describes it."""
    return {
        "id": line.id,
        "customer_no": line.customer_no,
        "step": line.step,
        "state": line.state,
        "level": line.level,
        "currency": line.currency,
        "overdue": money.plain(line.overdue, line.currency),
        "oldest_days": line.oldest_days,
        "reasons": [reason.code for reason in line.reasons],
        "note": line.note,
        "requested_by": line.requested_by or None,
        "requested_on": line.requested_on.isoformat(),
        "deferred_until": line.deferred_until.isoformat() if line.deferred_until else None,
        "decided_by": line.decided_by or None,
        "decided_on": line.decided_on.isoformat() if line.decided_on else None,
        "content_hash": content_hash,
    }
