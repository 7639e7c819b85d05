"""The proofs of the books: every row held against the rows that must agree with it, by SQL that returns only what does not (S9, S15)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from collect.domain.ledger import CONTRA_OF, GROUP, ISSUED_AGAINST, PREPAID, SALES
from collect.storage.audit import Audit
from collect.storage.cash import Allocation, Credit
from collect.storage.customers import Assignment, Customer
from collect.storage.database import Base, Day, Instant
from collect.storage.deliveries import Delivery
from collect.storage.imports import ImportRun
from collect.storage.ledger import DayTotal, Line, MonthClose
from collect.storage.receivables import Item

_NOTHING = sa.literal(0)
_BOOKS: tuple[type[Base], ...] = (Item, Credit, Allocation, Line, DayTotal, Assignment, MonthClose, Delivery, Audit)


def wrong_values(session: Session) -> Iterator[tuple[str, str, str]]:
    """(table, column, number or id) of values that are no date, instant or amount at all.

    SQLite keeps whatever is written into a column, a text in place of a date too; PostgreSQL refuses such a value itself.
    """
    if session.get_bind().dialect.name != "sqlite":
        return
    for model in _BOOKS:
        table: Any = model.__table__
        name = next(column for column in ("document_no", "number", "seq", "id") if column in table.c)
        broken = {column.name: _broken(column) for column in table.c if isinstance(column.type, (Day, Instant, sa.BigInteger))}
        flags = [sa.case((condition, 1), else_=0) for condition in broken.values()]
        for key, *found in session.execute(sa.select(sa.cast(table.c[name], sa.Text), *flags).where(sa.or_(*broken.values()))):
            for column, flag in zip(broken, found, strict=True):
                if flag:
                    yield table.name, column, str(key)


def _broken(column: Any) -> sa.ColumnElement[bool]:
    """Whether the column holds another kind of value than it should, or a number that is no day of a calendar."""
    raw = sa.type_coerce(column, sa.BigInteger)
    kind = sa.func.typeof(raw).not_in(("integer", "null") if column.nullable else ("integer",))
    if not isinstance(column.type, Day):
        return kind
    return sa.or_(kind, raw < 10101, raw > 99991231, sa.not_((raw // 100 % 100).between(1, 12)), sa.not_((raw % 100).between(1, 31)))


def wrong_items(session: Session) -> Iterator[str]:
    """Items whose open amount is not amount - Σ allocations (0 when void), or whose settled date does not fit: `INV-1` each."""
    applied = sa.select(Allocation.item_id, sa.func.sum(Allocation.amount_minor).label("total")).group_by(Allocation.item_id).subquery()
    should = sa.case((Item.voided_on.is_not(None), 0), else_=Item.amount_minor - sa.func.coalesce(applied.c.total, 0))
    settled = sa.and_(Item.open_minor == 0, Item.voided_on.is_(None), Item.closed_on.is_(None))
    early = sa.and_(Item.open_minor > 0, Item.closed_on.is_not(None))
    query = sa.select(Item.document_no).outerjoin(applied, applied.c.item_id == Item.id)
    yield from session.scalars(query.where(sa.or_(Item.open_minor != should, Item.open_minor < 0, Item.open_minor > Item.amount_minor, settled, early)).order_by(Item.id))


def wrong_credits(session: Session) -> Iterator[str]:
    """Receipts and credits whose rest is not amount - Σ allocations (0 when void), or that keep money for an order they do not name."""
    applied = sa.select(Allocation.credit_id, sa.func.sum(Allocation.amount_minor).label("total")).group_by(Allocation.credit_id).subquery()
    should = sa.case((Credit.voided_on.is_not(None), 0), else_=Credit.amount_minor - sa.func.coalesce(applied.c.total, 0))
    query = sa.select(Credit.number).outerjoin(applied, applied.c.credit_id == Credit.id)
    kept = sa.and_(Credit.order_no.is_not(None), Credit.released_on.is_(None))
    wrong = sa.or_(
        Credit.open_minor + Credit.prepaid_minor != should,
        Credit.open_minor < 0,
        Credit.prepaid_minor < 0,
        Credit.open_minor > Credit.amount_minor,
        sa.and_(kept, Credit.open_minor != 0),
        sa.and_(sa.not_(kept), Credit.prepaid_minor != 0),
        sa.and_(Credit.released_on.is_not(None), Credit.order_no.is_(None)),
        Credit.released_on.is_(None) != Credit.released_at.is_(None),
    )
    yield from session.scalars(query.where(wrong).order_by(Credit.id))


def wrong_allocations(session: Session) -> Iterator[int]:
    """Allocations without exactly one journal line that says the same, across customers, or reversing something else."""
    moved = sa.func.count().label("lines")
    lines = sa.select(Line.allocation_id, moved, sa.func.sum(Line.receivable).label("total"), sa.func.min(Line.day).label("day")).where(
        Line.allocation_id.is_not(None), Line.event.in_(("settle", "allocate"))
    )
    told = lines.group_by(Line.allocation_id).subquery()
    origin = sa.orm.aliased(Allocation)
    query = (
        sa.select(Allocation.id)
        .outerjoin(told, told.c.allocation_id == Allocation.id)
        .outerjoin(Item, Item.id == Allocation.item_id)
        .outerjoin(Credit, Credit.id == Allocation.credit_id)
        .outerjoin(origin, origin.id == Allocation.reverses_id)
        .where(
            sa.or_(
                told.c.lines.is_(None),
                told.c.lines != 1,
                told.c.total != -Allocation.amount_minor,
                told.c.day != Allocation.effective,
                (Item.customer_id != Credit.customer_id) != Allocation.across,
                Item.currency != Credit.currency,
                Allocation.effective < Item.issue_date,
                Allocation.effective < Credit.day,
                sa.and_(
                    Allocation.reverses_id.is_not(None),
                    sa.or_(origin.amount_minor != -Allocation.amount_minor, origin.item_id != Allocation.item_id, origin.credit_id != Allocation.credit_id),
                ),
            )
        )
        .order_by(Allocation.id)
    )
    yield from session.scalars(query)


def beyond_on_a_day(session: Session) -> Iterator[tuple[str, Any]]:
    """(number, first such day) of items and receipts that on some day were settled beyond their amount, or below nothing (S15).

    Only what has an allocation taken back can be so while all of it together fits: without one the sum never falls.
    """
    for owner, column, number in ((Item, Allocation.item_id, Item.document_no), (Credit, Allocation.credit_id, Credit.number)):
        touched = sa.select(column).where(Allocation.reverses_id.is_not(None))
        daily = sa.select(column.label("owner"), Allocation.effective.label("day"), sa.func.sum(Allocation.amount_minor).label("moved"))
        by_day = daily.where(column.in_(touched)).group_by(column, Allocation.effective).subquery()
        so_far = sa.select(by_day.c.owner, by_day.c.day, sa.func.sum(by_day.c.moved).over(partition_by=by_day.c.owner, order_by=by_day.c.day).label("settled")).subquery()
        query = sa.select(number, sa.func.min(so_far.c.day)).join(so_far, so_far.c.owner == owner.id)
        wrong = sa.or_(so_far.c.settled > owner.amount_minor, so_far.c.settled < 0)
        yield from session.execute(query.where(wrong).group_by(owner.id, number).order_by(owner.id))


def wrong_lines(session: Session) -> Iterator[int]:
    """Journal lines that do not balance or say something else than the document they come from."""
    account = sa.case(CONTRA_OF, value=Credit.kind)
    same_item = sa.and_(Line.customer_id == Item.customer_id, Line.seller_id == Item.seller_id, Line.currency == Item.currency, Line.issued == Item.issue_date)
    sold = sa.case(ISSUED_AGAINST, value=Item.kind, else_=SALES)
    within = sa.and_(Line.contra == 0, sa.not_(Allocation.across), Line.customer_id == Credit.customer_id)
    across = sa.and_(Line.unapplied == 0, Allocation.across, Line.account == GROUP)
    same_credit = sa.and_(Line.customer_id == Credit.customer_id, Line.seller_id == Credit.seller_id, Line.currency == Credit.currency)
    due = sa.or_(Item.trigger.is_not(None), sa.and_(Line.due.is_(None), Item.due_date.is_(None)), sa.func.coalesce(Line.due == Item.due_date, sa.false()))
    right = sa.case(
        (
            Line.event == "issue",
            sa.and_(
                same_item,
                due,
                Line.receivable == Item.amount_minor,
                Line.unapplied == 0,
                Line.day == Item.issue_date,
                Line.recorded_at == Item.recorded_at,
                Line.account == sold,
                Line.credit_id.is_(None),
            ),
        ),
        (
            sa.and_(Line.event == "void", Line.item_id.is_not(None)),
            sa.and_(same_item, due, Line.receivable == -Item.amount_minor, Line.day == Item.voided_on, Line.recorded_at == Item.voided_at, Line.account == sold),
        ),
        (
            Line.event == "void",
            sa.and_(same_credit, Line.unapplied == Credit.amount_minor, Line.day == Credit.voided_on, Line.recorded_at == Credit.voided_at, Line.account == account),
        ),
        (
            Line.event == "receive",
            sa.and_(same_credit, Line.receivable == 0, Line.unapplied < 0, Line.day == Credit.day, Line.recorded_at == Credit.recorded_at, Line.account == account),
        ),
        (
            Line.event == "settle",
            sa.and_(
                same_item,
                same_credit,
                due,
                Line.receivable == -Allocation.amount_minor,
                Line.unapplied == 0,
                Line.day == Credit.day,
                Line.account == account,
                Line.recorded_at == Allocation.recorded_at,
            ),
        ),
        (
            Line.event == "allocate",
            sa.and_(
                same_item,
                Credit.id.is_not(None),
                due,
                Line.receivable == -Allocation.amount_minor,
                sa.or_(within, across),
                Line.day == Allocation.effective,
                Line.recorded_at == Allocation.recorded_at,
            ),
        ),
        (
            Line.event == "transfer",
            sa.and_(
                same_credit,
                Line.receivable == 0,
                Line.unapplied == Allocation.amount_minor,
                Allocation.across,
                Line.account == GROUP,
                Line.day == Allocation.effective,
                Line.recorded_at == Allocation.recorded_at,
            ),
        ),
        (Line.event == "prepay", sa.and_(same_credit, Line.receivable == 0, Line.account == PREPAID, Credit.order_no.is_not(None), _kept_apart())),
        (Line.event == "redate", sa.and_(same_item, Line.unapplied == 0, Line.account == "redating")),
        else_=sa.false(),
    )
    query = (
        sa.select(Line.id)
        .outerjoin(Item, Item.id == Line.item_id)
        .outerjoin(Credit, Credit.id == Line.credit_id)
        .outerjoin(Allocation, Allocation.id == Line.allocation_id)
        .where(sa.or_(Line.receivable + Line.unapplied + Line.contra != 0, sa.func.coalesce(sa.not_(right), sa.true())))
        .order_by(Line.id)
    )
    yield from session.scalars(query)


def _kept_apart() -> sa.ColumnElement[bool]:
    """Whether a line that keeps money for an order, or no longer, comes from taking it in, an allocation, its release or its void."""
    taken_in = sa.and_(Line.unapplied == Credit.amount_minor, Line.day == Credit.day, Line.recorded_at == Credit.recorded_at)
    released = sa.and_(Line.unapplied < 0, Line.day == Credit.released_on, Line.recorded_at == Credit.released_at)
    voided = sa.and_(Line.unapplied < 0, Line.day == Credit.voided_on, Line.recorded_at == Credit.voided_at)
    used = sa.and_(Line.unapplied == -Allocation.amount_minor, Line.day == Allocation.effective, Line.recorded_at == Allocation.recorded_at)
    return sa.case((Line.allocation_id.is_not(None), used), else_=sa.or_(taken_in, sa.func.coalesce(released, sa.false()), sa.func.coalesce(voided, sa.false())))


def wrong_sums(session: Session) -> Iterator[tuple[str, str]]:
    """(kind, number) of documents whose journal lines do not add up to what is open, in total or by due date, or are missing."""
    posted = (
        sa.select(
            Line.item_id,
            sa.func.sum(Line.receivable).label("open"),
            sa.func.sum(sa.case((Line.event == "issue", 1), else_=0)).label("issues"),
            sa.func.sum(sa.case((Line.event == "void", 1), else_=0)).label("voids"),
        )
        .where(Line.item_id.is_not(None))
        .group_by(Line.item_id)
        .subquery()
    )
    never = sa.and_(Item.voided_on.is_not(None), Item.voided_at == Item.recorded_at)
    lines = sa.func.coalesce(posted.c.issues, 0)
    wrong = sa.or_(sa.func.coalesce(posted.c.open, 0) != Item.open_minor, lines != sa.case((never, 0), else_=1))
    wrong = sa.or_(wrong, sa.func.coalesce(posted.c.voids, 0) != sa.case((sa.and_(Item.voided_on.is_not(None), sa.not_(never)), 1), else_=0))
    for number in session.scalars(sa.select(Item.document_no).outerjoin(posted, posted.c.item_id == Item.id).where(wrong).order_by(Item.id)):
        yield "invoice", number
    elsewhere = (
        sa.select(Line.item_id, sa.func.sum(Line.receivable).label("stray"))
        .join(Item, Item.id == Line.item_id)
        .where(Item.trigger.is_not(None), sa.func.coalesce(Line.due != Item.due_date, sa.not_(sa.and_(Line.due.is_(None), Item.due_date.is_(None)))))
        .group_by(Line.item_id, Line.due)
        .having(sa.func.sum(Line.receivable) != 0)
        .subquery()
    )
    for number in session.scalars(sa.select(Item.document_no).join(elsewhere, elsewhere.c.item_id == Item.id).order_by(Item.id)):
        yield "invoice", number
    received = (
        sa.select(
            Line.credit_id,
            sa.func.sum(Line.unapplied).label("rest"),
            sa.func.sum(sa.case((Line.event == "prepay", 0), else_=Line.contra)).label("amount"),
            sa.func.sum(sa.case((Line.event == "prepay", Line.unapplied), else_=0)).label("kept"),
        )
        .where(Line.credit_id.is_not(None), Line.event != "redate")
        .group_by(Line.credit_id)
        .subquery()
    )
    amount = sa.case((Credit.voided_on.is_not(None), 0), else_=Credit.amount_minor)
    sides = ((received.c.rest, -Credit.open_minor), (received.c.amount, amount), (received.c.kept, Credit.prepaid_minor))
    wrong = sa.or_(*(sa.func.coalesce(posted_side, 0) != told for posted_side, told in sides))
    for kind, number in session.execute(sa.select(Credit.kind, Credit.number).outerjoin(received, received.c.credit_id == Credit.id).where(wrong).order_by(Credit.id)):
        yield kind, number


def wrong_customers(session: Session) -> Iterator[tuple[str, str, int, int]]:
    """(customer number, currency, items less credits, journal) where the two paths differ: the control of S9."""
    books: dict[tuple[int, int, str], list[int]] = {}
    for at, query in enumerate(
        (
            sa.select(Item.seller_id, Item.customer_id, Item.currency, sa.func.sum(Item.open_minor)).group_by(Item.seller_id, Item.customer_id, Item.currency),
            sa.select(Credit.seller_id, Credit.customer_id, Credit.currency, -sa.func.sum(Credit.open_minor)).group_by(Credit.seller_id, Credit.customer_id, Credit.currency),
            sa.select(Line.seller_id, Line.customer_id, Line.currency, sa.func.sum(Line.receivable + Line.unapplied)).group_by(Line.seller_id, Line.customer_id, Line.currency),
        )
    ):
        for seller_id, customer_id, currency, total in session.execute(query):
            books.setdefault((seller_id, customer_id, currency), [0, 0])[0 if at < 2 else 1] += int(total)
    for (_seller, customer_id, currency), (items, journal) in sorted(books.items()):
        if items != journal:
            number = session.scalar(sa.select(Customer.customer_no).where(Customer.id == customer_id))
            yield number or str(customer_id), currency, items, journal


def wrong_totals(session: Session) -> Iterator[tuple[Any, str]]:
    """(day, currency) whose day totals are not what the lines and the documents of that day, recorded at that instant, add up to."""
    sums: dict[tuple[int, str, Any, Any], list[int]] = {}

    def add(query: Any, *places: int, sign: int = 1) -> None:
        for seller_id, currency, day, at, *values in session.execute(query):
            entry = sums.setdefault((seller_id, currency, day, at), [0, 0, 0])
            for place, value in zip(places, values, strict=True):
                entry[place] += sign * int(value)

    def of(table: Any, day: Any, at: Any, *amounts: Any) -> Any:
        return sa.select(table.seller_id, table.currency, day, at, *map(sa.func.sum, amounts)).group_by(table.seller_id, table.currency, day, at)

    add(of(Line, Line.day, Line.recorded_at, Line.receivable, Line.unapplied), 0, 1)
    for table, day, sign in ((Item, Item.issue_date, 1), (Credit, Credit.day, -1)):
        never = sa.and_(table.voided_on.is_not(None), table.voided_at == table.recorded_at)
        add(of(table, day, table.recorded_at, table.amount_minor).where(sa.not_(never)), 2, sign=sign)
        dead = of(table, table.voided_on, table.voided_at, table.amount_minor)
        add(dead.where(table.voided_on.is_not(None), table.voided_at != table.recorded_at), 2, sign=-sign)
    for query in _kept_totals():
        add(query, 2)
    add(of(DayTotal, DayTotal.day, DayTotal.recorded_at, DayTotal.receivable, DayTotal.unapplied, DayTotal.documents), 0, 1, 2, sign=-1)
    wrong = {(day, currency) for (_seller, currency, day, _at), values in sums.items() if any(values)}
    yield from sorted(wrong)


def _kept_totals() -> Iterator[Any]:
    """What money kept for orders changed in the documents' side of a day: taken in, used, released, and voided."""

    def of(day: Any, at: Any, amount: Any) -> Any:
        return sa.select(Credit.seller_id, Credit.currency, day, at, sa.func.sum(amount)).where(Credit.order_no.is_not(None)).group_by(Credit.seller_id, Credit.currency, day, at)

    early = sa.or_(Credit.released_at.is_(None), Allocation.recorded_at < Credit.released_at)
    taken = sa.select(Allocation.credit_id, sa.func.sum(Allocation.amount_minor).label("total")).join(Credit, Credit.id == Allocation.credit_id)
    used = taken.where(Credit.released_at.is_not(None), early).group_by(Allocation.credit_id).subquery()
    yield of(Credit.day, Credit.recorded_at, Credit.amount_minor)
    yield of(Allocation.effective, Allocation.recorded_at, -Allocation.amount_minor).join(Credit, Credit.id == Allocation.credit_id).where(early)
    rest = sa.func.coalesce(used.c.total, 0) - Credit.amount_minor
    yield of(Credit.released_on, Credit.released_at, rest).outerjoin(used, used.c.credit_id == Credit.id).where(Credit.released_on.is_not(None))
    yield of(Credit.voided_on, Credit.voided_at, -Credit.amount_minor).where(Credit.voided_on.is_not(None), Credit.released_on.is_(None))


def wrong_duties(session: Session) -> Iterator[str]:
    """Customers whose rep or collector is not what their latest assignment says."""
    latest: dict[tuple[int, str], int | None] = {}
    for customer_id, duty, user_id in session.execute(sa.select(Assignment.customer_id, Assignment.duty, Assignment.user_id).order_by(Assignment.recorded_at, Assignment.id)):
        latest[customer_id, duty] = user_id
    for key, number, rep, collector in session.execute(sa.select(Customer.id, Customer.customer_no, Customer.rep_id, Customer.collector_id).order_by(Customer.customer_no)):
        if latest.get((key, "rep")) != rep or latest.get((key, "collector")) != collector:
            yield number


def import_digest(session: Session, import_id: int) -> str:
    """The digest of the documents an import stored, recomputed from the rows (must equal what its audit row says)."""
    hashes = [hashlib.sha256() for _ in range(3)]
    queries = (
        sa.select(Item.document_no, Item.part, Item.customer_id, Item.issue_date, Item.currency, Item.amount_minor).where(Item.import_id == import_id).order_by(Item.id),
        sa.select(Credit.kind, Credit.number, Credit.customer_id, Credit.day, Credit.currency, Credit.amount_minor).where(Credit.import_id == import_id).order_by(Credit.id),
        sa.select(Credit.number, Item.document_no, Allocation.amount_minor, Allocation.effective)
        .join(Credit, Credit.id == Allocation.credit_id)
        .join(Item, Item.id == Allocation.item_id)
        .where(Credit.import_id == import_id, Allocation.recorded_at == Credit.recorded_at)
        .order_by(Allocation.id),
    )
    for digest, query in zip(hashes, queries, strict=True):
        for row in session.execute(query.execution_options(yield_per=5000)):
            digest.update(("\x1f".join(map(str, row)) + "\n").encode())
    return "".join(digest.hexdigest()[:21] for digest in hashes)


def import_run(session: Session, import_id: int) -> dict[str, Any]:
    """What the page of an import says of it, under the names of its audit row; empty when it is gone."""
    run = session.get(ImportRun, import_id)
    if run is None:
        return {}
    counts = {name: getattr(run, name) for name in ("new", "changed", "unchanged", "refused")}
    return counts | {"file": run.file_name, "file_hash": run.file_hash, "digest": run.digest}


def import_notes(session: Session) -> Iterator[Audit]:
    """The audit rows of imports, in order."""
    yield from session.scalars(sa.select(Audit).where(Audit.action == "import").order_by(Audit.seq))
