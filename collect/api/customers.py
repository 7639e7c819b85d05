"""Customers over the API: the one question of sales systems, whether a customer may be supplied today (S26)."""

from __future__ import annotations

import json

from flask import Response

from collect.api import access
from collect.api.schemas import CustomerPath, SupplyAnswer, SupplyQuery
from collect.domain.errors import NotFound
from collect.i18n import mark as _
from collect.services import escalation

blueprint = access.noun("customers", "Customers", _("What other programs ask about a customer."))


@blueprint.get(
    "/<path:no>/supply",
    operation_id="customer_supply",
    summary=_("May this customer be supplied for this amount today?"),
    description=_("Counts stops, proposed stops, the credit limit with what is open, delivered and reserved, and cash terms. Two orders at once are answered one after the other."),
    security=[{"bearer": ["supply:read"]}],
    responses={200: SupplyAnswer},
)
@access.allow("supply:read")
def supply(path: CustomerPath, query: SupplyQuery) -> Response:
    """Answer, and keep the answer."""
    if not path.no.isprintable() or len(path.no) > 64:
        raise NotFound("customer", path.no)
    told = escalation.answer(access.runtime(), access.actor(), path.no, query.amount, query.order)
    return Response(json.dumps(escalation.answer_json(told), ensure_ascii=False), content_type="application/json")
