"""`collect import statement`: bank statements of any form, recognised by their content."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from collect.cli import output
from collect.cli.inputs import FILE_TO_READ, Choice
from collect.cli.opening import open_runtime
from collect.cli.program import FINDING, Command
from collect.cli.words import gettext, mark
from collect.domain.errors import Refusal

_REASONS = {"neither": mark("neither money in nor money out"), "no_day": mark("no date in it")}


def _run(files: tuple[Path, ...], account: str | None, mapping: str | None, sheet: str | None, dry_run: bool, form: str) -> int:
    """Take the files in one after the other, each in its own transaction; 1 when a file was refused."""
    runtime = open_runtime()
    answers = []
    for file in files:
        answer = _one(runtime, file, account, mapping, sheet, dry_run)
        answers.append(answer if len(files) == 1 else {"file": str(file), **answer})
        if form == "text" and not answer["errors"]:
            counts = {key: f"{answer[key]:,}" for key in ("statements", "lines", "new", "unchanged", "incoming", "applied")}
            output.say(
                gettext(
                    "{file}: statements {statements}, lines {lines} (new {new}, unchanged {unchanged}); with money in {incoming}, of those applied {applied}", file=file, **counts
                )
            )
            if answer["mapping"]:
                output.note(gettext("Read with the saved mapping {name}.", name=answer["mapping"]))
            for number, currency in zip(answer["accounts_made"], answer["currencies_made"], strict=True):
                output.note(gettext("Account {number} in {currency} is new.", number=number, currency=currency))
            for notice in answer["notices"]:
                output.note(notice)
            if answer["left_out"]:
                output.note(gettext("Rows that are no lines of the account, left out: {count}", count=f"{answer['left_out']:,}"))
            for row in answer["left_rows"]:
                why = _REASONS[row["reason"]]
                output.note(gettext("  line {line}, {why}: {text}", line=row["line"], why=gettext(why), text=row["text"]))
            if answer["left_out"] > len(answer["left_rows"]):
                output.note(gettext("  and {count} more", count=f"{answer['left_out'] - len(answer['left_rows']):,}"))
            if dry_run:
                output.say(gettext("This was a dry run: nothing was changed."))
    if form == "json":
        output.as_json(answers[0] if len(files) == 1 else answers)
    return FINDING if any(answer["errors"] for answer in answers) else 0


def _one(runtime: Any, file: Path, account: str | None, mapping: str | None, sheet: str | None, dry_run: bool) -> dict[str, Any]:
    """One file: its counts, and why it was refused, if it was."""
    from collect.domain.rights import SYSTEM
    from collect.sentences import say
    from collect.services import bank, matching

    try:
        placing = bank.saved_placing(runtime, SYSTEM, mapping) if mapping else None
        taken = bank.take_in(runtime, SYSTEM, file, file.name, how=bank.Reading(account, placing=placing, dry_run=dry_run, sheet=sheet))
        applied = 0
        if taken.line_ids and not dry_run:
            applied = runtime.write(SYSTEM, lambda work: matching.propose_and_apply(work, taken.line_ids)).applied
    except Refusal as refusal:
        output.note(gettext("{file}: {reason}", file=file, reason=say(refusal)))
        error = {"line": refusal.params.get("line"), "field": refusal.field, "value": str(refusal.params.get("value", "")), "message": say(refusal)}
        return bank.Taken().as_json() | {"applied": 0, "notices": [], "errors": [error]}
    return taken.as_json() | {"applied": applied, "notices": [say(notice) for notice in taken.notices], "errors": []}


statement = Command(
    "statement",
    callback=_run,
    params=[
        click.Argument(["files"], nargs=-1, required=True, metavar="FILE…", type=FILE_TO_READ),
        click.Option(["--account"], metavar="NUMBER", help=mark("Our account, for a table that does not tell it.")),
        click.Option(["--map", "mapping"], metavar="NAME", help=mark("A saved mapping to read the file with.")),
        click.Option(["--sheet"], metavar="NAME", help=mark("The sheet of a workbook to read, where several hold a table.")),
        click.Option(["--dry-run"], is_flag=True, help=mark("Say what would happen and change nothing.")),
        click.Option(["--format", "form"], type=Choice(["text", "json"]), default="text", show_default=True, help=mark("How to print the result.")),
    ],
    help=mark("Take in bank statements: camt.052/053/054, MT940, OFX/QFX, CSV and Excel tables of banks and wallets; what is sure is applied."),
    example="collect import statement march.xml",
)
