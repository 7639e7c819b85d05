"""`collect import`: results in words and JSON, the file of refused rows, exit statuses, options, several files at once."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from tests.cli.conftest import Program

CUSTOMERS = "customer_no,name,terms,colour\nC1,华北医院,NET30,red\nC2,Second Ltd,NET30,blue\n"
INVOICES = "invoice_no,customer_no,issue_date,amount\nI1,C1,2026-01-05,100.00\nI2,C1,2026-01-20,1e3\nI3,C9,2026-01-20,30.00\nI4,C2,2026-02-01,40.00\n"


@pytest.fixture
def files(ready: Program, tmp_path: Path) -> Path:
    """A folder with a file of customers, and one of invoices whose second and third rows are wrong."""
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "customers.csv").write_text(CUSTOMERS, encoding="utf-8")
    (folder / "invoices.csv").write_text(INVOICES, encoding="utf-8")
    return folder


def test_all_rows_in_and_the_unknown_column_named(ready: Program, files: Path) -> None:
    told = ready("import", "customers", files / "customers.csv")
    assert told.stdout.splitlines() == [f"{files / 'customers.csv'}: 2 new, 0 changed, 0 unchanged, 0 refused", "Columns nobody knows, ignored: colour"]
    assert told.stderr == ""
    again = json.loads(ready("import", "customers", files / "customers.csv", "--format", "json").stdout)
    assert again == {"new": 0, "changed": 0, "unchanged": 2, "refused": 0, "ignored_columns": ["colour"], "refused_file": None, "errors": [], "notices": []}
    assert sorted(path.name for path in files.iterdir()) == ["customers.csv", "invoices.csv"]


def test_refused_rows_go_to_a_file_and_good_rows_stay(ready: Program, files: Path) -> None:
    ready("import", "customers", files / "customers.csv")
    told = ready("import", "invoices", files / "invoices.csv", status=1)
    refused = files / "invoices.csv.refused.csv"
    assert told.stdout == f"{files / 'invoices.csv'}: 2 new, 0 changed, 0 unchanged, 2 refused\n"
    assert told.stderr.splitlines()[0].startswith("Line 3: 1e3 is no amount")
    assert told.stderr.splitlines()[-1] == f"Correct the refused rows in {refused} and import that file."
    rows = list(csv.DictReader(io.StringIO(refused.read_text(encoding="utf-8"))))
    assert [(row["invoice_no"], row["amount"], row["line"]) for row in rows] == [("I2", "1e3", "3"), ("I3", "30.00", "4")]
    assert "C9" in rows[1]["reason"]


def test_the_refused_rows_corrected_come_in_and_the_list_goes_away(ready: Program, files: Path) -> None:
    ready("import", "customers", files / "customers.csv")
    told = json.loads(ready("import", "invoices", files / "invoices.csv", "--format", "json", status=1).stdout)
    refused = Path(told["refused_file"])
    corrected = files / "corrected.csv"
    corrected.write_text(refused.read_text(encoding="utf-8").replace("1e3", "1000.00").replace("C9", "C2"), encoding="utf-8")
    assert "2 new, 0 changed, 0 unchanged, 0 refused" in ready("import", "invoices", corrected).stdout
    (files / "invoices.csv").write_text(INVOICES.replace("1e3", "1000.00").replace("C9", "C2"), encoding="utf-8")
    ready("import", "invoices", files / "invoices.csv")
    assert not refused.exists(), "nothing is refused any more"


def test_a_file_of_that_name_that_is_not_ours_stays(ready: Program, files: Path) -> None:
    mine = files / "customers.csv.refused.csv"
    mine.write_text("my notes\n")
    ready("import", "customers", files / "customers.csv")
    assert mine.read_text() == "my notes\n"


def test_json_of_refused_rows(ready: Program, files: Path) -> None:
    ready("import", "customers", files / "customers.csv")
    told = json.loads(ready("import", "invoices", files / "invoices.csv", "--format", "json", status=1).stdout)
    assert {key: told[key] for key in ("new", "changed", "unchanged", "refused")} == {"new": 2, "changed": 0, "unchanged": 0, "refused": 2}
    assert told["refused_file"] == str(files / "invoices.csv.refused.csv")
    assert [(error["line"], error["field"], error["value"]) for error in told["errors"]] == [(3, "amount", "1e3"), (4, "customer_no", "C9")]


def test_a_dry_run_changes_nothing_and_writes_no_file(ready: Program, files: Path) -> None:
    ready("import", "customers", files / "customers.csv")
    told = ready("import", "invoices", files / "invoices.csv", "--dry-run", status=1)
    assert "2 new, 0 changed, 0 unchanged, 2 refused" in told.stdout
    assert told.stdout.splitlines()[-1] == "This was a dry run: nothing was changed."
    assert not list(files.glob("*.refused.csv"))
    assert "2 new" in ready("import", "invoices", files / "invoices.csv", status=1).stdout


def test_strict_refuses_the_whole_file(ready: Program, files: Path) -> None:
    ready("import", "customers", files / "customers.csv")
    ready("import", "invoices", files / "invoices.csv", "--strict", status=1)
    told = json.loads(ready("report", "aging", "--as-of", "2026-03-10", "--format", "json").stdout)
    assert told["rows"] == []


def test_a_file_that_cannot_be_read_is_one_sentence_and_an_error_in_json(ready: Program, files: Path) -> None:
    (files / "odd.csv").write_text("name,town\nx,y\n")
    told = ready("import", "invoices", files / "odd.csv", "--format", "json", status=1)
    assert len(told.stderr.splitlines()) == 1
    assert told.stderr.startswith(f"{files / 'odd.csv'}: ")
    answer = json.loads(told.stdout)
    assert (answer["new"], answer["refused"], answer["refused_file"]) == (0, 0, None)
    assert answer["errors"][0]["line"] is None
    assert answer["errors"][0]["message"] in told.stderr


def test_ambiguous_dates_are_asked_about_and_settled_by_the_option(ready: Program, files: Path) -> None:
    """3/4/2026 is 4 March or 3 April: refused, and the option that settles it is named."""
    ready("import", "customers", files / "customers.csv")
    (files / "dates.csv").write_text("invoice_no,customer_no,issue_date,amount\nI1,C1,3/4/2026,100.00\n")
    told = ready("import", "invoices", files / "dates.csv", status=1)
    assert "--dates" in told.stderr
    ready("import", "invoices", files / "dates.csv", "--dates", "mdy")
    told = ready("report", "aging", "--as-of", "2026-03-04", "--format", "json")
    assert json.loads(told.stdout)["totals"][0]["total"] == "100.00"


def test_several_files_are_several_imports(ready: Program, files: Path) -> None:
    more = files / "more.csv"
    more.write_text("customer_no,name\nC3,Third\n")
    told = json.loads(ready("import", "customers", files / "customers.csv", more, "--format", "json").stdout)
    assert [(Path(answer["file"]).name, answer["new"]) for answer in told] == [("customers.csv", 2), ("more.csv", 1)]


def test_one_bad_file_does_not_stop_the_next(ready: Program, files: Path) -> None:
    odd = files / "odd.csv"
    odd.write_text("name,town\nx,y\n")
    told = ready("import", "customers", odd, files / "customers.csv", status=1)
    assert "2 new, 0 changed, 0 unchanged, 0 refused" in told.stdout


def test_where_nothing_may_be_written_beside_the_file_the_list_goes_to_the_working_directory(ready: Program, files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ready("import", "customers", files / "customers.csv")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    from collect.cli import output

    real = output.as_file

    def guarded(target: Path, data: bytes) -> None:
        if target.parent == files:
            raise PermissionError(13, "Permission denied", str(target))
        real(target, data)

    monkeypatch.setattr(output, "as_file", guarded)
    told = json.loads(ready("import", "invoices", files / "invoices.csv", "--format", "json", status=1).stdout)
    assert told["refused_file"] == str(tmp_path / "here" / "invoices.csv.refused.csv")
    assert Path(told["refused_file"]).is_file()


def test_wrong_usage(ready: Program, files: Path) -> None:
    ready("import", "customers", status=2)
    ready("import", "customers", files / "missing.csv", status=2)
    ready("import", "customers", files, status=2)
    ready("import", "orders", files / "customers.csv", status=2)
    ready("import", "customers", files / "customers.csv", "--dates", "ydm", status=2)


def test_progress_is_told_on_standard_error_as_plain_lines(ready: Program, files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from collect.cli import output

    monkeypatch.setattr(output, "_EVERY", 1)
    told = ready("import", "customers", files / "customers.csv", "--format", "json")
    assert told.stderr.splitlines()[-1] == "customers.csv: 2 rows done"
    assert json.loads(told.stdout)["new"] == 2


def test_contacts_credits_and_payments(ready: Program, files: Path) -> None:
    """100.00 invoiced, 30.00 credited, 50.00 paid on it: 20.00 stays open; 25.00 paid on account."""
    ready("import", "customers", files / "customers.csv")
    ready("import", "invoices", files / "invoices.csv", status=1)
    (files / "contacts.csv").write_text("customer_no,name,role\nC1,王芳,finance\n", encoding="utf-8")
    (files / "credits.csv").write_text("credit_no,customer_no,date,amount,invoice_no\nG1,C1,2026-02-01,30.00,I1\n")
    (files / "payments.csv").write_text("payment_ref,customer_no,date,amount,invoice_no\nP1,C1,2026-02-03,50.00,I1\nP2,C1,2026-02-03,25.00,\n")
    for kind, rows in (("contacts", 1), ("credits", 1), ("payments", 2)):
        assert f"{rows} new, 0 changed, 0 unchanged, 0 refused" in ready("import", kind, files / f"{kind}.csv").stdout
    row = json.loads(ready("report", "aging", "--as-of", "2026-03-10", "--customer", "C1", "--format", "json").stdout)["rows"][0]
    assert (row["unapplied"], row["total"]) == ("-25.00", "-5.00")
    assert ready("verify").stdout.startswith("Everything adds up")
