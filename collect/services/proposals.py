"""Proposals in the making: what each account has come to, beside what waits for a decision and what is in force; and storing one (S24, S25)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from collect.domain import escalation as domain
from collect.domain import money
from collect.domain.account import Account, HoldInForce, escalable
from collect.domain.calendar import Calendar
from collect.domain.escalation import RELEASE, RUNGS, Nothing, Reason, Wanted, read_reasons, reasons_text
from collect.domain.policy import HOLDS, Rung, Segment
from collect.domain.rights import ALL, Scope
from collect.runtime import Work
from collect.services.policy import Rules
from collect.storage import audit
from collect.storage import escalations as storage
from collect.storage.accounts import load_accounts
from collect.storage.company import Seller
from collect.storage.customers import Customer
from collect.storage.escalations import Held, Proposal

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Wish:
    """What is proposed for an account: a step, or the release of a hold; minor units of `currency`."""

    step: str
    hold_id: int | None
    reasons: tuple[Reason, ...]
    currency: str
    overdue: int
    oldest_days: int

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes of its reasons."""
        return tuple(reason.code for reason in self.reasons)


@dataclass
class Move:
    """What a round does about one customer.

    `ended` is the state in which the pending proposal ends (empty: it stands), `wish` what is proposed anew, `standing`
    the proposal that stands afterwards with the figures of now.
    """

    customer_id: int
    account: Account | None
    pending: Proposal | None = None
    ended: str = ""
    reopened: bool = False
    wish: Wish | None = None
    standing: Wish | None = None


@dataclass
class Book:
    """What accounts are held against: the policy, what waits, what is in force, what was refused lately. `live`: as it is now, not as of the date."""

    rules: Rules
    as_of: date
    now: datetime
    calendar: Calendar
    live: bool
    pending: dict[int, Proposal]
    holds: dict[int, list[Held]]
    refused: dict[int, list[tuple[str, int | None]]]
    segments: dict[tuple[str | None, str | None], Segment] = field(default_factory=dict)

    def segment(self, account: Account) -> Segment:
        """The segment of an account, found once for each kind."""
        key = (account.segment, account.terms)
        if key not in self.segments:
            self.segments[key] = self.rules.policy.segment_of(*key)
        return self.segments[key]

    def barred(self, customer_id: int) -> str | None:
        """The highest step that was refused lately."""
        steps = [step for step, _ in self.refused.get(customer_id, ()) if step in RUNGS]
        return max(steps, key=lambda step: RUNGS.index(Rung(step)), default=None)

    def held(self, account: Account) -> Account:
        """The account with the holds that are in force now, whatever its date."""
        return replace(account, holds=tuple(HoldInForce(one.hold.id, one.hold.rung, one.hold.since) for one in self.holds.get(account.customer_id, ())))


def book(session: Session, scope: Scope, rules: Rules, as_of: date, now: datetime, country: str, live: bool = True, ids: Sequence[int] | None = None) -> Book:
    """Open the book for a date, for all customers or some; `country` is the company's, whose business days count."""
    pending, holds = storage.load_pending(session, scope, ids), storage.load_holds(session, scope, ids)
    if not live:
        pending = {key: row for key, row in pending.items() if row.requested_on <= as_of}
        holds = {key: kept for key, rows in holds.items() if (kept := [row for row in rows if row.hold.since <= as_of])}
    refused = storage.load_refused(session, scope, as_of - _DAY * rules.policy.escalation.refused_days, ids)
    return Book(rules, as_of, now, rules.calendar(country), live, pending, holds, refused)


def find_account(session: Session, seller: Seller, customer_id: int, as_of: date) -> Account | None:
    """One customer's account as of a date; None where nothing is open."""
    return next(load_accounts(session, ALL, as_of, seller, [customer_id]), None)


def weigh_all(session: Session, scope: Scope, kept: Book, seller: Seller) -> list[Move]:
    """Every account, and the customers without one who have a proposal or a hold, since they owe nothing any more."""
    moves = []
    seen = set()
    for account in load_accounts(session, scope, kept.as_of, seller):
        seen.add(account.customer_id)
        move = _weigh(kept, account.customer_id, account)
        if move is not None:
            moves.append(move)
    for customer_id in sorted((kept.pending.keys() | kept.holds.keys()) - seen):
        move = _weigh(kept, customer_id, None)
        if move is not None:
            moves.append(move)
    return moves


def _weigh(kept: Book, customer_id: int, account: Account | None) -> Move | None:
    """What is to be done about one customer; None where nothing waits and nothing is wanted."""
    pending = kept.pending.get(customer_id)
    if account is not None and kept.live:
        account = kept.held(account)
    release = _release(kept, customer_id, account)
    wish = release
    if account is not None:
        verdict = _judge(kept, account, kept.barred(customer_id))
        wish = _of(verdict) if isinstance(verdict, Wanted) else release
    if pending is not None:
        return _meet(kept, Move(customer_id, account, pending), pending, wish, release)
    return Move(customer_id, account, wish=wish, standing=wish) if wish is not None else None


def _judge(kept: Book, account: Account, barred: str | None = None) -> Wanted | Nothing:
    return domain.judge(account, kept.rules.policy, kept.segment(account), kept.calendar, kept.as_of, barred)


def _of(wanted: Wanted) -> Wish:
    return Wish(wanted.step.value, None, wanted.reasons, wanted.currency, wanted.overdue, wanted.oldest_days)


def _release(kept: Book, customer_id: int, account: Account | None) -> Wish | None:
    """The release of the highest hold, if its conditions hold and no person refused it lately (S25)."""
    held = highest(kept.holds.get(customer_id, ()))
    if held is None or (RELEASE, held.hold.id) in kept.refused.get(customer_id, ()):
        return None
    if not conditions_hold(kept, held, account):
        return None
    least = _least(kept, held, account)
    reason = Reason("release_conditions_hold", {"step": held.hold.rung, "since": held.hold.since, "days": least})
    return Wish(RELEASE, held.hold.id, (reason,), held.currency, *figures(account, held.currency, kept.as_of))


def conditions_hold(kept: Book, held: Held, account: Account | None) -> bool:
    """Whether what ends a hold has come about as of the book's date (S25)."""
    policy = kept.rules.policy
    segment = kept.segment(account) if account is not None else policy.segments["other"]
    return domain.conditions_hold(held.hold.rung, _least(kept, held, account), account, policy, segment, kept.calendar, kept.as_of)


def _least(kept: Book, held: Held, account: Account | None) -> int:
    segment = kept.segment(account) if account is not None else kept.rules.policy.segments["other"]
    return least_days(held.days, held.hold.rung, segment)


def highest(held: Sequence[Held]) -> Held | None:
    """The highest of a customer's holds in force."""
    return max(held, key=lambda one: HOLDS.index(Rung(one.hold.rung)), default=None)


def covers(rungs: Sequence[str], step: str) -> bool:
    """Whether one of the holds in force is the step or a higher one, which includes it (S24)."""
    return step in HOLDS and any(rung in HOLDS and HOLDS.index(Rung(rung)) >= HOLDS.index(Rung(step)) for rung in rungs)


def least_days(approved_at: int, rung: str, segment: Segment) -> int:
    """From how many days past due on something overdue keeps a hold in force: what it was approved at, at most the ladder's days."""
    own = max(approved_at, 1)
    return min(own, max(segment.ladder.get(Rung(rung), own), 1))


def figures(account: Account | None, currency: str, as_of: date) -> tuple[int, int]:
    """What escalation looks at in a currency: the overdue amount in minor units, and the days past due of its oldest item."""
    debt = escalable(account, as_of).get(currency) if account is not None else None
    return (debt[0], (as_of - debt[1].due).days) if debt else (0, 0)


def _meet(kept: Book, move: Move, pending: Proposal, wish: Wish | None, release: Wish | None) -> Move:
    """What becomes of the proposal that waits, beside what policy wants now."""
    standing = _standing(kept, move.account, pending, release)
    higher = wish is not None and pending.state == "open" and is_higher(wish.step, pending.step)
    if pending.requested_by is not None and kept.live and pending.expires_at <= kept.now:
        move.ended = "expired"
    elif standing is None or higher:
        move.ended = "withdrawn"
    else:
        move.standing = standing
        move.reopened = pending.state == "deferred" and pending.deferred_until is not None and pending.deferred_until <= kept.as_of
        return move
    move.wish = move.standing = wish
    return move


def is_higher(step: str, than: str) -> bool:
    """Whether one formal step comes after another on the ladder; a release is none."""
    return step in RUNGS and than in RUNGS and RUNGS.index(Rung(step)) > RUNGS.index(Rung(than))


def _standing(kept: Book, account: Account | None, pending: Proposal, release: Wish | None) -> Wish | None:
    """The pending proposal with the figures of now; None when its reason is gone.

    Policy's own stands while the account has come to its step, whatever was promised since (the manager weighs that);
    a person's stands while anything is overdue. A proposal for a step that is taken by now has lost its reason.
    """
    by_hand = pending.requested_by is not None
    if pending.step == RELEASE:
        held = any(one.hold.id == pending.hold_id for one in kept.holds.get(pending.customer_id, ()))
        if by_hand:
            return _as_asked(kept, pending, account) if held else None
        return release if release is not None and release.hold_id == pending.hold_id else None
    if account is None or covers([hold.rung for hold in account.holds], pending.step):
        return None
    if by_hand:
        return _as_asked(kept, pending, account) if escalable(account, kept.as_of) else None
    again = _judge(kept, replace(account, promises=()))
    if not isinstance(again, Wanted) or is_higher(pending.step, again.step):
        return None
    return _of(again) if again.step == pending.step else _as_asked(kept, pending, account)


def _as_asked(kept: Book, pending: Proposal, account: Account | None) -> Wish:
    """The proposal with its own reasons and today's figures in its currency."""
    return Wish(pending.step, pending.hold_id, read_reasons(pending.reasons), pending.currency, *figures(account, pending.currency, kept.as_of))


def add(work: Work, kept: Book, customer: Customer, account: Account | None, wish: Wish, key: int, note: str | None = None) -> Proposal:
    """Store a new proposal under an id: with a note that of the unit's actor, without one policy's."""
    row = Proposal(
        id=key,
        customer_id=customer.id,
        step=wish.step,
        hold_id=wish.hold_id,
        currency=wish.currency,
        overdue_minor=wish.overdue,
        oldest_days=wish.oldest_days,
        reasons=reasons_text(wish.reasons),
        note=note,
        state="open",
        level=1,
        level_on=kept.as_of,
        expires_at=work.now + _DAY * kept.rules.policy.escalation.expires_days,
        requested_by=work.actor.user_id if note is not None else None,
        requested_on=kept.as_of,
        policy=kept.rules.number,
        version=1,
        recorded_at=work.now,
    )
    case = case_of(row, customer.customer_no, account, kept.as_of)
    row.content_hash, row.evidence = case.hash, _evidence(case, account, kept.as_of)
    work.session.add(row)
    after = {"step": wish.step, "currency": wish.currency, "overdue": money.plain(wish.overdue, wish.currency), "oldest_days": wish.oldest_days}
    work.note(audit.Note("propose", "proposal", str(row.id), customer.id, None, {**after, "reasons": " ".join(wish.codes), "content_hash": case.hash}, note))
    return row


def refresh(work: Work, kept: Book, pending: Proposal, customer_no: str, account: Account | None, wish: Wish) -> None:
    """Figures, evidence and fingerprint of a proposal that stands; audited when what is to be decided has changed."""
    if pending.content_hash == _fingerprint(pending, customer_no, account, wish, kept.as_of) and json.loads(pending.evidence).get("as_of") == kept.as_of.isoformat():
        return
    pending.currency, pending.overdue_minor, pending.oldest_days, pending.reasons = wish.currency, wish.overdue, wish.oldest_days, reasons_text(wish.reasons)
    case = case_of(pending, customer_no, account, kept.as_of)
    pending.evidence = _evidence(case, account, kept.as_of)
    if case.hash != pending.content_hash:
        after = {"step": pending.step, "overdue": money.plain(wish.overdue, wish.currency), "content_hash": case.hash}
        work.note(audit.Note("refresh", "proposal", str(pending.id), pending.customer_id, {"content_hash": pending.content_hash}, after))
        pending.content_hash, pending.version = case.hash, pending.version + 1
    if pending.requested_by is None:
        pending.expires_at = work.now + _DAY * kept.rules.policy.escalation.expires_days


def _fingerprint(pending: Proposal, customer_no: str, account: Account | None, wish: Wish, as_of: date) -> str:
    asked = domain.Asked(customer_no, pending.step, pending.hold_id, wish.currency, wish.codes, pending.note, pending.requested_by)
    return domain.case(asked, account, as_of).hash


def case_of(row: Proposal, customer_no: str, account: Account | None, as_of: date) -> domain.Case:
    """The case of a stored proposal with the facts of a date."""
    codes = tuple(reason.code for reason in read_reasons(row.reasons))
    return domain.case(domain.Asked(customer_no, row.step, row.hold_id, row.currency, codes, row.note, row.requested_by), account, as_of)


def _evidence(case: domain.Case, account: Account | None, as_of: date) -> str:
    """What the figures rest on, kept with the proposal: every overdue item, live promises, holds and formal notices."""
    found: dict[str, Any] = {"as_of": as_of.isoformat(), "items": case.content["items"], "overdue": case.overdue}
    if account is not None:
        found["promises"] = [[promise.id, promise.currency, promise.amount, promise.due.isoformat()] for promise in account.promises]
        found["holds"] = [[hold.rung, hold.since.isoformat()] for hold in account.holds]
        found["notices"] = [[notice.rung, notice.decided_on.isoformat(), notice.sent_on.isoformat() if notice.sent_on else None] for notice in account.notices]
    return json.dumps(found, ensure_ascii=False)
