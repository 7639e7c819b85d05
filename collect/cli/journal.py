"""`collect report journal` and `collect report control`: vouchers for the general ledger, and receivables held against it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from collect.cli import output
from collect.cli.inputs import FILE_TO_WRITE, Choice, day_of
from collect.cli.opening import open_runtime
from collect.cli.program import FINDING, Command
from collect.cli.words import gettext, mark

if TYPE_CHECKING:
    from collect.table import Table

_FORMS = ["table", "csv", "json", "xlsx"]


@click.command(
    cls=Command,
    help=mark("The journal as balanced vouchers for the general ledger; accounts are mapped in config/accounts.toml."),
    example="collect report journal --from 2026-03-01 --to 2026-03-31 --format xlsx --output vouchers.xlsx",
)
@click.option("--from", "since", metavar="D", required=True, help=mark("The first day."))
@click.option("--to", "until", metavar="D", required=True, help=mark("The last day."))
@click.option("--currency", metavar="CNY", help=mark("Only this currency."))
@click.option("--format", "form", type=Choice(_FORMS), default="table", show_default=True, help=mark("How to give the report out."))
@click.option("--output", "target", type=FILE_TO_WRITE, help=mark("File to write; standard output where none is given."))
def journal(since: str, until: str, currency: str | None, form: str, target: Path | None) -> None:
    """Read the vouchers on one snapshot and give them out."""
    from collect import i18n
    from collect.domain.rights import ALL, SYSTEM
    from collect.reports import journal as reports

    _no_terminal(form, target)
    with open_runtime().read(SYSTEM) as view:
        first, last = day_of(view, since), day_of(view, until)
        found = reports.vouchers(view, ALL, first, last, i18n.current(), currency.upper() if currency else None)
        if form == "json":
            output.given_out(target, lambda file: output.write_json(reports.as_json(found), file))
            return
        table = reports.as_table(found, first, last, i18n.current())
    _give_out(table, None, form, target)


@click.command(
    cls=Command,
    help=mark("Receivables = ledger, month by month: open items less what is unapplied against the journal's balance. Exit status 1 when they differ."),
    example="collect report control --as-of 2026-03-31",
)
@click.option("--as-of", metavar="D", help=mark("The date it is about; today where none is given."))
@click.option("--format", "form", type=Choice(_FORMS), default="table", show_default=True, help=mark("How to give the report out."))
@click.option("--output", "target", type=FILE_TO_WRITE, help=mark("File to write; standard output where none is given."))
def control(as_of: str | None, form: str, target: Path | None) -> None:
    """Build the control report and give it out."""
    from collect.domain.rights import ALL, SYSTEM
    from collect.reports import journal as reports

    _no_terminal(form, target)
    with open_runtime().read(SYSTEM) as view:
        day = day_of(view, as_of)
        found = reports.control(view, ALL, day)
    _give_out(reports.control_table(found, day), reports.control_json(found, day), form, target)
    if not reports.ties_out(found):
        raise click.exceptions.Exit(FINDING)


def _no_terminal(form: str, target: Path | None) -> None:
    if form == "xlsx" and target is None and output.on_terminal():
        raise click.UsageError(gettext("A terminal cannot show {format}: name a file with --output.", format=form.upper()))


def _give_out(table: Table, value: Any, form: str, target: Path | None) -> None:
    """The report in one of its forms, to a file or to standard output."""
    if form == "table" and target is None:
        output.as_table(table)
        return
    output.table_given_out(table, value, form, target)
