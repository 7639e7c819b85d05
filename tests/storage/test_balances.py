"""The sums of SQL against the rules themselves, on random books: any day, any instant, both bases, both paths, both engines."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import date, datetime, timedelta

import pytest
import sqlalchemy as sa

from collect.domain import aging as rules
from collect.domain.aging import Basis, Buckets
from collect.domain.errors import Refusal
from collect.domain.rights import ALL, SYSTEM
from collect.reports import aging
from collect.runtime import Runtime
from collect.services import cash, receivables, verify
from collect.storage.cash import Allocation, Credit
from collect.storage.receivables import Item
from tests.conftest import FixedClock
from tests.taking_in import take_in

START = date(2026, 1, 1)
EDGES = Buckets((7, 30, 45))


def build_book(runtime: Runtime, clock: FixedClock, rng: random.Random) -> list[datetime]:
    """A random life of six customers over 60 days, entered late and out of order; returns instants between the entries."""
    instants = []
    terms = ["NET30", "30/50+60/50", "NET10@ACCEPTANCE", "COD"]
    take_in(runtime, "customers", "customer_no,name,terms,currency\n" + "".join(f"C{n},客户{n},{terms[n % 4]},{('CNY', 'JPY')[n % 2]}\n" for n in range(6)))
    invoices: list[str] = []
    for round_number in range(4):
        clock.set(f"2026-0{2 + round_number // 2}-{10 + round_number:02d}T03:00:00")
        rows = []
        for n in range(8):
            number = f"I{round_number}-{n}"
            day = START + timedelta(days=rng.randrange(60))
            rows.append(f"{number},C{rng.randrange(6)},{day},{rng.randrange(1, 999)},{rng.choice(['posted'] * 6 + ['void'])}")
            invoices.append(number)
        take_in(runtime, "invoices", "invoice_no,customer_no,issue_date,amount,status\n" + "\n".join(rows))
        rows = [f"K{round_number}-{n},C{rng.randrange(6)},{START + timedelta(days=rng.randrange(60))},{rng.randrange(1, 400)}" for n in range(2)]
        take_in(runtime, "credits", "credit_no,customer_no,date,amount\n" + "\n".join(rows))
        with runtime.read(SYSTEM) as view:
            owners = dict(view.session.execute(sa.text("SELECT i.document_no, c.customer_no FROM item i JOIN customer c ON c.id = i.customer_id")).all())
        rows = []
        for n in range(5):
            number = rng.choice(invoices)
            day = START + timedelta(days=rng.randrange(70))
            rows.append(f"P{round_number}-{n},{owners[number]},{day},{rng.randrange(1, 600)},{number if rng.random() < 0.7 else ''}")
        take_in(runtime, "payments", "payment_ref,customer_no,date,amount,invoice_no\n" + "\n".join(rows))
        instants.append(clock())
        for _ in range(6):
            clock.set((clock.now + timedelta(hours=rng.randrange(1, 30))).isoformat())
            try_something(runtime, rng, invoices)
        instants.append(clock())
    return instants


def try_something(runtime: Runtime, rng: random.Random, invoices: list[str]) -> None:
    """Apply, take back, or record an acceptance, whatever the dice say; what the rules refuse changes nothing."""
    with runtime.read(SYSTEM) as view:
        credits = view.session.execute(sa.select(Credit.kind, Credit.number).where(Credit.open_minor > 0).order_by(Credit.id)).all()
        allocations = view.session.scalars(sa.select(Allocation.id).where(Allocation.reverses_id.is_(None)).order_by(Allocation.id)).all()
    what = rng.random()
    try:
        if what < 0.5 and credits:
            kind, number = rng.choice(credits)
            runtime.write(SYSTEM, lambda work: cash.apply(work, kind, number, rng.choice(invoices), None, rng.choice([None, date(2026, 2, 20)])))
        elif what < 0.7 and allocations:
            runtime.write(SYSTEM, lambda work: cash.unapply(work, rng.choice(allocations), "wrong invoice"))
        else:
            runtime.write(SYSTEM, lambda work: receivables.record_event(work, rng.choice(invoices), date(2026, 2, 5)))
    except Refusal:
        pass


def expected(runtime: Runtime, as_of: date, known_at: datetime | None, basis: Basis) -> dict[tuple[int, str], tuple[list[int], int, int]]:
    """S5 and S7 in words of Python over the documents alone: no journal line is read.

    A provisional date ends on the day its event was recorded; that is the only thing taken from the journal's side,
    through the audit log.
    """
    found: dict[tuple[int, str], tuple[list[int], int, int]] = defaultdict(lambda: ([0] * 5, 0, 0))
    with runtime.read(SYSTEM) as view:
        events = {note.key: note.at for note in view.session.scalars(sa.select(receivables.audit.Audit).where(receivables.audit.Audit.action == "event"))}
        items = view.session.scalars(sa.select(Item)).all()
        credits = view.session.scalars(sa.select(Credit)).all()
        allocations = view.session.scalars(sa.select(Allocation)).all()

    def counts(recorded: datetime, day: date) -> bool:
        return day <= as_of and (known_at is None or recorded <= known_at)

    used: dict[int, int] = defaultdict(int)
    settled: dict[int, int] = defaultdict(int)
    for allocation in allocations:
        if counts(allocation.recorded_at, allocation.effective):
            used[allocation.credit_id] += allocation.amount_minor
            settled[allocation.item_id] += allocation.amount_minor
    for item in items:
        if not counts(item.recorded_at, item.issue_date) or (item.voided_on and item.voided_at and counts(item.voided_at, item.voided_on)):
            continue
        buckets, provisional, unapplied = found[item.customer_id, item.currency]
        open_amount = item.amount_minor - settled[item.id]
        due = item.due_date
        if item.trigger and item.document_no in events:
            at = events[item.document_no]
            # the company is in Shanghai, eight hours ahead of UTC
            if not counts(at, (at + timedelta(hours=8)).date()):
                due = None
        day = due if basis is Basis.DUE else item.issue_date
        if day is None:
            provisional += open_amount
        else:
            buckets[EDGES.place(rules.days_past(day, as_of))] += open_amount
        found[item.customer_id, item.currency] = (buckets, provisional, unapplied)
    for credit in credits:
        if counts(credit.recorded_at, credit.day) and not (credit.voided_on and credit.voided_at and counts(credit.voided_at, credit.voided_on)):
            buckets, provisional, unapplied = found[credit.customer_id, credit.currency]
            found[credit.customer_id, credit.currency] = (buckets, provisional, unapplied - credit.amount_minor + used[credit.id])
    return {key: value for key, value in found.items() if any(value[0]) or value[1] or value[2]}


@pytest.mark.parametrize("seed", range(4))
def test_sql_and_the_rules_agree_on_random_books(runtime: Runtime, clock: FixedClock, seed: int) -> None:
    rng = random.Random(seed)
    instants = build_book(runtime, clock, rng)
    assert verify.verify(runtime) == []
    for _ in range(40):
        as_of = START + timedelta(days=rng.randrange(-2, 120))
        known_at = rng.choice([None, None, *instants])
        basis = rng.choice(list(Basis))
        with runtime.read(SYSTEM) as view:
            ids = dict(view.session.execute(sa.text("SELECT customer_no, id FROM customer")).all())
            by_customer = aging.build(view, ALL, aging.AgingOptions(as_of, EDGES, known_at, basis))
            by_item = aging.build(view, ALL, aging.AgingOptions(as_of, EDGES, known_at, basis, by="item"))
        told = {(ids[row.key], row.currency): (list(row.amounts), row.provisional, row.unapplied) for row in by_customer.rows}
        assert told == expected(runtime, as_of, known_at, basis), (as_of, known_at, basis)
        assert [(row.currency, row.amounts, row.total) for row in by_item.totals] == [(row.currency, row.amounts, row.total) for row in by_customer.totals]
