"""What the reps of the demonstration company do: planned calls and visits, what customers answer, checks, courtesy visits (P16, P28, P32)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Any

import sqlalchemy as sa

from collect import calendars, i18n
from collect.domain.calendar import Calendar
from collect.domain.errors import Refusal
from collect.domain.rights import ALL, SYSTEM, Actor
from collect.runtime import Runtime, Work
from collect.services import cases
from collect.services.demo_books import Books
from collect.services.demo_data import Client, chance, clients, company
from collect.storage.cases import Promise, Task, load_live, load_open, load_overdue
from collect.storage.customers import Customer
from collect.storage.notices import Notice

_DAY = timedelta(days=1)
_MOODS: Mapping[str, tuple[tuple[str, int], ...]] = {
    "steady": (("promise:kept", 5), ("excuse:already_paid", 3), ("excuse:internal_process", 1), ("not_reached", 1), ("paid", 2)),
    "slow": (("promise:kept", 5), ("promise:late", 3), ("promise:partly", 1), ("promise:broken", 1), ("excuse:already_paid", 2), ("excuse:invoice_missing", 2), ("not_reached", 2)),
    "drift": (("promise:late", 3), ("promise:partly", 3), ("promise:broken", 3), ("excuse:goods_unsold", 2), ("excuse:cheque_in_mail", 2), ("partial", 2), ("not_reached", 2)),
    "hospital": (
        ("promise:kept", 3),
        ("promise:late", 2),
        ("excuse:waiting_for_appropriation", 4),
        ("excuse:internal_process", 3),
        ("excuse:quality_complaint", 2),
        ("not_reached", 2),
    ),
    "weak": (
        ("promise:broken", 4),
        ("promise:partly", 3),
        ("promise:late", 2),
        ("partial", 2),
        ("excuse:no_cash", 3),
        ("excuse:boss_away", 2),
        ("excuse:cheque_in_mail", 2),
        ("refused", 1),
    ),
    "stall": (
        ("excuse:no_cash", 3),
        ("excuse:boss_away", 2),
        ("excuse:goods_unsold", 2),
        ("excuse:their_customers_do_not_pay", 2),
        ("excuse:year_end", 1),
        ("not_reached", 2),
        ("refused", 1),
    ),
}
_MOOD_OF = {"prompt": "steady", "monthly": "steady", "running": "slow", "tails": "steady", "cash": "steady", "cash_late": "slow", "equipment": "hospital", "failed": "steady"}
# How claims prove: out of ten checks so many were true, so many false; the others stay unknown.
_TRUTH = {"already_paid": (9, 1), "cheque_in_mail": (5, 4), "invoice_missing": (4, 4), "quality_complaint": (5, 3), "no_cash": (2, 5), "boss_away": (3, 6)}
_FORGETS = {"zhao": 0.2, "li": 0.1}
"""How often a rep lets a planned contact go by, one in twenty where he is not named (P4)."""


@dataclass
class Desk:
    """What the reps work with: the running program, the books of the story, and the people by id."""

    runtime: Runtime
    books: Books
    seed: int
    actors: Mapping[str, Actor]
    by_id: Mapping[int, Actor]
    tick: Callable[[], None]

    def owner(self, user_id: int | None) -> Actor:
        """Who makes a contact; finance's queue is worked off by finance."""
        return self.by_id.get(user_id or 0, self.actors["fang"])


def planned(desk: Desk, day: date) -> None:
    """The calls and visits of a day, but those that are let go by."""
    by_number = {client.number: client for client in clients()}
    query = sa.select(Notice.user_id, Notice.channel, Customer.customer_no).join(Customer, Customer.id == Notice.customer_id)
    query = query.where(Notice.state == "planned", Notice.day == day, Notice.channel.in_(("call", "visit"))).order_by(Notice.slot_at, Notice.id)
    with desk.runtime.read(SYSTEM) as view:
        found = view.session.execute(query).all()
    for user_id, channel, number in found:
        client, actor = by_number[number], desk.owner(user_id)
        rng = chance(desk.seed, "talk", number, day)
        forgotten = client.habit == "drift" and (desk.books.days.today - day).days < 25
        if forgotten or rng.random() < _FORGETS.get(actor.name, 0.05):
            continue
        desk.tick()
        desk.runtime.write(actor, lambda work, client=client, channel=channel, rng=rng: _talk(desk, work, client, channel, day, rng))  # type: ignore[misc]


def _talk(desk: Desk, work: Work, client: Client, channel: str, day: date, rng: Random) -> None:
    """One contact by the customer's mood."""
    moods = _MOODS[_MOOD_OF.get(client.habit, client.habit if client.habit in _MOODS else "stall")]
    mood, _, detail = rng.choices([one for one, _ in moods], [weight for _, weight in moods])[0].partition(":")
    if not desk.books.due(client, day):
        mood = "paid"
    if mood in ("promise", "partial"):
        due = calendar_of(client).on_or_after(day + rng.randint(3, 11) * _DAY)
        promise(desk, work, client, day, due, detail or "kept", rng, channel, partial=mood == "partial")
    elif mood == "excuse":
        excuse(desk, work, client, day, detail, rng, channel)
    else:
        person = rng.choice(client.people)
        note = _said(client, mood, rng, person)
        own = cases.OwnWord(_word(client, "own_word", rng), calendar_of(client).add_business_days(day, 3)) if mood == "paid" and rng.random() < 0.3 else None
        cases.log(work, client.number, cases.Contact(channel, day, person, outcome=mood, note=note, own=own))


def promise(desk: Desk, work: Work, client: Client, day: date, due: date, outcome: str, rng: Random, channel: str = "call", partial: bool = False) -> None:
    """Log a promise for everything overdue (or for part of it, with the reason), and let the customer act as he means to."""
    customer = work.session.scalars(sa.select(Customer).where(Customer.customer_no == client.number)).one()
    owed = {one.currency: one.asked for one in load_overdue(work.session, ALL, customer.id, work.today)}.get(client.currency, 0)
    person = rng.choice(client.people)
    room = _room(work, customer.id, client.currency)
    if not owed or room <= 0:
        cases.log(work, client.number, cases.Contact(channel, day, person, outcome="paid", note=_said(client, "paid", rng, person)))
        return
    minor = max(owed // 2 // 10000 * 10000, min(owed, 10000)) if partial else owed
    partial, minor = partial or minor > room, min(minor, room)
    note = _said(client, "partial" if partial else "promise", rng, person, due, minor)
    draft = cases.PromiseDraft(minor, client.currency, due, person=person, reason=note if partial else None, made=day)
    cases.log(work, client.number, cases.Contact(channel, day, person, promise=draft, note=note))
    desk.books.promise(client, day, due, "partly" if partial else outcome, calendar_of(client))


def _room(work: Work, customer_id: int, currency: str, without: int = 0) -> int:
    """What a customer owes and has not promised already, in minor units; a promise that is re-dated is not counted."""
    live = sum(max(row.amount_minor - row.received_minor, 0) for row in load_live(work.session, ALL, customer_id, currency) if row.id != without)
    return load_open(work.session, ALL, customer_id, currency) - live


def excuse(desk: Desk, work: Work, client: Client, day: date, code: str, rng: Random, channel: str) -> None:
    """Log an excuse with the facts that it needs; claims of payment may be true, and faulty goods may become a dispute."""
    entry, person = company()["excuses"][code], rng.choice(client.people)
    facts = {key: _fact(client, value, person, day, rng) for key, value in entry["facts"].items()}
    note = entry["en" if client.abroad else "zh"].format(person=person)
    cases.log(work, client.number, cases.Contact(channel, day, person, excuse=code, facts=facts, note=note))
    bills = desk.books.due(client, day)
    if code == "already_paid" and rng.random() < 0.9:
        for bill in bills:
            bill.pay_on, bill.short = desk.books.days.calendar.on_or_before(day), 0
    if code == "cheque_in_mail" and rng.random() < 0.5:
        for bill in bills:
            bill.pay_on, bill.method = desk.books.days.calendar.add_business_days(day, 2), "cheque"
    if code == "quality_complaint" and bills and client.habit == "hospital":
        told = company()["notes"]["en" if client.abroad else "zh"]["dispute"].format(person=person)
        try:
            cases.raise_dispute(work, bills[0].number, bills[0].rest * rng.randint(1, 4) // 10, rng.choice(("quality", "quantity")), told)
        except Refusal:
            return  # disputed already


def _fact(client: Client, value: str | int, person: str, day: date, rng: Random) -> str:
    """A fact of an excuse: a number is a day so many days off, text may name who was met, a number or the worth of a stock."""
    if isinstance(value, int):
        return (day + value * _DAY).isoformat()
    chinese, _, english = value.partition(" / ")
    said = english if client.abroad and english else chinese
    return said.format(person=person, reference=f"{rng.randrange(10**8):08d}", stock=f"{rng.randint(3, 40)}000.00")


def checks(desk: Desk, day: date) -> None:
    """Tasks that are due: checks end by what is so, our own word is kept; of the last days' some lie still."""
    recent, yesterday = desk.books.days.back(3), desk.books.days.back(1)
    query = sa.select(Task.id, Task.user_id, Task.kind, Task.excuse, Task.due, Task.version, Customer.customer_no).join(Customer, Customer.id == Task.customer_id)
    with desk.runtime.read(SYSTEM) as view:
        found = view.session.execute(query.where(Task.state == "open", Task.due <= day).order_by(Task.id)).all()
    for key, user_id, kind, code, due, version, number in found:
        rng = chance(desk.seed, "check", number, code, due)
        if due >= yesterday or (due >= recent and rng.random() < 0.6):
            continue
        true, false = _TRUTH.get(code or "", (4, 4))
        result = rng.choices(("true", "false", "unknown"), (true, false, 10 - true - false))[0] if kind == "check" else None
        note = company()["words"]["own_done"] if kind != "check" else None
        desk.tick()
        desk.runtime.write(desk.owner(user_id), lambda work, told=(key, result, note, version): cases.finish_check(work, *told))  # type: ignore[misc]


def courtesy(desk: Desk, day: date) -> None:
    """Now and then a rep visits or calls a customer who owes nothing overdue (P28)."""
    rng = chance(desk.seed, "courtesy", day)
    client = rng.choice([client for client in clients() if client.habit in ("prompt", "steady", "monthly") and client.rep])
    if rng.random() > 0.4 or desk.books.due(client, day):
        return
    desk.tick()
    person = rng.choice(client.people)
    contact = cases.Contact("call" if client.abroad else "visit", day, person, outcome="courtesy", note=_said(client, "courtesy", rng, person))
    desk.runtime.write(desk.actors[client.rep], lambda work: cases.log(work, client.number, contact))


def renegotiate(desk: Desk, client: Client, due: date) -> None:
    """Re-date a customer's live promise at his written request."""

    def act(work: Work) -> int:
        query = sa.select(Promise).join(Customer, Customer.id == Promise.customer_id).where(Customer.customer_no == client.number, Promise.state == "open")
        row = work.session.scalars(query.order_by(Promise.id)).first()
        if row is None:
            return 0
        room = _room(work, row.customer_id, row.currency, row.id)
        if room <= 0:
            return 0
        reason = company()["words"]["renegotiated"]
        return cases.renegotiate(work, row.id, cases.PromiseDraft(min(row.amount_minor, room), row.currency, due, person=row.person, reason=reason), row.version)

    desk.runtime.write(desk.actors[client.rep], act)


def calendar_of(client: Client) -> Calendar:
    """The business days of a customer's country."""
    return calendars.load(client.country)


def _said(client: Client, key: str, rng: Random, person: str, due: date | None = None, minor: int = 0) -> str:
    """A note as a rep writes it."""
    lines = company()["notes"]["en" if client.abroad else "zh"][key]
    amount = f"{i18n.group(minor, client.currency)} {client.currency}" if client.abroad else f"{i18n.group(minor, client.currency)} 元"
    return str(rng.choice(lines)).format(person=person, day=due.isoformat() if due else "", amount=amount)


def _word(client: Client, key: str, rng: Random) -> str:
    words: dict[str, Any] = company()["words"]
    return str(rng.choice(words[key + "_en" if client.abroad else key]))
