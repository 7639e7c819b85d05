"""Amounts at the edge of 64 bits: the books never hold more than a database can add up."""

from __future__ import annotations

from datetime import date

import sqlalchemy as sa

from collect.domain.aging import Buckets
from collect.domain.rights import SYSTEM, Scope
from collect.reports import aging, journal
from collect.runtime import Runtime
from collect.services import cash, verify
from collect.storage.cash import Allocation
from tests.taking_in import counts, take_in

# 2**63 - 1 minor units.
MOST = "92233720368547758.07"
ALL = Scope(None)


def test_the_largest_amount_goes_in_once_and_the_books_still_add_up(runtime: Runtime) -> None:
    """Two such invoices would make every sum of the books overflow: the second is refused, in the same file and in a later one."""
    take_in(runtime, "customers", "customer_no,name,terms\nC1,A,NET30\nC2,B,NET30\n")
    head = "invoice_no,customer_no,issue_date,amount\n"
    both = take_in(runtime, "invoices", f"{head}A1,C1,2026-01-01,{MOST}\nA2,C2,2026-01-01,{MOST}\n")
    assert counts(both) == (1, 0, 0, 1)
    assert [(error.refusal.code, error.refusal.field) for error in both.errors] == [("books_full", "amount")]
    assert counts(take_in(runtime, "invoices", f"{head}A3,C2,2026-02-01,0.01\n")) == (0, 0, 0, 1)
    credits = take_in(runtime, "credits", f"credit_no,customer_no,date,amount\nK1,C1,2026-01-01,{MOST}\nK2,C1,2026-01-01,{MOST}\n")
    assert counts(credits) == (1, 0, 0, 1)
    assert counts(take_in(runtime, "invoices", f"{head}A1,C1,2026-01-01,{MOST}\n")) == (0, 0, 1, 0)
    with runtime.read(SYSTEM) as view:
        report = aging.build(view, ALL, aging.AgingOptions(date(2026, 2, 28), Buckets((30,))))
    assert [(row.total, row.unapplied) for row in report.totals] == [(0, -(2**63 - 1))]
    assert verify.verify(runtime) == []


def test_another_currency_has_room_of_its_own(sqlite_runtime: Runtime) -> None:
    take_in(sqlite_runtime, "customers", "customer_no,name,terms\nC1,A,NET30\n")
    head = "invoice_no,customer_no,issue_date,currency,amount\n"
    assert counts(take_in(sqlite_runtime, "invoices", f"{head}A1,C1,2026-01-01,CNY,{MOST}\nA2,C1,2026-01-01,USD,{MOST}\n")) == (2, 0, 0, 0)


def test_movements_without_end_do_not_overflow_what_reports_add_up(runtime: Runtime) -> None:
    """The largest receipt is applied and taken back twelve times in one day: what moved is far beyond 2^63, what is owed is not."""
    take_in(runtime, "customers", "customer_no,name,terms\nC1,A,NET30\n")
    take_in(runtime, "invoices", f"invoice_no,customer_no,issue_date,amount\nA1,C1,2026-01-01,{MOST}\n")
    take_in(runtime, "payments", f"payment_ref,customer_no,date,amount\nR1,C1,2026-01-01,{MOST}\n")
    for _ in range(12):
        made = runtime.write(SYSTEM, lambda work: cash.apply(work, "receipt", "R1", "A1", None))
        assert made
        with runtime.read(SYSTEM) as view:
            key = view.session.scalars(sa.select(sa.func.max(Allocation.id))).one()
        runtime.write(SYSTEM, lambda work, key=key: cash.unapply(work, key, "once more"))
    assert verify.verify(runtime) == []
    with runtime.read(SYSTEM) as view:
        today = view.today
        control = journal.control(view, ALL, today)
        found = list(journal.vouchers(view, ALL, date(2026, 1, 1), today, "en"))
        report = aging.build(view, ALL, aging.AgingOptions(today, Buckets((30,))))
    assert found and [(row.total, row.unapplied) for row in report.totals] == [(0, -(2**63 - 1))] and journal.ties_out(control)
