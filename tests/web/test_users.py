"""Settings → users and company: who may, what is refused beside which field, and that secrets are shown once or never."""

from __future__ import annotations

import re

import pytest
from flask import Flask

from collect.domain.rights import SYSTEM, Role
from collect.runtime import Runtime
from collect.services import users
from collect.storage import database
from tests.web.conftest import PASSWORD, SignIn, browser, post
from tests.web.test_auth import body

STAMP = re.compile(r'name="stamp"[^>]*value="([0-9a-f]+)"')
NEW = {"username": "new", "name": "New Person", "email": "", "role": "rep", "lead": "", "language": "", "password": PASSWORD}


def fields_of(page: str) -> dict[str, str]:
    found = STAMP.search(page)
    assert found is not None
    return {"name": "Rui Rep", "email": "rui@ours.example", "role": "rep", "lead": "lan", "language": "", "active": "y", "stamp": found.group(1)}


def user_of(runtime: Runtime, username: str) -> users.User:
    with database.reading(runtime.engine) as session:
        return users.require(session, username)


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.ADMIN])
def test_the_settings_are_the_administrators(sign_in: SignIn, role: Role) -> None:
    """Other roles get 403, whether the person exists or not, with one and the same body; and no entry in the navigation."""
    client = sign_in(role)
    bodies = set()
    for path in ("/settings", "/settings/users", "/settings/users/new", "/settings/company", "/settings/users/rui", "/settings/users/nobody"):
        answer = client.get(path)
        assert answer.status_code == 403, path
        bodies.add(body(answer))
    assert len(bodies) == 1
    assert 'href="/settings"' not in body(client.get("/account"))


def test_missing_is_like_unknown(sign_in: SignIn) -> None:
    """A user that there is not answers as an address that there is not: the same status and the same bytes."""
    client = sign_in(Role.ADMIN)
    answers = [client.get(path) for path in ("/settings/users/nobody", "/settings/users/else", "/no/such/page")]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.data for answer in answers}) == 1
    for path in ("/settings/users/nobody", "/settings/users/nobody/password", "/settings/users/nobody/tokens", "/settings/users/rui/tokens/99/revoke"):
        assert post(client, path, password=PASSWORD, scopes="reports:read", role="rep", stamp="x").status_code == 404, path


def test_adding_somebody(app: Flask, sign_in: SignIn) -> None:
    client = sign_in(Role.ADMIN)
    answer = post(client, "/settings/users/new", **{**NEW, "lead": "lan"})
    assert (answer.status_code, answer.location) == (303, "/settings/users")
    assert "New Person can sign in now." in body(client.get("/settings/users"))
    assert post(browser(app), "/login", username="new", password=PASSWORD).status_code == 303


@pytest.mark.parametrize(
    ("changes", "field", "sentence"),
    [
        ({"username": "rui"}, "username", "The user name rui is taken; choose another."),
        ({"username": ""}, "username", "This field is required."),
        ({"password": "short"}, "password", "This password is too short; use at least 10 characters."),
        ({"email": "fang@ours.example"}, "email", "Another user has the e-mail address fang@ours.example"),
        ({"lead": "ming"}, "lead", "ming is no team lead"),
        ({"role": "king"}, "role", "Not a valid choice."),
    ],
)
def test_what_is_wrong_stands_beside_the_field_and_what_was_typed_stays(sign_in: SignIn, changes: dict[str, str], field: str, sentence: str) -> None:
    answer = post(sign_in(Role.ADMIN), "/settings/users/new", **{**NEW, **changes})
    page = body(answer)
    assert answer.status_code == 422
    assert sentence in page.split(f'id="{field}-error"')[1].split("</p>")[0]
    assert 'aria-invalid="true"' in page and 'value="New Person"' in page
    assert PASSWORD not in page


def test_messages_of_the_form_library_are_in_the_readers_language(app: Flask) -> None:
    client = browser(app, "zh")
    post(client, "/login", username="ada", password=PASSWORD)
    assert "该字段是必填字段。" in body(post(client, "/settings/users/new", **{**NEW, "username": ""}))


def test_editing_and_a_stale_form(sign_in: SignIn, sqlite_runtime: Runtime) -> None:
    client = sign_in(Role.ADMIN)
    fields = fields_of(body(client.get("/settings/users/rui")))
    assert post(client, "/settings/users/rui", **{**fields, "name": "Rui Renamed"}).status_code == 303
    assert user_of(sqlite_runtime, "rui").name == "Rui Renamed"
    stale = post(client, "/settings/users/rui", **{**fields, "name": "Overwritten"})
    assert stale.status_code == 409
    assert "rui was changed meanwhile" in body(stale) and 'value="Overwritten"' in body(stale)
    assert user_of(sqlite_runtime, "rui").name == "Rui Renamed"
    again = {**fields, **{"stamp": fields_of(body(stale))["stamp"]}, "name": "Overwritten"}
    assert post(client, "/settings/users/rui", **again).status_code == 303


def test_fields_that_a_form_does_not_have_are_ignored(sign_in: SignIn, sqlite_runtime: Runtime) -> None:
    client = sign_in(Role.ADMIN)
    fields = fields_of(body(client.get("/settings/users/rui")))
    post(client, "/settings/users/rui", **fields, password_hash="x", id="1", username="admin", version="99")
    rui = user_of(sqlite_runtime, "rui")
    assert (rui.version, rui.password_hash[:7]) == (1, "$argon2")


def test_no_one_changes_his_own_role_and_the_last_administrator_stays(sign_in: SignIn, sqlite_runtime: Runtime) -> None:
    client = sign_in(Role.ADMIN)
    own = {**fields_of(body(client.get("/settings/users/ada"))), "name": "Ada Admin", "email": "ada@ours.example", "lead": "", "role": "admin"}
    refused = post(client, "/settings/users/ada", **{**own, "role": "finance"})
    assert refused.status_code == 422 and "Nobody changes his own role" in body(refused).split('id="role-error"')[1]
    del own["active"]
    refused = post(client, "/settings/users/ada", **own)
    assert refused.status_code == 422 and "Nobody disables his own account" in body(refused).split('id="active-error"')[1]
    sqlite_runtime.write(SYSTEM, lambda work: users.set_active(work, "admin", False))
    with pytest.raises(users.Refusal, match="last_admin"):
        sqlite_runtime.write(SYSTEM, lambda work: users.set_active(work, "ada", False))


def test_disabling_ends_the_session(sign_in: SignIn) -> None:
    client, rep = sign_in(Role.ADMIN), sign_in(Role.REP)
    fields = fields_of(body(client.get("/settings/users/rui")))
    del fields["active"]
    assert post(client, "/settings/users/rui", **fields).status_code == 303
    assert rep.get("/account").status_code == 303


def test_a_new_password_for_somebody(app: Flask, sign_in: SignIn) -> None:
    client, rep = sign_in(Role.ADMIN), sign_in(Role.REP)
    refused = post(client, "/settings/users/rui/password", password="short")
    assert refused.status_code == 422 and "too short" in body(refused)
    assert post(client, "/settings/users/rui/password", password="a new long one").status_code == 303
    assert rep.get("/account").status_code == 303
    assert post(browser(app), "/login", username="rui", password="a new long one").status_code == 303


def test_a_token_is_shown_once_and_can_be_revoked(sign_in: SignIn, sqlite_runtime: Runtime) -> None:
    client = sign_in(Role.ADMIN)
    answer = post(client, "/settings/users/fang/tokens", scopes=["reports:read", "customers:read"])
    found = re.search(r"collect_[A-Za-z0-9_-]{40,}", body(answer))
    assert answer.status_code == 200 and found is not None
    assert answer.headers["Cache-Control"] == "no-store"
    secret = found.group()
    known = users.token_actor(sqlite_runtime, secret)
    assert known is not None and known[1] == {"reports:read", "customers:read"}
    page = body(client.get("/settings/users/fang"))
    assert secret not in page and "Read reports" in page
    number = re.search(r"/settings/users/fang/tokens/(\d+)/revoke", page)
    assert number is not None
    assert post(client, f"/settings/users/rui/tokens/{number.group(1)}/revoke").status_code == 404, "not rui's token"
    assert post(client, number.group()).status_code == 303
    assert users.token_actor(sqlite_runtime, secret) is None
    assert "is no scope" in body(post(client, "/settings/users/fang/tokens")) or "required" in body(post(client, "/settings/users/fang/tokens"))


def test_the_company(sign_in: SignIn) -> None:
    client = sign_in(Role.ADMIN)
    page = body(client.get("/settings/company"))
    version = re.search(r'name="version"[^>]*value="(\d+)"', page)
    assert version is not None
    fields = {"name": "华北医疗", "buckets": "30, 60，90", "version": version.group(1)}
    refused = post(client, "/settings/company", **{**fields, "buckets": "90,60"})
    assert refused.status_code == 422 and "90,60 are no aging buckets" in body(refused).split('id="buckets-error"')[1]
    assert post(client, "/settings/company", **fields).status_code == 303
    page = body(client.get("/settings/company"))
    assert 'value="30,60,90"' in page and 'value="华北医疗"' in page
    assert post(client, "/settings/company", **{**fields, "name": "Stale"}).status_code == 409


def test_names_are_shown_as_text(sign_in: SignIn) -> None:
    client = sign_in(Role.ADMIN)
    post(client, "/settings/users/new", **{**NEW, "name": "<script>alert(1)</script>"})
    page = body(client.get("/settings/users"))
    assert "<script>alert" not in page and "&lt;script&gt;alert(1)" in page
