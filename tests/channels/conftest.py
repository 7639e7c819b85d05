"""Mail servers on loopback: a real one (aiosmtpd), and one that follows a script to the letter, to drop and to stall."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from collect.channels.mail import Mail
from tests.channels.sink import Sink


@pytest.fixture
def sink() -> Iterator[Sink]:
    """A mail server that keeps what it accepts."""
    made = Sink()
    made.start()
    yield made
    made.stop()


@pytest.fixture
def mail() -> Mail:
    return Mail("<7.ab@seller.example>", "collect@seller.example", "ap@buyer.example", "货款到期", "Pay.\n.\n", datetime(2026, 3, 10, 1, 0, tzinfo=UTC))


Script = Callable[[list[tuple[str, str]]], int]


@pytest.fixture
def scripted() -> Iterator[Script]:
    """A server that answers each command beginning as told; the answer DROP closes the connection, STALL says nothing more.

    The entry `.` is the answer to the end of the text; `` the greeting. Everything else is accepted.
    """
    sockets: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def start(script: list[tuple[str, str]]) -> int:
        listener = socket.create_server(("127.0.0.1", 0))
        sockets.append(listener)
        thread = threading.Thread(target=_serve, args=(listener, dict(script)), daemon=True)
        threads.append(thread)
        thread.start()
        return int(listener.getsockname()[1])

    yield start
    for each in sockets:
        each.close()
    for thread in threads:
        thread.join(timeout=5)


def _serve(listener: socket.socket, script: dict[str, str]) -> None:
    try:
        connection, _ = listener.accept()
    except OSError:
        return
    connection.settimeout(10)
    with connection, connection.makefile("rb") as lines:
        if not _answer(connection, script.get("", "220 ready"), lines):
            return
        text = False
        for raw in lines:
            line = raw.decode("latin-1").rstrip("\r\n")
            if text:
                if line != ".":
                    continue
                text, word = False, "."
            else:
                word = line[:4].upper()
            usual = {"EHLO": "250 localhost", "DATA": "354 go on", "QUIT": "221 bye"}.get(word, "250 fine")
            answer = script.get(word, usual)
            if not _answer(connection, answer, lines):
                return
            text = word == "DATA" and answer.startswith("354")


def _answer(connection: socket.socket, answer: str, lines: object) -> bool:
    if answer == "DROP":
        return False
    if answer == "STALL":
        lines.read()  # type: ignore[attr-defined]  # until the other side gives up
        return False
    connection.sendall(answer.encode() + b"\r\n")
    return True
