"""Migrations on both engines: empty to head, models equal to head, down to nothing and up again, one head, no harm twice."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from collect import assets, settings
from collect.runtime import Runtime
from collect.services import setup
from collect.storage import database, migrate, schema
from tests.conftest import FixedClock, make_runtime

TABLES = set(schema.metadata.tables)


@pytest.fixture
def engine(database_url: str) -> Iterator[sa.Engine]:
    """An engine on an empty database."""
    made = database.make_engine(database_url)
    yield made
    made.dispose()


def tables(engine: sa.Engine) -> set[str]:
    """The tables that are there, without Alembic's own."""
    return set(sa.inspect(engine).get_table_names()) - {"alembic_version"}


def move(engine: sa.Engine, revision: str) -> None:
    """Down to a revision, in one transaction as an upgrade is."""
    config = migrate.configuration()
    with engine.connect().execution_options(collect_writes=True) as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, revision)
        connection.commit()


def differences(engine: sa.Engine) -> list[object]:
    """What Alembic would still have to change to make the tables equal to the models."""
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        return list(compare_metadata(context, schema.metadata))


def test_from_empty_to_head(engine: sa.Engine) -> None:
    assert migrate.current(engine) is None
    migrate.upgrade(engine)
    assert migrate.current(engine) == migrate.wanted()
    assert tables(engine) == TABLES


def test_the_models_are_what_the_migrations_make(engine: sa.Engine) -> None:
    migrate.upgrade(engine)
    assert differences(engine) == []


def test_constraints_are_named_alike_in_models_and_tables(engine: sa.Engine) -> None:
    """Alembic compares no CHECK constraints, and those hold the money: compare them by name ourselves."""
    migrate.upgrade(engine)
    inspector = sa.inspect(engine)
    for name, table in schema.metadata.tables.items():
        declared = {str(rule.name) for rule in table.constraints if isinstance(rule, sa.CheckConstraint)}
        assert {rule["name"] for rule in inspector.get_check_constraints(name)} == declared, name


def test_down_to_nothing_and_up_again(engine: sa.Engine) -> None:
    migrate.upgrade(engine)
    move(engine, "base")
    assert tables(engine) == set()
    migrate.upgrade(engine)
    assert tables(engine) == TABLES
    assert differences(engine) == []


def test_one_head_and_it_is_the_recorded_one() -> None:
    """Two branches that each add a migration both change `.current-head`: their merge is a conflict, not two heads."""
    heads = ScriptDirectory.from_config(migrate.configuration()).get_heads()
    assert len(heads) == 1
    assert heads[0] == (assets.folder("migrations") / ".current-head").read_text(encoding="ascii").strip()


def test_a_migration_that_fails_leaves_nothing(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last statement of the first migration fails: no table stays, and the next try starts from nothing."""
    from alembic import op

    real = op.create_table

    def failing(name: str, *columns: object, **rest: object) -> object:
        if name == "allocation":
            raise RuntimeError("the power went out")
        return real(name, *columns, **rest)

    monkeypatch.setattr(op, "create_table", failing)
    with pytest.raises(RuntimeError, match="power"):
        migrate.upgrade(engine)
    assert tables(engine) == set()
    monkeypatch.undo()
    migrate.upgrade(engine)
    assert tables(engine) == TABLES


def test_init_twice_is_harmless(database_url: str, tmp_path: Path, clock: FixedClock) -> None:
    """The second run finds the company there and changes nothing, whatever it is called with."""
    first = make_runtime(database_url, tmp_path, clock)

    def rows() -> dict[str, list[tuple[object, ...]]]:
        with first.engine.connect() as connection:
            found = {name: list(map(tuple, connection.execute(sa.select(table)))) for name, table in schema.metadata.tables.items()}
        # An empty unit of work still moves the head's instant; it holds no change.
        found["audit_head"] = [tuple(value for value in row if not isinstance(value, datetime)) for row in found["audit_head"]]
        return found

    before, secret = rows(), first.settings.secret_file.read_bytes()
    second = Runtime(first.engine, settings.load({"COLLECT_DATABASE_URL": database_url, "COLLECT_DATA_DIR": str(tmp_path)}), clock)
    made = setup.initialise(second, setup.Company("Another Ltd", "DE", "EUR", "Europe/Berlin"), "another password 9")
    assert not made
    assert not setup.make_secret(second.settings)
    assert (rows(), first.settings.secret_file.read_bytes()) == (before, secret)
    first.engine.dispose()


def test_a_shared_view_that_opened_a_page_for_everybody_opens_it_for_who_made_it(engine: sa.Engine) -> None:
    """Person 1 opens aging with his own view 10, which goes before 12 that he shared; person 2 shared 11 and opens with it; 13 opened nothing."""
    migrate.upgrade(engine)
    at = datetime(2026, 3, 1, tzinfo=UTC)
    people = [{"id": key, "username": f"u{key}", "name": "U", "role": "finance", "password_hash": "x", "active": True, "version": 1, "recorded_at": at} for key in (1, 2)]
    views = [(10, "aging", 1, 1), (11, "aging", None, 2), (12, "aging", None, 1), (13, "invoices", None, 2)]
    rows = [{"id": key, "page": page, "name": f"V{key}", "user_id": owner, "made_by": maker, "query": "", "version": 1, "recorded_at": at} for key, page, owner, maker in views]
    with engine.connect().execution_options(collect_writes=True) as connection:
        connection.execute(schema.metadata.tables["user_account"].insert(), people)
        connection.execute(schema.metadata.tables["saved_view"].insert(), rows)
        connection.commit()
    move(engine, "0007")
    with engine.connect().execution_options(collect_writes=True) as connection:
        connection.execute(sa.text("UPDATE saved_view SET opens = true WHERE id < 13"))
        connection.commit()
    migrate.upgrade(engine)
    with engine.connect() as connection:
        assert [tuple(row) for row in connection.execute(sa.text("SELECT user_id, page, view_id FROM view_choice ORDER BY user_id"))] == [(1, "aging", 10), (2, "aging", 11)]
