"""The stories of the demonstration company: customers who stand, on whatever day it is made, at every step there is (S22, S24, S25)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from collect.services.demo_books import Sale, amount
from collect.services.demo_data import Client, Span, chance, clients

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Beat:
    """Something that happens with a customer on a day of the story; `facts` are what its kind needs."""

    day: date
    kind: str
    client: Client
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a manager does about a proposal: approve, refuse, defer or leave it waiting; `note` is a key of the company's words."""

    kind: str
    note: str = ""


# When the oldest unpaid invoice of a story falls due. Counted back from business days of the last week, so that the
# ages, deadlines and levels come out whatever weekday or holiday today is; the ladder of the dealers is 15, 30, 45, 75.
ANCHORS: Mapping[str, Callable[[Span], date]] = {
    "level_1": lambda days: days.back(1) - 15 * _DAY,
    "level_2": lambda days: _waited(days, 2) - 15 * _DAY,
    "refused": lambda days: days.back(4) - 15 * _DAY,
    "deferred": lambda days: days.back(4) - 15 * _DAY,
    "stop_credit": lambda days: days.back(5) - 15 * _DAY,
    "stop_supply": lambda days: days.back(5) - 30 * _DAY,
    "final_demand": lambda days: days.back(3) - 55 * _DAY,
    "referral": lambda days: days.back(2) - 75 * _DAY,
    "referred": lambda days: days.today - 160 * _DAY,
    "release": lambda days: days.back(6) - 15 * _DAY,
    "no_supply": lambda days: days.back(2) - 8 * _DAY,
    "breaks": lambda days: days.back(12) - 5 * _DAY,
    "by_hand": lambda days: days.today - 100 * _DAY,
    "awaiting": lambda days: days.back(6) - 6 * _DAY,
    "kept_late": lambda days: days.back(8) - 5 * _DAY,
    "partly": lambda days: days.back(8) - 9 * _DAY,
    "kept": lambda days: days.back(7) - 4 * _DAY,
    "renegotiated": lambda days: days.back(7) - 7 * _DAY,
    "due_today": lambda days: days.back(5) - 5 * _DAY,
    "quiet": lambda days: days.back(6),
    "uncertain": lambda days: days.back(8) - 2 * _DAY,
    "failed": lambda days: days.today - 12 * _DAY,
}
_WAITING = {
    ("level_1", "stop_credit"),
    ("level_2", "stop_credit"),
    ("referral", "referral"),
    ("release", "release"),
    ("no_supply", "stop_credit"),
    ("no_supply", "stop_supply"),
    ("breaks", "stop_credit"),
    ("breaks", "stop_supply"),
    ("by_hand", "stop_supply"),
}
# Old debts that were there before the program: (habit, nth customer of it) to (days past due today, times its amount).
_OLD = {
    ("old_debt", 0): ((250, 1.4), (420, 0.8), (830, 0.5)),
    ("old_debt", 1): ((640, 0.6), (905, 0.4), (1210, 0.3)),
    ("disputed", 0): ((500, 1.0),),
    ("insolvent", 0): ((1010, 0.0), (1150, 0.0)),
}
_INSOLVENT_OWES = (4_860_000, 3_127_550)


def verdict(client: Client, step: str) -> Verdict:
    """What becomes of a proposal for a customer of a story; everybody else's is approved."""
    if (client.habit, step) in _WAITING:
        return Verdict("leave")
    if client.habit == "old_debt":
        return Verdict("defer", "defer_old")
    if (client.habit, step) == ("refused", "stop_credit"):
        return Verdict("refuse", "refuse_story")
    if (client.habit, step) == ("deferred", "stop_credit"):
        return Verdict("defer", "defer")
    return Verdict("approve", "release" if step == "release" else "")


def until(days: Span) -> dict[str, date]:
    """Until when customers of a story buy by habit: what they buy later is not paid, and belongs to the story."""
    return {client.number: ANCHORS[client.habit](days) - (36 + _net(client) - 30) * _DAY for client in clients() if client.habit in ANCHORS}


def sales(seed: int, days: Span) -> list[Sale]:
    """The invoices of the stories: the oldest unpaid one and two after it, and the old debts."""
    found = []
    counts: dict[str, int] = {}
    for client in clients():
        nth = counts.get(client.habit, 0)
        counts[client.habit] = nth + 1
        rng = chance(seed, "story", client.number)
        if client.habit in ANCHORS:
            anchor = ANCHORS[client.habit](days)
            for due in (anchor, anchor + 8 * _DAY, anchor + 17 * _DAY):
                issued = due - _net(client) * _DAY
                if issued < days.today:
                    found.append(Sale(client, issued, amount(rng, client), due, story=True))
        for at, (late, times) in enumerate(_OLD.get((client.habit, nth), ())):
            due = days.today - late * _DAY
            minor = round(client.amount * times) if times else _INSOLVENT_OWES[at]
            found.append(Sale(client, due - 60 * _DAY, minor, due, story=True))
    return found


def beats(days: Span) -> list[Beat]:
    """Everything that happens in the stories besides selling, in order of days."""
    found = [beat for client in clients() for beat in _of(client, days)]
    by_number = {client.number: client for client in clients()}
    found.append(Beat(days.calendar.on_or_after(days.today - 130 * _DAY), "policy", clients()[0], {"approved": True}))
    found.append(Beat(days.back(3), "policy", clients()[0], {"approved": False}))
    found.append(Beat(days.back(2), "call", by_number["K1001"], {"excuse": "invoice_missing"}))
    found.append(Beat(days.back(2), "call", by_number["K4002"], {"excuse": "invoice_missing"}))
    found.append(Beat(days.back(7), "dispute", by_number["K2010"], {"reason": "quantity", "share": 30}))
    found.append(Beat(days.back(1), "dispute", by_number["K2006"], {"reason": "wrong_invoice", "share": 15}))
    return sorted(found, key=lambda beat: (beat.day, beat.client.number))


def _of(client: Client, days: Span) -> list[Beat]:
    """The beats of one customer."""
    back = days.back

    def beat(day: date, kind: str, **facts: Any) -> Beat:
        return Beat(day, kind, client, facts)

    told: Mapping[str, Callable[[], list[Beat]]] = {
        "awaiting": lambda: [beat(back(6), "promise", due=back(2), outcome="broken")],
        "kept_late": lambda: [beat(back(8), "promise", due=back(5), outcome="late")],
        "partly": lambda: [beat(back(8), "promise", due=back(5), outcome="partly")],
        "kept": lambda: [beat(back(7), "promise", due=back(4), outcome="kept")],
        "renegotiated": lambda: [
            beat(back(7), "promise", due=back(2), outcome="broken"),
            beat(back(3), "renegotiate", due=days.calendar.on_or_after(days.today + 5 * _DAY)),
        ],
        "due_today": lambda: [beat(back(5), "promise", due=days.calendar.on_or_after(days.today), outcome="broken")],
        "breaks": lambda: [
            beat(back(12), "promise", due=back(10), outcome="broken"),
            beat(back(7), "promise", due=back(5), outcome="broken"),
        ],
        "no_supply": lambda: [beat(back(2), "visit", excuse="no_supply_no_payment")],
        "release": lambda: [beat(back(3), "pays", on=back(2))],
        "by_hand": lambda: [beat(back(2), "propose", step="stop_supply", note="by_hand")],
        "disputed": lambda: [beat(days.start + 30 * _DAY, "dispute", reason="quality", share=100, answer="accept")],
        "insolvent": lambda: [beat(days.today - 150 * _DAY, "standing", insolvent=True, note="insolvent")],
        "quiet": lambda: [beat(back(4), "standing", do_not_contact=True, note="quiet")],
        "final_demand": lambda: [beat(back(9), "visit", excuse="year_end")],
        "referral": lambda: [beat(back(11), "visit", excuse="their_customers_do_not_pay")],
        "stop_supply": lambda: [beat(back(7), "visit", excuse="goods_unsold")],
        "level_2": lambda: [beat(back(5), "call", excuse="boss_away")],
        "deferred": lambda: [beat(back(5), "call", excuse="boss_away")],
    }
    return told[client.habit]() if client.habit in told else []


def _waited(days: Span, count: int) -> date:
    """The latest business day since which at least so many business days have gone by."""
    day = days.back(1)
    while days.calendar.business_days_between(day, days.today) < count:
        day = days.calendar.previous_business_day(day)
    return day


def _net(client: Client) -> int:
    """Days from issue to due of the customer's plain terms."""
    return next((count for count in (30, 45, 60, 90) if client.terms == f"NET{count}"), 0 if client.terms == "COD" else 30)
