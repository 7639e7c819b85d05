"""Saved views: what they hold, whose they are, which one opens the page, and that two windows lose nothing."""

from __future__ import annotations

import pytest
from argon2 import PasswordHasher

from collect.domain.errors import Forbidden, Refusal
from collect.domain.rights import ALL, SYSTEM, Actor, Role
from collect.runtime import Runtime
from collect.services import users, verify, views
from collect.storage.views import SavedView


@pytest.fixture
def people(sqlite_runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> dict[str, Actor]:
    """A rep, somebody of finance and a manager, as actors; passwords are beside the point and cost nothing."""
    monkeypatch.setattr(users, "_hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))

    def made(name: str, role: Role) -> Actor:
        user = sqlite_runtime.write(SYSTEM, lambda work: users.add(work, name, name.title(), role, "seven tall sea horses").id)
        return Actor(name, user, role, ALL)

    return {name: made(name, role) for name, role in (("rui", Role.REP), ("fang", Role.FINANCE), ("ming", Role.MANAGER))}


def shown(runtime: Runtime, actor: Actor, page: str = "aging") -> list[tuple[str, str, bool]]:
    with runtime.read(actor) as view:
        return [(one.view.name, one.view.query, one.opens) for one in views.offered(view.session, actor, page)]


def found(runtime: Runtime, actor: Actor, name: str) -> SavedView:
    with runtime.read(actor) as view:
        return next(one.view for one in views.offered(view.session, actor) if one.view.name == name)


def refused(code: str, act: object) -> None:
    with pytest.raises(Refusal) as refusal:
        act()  # type: ignore[operator]
    assert refusal.value.code == code


@pytest.mark.parametrize(
    ("page", "query", "kept"),
    [
        ("aging", "by=rep&after=x&format=csv&limit=5&view=plain&as_of=", "by=rep"),
        ("aging", "?buckets=30%2C60&by=item", "buckets=30%2C60&by=item"),
        ("aging", "_external=1&_scheme=x&by=rep", "by=rep"),
        ("aging", "segment=%00%E7%BB%8F%0d%0a", "segment=%E7%BB%8F%0D%0A"),
        ("bank_lines", "state=open&line=7&customer=C1&find=x", "state=open"),
        ("invoices", "customer=C1&line=7", "customer=C1&line=7"),
        ("invoices", "", ""),
    ],
)
def test_a_view_holds_what_selects_and_nothing_else(page: str, query: str, kept: str) -> None:
    assert views.clean(page, query) == kept
    assert views.clean(page, kept) == kept


def test_what_is_no_page_or_too_long_is_refused() -> None:
    refused("view_page", lambda: views.clean("users", "a=b"))
    refused("view_too_long", lambda: views.clean("aging", "segment=" + "x" * 1000))
    refused("view_too_long", lambda: views.clean("aging", "x" * 1_000_000))


def test_own_views_stand_before_shared_ones_and_stay_ones_own(sqlite_runtime: Runtime, people: dict[str, Actor]) -> None:
    rui, fang = people["rui"], people["fang"]
    sqlite_runtime.write(fang, lambda work: views.save(work, "aging", "All reps", "by=rep", shared=True))
    sqlite_runtime.write(fang, lambda work: views.save(work, "aging", "Mine", "by=group"))
    sqlite_runtime.write(rui, lambda work: views.save(work, "aging", "  old   debt ", "bucket=1096%2B"))
    assert shown(sqlite_runtime, rui) == [("old debt", "bucket=1096%2B", False), ("All reps", "by=rep", False)]
    assert shown(sqlite_runtime, fang) == [("Mine", "by=group", False), ("All reps", "by=rep", False)]
    assert shown(sqlite_runtime, rui, "invoices") == []
    with pytest.raises(Forbidden):
        sqlite_runtime.write(rui, lambda work: views.save(work, "aging", "For all", "by=rep", shared=True))
    with pytest.raises(Forbidden):
        sqlite_runtime.write(SYSTEM, lambda work: views.save(work, "aging", "Nobody's", "by=rep"))
    assert verify.verify(sqlite_runtime) == []


def test_which_view_opens_a_page_is_each_persons_own_choice(sqlite_runtime: Runtime, people: dict[str, Actor]) -> None:
    """Ming shares a view and opens the page with it: for Rui it opens nothing until he chooses it too; each choice replaces the one before."""
    rui, ming = people["rui"], people["ming"]
    shared = sqlite_runtime.write(ming, lambda work: views.save(work, "aging", "Shared", "by=rep", shared=True, opens=True))

    def opens(actor: Actor) -> str | None:
        with sqlite_runtime.read(actor) as view:
            one = views.opening(views.offered(view.session, actor, "aging"))
            return one.name if one else None

    assert (opens(rui), opens(ming)) == (None, "Shared")
    sqlite_runtime.write(rui, lambda work: views.choose(work, shared, True))
    assert (opens(rui), opens(ming)) == ("Shared", "Shared")
    sqlite_runtime.write(rui, lambda work: views.save(work, "aging", "First", "by=item", opens=True))
    second = sqlite_runtime.write(rui, lambda work: views.save(work, "aging", "Second", "by=group", opens=True))
    assert [(name, opened) for name, _, opened in shown(sqlite_runtime, rui)] == [("First", False), ("Second", True), ("Shared", False)]
    assert (opens(rui), opens(ming)) == ("Second", "Shared")
    refused("view_gone", lambda: sqlite_runtime.write(ming, lambda work: views.choose(work, second, True)))
    first = found(sqlite_runtime, rui, "First")
    sqlite_runtime.write(rui, lambda work: views.change(work, first.id, 1, "First", True))
    assert (opens(rui), found(sqlite_runtime, rui, "First").version) == ("First", 1)
    sqlite_runtime.write(rui, lambda work: views.choose(work, first.id, False))
    assert (opens(rui), opens(ming)) == (None, "Shared")
    # A view that is deleted opens nothing for those who had chosen it.
    sqlite_runtime.write(rui, lambda work: views.choose(work, shared, True))
    sqlite_runtime.write(ming, lambda work: views.remove(work, shared, 1))
    assert (opens(rui), opens(ming)) == (None, None)


def test_only_who_made_a_view_changes_it_and_only_as_he_saw_it(sqlite_runtime: Runtime, people: dict[str, Actor]) -> None:
    rui, fang, ming = people["rui"], people["fang"], people["ming"]
    shared = sqlite_runtime.write(fang, lambda work: views.save(work, "aging", "Reps", "by=rep", shared=True))
    own = sqlite_runtime.write(rui, lambda work: views.save(work, "aging", "Reps", "by=item"))
    sqlite_runtime.write(rui, lambda work: views.save(work, "aging", "Other", "by=item"))
    refused("view_not_yours", lambda: sqlite_runtime.write(ming, lambda work: views.change(work, shared, 1, "Mine", False)))
    refused("view_gone", lambda: sqlite_runtime.write(fang, lambda work: views.remove(work, own, 1)))
    refused("view_gone", lambda: sqlite_runtime.write(fang, lambda work: views.remove(work, None, None)))
    refused("view_name_taken", lambda: sqlite_runtime.write(rui, lambda work: views.change(work, own, 1, "OTHER", False)))
    refused("missing_value", lambda: sqlite_runtime.write(rui, lambda work: views.change(work, own, 1, " ", False)))
    refused("bad_view_name", lambda: sqlite_runtime.write(rui, lambda work: views.change(work, own, 1, "x" * 65, False)))
    sqlite_runtime.write(rui, lambda work: views.change(work, own, 1, "Documents", False))
    refused("changed_meanwhile", lambda: sqlite_runtime.write(rui, lambda work: views.remove(work, own, 1)))
    sqlite_runtime.write(rui, lambda work: views.remove(work, own, 2))
    assert shown(sqlite_runtime, rui) == [("Other", "by=item", False), ("Reps", "by=rep", False)]


def test_thirty_views_of_a_page_are_enough(sqlite_runtime: Runtime, people: dict[str, Actor]) -> None:
    rui = people["rui"]
    sqlite_runtime.write(rui, lambda work: [views.save(work, "aging", f"V{n}", "by=rep") for n in range(views.MOST)])
    refused("too_many_views", lambda: sqlite_runtime.write(rui, lambda work: views.save(work, "aging", "more", "by=rep")))
    sqlite_runtime.write(rui, lambda work: views.save(work, "invoices", "more", "state=open"))
