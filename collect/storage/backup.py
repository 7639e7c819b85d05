"""Consistent copies of a running database and back again: SQLite by its own page copy, PostgreSQL as a portable dump.

A SQLite backup is a SQLite file with a seal behind its last page (SQLite reads past it): the SHA-256 of all before
it. A PostgreSQL backup is a zip: `manifest.json` (format, revision, and of each table its
columns, row count and SHA-256) and one member a table in PostgreSQL's own COPY text. Every row comes from one snapshot.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import sqlalchemy as sa
from alembic import command
from alembic.script import ScriptDirectory

from collect.domain.errors import Refusal
from collect.storage import database, migrate, schema

FORMAT = "collect-backup-1"
_SEAL = b"\ncollect-backup-1 sha256 "
_SEALED = len(_SEAL) + 64
_VERSIONS = "alembic_version"
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Backup:
    """What a backup file holds: the engine it is for, the migration it stands at, and rows by table."""

    engine: str
    revision: str
    rows: dict[str, int]


def save(engine: sa.Engine, target: Path) -> Backup:
    """Copy the database into `target` while it is in use; the file is complete and proven when it has its name.

    1. write a neighbour with a temporary name (mode 0600), 2. sync it, 3. inspect it as a restore would, 4. rename.
    Raises OSError or OperationalError when the disk says no; nothing is left behind then.
    """
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".partial", dir=target.parent)
    os.close(handle)
    partial = Path(name)
    try:
        (_save_postgresql if engine.dialect.name == "postgresql" else _save_sqlite)(engine, partial)
        with partial.open("rb+") as file:
            os.fsync(file.fileno())
        held = _proven(partial)
        partial.replace(target)
    except BaseException:
        for path in [path for path in target.parent.iterdir() if path.name.startswith(partial.name)]:
            path.unlink(missing_ok=True)
        raise
    _sync_folder(target.parent)
    return held


def _proven(copy: Path) -> Backup:
    """Inspect our own copy; a copy that fails means that what was copied is damaged."""
    try:
        return inspect(copy)
    except Refusal:
        raise Refusal("backup_unsound") from None


def _save_sqlite(engine: sa.Engine, target: Path) -> None:
    """All pages in one step, then back to a rollback journal, so that the copy is one file that needs no neighbour."""
    with closing(engine.raw_connection()) as source, closing(database.sqlite_module().connect(str(target), isolation_level=None)) as copy:
        pages: Any = source.driver_connection
        pages.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")
    with target.open("rb+") as file:
        digest = hashlib.sha256()
        for block in _blocks(file):
            digest.update(block)
        file.write(_SEAL + digest.hexdigest().encode())


def _save_postgresql(engine: sa.Engine, target: Path) -> None:
    with (
        engine.connect().execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True) as connection,
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as archive,
    ):
        _plain_text(connection)
        revision = str(connection.exec_driver_sql(f"SELECT version_num FROM {_VERSIONS}").scalar_one())  # noqa: S608
        tables = {table: _dump(connection, table, archive) for table in _in_order(connection)}
        archive.writestr("manifest.json", json.dumps({"format": FORMAT, "engine": "postgresql", "revision": revision, "tables": tables}, indent=1))


def _dump(connection: sa.Connection, table: str, archive: zipfile.ZipFile) -> dict[str, Any]:
    """One table into the archive; returns what the manifest says of it."""
    columns = [str(column["name"]) for column in sa.inspect(connection).get_columns(table)]
    digest, rows = hashlib.sha256(), 0
    driver: Any = connection.connection.driver_connection
    statement = f"COPY {_listed(connection, table, columns)} TO STDOUT"
    with archive.open(f"tables/{table}.copy", "w", force_zip64=True) as member, driver.cursor() as cursor, cursor.copy(statement) as copy:
        for block in copy:
            data = bytes(block)
            digest.update(data)
            rows += data.count(b"\n")
            member.write(data)
    return {"columns": columns, "rows": rows, "sha256": digest.hexdigest()}


def inspect(source: Path) -> Backup:
    """Prove a backup file: complete, undamaged, of a version this program knows; Refusals `bad_backup`, `backup_newer`.

    Every byte is read: SQLite's own integrity and reference checks, or the row count and SHA-256 of every table.
    """
    with source.open("rb") as file:
        start = file.read(16)
    if start == b"SQLite format 3\x00":
        held = _inspect_sqlite(source)
    elif start[:4] == b"PK\x03\x04":
        held = _inspect_archive(source)
    else:
        raise Refusal("bad_backup", file=source.name)
    if held.revision not in _known_revisions():
        raise Refusal("backup_newer", file=source.name, found=held.revision, wanted=migrate.wanted())
    return held


def _seal_holds(source: Path) -> bool:
    """Whether the bytes before the seal are those that were sealed; a SQLite file without one must end with a whole page."""
    size = source.stat().st_size
    rest = max(size - _SEALED, 0)
    digest = hashlib.sha256()
    with source.open("rb") as file:
        for start in range(0, rest, _CHUNK):
            digest.update(file.read(min(_CHUNK, rest - start)))
        seal = file.read(_SEALED)
        file.seek(16)
        page = int.from_bytes(file.read(2), "big")
    if seal.startswith(_SEAL):
        return seal == _SEAL + digest.hexdigest().encode()
    return size % (65536 if page == 1 else page or 1) == 0


def _inspect_sqlite(source: Path) -> Backup:
    if not _seal_holds(source):
        raise Refusal("bad_backup", file=source.name)
    module = database.sqlite_module()
    try:
        with closing(module.connect(f"{source.resolve().as_uri()}?mode=ro&immutable=1", uri=True)) as copy:
            if copy.execute("PRAGMA integrity_check(1)").fetchone()[0] != "ok" or copy.execute("PRAGMA foreign_key_check").fetchone():
                raise Refusal("bad_backup", file=source.name)
            tables = [name for (name,) in copy.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")]
            if _VERSIONS not in tables:
                raise Refusal("bad_backup", file=source.name)
            (revision,) = copy.execute(f"SELECT version_num FROM {_VERSIONS}").fetchone()  # noqa: S608
            rows = {name: copy.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in tables if name != _VERSIONS}  # noqa: S608
    except (module.DatabaseError, TypeError):
        raise Refusal("bad_backup", file=source.name) from None
    return Backup("sqlite", revision, rows)


def _inspect_archive(source: Path) -> Backup:
    try:
        with zipfile.ZipFile(source) as archive:
            manifest = json.loads(archive.read("manifest.json"))
            if manifest["format"] != FORMAT or {f"tables/{table}.copy" for table in manifest["tables"]} != set(archive.namelist()) - {"manifest.json"}:
                raise Refusal("bad_backup", file=source.name)
            for table, told in manifest["tables"].items():
                digest, rows = hashlib.sha256(), 0
                with archive.open(f"tables/{table}.copy") as member:
                    for block in _blocks(member):
                        digest.update(block)
                        rows += block.count(b"\n")
                if (rows, digest.hexdigest()) != (told["rows"], told["sha256"]):
                    raise Refusal("bad_backup", file=source.name)
            return Backup("postgresql", str(manifest["revision"]), {table: int(told["rows"]) for table, told in manifest["tables"].items()})
    except (zipfile.BadZipFile, KeyError, TypeError, AttributeError, ValueError, NotImplementedError, EOFError, zlib.error):
        raise Refusal("bad_backup", file=source.name) from None


def is_fresh(engine: sa.Engine) -> bool:
    """Whether nothing would be lost by replacing the database: no tables, or no customer, no import and one user at most."""
    with engine.connect() as connection:
        tables = set(sa.inspect(connection).get_table_names())
        limits = {"customer": 0, "import_run": 0, "import_mapping": 0, "closure": 0, "user_account": 1}
        counts = {table: connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one() for table in limits if table in tables}  # noqa: S608
    return all(count <= limits[table] for table, count in counts.items())


def load(engine: sa.Engine, source: Path, held: Backup) -> None:
    """Replace the whole database by an inspected backup, in one transaction: after a crash it is the old one or the new one.

    Other connections may stay open; they see the new content from their next transaction on. Refusal
    `backup_other_engine` when the backup was made by the other database.
    """
    if held.engine != engine.dialect.name:
        raise Refusal("backup_other_engine", file=source.name, found=held.engine, wanted=engine.dialect.name)
    if held.engine == "postgresql":
        database.transact(engine, lambda session: _load_postgresql(session.connection(), source, held))
        return
    with closing(database.sqlite_module().connect(f"{source.resolve().as_uri()}?mode=ro&immutable=1", uri=True)) as copy, closing(engine.raw_connection()) as target:
        copy.backup(target.driver_connection)


def _load_postgresql(connection: sa.Connection, source: Path, held: Backup) -> None:
    """1. drop our tables, 2. make them anew at the backup's revision, 3. fill them, parents first, 4. move the sequences."""
    quote = connection.dialect.identifier_preparer.quote
    ours = {*held.rows, *schema.metadata.tables, _VERSIONS}
    for table in reversed(_in_order(connection)):
        if table in ours:
            connection.exec_driver_sql(f"DROP TABLE {quote(table)} CASCADE")
    connection.exec_driver_sql(f"DROP TABLE IF EXISTS {_VERSIONS}")
    config = migrate.configuration()
    config.attributes["connection"] = connection
    command.upgrade(config, held.revision)
    _plain_text(connection)
    with zipfile.ZipFile(source) as archive:
        tables = json.loads(archive.read("manifest.json"))["tables"]
        for table in _in_order(connection):
            if table in tables:
                _fill(connection, table, tables[table], archive)


def _fill(connection: sa.Connection, table: str, told: dict[str, Any], archive: zipfile.ZipFile) -> None:
    """One table out of the archive; what arrives is counted and hashed again, so that nothing else can be stored."""
    quote = connection.dialect.identifier_preparer.quote
    driver: Any = connection.connection.driver_connection
    digest = hashlib.sha256()
    with archive.open(f"tables/{table}.copy") as member, driver.cursor() as cursor:
        with cursor.copy(f"COPY {_listed(connection, table, told['columns'])} FROM STDIN") as copy:
            for block in _blocks(member):
                digest.update(block)
                copy.write(block)
        if (cursor.rowcount, digest.hexdigest()) != (told["rows"], told["sha256"]):
            raise Refusal("bad_backup", file=str(archive.filename))
    for column in told["columns"]:
        sequence = connection.execute(sa.text("SELECT pg_get_serial_sequence(:t, :c)"), {"t": quote(table), "c": column}).scalar()
        if sequence:
            top = f"SELECT setval('{sequence}', max({quote(column)})) FROM {quote(table)} HAVING max({quote(column)}) IS NOT NULL"  # noqa: S608
            connection.exec_driver_sql(top)


def _known_revisions() -> set[str]:
    """Every revision this program has a script for."""
    return {script.revision for script in ScriptDirectory.from_config(migrate.configuration()).walk_revisions()}


def _plain_text(connection: sa.Connection) -> None:
    """Make COPY text independent of the session's settings."""
    for setting in ("client_encoding = 'UTF8'", "datestyle = 'ISO, YMD'", "timezone = 'UTC'", "intervalstyle = 'iso_8601'", "extra_float_digits = 3"):
        connection.exec_driver_sql(f"SET LOCAL {setting}")


def _in_order(connection: sa.Connection) -> list[str]:
    """Tables of the database, parents before children, without Alembic's own."""
    return [name for name, _ in sa.inspect(connection).get_sorted_table_and_fkc_names() if name and name != _VERSIONS]


def _listed(connection: sa.Connection, table: str, columns: list[str]) -> str:
    """A table with its columns, quoted for COPY."""
    quote = connection.dialect.identifier_preparer.quote
    return f"{quote(table)} ({', '.join(quote(column) for column in columns)})"


def _blocks(member: IO[bytes]) -> Iterator[bytes]:
    """A file in pieces of one megabyte."""
    while block := member.read(_CHUNK):
        yield block


def _sync_folder(folder: Path) -> None:
    """Make a rename in a folder survive a power cut, where the system can sync folders."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
