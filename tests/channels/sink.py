"""A real SMTP server on a free port of loopback that keeps what it accepted, and refuses what it is told to."""

from __future__ import annotations

import threading
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from typing import Any

from aiosmtpd.controller import Controller


class Handler:
    """Keeps the mails; `refuse` maps a recipient to the answer he gets, `answer` is that to the text."""

    def __init__(self) -> None:
        self.mails: list[tuple[str, list[str], EmailMessage]] = []
        self.refuse: dict[str, str] = {}
        self.answer = "250 kept"

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        if address in self.refuse:
            return self.refuse[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.answer.startswith("250"):
            read = BytesParser(policy=policy.default).parsebytes(envelope.content)
            assert isinstance(read, EmailMessage)
            self.mails.append((envelope.mail_from, list(envelope.rcpt_tos), read))
        return self.answer


class _AnyPort(Controller):
    """The controller on a free port: it greets itself once it listens, and needs to know where; it knows its sessions."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.sessions: list[Any] = []

    def factory(self) -> Any:
        self.sessions.append(super().factory())
        return self.sessions[-1]

    def hang_up(self) -> None:
        """Close what clients left open (a killed one says no goodbye), and wait until it is closed."""
        done = threading.Event()

        def close() -> None:
            for session in self.sessions:
                if session.transport is not None:
                    session.transport.abort()
            # What abort puts off to the next turn of the loop is over in the one after it.
            self.loop.call_soon(self.loop.call_soon, done.set)

        self.loop.call_soon_threadsafe(close)
        assert done.wait(10)

    def _trigger_server(self) -> None:
        self.port = int(self.server.sockets[0].getsockname()[1])
        super()._trigger_server()


class Sink:
    """The server with its handler; `port` is known once it has started."""

    def __init__(self, **options: Any) -> None:
        self.handler = Handler()
        self.controller = _AnyPort(self.handler, hostname="127.0.0.1", port=0, **options)
        self.port = 0

    def start(self) -> None:
        self.controller.start()
        self.port = self.controller.port

    def stop(self) -> None:
        self.controller.hang_up()
        self.controller.stop()

    @property
    def ids(self) -> list[str]:
        """The Message-ID of each mail that was accepted, in order."""
        return [str(read["Message-ID"]) for _, _, read in self.handler.mails]
