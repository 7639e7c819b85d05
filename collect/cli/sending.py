"""`collect send`, `collect worker` and `collect outbox`: what goes out, by hand or by itself, and settling what is uncertain."""

from __future__ import annotations

import logging
import signal
import sys
from dataclasses import asdict
from datetime import datetime
from threading import Event
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from collect.cli import output
from collect.cli.inputs import Choice
from collect.cli.opening import open_runtime
from collect.cli.program import FINDING, Command, Group
from collect.cli.words import gettext, mark

if TYPE_CHECKING:
    from collect.runtime import Runtime

_STATES = ["queued", "leased", "handover", "uncertain", "failed", "sent", "cancelled"]


@click.command(
    cls=Command,
    help=mark("Send the messages that are planned up to an instant, now without one; everything is checked again as of it. A date means its whole day."),
    example="collect send\ncollect send --at 2026-03-10T09:30:00+08:00",
)
@click.option("--at", metavar="INSTANT", help=mark("The instant to send as of, such as 2026-03-10T09:30; now where none is given."))
@click.option("--format", "form", type=Choice(["text", "json"]), default="text", show_default=True, help=mark("How to print the result."))
def send(at: str | None, form: str) -> int:
    """Send; 1 when a message failed, is uncertain or was kept back by a fault."""
    from collect import channels
    from collect.domain.errors import Refusal
    from collect.services import dispatch

    runtime = open_runtime()
    channel = channels.of(runtime.settings)
    if channel is None:
        raise Refusal("no_channel")
    counts = dispatch.send_due(runtime, channel, _instant(runtime, at), dispatch.own_name(), late=True)
    if form == "json":
        output.as_json(asdict(counts))
    else:
        told = {name: count for name, count in asdict(counts).items() if name != "parked"}
        output.say(gettext("{sent} sent, {retry} to be tried again, {failed} failed, {uncertain} uncertain, {cancelled} cancelled, {moved} moved to a later slot.", **told))
    if counts.uncertain:
        output.note(gettext("Settle the uncertain ones with `collect outbox list --state uncertain` and `collect outbox resolve ID`."))
    if counts.parked:
        output.note(gettext("{count} messages were kept back by a fault of the program; the log says which.", count=counts.parked))
    return FINDING if counts.trouble else 0


def _instant(runtime: Runtime, text: str | None) -> datetime:
    """The instant typed, in UTC; a bare date means the last second before its quiet hours, in the company's zone."""
    from datetime import timedelta

    from collect.domain.rights import SYSTEM
    from collect.domain.slots import instant
    from collect.reports.options import parse_day, parse_instant
    from collect.services.policy import in_force

    if text is None:
        return runtime.clock()
    with runtime.read(SYSTEM) as view:
        if len(text) > 10:
            return parse_instant(text, view.seller.timezone, "at")
        day = parse_day(text, "at")
        quiet = in_force(view.session, view.seller, day).policy.contact.quiet_from
        return instant(day, quiet, view.seller.timezone) - timedelta(seconds=1)


@click.command(
    cls=Command,
    help=mark("Work in the background until it is stopped (Ctrl-C or SIGTERM): the daily round, and messages in their slots. Any number may run."),
    example="collect worker\ncollect worker --once",
)
@click.option("--once", is_flag=True, help=mark("Do what is due now, then end."))
def worker(once: bool) -> int:
    """Work; a stop lets the message under way finish."""
    from collect import channels
    from collect.sentences import say
    from collect.services import dispatch, jobs

    stop = Event()

    def end(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        runtime = open_runtime()
        channel = channels.of(runtime.settings)
        logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
        output.note(gettext("Mail goes to {channel}.", channel=channel.name) if channel else gettext("No mail is configured: only the daily round is done."))
        done = jobs.work(runtime, channel, dispatch.own_name(), once, stop)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    for day in done.rounds:
        output.say(gettext("The round of {day} is done.", day=day.isoformat()))
    output.say(gettext("{sent} sent, {retry} to be tried again, {failed} failed, {uncertain} uncertain.", **_few(asdict(done.sent))))
    if done.refused is not None:
        output.note(say(done.refused))
    return FINDING if once and (done.sent.trouble or done.refused is not None) else 0


def _few(counts: dict[str, int]) -> dict[str, int]:
    return {name: counts[name] for name in ("sent", "retry", "failed", "uncertain")}


@click.group(cls=Group, name="outbox", help=mark("Messages on their way out, by state; a person settles the uncertain ones."), example="collect outbox list --state uncertain")
def outbox() -> None:
    """Group."""


@outbox.command("list", help=mark("List the messages, newest first, in one state or all."), example="collect outbox list --state failed --format json")
@click.option("--state", type=Choice(_STATES), help=mark("Only messages in this state."))
@click.option("--limit", type=click.IntRange(1, 100_000), default=200, show_default=True, help=mark("So many at most."))
@click.option("--format", "form", type=Choice(["table", "json"]), default="table", show_default=True, help=mark("How to print the list."))
def list_(state: str | None, limit: int, form: str) -> None:
    """List messages."""
    from collect.domain.rights import SYSTEM
    from collect.reports import outbox as reports

    with open_runtime().read(SYSTEM) as view:
        found = reports.messages(view, view.actor.scope, [state] if state else [], None, None, limit)
        zone = view.seller.timezone
    if form == "json":
        output.as_json([reports.as_json(one) for one in found])
        return
    labels = (mark("No."), mark("State"), mark("Customer"), mark("To"), mark("Subject"), mark("Sent"), mark("Reason"))
    output.as_lines([gettext(label) for label in labels], [_row(one, zone) for one in found])


def _row(one: Any, zone: str) -> list[str]:
    from collect import i18n

    return [str(one.id), one.state, one.customer_no, one.recipient, one.subject, i18n.show_instant(one.sent_at, zone), one.reason or ""]


@outbox.command(
    help=mark("Settle an uncertain message: it arrived (sent), or it did not (not-sent: it is checked again and sent)."), example="collect outbox resolve 1234 --as not-sent"
)
@click.argument("number", metavar="ID", type=click.IntRange(1, 2**62))
@click.option("--as", "answer", required=True, type=Choice(["sent", "not-sent"]), help=mark("What a person found out."))
def resolve(number: int, answer: str) -> None:
    """Settle one message."""
    from collect.domain.rights import SYSTEM
    from collect.services import dispatch

    state = open_runtime().write(SYSTEM, lambda work: dispatch.resolve(work, number, answer))
    output.say(gettext("Message {number} is {state} now.", number=number, state=state))
