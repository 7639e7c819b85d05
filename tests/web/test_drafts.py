"""E-invoices on their pages: taken in, assigned, posted, put aside."""

from __future__ import annotations

import io
from typing import Any

from flask.testing import FlaskClient

from collect.domain.rights import Role
from collect.runtime import Runtime
from collect.services import verify
from tests.exchange.test_einvoices import ubl
from tests.taking_in import take_in
from tests.web.conftest import SignIn, post
from tests.web.reading import field_of
from tests.web.test_aging import get


def send(client: FlaskClient, *files: tuple[bytes, str]) -> Any:
    return post(client, "/drafts/upload", file=[(io.BytesIO(content), name) for content, name in files])


def test_an_e_invoice_goes_from_file_to_books(filled: Runtime, sign_in: SignIn) -> None:
    client = sign_in(Role.FINANCE)
    assert "Nothing here" in get(client, "/drafts").text
    answer = send(client, (ubl(number="E-1", gross="120.00", payable="120.00"), "e1.xml"))
    assert answer.status_code == 303
    path = answer.headers["Location"]
    page = get(client, path)
    assert "Käufer AG" in page.text and "120.00" in page.text and "No customer has this tax number or name." in page.text
    version = field_of(client.get(path).get_data(as_text=True), "version")
    bare = post(client, path, version=version, customer="", act="post")
    assert bare.status_code == 422 and "Say first which customer this e-invoice is for." in bare.get_data(as_text=True)
    done = post(client, path, version=version, customer="C/2", due="2026-04-30", act="post")
    assert (done.status_code, done.headers["Location"]) == (303, "/drafts")
    assert "2026-04-30" in get(client, "/invoices/E-1").text
    assert "E-1" in get(client, "/drafts?state=posted").text
    assert verify.verify(filled) == []


def test_several_files_tell_each_what_became_of_it(filled: Runtime, sign_in: SignIn) -> None:
    client = sign_in(Role.FINANCE)
    answer = send(client, (ubl(number="E-2"), "e2.xml"), (b"<html/>", "page.xml"), (ubl(number="E-2"), "e2.xml"))
    html = answer.get_data(as_text=True)
    assert answer.status_code == 200 and "E-2" in html and "page.xml is no e-invoice that can be read" in html and "known already" in html
    assert send(client, (b"<html/>", "page.xml")).status_code == 422
    assert post(client, "/drafts/upload").status_code == 422


def test_a_new_customer_and_putting_aside(filled: Runtime, sign_in: SignIn) -> None:
    client = sign_in(Role.FINANCE)
    path = send(client, (ubl(number="E-3"), "e3.xml")).headers["Location"]
    version = field_of(client.get(path).get_data(as_text=True), "version")
    assert post(client, path, version=version, customer="K-9", terms="NET30", act="create").headers["Location"] == path
    assert "Käufer AG" in get(client, "/customers/K-9").text
    stale = post(client, path, version=version, customer="K-9", act="post")
    assert stale.status_code == 409
    version = field_of(client.get(path).get_data(as_text=True), "version")
    assert post(client, path, version=version, customer="K-9", reason="", act="discard").status_code == 422
    assert post(client, path, version=version, customer="K-9", reason="a test", act="discard").status_code == 303
    assert "a test" in get(client, path).text
    assert client.get("/drafts/99999999").status_code == 404
    assert sign_in(Role.MANAGER).get("/drafts").status_code == 403


def test_one_that_resembles_is_proposed_with_the_evidence_and_chosen_with_one_press(filled: Runtime, sign_in: SignIn) -> None:
    """`Käufer AG` is asked for, `Käufer GmbH` is known: alike, and another legal person unless somebody says so."""
    take_in(filled, "customers", "customer_no,name,currency\nK-1,Käufer GmbH,EUR\n")
    client = sign_in(Role.FINANCE)
    path = send(client, (ubl(number="E-4"), "e4.xml")).headers["Location"]
    page = get(client, path)
    assert "Käufer GmbH" in page.text and "% alike" in page.text and "DE123456789" in page.text
    version = field_of(client.get(path).get_data(as_text=True), "version")
    assert post(client, path, version=version, choose="K-1").headers["Location"] == path
    page = get(client, path)
    assert "Käufer GmbH" in page.text and "% alike" not in page.text
    assert post(client, path, version=version, choose="K-1").status_code == 409
