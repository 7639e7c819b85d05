"""Mails as files in a folder, for the demonstration: each `.eml` appears whole under its own name, and nothing leaves the machine."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from collect.channels.mail import SENT, Mail, Outcome, Uncertain, serialise
from collect.domain.errors import Refusal
from collect.sentences import say


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder that is made where it is missing."""

    path: Path
    sender: str

    @property
    def name(self) -> str:
        """Where the files go."""
        return str(self.path)

    def deliver(self, mail: Mail, handover: Callable[[], None]) -> Outcome:
        """Write the mail under its Message-ID; the same mail again would be the same file."""
        try:
            data = serialise(mail)
        except Refusal as refusal:
            return Outcome("failed", say(refusal, "en"))
        name = re.sub(r"[^A-Za-z0-9._-]", "_", mail.message_id.strip("<>"))
        partial = self.path / f".{name}.{os.getpid()}.partial"
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            partial.write_bytes(data)
        except OSError as problem:
            return Outcome("retry", problem.strerror or str(problem))
        try:
            handover()
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
        try:
            partial.replace(self.path / f"{name}.eml")
        except OSError as problem:
            raise Uncertain(problem.strerror or str(problem)) from None
        return SENT
