"""Vouchers and the control report: every amount by hand, each voucher balanced, every month tied out."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest
import sqlalchemy as sa

from collect.domain.errors import Refusal
from collect.domain.rights import ALL, SYSTEM, Scope
from collect.reports import journal
from collect.runtime import Runtime
from collect.services import cash
from tests.taking_in import take_in

CUSTOMERS = "customer_no,name,terms,currency\nC1,华北医院,NET30,CNY\nC2,Second Ltd,NET30,CNY\nC3,Third KK,NET30,JPY\n"
INVOICES = """invoice_no,customer_no,issue_date,due_date,amount,currency
I1,C1,2026-01-05,2026-02-04,1000.00,CNY
I2,C2,2026-01-05,2026-02-04,70.00,CNY
I3,C3,2026-02-28,2026-03-30,5000,JPY
"""
PAYMENTS = """payment_ref,customer_no,date,amount,currency,invoice_no,allocated
R1,C1,2026-02-10,230.00,CNY,I1,200.00
"""
CREDITS = "credit_no,customer_no,date,currency,amount,invoice_no,reason\nG1,C2,2026-02-10,CNY,20.00,I2,returned\n"


def fill(runtime: Runtime) -> None:
    for kind, rows in (("customers", CUSTOMERS), ("invoices", INVOICES), ("payments", PAYMENTS), ("credits", CREDITS)):
        assert not take_in(runtime, kind, rows).refused
    runtime.write(SYSTEM, lambda work: cash.apply(work, "receipt", "R1", "I1", 1000, date(2026, 3, 2)))


def told(runtime: Runtime, since: date, until: date, currency: str | None = None, scope: Scope = ALL) -> list[tuple[str, str, list[tuple[str, str, int, int]]]]:
    with runtime.read(SYSTEM) as view:
        found = list(journal.vouchers(view, scope, since, until, "en", currency))
    return [(one.number, one.event, [(each.account.code, each.customer_no, each.debit, each.credit) for each in one.entries]) for one in found]


def test_vouchers_by_hand_on_both_engines(runtime: Runtime) -> None:
    """January: both invoices in one voucher against sales. 10 February: 30.00 of R1 unapplied and 200.00 applied at once
    against the bank, G1 against returns. 28 February: yen without decimals. March: 10.00 from unapplied to I1."""
    fill(runtime)
    assert told(runtime, date(2026, 1, 1), date(2026, 3, 31)) == [
        ("20260105-CNY-01", "issue", [("1122", "C1", 100000, 0), ("1122", "C2", 7000, 0), ("6001", "", 0, 107000)]),
        ("20260210-CNY-01", "receive", [("1122.99", "C1", 0, 3000), ("1002", "", 3000, 0)]),
        ("20260210-CNY-02", "settle", [("1122", "C1", 0, 20000), ("1002", "", 20000, 0)]),
        ("20260210-CNY-03", "settle", [("1122", "C2", 0, 2000), ("6001.99", "", 2000, 0)]),
        ("20260228-JPY-01", "issue", [("1122", "C3", 5000, 0), ("6001", "", 0, 5000)]),
        ("20260302-CNY-01", "allocate", [("1122", "C1", 0, 1000), ("1122.99", "C1", 1000, 0)]),
    ]
    assert [number for number, _, _ in told(runtime, date(2026, 2, 1), date(2026, 2, 28), "JPY")] == ["20260228-JPY-01"]
    assert told(runtime, date(2026, 1, 1), date(2026, 3, 31), scope=Scope(frozenset({99}))) == []
    with pytest.raises(Refusal, match="bad_range"):
        told(runtime, date(2026, 2, 2), date(2026, 2, 1))


def test_the_control_ties_out_month_by_month_and_shows_what_does_not(runtime: Runtime) -> None:
    """CNY: January 1,070.00; February -220.00 receivable, -30.00 unapplied: 820.00; March 10.00 moves inside: 820.00."""
    fill(runtime)
    with runtime.read(SYSTEM) as view:
        found = journal.control(view, ALL, date(2026, 3, 10))
        assert journal.control(view, ALL, date(2026, 3, 10), latest=2) == found[1:], "the months before are in the balances, and not told"
    assert [tuple(line) for line in found] == [
        ("2026-01", "CNY", 107000, 0, 107000, 0, 107000),
        ("2026-02", "CNY", 0, -22000, 85000, -3000, 82000),
        ("2026-03", "CNY", 0, -1000, 84000, -2000, 82000),
        ("2026-02", "JPY", 5000, 0, 5000, 0, 5000),
        ("2026-03", "JPY", 0, 0, 5000, 0, 5000),
    ]
    assert journal.ties_out(found) and journal.control_json(found, date(2026, 3, 10))["control"] == {"ties_out": True}
    with runtime.engine.connect() as connection:
        connection.execute(sa.text("UPDATE day_total SET documents = documents + 7 WHERE currency = 'JPY'"))
        connection.commit()
    with runtime.read(SYSTEM) as view:
        found = journal.control(view, ALL, date(2026, 3, 10))
    assert [line.difference for line in found] == [0, 0, 0, 7, 7]
    assert "collect verify" in journal.control_table(found, date(2026, 3, 10)).notes[0]


def test_tables_and_json_say_the_same(sqlite_runtime: Runtime) -> None:
    fill(sqlite_runtime)
    with sqlite_runtime.read(SYSTEM) as view:
        found = list(journal.vouchers(view, ALL, date(2026, 2, 1), date(2026, 2, 28), "zh"))
    table = journal.as_table(found, date(2026, 2, 1), date(2026, 2, 28), "zh")
    assert table.rows[0] == ("20260210-CNY-01", date(2026, 2, 10), table.rows[0][2], "1122.99", "应收账款-未核销收款", "C1", "华北医院", "CNY", None, 3000)
    assert [total[7:] for total in table.totals] == [("CNY", 25000, 25000), ("JPY", 5000, 5000)]
    entry = next(journal.as_json(found))["entries"][1]
    assert entry == {"account": "1002", "account_name": "银行存款", "customer_no": None, "debit": "30.00", "credit": "0.00"}


def test_an_installation_maps_its_own_accounts(tmp_path: Path) -> None:
    (tmp_path / "accounts.toml").write_text('[bank]\ncode = "1020"\nen = "House bank"\nzh = "开户行"\n', encoding="utf-8")
    found = journal.accounts("en", tmp_path)
    assert found["bank"] == ("1020", "House bank") and found["sales"].code == "6001"
    (tmp_path / "accounts.toml").write_text('[bank]\ncode = "1020"\n', encoding="utf-8")
    with pytest.raises(Refusal, match="bad_accounts_file"):
        journal.accounts("en", tmp_path)
    assert json.dumps(journal.accounts("zh"))
