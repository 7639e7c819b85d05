"""Closing a month and opening it again, with the reason on record."""

from __future__ import annotations

import pytest

from collect.domain.rights import Role
from collect.runtime import Runtime
from tests.web import book
from tests.web.conftest import SignIn, post
from tests.web.reading import field_of, read
from tests.web.test_aging import get


def test_a_month_is_closed_and_opened_again(filled: Runtime, sign_in: SignIn) -> None:
    """The last month that is over is offered; an invoice of February is then refused, until a manager opens it with a reason."""
    finance, manager = sign_in(Role.FINANCE), sign_in(Role.MANAGER)
    assert field_of(finance.get("/months").get_data(as_text=True), "month") == "2026-02"
    assert post(finance, "/months/close", month="2026-02", reason="month-end").status_code == 303
    late = "invoice_no,customer_no,issue_date,due_date,currency,amount\nF1,C001,2026-02-27,2026-03-27,CNY,1.00\n"
    assert book.take_in(filled, "invoices", late).refused == 1
    assert post(manager, "/months/reopen", month="2026-02", reason="a late invoice").status_code == 303
    assert book.take_in(filled, "invoices", late).new == 1
    rows = get(manager, "/months").rows()
    assert [(row["Month"].text, row["Now"].text, row["By"].text, row["Reason"].text) for row in rows] == [
        ("2026-02", "open", "ming", "a late invoice"),
        ("2026-02", "", "fang", "month-end"),
    ]


@pytest.mark.parametrize(
    ("act", "fields", "sentence"),
    [
        ("close", {"month": "2026-03"}, "2026-03 is not over yet"),
        ("close", {"month": "March"}, "March is no month; write it like 2026-02."),
        ("close", {"month": "2026-01"}, "2026-01 is closed already."),
        ("close", {"month": ""}, "This field is required."),
        ("reopen", {"month": "2026-02", "reason": "x"}, "2026-02 is open already."),
        ("reopen", {"month": "2026-01", "reason": " "}, "Give a reason."),
    ],
)
def test_what_cannot_be_done_is_said(filled: Runtime, sign_in: SignIn, act: str, fields: dict[str, str], sentence: str) -> None:
    client = sign_in(Role.FINANCE)
    assert post(client, "/months/close", month="2026-01", reason="").status_code == 303
    answer = post(client, f"/months/{act}", **fields)
    assert answer.status_code == 422
    assert sentence in read(answer.get_data(as_text=True)).text


def test_other_roles_have_no_say(filled: Runtime, sign_in: SignIn) -> None:
    for who in (Role.REP, Role.LEAD, Role.AUDITOR, Role.ADMIN):
        client = sign_in(who)
        assert client.get("/months").status_code == 403
        assert post(client, "/months/close", month="2026-02").status_code == 403
