"""Mail over SMTP: one attempt is one connection, with a timeout on every step and the handover just before DATA (`reliability` fact 5)."""

from __future__ import annotations

import ipaddress
import smtplib
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from collect.channels.mail import SENT, Mail, Outcome, Uncertain, address, sender_of, serialise
from collect.domain.errors import Refusal
from collect.sentences import say


@dataclass(frozen=True, slots=True)
class Smtp:
    """A mail server. `timeout` in seconds holds for every single wait; the password is read from its file at each sign-in."""

    host: str
    port: int
    sender: str
    user: str = ""
    password_file: Path | None = None
    starttls: bool = False
    timeout: float = 30
    local_name: str = "localhost"

    @property
    def name(self) -> str:
        """The server, without anything secret."""
        return f"smtp://{self.host}:{self.port}"

    def deliver(self, mail: Mail, handover: Callable[[], None]) -> Outcome:
        """One attempt: 4xx and every trouble before the handover is a retry, 5xx for this recipient or text a failure.

        A lost or silent connection after the handover raises Uncertain. Trouble of ours (sign-in, TLS, refused sender)
        is a retry: it is no fault of this recipient.
        """
        try:
            data = serialise(mail)
            envelope = (sender_of(self.sender).addr_spec, address(mail.recipient))
        except Refusal as refusal:
            return Outcome("failed", say(refusal, "en"))
        server: smtplib.SMTP | None = None
        try:
            try:
                server = smtplib.SMTP(self.host, self.port, local_hostname=self.local_name, timeout=self.timeout)
                refused = self._prepare(server, *envelope)
            except smtplib.SMTPResponseException as problem:
                return Outcome("retry", _told(problem.smtp_code, problem.smtp_error))
            except (OSError, smtplib.SMTPException, ValueError) as problem:
                return Outcome("retry", _why(problem))
            except Refusal as refusal:
                return Outcome("retry", say(refusal, "en"))
            if refused is not None:
                return refused
            handover()
            return _give(server, data)
        finally:
            if server is not None:
                _leave(server)

    def _prepare(self, server: smtplib.SMTP, sender: str, recipient: str) -> Outcome | None:
        """Everything up to the accepted recipient; None when the server waits for the text.

        A password goes over an encrypted connection only, or to this very machine: Refusal `password_needs_tls`.
        """
        server.ehlo_or_helo_if_needed()
        if self.starttls:
            server.starttls(context=ssl.create_default_context())
            server.ehlo_or_helo_if_needed()
        if self.user:
            if not self.starttls and not is_loopback(self.host):
                raise Refusal("password_needs_tls")
            server.login(self.user, self._password())
        code, answer = server.mail(sender)
        if code != 250:
            return Outcome("retry", _told(code, answer))
        code, answer = server.rcpt(recipient)
        if code not in (250, 251):
            return Outcome("failed" if 500 <= code < 600 else "retry", _told(code, answer))
        return None

    def _password(self) -> str:
        """The password; Refusal `password_file_unreadable`."""
        if self.password_file is None:
            return ""
        try:
            return self.password_file.read_text(encoding="utf-8").strip("\r\n")
        except (OSError, ValueError) as problem:
            raise Refusal("password_file_unreadable", None, value=self.password_file, reason=type(problem).__name__) from None


def is_loopback(host: str) -> bool:
    """Whether a server's name means this machine; names are not looked up."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _give(server: smtplib.SMTP, data: bytes) -> Outcome:
    """DATA and the text; an answer decides, silence is Uncertain."""
    try:
        code, answer = server.data(data)
    except smtplib.SMTPDataError as problem:
        code, answer = problem.smtp_code, problem.smtp_error  # type: ignore[assignment]
    except (OSError, smtplib.SMTPException, ValueError) as problem:
        raise Uncertain(_why(problem)) from None
    if code == 250:
        return SENT
    if 400 <= code < 600:
        return Outcome("failed" if code >= 500 else "retry", _told(code, answer))
    raise Uncertain(_told(code, answer))


def _leave(server: smtplib.SMTP) -> None:
    """Close the connection; what is wrong with saying goodbye changes nothing."""
    try:
        if server.sock is not None:
            server.sock.settimeout(2)
            server.quit()
    except (OSError, smtplib.SMTPException, ValueError):
        pass
    finally:
        server.close()


def _told(code: int, answer: bytes | str) -> str:
    """What the server said, in one printable line of at most 300 characters."""
    text = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
    return f"{code} " + "".join(sign if sign.isprintable() else " " for sign in " ".join(text.split()))[:300]


def _why(problem: Exception) -> str:
    """A trouble of the connection in one line."""
    if isinstance(problem, TimeoutError | socket.timeout):
        return "timeout"
    return (" ".join(str(problem).split()) or type(problem).__name__)[:300]
