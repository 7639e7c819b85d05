"""`collect import einvoice`: e-invoices of any form from the shell, in words and JSON, once each."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import Program
from tests.exchange.test_einvoices import digital, ubl


def test_files_become_drafts_once_and_a_refused_one_does_not_stop_the_others(ready: Program, tmp_path: Path) -> None:
    """The suffix says nothing: the UBL is called .pdf and the OFD .xml."""
    first, second, bad = tmp_path / "one.pdf", tmp_path / "two.xml", tmp_path / "bad.xml"
    first.write_bytes(ubl(number="N1"))
    second.write_bytes(digital("1130.00"))
    bad.write_text('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>')
    told = ready("import", "einvoice", bad, first, second, status=1)
    assert told.stdout == f"{first}: draft N1, for nobody known.\n{second}: draft 25117000000123456789, for nobody known.\n"
    assert str(bad) in told.stderr and "cannot be checked whether that is" in told.stderr, "N1 names no seller"
    assert "The seller is 澄远医疗, and we are 华北医疗器械有限公司: it may be an invoice that we have to pay." in told.stderr
    again = json.loads(ready("import", "einvoice", first, "--format", "json").stdout)
    assert (again["new"], again["number"], again["kind"], again["fields"]["payable"], again["errors"]) == (False, "N1", "invoice", "10.00", [])
    both = json.loads(ready("import", "einvoice", first, bad, "--format", "json", status=1).stdout)
    assert [bool(one["errors"]) for one in both] == [False, True] and both[1]["number"] is None
