"""Every route with every role, with an object of one's own, somebody else's, and none at all: foreign and missing are one answer (S28)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Rule

from collect.domain.rights import SYSTEM, Role
from collect.runtime import Runtime
from collect.services import users
from collect.storage.cash import Allocation
from collect.storage.users import Token
from collect.web import pages
from tests.web import book
from tests.web.conftest import ROLE_NAMES, SignIn, browser, token

# Own, foreign, missing, as rui (and his team lead lan) sees them: C001 is his, C/2 is Rosa's.
OBJECTS: dict[tuple[str, str], tuple[Any, Any, Any]] = {
    ("customers", "number"): ("C001", "C/2", "no such customer"),
    ("invoices", "number"): ("A1", "B/1", "no/such"),
    ("receipt", "number"): ("R-1", "R-2", "R-none"),
    ("credit_note", "number"): ("CN-1", "CN-2", "CN-none"),
    ("cash", "allocation_id"): ("of R-1", "of CN-2", 999_999_999),
    ("imports", "run_id"): ("a run", "a run", 999_999_999),
    ("users", "username"): ("rui", "rui", "nobody"),
    ("users", "token_id"): ("a token of rui", "another", 999_999_999),
}
# Routes that name an object in their query.
QUERIES = {"aging.index": "customer", "invoices.index": "customer", "api_reports.aging_report": "customer"}
FOREIGN_MARKS = ("Northwind", "B/1", "R-2", "CN-2", "B%252F1", "3.21")
PUBLIC = ("static", "bootstrap.static")
SCOPED = (Role.REP, Role.LEAD)
LAST = ("auth.sign_out",)


@pytest.fixture
def walked(filled: Runtime) -> dict[tuple[str, str], tuple[Any, Any, Any]]:
    """The book with a credit note of the foreign customer, half of it applied; objects that have ids with their ids."""
    credit = "credit_no,customer_no,date,currency,amount,invoice_no,reason\nCN-2,C/2,2026-03-02,EUR,3.21,B/1,foreign\n"
    assert book.take_in(filled, "credits", credit).new == 1
    assert book.take_in(filled, "credits", credit.replace("CN-2", "CN-3").replace("EUR", "moon")).refused == 1
    for _ in range(2):
        filled.write(SYSTEM, lambda work: users.issue_token(work, "rui", ["reports:read"]))
    with filled.read(SYSTEM) as view:
        tokens = list(view.session.scalars(sa.select(Token.id).order_by(Token.id)))
        ids = list(view.session.scalars(sa.select(Allocation.id).order_by(Allocation.id)))
        run = view.session.execute(sa.text("SELECT max(id) FROM import_run")).scalar_one()
    return OBJECTS | {("cash", "allocation_id"): (ids[0], ids[-1], 999_999_999), ("imports", "run_id"): (run, run, 999_999_999), ("users", "token_id"): (*tokens, 999_999_999)}


def addresses(app: Flask, rule: Rule, objects: dict[tuple[str, str], tuple[Any, Any, Any]], which: int) -> str:
    """The path of a rule for the own (0), foreign (1) or missing (2) object; a rule with an object nobody described fails."""
    name = str((rule.defaults or {}).get("kind") or rule.endpoint.partition(".")[0])
    values: dict[str, Any] = dict(rule.defaults or {})
    for argument in rule.arguments - set(values):
        known = objects.get((name, argument)) or objects.get((rule.endpoint.partition(".")[0], argument))
        assert known, f"say in OBJECTS what the own, foreign and missing {argument} of {rule.rule} are"
        values[argument] = known[which]
    if rule.endpoint in QUERIES:
        values[QUERIES[rule.endpoint]] = objects["customers", "number"][which]
    with app.test_request_context():
        adapter = app.create_url_adapter(None) or app.url_map.bind("localhost")
        return str(adapter.build(rule.endpoint, values, method=next(iter((rule.methods or set()) - {"HEAD", "OPTIONS"}))))


def routes(app: Flask) -> Iterator[tuple[Rule, str, list[str]]]:
    """Each rule with each method and the roles that may use it, as the matrix publishes them; what ends the session comes last."""
    matrix = {(row["path"], row["endpoint"]): row["roles"] for row in pages.route_matrix(app)}
    rules = [rule for rule in app.url_map.iter_rules() if rule.endpoint not in PUBLIC]
    for rule in sorted(rules, key=lambda rule: (rule.endpoint in LAST, rule.rule)):
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield rule, method, matrix[rule.rule, rule.endpoint]


def ask(client: FlaskClient, method: str, path: str, bearer: str, mark: str) -> tuple[int, str, bytes]:
    """Status, target and body of a request; POST carries the form token and nothing else."""
    headers = {"Authorization": f"Bearer {bearer}"} if path.startswith("/api/") else {}
    fields = {"csrf_token": mark} if method == "POST" and not path.startswith("/api/") else None
    answer = client.open(path, method=method, data=fields, headers=headers)
    if fields:
        client.get("/account")  # takes up what a change says on the next page
    return answer.status_code, answer.headers.get("Location", ""), answer.data


@pytest.mark.parametrize("role", list(Role))
def test_foreign_is_like_missing_on_every_route(app: Flask, walked: Any, filled: Runtime, sign_in: SignIn, role: Role) -> None:
    client = sign_in(role)
    mark = token(client, "/account")
    bearer = filled.write(SYSTEM, lambda work: users.issue_token(work, ROLE_NAMES[role], ["reports:read", "customers:read", "invoices:read"]))
    seen = 0
    for rule, method, roles in routes(app):
        own, foreign, missing = (ask(client, method, addresses(app, rule, walked, which), bearer, mark) for which in range(3))
        told = f"{method} {rule.rule} as {role.value}: {own[0]}, {foreign[0]}, {missing[0]}"
        seen += 1
        if "anyone" in roles:
            assert own[0] < 500, told
            continue
        if role.value not in roles:
            assert own[0] == 403, told
            assert own == foreign == missing, told
            continue
        assert own[0] not in (403, 404) and own[0] < 500, told
        named = bool(rule.arguments - set(rule.defaults or {})) or rule.endpoint in QUERIES
        if named:
            assert missing[0] == 404, told
        if role in SCOPED:
            assert foreign == missing or not named, told
            if method == "GET":
                text = own[2].decode("utf-8", "replace")
                assert not [sign for sign in FOREIGN_MARKS if sign in text], told
        elif named:
            assert foreign[0] == own[0] or rule.endpoint in ("invoices.record_event",), told
    assert seen > 40


def test_nobody_sees_nothing(app: Flask, walked: Any) -> None:
    """Without a session every page sends to the sign-in page, every API route asks for a token; nothing tells objects apart."""
    client = browser(app)
    mark = token(client)
    for rule, method, roles in routes(app):
        if "anyone" in roles:
            continue
        own, foreign, missing = (ask(client, method, addresses(app, rule, walked, which), "", mark) for which in range(3))
        if rule.rule.startswith("/api/"):
            assert own[0] == 401 and own == foreign == missing, rule.rule
        else:
            assert {answer[0] for answer in (own, foreign, missing)} == {303}, rule.rule
            assert all(answer[1].startswith("/login") for answer in (own, foreign, missing)), rule.rule


def test_lists_counts_sums_and_files_of_a_rep_hold_nothing_foreign(app: Flask, walked: Any, sign_in: SignIn) -> None:
    """Everything a rep can read without naming an object, in every form it comes in."""
    for who in (Role.REP, Role.LEAD):
        client = sign_in(who)
        paths = [f"/aging?by={by}" for by in ("customer", "item", "rep", "collector", "segment", "group", "currency")]
        paths += ["/aging?rep=rosa", "/aging?segment=hospital", "/aging?group=C/2", "/customers", "/customers?q=north", "/customers?rep=rosa", "/customers?segment=hospital"]
        paths += ["/invoices", "/invoices?q=B", "/invoices?state=open", "/search?q=3.21", "/search?q=north", "/search?q=R-2", "/search?q=foreign"]
        for path in paths:
            text = client.get(path).get_data(as_text=True)
            held = text.split('<main id="main"', 1)[1]
            assert not [sign for sign in ("Northwind", "EUR", "3.21\n", "96.79", "100.00") if sign in held], path
        for form in ("csv", "json"):
            for path in ("/aging?by=item", "/customers", "/invoices"):
                if form == "json" and not path.startswith("/aging"):
                    continue
                text = client.get(f"{path}{'&' if '?' in path else '?'}format={form}").get_data(as_text=True)
                assert "A1" in text or "C001" in text
                assert "Northwind" not in text and "B/1" not in text and "EUR" not in text, path
