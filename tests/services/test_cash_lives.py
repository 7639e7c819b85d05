"""Random lives of a small book: money in, applied, kept for orders, across a group, taken back, due dates moved, written off, refunded, recovered; it always ties out."""

from __future__ import annotations

import random
from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from collect.domain.aging import parse_edges
from collect.domain.errors import Refusal
from collect.domain.rights import ALL, SYSTEM, Actor, Role
from collect.reports import aging
from collect.runtime import Runtime, Work
from collect.services import adjustments, cash, receipts, receivables, verify
from collect.services.adjustments import Ask
from collect.services.receipts import Receipt
from collect.storage.adjustments import Adjustment
from collect.storage.cash import Allocation, Credit
from collect.storage.customers import Customer
from collect.storage.receivables import Item
from collect.storage.users import User
from tests.conftest import FixedClock
from tests.services.test_settling import CUSTOMERS
from tests.taking_in import take_in

INVOICES = (
    "invoice_no,customer_no,issue_date,due_date,currency,amount,po_no\n"
    "A1,C1,2026-01-02,2026-02-01,CNY,100.00,PO-7\nA2,C1,2026-03-15,2026-04-01,CNY,50.00,\nB1,C2,2026-01-02,2026-02-01,CNY,30.00,PO-7\n"
    "G1,G,2026-01-02,2026-02-01,CNY,20.00,\nX1,X,2026-01-02,2026-02-01,CNY,70.00,\nT1,C1,2026-01-02,,CNY,40.00,PO-7\n"
)
MANAGER = Actor("mei", 50, Role.MANAGER, ALL)
ACTS = ("receive", "receive", "apply", "apply", "unapply", "void", "release", "request", "approve", "approve", "reverse", "recover", "event", "move", "later")


class Life:
    """One book and a source of chance; each act may be refused, and then nothing has changed."""

    def __init__(self, runtime: Runtime, clock: FixedClock, seed: int) -> None:
        self.runtime, self.clock, self.chance, self.count = runtime, clock, random.Random(seed), 0
        take_in(runtime, "customers", CUSTOMERS)
        take_in(runtime, "customers", "customer_no,name,currency,terms\nC1,甲公司,CNY,30@ACCEPTANCE\n")
        assert not take_in(runtime, "invoices", INVOICES).refused
        runtime.write(SYSTEM, lambda work: work.session.add(User(id=50, username="mei", name="Mei", role="manager", password_hash="-", recorded_at=work.now)))

    def act(self, what: str) -> str:
        """Do one thing by chance; the code of the refusal, or what was done."""
        if what == "later":
            self.clock.now += timedelta(days=self.chance.randint(1, 9))
            return what
        self.count += 1
        try:
            self.runtime.write(MANAGER if what in ("approve", "reverse") else SYSTEM, getattr(self, what))
        except Refusal as refusal:
            return refusal.code
        return what

    def pick(self, work: Work, model: type) -> object:
        rows = work.session.scalars(sa.select(model).order_by(model.id)).all()  # type: ignore[attr-defined]
        if not rows:
            raise Refusal("nothing_there")
        return self.chance.choice(rows)

    def receive(self, work: Work) -> None:
        customer, item = self.pick(work, Customer), self.pick(work, Item)
        assert isinstance(customer, Customer) and isinstance(item, Item)
        day = date(2026, 3, 1) + timedelta(days=self.chance.randint(0, 9))
        parts = [(item.id, self.chance.randint(1, 3000))] if self.chance.random() < 0.6 else []
        receipts.receive(work, Receipt(customer.id, f"R{self.count}", day, "CNY", self.chance.randint(1, 6000), order_no=self.chance.choice((None, None, "PO-7"))), parts)

    def apply(self, work: Work) -> None:
        credit, item = self.pick(work, Credit), self.pick(work, Item)
        assert isinstance(credit, Credit) and isinstance(item, Item)
        early = self.chance.choice((None, work.today - timedelta(days=self.chance.randint(0, 5))))
        cash.apply(work, credit.kind, credit.number, item.document_no, self.chance.choice((None, self.chance.randint(1, 2000))), early)

    def unapply(self, work: Work) -> None:
        row = self.pick(work, Allocation)
        assert isinstance(row, Allocation)
        cash.unapply(work, row.id, "chance")

    def void(self, work: Work) -> None:
        row = self.pick(work, Credit)
        assert isinstance(row, Credit)
        receipts.void(work, row.kind, row.number, "chance")

    def release(self, work: Work) -> None:
        row = self.pick(work, Credit)
        assert isinstance(row, Credit)
        receipts.release(work, row.number, "chance")

    def request(self, work: Work) -> None:
        kind, reason = self.chance.choice(
            (("write_off", "other"), ("credit", "rebate"), ("refund", "overpaid"), ("set_off", "payables"), ("set_off", "three_parties"), ("set_off", "transfer"))
        )
        row = self.pick(work, Credit if kind == "refund" else Item)
        assert isinstance(row, (Credit, Item))
        customer = work.session.get_one(Customer, row.customer_id)
        most = row.rest if isinstance(row, Credit) else row.open_minor
        asked = Ask(kind, ((row.id, self.chance.randint(1, max(most, 1))),), reason, "chance", f"D{self.count}", self.chance.choice(("X", "C2")))
        adjustments.request(work, customer.customer_no, asked)

    def approve(self, work: Work) -> None:
        row = self.pick(work, Adjustment)
        assert isinstance(row, Adjustment)
        adjustments.approve(work, row.id, row.version)

    def reverse(self, work: Work) -> None:
        row = self.pick(work, Adjustment)
        assert isinstance(row, Adjustment)
        adjustments.reverse(work, row.id, row.version, "chance")

    def recover(self, work: Work) -> None:
        lost = work.session.scalars(sa.select(Item).join(Allocation).join(Credit).where(Credit.kind == "write_off", Credit.voided_on.is_(None)).order_by(Item.id)).all()
        money = work.session.scalars(sa.select(Credit).where(Credit.kind == "receipt", Credit.open_minor > 0).order_by(Credit.id)).all()
        if not lost or not money:
            raise Refusal("nothing_there")
        credit, item = self.chance.choice(money), self.chance.choice(lost)
        adjustments.recover(work, credit.number, item.document_no, self.chance.choice((None, self.chance.randint(1, 500))))

    def event(self, work: Work) -> None:
        if self.chance.random() < 0.2:
            receivables.record_event(work, "T1", work.today)

    def move(self, work: Work) -> None:
        row = self.pick(work, Item)
        assert isinstance(row, Item)
        due = row.issue_date + timedelta(days=self.chance.randint(0, 120))
        receivables.move_due(work, row.document_no, row.part, due, "chance", row.version)


def beyond(runtime: Runtime) -> list[tuple[int, date, int]]:
    """(id, day, rest) of items and credits of which, on any day, less than nothing or more than the whole was left (S15)."""
    found = []
    with runtime.read(SYSTEM) as view:
        for model, key in ((Item, Allocation.item_id), (Credit, Allocation.credit_id)):
            for row in view.session.scalars(sa.select(model)):
                rest = row.amount_minor
                steps = sa.select(Allocation.effective, sa.func.sum(Allocation.amount_minor)).where(key == row.id).group_by(Allocation.effective)
                for day, amount in view.session.execute(steps.order_by(Allocation.effective)):
                    rest -= int(amount)
                    if not 0 <= rest <= row.amount_minor or (row.voided_on is not None and day > row.voided_on and amount):
                        found.append((row.id, day, rest))
    return found


def check(life: Life) -> None:
    """Every proof holds, nothing is settled beyond itself on any day, and every aging, of all and of each customer, ties out with what was known then."""
    assert verify.verify(life.runtime) == []
    assert beyond(life.runtime) == []
    with life.runtime.read(SYSTEM) as view:
        for customer in (None, "G", "C1", "X"):
            for day in (date(2026, 3, 5), date(2026, 3, 12), view.today):
                for known in (None, life.clock.now - timedelta(days=6)):
                    report = aging.build(view, SYSTEM.scope, aging.AgingOptions(day, parse_edges("30,60"), customer=customer, known_at=known))
                    assert report.ties_out, (customer, day, known)


@pytest.mark.parametrize("seed", range(2))
def test_every_life_ties_out(runtime: Runtime, clock: FixedClock, seed: int) -> None:
    clock.set("2026-03-10T04:00:00")
    life = Life(runtime, clock, seed)
    done: set[str] = set()
    for _ in range(60):
        done.add(life.act(life.chance.choice(ACTS)))
    check(life)
    assert {"receive", "request"} <= done
