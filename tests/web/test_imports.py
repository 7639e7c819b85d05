"""Imports: sending a file, only checking one, refusing a whole one, and the page of what became of each row."""

from __future__ import annotations

import io
import re
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
import xlsxwriter
from flask.testing import FlaskClient

from collect.domain.rights import ALL, SYSTEM, Actor, Role
from collect.runtime import Runtime
from collect.services import uploads, users, verify
from tests.web.conftest import PASSWORD, SignIn, post, token
from tests.web.reading import field_of
from tests.web.test_aging import get

INVOICES = """invoice_no,customer_no,issue_date,due_date,currency,amount,remark
N1,C001,2026-03-01,2026-04-01,CNY,100.00,x
N2,C999,2026-03-01,2026-04-01,CNY,100.00,x
N3,C001,2026-03-01,2026-04-01,CNY,1e3,x
N4,C001,2026-03-01,2026-02-01,CNY,100.00,x
N5,C001,2026-03-02,2026-04-01,CNY,200.00,x
"""


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reading of these short files is waited for to its end, however busy the machine is."""
    monkeypatch.setattr(uploads, "WAIT", 120.0)


def upload(client: FlaskClient, text: str | bytes, name: str = "march.csv", **fields: Any) -> Any:
    """The first step alone: the answer leads to the page of columns."""
    data = text.encode() if isinstance(text, str) else text
    return client.post("/imports/new", data={"csrf_token": token(client), "kind": "invoices", "file": (io.BytesIO(data), name), **fields})


def chosen(client: FlaskClient, path: str) -> dict[str, str]:
    """The form of the page of columns as a browser would send it unchanged."""
    html = client.get(path).get_data(as_text=True)
    form = html.split('<form id="placing"', 1)[1].split("</form>", 1)[0]
    named = re.findall(r'<select[^>]*name="([^"]+)"', form)
    return {name: field_of(form, name) for name in named}


def look(client: FlaskClient, path: str, **fields: str) -> Any:
    """The second step: the columns as they are proposed, or as `fields` say; the answer leads to what would happen."""
    return post(client, path, **chosen(client, path) | fields)


def send(client: FlaskClient, text: str | bytes, name: str = "march.csv", kind: str = "invoices", **fields: str) -> Any:
    """All steps; the answer leads to the result."""
    path = upload(client, text, name, kind=kind).headers["Location"]
    answer = look(client, path, **fields)
    assert answer.headers["Location"] == path + "/check", answer.get_data(as_text=True)
    taken = post(client, path + "/check")
    assert taken.headers["Location"] == path + "/check"
    return client.get(path + "/check")


def count(runtime: Runtime, table: str) -> int:
    with runtime.engine.connect() as connection:
        return int(connection.execute(sa.text(f"SELECT count(*) FROM {table}")).scalar() or 0)


def test_good_rows_go_in_and_refused_ones_are_told(filled: Runtime, sign_in: SignIn) -> None:
    """Two of five rows are good; the third person's column `remark` is named and ignored."""
    client = sign_in(Role.FINANCE)
    before = count(filled, "item")
    answer = send(client, INVOICES)
    assert answer.status_code == 303
    page = get(client, answer.headers["Location"])
    assert count(filled, "item") == before + 2
    assert "New 2 Changed 0 Unchanged 0 Refused 3" in page.text and "remark" in page.text
    assert [(row["Line"].text, row["Value"].text) for row in page.rows()] == [("3", "C999"), ("4", "1e3"), ("5", "2026-02-01")]
    assert page.rows()[0]["Reason"].text == "Customer C999 is not known; import the customer first."
    kept = client.get(answer.headers["Location"] + "/refused.csv")
    assert kept.data.startswith(b"\xef\xbb\xbfinvoice_no,customer_no,issue_date") and kept.data.count(b"\r\n") == 4
    assert kept.headers["Content-Disposition"].startswith("attachment")
    # The refused rows, corrected, go in as they are; the file again changes nothing.
    fixed = kept.data.decode("utf-8-sig").replace("C999", "C001").replace("1e3", "1000.00").replace("2026-02-01", "2026-05-01")
    answer = send(client, fixed)
    assert "New 3 Changed 0 Unchanged 0 Refused 0" in get(client, answer.headers["Location"]).text
    again = get(client, send(client, fixed).headers["Location"])
    assert "New 0 Changed 0 Unchanged 3 Refused 0" in again.text
    listed = get(client, "/imports")
    assert [(row["New"].text, row["Unchanged"].text, row["Refused"].text, row["By"].text) for row in listed.rows()[:3]] == [
        ("–", "3", "–", "fang"),
        ("3", "–", "–", "fang"),
        ("2", "–", "3", "fang"),
    ]


def test_looking_tells_each_row_and_changes_nothing(filled: Runtime, sign_in: SignIn) -> None:
    """A1 is in the books as it stands; A2 gets its order number; the others are those of INVOICES."""
    client = sign_in(Role.FINANCE)
    text = INVOICES + "A1,C001,2025-12-11,2026-01-10,CNY,1200.00,x\n"
    before = [count(filled, table) for table in ("item", "import_run", "audit")]
    path = upload(client, text).headers["Location"]
    assert look(client, path).status_code == 303
    page = get(client, path + "/check")
    assert "Nothing has been changed yet." in page.text and "New 2 Changed 0 Unchanged 1 Refused 3" in page.text and "Not read: remark" in page.text
    assert [(row["Line"].text, row["Becomes"].text, row["invoice_no"].text) for row in page.rows()] == [
        ("2", "New", "N1"),
        ("3", "Refused Customer C999 is not known; import the customer first.", "N2"),
        ("4", page.rows()[2]["Becomes"].text, "N3"),
        ("5", page.rows()[3]["Becomes"].text, "N4"),
        ("6", "New", "N5"),
        ("7", "Unchanged", "A1"),
    ]
    assert all(row["Becomes"].text.startswith("Refused ") for row in page.rows()[1:4])
    assert len(page.rows(1)) == 3
    assert [count(filled, table) for table in ("item", "import_run", "audit")] == before
    assert "Files that wait" in get(client, "/imports").text


def test_a_strict_file_goes_in_whole_or_not_at_all(filled: Runtime, sign_in: SignIn) -> None:
    client = sign_in(Role.FINANCE)
    before = count(filled, "item")
    path = upload(client, INVOICES).headers["Location"]
    look(client, path, strict="y")
    page = get(client, path + "/check")
    assert "The whole file would be refused" in page.text and "Refused 3" in page.text and "Take it in" not in page.text
    assert count(filled, "item") == before


def test_columns_are_placed_by_hand_saved_and_offered_again(filled: Runtime, sign_in: SignIn) -> None:
    """Headers that nobody knows: the page says what is missing; placed and saved, the next file is read by itself."""
    client = sign_in(Role.FINANCE)
    text = 'Nr,Wer,Tag,Ziel,Wieviel,X\nN1,C001,31/01/2026,02/03/2026,"1.234,50",a\nN2,C001,01/02/2026,03/03/2026,"7,00",b\n'
    path = upload(client, text).headers["Location"]
    page = get(client, path)
    assert "Still needed for this kind of file: invoice_no, customer_no, issue_date, amount." in page.text
    refused = look(client, path, **{"column-0": "invoice_no"})
    assert refused.status_code == 422 and "customer_no" in refused.get_data(as_text=True)
    # what was chosen is still chosen
    assert chosen(client, path)["column-0"] == "invoice_no"
    twice = look(client, path, **{"column-0": "amount", "column-4": "amount"})
    assert twice.status_code == 422 and "both mean amount" in twice.get_data(as_text=True)
    placed = {"column-0": "invoice_no", "column-1": "customer_no", "column-2": "issue_date", "column-3": "due_date", "column-4": "amount"}
    assert look(client, path, **placed, save_as="Haus").status_code == 303
    shown = get(client, path)
    assert "“31/01/2026” can only be: Day, month, year." in shown.text and "“1.234,50” has a decimal comma." in shown.text
    assert "New 2 Changed 0 Unchanged 0 Refused 0" in get(client, path + "/check").text
    assert post(client, path + "/check").status_code == 303
    assert "1,234.50" in get(client, "/invoices/N1").text
    second = upload(client, text.replace("N1", "N3").replace("N2", "N4").replace("Wer", "WER ")).headers["Location"]
    assert "Placed by the saved mapping “Haus”." in get(client, second).text
    assert {name: value for name, value in chosen(client, second).items() if value} == placed
    other = upload(client, "invoice_no,Wer\n1,2\n").headers["Location"]
    assert "Placed by" not in get(client, other).text and "Saved mapping" in get(client, other).text
    assert post(client, other + "/load", mapping="Haus").status_code == 303
    assert chosen(client, other)["column-1"] == "customer_no"


def test_a_sheet_is_chosen_and_a_kind_corrected(filled: Runtime, sign_in: SignIn) -> None:
    book = io.BytesIO()
    with xlsxwriter.Workbook(book, {"in_memory": True}) as made:
        made.add_worksheet("Notes").write_row(0, 0, ["nothing here"])
        sheet = made.add_worksheet("客户")
        sheet.write_row(0, 0, ["customer_no", "name"])
        sheet.write_row(1, 0, ["C777", "Seven"])
    client = sign_in(Role.FINANCE)
    path = upload(client, book.getvalue(), "book.xlsx").headers["Location"]
    assert "nothing here" in get(client, path).text
    again = post(client, path + "/read", kind="customers", sheet="客户", encoding="")
    assert again.headers["Location"] == path
    assert {name: value for name, value in chosen(client, path).items() if value} == {"column-0": "customer_no", "column-1": "name"}
    assert post(client, path + "/read", kind="customers", sheet="moon", encoding="").status_code == 422
    assert look(client, path).status_code == 303 and "New 1" in get(client, path + "/check").text
    post(client, path + "/check")
    assert "Seven" in get(client, "/customers/C777").text


def test_a_file_is_taken_in_once_looked_at_and_belongs_to_one_person(filled: Runtime, sign_in: SignIn) -> None:
    client = sign_in(Role.FINANCE)
    filled.write(SYSTEM, lambda work: users.add(work, "fei", "Fei Finance", Role.FINANCE, PASSWORD))
    path = upload(client, INVOICES).headers["Location"]
    other = sign_in("fei")
    assert [other.get(path + tail).status_code for tail in ("", "/check")] == [404, 404]
    assert [post(other, path + tail).status_code for tail in ("", "/check", "/read", "/load", "/drop")] == [404] * 5
    before = count(filled, "item")
    answer = post(client, path + "/check")
    assert answer.headers["Location"] == path + "/check" and count(filled, "item") == before
    assert client.get(path + "/check").headers["Location"] == path
    look(client, path)
    # a choice made after looking asks for another look
    uploads.choose(filled, uploads.find(filled, Actor("fang", 1, Role.FINANCE, ALL), path.rsplit("/", 1)[1]), [], None, None, False)
    assert client.get(path + "/check").headers["Location"] == path
    post(client, path + "/check")
    assert count(filled, "item") == before
    assert "was thrown away" in get(client, post(client, path + "/drop").headers["Location"]).text
    assert client.get(path).status_code == 404 and list((filled.settings.data_dir / "uploads").iterdir()) == []
    for bad in ("x", "a" * 32, "..%2f..%2fsecret", "0" * 31 + "/"):
        assert client.get(f"/imports/files/{bad}").status_code in (404, 308)


def test_a_long_reading_shows_its_progress_and_a_dead_one_says_so(filled: Runtime, sign_in: SignIn) -> None:
    client = sign_in(Role.FINANCE)
    path = upload(client, INVOICES).headers["Location"]
    look(client, path)
    shelf, key = uploads.shelf(filled), path.rsplit("/", 1)[1]
    note = shelf.job(key)
    assert note is not None
    # another process took it up a moment ago
    started = filled.clock()
    busy = note | {"what": "take", "state": "running", "process": "other", "rows": 2000, "total": 5000, "started": started.isoformat(), "beat": started.isoformat()}
    shelf.save_job(key, busy)
    page = get(client, path + "/check")
    assert "The file is being taken in." in page.text and "2,000 of 5,000 rows" in page.text
    block = client.get(path + "/check", headers={"X-Block": "progress"})
    assert block.headers["X-Block"] == "progress" and "<html" not in block.get_data(as_text=True)
    assert client.get(path).headers["Location"] == path + "/check"
    assert "wait until that is done" in client.get(post(client, path + "/drop").headers["Location"]).get_data(as_text=True)
    # it has not been heard of for an hour, and nothing is in the books
    shelf.save_job(key, busy | {"beat": (started - timedelta(hours=1)).isoformat()})
    assert client.get(path + "/check").headers["Location"] == path
    assert "The program stopped while the file was being read, so nothing was changed" in get(client, path).text
    # the same, but the file had gone in before the process ended
    look(client, path)
    post(client, path + "/check")
    shelf.save_job(key, busy | {"beat": (started - timedelta(hours=1)).isoformat()})
    assert client.get(path + "/check").headers["Location"].startswith("/imports/")


def test_an_import_is_undone_with_a_reason(filled: Runtime, sign_in: SignIn) -> None:
    client = sign_in(Role.FINANCE)
    result = send(client, INVOICES).headers["Location"]
    assert (f"{result}/undo", "Undo this import") in get(client, result).links
    page = get(client, f"{result}/undo")
    assert "The numbers stay taken" in page.text
    assert post(client, f"{result}/undo", reason=" ").status_code == 422
    done = post(client, f"{result}/undo", reason="last year's file")
    assert done.headers["Location"] == result
    shown = get(client, result)
    assert "2 documents voided, 0 allocations taken back" in shown.text and "last year's file" in shown.text and "Undo this import" not in shown.text
    assert "undone" in get(client, "/imports").rows()[0]["File"].text
    history = get(client, "/invoices/N1")
    assert "Came with" in history.text and "last year's file" in history.text and "Voided" in history.text
    again = client.post(f"{result}/undo", data={"csrf_token": token(client), "reason": "again"})
    assert again.status_code == 422 and "was undone already" in again.get_data(as_text=True)
    customers = next(row["File"].href for row in get(client, "/imports").rows() if row["Held"].text == "Customers")
    assert "cannot be undone as a whole: nothing is deleted here" in get(client, f"{customers}/undo").text
    assert verify.verify(filled) == []


@pytest.mark.parametrize(
    ("content", "name", "fields", "sentence"),
    [
        (b"", "empty.csv", {}, "empty.csv"),
        (b"%PDF-1.7 nothing", "x.pdf", {}, "PDF"),
        (INVOICES, "a.csv", {"encoding": "klingon"}, "Not a valid choice"),
        (INVOICES, "a.csv", {"kind": "moon"}, "Not a valid choice"),
        ('invoice_no,customer_no,issue_date,amount\n"N1,C001,2026-03-01,5\n', "q.csv", {}, "2"),
    ],
)
def test_a_file_that_cannot_be_read_gets_one_sentence(filled: Runtime, sign_in: SignIn, content: str | bytes, name: str, fields: dict[str, str], sentence: str) -> None:
    """Nothing of it is kept."""
    client = sign_in(Role.FINANCE)
    answer = upload(client, content, name, **fields)
    html = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert sentence in html and ('role="alert"' in html or 'class="wrong"' in html)
    folder = filled.settings.data_dir / "uploads"
    assert not folder.exists() or list(folder.iterdir()) == []


def test_ambiguous_dates_are_settled_by_the_form(filled: Runtime, sign_in: SignIn) -> None:
    client = sign_in(Role.FINANCE)
    text = "invoice_no,customer_no,issue_date,due_date,currency,amount\nN1,C001,03/04/2026,05/04/2026,CNY,5\n"
    path = upload(client, text).headers["Location"]
    assert "“03/04/2026” can be read in two ways" in get(client, path).text
    look(client, path)
    assert client.get(path + "/check").headers["Location"] == path
    html = client.get(path).get_data(as_text=True)
    assert 'aria-invalid="true"' in html and "2026-04-03" in html
    assert look(client, path, dates="dmy").status_code == 303
    assert post(client, path + "/check").status_code == 303
    assert "2026-04-05" in get(client, "/invoices/N1").text


def test_no_file_is_said_beside_the_field(filled: Runtime, sign_in: SignIn) -> None:
    client = sign_in(Role.FINANCE)
    answer = client.post("/imports/new", data={"csrf_token": token(client), "kind": "invoices"})
    assert answer.status_code == 422 and "Choose a file." in answer.get_data(as_text=True)


def test_a_file_larger_than_allowed_is_refused_before_it_is_read(filled: Runtime, sign_in: SignIn, app: Any) -> None:
    client = sign_in(Role.FINANCE)
    app.config["MAX_CONTENT_LENGTH"] = 5000
    answer = upload(client, "x" * 6000)
    assert answer.status_code == 413
    assert "larger than the program accepts" in answer.get_data(as_text=True)
    assert count(filled, "import_run") == 5


def test_runs_that_do_not_exist_and_files_that_were_not_kept(filled: Runtime, sign_in: SignIn) -> None:
    client = sign_in(Role.FINANCE)
    run = get(client, "/imports").rows()[0]["File"].href
    assert client.get(f"{run}/refused.csv").status_code == 404
    for path in ("/imports/999999", "/imports/99999999999999999999999", "/imports/0", "/imports/999999/refused.csv"):
        assert client.get(path).status_code == 404


def test_only_finance_imports(filled: Runtime, sign_in: SignIn) -> None:
    for who in (Role.REP, Role.LEAD, Role.MANAGER, Role.AUDITOR, Role.ADMIN):
        client = sign_in(who)
        assert client.get("/imports").status_code == 403
        assert upload(client, INVOICES).status_code == 403
    assert count(filled, "import_run") == 5
