"""`collect month`: close, open again with a reason, list."""

from __future__ import annotations

import json

from tests.cli.conftest import Program


def test_close_open_and_list(ready: Program) -> None:
    """It is 10 March 2026: February can be closed, March cannot."""
    assert ready("month", "list").stdout == "No month is closed.\n"
    assert ready("month", "close", "2026-02").stdout == "2026-02 is closed.\n"
    assert ready("month", "close", "2026-01", "--reason", "year end").stdout == "2026-01 is closed.\n"
    assert ready("month", "list").stdout == "2026-01\n2026-02\n"
    assert ready("month", "open", "2026-02", "--reason", "late statement").stdout == "2026-02 is open again.\n"
    assert json.loads(ready("month", "list", "--format", "json").stdout) == ["2026-01"]


def test_what_cannot_be_closed_or_opened(ready: Program) -> None:
    for month in ("2026-03", "2026-13", "March"):
        told = ready("month", "close", month, status=1)
        assert (told.stdout, len(told.stderr.splitlines())) == ("", 1)
    assert ready("month", "open", "2026-02", "--reason", "x", status=1).stdout == ""
    ready("month", "open", "2026-02", status=2)
