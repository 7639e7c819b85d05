"""What the database says of itself, and that damage done behind our back is named."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from collect.domain.errors import Refusal
from collect.runtime import Runtime
from collect.storage import database, health


def test_describes_what_is_in_force(runtime: Runtime) -> None:
    facts = health.describe(runtime.engine)
    if facts.engine == "sqlite":
        assert facts.version == database.sqlite_module().sqlite_version
        assert (facts.journal, facts.synchronous) == ("wal" if facts.wal_safe else "delete", "full")
    else:
        assert facts.version[:2].isdigit()
        assert (facts.driver, facts.journal, facts.synchronous) == ("psycopg", None, "on")


def test_a_sound_database_has_no_findings(runtime: Runtime) -> None:
    assert health.check(runtime.engine) == []


def test_another_version_is_a_finding(runtime: Runtime) -> None:
    with runtime.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0000'")
    assert [finding.code for finding in health.check(runtime.engine)] == ["not_migrated"]


def test_a_reference_to_nothing_is_found(runtime: Runtime) -> None:
    """A contact of customer 77, who does not exist: put in while the database does not look."""
    postgres = runtime.engine.dialect.name == "postgresql"
    yes, now = ("true", "now()") if postgres else ("1", "0")
    raw = runtime.engine.raw_connection()
    cursor = raw.cursor()
    cursor.execute("SET session_replication_role = replica" if postgres else "PRAGMA foreign_keys=OFF")
    cursor.execute(f"INSERT INTO contact (id, customer_id, name, role, original, decides, version, recorded_at) VALUES (1, 77, '王芳', 'finance', {yes}, {yes}, 1, {now})")
    raw.commit()
    cursor.close()
    raw.invalidate()
    found = health.check(runtime.engine)
    assert [(finding.code, finding.params["table"], finding.params["parent"]) for finding in found] == [("reference_broken", "contact", "customer")]


def test_a_broken_rule_is_found(runtime: Runtime) -> None:
    """A journal line of 5 + 0 + 0, which does not balance."""
    postgres = runtime.engine.dialect.name == "postgresql"
    with runtime.engine.begin() as connection:
        if postgres:
            connection.exec_driver_sql("ALTER TABLE ledger_line DROP CONSTRAINT ck_ledger_line_balanced")
        else:
            connection.exec_driver_sql("PRAGMA ignore_check_constraints=ON")
        day, now = ("DATE '2026-03-01'", "now()") if postgres else ("20260301", "0")
        columns = "customer_id, seller_id, currency, id, day, receivable, unapplied, contra, event, recorded_at"
        connection.exec_driver_sql(f"INSERT INTO ledger_line ({columns}) VALUES (1, 1, 'CNY', 1, {day}, 5, 0, 0, 'invoice', {now})")
        if postgres:
            connection.exec_driver_sql("ALTER TABLE ledger_line ADD CONSTRAINT ck_ledger_line_balanced CHECK (receivable + unapplied + contra = 0) NOT VALID")
        else:
            connection.exec_driver_sql("PRAGMA ignore_check_constraints=OFF")
    found = health.check(runtime.engine)
    assert {finding.code for finding in found} == ({"constraint_broken"} if postgres else {"database_damaged"})
    assert all("ledger_line" in str(finding.params) for finding in found)


def test_damaged_pages_are_found(sqlite_runtime: Runtime) -> None:
    """Zeroes over the middle of a SQLite file: told as findings, or as the error of a file that cannot be read at all."""
    file = Path(str(sqlite_runtime.engine.url.database))
    with sqlite_runtime.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    sqlite_runtime.engine.dispose()
    with file.open("rb+") as pages:
        pages.seek(4096 * 8)
        pages.write(bytes(4096 * 12))
    fresh = database.make_engine(str(sqlite_runtime.engine.url))
    try:
        assert "database_damaged" in {finding.code for finding in health.check(fresh)}
    except sa.exc.DatabaseError as problem:
        assert "malformed" in str(problem)
    finally:
        fresh.dispose()


@pytest.mark.parametrize("url", ["", "nonsense", "mysql://root:secret@host/x", "://", "oracle+cx://a:secret@b/c"])
def test_an_address_of_something_else_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(Refusal) as caught:
        health.address(url)
    assert caught.value.code == "bad_database_url"
    assert "secret" not in str(caught.value)


def test_the_password_is_never_shown() -> None:
    assert health.shown("postgresql://u:secret@h/d") == "postgresql+psycopg://u:***@h/d"


def test_looking_for_a_database_does_not_make_one(tmp_path: Path) -> None:
    file = tmp_path / "folder" / "collect.db"
    assert not health.exists(f"sqlite:///{file}")
    assert not file.parent.exists()
    file.parent.mkdir()
    file.touch()
    assert not health.exists(f"sqlite:///{file}")
