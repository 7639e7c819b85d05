"""What holds for every answer: headers and cookies, errors that tell nothing, a secret worth its name, a declared right on every route."""

from __future__ import annotations

import re
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Blueprint, Flask, session
from flask.testing import FlaskClient

import collect.web
from collect.domain.errors import Refusal
from collect.domain.rights import Open, Permission, Role, needs
from collect.runtime import Runtime
from collect.web import create_app, pages
from tests.web.conftest import PASSWORD, SignIn, browser, post
from tests.web.test_auth import body

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; manifest-src 'self'; worker-src 'self'; connect-src 'self'; "
    "font-src 'self'; frame-ancestors 'none'; form-action 'self'; base-uri 'none'"
)
PAGES = ("/account", "/settings/users", "/settings/users/new", "/settings/users/rui", "/settings/company", "/nowhere")
WORK = ("/my-day", "/my-day?view=untouched", "/reminders", "/reminders/preview", "/outbox", "/promises", "/disputes", "/decisions", "/policy", "/policy/1", "/aging")


def test_headers_of_pages(client: FlaskClient, sign_in: SignIn) -> None:
    admin = sign_in(Role.ADMIN)
    for answer in (client.get("/login"), client.get("/account"), client.get("/nowhere"), client.post("/login"), *(admin.get(path) for path in PAGES)):
        assert answer.headers["Content-Security-Policy"] == POLICY
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Referrer-Policy"] == "same-origin"
        assert "camera=()" in answer.headers["Permissions-Policy"]
        assert "Strict-Transport-Security" not in answer.headers
        assert "Server" not in answer.headers


def test_files_are_ours_and_may_be_kept(client: FlaskClient) -> None:
    page = body(client.get("/login"))
    addresses = re.findall(r'<(?:link|script)[^>]*(?:href|src)="([^"]+)"', page)
    assert len(addresses) == 4 and all(address.startswith("/") and not address.startswith("//") for address in addresses)
    for address in addresses:
        answer = client.get(address)
        assert answer.status_code == 200, address
        assert "max-age" in answer.headers["Cache-Control"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "Set-Cookie" not in answer.headers
        answer.close()
    assert client.get("/static/nothing.css").headers["Cache-Control"] == "no-store"
    assert client.get("/static/../__init__.py").status_code == 404


def test_nothing_inline(sign_in: SignIn) -> None:
    """The content policy would refuse it, so no page has it: no style attribute, no handler, no script or style text."""
    admin, finance = sign_in(Role.ADMIN), sign_in(Role.FINANCE)
    for client, path in [*((admin, path) for path in PAGES), *((finance, path) for path in WORK)]:
        page = body(client.get(path))
        assert not re.search(r"<[^>]+\s(?:style|on[a-z]+)\s*=", page), path
        assert not re.search(r"<script(?![^>]*\ssrc=)|<style", page), path


def test_cookies(app: Flask, sqlite_runtime: Runtime) -> None:
    for secure in (False, True):
        made = create_app(replace(sqlite_runtime, settings=replace(sqlite_runtime.settings, secure_cookies=secure)))
        client = browser(made)
        client.environ_base["wsgi.url_scheme"] = "https" if secure else "http"
        base = "https://localhost" if secure else "http://localhost"
        page = body(client.get("/login", base_url=base))
        mark = page.split('name="csrf_token" value="', 1)[1].split('"', 1)[0]
        answer = client.post("/login", base_url=base, data={"csrf_token": mark, "username": "ada", "password": PASSWORD}, headers={"Referer": f"{base}/login"})
        assert answer.status_code == 303
        cookies = answer.headers.getlist("Set-Cookie")
        assert {cookie.split("=")[0] for cookie in cookies} == {"collect", "device"}
        for cookie in cookies:
            assert "HttpOnly" in cookie and "SameSite=Lax" in cookie and "Path=/" in cookie and ("Secure" in cookie) is secure
        assert ("Strict-Transport-Security" in answer.headers) is secure


@pytest.mark.parametrize("secret", [None, "", "changeme", "0" * 64, "ab" * 40, "x" * 31])
def test_a_weak_secret_stops_the_start(sqlite_runtime: Runtime, tmp_path: Path, secret: str | None) -> None:
    file = tmp_path / "weak"
    if secret is not None:
        file.write_text(secret)
    with pytest.raises(Refusal, match="weak_secret"):
        create_app(replace(sqlite_runtime, settings=replace(sqlite_runtime.settings, secret_file=file)))


def test_a_route_that_declares_nothing_stops_the_start(sqlite_runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    blueprint = Blueprint("loose", __name__)
    blueprint.add_url_rule("/loose", "index", lambda: "open to whom?")
    monkeypatch.setattr(collect.web, "BLUEPRINTS", (*collect.web.BLUEPRINTS, blueprint))
    with pytest.raises(RuntimeError, match=r"/loose"):
        create_app(sqlite_runtime)


def trial(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> Flask:
    """The application with a page for finance, one that fails, and one that the rules refuse."""
    blueprint = Blueprint("trial", __name__)

    @blueprint.get("/trial/finance")
    @needs(Permission.IMPORT)
    def finance() -> str:
        return "figures"

    @blueprint.get("/trial/fails")
    @needs(Open.SIGNED_IN)
    def fails() -> str:
        raise ValueError("the password is hunter2")

    @blueprint.get("/trial/refused")
    @needs(Open.SIGNED_IN)
    def refused() -> str:
        raise Refusal("bad_amount", "amount", value="1e3")

    @blueprint.post("/trial/upload")
    @needs(Open.SIGNED_IN)
    def upload() -> str:
        return "taken"

    monkeypatch.setattr(collect.web, "BLUEPRINTS", (*collect.web.BLUEPRINTS, blueprint))
    return create_app(runtime)


def test_routes_say_who_may(app: Flask, sqlite_runtime: Runtime, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch) -> None:
    made = trial(sqlite_runtime, monkeypatch)
    rows = {row["path"]: row for row in pages.route_matrix(made)}
    assert rows["/trial/finance"] == {"path": "/trial/finance", "methods": ["GET"], "endpoint": "trial.finance", "roles": ["finance"]}
    assert rows["/login"]["roles"] == ["anyone"] and rows["/login"]["methods"] == ["GET", "POST"]
    assert rows["/account"]["roles"] == [role.value for role in Role]
    for role in Role:
        client = browser(made)
        post(client, "/login", username={"rep": "rui", "lead": "lan", "finance": "fang", "manager": "ming", "auditor": "ao", "admin": "ada"}[role.value], password=PASSWORD)
        answer = client.get("/trial/finance")
        assert answer.status_code == (200 if role is Role.FINANCE else 403), role


def test_errors_tell_nothing(app: Flask, sqlite_runtime: Runtime, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    made = trial(sqlite_runtime, monkeypatch)
    client = browser(made)
    post(client, "/login", username="fang", password=PASSWORD)
    answer = client.get("/trial/fails")
    assert answer.status_code == 500
    assert "Something went wrong in the program" in body(answer)
    assert "hunter2" not in body(answer) and "Traceback" not in body(answer) and "ValueError" not in body(answer)
    assert "hunter2" in caplog.text, "the log has it"
    answer = client.get("/trial/refused")
    assert answer.status_code == 422 and "1e3 is no amount; write digits such as" in body(answer)
    assert client.put("/account").status_code == 405
    assert client.put("/account").headers["Allow"]


def test_uploads_have_a_limit_and_strangers_a_small_one(app: Flask, sqlite_runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collect.web, "_FORM_ALLOWANCE", 10_000)
    made = trial(replace(sqlite_runtime, settings=replace(sqlite_runtime.settings, max_bytes=200_000)), monkeypatch)
    client = browser(made)
    assert client.post("/login", data={"file": (BytesIO(b"x" * 70_000), "a.csv")}).status_code == 413
    post(client, "/login", username="fang", password=PASSWORD)
    mark = body(client.get("/account")).split('name="csrf_token" value="', 1)[1].split('"', 1)[0]
    assert client.post("/trial/upload", data={"csrf_token": mark, "file": (BytesIO(b"x" * 150_000), "a.csv")}).status_code == 200
    answer = client.post("/trial/upload", data={"csrf_token": mark, "file": (BytesIO(b"x" * 220_000), "a.csv")})
    assert answer.status_code == 413 and "larger than the program accepts" in body(answer)


def test_alive_and_ready(client: FlaskClient, sqlite_runtime: Runtime) -> None:
    for path, word in (("/healthz", "ok"), ("/readyz", "ready")):
        answer = client.get(path)
        assert (answer.status_code, body(answer).strip()) == (200, word)
        assert "Set-Cookie" not in answer.headers
    with sqlite_runtime.engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = 'older'"))
    assert (client.get("/readyz").status_code, body(client.get("/readyz")).strip()) == (503, "not_migrated")
    assert client.get("/healthz").status_code == 200


def test_a_database_that_is_gone(app: Flask, client: FlaskClient, sign_in: SignIn, sqlite_runtime: Runtime) -> None:
    """Tables taken away under the running program: 503 with a sentence, on pages and on `/readyz`; alive all the same."""
    admin = sign_in(Role.ADMIN)
    with sqlite_runtime.engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE seller RENAME TO gone"))
    for answer in (client.get("/login"), admin.get("/account")):
        assert answer.status_code == 503
        assert "The database cannot be reached" in body(answer) and "OperationalError" not in body(answer)
    assert client.get("/readyz").status_code == 503
    assert client.get("/healthz").status_code == 200


def test_equal_answers_are_equal_to_the_byte(sign_in: SignIn) -> None:
    """The form token stays the same through a session, so that a foreign object can answer exactly as a missing one."""
    client = sign_in(Role.ADMIN)
    assert client.get("/settings/users").data == client.get("/settings/users").data


def test_the_cookie_holds_a_session_and_nothing_about_the_person(app: Flask, sign_in: SignIn) -> None:
    client = sign_in(Role.REP)
    with client:
        client.get("/account")
        assert set(session) <= {"_permanent", "token", "csrf_token", "csrf_shown"}
