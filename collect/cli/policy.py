"""`collect policy`: the policy in force as TOML, what is wrong with a draft, and handing in a new version."""

from __future__ import annotations

from pathlib import Path

import click

from collect.cli import output
from collect.cli.inputs import FILE_TO_READ, Choice, day_of
from collect.cli.opening import open_runtime
from collect.cli.program import FINDING, Group
from collect.cli.words import gettext, mark


@click.group(cls=Group, name="policy", help=mark("The collection policy: who is asked when, and from what age on supply is stopped."), example="collect policy show")
def policy() -> None:
    """Group."""


@policy.command(
    help=mark("Print the policy in force as TOML, ready to be changed and handed in again."),
    example="collect policy show\ncollect policy show --version 3",
)
@click.option("--version", "number", type=click.IntRange(min=1), metavar="N", help=mark("Another version than the one in force."))
def show(number: int | None) -> None:
    """Print a policy."""
    from collect.domain.rights import SYSTEM
    from collect.services import policy as service

    with open_runtime().read(SYSTEM) as view:
        chosen = service.version(view.session, number, view.today) if number is not None else None
        text = chosen.text if chosen else service.text_in_force(view.session, view.seller, view.today)
    output.say(text.rstrip("\n"))


@policy.command(
    help=mark("Tell everything that is wrong with a draft, one sentence a line. Ends with 1 when something is."),
    example="collect policy check draft.toml\ncollect policy check draft.toml --format json",
)
@click.argument("file", type=FILE_TO_READ)
@click.option("--format", "form", type=Choice(["text", "json"]), default="text", show_default=True, help=mark("How to print the findings."))
def check(file: Path, form: str) -> int | None:
    """Check a draft."""
    from collect.sentences import say
    from collect.services import policy as service

    open_runtime()
    found = service.check(service.text_of(file.read_bytes(), file.name))
    if form == "json":
        output.as_json({"ok": not found, "findings": [{"place": str(one.params.get("place", "")), "code": one.code, "message": say(one)} for one in found]})
    elif found:
        output.say("\n".join(say(one) for one in found))
    else:
        output.say(gettext("Nothing is wrong with {file}.", file=file.name))
    return FINDING if found else None


@policy.command(
    help=mark("Hand in a new version. The first is in force at once; later ones wait until a manager approves them on the page Policy."),
    example="collect policy publish draft.toml\ncollect policy publish draft.toml --effective 2026-04-01",
)
@click.argument("file", type=FILE_TO_READ)
@click.option("--effective", metavar="D", help=mark("First day on which it holds; the day of its approval where none is given."))
def publish(file: Path, effective: str | None) -> int | None:
    """Hand in a version."""
    from collect.domain.rights import SYSTEM
    from collect.sentences import say
    from collect.services import policy as service

    opened = open_runtime()
    text = service.text_of(file.read_bytes(), file.name)
    found = service.check(text)
    if found:
        for one in found:
            output.note(say(one))
        return FINDING
    with opened.read(SYSTEM) as view:
        day = day_of(view, effective) if effective else None
    number = opened.write(SYSTEM, lambda work: service.publish(work, text, day))
    with opened.read(SYSTEM) as view:
        made = service.version(view.session, number, view.today)
    if made.state == "waiting":
        output.say(gettext("Version {number} waits for a manager to approve it on the page Policy.", number=number))
    else:
        output.say(gettext("Version {number} is in force from {day}.", number=number, day=made.effective.isoformat()))
    return None
