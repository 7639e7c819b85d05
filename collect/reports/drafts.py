"""The list of e-invoices as a table."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import starmap
from typing import Any

from collect.domain.rights import Scope
from collect.i18n import mark as _
from collect.reports import lists
from collect.runtime import View
from collect.storage import drafts as storage
from collect.storage.customers import Customer
from collect.storage.drafts import Draft
from collect.table import Column, Table

DRAFTS = _("Drafts")
COLUMNS = (
    Column("number", _("Number"), "code"),
    Column("kind", _("Kind")),
    Column("customer_no", _("Customer no."), "code"),
    Column("customer", _("Customer")),
    Column("buyer", _("Buyer")),
    Column("issue_date", _("Issue date"), "date"),
    Column("due_date", _("Due date"), "date"),
    Column("currency", _("Currency"), "code"),
    Column("amount", _("Amount"), "money"),
    Column("prepaid", _("Prepaid"), "money"),
    Column("file", _("File")),
)


def as_table(view: View, scope: Scope, state: str, kinds: Mapping[str, str]) -> Table:
    """All drafts in a state, the last taken in first; `kinds` are the finished words for their kinds."""

    def cells(draft: Draft, customer: Customer | None) -> tuple[Any, ...]:
        owner = (customer.customer_no, customer.name) if customer else (None, None)
        kind, days = kinds.get(draft.kind, draft.kind), (draft.issue_date, draft.due_date)
        return (draft.document_no, kind, *owner, draft.buyer_name, *days, draft.currency, draft.amount_minor, draft.prepaid_minor, draft.file_name)

    found = lists.every(lambda after: storage.load_drafts(view.session, scope, state, after, lists.CHUNK), lambda pair: pair[0].id)
    return lists.as_of(DRAFTS, COLUMNS, starmap(cells, found), view.today)
