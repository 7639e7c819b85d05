"""Errors of the API: problem details with a fixed code, the field, and one sentence in the reader's language."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from collect import i18n
from collect.domain.rights import SYSTEM
from collect.reports import aging
from collect.runtime import Runtime
from collect.services import users
from tests.api.conftest import AGING, Caller, token_for

MEMBERS = ["type", "title", "status", "detail", "code", "field"]


def check(answer: Any, status: int, code: str, field: str | None = None) -> str:
    """Assert that the answer is that problem, whole and explained on the page; returns its sentence."""
    assert (answer.status_code, answer.content_type) == (status, "application/problem+json")
    assert answer.headers["Cache-Control"] == "no-store"
    found = answer.json
    assert list(found) == MEMBERS
    assert (found["status"], found["code"], found["field"]) == (status, code, field)
    assert found["title"]
    assert found["type"] == f"/api/v1/docs#{code}"
    return str(found["detail"])


@pytest.mark.parametrize(
    ("query", "code", "field", "sentence"),
    [
        ({"as_of": "31.03.2026"}, "bad_day", "as_of", "31.03.2026 is no date; write it as 2026-03-31."),
        ({"as_of": ""}, "missing_value", "as_of", "This value is missing; fill it in."),
        ({"known_at": "noon"}, "bad_instant", "known_at", "noon is no instant; write a date such as 2026-03-31, or 2026-03-31T17:00:00+08:00."),
        ({"basis": "paid"}, "not_a_choice", "basis", "paid cannot stand here; choose one of due, issue."),
        ({"by": "colour"}, "not_a_choice", "by", "colour cannot stand here; choose one of customer, item, rep, collector, segment, group, currency."),
        ({"by": ""}, "missing_value", "by", "This value is missing; fill it in."),
        ({"buckets": "60,30"}, "bad_buckets", "buckets", "60,30 are no aging buckets; write rising upper edges in days such as 30,60,90."),
        ({"buckets": "1e3"}, "bad_buckets", "buckets", "1e3 are no aging buckets; write rising upper edges in days such as 30,60,90."),
        ({"currency": "XYZ"}, "unknown_currency", "currency", "XYZ is no currency code; write three letters such as CNY, USD or EUR."),
        ({"customer": "C\x00001"}, "control_characters", "customer", "C\x00001 contains control characters; remove them."),
        ({"asof": "2026-03-31"}, "unknown_field", "asof", "There is no parameter asof here; take it away or correct its name."),
        ({"format": "xlsx"}, "unknown_field", "format", "There is no parameter format here; take it away or correct its name."),
    ],
)
def test_what_cannot_be_asked(finance: Caller, query: dict[str, str], code: str, field: str, sentence: str) -> None:
    assert check(finance.get(**query), 422, code, field) == sentence


def test_a_parameter_twice(finance: Caller) -> None:
    """Neither the first nor the last of two is taken silently."""
    answer = finance.client.get(f"{AGING}?as_of=2026-03-31&as_of=2026-02-28", headers=finance.headers)
    assert check(answer, 422, "repeated_field", "as_of") == "as_of stands here more than once; name it once."


def test_nothing_there(finance: Caller) -> None:
    """An unknown address below /api/ and an unknown customer are the same answer; elsewhere it stays a page."""
    sentence = check(finance.get(customer="C999"), 404, "not_found")
    for path in ("/api/v1/nothing", "/api/", "/api/v2/reports/aging", "/api/v1/reports/aging/"):
        assert check(finance.get(path), 404, "not_found") == sentence
    assert finance.client.get("/nothing", headers=finance.headers).content_type.startswith("text/html")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_another_method(finance: Caller, method: str) -> None:
    answer = finance.client.open(AGING, method=method, headers=finance.headers, json={"as_of": "2026-03-31"})
    check(answer, 405, "method_not_allowed")
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}


def test_books_that_do_not_agree(finance: Caller, filled: Runtime) -> None:
    """One cent more in the journal than in the control: no figure goes out, for this customer's currency or any other (S9)."""
    with filled.engine.begin() as connection:
        connection.execute(sa.text("UPDATE day_total SET receivable = receivable + 1 WHERE currency = 'USD'"))
    sentence = check(finance.get(), 409, "does_not_tie_out")
    assert sentence == "The report shows 99.99 USD where the control has 100.00; it is not shown. Run `collect verify`."


def test_a_fault_of_the_program_tells_nothing(finance: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(aging, "build", fail)
    assert "secret" not in check(finance.get(), 500, "internal_error")


@pytest.mark.parametrize(
    ("asked", "own", "told"),
    [("zh-CN,zh;q=0.9", None, "zh"), ("en-GB", "zh", "en"), (None, "zh", "zh"), (None, None, "en"), ("fr", "zh", "zh"), ("fr", None, "en"), ("*", None, "en")],
)
def test_the_language_of_a_problem(app: Flask, filled: Runtime, monkeypatch: pytest.MonkeyPatch, asked: str | None, own: str | None, told: str) -> None:
    """What the request asks for, else the language of the token's user, else English; the header names it."""
    monkeypatch.setattr(i18n, "catalogue", lambda language: {"Not found": "没有"} if language == "zh" else {})
    token = filled.write(SYSTEM, lambda work: (setattr(users.require(work.session, "fang"), "language", own), users.issue_token(work, "fang", ["reports:read"]))[1])
    answer = Caller(app, token, asked).get(customer="C999")
    assert answer.json["title"] == {"zh": "没有", "en": "Not found"}[told]
    assert answer.headers["Content-Language"] == {"zh": "zh-CN", "en": "en"}[told]


def test_every_type_is_explained_on_the_page(app: Flask) -> None:
    """The address in `type` leads to a line of the page; every code is told once."""
    text = app.test_client().get("/api/v1/docs").get_data(as_text=True)
    anchors = re.findall(r'<tr id="(\w+)">', text)
    codes = set(re.findall(r'"(\w+)"', Path("collect/api/problems.py").read_text(encoding="utf-8").partition("_REFUSALS = {")[2].partition("\n}")[0]))
    assert len(anchors) == len(set(anchors))
    assert codes | {"not_found", "method_not_allowed", "too_large", "internal_error", "unavailable", "no_room"} == set(anchors)


def test_a_token_never_comes_back(app: Flask, filled: Runtime, caplog: pytest.LogCaptureFixture) -> None:
    token = token_for(filled, "ada")
    answer = Caller(app, token).get()
    assert answer.status_code == 403
    assert token not in answer.get_data(as_text=True) + caplog.text + str(answer.headers)
