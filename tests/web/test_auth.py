"""Signing in and out, where one is sent, language and theme, one's own account; and what ends a session at once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from collect.domain.rights import SYSTEM, Role
from collect.runtime import Runtime
from collect.services import users
from collect.web import pages
from tests.conftest import FixedClock
from tests.web.conftest import PASSWORD, ROLE_NAMES, SignIn, browser, post, token


def body(answer: object) -> str:
    return answer.get_data(as_text=True)  # type: ignore[attr-defined,no-any-return]


def test_a_stranger_is_sent_to_sign_in_and_on_to_the_page_he_wanted(app: Flask, client: FlaskClient) -> None:
    answer = client.get("/settings/users?page=2")
    assert (answer.status_code, answer.location) == (303, "/login?next=/settings/users?page%3D2")
    page = client.get(answer.location)
    assert 'value="/settings/users?page=2"' in body(page)
    answer = post(client, "/login", username="ada", password=PASSWORD, next="/settings/users?page=2")
    assert (answer.status_code, answer.location) == (303, "/settings/users?page=2")
    assert client.get(answer.location).status_code == 200
    assert client.get("/login?next=/account").location == "/account"


@pytest.mark.parametrize("role", list(Role))
def test_everybody_lands_on_a_page_that_exists(sign_in: SignIn, role: Role) -> None:
    there = sign_in(role).get("/", follow_redirects=True)
    assert there.status_code == 200
    assert there.request.path != "/login"


@pytest.mark.parametrize(
    "target",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "\\\\evil.example", "javascript:alert(1)", "/\t/evil.example", "///evil.example", "account", "/ok\r\nX: y", ""],
)
def test_only_paths_of_ours_are_gone_on_to(app: Flask, client: FlaskClient, target: str) -> None:
    answer = post(client, "/login", username="ada", password=PASSWORD, next=target)
    assert (answer.status_code, answer.location) == (303, "/")


def test_wrong_is_wrong_in_one_way(app: Flask, sqlite_runtime: Runtime) -> None:
    """Unknown user, wrong password, disabled user: the same status and, but for the name typed, the same page."""
    sqlite_runtime.write(SYSTEM, lambda work: users.set_active(work, "rui", False))
    answers = []
    for name, password in (("nobody", PASSWORD), ("ada", "wrong"), ("rui", PASSWORD)):
        client = browser(app)
        mark = token(client)
        answer = client.post("/login", data={"csrf_token": mark, "username": name, "password": password})
        answers.append((answer.status_code, body(answer).replace(f'value="{name}"', "").replace(mark, "")))
    assert answers[0][0] == 401
    assert "User name or password is not right, or this user is disabled." in answers[0][1]
    assert answers[1] == answers[0] and answers[2] == answers[0]


def test_guessing_is_slowed_and_the_owner_comes_in(app: Flask, clock: FixedClock) -> None:
    """The sixth try waits; another address comes in meanwhile, and so does the owner's own browser at the same address."""
    owner = browser(app)
    assert post(owner, "/login", username="ada", password=PASSWORD).status_code == 303
    post(owner, "/logout")
    guesser = browser(app)
    for _ in range(5):
        assert post(guesser, "/login", username="ada", password="wrong").status_code == 401
    answer = post(guesser, "/login", username="ada", password=PASSWORD)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")
    assert "Too many tries; try again in 1 s" in body(answer)
    assert post(owner, "/login", username="ada", password=PASSWORD).status_code == 303
    elsewhere = browser(app)
    elsewhere.environ_base["REMOTE_ADDR"] = "198.51.100.9"
    assert post(elsewhere, "/login", username="ada", password=PASSWORD).status_code == 303
    clock.now += timedelta(seconds=1)
    assert post(guesser, "/login", username="ada", password=PASSWORD).status_code == 303


def test_one_machine_is_one_address_in_ipv6(app: Flask) -> None:
    """2001:db8:1:2::/64 belongs to one machine: six of its addresses are one guesser; the next network is another."""
    for number in range(6):
        client = browser(app)
        client.environ_base["REMOTE_ADDR"] = f"2001:db8:1:2::{number + 1}"
        assert post(client, "/login", username="ada", password="wrong").status_code == (401 if number < 5 else 429)
    client.environ_base["REMOTE_ADDR"] = "2001:db8:1:3::1"
    assert post(client, "/login", username="ada", password=PASSWORD).status_code == 303


def test_the_mark_of_a_browser_counts_for_its_own_user_only(app: Flask) -> None:
    """Who signed in as himself gets no budget of his own for guessing at another; a forged mark is none."""
    insider = browser(app)
    post(insider, "/login", username="rui", password=PASSWORD)
    post(insider, "/logout")
    codes = [post(insider, "/login", username="ada", password="wrong").status_code for _ in range(6)]
    insider.set_cookie("device", "WyJhZGEiLCJhYmMiXQ.forged")
    codes.append(post(insider, "/login", username="ada", password="wrong").status_code)
    assert codes == [401] * 5 + [429, 429]


def test_sign_out_ends_the_session_on_the_server(app: Flask, sign_in: SignIn) -> None:
    client = sign_in(Role.ADMIN)
    stolen = client.get_cookie("collect")
    assert stolen is not None
    answer = post(client, "/logout")
    assert (answer.status_code, answer.location) == (303, "/login")
    thief = browser(app)
    thief.set_cookie("collect", stolen.value)
    assert thief.get("/account").status_code == 303


def test_signing_in_takes_nothing_over_from_the_visit_before(app: Flask, client: FlaskClient) -> None:
    """A session somebody planted in the browser is not the one that is signed in, and its form token is useless."""
    planted = token(client)
    client.post("/login", data={"csrf_token": planted, "username": "ada", "password": PASSWORD})
    assert token(client, "/account") != planted
    assert client.post("/logout", data={"csrf_token": planted}).status_code == 400


@pytest.mark.parametrize("change", ["role", "password", "active"])
def test_what_an_administrator_does_acts_on_the_next_request(sqlite_runtime: Runtime, sign_in: SignIn, change: str) -> None:
    client = sign_in(Role.FINANCE)
    assert client.get("/account").status_code == 200
    acts = {
        "role": lambda work: users.set_role(work, "fang", Role.REP),
        "password": lambda work: users.set_password(work, "fang", "another long one"),
        "active": lambda work: users.set_active(work, "fang", False),
    }
    sqlite_runtime.write(SYSTEM, acts[change])
    assert client.get("/account").location == "/login?next=/account"
    assert post(client, "/account/preferences", language="zh", timezone="").status_code == 303
    assert client.get("/account", headers={"X-Block": "main"}).status_code == 401


def test_every_change_needs_the_form_token(app: Flask, sign_in: SignIn) -> None:
    """A walk over every page that takes a POST: without the token, or with another session's, 400 and nothing done."""
    client, other = sign_in(Role.ADMIN), sign_in(Role.ADMIN)
    foreign = token(other, "/account")
    walked = 0
    for route in pages.route_matrix(app):
        if "POST" not in route["methods"] or route["path"].startswith("/api/") or not {"anyone", "admin"} & set(route["roles"]):
            continue
        path = route["path"].replace("<username>", "rui").replace("<int:token_id>", "1")
        if "<" in path:
            continue
        for fields in ({}, {"csrf_token": foreign}, {"csrf_token": "x"}):
            answer = client.post(path, data=fields)
            assert answer.status_code == 400, (path, fields)
            assert "This form is no longer valid" in body(answer)
        walked += 1
    assert walked >= 12
    assert client.get("/account").status_code == 200, "still signed in: signing out needs the token too"


def test_a_stranger_with_a_token_changes_nothing(app: Flask, client: FlaskClient) -> None:
    answer = post(client, "/settings/users/new", username="eve", role="admin", password=PASSWORD)
    assert (answer.status_code, answer.location) == (303, "/login?next=/settings/users/new")


def test_the_language_follows_browser_choice_and_person(app: Flask, sign_in: SignIn) -> None:
    """Accept-Language on the first visit; a choice before signing in is kept; one's own choice wins from any browser."""
    assert '<html lang="zh-CN"' in body(browser(app, "zh-CN,zh;q=0.9").get("/login"))
    assert '<html lang="en"' in body(browser(app, "fr, en;q=0.5").get("/login"))
    assert '<html lang="zh-CN"' in body(browser(app, "fr").get("/login")), "the company's, where the browser asks for neither"
    stranger = browser(app)
    answer = post(stranger, "/language", language="zh", next="/login")
    assert (answer.status_code, answer.location) == (303, "/login")
    assert '<html lang="zh-CN"' in body(stranger.get("/login"))
    client = sign_in(Role.REP)
    answer = client.post("/language", data={"csrf_token": token(client, "/account"), "language": "zh"}, headers={"Referer": "http://localhost/account?x=1"})
    assert answer.location == "/account?x=1"
    assert '<html lang="zh-CN"' in body(client.get("/account"))
    assert '<html lang="zh-CN"' in body(sign_in(Role.REP).get("/account"))
    foreign = client.post("/language", data={"csrf_token": token(client, "/account"), "language": "xx"}, headers={"Referer": "http://evil.example/x"})
    assert foreign.location == "/"
    assert '<html lang="zh-CN"' in body(client.get("/account"))


def test_a_form_that_posts_below_its_page_leads_back_to_the_page(sign_in: SignIn) -> None:
    """`/account/password` cannot be read: neither the language switch on its answer nor a lost session leads there."""
    client = sign_in(Role.REP)
    refused = post(client, "/account/password", old="wrong", new="another long one", again="another long one")
    assert 'name="next" value="/account"' in body(refused)
    assert post(client, "/language", language="en", next="/account/password").location == "/account"
    post(client, "/logout")
    assert post(client, "/account/password", old="x").location == "/login?next=/account"


def test_the_theme_is_kept_in_the_browser(client: FlaskClient, app: Flask) -> None:
    assert 'data-theme="auto"' in body(client.get("/login"))
    assert post(client, "/theme", theme="dark", next="/login").location == "/login"
    assert 'data-theme="dark"' in body(client.get("/login"))
    post(client, "/theme", theme='"><script>')
    assert 'data-theme="dark"' in body(client.get("/login"))
    client.set_cookie("theme", '"><script>')
    assert 'data-theme="auto"' in body(client.get("/login"))


def test_own_password_ends_the_other_sessions_and_keeps_this_one(sign_in: SignIn, app: Flask) -> None:
    here, there = sign_in(Role.REP), sign_in(Role.REP)
    wrong = post(here, "/account/password", old="wrong", new="another long one", again="another long one")
    assert wrong.status_code == 422 and "This is not your present password." in body(wrong)
    differ = post(here, "/account/password", old=PASSWORD, new="another long one", again="another long two")
    assert differ.status_code == 422 and "The two passwords differ" in body(differ)
    assert post(here, "/account/password", old=PASSWORD, new="another long one", again="another long one").location == "/account"
    assert here.get("/account").status_code == 200
    assert there.get("/account").status_code == 303
    assert post(browser(app), "/login", username="rui", password="another long one").status_code == 303


def test_own_sessions_can_be_ended_and_nobody_elses(sign_in: SignIn) -> None:
    here, there, foreign = sign_in(Role.REP), sign_in(Role.REP), sign_in(Role.ADMIN)
    page = body(foreign.get("/account"))
    assert page.count("<tr>") == 2, "one's own only"
    mark = body(here.get("/account")).split('name="session" value="')[1].split('"')[0]
    post(foreign, "/account/sessions", session=mark)
    assert there.get("/account").status_code == 200
    post(here, "/account/sessions", session=mark)
    assert there.get("/account").status_code == 303
    assert here.get("/account").status_code == 200
    again = sign_in(Role.REP)
    post(again, "/account/sessions")
    assert here.get("/account").status_code == 303


def test_preferences(sign_in: SignIn) -> None:
    """Signed in at 2026-…T… UTC: the list of sessions shows it in the person's zone once he has one."""
    client = sign_in(Role.REP)
    refused = post(client, "/account/preferences", language="", timezone="Mars/Base")
    assert refused.status_code == 422
    assert "Mars/Base is no time zone" in body(refused) and 'value="Mars/Base"' in body(refused)
    assert post(client, "/account/preferences", language="en", timezone="Pacific/Kiritimati").status_code == 303
    assert 'value="Pacific/Kiritimati"' in body(client.get("/account"))


def test_a_block_of_a_page(sign_in: SignIn) -> None:
    """`X-Block` gets the block alone and says so; a block that there is not gets the page."""
    client = sign_in(Role.REP)
    whole, part, none = client.get("/account"), client.get("/account", headers={"X-Block": "main"}), client.get("/account", headers={"X-Block": "nope"})
    assert part.headers["X-Block"] == "main" and "X-Block" not in none.headers
    assert body(part).strip() in body(whole) and "<html" not in body(part)
    assert "<html" in body(none)


def test_no_session_of_a_person_of_no_role(app: Flask) -> None:
    assert set(ROLE_NAMES) == set(Role)
