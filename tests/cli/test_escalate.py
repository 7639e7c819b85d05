"""`collect escalate` and `collect supply`: proposals as text and JSON, previews by a draft, exit statuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Program

CUSTOMERS = "customer_no,name,segment,credit_limit\nC1,Alder,dealer,\nC2,Birch,dealer,50.00\nC3,Cedar,hospital,\n"
# On 10 March 2026: C1 30 days late, C2 15, C3 nothing overdue.
INVOICES = """invoice_no,customer_no,issue_date,due_date,amount
A1,C1,2026-01-09,2026-02-08,1234.50
B1,C2,2026-01-24,2026-02-23,70.00
H1,C3,2026-03-01,2026-03-31,900.00
"""


@pytest.fixture
def book(ready: Program, tmp_path: Path) -> Program:
    for kind, text in (("customers", CUSTOMERS), ("invoices", INVOICES)):
        (tmp_path / f"{kind}.csv").write_text(text, encoding="utf-8")
        ready("import", kind, tmp_path / f"{kind}.csv")
    return ready


def test_escalate_as_json_has_the_fixed_keys(book: Program) -> None:
    told = json.loads(book("escalate", "--preview", "--format", "json").stdout)
    assert told == [
        {"customer_no": "C1", "step": "stop_supply", "reasons": ["days_past_due"], "currency": "CNY", "overdue": "1234.50", "oldest_days": 30},
        {"customer_no": "C2", "step": "stop_credit", "reasons": ["days_past_due"], "currency": "CNY", "overdue": "70.00", "oldest_days": 15},
    ]


def test_escalate_as_text_says_why(book: Program) -> None:
    told = book("escalate")
    assert told.stdout.splitlines()[2].split("  ")[0] == "C1"
    assert "Stop supply" in told.stdout and "The oldest item is 30 days past due; this step is due from 30 days on." in told.stdout
    assert told.stderr == "2 proposals as of 2026-03-10.\n"
    assert "waiting" in book("escalate").stdout
    assert (
        book("escalate", "--as-of", "2026-03-09", status=1).stderr
        == "A round for 2026-03-09 would come before the latest one of 2026-03-10; use --preview to look at an earlier date.\n"
    )
    assert json.loads(book("escalate", "--as-of", "2026-02-09", "--preview", "--format", "json").stdout) == []


def test_escalate_by_a_draft_only_looks(book: Program, tmp_path: Path) -> None:
    draft = tmp_path / "draft.toml"
    shown = book("policy", "show").stdout
    draft.write_text(shown.replace("stop_credit = 15, stop_supply = 30", "stop_credit = 10, stop_supply = 14"), encoding="utf-8")
    told = json.loads(book("escalate", "--preview", "--policy", draft, "--format", "json").stdout)
    assert [(one["customer_no"], one["step"]) for one in told] == [("C1", "stop_supply"), ("C2", "stop_supply")]
    assert "--policy goes with --preview" in book("escalate", "--policy", draft, status=2).stderr
    assert "9 March" in book("escalate", "--as-of", "9 March", status=2).stderr


def test_supply_ends_with_0_only_for_a_yes(book: Program) -> None:
    """C3 owes nothing overdue; C2's limit of 50.00 is exceeded; C1 is proposed to be stopped once the round has run."""
    assert json.loads(book("supply", "C3", "--amount", "5", "--format", "json").stdout) == {"customer_no": "C3", "answer": "yes", "reasons": [], "as_of": "2026-03-10"}
    assert book("supply", "C1").stdout == "C1: May be supplied.\n"
    assert json.loads(book("supply", "C2", "--format", "json", status=1).stdout)["reasons"] == ["credit_limit"]
    book("escalate")
    assert book("supply", "C1", "--amount", "1", "--order", "SO-1", status=1).stdout == "C1: Ask a manager before supplying.\nA stop of supply is proposed and not decided.\n"


def test_supply_of_nobody_and_of_no_amount(book: Program) -> None:
    for arguments in (("C9",), ("C1", "--amount", "0"), ("C1", "--amount", "x")):
        told = book("supply", *arguments, status=1)
        assert (told.stdout, len(told.stderr.splitlines())) == ("", 1)
    book("supply", status=2)
