"""`collect month`: closing a month of the books, opening it again, and which are closed."""

from __future__ import annotations

import click

from collect.cli import output
from collect.cli.inputs import Choice
from collect.cli.opening import open_runtime
from collect.cli.program import Group
from collect.cli.words import gettext, mark


@click.group(cls=Group, name="month", help=mark("Months of the books: nothing can be effective in a closed one."), example="collect month close 2026-02")
def month() -> None:
    """Group."""


@month.command(help=mark("Close a month: entries effective in it are refused from now on."), example="collect month close 2026-02")
@click.argument("month")
@click.option("--reason", help=mark("Why, for the audit log."))
def close(month: str, reason: str | None) -> None:
    """Close a month."""
    from collect.domain.rights import SYSTEM
    from collect.services import months

    open_runtime().write(SYSTEM, lambda work: months.close(work, month, reason))
    output.say(gettext("{month} is closed.", month=month))


@month.command("open", help=mark("Open a closed month again; the reason stays in the audit log."), example='collect month open 2026-02 --reason "bank statement came late"')
@click.argument("month")
@click.option("--reason", required=True, help=mark("Why, for the audit log."))
def open_(month: str, reason: str) -> None:
    """Open a month again."""
    from collect.domain.rights import SYSTEM
    from collect.services import months

    open_runtime().write(SYSTEM, lambda work: months.reopen(work, month, reason))
    output.say(gettext("{month} is open again.", month=month))


@month.command("list", help=mark("List the closed months."), example="collect month list --format json")
@click.option("--format", "form", type=Choice(["text", "json"]), default="text", show_default=True, help=mark("How to print the list."))
def list_(form: str) -> None:
    """List the closed months."""
    from collect.domain.rights import SYSTEM
    from collect.storage.ledger import load_closed_months

    with open_runtime().read(SYSTEM) as view:
        closed = sorted(load_closed_months(view.session))
    if form == "json":
        output.as_json(closed)
    else:
        output.say("\n".join(closed) or gettext("No month is closed."))
