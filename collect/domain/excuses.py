"""Excuses: the catalogue as values, what must be known before one is logged, the check it becomes, and what it tells (P15, P16, P23)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from collect.domain import money
from collect.domain.calendar import Calendar
from collect.domain.errors import Refusal

LONGEST_FACT = 100
LATEST_CHECK = 30


class Cause(StrEnum):
    """Why an account is overdue: each cause has its own next step (P15)."""

    OVERSIGHT = "oversight"
    DISSATISFACTION = "dissatisfaction"
    CASH_SHORTAGE = "cash_shortage"
    DELIBERATE = "deliberate"


@dataclass(frozen=True, slots=True)
class Fact:
    """Something to ask for: `kind` is text, date or amount; a date that is `past` cannot lie ahead. `label` by language."""

    key: str
    kind: str
    label: Mapping[str, str]
    required: bool = False
    past: bool = False


@dataclass(frozen=True, slots=True)
class Check:
    """The dated task that an excuse becomes: business days after the talk, or the day that the fact `on` names; `look_for` by language."""

    days: int
    look_for: Mapping[str, str]
    on: str | None = None


@dataclass(frozen=True, slots=True)
class Excuse:
    """One excuse with its answer; texts by language.

    `signal` is what escalation hears from it (P23); `hands_over` marks the ones that send us to somebody else (P6);
    `ours` is what becomes our task when the claim proves true (P16).
    """

    code: str
    cause: Cause
    name: Mapping[str, str]
    question: Mapping[str, str]
    answer: Mapping[str, str]
    facts: tuple[Fact, ...] = ()
    check: Check | None = None
    ours: Mapping[str, str] | None = None
    signal: str | None = None
    hands_over: bool = False


Catalogue = Mapping[str, Excuse]
RUN_AROUND = "run_around"
HAND_OVERS = 2
"""So many hand-overs in a row without result are a run-around (P6)."""


@dataclass(frozen=True, slots=True)
class Rate:
    """How often claims proved true: counts of checks that ended (P16)."""

    true: int = 0
    false: int = 0
    unknown: int = 0

    @property
    def checked(self) -> int:
        """Checks that gave an answer."""
        return self.true + self.false

    def plus(self, result: str) -> Rate:
        """With one more result: true, false or unknown."""
        return Rate(self.true + (result == "true"), self.false + (result == "false"), self.unknown + (result == "unknown"))


@dataclass(frozen=True, slots=True)
class Said:
    """A contact as far as excuses are concerned; for `signals`."""

    outcome: str
    excuse: str | None = field(default=None)


def find(catalogue: Catalogue, code: str) -> Excuse:
    """The excuse of that code; Refusal `unknown_excuse`."""
    try:
        return catalogue[code]
    except KeyError:
        raise Refusal("unknown_excuse", "excuse", value=code) from None


def check_facts(excuse: Excuse, given: Mapping[str, str], today: date, currency: str) -> dict[str, str]:
    """The facts as they are kept: text folded, dates as 2026-03-05, amounts as plain decimals; empty ones are absent.

    Refusal with the field `facts.<key>`: `fact_missing` for a required one, `bad_day`, `fact_in_future`, `bad_amount`,
    `fact_too_long`; `unknown_fact` for one that this excuse does not ask for.
    """
    known = {fact.key for fact in excuse.facts}
    for key in given:
        if key not in known:
            raise Refusal("unknown_fact", "facts", value=key)
    found = {}
    for fact in excuse.facts:
        text = money.fold(given.get(fact.key, "")).replace("\x00", "")
        place = f"facts.{fact.key}"
        if not text:
            if fact.required:
                raise Refusal("fact_missing", place)
            continue
        if len(text) > LONGEST_FACT:
            raise Refusal("fact_too_long", place, most=LONGEST_FACT)
        found[fact.key] = _kept(fact, text, place, today, currency)
    return found


def _kept(fact: Fact, text: str, place: str, today: date, currency: str) -> str:
    if fact.kind == "amount":
        return money.plain(money.parse(text, currency, field=place), currency)
    if fact.kind != "date":
        return text
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise Refusal("bad_day", place, value=text) from None
    if fact.past and day > today:
        raise Refusal("fact_in_future", place, value=day.isoformat())
    return day.isoformat()


def check_due(excuse: Excuse, facts: Mapping[str, str], day: date, calendar: Calendar) -> date | None:
    """When the check falls due: the business day after the day that the facts name, else business days after the talk.

    None for an excuse that nothing can be checked about. Never on the day of the talk itself, and never later than 30
    business days after it, whatever day they name.
    """
    if excuse.check is None:
        return None
    named = facts.get(excuse.check.on or "")
    if named is not None:
        latest = calendar.add_business_days(day, LATEST_CHECK)
        return latest if date.fromisoformat(named) >= latest else calendar.next_business_day(max(date.fromisoformat(named), day))
    return calendar.add_business_days(day, max(1, excuse.check.days))


def signals(contacts: Iterable[Said], catalogue: Catalogue) -> frozenset[str]:
    """What the contacts of a customer say to escalation, given newest first (P6, P23, S24).

    The signals of their excuses, and `run_around` for two or more hand-overs in a row without result: a promise or a
    payment ends the row; contacts at which nobody was met do not.
    """
    found = set()
    row, running = 0, True
    for contact in contacts:
        excuse = catalogue.get(contact.excuse or "")
        if excuse is not None and excuse.signal:
            found.add(excuse.signal)
        if contact.outcome in ("not_reached", "note", "courtesy") or not running:
            continue
        if excuse is not None and excuse.hands_over:
            row += 1
        else:
            running = False
    if row >= HAND_OVERS:
        found.add(RUN_AROUND)
    return frozenset(found)
