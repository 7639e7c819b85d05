"""Reading a policy: what the shipped packs say, and every fault of a draft as one sentence with its place."""

from __future__ import annotations

import copy
import dataclasses
import tomllib
from datetime import date, time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collect.domain import policy_file, texts
from collect.domain.policy import Channel, ContactRules, EscalationRules, PromiseRules, Rung, Step
from collect.sentences import say

PACKS = Path(__file__).resolve().parents[2] / "config" / "policy"
SMALL: dict[str, Any] = {
    "name": "Small",
    "country": "CN",
    "reviewed_on": date(2026, 1, 15),
    "segments": {
        "other": {
            "steps": [
                {"code": "due", "days": 0, "channel": "email", "text": "due"},
                {"code": "call", "days": 14, "channel": "call", "text": "call"},
            ],
            "ladder": {"stop_credit": 45, "stop_supply": 60},
        }
    },
}


def draft(**changes: Any) -> dict[str, Any]:
    """The small policy with values put in places written as `contact__from` or `segments__other__ladder__referral`; None takes away."""
    entries = copy.deepcopy(SMALL)
    for path, value in changes.items():
        *way, last = path.split("__")
        table: Any = entries
        for key in way:
            table = table[int(key)] if key.isdigit() else table.setdefault(key, {})
        if value is None:
            del table[last]
        else:
            table[last] = value
    return entries


def sentences(entries: dict[str, Any]) -> list[str]:
    """What is wrong, in English; a policy comes out exactly when nothing is."""
    policy, found = policy_file.parse(entries)
    assert (policy is None) == bool(found)
    assert [refusal.field for refusal in found] == ["text"] * len(found)
    return [say(refusal) for refusal in found]


@pytest.mark.parametrize("pack", sorted(path.name for path in PACKS.glob("*.toml")))
def test_the_shipped_packs_say_what_s18_and_s24_say(pack: str) -> None:
    """Every pack: courtesy −3, 0, +7 e-mail, +14 call, +30 visit; dealer 15/30/45/75, others 45/60/75/90, cash day 1, hospital 120/180/270."""
    policy, found = policy_file.parse(tomllib.loads((PACKS / pack).read_text(encoding="utf-8")))
    assert found == [] and policy is not None
    assert policy.contact == ContactRules()
    assert policy.promises == PromiseRules()
    assert dataclasses.replace(policy.escalation, basis={}) == EscalationRules()
    assert set(policy.escalation.basis) == {"en", "zh"}
    steps = (
        Step("pre_due", -3, Channel.EMAIL, "pre_due"),
        Step("due", 0, Channel.EMAIL, "due"),
        Step("overdue", 7, Channel.EMAIL, "overdue"),
        Step("call", 14, Channel.CALL, "call"),
        Step("visit", 30, Channel.VISIT, "visit"),
    )
    assert {segment.steps for segment in policy.segments.values()} == {steps}
    assert {name: list(segment.ladder.values()) for name, segment in policy.segments.items()} == {
        "other": [45, 60, 75, 90],
        "dealer": [15, 30, 45, 75],
        "hospital": [120, 180, 270],
        "cash": [1, 1, 30, 60],
    }
    assert list(policy.segments["hospital"].ladder) == [Rung.STOP_CREDIT, Rung.FINAL_DEMAND, Rung.REFERRAL]
    assert {name: set(segment.legal_review) for name, segment in policy.segments.items() if segment.legal_review} == {"hospital": {Rung.STOP_SUPPLY}}
    assert policy.segment_of("经销商", None).name == "dealer"
    assert policy.segment_of("Public  Hospital", "NET30").name == "hospital"
    assert policy.segment_of("dealer", "COD").name == "cash"
    assert policy.segment_of("laboratory", None).name == "other"


def test_every_rule_can_be_said_in_the_file() -> None:
    """Each field of the three groups has a key, so that no rule can only be changed in the program."""
    renamed = {"weekdays": "days", "start": "from", "end": "until"}
    values = tomllib.loads((PACKS / "default.toml").read_text(encoding="utf-8"))
    for name, rules in (("contact", ContactRules), ("promises", PromiseRules), ("escalation", EscalationRules)):
        assert {renamed.get(field.name, field.name) for field in dataclasses.fields(rules)} == set(values[name])


def test_what_a_draft_leaves_out_is_as_usual() -> None:
    policy, found = policy_file.parse(SMALL)
    assert found == [] and policy is not None
    assert (policy.contact, policy.promises, policy.escalation, policy.texts) == (ContactRules(), PromiseRules(), EscalationRules(), {})
    assert policy.segments["other"].ladder == {Rung.STOP_CREDIT: 45, Rung.STOP_SUPPLY: 60}


def test_words_and_times_are_read() -> None:
    policy, _ = policy_file.parse(
        draft(contact__days=["MON", "fri"], contact__from=time(8, 30), contact__until="12:00", contact__per_week=3, promises__kept_percent=100, escalation__release_by_itself=True)
    )
    assert policy is not None
    assert (policy.contact.weekdays, policy.contact.start, policy.contact.end, policy.contact.per_week) == (frozenset({0, 4}), time(8, 30), time(12), 3)
    assert (policy.promises.kept_percent, policy.escalation.release_by_itself) == (100, True)


STEP = {"code": "visit", "days": 30, "channel": "visit", "text": "visit"}
OTHER = SMALL["segments"]["other"]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"name": None}, "name is missing; add it."),
        ({"name": " "}, "name must be a text in double quotes of 1 to 100 characters, not  ."),
        ({"country": "china"}, "country must be a text in double quotes of 1 to 2 characters, not china."),
        ({"country": "cn"}, 'country: cn is no country code; write two capital letters such as "CN", or "" for a policy of no particular country.'),
        ({"reviewed_on": "2026-01-15"}, "reviewed_on: 2026-01-15 is no date; write it without quotes, like 2026-03-31."),
        ({"contact__form": "09:00"}, "contact.form is no key of a policy; take it away, or correct its name to one of calls_per_day, days, distance, from,"),
        ({"contact": "09:00"}, "contact must be a group of keys, not 09:00; write [contact] and its keys below it."),
        ({"contact__days": "tue"}, "contact.days must be a list in square brackets, not tue."),
        ({"contact__days": ["tue", "tues"]}, "contact.days[2]: tues is no weekday; write one of mon, tue, wed, thu, fri, sat, sun."),
        ({"contact__days": []}, "contact.days names no weekday, so nobody could ever be asked; name at least one, such as tue."),
        ({"contact__days": ["sat", "sun"]}, "contact.days names only days on which nobody works (sat, sun), so nobody could ever be asked; name a working day, such as tue."),
        ({"contact__from": "9"}, 'contact.from: 9 is no time of day; write it like "09:00".'),
        ({"contact__until": "25:00"}, 'contact.until: 25:00 is no time of day; write it like "09:00".'),
        ({"contact__until": "08:00"}, "contact.until is 08:00, which is not after the beginning at 09:00; write a later time."),
        (
            {"contact__until": "09:05"},
            "contact.until: the window of 5 minutes has no room for one contact of 10 minutes, so nobody could ever be asked; make it longer.",
        ),
        ({"contact__quiet_from": "10:00"}, "contact: the window 09:00-11:30 reaches into the quiet hours 10:00-08:00; move one of them."),
        ({"contact__quiet_until": "09:30"}, "contact: the window 09:00-11:30 reaches into the quiet hours 20:00-09:30; move one of them."),
        ({"contact__quiet_until": "20:00"}, "contact.quiet_until is 20:00, when the quiet hours also begin, so there would be none; write another time."),
        ({"contact__per_week": 0}, "contact.per_week must be a whole number from 1 to 5, not 0."),
        ({"contact__distance": -1}, "contact.distance must be a whole number from 1 to 30, not -1."),
        ({"contact__slot_minutes": 7.5}, "contact.slot_minutes must be a whole number from 1 to 240, not 7.5."),
        ({"contact__slot_minutes": True}, "contact.slot_minutes must be a whole number from 1 to 240, not true."),
        ({"contact__most_floor": 16**5000}, "contact.most_floor must be a whole number from 0 to 1000000, not 0x100000000000000000…."),
        ({"contact__calls_per_day": 0}, "contact.calls_per_day is 0, so nobody without an e-mail address and nobody who broke a promise could ever be asked; write at least 1."),
        ({"contact__repeat": []}, "contact.repeat is empty, so nobody would be asked again after the last step; write days such as 14, 7, 3."),
        ({"contact__repeat": [14, 0]}, "contact.repeat[2] must be a whole number from 1 to 365, not 0."),
        ({"contact__repeat": [7, 14]}, "contact.repeat is 7, 14: the distance must not grow when asking was in vain; write falling days such as 14, 7, 3."),
        ({"promises__kept_percent": 101}, "promises.kept_percent must be a whole number from 1 to 100, not 101."),
        ({"promises__grace": -1}, "promises.grace must be a whole number from 0 to 10, not -1."),
        ({"escalation__defer": 11}, "escalation.defer must be a whole number from 0 to 10, not 11."),
        ({"escalation__release_by_itself": "yes"}, "escalation.release_by_itself must be true or false, not yes."),
        ({"escalation__basis__fr": "…"}, "escalation.basis.fr is no key of a policy; take it away, or correct its name to one of en, zh."),
        ({"escalation__basis__en": "Clause {clause}"}, "escalation.basis.en may hold no braces, since it is put into letters as it stands; write it without them."),
        ({"escalation__basis__en": "We are sorry"}, "escalation.basis.en: "),
        ({"segments": None}, "segments.other is missing: the customers whom no other segment means belong there; add [segments.other]."),
        ({"segments__Key accounts": {"like": "other"}}, "segments: Key accounts cannot name a segment; use small letters,"),
        ({"segments__dealer": {"like": "others"}}, "segments.dealer.like: others is no segment that can be taken over; name one that stands by itself: other."),
        ({"segments__dealer": {"like": "dealer"}}, "segments.dealer.like: dealer is no segment that can be taken over; name one that stands by itself: other."),
        ({"segments__dealer": {"like": "other", "aliases": ["Other"]}}, "segments.dealer.aliases: Other means the segment other already; keep it in one of the two."),
        ({"segments__other__steps": []}, "segments.other.steps has no step, so nobody in this segment could ever be asked; add steps, or take them over with like."),
        ({"segments__other__steps": None}, "segments.other.steps has no step, so nobody in this segment could ever be asked; add steps, or take them over with like."),
        ({"segments__other__ladder": None}, "segments.other.ladder is missing; add it."),
        ({"segments__other__steps": [STEP, {**STEP, "code": "again", "days": 30}]}, "segments.other.steps[2].days is 30, not more than the 30 of the step before;"),
        ({"segments__other__steps": [STEP, {**STEP, "days": 40}]}, "segments.other.steps[2].code: the code visit stands twice in these steps; give each step a code of its own."),
        ({"segments__other__steps": [{**STEP, "code": "rest"}]}, "segments.other.steps[1].code: rest cannot be used here;"),
        ({"segments__other__steps": [{**STEP, "code": "No 1"}]}, "segments.other.steps[1].code: No 1 cannot be used here;"),
        ({"segments__other__steps": [{**STEP, "channel": "fax"}]}, "segments.other.steps[1].channel: fax is no way to ask; write one of email, call, visit, letter."),
        (
            {"segments__other__steps": [{**STEP, "text": "nice"}]},
            "segments.other.steps[1].text: there is no text nice for a step; write one of pre_due, due, overdue, call, visit, letter, or",
        ),
        ({"segments__other__steps": [{**STEP, "text": "final_demand"}]}, "segments.other.steps[1].text: there is no text final_demand for a step;"),
        ({"segments__other__steps": [{**STEP, "days": "30"}]}, "segments.other.steps[1].days must be a whole number from -60 to 3650, not 30."),
        (
            {"segments__other__steps": [{**STEP, "when": 30}]},
            "segments.other.steps[1].when is no key of a policy; take it away, or correct its name to one of channel, code, days, text.",
        ),
        ({"segments__other__steps": ["visit"]}, "segments.other.steps[1] must be a group of keys, not visit;"),
        (
            {"segments__other__steps": [{**STEP, "days": 0}]},
            "segments.other.steps: the last step is at 0 days, so nobody would be asked for overdue debt; add a step at 1 day or more.",
        ),
        ({"segments__other__steps": [STEP], "contact__visits_per_day": 0}, "contact.visits_per_day is 0, but segments.other.steps[1] is a visit, so it could never take place;"),
        ({"segments__other__ladder__final_demand": 59}, "segments.other.ladder.final_demand is 59, earlier than segments.other.ladder.stop_supply at 60; a later rung"),
        ({"segments__other__ladder__stop_credit": 0}, "segments.other.ladder.stop_credit must be a whole number from 1 to 3650, not 0."),
        (
            {"segments__other__ladder__court": 90},
            "segments.other.ladder.court is no key of a policy; take it away, or correct its name to one of final_demand, referral, stop_credit,",
        ),
        (
            {"segments__other__legal_review": ["court"]},
            "segments.other.legal_review: court is no rung of the ladder; write one of stop_credit, stop_supply, final_demand, referral.",
        ),
        (
            {"segments__other__legal_review": ["stop_supply"]},
            "segments.other.legal_review: stop_supply needs a legal review, so policy cannot propose it by age; take it away here or at segments.other.ladder.stop_supply.",
        ),
        ({"texts__en__due": {"subject": "{amount}"}}, "texts.en.due.body is missing; add it."),
        ({"texts__en__due": {"subject": "{amount}", "body": "Pay {ammount}."}}, "texts.en.due.body: {ammount} "),
        ({"texts__en__due": {"subject": "{amount}", "body": "Sorry to bother you: pay {amount}."}}, "texts.en.due.body: "),
        ({"texts__zh__due": {"subject": "{amount}", "body": "麻烦您尽快付款 {amount}。"}}, "texts.zh.due.body: "),
        ({"texts__en__season": {"subject": "{amount}", "body": "Pay {amount}."}}, "texts.en.season is written in one language only; add texts.zh.season."),
        ({"texts__fr": {}}, "texts.fr is no key of a policy;"),
    ],
)
def test_one_fault_is_one_clear_sentence(changes: dict[str, Any], told: str) -> None:
    found = sentences(draft(**changes))
    assert found and found[0].startswith(told), found
    others = [sentence for sentence in found if not sentence.startswith(told.split(" ")[0].rstrip(":"))]
    assert others == []


def test_everything_is_told_at_once() -> None:
    """Four faults in four places are four sentences, in the order of the file's groups."""
    found = sentences(draft(contact__per_week=0, promises__grace=99, segments__other__ladder__stop_supply=1, nonsense=1))
    assert [sentence.split(" ")[0] for sentence in found] == ["contact.per_week", "promises.grace", "segments.other.ladder.stop_supply", "nonsense"]


def test_like_takes_over_what_a_segment_does_not_say() -> None:
    policy, found = policy_file.parse(draft(segments__dealer={"like": "other", "ladder": {"stop_credit": 15}}, segments__clinic={"like": "other", "steps": [STEP]}))
    assert found == [] and policy is not None
    assert (policy.segments["dealer"].steps, policy.segments["dealer"].ladder) == (policy.segments["other"].steps, {Rung.STOP_CREDIT: 15})
    assert ([step.code for step in policy.segments["clinic"].steps], policy.segments["clinic"].ladder) == (["visit"], policy.segments["other"].ladder)


def test_a_fault_in_what_is_taken_over_is_told_once() -> None:
    found = sentences(draft(segments__other__ladder__stop_supply=1, segments__dealer={"like": "other"}, segments__cash={"like": "other"}))
    assert [sentence.split(" ")[0] for sentence in found] == ["segments.other.ladder.stop_supply"]


def test_own_texts_in_both_languages_may_be_used_by_steps() -> None:
    """The words of a text are those that may be sent; a new name has the placeholders that every text has."""
    season = {"subject": "{amount} open before the season", "body": "Pay {amount} by {deadline}.\n{items}"}
    policy, found = policy_file.parse(
        draft(
            texts__en={"season": season},
            texts__zh={"season": {"subject": "旺季前付款 {amount}", "body": "请于 {deadline} 前付款 {amount}。"}},
            segments__other__steps=[{**STEP, "text": "season"}],
        )
    )
    assert [say(one) for one in found] == [] and policy is not None
    assert policy.texts["en"]["season"] == season
    assert texts.check(season["body"]) == []


def test_the_weekend_is_the_countrys_own() -> None:
    """Where Friday and Saturday are the weekend, Sunday is a working day and Friday none."""
    entries = draft(contact__days=["sun"])
    assert policy_file.parse(entries, frozenset({4, 5}))[1] == []
    assert [refusal.code for refusal in policy_file.parse(draft(contact__days=["fri"]), frozenset({4, 5}))[1]] == ["policy_weekend_only"]


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.dates() | st.times() | st.sampled_from(["email", "other", "due", "tue"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["like", "steps", "ladder", "days", "code", "text", "en", "other", "body", "x"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["name", "country", "reviewed_on", "contact", "promises", "escalation", "segments", "texts", "x"]), values, max_size=9))
def test_no_data_whatsoever_breaks_the_reading(entries: dict[str, Any]) -> None:
    """Either a policy or sentences, and every sentence can be said."""
    for merged in (entries, {**copy.deepcopy(SMALL), **entries}):
        assert all(sentences({key: value for key, value in merged.items() if value is not None}))


@given(st.lists(st.integers(-70, 60), min_size=1, max_size=5), st.lists(st.integers(-1, 100), max_size=4))
def test_only_rising_steps_and_rungs_pass(days: list[int], rungs: list[int]) -> None:
    """The reader's answer against the rule said directly: steps strictly rise within −60…, the last above 0; rungs never fall and start at 1."""
    steps = [{"code": f"step_{number}", "days": day, "channel": "email", "text": "overdue"} for number, day in enumerate(days)]
    ladder = dict(zip((rung.value for rung in Rung), rungs, strict=False))
    sound = days == sorted(set(days)) and days[-1] >= 1 and days[0] >= -60 and rungs == sorted(rungs) and all(day >= 1 for day in rungs)
    policy, _ = policy_file.parse(draft(segments__other={"steps": steps, "ladder": ladder}))
    assert (policy is not None) == sound
