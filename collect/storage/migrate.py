"""Migrations, driven from code so that they run from a wheel: upgrade, what is installed, what the program wants."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from collect import assets
from collect.domain.errors import Refusal


def configuration() -> Config:
    """Alembic's configuration for the shipped scripts."""
    config = Config()
    config.set_main_option("script_location", str(assets.folder("migrations")).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def wanted() -> str:
    """The one head revision that this program needs."""
    head = ScriptDirectory.from_config(configuration()).get_current_head()
    if head is None:
        raise FileNotFoundError("collect is not installed completely: it has no migrations")
    return head


def current(engine: sa.Engine) -> str | None:
    """The revision of the database, None when it is empty."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def upgrade(engine: sa.Engine, revision: str = "head") -> None:
    """Bring the database to a revision, in one transaction."""
    config = configuration()
    with engine.connect().execution_options(collect_writes=True) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        connection.commit()


def require(engine: sa.Engine) -> None:
    """Raise Refusal `not_initialised` on an empty database, `not_migrated` on one of another version."""
    found, needed = current(engine), wanted()
    if found is None:
        raise Refusal("not_initialised")
    if found != needed:
        raise Refusal("not_migrated", found=found, wanted=needed)
