"""What every page shares: who is looking, rendering a page or one block of it, forms, filters, paging and what a route asks for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Any, Generic, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import wtforms.i18n
from flask import Flask, Response, current_app, g, make_response, redirect, request, url_for
from flask_wtf import FlaskForm  # type: ignore[import-untyped]
from markupsafe import Markup
from wtforms import Field, Form, SelectField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # the stubs are of an older release

from collect import i18n, sentences
from collect.domain.errors import Forbidden, NotFound, Refusal
from collect.domain.rights import SYSTEM, Actor, Need, Open, Permission, Role, need_of, needs, roles_for
from collect.runtime import Runtime, View, Work
from collect.storage.users import User

T = TypeVar("T")
__all__ = ["SYSTEM", "Open", "Permission", "needs"]
_PUBLIC_FILES = ("static", "bootstrap.static")


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the side navigation: shown to roles with the permission, once its page exists; `key` is pressed after `g`."""

    endpoint: str
    label: str
    icon: str
    key: str
    need: Permission


NAVIGATION = (
    Entry("myday.index", i18n.mark("My day"), "day", "d", Permission.LOG_CONTACT),
    Entry("reminders.index", i18n.mark("Reminders"), "reminders", "r", Permission.READ_LEDGER),
    Entry("outbox.index", i18n.mark("Outbox"), "outbox", "u", Permission.READ_LEDGER),
    Entry("cases.index", i18n.mark("Promises"), "promises", "p", Permission.READ_LEDGER),
    Entry("decisions.index", i18n.mark("Decisions"), "decisions", "e", Permission.READ_LEDGER),
    Entry("aging.index", i18n.mark("Aging"), "aging", "a", Permission.READ_LEDGER),
    Entry("customers.index", i18n.mark("Customers"), "customers", "c", Permission.READ_LEDGER),
    Entry("invoices.index", i18n.mark("Invoices"), "invoices", "i", Permission.READ_LEDGER),
    Entry("bank.index", i18n.mark("Cash and bank"), "cash", "b", Permission.ALLOCATE),
    Entry("adjustments.index", i18n.mark("Adjustments"), "adjustments", "j", Permission.READ_LEDGER),
    Entry("statements.index", i18n.mark("Statements"), "statements", "t", Permission.READ_LEDGER),
    Entry("drafts.index", i18n.mark("Drafts"), "drafts", "f", Permission.IMPORT),
    Entry("imports.index", i18n.mark("Imports"), "imports", "m", Permission.IMPORT),
    Entry("months.index", i18n.mark("Months"), "months", "o", Permission.CLOSE_MONTH),
    Entry("policy.index", i18n.mark("Policy"), "policy", "y", Permission.READ_POLICY),
    Entry("audit.index", i18n.mark("Audit log"), "audit", "l", Permission.READ_AUDIT),
    Entry("settings.index", i18n.mark("Settings"), "settings", "s", Permission.MANAGE_SETTINGS),
)


LANDING = {
    Role.REP: "myday.index",
    Role.LEAD: "myday.index",
    Role.FINANCE: "aging.index",
    Role.MANAGER: "decisions.index",
    Role.AUDITOR: "aging.index",
    Role.ADMIN: "settings.index",
}
"""The page that each role opens at."""


def runtime() -> Runtime:
    """The runtime the application was made with."""
    found: Runtime = current_app.extensions["collect"]
    return found


def actor() -> Actor:
    """Who is signed in; only asked on pages that need it."""
    found: Actor = g.actor
    return found


def user() -> User:
    """The signed-in person."""
    found: User = g.user
    return found


@contextmanager
def read_view() -> Iterator[View]:
    """A snapshot to read from, as the person who is signed in."""
    with runtime().read(actor()) as view:
        yield view


def write(act: Callable[[Work], T]) -> T:
    """Make a change as the person who is signed in."""
    return runtime().write(actor(), act)


def zone() -> str:
    """The viewer's time zone: his own, else the company's."""
    own = g.user.timezone if g.get("user") else None
    return own or (g.company.timezone if g.get("company") else "UTC")


def render(template: str, /, status: int = 200, **context: Any) -> Response:
    """A page, or only the block of it that the header `X-Block` names (our script swaps it into the page)."""
    name = request.headers.get("X-Block", "")
    environment = current_app.jinja_env
    page = environment.get_template(template)
    current_app.update_template_context(context)
    block = page.blocks.get(name) if name else None
    text = "".join(block(page.new_context(context))) if block else page.render(context)
    answer = make_response(text, status)
    if block:
        answer.headers["X-Block"] = name
    return answer


def url(endpoint: str, **values: Any) -> str:
    """The address of a page."""
    return url_for(endpoint, **values)


def go(endpoint: str, **values: Any) -> Response:
    """Send the browser to a page after a change (303: the answer is fetched anew)."""
    return make_response(redirect(url_for(endpoint, **values), 303))


def local(target: str | None, otherwise: str) -> str:
    """A path of ours to go on to, else `otherwise`: nothing that a browser could read as another host."""
    if not target or not target.startswith("/") or target.startswith("//") or re.search(r"[\\\x00-\x20\x7f]", target):
        return otherwise
    parts = urlsplit(target)
    return otherwise if parts.scheme or parts.netloc else target


def readable(target: str) -> str:
    """The path, with its query, if it can be read with GET, else the nearest one above it that can (a form may post below its page)."""
    path = target.partition("?")[0]
    routes = current_app.url_map.bind("localhost")
    while path not in ("", "/"):
        if routes.test(path, "GET"):
            return target if target.partition("?")[0] == path else path
        path = path.rpartition("/")[0]
    return "/"


def block_wanted() -> str:
    """The block our script asked for, empty when the browser wants a page."""
    return request.headers.get("X-Block", "")


@cache
def _form_messages(language: str) -> Any:
    return wtforms.i18n.get_translations([language])


class _Meta(FlaskForm.Meta):  # type: ignore[misc]
    """Messages of the form library in the reader's language."""

    def get_translations(self, form: Any) -> Any:
        return _form_messages(i18n.current())


class PageForm(FlaskForm):  # type: ignore[misc]
    """A form that changes something: POST, guarded against forgery."""

    Meta = _Meta

    def blame(self, refusal: Refusal) -> None:
        """Put a refusal's sentence beside the field it is about, or above the form. What does not exist stays an answer of its own."""
        if isinstance(refusal, (NotFound, Forbidden)):
            raise refusal
        field = self._fields.get(refusal.field or "")
        if field is None:
            self.form_errors.append(sentences.say(refusal))
        else:
            field.errors = [*field.errors, sentences.say(_named(refusal, field))]


def _named(refusal: Refusal, field: Field) -> Refusal:
    """A refused choice names the labels that the form shows, not the codes behind them."""
    if refusal.code != "not_a_choice" or not isinstance(field, SelectField):
        return refusal
    labels = [str(label) for value, label, *_ in field.iter_choices() if value]
    return Refusal(refusal.code, refusal.field, **refusal.params | {"allowed": i18n.gettext(", ").join(labels)})


def choices(named: Mapping[Any, Any]) -> list[Any]:
    """The choices of a select field from value to label; labels may be lazy."""
    return [SelectChoice(str(value), label) for value, label in named.items()]


class FilterForm(Form):
    """A form that selects: GET, its values are the page's query string; what it does not know is ignored."""

    class Meta:
        """The same messages as on every form."""

        def get_translations(self, form: Any) -> Any:
            """The form library's messages in the reader's language."""
            return _form_messages(i18n.current())

    @classmethod
    def of_request(cls) -> FilterForm:
        """The filter as the address has it."""
        return cls(request.args)

    def query(self) -> dict[str, str]:
        """The fields that are filled, as query parameters (for links that keep the filter)."""
        return {name: values[0] for name in self._fields if (values := request.args.getlist(name)) and values[0]}


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list by keys: `after` is the key to go on from, None on the last page; `first` when it is the first."""

    rows: Sequence[T]
    after: str | None
    first: bool


def page_of(rows: Sequence[T], size: int, key: Callable[[T], str], first: bool) -> Page[T]:
    """A page from `size + 1` loaded rows: the one too many says that there is a next page."""
    shown = rows[:size]
    return Page(shown, key(shown[-1]) if len(rows) > size else None, first)


def page_size() -> int:
    """Rows on a page: what the address asks for (`limit`), from 1 to 500, else the installation's setting."""
    text = request.args.get("limit", "")
    if text.isascii() and text.isdigit() and 1 <= int(text[:6]) <= 500:
        return int(text)
    return runtime().settings.page_rows


def current_query(**changes: str | None) -> dict[str, str]:
    """The page's query parameters with some changed (None takes one away): for sorting, paging and exports of what is shown."""
    # What `url_for` would take for a word to itself (`_external`, `_scheme`, `endpoint`) is no parameter of a page.
    values = {name: value for name, value in request.args.items() if value and name != "endpoint" and not name.startswith("_")}
    for name, value in changes.items():
        if value is None:
            values.pop(name, None)
        else:
            values[name] = value
    return values


def may(need: Permission) -> bool:
    """Whether the visitor is signed in and his role holds the right."""
    return g.get("actor") is not None and actor().may(need)


def navigation() -> list[Entry]:
    """The entries for this visitor: pages that exist and that his role may use."""
    return [entry for entry in NAVIGATION if entry.endpoint in current_app.view_functions and may(entry.need)]


def home() -> str:
    """The path where this person starts: his role's own page, else the first of his navigation, else his own account."""
    endpoints = [entry.endpoint for entry in navigation()]
    own = next((endpoint for role, endpoint in LANDING.items() if role is actor().role), "")
    return url_for(own if own in endpoints else endpoints[0] if endpoints else "auth.account")


def show_money(minor: int | None, currency: str) -> str:
    """An amount in minor units as a reader sees it: `1,409.50`; empty for None."""
    return "" if minor is None else i18n.group(minor, currency)


def show_day(day: date | None) -> Markup | str:
    """A date as a `<time>` element: `2026-03-05`; empty for None."""
    return Markup('<time datetime="{0}">{0}</time>').format(i18n.show_day(day)) if day else ""


def show_instant(instant: datetime | None) -> Markup | str:
    """An instant in the viewer's zone as a `<time>` element: `2026-03-05 09:30`; empty for None."""
    if instant is None:
        return ""
    return Markup('<time datetime="{}">{}</time>').format(instant.isoformat(timespec="seconds"), i18n.show_instant(instant, zone()))


def show_slot(instant: datetime, zone: str) -> Markup:
    """An instant in a customer's own zone, with its weekday: `Tue 2026-03-10 09:00`."""
    local = instant.astimezone(ZoneInfo(zone))
    return Markup('<time datetime="{}">{} {}</time>').format(local.isoformat(timespec="minutes"), i18n.weekday(local.date()), i18n.show_instant(instant, zone))


def route_matrix(app: Flask) -> list[dict[str, Any]]:
    """Every route with its methods and the roles that may use it: `[{path, methods, endpoint, roles}]` by path.

    Raises RuntimeError for a route that declares nothing (`rights.needs`): the program does not start with one.
    """
    rows = []
    for rule in app.url_map.iter_rules():
        need: Need | None = Open.ANYONE if rule.endpoint in _PUBLIC_FILES else need_of(app.view_functions[rule.endpoint])
        if need is None:
            raise RuntimeError(f"route {rule.rule} ({rule.endpoint}) does not say who may use it")
        methods = sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
        rows.append({"path": rule.rule, "methods": methods, "endpoint": rule.endpoint, "roles": list(roles_for(need))})
    return sorted(rows, key=lambda row: (row["path"], row["methods"]))
