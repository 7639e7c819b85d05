"""Loading accounts: all facts of many customers as of a date, in a fixed number of statements whatever their number (S17)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import groupby
from operator import attrgetter, itemgetter
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from collect import catalogue
from collect.domain import excuses, promises
from collect.domain.account import Account, HoldInForce, Judged, LivePromise, Made, Notice, OpenItem
from collect.domain.aging import Basis, Buckets
from collect.domain.excuses import Said
from collect.domain.rights import ALL, Scope
from collect.storage import notices
from collect.storage.balances import Question, is_current
from collect.storage.cases import Activity, Dispute, Promise, Standing, load_received
from collect.storage.cash import Credit
from collect.storage.company import Seller
from collect.storage.customers import Customer, head_segments, seen, seen_ids
from collect.storage.escalations import Hold
from collect.storage.ledger import Line
from collect.storage.notices import NoticeItem
from collect.storage.outbox import Message
from collect.storage.receivables import Item

REMEMBERED = 90
"""Calendar days for which contacts and judged promises are looked at."""
_ROWS = 5_000


@dataclass(slots=True)
class _Facts:
    """What is known of one customer besides his items."""

    pool: dict[str, int] = field(default_factory=dict)
    promises: list[LivePromise] = field(default_factory=list)
    judged: list[Judged] = field(default_factory=list)
    made: set[Made] = field(default_factory=set)
    notices: list[Notice] = field(default_factory=list)
    holds: list[HoldInForce] = field(default_factory=list)
    signals: set[str] = field(default_factory=set)
    standing: tuple[bool, bool] = (False, False)
    dead_addresses: set[str] = field(default_factory=set)


class _Found(dict[int, _Facts]):
    """Facts by customer id, made where missing."""

    def __missing__(self, key: int) -> _Facts:
        made = self[key] = _Facts()
        return made


def load_account(session: Session, scope: Scope, as_of: date, seller: Seller, customer_id: int) -> Account | None:
    """One customer's account, with no items where nothing is open; None outside the scope."""
    found = next(load_accounts(session, scope, as_of, seller, [customer_id]), None)
    if found is not None:
        return found
    which = _Which(scope, [customer_id])
    person = _people(session, which).get(customer_id)
    if person is None:
        return None
    segment = head_segments(session, [customer_id]).get(customer_id, person.segment) if person.parent_id is not None else person.segment
    return _account(person, segment, _facts(session, which, as_of)[customer_id], (), seller)


def load_accounts(session: Session, scope: Scope, as_of: date, seller: Seller, customer_ids: Sequence[int] | None = None) -> Iterator[Account]:
    """Every account of the scope that has an open item as of the date, by customer id; only some customers where told.

    Amounts, promises, contacts and holds are those of `as_of`: what is effective later is not seen (S5). Items come
    oldest due first, provisional ones are left out (S7). Streams: facts beside the items are held, items are not.
    """
    which = _Which(scope, customer_ids)
    facts = _facts(session, which, as_of)
    # Rules compare dates a million times over: each day is one object, made once.
    rows = _items(session, which, as_of)
    people = _people(session, which)
    groups = head_segments(session, customer_ids) if any(person.parent_id is not None for person in people.values()) else {}
    done = _steps_done(session, which, as_of)
    disputed = _disputed(session, which, as_of)
    nothing = _Facts()
    by_due = attrgetter("due", "document_no")
    for customer_id, group in groupby(rows, key=itemgetter(0)):
        person = people.get(customer_id)
        if person is None:
            continue
        items = [
            OpenItem(
                row[1],
                row[2] if row[4] == 1 else f"{row[2]} {row[3]}/{row[4]}",
                row[5],
                row[6],
                row[7],
                row[8],
                row[9],
                disputed.get(row[1], 0) if disputed else 0,
                0,
                *done.get(row[1], _NO_STEP),
            )
            for row in group
        ]
        items.sort(key=by_due)
        yield _account(person, groups.get(customer_id, person.segment), facts.get(customer_id, nothing), tuple(items), seller)


_NO_STEP: tuple[str | None, date | None] = (None, None)


@dataclass(frozen=True, slots=True)
class _Which:
    """Which customers are asked about."""

    scope: Scope
    ids: Sequence[int] | None

    def on(self, column: Any) -> list[sa.ColumnElement[bool]]:
        """The condition on a column of customer ids."""
        conditions = [] if self.scope.everything else [seen_ids(self.scope, column)]
        return conditions if self.ids is None else [*conditions, column.in_(list(self.ids))]


def _account(person: Any, segment: str | None, facts: _Facts, items: tuple[OpenItem, ...], seller: Seller) -> Account:
    email = person.email if person.email not in facts.dead_addresses else None
    return Account(
        customer_id=person.id,
        customer_no=person.customer_no,
        name=person.name,
        segment=segment,
        terms=person.terms,
        currency=person.currency,
        country=person.country if len(person.country) == 2 else seller.country,
        timezone=person.timezone or seller.timezone,
        language=person.language or seller.language,
        email=email,
        rep_id=person.rep_id,
        collector_id=person.collector_id,
        items=items,
        pool=facts.pool,
        promises=tuple(facts.promises),
        judged=tuple(facts.judged),
        made=tuple(sorted(facts.made)),
        notices=tuple(facts.notices),
        holds=tuple(facts.holds),
        signals=frozenset(facts.signals),
        credit_limit=person.credit_limit,
        do_not_contact=facts.standing[0],
        insolvent=facts.standing[1],
    )


def _people(session: Session, which: _Which) -> dict[int, Any]:
    who = (Customer.id, Customer.customer_no, Customer.name, Customer.segment, Customer.terms, Customer.currency, Customer.country)
    how = (Customer.timezone, Customer.language, Customer.email, Customer.rep_id, Customer.collector_id, Customer.credit_limit, Customer.parent_id)
    query = sa.select(*who, *how).where(seen(which.scope))
    if which.ids is not None:
        query = query.where(Customer.id.in_(list(which.ids)))
    return {row.id: row for row in session.connection().execute(query)}


def _items(session: Session, which: _Which, as_of: date) -> Iterator[Any]:
    """(customer, id, document, part, parts, currency, issued, due, amount, open), by customer; open balances where they are the answer, else the journal."""
    columns = (Item.document_no, Item.part, Item.parts, Item.currency, Item.issue_date)
    question = Question(as_of, None, Basis.DUE, Buckets((30,)), which.scope)
    if is_current(session, question):
        query: Any = sa.select(Item.customer_id, Item.id, *columns, Item.due_date, Item.amount_minor, Item.open_minor)
        query = query.where(Item.open_minor > 0, Item.due_date.is_not(None), *which.on(Item.customer_id))
        query = query.order_by(Item.customer_id, Item.currency, Item.due_date, Item.issue_date)
    else:
        rest = sa.func.sum(Line.receivable)
        sums = sa.select(Line.item_id, Line.due, rest.label("rest")).where(Line.day <= as_of, Line.item_id.is_not(None), Line.due.is_not(None), *which.on(Line.customer_id))
        part = sums.group_by(Line.item_id, Line.due).having(rest > 0).subquery()
        query = sa.select(Item.customer_id, Item.id, *columns, part.c.due, Item.amount_minor, sa.cast(part.c.rest, sa.BigInteger))
        query = query.join(part, part.c.item_id == Item.id).order_by(Item.customer_id, part.c.due)
    yield from session.connection().execute(query.execution_options(stream_results=True, yield_per=_ROWS))


def _steps_done(session: Session, which: _Which, as_of: date) -> dict[int, tuple[str, date]]:
    """The latest step made for each open item: item id to step and day."""
    query = sa.select(NoticeItem.item_id, NoticeItem.step, NoticeItem.done_on).join(Item, Item.id == NoticeItem.item_id)
    query = query.where(NoticeItem.done_on.is_not(None), NoticeItem.step.is_not(None), NoticeItem.done_on <= as_of, *which.on(Item.customer_id))
    rows: Any = session.connection().execute(query.order_by(NoticeItem.done_on, NoticeItem.notice_id))
    return {row[0]: (row[1], row[2]) for row in rows}


def _disputed(session: Session, which: _Which, as_of: date) -> dict[int, int]:
    """Accepted disputed amounts by item."""
    query = sa.select(Dispute.item_id, sa.func.sum(Dispute.amount_minor)).where(Dispute.state == "accepted", Dispute.answered_on <= as_of, *which.on(Dispute.customer_id))
    return {item_id: int(amount) for item_id, amount in session.connection().execute(query.group_by(Dispute.item_id))}


def _facts(session: Session, which: _Which, as_of: date) -> _Found:
    """Everything beside the items, one statement a kind."""
    found = _Found()
    run = session.connection().execute
    since = as_of - timedelta(days=REMEMBERED)
    for customer_id, currency, amount in run(_pool(session, which, as_of)):
        found[customer_id].pool[currency] = int(amount)
    promise = sa.select(Promise.customer_id, Promise.id, Promise.currency, Promise.amount_minor, Promise.made_on, Promise.due, Promise.until, Promise.state)
    promise = promise.add_columns(Promise.received_minor, Promise.judged_on, Promise.method).where(Promise.made_on <= as_of, *which.on(Promise.customer_id))
    rows = run(promise.where(sa.or_(Promise.judged_on.is_(None), Promise.judged_on >= since)).order_by(Promise.due, Promise.made_on, Promise.id)).all()
    received = _received(session, rows, as_of)
    for row in rows:
        if row.judged_on is None or row.judged_on > as_of:
            # What has come in for it already, judged or not, reduces what is open: only the rest of the promise still pauses.
            rest = max(0, row.amount_minor - received.get(row.id, 0))
            found[row[0]].promises.append(LivePromise(row.id, row.currency, rest, row.made_on, row.due, row.until))
        elif row.state not in ("renegotiated", "withdrawn"):
            missing = max(0, row.amount_minor - row.received_minor)
            found[row[0]].judged.append(Judged(row.id, row.currency, row.state, row.amount_minor, missing, row.judged_on))
    said: dict[int, list[Said]] = {}
    activity = sa.select(Activity.customer_id, Activity.day, Activity.kind, Activity.outcome, Activity.excuse)
    activity = activity.where(Activity.day.between(since, as_of), *which.on(Activity.customer_id)).order_by(Activity.day.desc(), Activity.id.desc())
    for customer_id, day, kind, outcome, excuse in run(activity):
        said.setdefault(customer_id, []).append(Said(outcome, excuse))
        if kind in ("visit", "call") and outcome != "not_reached":
            found[customer_id].made.add(Made(day, kind, outcome in ("promise", "paid")))
    known = catalogue.load()
    for customer_id, told in said.items():
        found[customer_id].signals.update(excuses.signals(told, known))
    _add_notices(run, which, found, as_of, since)
    hold = sa.select(Hold.customer_id, Hold.id, Hold.rung, Hold.since).where(Hold.since <= as_of, *which.on(Hold.customer_id))
    for customer_id, key, rung, start in run(hold.where(sa.or_(Hold.released_on.is_(None), Hold.released_on > as_of))):
        found[customer_id].holds.append(HoldInForce(key, rung, start))
    standing = sa.select(Standing.customer_id, Standing.do_not_contact, Standing.insolvent).where(Standing.since <= as_of, *which.on(Standing.customer_id))
    for customer_id, silent, insolvent in run(standing):
        found[customer_id].standing = (bool(silent), bool(insolvent))
    for customer_id, recipient in run(sa.select(Message.customer_id, Message.recipient).where(Message.state == "failed", *which.on(Message.customer_id))):
        found[customer_id].dead_addresses.add(recipient)
    return found


def _received(session: Session, rows: Sequence[Any], as_of: date) -> dict[int, int]:
    """What came in for promises by a date, by promise: also money that came after the last round judged them (S20, S22)."""
    live = sorted({row.customer_id for row in rows if row.judged_on is None or row.judged_on > as_of})
    if not live:
        return {}
    wanted = set(live)
    mine = [row for row in rows if row.customer_id in wanted and row.state not in ("renegotiated", "withdrawn")]
    receipts: dict[tuple[int, str], list[promises.Received]] = {}
    for start in range(0, len(live), 500):
        for key, found in load_received(session, ALL, live[start : start + 500], min(row.made_on for row in mine), as_of).items():
            receipts[key] = found
    told: dict[int, int] = {}
    by_account: dict[tuple[int, str], list[Any]] = {}
    for row in mine:
        by_account.setdefault((row.customer_id, row.currency), []).append(row)
    for key, group in by_account.items():
        asked = [promises.Promised(row.id, row.amount_minor, row.made_on, row.due, row.until, row.method) for row in group]
        for row, (in_time, late) in zip(group, promises.share(asked, receipts.get(key, ()), as_of), strict=True):
            told[row.id] = in_time + late
    return told


def _add_notices(run: Any, which: _Which, found: _Found, as_of: date, since: date) -> None:
    """Contacts that took place as planned, and the formal steps with what is proven of them."""
    table = notices.Notice
    query = sa.select(table.customer_id, table.step, table.channel, table.state, table.decided_on, table.done_on, table.deadline, table.proposal_id)
    query = query.where(table.decided_on <= as_of, *which.on(table.customer_id))
    for row in run(query.where(sa.or_(table.proposal_id.is_not(None), table.done_on >= since)).order_by(table.decided_on, table.id)):
        done = row.done_on if row.done_on is not None and row.done_on <= as_of else None
        if row.proposal_id is not None and row.state != "cancelled":
            found[row.customer_id].notices.append(Notice(row.step, row.decided_on, done, row.deadline))
        if done is not None and row.state in ("sent", "done"):
            made = found[row.customer_id].made
            if not any(contact.day == done and contact.channel == row.channel for contact in made):
                made.add(Made(done, row.channel, False))


def _pool(session: Session, which: _Which, as_of: date) -> Any:
    """What is in the customer's favour and tied to no item, by customer and currency."""
    if is_current(session, Question(as_of, None, Basis.DUE, Buckets((30,)), which.scope)):
        rest: Any = sa.func.sum(Credit.open_minor)
        return sa.select(Credit.customer_id, Credit.currency, rest).where(Credit.open_minor > 0, *which.on(Credit.customer_id)).group_by(Credit.customer_id, Credit.currency)
    rest = -sa.func.sum(Line.unapplied)
    query = sa.select(Line.customer_id, Line.currency, rest).where(Line.day <= as_of, *which.on(Line.customer_id))
    return query.group_by(Line.customer_id, Line.currency).having(rest > 0)
