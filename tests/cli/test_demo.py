"""`collect demo`: made once, told and brought up to today; served until it is stopped; never where something else is."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from collect.services import demo
from tests.cli.conftest import Program
from tests.demonstration import made_at


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A copy of a demonstration that was made three weeks before the tests' today: serving brings it up to the day it really is."""
    return Path(shutil.copytree(made_at("2026-02-17T00:10"), tmp_path / "demonstration"))


def test_made_already_it_catches_up_and_tells_who_can_sign_in(sqlite_program: Program, place: Path) -> None:
    told = sqlite_program("demo", "--no-serve", "--dir", place, COLLECT_LANGUAGE="en")
    assert "The daily round is done up to 2026-03-10." in told.stderr
    assert "Making" not in told.stderr
    lines = told.stdout.splitlines()
    assert lines[0].split() == ["Role", "User", "Password", "Opens", "at"]
    assert [line.split()[-3:] for line in lines[2:]] == [
        ["chen", "collect-demo", "/my-day"],
        ["lin", "collect-demo", "/my-day"],
        ["fang", "collect-demo", "/aging"],
        ["gao", "collect-demo", "/decisions"],
        ["sun", "collect-demo", "/aging"],
        ["admin", "collect-demo", "/settings"],
    ]


def test_it_speaks_the_language_that_is_asked_for(sqlite_program: Program, place: Path) -> None:
    assert sqlite_program("demo", "--no-serve", "--dir", place, COLLECT_LANGUAGE="zh").stdout.startswith("角色")


def test_it_makes_the_company_where_none_is_and_tells_how_far_it_is(sqlite_program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Making is tested with the service; here it only says how far it is, in the folder that is the default."""
    seen = []

    def make(folder: Path, progress: object = None) -> None:
        seen.append(folder)
        for day in range(1, 372):
            progress(day, 371)  # type: ignore[operator]
        raise KeyboardInterrupt

    monkeypatch.setattr(demo, "make", make)
    told = sqlite_program("demo", "--no-serve", status=1, COLLECT_LANGUAGE="en")
    folder = Path(sqlite_program.environment["COLLECT_DATA_DIR"]) / "demo"
    assert seen == [folder]
    assert [line for line in told.stderr.splitlines() if line] == [
        f"Making the demonstration company in {folder}; this takes about half a minute.",
        *(f"{day} of 371 days" for day in (60, 120, 180, 240, 300, 360, 371)),
        "Stopped: what was not finished has changed nothing.",
    ]


def test_a_database_that_is_no_demonstration_is_refused(sqlite_program: Program, tmp_path: Path) -> None:
    (tmp_path / "collect.db").write_bytes(b"")
    told = sqlite_program("demo", "--no-serve", "--dir", tmp_path, status=1, COLLECT_LANGUAGE="en")
    assert told.stderr == f"{tmp_path} holds a database that is no demonstration; name another folder with --dir.\n"


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_with_its_worker_and_ends_cleanly(sqlite_program: Program, place: Path, stop: signal.Signals) -> None:
    environment = {**os.environ, **sqlite_program.environment, "COLLECT_LANGUAGE": "en"}
    command = [sys.executable, "-m", "collect", "demo", "--port", "0", "--dir", str(place)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        try:
            assert server.stderr is not None
            told = next((line for line in server.stderr if "Serving on" in line), "")
            found = re.search(r"http://127\.0\.0\.1:\d+", told)
            assert found, told
            with urllib.request.urlopen(f"{found[0]}/readyz", timeout=30) as answer:
                assert answer.read() == b"ready\n"
            server.send_signal(stop)
            out, err = server.communicate(timeout=60)
        finally:
            server.kill()
    assert (server.returncode, err) == (0, "")
    assert f"{found[0]}/my-day" in out
