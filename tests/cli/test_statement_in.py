"""`collect import statement`: bank files of any form from the shell, in words and JSON, once each line."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import Program

TABLE = "账号：6222001,,,,,\n交易日期,收入,支出,币种,对方户名,摘要\n2026-03-09,1200.00,,CNY,陌生人,无\n2026-03-09,,35.00,CNY,电力公司,电费\n"
OFF = ":20:A\n:25:1\n:28C:1/1\n:60F:C260309CNY1,00\n:62F:C260309CNY2,00\n-\n"


def test_files_go_in_once_and_a_refused_one_does_not_stop_the_others(ready: Program, tmp_path: Path) -> None:
    """The suffix says nothing: the table is called .sta and the MT940 .csv."""
    good, bad = tmp_path / "good.sta", tmp_path / "bad.csv"
    good.write_bytes(TABLE.encode("gb18030"))
    bad.write_text(OFF)
    counts = {"statements": 1, "lines": 2, "new": 2, "unchanged": 0, "incoming": 1, "doubtful": 0, "taken_back": 0, "accounts": ["6222001"]}
    counts |= {"accounts_made": ["6222001"], "currencies_made": ["CNY"], "left_out": 0, "left_rows": [], "mapping": None, "applied": 0, "errors": []}
    counts["notices"] = ["Account 6222001: without an opening and a closing balance in CNY nothing shows whether lines are missing."]
    assert json.loads(ready("import", "statement", good, "--dry-run", "--format", "json").stdout) == counts
    told = ready("import", "statement", bad, good, status=1)
    assert told.stdout == f"{good}: statements 1, lines 2 (new 2, unchanged 0); with money in 1, of those applied 0\n"
    assert "opening balance 1.00 and movements 0.00 do not make the closing balance 2.00 CNY" in told.stderr and "Account 6222001 in CNY is new." in told.stderr
    again = json.loads(ready("import", "statement", good, "--format", "json").stdout)
    assert again == counts | {"new": 0, "unchanged": 2, "incoming": 0, "accounts_made": [], "currencies_made": []}
    refused = json.loads(ready("import", "statement", bad, "--format", "json", status=1).stdout)
    assert refused["errors"][0]["message"].startswith("Account 1, statement 1/1")


def test_rows_left_out_are_told_with_their_reason_and_two_accounts_of_one_number_by_currency(ready: Program, tmp_path: Path) -> None:
    """Two lines in two currencies, a transfer of the wallet's own, and a total without a date."""
    table = tmp_path / "wallet.csv"
    rows = ("2026-03-09,12.50,收入,CNY,甲", "2026-03-09,3.00,收入,USD,乙", "2026-03-09,12.50,/,CNY,零钱提现", "合计,15.50,,,")
    table.write_text("账号：6222001\n交易日期,金额,收/支,币种,对方户名\n" + "\n".join(rows) + "\n")
    told = ready("import", "statement", table).stderr.splitlines()
    assert told[:2] == ["Account 6222001 in CNY is new.", "Account 6222001 in USD is new."]
    assert told[4:] == [
        "Rows that are no lines of the account, left out: 2",
        "  line 5, neither money in nor money out: 2026-03-09 12.50 / CNY 零钱提现",
        "  line 6, no date in it: 合计 15.50",
    ]
