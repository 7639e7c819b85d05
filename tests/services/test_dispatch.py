"""Sending: once, checked again at that instant, and settled by the answer; nothing lost and nothing twice, whatever breaks where."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from collect.channels.mail import Mail, Outcome, Uncertain
from collect.channels.memory import Memory
from collect.domain.errors import NotFound, Refusal
from collect.domain.rights import SYSTEM, Actor, Role, Scope
from collect.runtime import Runtime, Work
from collect.services import cases, dispatch, dunning, verify
from collect.services.dispatch import ATTEMPTS, Sent
from collect.storage.cases import Standing
from collect.storage.customers import Customer
from collect.storage.notices import NoticeItem
from tests.conftest import FixedClock
from tests.services.sending import BEFORE, MINUTE, NINE, TUESDAY, fill, message_of, notice_of, pay, planned, states


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(BEFORE)


def send(runtime: Runtime, channel: Memory | None = None, at: datetime = NINE, owner: str = "w1", **options: object) -> Sent:
    return dispatch.send_due(runtime, channel or Memory(), at, owner, **options)  # type: ignore[arg-type]


def answering(*outcomes: Outcome | Exception) -> Memory:
    return Memory(outcomes=iter(outcomes))


def test_every_customer_gets_one_message_with_all_his_items_once(runtime: Runtime) -> None:
    planned(runtime)
    channel = Memory()
    assert send(runtime, channel, NINE - MINUTE) == Sent()
    assert send(runtime, channel) == Sent(sent=3)
    assert send(runtime, channel, NINE + MINUTE) == Sent()
    assert sorted(mail.recipient for mail in channel.sent) == ["c1@buyer.example", "c2@buyer.example", "c3@buyer.example"]
    assert len({mail.message_id for mail in channel.sent}) == 3
    chinese = next(mail for mail in channel.sent if mail.recipient == "c1@buyer.example")
    assert "A1" in chinese.body and "B1" in chinese.body and "人民币 150.00 元" in chinese.subject
    english = next(mail for mail in channel.sent if mail.recipient == "c2@buyer.example")
    assert "CNY 150.00 is overdue" in english.body and "- A2, issued 2026-02-01, due 2026-03-01, 9 days overdue: CNY 100.00" in english.body
    assert verify.verify(runtime) == []


def test_a_sent_message_makes_its_step_done_for_its_items_and_stands_in_the_log(runtime: Runtime) -> None:
    planned(runtime, 1)
    assert send(runtime) == Sent(sent=1)
    message = message_of(runtime, 1)
    notice = notice_of(runtime, message)
    assert (message.state, message.sent_at, notice.state, notice.done_on) == ("sent", NINE, "sent", TUESDAY)
    with runtime.read(SYSTEM) as view:
        items = view.session.scalars(sa.select(NoticeItem).where(NoticeItem.notice_id == notice.id).order_by(NoticeItem.asked_minor)).all()
        assert [(item.asked_minor, item.step, item.done_on) for item in items] == [(5000, "overdue", TUESDAY), (10000, "overdue", TUESDAY)]
        logged = view.session.execute(sa.text("SELECT action, after FROM audit WHERE kind = 'message'")).all()
    assert [row[0] for row in logged] == ["send"]
    assert '"items":{"A1":"100.00 CNY","B1":"50.00 CNY"}' in logged[0][1]


def test_what_was_paid_meanwhile_is_not_asked(runtime: Runtime) -> None:
    """C1 paid all, C2 one invoice of 100.00: the first gets nothing, the second is asked for 50.00."""
    planned(runtime, 2)
    pay(runtime, 1, "A1", "100.00")
    pay(runtime, 1, "B1", "50.00")
    pay(runtime, 2, "A2", "100.00")
    channel = Memory()
    assert send(runtime, channel) == Sent(sent=1, cancelled=1)
    assert [mail.subject for mail in channel.sent] == ["CNY 50.00 overdue, oldest item for 8 days: 华北医疗器械有限公司"]
    assert send(runtime, channel) == Sent()


def test_a_customer_who_must_not_be_contacted_gets_nothing_and_the_reason_is_kept(runtime: Runtime) -> None:
    planned(runtime, 1)

    def mark(work: Work) -> None:
        customer = work.session.scalars(sa.select(Customer)).one()
        work.session.add(Standing(customer_id=customer.id, do_not_contact=True, insolvent=False, since=TUESDAY, recorded_at=work.now))

    runtime.write(SYSTEM, mark)
    assert send(runtime) == Sent(cancelled=1)
    with runtime.read(SYSTEM) as view:
        assert view.session.execute(sa.text("SELECT state, reason FROM notice")).all() == [("cancelled", "do_not_contact")]
        assert view.session.execute(sa.text("SELECT action, reason FROM audit WHERE kind = 'notice'")).all() == [("cancel", "do_not_contact")]


@pytest.mark.parametrize("at", ["2026-03-10T00:59", "2026-03-10T03:30", "2026-03-10T13:00"])
def test_at_the_wrong_hour_it_waits_for_the_next_slot(sqlite_runtime: Runtime, at: str) -> None:
    """08:59, when its slot has not come; 11:30, when the window has just closed, and 21:00: then it goes out on Wednesday at 09:00."""
    planned(sqlite_runtime, 1)
    moment = datetime.fromisoformat(at).replace(tzinfo=UTC)
    channel = Memory()
    assert send(sqlite_runtime, channel, moment) == (Sent(moved=1) if moment > NINE else Sent())
    assert send(sqlite_runtime, channel, moment) == Sent()
    assert send(sqlite_runtime, channel, datetime(2026, 3, 11, 1, 0, tzinfo=UTC)) == Sent(sent=1)


@pytest.mark.parametrize("at", ["2026-03-13T01:30", "2026-03-14T01:30"])
def test_on_the_wrong_day_it_waits_until_another_step_takes_its_place(sqlite_runtime: Runtime, at: str) -> None:
    """Friday and Saturday are no days for messages; by Tuesday the oldest item is 16 days overdue, and the policy calls at 14."""
    planned(sqlite_runtime, 1)
    assert send(sqlite_runtime, at=datetime.fromisoformat(at).replace(tzinfo=UTC)) == Sent(moved=1)
    assert send(sqlite_runtime, at=datetime(2026, 3, 17, 1, 0, tzinfo=UTC)) == Sent(cancelled=1)
    (told,) = dunning.remind(sqlite_runtime, SYSTEM, date(2026, 3, 17))
    assert (told.decision, told.step, told.channel) == ("planned", "call", "call")


def test_a_person_sends_after_the_window_of_the_very_day(sqlite_runtime: Runtime) -> None:
    planned(sqlite_runtime, 1)
    assert send(sqlite_runtime, at=datetime(2026, 3, 10, 8, 0, tzinfo=UTC), late=True) == Sent(sent=1)


def test_a_busy_server_is_tried_again_later_with_the_same_message_id(runtime: Runtime) -> None:
    """After 1, 5, 15 minutes: 09:00, 09:01, 09:06, 09:21."""
    planned(runtime, 1)
    channel = answering(*[Outcome("retry", "450 busy")] * 3)
    assert send(runtime, channel) == Sent(retry=1)
    first = message_of(runtime, 1)
    assert (first.state, first.reason, first.next_try_at, first.attempts) == ("queued", "450 busy", NINE + MINUTE, 1)
    assert send(runtime, channel, NINE + 0.5 * MINUTE) == Sent()
    assert send(runtime, channel, NINE + MINUTE) == Sent(retry=1)
    assert message_of(runtime, 1).next_try_at == NINE + 6 * MINUTE
    assert send(runtime, channel, NINE + 6 * MINUTE) == Sent(retry=1)
    assert send(runtime, channel, NINE + 21 * MINUTE) == Sent(sent=1)
    assert [mail.message_id for mail in channel.sent] == [first.message_id]


def test_what_is_tried_again_is_checked_again(runtime: Runtime) -> None:
    planned(runtime, 2)
    send(runtime, answering(Outcome("retry", "450"), Outcome("retry", "450")))
    pay(runtime, 1, "A1", "100.00")
    pay(runtime, 1, "B1", "50.00")
    pay(runtime, 2, "B2", "50.00")
    channel = Memory()
    assert send(runtime, channel, NINE + MINUTE) == Sent(sent=1, cancelled=1)
    assert "CNY 100.00 overdue" in channel.sent[0].subject
    assert states(runtime) == {"cancelled": ["c1"], "sent": ["c2"]}


def test_a_retry_never_falls_outside_the_window(sqlite_runtime: Runtime) -> None:
    """Tried at 11:25, again due at 11:26 and so on; at 11:46 the window is over, and it waits for Wednesday 09:00."""
    planned(sqlite_runtime, 1)
    late = datetime(2026, 3, 10, 3, 25, tzinfo=UTC)
    channel = answering(*[Outcome("retry", "450")] * 2)
    send(sqlite_runtime, channel, late)
    assert send(sqlite_runtime, channel, late + MINUTE) == Sent(retry=1)
    assert send(sqlite_runtime, channel, late + 6 * MINUTE) == Sent(moved=1)
    assert message_of(sqlite_runtime, 1).next_try_at == datetime(2026, 3, 11, 1, 0, tzinfo=UTC)
    assert send(sqlite_runtime, channel, datetime(2026, 3, 11, 1, 0, tzinfo=UTC)) == Sent(sent=1)


def test_eight_attempts_in_vain_are_a_failure_and_the_step_does_not_advance(sqlite_runtime: Runtime) -> None:
    """1 + 5 + 15 + 60 … minutes apart would leave the morning, so the attempts are made on the same instant by hand."""
    planned(sqlite_runtime, 1)
    channel = answering(*[Outcome("retry", "timeout")] * ATTEMPTS)
    counts = []
    for _ in range(ATTEMPTS):
        counts.append(send(sqlite_runtime, channel))
        sqlite_runtime.small(lambda session, now: session.execute(sa.text("UPDATE message SET next_try_at = 0")))
    assert counts == [Sent(retry=1)] * (ATTEMPTS - 1) + [Sent(failed=1)]
    assert send(sqlite_runtime, channel) == Sent()
    assert notice_of(sqlite_runtime, message_of(sqlite_runtime, 1)).state == "planned"


def test_a_refused_recipient_fails_and_a_call_takes_its_place(runtime: Runtime) -> None:
    planned(runtime, 1)
    assert send(runtime, answering(Outcome("failed", "550 no such user"))) == Sent(failed=1)
    assert message_of(runtime, 1).reason == "550 no such user"
    (told,) = dunning.remind(runtime, SYSTEM, date(2026, 3, 11))
    assert (told.decision, told.step, told.channel, told.reason) == ("planned", "overdue", "call", "no_email")


def test_an_unknown_answer_is_uncertain_and_never_sent_again_by_itself(runtime: Runtime) -> None:
    planned(runtime, 1)
    assert send(runtime, answering(Uncertain("timeout"))) == Sent(uncertain=1)
    assert send(runtime, at=NINE + timedelta(days=1)) == Sent()
    (told,) = dunning.remind(runtime, SYSTEM, date(2026, 3, 17))
    assert (told.decision, told.reason) == ("held", "on_its_way")


@pytest.mark.parametrize("answer", ["sent", "not-sent"])
def test_a_person_settles_what_is_uncertain(runtime: Runtime, clock: FixedClock, answer: str) -> None:
    planned(runtime, 1)
    send(runtime, answering(Uncertain("timeout")))
    key = message_of(runtime, 1).id
    state = runtime.write(SYSTEM, lambda work: dispatch.resolve(work, key, answer))
    again = Memory()
    clock.set("2026-03-11T01:00")
    counts = send(runtime, again, datetime(2026, 3, 11, 1, 10, tzinfo=UTC))
    notice = notice_of(runtime, message_of(runtime, 1))
    if answer == "sent":
        assert (state, counts, notice.state, notice.done_on) == ("sent", Sent(), "sent", TUESDAY)
    else:
        assert (state, counts, notice.done_on) == ("queued", Sent(sent=1), date(2026, 3, 11))
    with pytest.raises(Refusal) as refusal:
        runtime.write(SYSTEM, lambda work: dispatch.resolve(work, key, answer))
    assert refusal.value.code == "not_uncertain"
    assert verify.verify(runtime) == []


def test_settling_is_for_those_who_see_the_customer(sqlite_runtime: Runtime) -> None:
    planned(sqlite_runtime, 1)
    send(sqlite_runtime, answering(Uncertain("timeout")))
    key = message_of(sqlite_runtime, 1).id
    stranger = Actor("rita", 99, Role.REP, Scope(frozenset({99})))
    for wrong in (lambda work: dispatch.resolve(work, key, "sent"), lambda work: dispatch.resolve(work, key + 1, "sent")):
        with pytest.raises(NotFound):
            sqlite_runtime.write(stranger, wrong)
    with pytest.raises(Refusal):
        sqlite_runtime.write(SYSTEM, lambda work: dispatch.resolve(work, key, "perhaps"))


def test_a_failed_message_is_tried_again_by_a_person_to_the_corrected_address(sqlite_runtime: Runtime) -> None:
    planned(sqlite_runtime, 1)
    send(sqlite_runtime, answering(Outcome("failed", "550")))
    key = message_of(sqlite_runtime, 1).id
    sqlite_runtime.small(lambda session, now: session.execute(sa.text("UPDATE customer SET email = 'new@buyer.example'")))
    assert sqlite_runtime.write(SYSTEM, lambda work: dispatch.resolve(work, key, "not-sent")) == "queued"
    channel = Memory()
    assert send(sqlite_runtime, channel, datetime(2026, 3, 10, 2, 30, tzinfo=UTC)) == Sent(sent=1)
    assert channel.sent[0].recipient == "new@buyer.example"


class Dying(Memory):
    """Ends like a killed process, before or after the handover."""

    def __init__(self, before: bool) -> None:
        super().__init__()
        self.before = before

    def deliver(self, mail: Mail, handover: Callable[[], None]) -> Outcome:
        if not self.before:
            handover()
        raise KeyboardInterrupt


@pytest.mark.parametrize("before", [True, False])
def test_a_worker_that_dies_leaves_its_message_queued_or_uncertain(runtime: Runtime, clock: FixedClock, before: bool) -> None:
    """Its lease of two minutes keeps others away; afterwards what was not handed over goes out, the rest waits for a person."""
    planned(runtime, 1)
    with pytest.raises(KeyboardInterrupt):
        send(runtime, Dying(before), owner="w1")
    assert states(runtime) == {"leased" if before else "handover": ["c1"]}
    assert send(runtime, owner="w2") == Sent()
    clock.now += timedelta(seconds=121)
    assert send(runtime, owner="w2") == (Sent(sent=1) if before else Sent(uncertain=1))
    assert states(runtime) == {"sent" if before else "uncertain": ["c1"]}


def test_a_dead_process_of_this_machine_is_told_at_once(sqlite_runtime: Runtime) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    planned(sqlite_runtime, 1)
    with pytest.raises(KeyboardInterrupt):
        send(sqlite_runtime, Dying(True), owner=f"{socket.gethostname()[:30]}:{gone.pid}:0123abcd")
    assert send(sqlite_runtime, owner=dispatch.own_name()) == Sent(sent=1)


def test_living_and_unknown_workers_keep_their_lease(sqlite_runtime: Runtime) -> None:
    for owner in (f"{socket.gethostname()[:30]}:{os.getppid()}:0123abcd", f"elsewhere:{os.getppid()}:0123abcd", "w1", dispatch.own_name("t")):
        assert not dispatch._is_dead(owner)
    assert dispatch._is_dead(f"{socket.gethostname()[:30]}:{os.getpid()}:0123abcd")


class Slow(Memory):
    """While it talks to the server, something else happens."""

    def __init__(self, meanwhile: Callable[[], object], after: bool) -> None:
        super().__init__()
        self.meanwhile, self.after = meanwhile, after

    def deliver(self, mail: Mail, handover: Callable[[], None]) -> Outcome:
        if not self.after:
            self.meanwhile()
        handover()
        if self.after:
            self.meanwhile()
        self.sent.append(mail)
        return Outcome("sent")


def test_a_worker_too_slow_before_the_handover_loses_its_message_and_sends_nothing(runtime: Runtime, clock: FixedClock) -> None:
    planned(runtime, 1)
    other = Memory()

    def taken_over() -> None:
        clock.now += timedelta(seconds=121)
        assert send(runtime, other, owner="w2") == Sent(sent=1)

    slow = Slow(taken_over, after=False)
    assert send(runtime, slow, owner="w1") == Sent()
    assert (len(slow.sent), len(other.sent)) == (0, 1)


def test_a_worker_too_slow_after_the_handover_still_settles_its_message(runtime: Runtime, clock: FixedClock) -> None:
    planned(runtime, 1)

    def given_up() -> None:
        clock.now += timedelta(seconds=121)
        assert send(runtime, owner="w2") == Sent(uncertain=1)

    assert send(runtime, Slow(given_up, after=True), owner="w1") == Sent(sent=1)
    assert states(runtime) == {"sent": ["c1"]}


def test_a_fault_of_ours_parks_one_message_and_the_others_go(sqlite_runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    planned(sqlite_runtime)
    true = dunning.recheck

    def broken(work: Work, notice: object, *rest: object, **more: object) -> object:
        if work.session.get_one(Customer, notice.customer_id).customer_no == "C2":  # type: ignore[attr-defined]
            raise ZeroDivisionError
        return true(work, notice, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(dunning, "recheck", broken)
    assert send(sqlite_runtime) == Sent(sent=2, parked=1)
    monkeypatch.setattr(dunning, "recheck", true)
    assert send(sqlite_runtime) == Sent(sent=1)


@pytest.mark.parametrize("after", [False, True])
def test_a_channel_that_breaks_is_tried_again_or_uncertain(sqlite_runtime: Runtime, after: bool) -> None:
    def breaks() -> None:
        raise ZeroDivisionError

    planned(sqlite_runtime, 1)
    assert send(sqlite_runtime, Slow(breaks, after)) == (Sent(uncertain=1) if after else Sent(retry=1))


def test_a_message_is_never_sent_whose_handover_was_not_committed(sqlite_runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    planned(sqlite_runtime, 1)

    def full(*_: object) -> bool:
        raise OperationalError("UPDATE", {}, Exception("database or disk is full"))

    monkeypatch.setattr(dispatch.outbox, "begin_handover", full)
    channel = Memory()
    with pytest.raises(OperationalError):
        send(sqlite_runtime, channel)
    assert channel.sent == [] and states(sqlite_runtime) == {"leased": ["c1"]}


def test_a_limit_ends_after_so_many_attempts(sqlite_runtime: Runtime) -> None:
    planned(sqlite_runtime)
    assert send(sqlite_runtime, limit=2) == Sent(sent=2)
    assert send(sqlite_runtime) == Sent(sent=1)


def test_nothing_is_due_where_nothing_is_planned(sqlite_runtime: Runtime) -> None:
    fill(sqlite_runtime)
    assert send(sqlite_runtime) == Sent()


def test_what_is_sent_ahead_of_its_day_is_not_sent_again_on_it(sqlite_runtime: Runtime, clock: FixedClock) -> None:
    """On Monday by hand as of Thursday: the round of Tuesday sees that it is done (S18, S21)."""
    clock.set("2026-03-09T02:00:00")
    planned(sqlite_runtime, 2)
    sink = Memory()
    ahead = datetime(2026, 3, 12, 2, 0, tzinfo=UTC)
    assert dispatch.send_due(sqlite_runtime, sink, ahead, "by-hand", late=True).sent == 2
    clock.set("2026-03-10T01:00:00")
    dunning.remind(sqlite_runtime, SYSTEM, TUESDAY)
    assert dispatch.send_due(sqlite_runtime, sink, NINE, "worker").sent == 0
    with pytest.raises(Refusal, match="send_too_far"):
        dispatch.send_due(sqlite_runtime, sink, datetime(2027, 3, 12, 2, 0, tzinfo=UTC), "by-hand", late=True)


def test_money_for_a_promise_that_comes_after_the_round_leaves_the_rest_asked(sqlite_runtime: Runtime, clock: FixedClock) -> None:
    """C1 owes 100.00 and 50.00; 100.00 are promised, so 50.00 are asked; the 100.00 come in before the slot: 50.00 still are (S20, S23)."""
    clock.set("2026-03-09T02:00:00")
    fill(sqlite_runtime, 1)
    draft = cases.PromiseDraft(10000, "CNY", date(2026, 3, 20), reason="the rest on Friday")
    sqlite_runtime.write(SYSTEM, lambda work: cases.promise(work, "C1", draft))
    (told,) = dunning.remind(sqlite_runtime, SYSTEM, TUESDAY)
    assert (told.decision, told.amount) == ("planned", 5000)
    pay(sqlite_runtime, 1, "A1", "100.00")
    clock.set("2026-03-10T01:00:00")
    sink = Memory()
    assert dispatch.send_due(sqlite_runtime, sink, NINE, "worker").sent == 1
    assert "50.00" in sink.sent[0].body
