"""`collect verify` and `collect audit`: sound books, a changed row, an anchor that no longer fits."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from collect import settings
from collect.runtime import start
from tests.cli.conftest import Program


def by_hand(program: Program, statement: str) -> None:
    """Change the database behind the program's back."""
    runtime = start(settings.load(program.environment))
    with runtime.engine.begin() as connection:
        connection.exec_driver_sql(statement)
    runtime.engine.dispose()


def test_sound_books(ready: Program) -> None:
    assert ready("verify").stdout == "Everything adds up: control totals, allocations, audit chain.\n"
    assert json.loads(ready("verify", "--format", "json").stdout) == {"ok": True, "findings": []}
    assert ready("audit", "verify").stdout == "The audit chain is whole.\n"


@pytest.mark.parametrize("words", [("verify",), ("audit", "verify")], ids=" ".join)
def test_a_changed_audit_row_is_named(ready: Program, words: tuple[str, ...]) -> None:
    by_hand(ready, "UPDATE audit SET actor = 'somebody' WHERE seq = 1")
    assert ready(*words, status=1).stdout == "Audit row 1 was changed after it was written.\n"
    told = json.loads(ready(*words, "--format", "json", status=1).stdout)
    assert told["ok"] is False
    assert told["findings"] == [{"code": "audit_row", "seq": "1", "message": "Audit row 1 was changed after it was written."}]


def test_an_anchor_finds_a_history_that_was_written_anew(ready: Program, tmp_path: Path) -> None:
    """Whoever may change everything can recompute every hash; only what was kept elsewhere still tells."""
    anchor = tmp_path / "anchor.json"
    ready("audit", "anchor", anchor)
    kept = json.loads(anchor.read_text())
    assert kept.keys() == {"seq", "hash", "at"}
    assert ready("audit", "verify", "--anchor", anchor).stdout == "The audit chain is whole.\n"
    ready("user", "add", "li.na", "--role", "rep", "--password-file", ready.password_file)
    assert ready("audit", "verify", "--anchor", anchor).stdout == "The audit chain is whole.\n"
    anchor.write_text(json.dumps(kept | {"hash": "0" * 64}))
    assert ready("audit", "verify", "--anchor", anchor, status=1).stdout == f"Audit row {kept['seq']} is not the one in the anchor file.\n"


@pytest.mark.parametrize("content", [b"", b"[]", b'{"seq": "1"}', b"\xff\xfe\x00nonsense", b"{" * 2000])
def test_other_files_are_no_anchors(ready: Program, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "anchor").write_bytes(content)
    told = ready("audit", "verify", "--anchor", tmp_path / "anchor", status=1)
    assert told.stderr == "This is no anchor file; make one with `collect audit anchor FILE`.\n"
