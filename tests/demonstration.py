"""The demonstration company as it was made at a moment; making one takes most of a minute, so each is made once a worker."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from unittest.mock import patch

from argon2 import PasswordHasher

from collect.services import demo, users


def shanghai(text: str) -> datetime:
    """A local time there (UTC+8) as an instant."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC) - timedelta(hours=8)


@cache
def made_at(text: str) -> Path:
    """The folder of the company that was made at a local time; take a copy, since others do."""
    folder = Path(tempfile.mkdtemp(prefix="collect-demonstration-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    make(folder, lambda: shanghai(text))
    return folder


def make(folder: Path, clock: Callable[[], datetime]) -> None:
    """Make it with passwords that are quickly made."""
    with patch.object(users, "_hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)):
        demo.make(folder, clock)
