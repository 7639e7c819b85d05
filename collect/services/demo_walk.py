"""Living the demonstration company's year day by day: every change is made by the real services, with a clock that is walked along."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from collect.channels.folder import Folder
from collect.channels.mail import Mail, Outcome, Uncertain
from collect.domain.rights import SYSTEM, Actor
from collect.runtime import Runtime, Work
from collect.services import cases, day, demo_finance, demo_office, demo_talk, dispatch, escalation
from collect.services.demo_books import Books
from collect.services.demo_data import Span, chance, clients, company
from collect.services.demo_stories import Beat, beats, sales, until
from collect.services.demo_talk import Desk
from collect.storage.notices import Notice

_DAY = timedelta(days=1)
_POSTS = (time(9, 8), time(17, 10), time(22, 30))
"""When messages go out, in the company's zone: the morning of Asia, of Europe, and of New York."""
_DEAD, _LOST = "failed", "uncertain"
"""The habits of the customer whose address is dead, and of the one whose last message nobody knows the fate of."""


@dataclass
class Clock:
    """A clock that is set forward; each reading is a quarter of a second later, so that instants differ."""

    now: datetime

    def __call__(self) -> datetime:
        self.now += timedelta(milliseconds=250)
        return self.now

    def set(self, moment: datetime) -> None:
        """Set it forward; what lies behind is no time to go to."""
        self.now = max(self.now, moment)


@dataclass
class Post:
    """The folder of mails, where one address is dead for the last month and one server hangs up in the last days (S21)."""

    folder: Folder
    clock: Clock
    dead: str
    dead_from: datetime
    lost: str
    lost_from: datetime

    @property
    def name(self) -> str:
        """Where the files go."""
        return self.folder.name

    @property
    def sender(self) -> str:
        """The address that mails come from."""
        return self.folder.sender

    def deliver(self, mail: Mail, handover: Callable[[], None]) -> Outcome:
        """Write the file, but for the two."""
        if mail.recipient == self.dead and self.clock.now >= self.dead_from:
            return Outcome("failed", f"550 5.1.1 <{mail.recipient}>: user unknown")
        if mail.recipient == self.lost and self.clock.now >= self.lost_from:
            handover()
            raise Uncertain("the connection closed before the server had answered")
        return self.folder.deliver(mail, handover)


class Walk:
    """The year as it is lived."""

    def __init__(self, runtime: Runtime, clock: Clock, days: Span, seed: int, actors: dict[str, Actor], outbox: Path) -> None:
        """On an installation that has its people and customers; `actors` by user name."""
        self.runtime, self.clock, self.days, self.seed = runtime, clock, days, seed
        self.zone = ZoneInfo(str(company()["timezone"]))
        books = Books(seed, days, sales(seed, days), until(days))
        by_id = {actor.user_id: actor for actor in actors.values() if actor.user_id is not None}
        self.desk = Desk(runtime, books, seed, actors, by_id, self.tick)
        self.post_office = self._post(outbox)
        self.beats = beats(days)
        self.owner = dispatch.own_name()
        self.next_slot: datetime | None = None

    def at(self, day: date, hour: int, minute: int = 0) -> None:
        """Set the clock to a time of a day in the company's zone."""
        self.clock.set(datetime.combine(day, time(hour, minute), self.zone))

    def tick(self) -> None:
        """A few minutes go by between two things that one person does."""
        self.clock.now += timedelta(minutes=4, seconds=11)

    def _post(self, outbox: Path) -> Post:
        addresses = {client.habit: client.email for client in clients() if client.habit in (_DEAD, _LOST)}
        begins = [datetime.combine(self.days.today - count * _DAY, time(), self.zone) for count in (35, 14)]
        return Post(Folder(outbox, str(company()["sender"])), self.clock, addresses[_DEAD], begins[0], addresses[_LOST], begins[1])

    def live(self, day: date) -> None:
        """One day: files and round in the morning, messages, talks, what the stories have, and the office in the afternoon."""
        days, working = self.days, self.days.working(day)
        if days.has_round(day):
            self.at(day, 8, 20)
            demo_office.take_in(self.desk, day, day - _DAY)
            self._bank(day)
            self._round(day)
            demo_office.close_months(self.desk, day)
        self._send(day, _POSTS[0])
        if working:
            self.at(day, 9, 30)
            demo_talk.planned(self.desk, day)
        self._stories(day)
        if working:
            demo_talk.checks(self.desk, day)
            demo_talk.courtesy(self.desk, day)
            self.at(day, 15, 30)
            self._office(day)
            demo_finance.live(self.desk, day)
        self._send(day, _POSTS[1])
        self._send(day, _POSTS[2])

    def _bank(self, today: date) -> None:
        """Finance's word that everything through the last business day is in the books, once a round."""
        through = self.days.calendar.previous_business_day(today)
        self.clock.now += timedelta(seconds=40)
        self.runtime.write(self.desk.actors["fang"], lambda work: cases.bank_complete(work, through))

    def _round(self, today: date) -> None:
        self.at(today, 8, 40)
        day.run(self.runtime, SYSTEM, today)
        self._look()

    def _look(self) -> None:
        """When the next message is due, after something was planned or sent."""
        query = sa.select(sa.func.min(Notice.slot_at)).where(Notice.state == "planned", Notice.channel == "email")
        with self.runtime.read(SYSTEM) as view:
            self.next_slot = view.session.scalar(query)

    def _send(self, today: date, when: time) -> None:
        """Send what is due by a time of the day, if anything is."""
        moment = datetime.combine(today, when, self.zone)
        if self.next_slot is None or self.next_slot > moment:
            return
        self.clock.set(moment)
        dispatch.send_due(self.runtime, self.post_office, self.clock(), self.owner)
        self._look()

    def _office(self, day: date) -> None:
        desk = self.desk
        demo_office.apply_loose(desk, day)
        demo_office.accept(desk, day)
        demo_office.answer_disputes(desk, day)
        if demo_office.decide(desk, day):
            self._look()
        demo_office.post_letters(desk, day)

    def _stories(self, day: date) -> None:
        """What the stories have for a day."""
        while self.beats and self.beats[0].day <= day:
            beat = self.beats.pop(0)
            self.at(day, 14)
            self.tick()
            _TELL[beat.kind](self, beat, day)

    def finish(self) -> None:
        """The last evening: the bank's statement, orders that were asked about, disputes that nobody has answered, a policy that waits for the other manager."""
        last, rng = self.days.today - _DAY, chance(self.seed, "orders")
        self.at(last, 22, 40)
        demo_finance.last_statement(self.desk, last)
        self.at(last, 22, 45)
        for client in clients():
            if client.every and rng.random() < 0.5:
                amount = f"{client.amount // 100}.00"
                escalation.answer(self.runtime, SYSTEM, client.number, amount, f"SO-{rng.randrange(10000, 99999)}" if rng.random() < 0.6 else None)

    def _talk(self, beat: Beat, day: date) -> None:
        rng = chance(self.seed, "beat", beat.client.number, day)
        act = self.runtime.write
        if beat.kind == "promise":
            act(self._rep(beat), lambda work: demo_talk.promise(self.desk, work, beat.client, day, beat.facts["due"], beat.facts["outcome"], rng))
        else:
            act(self._rep(beat), lambda work: demo_talk.excuse(self.desk, work, beat.client, day, beat.facts["excuse"], rng, beat.kind))

    def _rep(self, beat: Beat) -> Actor:
        return self.desk.actors[beat.client.rep or "fang"]

    def _renegotiate(self, beat: Beat, day: date) -> None:
        demo_talk.renegotiate(self.desk, beat.client, beat.facts["due"])

    def _pays(self, beat: Beat, day: date) -> None:
        for bill in self.desk.books.bills[beat.client.number]:
            if bill.rest and bill.due is not None:
                bill.pay_on = beat.facts["on"]

    def _propose(self, beat: Beat, day: date) -> None:
        note = str(company()["words"][beat.facts["note"]])
        self.runtime.write(self.desk.actors["he"], lambda work: escalation.propose(work, beat.client.number, beat.facts["step"], note))

    def _standing(self, beat: Beat, day: date) -> None:
        facts, note = beat.facts, str(company()["words"][beat.facts["note"]])

        def act(work: Work) -> None:
            cases.set_standing(work, beat.client.number, facts.get("do_not_contact", False), facts.get("insolvent", False), note)

        self.runtime.write(self.desk.actors["gao"], act)

    def _dispute(self, beat: Beat, day: date) -> None:
        demo_office.raise_dispute(self.desk, beat.client, beat.facts["reason"], beat.facts["share"])

    def _policy(self, beat: Beat, day: date) -> None:
        demo_office.new_policy(self.desk, day, beat.facts["approved"])


_TELL: dict[str, Callable[[Walk, Beat, date], None]] = {
    "promise": Walk._talk,
    "visit": Walk._talk,
    "call": Walk._talk,
    "renegotiate": Walk._renegotiate,
    "pays": Walk._pays,
    "propose": Walk._propose,
    "standing": Walk._standing,
    "dispute": Walk._dispute,
    "policy": Walk._policy,
}
