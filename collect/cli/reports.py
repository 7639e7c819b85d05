"""`collect report`: the reports as table, CSV, JSON, XLSX or PDF."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from collect.cli import output
from collect.cli.inputs import FILE_TO_WRITE, Choice
from collect.cli.opening import open_runtime
from collect.cli.program import Group
from collect.cli.words import gettext, mark

if TYPE_CHECKING:
    from collect.reports.aging import AgingReport
    from collect.runtime import View

_FORMS = ["table", "csv", "json", "xlsx", "pdf"]
_GROUPINGS = ["customer", "item", "rep", "collector", "segment", "group", "currency"]


@click.group(cls=Group, name="report", help=mark("Reports as of any date, as table, CSV, JSON, XLSX or PDF."), example="collect report aging --as-of 2026-03-31")
def report() -> None:
    """Group."""


@report.command(
    help=mark("The aging report: what is open, by how long it is overdue."), example="collect report aging --as-of 2026-03-31 --by item --format xlsx --output aging.xlsx"
)
@click.option("--as-of", metavar="D", help=mark("The date it is about; today where none is given."))
@click.option("--known-at", metavar="T", help=mark("As it was known at an instant, or at the end of a date in the company's time zone."))
@click.option("--basis", type=Choice(["due", "issue"]), default="due", show_default=True, help=mark("What the days are counted from."))
@click.option("--buckets", metavar="30,60,90", help=mark("Upper edges of the buckets in days; the company's where none are given."))
@click.option("--unapplied", type=Choice(["column", "aged"]), default="column", show_default=True, help=mark("Where unapplied cash and credits stand."))
@click.option("--by", type=Choice(_GROUPINGS), default="customer", show_default=True, help=mark("What a row is."))
@click.option("--customer", metavar="NO", help=mark("Only this customer."))
@click.option("--currency", metavar="CNY", help=mark("Only this currency."))
@click.option("--format", "form", type=Choice(_FORMS), default="table", show_default=True, help=mark("How to give the report out."))
@click.option("--output", "target", type=FILE_TO_WRITE, help=mark("File to write; standard output where none is given."))
def aging(form: str, target: Path | None, **asked: str | None) -> None:
    """Build the report on one snapshot and give it out."""
    if form in ("xlsx", "pdf") and target is None and output.on_terminal():
        raise click.UsageError(gettext("A terminal cannot show {format}: name a file with --output.", format=form.upper()))
    from collect import sentences
    from collect.domain.errors import Refusal
    from collect.domain.rights import ALL, SYSTEM
    from collect.reports import aging as reports
    from collect.reports.options import aging_options

    if "" in asked.values():
        # An unset variable of a script must not silently mean today.
        raise click.UsageError(gettext("An option is empty: leave it out or give it a value."))
    with open_runtime().read(SYSTEM) as view:
        try:
            options = aging_options(view, {name: value for name, value in asked.items() if value})
        except Refusal as refusal:
            # An option that cannot be read is wrong usage, like one that does not exist.
            raise click.UsageError(sentences.say(refusal)) from None
        built = reports.build(view, ALL, options)
    _give_out(view, built, form, target)


def _give_out(view: View, built: AgingReport, form: str, target: Path | None) -> None:
    """The report in one of its forms, to a file or to standard output; the snapshot it came from is closed by now."""
    from collect import i18n
    from collect.reports import aging as reports

    table = reports.as_table(built, i18n.current(), view.seller.timezone)
    if form == "table" and target is None:
        output.as_table(table)
    elif form == "pdf":
        from collect.documents.table import render_table

        data = render_table(table, i18n.current(), view.seller.name, i18n.show_instant(view.now, view.seller.timezone))
        output.given_out(target, lambda file: file.write(data))
    elif form == "json":
        output.given_out(target, lambda file: file.writelines(reports.json_pieces(built)))
    else:
        output.table_given_out(table, None, form, target)
