"""The running program: engine, clock and settings; every change happens in a Work (one transaction, one instant, one actor)."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from collect.domain.errors import Refusal
from collect.domain.rights import Actor
from collect.settings import Settings
from collect.storage import audit, company, database, ledger

T = TypeVar("T")
Clock = Callable[[], datetime]


def system_clock() -> datetime:
    """The instant now, in UTC: the only place that asks the machine."""
    return datetime.now(UTC)


@dataclass
class Work:
    """One unit of work: everything recorded in it carries the same instant and is kept or lost together.

    `today` is the company's calendar date of `now`. Services leave their audit notes with `note` and their effects on
    the control with `total`; both are written when the unit ends.
    """

    session: Session
    seller: company.Seller
    now: datetime
    today: date
    actor: Actor
    settings: Settings
    notes: list[audit.Note] = field(default_factory=list)
    totals: dict[tuple[int, str, date], list[int]] = field(default_factory=dict)
    seller_id: int = field(init=False)

    def __post_init__(self) -> None:
        """An import asks for the seller's number several times a row: a mapped attribute is slow to ask."""
        self.seller_id = self.seller.id

    def note(self, note: audit.Note) -> None:
        """Leave one audit row (S30)."""
        self.notes.append(note)

    def total(self, currency: str, day: date, receivable: int, unapplied: int, documents: int) -> None:
        """Add to the day totals what was recorded on an effective day (S9)."""
        key = (self.seller_id, currency, day)
        entry = self.totals.get(key)
        if entry is None:
            entry = self.totals[key] = [0, 0, 0]
        entry[0] += receivable
        entry[1] += unapplied
        entry[2] += documents


@dataclass(frozen=True)
class View:
    """A consistent snapshot to read from: `known` is the instant of the last change it contains."""

    session: Session
    seller: company.Seller
    now: datetime
    today: date
    known: datetime
    actor: Actor
    settings: Settings


@dataclass
class Runtime:
    """What the doors (command line, pages, API, worker) share."""

    engine: sa.Engine
    settings: Settings
    clock: Clock = system_clock

    def write(self, actor: Actor, act: Callable[[Work], T]) -> T:
        """Run `act` in one transaction and return its value.

        1. lock the audit head: changes are recorded one after the other; 2. `now` is the clock, or just after the last
        recorded instant where the clock was set back; 3. act; 4. day totals and audit notes; 5. commit. May run `act`
        again from the start when the database asks for a retry. Refusals roll everything back.
        """

        def attempt(session: Session) -> T:
            head = audit.lock_head(session)
            now = max(self.clock(), head.at + timedelta(microseconds=1))
            seller = require_seller(session)
            work = Work(session, seller, now, local_day(now, seller.timezone), actor, self.settings)
            value = act(work)
            session.flush()
            if work.totals:
                ids = database.next_ids(session, len(work.totals))
                rows = [(ids[n], *key, *sums, now) for n, (key, sums) in enumerate(sorted(work.totals.items()))]
                columns = ("id", "seller_id", "currency", "day", "receivable", "unapplied", "documents", "recorded_at")
                database.bulk(session, ledger.DayTotal.__table__, columns, rows)  # type: ignore[arg-type]
            if work.notes:
                audit.add_notes(session, head, now, actor.name, work.notes)
            return value

        return database.transact(self.engine, attempt)

    @contextmanager
    def read(self, actor: Actor) -> Iterator[View]:
        """One consistent snapshot, read only."""
        with database.reading(self.engine) as session:
            seller = require_seller(session)
            known = session.execute(sa.select(audit.AuditHead.at)).scalar_one()
            now = self.clock()
            yield View(session, seller, now, local_day(now, seller.timezone), known, actor, self.settings)

    def small(self, act: Callable[[Session, datetime], T]) -> T:
        """A short transaction outside the books (sessions, attempts): no audit, no order with the changes."""
        return database.transact(self.engine, lambda session: act(session, self.clock()))


@contextmanager
def without_collection() -> Iterator[None]:
    """Python's search for cyclic garbage switched off: for work that makes many rows and no cycles (imports, large reports).

    Measured: the search costs a quarter of an import, and more than half of what a report over 50,000 customers spends
    beyond its SQL. Threads may nest it; whoever found the search running switches it on again. What was made meanwhile
    counts as old then: the next search would go through all of it to find what is not there.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.freeze()
            gc.unfreeze()
            gc.enable()


def require_seller(session: Session) -> company.Seller:
    """The seller entity; Refusal `not_initialised` before `collect init`."""
    seller = company.load_seller(session)
    if seller is None:
        raise Refusal("not_initialised")
    return seller


def local_day(instant: datetime, timezone: str) -> date:
    """The calendar date of an instant in a time zone."""
    return instant.astimezone(ZoneInfo(timezone)).date()


def start(settings: Settings, clock: Clock = system_clock) -> Runtime:
    """A runtime on the configured database; nothing is opened before it is needed."""
    return Runtime(database.make_engine(settings.database_url), settings, clock)
