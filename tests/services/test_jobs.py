"""The worker: one round a day by one of all workers, messages in their slots, trouble survived, an end when told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from threading import Event

import pytest
import sqlalchemy as sa

from collect.channels.memory import Memory
from collect.domain.errors import Refusal
from collect.domain.rights import SYSTEM
from collect.runtime import Runtime
from collect.services import dispatch, jobs
from collect.services.dispatch import Sent
from collect.services.jobs import Worked
from collect.storage import outbox
from collect.storage.notices import Round
from tests.conftest import FixedClock
from tests.services.sending import BEFORE, TUESDAY, fill, states


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(BEFORE - timedelta(hours=4))


def rounds(runtime: Runtime) -> list[tuple[str, date]]:
    with runtime.read(SYSTEM) as view:
        return [(row.kind, row.day) for row in view.session.scalars(sa.select(Round).order_by(Round.id))]


def test_the_round_is_done_once_a_day_after_five_and_messages_in_their_slots(runtime: Runtime, clock: FixedClock) -> None:
    """Tuesday 04:00, 05:00, 08:59, 09:00 in Shanghai, which is 20:00 of Monday to 01:00 in UTC."""
    fill(runtime)
    channel = Memory()
    assert jobs.work(runtime, channel, "w1", once=True) == Worked()
    clock.set("2026-03-09T21:00")
    assert jobs.work(runtime, channel, "w1", once=True).rounds == [TUESDAY]
    assert rounds(runtime) == [("remind", TUESDAY), ("escalate", TUESDAY)]
    clock.set("2026-03-10T00:59")
    assert jobs.work(runtime, channel, "w2", once=True) == Worked()
    clock.set("2026-03-10T01:00")
    assert jobs.work(runtime, channel, "w2", once=True).sent == Sent(sent=3)
    assert len(rounds(runtime)) == 2 and len(channel.sent) == 3


def test_without_a_channel_only_the_round_is_done(sqlite_runtime: Runtime, clock: FixedClock) -> None:
    fill(sqlite_runtime)
    clock.set("2026-03-10T01:00")
    assert jobs.work(sqlite_runtime, None, "w1", once=True) == Worked(rounds=[TUESDAY])
    assert states(sqlite_runtime) == {}


def test_missed_days_are_caught_up_by_one_round(sqlite_runtime: Runtime, clock: FixedClock) -> None:
    """Off from the 10th to the 16th: on the 17th one round, in which each customer is asked once."""
    fill(sqlite_runtime)
    clock.set("2026-03-09T22:00")
    jobs.work(sqlite_runtime, None, "w1", once=True)
    clock.set("2026-03-17T00:00")
    assert jobs.work(sqlite_runtime, None, "w1", once=True).rounds == [date(2026, 3, 17)]
    with sqlite_runtime.read(SYSTEM) as view:
        counted = view.session.execute(sa.text("SELECT state, channel, count(*) FROM notice GROUP BY state, channel ORDER BY state")).all()
    assert counted == [("missed", "email", 3), ("planned", "call", 3)]


def test_a_clock_set_back_repeats_nothing(sqlite_runtime: Runtime, clock: FixedClock) -> None:
    fill(sqlite_runtime)
    clock.set("2026-03-11T01:00")
    assert jobs.work(sqlite_runtime, None, "w1", once=True).rounds == [date(2026, 3, 11)]
    clock.set("2026-03-10T01:00")
    assert jobs.work(sqlite_runtime, None, "w1", once=True) == Worked()


def test_only_one_worker_has_the_round_until_its_lease_ends(runtime: Runtime, clock: FixedClock) -> None:
    fill(runtime, 1)
    clock.set("2026-03-10T00:00")

    def take(owner: str) -> bool:
        return runtime.small(lambda session, now: outbox.take_lease(session, jobs.ROUND, owner, now, now + jobs.ROUND_LEASE))

    assert take("dead")
    assert take("dead") and not take("other")
    assert not jobs.do_round(runtime, "w1", Worked())
    clock.now += jobs.ROUND_LEASE
    assert jobs.do_round(runtime, "w1", Worked())
    assert take("other")


def test_a_refused_round_waits_for_a_person_and_is_tried_again_later(sqlite_runtime: Runtime, clock: FixedClock, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(sqlite_runtime)
    clock.set("2026-03-10T00:00")
    true = jobs.rounds.run

    def too_many(*_: object) -> None:
        raise Refusal("too_many_contacts", None, count=300, customers=400, share=60)

    monkeypatch.setattr(jobs.rounds, "run", too_many)
    done = Worked()
    assert not jobs.do_round(sqlite_runtime, "w1", done)
    assert done.refused is not None and done.refused.code == "too_many_contacts"
    monkeypatch.setattr(jobs.rounds, "run", true)
    assert not jobs.do_round(sqlite_runtime, "w1", done)
    clock.now += jobs.AGAIN
    assert jobs.do_round(sqlite_runtime, "w1", done) and done.refused is None


def test_trouble_is_survived_with_a_longer_pause(sqlite_runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three times trouble: pauses of 40, 80, 160 seconds; then a quiet look and 20."""

    class Waits(Event):
        pauses: list[float] = []

        def wait(self, timeout: float | None = None) -> bool:
            self.pauses.append(timeout or 0)
            if len(self.pauses) == 4:
                self.set()
            return True

    calls = iter([OSError("away")] * 3)

    def broken(*_: object, **__: object) -> Sent:
        problem = next(calls, None)
        if problem:
            raise problem
        return Sent()

    monkeypatch.setattr(dispatch, "send_due", broken)
    stop = Waits()
    jobs.work(sqlite_runtime, Memory(), "w1", stop=stop)
    assert stop.pauses == [40, 80, 160, 20]
    with pytest.raises(OSError, match="away"):
        calls = iter([OSError("away")])
        jobs.work(sqlite_runtime, Memory(), "w1", once=True)


def test_a_stop_ends_between_two_messages(sqlite_runtime: Runtime, clock: FixedClock) -> None:
    fill(sqlite_runtime)
    clock.set("2026-03-10T01:00")
    stop = Event()

    class Stops(Memory):
        def deliver(self, mail: object, handover: Callable[[], None]) -> object:  # type: ignore[override]
            stop.set()
            return super().deliver(mail, handover)  # type: ignore[arg-type]

    jobs.work(sqlite_runtime, None, "w1", once=True)
    clock.set("2026-03-10T02:00")
    done = jobs.work(sqlite_runtime, Stops(), "w1", stop=stop)
    assert done.sent == Sent(sent=1)


def test_a_worker_in_a_thread_ends_when_told(sqlite_runtime: Runtime, clock: FixedClock) -> None:
    fill(sqlite_runtime)
    clock.now = datetime(2026, 3, 9, 22, 0, tzinfo=UTC)
    end = jobs.start_thread(sqlite_runtime, Memory())
    end()
    assert len(rounds(sqlite_runtime)) in (0, 2)
