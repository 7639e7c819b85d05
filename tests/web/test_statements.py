"""The pages of statements and vouchers: making, the life, batches, files to the byte, who sees what."""

from __future__ import annotations

import io
import re
import zipfile

import sqlalchemy as sa

from collect.domain.rights import Role
from collect.runtime import Runtime
from collect.services import verify
from tests.documents.reading import text
from tests.web.conftest import SignIn, post
from tests.web.reading import read
from tests.web.test_aging import get


def test_a_statement_is_made_and_goes_through_its_life(filled: Runtime, sign_in: SignIn) -> None:
    """C001 on 10 March: A1 1,040.00 (1,200 - 150 - 10) late, A2 300.50 not; not applied 50.00 of R-1 and 10.00 of CN-1: balance 1,280.50."""
    client = sign_in(Role.FINANCE)
    assert "/statements/new?customer=C001" in client.get("/customers/C001").get_data(as_text=True)
    assert 'value="C001"' in client.get("/statements/new?customer=C001").get_data(as_text=True)
    answer = post(client, "/statements/new", customer="C001", kind="confirm", language="zh")
    assert answer.status_code == 303
    path = answer.headers["Location"]
    page = get(client, path)
    assert "1,280.50" in page.text and "1,040.00" in page.text and "Made" in page.text
    pdf = client.get(f"{path}/pdf")
    assert pdf.mimetype == "application/pdf" and "CNY 1,280.50" in text(pdf.data) and "同仁大药房" in text(pdf.data)
    assert client.get(f"{path}/pdf").data == pdf.data
    assert post(client, f"{path}/sent", version="1", day="2026-03-10", way="courier", proof="SF-1").status_code == 303
    stale = post(client, f"{path}/returned", version="1", day="2026-03-10", note="typed text")
    assert stale.status_code == 422 and "changed meanwhile" in stale.get_data(as_text=True) and "typed text" in stale.get_data(as_text=True)
    assert post(client, f"{path}/returned", version="2", day="2026-03-10", note="").status_code == 303
    wrong = post(client, f"{path}/differences", version="3", document_no="A1", currency="CNY", ours="1040", theirs="x1", reason="price", note="")
    assert wrong.status_code == 422 and "x1 is no amount" in wrong.get_data(as_text=True)
    assert post(client, f"{path}/differences", version="3", document_no="A1", currency="CNY", ours="1040.00", theirs="1000", reason="price", note="").status_code == 303
    shown = client.get(path).get_data(as_text=True)
    line = re.findall(r'name="line" value="(\d+)"', shown)[0]
    assert "They agree" not in shown and "Differing" in shown
    assert post(client, f"{path}/settle", version="4", line=line, note="").status_code == 422
    assert post(client, f"{path}/settle", version="4", line=line, note="credit note").status_code == 303
    assert post(client, f"{path}/confirmed", version="5", note="").status_code == 303
    page = get(client, path)
    assert "Confirmed" in page.text and "SF-1" in page.text
    assert "DZ-" in get(client, "/statements?state=confirmed").text and "No statement fits" in get(client, "/statements?state=sent").text
    audit = get(sign_in(Role.AUDITOR), "/audit").text
    assert "Statement confirmed" in audit and "Difference settled" in audit
    assert verify.verify(filled) == []


def test_what_cannot_be_made_is_told_beside_its_field(filled: Runtime, sign_in: SignIn) -> None:
    client = sign_in(Role.FINANCE)
    for fields, told in (
        ({"customer": "C009"}, "Customer C009 is not known"),
        ({"customer": ""}, "This value is missing"),
        ({"customer": "C001", "as_of": "2026-03-11"}, "has not come yet"),
        ({"customer": "C003", "kind": "demand"}, "nothing can be demanded"),
        ({"customer": "C001", "since": "soon"}, "soon"),
    ):
        answer = post(client, "/statements/new", **{"kind": "confirm", **fields})
        assert answer.status_code == 422 and told in read(answer.get_data(as_text=True)).text, fields


def test_a_batch_is_an_archive_and_stands_in_the_list(filled: Runtime, sign_in: SignIn) -> None:
    """Overdue: C001 and C/2; C003 only waits for its event."""
    client = sign_in(Role.FINANCE)
    answer = post(client, "/statements/batch", kind="confirm", overdue="y")
    assert answer.status_code == 200 and answer.mimetype == "application/zip"
    archive = zipfile.ZipFile(io.BytesIO(answer.data))
    assert [name.partition("-")[2].partition("-")[2] for name in archive.namelist()[:-1]] == ["C001.pdf", "C_2.pdf"]
    found = re.findall(r'href="(/statements/\d+)"', client.get("/statements").get_data(as_text=True))
    assert sorted(client.get(f"{path}/pdf").data for path in found) == sorted(archive.read(name) for name in archive.namelist()[:-1])
    nobody = post(client, "/statements/batch", kind="confirm", segment="no such")
    assert nobody.status_code == 422 and "No customer with a balance fits" in nobody.get_data(as_text=True)
    assert verify.verify(filled) == []


def test_a_rep_has_his_own_customers_and_no_others(filled: Runtime, sign_in: SignIn) -> None:
    """rui looks after C001, rosa after C/2 (S28): list, page, file and form."""
    finance, rui, rosa = sign_in(Role.FINANCE), sign_in(Role.REP), sign_in("rosa")
    path = post(finance, "/statements/new", customer="C001", kind="demand").headers["Location"]
    assert rui.get(path).status_code == 200 and rui.get(f"{path}/pdf").status_code == 200
    assert "It went out" not in rui.get(path).get_data(as_text=True)
    for address in (path, f"{path}/pdf"):
        assert rosa.get(address).status_code == 404
    assert "DZ-" not in get(rosa, "/statements").text and "(1)" not in get(rosa, "/statements").text
    assert post(rosa, f"{path}/returned", version="1", day="2026-03-10").status_code == 404
    assert "is not known" in post(rosa, "/statements/new", customer="C001", kind="confirm").get_data(as_text=True)
    assert post(rui, "/statements/batch", kind="confirm").status_code == 403
    assert sign_in(Role.AUDITOR).get("/statements/new").status_code == 403
    assert "C/2" not in get(rui, "/journal?since=2026-01-01&until=2026-03-10").text


def test_a_file_that_this_release_draws_differently_is_a_reprint(filled: Runtime, sign_in: SignIn) -> None:
    client = sign_in(Role.FINANCE)
    path = post(client, "/statements/new", customer="C001", kind="confirm").headers["Location"]
    with filled.engine.connect() as connection:
        connection.execute(sa.text("UPDATE statement SET file_hash = 'other'"))
        connection.commit()
    answer = client.get(f"{path}/pdf")
    assert answer.status_code == 409 and "Take the reprint" in answer.get_data(as_text=True)
    again = client.get(f"{path}/pdf?reprint=1")
    assert again.status_code == 200 and "reprint" in again.headers["Content-Disposition"]


def test_vouchers_and_control_on_a_page_and_as_files(filled: Runtime, sign_in: SignIn) -> None:
    client = sign_in(Role.AUDITOR)
    page = get(client, "/journal?since=2026-02-01&until=2026-02-28")
    assert "ties out" in page.text and "Every month" not in page.text
    answer = client.get("/journal?since=2026-02-01&until=2026-02-28&format=csv")
    assert answer.status_code == 200 and "1122" in answer.get_data(as_text=True)
    assert client.get("/journal?what=control&format=xlsx").status_code == 200
    assert client.get("/journal?since=2026-03-01&until=2026-02-01").status_code == 422
    assert client.get("/journal?since=x").status_code == 422
