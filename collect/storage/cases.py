"""What happens with a customer between invoice and money: contacts logged, promises, disputes, tasks, and standing marks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from collect.domain.excuses import Rate
from collect.domain.promises import JUDGED, LIVE, PAPER, RENEGOTIATED, Received, Record, record
from collect.domain.rights import Scope
from collect.storage.bank import covered_through, has_open_account
from collect.storage.cash import Credit
from collect.storage.customers import Customer, seen_ids
from collect.storage.database import Base, Day, Instant, Minor
from collect.storage.receivables import Item


class Activity(Base):
    """A contact that took place and was logged: a visit, a call, a message from the customer, a note.

    `day` is the date in the company's zone; `outcome`: promise, excuse, paid, refused, not_reached, courtesy, note.
    `excuse` is a code of the catalogue with its facts as JSON (`{"cheque_no": "…", "sent_on": "2026-03-05"}`).
    `token` makes a form that is sent twice count once.
    """

    __tablename__ = "activity"
    id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    customer_id: Mapped[int] = mapped_column(sa.ForeignKey("customer.id"))
    kind: Mapped[str] = mapped_column(sa.String(10))
    day: Mapped[date] = mapped_column(Day)
    user_id: Mapped[int | None] = mapped_column(sa.ForeignKey("user_account.id"), index=True)
    person: Mapped[str | None] = mapped_column(sa.String(100))
    outcome: Mapped[str] = mapped_column(sa.String(12))
    excuse: Mapped[str | None] = mapped_column(sa.String(40))
    facts: Mapped[str | None] = mapped_column(sa.Text)
    note: Mapped[str | None] = mapped_column(sa.String(2000))
    notice_id: Mapped[int | None] = mapped_column(sa.BigInteger)
    token: Mapped[str | None] = mapped_column(sa.String(64), unique=True)
    recorded_at: Mapped[datetime] = mapped_column(Instant)
    __table_args__ = (sa.Index("ix_activity_customer_id_day", "customer_id", "day"),)


class Promise(Base):
    """A promise to pay: a date and an amount (P17). States of S22; `received_minor` and `judged_on` are the judge's."""

    __tablename__ = "promise"
    id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    customer_id: Mapped[int] = mapped_column(sa.ForeignKey("customer.id"))
    currency: Mapped[str] = mapped_column(sa.String(3))
    amount_minor: Mapped[int] = mapped_column(Minor)
    overdue_minor: Mapped[int] = mapped_column(Minor)
    made_on: Mapped[date] = mapped_column(Day)
    due: Mapped[date] = mapped_column(Day)
    until: Mapped[date] = mapped_column(Day)
    method: Mapped[str] = mapped_column(sa.String(10))
    person: Mapped[str | None] = mapped_column(sa.String(100))
    reason: Mapped[str | None] = mapped_column(sa.String(400))
    activity_id: Mapped[int | None] = mapped_column(sa.ForeignKey("activity.id"))
    user_id: Mapped[int | None] = mapped_column(sa.ForeignKey("user_account.id"))
    state: Mapped[str] = mapped_column(sa.String(14))
    received_minor: Mapped[int] = mapped_column(Minor)
    judged_on: Mapped[date | None] = mapped_column(Day)
    version: Mapped[int] = mapped_column(sa.Integer, default=1)
    recorded_at: Mapped[datetime] = mapped_column(Instant)
    __table_args__ = (
        sa.CheckConstraint("amount_minor > 0 AND received_minor >= 0", name="amount"),
        sa.CheckConstraint("state IN ('open', 'awaiting_bank', 'kept', 'kept_late', 'partly_kept', 'broken', 'renegotiated', 'withdrawn')", name="state"),
        sa.Index("ix_promise_customer_id_due", "customer_id", "due"),
        sa.Index(
            "ix_promise_live", "due", "customer_id", sqlite_where=sa.text("state IN ('open', 'awaiting_bank')"), postgresql_where=sa.text("state IN ('open', 'awaiting_bank')")
        ),
    )


class Dispute(Base):
    """An amount of an item that the customer disputes; left out of reminders once its owner, never the rep, accepted it (P14, S24)."""

    __tablename__ = "dispute"
    id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    customer_id: Mapped[int] = mapped_column(sa.ForeignKey("customer.id"), index=True)
    item_id: Mapped[int] = mapped_column(sa.BigInteger)
    amount_minor: Mapped[int] = mapped_column(Minor)
    reason: Mapped[str] = mapped_column(sa.String(20))
    note: Mapped[str | None] = mapped_column(sa.String(2000))
    raised_by: Mapped[int | None] = mapped_column(sa.ForeignKey("user_account.id"))
    raised_on: Mapped[date] = mapped_column(Day)
    state: Mapped[str] = mapped_column(sa.String(10))
    answered_by: Mapped[int | None] = mapped_column(sa.ForeignKey("user_account.id"))
    answered_on: Mapped[date | None] = mapped_column(Day)
    answer: Mapped[str | None] = mapped_column(sa.String(400))
    version: Mapped[int] = mapped_column(sa.Integer, default=1)
    recorded_at: Mapped[datetime] = mapped_column(Instant)
    __table_args__ = (
        sa.CheckConstraint("amount_minor > 0", name="amount"),
        sa.CheckConstraint("state IN ('raised', 'accepted', 'refused', 'settled')", name="state"),
        sa.ForeignKeyConstraint(["item_id"], ["item.id"]),
    )


class Task(Base):
    """Something of ours that falls due: an excuse to check (P16), a call back or other word of ours to keep (P32).

    `result` of a check: true, false or unknown; it changes the rate shown for the customer and for the excuse.
    """

    __tablename__ = "task"
    id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    customer_id: Mapped[int] = mapped_column(sa.ForeignKey("customer.id"), index=True)
    kind: Mapped[str] = mapped_column(sa.String(12))
    due: Mapped[date] = mapped_column(Day)
    user_id: Mapped[int | None] = mapped_column(sa.ForeignKey("user_account.id"))
    title: Mapped[str | None] = mapped_column(sa.String(200))
    excuse: Mapped[str | None] = mapped_column(sa.String(40))
    facts: Mapped[str | None] = mapped_column(sa.Text)
    activity_id: Mapped[int | None] = mapped_column(sa.ForeignKey("activity.id"))
    state: Mapped[str] = mapped_column(sa.String(10))
    result: Mapped[str | None] = mapped_column(sa.String(10))
    done_by: Mapped[int | None] = mapped_column(sa.ForeignKey("user_account.id"))
    done_on: Mapped[date | None] = mapped_column(Day)
    note: Mapped[str | None] = mapped_column(sa.String(400))
    version: Mapped[int] = mapped_column(sa.Integer, default=1)
    recorded_at: Mapped[datetime] = mapped_column(Instant)
    __table_args__ = (
        sa.CheckConstraint("state IN ('open', 'done', 'cancelled')", name="state"),
        sa.Index("ix_task_open", "user_id", "due", sqlite_where=sa.text("state = 'open'"), postgresql_where=sa.text("state = 'open'")),
    )


class Standing(Base):
    """Marks of a customer that bind every decision: never to be contacted (P11), insolvent (S24), with since when and why."""

    __tablename__ = "standing"
    customer_id: Mapped[int] = mapped_column(sa.ForeignKey("customer.id"), primary_key=True, autoincrement=False)
    do_not_contact: Mapped[bool] = mapped_column(sa.Boolean)
    insolvent: Mapped[bool] = mapped_column(sa.Boolean)
    reason: Mapped[str | None] = mapped_column(sa.String(400))
    since: Mapped[date] = mapped_column(Day)
    version: Mapped[int] = mapped_column(sa.Integer, default=1)
    recorded_at: Mapped[datetime] = mapped_column(Instant)


class BankDay(Base):
    """Finance's word that the bank's data is complete through a day; promises are judged only on days that are covered (S22)."""

    __tablename__ = "bank_day"
    id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    through: Mapped[date] = mapped_column(Day)
    by: Mapped[str] = mapped_column(sa.String(64))
    recorded_at: Mapped[datetime] = mapped_column(Instant)


@dataclass(frozen=True, slots=True)
class PromiseWish:
    """Which promises: text in the customer's number or name, a state, or those falling due from `since` through `through`."""

    text: str = ""
    states: tuple[str, ...] = ()
    since: date | None = None
    through: date | None = None


class Overdue(NamedTuple):
    """What a customer owes overdue in one currency: open items, of which `disputed` is accepted as disputed, and what is in his favour untied."""

    currency: str
    open: int
    disputed: int
    untied: int

    @property
    def asked(self) -> int:
        """What is asked of him: everything overdue less what is disputed or in his favour (S17)."""
        return max(0, self.open - self.disputed - self.untied)


def bank_through(session: Session, as_of: date) -> date | None:
    """Through which day the bank's data are complete, as far as that is known on a date: promises are judged no further (S22).

    The later of finance's last word and what the data themselves say. Where we take in bank statements, that is the day
    that those of every open account reach, and nothing else: a receipt of one account says nothing of another that lags
    behind. Without statements it is the day of the latest receipt that came through a bank by then; what was voided
    since still says that its day had been taken in.
    """
    word = session.scalar(sa.select(BankDay.through).order_by(BankDay.id.desc()).limit(1))
    if has_open_account(session):
        days = [day for day in (word, covered_through(session)) if day is not None]
        return max(days) if days else None
    bank = sa.or_(Credit.method.is_(None), Credit.method.not_in((*PAPER, "cash")))
    latest = session.scalar(sa.select(sa.func.max(Credit.day)).where(Credit.kind == "receipt", Credit.day <= as_of, bank))
    days = [day for day in (word, latest) if day is not None]
    return max(days) if days else None


def find_activity(session: Session, scope: Scope, token: str) -> Activity | None:
    """The contact that a form with this token has logged already."""
    return session.scalars(sa.select(Activity).where(Activity.token == token, seen_ids(scope, Activity.customer_id))).first()


def find_promise(session: Session, scope: Scope, promise_id: int) -> Promise | None:
    """The promise if the scope sees its customer."""
    return session.scalars(sa.select(Promise).where(Promise.id == promise_id, seen_ids(scope, Promise.customer_id))).first()


def find_task(session: Session, scope: Scope, task_id: int) -> Task | None:
    """The task if the scope sees its customer."""
    return session.scalars(sa.select(Task).where(Task.id == task_id, seen_ids(scope, Task.customer_id))).first()


def find_dispute(session: Session, scope: Scope, dispute_id: int) -> tuple[Dispute, Item] | None:
    """The dispute with its item if the scope sees its customer."""
    row = session.execute(sa.select(Dispute, Item).join(Item, Item.id == Dispute.item_id).where(Dispute.id == dispute_id, seen_ids(scope, Dispute.customer_id))).first()
    return (row[0], row[1]) if row else None


def find_standing(session: Session, scope: Scope, customer_id: int) -> Standing | None:
    """The marks of a customer, None where there never were any."""
    return session.scalars(sa.select(Standing).where(Standing.customer_id == customer_id, seen_ids(scope, Standing.customer_id))).first()


def load_activities(session: Session, scope: Scope, customer_id: int, limit: int) -> list[Activity]:
    """The contacts with a customer, the latest first; at most `limit`."""
    query = sa.select(Activity).where(Activity.customer_id == customer_id, seen_ids(scope, Activity.customer_id))
    return list(session.scalars(query.order_by(Activity.day.desc(), Activity.id.desc()).limit(limit)))


def load_promises(session: Session, scope: Scope, customer_id: int, limit: int) -> list[Promise]:
    """A customer's promises: the live ones first, then the latest due first; at most `limit`."""
    query = sa.select(Promise).where(Promise.customer_id == customer_id, seen_ids(scope, Promise.customer_id))
    ended = sa.case((Promise.state.in_(LIVE), 0), else_=1)
    return list(session.scalars(query.order_by(ended, Promise.due.desc(), Promise.id.desc()).limit(limit)))


def load_promise_page(session: Session, scope: Scope, wish: PromiseWish, after: tuple[date, int] | None, limit: int) -> list[tuple[Promise, str, str]]:
    """Promises with their customer's number and name, the latest due first, those before a (due date, id); at most `limit`."""
    query = sa.select(Promise, Customer.customer_no, Customer.name).join(Customer, Customer.id == Promise.customer_id)
    query = query.where(seen_ids(scope, Promise.customer_id))
    if wish.text:
        both = (sa.func.lower(column).contains(wish.text.lower(), autoescape=True) for column in (Customer.customer_no, Customer.name))
        query = query.where(sa.or_(*both))
    if wish.states:
        query = query.where(Promise.state.in_(wish.states))
    if wish.since is not None:
        query = query.where(Promise.due >= wish.since)
    if wish.through is not None:
        query = query.where(Promise.due <= wish.through)
    if after is not None:
        query = query.where(sa.or_(Promise.due < after[0], sa.and_(Promise.due == after[0], Promise.id < after[1])))
    rows = session.execute(query.order_by(Promise.due.desc(), Promise.id.desc()).limit(limit))
    return [(promise, number, name) for promise, number, name in rows]


def load_tasks(session: Session, scope: Scope, customer_id: int) -> list[Task]:
    """A customer's open tasks, the earliest due first."""
    query = sa.select(Task).where(Task.customer_id == customer_id, Task.state == "open", seen_ids(scope, Task.customer_id))
    return list(session.scalars(query.order_by(Task.due, Task.id)))


def load_disputes(session: Session, scope: Scope, customer_id: int, limit: int) -> list[tuple[Dispute, Item]]:
    """A customer's disputes with their items: those unanswered first, then the latest first; at most `limit`."""
    query = sa.select(Dispute, Item).join(Item, Item.id == Dispute.item_id).where(Dispute.customer_id == customer_id, seen_ids(scope, Dispute.customer_id))
    order = sa.case((Dispute.state == "raised", 0), (Dispute.state == "accepted", 1), else_=2)
    return [(dispute, item) for dispute, item in session.execute(query.order_by(order, Dispute.id.desc()).limit(limit))]


def raised_today(session: Session, item_ids: list[int], today: date) -> list[Dispute]:
    """The disputes of items that were raised today and are not answered."""
    return list(session.scalars(sa.select(Dispute).where(Dispute.item_id.in_(item_ids), Dispute.raised_on == today, Dispute.state == "raised").order_by(Dispute.id)))


def load_dispute_page(session: Session, scope: Scope, states: tuple[str, ...], after: int | None, limit: int) -> list[tuple[Dispute, Item, str, str]]:
    """Disputes with their item and their customer's number and name, the last raised first, those before an id; at most `limit`."""
    query = sa.select(Dispute, Item, Customer.customer_no, Customer.name).join(Item, Item.id == Dispute.item_id).join(Customer, Customer.id == Dispute.customer_id)
    query = query.where(seen_ids(scope, Dispute.customer_id))
    if states:
        query = query.where(Dispute.state.in_(states))
    if after is not None:
        query = query.where(Dispute.id < after)
    rows = session.execute(query.order_by(Dispute.id.desc()).limit(limit))
    return [(dispute, item, number, name) for dispute, item, number, name in rows]


def disputed_already(session: Session, item_id: int) -> int:
    """What of an item is disputed by disputes that are raised or accepted, minor units."""
    total = session.scalar(sa.select(sa.func.sum(Dispute.amount_minor)).where(Dispute.item_id == item_id, Dispute.state.in_(("raised", "accepted"))))
    return int(total or 0)


def load_overdue(session: Session, scope: Scope, customer_id: int, today: date) -> list[Overdue]:
    """What a customer owes overdue today, by currency; currencies with nothing overdue are absent."""
    late = (Item.customer_id == customer_id, Item.open_minor > 0, Item.due_date < today, seen_ids(scope, Item.customer_id))
    owed: dict[str, Any] = dict(session.execute(sa.select(Item.currency, sa.func.sum(Item.open_minor)).where(*late).group_by(Item.currency)).all())
    part = sa.case((Dispute.amount_minor < Item.open_minor, Dispute.amount_minor), else_=Item.open_minor)
    query = sa.select(Item.currency, sa.func.sum(part)).join(Item, Item.id == Dispute.item_id).where(*late, Dispute.state == "accepted").group_by(Item.currency)
    disputed: dict[str, Any] = dict(session.execute(query).all())
    rest = sa.select(Credit.currency, sa.func.sum(Credit.open_minor)).where(Credit.customer_id == customer_id, Credit.open_minor > 0, seen_ids(scope, Credit.customer_id))
    untied: dict[str, Any] = dict(session.execute(rest.group_by(Credit.currency)).all())
    return [Overdue(currency, int(owed[currency]), int(disputed.get(currency, 0)), int(untied.get(currency, 0))) for currency in sorted(owed)]


def load_live(session: Session, scope: Scope, customer_id: int, currency: str) -> list[Promise]:
    """A customer's promises in a currency that nobody has judged or ended yet."""
    query = sa.select(Promise).where(Promise.customer_id == customer_id, Promise.currency == currency, Promise.state.in_(LIVE))
    return list(session.scalars(query.where(seen_ids(scope, Promise.customer_id))))


def load_open(session: Session, scope: Scope, customer_id: int, currency: str) -> int:
    """Everything a customer owes in a currency, due or not, in minor units."""
    query = sa.select(sa.func.coalesce(sa.func.sum(Item.open_minor), 0)).where(Item.customer_id == customer_id, Item.currency == currency, Item.open_minor > 0)
    return int(session.scalar(query.where(seen_ids(scope, Item.customer_id))) or 0)


def _wide(column: Any) -> tuple[Any, Any]:
    """A sum in two halves: promises of many years may add up to more than SQLite's integers hold."""
    return sa.func.sum(column // _HALF), sa.func.sum(column % _HALF)


_HALF = 2**31


def load_records(session: Session, scope: Scope, since: date, customer_id: int | None, person: str | None = None) -> list[Record]:
    """What was promised and kept since a day by currency: of one customer, of one person there, or of everybody (S23)."""
    sums = (sa.func.count(), *_wide(Promise.amount_minor), *_wide(Promise.received_minor))
    query = sa.select(Promise.currency, Promise.state, *sums).where(Promise.due >= since, Promise.state.in_((*JUDGED, RENEGOTIATED)), seen_ids(scope, Promise.customer_id))
    if customer_id is not None:
        query = query.where(Promise.customer_id == customer_id)
    if person is not None:
        query = query.where(Promise.person == person)
    rows: dict[str, list[tuple[str, int, int, int]]] = {}
    for currency, state, number, *halves in session.execute(query.group_by(Promise.currency, Promise.state)):
        high, low, got_high, got_low = map(int, halves)
        rows.setdefault(currency, []).append((state, int(number), high * _HALF + low, got_high * _HALF + got_low))
    return [record(rows[currency]) for currency in sorted(rows)]


def load_rates(session: Session, scope: Scope, customer_id: int | None) -> dict[str, Rate]:
    """How often each excuse proved true: a customer's own checks, or everybody's (P16)."""
    query = sa.select(Task.excuse, Task.result, sa.func.count()).where(Task.kind == "check", Task.result.is_not(None), Task.excuse.is_not(None), seen_ids(scope, Task.customer_id))
    if customer_id is not None:
        query = query.where(Task.customer_id == customer_id)
    found: dict[str, dict[str, int]] = {}
    for excuse, result, number in session.execute(query.group_by(Task.excuse, Task.result)):
        found.setdefault(excuse or "", {})[result or ""] = int(number)
    return {excuse: Rate(counts.get("true", 0), counts.get("false", 0), counts.get("unknown", 0)) for excuse, counts in found.items()}


def _live_on(as_of: date, known_at: datetime | None) -> list[sa.ColumnElement[bool]]:
    """The promises that were live on a date: made by then and not ended by then."""
    conditions = [Promise.made_on <= as_of, sa.or_(Promise.judged_on.is_(None), Promise.judged_on > as_of)]
    return conditions if known_at is None else [*conditions, Promise.recorded_at <= known_at]


def load_promised(session: Session, scope: Scope, as_of: date, known_at: datetime | None = None, customer_id: int | None = None) -> dict[tuple[int, str], int]:
    """What live promises promise, by customer and currency (S23); of one customer where told."""
    query = sa.select(Promise.customer_id, Promise.currency, *_wide(Promise.amount_minor)).where(*_live_on(as_of, known_at), seen_ids(scope, Promise.customer_id))
    if customer_id is not None:
        query = query.where(Promise.customer_id == customer_id)
    rows = session.execute(query.group_by(Promise.customer_id, Promise.currency))
    return {(owner, currency): int(high) * _HALF + int(low) for owner, currency, high, low in rows}


class Disputed(NamedTuple):
    """What is accepted as disputed of one item."""

    customer_id: int
    currency: str
    item_id: int
    amount: int


def load_disputed(session: Session, scope: Scope, as_of: date, known_at: datetime | None = None, customer_id: int | None = None) -> list[Disputed]:
    """What is accepted as disputed of each item, at most what is open of it now (S24); of one customer where told."""
    part = sa.case((Dispute.amount_minor < Item.open_minor, Dispute.amount_minor), else_=Item.open_minor)
    columns = (Item.customer_id, Item.currency, Item.id)
    query = sa.select(*columns, sa.func.sum(part)).join(Item, Item.id == Dispute.item_id)
    query = query.where(Dispute.state == "accepted", Dispute.answered_on <= as_of, seen_ids(scope, Dispute.customer_id))
    if known_at is not None:
        query = query.where(Dispute.recorded_at <= known_at)
    if customer_id is not None:
        query = query.where(Dispute.customer_id == customer_id)
    return [Disputed(owner, currency, item_id, int(total)) for owner, currency, item_id, total in session.execute(query.group_by(*columns))]


class Judgeable(NamedTuple):
    """A promise on its way to the judge, as it stands in the books."""

    id: int
    customer_id: int
    currency: str
    amount: int
    made: date
    due: date
    until: date
    method: str
    state: str
    received: int
    judged_on: date | None
    version: int


def load_judgeable(session: Session, scope: Scope, as_of: date, since: date) -> list[Judgeable]:
    """The promises of every customer who has a live one, or one judged that fell due from `since` on; by customer, currency and due date.

    Also their older ones, whose money must not count again. What people ended (re-dated, withdrawn) is no longer judged.
    """
    moving = sa.or_(Promise.state.in_(LIVE), sa.and_(Promise.state.in_(JUDGED), Promise.until >= since))
    whose = sa.select(Promise.customer_id).where(moving, Promise.made_on <= as_of)
    columns = (Promise.id, Promise.customer_id, Promise.currency, Promise.amount_minor, Promise.made_on, Promise.due, Promise.until, Promise.method)
    query = sa.select(*columns, Promise.state, Promise.received_minor, Promise.judged_on, Promise.version)
    query = query.where(Promise.customer_id.in_(whose), Promise.state.in_((*LIVE, *JUDGED)), Promise.made_on <= as_of, seen_ids(scope, Promise.customer_id))
    rows: Any = session.execute(query.order_by(Promise.customer_id, Promise.currency, Promise.due, Promise.made_on, Promise.id))
    return [Judgeable(*row) for row in rows]


def load_received(session: Session, scope: Scope, customer_ids: Sequence[int] | None, since: date, as_of: date) -> dict[tuple[int, str], list[Received]]:
    """Receipts by customer and currency that count between two days, allocated or not, of customers who have a promise, or of some (S22)."""
    promised: Any = sa.select(Promise.customer_id).distinct() if customer_ids is None else list(customer_ids)
    query = sa.select(Credit.customer_id, Credit.currency, Credit.day, Credit.amount_minor, Credit.method)
    query = query.where(Credit.kind == "receipt", Credit.day.between(since, as_of), Credit.customer_id.in_(promised), seen_ids(scope, Credit.customer_id))
    query = query.where(sa.or_(Credit.voided_on.is_(None), Credit.voided_on > as_of))
    query = query.where(sa.or_(Credit.order_no.is_(None), Credit.released_on <= as_of))  # money for an order is marked for another purpose
    found: dict[tuple[int, str], list[Received]] = {}
    for customer_id, currency, day, amount, method in session.execute(query.order_by(Credit.day, Credit.id)):
        found.setdefault((customer_id, currency), []).append(Received(day, amount, method))
    return found


def settle_promises(session: Session, rows: list[tuple[int, str, int, date | None, int]]) -> None:
    """Write what the judge said of many promises at once: (id, state, received, judged on, new version)."""
    if rows:
        names = ("id", "state", "received_minor", "judged_on", "version")
        session.execute(sa.update(Promise), [dict(zip(names, row, strict=True)) for row in rows])
