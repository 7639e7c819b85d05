"""Drafts of documents and what is allowed to change about a document already known (S5, `interfaces` "Files in")."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from collect.domain.errors import Refusal


class InvoiceDraft(NamedTuple):
    """An invoice as it came in, checked in itself; amount in minor units, always positive. `due` None: from terms.

    `delivery_nos` are the deliveries it names.
    """

    number: str
    customer_no: str
    issued: date
    due: date | None
    currency: str
    amount: int
    void: bool
    po_no: str | None
    delivered_on: date | None
    description: str | None
    delivery_nos: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class KnownDocument:
    """What the books already hold under a number: an item's document as a whole, or a credit.

    `first_due` is the due date that an item came in with, where it was moved since.
    """

    kind: str
    customer_id: int
    issued: date
    due: date | None
    currency: str
    amount: int
    void: bool
    first_due: date | None = None


def check_dates(issued: date, due: date | None, field: str = "due_date") -> None:
    """Refuse a due date before the issue date: Refusal `due_before_issue`."""
    if due is not None and due < issued:
        raise Refusal("due_before_issue", field, due=due.isoformat(), issued=issued.isoformat())


def check_same(known: KnownDocument, draft: KnownDocument, number: str, due_given: bool) -> None:
    """Refuse another amount, currency, customer or date under a known number (Refusal `document_differs`, naming the field).

    The remedy is always the same: credit or void the document first. A due date is compared only where one was given, and
    one that was moved since may be the first or the present one (S16); voiding a known document is allowed, bringing a void one back is not (`document_void`).
    """
    if known.kind != draft.kind:
        raise Refusal("number_of_other_kind", "invoice_no", number=number, known=known.kind)
    for field, before, after in (
        ("customer_no", known.customer_id, draft.customer_id),
        ("issue_date", known.issued, draft.issued),
        ("currency", known.currency, draft.currency),
        ("amount", known.amount, draft.amount),
        ("due_date", known.due, draft.due if due_given and draft.due != known.first_due else known.due),
    ):
        if before != after:
            raise Refusal("document_differs", field, number=number)
    if known.void and not draft.void:
        raise Refusal("document_void", "status", number=number)
