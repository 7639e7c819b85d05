"""Proposals through their lives, on both engines: proposed, refreshed, moved up, decided once by another person, released (S24, S25, S29)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from collect.channels.memory import Memory
from collect.domain.errors import Forbidden, NotFound, Refusal
from collect.domain.rights import SYSTEM, Actor, Role
from collect.runtime import Runtime
from collect.services import cases, dispatch, escalation, policy, users, verify
from collect.storage.audit import Audit
from collect.storage.customers import find_customer
from collect.storage.escalations import Hold, Proposal
from collect.storage.notices import Notice
from collect.storage.users import find_user
from tests.conftest import PASSWORD, FixedClock
from tests.taking_in import take_in

TODAY = date(2026, 3, 10)
PEOPLE = {"ming": Role.MANAGER, "mia": Role.MANAGER, "lan": Role.LEAD, "rui": Role.REP, "rosa": Role.REP, "fang": Role.FINANCE, "ao": Role.AUDITOR, "ad": Role.ADMIN}
CUSTOMERS = """customer_no,name,segment,rep,terms,credit_limit,language,email
C1,Alder,dealer,rui,NET30,1000.00,en,pay@alder.example
C2,Birch,dealer,rosa,NET30,,zh,
C3,Cedar,hospital,rui,NET30,,en,
C4,Doum,dealer,rui,NET30,,en,
"""
# On 10 March 2026, a Tuesday: C1 is 30 and 9 days late, C2 15, C3 (a public hospital) 130, C4 9.
INVOICES = """invoice_no,customer_no,issue_date,due_date,amount
A1,C1,2026-01-09,2026-02-08,100.00
A2,C1,2026-01-30,2026-03-01,50.00
B1,C2,2026-01-24,2026-02-23,70.00
H1,C3,2025-10-01,2025-10-31,900.00
D1,C4,2026-01-30,2026-03-01,20.00
"""


@pytest.fixture(autouse=True)
def _quick_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    from argon2 import PasswordHasher

    monkeypatch.setattr(users, "_hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


@pytest.fixture
def book(runtime: Runtime) -> Runtime:
    return fill(runtime)


@pytest.fixture
def small(sqlite_runtime: Runtime) -> Runtime:
    return fill(sqlite_runtime)


def fill(runtime: Runtime) -> Runtime:
    for name, role in PEOPLE.items():
        runtime.write(SYSTEM, lambda work, name=name, role=role: users.add(work, name, name.title(), role, PASSWORD))  # type: ignore[misc]
    assert take_in(runtime, "customers", CUSTOMERS).refused == 0
    assert take_in(runtime, "invoices", INVOICES).refused == 0
    return runtime


def who(runtime: Runtime, name: str) -> Actor:
    with runtime.read(SYSTEM) as view:
        user = find_user(view.session, name)
        assert user is not None
        return users.actor_of(view.session, user)


def run(runtime: Runtime, day: date = TODAY) -> dict[str, tuple[str, str]]:
    """Customer to step and outcome of the round of a day."""
    return {one.customer_no: (one.step, one.outcome) for one in escalation.escalate(runtime, SYSTEM, day)}


def last(runtime: Runtime, customer_no: str) -> Proposal:
    """The customer's latest proposal."""
    with runtime.read(SYSTEM) as view:
        customer = find_customer(view.session, SYSTEM.scope, customer_no)
        assert customer is not None
        return view.session.scalars(sa.select(Proposal).where(Proposal.customer_id == customer.id).order_by(Proposal.id.desc()).limit(1)).one()


def holds(runtime: Runtime) -> list[tuple[str, date | None]]:
    with runtime.read(SYSTEM) as view:
        return [(row.rung, row.released_on) for row in view.session.scalars(sa.select(Hold).order_by(Hold.rung))]


def fingerprint(runtime: Runtime, proposal_id: int) -> str:
    """The fingerprint of the case as somebody sees it now."""
    with runtime.read(SYSTEM) as view:
        found = escalation.storage.find_proposal(view.session, SYSTEM.scope, proposal_id)
        assert found is not None
        return escalation.present(view.session, view.seller, *found, view.today).hash


def decide(runtime: Runtime, name: str, customer_no: str, verdict: str = "approve", note: str = "", **more: Any) -> None:
    row = last(runtime, customer_no)
    content_hash = more.pop("content_hash", None) or fingerprint(runtime, row.id)
    actor = who(runtime, name)
    runtime.write(actor, lambda work: escalation.decide(work, row.id, verdict, content_hash, note, **more))


def propose(runtime: Runtime, name: str, customer_no: str, step: str, note: str = "He told me so.") -> int:
    actor = who(runtime, name)
    return runtime.write(actor, lambda work: escalation.propose(work, customer_no, step, note))


def supply(runtime: Runtime, customer_no: str, amount: str | None = None) -> tuple[str, tuple[str, ...]]:
    told = escalation.answer(runtime, SYSTEM, customer_no, amount)
    return told.answer, told.reasons


def pay(runtime: Runtime, customer_no: str, invoice_no: str, amount: str, ref: str = "P1") -> None:
    assert take_in(runtime, "payments", f"payment_ref,customer_no,date,amount,invoice_no\n{ref},{customer_no},2026-03-10,{amount},{invoice_no}\n").new == 1


def refused(code: str, act: Callable[[], object]) -> None:
    with pytest.raises(Refusal) as caught:
        act()
    assert caught.value.code == code


def test_the_round_proposes_what_age_has_reached(book: Runtime) -> None:
    """30 days: stop supply; 15: stop new credit; the hospital at 130: stop new credit, its supply never by age; 9 days: nothing."""
    assert run(book) == {"C1": ("stop_supply", "new"), "C2": ("stop_credit", "new"), "C3": ("stop_credit", "new")}
    anchor = verify.anchor_of(book)
    assert run(book) == {"C1": ("stop_supply", "kept"), "C2": ("stop_credit", "kept"), "C3": ("stop_credit", "kept")}
    assert verify.anchor_of(book) == anchor
    row = last(book, "C1")
    assert (row.overdue_minor, row.oldest_days, row.currency, row.requested_by, row.level, row.content_hash) == (15_000, 30, "CNY", None, 1, fingerprint(book, row.id))
    with book.read(SYSTEM) as view:
        notes = list(view.session.scalars(sa.select(Audit).where(Audit.kind == "proposal", Audit.action == "propose")))
    assert {note.customer_id for note in notes} == {last(book, number).customer_id for number in ("C1", "C2", "C3")}
    assert {note.actor for note in notes} == {"system"}
    assert supply(book, "C1") == ("refer", ("stop_supply_proposed",))
    refused("round_before_latest", lambda: run(book, TODAY - timedelta(days=1)))
    assert verify.verify(book) == []


def test_a_preview_writes_nothing_and_looks_at_any_date(small: Runtime) -> None:
    """On 24 February C1 is 16 days late, C2 one, C3 116: one stop of credit; and nobody but its own customers for a rep."""
    run(small)
    before = verify.anchor_of(small)
    told = escalation.escalate(small, SYSTEM, date(2026, 2, 24), preview=True)
    assert [(one.customer_no, one.step, one.oldest_days) for one in told] == [("C1", "stop_credit", 16)]
    assert [one.customer_no for one in escalation.escalate(small, who(small, "rosa"), TODAY, preview=True)] == ["C2"]
    assert verify.anchor_of(small) == before
    with pytest.raises(Forbidden):
        escalation.escalate(small, who(small, "ming"), TODAY)


def test_an_approved_stop_is_in_force_notified_and_answers_no(book: Runtime) -> None:
    """Basis and conditions in the customer's language, reviewed in 30 days, a formal notice to pay within five business days: 17 March."""
    run(book)
    decide(book, "ming", "C1", note="Agreed with the rep.")
    row = last(book, "C1")
    assert (row.state, row.decided_by, row.decided_on, row.decision_note) == ("approved", who(book, "ming").user_id, TODAY, "Agreed with the rep.")
    with book.read(SYSTEM) as view:
        hold = view.session.scalars(sa.select(Hold)).one()
        assert (hold.rung, hold.since, hold.review_on, hold.released_on) == ("stop_supply", TODAY, TODAY + timedelta(days=30), None)
        assert hold.basis.startswith("The clause of the sales contract") and hold.conditions == "nothing on the account is overdue by 30 days or more"
        notice = view.session.scalars(sa.select(Notice).where(Notice.proposal_id == row.id)).one()
        assert (notice.step, notice.channel, notice.state, notice.deadline) == ("stop_supply", "email", "planned", date(2026, 3, 17))
    assert supply(book, "C1") == ("no", ("stop_supply",))
    assert "C1" not in run(book, TODAY + timedelta(days=1))
    assert verify.verify(book) == []


def test_the_decider_may_name_another_basis(small: Runtime) -> None:
    run(small)
    refused("too_long", lambda: decide(small, "ming", "C2", basis="x" * 401))
    decide(small, "ming", "C2", basis="合同第八条")
    with small.read(SYSTEM) as view:
        hold = view.session.scalars(sa.select(Hold)).one()
    assert (hold.basis, hold.rung) == ("合同第八条", "stop_credit")


@pytest.mark.parametrize("name", ["lan", "rui", "rosa", "fang", "ao", "ad"])
def test_only_managers_decide(small: Runtime, name: str) -> None:
    run(small)
    with pytest.raises(Forbidden):
        decide(small, name, "C1")
    assert last(small, "C1").state == "open"


def test_the_command_line_and_the_worker_approve_nothing(small: Runtime) -> None:
    run(small)
    row = last(small, "C1")
    with pytest.raises(Forbidden):
        small.write(SYSTEM, lambda work: escalation.decide(work, row.id, "approve", row.content_hash, ""))


@pytest.mark.parametrize("verdict", ["approve", "refuse", "defer"])
def test_nobody_decides_his_own_request_not_after_a_change_of_role_either(book: Runtime, verdict: str) -> None:
    """rui asks as a rep and is made manager; ming asks as a manager. Another manager may decide both."""
    propose(book, "rui", "C4", "stop_supply", "No supply, no payment, says the owner.")
    propose(book, "ming", "C1", "stop_credit")
    book.write(SYSTEM, lambda work: users.set_role(work, "rui", Role.MANAGER))
    for name, customer_no in (("rui", "C4"), ("ming", "C1")):
        refused("own_proposal", lambda name=name, customer_no=customer_no: decide(book, name, customer_no, verdict, "x", until=TODAY + timedelta(days=5)))  # type: ignore[misc]
        assert last(book, customer_no).state == "open"
        decide(book, "mia", customer_no, verdict, "x", until=TODAY + timedelta(days=5))
    assert {last(book, "C4").state, last(book, "C1").state} == {escalation.VERDICTS[verdict]}
    assert verify.verify(book) == []


def test_a_stale_fingerprint_decides_nothing(book: Runtime) -> None:
    """The page was loaded, then 1.00 was paid, without any round in between; the case as it is now may be decided."""
    run(book)
    seen = last(book, "C1").content_hash
    pay(book, "C1", "A1", "1.00")
    for verdict in ("approve", "refuse", "defer"):
        refused("proposal_changed", lambda verdict=verdict: decide(book, "ming", "C1", verdict, "x", until=TODAY + timedelta(days=5), content_hash=seen))  # type: ignore[misc]
    refused("proposal_changed", lambda: decide(book, "ming", "C1", content_hash="0" * 64))
    assert (last(book, "C1").state, holds(book)) == ("open", [])
    decide(book, "ming", "C1")
    assert last(book, "C1").overdue_minor == 14_900
    assert verify.verify(book) == []


def test_a_decision_is_used_once(small: Runtime) -> None:
    run(small)
    seen = last(small, "C1").content_hash
    decide(small, "ming", "C1")
    for verdict in ("approve", "refuse", "defer"):
        refused("proposal_decided", lambda verdict=verdict: decide(small, "mia", "C1", verdict, "x", content_hash=seen))  # type: ignore[misc]
    assert holds(small) == [("stop_supply", None)]


def test_two_managers_at_once_make_one_hold_and_one_refusal(book: Runtime) -> None:
    run(book)
    row = last(book, "C1")
    told: list[str] = []
    gate = threading.Barrier(2)

    def act(actor: Actor) -> None:
        gate.wait()
        try:
            book.write(actor, lambda work: escalation.decide(work, row.id, "approve", row.content_hash, ""))
            told.append("done")
        except Refusal as refusal:
            told.append(refusal.code)

    threads = [threading.Thread(target=act, args=(who(book, name),)) for name in ("ming", "mia")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(told) == ["done", "proposal_decided"]
    assert holds(book) == [("stop_supply", None)]
    assert verify.verify(book) == []


def test_refused_is_not_proposed_again_for_thirty_days_but_the_next_step_is(small: Runtime) -> None:
    """C2's stop of credit is refused on 10 March; on 25 March it is 30 days late: stop supply. Refused then too, policy is silent until 24 April."""
    run(small)
    refused("missing_reason", lambda: decide(small, "ming", "C2", "refuse"))
    decide(small, "ming", "C2", "refuse", "A good customer who moved house.")
    assert (last(small, "C2").state, supply(small, "C2")) == ("refused", ("yes", ()))
    for days in (1, 14):
        assert "C2" not in run(small, TODAY + timedelta(days=days))
    assert run(small, TODAY + timedelta(days=15))["C2"] == ("stop_supply", "new")
    decide(small, "mia", "C2", "refuse", "Still no.")
    assert "C2" not in run(small, TODAY + timedelta(days=29))
    assert run(small, TODAY + timedelta(days=30))["C2"] == ("stop_supply", "new")
    assert verify.verify(small) == []


def test_deferred_waits_until_its_day_and_is_open_again(book: Runtime) -> None:
    run(book)
    for day in (None, TODAY, TODAY - timedelta(days=1), TODAY + timedelta(days=91)):
        refused("bad_deferral", lambda day=day: decide(book, "ming", "C2", "defer", "He pays on Friday.", until=day))  # type: ignore[misc]
    decide(book, "ming", "C2", "defer", "He pays on Friday.", until=TODAY + timedelta(days=6))
    assert supply(book, "C2") == ("refer", ("stop_credit_proposed",))
    assert run(book, TODAY + timedelta(days=5))["C2"] == ("stop_credit", "deferred")
    assert run(book, TODAY + timedelta(days=6))["C2"] == ("stop_credit", "reopened")
    row = last(book, "C2")
    assert (row.state, row.level, row.decided_by) == ("open", 1, None)
    assert verify.verify(book) == []
    decide(book, "mia", "C2")
    assert holds(book) == [("stop_credit", None)]
    assert verify.verify(book) == []


def test_undecided_moves_up_a_level_and_never_dies(small: Runtime, clock: FixedClock) -> None:
    """From Tuesday 10 March: Thursday 12 is two business days, Monday 16 four; a month later it is still there, and may still be decided."""
    run(small)
    assert run(small, date(2026, 3, 11))["C1"] == ("stop_supply", "kept")
    assert run(small, date(2026, 3, 12))["C1"] == ("stop_supply", "moved_up")
    assert run(small, date(2026, 3, 12))["C1"] == ("stop_supply", "kept")
    assert run(small, date(2026, 3, 16))["C1"] == ("stop_supply", "moved_up")
    assert last(small, "C1").level == 3
    clock.set("2026-04-20T02:00:00")
    assert run(small, date(2026, 4, 20))["C1"] == ("stop_supply", "kept")
    row = last(small, "C1")
    assert (row.state, row.oldest_days, row.level) == ("open", 71, 3)
    decide(small, "ming", "C1")
    assert verify.verify(small) == []


def test_figures_are_refreshed_and_a_reason_that_is_gone_takes_the_proposal_back(book: Runtime) -> None:
    """A1 of C1 is paid in part: less overdue, another fingerprint; then wholly: the rest is nine days late, nothing reached."""
    run(book)
    before = last(book, "C1").content_hash
    pay(book, "C1", "A1", "40.00")
    assert run(book)["C1"] == ("stop_supply", "kept")
    row = last(book, "C1")
    assert row.overdue_minor == 11_000 and row.content_hash != before
    pay(book, "C1", "A1", "60.00", "P2")
    assert "C1" not in run(book)
    assert (last(book, "C1").state, supply(book, "C1")) == ("withdrawn", ("yes", ()))
    assert verify.verify(book) == []


def test_whoever_owes_nothing_any_more_is_left_alone(small: Runtime) -> None:
    run(small)
    pay(small, "C2", "B1", "70.00")
    assert "C2" not in run(small)
    assert last(small, "C2").state == "withdrawn"
    refused("proposal_decided", lambda: decide(small, "ming", "C2"))


def test_paid_after_the_round_a_stop_cannot_be_approved(small: Runtime) -> None:
    run(small)
    pay(small, "C2", "B1", "70.00")
    refused("proposal_reason_gone", lambda: decide(small, "ming", "C2"))


def test_a_higher_step_takes_the_place_of_the_lower_one(book: Runtime) -> None:
    """C2 is 29 days late on 24 March and 30 on the 25th: one open proposal an account, always the highest."""
    run(book)
    first = last(book, "C2").id
    assert run(book, date(2026, 3, 24))["C2"][0] == "stop_credit"
    assert run(book, date(2026, 3, 25))["C2"] == ("stop_supply", "new")
    with book.read(SYSTEM) as view:
        assert view.session.get_one(Proposal, first).state == "withdrawn"
    assert verify.verify(book) == []


def test_payment_proposes_the_release_and_approving_it_ends_every_lower_stop_too(book: Runtime) -> None:
    """Stop credit, then stop supply on C2; paid: the release is proposed; until it is decided the answer stays no."""
    run(book)
    decide(book, "ming", "C2")
    run(book, date(2026, 3, 25))
    decide(book, "mia", "C2")
    assert holds(book) == [("stop_credit", None), ("stop_supply", None)]
    pay(book, "C2", "B1", "70.00")
    assert run(book, date(2026, 3, 26))["C2"] == ("release", "new")
    assert run(book, date(2026, 3, 26))["C2"] == ("release", "kept")
    assert supply(book, "C2") == ("no", ("stop_supply", "stop_credit"))
    assert [reason["step"] for reason in [one.facts for one in escalation.domain.read_reasons(last(book, "C2").reasons)]] == ["stop_supply"]
    decide(book, "ming", "C2")
    assert holds(book) == [("stop_credit", TODAY), ("stop_supply", TODAY)]
    assert supply(book, "C2") == ("yes", ())
    assert "C2" not in run(book, date(2026, 3, 27))
    assert verify.verify(book) == []


def test_a_part_that_is_paid_releases_nothing_while_something_as_old_is_overdue(small: Runtime) -> None:
    """C1 was stopped at 30 days: with A1 paid, A2 is nine days late, which is less than 30."""
    run(small)
    decide(small, "ming", "C1")
    pay(small, "C1", "A1", "99.99")
    assert "C1" not in run(small)
    pay(small, "C1", "A1", "0.01", "P2")
    assert run(small)["C1"] == ("release", "new")
    refused("missing_reason", lambda: decide(small, "ming", "C1", "refuse"))
    decide(small, "ming", "C1", "refuse", "Not before A2 is paid.")
    assert "C1" not in run(small, TODAY + timedelta(days=1))
    assert holds(small) == [("stop_supply", None)]


def test_a_release_is_taken_back_when_its_conditions_no_longer_hold(small: Runtime) -> None:
    """A2 reaches 30 days on 31 March while the release waits."""
    run(small)
    decide(small, "ming", "C1")
    pay(small, "C1", "A1", "100.00")
    assert run(small)["C1"] == ("release", "new")
    assert run(small, date(2026, 3, 30))["C1"][0] == "release"
    assert "C1" not in run(small, date(2026, 3, 31))
    assert last(small, "C1").state == "withdrawn"


def test_a_release_is_not_approved_once_its_conditions_are_gone(small: Runtime, clock: FixedClock) -> None:
    """A2 is 9 days late on 10 March and 30 on 31 March: without a round in between, the same fingerprint releases nothing any more (S25)."""
    run(small)
    decide(small, "ming", "C1")
    pay(small, "C1", "A1", "100.00")
    assert run(small)["C1"] == ("release", "new")
    seen = fingerprint(small, last(small, "C1").id)
    clock.set("2026-03-31T04:00:00")
    refused("release_conditions_gone", lambda: decide(small, "mia", "C1", content_hash=seen))
    assert holds(small) == [("stop_supply", None)]


def test_a_debt_in_another_currency_changes_the_case_of_a_release(small: Runtime) -> None:
    run(small)
    decide(small, "ming", "C1")
    pay(small, "C1", "A1", "100.00")
    assert run(small)["C1"] == ("release", "new")
    seen = fingerprint(small, last(small, "C1").id)
    assert take_in(small, "invoices", "invoice_no,customer_no,issue_date,due_date,currency,amount\nU1,C1,2025-11-01,2025-12-01,USD,777.00\n").new == 1
    refused("proposal_changed", lambda: decide(small, "mia", "C1", content_hash=seen))
    refused("release_conditions_gone", lambda: decide(small, "mia", "C1"))
    assert holds(small) == [("stop_supply", None)]


def test_a_round_far_ahead_is_refused_since_every_later_one_would_be(small: Runtime) -> None:
    """31 days ahead of 10 March is 10 April."""
    refused("round_too_far", lambda: escalation.escalate(small, SYSTEM, date(2027, 3, 10)))
    refused("round_too_far", lambda: escalation.escalate(small, SYSTEM, date(2026, 4, 11)))
    assert escalation.escalate(small, SYSTEM, date(2027, 3, 10), preview=True)
    assert escalation.escalate(small, SYSTEM, date(2026, 4, 10))


def test_signs_that_nobody_types_are_no_reason(small: Runtime) -> None:
    run(small)
    refused("missing_reason", lambda: decide(small, "ming", "C2", "refuse", "\x00"))
    refused("missing_reason", lambda: propose(small, "rui", "C4", "stop_credit", " \x00 "))


def test_where_policy_says_so_a_release_needs_no_decision(book: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    run(book)
    decide(book, "ming", "C2")
    pay(book, "C2", "B1", "70.00")
    plain = policy.in_force

    def by_itself(*arguments: Any) -> policy.Rules:
        rules = plain(*arguments)
        return replace(rules, policy=replace(rules.policy, escalation=replace(rules.policy.escalation, release_by_itself=True)))

    monkeypatch.setattr(escalation, "in_force", by_itself)
    assert "C2" not in run(book)
    assert holds(book) == [("stop_credit", TODAY)]
    assert supply(book, "C2") == ("yes", ())
    assert verify.verify(book) == []


def test_proposals_by_hand_and_what_is_refused(small: Runtime) -> None:
    """C4 is nine days late. What a rep may not see does not exist for him; an auditor asks for nothing."""
    with pytest.raises(NotFound):
        propose(small, "rosa", "C4", "stop_credit")
    for name in ("ao", "ad"):
        with pytest.raises(Forbidden):
            propose(small, name, "C4", "stop_credit")
    refused("unknown_step", lambda: propose(small, "rui", "C4", "hang_him"))
    refused("missing_reason", lambda: propose(small, "rui", "C4", "stop_credit", "  "))
    refused("too_long", lambda: propose(small, "rui", "C4", "stop_credit", "x" * 2001))
    refused("previous_step_not_sent", lambda: propose(small, "rui", "C4", "final_demand"))
    refused("no_hold", lambda: propose(small, "rui", "C4", "release"))
    refused("legal_review_missing", lambda: propose(small, "rui", "C3", "stop_supply", ""))
    pay(small, "C2", "B1", "70.00")
    refused("nothing_overdue", lambda: propose(small, "rosa", "C2", "stop_credit"))
    propose(small, "rui", "C4", "stop_credit")
    refused("proposal_pending", lambda: propose(small, "rui", "C4", "stop_supply"))
    row = last(small, "C4")
    assert (row.requested_by, row.note, row.oldest_days) == (who(small, "rui").user_id, "He told me so.", 9)
    assert run(small)["C4"] == ("stop_credit", "kept")
    decide(small, "ming", "C4")
    refused("hold_in_force", lambda: propose(small, "rui", "C4", "stop_credit"))
    assert "C4" not in run(small), "a stop at nine days is not released while nine days are overdue"
    propose(small, "rui", "C4", "release", "The owner paid in cash.")
    decide(small, "ming", "C4")
    assert holds(small) == [("stop_credit", TODAY)]
    assert verify.verify(small) == []


def test_a_hospital_s_supply_stops_by_a_person_with_a_legal_review(small: Runtime) -> None:
    run(small)
    propose(small, "rui", "C3", "stop_supply", "Legal review of 9 March: no duty to supply under the framework contract.")
    decide(small, "ming", "C3")
    assert supply(small, "C3") == ("no", ("stop_supply",))


def test_a_person_s_higher_step_takes_the_place_of_policy_s(small: Runtime) -> None:
    run(small)
    propose(small, "rosa", "C2", "stop_supply", "No supply, no payment, they say.")
    assert (last(small, "C2").step, run(small)["C2"]) == ("stop_supply", ("stop_supply", "kept"))
    assert verify.verify(small) == []


def test_what_a_person_asked_for_expires(small: Runtime, clock: FixedClock) -> None:
    """Thirty days without a decision; on the 9th of April it is too late, and the round says so, on record."""
    propose(small, "rui", "C4", "stop_credit")
    clock.set("2026-04-09T02:10:00")
    refused("proposal_expired", lambda: decide(small, "ming", "C4"))
    assert run(small, date(2026, 4, 9))["C4"] == ("stop_supply", "new")
    with small.read(SYSTEM) as view:
        assert [row.state for row in view.session.scalars(sa.select(Proposal).where(Proposal.requested_by.is_not(None)))] == ["expired"]
    assert verify.verify(small) == []


def test_policy_s_proposal_expires_where_no_round_confirms_its_figures(small: Runtime, clock: FixedClock) -> None:
    run(small)
    clock.set("2026-04-09T02:10:00")
    refused("proposal_expired", lambda: decide(small, "ming", "C1"))
    run(small, date(2026, 4, 9))
    decide(small, "ming", "C1")


def test_a_promise_defers_a_proposal_and_does_not_take_one_back(small: Runtime) -> None:
    """C2 promises all of it: no proposal until 24 March (ten business days after the 15th day). C1 promises when its proposal waits already: it waits on."""
    draft = cases.PromiseDraft(due=date(2026, 3, 26), amount=7_000, currency="CNY")
    small.write(SYSTEM, lambda work: cases.promise(work, "C2", draft))
    assert "C2" not in run(small)
    whole = cases.PromiseDraft(due=date(2026, 3, 26), amount=15_000, currency="CNY")
    small.write(SYSTEM, lambda work: cases.promise(work, "C1", whole))
    assert run(small, date(2026, 3, 23))["C1"][0] == "stop_supply"
    assert "C2" not in run(small, date(2026, 3, 23))
    assert run(small, date(2026, 3, 24))["C2"] == ("stop_credit", "new")


def test_insolvency_takes_policy_s_proposal_back(small: Runtime) -> None:
    run(small)
    small.write(SYSTEM, lambda work: cases.set_standing(work, "C1", False, True, "Court of 10 March."))
    assert "C1" not in run(small)
    assert supply(small, "C1") == ("refer", ("insolvent",))


def test_steps_follow_each_other_from_the_stop_to_the_referral(book: Runtime, clock: FixedClock) -> None:
    """C1: stop supply on 10 March, its notice to be answered by the 17th, but sent on the 25th only; final demand from 45 days (25 March); referral from 75 (24 April)."""

    def send(at: str) -> list[str]:
        """Let the notice go out at an instant; the subjects of what went."""
        channel = Memory()
        clock.set(at)
        assert dispatch.send_due(book, channel, datetime.fromisoformat(at).replace(tzinfo=UTC), "test").sent == 1
        return [mail.subject for mail in channel.sent]

    run(book)
    decide(book, "ming", "C1")
    clock.set("2026-03-25T01:00:00")
    assert "C1" not in run(book, date(2026, 3, 25)), "the notice is not proven sent"
    refused("previous_step_not_sent", lambda: propose(book, "rui", "C1", "final_demand"))
    assert send("2026-03-25T02:00:00") == ["Supply stopped from 2026-03-25: Alder"]
    assert "C1" not in run(book, date(2026, 4, 1)), "sent after its deadline, it gives its seven days from there"
    assert run(book, date(2026, 4, 2))["C1"] == ("final_demand", "new")
    assert [one.code for one in escalation.domain.read_reasons(last(book, "C1").reasons)] == ["days_past_due", "notice_without_result"]
    clock.set("2026-04-02T01:00:00")
    decide(book, "ming", "C1")
    assert "C1" not in run(book, date(2026, 4, 24)), "the final demand is on its way"
    send("2026-04-02T02:00:00")
    clock.set("2026-04-25T02:00:00")
    assert run(book, date(2026, 4, 25))["C1"] == ("referral", "new")
    decide(book, "mia", "C1")
    assert [row for row in holds(book) if row[1] is None] == [("stop_supply", None)]
    assert verify.verify(book) == []


TAMPERING = [
    ("UPDATE proposal SET decided_by = NULL WHERE state = 'approved'", "proof_hold"),
    ("UPDATE proposal SET requested_by = decided_by WHERE state = 'approved'", "proof_own_proposal"),
    ("UPDATE proposal SET content_hash = 'x' WHERE state = 'approved'", "proof_proposal"),
    ("UPDATE proposal SET state = 'refused' WHERE state = 'approved'", "proof_proposal"),
    ("UPDATE proposal SET decided_by = (SELECT id FROM user_account WHERE username = 'mia') WHERE state = 'approved'", "proof_proposal"),
    ("UPDATE proposal SET step = 'stop_credit' WHERE state = 'approved'", "proof_hold"),
    ("UPDATE hold SET released_on = since", "proof_release"),
    ("DELETE FROM hold", "proof_hold"),
]


@pytest.mark.parametrize(("statement", "code"), TAMPERING, ids=[f"{code}-{at}" for at, (_, code) in enumerate(TAMPERING)])
def test_a_decision_changed_behind_the_books_is_named(small: Runtime, statement: str, code: str) -> None:
    """The database's own check stops a person from standing on both sides; here even that is switched off."""
    run(small)
    decide(small, "ming", "C1")
    with small.engine.connect().execution_options(collect_writes=True) as connection:
        connection.exec_driver_sql("PRAGMA ignore_check_constraints = ON")
        assert connection.execute(sa.text(statement)).rowcount == 1
        connection.commit()
        connection.exec_driver_sql("PRAGMA ignore_check_constraints = OFF")
    assert code in {finding.code for finding in verify.verify(small)}


def test_the_database_itself_refuses_one_person_on_both_sides(book: Runtime) -> None:
    run(book)
    decide(book, "ming", "C1")
    with pytest.raises(sa.exc.IntegrityError), book.engine.connect().execution_options(collect_writes=True) as connection:
        connection.execute(sa.text("UPDATE proposal SET requested_by = decided_by WHERE state = 'approved'"))
