"""Files that wait to be taken in: how many, how long, how large; what is kept of a file that is none; what became of rows."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from collect import sentences
from collect.domain.errors import Refusal
from collect.domain.rights import SYSTEM
from collect.exchange import columns
from collect.runtime import Runtime
from collect.services import imports, undo, uploads, verify
from collect.storage import uploads as storage
from tests.conftest import FixedClock
from tests.taking_in import counts, take_in

INVOICES = "invoice_no,customer_no,issue_date,due_date,amount\nI1,C1,2026-03-01,2026-04-01,5\n"


def receive(runtime: Runtime, text: str | bytes, name: str = "a.csv", kind: str = "invoices") -> uploads.Upload:
    content = text.encode() if isinstance(text, str) else text
    return uploads.receive(runtime, SYSTEM, kind, name, lambda path: path.write_bytes(content))


def kept(runtime: Runtime) -> list[Path]:
    folder = runtime.settings.data_dir / "uploads"
    return sorted(folder.iterdir()) if folder.exists() else []


def test_a_person_has_few_files_waiting_and_each_for_a_day(sqlite_runtime: Runtime, clock: FixedClock) -> None:
    """The sixth takes the place of the first; a day later all are gone when the next one comes, and so are stray bytes."""
    first = receive(sqlite_runtime, INVOICES, "../../etc/passwd")
    assert first.name == "../../etc/passwd" and {path.stem for path in kept(sqlite_runtime)} == {first.token}
    assert [path.stat().st_mode & 0o077 for path in kept(sqlite_runtime)] == [0, 0]
    others = [receive(sqlite_runtime, INVOICES) for _ in range(5)]
    assert {path.stem for path in kept(sqlite_runtime)} == {upload.token for upload in others}
    place = uploads.shelf(sqlite_runtime)
    assert place.find("somebody", others[0].token) is None and place.find("system", "../secret") is None
    stray = place.receive()
    clock.now += timedelta(days=3650)
    latest = receive(sqlite_runtime, INVOICES)
    assert {path.stem for path in kept(sqlite_runtime)} == {latest.token} and not stray.exists()


def test_the_room_for_waiting_files_is_bounded(tmp_path: Path, clock: FixedClock) -> None:
    """Four times the largest file: 40 bytes here. What others have waiting is never thrown away for one's own."""
    shelf = storage.Shelf(tmp_path / "uploads", 10)

    def put(owner: str, size: int) -> storage.Upload:
        path = shelf.receive()
        path.write_bytes(b"x" * size)
        return shelf.put(owner, "f", "invoices", path, clock())

    mine = [put("me", 10), put("me", 10)]
    put("you", 15)
    put("me", 10)
    assert shelf.find("me", mine[0].token) is None and shelf.find("me", mine[1].token) is not None
    put("you", 10)
    with pytest.raises(Refusal, match="uploads_full"):
        put("third", 25)
    assert len(shelf.waiting("me")) == 2 and len(shelf.waiting("you")) == 1


def test_naughty_files_are_refused_and_nothing_is_kept(sqlite_runtime: Runtime, shared: Path) -> None:
    """Every file of the collection, as every kind, by the page's first step and by the command's way in."""
    files = sorted(path for path in (shared / "naughty").rglob("*") if path.is_file())
    assert len(files) > 30
    for path in files:
        for kind in imports.KINDS:
            with pytest.raises(Refusal) as refused:
                imports.run(sqlite_runtime, SYSTEM, kind, path, path.name, imports.Options())
            assert sentences.say(refused.value) != str(refused.value)
        try:
            upload = receive(sqlite_runtime, path.read_bytes(), path.name)
        except Refusal:
            continue
        with pytest.raises(Refusal, match="missing_column"):
            uploads.check_columns(upload)
        uploads.forget(sqlite_runtime, SYSTEM, upload)
    assert kept(sqlite_runtime) == []
    with sqlite_runtime.read(SYSTEM) as view:
        assert view.session.scalar(sa.text("SELECT count(*) FROM import_run")) == 0


def test_naughty_strings_as_rows_are_looked_at_and_refused(sqlite_runtime: Runtime, shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of the strings as customer, amount and text of an invoice: every row is refused for a reason, in every language."""
    monkeypatch.setattr(uploads, "WAIT", 120.0)
    strings = json.loads((shared / "naughty" / "blns.json").read_text(encoding="utf-8"))
    rows = ['"{0}","{0}",2026-03-01,2026-04-01,"{0}"'.format(text.replace('"', '""').replace("\0", "")) for text in strings if text.strip() and not set(text) & set("\r\n")]
    try:
        upload = receive(sqlite_runtime, "invoice_no,customer_no,issue_date,due_date,amount\n" + "\n".join(rows) + "\n")
    except Refusal as refusal:
        # the strings read as UTF-8 and as a Chinese encoding alike: then the encoding is asked for
        assert refusal.code == "ambiguous_encoding"
        content = ("invoice_no,customer_no,issue_date,due_date,amount\n" + "\n".join(rows) + "\n").encode()
        upload = uploads.receive(sqlite_runtime, SYSTEM, "invoices", "a.csv", lambda path: path.write_bytes(content), "utf-8")
    asked = uploads.start(sqlite_runtime, SYSTEM, upload, "check")
    # among them are 1.00 and 0,00
    assert (asked.state, asked.about) == ("refused", "decimal") and "decimal comma (0,00)" in asked.told["en"]
    uploads.choose(sqlite_runtime, upload, upload.choices["columns"], None, ".", False)
    job = uploads.start(sqlite_runtime, SYSTEM, upload, "check")
    assert job.state == "done", job.told
    for told in job.told.values():
        assert (told["new"], told["changed"], told["unchanged"], told["refused"]) == (0, 0, 0, len(rows))
        assert len(told["preview"]) == uploads.PREVIEWED and all(row["reason"] for row in told["preview"])
    assert json.loads(json.dumps(job.told)) == job.told


def test_what_becomes_of_rows_that_belong_together(sqlite_runtime: Runtime) -> None:
    """Line by line: I1 stands twice (new, then unchanged); R1 settles two invoices, R2 the same twice; R3 reaches for nothing."""
    take_in(sqlite_runtime, "customers", "customer_no,name\nC1,甲\n")
    text = INVOICES + "I1,C1,2026-03-01,2026-04-01,5\nI2,C1,2026-03-01,2026-04-01,7\nI3,C9,2026-03-01,2026-04-01,7\n"
    result = imports.run(sqlite_runtime, SYSTEM, "invoices", text.encode(), "i.csv", imports.Options(dry_run=True, preview=50))
    assert [(row.line, row.outcome) for row in result.preview] == [(2, "new"), (3, "unchanged"), (4, "new"), (5, "refused")]
    assert result.run_id is None and result.preview[3].refusal is not None and result.preview[3].refusal.code == "unknown_customer"
    take_in(sqlite_runtime, "invoices", text)
    paid = """payment_ref,customer_no,date,amount,invoice_no,allocated
R1,C1,2026-03-05,8,I1,5
R3,C1,2026-03-05,1,I9,1
R1,C1,2026-03-05,8,I2,3
R2,C1,2026-03-06,2,I2,2
R2,C1,2026-03-06,2,I2,2
"""
    looked = imports.run(sqlite_runtime, SYSTEM, "payments", paid.encode(), "p.csv", imports.Options(dry_run=True, preview=3))
    assert [(row.line, row.outcome) for row in looked.preview] == [(2, "new"), (3, "refused"), (4, "new")]
    taken = take_in(sqlite_runtime, "payments", paid)
    assert counts(looked) == counts(taken) == (4, 0, 0, 1) and taken.preview == []
    assert verify.verify(sqlite_runtime) == []


def test_rows_that_wait_are_sorted_outside_memory_with_the_same_outcome(sqlite_runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twelve receipts reach for one invoice of 60.00, in runs of two: the first ten by date take 6.00 each, two find nothing left."""
    monkeypatch.setattr(imports.sorting, "RUN", 2)
    take_in(sqlite_runtime, "customers", "customer_no,name\nC1,甲\n")
    take_in(sqlite_runtime, "invoices", "invoice_no,customer_no,issue_date,due_date,amount\nI1,C1,2026-01-01,2026-02-01,60\n")
    days = [7, 3, 12, 1, 9, 5, 11, 2, 10, 4, 8, 6]
    rows = "".join(f"R{day:02d},C1,2026-02-{day:02d},6,I1,\n" for day in days)
    take_in(sqlite_runtime, "payments", "payment_ref,customer_no,date,amount,invoice_no,allocated\n" + rows)
    with sqlite_runtime.read(SYSTEM) as view:
        left = view.session.execute(sa.text("SELECT number, open_minor FROM credit WHERE open_minor > 0 ORDER BY number")).all()
    assert [tuple(row) for row in left] == [("R11", 600), ("R12", 600)]
    assert verify.verify(sqlite_runtime) == []


def test_columns_are_guessed_without_refusing_and_placed_with() -> None:
    headers = ["发票号", "invoice no", "客户编号", "what", "金额"]
    assert columns.guess("invoices", headers) == ("invoice_no", "", "customer_no", "", "amount")
    assert columns.guess("invoices", headers, {"what": "issue_date", "金额": "", "x": "amount"}) == ("invoice_no", "", "customer_no", "issue_date", "")
    assert columns.lacking("invoices", ("invoice_no", "amount")) == ("customer_no", "issue_date")
    placed = columns.place("invoices", headers, ["", "invoice_no", "customer_no", "issue_date", "amount"])
    assert dict(placed.index) == {"invoice_no": 1, "customer_no": 2, "issue_date": 3, "amount": 4} and placed.ignored == ("发票号",)
    for keys, code in ((["invoice_no", "invoice_no"], "duplicate_column"), (["moon"], "unknown_column"), ([], "missing_column")):
        with pytest.raises(Refusal, match=code):
            columns.place("invoices", headers, keys)


def test_a_file_goes_all_the_way_in_its_own_thread(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    """On both engines: looked at, taken in, its bytes gone, undone; and another choice asks for another look."""
    monkeypatch.setattr(uploads, "WAIT", 120.0)
    take_in(runtime, "customers", "customer_no,name\nC1,甲\n")
    upload = receive(runtime, INVOICES)
    with pytest.raises(Refusal, match="upload_unchecked"):
        uploads.start(runtime, SYSTEM, upload, "take")
    looked = uploads.start(runtime, SYSTEM, upload, "check")
    assert (looked.state, looked.rows, looked.total, looked.run_id, looked.told["zh"]["new"]) == ("done", 1, 1, None, 1)
    uploads.choose(runtime, upload, upload.choices["columns"], "ymd", None, True)
    with pytest.raises(Refusal, match="upload_unchecked"):
        uploads.start(runtime, SYSTEM, upload, "take")
    uploads.start(runtime, SYSTEM, upload, "check")
    taken = uploads.start(runtime, SYSTEM, upload, "take")
    assert taken.state == "done" and taken.run_id is not None and not uploads.shelf(runtime).path(upload.token).exists()
    with pytest.raises(Refusal, match="upload_gone"):
        uploads.start(runtime, SYSTEM, upload, "check")
    run_id = taken.run_id
    assert runtime.write(SYSTEM, lambda work: undo.undo(work, run_id, "a trial")).items == 1
    assert verify.verify(runtime) == []
