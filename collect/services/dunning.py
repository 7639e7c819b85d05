"""Reminding: the round that decides for every account and plans each contact in its slot, and the check at the moment of sending (S17-S20)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from collect.domain import dunning, money, slots
from collect.domain.account import Account, OpenItem, overdue
from collect.domain.dunning import HELD, NOTHING, PLANNED, Decision
from collect.domain.errors import NotFound, Refusal
from collect.domain.policy import Channel, Segment
from collect.domain.rights import ALL, Actor, Permission, Scope
from collect.domain.slots import Diary, Wish
from collect.runtime import Runtime, View, Work, local_day
from collect.services import correspondence
from collect.services.policy import Rules, in_force
from collect.storage import audit
from collect.storage import notices as storage
from collect.storage.accounts import load_account, load_accounts
from collect.storage.company import Seller
from collect.storage.customers import Customer, policy_segment, seen, seen_ids
from collect.storage.database import next_ids
from collect.storage.notices import Notice, NoticeItem, Round
from collect.storage.outbox import Message

_DAY = timedelta(days=1)
RELEASE = "release"
ANSWER_DAYS = 5
"""Business days that a courtesy message gives for payment or an answer."""


@dataclass(frozen=True, slots=True)
class Told:
    """What was decided about one account, for reading: amounts in minor units of `currency`, the slot as an instant."""

    customer_id: int
    customer_no: str
    name: str
    decision: str
    reason: str
    step: str | None = None
    channel: str | None = None
    slot: datetime | None = None
    day: date | None = None
    zone: str = ""
    currency: str | None = None
    amount: int = 0
    items: tuple[str, ...] = ()
    oldest_days: int | None = None
    next_on: date | None = None
    owner_id: int | None = None


@dataclass
class Plan:
    """One account's decision with its slot, on the way into the books."""

    account: Account
    segment: Segment
    decision: Decision
    day: date | None = None
    slot: datetime | None = None
    kept: storage.Planned | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """A line of a message: one item and what is asked of it; minor units."""

    item_id: int
    document_no: str
    issued: date
    due: date
    currency: str
    open: int
    asked: int
    days: int


@dataclass(frozen=True, slots=True)
class Recheck:
    """Whether a planned message may go now. `moved`: not now, but its notice has been given a later slot (S20)."""

    send: bool
    reason: str
    items: tuple[Asked, ...] = ()
    amounts: dict[str, int] = field(default_factory=dict)
    deadline: date | None = None
    step: str = ""
    text: str = ""
    moved: bool = False


def remind(runtime: Runtime, actor: Actor, as_of: date, rules: Rules | None = None, preview: bool = False, allow_many: bool = False) -> list[Told]:
    """The round of a day: a decision with its reason for every account of the actor's scope, by customer number (S17-S20).

    Without `preview` it is written: contacts planned, moved or withdrawn, decisions kept. Refused: `round_before_latest`
    for a day before the latest round, `too_many_contacts` when it would plan for more than the policy's share of all
    customers (the runaway guard), Forbidden without the right to send. The same date again changes nothing.
    """
    if preview:
        with runtime.read(actor) as view:
            known = rules or in_force(view.session, view.seller, as_of)
            plans = _decide_all(view.session, actor.scope, as_of, view.seller, known, view.now if as_of == view.today else None)
            return _told(view.session, actor.scope, plans)
    actor.need(Permission.SEND)
    return runtime.write(actor, lambda work: remind_in(work, as_of, allow_many))


def remind_in(work: Work, as_of: date, allow_many: bool = False) -> list[Told]:
    """The writing round inside a unit of work that is already open; always over every customer."""
    session, rules = work.session, in_force(work.session, work.seller, as_of)
    check_order(session, "remind", as_of, work.today)
    plans = _decide_all(session, ALL, as_of, work.seller, rules, work.now if as_of == work.today else None)
    _guard(session, rules, plans, allow_many)
    counts = _write(work, plans, as_of, rules)
    record_round(work, "remind", as_of, rules.number, counts)
    return _told(session, work.actor.scope, plans)


AHEAD = timedelta(days=31)
"""A writing round may be done so far ahead of today: enough to prepare a holiday, too little for a mistyped year to stop every later round."""


def check_order(session: Session, kind: str, as_of: date, today: date) -> None:
    """Refuse a writing round before the latest of its kind, `round_before_latest`, or more than a month ahead, `round_too_far`."""
    if as_of - today > AHEAD:
        raise Refusal("round_too_far", "as_of", value=as_of.isoformat(), latest=(today + AHEAD).isoformat())
    latest = storage.latest_round(session, kind)
    if latest is not None and as_of < latest.day:
        raise Refusal("round_before_latest", "as_of", value=as_of.isoformat(), latest=latest.day.isoformat())


def record_round(work: Work, kind: str, as_of: date, policy: int, counts: dict[str, int]) -> None:
    """Keep that a round took place; one that changed nothing after another of the same day leaves no second row."""
    latest = storage.latest_round(work.session, kind)
    if latest is not None and latest.day == as_of and not counts.get("written", 0):
        return
    work.session.add(
        Round(id=next_ids(work.session, 1)[0], kind=kind, day=as_of, policy=policy, counts=json.dumps(counts, sort_keys=True), recorded_at=work.now),
    )
    work.note(audit.Note("run", "round", f"{kind} {as_of.isoformat()}", after={"policy": policy, **counts}))


def _decide_all(session: Session, scope: Scope, as_of: date, seller: Seller, rules: Rules, now: datetime | None) -> list[Plan]:
    """Decide for every account, then give each planned contact its slot, the most valuable first."""
    pending = storage.load_planned(session, ALL)
    segments: dict[tuple[str | None, str | None], Segment] = {}
    plans: list[Plan] = []
    for account in load_accounts(session, scope, as_of, seller):
        key = (account.segment, account.terms)
        segment = segments.get(key)
        if segment is None:
            segment = segments[key] = rules.policy.segment_of(*key)
        decision = dunning.decide(account, rules.policy, segment, rules.calendar(account.country), as_of)
        plans.append(Plan(account, segment, decision))
    _place(plans, pending, as_of, rules, now)
    return plans


def _place(plans: list[Plan], pending: dict[int, list[storage.Planned]], as_of: date, rules: Rules, now: datetime | None) -> None:
    """Slots: what stands already keeps its own; the rest by promise broken, then amount asked, then customer number (S19)."""
    diary = Diary()
    for notices in pending.values():
        for notice in notices:
            if notice.day >= as_of:
                diary.note(notice.user_id, Channel(notice.channel), notice.day, notice.slot_at)
    waiting = []
    for plan in plans:
        mine = pending.get(plan.account.customer_id, [])
        moving = next((notice for notice in mine if notice.moving), None)
        if moving is not None:
            plan.decision = Decision(HELD, "on_its_way", moving.step, anchor=plan.decision.anchor, asked=plan.decision.asked)
            plan.kept = moving
            continue
        if plan.decision.decision != PLANNED:
            continue
        earliest = plan.decision.earliest or as_of
        plan.kept = next((notice for notice in mine if notice.day >= earliest and _same(notice, plan.decision)), None)
        if plan.kept is not None:
            plan.day, plan.slot = plan.kept.day, plan.kept.slot_at
        else:
            waiting.append(plan)
    waiting.sort(key=lambda plan: (not plan.decision.exempt, -_worth(plan.decision, as_of), plan.account.customer_no))
    for plan in waiting:
        account, decision = plan.account, plan.decision
        formal = [notice for notice in pending.get(account.customer_id, []) if notice.proposal_id is not None]
        weeks = slots.weeks_of(account.made)
        for notice in formal:
            weeks[slots.monday(notice.day)] = weeks.get(slots.monday(notice.day), 0) + 1
        channel = decision.channel or Channel.CALL
        wish = Wish(account.owner_id, channel, decision.earliest or as_of, decision.latest, weeks)
        found = slots.place(wish, rules.policy.contact, rules.calendar(account.country), account.timezone, diary, now)
        if found is None:
            reason = "no_slot_before_due" if decision.latest is not None else "no_slot"
            plan.decision = Decision(HELD, reason, decision.step, anchor=decision.anchor, asked=decision.asked, next_on=decision.anchor.due if decision.anchor else None)
            continue
        plan.day, plan.slot = found
        diary.note(account.owner_id, channel, *found)


def _same(notice: storage.Planned, decision: Decision) -> bool:
    anchor = decision.anchor.id if decision.anchor else 0
    return notice.proposal_id is None and (notice.step, notice.channel, notice.anchor_id) == (decision.step, decision.channel, anchor)


def _worth(decision: Decision, as_of: date) -> int:
    """What is asked and due, its currencies added up unit for unit: only an order of work, never shown as a sum."""
    due = ((item, amount) for item, amount in decision.asked if item.due <= as_of or item is decision.anchor)
    return sum(amount * 10 ** (4 - money.exponent(item.currency)) for item, amount in due)


def _guard(session: Session, rules: Rules, plans: list[Plan], allow_many: bool) -> None:
    """The runaway guard: a round that would newly plan for more than the policy's share of all customers stops and asks."""
    fresh = sum(1 for plan in plans if plan.decision.decision == PLANNED and plan.kept is None)
    contact = rules.policy.contact
    if allow_many or fresh <= contact.most_floor:
        return
    customers = session.scalar(sa.select(sa.func.count()).select_from(Customer)) or 0
    if fresh * 100 > customers * contact.most_share:
        raise Refusal("too_many_contacts", None, count=fresh, customers=customers, share=contact.most_share)


def _write(work: Work, plans: list[Plan], as_of: date, rules: Rules) -> dict[str, int]:
    """Bring the planned contacts and the kept decisions in line with what was decided; returns counts for the round."""
    session = work.session
    pending = storage.load_planned(session, ALL)
    fresh = [plan for plan in plans if plan.decision.decision == PLANNED and plan.kept is None]
    kept = {plan.kept.id for plan in plans if plan.kept is not None}
    reasons = {plan.account.customer_id: plan.decision.reason for plan in plans}
    gone: list[dict[str, Any]] = []
    for customer_id, notices in pending.items():
        for notice in notices:
            if notice.id in kept or notice.proposal_id is not None or notice.moving:
                continue
            late = notice.day < as_of
            state = "missed" if late else "cancelled"
            gone.append({"key": notice.id, "new_state": state, "why": "missed" if late else _withdrawn(reasons.get(customer_id, "nothing_open"))})
    storage.end_planned(session, gone)
    made = storage.add_notices(session, work.now, rules.number, as_of, [_row(plan, as_of, rules) for plan in fresh])
    notice_ids = {plan.account.customer_id: key for plan, key in zip(fresh, made, strict=True)}
    notice_ids.update((plan.account.customer_id, plan.kept.id) for plan in plans if plan.kept is not None)
    told = {plan.account.customer_id: plan.decision for plan in plans}
    written = storage.keep_decisions(session, work.now, as_of, told, notice_ids)
    counts = {name: sum(1 for plan in plans if plan.decision.decision == name) for name in (PLANNED, HELD, NOTHING)}
    return {**counts, "new": len(fresh), "ended": len(gone), "written": len(fresh) + len(gone) + written}


def _withdrawn(reason: str) -> str:
    """Why a planned contact was taken back: the new decision's own reason, or that another step took its place."""
    return "superseded" if reason in ("step_reached", "no_email", "repeat") or reason.startswith("promise_") else reason


def _row(plan: Plan, as_of: date, rules: Rules) -> storage.NewNotice:
    decision, account = plan.decision, plan.account
    if plan.day is None or plan.slot is None or decision.anchor is None:
        raise ValueError("a contact without a slot is not planned")
    items = []
    for item, amount in decision.asked:
        if item.due <= plan.day or item is decision.anchor:
            step = dunning.own_step(item, plan.segment, plan.day)
            items.append((item.id, amount, decision.step if step is None and item is decision.anchor else step))
    return storage.NewNotice(
        account.customer_id,
        decision.step or "",
        decision.anchor.id,
        str(decision.channel),
        decision.text or "",
        plan.day,
        plan.slot,
        account.owner_id if decision.channel is not Channel.EMAIL else None,
        items,
    )


def _told(session: Session, scope: Scope, plans: list[Plan]) -> list[Told]:
    """Every customer of the scope, those with nothing open too, by customer number."""
    found: list[Told] = []
    named: set[int] = set()
    visible: set[int] | None = None
    if not scope.everything:
        visible = set(session.scalars(sa.select(Customer.id).where(seen(scope))))
    for plan in plans:
        if visible is None or plan.account.customer_id in visible:
            named.add(plan.account.customer_id)
            found += _lines(plan)
    for customer_id, number, name in session.execute(sa.select(Customer.id, Customer.customer_no, Customer.name).where(seen(scope))):
        if customer_id not in named:
            found.append(Told(customer_id, number, name, NOTHING, "nothing_open"))
    return sorted(found, key=lambda told: (told.customer_no, told.currency or ""))


def _lines(plan: Plan) -> list[Told]:
    """One line a currency; what is not asked yet names no items."""
    account, decision = plan.account, plan.decision
    common = (account.customer_id, account.customer_no, account.name, decision.decision, decision.reason, decision.step)
    oldest = decision.anchor
    sums: dict[str, tuple[int, list[str]]] = {}
    for item, amount in decision.asked:
        if plan.day is not None and item.due > plan.day and item is not oldest:
            continue
        total, names = sums.get(item.currency, (0, []))
        names.append(item.document_no)
        sums[item.currency] = (total + amount, names)
    if decision.decision != PLANNED:
        return [Told(*common, currency=oldest.currency if oldest else account.currency, next_on=decision.next_on, zone=account.timezone, owner_id=account.owner_id)]
    return [
        Told(
            *common,
            channel=str(decision.channel),
            slot=plan.slot,
            day=plan.day,
            zone=account.timezone,
            currency=currency,
            amount=total,
            items=tuple(names),
            oldest_days=(plan.day - oldest.due).days if plan.day and oldest else None,
            owner_id=account.owner_id,
        )
        for currency, (total, names) in sums.items()
    ]


def recheck(work: Work, notice: Notice, rules: Rules, at: datetime, late: bool = False) -> Recheck:
    """Everything is checked again as of the instant of sending (S20): money, promise, dispute, marks, holiday, hour, cap.

    A reason that passes by itself (a holiday, the wrong hour, the weekly cap) moves the notice to its next slot; any
    other reason is for the caller to cancel it with. `late`: a person sends by hand, and what was planned for this very
    day may still go out until the quiet hours begin.
    """
    session = work.session
    account = load_account(session, ALL, local_day(at, work.seller.timezone), work.seller, notice.customer_id)
    if account is None:
        raise NotFound("customer", notice.customer_id)
    day = local_day(at, account.timezone)
    if notice.proposal_id is not None:
        return _recheck_formal(account, notice, rules, at, day)
    segment = rules.policy.segment_of(account.segment, account.terms)
    calendar = rules.calendar(account.country)
    decision = dunning.decide(account, rules.policy, segment, calendar, day)
    if decision.decision != PLANNED:
        return Recheck(False, decision.reason)
    if decision.channel is not Channel.EMAIL or decision.step != notice.step:
        return Recheck(False, "superseded")
    if not _may_go(account, decision, rules, at, day, notice, late):
        return _move(notice, account, decision, rules, at)
    return _go(account, decision.asked, notice, rules, day, decision.step or "", decision.text or "")


def _may_go(account: Account, decision: Decision, rules: Rules, at: datetime, day: date, notice: Notice, late: bool) -> bool:
    """Whether this instant is a time for messages: an allowed day in the window, the distance kept and the week not full."""
    contact = rules.policy.contact
    if not slots.is_allowed(day, contact, rules.calendar(account.country)) or (decision.earliest is not None and decision.earliest > day):
        return False
    if slots.weeks_of(account.made).get(slots.monday(day), 0) >= contact.per_week:
        return False
    end = contact.quiet_from if late and notice.day == day else contact.end
    return slots.instant(day, contact.start, account.timezone) <= at < slots.instant(day, end, account.timezone)


def _move(notice: Notice, account: Account, decision: Decision, rules: Rules, at: datetime) -> Recheck:
    """Give the notice its next slot after this instant, or say why there is none."""
    earliest = max(decision.earliest or local_day(at, account.timezone), local_day(at, account.timezone))
    wish = Wish(None, Channel.EMAIL, earliest, decision.latest, slots.weeks_of(account.made))
    found = slots.place(wish, rules.policy.contact, rules.calendar(account.country), account.timezone, Diary(), at + timedelta(seconds=1))
    if found is None:
        return Recheck(False, "no_slot_before_due" if decision.latest is not None else "no_slot")
    notice.day, notice.slot_at = found
    notice.version += 1
    return Recheck(False, "moved", moved=True)


def _recheck_formal(account: Account, notice: Notice, rules: Rules, at: datetime, day: date) -> Recheck:
    """A formal notice goes on any business day outside the quiet hours; promises and caps do not stop it, the mark "do not contact" does (P2, P11)."""
    if account.do_not_contact or account.insolvent:
        return Recheck(False, "do_not_contact" if account.do_not_contact else "insolvent")
    owed = overdue(account, day)
    if not owed and notice.step != RELEASE:
        return Recheck(False, "nothing_open")
    contact, calendar = rules.policy.contact, rules.calendar(account.country)
    if not calendar.is_business_day(day) or not (slots.instant(day, contact.quiet_until, account.timezone) <= at < slots.instant(day, contact.quiet_from, account.timezone)):
        later = calendar.next_business_day(day) if at >= slots.instant(day, contact.quiet_from, account.timezone) else calendar.on_or_after(day)
        notice.day, notice.slot_at = later, slots.instant(later, contact.start, account.timezone)
        notice.version += 1
        return Recheck(False, "moved", moved=True)
    if notice.deadline is not None and notice.deadline <= day:
        # A notice that was held up names a date as far ahead as the one it was decided with.
        span = max(1, calendar.business_days_between(notice.decided_on, notice.deadline))
        notice.deadline = calendar.add_business_days(day, span)
    return _go(account, owed, notice, rules, day, notice.step, notice.text)


def _go(account: Account, asked: Sequence[tuple[OpenItem, int]], notice: Notice, rules: Rules, day: date, step: str, text: str) -> Recheck:
    """What the message says: each item with what is asked of it, sums by currency, and until when."""
    calendar = rules.calendar(account.country)
    anchor = asked[0][0] if asked else None
    lines = tuple(
        Asked(item.id, item.document_no, item.issued, item.due, item.currency, item.open, amount, (day - item.due).days)
        for item, amount in asked
        if item.due <= day or item is anchor
    )
    amounts: dict[str, int] = {}
    for line in lines:
        amounts[line.currency] = amounts.get(line.currency, 0) + line.asked
    deadline = notice.deadline or (anchor.due if anchor is not None and anchor.due >= day else calendar.add_business_days(day, ANSWER_DAYS))
    return Recheck(True, "", lines, amounts, deadline, step, text)


@dataclass(frozen=True, slots=True)
class Written:
    """The message or the script of a contact; without one, the reason why it would not go now."""

    subject: str
    body: str
    reason: str = ""


def written(view: View, notice: Notice) -> Written:
    """What a contact says: what was sent, else what would be, as planned (S20 checks again before it goes)."""
    message = view.session.scalars(sa.select(Message).where(Message.notice_id == notice.id)).first()
    if message is not None and message.body:
        return Written(message.subject, message.body)
    if notice.state in ("cancelled", "missed"):
        return Written("", "", notice.reason or notice.state)
    rules = in_force(view.session, view.seller, notice.day)
    return Written(*correspondence.preview(view.session, view.seller, rules, notice))


def settle_sent(work: Work, notice_id: int, day: date, items: Iterable[Asked] = ()) -> None:
    """The notice's message is proven sent on a day: its step is done for the items it asked for, and only now (S18, S20).

    `items` are what the message really asked; where none are given, what was planned counts.
    """
    session = work.session
    notice = session.get_one(Notice, notice_id)
    notice.state, notice.done_on, notice.version = "sent", day, notice.version + 1
    lines = list(items)
    rules = in_force(session, work.seller, day)
    customer = session.get_one(Customer, notice.customer_id)
    segment = rules.policy.segment_of(policy_segment(session, customer), customer.terms)
    if lines:
        session.execute(sa.delete(NoticeItem).where(NoticeItem.notice_id == notice_id))
        for line in lines:
            step = _step_made(segment, notice, line) if notice.proposal_id is None else None
            session.add(NoticeItem(notice_id=notice_id, item_id=line.item_id, asked_minor=line.asked, step=step, done_on=day))
    else:
        session.execute(sa.update(NoticeItem).where(NoticeItem.notice_id == notice_id).values(done_on=day))


def _step_made(segment: Segment, notice: Notice, line: Asked) -> str | None:
    """Which step the message was for an item: what its own age has reached; for the item whose clock it follows at least the notice's step."""
    own = next((one for one in reversed(segment.steps) if one.days <= line.days), None)
    planned = segment.step(notice.step) if line.item_id == notice.anchor_id else None
    if planned is not None and (own is None or own.days < planned.days):
        return planned.code
    return own.code if own is not None else None


def formal(work: Work, customer_id: int, rung: str, proposal_id: int, deadline: date | None) -> int:
    """Plan the formal notice of an approved rung: by e-mail where there is an address, else a letter for the owner's desk.

    On the next business day in the contact window, or today where its hours are not over (P2). Returns the notice's id.
    """
    session = work.session
    rules = in_force(session, work.seller, work.today)
    account = load_account(session, ALL, work.today, work.seller, customer_id)
    if account is None:
        raise NotFound("customer", customer_id)
    zone, calendar, contact = account.timezone, rules.calendar(account.country), rules.policy.contact
    day = calendar.on_or_after(local_day(work.now, zone))
    slot = slots.instant(day, contact.start, zone)
    if slot < work.now:
        if work.now < slots.instant(day, contact.quiet_from, zone):
            slot = work.now
        else:
            day = calendar.next_business_day(day)
            slot = slots.instant(day, contact.start, zone)
    channel = Channel.EMAIL if account.email else Channel.LETTER
    items: list[tuple[int, int, str | None]] = [(item.id, amount, None) for item, amount in overdue(account, work.today)]
    anchor = items[0][0] if items else 0
    owner = account.owner_id if channel is Channel.LETTER else None
    new = storage.NewNotice(customer_id, rung, anchor, str(channel), rung, day, slot, owner, items, proposal_id, deadline)
    return storage.add_notices(session, work.now, rules.number, work.today, [new])[0]


def post_letter(work: Work, notice_id: int, proof: str) -> None:
    """A letter went out by post or courier: its step is done, proven by the number of the posting (S18, S27 grade B).

    Refusal `missing_value` without a proof, `letter_not_planned` where no letter is planned; NotFound outside the scope.
    """
    found = work.session.scalars(sa.select(Notice).where(Notice.id == notice_id, seen_ids(work.actor.scope, Notice.customer_id)).with_for_update()).first()
    if found is None:
        raise NotFound("contact", notice_id)
    proof = " ".join(proof.split())[:100]
    if not proof:
        raise Refusal("missing_value", "proof")
    if found.channel != Channel.LETTER or found.state != "planned":
        raise Refusal("letter_not_planned", None, state=found.state)
    found.state, found.done_on, found.version = "done", work.today, found.version + 1
    work.session.execute(sa.update(NoticeItem).where(NoticeItem.notice_id == notice_id).values(done_on=work.today))
    work.note(audit.Note("post", "notice", str(notice_id), found.customer_id, {"state": "planned"}, {"state": "done", "step": found.step, "proof": proof}))


def as_json(told: list[Told]) -> list[dict[str, Any]]:
    """The decisions as `interfaces` names them; amounts as decimal strings, slots as local times with their offset."""
    return [
        {
            "customer_no": one.customer_no,
            "decision": one.decision,
            "reason": one.reason,
            "step": one.step,
            "channel": one.channel,
            "slot": one.slot.astimezone(ZoneInfo(one.zone)).isoformat() if one.slot else None,
            "currency": one.currency,
            "amount": money.plain(one.amount, one.currency) if one.currency else None,
            "items": list(one.items),
            "oldest_days": one.oldest_days,
            "next_on": one.next_on.isoformat() if one.next_on else None,
        }
        for one in told
    ]
