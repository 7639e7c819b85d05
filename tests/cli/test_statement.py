"""`collect statement`, `collect report journal` and `collect report control`: the files, the exit statuses."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from pathlib import Path

import pytest

from tests.cli.conftest import Program
from tests.cli.test_reports import CUSTOMERS, INVOICES, PAYMENTS
from tests.documents.reading import text


@pytest.fixture
def book(ready: Program, tmp_path: Path) -> Program:
    """The book of the aging's tests: C1 owes 100.00 late and 50.00, C2 40.00 USD late with 15.00 unapplied."""
    for kind, rows in (("customers", CUSTOMERS), ("invoices", INVOICES), ("payments", PAYMENTS)):
        (tmp_path / f"{kind}.csv").write_text(rows, encoding="utf-8")
        ready("import", kind, tmp_path / f"{kind}.csv")
    return ready


def test_a_statement_as_a_file(book: Program, tmp_path: Path) -> None:
    target = tmp_path / "c1.pdf"
    book("statement", "C1", "--as-of", "2026-03-10", "--lang", "en", "--kind", "demand", "--pay-by", "2026-03-31", "--output", target)
    told = text(target.read_bytes())
    assert "CNY 100.00" in told and "One hundred yuan only" in told and "by 2026-03-31" in told
    book("statement", "C1", "--lang", "zh", "--group", "--since", "2026-03-01", "--output", target)
    assert "期初余额 100.00" in text(target.read_bytes()) and "期末余额" in text(target.read_bytes())


def test_all_statements_as_one_archive(book: Program, tmp_path: Path) -> None:
    target = tmp_path / "all.zip"
    book("statement", "--all", "--overdue", "--kind", "demand", "--output", target)
    assert [name.rpartition("-")[2] for name in zipfile.ZipFile(target).namelist()] == ["C1.pdf", "C2.pdf", "index.csv"]
    assert not list(tmp_path.glob(".*partial"))


def test_wrong_usage_and_refusals(book: Program, tmp_path: Path) -> None:
    target = tmp_path / "x.pdf"
    for arguments in (("--output", target), ("C1", "--all", "--output", target), ("C1", "--overdue", "--output", target), ("C1", "--as-of", "today", "--output", target)):
        book("statement", *arguments, status=2)
    assert "There is no customer C9 here." in book("statement", "C9", "--output", target, status=1).stderr
    assert "has not come yet" in book("statement", "C1", "--as-of", "2026-03-11", "--output", target, status=1).stderr
    assert not target.exists()


def test_vouchers_and_the_control_report(book: Program, tmp_path: Path) -> None:
    """Four vouchers: three invoices on days of their own, and P1 against the bank."""
    period = ("--from", "2026-01-01", "--to", "2026-03-31")
    rows = list(csv.DictReader(io.StringIO(book("report", "journal", *period, "--format", "csv").stdout)))
    assert [(row["voucher"], row["account"], row["debit"], row["credit"]) for row in rows][:2] == [
        ("20260105-CNY-01", "1122", "100.00", ""),
        ("20260105-CNY-01", "6001", "", "100.00"),
    ]
    told = json.loads(book("report", "journal", *period, "--format", "json").stdout)
    assert len(told) == 4 and all(sum(float(each["debit"]) - float(each["credit"]) for each in voucher["entries"]) == 0 for voucher in told)
    book("report", "journal", *period, "--format", "xlsx", "--output", tmp_path / "v.xlsx")
    assert "Bank" in book("report", "journal", *period, "--currency", "usd").stdout
    assert book("report", "journal", "--from", "2026-03-01", "--to", "2026-02-01", status=1).stderr
    control = json.loads(book("report", "control", "--format", "json").stdout)
    assert control["control"] == {"ties_out": True} and control["rows"][-1]["items"] == "25.00"
    assert "Every month ties out." in book("report", "control", "--as-of", "2026-03-10").stdout
