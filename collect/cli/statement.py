"""`collect statement`: the statement of account 对账单 of a customer, or of all of them, as PDF."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import click

from collect.cli import output
from collect.cli.inputs import FILE_TO_WRITE, Choice
from collect.cli.opening import open_runtime
from collect.cli.program import Command
from collect.cli.words import gettext, mark


@click.command(
    cls=Command,
    help=mark("Make a customer's statement of account as a PDF; with --all, those of every customer with a balance as one ZIP."),
    example="collect statement C001 --as-of 2026-03-31 --lang zh --kind confirm --output C001.pdf\ncollect statement --all --overdue --kind demand --output demands.zip",
)
@click.argument("customer_no", required=False)
@click.option("--as-of", metavar="D", help=mark("The date it is about; today where none is given."))
@click.option("--lang", type=Choice(["zh", "en"]), help=mark("Its language; the customer's where none is given."))
@click.option("--kind", type=Choice(["demand", "confirm"]), default="confirm", show_default=True, help=mark("Ask for payment, or for confirmation with a reply slip."))
@click.option("--since", metavar="D", help=mark("First day of a period: opening balance and movements instead of open items."))
@click.option("--pay-by", metavar="D", help=mark("The day a demand names; ten days from today where none is given."))
@click.option("--group", is_flag=True, help=mark("With the members of the customer's group; a demand is a letter to each."))
@click.option("--all", "everybody", is_flag=True, help=mark("Every customer with a balance, as one ZIP."))
@click.option("--overdue", is_flag=True, help=mark("With --all: only customers with something past due."))
@click.option("--segment", metavar="NAME", help=mark("With --all: only customers of a segment."))
@click.option("--output", "target", type=FILE_TO_WRITE, required=True, help=mark("File to write."))
def statement(
    customer_no: str | None,
    as_of: str | None,
    lang: str | None,
    kind: str,
    since: str | None,
    pay_by: str | None,
    group: bool,
    everybody: bool,
    overdue: bool,
    segment: str | None,
    target: Path,
) -> None:
    """Make the statement or the batch, and write it."""
    if (customer_no is None) != everybody:
        raise click.UsageError(gettext("Name a customer, or say --all."))
    if (overdue or segment) and not everybody:
        raise click.UsageError(gettext("--overdue and --segment choose among all customers: say --all."))
    from collect import sentences
    from collect.documents.statement import render
    from collect.domain.errors import Refusal
    from collect.domain.rights import SYSTEM
    from collect.reports.options import parse_day
    from collect.services import statements as services

    runtime = open_runtime()
    try:
        days = {name: parse_day(text, name) if text is not None else None for name, text in (("as_of", as_of), ("since", since), ("pay_by", pay_by))}
    except Refusal as refusal:
        raise click.UsageError(sentences.say(refusal)) from None
    wish = services.Wish(kind, days["as_of"], lang, days["since"], days["pay_by"])
    if customer_no is None:
        planned = services.plan(runtime, SYSTEM, wish, services.Which(segment or "", None, overdue))
        with output.progress(gettext("Statements")) as tell:
            _stream(target, services.batch(runtime, SYSTEM, planned, tell))
        output.note(gettext("Written to {file}.", file=target))
        return
    if group:
        made = runtime.write(SYSTEM, lambda work: services.make_group(work, customer_no, wish))
        if len(made) == 1:
            data = made[0].pdf
        else:
            with runtime.read(SYSTEM) as view:
                data = render([services.facts_of(view.session, SYSTEM.scope, one.row) for one in made])
    else:
        data = runtime.write(SYSTEM, lambda work: services.make(work, customer_no, wish))[1]
    output.as_file(target, data)
    output.note(gettext("Written to {file}.", file=target))


def _stream(target: Path, pieces: Iterator[bytes]) -> None:
    """Pieces into a file as they come; it has its name when it is complete."""
    with tempfile.NamedTemporaryFile(prefix=f".{target.name}.", suffix=".partial", dir=target.parent, delete=False) as file:
        partial = Path(file.name)
        try:
            for piece in pieces:
                file.write(piece)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
    partial.chmod(0o644)
    partial.replace(target)
