"""`collect report aging`: every option, every format, and that they agree; figures worked out by hand."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook

from collect.cli import output
from tests.cli.conftest import Program
from tests.conftest import FixedClock

# C1 owes 100.00 due 4 February (NET30) and 50.00 due 9 April; C2 owes 40.00 due 3 March and has 15.00 on account.
CUSTOMERS = "customer_no,name,terms,segment\nC1,华北医院,NET30,hospital\nC2,Second Ltd,NET30,dealer\n"
INVOICES = "invoice_no,customer_no,issue_date,due_date,amount,currency\n"
INVOICES += "I1,C1,2026-01-05,2026-02-04,100.00,CNY\nI2,C1,2026-03-10,2026-04-09,50.00,CNY\nI3,C2,2026-02-01,2026-03-03,40.00,USD\n"
PAYMENTS = "payment_ref,customer_no,date,amount,currency\nP1,C2,2026-02-10,15.00,USD\n"
BUCKETS = ("--buckets", "30,60")


@pytest.fixture
def book(ready: Program, tmp_path: Path) -> Program:
    """The little book above; it is 10 March 2026."""
    for kind, text in (("customers", CUSTOMERS), ("invoices", INVOICES), ("payments", PAYMENTS)):
        (tmp_path / f"{kind}.csv").write_text(text, encoding="utf-8")
        ready("import", kind, tmp_path / f"{kind}.csv")
    return ready


def rows(program: Program, *options: str) -> list[dict[str, str]]:
    """The rows of the JSON report."""
    found: list[dict[str, str]] = json.loads(program("report", "aging", *BUCKETS, "--format", "json", *options).stdout)["rows"]
    return found


def test_json_has_the_fixed_keys(book: Program) -> None:
    """As of today, 10 March: I1 is 34 days late, I2 not due (30 days to go), I3 7 days late."""
    told = json.loads(book("report", "aging", *BUCKETS, "--format", "json").stdout)
    assert (told["as_of"], told["known_at"], told["basis"], told["by"]) == ("2026-03-10", None, "due", "customer")
    assert told["buckets"] == ["not_due", "1-30", "31-60", "61+"]
    assert told["control"]["ties_out"] is True
    nothing = {"provisional": "0.00", "disputed": "0.00", "promised": "0.00", "in_paper": "0.00"}
    one = {"currency": "CNY", "not_due": "50.00", "1-30": "0.00", "31-60": "100.00", "61+": "0.00", "unapplied": "0.00", "total": "150.00", **nothing}
    two = {"currency": "USD", "not_due": "0.00", "1-30": "40.00", "31-60": "0.00", "61+": "0.00", "unapplied": "-15.00", "total": "25.00", **nothing}
    by_key = {row.pop("key"): row for row in told["rows"]}
    assert by_key == {"C1": {"name": "华北医院", **one}, "C2": {"name": "Second Ltd", **two}}
    assert told["totals"] == [one, two]


def test_every_option_reaches_the_report(book: Program) -> None:
    assert [(row["key"], row["total"]) for row in rows(book, "--as-of", "2026-02-04")] == [("C1", "100.00"), ("C2", "40.00")]
    assert [row["not_due"] for row in rows(book, "--as-of", "2026-02-04", "--customer", "C1")] == ["100.00"]
    assert [row["key"] for row in rows(book, "--currency", "usd")] == ["C2"]
    assert {row["key"] for row in rows(book, "--by", "segment")} == {"hospital", "dealer"}
    assert sorted(row["key"] for row in rows(book, "--by", "item")) == ["I1", "I2", "I3", "P1"]
    # By issue date I1 is 64 days old on 10 March (26 in January, 28, 10), I2 0 days, I3 37.
    assert [(row["61+"], row["not_due"]) for row in rows(book, "--basis", "issue", "--customer", "C1")] == [("100.00", "50.00")]
    assert "1-90" in json.loads(book("report", "aging", "--buckets", "90", "--format", "json").stdout)["buckets"]


def test_what_was_known_at_an_instant(book: Program, tmp_path: Path, clock: FixedClock) -> None:
    """A payment dated in February, entered on 12 March Shanghai time: known on the 12th, not on the 11th."""
    clock.set("2026-03-12T03:00:00")
    (tmp_path / "late.csv").write_text("payment_ref,customer_no,date,amount,invoice_no\nP9,C1,2026-02-20,100.00,I1\n")
    book("import", "payments", tmp_path / "late.csv")
    asked = ("--as-of", "2026-02-28", "--customer", "C1")
    assert rows(book, *asked) == []
    for known, total in (("2026-03-11", "100.00"), ("2026-03-12T02:59:00Z", "100.00"), ("2026-03-12T10:59:00", "100.00")):
        assert [row["total"] for row in rows(book, *asked, "--known-at", known)] == [total]
    assert rows(book, *asked, "--known-at", "2026-03-12") == []


def test_the_formats_agree(book: Program, tmp_path: Path) -> None:
    told = json.loads(book("report", "aging", *BUCKETS, "--format", "json").stdout)["rows"]
    text = book("report", "aging", *BUCKETS, "--format", "csv")
    assert text.stdout_bytes.startswith(b"key,name,currency,not_due,1-30,31-60,61+,provisional,unapplied,total,disputed,promised,in_paper\r\n")
    assert list(csv.DictReader(io.StringIO(text.stdout_bytes.decode("utf-8"), newline=""))) == told
    drawn = book("report", "aging", *BUCKETS).stdout
    assert all(row["name"] in drawn for row in told)
    file = tmp_path / "aging.xlsx"
    assert book("report", "aging", *BUCKETS, "--format", "xlsx", "--output", file).stdout == ""
    sheet = [row for row in CalamineWorkbook.from_path(file).get_sheet_by_index(0).to_python() if row[0] in ("C1", "C2")]
    assert sorted((row[0], float(row[3]), float(row[9])) for row in sheet) == sorted((row["key"], float(row["not_due"]), float(row["total"])) for row in told)


def test_pdf_and_xlsx_go_to_a_pipe_but_not_to_a_terminal(book: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    assert book("report", "aging", "--format", "pdf").stdout_bytes.startswith(b"%PDF-")
    assert book("report", "aging", "--format", "xlsx").stdout_bytes.startswith(b"PK")
    monkeypatch.setattr(output, "on_terminal", lambda: True)
    told = book("report", "aging", "--format", "pdf", status=2)
    assert told.stderr.splitlines()[0] == "A terminal cannot show PDF: name a file with --output."
    assert told.stdout == ""


def test_every_format_into_a_file(book: Program, tmp_path: Path) -> None:
    for form, start in (("table", b"Aging\n"), ("csv", b"key,"), ("json", b"{"), ("xlsx", b"PK"), ("pdf", b"%PDF")):
        told = book("report", "aging", "--format", form, "--output", tmp_path / f"out.{form}")
        assert (told.stdout, told.stderr) == ("", f"Written to {tmp_path / f'out.{form}'}.\n")
        assert (tmp_path / f"out.{form}").read_bytes().startswith(start)


def test_the_table_without_a_terminal_is_plain_and_aligned(book: Program) -> None:
    """A Chinese sign is two columns wide, so that the figures stand under each other."""
    lines = book("report", "aging", *BUCKETS, "--currency", "CNY").stdout.splitlines()
    head = next(index for index, line in enumerate(lines) if line.startswith("Customer no."))
    assert lines[head] == "Customer no.  Name      Currency  Not due  1–30   31–60   61+  Provisional  Unapplied   Total  Disputed  Promised  In paper"
    assert lines[head + 2] == "C1            华北医院  CNY         50.00  0.00  100.00  0.00         0.00       0.00  150.00      0.00      0.00      0.00"
    assert lines[head + 4].startswith("Total")


def test_the_table_on_a_terminal_is_drawn(book: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "on_terminal", lambda: True)
    told = book("report", "aging", *BUCKETS, COLUMNS="200").stdout
    assert "150.00" in told
    assert "─" in told


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--as-of", "2026-02-30"), "2026-02-30 is no date; write it as 2026-03-31."),
        (("--as-of", "20260228"), "20260228 is no date; write it as 2026-03-31."),
        (("--known-at", "yesterday"), "yesterday is no instant; write a date such as 2026-03-31, or 2026-03-31T17:00:00+08:00."),
        (("--buckets", "60,30"), "60,30 are no aging buckets; write rising upper edges in days such as 30,60,90."),
        (("--currency", "XX"), "XX is no currency code; write three letters such as CNY, USD or EUR."),
    ],
)
def test_options_that_cannot_be_read_are_wrong_usage(book: Program, options: tuple[str, str], sentence: str) -> None:
    told = book("report", "aging", *options, status=2)
    assert (told.stdout, told.stderr.splitlines()[0]) == ("", sentence)


def test_a_customer_who_is_not_there_is_a_refusal(book: Program) -> None:
    told = book("report", "aging", "--customer", "C77", status=1)
    assert (told.stdout, told.stderr) == ("", "There is no customer C77 here.\n")


def test_an_empty_option_is_wrong_usage(book: Program) -> None:
    """`--as-of "$DAY"` with DAY unset must not print the report of today as if it were another day's."""
    assert book("report", "aging", "--as-of", "", status=2).stderr.splitlines()[0] == "An option is empty: leave it out or give it a value."


def test_no_figure_is_cut_on_a_narrow_terminal(book: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    wide = book("report", "aging", *BUCKETS).stdout
    monkeypatch.setattr(output, "on_terminal", lambda: True)
    narrow = book("report", "aging", *BUCKETS, COLUMNS="60").stdout
    assert "…" not in narrow
    assert narrow.split() == wide.split()
