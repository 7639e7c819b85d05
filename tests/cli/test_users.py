"""`collect user`: add, list, disable, token."""

from __future__ import annotations

import json

import pytest

from collect import settings
from collect.runtime import start
from collect.services import users
from tests.cli.conftest import Program


def test_a_person_is_added_listed_and_disabled(ready: Program) -> None:
    told = ready("user", "add", "li.na", "--role", "rep", "--password-file", ready.password_file, "--full-name", "李娜", "--email", "li.na@example.com")
    assert told.stdout == "Added li.na as rep.\n"
    assert ready("user", "list").stdout.splitlines() == [
        "User   Name    Role   E-mail             Active",
        "-----  ------  -----  -----------------  ------",
        "admin  管理员  admin                     yes",
        "li.na  李娜    rep    li.na@example.com  yes",
    ]
    assert ready("user", "disable", "li.na").stdout == "Disabled li.na.\n"
    person = json.loads(ready("user", "list", "--format", "json").stdout)[1]
    assert person == {"username": "li.na", "name": "李娜", "role": "rep", "email": "li.na@example.com", "active": False}


@pytest.mark.parametrize("role", ["rep", "lead", "finance", "manager", "auditor", "admin"])
def test_every_role_of_the_interface(ready: Program, role: str) -> None:
    assert ready("user", "add", f"a.{role}", "--role", role, "--password-file", ready.password_file).stdout == f"Added a.{role} as {role}.\n"


@pytest.mark.parametrize(
    ("arguments", "status", "sentence"),
    [
        (("add", "admin", "--role", "rep"), 1, "The user name admin is taken; choose another."),
        (("add", "Bad Name", "--role", "rep"), 1, "bad name cannot be a user name;"),
        (("add", "x", "--role", "owner"), 2, "owner is none of"),
        (("add", "x"), 2, "--role"),
        (("disable", "nobody"), 1, "There is no user nobody here."),
        (("token", "nobody"), 1, "There is no user nobody here."),
        (("token", "admin", "--scope", "everything"), 1, "everything is no scope of a token;"),
    ],
)
def test_what_cannot_be_is_one_sentence(ready: Program, arguments: tuple[str, ...], status: int, sentence: str) -> None:
    more = ("--password-file", ready.password_file) if arguments[0] == "add" else ()
    told = ready("user", *arguments, *more, status=status)
    assert sentence in told.stderr
    assert told.stdout == ""


def test_a_short_password_is_refused(ready: Program) -> None:
    ready.password_file.write_text("123\n")
    assert ready("user", "add", "x", "--role", "rep", "--password-file", ready.password_file, status=1).stderr == "This password is too short; use at least 10 characters.\n"


def test_the_token_is_printed_alone_and_works(ready: Program) -> None:
    ready("user", "add", "shop", "--role", "auditor", "--password-file", ready.password_file)
    told = ready("user", "token", "shop", "--scope", "reports:read")
    assert told.stderr == ""
    token = told.stdout.removesuffix("\n")
    assert len(token.split()) == 1
    runtime = start(settings.load(ready.environment))
    found = users.token_actor(runtime, token)
    runtime.engine.dispose()
    assert found is not None
    assert (found[0].name, found[1]) == ("shop", frozenset({"reports:read"}))


def test_a_token_without_a_scope_has_every_scope(ready: Program) -> None:
    token = ready("user", "token", "admin").stdout.strip()
    runtime = start(settings.load(ready.environment))
    found = users.token_actor(runtime, token)
    runtime.engine.dispose()
    assert found is not None
    assert found[1] == frozenset(users.SCOPES)
