"""Two workers and two rounds at once, and kill -9 again and again: no message twice, none lost, the unknown ones listed (S21)."""

from __future__ import annotations

import multiprocessing
import random
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from collect.domain.rights import SYSTEM
from collect.reports import outbox
from collect.runtime import Runtime
from collect.services import verify
from collect.storage.notices import Notice
from collect.storage.outbox import Message
from tests.attacks import killable
from tests.channels.sink import Sink
from tests.conftest import FixedClock
from tests.services.sending import BEFORE, fill

CUSTOMERS = 120
KILLS = 20
WAIT = 60


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(BEFORE)


@pytest.fixture
def sink() -> Iterator[Sink]:
    made = Sink()
    made.start()
    yield made
    made.stop()


def test_twenty_kills_lose_nothing_and_send_nothing_twice(runtime: Runtime, clock: FixedClock, tmp_path: Path, sink: Sink) -> None:
    """120 customers with a message each. Whatever dies when: each Message-ID reaches the server at most once, and at the end
    every customer's one message is sent or uncertain, the sent ones are all at the server, and nothing else is.
    """
    fill(runtime, CUSTOMERS)
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["tests.attacks.killable"])
    offset = (clock.now - datetime.now(UTC)).total_seconds() + 60
    place = (runtime.settings.database_url, str(tmp_path), offset)

    def start_worker() -> multiprocessing.process.BaseProcess:
        worker = processes.Process(target=killable.work, args=(*place, sink.port, True), daemon=True)
        worker.start()
        return worker

    rounds = [processes.Process(target=killable.remind, args=place, daemon=True) for _ in range(2)]
    workers = [start_worker() for _ in range(2)]
    for each in rounds:
        each.start()
    for each in rounds:
        each.join(WAIT)
        assert each.exitcode == 0
    chance = random.Random(2026)
    for kill in range(KILLS):
        victim = workers[kill % 2]
        enough = len(sink.ids) + chance.randint(1, 4)
        while len(sink.ids) < enough and victim.exitcode is None:
            victim.join(0.01)
        victim.join(chance.uniform(0, 0.05))
        assert victim.exitcode is None, "a worker ended by itself"
        victim.kill()
        victim.join(WAIT)
        workers[kill % 2] = start_worker()
    assert KILLS <= len(sink.ids) < CUSTOMERS, "the kills fell outside the sending"
    for worker in workers:
        worker.kill()
        worker.join(WAIT)
    last = processes.Process(target=killable.work, args=(*place, sink.port, False), daemon=True)
    last.start()
    last.join(WAIT)
    assert last.exitcode == 0
    judge(runtime, sink)


def judge(runtime: Runtime, sink: Sink) -> None:
    """The server's word against the outbox's."""
    received = Counter(sink.ids)
    assert [key for key, count in received.items() if count > 1] == []
    with runtime.read(SYSTEM) as view:
        notices = view.session.execute(sa.select(Notice.customer_id, sa.func.count()).group_by(Notice.customer_id)).all()
        assert len(notices) == CUSTOMERS and {count for _, count in notices} == {1}
        found = view.session.execute(sa.select(Message.message_id, Message.state, Notice.state).join(Notice, Notice.id == Message.notice_id)).all()
        assert len(found) == CUSTOMERS
        assert {(state, notice) for _, state, notice in found} <= {("sent", "sent"), ("uncertain", "planned")}
        sent = {key for key, state, _ in found if state == "sent"}
        uncertain = {key for key, state, _ in found if state == "uncertain"}
        assert len(sent) + len(uncertain) == CUSTOMERS
        assert sent <= set(received) <= sent | uncertain
        listed = outbox.messages(view, view.actor.scope, ["uncertain"], None, None, CUSTOMERS)
        assert {one.message_id for one in listed} == uncertain and {one.reason for one in listed} <= {"worker_gone"}
    assert verify.verify(runtime) == []
