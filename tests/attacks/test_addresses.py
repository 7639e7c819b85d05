"""Addresses nobody would type: numbers beyond any database, doubled slashes, somebody else's host."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from collect.runtime import Runtime
from collect.web import create_app


@pytest.fixture
def stranger(sqlite_runtime: Runtime) -> FlaskClient:
    return create_app(sqlite_runtime).test_client()


@pytest.mark.parametrize("path", ["/static//app.js", "/static//evil.example", "/bootstrap/static//x"])
def test_no_redirect_repeats_a_strangers_host(stranger: FlaskClient, path: str) -> None:
    answer = stranger.get(path, headers={"Host": "evil.example"})
    assert answer.status_code == 404 and "Location" not in answer.headers


@pytest.mark.parametrize("path", ["/allocations/99999999999999999999/undo", "/imports/9223372036854775808", "/imports/-1"])
def test_an_id_beyond_64_bits_is_an_address_that_does_not_exist(stranger: FlaskClient, path: str) -> None:
    assert stranger.get(path).status_code == 404
