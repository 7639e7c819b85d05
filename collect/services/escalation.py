"""Escalation: the round that proposes formal steps and releases, a person's own proposal, deciding it, and the supply answer (S24-S26, S29)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from collect import i18n
from collect.domain import escalation as domain
from collect.domain import money
from collect.domain.account import Account, escalable
from collect.domain.errors import NotFound, Refusal
from collect.domain.escalation import RELEASE, RUNGS, Reason
from collect.domain.policy import HOLDS, Rung, Segment
from collect.domain.rights import ALL, Actor, Permission, Scope
from collect.i18n import mark as _
from collect.runtime import Runtime, Work, local_day, require_seller
from collect.services import dunning, proposals, receivables
from collect.services.correspondence import PlannedLine, compose, facts_of
from collect.services.policy import Rules, in_force
from collect.services.proposals import Book, Move, Wish, covers, find_account
from collect.storage import audit
from collect.storage import escalations as storage
from collect.storage.company import Seller
from collect.storage.customers import Customer, find_customer, load_customers, policy_segment
from collect.storage.database import next_ids
from collect.storage.escalations import Hold, Proposal, SupplyAnswer
from collect.storage.notices import Notice

KIND = "escalate"
VERDICTS = {"approve": "approved", "refuse": "refused", "defer": "deferred"}
LONGEST_DEFERRAL = 90
ANSWER_DAYS = {Rung.STOP_CREDIT: 5, Rung.STOP_SUPPLY: 5, Rung.FINAL_DEMAND: 10, Rung.REFERRAL: 10}
"""Business days from the decision to the deadline that its notice names."""
LONGEST_NOTE = 2000
LONGEST_BASIS = 400
BASIS = _("the agreed terms of payment, and the law: who is not paid may withhold further supply")
CONDITIONS = _("nothing on the account is overdue by {days} days or more")
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Told:
    """A proposal that stands after the round, for reading; minor units of `currency`.

    `outcome`: new, kept, reopened (a deferral is over), moved_up (nobody decided), or deferred (by a manager).
    """

    customer_id: int
    customer_no: str
    name: str
    step: str
    reasons: tuple[Reason, ...]
    currency: str
    overdue: int
    oldest_days: int
    outcome: str


@dataclass(frozen=True, slots=True)
class Answer:
    """The supply answer: `yes`, `no` or `refer`, with the codes of every reason (S26)."""

    customer_no: str
    answer: str
    reasons: tuple[str, ...]
    as_of: date


def escalate(runtime: Runtime, actor: Actor, as_of: date, rules: Rules | None = None, preview: bool = False) -> list[Told]:
    """The round of a day: which proposals stand for every account, by customer number (S24, S25).

    Without `preview` it is written, by the policy in force: new proposals are made, figures of open ones refreshed, a
    higher step takes the place of a lower one, what has lost its reason is withdrawn, deferrals that are over are open
    again, what nobody decided moves up a level, and releases are proposed. Refused: `round_before_latest`, Forbidden
    without the right to send. The same date again changes nothing. A preview writes nothing and works for any date.
    """
    if preview:
        with runtime.read(actor) as view:
            used = rules or in_force(view.session, view.seller, as_of)
            kept = proposals.book(view.session, actor.scope, used, as_of, view.now, view.seller.country, live=False)
            return _told(view.session, actor.scope, proposals.weigh_all(view.session, actor.scope, kept, view.seller), {})
    actor.need(Permission.SEND)
    return runtime.write(actor, lambda work: escalate_in(work, as_of))


def escalate_in(work: Work, as_of: date) -> list[Told]:
    """The writing round inside a unit of work that is already open; always over every customer."""
    dunning.check_order(work.session, KIND, as_of, work.today)
    rules = in_force(work.session, work.seller, as_of)
    kept = proposals.book(work.session, ALL, rules, as_of, work.now, work.seller.country)
    moves = proposals.weigh_all(work.session, ALL, kept, work.seller)
    customers = load_customers(work.session, ALL, [move.customer_id for move in moves])
    fresh = sum(1 for move in moves if move.wish is not None)
    ids = iter(next_ids(work.session, fresh) if fresh else ())
    outcomes = {move.customer_id: _write(work, kept, move, customers[move.customer_id], next(ids) if move.wish is not None else 0) for move in moves}
    counts: dict[str, int] = {}
    for outcome in outcomes.values():
        counts[outcome] = counts.get(outcome, 0) + 1
    written = sum(count for outcome, count in counts.items() if outcome not in ("kept", "deferred"))
    dunning.record_round(work, KIND, as_of, rules.number, {**counts, "written": written})
    return _told(work.session, work.actor.scope, moves, outcomes)


def _write(work: Work, kept: Book, move: Move, customer: Customer, key: int) -> str:
    """Bring the books in line with one move, a new proposal under the id `key`; returns what became of the customer's proposal, for the round's counts."""
    pending = move.pending
    if pending is not None and move.ended:
        _end(work, pending, move.ended, move.wish.step if move.wish else None)
    if move.wish is not None:
        row = proposals.add(work, kept, customer, move.account, move.wish, key)
        if move.wish.step == RELEASE and kept.rules.policy.escalation.release_by_itself:
            _release_by_itself(work, row, customer)
            move.standing = None
            return "released"
        return "new"
    if pending is None or move.standing is None:
        return move.ended
    moved = False
    if move.reopened:
        pending.state, pending.level_on, pending.version = "open", kept.as_of, pending.version + 1
        pending.decided_by = pending.decided_on = pending.decision_note = None
        work.note(audit.Note("reopen_proposal", "proposal", str(pending.id), move.customer_id, {"state": "deferred"}, {"state": "open", "step": pending.step}))
    elif pending.state == "open":
        moved = _move_up(work, kept, pending)
    proposals.refresh(work, kept, pending, customer.customer_no, move.account, move.standing)
    return "reopened" if move.reopened else "moved_up" if moved else "deferred" if pending.state == "deferred" else "kept"


def _end(work: Work, pending: Proposal, state: str, instead: str | None) -> None:
    """A proposal ends without a decision: withdrawn because its reason is gone or another takes its place, or expired."""
    before, after = {"state": pending.state}, {"state": state, "step": pending.step, "instead": instead}
    pending.state, pending.version = state, pending.version + 1
    pending.decided_by, pending.decided_on, pending.decision_note = None, work.today, None
    work.note(audit.Note("withdraw" if state == "withdrawn" else "expire", "proposal", str(pending.id), pending.customer_id, before, after))
    work.session.flush()


def _release_by_itself(work: Work, row: Proposal, customer: Customer) -> None:
    """Where the policy, which two persons decided, says so, a release whose conditions hold needs no decision of its own (S25)."""
    row.state, row.decided_on = "approved", work.today
    work.note(audit.Note("approve", "proposal", str(row.id), customer.id, {"state": "open"}, {"state": "approved", "step": RELEASE, "content_hash": row.content_hash}))
    _end_holds(work, row, [one.hold for one in storage.load_holds(work.session, ALL, [customer.id])[customer.id]])
    work.session.flush()
    dunning.formal(work, customer.id, RELEASE, row.id, None)


def _move_up(work: Work, kept: Book, pending: Proposal) -> bool:
    """Undecided for the policy's business days: one level higher (S24)."""
    reached = domain.level(pending.level_on, pending.level, kept.calendar, kept.rules.policy.escalation.move_up, kept.as_of)
    if reached == pending.level:
        return False
    work.note(audit.Note("move_up", "proposal", str(pending.id), pending.customer_id, {"level": pending.level}, {"level": reached}))
    pending.level, pending.level_on, pending.version = reached, kept.as_of, pending.version + 1
    return True


def _told(session: Session, scope: Scope, moves: list[Move], outcomes: Mapping[int, str]) -> list[Told]:
    """The proposals that stand, of the customers in the scope, by customer number."""
    customers = load_customers(session, scope, [move.customer_id for move in moves])
    found = []
    for move in moves:
        wish, customer = move.standing, customers.get(move.customer_id)
        if wish is not None and customer is not None:
            outcome = outcomes.get(move.customer_id) or ("new" if move.wish is not None else "kept")
            found.append(Told(customer.id, customer.customer_no, customer.name, wish.step, wish.reasons, wish.currency, wish.overdue, wish.oldest_days, outcome))
    return sorted(found, key=lambda told: told.customer_no)


def as_json(told: list[Told]) -> list[dict[str, Any]]:
    """`[{customer_no, step, reasons, currency, overdue, oldest_days}]` of `interfaces`; reasons are codes, the amount a decimal string."""
    return [
        {
            "customer_no": one.customer_no,
            "step": one.step,
            "reasons": [reason.code for reason in one.reasons],
            "currency": one.currency,
            "overdue": money.plain(one.overdue, one.currency),
            "oldest_days": one.oldest_days,
        }
        for one in told
    ]


def propose(work: Work, customer_no: str, step: str, note: str) -> int:
    """Ask for a step, or for the release of the hold in force, by hand; returns the proposal's id.

    A note says why. Refused: `unknown_step`; `missing_reason` or, for a step that needs a legal review,
    `legal_review_missing` without a note; `nothing_overdue`; `hold_in_force` and `no_hold`; `previous_step_not_sent`
    (steps are not skipped); `proposal_pending` unless a lower step of policy's waits, whose place it takes.
    """
    work.actor.need(Permission.PROPOSE)
    customer = find_customer(work.session, work.actor.scope, customer_no)
    if customer is None:
        raise NotFound("customer", customer_no)
    note = _said(note)
    if step != RELEASE and step not in RUNGS:
        raise Refusal("unknown_step", "step", value=step)
    if len(note) > LONGEST_NOTE:
        raise Refusal("too_long", "note", value=note, longest=LONGEST_NOTE)
    day = storage.acting_day(work.session, work.today)
    kept = proposals.book(work.session, ALL, in_force(work.session, work.seller, day), day, work.now, work.seller.country, ids=[customer.id])
    account = find_account(work.session, work.seller, customer.id, day)
    account = kept.held(account) if account is not None else None
    segment = kept.rules.policy.segment_of(policy_segment(work.session, customer), customer.terms)
    if not note:
        raise Refusal("legal_review_missing" if step in segment.legal_review else "missing_reason", "note")
    wish = _release_by_hand(kept, customer, account) if step == RELEASE else _step_by_hand(kept, segment, account, Rung(step))
    pending = kept.pending.get(customer.id)
    if pending is not None:
        if pending.requested_by is not None or pending.state != "open" or not proposals.is_higher(step, pending.step):
            raise Refusal("proposal_pending", "step")
        _end(work, pending, "withdrawn", step)
    return proposals.add(work, kept, customer, account, wish, next_ids(work.session, 1)[0], note).id


def _step_by_hand(kept: Book, segment: Segment, account: Account | None, rung: Rung) -> Wish:
    """A step that a person asks for, on the oldest debt; refused where there is none, it is taken, or the one before is not."""
    debts = escalable(account, kept.as_of) if account is not None else {}
    if account is None or not debts:
        raise Refusal("nothing_overdue", "step")
    currency, (overdue, oldest) = min(debts.items(), key=lambda entry: (entry[1][1].due, entry[0] != account.currency))
    if covers([hold.rung for hold in account.holds], rung):
        raise Refusal("hold_in_force", "step")
    if rung not in HOLDS and not domain.previous_proven(account, segment, rung, oldest, kept.as_of):
        raise Refusal("previous_step_not_sent", "step")
    return Wish(rung.value, None, (Reason("by_hand"),), currency, overdue, (kept.as_of - oldest.due).days)


def _release_by_hand(kept: Book, customer: Customer, account: Account | None) -> Wish:
    """The release of the highest hold in force, asked for by a person, whatever its conditions say."""
    held = proposals.highest(kept.holds.get(customer.id, ()))
    if held is None:
        raise Refusal("no_hold", "step")
    return Wish(RELEASE, held.hold.id, (Reason("by_hand"),), held.currency, *proposals.figures(account, held.currency, kept.as_of))


def present(session: Session, seller: Seller, row: Proposal, customer: Customer, today: date) -> domain.Case:
    """The case of a proposal as it stands now: what a decision binds to, with its fingerprint (S29)."""
    day = storage.acting_day(session, today)
    return proposals.case_of(row, customer.customer_no, find_account(session, seller, customer.id, day), day)


def preview_notice(session: Session, seller: Seller, row: Proposal, customer: Customer, today: date) -> tuple[str, str]:
    """Subject and body of the notice that approving the proposal would plan, in the customer's language; what goes out is written anew (S20)."""
    rules = in_force(session, seller, today)
    account = find_account(session, seller, customer.id, storage.acting_day(session, today))
    overdue = [item for item in account.items if item.due < today and item.open > item.disputed + item.paper] if account is not None else []
    lines = [PlannedLine(item.document_no, item.issued, item.due, item.currency, item.open, item.open - item.disputed - item.paper, (today - item.due).days) for item in overdue]
    deadline = None if row.step == RELEASE else _deadline(rules, seller, Rung(row.step), today)
    facts = facts_of(session, seller, rules, Notice(customer_id=customer.id, step=row.step), lines, deadline, today)
    language = customer.language or seller.language
    if row.step in HOLDS:
        segment = rules.policy.segment_of(policy_segment(session, customer), customer.terms)
        facts = replace(facts, basis=_basis(rules, language), conditions=_conditions(row, segment, language))
    return compose(language, row.step, facts, rules.policy.texts)


def _deadline(rules: Rules, seller: Seller, rung: Rung, today: date) -> date:
    return rules.calendar(seller.country).add_business_days(today, ANSWER_DAYS[rung])


def _basis(rules: Rules, language: str) -> str:
    return rules.policy.escalation.basis.get(language) or i18n.in_language(language, BASIS)


def _conditions(row: Proposal, segment: Segment, language: str) -> str:
    return i18n.in_language(language, CONDITIONS, days=proposals.least_days(row.oldest_days, row.step, segment))


def decide(work: Work, proposal_id: int, verdict: str, content_hash: str, note: str, until: date | None = None, basis: str | None = None) -> None:
    """Approve, refuse or defer a proposal, once; what is approved is done in the same transaction (S24, S25, S29).

    The decider has the right and is not the person who asked. `content_hash` is the fingerprint of the case he saw.
    Refused: `own_proposal`, `proposal_decided`, `proposal_expired`, `proposal_changed` (a stale fingerprint),
    `missing_reason` (refuse and defer say why), `bad_deferral`; at approval `proposal_reason_gone`, `hold_in_force`,
    `previous_step_not_sent`. NotFound outside the actor's scope, Forbidden without the right.
    """
    work.actor.need(Permission.DECIDE)
    found = storage.find_proposal(work.session, work.actor.scope, proposal_id, lock=True)
    if found is None:
        raise NotFound("proposal", proposal_id)
    row, customer = found
    note = _said(note)
    _check(work, row, verdict, note)
    case = present(work.session, work.seller, row, customer, work.today)
    if content_hash != case.hash:
        raise Refusal("proposal_changed")
    before = {"state": row.state}
    if verdict == "defer":
        _defer(work, row, until)
    elif verdict == "approve":
        _approve(work, row, customer, case, _said(basis or ""))
    row.state, row.content_hash, row.version = VERDICTS[verdict], case.hash, row.version + 1
    row.decided_by, row.decided_on, row.decision_note = work.actor.user_id, work.today, note or None
    after = {"state": row.state, "step": row.step, "content_hash": case.hash, "until": row.deferred_until if verdict == "defer" else None}
    work.note(audit.Note(verdict, "proposal", str(row.id), customer.id, before, after, note or None))


def _check(work: Work, row: Proposal, verdict: str, note: str) -> None:
    """Whether this person may decide this proposal in this way now."""
    if row.requested_by is not None and row.requested_by == work.actor.user_id:
        raise Refusal("own_proposal")
    if verdict not in VERDICTS:
        raise Refusal("not_a_choice", "verdict", value=verdict, allowed=", ".join(VERDICTS))
    if row.state not in storage.PENDING:
        raise Refusal("proposal_decided", None, state=row.state)
    if row.expires_at <= work.now:
        raise Refusal("proposal_expired")
    if len(note) > LONGEST_NOTE:
        raise Refusal("too_long", "note", value=note, longest=LONGEST_NOTE)
    if verdict != "approve" and not note:
        raise Refusal("missing_reason", "note")


def _defer(work: Work, row: Proposal, until: date | None) -> None:
    """Wait until a day, at most ninety days ahead; the round of that day opens it again."""
    day = storage.acting_day(work.session, work.today)
    latest = day + _DAY * LONGEST_DEFERRAL
    if until is None or not day < until <= latest:
        raise Refusal("bad_deferral", "until", earliest=(day + _DAY).isoformat(), latest=latest.isoformat())
    rules = in_force(work.session, work.seller, day)
    row.deferred_until = until
    row.expires_at = max(row.expires_at, work.now + (until - day) + _DAY * rules.policy.escalation.expires_days)


def _approve(work: Work, row: Proposal, customer: Customer, case: domain.Case, basis: str) -> None:
    """Do what was proposed: the hold with its notice, the notice of a formal step, or the end of a hold."""
    day = storage.acting_day(work.session, work.today)
    rules = in_force(work.session, work.seller, day)
    held = [one.hold for one in storage.load_holds(work.session, ALL, [customer.id]).get(customer.id, [])]
    row.overdue_minor, row.oldest_days = case.overdue, case.oldest_days
    if row.step == RELEASE:
        _check_release(work, rules, row, customer, day)
        _end_holds(work, row, held)
        work.session.flush()
        dunning.formal(work, customer.id, RELEASE, row.id, None)
        return
    account = find_account(work.session, work.seller, customer.id, day)
    if account is None or not case.overdue:
        raise Refusal("proposal_reason_gone")
    rung = Rung(row.step)
    segment = rules.policy.segment_of(policy_segment(work.session, customer), customer.terms)
    if rung in HOLDS:
        if covers([hold.rung for hold in held], rung):
            raise Refusal("hold_in_force")
        _hold(work, rules, row, customer, segment, basis)
    elif not domain.previous_proven(account, segment, rung, escalable(account, day)[row.currency][1], day):
        raise Refusal("previous_step_not_sent")
    work.session.flush()
    dunning.formal(work, customer.id, row.step, row.id, _deadline(rules, work.seller, rung, work.today))


def _check_release(work: Work, rules: Rules, row: Proposal, customer: Customer, day: date) -> None:
    """What policy proposed because the conditions held is approved only while they hold; what a person asked for is the decider's own word (S25)."""
    if row.requested_by is not None:
        return
    kept = proposals.book(work.session, ALL, rules, day, work.now, work.seller.country, ids=[customer.id])
    held = next((one for one in kept.holds.get(customer.id, ()) if one.hold.id == row.hold_id), None)
    if held is not None and not proposals.conditions_hold(kept, held, find_account(work.session, work.seller, customer.id, day)):
        raise Refusal("release_conditions_gone")


def _hold(work: Work, rules: Rules, row: Proposal, customer: Customer, segment: Segment, basis: str) -> None:
    """Put a stop in force: its ground, what ends it, and when it is looked at again, in the customer's language (S25)."""
    language = customer.language or work.seller.language
    basis = basis or _basis(rules, language)
    if len(basis) > LONGEST_BASIS:
        raise Refusal("too_long", "basis", value=basis, longest=LONGEST_BASIS)
    hold = Hold(
        id=next_ids(work.session, 1)[0],
        customer_id=customer.id,
        rung=row.step,
        proposal_id=row.id,
        since=work.today,
        basis=basis,
        conditions=_conditions(row, segment, language),
        review_on=work.today + _DAY * rules.policy.escalation.review,
        version=1,
        recorded_at=work.now,
    )
    work.session.add(hold)
    after = {"step": row.step, "basis": basis, "conditions": hold.conditions, "review_on": hold.review_on, "proposal": row.id}
    work.note(audit.Note("stop", "hold", str(hold.id), customer.id, None, after))


def _end_holds(work: Work, row: Proposal, held: list[Hold]) -> None:
    """End the hold that is released, and every lower one with it (S25)."""
    named = next((hold for hold in held if hold.id == row.hold_id), None)
    if named is None:
        raise Refusal("no_hold")
    for hold in held:
        if covers([named.rung], hold.rung):
            hold.released_on, hold.release_proposal_id, hold.version = max(work.today, hold.since), row.id, hold.version + 1
            after = {"step": hold.rung, "released_on": hold.released_on, "proposal": row.id}
            work.note(audit.Note("release", "hold", str(hold.id), row.customer_id, {"step": hold.rung}, after))


def answer(runtime: Runtime, actor: Actor, customer_no: str, amount: str | None = None, order_no: str | None = None) -> Answer:
    """May this customer be supplied for this amount today: yes, no or refer, written to the log (S26).

    A short transaction of its own, with the customer's row locked, so that two orders at once are answered one after
    the other; a yes under an order number reserves its amount for three days. `amount` is in the customer's currency.
    With an amount or an order it asks for a delivery: under terms PREVIOUS what is open of earlier ones falls due by
    that (S18), unless an auditor asks, who changes nothing.
    NotFound outside the actor's scope; Refusal `bad_amount` and the like, `supply_amount`, `too_long`.
    """
    actor.need(Permission.READ_LEDGER)
    order = _order(order_no)

    def act(session: Session, now: datetime) -> tuple[Answer, int]:
        customer = storage.lock_customer(session, actor.scope, customer_no)
        if customer is None:
            raise NotFound("customer", customer_no)
        minor = money.parse(amount, customer.currency) if amount is not None else None
        if minor is not None and minor <= 0:
            raise Refusal("supply_amount", "amount", value=amount)
        today = local_day(now, require_seller(session).timezone)
        standing = storage.load_standing(session, actor.scope, customer, today, now - domain.RESERVED, order)
        verdict, reasons = domain.answer(standing, minor or 0)
        kept = SupplyAnswer(customer_id=customer.id, day=today, at=now, asked_by=actor.name, currency=customer.currency, amount_minor=minor, order_no=order)
        kept.answer, kept.reasons = verdict, " ".join(reasons)
        session.add(kept)
        return Answer(customer.customer_no, verdict, reasons, today), customer.id

    told, customer_id = runtime.small(act)
    if domain.PREVIOUS_OPEN in told.reasons and (amount is not None or order is not None) and actor.may(Permission.LOG_CONTACT):
        runtime.write(actor, lambda work: receivables.next_delivery(work, customer_id, order))
    return told


def _said(text: str) -> str:
    """What somebody wrote, without outer space; signs that no person types (and PostgreSQL cannot keep) are left out."""
    return text.replace("\x00", "").strip()


def _order(text: str | None) -> str | None:
    """An order number as it is kept: without outer space, at most 64 printable characters."""
    order = " ".join((text or "").split())
    if len(order) > 64:
        raise Refusal("too_long", "order", value=order, longest=64)
    if not order.isprintable():
        raise Refusal("control_characters", "order", value=order)
    return order or None


def answer_json(told: Answer) -> dict[str, Any]:
    """`{customer_no, answer, reasons, as_of}` of `interfaces`."""
    return {"customer_no": told.customer_no, "answer": told.answer, "reasons": list(told.reasons), "as_of": told.as_of.isoformat()}
