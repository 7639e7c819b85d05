"""Copies of the database: making one while people work, putting one back without losing what was there, checking it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from collect.domain.errors import Refusal
from collect.runtime import Runtime
from collect.services import setup
from collect.storage import backup, database, health, migrate


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore did: rows by table, where the former database was kept (None: there was nothing to keep), findings."""

    rows: dict[str, int]
    kept: Path | None
    findings: list[Refusal]


def save(runtime: Runtime, target: Path) -> backup.Backup:
    """A consistent, proven copy of the database in `target`, which is replaced only by a complete one.

    Refuses an empty or not migrated database, and the database's own file as the target.
    """
    migrate.require(runtime.engine)
    file = runtime.engine.url.database
    if runtime.engine.dialect.name == "sqlite" and file and target.resolve() == Path(file).resolve():
        raise Refusal("backup_over_database", file=target.name)
    return backup.save(runtime.engine, target)


def restore(runtime: Runtime, source: Path) -> Restored:
    """Replace the database by a backup, proven before anything is touched; bring it to this program's version; check it.

    A missing secret is made, so that the server can start where nothing was before. A database in use is copied into
    the data folder first. Refusals `bad_backup`, `backup_newer`, `backup_other_engine`.
    """
    held = backup.inspect(source)
    if held.engine != runtime.engine.dialect.name:
        raise Refusal("backup_other_engine", file=source.name, found=held.engine, wanted=runtime.engine.dialect.name)
    kept = None
    database.make_folder(runtime.engine)
    if not backup.is_fresh(runtime.engine):
        kept = _set_aside(runtime)
    backup.load(runtime.engine, source, held)
    setup.upgrade(runtime)
    setup.make_secret(runtime.settings)
    return Restored(held.rows, kept, health.check(runtime.engine))


def _set_aside(runtime: Runtime) -> Path:
    """A copy of what a restore is about to replace, named after the instant."""
    folder = runtime.settings.data_dir
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"before-restore-{runtime.clock():%Y%m%dT%H%M%S%fZ}.backup"
    backup.save(runtime.engine, target)
    return target
