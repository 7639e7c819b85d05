"""Sums of the journal for the general ledger and the control report: by day and account, by customer, by day alone."""

from __future__ import annotations

from collections.abc import Generator
from datetime import date, datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from collect.domain.rights import Scope
from collect.storage.customers import Customer, seen_ids
from collect.storage.ledger import Line


class DaySum(NamedTuple):
    """What the journal moved on a day in a currency: receivables up and down, unapplied, in minor units."""

    currency: str
    day: date
    up: int
    down: int
    unapplied: int


_HALF = 1 << 32


def load_entries(session: Session, scope: Scope, since: date, until: date, known_at: datetime, currency: str | None) -> Generator[Any]:
    """Rows (day, currency, event, account, customer number, name, receivable, unapplied, contra), those of one voucher together.

    One ordered cursor; what cancels out within a day (another due date) is not there.
    """
    sums = tuple(sa.func.sum(column) for column in (Line.receivable, Line.unapplied, Line.contra))
    keys = (Line.day, Line.currency, Line.event, Line.account)
    query = sa.select(*keys, Customer.customer_no, Customer.name, *sums).join(Customer, Customer.id == Line.customer_id)
    query = query.where(Line.day >= since, Line.day <= until, Line.recorded_at <= known_at, seen_ids(scope, Line.customer_id))
    if currency is not None:
        query = query.where(Line.currency == currency)
    query = query.group_by(*keys, Customer.customer_no, Customer.name).having(sa.or_(*(total != 0 for total in sums)))
    order = (Line.day, Line.currency, Line.event, sa.func.coalesce(Line.account, ""), Customer.customer_no)
    with session.connection().execute(query.order_by(*order).execution_options(stream_results=True, yield_per=5_000)) as rows:
        yield from rows


def load_days(session: Session, scope: Scope, as_of: date, known_at: datetime) -> list[DaySum]:
    """What each day up to a date moved, by currency and day; a due date that was changed is no movement.

    What went up is added up in two parts: one amount applied and taken back all day moves more than a column holds.
    """
    raised = sa.case((sa.and_(Line.receivable > 0, Line.event != "redate"), Line.receivable), else_=0)
    sums = (sa.func.sum(raised // _HALF), sa.func.sum(raised % _HALF), sa.func.sum(Line.receivable), sa.func.sum(Line.unapplied))
    query = sa.select(Line.currency, Line.day, *sums).where(Line.day <= as_of, Line.recorded_at <= known_at, seen_ids(scope, Line.customer_id))
    rows = session.connection().execute(query.group_by(Line.currency, Line.day).order_by(Line.currency, Line.day))
    found = []
    for currency, day, high, low, net, unapplied in rows:
        up = int(high) * _HALF + int(low)
        found.append(DaySum(currency, day, up, int(net) - up, int(unapplied)))
    return found
