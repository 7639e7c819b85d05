"""A bank's table that nobody knows, by page: its columns placed, each line shown with what becomes of it, taken in, and the layout known from then on."""

from __future__ import annotations

import io
import re

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from collect.domain.rights import SYSTEM, Role
from collect.runtime import Runtime
from collect.services import bank, uploads, verify
from collect.storage.imports import Mapping
from tests.web.conftest import SignIn, post
from tests.web.test_aging import get
from tests.web.test_imports import chosen, count
from tests.web.test_imports import upload as send_import

HEAD = "Kontoauszug;;;;\nWann;Wer;Wieviel;Danach;Wozu\n"
# 100.00 + 1,200.50 = 1,300.50; - 35.00 = 1,265.50; + 0.50 = 1,266.00
TABLE = HEAD + "09.03.2026;Alpha GmbH;1.200,50;1.300,50;R 1\n10.03.2026;Strom AG;-35,00;1.265,50;Abschlag\n11.03.2026;Zins;0,50;1.266,00;\nSumme;;;;\n"
PLACED = {"column-0": "day", "column-1": "payer", "column-2": "amount", "column-3": "balance", "column-4": "narrative", "account": "DE77", "currency": "EUR", "dates": "dmy"}


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "WAIT", 120.0)


def send(client: FlaskClient, text: str, name: str = "bank.csv", **fields: str) -> str:
    """The first step; the answer leads to the page of columns."""
    answer = client.post("/bank/upload", data={"csrf_token": _token(client), "file": (io.BytesIO(text.encode()), name), **fields})
    assert answer.status_code == 303, answer.get_data(as_text=True)
    return str(answer.headers["Location"])


def _token(client: FlaskClient) -> str:
    return re.findall(r'name="csrf_token"[^>]*value="([^"]+)"', client.get("/bank/upload").get_data(as_text=True))[0]


def test_an_unknown_table_is_placed_looked_at_taken_in_and_known_from_then_on(filled: Runtime, sign_in: SignIn) -> None:
    client = sign_in(Role.FINANCE)
    path = send(client, TABLE)
    page = get(client, path)
    assert "Nothing was taken in yet: say which column is which." in page.text
    assert "Wieviel" in page.text and "1.200,50" in page.text and "“09.03.2026”" not in page.text
    assert "bank.csv" in get(client, "/bank").text and "bank.csv" not in get(client, "/imports").text
    nothing = post(client, path, account="DE77")
    assert nothing.status_code == 422 and "Say which column is the date" in nothing.get_data(as_text=True)
    answer = post(client, path, **PLACED, save_as="Sparbank")
    assert answer.headers["Location"] == path + "/check"
    page = get(client, path + "/check")
    assert [[row[name].text for name in ("Bank account", "Currency", "Check")] for row in page.rows(0)] == [["DE77", "EUR", "adds up"]]
    assert [page.rows(0)[0][name].value for name in ("Opening balance", "Movements", "Closing balance")] == ["100.00", "1166.00", "1266.00"]
    told = [(row["Line"].text, row["Becomes"].text, row["Day"].text, row["Amount"].value, row["Payer"].text) for row in page.rows(1)]
    assert told == [
        ("3", "new, money in", "2026-03-09", "1200.50", "Alpha GmbH"),
        ("4", "new, money out", "2026-03-10", "-35.00", "Strom AG"),
        ("5", "new, money in", "2026-03-11", "0.50", "Zins"),
        ("6", "no line", "", None, ""),
    ]
    assert count(filled, "bank_line") == 0 == count(filled, "bank_account")
    taken = post(client, path + "/check")
    assert taken.status_code == 303 and client.get(path + "/check").headers["Location"] == "/bank/lines"
    assert client.get(path).headers["Location"] == path + "/check"
    assert count(filled, "bank_line") == 3 and not uploads.shelf(filled).path(path.rsplit("/", 1)[1]).exists()
    later = HEAD + "11.03.2026;Zins;0,50;1.266,00;\n12.03.2026;Beta GmbH;7,00;1.273,00;R 2\n"
    assert send(client, later, "april.csv", account="DE77") == "/bank/lines"
    assert "Read with the saved mapping Sparbank." in get(client, "/bank/lines").text and count(filled, "bank_line") == 4
    off = HEAD + "12.03.2026;Beta GmbH;7,00;1.273,00;R 2\n13.03.2026;Gamma;5,00;1.279,00;R 3\n"
    path = send(client, off, "off.csv", account="DE77")
    page = get(client, path)
    assert "Line 4: the balance is 1279.00 EUR, but the one before and the movement 5.00 make 1278.00" in page.text and "Placed by the saved mapping “Sparbank”." in page.text
    assert count(filled, "bank_line") == 4 and verify.verify(filled) == []


def test_the_same_file_is_not_taken_in_twice_under_other_columns(filled: Runtime, sign_in: SignIn) -> None:
    client = sign_in(Role.FINANCE)
    path = send(client, TABLE)
    post(client, path, **PLACED)
    post(client, path + "/check")
    path = send(client, TABLE, place="y")
    assert post(client, path, **PLACED | {"column-4": "reference"}).headers["Location"] == path + "/check"
    assert client.get(path + "/check").headers["Location"] == path
    assert "bank.csv is in the books of account DE77 already" in get(client, path).text
    assert post(client, path, **PLACED).headers["Location"] == path + "/check"
    assert "Every line is known already" in get(client, path + "/check").text
    assert count(filled, "bank_line") == 3


def test_columns_that_cannot_be_right_and_forms_that_are_not_told_are_asked_for(filled: Runtime, sign_in: SignIn) -> None:
    """3/4 may be March or April, and 1,234 a thousand or a little: the page asks, keeps what was typed, and goes on."""
    client = sign_in(Role.FINANCE)
    table = "when;who;in;out\n3/4/2026;A;1,234;\n5/4/2026;B;;2,500\n"
    path = send(client, table, place="y")
    placed = {"column-0": "day", "column-1": "payer", "column-2": "in", "column-3": "out", "account": "A1", "currency": "KWD"}
    for change, sentence in (
        ({"column-1": "day"}, "are chosen to be the same"),
        ({"column-1": "amount"}, "not both"),
        ({"account": ""}, "name the account"),
        ({"currency": "QQQ"}, "QQQ"),
        ({"save_as": "x" * 65}, "64"),
    ):
        answer = post(client, path, **placed | change)
        assert answer.status_code == 422 and sentence in answer.get_data(as_text=True), (change, answer.get_data(as_text=True))
    assert post(client, path, **placed).headers["Location"] == path + "/check"
    page = get(client, client.get(path + "/check").headers["Location"])
    assert "3/4/2026 can be 2026-04-03 or 2026-03-04" in page.text and chosen(client, path)["column-2"] == "in"
    post(client, path, **placed, dates="dmy", decimal=".")
    page = get(client, path + "/check")
    assert [(row["Day"].text, row["Amount"].value) for row in page.rows(1)] == [("2026-04-03", "1234.000"), ("2026-04-05", "-2500.000")]
    post(client, path, **placed, dates="mdy", decimal=",")
    assert [(row["Day"].text, row["Amount"].value) for row in get(client, path + "/check").rows(1)] == [("2026-03-04", "1.234"), ("2026-05-04", "-2.500")]


def test_the_line_of_the_headings_is_found_and_can_be_moved(filled: Runtime, sign_in: SignIn) -> None:
    client = sign_in(Role.FINANCE)
    path = send(client, "Bank;X\n;\nfoo;bar;baz\nWann;Wieviel;Wer\n09.03.2026;1,50;A\n")
    assert 'value="3"' in client.get(path).get_data(as_text=True)
    assert post(client, path + "/read", head="4").status_code == 303 and "Wieviel" in get(client, path).text
    assert post(client, path + "/read", head="99").status_code == 422
    for text, sentence in (("09.03.2026;1,50;A\n", "has no headings above line 1"), ("a;b\nc;d\n", "has no row with a date")):
        answer = client.post("/bank/upload", data={"csrf_token": _token(client), "file": (io.BytesIO(text.encode()), "x.csv")})
        assert answer.status_code == 422 and sentence in answer.get_data(as_text=True)
    assert post(client, path + "/drop").headers["Location"] == "/bank"


def test_a_step_whose_file_or_mapping_is_gone_says_so_and_leads_on(filled: Runtime, sign_in: SignIn) -> None:
    client, other = sign_in(Role.FINANCE), sign_in(Role.ADMIN)
    path = send(client, TABLE)
    post(client, path, **PLACED, save_as="Sparbank")
    post(client, path + "/drop")
    imported = send_import(client, "invoice_no,customer_no,issue_date,amount\nI1,C001,2026-03-01,5\n").headers["Location"]
    post(client, imported + "/drop")
    for address, again in (
        (path, "/bank/upload"),
        (path + "/check", "/bank/upload"),
        (imported, "/imports/new"),
        (imported + "/check", "/imports/new"),
        ("/imports/files/x", "/imports/new"),
    ):
        answer = client.get(address)
        html = answer.get_data(as_text=True)
        assert answer.status_code == 404 and "This file is no longer kept" in html and f'href="{again}"' in html
    assert post(client, path).status_code == post(client, path + "/check").status_code == post(client, path + "/load").status_code == 404
    path = send(client, TABLE, place="y")
    assert "Placed by the saved mapping “Sparbank”." in get(client, path).text
    assert other.get(path).status_code in (403, 404) and sign_in(Role.REP).get(path).status_code == 403

    def forget(work: object) -> None:
        work.session.execute(sa.delete(Mapping))  # type: ignore[attr-defined]

    filled.write(SYSTEM, forget)
    page = get(client, path)
    assert "The saved mapping “Sparbank” is no longer there" in page.text and chosen(client, path)["column-2"] == "amount"
    assert post(client, path + "/load", mapping="Sparbank").status_code == 303
    assert "There is no saved mapping Sparbank" in get(client, path).text
    assert post(client, path, **PLACED).headers["Location"] == path + "/check"
    assert client.get(path + "/check").status_code == 200, get(client, path).text


def test_a_mapping_keeps_to_its_kind(filled: Runtime, sign_in: SignIn) -> None:
    client = sign_in(Role.FINANCE)
    path = send(client, TABLE)
    post(client, path, **PLACED, save_as="mine")
    imported = send_import(client, "invoice_no,customer_no,issue_date,amount\nI1,C001,2026-03-01,5\n").headers["Location"]
    answer = post(client, imported, **chosen(client, imported), save_as="mine")
    assert answer.status_code == 422 and "A mapping for another kind of file is called mine" in answer.get_data(as_text=True)
    assert bank.saved_placing(filled, SYSTEM, "mine").whole()
