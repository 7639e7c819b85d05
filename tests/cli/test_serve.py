"""`collect serve` and `collect routes`: a real server that starts, answers and stops; the roles of every route."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.cli.conftest import Program


@contextmanager
def serving(program: Program, *options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server process and the address it told; killed at the end if it still runs."""
    environment = {**os.environ, **program.environment}
    server = subprocess.Popen([sys.executable, "-m", "collect", "serve", "--port", "0", *options], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert server.stderr is not None
        told = server.stderr.readline()
        found = re.search(r"http://\S+", told)
        assert found, told + (server.stderr.read() if server.poll() is not None else "")
        yield server, found[0]
    finally:
        server.kill()
        server.communicate()


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_until_it_is_told_to_stop(ready: Program, stop: signal.Signals) -> None:
    with serving(ready) as (server, address):
        with urllib.request.urlopen(f"{address}/healthz", timeout=30) as answer:
            assert answer.status == 200
        with urllib.request.urlopen(f"{address}/readyz", timeout=30) as answer:
            assert answer.status == 200
        server.send_signal(stop)
        out, err = server.communicate(timeout=30)
        assert (server.returncode, out, err) == (0, "", "")


def test_a_name_with_several_addresses(ready: Program) -> None:
    with serving(ready, "--host", "localhost") as (_, address), urllib.request.urlopen(f"{address}/healthz", timeout=30) as answer:
        assert answer.status == 200


def test_a_busy_port_is_3_and_one_sentence(ready: Program) -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        command = [sys.executable, "-m", "collect", "serve", "--port", str(busy.getsockname()[1])]
        told = subprocess.run(command, env={**os.environ, **ready.environment}, capture_output=True, text=True, check=False)
    assert (told.returncode, told.stdout, told.stderr) == (3, "", "The system refused this: Address already in use.\n")


def test_it_does_not_start_without_a_good_secret(ready: Program) -> None:
    secret = ready.folder / "home" / "secret"
    secret.write_text("x" * 64)
    told = ready("serve", status=1)
    assert told.stderr == f"The secret in {secret} is missing or too weak; `collect init` makes a good one.\n"


def test_it_does_not_start_on_an_empty_database(sqlite_program: Program) -> None:
    assert sqlite_program("serve", status=1).stderr == "This database is empty: run `collect init` first.\n"


def test_routes_name_the_roles_of_each(ready: Program) -> None:
    matrix = json.loads(ready("routes", "--format", "json").stdout)
    by_path = {row["path"]: row for row in matrix}
    assert by_path["/healthz"]["methods"] == ["GET"]
    assert {role for row in matrix for role in row["roles"]} == {"rep", "lead", "finance", "manager", "auditor", "admin", "anyone"}
    assert by_path["/settings/users"]["roles"] == ["admin"]
    assert [row["path"] for row in matrix if not row["roles"]] == []
    assert len(matrix) == len({(row["path"], *row["methods"]) for row in matrix})
    lines = ready("routes").stdout.splitlines()
    assert lines[0].split() == ["Path", "Methods", "Roles"]
    assert len(lines) == len(matrix) + 2
