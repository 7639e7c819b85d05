"""`collect import einvoice`: UBL, CII, Factur-X and ZUGFeRD PDF, and OFD become drafts that wait for customer and terms."""

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


def _run(files: tuple[Path, ...], form: str) -> int:
    """Take the files in one after the other; 1 when one was refused."""
    runtime = open_runtime()
    answers = [_one(runtime, file) for file in files]
    if form == "json":
        output.as_json(answers[0] if len(files) == 1 else answers)
    else:
        for file, answer in zip(files, answers, strict=True):
            if answer["errors"]:
                continue
            told = {"file": file, "number": answer["number"], "customer": answer["customer_no"] or gettext("nobody known")}
            output.say(
                gettext("{file}: draft {number}, for {customer}.", **told)
                if answer["new"]
                else gettext("{file}: {number} is known already; nothing changed.", file=file, number=answer["number"])
            )
            for notice in answer["notices"]:
                output.note(notice)
    return FINDING if any(answer["errors"] for answer in answers) else 0


def _one(runtime: Any, file: Path) -> dict[str, Any]:
    from collect.domain.rights import SYSTEM
    from collect.sentences import say
    from collect.services import drafts

    try:
        taken = drafts.take_in(runtime, SYSTEM, file, file.name)
    except Refusal as refusal:
        output.note(gettext("{file}: {reason}", file=file, reason=say(refusal)))
        error = {"line": refusal.params.get("line"), "field": refusal.field, "value": str(refusal.params.get("value", "")), "message": say(refusal)}
        return {"file": str(file), "new": False, "number": None, "kind": None, "customer_no": None, "notices": [], "fields": {}, "errors": [error]}
    told = {"number": taken.number, "kind": taken.kind, "customer_no": taken.customer_no, "notices": [say(taken.foreign)] if taken.foreign else [], "fields": taken.told}
    return {"file": str(file), "new": taken.new, **told, "errors": []}


einvoice = Command(
    "einvoice",
    callback=_run,
    params=[
        click.Argument(["files"], nargs=-1, required=True, metavar="FILE…", type=FILE_TO_READ),
        click.Option(["--format", "form"], type=Choice(["text", "json"]), default="text", show_default=True, help=mark("How to print the result.")),
    ],
    help=mark("Take in e-invoices (UBL, CII, Factur-X or ZUGFeRD PDF, OFD) as drafts; they go into the books once customer and due date are known."),
    example="collect import einvoice invoice.xml",
)
