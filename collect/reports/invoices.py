"""The list of invoices: one page of it, and all of it as a table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any

from collect.domain import aging
from collect.domain.rights import Scope
from collect.i18n import mark as _
from collect.reports import lists
from collect.runtime import View
from collect.storage import listings
from collect.storage.listings import DocumentEntry, DocumentWish
from collect.table import Column, Table

INVOICES = _("Invoices")
COLUMNS = (
    Column("invoice_no", _("Invoice no."), "code"),
    Column("customer_no", _("Customer no."), "code"),
    Column("name", _("Name")),
    Column("issue_date", _("Issue date"), "date"),
    Column("due_date", _("Due date"), "date"),
    Column("days_past_due", _("Days past due"), "integer"),
    Column("currency", _("Currency"), "code"),
    Column("amount", _("Amount"), "money"),
    Column("open", _("Open"), "money"),
    Column("closed_on", _("Settled on"), "date"),
    Column("po_no", _("Order no."), "code"),
    Column("description", _("Description")),
)


def entries(view: View, scope: Scope, wish: DocumentWish, after: int | None, limit: int) -> list[DocumentEntry]:
    """Items the scope sees, the last recorded first, those before an id; at most `limit`."""
    return listings.load_document_page(view.session, scope, wish, after, limit)


def all_entries(view: View, scope: Scope, wish: DocumentWish) -> Iterator[DocumentEntry]:
    """The whole list that a wish means, page by page, for an export."""
    return lists.every(lambda after: entries(view, scope, wish, after, lists.CHUNK), lambda entry: entry.id)


def as_table(found: Iterable[DocumentEntry], today: date) -> Table:
    """The list as a table; an instalment has its part after the number, days count only for what is open."""
    return lists.as_of(INVOICES, COLUMNS, (_cells(entry, today) for entry in found), today)


def _cells(entry: DocumentEntry, today: date) -> tuple[Any, ...]:
    number = entry.document_no if entry.parts == 1 else f"{entry.document_no} {entry.part}/{entry.parts}"
    late = aging.days_past(entry.due, today) if entry.due and entry.open else None
    return (
        number,
        entry.customer_no,
        entry.customer_name,
        entry.issued,
        entry.due,
        late if late and late > 0 else None,
        entry.currency,
        entry.amount,
        entry.open,
        entry.closed_on,
        entry.po_no,
        entry.description,
    )
