"""Imports: sending a file, only checking one, refusing a whole one, and the page of what became of each row."""

from __future__ import annotations

import io
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from collect.domain.rights import Role
from collect.runtime import Runtime
from tests.web.conftest import SignIn, token
from tests.web.reading import read
from tests.web.test_aging import get

INVOICES = """invoice_no,customer_no,issue_date,due_date,currency,amount,remark
N1,C001,2026-03-01,2026-04-01,CNY,100.00,x
N2,C999,2026-03-01,2026-04-01,CNY,100.00,x
N3,C001,2026-03-01,2026-04-01,CNY,1e3,x
N4,C001,2026-03-01,2026-02-01,CNY,100.00,x
N5,C001,2026-03-02,2026-04-01,CNY,200.00,x
"""


def send(client: FlaskClient, text: str | bytes, name: str = "march.csv", **fields: Any) -> Any:
    data = text.encode() if isinstance(text, str) else text
    return client.post("/imports/new", data={"csrf_token": token(client), "kind": "invoices", "file": (io.BytesIO(data), name), **fields})


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


def test_only_checking_changes_nothing(filled: Runtime, sign_in: SignIn) -> None:
    client = sign_in(Role.FINANCE)
    before = [count(filled, table) for table in ("item", "import_run", "audit")]
    answer = send(client, INVOICES, check="y")
    page = read(answer.get_data(as_text=True))
    assert answer.status_code == 200
    assert "only a check: nothing was changed" in page.text and "New 2 Changed 0 Unchanged 0 Refused 3" in page.text
    assert len(page.rows()) == 3
    assert [count(filled, table) for table in ("item", "import_run", "audit")] == before


def test_a_strict_file_goes_in_whole_or_not_at_all(filled: Runtime, sign_in: SignIn) -> None:
    client = sign_in(Role.FINANCE)
    before = count(filled, "item")
    answer = send(client, INVOICES, strict="y")
    page = read(answer.get_data(as_text=True))
    assert answer.status_code == 422 and "The whole file was refused" in page.text and "Refused 3" in page.text
    assert count(filled, "item") == before


@pytest.mark.parametrize(
    ("content", "name", "fields", "sentence"),
    [
        ("invoice_no,amount\nN1,5\n", "a.csv", {}, "customer_no"),
        (b"", "empty.csv", {}, "empty.csv"),
        (b"%PDF-1.7 nothing", "x.pdf", {}, "PDF"),
        ("invoice_no,customer_no,issue_date,due_date,amount\nN1,C001,03/04/2026,05/04/2026,5\n", "d.csv", {}, "03/04/2026"),
        (INVOICES, "a.csv", {"encoding": "klingon"}, "Not a valid choice"),
        (INVOICES, "a.csv", {"kind": "moon"}, "Not a valid choice"),
        ('invoice_no,customer_no,issue_date,amount\n"N1,C001,2026-03-01,5\n', "q.csv", {}, "2"),
    ],
)
def test_a_file_that_cannot_be_read_gets_one_sentence(filled: Runtime, sign_in: SignIn, content: str | bytes, name: str, fields: dict[str, str], sentence: str) -> None:
    client = sign_in(Role.FINANCE)
    before = [count(filled, table) for table in ("item", "import_run", "audit")]
    answer = send(client, content, name, **fields)
    html = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert sentence in html and ('role="alert"' in html or 'class="wrong"' in html)
    assert [count(filled, table) for table in ("item", "import_run", "audit")] == before


def test_ambiguous_dates_are_settled_by_the_form(filled: Runtime, sign_in: SignIn) -> None:
    client = sign_in(Role.FINANCE)
    text = "invoice_no,customer_no,issue_date,due_date,currency,amount\nN1,C001,03/04/2026,05/04/2026,CNY,5\n"
    answer = send(client, text, dates="dmy")
    assert answer.status_code == 303
    assert "2026-04-05" in get(client, "/invoices/N1").text


def test_no_file_is_said_beside_the_field(filled: Runtime, sign_in: SignIn) -> None:
    client = sign_in(Role.FINANCE)
    answer = client.post("/imports/new", data={"csrf_token": token(client), "kind": "invoices"})
    assert answer.status_code == 422 and "Choose a file." in answer.get_data(as_text=True)


def test_a_file_larger_than_allowed_is_refused_before_it_is_read(filled: Runtime, sign_in: SignIn, app: Any) -> None:
    client = sign_in(Role.FINANCE)
    app.config["MAX_CONTENT_LENGTH"] = 5000
    answer = send(client, "x" * 6000)
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
        assert send(client, INVOICES).status_code == 403
    assert count(filled, "import_run") == 5
