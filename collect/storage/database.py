"""Engines, transactions, column types and bulk writing: what every table of both databases shares (`reliability` facts 1-4)."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import compress, islice, repeat
from operator import is_not
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import URL, Dialect, make_url
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import DeclarativeBase, Session

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_RETRIES = 8
T = TypeVar("T")


class Base(DeclarativeBase):
    """The parent of every table, with constraint names that are the same on both databases."""

    metadata = sa.MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class Day(sa.types.TypeDecorator[date]):
    """A calendar date: DATE on PostgreSQL, the integer yyyymmdd on SQLite (small, ordered, readable)."""

    impl = sa.Integer
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> sa.types.TypeEngine[Any]:
        return dialect.type_descriptor(sa.Date() if dialect.name == "postgresql" else sa.Integer())

    def process_bind_param(self, value: date | None, dialect: Dialect) -> Any:
        if value is None or dialect.name == "postgresql":
            return value
        return day_number(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> date | None:
        if value is None or dialect.name == "postgresql":
            return value  # type: ignore[no-any-return]
        return _date(value)


class Instant(sa.types.TypeDecorator[datetime]):
    """A moment in UTC: TIMESTAMPTZ on PostgreSQL, microseconds since 1970 on SQLite; always aware in Python (S2)."""

    impl = sa.BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> sa.types.TypeEngine[Any]:
        return dialect.type_descriptor(sa.DateTime(timezone=True) if dialect.name == "postgresql" else sa.BigInteger())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None or dialect.name == "postgresql":
            return value
        return microseconds(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if dialect.name == "postgresql":
            return value.astimezone(UTC)  # type: ignore[no-any-return]
        return _EPOCH + timedelta(microseconds=value)


Minor = sa.BigInteger
"""Money in minor units of the row's currency (S1)."""


@lru_cache(maxsize=1 << 14)
def _date(number: int) -> date:
    """The day behind its number; a book has few days and many rows of each, which then share one object."""
    return date(number // 10000, number // 100 % 100, number % 100)


def raw(column: Any) -> sa.ColumnElement[Any]:
    """A column of days as the driver gives it, for reading many rows; `day_of` makes a date of each."""
    return sa.type_coerce(column, sa.types.NullType())


def day_of(value: Any) -> date:
    """A day as the driver gives it, as a date."""
    return _date(value) if value.__class__ is int else value


def day_number(value: date) -> int:
    """A date as the integer yyyymmdd."""
    return value.year * 10000 + value.month * 100 + value.day


def microseconds(value: datetime) -> int:
    """An aware instant as microseconds since 1970."""
    return (value - _EPOCH) // timedelta(microseconds=1)


def sqlite_module() -> Any:
    """The SQLite driver to use: `pysqlite3` (a library without the WAL-reset bug) where installed, else the standard one."""
    try:
        import pysqlite3.dbapi2 as module
    except ImportError:
        import sqlite3 as module
    return module


def wal_is_safe(version: tuple[int, ...]) -> bool:
    """Whether a SQLite version is free of the WAL-reset bug: 3.51.3 and later, 3.50.7 and later 3.50, 3.44.6 and later 3.44."""
    return version >= (3, 51, 3) or (3, 50, 7) <= version < (3, 51) or (3, 44, 6) <= version < (3, 45)


def normalise(url: str) -> URL:
    """The database address as SQLAlchemy wants it: `postgres://` and `postgresql://` mean psycopg 3."""
    parsed = make_url(url)
    if parsed.drivername in ("postgres", "postgresql"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    return parsed


def make_folder(engine: sa.Engine) -> None:
    """The folder of a SQLite file, made where it is missing: only by what makes a database, never by asking for one."""
    if engine.dialect.name == "sqlite" and engine.url.database and engine.url.database != ":memory:":
        Path(engine.url.database).parent.mkdir(parents=True, exist_ok=True)


def make_engine(url: str) -> sa.Engine:
    """An engine for SQLite or PostgreSQL with the settings that money needs.

    SQLite: WAL with `synchronous=FULL` where the library is free of the WAL-reset bug, else the rollback journal;
    foreign keys on; transactions are begun by us (`writing` begins IMMEDIATE). PostgreSQL: READ COMMITTED.
    """
    address = normalise(url)
    if address.get_backend_name() == "postgresql":
        return sa.create_engine(address, pool_pre_ping=True, pool_size=8, max_overflow=16)
    module = sqlite_module()
    engine = sa.create_engine(address, module=module, connect_args={"timeout": 60, "check_same_thread": False}, pool_size=16, max_overflow=32)
    journal = "WAL" if wal_is_safe(module.sqlite_version_info) else "DELETE"

    @event.listens_for(engine, "connect")
    def settings(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in ("foreign_keys=ON", f"journal_mode={journal}", "synchronous=FULL", "busy_timeout=60000", "cache_size=-65536", "temp_store=MEMORY"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        writes = connection.get_execution_options().get("collect_writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


@contextmanager
def reading(engine: sa.Engine) -> Iterator[Session]:
    """A session on one consistent snapshot, for reading only: whatever it would write is rolled back."""
    level: dict[str, Any] = {"isolation_level": "REPEATABLE READ"} if engine.dialect.name == "postgresql" else {}
    with engine.connect().execution_options(**level) as connection:
        session = Session(bind=connection, expire_on_commit=False, autoflush=False)
        try:
            yield session
        finally:
            session.close()
            connection.rollback()


@contextmanager
def writing(engine: sa.Engine) -> Iterator[Session]:
    """A session in one writing transaction (BEGIN IMMEDIATE on SQLite), committed at the end, rolled back on any exception."""
    with engine.connect().execution_options(collect_writes=True) as connection:
        session = Session(bind=connection, expire_on_commit=False)
        try:
            yield session
            session.flush()
            connection.commit()
        except BaseException:
            connection.rollback()
            raise
        finally:
            session.close()


def transact(engine: sa.Engine, act: Callable[[Session], T]) -> T:
    """Run `act` in a writing transaction, again (at most 8 times) when the database asked for a retry.

    Retries cover SQLite's busy answer and PostgreSQL's serialization failure (40001) and deadlock (40P01).
    """
    for attempt in range(_RETRIES):
        try:
            with writing(engine) as session:
                return act(session)
        except DBAPIError as problem:
            if attempt == _RETRIES - 1 or not may_retry(problem):
                raise
            time.sleep(random.uniform(0.01, 0.05) * 2**attempt)  # noqa: S311 - spreads retries, guards nothing
    raise AssertionError("unreachable")


def may_retry(problem: DBAPIError) -> bool:
    """Whether the same transaction may simply be tried again."""
    state = getattr(problem.orig, "sqlstate", None)
    if state is not None:
        return state in ("40001", "40P01")
    return isinstance(problem, OperationalError) and "locked" in str(problem.orig)


def bulk(session: Session, table: sa.Table, columns: Sequence[str], rows: Iterator[tuple[Any, ...]] | Sequence[tuple[Any, ...]]) -> int:
    """Insert ready tuples the fast way (`executemany` on SQLite, `COPY` on PostgreSQL); returns their number.

    Values are Python values of the columns' types (dates, aware instants, text, integers, None), in the order of
    `columns`. Constraints hold as for any insert.
    """
    connection = session.connection()
    if connection.dialect.name == "postgresql":
        return _copy(connection, table, columns, rows)
    numbered = [isinstance(table.c[name].type, Day | Instant) for name in columns]
    cursor = connection.connection.cursor()
    count = 0
    source = iter(rows)
    while chunk := list(islice(source, 20_000)):
        for names, filled in _by_given(columns, chunk, numbered):
            statement = f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"  # noqa: S608 - our own names
            cursor.executemany(statement, filled)
        count += len(chunk)
    cursor.close()
    return count


def _by_given(columns: Sequence[str], rows: list[tuple[Any, ...]], numbered: list[bool]) -> Iterator[tuple[list[str], Any]]:
    """The rows by which of their cells are given: the names of those columns, and the rows without the cells that are None.

    Dates and instants become integers (`numbered`). The SQLite drivers bind a None about forty times slower than an
    integer, and most rows have many: columns that a row leaves empty are not named in its INSERT. Everything is done by
    the column; only those that some rows fill and others leave empty tell rows apart.
    """
    number = _NUMBERS.__getitem__
    cells: list[Sequence[Any]] = []
    names: list[str] = []
    mixed: list[int] = []
    for name, column, as_number in zip(columns, zip(*rows, strict=True), numbered, strict=True):
        empty = column.count(None)
        if empty == len(column):
            continue
        if empty:
            mixed.append(len(names))
        names.append(name)
        cells.append(list(map(number, column)) if as_number else column)
    if not mixed:
        yield names, zip(*cells, strict=True)
        return
    kinds = list(zip(*(map(is_not, cells[place], repeat(None)) for place in mixed), strict=False))
    for kind in sorted(set(kinds)):
        absent = {place for place, given in zip(mixed, kind, strict=True) if not given}
        chosen = [one == kind for one in kinds]
        left = [place for place in range(len(names)) if place not in absent]
        yield [names[place] for place in left], zip(*(compress(cells[place], chosen) for place in left), strict=True)


class _Numbers(dict[Any, Any]):
    """Dates and instants to the integers SQLite keeps, each worked out once; None stays None."""

    def __missing__(self, value: Any) -> Any:
        if len(self) > 100_000:
            self.clear()
        number = value if value is None else microseconds(value) if isinstance(value, datetime) else day_number(value)
        self[value] = number
        return number


_NUMBERS = _Numbers()


def _copy(connection: sa.Connection, table: sa.Table, columns: Sequence[str], rows: Iterator[tuple[Any, ...]] | Sequence[tuple[Any, ...]]) -> int:
    """COPY the rows into a PostgreSQL table."""
    driver: Any = connection.connection.driver_connection
    count = 0
    source = iter(rows)
    with driver.cursor() as cursor, cursor.copy(f"COPY {table.name} ({', '.join(columns)}) FROM STDIN") as copy:
        while chunk := list(islice(source, 2000)):
            cells = map(_as_text, zip(*chunk, strict=True))
            copy.write("\n".join(map("\t".join, zip(*cells, strict=False))) + "\n")
            count += len(chunk)
    return count


def _as_text(column: Sequence[Any]) -> Any:
    """A column as COPY reads it as text; by the column that takes a third less time than the driver needs for each cell."""
    kinds = set(map(type, column))
    if kinds == {int}:
        return map(str, column)
    if kinds == {str} and not _COPIED.search("".join(column)):
        return column
    if kinds == {type(None)}:
        return repeat("\\N")
    return map(_TEXTS.__getitem__, column) if kinds <= _FEW else [_copied(value) for value in column]


_COPIED = re.compile(r"[\\\t\n\r\x00]")
_FEW = {date, datetime, bool, type(None)}


def _copied(value: Any) -> str:
    """A value in COPY's text format."""
    if value is None:
        return "\\N"
    if isinstance(value, str):
        return value.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")
    return str(value)


class _Texts(dict[Any, str]):
    """Dates and instants as COPY reads them, each written once."""

    def __missing__(self, value: Any) -> str:
        if len(self) > 100_000:
            self.clear()
        text = self[value] = _copied(value)
        return text


_TEXTS = _Texts()


def next_ids(session: Session, count: int) -> range:
    """Reserve `count` identifiers that no row of any table has; gaps may stay after a rollback."""
    top = session.execute(sa.text("UPDATE id_space SET next_id = next_id + :n WHERE one = 1 RETURNING next_id"), {"n": count}).scalar_one()
    return range(top - count, top)


class IdSpace(Base):
    """One row: the next free identifier, shared by all tables whose rows are written in bulk."""

    __tablename__ = "id_space"
    one: sa.orm.Mapped[int] = sa.orm.mapped_column(sa.Integer, primary_key=True, autoincrement=False)
    next_id: sa.orm.Mapped[int] = sa.orm.mapped_column(sa.BigInteger)
