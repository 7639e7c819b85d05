"""Cash: a statement is taken in on a page, its lines are shown, and an account is named and closed."""

from __future__ import annotations

import io
import re

from collect.domain.rights import Role
from collect.runtime import Runtime
from collect.services import verify
from tests.web.conftest import SignIn, post
from tests.web.test_aging import get

FILE = "账号：6222001,,,,,\n交易日期,收入,支出,币种,对方户名,摘要\n2026-03-09,1200.00,,CNY,陌生人,无\n2026-03-09,,35.00,CNY,电力公司,电费\n"


def upload(content: bytes, name: str = "march.csv", **fields: str) -> dict[str, object]:
    return {"file": (io.BytesIO(content), name), **fields}


def test_a_statement_is_checked_taken_in_and_shown(filled: Runtime, sign_in: SignIn) -> None:
    client = sign_in(Role.FINANCE)
    assert "No bank statements yet" in get(client, "/bank").text
    checked = post(client, "/bank/upload", **upload(FILE.encode("gb18030"), check="y"))
    assert checked.status_code == 200 and "2 lines, 2 of them new, 1 with money in. Nothing was changed." in checked.get_data(as_text=True)
    assert "No bank statements yet" in get(client, "/bank").text
    assert post(client, "/bank/upload", **upload(FILE.encode("gb18030"))).status_code == 303
    page = get(client, "/bank")
    assert [(row["Bank account"].text, row["Currency"].text, row["Complete through"].text, row["Lines waiting"].text) for row in page.rows(0)] == [
        ("6222001", "CNY", "2026-03-09", "1")
    ]
    html = client.get("/bank").get_data(as_text=True)
    statement = re.findall(r'href="(/bank/statements/\d+)"', html)[0]
    lines = get(client, statement)
    assert [(row["Payer"].text, row["Amount"].value, row["State"].text) for row in lines.rows(0)] == [("陌生人", "1200.00", "waiting"), ("电力公司", "-35.00", "money out")]
    assert post(client, "/bank/upload", **upload(FILE.encode("gb18030"))).headers["Location"] == "/bank"
    assert verify.verify(filled) == []


def test_a_file_that_cannot_be_read_is_refused_with_a_sentence(filled: Runtime, sign_in: SignIn) -> None:
    client = sign_in(Role.FINANCE)
    for content, sentence in (
        (b":20:A\n:25:1\n:28C:1/1\n:60F:C260309CNY1,00\n:62F:C260309CNY2,00\n-\n", "opening balance 1.00 and movements 0.00 do not make the closing balance 2.00 CNY"),
        (b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "b">]><Document/>', "declares a document type or entities"),
        ("交易日期,收入,支出,币种\n2026-03-09,1.00,,CNY\n".encode(), "does not say which account it is of"),
    ):
        answer = post(client, "/bank/upload", **upload(content))
        assert answer.status_code == 422 and sentence in answer.get_data(as_text=True)
    assert post(client, "/bank/upload").status_code == 422
    assert "No bank statements yet" in get(client, "/bank").text


def test_an_account_is_named_and_closed_and_others_may_not(filled: Runtime, sign_in: SignIn) -> None:
    client = sign_in(Role.FINANCE)
    post(client, "/bank/upload", **upload(FILE.encode("gb18030")))
    path = re.findall(r'href="(/bank/accounts/\d+)"', client.get("/bank").get_data(as_text=True))[0]
    version = re.findall(r'name="version" value="(\d+)"', client.get(path).get_data(as_text=True))[0]
    assert post(client, path, name="", version=version).status_code == 422
    assert post(client, path, name="Main", version=version).status_code == 303
    assert post(client, path, name="Other", version=version).status_code == 409
    page = get(client, "/bank")
    assert [row["Bank account"].text for row in page.rows(0)] == ["Main 6222001"]
    assert post(client, path, name="Main", closed="y", version=str(int(version) + 1)).status_code == 303
    assert "6222001 closed" in get(client, "/bank").rows(0)[0]["Bank account"].text
    rep = sign_in(Role.REP)
    assert {rep.get(address).status_code for address in ("/bank", "/bank/upload", path)} == {403}
    assert client.get(f"/bank/statements/{2**70}").status_code == client.get("/bank/accounts/1").status_code == 404
