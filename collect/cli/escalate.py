"""`collect escalate` and `collect supply`: the proposals that policy makes, and whether a customer may be supplied."""

from __future__ import annotations

from pathlib import Path

import click

from collect.cli.inputs import FILE_TO_READ, Choice, day_of
from collect.cli.opening import open_runtime
from collect.cli.output import as_json, as_lines, note, say
from collect.cli.program import FINDING, Command
from collect.cli.words import gettext, mark


@click.command(
    cls=Command,
    help=mark("Propose formal steps and releases by the policy; a person decides each of them. With --preview nothing is written."),
    example="collect escalate --as-of 2026-03-31 --preview\ncollect escalate --preview --policy draft.toml --format json",
)
@click.option("--as-of", metavar="D", help=mark("The date it is about; today where none is given."))
@click.option("--preview", is_flag=True, help=mark("Show the proposals and write nothing; any date may be asked."))
@click.option("--policy", type=FILE_TO_READ, metavar="FILE", help=mark("Propose by a draft of the policy instead of the one in force; only with --preview."))
@click.option("--format", "form", type=Choice(["table", "json"]), default="table", show_default=True, help=mark("How the result is printed."))
def escalate(as_of: str | None, preview: bool, policy: Path | None, form: str) -> None:
    """Propose."""
    from collect import i18n
    from collect.domain.rights import SYSTEM
    from collect.reports import escalations as words
    from collect.runtime import without_collection
    from collect.services import escalation
    from collect.services import policy as policies

    opened = open_runtime()
    if policy is not None and not preview:
        raise click.UsageError(gettext("--policy goes with --preview: a draft decides nothing before it is published."))
    with opened.read(SYSTEM) as view:
        day = day_of(view, as_of)
        rules = policies.of_text(policies.text_of(policy.read_bytes(), policy.name), view.session, view.seller) if policy else None
    with without_collection():
        told = escalation.escalate(opened, SYSTEM, day, rules, preview)
    if form == "json":
        as_json(escalation.as_json(told))
        return
    rows = []
    for one in told:
        why = " ".join(words.reason(reason) for reason in one.reasons)
        rows.append(
            [
                one.customer_no,
                words.said(words.STEPS, one.step),
                words.said(words.OUTCOMES, one.outcome),
                one.currency,
                i18n.group(one.overdue, one.currency),
                str(one.oldest_days),
                why,
            ]
        )
    labels = [gettext(text) for text in ("Customer", "Step", "State", "Currency", "Overdue", "Oldest, days late", "Reasons")]
    if rows:
        as_lines(labels, rows, right=frozenset({4, 5}))
    note(gettext("{count} proposals as of {day}.", count=len(told), day=day.isoformat()))


@click.command(
    cls=Command,
    help=mark("May this customer be supplied today? Ends with 0 if so, with 1 if not or if a manager has to be asked."),
    example="collect supply C001 --amount 1200.00\ncollect supply C001 --amount 1200.00 --order SO-77 --format json",
)
@click.argument("customer_no", metavar="CUSTOMER_NO")
@click.option("--amount", metavar="A", help=mark("The amount to be supplied, in the customer's currency."))
@click.option("--order", "order_no", metavar="NO", help=mark("The order it is for; a yes reserves its amount for three days."))
@click.option("--format", "form", type=Choice(["text", "json"]), default="text", show_default=True, help=mark("How the answer is printed."))
def supply(customer_no: str, amount: str | None, order_no: str | None, form: str) -> int | None:
    """Answer."""
    from collect.domain.rights import SYSTEM
    from collect.reports import escalations as words
    from collect.services import escalation

    told = escalation.answer(open_runtime(), SYSTEM, customer_no, amount, order_no)
    if form == "json":
        as_json(escalation.answer_json(told))
    else:
        say(gettext("{customer}: {answer}.", customer=told.customer_no, answer=words.said(words.ANSWERS, told.answer)))
        for code in told.reasons:
            say(words.said(words.SUPPLY, code))
    return None if told.answer == "yes" else FINDING
