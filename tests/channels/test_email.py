"""SMTP: what each answer, silence and broken connection makes of an attempt, before and after the handover."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from collect import settings
from collect.channels import of
from collect.channels.email import Smtp, is_loopback
from collect.channels.folder import Folder
from collect.channels.mail import Mail, Outcome, Uncertain
from collect.domain.errors import Refusal
from tests.channels.sink import Sink


class Handed:
    """Counts the handovers."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> None:
        self.times += 1


@pytest.fixture
def handed() -> Handed:
    return Handed()


def smtp(port: int, **options: object) -> Smtp:
    return Smtp("127.0.0.1", port, "collect@seller.example", timeout=0.3, **options)  # type: ignore[arg-type]


def test_an_accepted_mail_is_sent_after_one_handover(sink: Sink, mail: Mail, handed: Handed) -> None:
    assert smtp(sink.port).deliver(mail, handed) == Outcome("sent")
    assert handed.times == 1
    ((sender, recipients, read),) = sink.handler.mails
    assert (sender, recipients) == ("collect@seller.example", ["ap@buyer.example"])
    assert (read["Subject"], read["Message-ID"], read.get_content().split()) == ("货款到期", "<7.ab@seller.example>", ["Pay.", "."])


@pytest.mark.parametrize(("answer", "state"), [("550 no such user", "failed"), ("553 bad", "failed"), ("450 mailbox busy", "retry"), ("421 going down", "retry")])
def test_a_refused_recipient_fails_and_a_busy_one_is_tried_again(sink: Sink, mail: Mail, handed: Handed, answer: str, state: str) -> None:
    sink.handler.refuse["ap@buyer.example"] = answer
    assert smtp(sink.port).deliver(mail, handed) == Outcome(state, answer)  # type: ignore[arg-type]
    assert handed.times == 0 and sink.handler.mails == []


@pytest.mark.parametrize(("answer", "state"), [("554 spam", "failed"), ("451 later", "retry")])
def test_the_answer_to_the_text_decides_after_the_handover(sink: Sink, mail: Mail, handed: Handed, answer: str, state: str) -> None:
    sink.handler.answer = answer
    assert smtp(sink.port).deliver(mail, handed) == Outcome(state, answer)  # type: ignore[arg-type]
    assert handed.times == 1 and sink.handler.mails == []


BEFORE = [
    [("", "DROP")], [("", "STALL")], [("", "554 not you")], [("EHLO", "DROP")], [("EHLO", "STALL")], [("MAIL", "DROP")], [("MAIL", "STALL")],
    [("MAIL", "550 sender unknown")], [("RCPT", "DROP")], [("RCPT", "STALL")], [("RCPT", "nonsense")],
]  # fmt: skip


@pytest.mark.parametrize("script", BEFORE, ids=lambda script: "-".join(script[0]))
def test_trouble_before_the_handover_is_tried_again(scripted: Callable[[object], int], mail: Mail, handed: Handed, script: object) -> None:
    outcome = smtp(scripted(script)).deliver(mail, handed)
    assert outcome.state == "retry" and outcome.reason
    assert handed.times == 0


AFTER = [[("DATA", "DROP")], [("DATA", "STALL")], [(".", "DROP")], [(".", "STALL")], [(".", "299 what?")]]


@pytest.mark.parametrize("script", AFTER, ids=lambda script: "-".join(script[0]))
def test_silence_after_the_handover_is_uncertain(scripted: Callable[[object], int], mail: Mail, handed: Handed, script: object) -> None:
    with pytest.raises(Uncertain):
        smtp(scripted(script)).deliver(mail, handed)
    assert handed.times == 1


def test_a_server_that_is_not_there_is_tried_again(scripted: Callable[[object], int], mail: Mail, handed: Handed) -> None:
    assert smtp(1).deliver(mail, handed).state == "retry"


def test_nothing_is_given_away_when_the_handover_fails(sink: Sink, mail: Mail) -> None:
    def lost() -> None:
        raise LookupError

    with pytest.raises(LookupError):
        smtp(sink.port).deliver(mail, lost)
    assert sink.handler.mails == []


def test_a_mail_that_cannot_be_written_safely_fails_without_a_connection(mail: Mail, handed: Handed) -> None:
    unsafe = Mail(mail.message_id, mail.sender, "ap@buyer.example, spy@evil.example", mail.subject, mail.body, mail.date)
    outcome = smtp(1).deliver(unsafe, handed)
    assert outcome == Outcome("failed", "ap@buyer.example, spy@evil.example is no e-mail address that mail can be sent to; correct it on the customer.")


def test_encryption_that_was_asked_for_is_not_done_without(sink: Sink, mail: Mail, handed: Handed) -> None:
    """The sink offers no STARTTLS: nothing is sent in the clear instead."""
    outcome = smtp(sink.port, starttls=True).deliver(mail, handed)
    assert outcome.state == "retry" and "STARTTLS" in outcome.reason and sink.handler.mails == []


def test_a_password_never_leaves_unencrypted(mail: Mail, handed: Handed, tmp_path: Path, sink: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    """The host's name is a stranger's, whatever it leads to."""
    file = tmp_path / "password"
    file.write_text("secret\n")
    monkeypatch.setattr("collect.channels.email.is_loopback", lambda host: False)
    outcome = smtp(sink.port, user="me", password_file=file).deliver(mail, handed)
    assert outcome.state == "retry" and "not encrypted" in outcome.reason


def test_what_means_this_machine() -> None:
    assert [is_loopback(host) for host in ("127.0.0.1", "localhost", "::1", "[::1]", "mail.localhost")] == [True] * 5
    assert [is_loopback(host) for host in ("10.0.0.1", "mail.example", "localhost.evil.example", "0.0.0.0")] == [False] * 4


def test_a_missing_password_file_is_our_trouble_and_tried_again(sink: Sink, mail: Mail, handed: Handed, tmp_path: Path) -> None:
    outcome = smtp(sink.port, user="me", password_file=tmp_path / "none").deliver(mail, handed)
    assert outcome.state == "retry" and "cannot be read" in outcome.reason


def test_the_folder_writes_whole_files_and_the_same_mail_once(tmp_path: Path, mail: Mail, handed: Handed) -> None:
    folder = Folder(tmp_path / "outbox", "collect@seller.example")
    assert folder.deliver(mail, handed) == folder.deliver(mail, handed) == Outcome("sent")
    (file,) = (tmp_path / "outbox").iterdir()
    assert file.name == "7.ab_seller.example.eml" and b"Message-ID: <7.ab@seller.example>" in file.read_bytes()


def test_the_folder_keeps_nothing_when_the_handover_fails(tmp_path: Path, mail: Mail) -> None:
    def lost() -> None:
        raise LookupError

    with pytest.raises(LookupError):
        Folder(tmp_path, "collect@seller.example").deliver(mail, lost)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_tried_again(tmp_path: Path, mail: Mail, handed: Handed) -> None:
    (tmp_path / "file").write_text("")
    assert Folder(tmp_path / "file" / "outbox", "collect@seller.example").deliver(mail, handed).state == "retry"
    assert handed.times == 0


def test_the_settings_name_the_channel(tmp_path: Path) -> None:
    def named(**variables: str) -> object:
        return of(settings.load({"COLLECT_DATA_DIR": str(tmp_path), **{f"COLLECT_SMTP_{name}": value for name, value in variables.items()}}))

    assert named() is None
    assert named(FOLDER=str(tmp_path / "out"), FROM="a@b.example") == Folder(tmp_path / "out", "a@b.example")
    found = named(HOST="mail.example", PORT="25", FROM="AR <a@b.example>", STARTTLS="true", USER="me", PASSWORD_FILE="/run/secret")
    assert isinstance(found, Smtp)
    assert (found.name, found.sender, found.starttls, found.user, found.password_file) == ("smtp://mail.example:25", "AR <a@b.example>", True, "me", Path("/run/secret"))
    with pytest.raises(Refusal) as refusal:
        named(HOST="mail.example", FROM="nobody")
    assert refusal.value.code == "bad_sender"
