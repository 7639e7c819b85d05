"""Who may read what over the API: tokens, scopes, roles, and own, foreign and missing customers."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from collect.domain.rights import SYSTEM, Role
from collect.runtime import Runtime
from collect.services import users
from collect.storage.users import find_user, load_tokens
from collect.web import pages
from tests.api.conftest import AGING, PEOPLE, Caller, token_for
from tests.web.conftest import PASSWORD, post


def test_without_a_token(app: Flask) -> None:
    answer = Caller(app).get()
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="collect"'
    assert answer.json["code"] == "token_missing"


@pytest.mark.parametrize(
    "header", ["Bearer", "Bearer ", "Bearer nothing", "Basic ZmFuZzp4", "Bearer a b", "Token {token}", "{token}", "Bearer {token}x", "Bearer {token},Bearer {token}"]
)
def test_with_a_wrong_token(app: Flask, filled: Runtime, header: str) -> None:
    caller = Caller(app)
    caller.headers["Authorization"] = header.format(token=token_for(filled, "fang"))
    answer = caller.get()
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="collect", error="invalid_token"'
    assert answer.json["code"] == "token_refused"


def test_the_scheme_may_be_written_anyhow(app: Flask, filled: Runtime) -> None:
    """RFC 9110: the name of the scheme is case-insensitive."""
    caller = Caller(app)
    caller.headers["Authorization"] = f"bearer {token_for(filled, 'fang')}"
    assert caller.get().status_code == 200


def test_a_token_in_the_address_counts_for_nothing(app: Flask, filled: Runtime) -> None:
    assert Caller(app).get(access_token=token_for(filled, "fang")).status_code == 401


def test_a_session_counts_for_nothing(app: Flask) -> None:
    """A browser that is signed in is nobody here, so that no page elsewhere can read in its name."""
    browser = app.test_client()
    assert post(browser, "/login", username="fang", password=PASSWORD).status_code == 303
    assert browser.get("/account").status_code == 200
    assert browser.get(AGING).status_code == 401


def test_another_scope_is_not_enough(app: Flask, filled: Runtime) -> None:
    answer = Caller(app, token_for(filled, "fang", "customers:read", "invoices:read")).get()
    assert (answer.status_code, answer.json["code"]) == (403, "scope_missing")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="collect", error="insufficient_scope", scope="reports:read"'
    assert Caller(app, token_for(filled, "fang", "customers:read", "reports:read")).get().status_code == 200


@pytest.mark.parametrize("username", PEOPLE)
def test_every_role_sees_its_customers(app: Flask, filled: Runtime, username: str) -> None:
    """Rep and lead see the rep's, finance, manager and auditor all, an administrator no money at all (S28)."""
    everything = ["C001", "C002", "C003"]
    sees = {"rui": ["C001"], "lan": ["C001"], "wei": ["C002"], "ada": None}.get(username, everything)
    answer = Caller(app, token_for(filled, username)).get()
    if sees is None:
        assert (answer.status_code, answer.json["code"]) == (403, "forbidden")
    else:
        assert [row["key"] for row in answer.json["rows"]] == sees


def test_a_rep_s_totals_are_of_his_customers(app: Flask, filled: Runtime) -> None:
    """wei's only customer owes 500.00 - 100.00; other currencies and amounts do not exist for him."""
    found = Caller(app, token_for(filled, "wei")).get(by="currency").json
    assert [(row["key"], row["total"]) for row in found["rows"]] == [("CNY", "400.00")]
    assert [(row["currency"], row["total"]) for row in found["totals"]] == [("CNY", "400.00")]


@pytest.mark.parametrize("by", ["customer", "item", "rep", "group"])
def test_foreign_is_missing(app: Flask, filled: Runtime, by: str) -> None:
    """The same status, body and headers for another rep's customer as for one that does not exist."""
    rep = Caller(app, token_for(filled, "rui"))
    assert rep.get(customer="C001", by=by).status_code == 200
    foreign, missing = rep.get(customer="C002", by=by), rep.get(customer="C999", by=by)
    assert foreign.status_code == 404
    assert (foreign.get_data(), list(foreign.headers)) == (missing.get_data(), list(missing.headers))
    assert rep.get(customer="C003", by=by).get_data() == missing.get_data()


def _revoke(work: Any) -> None:
    user = find_user(work.session, "fang")
    assert user is not None
    users.revoke_token(work, "fang", load_tokens(work.session, user.id)[0].id)


def test_what_an_administrator_does_acts_at_once(app: Flask, filled: Runtime) -> None:
    caller = Caller(app, token_for(filled, "fang"))
    assert caller.get().status_code == 200
    filled.write(SYSTEM, lambda work: users.set_role(work, "fang", Role.REP))
    assert caller.get().json["rows"] == []
    filled.write(SYSTEM, lambda work: users.set_role(work, "fang", Role.ADMIN))
    assert caller.get().status_code == 403
    filled.write(SYSTEM, lambda work: users.set_role(work, "fang", Role.FINANCE))
    assert caller.get().status_code == 200
    filled.write(SYSTEM, _revoke)
    assert caller.get().status_code == 401


def test_a_disabled_user_s_token_is_over_for_good(app: Flask, filled: Runtime) -> None:
    """Enabling the user again does not bring his old tokens back."""
    caller = Caller(app, token_for(filled, "fang"))
    filled.write(SYSTEM, lambda work: users.set_active(work, "fang", False))
    refused = caller.get()
    assert (refused.status_code, refused.json["code"]) == (401, "token_refused")
    filled.write(SYSTEM, lambda work: users.set_active(work, "fang", True))
    assert caller.get().status_code == 401


def test_rights_come_before_what_is_asked(app: Flask, filled: Runtime) -> None:
    """Who may not ask learns nothing about how to ask."""
    assert Caller(app).get(nonsense="1").status_code == 401
    assert Caller(app, token_for(filled, "ada")).get(nonsense="1").status_code == 403


def test_the_route_matrix_names_the_roles(app: Flask) -> None:
    rows = {row["path"]: row["roles"] for row in pages.route_matrix(app) if row["path"].startswith("/api/")}
    readers = ["rep", "lead", "finance", "manager", "auditor"]
    assert rows == {
        "/api/v1/reports/aging": readers,
        "/api/v1/customers/<path:no>/supply": readers,
        "/api/v1/proposals": readers,
        "/api/v1/proposals/<int:id>": readers,
        "/api/v1/proposals/<int:id>/decision": ["manager"],
        "/api/v1/openapi.json": ["anyone"],
        "/api/v1/docs": ["anyone"],
    }
