"""A mail, what can become of it, and its bytes: headers are written, read back and compared before anything is sent (`reliability` fact 6)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.parser import BytesParser
from email.utils import format_datetime, parseaddr
from typing import Literal, Protocol

from collect.domain.errors import Refusal

_POLICY = policy.SMTP.clone(cte_type="7bit", max_line_length=76)
_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LABEL = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]+")
_WRITTEN = ("From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted")
_OWN = frozenset({"mime-version", "content-type", "content-transfer-encoding", *(name.lower() for name in _WRITTEN)})


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail to one recipient; `message_id` with its angle brackets is the same for every attempt. `date` is an aware instant."""

    message_id: str
    sender: str
    recipient: str
    subject: str
    body: str
    date: datetime


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an attempt: sent; retry (not accepted now, it may be later); failed (it never will be). `reason` is for people."""

    state: Literal["sent", "retry", "failed"]
    reason: str = ""


SENT = Outcome("sent")


class Uncertain(Exception):
    """The mail was handed over and the answer never came: nobody knows whether it was accepted (S21)."""


class Channel(Protocol):
    """A way out for mails."""

    @property
    def name(self) -> str:
        """What `doctor` and the pages call it, with no secret in it."""
        ...

    @property
    def sender(self) -> str:
        """The address that mails come from, with or without a display name."""
        ...

    def deliver(self, mail: Mail, handover: Callable[[], None]) -> Outcome:
        """Try once. `handover` is called exactly once, just before the text is given away; what it raises ends the attempt.

        Before it, every trouble is an Outcome. After it, an answer is an Outcome and the lack of one raises Uncertain.
        """
        ...


def address(text: str) -> str:
    """One plain address ready for an envelope, its domain in ASCII; Refusal `bad_recipient` for anything else."""
    local, _, domain = text.strip().rpartition("@")
    try:
        host = domain.encode("idna").decode("ascii") if domain and not domain.isascii() else domain
    except UnicodeError:
        host = ""
    labels = host.split(".")
    whole = f"{local}@{host}"
    if not (_LOCAL.fullmatch(local) and len(local) <= 64 and len(labels) > 1 and all(_LABEL.fullmatch(label) for label in labels)) or len(whole) > 254:
        raise Refusal("bad_recipient", "email", value=_CONTROL.sub(" ", text))
    return whole


def sender_of(text: str) -> Address:
    """The sender from `name@example.com` or `Name <name@example.com>`; Refusal `bad_sender`."""
    name, spec = parseaddr(text)
    try:
        local, _, domain = address(spec).rpartition("@")
        if "=?" in name or _CONTROL.search(text):
            raise ValueError(name)
        return Address(display_name=name, username=local, domain=domain)
    except (Refusal, ValueError):
        raise Refusal("bad_sender", "from", value=_CONTROL.sub(" ", text)) from None


def plain(text: str) -> str:
    """A text for a header: control characters and line ends become one space; Refusal `text_encoded_word` where it holds `=?`."""
    told = " ".join(_CONTROL.sub(" ", text).split())
    if "=?" in told:
        raise Refusal("text_encoded_word", "subject")
    return told


def serialise(mail: Mail) -> bytes:
    """The mail as bytes with CRLF line ends, 7 bit clean.

    Read back, the bytes must have exactly the headers that were written, once each, with the same values: Refusal
    `mail_header_refused` otherwise. Also Refusal `bad_recipient`, `bad_sender` or `text_encoded_word`.
    """
    subject, recipient, sender = plain(mail.subject), address(mail.recipient), sender_of(mail.sender)
    if not re.fullmatch(r"<[A-Za-z0-9._+-]+@[A-Za-z0-9.-]+>", mail.message_id):
        raise Refusal("mail_header_refused", None, value="Message-ID")
    written = EmailMessage(policy=_POLICY)
    local, _, domain = recipient.rpartition("@")
    values = (sender, Address(username=local, domain=domain), subject, format_datetime(mail.date), mail.message_id, "auto-generated")
    for name, value in zip(_WRITTEN, values, strict=True):
        written[name] = value
    written.set_content(re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", "", mail.body).rstrip("\n") + "\n")
    data = written.as_bytes()
    read = BytesParser(policy=_POLICY).parsebytes(data)
    names = [name.lower() for name in read]
    for name in names:
        if name not in _OWN or names.count(name) != 1:
            raise Refusal("mail_header_refused", None, value=name)
    for name, value in zip(_WRITTEN, values, strict=True):
        if " ".join(str(read[name]).split()) != str(value):
            raise Refusal("mail_header_refused", None, value=name)
    if read.defects or any(header.defects for header in read.values()):
        raise Refusal("mail_header_refused", None, value="MIME")
    return data
