"""The collection policy as values: when and how customers are asked, how promises are judged, at what age escalation is proposed (S18, S19, S22, S24)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, time
from enum import StrEnum


class Channel(StrEnum):
    """How a customer is asked (P10)."""

    EMAIL = "email"
    CALL = "call"
    VISIT = "visit"
    LETTER = "letter"


class Rung(StrEnum):
    """The formal steps of the ladder, in the order in which they are taken (S24)."""

    STOP_CREDIT = "stop_credit"
    STOP_SUPPLY = "stop_supply"
    FINAL_DEMAND = "final_demand"
    REFERRAL = "referral"


HOLDS = (Rung.STOP_CREDIT, Rung.STOP_SUPPLY)
"""The rungs that stay in force as a hold until released (S25); a later one includes the earlier."""


@dataclass(frozen=True, slots=True)
class Step:
    """One courtesy step: reached when the oldest askable item is `days` past due (negative: before the due date) (S18)."""

    code: str
    days: int
    channel: Channel
    text: str


@dataclass(frozen=True, slots=True)
class Segment:
    """The steps and the ladder of one kind of customer.

    `aliases` are the words under `segment` in customer data that mean it (compared folded). `ladder` gives the days past
    due of each rung that policy proposes by itself; a rung that is absent is never proposed by age. `legal_review` are
    rungs that a person may propose only with a note of the legal review (public hospitals: stopped supply).
    """

    name: str
    aliases: tuple[str, ...]
    steps: tuple[Step, ...]
    ladder: Mapping[Rung, int]
    legal_review: frozenset[Rung] = frozenset()

    def step(self, code: str) -> Step | None:
        """The step of that code, or None when this policy has none."""
        return next((step for step in self.steps if step.code == code), None)


@dataclass(frozen=True, slots=True)
class ContactRules:
    """When and how often: weekdays Monday 0 to Sunday 6, times local to the customer; distances in business days (P2, P3, S19).

    `repeat` is the longest distance in calendar days between contacts after the last step, shorter with each fruitless
    contact in a row (P5). `most_share` is the percentage of all customers that one round may plan for at most, once
    there are more than `most_floor` of them (the runaway guard).
    """

    weekdays: frozenset[int] = frozenset({1, 2, 3})
    start: time = time(9, 0)
    end: time = time(11, 30)
    slot_minutes: int = 10
    distance: int = 3
    per_week: int = 2
    calls_per_day: int = 15
    visits_per_day: int = 6
    quiet_from: time = time(20, 0)
    quiet_until: time = time(8, 0)
    repeat: tuple[int, ...] = (14, 7, 3)
    most_share: int = 60
    most_floor: int = 200


@dataclass(frozen=True, slots=True)
class PromiseRules:
    """How a promise is judged: business days of grace, percentage that counts as kept, farthest date in calendar days (P17, S22)."""

    grace: int = 1
    kept_percent: int = 95
    farthest: int = 90


@dataclass(frozen=True, slots=True)
class EscalationRules:
    """How a proposal lives: business days a promise defers it, business days until it moves up a level, and reviews (S24, S25).

    `refused_days`: calendar days before policy proposes again what a manager refused. `broken_promises`: how many broken
    in a row make the next rung due at once. `basis` is the contractual or legal basis that a hold names unless the
    decider writes another; texts by language.
    """

    defer: int = 10
    move_up: int = 2
    review: int = 30
    refused_days: int = 30
    expires_days: int = 30
    broken_promises: int = 2
    limitation_days: int = 180
    release_by_itself: bool = False
    basis: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReceiptRules:
    """What money that its payer did not mark settles first: a word of `precedence.ORDERS`, and the clause it rests on by language (S14)."""

    order: str = "law"
    source: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Policy:
    """One version of the whole policy. `segments` holds at least `other`; `cash` serves COD and PREVIOUS terms where present."""

    name: str
    country: str
    reviewed_on: date
    contact: ContactRules
    promises: PromiseRules
    escalation: EscalationRules
    segments: Mapping[str, Segment]
    texts: Mapping[str, Mapping[str, Mapping[str, str]]] = field(default_factory=dict)
    """Own texts over the shipped ones: language -> name -> {subject, body}."""
    receipts: ReceiptRules = ReceiptRules()

    def segment_of(self, word: str | None, terms: str | None) -> Segment:
        """The segment of a customer: cash terms first (`COD`, `PREVIOUS`), then the segment whose name or alias his data names, else `other`."""
        if terms and terms.strip().upper().startswith(("COD", "PREVIOUS")) and "cash" in self.segments:
            return self.segments["cash"]
        folded = " ".join((word or "").split()).casefold()
        if folded:
            for segment in self.segments.values():
                if folded == segment.name.casefold() or folded in (alias.casefold() for alias in segment.aliases):
                    return segment
        return self.segments["other"]
