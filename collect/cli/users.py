"""`collect user`: people, their role, and their bearer tokens."""

from __future__ import annotations

from pathlib import Path

import click

from collect.cli import output
from collect.cli.init import first_line
from collect.cli.inputs import FILE_TO_READ, Choice
from collect.cli.opening import open_runtime
from collect.cli.program import Group
from collect.cli.words import gettext, mark

_ROLES = ["rep", "lead", "finance", "manager", "auditor", "admin"]


@click.group(cls=Group, name="user", help=mark("People who sign in, their role and their tokens."), example="collect user list")
def user() -> None:
    """Group."""


@user.command(help=mark("Add a person with one role."), example="collect user add li.na --role rep --password-file password.txt")
@click.argument("name")
@click.option("--role", type=Choice(_ROLES), required=True, help=mark("What the person does; everyone has one role."))
@click.option("--password-file", type=FILE_TO_READ, required=True, help=mark("File whose first line is the password."))
@click.option("--full-name", help=mark("Name to show; the user name where none is given."))
@click.option("--email", help=mark("E-mail address."))
@click.option("--lead", help=mark("User name of the team lead of a rep."))
@click.option("--language", type=Choice(["en", "zh"]), help=mark("Language of the person; the company's where none is given."))
def add(name: str, role: str, password_file: Path, full_name: str | None, email: str | None, lead: str | None, language: str | None) -> None:
    """Add a person."""
    from collect.domain.rights import SYSTEM, Role
    from collect.services import users

    runtime, password = open_runtime(), first_line(password_file)
    made = runtime.write(SYSTEM, lambda work: users.add(work, name, full_name or name, Role(role), password, email=email, lead=lead, language=language))
    output.say(gettext("Added {name} as {role}.", name=made.username, role=made.role))


@user.command("list", help=mark("List everyone, disabled people too."), example="collect user list --format json")
@click.option("--format", "form", type=Choice(["table", "json"]), default="table", show_default=True, help=mark("How to print the list."))
def list_(form: str) -> None:
    """List people."""
    from collect.domain.rights import SYSTEM
    from collect.storage.users import load_users

    with open_runtime().read(SYSTEM) as view:
        people = load_users(view.session)
    if form == "json":
        output.as_json([{"username": person.username, "name": person.name, "role": person.role, "email": person.email, "active": person.active} for person in people])
        return
    labels = [gettext(mark("User")), gettext(mark("Name")), gettext(mark("Role")), gettext(mark("E-mail")), gettext(mark("Active"))]
    yes, no = gettext(mark("yes")), gettext(mark("no"))
    output.as_lines(labels, [(person.username, person.name, person.role, person.email or "", yes if person.active else no) for person in people])


@user.command(help=mark("Disable a person: sessions and tokens end at once, the history stays."), example="collect user disable li.na")
@click.argument("name")
def disable(name: str) -> None:
    """Disable a person."""
    from collect.domain.rights import SYSTEM
    from collect.services import users

    done = open_runtime().write(SYSTEM, lambda work: users.set_active(work, name, False))
    output.say(gettext("Disabled {name}.", name=done.username))


@user.command(help=mark("Issue a bearer token for the API and print it alone; it is shown only now."), example="collect user token sales-system --scope reports:read")
@click.argument("name")
@click.option("--scope", "scopes", multiple=True, help=mark("What the token may be used for (repeat it for several); all there is where none is given."))
def token(name: str, scopes: tuple[str, ...]) -> None:
    """Issue a token."""
    from collect.domain.rights import SYSTEM
    from collect.services import users

    wanted = [word for scope in scopes for word in scope.replace(",", " ").split()] or list(users.SCOPES)
    output.say(open_runtime().write(SYSTEM, lambda work: users.issue_token(work, name, wanted)))
