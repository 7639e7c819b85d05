"""The ways out for mails: SMTP, a folder for the demonstration, memory for tests; each takes one mail and says what became of it."""

from __future__ import annotations

import socket
from pathlib import Path

from collect.channels.email import Smtp
from collect.channels.folder import Folder
from collect.channels.mail import Channel, Mail, Outcome, Uncertain, sender_of
from collect.settings import Settings

__all__ = ["Channel", "Mail", "Outcome", "Uncertain", "of"]


def of(settings: Settings) -> Channel | None:
    """The channel that the settings name, or None when there is none and nothing may be sent.

    A folder goes before a server: an installation that writes to a folder opens no connection. Refusal `bad_sender`
    when the sender is no e-mail address.
    """
    if not settings.smtp_folder and not settings.smtp_host:
        return None
    sender = sender_of(settings.smtp_from or settings.smtp_user)
    if settings.smtp_folder:
        return Folder(Path(settings.smtp_folder).expanduser().resolve(), str(sender))
    password = Path(settings.smtp_password_file).expanduser() if settings.smtp_password_file else None
    return Smtp(
        settings.smtp_host, settings.smtp_port, str(sender), settings.smtp_user, password, settings.smtp_starttls, settings.smtp_timeout, local_name=_local_name(sender.domain)
    )


def _local_name(otherwise: str) -> str:
    """What we call ourselves to a server: the machine's name where it is a plain one, else the sender's domain; never looked up."""
    name = socket.gethostname()
    return name if name.isascii() and "." in name else otherwise
