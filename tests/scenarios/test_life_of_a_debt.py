"""Lives of a debt on dated days, on both engines: from the first note to a stop and its release, and what may come between."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa

from collect.channels.memory import Memory
from collect.domain.errors import Forbidden, Refusal
from collect.domain.rights import ALL, SYSTEM, Actor, Role
from collect.runtime import Runtime
from collect.services import cases, day, dispatch, escalation, users, verify
from collect.storage.escalations import Hold, Proposal
from collect.storage.notices import Notice
from tests.conftest import PASSWORD, FixedClock
from tests.taking_in import take_in

DEBT = "customer_no,name,segment,email,language,rep\nD1,远山医疗器械有限公司,经销商,cw@yuanshan.example,zh,rui\n"
Live = Callable[..., int]


def at(day: date, hour: int, minute: int = 0) -> datetime:
    """A local time in Shanghai (UTC+8) as an instant."""
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC) - timedelta(hours=8)


@pytest.fixture
def clock() -> FixedClock:
    """Before everything here begins: what is recorded never goes back."""
    return FixedClock(datetime(2026, 2, 1, tzinfo=UTC))


@pytest.fixture
def channel() -> Memory:
    return Memory()


@pytest.fixture
def people(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> dict[str, Actor]:
    """A rep, and two managers."""
    from argon2 import PasswordHasher

    monkeypatch.setattr(users, "_hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    made = {}
    for name, role in (("rui", Role.REP), ("ming", Role.MANAGER), ("mei", Role.MANAGER)):
        row = runtime.write(SYSTEM, lambda work, name=name, role=role: users.add(work, name, name.title(), role, PASSWORD))  # type: ignore[misc]
        with runtime.read(SYSTEM) as view:
            made[name] = users.actor_of(view.session, row)
    return made


@pytest.fixture
def live(runtime: Runtime, clock: FixedClock, channel: Memory) -> Live:
    """Live through a day: the round at six in the morning, the worker at nine (unless it is down); returns how many messages went out."""

    def through(today: date, worker: bool = True) -> int:
        clock.now = at(today, 6)
        day.run(runtime, SYSTEM, today)
        before = len(channel.sent)
        if worker:
            clock.now = at(today, 9)
            dispatch.send_due(runtime, channel, at(today, 9), "test:1:a")
        return len(channel.sent) - before

    return through


def days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def owe(runtime: Runtime, clock: FixedClock, today: date, due: date, amount: str = "12000.00", number: str = "FP-1") -> None:
    """The dealer and one invoice, entered on a day."""
    clock.now = at(today, 5)
    take_in(runtime, "customers", DEBT)
    issued = due - timedelta(days=30)
    assert take_in(runtime, "invoices", f"invoice_no,customer_no,issue_date,due_date,amount\n{number},D1,{issued},{due},{amount}\n").refused == 0


def pay(runtime: Runtime, clock: FixedClock, when: datetime, amount: str, number: str = "FP-1", reference: str = "SK-1") -> None:
    clock.now = when
    paid = (when + timedelta(hours=8)).date()
    file = f"payment_ref,customer_no,date,amount,method,invoice_no\n{reference},D1,{paid},{amount},transfer,{number}\n"
    assert take_in(runtime, "payments", file).refused == 0


def contacts(runtime: Runtime) -> list[tuple[date, str, str, str]]:
    """(day, step, channel, state) of every contact ever planned."""
    with runtime.read(SYSTEM) as view:
        return [(row.day, row.step, row.channel, row.state) for row in view.session.scalars(sa.select(Notice).order_by(Notice.slot_at, Notice.id))]


def supply(runtime: Runtime) -> str:
    return escalation.answer(runtime, SYSTEM, "D1").answer


def the_proposal(runtime: Runtime) -> Proposal:
    with runtime.read(SYSTEM) as view:
        return view.session.scalars(sa.select(Proposal).where(Proposal.state == "open")).one()


def approve(runtime: Runtime, actor: Actor, note: str = "同意") -> None:
    proposal = the_proposal(runtime)
    runtime.write(actor, lambda work: escalation.decide(work, proposal.id, "approve", proposal.content_hash, note))


def test_from_the_first_note_to_a_stop_and_its_release(runtime: Runtime, clock: FixedClock, live: Live, channel: Memory, people: dict[str, Actor]) -> None:
    """FP-1, 12,000.00, falls due on Tuesday 10 March 2026; a dealer: note 3 days before, on the day, +7; call +14; visit +30; no credit from 15, no supply from 30.

    | day         | what                                                                                          |
    |-------------|-----------------------------------------------------------------------------------------------|
    | Thu 5 March | three days before is Saturday 7th: the note moves back to Thursday                            |
    | Tue 10      | note on the due date (3 business days after the 5th: 6th, 9th, 10th: exactly enough)          |
    | Tue 17      | reminder, 7 days past due                                                                     |
    | Tue 24      | call, 14 days; the rep logs it: "the boss is away"                                            |
    | Wed 25      | 15 days past due: policy proposes to stop new credit; supply: refer                           |
    | Thu 26      | the rep may not decide, a manager approves; supply: no; the notice of the stop goes out       |
    | Mon 30      | 12,000.00 arrives                                                                             |
    | Tue 31      | policy proposes the release, the other manager approves; supply: yes                          |
    """
    owe(runtime, clock, date(2026, 3, 1), date(2026, 3, 10))
    sent = {today: live(today) for today in days(date(2026, 3, 1), date(2026, 3, 24))}
    assert {today for today, count in sent.items() if count} == {date(2026, 3, 5), date(2026, 3, 10), date(2026, 3, 17)}
    assert set(sent.values()) == {0, 1}
    assert all("12,000.00" in mail.body and "FP-1" in mail.body for mail in channel.sent)
    clock.now = at(date(2026, 3, 24), 9, 30)
    runtime.write(people["rui"], lambda work: cases.log(work, "D1", cases.Contact("call", note="财务说老板出差")))
    assert supply(runtime) == "yes"
    live(date(2026, 3, 25))
    assert (the_proposal(runtime).step, the_proposal(runtime).oldest_days, the_proposal(runtime).overdue_minor) == ("stop_credit", 15, 1_200_000)
    assert supply(runtime) == "refer"
    live(date(2026, 3, 26))
    with pytest.raises(Forbidden):
        approve(runtime, people["rui"])
    with pytest.raises((Forbidden, Refusal)):
        approve(runtime, SYSTEM)
    approve(runtime, people["ming"])
    assert supply(runtime) == "no"
    clock.now = at(date(2026, 3, 26), 10)
    assert dispatch.send_due(runtime, channel, at(date(2026, 3, 26), 10), "test:1:a").sent == 1, "formal notices go on any business day"
    pay(runtime, clock, at(date(2026, 3, 30), 15), "12000.00")
    assert supply(runtime) == "no", "a stop stays in force until it is released"
    live(date(2026, 3, 31))
    assert the_proposal(runtime).step == "release"
    approve(runtime, people["mei"])
    assert supply(runtime) == "yes"
    assert contacts(runtime)[:5] == [
        (date(2026, 3, 5), "pre_due", "email", "sent"),
        (date(2026, 3, 10), "due", "email", "sent"),
        (date(2026, 3, 17), "overdue", "email", "sent"),
        (date(2026, 3, 24), "call", "call", "done"),
        (date(2026, 3, 26), "stop_credit", "email", "sent"),
    ]
    with runtime.read(SYSTEM) as view:
        hold = view.session.scalars(sa.select(Hold)).one()
        assert (hold.rung, hold.since, hold.released_on) == ("stop_credit", date(2026, 3, 26), date(2026, 3, 31))
        assert ALL.everything
    assert verify.verify(runtime) == []


def test_paid_between_planning_and_sending(runtime: Runtime, clock: FixedClock, live: Live, channel: Memory, people: dict[str, Actor]) -> None:
    """Planned at six on Tuesday 10 March, paid at eight, the worker at nine: nothing goes out, and the contact says why."""
    owe(runtime, clock, date(2026, 3, 9), date(2026, 3, 10))
    live(date(2026, 3, 10), worker=False)
    assert contacts(runtime) == [(date(2026, 3, 10), "due", "email", "planned")]
    pay(runtime, clock, at(date(2026, 3, 10), 8), "12000.00")
    clock.now = at(date(2026, 3, 10), 9)
    assert dispatch.send_due(runtime, channel, clock.now, "test:1:a").sent == 0
    assert channel.sent == [] and contacts(runtime) == [(date(2026, 3, 10), "due", "email", "cancelled")]
    with runtime.read(SYSTEM) as view:
        assert view.session.scalars(sa.select(Notice.reason)).one() == "nothing_open"
    assert verify.verify(runtime) == []


def test_a_part_payment_at_eight_is_not_asked_for_at_nine(runtime: Runtime, clock: FixedClock, live: Live, channel: Memory, people: dict[str, Actor]) -> None:
    """12,000.00 planned, 4,000.00 paid: the message asks for 8,000.00."""
    owe(runtime, clock, date(2026, 3, 9), date(2026, 3, 10))
    live(date(2026, 3, 10), worker=False)
    pay(runtime, clock, at(date(2026, 3, 10), 8), "4000.00")
    clock.now = at(date(2026, 3, 10), 9)
    dispatch.send_due(runtime, channel, clock.now, "test:1:a")
    assert len(channel.sent) == 1 and "8,000.00" in channel.sent[0].body
    assert verify.verify(runtime) == []


def test_a_promise_pauses_until_it_is_broken_and_is_followed_up_on_the_next_morning(
    runtime: Runtime, clock: FixedClock, live: Live, channel: Memory, people: dict[str, Actor]
) -> None:
    """Due 10 March; on Thursday 12th all of it is promised for Wednesday 18th, with one business day of grace until the 19th.

    The reminder of the 17th is held back. The bank's data is complete through the 19th on Friday 20th: broken; Friday is no
    morning for calls, so the call is planned for Tuesday 24th, 09:00.
    """
    owe(runtime, clock, date(2026, 3, 9), date(2026, 3, 10))
    assert live(date(2026, 3, 10)) == 1
    clock.now = at(date(2026, 3, 12), 14)
    promise = cases.PromiseDraft(1_200_000, "CNY", date(2026, 3, 18))
    runtime.write(people["rui"], lambda work: cases.log(work, "D1", cases.Contact("visit", promise=promise)))
    for today in days(date(2026, 3, 13), date(2026, 3, 19)):
        assert live(today) == 0
    clock.now = at(date(2026, 3, 20), 5)
    runtime.write(SYSTEM, lambda work: cases.bank_complete(work, date(2026, 3, 19)))
    live(date(2026, 3, 20))
    planned = [one for one in contacts(runtime) if one[3] == "planned"]
    assert planned == [(date(2026, 3, 24), "broken_promise", "call", "planned")]
    assert verify.verify(runtime) == []


def test_a_missed_week_is_caught_up_by_one_contact(runtime: Runtime, clock: FixedClock, live: Live, channel: Memory, people: dict[str, Actor]) -> None:
    """The note of Thursday 5 March is planned on the 4th; then program and worker are off until Thursday 19th, nine days past due.

    One message goes out, the reminder of +7; what was planned for the 5th is marked as missed by us (P4).
    """
    owe(runtime, clock, date(2026, 3, 4), date(2026, 3, 10))
    live(date(2026, 3, 5), worker=False)
    assert live(date(2026, 3, 19)) == 1
    assert contacts(runtime) == [(date(2026, 3, 5), "pre_due", "email", "missed"), (date(2026, 3, 19), "overdue", "email", "sent")]
    assert sum(live(today) for today in days(date(2026, 3, 20), date(2026, 3, 23))) == 0
    assert verify.verify(runtime) == []


def test_the_national_day_week_and_its_make_up_saturday(runtime: Runtime, clock: FixedClock, live: Live, channel: Memory, people: dict[str, Actor]) -> None:
    """Due Thursday 1 October 2026, the first of seven days off; Sunday 20 September and Saturday 10 October are worked instead.

    Three days before is Monday 28 September: back to Thursday 24th (Friday 25th is the Mid-Autumn Festival). The note of the
    due date goes forward to Thursday 8 October; on that morning the debt is 7 days past due, so the one message that goes out
    is the reminder of +7: caught up, not doubled. The call of +14 is 7 days after it, on Thursday 15th. Nothing on the
    working Saturday.
    """
    owe(runtime, clock, date(2026, 9, 19), date(2026, 10, 1))
    sent = [today for today in days(date(2026, 9, 20), date(2026, 10, 16)) if live(today)]
    assert sent == [date(2026, 9, 24), date(2026, 10, 8)]
    assert [one for one in contacts(runtime) if one[3] != "cancelled"] == [
        (date(2026, 9, 24), "pre_due", "email", "sent"),
        (date(2026, 10, 8), "overdue", "email", "sent"),
        (date(2026, 10, 15), "call", "call", "missed"),
        (date(2026, 10, 20), "call", "call", "planned"),
    ]
    assert verify.verify(runtime) == []


def test_do_not_contact_stops_everything_and_everything_goes_on_after_it(runtime: Runtime, clock: FixedClock, live: Live, channel: Memory, people: dict[str, Actor]) -> None:
    """Marked on 9 March, planned for the 10th: withdrawn. Cleared on the 16th: the reminder goes out on the 17th."""
    owe(runtime, clock, date(2026, 3, 8), date(2026, 3, 10))
    live(date(2026, 3, 9))
    clock.now = at(date(2026, 3, 9), 12)
    runtime.write(SYSTEM, lambda work: cases.set_standing(work, "D1", True, False, "客户要求只走书面"))
    assert live(date(2026, 3, 10)) == 0
    clock.now = at(date(2026, 3, 16), 12)
    runtime.write(SYSTEM, lambda work: cases.set_standing(work, "D1", False, False, "已恢复"))
    assert live(date(2026, 3, 17)) == 1
    assert verify.verify(runtime) == []
