"""Saved views: keep the filters of a list under a name, for oneself or for everybody, and say which one opens the page."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode

from sqlalchemy.orm import Session

from collect.domain import money
from collect.domain.errors import Forbidden, Refusal
from collect.domain.rights import Actor, Permission, Role
from collect.runtime import Work
from collect.storage import audit
from collect.storage import views as storage
from collect.storage.database import next_ids
from collect.storage.views import SavedView

PAGES: dict[str, frozenset[str]] = {
    "aging": frozenset(),
    "invoices": frozenset(),
    "customers": frozenset(),
    "promises": frozenset(),
    "reminders": frozenset(),
    "bank_lines": frozenset({"line", "customer", "find"}),
}
"""The pages that have views, each with those of its parameters that say where one is in the list rather than what is in it."""
NEVER = frozenset({"after", "format", "limit", "view"})
"""Parameters that no view holds: the place in the list, the form of a file, and that no view is wanted."""
LONGEST_NAME, LONGEST_QUERY, MOST = 64, 1000, 30


def may_share(actor: Actor) -> bool:
    """Whether the actor may make views for everybody: finance and managers do."""
    return actor.role in (Role.FINANCE, Role.MANAGER)


def clean(page: str, query: str) -> str:
    """What a view of the page keeps of a query string: the filled parameters that select, in their order.

    Refusal `view_page` for a page without views, `view_too_long` beyond 1000 characters.
    """
    if page not in PAGES:
        raise Refusal("view_page", None)
    if len(query) > 10 * LONGEST_QUERY:
        raise Refusal("view_too_long", None, most=LONGEST_QUERY)
    pairs = parse_qsl(query.replace("\x00", "").lstrip("?"))
    dropped = NEVER | PAGES[page]
    kept = urlencode([(name, value.replace("\x00", "")) for name, value in pairs if name not in dropped and not name.startswith("_")])
    if len(kept) > LONGEST_QUERY:
        raise Refusal("view_too_long", None, most=LONGEST_QUERY)
    return kept


def save(work: Work, page: str, name: str, query: str, *, shared: bool = False, opens: bool = False) -> int:
    """Keep the page's filters under a name and return the view's id; `opens` makes it the one the page opens with.

    Refusal `view_page`, `missing_value`, `bad_view_name`, `view_name_taken`, `view_too_long`, `too_many_views`;
    Forbidden where the role may not share.
    """
    user_id = _person(work.actor)
    if shared and not may_share(work.actor):
        raise Forbidden("share_view")
    kept = clean(page, query)
    owner = None if shared else user_id
    there = [view for view in storage.load_views(work.session, user_id, page) if view.user_id == owner]
    told = _name(name, there)
    if len(there) >= MOST:
        raise Refusal("too_many_views", None, most=MOST)
    view = SavedView(id=next_ids(work.session, 1)[0], page=page, name=told, user_id=owner, made_by=user_id, query=kept, opens=opens, version=1, recorded_at=work.now)
    if opens:
        _close(there)
    work.session.add(view)
    work.note(audit.Note("save", "view", _key(view), after=_told(view)))
    return view.id


def change(work: Work, view_id: int | None, version: int | None, name: str, opens: bool) -> None:
    """Give a view of one's own making another name, or make it (or no longer) the one its page opens with.

    Refusal `view_gone`, `view_not_yours`, `changed_meanwhile`, and those of a name; Forbidden where the role may no
    longer share.
    """
    view = _mine(work, view_id, version)
    if view.user_id is None and not may_share(work.actor):
        raise Forbidden("share_view")
    others = [one for one in storage.load_views(work.session, work.actor.user_id, view.page) if one.user_id == view.user_id and one.id != view.id]
    told = _name(name, others)
    if (told, opens) == (view.name, view.opens):
        return
    before, key = _told(view), _key(view)
    if opens:
        _close(others)
    view.name, view.opens, view.version = told, opens, view.version + 1
    work.note(audit.Note("change", "view", key, before=before, after=_told(view)))


def remove(work: Work, view_id: int | None, version: int | None) -> None:
    """Delete a view of one's own making. Refusal `view_gone`, `view_not_yours`, `changed_meanwhile`."""
    view = _mine(work, view_id, version)
    work.note(audit.Note("delete", "view", _key(view), before=_told(view)))
    work.session.delete(view)


def offered(session: Session, actor: Actor, page: str | None = None) -> list[SavedView]:
    """The views an actor may open: his own, then everybody's; of one page or of all."""
    return storage.load_views(session, actor.user_id, page)


def opening(views: list[SavedView]) -> SavedView | None:
    """Of one page's views the one it opens with: the person's own default, else the shared one."""
    return next((view for view in views if view.opens), None)


def _person(actor: Actor) -> int:
    """Views belong to people who may read the lists."""
    actor.need(Permission.READ_LEDGER)
    if actor.user_id is None:
        raise Forbidden(Permission.READ_LEDGER.value)
    return actor.user_id


def _mine(work: Work, view_id: int | None, version: int | None) -> SavedView:
    """The view as it was shown, if this person made it; another's own view is like one that is not there (S28)."""
    person = _person(work.actor)
    view = storage.find_view(work.session, view_id) if view_id is not None else None
    if view is None or view.user_id not in (None, person):
        raise Refusal("view_gone", None)
    if view.made_by != person:
        raise Refusal("view_not_yours", None, name=view.name)
    if view.version != version:
        raise Refusal("changed_meanwhile", None, what=view.name)
    return view


def _name(name: str, others: list[SavedView]) -> str:
    """The name as it is kept: short, printable, not yet among the others."""
    told = " ".join(money.fold(name).split())
    if not told:
        raise Refusal("missing_value", "name")
    if len(told) > LONGEST_NAME or not told.isprintable():
        raise Refusal("bad_view_name", "name", most=LONGEST_NAME)
    if any(other.name.casefold() == told.casefold() for other in others):
        raise Refusal("view_name_taken", "name", value=told)
    return told


def _close(others: list[SavedView]) -> None:
    """One a page opens it: whichever did no longer does."""
    for other in others:
        if other.opens:
            other.opens, other.version = False, other.version + 1


def _key(view: SavedView) -> str:
    return f"{view.page} {view.name}"[:80]


def _told(view: SavedView) -> dict[str, object]:
    return {"name": view.name, "query": view.query, "opens": view.opens, "shared": view.user_id is None}
