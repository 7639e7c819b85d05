"""`collect db`: migrations, consistent copies, putting one back, and the database's own checks."""

from __future__ import annotations

from pathlib import Path

import click

from collect.cli import output
from collect.cli.inputs import FILE_TO_READ, FILE_TO_WRITE, Choice
from collect.cli.opening import open_runtime, speak_company
from collect.cli.program import FINDING, Group
from collect.cli.words import gettext, mark
from collect.domain.errors import Refusal


@click.group(cls=Group, name="db", help=mark("Migrations, backup, restore and check of the database."), example="collect db backup /backups/collect-monday.backup")
def db() -> None:
    """Group."""


@db.command(help=mark("Bring the database to the version of this program."), example="collect db upgrade")
def upgrade() -> None:
    """Run the migrations that are missing."""
    from collect.services import setup
    from collect.storage import health, migrate

    runtime = open_runtime(ready=False)
    before, after = migrate.current(runtime.engine), migrate.wanted()
    setup.upgrade(runtime)
    if health.has_company(runtime.settings.database_url, runtime.engine):
        speak_company(runtime)
    if before == after:
        output.say(gettext("The database is already at {version}.", version=after))
    else:
        output.say(gettext("The database went from {old} to {version}.", old=before or "—", version=after))


@db.command(
    help=mark("Write a consistent copy of the database while it is in use; it is checked before it gets its name."), example="collect db backup /backups/collect-monday.backup"
)
@click.argument("file", type=FILE_TO_WRITE)
def backup(file: Path) -> None:
    """Copy the database."""
    from collect.services import backup as service

    made = service.save(open_runtime(), file)
    output.say(gettext("The backup is in {file}: {rows} rows of {tables} tables, checked.", file=file, rows=f"{sum(made.rows.values()):,}", tables=len(made.rows)))


@db.command(
    help=mark("Replace the database by a backup, after the backup has been checked; what a database in use held is kept in a file."),
    example="collect db restore /backups/collect-monday.backup",
)
@click.argument("file", type=FILE_TO_READ)
def restore(file: Path) -> int | None:
    """Put a backup back."""
    from collect.sentences import say
    from collect.services import backup as service

    runtime = open_runtime(ready=False)
    done = service.restore(runtime, file)
    speak_company(runtime)
    output.say(gettext("The database now holds {rows} rows from {file}.", rows=f"{sum(done.rows.values()):,}", file=file))
    if done.kept:
        output.say(gettext("What it held before is kept in {file}.", file=done.kept))
    for finding in done.findings:
        output.say(say(finding))
    return FINDING if done.findings else None


@db.command(help=mark("Check the database: damage, references, constraints, version. Ends with 1 when something is found."), example="collect db check --format json")
@click.option("--format", "form", type=Choice(["text", "json"]), default="text", show_default=True, help=mark("How to print the findings."))
def check(form: str) -> int | None:
    """Let the database check itself."""
    from collect.sentences import say
    from collect.services.verify import as_json
    from collect.storage import health

    runtime = open_runtime(ready=False)
    if not health.has_company(runtime.settings.database_url, runtime.engine):
        raise Refusal("not_initialised")
    findings = health.check(runtime.engine)
    if form == "json":
        output.as_json(as_json(findings))
    elif findings:
        for finding in findings:
            output.say(say(finding))
    else:
        output.say(gettext("The database is sound."))
    return FINDING if findings else None
