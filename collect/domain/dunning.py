"""Deciding whether a customer is asked, by which step and with what, on a date; every answer carries its reason (S17, S18, P1-P5)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from collect.domain.account import Account, Judged, OpenItem, askable
from collect.domain.calendar import Calendar
from collect.domain.policy import Channel, Policy, Segment, Step
from collect.domain.slots import last_allowed

PLANNED, HELD, NOTHING = "planned", "held", "nothing"
BROKEN_PROMISE = "broken_promise"
REST = "rest"
FRESH = 14
"""Calendar days for which a broken promise that nobody has followed up still triggers a contact of its own."""
_DAY = timedelta(days=1)
_BROKEN = Step(BROKEN_PROMISE, 0, Channel.CALL, BROKEN_PROMISE)
# What was kept to 95 % is scored as kept, and its rest is asked for in plain words all the same (S22).
_REST = Step(REST, 0, Channel.EMAIL, "overdue")


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to be done about a customer, and why.

    `decision` is planned, held or nothing; `reason` a code. For a planned contact: the step, its channel and text, the
    item whose clock it follows (`anchor`), what is asked of which item (`asked`, minor units), the days between which it
    may take place, and whether it is exempt from the least distance. `next_on` is when to look again, where known.
    """

    decision: str
    reason: str
    step: str | None = None
    channel: Channel | None = None
    text: str | None = None
    anchor: OpenItem | None = None
    asked: tuple[tuple[OpenItem, int], ...] = ()
    earliest: date | None = None
    latest: date | None = None
    exempt: bool = False
    next_on: date | None = None


def decide(account: Account, policy: Policy, segment: Segment, calendar: Calendar, as_of: date) -> Decision:
    """Decide for one customer as of one date; the same facts always give the same decision.

    1. never contacted or insolvent: held; 2. what is askable (S17), or which claim of ours is covered by what; 3. a
    promise found wanting is followed up first (P17); 4. the step that the oldest askable item has reached (S18), or the
    next contact after the last step (P5); 5. no step for one who has no e-mail address: a call instead (S18).
    """
    if account.do_not_contact:
        return Decision(HELD, "do_not_contact")
    if account.insolvent:
        return Decision(HELD, "insolvent")
    asked = askable(account)
    if not asked:
        return _covered(account, as_of)
    oldest, _ = asked[0]
    wanting = _wanting(account, as_of) if oldest.due < as_of else None
    if wanting is not None:
        follow_up = _REST if wanting.state.startswith("kept") else _BROKEN
        return _plan(account, policy, calendar, as_of, asked, follow_up, "promise_" + wanting.state, exempt=follow_up is _BROKEN)
    step, on = _reached(oldest, policy, segment, calendar, as_of)
    if step is not None:
        return _plan(account, policy, calendar, as_of, asked, step, "step_reached")
    last = segment.steps[-1]
    if on is None and oldest.step == last.code and oldest.step_on is not None:
        again = repeat_on(account, policy, oldest)
        if again <= as_of:
            return _plan(account, policy, calendar, as_of, asked, last, "repeat")
        return Decision(NOTHING, "asked_lately", last.code, anchor=oldest, asked=tuple(asked), next_on=again)
    return Decision(NOTHING, "step_done" if oldest.step else "not_due", oldest.step, anchor=oldest, asked=tuple(asked), next_on=on)


def _covered(account: Account, as_of: date) -> Decision:
    """Nothing can be asked: say by what the oldest debt is covered, so that the reason is kept (S17)."""
    if not account.items:
        return Decision(NOTHING, "nothing_open")
    oldest = account.items[0]
    if account.promises:
        return Decision(HELD, "promised", next_on=min(promise.until for promise in account.promises) + _DAY)
    if oldest.disputed:
        return Decision(HELD, "disputed")
    if oldest.paper:
        return Decision(HELD, "in_paper")
    return Decision(HELD if oldest.due < as_of else NOTHING, "unapplied")


def _wanting(account: Account, as_of: date) -> Judged | None:
    """The latest judged promise of which something is missing and that no contact has followed up since (P17, S22)."""
    last = max((contact.day for contact in account.made), default=date.min)
    found = [one for one in account.judged if one.missing > 0 and one.state in ("broken", "partly_kept", "kept", "kept_late") and last < one.on <= as_of]
    found = [one for one in found if (as_of - one.on).days <= FRESH]
    return max(found, key=lambda one: one.on, default=None)


def _reached(item: OpenItem, policy: Policy, segment: Segment, calendar: Calendar, as_of: date) -> tuple[Step | None, date | None]:
    """The highest step that the item has reached and not yet had, or None with the day on which the next falls due (S18).

    Without a step made, age alone decides. After one: the latest of due date + days and the completion + the gap between
    the two steps. A step before the due date is reached on the last allowed day before its day, and is none after the due date.
    """
    codes = [step.code for step in segment.steps]
    done = codes.index(item.step) if item.step in codes else -1
    coming: date | None = None
    for index in range(len(segment.steps) - 1, done, -1):
        step = segment.steps[index]
        on = item.due + _DAY * step.days
        if done >= 0 and item.step_on is not None:
            on = max(on, item.step_on + _DAY * (step.days - segment.steps[done].days))
        if step.days < 0:
            on = last_allowed(on, policy.contact, calendar) or on
            if as_of > item.due:
                continue
        if on <= as_of:
            return step, on
        coming = on
    return None, coming


def repeat_on(account: Account, policy: Policy, item: OpenItem) -> date:
    """When a customer who has had the last step is asked again: 14, 7, then 3 days after the last contact (P5).

    Shorter with each contact in a row that brought neither money nor a dated promise.
    """
    last = max([contact.day for contact in account.made] + ([item.step_on] if item.step_on else []))
    fruitless = 0
    for contact in sorted(account.made, reverse=True):
        if contact.fruitful:
            break
        fruitless += 1
    distances = policy.contact.repeat
    return last + _DAY * distances[min(max(fruitless - 1, 0), len(distances) - 1)]


def _plan(account: Account, policy: Policy, calendar: Calendar, as_of: date, asked: list[tuple[OpenItem, int]], step: Step, reason: str, exempt: bool = False) -> Decision:
    """A contact at the earliest day that the least distance to the last one allows (S19)."""
    channel, text = step.channel, step.text
    if channel is Channel.EMAIL and not account.email:
        channel, text, reason = Channel.CALL, "call", "no_email"
    earliest = as_of
    if not exempt and account.made:
        last = max(contact.day for contact in account.made)
        earliest = max(as_of, calendar.add_business_days(last, policy.contact.distance))
    oldest = asked[0][0]
    latest = oldest.due if step.days < 0 else None
    if latest is not None and earliest > latest:
        return Decision(HELD, "no_slot_before_due", step.code, anchor=oldest, asked=tuple(asked), next_on=oldest.due)
    return Decision(PLANNED, reason, step.code, channel, text, oldest, tuple(asked), earliest, latest, exempt)


def own_step(item: OpenItem, segment: Segment, as_of: date) -> str | None:
    """Which step a contact on a date is for an item itself: the highest that its own age has reached (the clock belongs to the item, S18)."""
    days = (as_of - item.due).days
    found = None
    for step in segment.steps:
        if step.days <= days:
            found = step.code
    return found
