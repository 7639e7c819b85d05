"""What state a database is in: its address, engine, journal, version, and whether its own checks find damage."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError

from collect.domain.errors import Refusal
from collect.storage import database, migrate

ENGINES = ("sqlite", "postgresql")
_MOST = 100


@dataclass(frozen=True, slots=True)
class Facts:
    """What is in force: `journal` is SQLite's journal mode, `wal_safe` whether its library is free of the WAL-reset bug."""

    engine: str
    version: str
    driver: str
    journal: str | None
    synchronous: str | None
    wal_safe: bool | None


def address(url: str) -> URL:
    """The database address, or Refusal `bad_database_url`; the refusal never repeats it, for it may hold a password."""
    try:
        parsed = database.normalise(url)
    except ArgumentError:
        raise Refusal("bad_database_url") from None
    if parsed.get_backend_name() not in ENGINES:
        raise Refusal("bad_database_url")
    return parsed


def exists(url: str) -> bool:
    """Whether there is a database to open: a SQLite file that is not empty; a server is asked only when it is opened."""
    parsed = address(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database or parsed.database == ":memory:":
        return True
    file = Path(parsed.database)
    return file.is_file() and file.stat().st_size > 0


def has_company(url: str, engine: sa.Engine) -> bool:
    """Whether `collect init` has been run here; a missing SQLite file is not made by asking."""
    if not exists(url):
        return False
    with engine.connect() as connection:
        return sa.inspect(connection).has_table("seller") and connection.exec_driver_sql("SELECT 1 FROM seller").first() is not None


def shown(url: str) -> str:
    """The database address with its password hidden."""
    return address(url).render_as_string(hide_password=True)


def describe(engine: sa.Engine) -> Facts:
    """The engine and the settings that decide whether a commit survives; raises OperationalError when it does not answer."""
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            version = connection.exec_driver_sql("SHOW server_version").scalar_one()
            return Facts("postgresql", str(version), engine.dialect.driver, None, _synchronous(connection), None)
        module = database.sqlite_module()
        journal = str(connection.exec_driver_sql("PRAGMA journal_mode").scalar_one())
        return Facts("sqlite", module.sqlite_version, module.__name__.partition(".")[0], journal, _synchronous(connection), database.wal_is_safe(module.sqlite_version_info))


def _synchronous(connection: sa.Connection) -> str:
    """SQLite's `synchronous` or PostgreSQL's `synchronous_commit`, as a word."""
    if connection.dialect.name == "postgresql":
        return str(connection.exec_driver_sql("SHOW synchronous_commit").scalar_one())
    return ("off", "normal", "full", "extra")[int(connection.exec_driver_sql("PRAGMA synchronous").scalar_one())]


def check(engine: sa.Engine) -> list[Refusal]:
    """Everything the database itself can find wrong: version, damage, broken references and constraints; empty when sound.

    SQLite: `integrity_check` (which reads every page and tests NOT NULL, UNIQUE and CHECK) and `foreign_key_check`.
    PostgreSQL: every row of every table is read in full, references and checks are tested on the rows themselves,
    unvalidated constraints and invalid indexes are named. At most 100 findings of a kind.
    """
    found, needed = migrate.current(engine), migrate.wanted()
    findings = [] if found == needed else [Refusal("not_migrated", found=found or "—", wanted=needed)]
    with engine.connect() as connection:
        probe = _check_postgresql if engine.dialect.name == "postgresql" else _check_sqlite
        return findings + list(probe(connection))


def _check_sqlite(connection: sa.Connection) -> Iterator[Refusal]:
    for (message,) in connection.exec_driver_sql(f"PRAGMA integrity_check({_MOST})"):
        if message != "ok":
            yield Refusal("database_damaged", detail=message)
    for table, row, parent, _ in connection.exec_driver_sql("PRAGMA foreign_key_check").fetchmany(_MOST):
        yield Refusal("reference_broken", table=table, count=1, parent=parent, row=row)


def _check_postgresql(connection: sa.Connection) -> Iterator[Refusal]:
    quote = connection.dialect.identifier_preparer.quote
    inspector = sa.inspect(connection)
    for table in sorted(inspector.get_table_names()):
        name = quote(table)
        try:
            with connection.begin_nested():
                connection.exec_driver_sql(f"SELECT sum(hashtext(t::text)::bigint) FROM {name} t")  # noqa: S608 - names from the catalogue
        except sa.exc.DBAPIError as problem:
            yield Refusal("database_damaged", detail=f"{table}: {str(problem.orig).splitlines()[0]}")
            continue
        for key in inspector.get_foreign_keys(table):
            count = _orphans(connection, table, key["constrained_columns"], key["referred_table"], key["referred_columns"])
            if count:
                yield Refusal("reference_broken", table=table, count=count, parent=key["referred_table"], row="—")
        for rule in inspector.get_check_constraints(table):
            count = connection.exec_driver_sql(f"SELECT count(*) FROM {name} WHERE NOT ({rule['sqltext']})".replace("%", "%%")).scalar_one()  # noqa: S608
            if count:
                yield Refusal("constraint_broken", table=table, count=count, constraint=rule["name"])
    for table, constraint in connection.exec_driver_sql("SELECT conrelid::regclass::text, conname FROM pg_constraint WHERE NOT convalidated"):
        yield Refusal("constraint_broken", table=table, count=0, constraint=constraint)
    for (index,) in connection.exec_driver_sql("SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid"):
        yield Refusal("database_damaged", detail=index)


def _orphans(connection: sa.Connection, table: str, columns: list[str], parent: str, keys: list[str]) -> int:
    """Rows whose reference points at nothing."""
    quote = connection.dialect.identifier_preparer.quote
    match = " AND ".join(f"p.{quote(key)} = c.{quote(column)}" for column, key in zip(columns, keys, strict=True))
    filled = " AND ".join(f"c.{quote(column)} IS NOT NULL" for column in columns)
    query = f"SELECT count(*) FROM {quote(table)} c WHERE {filled} AND NOT EXISTS (SELECT 1 FROM {quote(parent)} p WHERE {match})"  # noqa: S608
    return int(connection.exec_driver_sql(query).scalar_one())
