"""What customers say and promise: contacts logged with excuses, promises and our own word, promises judged, claims checked, disputes (P14-P17, P32, S22)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from itertools import groupby

import sqlalchemy as sa

from collect import catalogue, i18n
from collect.domain import excuses, money, promises
from collect.domain.calendar import Calendar
from collect.domain.errors import Forbidden, NotFound, Refusal
from collect.domain.rights import ALL, Permission
from collect.runtime import Work
from collect.services.policy import Rules, in_force
from collect.storage import audit
from collect.storage import cases as storage
from collect.storage.cases import Activity, BankDay, Dispute, Promise, Standing, Task
from collect.storage.customers import Customer, find_customer
from collect.storage.database import next_ids
from collect.storage.notices import Notice, NoticeItem
from collect.storage.receivables import find_items

KINDS = ("visit", "call", "message", "note")
OUTCOMES = ("paid", "refused", "not_reached", "courtesy", "note")
"""What a contact came to when neither a promise nor an excuse was given."""
RESULTS = ("true", "false", "unknown")
DISPUTE_REASONS = ("wrong_invoice", "price", "quality", "quantity", "not_delivered", "not_ordered", "rebate", "other")
REJUDGED_DAYS = 60
"""So many days after it fell due a promise is still judged again: a payment reversed, or one that was entered late (S22)."""
EARLY_DAYS = 3
"""A contact that was planned for one of the next days counts as this one."""


@dataclass(frozen=True, slots=True)
class PromiseDraft:
    """What was promised; minor units. `replaces` is the live promise that it re-dates; `person` who promised, `made` the day (None: today)."""

    amount: int
    currency: str
    due: date
    method: str = "transfer"
    person: str | None = None
    reason: str | None = None
    replaces: int | None = None
    made: date | None = None


@dataclass(frozen=True, slots=True)
class OwnWord:
    """What we promised: a dated task with an owner (P32); None: who logs it, else who looks after the customer."""

    title: str
    due: date
    user_id: int | None = None


@dataclass(frozen=True, slots=True)
class Contact:
    """A contact to log; `day` None is today. `token` makes a form that is sent twice count once."""

    kind: str
    day: date | None = None
    person: str | None = None
    outcome: str | None = None
    excuse: str | None = None
    facts: Mapping[str, str] = field(default_factory=dict)
    promise: PromiseDraft | None = None
    own: OwnWord | None = None
    note: str | None = None
    token: str | None = None


def log(work: Work, customer_no: str, contact: Contact) -> int:
    """Log a contact with everything that came of it, in one piece; returns the activity's id (the first one's for a token known already).

    1. check what was said; 2. keep the contact; 3. the promise; 4. the excuse's check as a dated task (P16); 5. our own
    word (P32); 6. the planned contact that this one was is done. Refusals name the form's field: `kind`, `day`, `note`,
    `excuse`, `facts.<key>`, the promise's `due`, `amount`, `reason`, `method`, and `own_title`, `own_due`.
    """
    work.actor.need(Permission.LOG_CONTACT)
    customer = _customer(work, customer_no)
    if contact.token and (known := storage.find_activity(work.session, ALL, contact.token)):
        if known.customer_id != customer.id:
            raise NotFound("customer", customer_no)
        return known.id
    contact = _tidy(work, contact)
    day = contact.day or work.today
    calendar = _calendar(work, in_force(work.session, work.seller, work.today), customer.country)
    excuse = excuses.find(catalogue.load(), contact.excuse) if contact.excuse else None
    facts = excuses.check_facts(excuse, contact.facts, work.today, customer.currency) if excuse else {}
    activity = Activity(
        id=next_ids(work.session, 1)[0],
        customer_id=customer.id,
        kind=contact.kind,
        day=day,
        user_id=work.actor.user_id,
        person=contact.person,
        outcome=contact.outcome,
        excuse=contact.excuse,
        facts=_json(facts) if facts else None,
        note=contact.note,
        notice_id=_fulfil(work, customer.id, contact, day),
        token=contact.token,
        recorded_at=work.now,
    )
    work.session.add(activity)
    work.session.flush()
    told: dict[str, object] = {"day": day if day != work.today else None, "person": contact.person, "excuse": contact.excuse, "facts": facts or None}
    if contact.outcome in OUTCOMES[:-1]:
        told["outcome"] = contact.outcome
    if excuse is not None:
        told["check_due"] = _open_check(work, customer, activity, excuse, facts, calendar)
    work.note(audit.Note(f"log_{contact.kind}", "activity", customer_no, customer.id, None, {key: value for key, value in told.items() if value is not None}, contact.note))
    if contact.promise is not None:
        _promise(work, customer, replace(contact.promise, person=contact.promise.person or contact.person, made=contact.promise.made or day), activity.id)
    if contact.own is not None:
        _open_own(work, customer, contact.own, activity.id)
    return activity.id


def _customer(work: Work, customer_no: str) -> Customer:
    """The customer of that number in the actor's scope, else NotFound: missing and foreign are one answer (S28)."""
    customer = find_customer(work.session, work.actor.scope, customer_no)
    if customer is None:
        raise NotFound("customer", customer_no)
    return customer


def _calendar(work: Work, rules: Rules, country: str | None) -> Calendar:
    """The business days of a customer's country; of ours where his is no country code."""
    return rules.calendar(country if country and len(country) == 2 else work.seller.country)


def _json(facts: Mapping[str, str]) -> str:
    return json.dumps(facts, ensure_ascii=False, sort_keys=True)


def _tidy(work: Work, contact: Contact) -> Contact:
    """The contact with its texts trimmed and what it came to; Refusal where it cannot be or says nothing."""
    if contact.kind not in KINDS:
        raise Refusal("not_a_choice", "kind", value=contact.kind, allowed=", ".join(KINDS))
    if contact.outcome and contact.outcome not in OUTCOMES:
        raise Refusal("not_a_choice", "outcome", value=contact.outcome, allowed=", ".join(OUTCOMES))
    if contact.day is not None and contact.day > work.today:
        raise Refusal("contact_in_future", "day", value=contact.day.isoformat())
    if contact.day is not None and contact.day < work.today - timedelta(days=366):
        raise Refusal("contact_too_old", "day", value=contact.day.isoformat())
    note = _text(contact.note, "note", 2000)
    outcome = "promise" if contact.promise else "excuse" if contact.excuse else contact.outcome or ("note" if note or contact.own else None)
    if outcome is None or (contact.kind == "note" and not (note or contact.own or contact.promise or contact.excuse)):
        raise Refusal("contact_says_nothing", "note")
    return replace(contact, note=note, person=_text(contact.person, "person", 100), outcome=outcome)


def _text(given: str | None, place: str, most: int) -> str | None:
    """Free text without outer white space, None when empty; Refusal `text_too_long`."""
    text = (given or "").replace("\x00", "").replace("\r\n", "\n").strip()
    if len(text) > most:
        raise Refusal("text_too_long", place, most=most)
    return text or None


# A visit does for a call that was planned about the same day; a call does for no visit, and neither delivers a letter.
_FULFILLS = {"call": ("call",), "visit": ("visit", "call")}


def _fulfil(work: Work, customer_id: int, contact: Contact, day: date) -> int | None:
    """Mark the call or visit that was planned for about this day as done, with its items; returns the notice's id.

    Nobody reached is no contact: the planned one stays, and is counted as missed when its day is over (P4).
    """
    if contact.kind not in ("call", "visit") or contact.outcome == "not_reached":
        return None
    query = sa.select(Notice).where(
        Notice.customer_id == customer_id, Notice.channel.in_(_FULFILLS[contact.kind]), Notice.state == "planned", Notice.day <= day + timedelta(days=EARLY_DAYS)
    )
    notice = work.session.scalars(query.order_by(Notice.day, Notice.id)).first()
    if notice is None:
        return None
    notice.state, notice.done_on, notice.version = "done", day, notice.version + 1
    work.session.execute(sa.update(NoticeItem).where(NoticeItem.notice_id == notice.id).values(done_on=day))
    return notice.id


def _open_check(work: Work, customer: Customer, activity: Activity, excuse: excuses.Excuse, facts: Mapping[str, str], calendar: Calendar) -> date | None:
    """The dated task that an excuse becomes (P16); returns its day, None where there is nothing to check."""
    due = excuses.check_due(excuse, facts, activity.day, calendar)
    if due is None:
        return None
    task = _task(work, customer, "check", due, None, activity.id)
    task.excuse, task.facts = excuse.code, _json(facts)
    return due


def _open_own(work: Work, customer: Customer, own: OwnWord, activity_id: int | None) -> Task:
    """A dated task of ours from what we promised; Refusal `missing_title`, `task_in_past`."""
    title = _text(own.title, "own_title", 200)
    if title is None:
        raise Refusal("missing_title", "own_title")
    if own.due < work.today:
        raise Refusal("task_in_past", "own_due", value=own.due.isoformat())
    task = _task(work, customer, "own", own.due, own.user_id, activity_id)
    task.title = title
    work.note(audit.Note("open_task", "task", customer.customer_no, customer.id, None, {"title": title, "due": own.due}))
    return task


def _task(work: Work, customer: Customer, kind: str, due: date, user_id: int | None, activity_id: int | None) -> Task:
    task = Task(
        id=next_ids(work.session, 1)[0],
        customer_id=customer.id,
        kind=kind,
        due=due,
        user_id=user_id or work.actor.user_id or customer.collector_id or customer.rep_id,
        activity_id=activity_id,
        state="open",
        version=1,
        recorded_at=work.now,
    )
    work.session.add(task)
    return task


def promise(work: Work, customer_no: str, draft: PromiseDraft) -> int:
    """Keep a promise by itself, without a contact; returns its id. Refusals as in `log`."""
    work.actor.need(Permission.LOG_CONTACT)
    return _promise(work, _customer(work, customer_no), draft, None)


def _promise(work: Work, customer: Customer, draft: PromiseDraft, activity_id: int | None) -> int:
    """Check and keep a promise; the one that it replaces is renegotiated."""
    money.exponent(draft.currency)
    if draft.method not in promises.METHODS:
        raise Refusal("not_a_choice", "method", value=draft.method, allowed=", ".join(promises.METHODS))
    made = draft.made or work.today
    reason = _text(draft.reason, "reason", 400)
    rules = in_force(work.session, work.seller, work.today)
    owed = {one.currency: one for one in storage.load_overdue(work.session, ALL, customer.id, work.today)}
    overdue = owed[draft.currency].asked if draft.currency in owed else 0
    if draft.due < work.today and (activity_id is not None or draft.made is None):
        # Whoever takes over old promises says when they were made; a contact that is logged late brings none that is over.
        raise Refusal("promise_in_past", "due", value=draft.due.isoformat())
    until = promises.check(draft.due, draft.amount, overdue, reason, made, _calendar(work, rules, customer.country), rules.policy.promises)
    _check_room(work, customer, draft)
    if draft.replaces is not None:
        _end(work, _live(work, draft.replaces, customer.id), promises.RENEGOTIATED, "renegotiate_promise", None)
    row = Promise(
        id=next_ids(work.session, 1)[0],
        customer_id=customer.id,
        currency=draft.currency,
        amount_minor=draft.amount,
        overdue_minor=overdue,
        made_on=made,
        due=draft.due,
        until=until,
        method=draft.method,
        person=_text(draft.person, "person", 100),
        reason=reason,
        activity_id=activity_id,
        user_id=work.actor.user_id,
        state=promises.OPEN,
        received_minor=0,
        version=1,
        recorded_at=work.now,
    )
    work.session.add(row)
    told = {"amount": _amount(draft.amount, draft.currency), "due": draft.due, "method": draft.method, "person": row.person}
    work.note(audit.Note("promise", "promise", customer.customer_no, customer.id, None, told, reason))
    return row.id


def _check_room(work: Work, customer: Customer, draft: PromiseDraft) -> None:
    """Nobody promises more than is owed, or the same thing twice: it would count twice when it is broken (S22, S24)."""
    live = [row for row in storage.load_live(work.session, ALL, customer.id, draft.currency) if row.id != draft.replaces]
    if any((row.amount_minor, row.due) == (draft.amount, draft.due) for row in live):
        raise Refusal("promise_twice", "amount")
    room = storage.load_open(work.session, ALL, customer.id, draft.currency) - sum(max(row.amount_minor - row.received_minor, 0) for row in live)
    if draft.amount > room:
        told = {"promised": i18n.group(draft.amount, draft.currency), "open": i18n.group(max(room, 0), draft.currency), "currency": draft.currency}
        raise Refusal("promise_beyond_open", "amount", **told)


def _amount(minor: int, currency: str) -> str:
    """An amount as the audit log keeps it: the number as people read it, and its currency."""
    return f"{i18n.group(minor, currency)} {currency}"


def _live(work: Work, promise_id: int, customer_id: int | None = None) -> Promise:
    """A promise that people may still change: live, and its day not over. Once it is over, money alone judges it (S22)."""
    row = storage.find_promise(work.session, work.actor.scope, promise_id)
    if row is None or (customer_id is not None and row.customer_id != customer_id):
        raise NotFound("promise", promise_id)
    if row.state not in promises.LIVE:
        raise Refusal("promise_ended", "replaces")
    if row.due < work.today:
        raise Refusal("promise_past_due", "replaces", value=row.due.isoformat())
    return row


def _end(work: Work, row: Promise, state: str, action: str, reason: str | None) -> None:
    customer = work.session.get_one(Customer, row.customer_id)
    row.state, row.judged_on, row.version = state, work.today, row.version + 1
    work.note(
        audit.Note(action, "promise", customer.customer_no, row.customer_id, {"amount": _amount(row.amount_minor, row.currency), "due": row.due}, {"promise_state": state}, reason)
    )


def renegotiate(work: Work, promise_id: int, draft: PromiseDraft, version: int) -> int:
    """Re-date a live promise by agreement: a soft break of the old one, and a new one, whose id is returned (S22).

    Refusal `promise_past_due` once its day is over, `promise_ended`, `changed_meanwhile`.
    """
    work.actor.need(Permission.LOG_CONTACT)
    row = _live(work, promise_id)
    customer = work.session.get_one(Customer, row.customer_id)
    _unchanged(row.version, version, customer.customer_no)
    return _promise(work, customer, replace(draft, replaces=promise_id), row.activity_id)


def withdraw(work: Work, promise_id: int, reason: str, version: int) -> None:
    """Take back a promise that was never made (a slip of the pen), with a reason; not once its day is over."""
    work.actor.need(Permission.LOG_CONTACT)
    row = _live(work, promise_id)
    _unchanged(row.version, version, work.session.get_one(Customer, row.customer_id).customer_no)
    told = _text(reason, "reason", 400)
    if told is None:
        raise Refusal("missing_reason", "reason")
    _end(work, row, promises.WITHDRAWN, "withdraw_promise", told)


def _unchanged(found: int, shown: int, what: str) -> None:
    if found != shown:
        raise Refusal("changed_meanwhile", None, what=what)


def judge(work: Work, as_of: date, rules: Rules) -> dict[str, int]:
    """Judge every live promise by the money that came in, and those of the last 60 days again (S22); counts by the state they came to.

    All in a fixed number of statements. Only a change of state leaves an audit row; what has come in for a live promise
    is kept with it as it grows. What was judged later than `as_of` is left alone.
    """
    work.actor.need(Permission.SEND if not work.actor.may(Permission.DECIDE) else Permission.DECIDE)
    since = as_of - timedelta(days=REJUDGED_DAYS)
    rows = storage.load_judgeable(work.session, ALL, as_of, since)
    if not rows:
        return {}
    received = storage.load_received(work.session, ALL, None, min(row.made for row in rows), as_of)
    covered = storage.bank_through(work.session, as_of)
    changes: list[tuple[storage.Judgeable, promises.Verdict]] = []
    for key, group in groupby(rows, key=lambda row: (row.customer_id, row.currency)):
        mine = list(group)
        asked = [promises.Promised(row.id, row.amount, row.made, row.due, row.until, row.method) for row in mine]
        for row, verdict in zip(mine, promises.judge(asked, received.get(key, ()), covered, as_of, rules.policy.promises), strict=True):
            frozen = row.state in promises.JUDGED and (row.until < since or (row.judged_on is not None and row.judged_on > as_of))
            if not frozen and (verdict.state, verdict.received) != (row.state, row.received):
                changes.append((row, verdict))
    _settle(work, changes)
    counts: dict[str, int] = {}
    for row, verdict in changes:
        if verdict.state != row.state:
            counts[verdict.state] = counts.get(verdict.state, 0) + 1
    return counts


def _settle(work: Work, changes: list[tuple[storage.Judgeable, promises.Verdict]]) -> None:
    """Write the verdicts; who was judged to the same state before keeps the day on which that became known."""
    storage.settle_promises(
        work.session,
        [(row.id, told.state, told.received, row.judged_on if told.state == row.state else told.judged_on, row.version + 1) for row, told in changes],
    )
    turned = [(row, told) for row, told in changes if told.state != row.state]
    ids = sorted({row.customer_id for row, _ in turned})
    numbers: dict[int, str] = {}
    for start in range(0, len(ids), 500):
        found = work.session.execute(sa.select(Customer.id, Customer.customer_no).where(Customer.id.in_(ids[start : start + 500])))
        numbers.update((key, number) for key, number in found)
    for row, told in turned:
        after = {"amount": _amount(row.amount, row.currency), "due": row.due, "received": _amount(told.received, row.currency), "promise_state": told.state}
        work.note(audit.Note("judge_promise", "promise", numbers[row.customer_id], row.customer_id, {"promise_state": row.state}, after))


def finish_check(work: Work, task_id: int, result: str | None, note: str | None, version: int) -> None:
    """Finish a task: a check with true, false or unknown, which changes the rates shown (P16); our own word with nothing but "done".

    A claim that proved true is no excuse: it counts as true, and becomes our task for the next business day where the
    catalogue names one. Refusal `task_done`, `missing_result`, `changed_meanwhile`.
    """
    work.actor.need(Permission.LOG_CONTACT)
    task = storage.find_task(work.session, work.actor.scope, task_id)
    if task is None:
        raise NotFound("task", task_id)
    if task.state != "open":
        raise Refusal("task_done", None)
    customer = work.session.get_one(Customer, task.customer_id)
    _unchanged(task.version, version, customer.customer_no)
    if task.kind == "check" and result not in RESULTS:
        raise Refusal("missing_result", "result")
    task.state, task.result, task.note = "done", result if task.kind == "check" else None, _text(note, "note", 400)
    task.done_by, task.done_on, task.version = work.actor.user_id, work.today, task.version + 1
    told = {"excuse": task.excuse, "title": task.title, "result": task.result, "note": task.note}
    work.note(audit.Note("finish_task", "task", customer.customer_no, customer.id, None, {key: value for key, value in told.items() if value is not None}))
    excuse = catalogue.load().get(task.excuse or "")
    if task.result == "true" and excuse is not None and excuse.ours is not None:
        due = _calendar(work, in_force(work.session, work.seller, work.today), customer.country).next_business_day(work.today)
        own = _task(work, customer, "own", due, None, task.activity_id)
        own.excuse = task.excuse
        work.note(audit.Note("open_task", "task", customer.customer_no, customer.id, None, {"excuse": task.excuse, "due": due}))


def raise_dispute(work: Work, invoice_no: str, amount: int, reason: str, note: str | None = None) -> int:
    """Record that a customer disputes an amount of an invoice (P14); returns the dispute's id. It counts once its owner accepts it (S24).

    Of an invoice in instalments it concerns the first part that has so much open. The same dispute by the same person
    on the same day is one. Refusal `dispute_not_positive`, `dispute_beyond_open`.
    """
    work.actor.need(Permission.LOG_CONTACT)
    items = find_items(work.session, work.actor.scope, invoice_no)
    if not items:
        raise NotFound("invoice", invoice_no)
    if reason not in DISPUTE_REASONS:
        raise Refusal("not_a_choice", "reason", value=reason, allowed=", ".join(DISPUTE_REASONS))
    if amount <= 0:
        raise Refusal("dispute_not_positive", "amount")
    for known in storage.raised_today(work.session, [item.id for item in items], work.today):
        if (known.amount_minor, known.reason, known.raised_by) == (amount, reason, work.actor.user_id):
            return known.id
    rests = [(item.open_minor - storage.disputed_already(work.session, item.id), item) for item in items]
    item = next((item for rest, item in rests if rest >= amount), None)
    if item is None:
        raise Refusal("dispute_beyond_open", "amount", open=_amount(max(0, *(rest for rest, _ in rests)), items[0].currency))
    row = Dispute(
        id=next_ids(work.session, 1)[0],
        customer_id=item.customer_id,
        item_id=item.id,
        amount_minor=amount,
        reason=reason,
        note=_text(note, "note", 2000),
        raised_by=work.actor.user_id,
        raised_on=work.today,
        state="raised",
        version=1,
        recorded_at=work.now,
    )
    work.session.add(row)
    told = {"invoice": invoice_no, "amount": _amount(amount, item.currency), "dispute_reason": reason}
    work.note(audit.Note("raise_dispute", "dispute", invoice_no, item.customer_id, None, told, row.note))
    return row.id


_ANSWERS = {"accept": ("accepted", ("raised",)), "refuse": ("refused", ("raised",)), "settle": ("settled", ("raised", "accepted"))}


def answer_dispute(work: Work, dispute_id: int, answer: str, note: str | None, version: int) -> None:
    """Accept, refuse or settle a dispute; what is accepted is left out of reminders until it is settled (P14, S24).

    By its owner, a person: never who raised it, never the customer's own rep (`own_dispute`), never the program
    (Forbidden). A refusal needs a note. Refusal `dispute_answered`, `changed_meanwhile`.
    """
    work.actor.need(Permission.ANSWER_DISPUTE)
    if work.actor.user_id is None:
        raise Forbidden(Permission.ANSWER_DISPUTE.value)
    found = storage.find_dispute(work.session, work.actor.scope, dispute_id)
    if found is None:
        raise NotFound("dispute", dispute_id)
    dispute, item = found
    if answer not in _ANSWERS:
        raise Refusal("not_a_choice", "answer", value=answer, allowed=", ".join(_ANSWERS))
    state, before = _ANSWERS[answer]
    if dispute.state not in before:
        raise Refusal("dispute_answered", None)
    _unchanged(dispute.version, version, item.document_no)
    customer = work.session.get_one(Customer, dispute.customer_id)
    if work.actor.user_id in (dispute.raised_by, customer.rep_id):
        raise Refusal("own_dispute", None)
    told = _text(note, "note", 400)
    if answer == "refuse" and told is None:
        raise Refusal("missing_reason", "note")
    was = dispute.state
    dispute.state, dispute.answered_by, dispute.answered_on, dispute.answer, dispute.version = state, work.actor.user_id, work.today, told, dispute.version + 1
    after = {"invoice": item.document_no, "amount": _amount(dispute.amount_minor, item.currency), "dispute_state": state}
    work.note(audit.Note(f"{answer}_dispute", "dispute", item.document_no, customer.id, {"dispute_state": was}, after, told))


def set_standing(work: Work, customer_no: str, do_not_contact: bool, insolvent: bool, reason: str) -> None:
    """Mark a customer as never to be contacted (P11) or insolvent (S24), or take the marks away, with a reason.

    For those who answer for the books (finance and managers): the marks stop reminders, and nothing overrides them.
    """
    work.actor.need(Permission.ANSWER_DISPUTE)
    customer = _customer(work, customer_no)
    told = _text(reason, "reason", 400)
    if told is None:
        raise Refusal("missing_reason", "reason")
    row = storage.find_standing(work.session, work.actor.scope, customer.id)
    before = {"do_not_contact": bool(row and row.do_not_contact), "insolvent": bool(row and row.insolvent)}
    after = {"do_not_contact": do_not_contact, "insolvent": insolvent}
    if before == after:
        return
    if row is None:
        row = Standing(customer_id=customer.id, version=0, since=work.today, recorded_at=work.now)
        work.session.add(row)
    row.do_not_contact, row.insolvent, row.reason, row.since = do_not_contact, insolvent, told, work.today
    row.version, row.recorded_at = row.version + 1, work.now
    work.note(audit.Note("mark_customer", "standing", customer_no, customer.id, before, after, told))


def bank_complete(work: Work, through: date) -> None:
    """Finance's word that everything that came in through a day is in the books: promises may be judged so far (S22)."""
    work.actor.need(Permission.ALLOCATE)
    if through > work.today:
        raise Refusal("bank_day_in_future", "through", value=through.isoformat())
    work.session.add(BankDay(id=next_ids(work.session, 1)[0], through=through, by=work.actor.name, recorded_at=work.now))
    work.note(audit.Note("bank_complete", "bank_day", through.isoformat(), None, None, {"through": through}))
