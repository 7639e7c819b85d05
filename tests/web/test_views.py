"""Saved views on the pages: saved from the row above a list, opened by a link or by themselves, changed and deleted; and the aging page's ways down."""

from __future__ import annotations

import re
from datetime import date
from html import unescape

import pytest
from flask import Flask

from collect.domain.rights import ALL, SYSTEM, Actor, Role
from collect.runtime import Runtime
from collect.services import cases, rates
from collect.services import views as services
from collect.storage.users import load_users
from collect.web import views
from tests.web.conftest import SignIn, post
from tests.web.reading import read

LISTS = {"aging": "/aging", "invoices": "/invoices", "customers": "/customers", "promises": "/promises", "reminders": "/reminders", "bank_lines": "/bank/lines"}


def hidden(text: str, name: str) -> str:
    """The value of the first hidden field of a name."""
    return unescape(re.findall(rf'type="hidden" name="{name}" value="([^"]*)"', text)[0])


def test_every_list_has_its_views(app: Flask, sign_in: SignIn) -> None:
    """What the row would save is what the address selects; the auditor may keep views of his own and share none."""
    client = sign_in(Role.AUDITOR)
    assert set(views.PLACES) == set(services.PAGES) == set(LISTS)
    for page, path in LISTS.items():
        text = client.get(f"{path}?show=held&q=x&after=5&limit=3").get_data(as_text=True)
        assert (hidden(text, "page"), hidden(text, "query")) == (page, "show=held&q=x"), page
        assert 'name="shared"' not in text
        block = client.get(f"{path}?q=x", headers={"X-Block": "results"}).get_data(as_text=True)
        assert hidden(block, "query") == "q=x" and "<html" not in block
    assert 'name="shared"' in sign_in(Role.MANAGER).get("/aging").get_data(as_text=True)


def test_a_view_is_saved_opened_made_default_and_deleted(app: Flask, sign_in: SignIn) -> None:
    client = sign_in(Role.REP)
    answer = post(client, "/views/save", page="invoices", query="state=open&customer=&after=9", name="待收", opens="y")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/invoices?state=open")
    text = client.get("/invoices?state=open").get_data(as_text=True)
    assert '<a href="/invoices?state=open" translate="no" aria-current="true">待收</a>' in text
    assert '<a href="/invoices?view=plain">Standard</a>' in text
    # Without parameters the default opens; an empty filter, the plain page, a file and our script's blocks are asked for as they are.
    answer = client.get("/invoices")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/invoices?state=open")
    for asked in ("?view=plain", "?q=&customer=&state=", "?format=csv"):
        assert client.get(f"/invoices{asked}").status_code == 200, asked
    assert client.get("/invoices", headers={"X-Block": "results"}).status_code == 200
    assert sign_in(Role.FINANCE).get("/invoices").status_code == 200
    text = client.get("/views").get_data(as_text=True)
    key = hidden(text, "view")
    answer = post(client, "/views/change", view=key, version="1", name="Open", opens="")
    assert answer.status_code == 303
    assert client.get("/invoices").status_code == 200
    assert post(client, "/views/delete", view=key, version="1").status_code == 409
    assert post(client, "/views/delete", view=key, version="2").status_code == 303
    assert "Open the page" not in client.get("/views").get_data(as_text=True)


def test_a_refused_view_keeps_what_was_typed(app: Flask, sign_in: SignIn) -> None:
    client = sign_in(Role.FINANCE)
    assert post(client, "/views/save", page="aging", query="by=rep", name="Reps", shared="y").status_code == 303
    answer = post(client, "/views/save", page="aging", query="by=item&limit=1", name="reps", shared="y", opens="y")
    text = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert "There is a view reps of this page already" in text and 'value="reps"' in text and 'value="by=item&amp;limit=1"' in text
    assert text.count(" checked") == 2
    assert 'href="/aging?by=item&amp;limit=1"' in text
    assert post(client, "/views/save", page="nowhere", name="x").status_code == 422
    assert post(client, "/views/change", view="999", version="1", name="x").status_code == 422
    # Somebody else's shared view is offered, and changed by who made it only.
    rep = sign_in(Role.REP)
    text = rep.get("/views").get_data(as_text=True)
    assert ">Reps</a>" in text and "Change or delete" not in text and "For everybody" in text
    assert post(rep, "/views/save", page="aging", query="by=rep", name="All", shared="y").status_code == 403
    # Which view opens a page is his own choice, though another person made it.
    assert post(rep, "/views/choose", view=hidden(text, "view"), opens="y").status_code == 303
    assert (rep.get("/aging").headers.get("Location"), client.get("/aging").status_code) == ("/aging?by=rep", 200)
    assert post(rep, "/views/choose", view=hidden(text, "view")).status_code == 303
    assert rep.get("/aging").status_code == 200


def test_the_way_back_up_is_not_the_view_itself(filled: Runtime, sign_in: SignIn) -> None:
    client = sign_in(Role.FINANCE)
    assert 'href="/aging">Aging</a></li>' in client.get("/aging?by=item").get_data(as_text=True)
    assert post(client, "/views/save", page="aging", query="by=item&bucket=overdue", name="Late", opens="y").status_code == 303
    text = client.get("/aging", follow_redirects=True).get_data(as_text=True)
    assert '<li><a href="/aging?view=plain">Aging</a></li>' in text


@pytest.mark.parametrize("name", ["endpoint", "_external", "_scheme", "_anchor", "_method"])
def test_words_of_the_address_builder_are_no_parameters(app: Flask, sign_in: SignIn, name: str) -> None:
    answer = sign_in(Role.FINANCE).get(f"/aging?{name}=javascript&by=rep")
    assert answer.status_code == 200
    assert "javascript:" not in answer.get_data(as_text=True)


def test_disputed_and_promised_amounts_lead_to_what_they_sum(filled: Runtime, sign_in: SignIn) -> None:
    """200.00 of A1 (1,040.00 open) are accepted as disputed; 500.00 are promised by C001, for no document."""

    with filled.read(SYSTEM) as view:
        ming = next(user.id for user in load_users(view.session) if user.username == "ming")
    found = filled.write(SYSTEM, lambda work: cases.raise_dispute(work, "A1", 20_000, "quality", "broken"))
    filled.write(Actor("ming", ming, Role.MANAGER, ALL), lambda work: cases.answer_dispute(work, found, "accept", "so it is", 1))
    filled.write(SYSTEM, lambda work: cases.promise(work, "C001", cases.PromiseDraft(50_000, "CNY", date(2026, 3, 20), person="Li", reason="short of cash")))
    client = sign_in(Role.FINANCE)
    page = read(client.get("/aging").get_data(as_text=True))
    row = next(row for row in page.rows() if row["Customer no."].text == "C001")
    assert (row["Disputed"].value, row["Promised"].value) == ("200.00", "500.00")
    assert row["Promised"].href == "/customers/C001#promises"
    below = read(client.get(row["Disputed"].href).get_data(as_text=True))
    assert [(line["Document"].text, line["Disputed"].value) for line in below.rows()] == [("A1", "200.00")]
    total = next(row for row in page.totals() if row["Currency"].text == "CNY")
    for name, key, told in (("Disputed", "Document", "A1"), ("Promised", "Customer no.", "C001")):
        below = read(client.get(total[name].href).get_data(as_text=True))
        assert [line[key].text for line in below.rows()] == [told], name
    # By currency, and from there: the customers who promised.
    by_currency = read(client.get("/aging?by=currency").get_data(as_text=True))
    below = read(client.get(by_currency.rows()[0]["Promised"].href).get_data(as_text=True))
    assert [line["Customer no."].text for line in below.rows()] == ["C001"]


def test_the_total_in_the_companys_currency_stands_below_with_its_rate(filled: Runtime, sign_in: SignIn) -> None:
    """2,280.51 CNY and 75.00 EUR at 8 are 2,880.51 CNY; 1-30: 100.00 EUR are 800.00; unapplied -60.00 - 200.00. No rate, no total."""
    client = sign_in(Role.FINANCE)
    assert "No total in CNY: no rate is known for EUR on 2026-03-10." in read(client.get("/aging").get_data(as_text=True)).text
    filled.write(SYSTEM, lambda work: rates.enter(work, "EUR", "CNY", date(2026, 3, 1), "8", "PBOC"))
    page = read(client.get("/aging").get_data(as_text=True))
    last = page.totals()[-1]
    assert (last["Currency"].text, last["Total"].value, last["1–30"].value, last["Unapplied"].value) == ("CNY", "2880.51", "800.00", "-260.00")
    assert "1 EUR = 8 CNY from 2026-03-01, source: PBOC" in page.text
    below = read(client.get(last["1–30"].href).get_data(as_text=True))
    assert [line["Document"].text for line in below.rows()] == ["B/1"]
    assert client.get("/aging?format=json").json["company_total"]["total"] == "2880.51"
    assert "no rate is known for EUR" in read(client.get("/aging?as_of=2026-02-27").get_data(as_text=True)).text
