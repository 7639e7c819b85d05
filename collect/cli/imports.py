"""`collect import`: customers, contacts, deliveries, invoices, credits and payments from files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from collect.cli import output
from collect.cli.inputs import FILE_TO_READ, Choice
from collect.cli.opening import open_runtime
from collect.cli.program import FINDING, Command, Group
from collect.cli.words import gettext, mark
from collect.domain.errors import Refusal

if TYPE_CHECKING:
    from collect.runtime import Runtime
    from collect.services.imports import Options, Result

_SHOWN = 20
"""Refused rows told on standard error; all of them are in the file of refused rows."""

_HELP = {
    "customers": mark("Take in customers from CSV or XLSX files."),
    "contacts": mark("Take in contact persons from CSV or XLSX files."),
    "deliveries": mark("Take in deliveries that are not invoiced yet from CSV or XLSX files."),
    "invoices": mark("Take in invoices from CSV or XLSX files."),
    "credits": mark("Take in credit notes from CSV or XLSX files."),
    "payments": mark("Take in payments and what they settle from CSV or XLSX files."),
}


@click.group(
    cls=Group,
    name="import",
    help=mark("Take in files. Good rows stay, refused rows go to FILE.refused.csv with line and reason; the same file again changes nothing."),
    example="collect import invoices march.csv",
)
def import_() -> None:
    """Group."""


def _options(command: Command) -> Command:
    """The options that every kind of file shares."""
    for option in reversed(
        (
            click.Option(["--map", "mapping"], metavar="NAME", help=mark("A saved mapping to read the file with.")),
            click.Option(["--encoding"], help=mark("Encoding of the file, such as utf-8 or gb18030; found out where none is given.")),
            click.Option(["--dates"], type=Choice(["dmy", "mdy", "ymd"]), help=mark("Order of day, month and year where the file does not prove it.")),
            click.Option(["--decimal"], type=Choice([".", ","]), help=mark("Decimal sign where the file does not prove it.")),
            click.Option(["--strict"], is_flag=True, help=mark("One refused row refuses the whole file.")),
            click.Option(["--dry-run"], is_flag=True, help=mark("Say what would happen and change nothing.")),
            click.Option(["--format", "form"], type=Choice(["text", "json"]), default="text", show_default=True, help=mark("How to print the result.")),
        )
    ):
        command.params.insert(1, option)
    return command


def _command(kind: str) -> Command:
    """The command for one kind of file."""

    def run(files: tuple[Path, ...], form: str, **options: Any) -> int:
        from collect.services.imports import Options

        return take_in(kind, files, Options(**options), form)

    files = click.Argument(["files"], nargs=-1, required=True, metavar="FILE…", type=FILE_TO_READ)
    return _options(Command(kind, callback=run, params=[files], help=_HELP[kind], example=f"collect import {kind} {kind}.csv --dry-run"))


for _kind in _HELP:
    import_.add_command(_command(_kind))


def take_in(kind: str, files: tuple[Path, ...], options: Options, form: str) -> int:
    """Import the files one after the other, each in its own transaction; 1 when a row or a file was refused.

    JSON is one object for one file, a list of objects (each with its `file`) for several.
    """
    runtime = open_runtime()
    answers = []
    for file in files:
        answer, refusal = _one(runtime, kind, file, options)
        answers.append(answer if len(files) == 1 else {"file": str(file), **answer})
        if form == "text" and refusal is None:
            _summary(file, answer, options.dry_run)
    if form == "json":
        output.as_json(answers[0] if len(files) == 1 else answers)
    return FINDING if any(answer["refused"] or answer["errors"] for answer in answers) else 0


def _one(runtime: Runtime, kind: str, file: Path, options: Options) -> tuple[dict[str, Any], Refusal | None]:
    """One file: its result under the fixed keys, and why the whole file was refused, if it was."""
    from collect.domain.rights import SYSTEM
    from collect.sentences import say
    from collect.services import imports

    try:
        with output.progress(file.name) as tick:
            result = imports.run(runtime, SYSTEM, kind, file, file.name, options, tick)
    except Refusal as refusal:
        output.note(gettext("{file}: {reason}", file=file, reason=say(refusal)))
        error = {"line": None, "field": refusal.field, "value": str(refusal.params.get("value", "")), "message": say(refusal)}
        return imports.Result(kind).as_json() | {"errors": [error]}, refusal
    kept = None if options.dry_run else _keep_refused(file, result)
    return result.as_json(str(kept) if kept else None), None


def _keep_refused(file: Path, result: Result) -> Path | None:
    """The refused rows beside the file, or in the working directory where nothing may be written beside it.

    When nothing is refused any more, the list an earlier run left is out of date and goes away.
    """
    name = f"{file.name}.refused.csv"
    if result.refused_csv is None:
        _remove_outdated(file.with_name(name))
        return None
    text = result.refused_csv.read()
    result.refused_csv.close()
    for target in (file.with_name(name), Path.cwd() / name):
        try:
            output.as_file(target, text.encode())
        except OSError:
            if target.parent == Path.cwd():
                raise
            continue
        return target
    return None


def _remove_outdated(target: Path) -> None:
    """Remove a list of refused rows of ours; any other file of that name stays."""
    try:
        with target.open(encoding="utf-8") as file:
            ours = file.readline().rstrip().endswith((",line,reason", ",line,refused_reason", ",refused_line,reason", ",refused_line,refused_reason"))
        if ours:
            target.unlink()
    except (OSError, ValueError):
        return


def _summary(file: Path, answer: dict[str, Any], dry_run: bool) -> None:
    """The counts on standard output; refused rows and notices on standard error."""
    counts = {key: f"{answer[key]:,}" for key in ("new", "changed", "unchanged", "refused")}
    output.say(gettext("{file}: {new} new, {changed} changed, {unchanged} unchanged, {refused} refused", file=file, **counts))
    if answer["ignored_columns"]:
        output.say(gettext("Columns nobody knows, ignored: {columns}", columns=", ".join(answer["ignored_columns"])))
    if dry_run:
        output.say(gettext("This was a dry run: nothing was changed."))
    for sentence in answer.get("notices", ()):
        output.note(sentence)
    for error in answer["errors"][:_SHOWN]:
        output.note(gettext("Line {line}: {message}", line=error["line"], message=error["message"]))
    if answer["refused_file"]:
        output.note(gettext("Correct the refused rows in {file} and import that file.", file=answer["refused_file"]))
