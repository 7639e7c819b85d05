"""Bank lines as they are matched: pages of them, the facts to match by, learned payers, and customers on a running account."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, aliased, mapped_column

from collect.domain.rights import Scope
from collect.storage.bank import BankAccount, BankLine, PayerAlias
from collect.storage.cash import Credit
from collect.storage.customers import Customer, seen, seen_ids
from collect.storage.database import Base, Day, Instant
from collect.storage.receivables import Item

STATES = ("open", "asked", "applied", "ignored", "out")


class RunningAccount(Base):
    """A customer who settles by rolling balance (滚动结算): what he pays without a word goes to the oldest due first (S13)."""

    __tablename__ = "running_account"
    customer_id: Mapped[int] = mapped_column(sa.ForeignKey("customer.id"), primary_key=True, autoincrement=False)
    since: Mapped[date] = mapped_column(Day)
    note: Mapped[str | None] = mapped_column(sa.String(200))
    by: Mapped[str] = mapped_column(sa.String(64))
    recorded_at: Mapped[datetime] = mapped_column(Instant)


class AgreedOrder(Base):
    """What a customer's contract agrees on the order of settlement: costs and interest first, or the oldest due alone, with its clause (S14)."""

    __tablename__ = "agreed_order"
    customer_id: Mapped[int] = mapped_column(sa.ForeignKey("customer.id"), primary_key=True, autoincrement=False)
    costs_first: Mapped[bool] = mapped_column(sa.Boolean)
    clause: Mapped[str] = mapped_column(sa.String(200))
    by: Mapped[str] = mapped_column(sa.String(64))
    recorded_at: Mapped[datetime] = mapped_column(Instant)


class OwedItem(NamedTuple):
    """An open item as matching reads it; minor units. `about` is the number of the document that a claim is about."""

    id: int
    customer_id: int
    document_no: str
    kind: str
    currency: str
    issued: date
    due: date | None
    open: int
    about: str | None = None


@dataclass(frozen=True, slots=True)
class LineWish:
    """Which lines a list shows; empty means all. `least` is the least score of the proposal."""

    state: str = "open"
    account_id: int | None = None
    least: int | None = None
    text: str = ""


def load_line_page(session: Session, scope: Scope, wish: LineWish, after: tuple[date, int] | None, limit: int) -> list[BankLine]:
    """A page of lines, the latest first. Where rows are hidden, only lines that became a receipt of a customer seen (S28)."""
    query = sa.select(BankLine).where(_line_seen(scope))
    if wish.state == "asked":
        query = query.where(BankLine.question.is_not(None))
    elif wish.state in STATES:
        query = query.where(BankLine.state == wish.state)
    if wish.account_id is not None:
        query = query.where(BankLine.account_id == wish.account_id)
    if wish.least is not None:
        query = query.where(BankLine.score >= wish.least)
    if wish.text:
        near = [column.icontains(wish.text, autoescape=True) for column in (BankLine.payer, BankLine.narrative, BankLine.reference)]
        query = query.where(sa.or_(*near))
    if after is not None:
        query = query.where(sa.or_(BankLine.day < after[0], sa.and_(BankLine.day == after[0], BankLine.id < after[1])))
    return list(session.scalars(query.order_by(BankLine.day.desc(), BankLine.id.desc()).limit(limit)))


def _line_seen(scope: Scope) -> sa.ColumnElement[bool]:
    if scope.everything:
        return sa.true()
    return sa.and_(BankLine.state == "applied", seen_ids(scope, BankLine.customer_id))


def find_line(session: Session, scope: Scope, line_id: int, lock: bool = False) -> BankLine | None:
    """One line if the scope sees it; with `lock`, as it is in the database now and for this transaction alone."""
    query = sa.select(BankLine).where(BankLine.id == line_id, _line_seen(scope))
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    return session.scalars(query).first()


def count_questions(session: Session, scope: Scope) -> int:
    """How many lines put a question to a person."""
    return session.scalar(sa.select(sa.func.count()).where(BankLine.question.is_not(None), _line_seen(scope))) or 0


def load_open_lines(session: Session, scope: Scope, ids: Sequence[int] | None = None) -> list[BankLine]:
    """Lines that wait, in the order in which the money came in; all of them, or those of the ids. Not those with a question open."""
    query = sa.select(BankLine).where(BankLine.state == "open", BankLine.question.is_(None), _line_seen(scope)).order_by(BankLine.day, BankLine.id)
    if ids is None:
        return list(session.scalars(query))
    found: list[BankLine] = []
    for start in range(0, len(ids), 5000):
        found += session.scalars(query.where(BankLine.id.in_(ids[start : start + 5000])))
    return sorted(found, key=lambda line: (line.day, line.id))


def load_ids_to_accept(session: Session, scope: Scope, wish: LineWish, least: int, limit: int) -> list[tuple[int, int]]:
    """(id, version) of open lines with a proposal of at least that score, oldest first, within the account and text of a wish."""
    query = sa.select(BankLine.id, BankLine.version).where(
        BankLine.state == "open", BankLine.question.is_(None), BankLine.score >= least, BankLine.customer_id.is_not(None), _line_seen(scope)
    )
    if wish.account_id is not None:
        query = query.where(BankLine.account_id == wish.account_id)
    if wish.text:
        near = [column.icontains(wish.text, autoescape=True) for column in (BankLine.payer, BankLine.narrative, BankLine.reference)]
        query = query.where(sa.or_(*near))
    return [(key, version) for key, version in session.execute(query.order_by(BankLine.day, BankLine.id).limit(limit))]


def iterate_names(session: Session, scope: Scope) -> Iterator[tuple[int, str]]:
    """Every customer's id and name."""
    yield from session.execute(sa.select(Customer.id, Customer.name).where(seen(scope)).execution_options(yield_per=5000))


def iterate_numbers(session: Session, scope: Scope, seller_id: int) -> Iterator[tuple[int, int, str]]:
    """(item, customer, document number) of every open item."""
    query = sa.select(Item.id, Item.customer_id, Item.document_no).where(Item.open_minor > 0, Item.seller_id == seller_id, seen_ids(scope, Item.customer_id))
    yield from session.execute(query.execution_options(yield_per=5000))


def load_settled_numbers(session: Session, scope: Scope, seller_id: int, numbers: Sequence[str]) -> list[tuple[int, str]]:
    """(customer, document number) of documents of exactly these numbers of which nothing is open: paid twice, perhaps."""
    found: list[tuple[int, str]] = []
    for start in range(0, len(numbers), 5000):
        query = sa.select(Item.customer_id, Item.document_no).where(Item.seller_id == seller_id, Item.open_minor == 0, Item.document_no.in_(numbers[start : start + 5000]))
        query = query.where(seen_ids(scope, Item.customer_id))
        found += session.execute(query.distinct())
    return found


def load_owed(session: Session, scope: Scope, seller_id: int, customer_ids: Sequence[int]) -> dict[int, list[OwedItem]]:
    """The open items of customers, by customer."""
    found: dict[int, list[OwedItem]] = {}
    subject = aliased(Item)
    columns = (Item.id, Item.customer_id, Item.document_no, Item.kind, Item.currency, Item.issue_date, Item.due_date, Item.open_minor, subject.document_no)
    for start in range(0, len(customer_ids), 5000):
        query = (
            sa.select(*columns)
            .outerjoin(subject, subject.id == Item.about_id)
            .where(Item.customer_id.in_(customer_ids[start : start + 5000]), Item.open_minor > 0, Item.seller_id == seller_id)
        )
        query = query.where(seen_ids(scope, Item.customer_id))
        for row in session.execute(query):
            found.setdefault(row[1], []).append(OwedItem(*row))
    return found


def load_live_aliases(session: Session, scope: Scope) -> list[PayerAlias]:
    """Every learned payer that holds."""
    return list(session.scalars(sa.select(PayerAlias).where(PayerAlias.ended_at.is_(None), seen_ids(scope, PayerAlias.customer_id)).order_by(PayerAlias.id)))


def load_alias_page(session: Session, scope: Scope, after: int | None, limit: int) -> list[tuple[PayerAlias, Customer]]:
    """Learned payers with their customers, the latest first; those that ended stay in the list."""
    query = sa.select(PayerAlias, Customer).join(Customer, Customer.id == PayerAlias.customer_id).where(seen(scope))
    if after is not None:
        query = query.where(PayerAlias.id < after)
    return [(alias, customer) for alias, customer in session.execute(query.order_by(PayerAlias.id.desc()).limit(limit))]


def find_alias(session: Session, scope: Scope, alias_id: int) -> PayerAlias | None:
    """One learned payer if the scope sees its customer."""
    return session.scalars(sa.select(PayerAlias).where(PayerAlias.id == alias_id, seen_ids(scope, PayerAlias.customer_id))).first()


def load_running(session: Session, scope: Scope) -> list[tuple[RunningAccount, Customer]]:
    """The customers on a running account, by number."""
    query = sa.select(RunningAccount, Customer).join(Customer, Customer.id == RunningAccount.customer_id).where(seen(scope)).order_by(Customer.customer_no)
    return [(running, customer) for running, customer in session.execute(query)]


def load_running_ids(session: Session, scope: Scope) -> frozenset[int]:
    """The ids of customers on a running account."""
    return frozenset(session.scalars(sa.select(RunningAccount.customer_id).where(seen_ids(scope, RunningAccount.customer_id))))


def load_agreed_orders(session: Session, scope: Scope) -> list[AgreedOrder]:
    """The orders of settlement that contracts agree."""
    return list(session.scalars(sa.select(AgreedOrder).where(seen_ids(scope, AgreedOrder.customer_id))))


def load_agreed(session: Session, scope: Scope) -> list[tuple[AgreedOrder, Customer]]:
    """The same with their customers, by number."""
    query = sa.select(AgreedOrder, Customer).join(Customer, Customer.id == AgreedOrder.customer_id).where(seen(scope)).order_by(Customer.customer_no)
    return [(one, customer) for one, customer in session.execute(query)]


def our_accounts(session: Session) -> list[BankAccount]:
    """Our bank accounts by name."""
    return list(session.scalars(sa.select(BankAccount).order_by(BankAccount.name, BankAccount.id)))


def numbers_taken(session: Session, seller_id: int, stems: Sequence[str]) -> set[str]:
    """The receipt numbers among these that are in the books already."""
    found: set[str] = set()
    for start in range(0, len(stems), 5000):
        found.update(session.scalars(sa.select(Credit.number).where(Credit.seller_id == seller_id, Credit.kind == "receipt", Credit.number.in_(stems[start : start + 5000]))))
    return found


def days_voided(session: Session, line_ids: Sequence[int]) -> dict[int, date]:
    """By line the last day from which a receipt made of it is void; lines without one are not in it."""
    found: dict[int, date] = {}
    for start in range(0, len(line_ids), 5000):
        of_lines = Credit.line_id.in_(line_ids[start : start + 5000])
        rows = session.execute(sa.select(Credit.line_id, sa.func.max(Credit.voided_on)).where(of_lines, Credit.voided_on.is_not(None)).group_by(Credit.line_id))
        found.update((line_id, day) for line_id, day in rows if line_id is not None and day is not None)
    return found


def load_items(session: Session, scope: Scope, ids: Sequence[int]) -> dict[int, Item]:
    """Items by id, those whose customer the scope sees."""
    rows = session.scalars(sa.select(Item).where(Item.id.in_(ids), seen_ids(scope, Item.customer_id)))
    return {item.id: item for item in rows}
