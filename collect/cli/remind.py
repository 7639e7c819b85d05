"""`collect remind` and `collect day`: who is asked and why, and the whole daily round."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from collect.cli.inputs import FILE_TO_READ, Choice, day_of
from collect.cli.opening import open_runtime
from collect.cli.output import as_json, as_lines, note, say
from collect.cli.program import Command
from collect.cli.words import gettext, mark

_LABELS = (mark("Customer"), mark("Decision"), mark("Reason"), mark("Step"), mark("Channel"), mark("Slot"), mark("Currency"), mark("Amount"), mark("Items"))


@click.command(
    cls=Command,
    help=mark("Decide for every customer whether he is asked, and plan each contact in its slot. With --preview nothing is written."),
    example="collect remind --as-of 2026-03-31 --preview\ncollect remind --preview --policy draft.toml --format json",
)
@click.option("--as-of", metavar="D", help=mark("The date it is about; today where none is given."))
@click.option("--preview", is_flag=True, help=mark("Show the decisions and write nothing; any date may be asked."))
@click.option("--policy", type=FILE_TO_READ, metavar="FILE", help=mark("Decide by a draft of the policy instead of the one in force; only with --preview."))
@click.option("--allow-many", is_flag=True, help=mark("Go on although the round would contact more customers than the policy's share."))
@click.option("--format", "form", type=Choice(["table", "json"]), default="table", show_default=True, help=mark("How the result is printed."))
def remind(as_of: str | None, preview: bool, policy: Path | None, allow_many: bool, form: str) -> None:
    """Decide and plan."""
    from collect import contact_words as words
    from collect import i18n
    from collect.domain.rights import SYSTEM
    from collect.runtime import without_collection
    from collect.services import dunning
    from collect.services import policy as policies

    opened = open_runtime()
    if policy is not None and not preview:
        raise click.UsageError(gettext("--policy goes with --preview: a draft decides nothing before it is published."))
    with opened.read(SYSTEM) as view:
        day = day_of(view, as_of)
        rules = policies.of_text(policies.text_of(policy.read_bytes(), policy.name), view.session, view.seller) if policy else None
    with without_collection():
        told = dunning.remind(opened, SYSTEM, day, rules, preview, allow_many)
    if form == "json":
        as_json(dunning.as_json(told))
        return
    labels = [gettext(text) for text in _LABELS]
    rows = []
    for each, one in zip(told, dunning.as_json(told), strict=True):
        shown = i18n.group(each.amount, each.currency) if each.currency and each.decision == "planned" else ""
        slot = (one["slot"] or one["next_on"] or "")[:16].replace("T", " ")
        items = ", ".join(one["items"][:3]) + (f" +{len(one['items']) - 3}" if len(one["items"]) > 3 else "")
        said = [_said(words.DECISIONS, one["decision"]), _said(words.REASONS, one["reason"]), _said(words.CONTACT_STEPS, one["step"]), _said(words.CHANNELS, one["channel"])]
        rows.append([one["customer_no"], *said, slot, one["currency"] or "", shown, items])
    as_lines(labels, rows, right=frozenset({7}))
    counts = {name: sum(1 for one in told if one.decision == name) for name in ("planned", "held", "nothing")}
    note(i18n.gettext("{planned} planned, {held} held back, {nothing} with nothing to do, as of {day}.", **counts, day=day.isoformat()))


@click.command(
    cls=Command,
    help=mark("The daily round in its order: judge promises, remind, propose escalations. Safe to repeat; catches up missed days."),
    example="collect day\ncollect day --as-of 2026-03-31",
)
@click.option("--as-of", metavar="D", help=mark("The date it is about; today where none is given."))
@click.option("--allow-many", is_flag=True, help=mark("Go on although the round would contact more customers than the policy's share."))
@click.option("--format", "form", type=Choice(["table", "json"]), default="table", show_default=True, help=mark("How the result is printed."))
def day(as_of: str | None, allow_many: bool, form: str) -> None:
    """The whole round."""
    from collect import i18n
    from collect.domain.rights import SYSTEM
    from collect.services import day as service

    opened = open_runtime()
    with opened.read(SYSTEM) as view:
        asked = day_of(view, as_of)
    result = service.run(opened, SYSTEM, asked, allow_many)
    if form == "json":
        as_json({"as_of": result.as_of.isoformat(), "promises": result.promises, "reminders": result.reminders, "proposals": result.proposals})
        return
    judged = sum(result.promises.values())
    planned, held = result.reminders.get("planned", 0), result.reminders.get("held", 0)
    say(
        i18n.gettext(
            "{day}: {judged} promises judged, {planned} customers to contact, {held} held back, {proposals} proposals.",
            day=result.as_of.isoformat(),
            judged=judged,
            planned=planned,
            held=held,
            proposals=result.proposals,
        )
    )


def _said(words: Mapping[str, str], code: str | None) -> str:
    """A code in the reader's words; one without a word stays as it is."""
    return gettext(words.get(code, code)) if code else ""
