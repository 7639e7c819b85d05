"""Saved views: keep the filters of a list under a name, for oneself or for everybody, and say which one opens the page for oneself."""

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
from collect.storage.views import Offered, SavedView

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
    """Keep the page's filters under a name and return the view's id; `opens` makes it the one this person opens the page with.

    Refusal `view_page`, `missing_value`, `bad_view_name`, `view_name_taken`, `view_too_long`, `too_many_views`;
    Forbidden where the role may not share.
    """
    user_id = _person(work.actor)
    if shared and not may_share(work.actor):
        raise Forbidden("share_view")
    kept = clean(page, query)
    owner = None if shared else user_id
    there = [one.view for one in storage.load_views(work.session, user_id, page) if one.view.user_id == owner]
    told = _name(name, there)
    if len(there) >= MOST:
        raise Refusal("too_many_views", None, most=MOST)
    view = SavedView(id=next_ids(work.session, 1)[0], page=page, name=told, user_id=owner, made_by=user_id, query=kept, version=1, recorded_at=work.now)
    work.session.add(view)
    if opens:
        work.session.flush()  # what is chosen must be there
        storage.choose_view(work.session, user_id, page, view.id)
    work.note(audit.Note("save", "view", _key(view), after=_told(view, opens)))
    return view.id


def change(work: Work, view_id: int | None, version: int | None, name: str, opens: bool) -> None:
    """Give a view of one's own making another name, and open its page with it, or no longer, for oneself.

    Refusal `view_gone`, `view_not_yours`, `changed_meanwhile`, and those of a name; Forbidden where the role may no
    longer share.
    """
    view = _mine(work, view_id, version)
    if view.user_id is None and not may_share(work.actor):
        raise Forbidden("share_view")
    offered = storage.load_views(work.session, work.actor.user_id, view.page)
    told = _name(name, [one.view for one in offered if one.view.user_id == view.user_id and one.view.id != view.id])
    opened = any(one.opens for one in offered if one.view.id == view.id)
    if (told, opens) == (view.name, opened):
        return
    before, key = _told(view, opened), _key(view)
    if told != view.name:
        view.name, view.version = told, view.version + 1
    if opens != opened:
        storage.choose_view(work.session, _person(work.actor), view.page, view.id if opens else None)
    work.note(audit.Note("change", "view", key, before=before, after=_told(view, opens)))


def choose(work: Work, view_id: int | None, opens: bool) -> None:
    """Open a page with a view, one's own or everybody's, or no longer; for oneself alone. Refusal `view_gone`."""
    person = _person(work.actor)
    view = _seen(work, view_id, person)
    opened = any(one.opens for one in storage.load_views(work.session, person, view.page) if one.view.id == view.id)
    if opens == opened:
        return
    storage.choose_view(work.session, person, view.page, view.id if opens else None)
    work.note(audit.Note("change", "view", _key(view), before={"opens": opened}, after={"opens": opens}))


def remove(work: Work, view_id: int | None, version: int | None) -> None:
    """Delete a view of one's own making. Refusal `view_gone`, `view_not_yours`, `changed_meanwhile`."""
    view = _mine(work, view_id, version)
    work.note(audit.Note("delete", "view", _key(view), before=_told(view)))
    storage.delete_view(work.session, view)


def offered(session: Session, actor: Actor, page: str | None = None) -> list[Offered]:
    """The views an actor may open: his own, then everybody's; of one page or of all."""
    return storage.load_views(session, actor.user_id, page)


def opening(views: list[Offered]) -> SavedView | None:
    """Of one page's views the one that the person chose to open it with."""
    return next((one.view for one in views if one.opens), None)


def _person(actor: Actor) -> int:
    """Views belong to people who may read the lists."""
    actor.need(Permission.READ_LEDGER)
    if actor.user_id is None:
        raise Forbidden(Permission.READ_LEDGER.value)
    return actor.user_id


def _mine(work: Work, view_id: int | None, version: int | None) -> SavedView:
    """The view as it was shown, if this person made it; another's own view is like one that is not there (S28)."""
    person = _person(work.actor)
    view = _seen(work, view_id, person)
    if view.made_by != person:
        raise Refusal("view_not_yours", None, name=view.name)
    if view.version != version:
        raise Refusal("changed_meanwhile", None, what=view.name)
    return view


def _seen(work: Work, view_id: int | None, person: int) -> SavedView:
    """A view that this person may open."""
    view = storage.find_view(work.session, view_id) if view_id is not None else None
    if view is None or view.user_id not in (None, person):
        raise Refusal("view_gone", None)
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


def _key(view: SavedView) -> str:
    return f"{view.page} {view.name}"[:80]


def _told(view: SavedView, opens: bool | None = None) -> dict[str, object]:
    told: dict[str, object] = {"name": view.name, "query": view.query, "shared": view.user_id is None}
    return told if opens is None else {**told, "opens": opens}
