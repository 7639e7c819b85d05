"""From a file to an aging that ties out, on 2,466 real invoices of 100 customers, on both engines."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa

from collect.domain.aging import Basis, parse_edges
from collect.domain.rights import ALL, SYSTEM
from collect.reports import aging
from collect.runtime import Runtime
from collect.services import verify
from tests import oracle_aging
from tests.conftest import FixedClock
from tests.taking_in import counts, take_in

EDGES = parse_edges("30,60,90,120")


def report(runtime: Runtime, as_of: date, known_at: datetime | None = None, by: str = "customer") -> aging.AgingReport:
    with runtime.read(SYSTEM) as view:
        return aging.build(view, ALL, aging.AgingOptions(as_of, EDGES, known_at, Basis.DUE, by))


def by_customer(found: aging.AgingReport) -> dict[str, list[Decimal]]:
    return {row.key: [Decimal(value) / 100 for value in row.amounts] for row in found.rows}


@pytest.mark.parametrize(("as_of", "items", "total", "overdue"), [(date(2012, 6, 30), 98, 550409, 90973), (date(2012, 2, 29), 97, 601531, 92572)])
def test_aging_is_what_the_files_say(book: Runtime, shared: Path, as_of: date, items: int, total: int, overdue: int) -> None:
    """The issue's own figures, and every customer's every bucket against a script over the CSV files."""
    found = report(book, as_of)
    assert by_customer(found) == oracle_aging.aging(shared / "ar" / "ibm" / "converted", as_of, (30, 60, 90, 120))
    assert [(row.currency, row.total, row.overdue, row.unapplied) for row in found.totals] == [("USD", total, overdue, 0)]
    assert sum(found.totals[0].amounts[2:]) == 0
    by_item = report(book, as_of, by="item")
    assert len(by_item.rows) == items
    assert by_item.totals[0].amounts == found.totals[0].amounts
    assert verify.verify(book) == []


def test_the_same_files_again_change_nothing(book: Runtime, shared: Path) -> None:
    """Everything unchanged, no audit row, and `disputed` is named as a column nobody knows."""
    anchor = verify.anchor_of(book)
    folder = shared / "ar" / "ibm" / "converted"
    assert counts(take_in(book, "customers", folder / "customers.csv")) == (0, 0, 100, 0)
    again = take_in(book, "invoices", folder / "invoices.csv")
    assert counts(again) == (0, 0, 2466, 0)
    assert "disputed" in again.ignored_columns
    assert counts(take_in(book, "payments", folder / "payments.csv")) == (0, 0, 2466, 0)
    assert verify.anchor_of(book) == anchor


def test_a_payment_entered_late_changes_the_past_only_for_those_who_know(book: Runtime, clock: FixedClock) -> None:
    """A February payment entered in April 2014: February's aging falls by it, as known before it is the old one to the cent.

    Invoice 9771013345 is picked from the aging itself: any open item of February serves, so the largest is paid again
    through a new receipt that the customer's unapplied column would take if it were not February's own.
    """
    before = report(book, date(2012, 2, 29))
    known = before.known
    target = max(report(book, date(2012, 2, 29), by="item").rows, key=lambda row: row.total)
    clock.set("2014-04-01T15:00:00")
    rows = f"payment_ref,customer_no,date,amount,currency\nLATE-1,{target.customer_no},2012-02-20,10.00,USD\n"
    assert counts(take_in(book, "payments", rows)) == (1, 0, 0, 0)
    after = report(book, date(2012, 2, 29))
    assert after.totals[0].total == before.totals[0].total - 1000
    assert after.totals[0].unapplied == -1000
    old = report(book, date(2012, 2, 29), known)
    assert old.rows == before.rows and old.totals == before.totals
    assert verify.verify(book) == []


TAMPERING = [
    ("UPDATE item SET open_minor = 1, closed_on = NULL WHERE document_no = '0000611365'", "proof_item", {"number": "0000611365"}),
    ("UPDATE item SET amount_minor = amount_minor + 1 WHERE document_no = '0000611365'", "proof_item", {"number": "0000611365"}),
    ("UPDATE item SET due_date = issue_date WHERE document_no = '0000611365'", "proof_line", {}),
    ("UPDATE credit SET amount_minor = amount_minor + 1 WHERE number = 'P-0000611365'", "proof_credit", {"number": "P-0000611365"}),
    ("UPDATE allocation SET amount_minor = amount_minor - 1 WHERE item_id = (SELECT id FROM item WHERE document_no = '0000611365')", "proof_allocation", {"invoice": "0000611365"}),
    ("UPDATE ledger_line SET receivable = receivable + 1, contra = contra - 1 WHERE id = (SELECT min(id) FROM ledger_line)", "proof_line", {}),
    ("UPDATE ledger_line SET due = issued WHERE id = (SELECT min(id) FROM ledger_line)", "proof_line", {}),
    ("DELETE FROM ledger_line WHERE id = (SELECT min(id) FROM ledger_line)", "proof_sum", {"number": "0000611365"}),
    ("UPDATE day_total SET receivable = receivable + 1 WHERE id = (SELECT min(id) FROM day_total)", "proof_total", {}),
    ("UPDATE audit SET reason = 'because' WHERE seq = 2", "audit_row", {"seq": 2}),
    ("DELETE FROM audit WHERE seq = 2", "audit_gap", {"seq": 2}),
    ("UPDATE item SET document_no = 'FORGED' WHERE document_no = '0000611365'", "proof_import", {}),
]


@pytest.mark.parametrize(("statement", "code", "named"), TAMPERING, ids=[f"{code}-{number}" for number, (_, code, _) in enumerate(TAMPERING)])
def test_a_row_changed_behind_the_books_is_named(book: Runtime, statement: str, code: str, named: dict[str, object]) -> None:
    with book.engine.connect().execution_options(collect_writes=True) as connection:
        assert connection.execute(sa.text(statement)).rowcount == 1
        connection.commit()
    findings = [finding for finding in verify.verify(book) if finding.code == code]
    assert findings, verify.verify(book)
    assert any(all(finding.params[name] == value for name, value in named.items()) for finding in findings)
