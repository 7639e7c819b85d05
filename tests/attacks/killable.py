"""What the processes of the kill test run: rounds and workers on a clock that all of them share."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path

from collect import settings
from collect.channels.email import Smtp
from collect.domain.rights import SYSTEM
from collect.runtime import Runtime
from collect.services import dispatch, dunning
from collect.storage import database
from tests.services.sending import NINE, TUESDAY


def runtime_at(url: str, folder: str, offset: float) -> Runtime:
    """A runtime whose clock is the machine's, `offset` seconds away."""
    environment = {"COLLECT_DATABASE_URL": url, "COLLECT_DATA_DIR": str(Path(folder))}
    return Runtime(database.make_engine(url), settings.load(environment), lambda: datetime.now(UTC) + timedelta(seconds=offset))


def remind(url: str, folder: str, offset: float) -> None:
    """The round of that Tuesday."""
    dunning.remind(runtime_at(url, folder, offset), SYSTEM, TUESDAY)


def work(url: str, folder: str, offset: float, port: int, waiting: bool) -> None:
    """Send what is due as of 09:00; a waiting worker goes on until it is killed."""
    logging.disable()
    runtime = runtime_at(url, folder, offset)
    channel = Smtp("127.0.0.1", port, "collect@seller.example")
    while True:
        dispatch.send_due(runtime, channel, NINE, dispatch.own_name())
        if not waiting:
            return
