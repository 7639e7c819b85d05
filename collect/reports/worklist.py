"""My day: whose turn it is today and why, ranked, each with a brief that fits on one card (P3-P7, P13, P22, P32)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from collect.domain import worklist as rules
from collect.domain.rights import Role, Scope
from collect.domain.worklist import Entry, Ranked
from collect.reports.customer import Person
from collect.runtime import View
from collect.storage import worklist as storage
from collect.storage.customers import Contact
from collect.storage.users import User, load_users
from collect.storage.worklist import OpenDispute, OpenTask, Planned, PromiseRow, Talk

KINDS = ("call", "visit", "letter", "task", "promise", "no_next")
"""What a line can be on the list for; a line may be there for several."""
CHECK = "check"
"""The kind of task that checks an excuse; every other kind is our own word to keep (P13, P16, P32)."""
_MONEY_ROLES = ("finance", "cashier")
_IN_CHARGE = ("finance", "head")


@dataclass(frozen=True, slots=True)
class Wish:
    """Which day, and whose: `people` are user ids, None among them means what has no owner (finance's queue); None alone: everybody.

    Today holds what is late as well; a later day only what falls on it.
    """

    day: date
    people: frozenset[int | None] | None = None


@dataclass(frozen=True, slots=True)
class Owed:
    """What a customer owes in one currency, minor units: `overdue` of `open`; `untied` and `disputed` are taken off before asking (S17)."""

    currency: str
    open: int
    overdue: int
    untied: int
    disputed: int
    asked: int
    oldest_days: int


@dataclass(frozen=True, slots=True)
class Slot:
    """A planned contact: `at` is the time of day in the customer's `zone`; `late` when its day has gone by."""

    step: str
    channel: str
    day: date
    at: time
    zone: str
    late: bool


@dataclass(frozen=True, slots=True)
class Face:
    """Somebody to see there: `duty` is decides, original or money; a `name` of None is a gap, shown before the visit (P6)."""

    duty: str
    name: str | None
    phone: str | None = None


@dataclass(frozen=True, slots=True)
class Brief:
    """What one must know before the first word: money, contacts, promises, our own obligations, whom to see."""

    slots: tuple[Slot, ...]
    tasks: tuple[OpenTask, ...]
    live: tuple[PromiseRow, ...]
    ended: PromiseRow | None
    last: Talk | None
    last_by: str
    words: tuple[OpenTask, ...]
    disputes: tuple[OpenDispute, ...]
    faces: tuple[Face, ...]
    phone: tuple[str, str] | None


@dataclass(frozen=True, slots=True)
class Line:
    """A customer on the list: who of ours is to act (None: nobody by name), why it stands there, and the brief."""

    id: int
    number: str
    name: str
    person: Person | None
    kinds: frozenset[str]
    ranked: Ranked
    owed: tuple[Owed, ...]
    brief: Brief


@dataclass(frozen=True, slots=True)
class Agenda:
    """A page of the list; `counts` by kind are of the whole list, `after` is the number to go on from."""

    lines: tuple[Line, ...]
    counts: dict[str, int]
    total: int
    after: str | None
    first: bool


@dataclass(frozen=True, slots=True)
class Books:
    """What is read once for the whole list: every open task and every live promise of the scope, the first to fall due first."""

    tasks: list[OpenTask]
    live: list[PromiseRow]


@dataclass
class Turn:
    """What puts one customer on the list."""

    planned: list[Planned] = field(default_factory=list)
    tasks: list[OpenTask] = field(default_factory=list)
    promises: list[PromiseRow] = field(default_factory=list)
    no_next: bool = False
    acting: int | None = None

    def kinds(self) -> frozenset[str]:
        """Of `KINDS`, those that apply."""
        found = {one.channel for one in self.planned}
        return frozenset(found | ({"task"} if self.tasks else set()) | ({"promise"} if self.promises else set()) | ({"no_next"} if self.no_next else set()))


@dataclass(frozen=True, slots=True)
class Desk:
    """Who of ours may act: users by id."""

    users: dict[int, User]

    def owner(self, rep: int | None, collector: int | None) -> int | None:
        """The collector, else the rep, of those who still work here; None: finance's queue."""
        return next((one for one in (collector, rep) if one is not None and self.users[one].active), None)

    def acting(self, user_id: int | None, rep: int | None, collector: int | None) -> int | None:
        """Who does what was given to a user: himself while he may see the customer, else whoever looks after it today."""
        user = self.users.get(user_id or 0)
        if user is not None and user.active and (user.role != Role.REP or user.id in (rep, collector)):
            return user.id
        return self.owner(rep, collector)

    def person(self, user_id: int | None) -> Person | None:
        """The user as pages show him."""
        user = self.users.get(user_id or 0)
        return Person(user.username, user.name) if user else None


def load_desk(view: View) -> Desk:
    """Everybody of ours."""
    return Desk({user.id: user for user in load_users(view.session)})


def my_day(view: View, scope: Scope, wish: Wish, only: str = "", after: str = "", limit: int = 50) -> Agenda:
    """The list of a day, most urgent first: at most `limit` lines, those after a customer number.

    On it is who has a call, visit or letter planned, a task due, a promise due that day or the next, or something overdue
    and no next action (P4). `only` keeps one of `KINDS`. The number of statements does not depend on how many there are.
    """
    desk = load_desk(view)
    books = Books(storage.load_open_tasks(view.session, scope), storage.load_live_promises(view.session, scope))
    turns = _turns(view, scope, wish, desk, books)
    money = load_money(view, scope, turns, wish.day)
    for customer_id in [key for key, turn in turns.items() if turn.kinds() == {"no_next"} and not any(one.asked for one in money.get(key, ()))]:
        del turns[customer_id]
    people = storage.load_people_of(view.session, scope, turns)
    ranked = rules.rank(_entries(view, scope, wish.day, turns, books, people, money), wish.day)
    ids = {row.customer_no: row.id for row in people.values()}
    counts = {kind: sum(1 for turn in turns.values() if kind in turn.kinds()) for kind in KINDS}
    shown = [one for one in ranked if not only or only in turns[ids[one.entry.customer_no]].kinds()]
    start = next((at + 1 for at, one in enumerate(shown) if one.entry.customer_no == after), 0) if after else 0
    page = shown[start : start + limit]
    briefs = _briefs(view, scope, wish.day, desk, books, {ids[one.entry.customer_no]: turns[ids[one.entry.customer_no]] for one in page}, people)
    lines = []
    for one in page:
        row = people[ids[one.entry.customer_no]]
        turn = turns[row.id]
        lines.append(Line(row.id, row.customer_no, row.name, desk.person(turn.acting), turn.kinds(), one, money.get(row.id, ()), briefs[row.id]))
    return Agenda(tuple(lines), counts, len(shown), page[-1].entry.customer_no if start + limit < len(shown) else None, start == 0)


def _turns(view: View, scope: Scope, wish: Wish, desk: Desk, books: Books) -> dict[int, Turn]:
    """Everybody whose turn it is, by customer id: only what the wished people are to do."""
    session, day = view.session, wish.day
    first = day if day > view.today else date.min
    planned = storage.load_contacts_planned(session, scope, ("planned",), first, day)
    tasks = [task for task in books.tasks if first <= task.due <= day]
    promises = [one for one in books.live if day <= one.due <= day + timedelta(days=1)]
    faults = storage.load_without_next(session, scope, day) if day <= view.today else set()
    owners = storage.load_owners(session, scope, faults.union(*({row.customer_id for row in rows} for rows in (planned, tasks, promises))))
    found: dict[int, Turn] = {}

    def turn_of(customer_id: int, given_to: int | None) -> Turn | None:
        acting = desk.acting(given_to, *owners[customer_id]) if customer_id in owners else None
        if customer_id not in owners or (wish.people is not None and acting not in wish.people):
            return None
        return found.setdefault(customer_id, Turn(acting=acting))

    for contact in planned:
        if turn := turn_of(contact.customer_id, contact.user_id):
            turn.planned.append(contact)
    for task in tasks:
        if turn := turn_of(task.customer_id, task.user_id):
            turn.tasks.append(task)
    for promise in promises:
        # Whoever looks after the customer, whoever took the promise, and whoever has the customer on his list for something else.
        taken = turn_of(promise.customer_id, promise.user_id) if promise.user_id else None
        if turn := taken or turn_of(promise.customer_id, None) or found.get(promise.customer_id):
            turn.promises.append(promise)
    for customer_id in faults:
        if turn := turn_of(customer_id, None):
            turn.no_next = True
    return found


def load_money(view: View, scope: Scope, ids: Collection[int], day: date) -> dict[int, tuple[Owed, ...]]:
    """What these customers owe, by currency; `asked` is overdue less accepted disputes and untied money, taken from the oldest first (S17).

    Sums come from the database; item by item only where something is to be taken off.
    """
    disputed = _disputed(storage.load_open_disputes(view.session, scope, ids))
    untied = {(customer_id, currency): amount for customer_id, currency, amount in storage.load_untied(view.session, scope, ids)}
    less = {key[0] for key in disputed} | {key[0] for key in untied}
    items: dict[tuple[int, str], list[tuple[date | None, int, int]]] = {key: [] for key in untied}
    for customer_id, currency, due, amount in storage.load_open_by_due(view.session, scope, less):
        items.setdefault((customer_id, currency), []).append((due, amount, disputed.get((customer_id, currency, due), 0)))
    found: dict[int, tuple[Owed, ...]] = {}
    for (customer_id, currency), parts in sorted(items.items()):
        found[customer_id] = (*found.get(customer_id, ()), _owed(currency, parts, untied.get((customer_id, currency), 0), day))
    for customer_id, currency, total, overdue, oldest in storage.load_sums(view.session, scope, ids, day):
        if customer_id not in less:
            found[customer_id] = (*found.get(customer_id, ()), Owed(currency, total, overdue, 0, 0, overdue, (day - oldest).days if oldest else 0))
    return found


def _disputed(disputes: Iterable[OpenDispute]) -> dict[tuple[int, str, date | None], int]:
    """Accepted disputed amounts by customer, currency and due date; no more of an item than is open."""
    found: dict[tuple[int, str, date | None], int] = {}
    of_item: dict[int, int] = {}
    for one in disputes:
        if one.state == "accepted":
            taken = min(one.amount, one.open - of_item.get(one.item_id, 0))
            of_item[one.item_id] = of_item.get(one.item_id, 0) + taken
            key = (one.customer_id, one.currency, one.due)
            found[key] = found.get(key, 0) + taken
    return found


def _owed(currency: str, items: list[tuple[date | None, int, int]], untied: int, day: date) -> Owed:
    """One currency of one customer, from (due, open, disputed) with the oldest due first."""
    late = [(due, amount, disputed) for due, amount, disputed in items if due is not None and due < day]
    pool, asked, oldest = untied, 0, 0
    for due, amount, disputed in late:
        taken = min(pool, amount - disputed)
        pool -= taken
        if rest := amount - disputed - taken:
            asked += rest
            oldest = max(oldest, (day - due).days)
    return Owed(currency, sum(item[1] for item in items), sum(item[1] for item in late), untied, sum(item[2] for item in items), asked, oldest)


def _entries(view: View, scope: Scope, day: date, turns: dict[int, Turn], books: Books, people: dict[int, Any], money: dict[int, tuple[Owed, ...]]) -> Iterable[Entry]:
    """The facts that points are given for."""
    session = view.session
    broken: dict[int, list[date]] = {}
    for ended in storage.load_judged_promises(session, scope, turns):
        if ended.state == "broken" and ended.judged_on is not None:
            broken.setdefault(ended.customer_id, []).append(ended.judged_on)
    live = _by_customer(books.live)
    missed: dict[int, list[date]] = {}
    for contact in storage.load_missed(session, scope, day - timedelta(days=rules.REMEMBERED)):
        missed.setdefault(contact.customer_id, []).append(contact.day)
    last = storage.load_last_days(session, scope, turns)
    for key, row in people.items():
        turn, owed, promises = turns[key], money.get(key, ()), live.get(key, [])
        promised = {one.currency: 0 for one in promises}
        for one in promises:
            promised[one.currency] += one.amount
        yield Entry(
            customer_no=row.customer_no,
            currency=row.currency,
            overdue={one.currency: one.asked for one in owed if one.asked},
            oldest_days=max((one.oldest_days for one in owed), default=0),
            owed=sum(one.open - one.untied for one in owed if one.currency == row.currency),
            credit_limit=row.credit_limit,
            promised=promised,
            promises_due=tuple(one.due for one in promises),
            broken=tuple(broken.get(key, ())),
            tasks=tuple(task.due for task in turn.tasks),
            planned=tuple(contact.day for contact in turn.planned),
            missed=tuple(missed.get(key, ())),
            last_contact=last.get(key),
            has_next=not turn.no_next,
            do_not_contact=bool(row.do_not_contact),
            insolvent=bool(row.insolvent),
        )


def _briefs(view: View, scope: Scope, day: date, desk: Desk, books: Books, turns: dict[int, Turn], people: dict[int, Any]) -> dict[int, Brief]:
    """What is told of the customers of one page."""
    session = view.session
    ended: dict[int, PromiseRow] = {}
    for one in storage.load_judged_promises(session, scope, turns):
        ended.setdefault(one.customer_id, one)
    live = _by_customer(books.live)
    words = _by_customer(task for task in books.tasks if task.kind != CHECK)
    disputes = _by_customer(storage.load_open_disputes(session, scope, turns))
    there = _by_customer(storage.load_people_there(session, scope, turns))
    last = storage.load_last_talks(session, scope, turns)
    found = {}
    for key, turn in turns.items():
        row, talk = people[key], last.get(key)
        by = desk.person(talk.user_id) if talk else None
        found[key] = Brief(
            slots=tuple(_slot(contact, row.timezone or view.seller.timezone, day) for contact in turn.planned),
            tasks=tuple(turn.tasks),
            live=tuple(live.get(key, ())),
            ended=ended.get(key),
            last=talk,
            last_by=by.name if by else "",
            words=tuple(words.get(key, ())),
            disputes=tuple(disputes.get(key, ())),
            faces=faces(there.get(key, [])),
            phone=None if row.do_not_contact else _phone(there.get(key, []), row),
        )
    return found


def _by_customer(rows: Iterable[Any]) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = {}
    for row in rows:
        found.setdefault(row.customer_id, []).append(row)
    return found


def _slot(contact: Planned, zone: str, day: date) -> Slot:
    return Slot(contact.step, contact.channel, contact.day, contact.slot_at.astimezone(ZoneInfo(zone)).time(), zone, contact.day < day)


def faces(there: list[Contact]) -> tuple[Face, ...]:
    """Whom to see: who decides (rather who does not spend his own money), the original contact, who runs the money; a gap each where unknown (P6)."""
    deciding = sorted((one for one in there if one.decides), key=lambda one: (one.role == "owner", one.role not in _IN_CHARGE))
    chosen = (
        ("decides", deciding[0] if deciding else None),
        ("original", next((one for one in there if one.original), None)),
        ("money", next((one for one in there if one.role in _MONEY_ROLES), None)),
    )
    return tuple(Face(duty, one.name if one else None, (one.mobile or one.phone) if one else None) for duty, one in chosen)


def _phone(there: list[Contact], row: Any) -> tuple[str, str] | None:
    """The number to tap and whose it is: the first of those to see who has one, else the customer's own."""
    for face in faces(there):
        if face.name and face.phone:
            return face.phone, face.name
    return (row.phone, row.name) if row.phone else None
