"""Backups: whole and consistent while in use, proven before a restore, refused when a single byte is wrong; on both engines."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from collect.domain.errors import Refusal
from collect.domain.rights import SYSTEM
from collect.runtime import Runtime, Work
from collect.services import verify
from collect.storage import audit, backup, database, health, migrate, schema
from collect.storage.imports import ImportRun
from tests.conftest import new_postgres_database

# Everything that COPY text has to escape, and what looks like its own marks.
AWKWARD = "tab\there, line\nend, carriage\rreturn, back\\slash, \\N, \\., 华北医疗 〓 𠮷, 'quote\", "


@pytest.fixture
def other(runtime: Runtime, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[sa.Engine]:
    """A second, empty database of the same engine."""
    if runtime.engine.dialect.name == "sqlite":
        engine = database.make_engine(f"sqlite:///{tmp_path / 'other.db'}")
        yield engine
        engine.dispose()
        return
    for url in new_postgres_database(request.getfixturevalue("postgres_url")):
        engine = database.make_engine(url)
        yield engine
        engine.dispose()


def remember(work: Work, text: str) -> None:
    """One import row and one audit row of a transaction: what a consistent copy holds both of, or neither."""
    key = database.next_ids(work.session, 1)[0]
    counts = {"new": 1, "changed": 0, "unchanged": 0, "refused": 0}
    run = ImportRun(
        id=key, kind="invoices", file_name=text[:255], file_hash="", by="x", **counts, digest=None, result={"told": text, "none": None}, refused_csv=text, recorded_at=work.now
    )
    work.session.add(run)
    work.note(audit.Note("test", "thing", str(key), after={"text": text}))


def contents(engine: sa.Engine) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table."""
    with engine.connect() as connection:
        return {name: sorted(map(tuple, connection.execute(sa.select(table))), key=repr) for name, table in schema.metadata.tables.items()}


def test_a_copy_restored_elsewhere_is_the_same_in_every_cell(runtime: Runtime, other: sa.Engine, tmp_path: Path) -> None:
    runtime.write(SYSTEM, lambda work: remember(work, AWKWARD))
    made = backup.save(runtime.engine, tmp_path / "copy")
    assert made.rows["import_run"] == 1
    assert made.rows["seller"] == 1
    assert backup.is_fresh(other)
    backup.load(other, tmp_path / "copy", backup.inspect(tmp_path / "copy"))
    assert contents(other) == contents(runtime.engine)
    assert migrate.current(other) == migrate.wanted()
    assert health.check(other) == []
    assert not backup.is_fresh(other)


def test_after_a_restore_new_rows_get_new_ids(runtime: Runtime, other: sa.Engine, tmp_path: Path) -> None:
    """The sequences of PostgreSQL move with the rows: otherwise the next user would collide with the first."""
    backup.save(runtime.engine, tmp_path / "copy")
    backup.load(other, tmp_path / "copy", backup.inspect(tmp_path / "copy"))
    row = {"name": "B", "role": "rep", "password_hash": "x", "active": True, "version": 1, "recorded_at": datetime(2026, 3, 1, tzinfo=UTC)}
    with other.begin() as connection:
        connection.execute(sa.insert(schema.users.User).values(username="second", **row))
        ids = list(connection.scalars(sa.select(schema.users.User.id).order_by(schema.users.User.id)))
    assert len(set(ids)) == 2


def test_a_restore_replaces_everything_under_open_connections(runtime: Runtime, tmp_path: Path) -> None:
    before = contents(runtime.engine)
    backup.save(runtime.engine, tmp_path / "copy")
    runtime.write(SYSTEM, lambda work: remember(work, "later"))
    with runtime.engine.connect() as server:
        assert server.exec_driver_sql("SELECT count(*) FROM import_run").scalar_one() == 1
        server.rollback()
        backup.load(runtime.engine, tmp_path / "copy", backup.inspect(tmp_path / "copy"))
        assert server.exec_driver_sql("SELECT count(*) FROM import_run").scalar_one() == 0
    assert contents(runtime.engine) == before


def test_copies_taken_while_others_write_are_consistent(runtime: Runtime, other: sa.Engine, tmp_path: Path) -> None:
    """Each transaction leaves one import row and one audit row; a copy that cut one in half would hold an unequal number."""
    stop, counts = threading.Event(), []

    def work_on() -> None:
        while not stop.is_set():
            runtime.write(SYSTEM, lambda work: remember(work, "x" * 2000))

    writer = threading.Thread(target=work_on)
    writer.start()
    try:
        for number in range(5):
            backup.save(runtime.engine, tmp_path / f"copy{number}")
    finally:
        stop.set()
        writer.join()
    for number in range(5):
        file = tmp_path / f"copy{number}"
        backup.load(other, file, backup.inspect(file))
        with database.reading(other) as session:
            runs = session.execute(sa.text("SELECT count(*) FROM import_run")).scalar_one()
            notes = session.execute(sa.text("SELECT count(*) FROM audit WHERE action = 'test'")).scalar_one()
            assert runs == notes
            assert list(verify.chain_findings(session)) == []
        counts.append(runs)
    assert counts == sorted(counts)


def test_any_changed_byte_is_found(runtime: Runtime, tmp_path: Path) -> None:
    runtime.write(SYSTEM, lambda work: remember(work, AWKWARD))
    backup.save(runtime.engine, tmp_path / "copy")
    whole = (tmp_path / "copy").read_bytes()
    chance = random.Random(7)
    # The last bytes of a SQLite backup are its seal, those of a zip the list of its members: neither is content.
    for place in [0, 5, 100, len(whole) // 2, *(chance.randrange(len(whole) - 2500) for _ in range(40))]:
        damaged = bytearray(whole)
        damaged[place] ^= 0x20
        (tmp_path / "damaged").write_bytes(damaged)
        try:
            held = backup.inspect(tmp_path / "damaged")
        except Refusal as refusal:
            assert refusal.code == "bad_backup"
        else:
            # A zip has bytes that mean nothing to a reader (the time of a member): then all that is read is unchanged.
            assert runtime.engine.dialect.name == "postgresql"
            assert held == backup.inspect(tmp_path / "copy")


@pytest.mark.parametrize("keep", [0.0, 0.3, 0.9, 0.999])
def test_a_file_cut_short_is_refused(runtime: Runtime, tmp_path: Path, keep: float) -> None:
    backup.save(runtime.engine, tmp_path / "copy")
    whole = (tmp_path / "copy").read_bytes()
    (tmp_path / "cut").write_bytes(whole[: int(len(whole) * keep)])
    with pytest.raises(Refusal, match="bad_backup"):
        backup.inspect(tmp_path / "cut")


def test_other_files_are_no_backups(runtime: Runtime, tmp_path: Path) -> None:
    import sqlite3
    import zipfile

    (tmp_path / "text").write_text("customer_no,name\n")
    with sqlite3.connect(tmp_path / "other.db") as plain:
        plain.execute("CREATE TABLE a (b)")
    plain.close()
    with zipfile.ZipFile(tmp_path / "book.xlsx", "w") as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
    for name in ("text", "other.db", "book.xlsx"):
        with pytest.raises(Refusal, match="bad_backup"):
            backup.inspect(tmp_path / name)


def test_a_backup_of_a_later_version_is_refused(runtime: Runtime, tmp_path: Path) -> None:
    with runtime.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(Refusal, match="backup_unsound"):
        backup.save(runtime.engine, tmp_path / "copy")
    assert list(tmp_path.glob("*copy*")) == []


def test_a_failed_backup_leaves_the_old_file_and_nothing_else(runtime: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "folder" / "copy"
    target.parent.mkdir()
    target.write_bytes(b"last week's")

    def full(_source: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(backup, "inspect", full)
    with pytest.raises(OSError, match="No space"):
        backup.save(runtime.engine, target)
    assert [path.name for path in target.parent.iterdir()] == ["copy"]
    assert target.read_bytes() == b"last week's"


def test_a_backup_of_the_other_engine_is_refused(runtime: Runtime, tmp_path: Path) -> None:
    backup.save(runtime.engine, tmp_path / "copy")
    wrong = "postgresql" if runtime.engine.dialect.name == "sqlite" else "sqlite"
    before = contents(runtime.engine)
    with pytest.raises(Refusal, match="backup_other_engine"):
        backup.load(runtime.engine, tmp_path / "copy", backup.Backup(wrong, "0001", {}))
    assert contents(runtime.engine) == before


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # SQLite copies pages in one transaction of its own
def test_a_restore_that_fails_midway_changes_nothing(runtime: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PostgreSQL: the disk fills while the fifth table is loaded; the transaction takes everything back, the tables too."""
    runtime.write(SYSTEM, lambda work: remember(work, "before"))
    before = contents(runtime.engine)
    backup.save(runtime.engine, tmp_path / "copy")
    fill, done = backup._fill, []

    def full(connection: sa.Connection, table: str, *rest: Any) -> None:
        done.append(table)
        if len(done) == 5:
            raise OSError(28, "No space left on device")
        fill(connection, table, *rest)

    monkeypatch.setattr(backup, "_fill", full)
    with pytest.raises(OSError, match="No space"):
        backup.load(runtime.engine, tmp_path / "copy", backup.inspect(tmp_path / "copy"))
    assert contents(runtime.engine) == before
    assert migrate.current(runtime.engine) == migrate.wanted()
