"""The `collect` program: one command a file of nouns, each a few lines over a service; heavy libraries load inside commands."""

from __future__ import annotations

import click

import collect
from collect.cli.audit import audit, verify
from collect.cli.db import db
from collect.cli.demo import demo
from collect.cli.doctor import doctor
from collect.cli.einvoice import einvoice
from collect.cli.escalate import escalate, supply
from collect.cli.imports import import_
from collect.cli.init import init
from collect.cli.journal import control, journal
from collect.cli.months import month
from collect.cli.policy import policy
from collect.cli.program import Program
from collect.cli.remind import day, remind
from collect.cli.reports import report
from collect.cli.sending import outbox, send, worker
from collect.cli.serve import routes, serve
from collect.cli.statement import statement as account_statement
from collect.cli.statement_in import statement
from collect.cli.users import user
from collect.cli.words import mark


@click.group(
    cls=Program,
    name="collect",
    help=mark("Accounts receivable: invoices and payments in, an aging that ties out, and what to do about it."),
    example="collect init\ncollect import invoices march.csv\ncollect report aging --as-of 2026-03-31",
)
@click.version_option(collect.__version__, prog_name="collect", message="%(prog)s %(version)s", help=mark("Show the version and exit."))
def main() -> None:
    """Group."""


for _command in (
    demo,
    init,
    serve,
    remind,
    day,
    escalate,
    supply,
    db,
    user,
    import_,
    report,
    account_statement,
    policy,
    month,
    doctor,
    routes,
    audit,
    verify,
    send,
    worker,
    outbox,
):
    main.add_command(_command)
report.add_command(journal)
report.add_command(control)
import_.add_command(statement)
import_.add_command(einvoice)
