"""Changing the books behind the program's back, on a copy, and asking what the proof of the books says of it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import sqlalchemy as sa

from collect.runtime import Runtime
from collect.services import setup, verify


def findings_after(runtime: Runtime, change: str) -> set[str]:
    """The codes of what `verify` finds on a copy of a SQLite installation in which a statement changed at least one row."""
    copy = Path(runtime.settings.data_dir) / "tampered.db"
    copy.unlink(missing_ok=True)
    with closing(sqlite3.connect(str(runtime.engine.url.database))) as connection:
        connection.execute("VACUUM INTO ?", (str(copy),))
    tampered = Runtime(setup.database.make_engine(f"sqlite:///{copy}"), runtime.settings, runtime.clock)
    with tampered.engine.begin() as connection:
        assert connection.execute(sa.text(change)).rowcount, change
    found = {finding.code for finding in verify.verify(tampered)}
    tampered.engine.dispose()
    return found
