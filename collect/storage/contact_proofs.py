"""The proofs of contacts: notices, their messages and promises held against each other and against the audit log (S20-S22, S30)."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa
from sqlalchemy.orm import Session

from collect.storage.audit import Audit
from collect.storage.cases import Promise
from collect.storage.customers import Customer
from collect.storage.notices import Notice, NoticeItem
from collect.storage.outbox import Message


def wrong_notices(session: Session) -> Iterator[tuple[int, str]]:
    """(contact, customer number): done or sent without a day, a day without being done, items that say another day, or sent without a message sent."""
    made = Notice.state.in_(("sent", "done"))
    odd = sa.or_(sa.and_(made, Notice.done_on.is_(None)), sa.and_(~made, Notice.done_on.is_not(None)))
    apart = sa.exists().where(NoticeItem.notice_id == Notice.id, sa.func.coalesce(NoticeItem.done_on != Notice.done_on, NoticeItem.done_on.is_not(None)))
    unproven = sa.and_(Notice.state == "sent", ~sa.exists().where(Message.notice_id == Notice.id, Message.state == "sent"))
    query = sa.select(Notice.id, Customer.customer_no).join(Customer, Customer.id == Notice.customer_id)
    yield from session.execute(query.where(sa.or_(odd, apart, unproven)).order_by(Notice.id))


def wrong_messages(session: Session) -> Iterator[tuple[int, str]]:
    """(message, customer number): sent without an instant or without its row in the log, or sent while its contact is not."""
    logged = sa.exists().where(Audit.kind == "message", Audit.key == sa.cast(Message.id, sa.String), Audit.action.in_(("send", "resolve")))
    unsent = sa.exists().where(Notice.id == Message.notice_id, Notice.state != "sent")
    query = sa.select(Message.id, Customer.customer_no).join(Customer, Customer.id == Message.customer_id)
    yield from session.execute(query.where(Message.state == "sent", sa.or_(~logged, unsent)).order_by(Message.id))


def wrong_promises(session: Session) -> Iterator[tuple[int, str]]:
    """(promise, customer number) whose state does not fit what was received, or that is judged without a day."""
    live = Promise.state.in_(("open", "awaiting_bank"))
    received = Promise.received_minor
    odd = sa.or_(
        sa.and_(live, Promise.judged_on.is_not(None)),
        sa.and_(~live, Promise.judged_on.is_(None)),
        sa.and_(Promise.state == "broken", received > 0),
        sa.and_(Promise.state.in_(("kept", "kept_late", "partly_kept")), received <= 0),
        sa.and_(Promise.state == "partly_kept", received >= Promise.amount_minor),
        Promise.until < Promise.due,
    )
    query = sa.select(Promise.id, Customer.customer_no).join(Customer, Customer.id == Promise.customer_id)
    yield from session.execute(query.where(odd).order_by(Promise.id))
