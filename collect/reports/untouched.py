"""What nobody has touched: overdue accounts without a next action or without a contact for too long, and the contacts that we missed (P4, P5)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from collect.domain.rights import Scope
from collect.reports.customer import Person
from collect.reports.worklist import Desk, Owed, Wish, load_desk, load_money
from collect.runtime import View
from collect.storage import worklist as storage
from collect.storage.worklist import Planned

MISSED_DAYS = 30
"""Calendar days back that contacts which we missed are counted."""


@dataclass(frozen=True, slots=True)
class Account:
    """An overdue account that is neglected: no next action, or untouched for longer than allowed, or both.

    `last` is the day of the last contact (None: never), `days` how long it has been overdue and untouched, `planned` the
    day of the next planned contact.
    """

    number: str
    name: str
    person: Person | None
    owed: tuple[Owed, ...]
    last: date | None
    days: int
    planned: date | None
    no_next: bool
    is_untouched: bool


@dataclass(frozen=True, slots=True)
class Missed:
    """A planned contact that did not take place: our fault, not the customer's (P4)."""

    number: str
    name: str
    person: Person | None
    day: date
    step: str
    channel: str


@dataclass(frozen=True, slots=True)
class Share:
    """What stands against one of ours (None: finance's queue): counts of accounts and of missed contacts."""

    person: Person | None
    no_next: int
    untouched: int
    missed: int


@dataclass(frozen=True, slots=True)
class Neglect:
    """The whole view: a share a person, one page of the accounts, and the latest missed contacts."""

    shares: tuple[Share, ...]
    accounts: tuple[Account, ...]
    total: int
    after: str | None
    first: bool
    missed: tuple[Missed, ...]
    missed_total: int


def neglect(view: View, scope: Scope, wish: Wish, farthest: int, after: str = "", limit: int = 50) -> Neglect:
    """What is neglected on a day: overdue with something to ask, and no next action or no contact for more than `farthest` days.

    The days count from the last contact or from the oldest such item's due date, whichever is later; who must
    not be contacted is not neglected. Longest untouched first; at most `limit` accounts, those after a customer number.
    """
    desk, session = load_desk(view), view.session
    ids = storage.load_overdue_ids(session, scope, wish.day)
    coming = {row.customer_id: row.day for row in reversed(storage.load_contacts_planned(session, scope, ("planned",), wish.day, date.max))}
    late = storage.load_contacts_planned(session, scope, ("planned",), date.min, wish.day - timedelta(days=1))
    missed = [*reversed(late), *storage.load_missed(session, scope, wish.day - timedelta(days=MISSED_DAYS))]
    people = storage.load_people_of(session, scope, ids | {row.customer_id for row in missed})
    faults = storage.load_without_next(session, scope, wish.day)
    last = storage.load_last_days(session, scope, ids)
    money = load_money(view, scope, ids, wish.day)
    found: list[tuple[int | None, Account]] = []
    for key in ids & people.keys():
        row, owed = people[key], money.get(key, ())
        owner = desk.owner(row.rep_id, row.collector_id)
        if row.do_not_contact or row.insolvent or not any(one.asked for one in owed) or not _wished(wish, owner):
            continue
        touched = last.get(key)
        oldest = max(one.oldest_days for one in owed)
        days = oldest if touched is None else min((wish.day - touched).days, oldest)
        if key in faults or days > farthest:
            found.append((owner, Account(row.customer_no, row.name, desk.person(owner), owed, touched, days, coming.get(key), key in faults, days > farthest)))
    found.sort(key=lambda one: (-one[1].days, one[1].number))
    told = [(_acting(desk, row, people), row) for row in missed if row.customer_id in people]
    told = [(person, row) for person, row in told if _wished(wish, person)]
    accounts = [account for _, account in found]
    start = next((at + 1 for at, one in enumerate(accounts) if one.number == after), 0) if after else 0
    page = accounts[start : start + limit]
    return Neglect(
        shares=_shares(desk, found, told),
        accounts=tuple(page),
        total=len(accounts),
        after=page[-1].number if start + limit < len(accounts) else None,
        first=start == 0,
        missed=tuple(
            Missed(people[row.customer_id].customer_no, people[row.customer_id].name, desk.person(person), row.day, row.step, row.channel) for person, row in told[:limit]
        ),
        missed_total=len(told),
    )


def _wished(wish: Wish, person: int | None) -> bool:
    return wish.people is None or person in wish.people


def _acting(desk: Desk, contact: Planned, people: dict[int, object]) -> int | None:
    """Who was to make a contact: the one it was given to, even if the customer is somebody else's today; else who looks after it."""
    if contact.user_id in desk.users:
        return contact.user_id
    row = people[contact.customer_id]
    return desk.owner(row.rep_id, row.collector_id)  # type: ignore[attr-defined]


def _shares(desk: Desk, accounts: list[tuple[int | None, Account]], missed: list[tuple[int | None, Planned]]) -> tuple[Share, ...]:
    """One line a person who has anything against him, by name; finance's queue last."""
    counts: dict[int | None, list[int]] = {}
    for owner, account in accounts:
        entry = counts.setdefault(owner, [0, 0, 0])
        entry[0] += account.no_next
        entry[1] += account.is_untouched
    for person, _ in missed:
        counts.setdefault(person, [0, 0, 0])[2] += 1
    found = [Share(desk.person(key), *values) for key, values in counts.items()]
    return tuple(sorted(found, key=lambda share: (share.person is None, share.person.name if share.person else "")))
