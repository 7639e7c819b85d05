"""Reads a policy from plain data and finds everything that is wrong with it before it is in force (S18, S19, S22, S24; P2-P5)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, time
from itertools import pairwise
from typing import Any

from collect.domain import precedence, texts
from collect.domain.errors import Refusal
from collect.domain.policy import Channel, ContactRules, EscalationRules, Policy, PromiseRules, ReceiptRules, Rung, Segment, Step

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
LANGUAGES = ("en", "zh")
STEP_TEXTS = ("pre_due", "due", "overdue", "call", "visit", "letter")
"""The shipped texts that a courtesy step may use; a policy may add more of its own, in both languages."""

TEXTS = (*STEP_TEXTS, "broken_promise", *(rung.value for rung in Rung), "release")
"""All texts that are shipped (config/letters); a policy may write its own over each. The formal ones need a decision, so no step uses them."""

RESERVED = frozenset({"broken_promise", "rest", "release", *(rung.value for rung in Rung)})
"""Codes of contacts that are no courtesy steps: a step of that name could not be told from them in the log."""

MOST_DAYS = 3650
LONGEST_BASIS = 400
_CODE = re.compile(r"[a-z][a-z0-9_]{0,23}")
_TEXT_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_SEGMENT = re.compile(r"[a-z][a-z0-9_-]{0,39}")
_COUNTRY = re.compile(r"(?:[A-Z]{2})?")
_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")
_NUMBERS = {
    "contact": {"slot_minutes": (1, 240), "distance": (1, 30), "per_week": (1, 5), "visits_per_day": (0, 100), "most_share": (1, 100), "most_floor": (0, 1_000_000)},
    "promises": {"grace": (0, 10), "kept_percent": (1, 100), "farthest": (1, 730)},
    "escalation": {
        "defer": (0, 10),  # a promise defers a proposal by at most ten business days (S24)
        "move_up": (1, 30),
        "review": (1, 365),
        "refused_days": (1, 365),
        "expires_days": (1, 365),
        "broken_promises": (1, 10),
        "limitation_days": (0, MOST_DAYS),
    },
}


def parse(entries: Mapping[str, Any], weekend: frozenset[int] = frozenset({5, 6})) -> tuple[Policy | None, list[Refusal]]:
    """A policy from the tables of its file, or None with everything that is wrong, each with its place.

    `entries` are str, int, bool, date, time, lists and tables as TOML has them; `weekend` are the weekdays (Monday 0)
    on which the policy's country does not work. Besides wrong types, words and numbers it refuses a policy under which
    nobody could ever be asked, steps and rungs that do not rise, and own texts that may not be sent (P8, P11).
    """
    top = _Table("", entries)
    name = top.text("name", 100) or ""
    country = top.text("country", 2, empty=True) or ""
    if not _COUNTRY.fullmatch(country):
        top.blame(Refusal("policy_country", "text", place="country", value=country))
    reviewed = top.day("reviewed_on")
    contact = _contact(top.table("contact"), weekend)
    promises = _promises(top.table("promises"))
    escalation = _escalation(top.table("escalation"))
    receipts = _receipts(top.table("receipts"))
    own, added = _texts(top.table("texts"))
    segments = _segments(top.table("segments"), contact, added)
    top.close()
    if top.found:
        return None, top.found
    return Policy(name, country, reviewed or date.min, contact, promises, escalation, segments, own, receipts), []


class _Table:
    """One table of the file while it is read: hands out its values, notes what is wrong, and knows which keys nobody asked for."""

    def __init__(self, place: str, entries: Any, found: list[Refusal] | None = None) -> None:
        self.place = place
        self.found: list[Refusal] = [] if found is None else found
        self.asked: set[str] = set()
        self.entries: dict[str, Any] = {}
        if isinstance(entries, Mapping):
            self.entries = dict(entries)
        else:
            self.blame(Refusal("policy_table_wanted", "text", place=place, value=_told(entries)))

    def blame(self, refusal: Refusal) -> None:
        """Note what is wrong."""
        self.found.append(refusal)

    def at(self, key: str) -> str:
        """The place of a key: `segments.dealer.steps[2].days`."""
        return f"{self.place}.{key}" if self.place else key

    def get(self, key: str, required: bool = False) -> Any:
        """A value as it stands, None when absent; noted as missing when it is required."""
        self.asked.add(key)
        if required and key not in self.entries:
            self.blame(Refusal("policy_missing", "text", place=self.at(key)))
        return self.entries.get(key)

    def table(self, key: str, required: bool = False) -> _Table:
        """A table inside this one; an empty one when absent."""
        value = self.get(key, required)
        return _Table(self.at(key), {} if value is None else value, self.found)

    def text(self, key: str, longest: int, required: bool = True, empty: bool = False) -> str | None:
        """A text without control characters and not longer than allowed; None when absent or wrong."""
        value = self.get(key, required)
        if value is None:
            return None
        if not isinstance(value, str) or (not empty and not value.strip()) or len(value) > longest or any(ord(sign) < 32 for sign in value):
            self.blame(Refusal("policy_text_wanted", "text", place=self.at(key), longest=longest, value=_told(value)))
            return None
        return value.strip()

    def number(self, key: str, least: int, most: int, default: int | None = None) -> int:
        """A whole number between two bounds; `default` (else `least`) when absent or wrong, required without a default."""
        value = self.get(key, default is None)
        if value is not None and (not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most):
            self.blame(Refusal("policy_number", "text", place=self.at(key), value=_told(value), least=least, most=most))
        elif value is not None:
            return int(value)
        return least if default is None else default

    def switch(self, key: str, default: bool) -> bool:
        """True or false."""
        value = self.get(key)
        if value is not None and not isinstance(value, bool):
            self.blame(Refusal("policy_switch", "text", place=self.at(key), value=_told(value)))
        return value if isinstance(value, bool) else default

    def day(self, key: str) -> date | None:
        """A date, required."""
        value = self.get(key, True)
        if value is not None and type(value) is not date:
            self.blame(Refusal("policy_date", "text", place=self.at(key), value=_told(value)))
        return value if type(value) is date else None

    def clock(self, key: str, default: time) -> time:
        """A time of day to the minute, written as a text ("09:00") or as TOML's own time."""
        value = self.get(key)
        if value is None:
            return default
        if isinstance(value, time) and not (value.second or value.microsecond):
            return value
        match = _TIME.fullmatch(value) if isinstance(value, str) else None
        if match is None:
            self.blame(Refusal("policy_time", "text", place=self.at(key), value=_told(value)))
            return default
        return time(int(match[1]), int(match[2]))

    def listed(self, key: str, required: bool = False) -> list[Any] | None:
        """A list, None when absent or wrong."""
        value = self.get(key, required)
        if value is not None and not isinstance(value, list):
            self.blame(Refusal("policy_list_wanted", "text", place=self.at(key), value=_told(value)))
        return value if isinstance(value, list) else None

    def words(self, key: str, longest: int) -> tuple[str, ...]:
        """A list of texts, without repetitions."""
        found: dict[str, None] = {}
        for number, word in enumerate(self.listed(key) or [], 1):
            if not isinstance(word, str) or not word.strip() or len(word) > longest:
                self.blame(Refusal("policy_text_wanted", "text", place=f"{self.at(key)}[{number}]", longest=longest, value=_told(word)))
            else:
                found.setdefault(" ".join(word.split()))
        return tuple(found)

    def close(self) -> None:
        """Note the keys that nobody asked for."""
        for key in [key for key in self.entries if key not in self.asked]:
            self.blame(Refusal("policy_unknown_key", "text", place=self.at(str(key)), allowed=tuple(sorted(self.asked))))


def _told(value: Any) -> str:
    """A value as it is shown in a sentence: close to how it was written, and never at great length."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and abs(value) > 10**18:
        return f"{value:#x}"[:20] + "…"
    if isinstance(value, (list, Mapping)):
        return "[…]" if isinstance(value, list) else "{…}"
    return value.isoformat() if isinstance(value, (date, time, datetime)) else str(value) or '""'


def _numbers(table: _Table, rules: Any, name: str) -> Any:
    """The rules with those numbers of the table that have plain bounds; the defaults where it is silent."""
    return replace(rules, **{key: table.number(key, least, most, getattr(rules, key)) for key, (least, most) in _NUMBERS[name].items()})


def _promises(table: _Table) -> PromiseRules:
    """[promises] (P17, S22)."""
    rules: PromiseRules = _numbers(table, PromiseRules(), "promises")
    table.close()
    return rules


def _receipts(table: _Table) -> ReceiptRules:
    """[receipts]: what unmarked money settles first; an order that is not the law's names its clause in both languages (S14)."""
    order = table.text("order", 20, required=False) or ReceiptRules().order
    if order not in precedence.ORDERS:
        table.blame(Refusal("policy_word", "text", place=table.at("order"), value=order, allowed=precedence.ORDERS))
    clause = table.table("source", required=order in ("costs_first", "oldest"))
    said = {language: clause.text(language, LONGEST_BASIS, required=order in ("costs_first", "oldest")) for language in LANGUAGES}
    clause.close()
    table.close()
    return ReceiptRules(order, {language: text for language, text in said.items() if text})


# Contact: window, measure, rhythm


def _contact(table: _Table, weekend: frozenset[int]) -> ContactRules:
    """[contact], and whether anybody could be asked within it (P2, P3, S19)."""
    usual = ContactRules()
    rules: ContactRules = _numbers(table, usual, "contact")
    rules = replace(
        rules,
        weekdays=_weekdays(table, usual.weekdays, weekend),
        start=table.clock("from", usual.start),
        end=table.clock("until", usual.end),
        quiet_from=table.clock("quiet_from", usual.quiet_from),
        quiet_until=table.clock("quiet_until", usual.quiet_until),
        calls_per_day=table.number("calls_per_day", 0, 200, usual.calls_per_day),
        repeat=_repeat(table, usual.repeat),
    )
    table.close()
    start, end = _minute(rules.start), _minute(rules.end)
    if end <= start:
        table.blame(Refusal("policy_window_order", "text", place=table.at("until"), value=f"{rules.end:%H:%M}", start=f"{rules.start:%H:%M}"))
    elif end - start < rules.slot_minutes:
        table.blame(Refusal("policy_window_short", "text", place=table.at("until"), minutes=end - start, slot=rules.slot_minutes))
    elif any(_quiet(minute, rules) for minute in range(start, end)):
        quiet = f"{rules.quiet_from:%H:%M}-{rules.quiet_until:%H:%M}"
        table.blame(Refusal("policy_window_quiet", "text", place=table.place, value=f"{rules.start:%H:%M}-{rules.end:%H:%M}", quiet=quiet))
    if rules.quiet_from == rules.quiet_until:
        table.blame(Refusal("policy_quiet_empty", "text", place=table.at("quiet_until"), value=f"{rules.quiet_until:%H:%M}"))
    if rules.calls_per_day == 0:
        table.blame(Refusal("policy_no_calls", "text", place=table.at("calls_per_day")))
    return rules


def _weekdays(table: _Table, usual: frozenset[int], weekend: frozenset[int]) -> frozenset[int]:
    """`days`: weekdays as words, at least one of which is a working day."""
    words = table.listed("days")
    if words is None:
        return usual
    found = set()
    for number, word in enumerate(words, 1):
        if isinstance(word, str) and word.strip().lower() in WEEKDAYS:
            found.add(WEEKDAYS.index(word.strip().lower()))
        else:
            table.blame(Refusal("policy_weekday", "text", place=f"{table.at('days')}[{number}]", value=_told(word), allowed=WEEKDAYS))
    if not words:
        table.blame(Refusal("policy_no_weekday", "text", place=table.at("days")))
    elif found and found <= weekend:
        table.blame(Refusal("policy_weekend_only", "text", place=table.at("days"), value=", ".join(WEEKDAYS[day] for day in sorted(found))))
    return frozenset(found)


def _repeat(table: _Table, usual: tuple[int, ...]) -> tuple[int, ...]:
    """`repeat`: distances in days that never grow from one fruitless contact to the next (P5)."""
    values = table.listed("repeat")
    if values is None:
        return usual
    sound = [value for value in values if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 365]
    for number, value in enumerate(values, 1):
        if value not in sound or isinstance(value, bool):
            table.blame(Refusal("policy_number", "text", place=f"{table.at('repeat')}[{number}]", value=_told(value), least=1, most=365))
    if not values:
        table.blame(Refusal("policy_repeat_empty", "text", place=table.at("repeat")))
    elif len(sound) == len(values) and any(later > earlier for earlier, later in pairwise(sound)):
        table.blame(Refusal("policy_repeat_rises", "text", place=table.at("repeat"), value=", ".join(map(str, sound))))
    return tuple(sound)


def _minute(at: time) -> int:
    return at.hour * 60 + at.minute


def _quiet(minute: int, rules: ContactRules) -> bool:
    """Whether a minute of the day lies in the quiet hours, which may go over midnight."""
    start, end = _minute(rules.quiet_from), _minute(rules.quiet_until)
    return start <= minute < end if start < end else start != end and (minute >= start or minute < end)


# Escalation


def _escalation(table: _Table) -> EscalationRules:
    """[escalation] with the texts of [escalation.basis] (S24, S25)."""
    rules: EscalationRules = _numbers(table, EscalationRules(), "escalation")
    basis = table.table("basis")
    said: dict[str, str] = {}
    for language in LANGUAGES:
        text = basis.text(language, LONGEST_BASIS, required=False)
        if text is None:
            continue
        said[language] = text
        if "{" in text or "}" in text:
            basis.blame(Refusal("policy_basis_braces", "text", place=basis.at(language)))
        for wrong in texts.check(text, field="text"):
            basis.blame(Refusal("policy_wording", "text", place=basis.at(language), reason=wrong))
    basis.close()
    rules = replace(rules, release_by_itself=table.switch("release_by_itself", rules.release_by_itself), basis=said)
    table.close()
    return rules


# Segments


def _segments(table: _Table, contact: ContactRules, added: frozenset[str]) -> dict[str, Segment]:
    """Every segment by name; `other` must be there, and no word may mean two of them."""
    names = list(table.entries)
    if "other" not in names:
        table.blame(Refusal("policy_no_other", "text", place=table.at("other")))
    inner = {name: table.table(name) for name in names}
    found: dict[str, Segment] = {}
    for name, entries in inner.items():
        if not _SEGMENT.fullmatch(name):
            table.blame(Refusal("policy_segment_name", "text", place=table.place, value=name))
        found[name] = _segment(name, entries, inner, contact, added)
    meaning: dict[str, str] = {}
    for name, segment in found.items():
        for word in (name, *segment.aliases):
            other = meaning.setdefault(word.casefold(), name)
            if other != name:
                table.blame(Refusal("policy_alias_twice", "text", place=f"{table.at(name)}.aliases", value=word, other=other))
    return found


def _segment(name: str, table: _Table, every: Mapping[str, _Table], contact: ContactRules, added: frozenset[str]) -> Segment:
    """One segment; what it does not say itself it takes over from the one that `like` names."""
    aliases = table.words("aliases", 40)
    like = table.text("like", 40, required=False)
    source = table
    if like is not None:
        source = every.get(like, table)
        if source is table or "like" in source.entries:
            plain = tuple(key for key, entries in every.items() if "like" not in entries.entries)
            table.blame(Refusal("policy_like", "text", place=table.at("like"), value=like, allowed=plain))

    def part(key: str) -> _Table:
        # What is wrong in a part that is taken over is said where it stands, and only there.
        table.asked.add(key)
        return table if key in table.entries or like is None else _Table(source.place, source.entries)

    steps = _steps(part("steps"), contact, added)
    ladder = _ladder(part("ladder"))
    review = _review(part("legal_review").words("legal_review", 16), ladder, table)
    table.close()
    return Segment(name, aliases, steps, ladder, review)


def _steps(table: _Table, contact: ContactRules, added: frozenset[str]) -> tuple[Step, ...]:
    """The courtesy steps in rising order of days, each told apart by its code (S18)."""
    rows = table.listed("steps")
    if not rows:
        if rows == [] or "steps" not in table.entries:
            table.blame(Refusal("policy_no_steps", "text", place=table.at("steps")))
        return ()
    found: dict[str, Step] = {}
    before: Step | None = None
    for number, row in enumerate(rows, 1):
        place = f"{table.at('steps')}[{number}]"
        step = _step(_Table(place, row, table.found), contact, added)
        if step is None:
            continue
        if before is not None and step.days <= before.days:
            table.blame(Refusal("policy_steps_fall", "text", place=f"{place}.days", value=step.days, before=before.days))
        if step.code in found:
            table.blame(Refusal("policy_code_twice", "text", place=f"{place}.code", value=step.code))
        before = found[step.code] = step
    if before is not None and before.days < 1:
        table.blame(Refusal("policy_never_overdue", "text", place=table.at("steps"), value=before.days))
    return tuple(found.values())


def _step(table: _Table, contact: ContactRules, added: frozenset[str]) -> Step | None:
    """One step, None when anything about it is wrong."""
    before = len(table.found)
    code, text = table.text("code", 24) or "", table.text("text", 40) or ""
    days, word = table.number("days", -60, MOST_DAYS), table.text("channel", 8) or ""
    table.close()
    if code and (not _CODE.fullmatch(code) or code in RESERVED):
        table.blame(Refusal("policy_code", "text", place=table.at("code"), value=code, reserved=tuple(sorted(RESERVED))))
    channels = {channel.value: channel for channel in Channel}
    if word and word not in channels:
        table.blame(Refusal("policy_channel", "text", place=table.at("channel"), value=word, allowed=tuple(channels)))
    if text and text not in STEP_TEXTS and text not in added:
        table.blame(Refusal("policy_text_name", "text", place=table.at("text"), value=text, allowed=(*STEP_TEXTS, *sorted(added))))
    if word == Channel.VISIT and contact.visits_per_day == 0:
        table.blame(Refusal("policy_no_visits", "text", place="contact.visits_per_day", step=table.place))
    return Step(code, days, channels[word], text) if len(table.found) == before else None


def _ladder(table: _Table) -> dict[Rung, int]:
    """Days past due by rung, never falling from one rung to the next (S24); an empty table proposes nothing by age."""
    inner = table.table("ladder", required=True)
    found = {rung: inner.number(rung.value, 1, MOST_DAYS, 1) for rung in Rung if rung.value in inner.entries}
    inner.asked.update(rung.value for rung in Rung)
    inner.close()
    for (earlier, least), (later, days) in pairwise(found.items()):
        if days < least:
            inner.blame(Refusal("policy_ladder_falls", "text", place=inner.at(later.value), value=days, earlier=inner.at(earlier.value), days=least))
    return found


def _review(words: tuple[str, ...], ladder: Mapping[Rung, int], table: _Table) -> frozenset[Rung]:
    """The rungs that need a legal review; policy does not propose them by age at the same time (S24)."""
    rungs = {rung.value: rung for rung in Rung}
    place = table.at("legal_review")
    for word in words:
        if word not in rungs:
            table.blame(Refusal("policy_rung", "text", place=place, value=word, allowed=tuple(rungs)))
        elif rungs[word] in ladder:
            table.blame(Refusal("policy_review_by_age", "text", place=place, value=word, ladder=f"{table.at('ladder')}.{word}"))
    return frozenset(rungs[word] for word in words if word in rungs)


# Own texts


def _texts(table: _Table) -> tuple[dict[str, dict[str, dict[str, str]]], frozenset[str]]:
    """[texts.<language>.<name>] subject and body, checked as texts are (P8, P11); and the names that exist in both languages."""
    found: dict[str, dict[str, dict[str, str]]] = {}
    for language in LANGUAGES:
        inner = table.table(language)
        for name in list(inner.entries):
            if not _TEXT_NAME.fullmatch(name):
                inner.blame(Refusal("policy_text_code", "text", place=inner.at(name), value=name))
            said = _text(inner.table(name), name)
            found.setdefault(language, {})[name] = said
        inner.close()
    table.close()
    both = set(found.get("en", {})) & set(found.get("zh", {}))
    for language, named in found.items():
        for name in sorted(named.keys() - both - set(TEXTS)):
            other = "zh" if language == "en" else "en"
            table.blame(Refusal("policy_text_language", "text", place=f"{table.at(language)}.{name}", missing=f"{table.at(other)}.{name}"))
    return found, frozenset(both - set(TEXTS))


def _text(table: _Table, name: str) -> dict[str, str]:
    """One own text: subject and body with known placeholders, in words that may be sent."""
    said: dict[str, str] = {}
    for key, check in (("subject", texts.check_subject), ("body", texts.check)):
        value = table.get(key, True)
        if value is None:
            continue
        if not isinstance(value, str) or not value.strip():
            table.blame(Refusal("policy_text_wanted", "text", place=table.at(key), longest=texts.LONGEST_BODY, value=_told(value)))
            continue
        said[key] = value
        for wrong in check(value, name, "text"):
            table.blame(Refusal("policy_wording", "text", place=table.at(key), reason=wrong))
    table.close()
    return said
