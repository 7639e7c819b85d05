"""The audit log: who changed what, when and why, the latest first (S30)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, Response, request, url_for
from wtforms import SelectField, StringField

from collect import i18n
from collect.domain import money
from collect.reports import audit as reports
from collect.storage.listings import AuditWish
from collect.web import numbers, pages, words
from collect.web.aging import document_address
from collect.web.differences import Difference, differences
from collect.web.pages import FilterForm, Permission, needs

blueprint = Blueprint("audit", __name__, url_prefix="/audit")
blueprint.record_once(numbers.register)


class AuditFilter(FilterForm):
    """Which changes."""

    kind = SelectField(i18n.lazy("About"), choices=[], validate_choice=False)
    key = StringField(i18n.lazy("Number or name"))
    actor = StringField(i18n.lazy("By whom"))


@dataclass(frozen=True, slots=True)
class Line:
    """One change in the reader's words."""

    seq: int
    at: datetime
    actor: str
    action: str
    kind: str
    key: str
    address: str
    differences: list[Difference]
    reason: str
    hash: str


@blueprint.get("")
@needs(Permission.READ_AUDIT)
def index() -> Response:
    """The log; a role that may not read the ledger sees nothing of it here either (S28)."""
    form = AuditFilter(request.args)
    kinds = None if pages.may(Permission.READ_LEDGER) else frozenset(words.KINDS) - words.LEDGER_KINDS
    known = [kind for kind in words.KINDS if kinds is None or kind in kinds]
    form.kind.choices = pages.choices({"": i18n.lazy("Everything"), **{kind: i18n.lazy(words.KINDS[kind]) for kind in known}})
    after = request.args.get("after", "")
    wish = AuditWish(_text(form.kind.data), _text(form.key.data), words.actor_of(_text(form.actor.data)), kinds)
    size = pages.page_size()
    with pages.read_view() as view:
        found = reports.changes(view, view.actor.scope, wish, numbers.row_id(after), size + 1)
        people = reports.people(view)
    lines = [
        Line(
            row.seq,
            row.at,
            words.who(row.actor),
            words.said(words.ACTIONS, row.action),
            words.said(words.KINDS, row.kind),
            _key(row.kind, row.key),
            _address(row.action, row.kind, row.key),
            differences(row.before, row.after, people, row.currency),
            words.said(words.REASONS, row.reason),
            row.hash,
        )
        for row in found
    ]
    page = pages.page_of(lines, size, lambda line: str(line.seq), not after)
    return pages.render("audit/index.html", form=form, page=page, filtered=bool(wish.kind or wish.key or wish.actor))


def _text(value: str | None) -> str:
    return money.fold(value or "").replace("\x00", "")


def _key(kind: str, key: str) -> str:
    """The number or name of what was changed; of a daily round its part in the reader's words, and the day."""
    part, _space, day = key.partition(" ")
    return f"{words.said(words.ROUNDS, part)} {day}" if kind == "round" else key


def _address(action: str, kind: str, key: str) -> str:
    """The page of what was changed, where it has one that the visitor may open."""
    if not pages.may(Permission.READ_LEDGER):
        return url_for("users.edit", username=key) if kind == "user" and pages.may(Permission.MANAGE_USERS) else ""
    if kind in words.DOCUMENTS:
        return document_address(kind, key)
    if kind == "customer":
        return url_for("customers.show", number=key)
    if action == "import" and key.isdigit() and pages.may(Permission.IMPORT):
        return url_for("imports.show", run_id=int(key))
    return ""
