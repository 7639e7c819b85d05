"""Naughty files, texts and amounts through the doors of the pages: refused with a reason or stored exactly, nothing half-stored."""

from __future__ import annotations

import csv
import io
import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from python_calamine import CalamineWorkbook

from collect import sentences
from collect.domain.errors import Refusal
from collect.domain.rights import SYSTEM, Role
from collect.exchange import export
from collect.runtime import Runtime
from collect.services import bank, bank_tables, drafts, imports, uploads, verify
from collect.storage.adjustments import Adjustment, Rebate
from collect.storage.bank import BankLine
from collect.storage.cash import Credit
from tests.documents import reading as pdfs
from tests.taking_in import counts, take_in
from tests.web.conftest import SignIn, post

NOTHING = ("bank_account", "bank_line", "bank_statement", "draft", "import_run")


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "WAIT", 120.0)


def kept(runtime: Runtime) -> dict[str, int]:
    with runtime.engine.connect() as connection:
        return {table: int(connection.execute(sa.text(f"SELECT count(*) FROM {table}")).scalar() or 0) for table in NOTHING}


def test_every_naughty_file_is_refused_as_bank_statement_and_e_invoice(sqlite_runtime: Runtime, shared: Path) -> None:
    """By command and by the steps of the page, in little time, with a sentence; what can be looked at has no columns that fit."""
    before = time.process_time()
    for path in sorted(path for path in (shared / "naughty").rglob("*") if path.is_file()):
        for door in (lambda file: bank.take_in(sqlite_runtime, SYSTEM, file, file.name, "A1"), lambda file: drafts.take_in(sqlite_runtime, SYSTEM, file, file.name)):
            with pytest.raises(Refusal) as refused:
                door(path)
            assert sentences.say(refused.value) != str(refused.value), path
        content = path.read_bytes()
        try:
            upload = bank_tables.receive(sqlite_runtime, SYSTEM, path.name, lambda target, content=content: target.write_bytes(content), "A1")
        except Refusal as told:
            assert sentences.say(told) != str(told), path
            continue
        with pytest.raises(Refusal):
            bank_tables.check(upload)
        uploads.forget(sqlite_runtime, SYSTEM, upload)
    assert set(kept(sqlite_runtime).values()) == {0} and time.process_time() - before < 20
    assert not [path for path in (sqlite_runtime.settings.data_dir / "uploads").glob("*") if path.is_file()]


def naughty(shared: Path) -> list[str]:
    """The strings that a form or a cell can hold: with something in them."""
    return [text for text in json.loads((shared / "naughty" / "blns.json").read_text(encoding="utf-8")) if text.strip()]


def test_naughty_texts_of_a_bank_are_kept_as_they_are(runtime: Runtime, shared: Path) -> None:
    """Payer and narrative of a line each; white space is made single and the quotes that banks put round cells go, nothing else; NUL alone is left out."""
    texts = [*naughty(shared), "a\0b"]
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["交易日期", "收入", "支出", "币种", "对方户名", "附言"])
    writer.writerows(["2026-03-09", str(n + 1), "", "CNY", text, f"x {text} x"] for n, text in enumerate(texts))
    taken = bank.take_in(runtime, SYSTEM, out.getvalue().encode(), "naughty.csv", "A1")
    assert (taken.lines, taken.left_out) == (len(texts), 0)
    with runtime.read(SYSTEM) as view:
        lines = {line.amount_minor // 100: line for line in view.session.scalars(sa.select(BankLine))}
    assert len(lines) == len(texts)
    for n, text in enumerate(texts):
        expected = re.sub(r"\s+", " ", f"x {text} x").strip().replace("\0", "")
        assert lines[n + 1].narrative == expected[:2000], text
        assert (lines[n + 1].payer or "") in text.replace("\0", "").strip()[:200]


def test_naughty_texts_in_forms_are_kept_exactly_or_refused_with_a_sentence(filled: Runtime, sign_in: SignIn, shared: Path) -> None:
    """A rebate's note, an adjustment's, a draft's reason to be put aside: each of the strings once, then one with a NUL."""
    client = sign_in(Role.FINANCE)
    texts = naughty(shared)[::16]
    for text in texts:
        answer = post(client, "/customers/C001/rebates", side="earned", day="2026-03-01", amount="0.01", currency="CNY", note=text)
        assert answer.status_code in (303, 422), text
        answer = post(client, "/invoices/A2/ask", what="write_off:uncollectable", amount="0.01", note=text)
        assert answer.status_code in (303, 422), text
    with filled.read(SYSTEM) as view:
        notes = set(view.session.scalars(sa.select(Rebate.note))) | set(view.session.scalars(sa.select(Adjustment.note)))
    wanted = {text.strip().replace("\r\n", "\n") for text in texts}
    assert notes and not {note for note in notes if note not in wanted and not any(text.startswith(note) for text in wanted)}
    for path, fields in (
        ("/customers/C001/rebates", {"side": "earned", "day": "2026-03-01", "amount": "0.01", "currency": "CNY", "note": "a\0b"}),
        ("/invoices/A2/ask", {"what": "write_off:uncollectable", "amount": "0.01", "note": "a\0b"}),
        ("/statements/new", {"customer": "C001\0", "kind": "confirm", "language": "zh"}),
    ):
        answer = post(client, path, **fields)
        assert answer.status_code == 422 and "contains control characters" in answer.get_data(as_text=True)
    assert verify.verify(filled) == []


LARGEST = (
    ("CNY", "9999999999999999.99", "9,999,999,999,999,999.99"),
    ("JPY", "9999999999999999", "9,999,999,999,999,999"),
    ("KWD", "999999999999999.999", "999,999,999,999,999.999"),
)


@pytest.mark.parametrize(("currency", "amount", "shown"), LARGEST)
def test_the_largest_amounts_go_through_every_door_exactly(filled: Runtime, sign_in: SignIn, currency: str, amount: str, shown: str) -> None:
    """Imported, adjusted, received by hand, stated, aged, in vouchers: on paper, as CSV, and in a workbook as text, for it has more than 15 digits."""
    finance, manager = sign_in(Role.FINANCE), sign_in(Role.MANAGER)
    take_in(filled, "customers", f"customer_no,name,terms,currency\nBIG,Big,NET30,{currency}\n")
    head = "invoice_no,customer_no,issue_date,due_date,currency,amount\n"
    assert counts(take_in(filled, "invoices", f"{head}L1,BIG,2026-02-01,2026-02-15,{currency},{amount}\n")) == (1, 0, 0, 0)
    for form in ("csv", "xlsx", "pdf"):
        for path in ("/aging?customer=BIG", "/journal?since=2026-02-01&until=2026-02-28", "/journal?what=control", "/invoices?q=L1"):
            answer = finance.get(f"{path}&format={form}")
            assert answer.status_code == 200, (path, form)
            if "control" not in path or currency != "CNY":  # other yuan are in the control's sums
                assert told(answer.data, form, shown if form == "pdf" else amount), (path, form)
    made = post(finance, "/statements/new", customer="BIG", kind="confirm", language="en")
    assert f"{currency} {shown}" in pdfs.text(finance.get(made.headers["Location"] + "/pdf").data)
    asked = post(manager, "/invoices/L1/ask", what="write_off:uncollectable", amount=amount, note="gone")
    assert asked.status_code == 303 and shown in manager.get(asked.headers["Location"]).get_data(as_text=True)
    fields = {"day": "2026-03-10", "currency": currency, "method": "transfer", "reason": ""}
    pay = re.findall(r'name="(pay-\d+)"[^>]*of L1', finance.get("/customers/BIG/receipt").get_data(as_text=True))[0]
    received = post(finance, "/customers/BIG/receipt", number="B-1", amount=amount, **fields, **{pay: amount})
    assert received.status_code == 303 and shown in finance.get(received.headers["Location"]).get_data(as_text=True)
    with filled.read(SYSTEM) as view:
        minor = view.session.scalars(sa.select(Credit.amount_minor).where(Credit.number == "B-1")).one()
    assert str(minor) == amount.replace(".", "")
    beyond = {"CNY": "92233720368547758.08", "JPY": "9223372036854775808", "KWD": "9223372036854775.808"}[currency]
    refused = post(finance, "/customers/BIG/receipt", number="B-2", amount=beyond, **fields)
    assert refused.status_code == 422 and beyond in refused.get_data(as_text=True)
    assert post(finance, "/customers/BIG/rebates", side="earned", day="2026-03-01", amount=beyond, currency=currency, note="x").status_code == 422
    table = f"账号：77\n交易日期,收入,支出,币种\n2026-03-09,{amount},,{currency}\n"
    assert bank.take_in(filled, SYSTEM, table.encode(), "big.csv").new == 1
    with pytest.raises(Refusal, match="bad_statement_line"):
        bank.take_in(filled, SYSTEM, table.replace(amount, beyond).encode(), "beyond.csv")
    assert verify.verify(filled) == []


def told(data: bytes, form: str, amount: str) -> bool:
    """Whether the amount stands in the file, exactly: in a workbook as text."""
    if form == "pdf":
        return amount in "".join(pdfs.text(data).split()) or amount in pdfs.text(data)
    if form == "csv":
        return amount in [cell.lstrip("-") for row in csv.reader(io.StringIO(data.decode("utf-8-sig"))) for cell in row]
    book = CalamineWorkbook.from_filelike(io.BytesIO(data))
    return amount in [cell for name in book.sheet_names for row in book.get_sheet_by_name(name).to_python() for cell in row]


FORMULAS = ("=1+1", "+1+1", "-1+1", "@SUM(1)", "\t=1+1", "＝1+1")


def test_formulas_are_text_in_every_export(filled: Runtime, sign_in: SignIn) -> None:
    """As customer, name, number and text, through every list that can be taken away: no cell of a CSV begins with a formula, no workbook holds one."""
    client: FlaskClient = sign_in(Role.FINANCE)
    rows = "".join(f'"{text.strip()}{n}","{text.strip()}",NET30,x{n}@a.example\n' for n, text in enumerate(FORMULAS))
    assert not take_in(filled, "customers", f"customer_no,name,terms,email\n{rows}").refused
    rows = "".join(f'"{text.strip()}",C001,2026-02-{n + 1:02d},2026-02-{n + 10},{n + 1},"{text.strip()}"\n' for n, text in enumerate(FORMULAS[:4]))
    assert not take_in(filled, "invoices", f"invoice_no,customer_no,issue_date,due_date,amount,description\n{rows}").refused
    paths = ("/aging", "/aging?by=item", "/customers", "/invoices", "/promises", "/journal?since=2026-02-01&until=2026-03-31", "/journal?what=control")
    seen = 0
    for path in paths:
        for form in ("csv", "xlsx"):
            answer = client.get(f"{path}{'&' if '?' in path else '?'}format={form}")
            assert answer.status_code == 200, path
            cells = texts_of(answer.data, form)
            seen += sum("1+1" in cell for cell in cells)
            if form == "csv":
                assert not [cell for cell in cells if export.is_formula(cell) and not re.fullmatch(r"-[0-9.]+", cell)], path
            else:
                assert b"<f>" not in b"".join(parts(answer.data)), path
    assert seen > 20


def test_refused_rows_are_text_and_come_back_as_they_were(filled: Runtime, sign_in: SignIn) -> None:
    """Every cell of the file of refused rows is guarded, a negative amount is not; corrected and sent back, each text is what it was."""
    client = sign_in(Role.FINANCE)
    rows = "".join(f'"F{n}",C999,2026-03-01,2026-04-01,5,"{text.strip()}"\n' for n, text in enumerate((*FORMULAS, "'=1", "''+2", "plain", "-3.50")))
    result = take_in(filled, "invoices", f"invoice_no,customer_no,issue_date,due_date,amount,description\n{rows}")
    text = client.get(f"/imports/{result.run_id}/refused.csv").data.decode("utf-8-sig")
    cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
    assert not [cell for cell in cells if export.is_formula(cell) and cell != "-3.50"] and "'=1+1" in cells and "''=1" in cells and "-3.50" in cells
    again = imports.run(filled, SYSTEM, "invoices", text.replace("C999", "C001").encode(), "again.csv", imports.Options())
    assert counts(again) == (10, 0, 0, 0)
    with filled.engine.connect() as connection:
        kept_texts = dict(connection.execute(sa.text("SELECT document_no, description FROM item WHERE document_no LIKE 'F%'")).all())  # type: ignore[arg-type]
    assert [kept_texts[f"F{n}"] for n in range(10)] == [*(text.strip() for text in FORMULAS), "'=1", "''+2", "plain", "-3.50"]


def texts_of(data: bytes, form: str) -> list[str]:
    if form == "csv":
        return [cell for row in csv.reader(io.StringIO(data.decode("utf-8-sig"))) for cell in row]
    book: Any = CalamineWorkbook.from_filelike(io.BytesIO(data))
    return [cell for name in book.sheet_names for row in book.get_sheet_by_name(name).to_python() for cell in row if isinstance(cell, str)]


def parts(data: bytes) -> list[bytes]:
    import zipfile

    with zipfile.ZipFile(io.BytesIO(data)) as book:
        return [book.read(name) for name in book.namelist() if name.startswith("xl/worksheets/")]
