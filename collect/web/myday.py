"""My day: the calls, visits, checks and promises of a day, most urgent first, each on a card with its brief; and what nobody has touched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from flask import Blueprint, Response, request, url_for
from wtforms import HiddenField, SelectField, StringField
from wtforms.widgets import DateInput

from collect import contact_words, i18n, sentences
from collect.domain.errors import NotFound, Refusal
from collect.domain.rights import Role
from collect.domain.worklist import Ranked, Reason
from collect.i18n import mark as _
from collect.reports import cases as case_reports
from collect.reports import untouched
from collect.reports import worklist as reports
from collect.reports.options import parse_day
from collect.reports.worklist import Line, Wish
from collect.runtime import View
from collect.services.policy import in_force
from collect.storage.worklist import OpenTask
from collect.web import cases, pages, words
from collect.web.pages import FilterForm, Permission, needs

blueprint = Blueprint("myday", __name__, url_prefix="/my-day")
QUEUE, EVERYBODY = "-queue", "-all"
"""What stands in the address instead of a user name, which never begins so."""
WORKERS = frozenset({Role.REP, Role.LEAD, Role.FINANCE, Role.MANAGER})

COUNTED = {
    "call": _("Calls"),
    "visit": _("Visits"),
    "letter": _("Letters"),
    "task": _("Checks and tasks"),
    "promise": _("Promises due"),
    "no_next": _("No next action"),
}
POINTS = {
    "overdue_amount": _("Overdue {amount} {currency}"),
    "oldest_days": _("Oldest {days} days past due"),
    "promise_broken": _("Promises broken in the last {days} days: {count}"),
    "promise_due": _("Promise due on {day}"),
    "task_due": _("Checks and tasks due: {count}"),
    "contact_planned": _("Contact planned for this day"),
    "contact_missed": _("Contacts that we missed: {count}"),
    "long_silent": _("No contact for {days} days"),
    "never_contacted": _("Never contacted"),
    "limit_used": _("Credit limit of {limit} {currency} used to more than 90 %"),
}
HELD = contact_words.REASONS | {"promised_in_full": _("All of it is promised: the day of the promise comes first")}
FACES = {"decides": _("decides"), "original": _("original contact"), "money": _("runs the money")}
GAPS = {"decides": _("who decides"), "original": _("with whom the business began"), "money": _("who runs the money")}
TALKS = {"visit": _("Visit"), "call": _("Call"), "message": _("Message from the customer"), "email": _("E-mail"), "letter": _("Letter")}


class DayFilter(FilterForm):
    """Which day, and whose."""

    day = StringField(i18n.lazy("Day"), widget=DateInput())
    person = SelectField(i18n.lazy("Whose day"), choices=[], validate_choice=False)
    what = HiddenField()
    view = HiddenField()


@dataclass(frozen=True, slots=True)
class Count:
    """A number on top: how many customers, and where a click leads (again: back to all)."""

    label: str
    number: int
    address: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class Points:
    """One line of the sum in words."""

    text: str
    points: int


@blueprint.get("")
@needs(Permission.LOG_CONTACT)
def index() -> Response:
    """The list of a day, or with `?view=untouched` what nobody has touched."""
    asked = {name: value.replace("\x00", "") for name, value in request.args.items() if value}
    form = DayFilter(request.args)
    with pages.read_view() as view:
        desk = reports.load_desk(view)
        people = _offered(view, desk)
        form.person.choices = pages.choices(people)
        try:
            day = max(parse_day(asked["day"], "day"), view.today) if "day" in asked else view.today
        except Refusal as refusal:
            form.day.errors = [sentences.say(refusal)]
            return pages.render("myday/index.html", 422, form=form, people=people, agenda=None, neglect=None, today=view.today, day=view.today, tabs=[])
        wish = Wish(day, _people(view, desk, people, asked.get("person", "")))
        form.day.data = day.isoformat()
        tabs = _tabs(asked) if len(people) > 1 else []
        context: dict[str, Any] = {"form": form, "people": people, "today": view.today, "day": day, "tabs": tabs, "agenda": None, "neglect": None}
        if asked.get("view") == "untouched":
            wish = Wish(view.today, wish.people)
            farthest = in_force(view.session, view.seller, view.today).policy.contact.repeat[0]
            found = untouched.neglect(view, view.actor.scope, wish, farthest, asked.get("after", ""), pages.page_size())
            return pages.render("myday/index.html", **context | {"neglect": found, "farthest": farthest, "page": _Page(found.after, found.first), "words": contact_words})
        only = asked.get("what", "") if asked.get("what", "") in reports.KINDS else ""
        agenda = reports.my_day(view, view.actor.scope, wish, only, asked.get("after", ""), pages.page_size())
    context |= {
        "agenda": agenda,
        "page": _Page(agenda.after, agenda.first),
        "groups": _groups(agenda.lines, wish),
        "grouped": wish.people is None or len(wish.people) > 1,
        "counts": _counts(agenda, only),
        "only": only,
    }
    return pages.render("myday/index.html", **context, days=_days(day, context["today"]), page_words=_words())


@dataclass(frozen=True, slots=True)
class _Page:
    """What the pager asks of a list."""

    after: str | None
    first: bool


def _offered(view: View, desk: reports.Desk) -> dict[str, str]:
    """Whose days this person may open, by what stands in the address; the first is his landing."""
    actor, users = view.actor, [user for user in desk.users.values() if user.active and user.role in WORKERS]
    named = {user.username: user.name for user in sorted(users, key=lambda user: user.name) if actor.scope.user_ids is None or user.id in actor.scope.user_ids}
    if actor.role is Role.REP:
        return {"": i18n.gettext("Mine")}
    if actor.role is Role.LEAD:
        return {"": i18n.gettext("My team"), **named}
    whole = {QUEUE: i18n.gettext("Nobody's: the queue of finance")}
    if actor.role is Role.FINANCE:
        return {"": i18n.gettext("Mine and the queue"), EVERYBODY: i18n.gettext("Everybody"), **whole, **named}
    return {"": i18n.gettext("Everybody"), **whole, **named}


def _people(view: View, desk: reports.Desk, offered: Mapping[str, str], chosen: str) -> frozenset[int | None] | None:
    """The people that a choice means, None for everybody; NotFound for one who is not offered (S28)."""
    if chosen not in offered:
        raise NotFound("user", chosen)
    actor = view.actor
    if chosen == EVERYBODY or (not chosen and actor.role not in (Role.REP, Role.LEAD, Role.FINANCE)):
        return None
    if chosen == QUEUE:
        return frozenset({None})
    if chosen:
        return frozenset(user.id for user in desk.users.values() if user.username == chosen)
    if actor.role is Role.LEAD:
        return frozenset({None, *(actor.scope.user_ids or ())})
    return frozenset({actor.user_id, None}) if actor.role is Role.FINANCE else frozenset({actor.user_id})


def _tabs(asked: Mapping[str, str]) -> list[tuple[str, str, bool]]:
    """Label, address and whether it is the one shown."""
    kept: dict[str, Any] = {name: asked[name] for name in ("person",) if name in asked}
    shown = asked.get("view") == "untouched"
    return [
        (i18n.gettext("The day's work"), url_for("myday.index", **kept), not shown),
        (i18n.gettext("Nobody has touched"), url_for("myday.index", **kept, view="untouched"), shown),
    ]


def _counts(agenda: reports.Agenda, only: str) -> list[Count]:
    """How many customers are on the list for what; a click shows those alone, another one all again."""
    found = []
    for kind, label in COUNTED.items():
        if agenda.counts[kind] or kind in ("call", "visit", "task", "promise"):
            query: dict[str, Any] = dict(pages.current_query(after=None, what=None if kind == only else kind))
            found.append(Count(i18n.gettext(label), agenda.counts[kind], url_for("myday.index", **query), kind == only))
    return found


def _groups(lines: tuple[Line, ...], wish: Wish) -> list[tuple[str | None, list[Line]]]:
    """The lines in groups by the person who is to act (None: nobody by name), each in the order of the list; one person has one group."""
    if wish.people is not None and len(wish.people) == 1:
        return [(None, list(lines))] if lines else []
    found: dict[str, list[Line]] = {}
    for line in lines:
        found.setdefault(line.person.name if line.person else "", []).append(line)
    return [(name, found[name]) for name in sorted(found, key=lambda name: (name == "", name))]


def _days(day: date, today: date) -> list[tuple[str, str]]:
    """The ways to the days around: label and address."""
    query: dict[str, Any] = dict(pages.current_query(after=None, day=None))
    found = []
    if day > today:
        found.append((i18n.gettext("Today"), url_for("myday.index", **query)))
    following = day + timedelta(days=1)
    label = i18n.gettext("Tomorrow") if day == today else f"{i18n.weekday(following)} {following.isoformat()}"
    return [*found, (label, url_for("myday.index", **query, day=following.isoformat()))]


def _words() -> dict[str, Any]:
    """What the cards need to speak."""
    return {
        "sum_of": _sum_of,
        "held": lambda ranked: i18n.gettext(HELD[ranked.held]) if ranked.held else "",
        "task": _task,
        "whom": _whom,
        "zone": pages.zone(),
        "talks": TALKS,
        "promises": words.PROMISE_STATES,
        "tones": cases.TONES,
        "contact": contact_words,
        "call_address": _call_address,
    }


def _sum_of(ranked: Ranked) -> list[Points]:
    """The points line by line, as they add up."""
    return [Points(_reason(reason), reason.points) for reason in ranked.reasons]


def _reason(reason: Reason) -> str:
    params = dict(reason.params)
    currency = str(params.get("currency", ""))
    for name in ("amount", "limit", "owed"):
        if isinstance(minor := params.get(name), int):
            params[name] = i18n.group(minor, currency)
    if isinstance(day := params.get("day"), date):
        params["day"] = day.isoformat()
    if reason.code == "oldest_days" and params.get("days") == 1:
        return i18n.gettext("Oldest one day past due")
    return i18n.gettext(POINTS[reason.code], **params)


def _task(task: OpenTask) -> tuple[str, tuple[tuple[str, str], ...]]:
    """What a task is about, and the facts to check it by, with their labels (P16)."""
    return case_reports.task_title(task.kind, task.title, task.excuse) or i18n.gettext("Task"), case_reports.told(task.excuse, task.facts)


def _whom(faces: tuple[reports.Face, ...]) -> tuple[list[tuple[str, str]], str]:
    """The people to see, each with all that he is, and what of it nobody knows yet (P6)."""
    known: dict[str, list[str]] = {}
    for face in faces:
        if face.name:
            known.setdefault(face.name, []).append(i18n.gettext(FACES[face.duty]))
    gaps = [i18n.gettext(GAPS[face.duty]) for face in faces if not face.name]
    return [(name, i18n.gettext(", ").join(duties)) for name, duties in known.items()], i18n.gettext(", ").join(gaps)


def _call_address(number: str) -> str:
    """A telephone number as a link that phones dial: digits and a leading plus sign, whatever else people write between."""
    digits = "".join(char for char in number if char.isdigit() and char.isascii())
    return f"tel:{'+' if number.strip().startswith('+') else ''}{digits}" if digits else ""
