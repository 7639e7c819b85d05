"""The form to log a contact, and the pages of promises, checks, disputes and marks."""

from __future__ import annotations

import re
from typing import Any

import sqlalchemy as sa
from flask.testing import FlaskClient

from collect.domain.rights import Role
from collect.runtime import Runtime
from collect.services import verify
from tests.conftest import FixedClock
from tests.web.conftest import SignIn, post
from tests.web.reading import field_of, read
from tests.web.test_aging import get

# The book of tests.web.book: today is Tuesday 2026-03-10. C001 (rui's) owes 1,040.00 overdue, and 60.00 are unapplied.


def fill(client: FlaskClient, **changes: Any) -> dict[str, Any]:
    """The fields that the form opens with, some changed."""
    html = client.get("/customers/C001/log").get_data(as_text=True)
    names = ("token", "shown", "day", "amount")
    return {**{name: field_of(html, name) for name in names}, "kind": "visit", "currency": "CNY", "method": "transfer", **changes}


def log(client: FlaskClient, **changes: Any) -> Any:
    return post(client, "/customers/C001/log", **fill(client, **changes))


def count(runtime: Runtime, table: str) -> int:
    with runtime.engine.connect() as connection:
        return int(connection.execute(sa.text(f"SELECT count(*) FROM {table}")).scalar_one())


def test_the_form_opens_with_everything_that_is_asked(filled: Runtime, sign_in: SignIn) -> None:
    """A1 is open with 1,040.00 and overdue; 50.00 of R-1 and 10.00 of CN-1 are in the customer's favour: 980.00."""
    client = sign_in(Role.REP)
    html = client.get("/customers/C001/log").get_data(as_text=True)
    assert (field_of(html, "amount"), field_of(html, "day")) == ("980.00", "2026-03-10")
    page = read(html)
    assert "1,040.00 CNY are overdue, of which 60.00 are disputed or in their favour." in page.text
    assert "Paid, the cheque is in the mail" in page.text and "What is the number of the cheque" in page.text
    assert '<option value="王莉">' in html


def test_a_visit_is_logged_and_told_on_the_customers_page(filled: Runtime, sign_in: SignIn) -> None:
    client = sign_in(Role.REP)
    answer = log(client, person="王莉", due="2026-03-20", note="pays after the fair", own_title="Bring samples", own_due="2026-03-12")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/customers/C001")
    page = get(client, "/customers/C001")
    assert "Logged." in page.text and "Bring samples" in page.text
    (row,) = [one for number in range(len(page.heads)) for one in page.rows(number) if "Promised for" in one]
    assert (row["Promised for"].text, row["Amount"].value, row["State"].text, row["Promised by"].text) == ("2026-03-20", "980.00", "Pending", "王莉")
    assert "Promise to pay" in page.text and "Visit" in page.text and "pays after the fair" in page.text
    assert "Promised 980.00" in page.text
    assert get(client, "/aging").rows(0)[0]["Promised"].value == "980.00"
    assert verify.verify(filled) == []


def test_a_form_sent_twice_counts_once(filled: Runtime, sign_in: SignIn) -> None:
    client = sign_in(Role.REP)
    fields = fill(client, due="2026-03-20")
    assert [post(client, "/customers/C001/log", **fields).status_code for _ in range(2)] == [303, 303]
    assert (count(filled, "activity"), count(filled, "promise")) == (1, 1)


def test_what_was_typed_stays_when_something_is_wrong(filled: Runtime, sign_in: SignIn) -> None:
    """No cheque number: the sentence stands beside its field, and everything else is as it was."""
    client = sign_in(Role.REP)
    said = {
        "excuse": "cheque_in_mail",
        "fact.cheque_in_mail.sent_on": "2026-03-09",
        "note": "long note",
        "person": "Li",
        "due": "2026-03-20",
        "amount": "900",
        "reason": "rest later",
    }
    answer = log(client, **said)
    html = answer.get_data(as_text=True)
    assert answer.status_code == 422 and "ask for it, since the excuse cannot be logged without it" in html
    assert re.search(r'name="fact.cheque_in_mail.cheque_no"[^>]*aria-invalid="true"', html)
    assert (field_of(html, "fact.cheque_in_mail.sent_on"), field_of(html, "person"), field_of(html, "due"), field_of(html, "amount"), field_of(html, "reason")) == (
        "2026-03-09",
        "Li",
        "2026-03-20",
        "900",
        "rest later",
    )
    assert "long note</textarea>" in html and re.search(r'value="cheque_in_mail" checked', html)
    assert count(filled, "activity") == count(filled, "promise") == 0
    again = post(client, "/customers/C001/log", **fill(client, **said) | {"fact.cheque_in_mail.cheque_no": "0042"})
    assert again.status_code == 303
    page = get(client, "/customers/C001")
    assert "Cheque number 0042" in page.text and "due 2026-03-13" in page.text and "Has the cheque of this number come in?" in page.text


def test_soon_is_no_promise_and_sunday_is_no_day(filled: Runtime, sign_in: SignIn) -> None:
    client = sign_in(Role.REP)
    for changes, sentence in (
        ({"amount": "500"}, "“soon” is no promise"),
        ({"due": "2026-03-15"}, "2026-03-15 is no business day; the next one is 2026-03-16."),
        ({"due": "2026-03-09"}, "2026-03-09 is past"),
        ({"due": "2026-13-40"}, "2026-13-40 is no date"),
        ({"due": "2026-03-20", "amount": "500"}, "This is less than everything overdue"),
        ({"due": "2026-03-20", "amount": "1e3"}, "1e3 is no amount"),
        ({"due": "2026-03-20", "amount": ""}, "A promise names an amount above zero"),
        ({}, "Nothing is said of this contact"),
        ({"own_title": "Call"}, "This value is missing"),
        ({"own_due": "2026-03-12"}, "Write what we promised to do."),
        ({"day": "2026-03-11", "note": "x"}, "2026-03-11 lies ahead"),
        ({"excuse": "dog_ate_it"}, "dog_ate_it is no excuse of the catalogue"),
        ({"kind": "dream", "note": "x"}, "dream cannot stand here"),
    ):
        answer = log(client, **changes)
        assert answer.status_code == 422 and sentence in read(answer.get_data(as_text=True)).text, (changes, read(answer.get_data(as_text=True)).text[:3000])
    assert count(filled, "activity") == 0


def test_who_may_log(filled: Runtime, sign_in: SignIn) -> None:
    """Another rep's customer is a missing one, for reading and for sending; who may not log is told so."""
    client = sign_in(Role.REP)
    assert client.get("/customers/C%252F2/log").status_code == 404
    assert post(client, "/customers/C%252F2/log", kind="visit", note="x").status_code == 404
    assert client.get("/customers/C%252F2/dispute").status_code == 404
    assert client.get("/customers/C001/standing").status_code == 403
    for who in (Role.AUDITOR, Role.ADMIN):
        assert sign_in(who).get("/customers/C001/log").status_code == 403
    assert "/customers/C001/log" not in sign_in(Role.AUDITOR).get("/customers/C001").get_data(as_text=True)


def test_a_promise_replaces_another(filled: Runtime, sign_in: SignIn) -> None:
    client = sign_in(Role.REP)
    log(client, due="2026-03-16")
    html = client.get("/customers/C001/log").get_data(as_text=True)
    replaces = re.search(r'<option value="(\d+)">2026-03-16 · 980.00 CNY', html)
    assert replaces
    assert log(client, due="2026-03-20", replaces=replaces[1]).status_code == 303
    states = [row["State"].text for row in get(client, "/promises").rows(0)]
    assert states == ["Pending", "Renegotiated"]


def test_promises_are_listed_filtered_paged_and_exported(filled: Runtime, sign_in: SignIn) -> None:
    client = sign_in(Role.REP)
    for day in ("2026-03-16", "2026-03-17", "2026-03-30"):
        log(client, due=day, amount="300.00", reason="in three parts")
    assert [row["Promised for"].text for row in get(client, "/promises").rows(0)] == ["2026-03-30", "2026-03-17", "2026-03-16"]
    assert [row["Promised for"].text for row in get(client, "/promises?state=soon").rows(0)] == ["2026-03-17", "2026-03-16"]
    assert "No promise fits this choice." in get(client, "/promises?state=broken").text
    first = get(client, "/promises?limit=2")
    following = next(href for href, _text in first.links if "after=" in href)
    assert [row["Promised for"].text for row in get(client, following).rows(0)] == ["2026-03-16"]
    assert len(client.get("/promises?format=csv").get_data(as_text=True).strip().splitlines()) == 4
    assert "No promises yet" in get(sign_in("rosa"), "/promises").text


def test_finance_says_how_far_the_bank_is(filled: Runtime, sign_in: SignIn) -> None:
    """R-2 came on 2 March; finance says it is complete through the 9th, and cannot say so of tomorrow."""
    client = sign_in(Role.FINANCE)
    assert "Complete through 2026-03-02." in get(client, "/promises").text
    wrong = post(client, "/promises/bank", through="2026-03-11")
    assert wrong.status_code == 422 and "2026-03-11 lies ahead" in wrong.get_data(as_text=True) and field_of(wrong.get_data(as_text=True), "through") == "2026-03-11"
    assert post(client, "/promises/bank", through="2026-03-09").status_code == 303
    assert "Complete through 2026-03-09." in get(client, "/promises").text
    assert post(sign_in(Role.REP), "/promises/bank", through="2026-03-09").status_code == 403


def test_a_promise_is_withdrawn_with_a_reason(filled: Runtime, sign_in: SignIn) -> None:
    client = sign_in(Role.REP)
    log(client, due="2026-03-16")
    path = next(href for href, _text in get(client, "/customers/C001").links if href.endswith("/withdraw"))
    assert sign_in("rosa").get(path).status_code == 404
    assert post(client, path, version="1", reason="").status_code == 422
    assert post(client, path, version="9", reason="slip").status_code == 409
    assert post(client, path, version="1", reason="slip").status_code == 303
    assert "Promise withdrawn" in get(client, "/customers/C001").text
    assert "the money that came in judges it" in get(client, path).text
    assert post(client, path, version="2", reason="again").status_code == 422


def test_a_check_is_finished_where_it_stands(filled: Runtime, sign_in: SignIn) -> None:
    """The result changes the rate shown for the customer and for everybody."""
    client = sign_in(Role.REP)
    said = {"excuse": "invoice_missing", "fact.invoice_missing.send_to": "a@b.example"}
    log(client, **said)
    path = next(href for href, _text in get(client, "/customers/C001").links if href.startswith("/tasks/"))
    assert "Did we send the invoice" in get(client, path).text
    assert sign_in("rosa").get(path).status_code == 404
    assert post(client, path, version="1").status_code == 422
    assert post(client, path, version="1", result="true", note="it went to the old address").status_code == 303
    page = get(client, "/customers/C001")
    assert "Our word Send the invoice again, with proof" in page.text
    assert "here 1 of 1 proved true · with everybody 1 of 1" in read(client.get("/customers/C001/log").get_data(as_text=True)).text
    assert "This task is done." in get(client, path).text
    assert post(client, path, version="2", result="false").status_code == 422


def test_a_dispute_is_raised_by_the_rep_and_answered_by_another(filled: Runtime, sign_in: SignIn) -> None:
    rep, manager = sign_in(Role.REP), sign_in(Role.MANAGER)
    for changes, sentence in (
        ({"invoice_no": "B/1", "amount": "1"}, "There is no invoice B/1 of this customer"),
        ({"invoice_no": "A1", "amount": "5000"}, "At most 1,040.00 CNY of this invoice"),
        ({"invoice_no": "A1", "amount": "many"}, "many is no amount"),
    ):
        answer = post(rep, "/customers/C001/dispute", reason="quality", note="two broken", **changes)
        html = answer.get_data(as_text=True)
        assert answer.status_code == 422 and sentence in read(html).text and field_of(html, "amount") == changes["amount"]
    assert post(rep, "/customers/C001/dispute", invoice_no="A1", amount="40.00", reason="quality", note="two broken").status_code == 303
    assert "Not answered" in get(rep, "/customers/C001").text
    path = next(href for href, _text in get(manager, "/disputes").links if re.fullmatch(r"/disputes/\d+", href))
    assert rep.get(path).status_code == 403
    assert post(manager, path, version="1", answer="refuse", note="").status_code == 422
    assert post(manager, path, version="1", answer="accept", note="credit follows").status_code == 303
    assert get(rep, "/aging?by=item").rows(0)[0]["Disputed"].value == "40.00"
    assert get(rep, "/aging").rows(0)[0]["Disputed"].value == "40.00"
    assert field_of(rep.get("/customers/C001/log").get_data(as_text=True), "amount") == "940.00"


def test_marks_stand_beside_the_name(filled: Runtime, sign_in: SignIn) -> None:
    client = sign_in(Role.MANAGER)
    assert post(client, "/customers/C001/standing", do_not_contact="y", reason="").status_code == 422
    assert post(client, "/customers/C001/standing", do_not_contact="y", reason="their lawyer wrote").status_code == 303
    page = get(client, "/customers/C001")
    assert "Do not contact" in page.text and "their lawyer wrote" in page.text
    assert "Log only what came from the customer" in get(sign_in(Role.REP), "/customers/C001/log").text


def test_the_timeline_speaks_the_readers_language(filled: Runtime, sign_in: SignIn, clock: FixedClock) -> None:
    """The excuse, its facts and the promise are told by the catalogue's words."""
    client = sign_in(Role.REP)
    log(client, excuse="no_cash", due="2026-03-20", **{"fact.no_cash.paid_this_month": "the landlord"})
    text = get(client, "/customers/C001/timeline").text
    assert "There is no money now" in text and "Paid this month, and to whom = the landlord" in text
    assert "Short of cash" in get(client, "/customers/C001").text
