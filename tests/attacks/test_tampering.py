"""Rows changed behind the program's back: `verify` names each, whatever was written in its place."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from collect.runtime import Runtime
from collect.services import verify
from tests.taking_in import take_in


@pytest.fixture
def books(sqlite_runtime: Runtime) -> Runtime:
    take_in(sqlite_runtime, "customers", "customer_no,name,terms\nC1,A,NET30\n")
    take_in(sqlite_runtime, "invoices", "invoice_no,customer_no,issue_date,amount\nA1,C1,2026-01-01,100\n")
    take_in(sqlite_runtime, "payments", "payment_ref,customer_no,date,amount,invoice_no\nP1,C1,2026-02-01,50,A1\n")
    assert verify.verify(sqlite_runtime) == []
    return sqlite_runtime


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        # A person who changes a date by hand writes it as text; it must be named, and not stop the proof itself.
        ("UPDATE item SET due_date = '2026-12-31'", "proof_value"),
        ("UPDATE item SET issue_date = 20261399", "proof_value"),
        ("UPDATE credit SET day = 'x'", "proof_value"),
        ("UPDATE allocation SET effective = '2026-02-05'", "proof_value"),
        ("UPDATE allocation SET amount_minor = 1.5", "proof_value"),
        ("UPDATE ledger_line SET day = '2026-02-05'", "proof_value"),
        ("UPDATE audit SET at = 'x'", "proof_value"),
        ("UPDATE day_total SET recorded_at = recorded_at + 1", "proof_total"),
        ("UPDATE import_run SET digest = 'x'", "proof_import"),
        ("UPDATE import_run SET new = new + 1", "proof_import"),
        ("DELETE FROM import_run", "proof_import"),
    ],
)
def test_what_was_written_by_hand_is_named(books: Runtime, sql: str, code: str) -> None:
    with books.engine.begin() as connection:
        connection.exec_driver_sql("PRAGMA ignore_check_constraints = 1")
        assert connection.execute(sa.text(sql)).rowcount > 0
    assert code in {finding.code for finding in verify.verify(books)}
