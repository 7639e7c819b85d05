"""Mails kept in memory, for tests: each attempt's outcome can be written down beforehand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from collect.channels.mail import SENT, Mail, Outcome, serialise


@dataclass
class Memory:
    """`outcomes` are used up one an attempt, an exception among them is raised; afterwards everything is accepted."""

    sender: str = "collect@seller.example"
    name: str = "memory"
    outcomes: Iterator[Outcome | Exception] = field(default_factory=lambda: iter(()))
    sent: list[Mail] = field(default_factory=list)

    def deliver(self, mail: Mail, handover: Callable[[], None]) -> Outcome:
        """Keep the mail when its outcome is that it was sent."""
        serialise(mail)
        handover()
        outcome = next(self.outcomes, SENT)
        if isinstance(outcome, Exception):
            raise outcome
        if outcome.state == "sent":
            self.sent.append(mail)
        return outcome
