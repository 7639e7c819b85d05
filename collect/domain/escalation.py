"""Deciding which formal step an account has come to, when a stop may end, and whether a customer may be supplied (S24-S26, P22-P25)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, NamedTuple

from collect.domain.account import Account, Notice, OpenItem, escalable
from collect.domain.calendar import Calendar
from collect.domain.policy import HOLDS, Policy, Rung, Segment

RUNGS = tuple(Rung)
RELEASE = "release"
NO_SUPPLY = "no_supply_no_payment"
BROKEN = "broken_promises"
ACCELERATORS = ("dishonoured", BROKEN, NO_SUPPLY, "run_around", "chronic_lateness", "fraud", "insolvency", "limitation")
"""Signals that make the next step due at once, in the order in which they are told (S24)."""

HIGHEST_LEVEL = 3
RESERVED = timedelta(days=3)
"""So long a yes under an order number keeps its amount reserved (S26)."""
UNDER_TWO_YEARS = 730
_CHANCES = (80, 20)
_DAY = timedelta(days=1)


class Reason(NamedTuple):
    """Why a step is proposed: a code, and figures for its sentence."""

    code: str
    facts: Mapping[str, Any] = {}


def reasons_text(reasons: Sequence[Reason]) -> str:
    """Reasons as they are kept."""
    return json.dumps([[reason.code, reason.facts] for reason in reasons], ensure_ascii=False, default=str)


def read_reasons(text: str) -> tuple[Reason, ...]:
    """Kept reasons; their dates are texts by now."""
    return tuple(Reason(code, facts) for code, facts in json.loads(text))


@dataclass(frozen=True, slots=True)
class Wanted:
    """A step that policy proposes; `overdue` in minor units of `currency`, `reached_on` the day its age came to it (S24)."""

    step: Rung
    reasons: tuple[Reason, ...]
    currency: str
    overdue: int
    oldest_days: int
    oldest: OpenItem
    reached_on: date


@dataclass(frozen=True, slots=True)
class Nothing:
    """No step is proposed, and why; after `deferred_until` a promise defers it no longer."""

    reason: str
    deferred_until: date | None = None


_TELLING = ("promised", "previous_not_sent", "refused_lately", "in_force", "not_reached")


def judge(account: Account, policy: Policy, segment: Segment, calendar: Calendar, as_of: date, barred: str | None = None) -> Wanted | Nothing:
    """Which step the account has come to as of a date; the same facts always give the same answer (S24).

    Days past due of the oldest item that escalation looks at decide, by currency; the highest step wins, then the older
    debt. Of the holds only the highest one reached is proposed, unless one at least as high is in force. Final demand
    and referral wait until the notice of the formal step before is proven sent and its deadline is over. An accelerator
    makes the step after the one reached by age due at once. A live promise that covers what is overdue defers a step
    reached by age for at most the policy's business days from the day it was reached. `barred` is the highest step that
    a person refused lately: policy does not propose it, or a lower one, again. An insolvent customer gets nothing.
    """
    if account.insolvent:
        return Nothing("insolvent")
    debts = escalable(account, as_of)
    if not debts:
        return Nothing("nothing_overdue")
    pushes = accelerators(account, policy, as_of)
    found = [_of_currency(account, policy, segment, calendar, as_of, _Debt(currency, *debt), pushes, barred) for currency, debt in sorted(debts.items())]
    wanted = [one for one in found if isinstance(one, Wanted)]
    if wanted:
        return max(wanted, key=lambda one: (RUNGS.index(one.step), one.oldest_days, one.currency == account.currency))
    return min((one for one in found if isinstance(one, Nothing)), key=lambda one: _TELLING.index(one.reason))


class _Debt(NamedTuple):
    """What is overdue in one currency, and its oldest item."""

    currency: str
    overdue: int
    oldest: OpenItem


def _of_currency(
    account: Account, policy: Policy, segment: Segment, calendar: Calendar, as_of: date, debt: _Debt, pushes: tuple[Reason, ...], barred: str | None
) -> Wanted | Nothing:
    """The highest step due for one currency's debt that may be proposed now, else the most telling reason why none is."""
    days = (as_of - debt.oldest.due).days
    by_age = [rung for rung in RUNGS if rung in segment.ladder and days >= segment.ladder[rung]]
    pushed = _pushed(segment, by_age, pushes)
    reason, deferred = "not_reached", None
    for rung in sorted({*by_age, *pushed}, key=RUNGS.index, reverse=True):
        by_itself = rung in by_age
        reached_on = debt.oldest.due + _DAY * segment.ladder[rung] if by_itself else as_of
        if barred is not None and RUNGS.index(rung) <= RUNGS.index(Rung(barred)):
            why, until = "refused_lately", None
        elif _taken(account, rung, debt.oldest):
            why, until = "in_force", None
        elif rung not in HOLDS and not previous_proven(account, segment, rung, debt.oldest, as_of):
            why, until = "previous_not_sent", None
        else:
            until = _deferred(account, debt, reached_on, policy, calendar, as_of) if by_itself else None
            if until is None:
                return Wanted(rung, _reasons(account, segment, rung, days, debt, pushes), debt.currency, debt.overdue, days, debt.oldest, reached_on)
            why = "promised"
        if _TELLING.index(why) < _TELLING.index(reason):
            reason, deferred = why, until
    return Nothing(reason, deferred)


def accelerators(account: Account, policy: Policy, as_of: date) -> tuple[Reason, ...]:
    """The signals of the account that make the next step due at once (S24); broken promises are counted in a row."""
    row = 0
    for one in sorted(account.judged, key=lambda judged: (judged.on, judged.id), reverse=True):
        if one.state != "broken" or one.on > as_of:
            break
        row += 1
    found = []
    for code in ACCELERATORS:
        if code == BROKEN and row >= policy.escalation.broken_promises:
            found.append(Reason(code, {"count": row}))
        elif code == BROKEN and code in account.signals:
            found.append(Reason(code, {"count": policy.escalation.broken_promises}))
        elif code in account.signals:
            found.append(Reason(code))
    return tuple(found)


def _pushed(segment: Segment, by_age: Sequence[Rung], pushes: tuple[Reason, ...]) -> list[Rung]:
    """The step after those reached by age, and the stop itself where the customer says "no supply, no payment" (P23)."""
    if not pushes:
        return []
    coming = [rung for rung in RUNGS if rung in segment.ladder and rung not in by_age]
    pushed = coming[:1]
    if Rung.STOP_SUPPLY in coming and any(reason.code == NO_SUPPLY for reason in pushes):
        pushed.append(Rung.STOP_SUPPLY)
    return pushed


def _taken(account: Account, rung: Rung, oldest: OpenItem) -> bool:
    """Whether the step is taken already: a hold at least as high is in force, or the notice of this debt was decided."""
    if rung in HOLDS:
        return any(hold.rung in HOLDS and HOLDS.index(Rung(hold.rung)) >= HOLDS.index(rung) for hold in account.holds)
    return any(notice.rung == rung and notice.decided_on > oldest.due for notice in account.notices)


def previous_proven(account: Account, segment: Segment, rung: Rung, oldest: OpenItem | None, as_of: date) -> bool:
    """Whether the formal step before was taken, its notice is proven sent and the deadline it named is over (S18, S24).

    The step before is the one below it on the segment's ladder; a step in between that a person proposed does as well.
    A notice counts for the debt that was overdue when it was decided, and as long as its own hold is in force.
    """
    below = [one for one in RUNGS[: RUNGS.index(rung)] if one in segment.ladder]
    if not below:
        return True
    between = RUNGS[RUNGS.index(below[-1]) : RUNGS.index(rung)]
    holding = {hold.rung for hold in account.holds}
    return any(notice.rung in between and _proven(notice, as_of) and (oldest is None or notice.decided_on > oldest.due or notice.rung in holding) for notice in account.notices)


def _proven(notice: Notice, as_of: date) -> bool:
    """Sent, and the deadline it named is over; one that went out after its own deadline gives the same days from its sending."""
    if notice.sent_on is None or notice.sent_on > as_of:
        return False
    deadline = notice.deadline
    if deadline is not None and notice.sent_on >= deadline:
        deadline = notice.sent_on + (deadline - notice.decided_on)
    return deadline is None or deadline < as_of


def _deferred(account: Account, debt: _Debt, reached_on: date, policy: Policy, calendar: Calendar, as_of: date) -> date | None:
    """Until when live promises that cover the overdue amount defer the step; None when they do not, or no longer (S24)."""
    live = [promise for promise in account.promises if promise.currency == debt.currency]
    if not live or sum(promise.amount for promise in live) < debt.overdue:
        return None
    limit = calendar.add_business_days(reached_on, policy.escalation.defer)
    return min(limit, max(promise.until for promise in live) + _DAY) if as_of < limit else None


def _reasons(account: Account, segment: Segment, rung: Rung, days: int, debt: _Debt, pushes: tuple[Reason, ...]) -> tuple[Reason, ...]:
    """Why the step is proposed: its age, the accelerators, the formal step that brought nothing, the promise that defers no longer."""
    found = [Reason("days_past_due", {"days": days, "step_days": segment.ladder[rung]})] if days >= segment.ladder[rung] else []
    found += pushes
    if rung not in HOLDS:
        sent = [notice for notice in account.notices if notice.rung in RUNGS and RUNGS.index(Rung(notice.rung)) < RUNGS.index(rung) and notice.sent_on is not None]
        if sent:
            last = max(sent, key=lambda notice: (notice.decided_on, notice.rung))
            found.append(Reason("notice_without_result", {"step": last.rung, "sent_on": last.sent_on, "deadline": last.deadline}))
    if any(promise.currency == debt.currency for promise in account.promises):
        found.append(Reason("promise_defers_no_longer"))
    return tuple(found)


def conditions_hold(rung: str, least_days: int, account: Account | None, policy: Policy, segment: Segment, calendar: Calendar, as_of: date) -> bool:
    """Whether the conditions for ending a hold hold: nothing overdue for `least_days` or longer, and no signal that would stop it anew (S25).

    `least_days` is what the hold was proposed at, and at most the step's days on the ladder. Live paper releases
    nothing, and a promise does not either. `account` None: nothing is open any more.
    """
    if account is None:
        return True
    if account.insolvent:
        return False
    bare = replace(account, holds=(), promises=(), items=tuple(item._replace(paper=0) for item in account.items))
    if any((as_of - oldest.due).days >= least_days for _, oldest in escalable(bare, as_of).values()):
        return False
    again = judge(bare, policy, segment, calendar, as_of)
    return not (isinstance(again, Wanted) and RUNGS.index(again.step) >= RUNGS.index(Rung(rung)))


def overdue_items(account: Account | None, currency: str, as_of: date) -> list[tuple[OpenItem, int]]:
    """The overdue items of a currency with what of each is neither disputed nor in paper, oldest due first."""
    if account is None:
        return []
    rests = [(item, item.open - item.disputed - item.paper) for item in account.items if item.currency == currency and item.due < as_of]
    return [(item, rest) for item, rest in rests if rest > 0]


class Asked(NamedTuple):
    """What is fixed about a proposal from the day it was made; `codes` are its reasons, `requested_by` None is policy."""

    customer_no: str
    step: str
    hold_id: int | None
    currency: str
    codes: tuple[str, ...]
    note: str | None
    requested_by: int | None


@dataclass(frozen=True, slots=True)
class Case:
    """What a decision is about, as of a date: `content` is what it binds to, `hash` its fingerprint; minor units."""

    content: Mapping[str, Any]
    hash: str
    overdue: int
    oldest_days: int
    items: tuple[tuple[OpenItem, int], ...]


def case(asked: Asked, account: Account | None, as_of: date) -> Case:
    """The case of a proposal as of a date: who, which step, why, and every overdue item with what is left of it (S29).

    Time alone does not change it: ages are no part of the content, an item that falls overdue or is paid is. A release
    is about the debts in every currency.
    """
    items = tuple(overdue_items(account, asked.currency, as_of))
    others = sorted({item.currency for item in account.items} - {asked.currency}) if account is not None and asked.step == "release" else []
    beside = [(item, rest) for currency in others for item, rest in overdue_items(account, currency, as_of)]
    overdue = escalable(account, as_of).get(asked.currency) if account is not None else None
    lines = [[item.document_no, item.due.isoformat(), rest] for item, rest in (*items, *beside)]
    content = {**asked._asdict(), "codes": sorted(asked.codes), "overdue": overdue[0] if overdue else 0, "items": lines}
    return Case(content, content_hash(content), overdue[0] if overdue else 0, (as_of - overdue[1].due).days if overdue else 0, items)


def content_hash(content: Mapping[str, Any]) -> str:
    """The SHA-256 of what a decision is about; the same content gives the same hash on every machine."""
    text = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def level(levels_on: date, now_level: int, calendar: Calendar, move_up: int, as_of: date) -> int:
    """The level of a proposal that came to `now_level` on a date: one higher for each `move_up` business days without a decision."""
    waited = calendar.business_days_between(levels_on, as_of)
    return max(now_level, min(HIGHEST_LEVEL, now_level + max(waited, 0) // max(move_up, 1)))


def chance(days_past_due: int) -> int:
    """Percent of such debts that are recovered, by age alone: the trade's figures until the company's own curve replaces them (P22)."""
    return _CHANCES[0] if days_past_due <= UNDER_TWO_YEARS else _CHANCES[1]


def expected(amounts: Sequence[tuple[int, int]]) -> int:
    """What of (minor units, days past due) is likely to come in (P22); rounded down."""
    return sum(amount * chance(days) for amount, days in amounts) // 100


PREVIOUS_OPEN = "previous_delivery_open"
"""The reason code of a delivery refused because an earlier one is not paid (P27)."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What the supply answer counts, in minor units of the customer's currency (S26).

    `holds` are the rungs in force, `pending` the step that waits for a decision. `owed` is open (paper included) less
    what is unapplied; `reserved` what was answered yes under other order numbers and is not invoiced yet. `uninvoiced`
    was delivered and not invoiced yet; `earlier_open`: something is open, or delivered, that is not of the order asked
    about.
    """

    holds: frozenset[str] = frozenset()
    pending: str | None = None
    insolvent: bool = False
    terms: str | None = None
    limit: int | None = None
    owed: int = 0
    reserved: int = 0
    uninvoiced: int = 0
    earlier_open: bool = False
    any_overdue: bool = False


def answer(standing: Standing, amount: int) -> tuple[str, tuple[str, ...]]:
    """May the customer be supplied for so much more: `yes`, `no` or `refer`, with every reason (S26, P27).

    No: a hold in force, the credit limit, cash terms with something overdue, previous-delivery terms with an earlier delivery open.
    Refer: a stop is proposed and not decided, or the customer is insolvent. A no outweighs a refer.
    """
    no = [hold.value for hold in reversed(HOLDS) if hold in standing.holds]
    if standing.limit is not None and standing.owed + standing.uninvoiced + standing.reserved + amount > standing.limit:
        no.append("credit_limit")
    terms = (standing.terms or "").strip().upper()
    if terms.startswith("PREVIOUS") and standing.earlier_open:
        no.append(PREVIOUS_OPEN)
    elif terms.startswith(("COD", "PREVIOUS")) and standing.any_overdue:
        no.append("cash_terms_overdue")
    refer = [f"{standing.pending}_proposed"] if standing.pending in HOLDS else []
    if standing.insolvent:
        refer.append("insolvent")
    return ("no" if no else "refer" if refer else "yes"), (*no, *refer)
