"""Sending what is due: checked again, leased, handed over once, and settled by what the server said (S20, S21; `reliability` fact 5)."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from secrets import token_hex

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from collect.channels import Channel, Mail, Outcome, Uncertain
from collect.channels.mail import sender_of
from collect.domain import money
from collect.domain.errors import NotFound, Refusal
from collect.domain.policy import Channel as Way
from collect.domain.rights import SYSTEM
from collect.runtime import Runtime, Work, local_day
from collect.services import correspondence, dunning
from collect.services.policy import in_force
from collect.storage import audit, outbox
from collect.storage.customers import Customer
from collect.storage.database import next_ids
from collect.storage.notices import Notice
from collect.storage.outbox import Message, Stuck

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=120)
"""For so long one worker prepares a message undisturbed, and waits for the server's answer."""
BACKOFF = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60))
"""After the first, second … attempt in vain; the last one stays."""
ATTEMPTS = 8
_PROCESS = token_hex(4)


@dataclass
class Sent:
    """What a run did, counted in messages; `parked` are those that a fault of ours kept back."""

    sent: int = 0
    retry: int = 0
    failed: int = 0
    uncertain: int = 0
    cancelled: int = 0
    moved: int = 0
    parked: int = 0

    @property
    def trouble(self) -> bool:
        """Whether a person should look."""
        return bool(self.failed or self.uncertain or self.parked)


@dataclass(frozen=True, slots=True)
class _Claim:
    """A message leased for one attempt: what goes out, and what its step asked of which items."""

    message_id: int
    notice_id: int | None
    customer_id: int
    mail: Mail
    day: date
    step: str
    items: tuple[dunning.Asked, ...]
    attempts: int


@dataclass
class _Run:
    """One call of `send_due`."""

    runtime: Runtime
    channel: Channel
    at: datetime
    owner: str
    late: bool
    counts: Sent = field(default_factory=Sent)
    skip_notices: set[int] = field(default_factory=set)
    skip_messages: set[int] = field(default_factory=set)
    touched: tuple[str, int] | None = None


class _LeaseLost(Exception):
    """Another worker took the message over before it was handed to the server."""


def own_name(part: str = "") -> str:
    """A name for this process as a worker: host, process and a random part, by which its death can be told; at most 64 characters."""
    return f"{socket.gethostname()[:30]}:{os.getpid()}:{_PROCESS}{part}"[:64]


def send_due(runtime: Runtime, channel: Channel, at: datetime, owner: str, limit: int | None = None, late: bool = False, stop: Callable[[], bool] | None = None) -> Sent:
    """Send every planned message whose slot, or next attempt, has come by `at` (aware); at most `limit` attempts.

    1. messages of workers that are gone: leased back to queued, handover to uncertain; 2. in one transaction: take the
    next one, check everything again as of `at` (S20), and cancel it with the reason, move it, or write and lease it;
    3. hand it to the channel, which commits `handover` just before the text leaves, only while the lease is ours;
    4. settle it: sent (only then its step is done), queued again, failed or uncertain. Whatever dies where, nothing goes
    out twice and nothing is lost. `late`: a person sends what was planned for this very day, after its window.
    """
    latest = runtime.clock() + dunning.AHEAD
    if at > latest:
        raise Refusal("send_too_far", "at", value=at.isoformat(timespec="minutes"), latest=latest.isoformat(timespec="minutes"))
    run = _Run(runtime, channel, at, owner, late)
    recover(runtime, owner, run.counts)
    done = 0
    while (limit is None or done < limit) and not (stop is not None and stop()):
        claim = _next(run)
        if claim is None:
            if run.touched is None:
                break
            continue
        done += 1
        _attempt(run, claim)
    return run.counts


def recover(runtime: Runtime, owner: str, counts: Sent | None = None) -> int:
    """Take over what workers that are gone have left: a lease that ran out, or a process of this machine that no longer runs."""

    def gone(stuck: Stuck, now: datetime) -> bool:
        return stuck.until <= now or (stuck.owner != owner and _is_dead(stuck.owner))

    found = runtime.small(lambda session, now: [stuck for stuck in outbox.stuck_messages(session) if gone(stuck, now)])
    if not found:
        return 0

    def act(work: Work) -> int:
        states = []
        for stuck in found:
            state = outbox.recover(work.session, stuck)
            if state == "uncertain":
                message = work.session.get_one(Message, stuck.id, populate_existing=True)
                _note(work, "uncertain", message, {"state": "uncertain", "reason": message.reason})
            states.append(state)
        return states.count("uncertain")

    uncertain = runtime.write(SYSTEM, act)
    if counts is not None:
        counts.uncertain += uncertain
    return uncertain


def _is_dead(owner: str) -> bool:
    """Whether a worker's name is that of a process of this machine that no longer runs; unknown names are believed alive."""
    parts = owner.rsplit(":", 2)
    if len(parts) != 3 or parts[0] != socket.gethostname()[:30] or not parts[1].isdigit():
        return False
    pid = int(parts[1])
    if pid == os.getpid():
        return not parts[2].startswith(_PROCESS)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


def _next(run: _Run) -> _Claim | None:
    """Take the next message in a transaction of its own; None with `touched` set when one was dealt with without an attempt.

    A fault of ours with one message parks it for this run, and the others go on; what is wrong with the database stops all.
    """
    run.touched = None
    try:
        return run.runtime.write(SYSTEM, lambda work: _claim(work, run))
    except DBAPIError:
        raise
    except Exception:
        if run.touched is None:
            raise
        log.exception("message or notice %s %s is parked", *run.touched)
        kind, key = run.touched
        (run.skip_messages if kind == "message" else run.skip_notices).add(key)
        run.counts.parked += 1
        return None


def _claim(work: Work, run: _Run) -> _Claim | None:
    """The next due message: checked again as of the instant, written and leased; or cancelled, or moved to its next slot (S20)."""
    run.touched = None
    session = work.session
    message = outbox.next_queued(session, run.at, run.skip_messages)
    notice = _next_notice(session, run.at, run.skip_notices) if message is None else None
    if message is not None:
        run.touched = ("message", message.id)
        if message.notice_id is None:
            return _lease(work, run, message, None, "", ())
        notice = session.scalars(sa.select(Notice).where(Notice.id == message.notice_id).with_for_update()).one()
        if notice.state != "planned":
            _cancel(work, run, None, message, notice.reason or "superseded")
            return None
    if notice is None:
        return None
    run.touched = run.touched or ("notice", notice.id)
    rules = in_force(session, work.seller, local_day(run.at, work.seller.timezone))
    answer = dunning.recheck(work, notice, rules, run.at, late=run.late)
    if answer.moved:
        if message is not None:
            message.next_try_at = notice.slot_at
            run.skip_messages.add(message.id)
        run.counts.moved += 1
        run.skip_notices.add(notice.id)
        return None
    customer = session.get_one(Customer, notice.customer_id)
    if not answer.send or not customer.email:
        _cancel(work, run, notice, message, answer.reason or "no_email")
        return None
    language = customer.language or work.seller.language
    today = local_day(run.at, customer.timezone or work.seller.timezone)
    facts = correspondence.facts_of(session, work.seller, rules, notice, answer.items, answer.deadline, today)
    subject, body = correspondence.compose(language, answer.text or notice.text, facts, rules.policy.texts)
    if message is None:
        key = next_ids(session, 1)[0]
        domain = sender_of(run.channel.sender).domain
        message = Message(id=key, notice_id=notice.id, customer_id=customer.id, message_id=f"<{key}.{token_hex(8)}@{domain}>", attempts=0, recorded_at=work.now)
        message.next_try_at = run.at
        session.add(message)
    message.recipient, message.language, message.subject, message.body = customer.email, language, subject[:300], body
    return _lease(work, run, message, notice.id, answer.step, answer.items)


def _next_notice(session: Session, at: datetime, skip: set[int]) -> Notice | None:
    """The planned e-mail whose slot has been due longest and that has no message yet, locked."""
    query = sa.select(Notice).where(Notice.state == "planned", Notice.channel == str(Way.EMAIL), Notice.slot_at <= at, Notice.id.not_in(skip))
    query = query.where(~sa.exists().where(Message.notice_id == Notice.id))
    return session.scalars(query.order_by(Notice.slot_at, Notice.id).limit(1).with_for_update()).first()


def _lease(work: Work, run: _Run, message: Message, notice_id: int | None, step: str, items: tuple[dunning.Asked, ...]) -> _Claim:
    """Write the lease, and give what the attempt needs."""
    message.state, message.reason, message.attempts = "leased", None, message.attempts + 1
    message.lease_owner, message.lease_until, message.sent_at = run.owner, run.runtime.clock() + LEASE, None
    message.version = (message.version or 0) + 1
    work.session.flush()
    customer = work.session.get_one(Customer, message.customer_id)
    zone = customer.timezone or work.seller.timezone
    # Sent ahead of its day by hand, it is done today: what the next rounds look back on must not lie ahead of them.
    day = min(local_day(run.at, zone), local_day(work.now, zone))
    mail = Mail(message.message_id, run.channel.sender, message.recipient, message.subject, message.body, work.now)
    return _Claim(message.id, notice_id, message.customer_id, mail, day, step, items, message.attempts)


def _cancel(work: Work, run: _Run, notice: Notice | None, message: Message | None, reason: str) -> None:
    """Not to be sent any more: the reason is kept on the notice and on its message (S20)."""
    if notice is not None:
        notice.state, notice.reason, notice.version = "cancelled", reason[:24], notice.version + 1
        work.note(audit.Note("cancel", "notice", str(notice.id), notice.customer_id, after={"step": notice.step}, reason=reason))
    if message is not None:
        message.state, message.reason, message.version = "cancelled", reason, message.version + 1
    run.counts.cancelled += 1


def _attempt(run: _Run, claim: _Claim) -> None:
    """One attempt and its result."""
    handed = False

    def handover() -> None:
        nonlocal handed
        ours = run.runtime.small(lambda session, now: outbox.begin_handover(session, claim.message_id, run.owner, run.at, now + LEASE))
        if not ours:
            raise _LeaseLost
        handed = True

    try:
        outcome: Outcome | Uncertain = run.channel.deliver(claim.mail, handover)
    except _LeaseLost:
        log.warning("message %s was taken over by another worker", claim.message_id)
        return
    except Uncertain as unknown:
        outcome = unknown
    except DBAPIError:
        raise
    except Exception as problem:
        log.exception("channel %s failed with message %s", run.channel.name, claim.message_id)
        outcome = Uncertain(type(problem).__name__) if handed else Outcome("retry", type(problem).__name__)
    run.runtime.write(SYSTEM, lambda work: _settle(work, run, claim, outcome))
    state = "uncertain" if isinstance(outcome, Uncertain) else outcome.state
    if state == "retry" and claim.attempts >= ATTEMPTS:
        state = "failed"
    setattr(run.counts, state, getattr(run.counts, state) + 1)


def _settle(work: Work, run: _Run, claim: _Claim, outcome: Outcome | Uncertain) -> None:
    """Record what became of the attempt; a message that somebody else has settled meanwhile stays as he left it."""
    message = outbox.claim_held(work.session, claim.message_id, run.owner)
    if message is None:
        log.warning("message %s was settled by somebody else", claim.message_id)
        return
    message.version += 1
    message.lease_until = None
    if isinstance(outcome, Uncertain):
        message.state, message.reason = "uncertain", str(outcome)[:400]
        _note(work, "uncertain", message, {"state": "uncertain", "reason": message.reason})
        return
    message.lease_owner = None
    if outcome.state == "sent":
        message.state, message.reason, message.sent_at = "sent", None, run.at
        if claim.notice_id is not None:
            dunning.settle_sent(work, claim.notice_id, claim.day, claim.items)
        _note(work, "send", message, _content(message, claim))
        return
    message.sent_at, message.reason = None, outcome.reason[:400]
    if outcome.state == "retry" and message.attempts < ATTEMPTS:
        message.state = "queued"
        message.next_try_at = run.at + BACKOFF[min(message.attempts, len(BACKOFF)) - 1]
        return
    message.state = "failed"
    _note(work, "fail", message, {"state": "failed", "reason": message.reason, "recipient": message.recipient})


def _content(message: Message, claim: _Claim) -> dict[str, object]:
    """What the log keeps of a sent message: to whom, about what, what of which item, by amounts with their currency."""
    items = {line.document_no: f"{money.plain(line.asked, line.currency)} {line.currency}" for line in claim.items}
    return {"state": "sent", "recipient": message.recipient, "subject": message.subject, "step": claim.step, "items": items}


def _note(work: Work, action: str, message: Message, after: dict[str, object], before: dict[str, object] | None = None) -> None:
    work.note(audit.Note(action, "message", str(message.id), message.customer_id, before, after))


def resolve(work: Work, key: int, answer: str) -> str:
    """A person's word on a message: `sent` (it arrived) or `not-sent` (it did not: queued again, and checked again); returns its state.

    Only an uncertain message is settled; a failed one may be tried again with `not-sent`. NotFound outside the actor's
    scope; Refusal `not_a_choice` or `not_uncertain`.
    """
    if answer not in ("sent", "not-sent"):
        raise Refusal("not_a_choice", "as", value=answer, allowed=("sent", "not-sent"))
    if outbox.find_message(work.session, work.actor.scope, key) is None:
        raise NotFound("message", key)
    message = work.session.scalars(sa.select(Message).where(Message.id == key).with_for_update().execution_options(populate_existing=True)).one()
    if message.state != "uncertain" and (answer, message.state) != ("not-sent", "failed"):
        raise Refusal("not_uncertain", None, key=key, state=message.state)
    before: dict[str, object] = {"state": message.state, "reason": message.reason}
    message.lease_owner, message.lease_until, message.version = None, None, message.version + 1
    if answer == "sent":
        message.state, message.reason = "sent", None
        if message.notice_id is not None:
            customer = work.session.get_one(Customer, message.customer_id)
            day = local_day(message.sent_at or work.now, customer.timezone or work.seller.timezone)
            dunning.settle_sent(work, message.notice_id, day)
    else:
        message.state, message.reason, message.attempts, message.sent_at, message.next_try_at = "queued", None, 0, None, work.now
    _note(work, "resolve", message, {"state": message.state}, before)
    return message.state
