"""What is between a customer and us as pages tell it: promises and how reliable they are, checks, our own word, disputes, marks (P13-P17, S22-S24)."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from collect import catalogue, i18n
from collect.domain import excuses, promises
from collect.domain.excuses import Rate, Said
from collect.domain.rights import ALL, Scope
from collect.i18n import mark as _
from collect.reports import lists
from collect.runtime import View
from collect.storage import cases as storage
from collect.storage.cases import Overdue, Promise, PromiseWish, Task
from collect.storage.customers import load_customers
from collect.storage.receivables import Item
from collect.storage.users import load_users
from collect.table import Column, Table

REMEMBERED_DAYS = 731
"""Two years, over which reliability is reckoned (S23)."""
SHOWN = 12
"""So many promises and disputes stand on the customer's page."""
SOON_DAYS = 7
"""Promises of so many days to come are due soon."""
_RECENT = 60


@dataclass(frozen=True, slots=True)
class PromiseEntry:
    """A promise as it is shown; minor units. `changeable`: people may still re-date it or take it back."""

    id: int
    customer_no: str
    customer_name: str
    currency: str
    amount: int
    received: int
    made: date
    due: date
    until: date
    method: str
    person: str | None
    reason: str | None
    state: str
    judged_on: date | None
    version: int
    changeable: bool

    @property
    def missing(self) -> int:
        """What of it has not come in."""
        return max(0, self.amount - self.received)


@dataclass(frozen=True, slots=True)
class TaskEntry:
    """A task: `kind` check (of an excuse) or own (our word). `facts` are (label, value) in the reader's language."""

    id: int
    customer_no: str
    customer_name: str
    kind: str
    due: date
    title: str
    look_for: str
    facts: tuple[tuple[str, str], ...]
    owner: str
    version: int
    open: bool
    rate: Rate = field(default_factory=Rate)


@dataclass(frozen=True, slots=True)
class DisputeEntry:
    """A dispute of an amount of one item; minor units."""

    id: int
    customer_no: str
    customer_name: str
    invoice: str
    currency: str
    amount: int
    open: int
    reason: str
    note: str | None
    raised_on: date
    raised_by: int | None
    raised_name: str
    state: str
    answered_on: date | None
    answered_name: str
    answer: str | None
    version: int


@dataclass(frozen=True, slots=True)
class Spoken:
    """The latest contact with a customer."""

    kind: str
    day: date
    person: str | None
    outcome: str
    excuse: str


@dataclass(frozen=True, slots=True)
class CaseFile:
    """Everything that is between one customer and us. `reliability` is whole percent, None while nobody's promise has ended.

    `judged` is the number of his own promises that went into it; `cause` the cause of the latest excuse that was not
    proven true (P15); `people` are those who promised something, with their own reliability.
    """

    promises: tuple[PromiseEntry, ...]
    more_promises: bool
    reliability: int | None
    judged: int
    people: tuple[tuple[str, int], ...]
    tasks: tuple[TaskEntry, ...]
    disputes: tuple[DisputeEntry, ...]
    overdue: tuple[Overdue, ...]
    last: Spoken | None
    cause: str | None
    signals: tuple[str, ...]
    do_not_contact: bool
    insolvent: bool
    standing_reason: str | None
    standing_since: date | None

    @property
    def live(self) -> list[PromiseEntry]:
        """Promises that no one has judged yet."""
        return [one for one in self.promises if one.state in promises.LIVE]

    @property
    def own(self) -> list[TaskEntry]:
        """What we owe the customer ourselves (P13, P32)."""
        return [task for task in self.tasks if task.kind == "own"]


def case_file(view: View, scope: Scope, customer_id: int, customer_no: str, name: str) -> CaseFile:
    """The case of a customer that the scope sees, as of today."""
    session = view.session
    names = _names(view)
    rows = storage.load_promises(session, scope, customer_id, SHOWN + 1)
    spoken = storage.load_activities(session, scope, customer_id, 20)
    recent = [row for row in spoken if row.day >= view.today - timedelta(days=_RECENT)]
    since = view.today - timedelta(days=REMEMBERED_DAYS)
    own, everybody = storage.load_records(session, scope, since, customer_id), storage.load_records(session, ALL, since, None)
    share = promises.reliability(own, everybody)
    mark = storage.find_standing(session, scope, customer_id)
    promisers = sorted({row.person for row in rows if row.person})[:5]
    rates = {person: promises.reliability(records, everybody) for person in promisers if (records := storage.load_records(session, scope, since, customer_id, person))}
    checked = storage.load_rates(session, scope, customer_id)
    excused = next((row.excuse for row in spoken if row.excuse), None)
    refuted = checked.get(excused or "", Rate())
    known = catalogue.load().get(excused or "")
    return CaseFile(
        promises=tuple(_promise(row, customer_no, name, view.today) for row in rows[:SHOWN]),
        more_promises=len(rows) > SHOWN,
        reliability=promises.percent(share) if share is not None else None,
        judged=sum(record.ended for record in own),
        people=tuple((person, promises.percent(rate)) for person, rate in rates.items() if rate is not None),
        tasks=tuple(_task(row, customer_no, name, names, checked) for row in storage.load_tasks(session, scope, customer_id)),
        disputes=tuple(_dispute(row, item, customer_no, name, names) for row, item in storage.load_disputes(session, scope, customer_id, SHOWN)),
        overdue=tuple(storage.load_overdue(session, scope, customer_id, view.today)),
        last=Spoken(spoken[0].kind, spoken[0].day, spoken[0].person, spoken[0].outcome, said(spoken[0].excuse)) if spoken else None,
        cause=str(known.cause) if known is not None and not (refuted.true and not refuted.false) else None,
        signals=tuple(sorted(excuses.signals([Said(row.outcome, row.excuse) for row in recent], catalogue.load()))),
        do_not_contact=bool(mark and mark.do_not_contact),
        insolvent=bool(mark and mark.insolvent),
        standing_reason=mark.reason if mark else None,
        standing_since=mark.since if mark else None,
    )


def said(code: str | None) -> str:
    """The name of an excuse in the reader's language; a code that the catalogue has no more shows itself."""
    known = catalogue.load().get(code or "")
    return catalogue.label(known.name, i18n.current()) if known else (code or "")


def task_title(kind: str, title: str | None, excuse: str | None) -> str:
    """What a task is about: its own words; else, of a check, the claim; else what falls to us because the claim was true (P16)."""
    known = catalogue.load().get(excuse or "")
    if title is None and kind == "own" and known is not None and known.ours is not None:
        return catalogue.label(known.ours, i18n.current())
    return title or said(excuse)


def told(code: str | None, facts: str | None) -> tuple[tuple[str, str], ...]:
    """The facts kept with an excuse (JSON text) as (label, value) in the reader's language, in the order they are asked."""
    given: dict[str, str] = json.loads(facts) if facts else {}
    known = catalogue.load().get(code or "")
    labels = {fact.key: catalogue.label(fact.label, i18n.current()) for fact in known.facts} if known else {}
    order = [key for key in labels if key in given] + [key for key in given if key not in labels]
    return tuple((labels.get(key, key), given[key]) for key in order)


def promise_page(view: View, scope: Scope, wish: PromiseWish, after: tuple[date, int] | None, limit: int) -> list[PromiseEntry]:
    """Promises of the customers a scope sees, the latest due first; at most `limit`."""
    return [_promise(row, number, name, view.today) for row, number, name in storage.load_promise_page(view.session, scope, wish, after, limit)]


def all_promises(view: View, scope: Scope, wish: PromiseWish) -> list[PromiseEntry]:
    """Everything that a wish selects, for an export."""
    return promise_page(view, scope, wish, None, 1_000_000)


def find_promise(view: View, scope: Scope, promise_id: int) -> PromiseEntry | None:
    """One promise, if the scope sees its customer."""
    row = storage.find_promise(view.session, scope, promise_id)
    customer = load_customers(view.session, scope, [row.customer_id]).get(row.customer_id) if row else None
    return _promise(row, customer.customer_no, customer.name, view.today) if row and customer else None


def find_task(view: View, scope: Scope, task_id: int) -> TaskEntry | None:
    """One task, if the scope sees its customer."""
    row = storage.find_task(view.session, scope, task_id)
    customer = load_customers(view.session, scope, [row.customer_id]).get(row.customer_id) if row else None
    if row is None or customer is None:
        return None
    return _task(row, customer.customer_no, customer.name, _names(view), storage.load_rates(view.session, scope, customer.id))


def dispute_page(view: View, scope: Scope, states: tuple[str, ...], after: int | None, limit: int) -> list[DisputeEntry]:
    """Disputes of the customers a scope sees, the last raised first; at most `limit`."""
    names = _names(view)
    return [_dispute(row, item, number, name, names) for row, item, number, name in storage.load_dispute_page(view.session, scope, states, after, limit)]


def find_dispute(view: View, scope: Scope, dispute_id: int) -> DisputeEntry | None:
    """One dispute, if the scope sees its customer."""
    found = storage.find_dispute(view.session, scope, dispute_id)
    customer = load_customers(view.session, scope, [found[0].customer_id]).get(found[0].customer_id) if found else None
    if found is None or customer is None:
        return None
    return _dispute(*found, customer.customer_no, customer.name, _names(view))


def rates_of_all(view: View) -> dict[str, Rate]:
    """How often each excuse proved true, of everybody (P16)."""
    return storage.load_rates(view.session, ALL, None)


def own_rates(view: View, scope: Scope, customer_id: int) -> dict[str, Rate]:
    """How often each excuse proved true of one customer (P16)."""
    return storage.load_rates(view.session, scope, customer_id)


def _names(view: View) -> dict[int, str]:
    return {user.id: user.name for user in load_users(view.session)}


def _promise(row: Promise, customer_no: str, name: str, today: date) -> PromiseEntry:
    return PromiseEntry(
        id=row.id,
        customer_no=customer_no,
        customer_name=name,
        currency=row.currency,
        amount=row.amount_minor,
        received=row.received_minor,
        made=row.made_on,
        due=row.due,
        until=row.until,
        method=row.method,
        person=row.person,
        reason=row.reason,
        state=row.state,
        judged_on=row.judged_on,
        version=row.version,
        changeable=row.state in promises.LIVE and row.due >= today,
    )


def _task(row: Task, customer_no: str, name: str, names: dict[int, str], rates: dict[str, Rate]) -> TaskEntry:
    known = catalogue.load().get(row.excuse or "")
    look_for = catalogue.label(known.check.look_for, i18n.current()) if known and known.check else ""
    return TaskEntry(
        id=row.id,
        customer_no=customer_no,
        customer_name=name,
        kind=row.kind,
        due=row.due,
        title=task_title(row.kind, row.title, row.excuse),
        look_for=look_for,
        facts=told(row.excuse, row.facts),
        owner=names.get(row.user_id or 0, ""),
        version=row.version,
        open=row.state == "open",
        rate=rates.get(row.excuse or "", Rate()),
    )


def _dispute(row: storage.Dispute, item: Item, customer_no: str, name: str, names: dict[int, str]) -> DisputeEntry:
    return DisputeEntry(
        id=row.id,
        customer_no=customer_no,
        customer_name=name,
        invoice=item.document_no,
        currency=item.currency,
        amount=row.amount_minor,
        open=item.open_minor,
        reason=row.reason,
        note=row.note,
        raised_on=row.raised_on,
        raised_by=row.raised_by,
        raised_name=names.get(row.raised_by or 0, ""),
        state=row.state,
        answered_on=row.answered_on,
        answered_name=names.get(row.answered_by or 0, ""),
        answer=row.answer,
        version=row.version,
    )


STATES = {
    "open": _("Pending"),
    "awaiting_bank": _("Awaiting bank"),
    "kept": _("Kept"),
    "kept_late": _("Kept late"),
    "partly_kept": _("Partly kept"),
    "broken": _("Broken"),
    "renegotiated": _("Renegotiated"),
    "withdrawn": _("Withdrawn"),
}
PROMISES = _("Promises")
COLUMNS = (
    Column("customer_no", _("Customer no."), "code"),
    Column("name", _("Name")),
    Column("made", _("Made on"), "date"),
    Column("due", _("Promised for"), "date"),
    Column("currency", _("Currency"), "code"),
    Column("amount", _("Amount"), "money"),
    Column("received", _("Received"), "money"),
    Column("state", _("State")),
    Column("person", _("Promised by")),
)


def as_table(found: list[PromiseEntry], today: date, language: str) -> Table:
    """Promises as a table for files."""
    rows = [
        (one.customer_no, one.customer_name, one.made, one.due, one.currency, one.amount, one.received, i18n.in_language(language, STATES[one.state]), one.person or "")
        for one in found
    ]
    return lists.as_of(PROMISES, COLUMNS, rows, today)


DISPUTES = _("Disputes")
DISPUTE_COLUMNS = (
    Column("customer_no", _("Customer no."), "code"),
    Column("name", _("Customer")),
    Column("invoice_no", _("Invoice"), "code"),
    Column("raised_on", _("Raised on"), "date"),
    Column("raised_by", _("By")),
    Column("reason", _("Reason")),
    Column("note", _("What they say")),
    Column("currency", _("Currency"), "code"),
    Column("amount", _("Amount"), "money"),
    Column("state", _("State")),
    Column("answered_on", _("Answered on"), "date"),
    Column("answer", _("Answer")),
)


def disputes_as_table(view: View, scope: Scope, states: tuple[str, ...], say: Callable[[DisputeEntry], tuple[str, str]]) -> Table:
    """All disputes in these states, the last raised first; `say` gives the words for a dispute's reason and state."""

    def cells(one: DisputeEntry) -> tuple[Any, ...]:
        reason, state = say(one)
        told = (one.currency, one.amount, state, one.answered_on, one.answer)
        return (one.customer_no, one.customer_name, one.invoice, one.raised_on, one.raised_name, reason, one.note, *told)

    found = lists.every(lambda after: dispute_page(view, scope, states, after, lists.CHUNK), lambda one: one.id)
    return lists.as_of(DISPUTES, DISPUTE_COLUMNS, map(cells, found), view.today)
