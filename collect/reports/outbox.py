"""Messages by state, and one message with its history, for reading (S20, S21)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from collect.domain.errors import NotFound
from collect.domain.rights import Scope
from collect.runtime import View
from collect.storage import audit, outbox
from collect.storage.customers import Customer
from collect.storage.notices import Notice
from collect.storage.outbox import STATES, Message


@dataclass(frozen=True, slots=True)
class Shown:
    """A message as it is listed; `sent_at` is when it left (also of one that is uncertain), `next_try_at` counts while it is queued."""

    id: int
    state: str
    reason: str | None
    customer_no: str
    customer_name: str
    recipient: str
    subject: str
    attempts: int
    next_try_at: datetime
    sent_at: datetime | None
    recorded_at: datetime
    message_id: str
    body: str
    step: str | None
    slot_at: datetime | None
    version: int
    notice_id: int | None


def messages(view: View, scope: Scope, states: Sequence[str], customer: str | None, before: int | None, limit: int) -> list[Shown]:
    """Messages of the scope's customers in some states (none named: in all), newest first; `before` is the id to go on from."""
    found = outbox.load_messages(view.session, scope, states, customer, before, limit)
    keys = [one.notice_id for one, _, _ in found if one.notice_id]
    notices = {one.id: one for start in range(0, len(keys), 5000) for one in view.session.scalars(sa.select(Notice).where(Notice.id.in_(keys[start : start + 5000])))}
    return [_shown(message, number, name, notices.get(message.notice_id or 0)) for message, number, name in found]


def counts(view: View, scope: Scope) -> dict[str, int]:
    """How many messages of the scope's customers are in each state, in the order of `STATES`."""
    return outbox.count_states(view.session, scope)


def message(view: View, scope: Scope, key: int) -> tuple[Shown, list[audit.Audit]]:
    """One message and what the log says of it, newest first; NotFound for a foreign one as for a missing one."""
    found = outbox.find_message(view.session, scope, key)
    if found is None:
        raise NotFound("message", key)
    customer = view.session.get_one(Customer, found.customer_id)
    notice = view.session.get(Notice, found.notice_id) if found.notice_id else None
    return _shown(found, customer.customer_no, customer.name, notice), audit.load_notes(view.session, "message", str(key))


def as_json(one: Shown) -> dict[str, Any]:
    """A message under fixed English keys; instants in UTC."""
    return {
        "id": one.id,
        "state": one.state,
        "reason": one.reason,
        "customer_no": one.customer_no,
        "recipient": one.recipient,
        "subject": one.subject,
        "message_id": one.message_id,
        "step": one.step,
        "attempts": one.attempts,
        "next_try_at": one.next_try_at.isoformat() if one.state == "queued" else None,
        "sent_at": one.sent_at.isoformat() if one.sent_at else None,
    }


def _shown(one: Message, number: str, name: str, notice: Notice | None) -> Shown:
    values = (one.id, one.state, one.reason, number, name, one.recipient, one.subject, one.attempts, one.next_try_at, one.sent_at, one.recorded_at, one.message_id, one.body)
    return Shown(*values, notice.step if notice else None, notice.slot_at if notice else None, one.version, one.notice_id)


__all__ = ["STATES", "Shown", "as_json", "counts", "message", "messages"]
