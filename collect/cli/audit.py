"""`collect verify` and `collect audit`: the proof that the books add up, the audit chain, and an anchor kept elsewhere."""

from __future__ import annotations

import json
from pathlib import Path

import click

from collect.cli import output
from collect.cli.inputs import FILE_TO_READ, FILE_TO_WRITE, Choice
from collect.cli.opening import open_runtime
from collect.cli.program import FINDING, Command, Group
from collect.cli.words import gettext, mark
from collect.domain.errors import Refusal

_FORM = click.option("--format", "form", type=Choice(["text", "json"]), default="text", show_default=True, help=mark("How to print the findings."))


@click.command(
    cls=Command,
    help=mark("Prove the control totals, the allocation limits and the audit chain. Ends with 1 and a list when something is off."),
    example="collect verify --format json",
)
@_FORM
def verify(form: str) -> int | None:
    """Prove the books."""
    from collect.services import verify as service

    return _tell(service.verify(open_runtime()), form, gettext("Everything adds up: control totals, allocations, audit chain."))


@click.group(cls=Group, name="audit", help=mark("The append-only audit log, chained by hashes."), example="collect audit verify")
def audit() -> None:
    """Group."""


@audit.command(
    "verify", help=mark("Check the audit chain, and that it continues the anchor. Ends with 1 when something is off."), example="collect audit verify --anchor /safe/anchor.json"
)
@click.option("--anchor", type=FILE_TO_READ, help=mark("A file that `collect audit anchor` wrote."))
@_FORM
def verify_chain(anchor: Path | None, form: str) -> int | None:
    """Check the chain."""
    from collect.services import verify as service

    kept = service.read_anchor(read_text(anchor)) if anchor else None
    return _tell(service.verify_chain(open_runtime(), kept), form, gettext("The audit chain is whole."))


@audit.command("anchor", help=mark("Write the newest hash of the audit chain to a file to be kept elsewhere."), example="collect audit anchor /safe/anchor.json")
@click.argument("file", type=FILE_TO_WRITE)
def anchor(file: Path) -> None:
    """Write an anchor."""
    from collect.services import verify as service

    output.as_file(file, (json.dumps(service.anchor_of(open_runtime())) + "\n").encode())
    output.say(gettext("The anchor is in {file}; keep it where nobody who can change the database can change it.", file=file))


def read_text(file: Path) -> str:
    """An anchor file's text; bytes that are no text make it no anchor."""
    return file.read_bytes().decode("utf-8", "replace")


def _tell(findings: list[Refusal], form: str, sound: str) -> int | None:
    """The findings, one a line, or the sentence that there are none."""
    if form == "json":
        from collect.services.verify import as_json

        output.as_json(as_json(findings))
    elif findings:
        from collect.sentences import say

        for finding in findings:
            output.say(say(finding))
    else:
        output.say(sound)
    return FINDING if findings else None
