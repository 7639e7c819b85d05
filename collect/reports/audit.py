"""The audit log as a page reads it (S30)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from collect.domain.rights import Scope
from collect.runtime import View
from collect.storage import listings
from collect.storage.customers import load_customers
from collect.storage.listings import AuditWish
from collect.storage.users import load_users


@dataclass(frozen=True, slots=True)
class Entry:
    """One change; `before` and `after` are JSON texts, `currency` is that of the customer it is about (empty: about none)."""

    seq: int
    at: datetime
    actor: str
    action: str
    kind: str
    key: str
    currency: str
    before: str | None
    after: str | None
    reason: str | None
    hash: str


def changes(view: View, scope: Scope, wish: AuditWish, after: int | None, limit: int) -> list[Entry]:
    """Changes that the scope may see, the latest first, those before a sequence number; at most `limit`."""
    rows = listings.load_audit_page(view.session, scope, wish, after, limit)
    customers = load_customers(view.session, scope, sorted({row.customer_id for row in rows if row.customer_id is not None}))
    found = []
    for row in rows:
        customer = customers.get(row.customer_id or 0)
        found.append(Entry(row.seq, row.at, row.actor, row.action, row.kind, row.key, customer.currency if customer else "", row.before, row.after, row.reason, row.hash))
    return found


def people(view: View) -> dict[int, str]:
    """User id to full name, for changes that tell people by their id."""
    return {user.id: user.name for user in load_users(view.session)}
