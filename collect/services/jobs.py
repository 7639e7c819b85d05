"""The worker: one of all workers does the daily round, each sends what is due; it survives trouble and ends when told (S20, S21)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from threading import Event, Thread
from zoneinfo import ZoneInfo

from collect.channels import Channel
from collect.domain.errors import Refusal
from collect.domain.rights import SYSTEM
from collect.runtime import Runtime
from collect.sentences import say
from collect.services import day as rounds
from collect.services import dispatch
from collect.services.dispatch import Sent
from collect.storage import outbox
from collect.storage.notices import latest_round

log = logging.getLogger(__name__)

FROM = time(5, 0)
"""The company's local time from which the round of the day is done."""
PAUSE = 20.0
"""Seconds between two looks for work."""
LONGEST_PAUSE = 300.0
AGAIN = timedelta(minutes=15)
"""After a refused round (the runaway guard, a clock set back) it is tried again so much later."""
ROUND = "round"
ROUND_LEASE = timedelta(minutes=30)
CHUNK = 500
"""Messages between two looks at the day's round."""


@dataclass
class Worked:
    """What a worker has done: rounds, and messages by what became of them."""

    rounds: list[date] = field(default_factory=list)
    sent: Sent = field(default_factory=Sent)
    refused: Refusal | None = None
    not_before: datetime | None = None


def work(runtime: Runtime, channel: Channel | None, owner: str, once: bool = False, stop: Event | None = None) -> Worked:
    """Do what is due, again and again until `stop` is set; `once` does it one time and lets trouble through.

    1. the round of the day, after 05:00 of the company's day, by whichever worker holds its lease; 2. the messages that
    are due (nothing without a channel); 3. a pause, which `stop` cuts short. Trouble is logged and lengthens the pause,
    up to five minutes; it never ends the worker.
    """
    ended = stop or Event()
    done = Worked()
    pause = PAUSE
    while not ended.is_set():
        try:
            do_round(runtime, owner, done)
            busy = channel is not None and _send(runtime, channel, owner, done, ended)
            pause = 0.0 if busy else PAUSE
        except Exception:
            if once:
                raise
            pause = min(max(pause, PAUSE) * 2, LONGEST_PAUSE)
            log.exception("the worker goes on in %.0f s", pause)
        if once and pause > 0:
            break
        ended.wait(pause)
    return done


def _send(runtime: Runtime, channel: Channel, owner: str, done: Worked, ended: Event) -> bool:
    """Send a chunk of what is due; whether there may be more."""
    counts = dispatch.send_due(runtime, channel, runtime.clock(), owner, CHUNK, stop=ended.is_set)
    for name in vars(counts):
        setattr(done.sent, name, getattr(done.sent, name) + getattr(counts, name))
    return counts.sent + counts.retry + counts.failed >= CHUNK


def do_round(runtime: Runtime, owner: str, done: Worked) -> bool:
    """The round of the company's day, if it is due and no other worker is at it; whether it was done here and now.

    A refused round is logged, kept in `done`, and tried again a quarter of an hour later: it waits for a person.
    """
    today = due_day(runtime)
    now = runtime.clock()
    if today is None or today in done.rounds or (done.not_before is not None and now < done.not_before):
        return False
    if not runtime.small(lambda session, at: outbox.take_lease(session, ROUND, owner, at, at + ROUND_LEASE)):
        return False
    try:
        if due_day(runtime) is None:
            return False
        rounds.run(runtime, SYSTEM, today)
        done.rounds.append(today)
        done.refused = done.not_before = None
        return True
    except Refusal as refusal:
        log.error("the round of %s waits for a person: %s", today, say(refusal))
        done.refused, done.not_before = refusal, now + AGAIN
        return False
    finally:
        runtime.small(lambda session, at: outbox.end_lease(session, ROUND, owner))


def due_day(runtime: Runtime) -> date | None:
    """The company's day whose round is due now, or None: before 05:00, or done already."""
    with runtime.read(SYSTEM) as view:
        if view.now.astimezone(ZoneInfo(view.seller.timezone)).time() < FROM:
            return None
        for kind in ("remind", "escalate"):
            latest = latest_round(view.session, kind)
            if latest is None or latest.day < view.today:
                return view.today
    return None


def start_thread(runtime: Runtime, channel: Channel | None) -> Callable[[], None]:
    """A worker in a thread of this process (web and worker in one, for the demonstration); returns what stops it and waits for its end."""
    stop = Event()
    thread = Thread(target=work, args=(runtime, channel, dispatch.own_name("t")), kwargs={"stop": stop}, name="collect-worker", daemon=True)
    thread.start()

    def end() -> None:
        stop.set()
        thread.join(timeout=30)

    return end
