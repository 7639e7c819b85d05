"""The policy in force: the country's pack first, later versions by a second person only, and what every step leaves behind."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa

from collect.domain.calendar import Calendar
from collect.domain.errors import Forbidden, NotFound, Refusal
from collect.domain.rights import SYSTEM, Actor, Role
from collect.runtime import Runtime
from collect.sentences import say
from collect.services import policy, setup, users, verify
from collect.services.policy import Rules
from collect.storage.company import Closure
from collect.storage.policy import PolicyVersion
from tests.conftest import FixedClock

PASSWORD = "seven tall sea horses"
TODAY = date(2026, 3, 10)


@pytest.fixture(autouse=True)
def _quick_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(users, "hash_password", lambda secret, field="password": "x")


def person(runtime: Runtime, name: str, role: Role = Role.MANAGER) -> Actor:
    """A user with a role, as an actor."""

    def add(work: Any) -> Actor:
        made = users.add(work, name, name.title(), role, PASSWORD)
        work.session.flush()
        return users.actor_of(work.session, made)

    return runtime.write(SYSTEM, add)


def draft(**numbers: int) -> str:
    """The shipped Chinese pack with other numbers: `draft(per_week=3)`."""
    text = policy.shipped("CN")
    for name, number in numbers.items():
        before = next(line for line in text.splitlines() if line.startswith(f"{name} = "))
        text = text.replace(before, f"{name} = {number}", 1)
    return text


def rules(runtime: Runtime, day: date = TODAY) -> Rules:
    with runtime.read(SYSTEM) as view:
        return policy.in_force(view.session, view.seller, day)


def publish(runtime: Runtime, actor: Actor, text: str, effective: date | None = None) -> int:
    return runtime.write(actor, lambda work: policy.publish(work, text, effective))


def decide(runtime: Runtime, actor: Actor, number: int, text: str, approve: bool = True, reason: str | None = None) -> None:
    runtime.write(actor, lambda work: policy.decide(work, number, approve, policy.hash_of(text), reason))


def states(runtime: Runtime, day: date = TODAY) -> dict[int, str]:
    with runtime.read(SYSTEM) as view:
        return {version.number: version.state for version in policy.versions(view.session, day)}


def refused(code: str, act: Callable[[], object]) -> Refusal:
    with pytest.raises(Refusal) as caught:
        act()
    assert caught.value.code == code
    return caught.value


def notes(runtime: Runtime) -> list[tuple[str, str, str]]:
    with runtime.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(sa.text("SELECT actor, action, key FROM audit WHERE kind = 'policy' ORDER BY seq"))]


def test_the_first_version_is_the_countrys_and_at_once_in_force(runtime: Runtime) -> None:
    """`init` of a Chinese company puts the Chinese pack in force; doing it again changes nothing."""
    found = rules(runtime)
    assert (found.number, found.policy.country, found.policy.escalation.basis["zh"][:4]) == (1, "CN", "购销合同")
    assert rules(runtime, date(2020, 1, 1)).number == 1, "before the first version, the first"
    setup.upgrade(runtime)
    assert states(runtime) == {1: "in_force"}
    assert notes(runtime) == [("system", "publish", "1")]


def test_a_database_from_before_gets_its_policy_when_it_is_upgraded(runtime: Runtime) -> None:
    """Without any version the shipped pack counts as number 0; the upgrade publishes it as number 1."""
    with runtime.engine.begin() as connection:
        connection.execute(sa.delete(PolicyVersion))
    assert (rules(runtime).number, rules(runtime).policy.country) == (0, "CN")
    setup.upgrade(runtime)
    assert (rules(runtime).number, states(runtime)) == (1, {1: "in_force"})


def test_a_country_without_a_pack_has_the_one_for_all() -> None:
    assert [policy.parsed(policy.shipped(country)).country for country in ("CN", "cn", "PT", "../cn", "")] == ["CN", "CN", "", "", ""]  # type: ignore[union-attr]


def test_a_later_version_waits_for_a_second_person(runtime: Runtime) -> None:
    ming, mei = person(runtime, "ming"), person(runtime, "mei")
    text = draft(per_week=3)
    assert publish(runtime, ming, text) == 2
    assert (states(runtime), rules(runtime).policy.contact.per_week) == ({2: "waiting", 1: "in_force"}, 2)
    refused("policy_own_request", lambda: decide(runtime, ming, 2, text))
    decide(runtime, mei, 2, text)
    assert (states(runtime), rules(runtime).policy.contact.per_week) == ({2: "in_force", 1: "past"}, 3)
    refused("policy_decided", lambda: decide(runtime, mei, 2, text))
    refused("policy_decided", lambda: decide(runtime, mei, 2, text, approve=False, reason="too late"))
    assert notes(runtime) == [("system", "publish", "1"), ("ming", "publish", "2"), ("mei", "approve", "2")]
    assert verify.verify(runtime) == []


def test_the_command_line_proposes_and_never_approves(runtime: Runtime) -> None:
    """What `system` hands in any manager may approve; `system` itself decides nothing (S29)."""
    text = draft(per_week=3)
    assert publish(runtime, SYSTEM, text) == 2
    refused("policy_needs_person", lambda: decide(runtime, SYSTEM, 2, text))
    decide(runtime, person(runtime, "ming"), 2, text)
    assert states(runtime)[2] == "in_force"


def test_only_a_manager_hands_in_or_decides(runtime: Runtime) -> None:
    text = draft(per_week=3)
    publish(runtime, SYSTEM, text)
    for role in (Role.REP, Role.LEAD, Role.FINANCE, Role.AUDITOR, Role.ADMIN):
        actor = person(runtime, f"the.{role.value}", role)
        with pytest.raises(Forbidden):
            publish(runtime, actor, draft(per_week=4))
        with pytest.raises(Forbidden):
            decide(runtime, actor, 2, text)
    assert states(runtime) == {2: "waiting", 1: "in_force"}


def test_two_persons_even_after_a_change_of_role(runtime: Runtime) -> None:
    """Who hands in, loses the role and gets it back is the same person; who has lost it decides nothing, whatever his session still says."""
    ming, mei = person(runtime, "ming"), person(runtime, "mei")
    text = draft(per_week=3)
    publish(runtime, ming, text)
    runtime.write(SYSTEM, lambda work: users.set_role(work, "ming", Role.FINANCE))
    with pytest.raises(Forbidden):
        decide(runtime, ming, 2, text)
    runtime.write(SYSTEM, lambda work: users.set_role(work, "ming", Role.MANAGER))
    refused("policy_own_request", lambda: decide(runtime, ming, 2, text))
    runtime.write(SYSTEM, lambda work: users.set_active(work, "mei", False))
    with pytest.raises(Forbidden):
        decide(runtime, mei, 2, text)
    assert states(runtime)[2] == "waiting"


def test_refusing_needs_a_reason_and_leaves_the_policy(runtime: Runtime) -> None:
    """The one who asked may take his own version back: that approves nothing."""
    ming, mei = person(runtime, "ming"), person(runtime, "mei")
    first, second = draft(per_week=3), draft(per_week=4)
    publish(runtime, ming, first)
    publish(runtime, ming, second)
    assert refused("missing_reason", lambda: decide(runtime, mei, 2, first, approve=False, reason="  ")).field == "reason"
    decide(runtime, mei, 2, first, approve=False, reason="too often for hospitals")
    decide(runtime, ming, 3, second, approve=False, reason="a slip")
    assert (states(runtime), rules(runtime).number) == ({3: "refused", 2: "refused", 1: "in_force"}, 1)
    with runtime.read(SYSTEM) as view:
        version = policy.version(view.session, 2, TODAY)
        assert (version.requested_by, version.decided_by, version.reason) == ("Ming", "Mei", "too often for hospitals")


def test_a_decision_holds_for_the_text_that_was_read(runtime: Runtime) -> None:
    mei = person(runtime, "mei")
    publish(runtime, SYSTEM, draft(per_week=3))
    refused("changed_meanwhile", lambda: decide(runtime, mei, 2, draft(per_week=4)))
    with pytest.raises(NotFound):
        decide(runtime, mei, 9, draft(per_week=3))
    assert states(runtime)[2] == "waiting"


def test_what_was_overtaken_is_not_approved(runtime: Runtime) -> None:
    """Version 3 is approved first: approving 2 after it would undo what 3 was written on top of."""
    mei = person(runtime, "mei")
    first, second = draft(per_week=3), draft(per_week=4)
    publish(runtime, SYSTEM, first)
    publish(runtime, SYSTEM, second)
    decide(runtime, mei, 3, second)
    refused("policy_overtaken", lambda: decide(runtime, mei, 2, first))
    assert rules(runtime).policy.contact.per_week == 4


def test_a_version_begins_on_its_day(runtime: Runtime, clock: FixedClock) -> None:
    """Handed in for 1 April and approved on 12 March: in force from 1 April. Wanted for 15 March and approved on the 20th: from the 20th."""
    mei, april, march = person(runtime, "mei"), draft(per_week=3), draft(per_week=4)
    clock.set("2026-03-10T02:00")
    publish(runtime, SYSTEM, april, date(2026, 4, 1))
    clock.set("2026-03-12T02:00")
    decide(runtime, mei, 2, april)
    assert states(runtime, date(2026, 3, 12)) == {2: "coming", 1: "in_force"}
    assert [rules(runtime, date(2026, month, day)).number for month, day in ((3, 12), (3, 31), (4, 1))] == [1, 1, 2]
    publish(runtime, SYSTEM, march, date(2026, 3, 15))
    clock.set("2026-03-20T02:00")
    decide(runtime, mei, 3, march)
    assert [rules(runtime, date(2026, month, day)).number for month, day in ((3, 19), (3, 20), (3, 31), (4, 1))] == [1, 3, 3, 2]


@pytest.mark.parametrize(("day", "code"), [(date(2026, 3, 9), "policy_effective_past"), (date(2027, 4, 1), "policy_effective_far")])
def test_the_day_lies_ahead_but_not_too_far(sqlite_runtime: Runtime, day: date, code: str) -> None:
    assert refused(code, lambda: publish(sqlite_runtime, SYSTEM, draft(per_week=3), day)).field == "effective"


def test_the_same_text_twice_is_no_new_version(sqlite_runtime: Runtime) -> None:
    """Other line ends, a byte order mark and empty lines around it make no other text (S16)."""
    text = draft()
    assert refused("policy_same", lambda: publish(sqlite_runtime, SYSTEM, text)).field == "text"
    refused("policy_same", lambda: publish(sqlite_runtime, SYSTEM, "\N{ZERO WIDTH NO-BREAK SPACE}" + text.replace("\n", "\r\n") + "\n\n"))
    publish(sqlite_runtime, SYSTEM, draft(per_week=3))
    refused("policy_waiting_same", lambda: publish(sqlite_runtime, SYSTEM, draft(per_week=3)))
    assert states(sqlite_runtime) == {2: "waiting", 1: "in_force"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "name is missing; add it."),
        ("name = Small\n", "Line 1 cannot be read from column 8 on (name = Small); write name = value, and texts in double quotes."),
        ('name = "Small"\n[contact\n', "Line 2 cannot be read from column 9 on ([contact); write name = value, and texts in double quotes."),
        ('name = "Small', 'Line 1 cannot be read from column 14 on (name = "Small); write name = value, and texts in double quotes.'),
        ("x = " + "[" * 5000, "Line 1 cannot be read from column 1 on (…); write name = value, and texts in double quotes."),
        ("x = 1" + "0" * 5000, "Line 1 cannot be read from column 1 on (…); write name = value, and texts in double quotes."),
        ("# " + "x" * 200_000, "A policy has at most 200000 characters, this one has 200003; shorten its texts."),
    ],
)
def test_what_is_no_policy_at_all(text: str, told: str) -> None:
    assert say(policy.check(text)[0]) == told


def test_a_draft_for_a_preview(sqlite_runtime: Runtime) -> None:
    """`--policy FILE`: the rules of a draft as number 0, or its first fault; nothing is stored."""
    with sqlite_runtime.read(SYSTEM) as view:
        assert (policy.of_text(draft(per_week=4), view.session, view.seller).number, policy.of_text(draft(per_week=4), view.session, view.seller).policy.contact.per_week) == (0, 4)
        refused("policy_number", lambda: policy.of_text(draft(per_week=0), view.session, view.seller))
    assert states(sqlite_runtime) == {1: "in_force"}
    assert refused("policy_not_text", lambda: policy.text_of("策略".encode("gb18030"), "草稿.toml")).params["name"] == "草稿.toml"


def test_a_version_that_this_program_cannot_read_is_named(sqlite_runtime: Runtime) -> None:
    with sqlite_runtime.engine.begin() as connection:
        connection.execute(sa.update(PolicyVersion).values(text=draft(per_week=0)))
    told = refused("policy_unreadable", lambda: rules(sqlite_runtime))
    assert say(told) == "Version 1 of the policy cannot be used by this program: contact.per_week must be a whole number from 1 to 5, not 0."


def test_calendars_carry_the_companys_own_days(runtime: Runtime) -> None:
    """2026-10-01 is a holiday in China; 11 March closed and Saturday 14 March worked by the company; made once for each country."""
    with runtime.engine.begin() as connection:
        connection.execute(sa.insert(Closure), [{"day": 20260311, "works": False, "name": "Stocktaking"}, {"day": 20260314, "works": True, "name": "Fair"}])
    found = rules(runtime)
    china, america = found.calendar("CN"), found.calendar("US")
    assert [calendar.is_business_day(date(2026, 3, 11)) for calendar in (china, america)] == [False, False]
    assert [calendar.is_business_day(date(2026, 3, 14)) for calendar in (china, america)] == [True, True]
    assert [calendar.is_business_day(date(2026, 10, 1)) for calendar in (china, america)] == [False, True]
    assert found.calendar("CN") is china and found.calendar("") is china and found.calendar(None) is china
    assert isinstance(found.calendar("Utopia"), Calendar) and not found.calendar("Utopia").knows(TODAY)


def test_two_managers_decide_at_once(runtime: Runtime) -> None:
    """Four decisions on one version at the same time: one is done, three find it decided."""
    text = draft(per_week=3)
    publish(runtime, SYSTEM, text)
    people = [person(runtime, f"m{number}") for number in range(4)]
    told: list[str] = []
    start = threading.Barrier(4)

    def act(number: int) -> None:
        start.wait()
        try:
            decide(runtime, people[number], 2, text, approve=number % 2 == 0, reason="at once")
            told.append("done")
        except Refusal as refusal:
            told.append(refusal.code)

    threads = [threading.Thread(target=act, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(told) == ["done", "policy_decided", "policy_decided", "policy_decided"]
    assert verify.verify(runtime) == []
