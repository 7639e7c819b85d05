"""The daily round in its order: judge promises, remind, end requests nobody decided, propose escalations; safe to repeat, catching up what was missed (`interfaces` `day`)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from collect.domain.rights import Actor, Permission
from collect.runtime import Runtime
from collect.services import adjustments, cases, dunning, escalation
from collect.services.policy import in_force


@dataclass(frozen=True, slots=True)
class DayResult:
    """What a round did: promises by the state they were judged to, accounts by decision, proposals made."""

    as_of: date
    promises: dict[str, int]
    reminders: dict[str, int]
    proposals: int


def run(runtime: Runtime, actor: Actor, as_of: date, allow_many: bool = False) -> DayResult:
    """Do the round of a day.

    Each part is one transaction; when one is refused, those before it stand and the round may be repeated. A day before
    the latest round is refused (`round_before_latest`); a missed day is caught up by the next round, one contact a
    customer, because every part decides from the facts of its date.
    """
    # Going on past the runaway guard is a manager's decision; at the command line it is the operator's.
    actor.need(Permission.DECIDE if allow_many and actor.role is not None else Permission.SEND)
    with runtime.read(actor) as view:
        dunning.check_order(view.session, "remind", as_of, view.today)
        dunning.check_order(view.session, "escalate", as_of, view.today)
    promises = runtime.write(actor, lambda work: cases.judge(work, as_of, in_force(work.session, work.seller, as_of)))
    told = runtime.write(actor, lambda work: dunning.remind_in(work, as_of, allow_many))
    customers: dict[int, str] = {one.customer_id: one.decision for one in told}
    reminders: dict[str, int] = {}
    for decision in customers.values():
        reminders[decision] = reminders.get(decision, 0) + 1
    runtime.write(actor, lambda work: adjustments.expire(work, as_of) and None)
    proposals = runtime.write(actor, lambda work: escalation.escalate_in(work, as_of))
    return DayResult(as_of, promises, reminders, len(proposals))
