"""`collect send`, `worker` and `outbox` against a real mail server on loopback."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from collect.services import setup
from tests.channels.sink import Sink
from tests.cli.conftest import Program
from tests.conftest import FixedClock, make_runtime
from tests.services.sending import BEFORE, planned


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(BEFORE)


@pytest.fixture
def sink() -> Iterator[Sink]:
    made = Sink()
    made.start()
    yield made
    made.stop()


@pytest.fixture
def mailing(sqlite_program: Program, tmp_path: Path, clock: FixedClock, sink: Sink) -> Program:
    """Three messages are planned for 09:00; the mail server is the sink."""
    runtime = make_runtime(sqlite_program.environment["COLLECT_DATABASE_URL"], tmp_path / "home", clock)
    planned(runtime)
    runtime.engine.dispose()
    mail = {"HOST": "127.0.0.1", "PORT": str(sink.port), "FROM": "AR <collect@seller.example>"}
    sqlite_program.environment |= {"COLLECT_LANGUAGE": "en", **{f"COLLECT_SMTP_{name}": value for name, value in mail.items()}}
    return sqlite_program


def listed(program: Program, *options: str) -> list[dict[str, object]]:
    found = json.loads(program("outbox", "list", "--format", "json", *options).stdout)
    assert isinstance(found, list)
    return found


def test_what_is_due_goes_out_once(mailing: Program, sink: Sink) -> None:
    nothing = "0 sent, 0 to be tried again, 0 failed, 0 uncertain, 0 cancelled, 0 moved to a later slot.\n"
    assert mailing("send", "--at", "2026-03-10T08:59").stdout == nothing
    assert mailing("send", "--at", "2026-03-10T09:00").stdout == nothing.replace("0 sent", "3 sent")
    assert mailing("send", "--at", "2026-03-10T01:30:00Z").stdout == nothing
    assert len(sink.ids) == len(set(sink.ids)) == 3
    assert {one["message_id"] for one in listed(mailing, "--state", "sent")} == set(sink.ids)


def test_a_date_means_its_whole_day(mailing: Program, sink: Sink) -> None:
    assert json.loads(mailing("send", "--at", "2026-03-10", "--format", "json").stdout)["sent"] == 3


def test_without_an_instant_it_is_now(mailing: Program, clock: FixedClock) -> None:
    assert json.loads(mailing("send", "--format", "json").stdout)["sent"] == 0
    clock.set("2026-03-10T01:00")
    assert json.loads(mailing("send", "--format", "json").stdout)["sent"] == 3


def test_a_refused_recipient_is_told_by_the_exit_status_and_the_list(mailing: Program, sink: Sink) -> None:
    sink.handler.refuse["c2@buyer.example"] = "550 no such user"
    mailing("send", "--at", "2026-03-10T09:00", status=1)
    (failed,) = listed(mailing, "--state", "failed")
    assert (failed["customer_no"], failed["reason"], failed["sent_at"]) == ("C2", "550 no such user", None)
    assert "550 no such user" in mailing("outbox", "list").stdout


def test_an_uncertain_message_is_resolved_once(mailing: Program, sink: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    sink.handler.answer = "299 neither yes nor no"
    assert "`collect outbox resolve ID`" in mailing("send", "--at", "2026-03-10T09:00", status=1).stderr
    first, second, _ = listed(mailing, "--state", "uncertain")
    assert mailing("outbox", "resolve", first["id"], "--as", "sent").stdout == f"Message {first['id']} is sent now.\n"
    assert mailing("outbox", "resolve", second["id"], "--as", "not-sent").stdout == f"Message {second['id']} is queued now.\n"
    assert "is not uncertain any more (sent)" in mailing("outbox", "resolve", first["id"], "--as", "sent", status=1).stderr
    mailing("outbox", "resolve", 999_999, "--as", "sent", status=1)
    mailing("outbox", "resolve", second["id"], "--as", "perhaps", status=2)
    assert mailing("verify").exit_code == 0


def test_wrong_words_and_missing_mail_are_told(mailing: Program) -> None:
    assert "2026-13-40" in mailing("send", "--at", "2026-13-40", status=1).stderr
    assert "tomorrow at nine" in mailing("send", "--at", "tomorrow at nine", status=1).stderr
    assert "No mail is configured" in mailing("send", COLLECT_SMTP_HOST=None, status=1).stderr
    assert "nobody" in mailing("send", COLLECT_SMTP_FROM="nobody", status=1).stderr
    mailing("outbox", "list", "--state", "lost", status=2)


def test_the_doctor_tells_where_mail_goes_and_no_secret(mailing: Program, sink: Sink, tmp_path: Path) -> None:
    file = tmp_path / "mail-password"
    file.write_text("hunter2")
    told = mailing("doctor", COLLECT_SMTP_USER="me", COLLECT_SMTP_PASSWORD_FILE=str(file)).stdout
    assert f"smtp://127.0.0.1:{sink.port}" in told and "AR <collect@seller.example>" in told and "hunter2" not in told
    assert "Mail leaves without encryption" in mailing("doctor", COLLECT_SMTP_HOST="mail.example").stdout
    assert "no e-mail address" in mailing("doctor", COLLECT_SMTP_FROM="nobody").stdout or "nobody" in mailing("doctor", COLLECT_SMTP_FROM="nobody").stdout


def test_the_worker_does_it_all_by_itself(mailing: Program, clock: FixedClock, sink: Sink) -> None:
    clock.set("2026-03-10T01:00")
    told = mailing("worker", "--once")
    assert "3 sent, 0 to be tried again, 0 failed, 0 uncertain." in told.stdout and f"Mail goes to smtp://127.0.0.1:{sink.port}." in told.stderr
    assert len(sink.ids) == 3
    clock.set("2026-03-12T00:00")
    assert "The round of 2026-03-12 is done." in mailing("worker", "--once").stdout


def test_a_worker_ends_cleanly_when_it_is_told_to(tmp_path: Path) -> None:
    """A real process on an empty company: SIGTERM, and it ends with 0 after a last word."""
    environment = {**os.environ, "COLLECT_DATABASE_URL": f"sqlite:///{tmp_path / 'c.db'}", "COLLECT_DATA_DIR": str(tmp_path), "COLLECT_LANGUAGE": "en"}
    from collect import runtime, settings

    made = runtime.start(settings.load(environment))
    setup.initialise(made, setup.Company("Northwind", "US", "USD", "UTC"), None)
    made.engine.dispose()
    worker = subprocess.Popen([sys.executable, "-m", "collect", "worker"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert worker.stderr is not None
    assert worker.stderr.readline() == "No mail is configured: only the daily round is done.\n"
    worker.send_signal(signal.SIGTERM)
    out, _ = worker.communicate(timeout=60)
    assert worker.returncode == 0 and "0 sent" in out
