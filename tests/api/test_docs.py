"""The OpenAPI document, checked by another program, and the page made from it."""

from __future__ import annotations

import re
from typing import Any, get_args

import pytest
from flask import Flask
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

import collect
from collect.api.schemas import AgingQuery
from collect.domain.aging import Basis
from collect.reports.aging import GROUPINGS
from tests.api.conftest import AGING, Caller


@pytest.fixture
def document(app: Flask) -> dict[str, Any]:
    """As a stranger reads it."""
    answer = app.test_client().get("/api/v1/openapi.json")
    assert (answer.status_code, answer.content_type) == (200, "application/json")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "Set-Cookie" not in answer.headers
    found: dict[str, Any] = answer.json
    return found


def conforms(value: Any, name: str, document: dict[str, Any]) -> bool:
    """Whether a value fits a schema of the document, told by another program."""
    validator = OAS31Validator({"$ref": f"#/components/schemas/{name}", "components": document["components"]})
    return not list(validator.iter_errors(value))


def test_the_document_is_openapi_3_1(document: dict[str, Any]) -> None:
    OpenAPIV31SpecValidator(document).validate()
    assert document["openapi"].startswith("3.1")
    assert document["info"]["version"] == collect.__version__
    others = ["/api/v1/customers/{no}/supply", "/api/v1/proposals", "/api/v1/proposals/{id}", "/api/v1/proposals/{id}/decision"]
    assert list(document["paths"]) == [AGING, *others]


def test_the_document_tells_all_options(document: dict[str, Any]) -> None:
    """The parameters are those of the command, and their choices those of the report."""
    operation = document["paths"][AGING]["get"]
    parameters = {part["name"]: part for part in operation["parameters"]}
    assert list(parameters) == ["as_of", "known_at", "basis", "buckets", "unapplied", "by", "customer", "currency"]
    assert not any(part["required"] for part in parameters.values())
    assert parameters["by"]["schema"]["enum"] == list(GROUPINGS)
    assert parameters["basis"]["schema"]["enum"] == [basis.value for basis in Basis]
    assert get_args(AgingQuery.model_fields["by"].annotation) == GROUPINGS
    assert operation["security"] == [{"bearer": ["reports:read"]}]
    assert document["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    assert sorted(operation["responses"]) == ["200", "401", "403", "404", "409", "422", "500", "503", "507"]


@pytest.mark.parametrize("query", [{}, {"by": "item"}, {"by": "rep"}, {"known_at": "2026-03-31T23:00:00+08:00"}, {"as_of": "2020-01-01"}])
def test_answers_are_what_the_document_says(finance: Caller, document: dict[str, Any], query: dict[str, str]) -> None:
    answer = finance.get(**query).json
    assert conforms(answer, "AgingReport", document)
    for row in answer["rows"]:
        assert conforms(row, "AgingRow", document)
        assert not conforms({**row, "1-30": 12.5}, "AgingRow", document)


def test_problems_and_the_example_are_what_the_document_says(finance: Caller, document: dict[str, Any]) -> None:
    assert conforms(finance.get(customer="C999").json, "Problem", document)
    assert conforms(finance.get(as_of="x").json, "Problem", document)
    example = document["paths"][AGING]["get"]["responses"]["200"]["content"]["application/json"]["example"]
    assert conforms(example, "AgingReport", document)
    assert list(example) == list(finance.get().json)
    assert example["buckets"] == finance.get(buckets="30,60").json["buckets"]
    assert list(example["rows"][0]) == list(finance.get(buckets="30,60").json["rows"][0])


def test_the_page_shows_everything(app: Flask, document: dict[str, Any]) -> None:
    """To anybody, whole without a script, under the policy of the pages."""
    answer = app.test_client().get("/api/v1/docs", headers={"Accept-Language": "en"})
    assert answer.status_code == 200
    assert "'unsafe" not in answer.headers["Content-Security-Policy"]
    text = answer.get_data(as_text=True)
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", text)
    shown = re.sub(r"<[^>]+>", "", text)
    operation = document["paths"][AGING]["get"]
    assert AGING in shown
    assert operation["summary"] in shown
    for part in operation["parameters"]:
        assert f'<code translate="no">{part["name"]}</code>' in text
    for field in ("rows[].key", "rows[].1-30", "rows[].{bucket}", "totals", "control.known"):
        assert (f'<code translate="no">{field}</code>' in text) is (field != "rows[].1-30")
    assert "curl -H &#34;Authorization: Bearer $TOKEN&#34; &#34;http://localhost/api/v1/reports/aging?as_of=2026-03-31&#34;" in text


def test_the_page_is_in_the_reader_s_language(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    from collect import i18n

    monkeypatch.setattr(
        i18n, "catalogue", lambda language: {"What a row is.": "每行是什么。", "{value} is no date; write it as 2026-03-31.": "{value} 不是日期"} if language == "zh" else {}
    )
    text = app.test_client().get("/api/v1/docs", headers={"Accept-Language": "zh-CN"}).get_data(as_text=True)
    assert "每行是什么。" in text
    assert "… 不是日期" in text
