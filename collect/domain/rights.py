"""Who may do what, and whose customers a person sees (S28, S29)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from collect.domain.errors import Forbidden


class Role(StrEnum):
    """A user has exactly one (S29)."""

    REP = "rep"
    LEAD = "lead"
    FINANCE = "finance"
    MANAGER = "manager"
    AUDITOR = "auditor"
    ADMIN = "admin"


class Permission(StrEnum):
    """One right; pages and API routes each name the one they need."""

    READ_LEDGER = "read_ledger"
    IMPORT = "import"
    ALLOCATE = "allocate"
    CLOSE_MONTH = "close_month"
    EDIT_CUSTOMER = "edit_customer"
    LOG_CONTACT = "log_contact"
    ANSWER_DISPUTE = "answer_dispute"
    SEND = "send"
    PROPOSE = "propose"
    DECIDE = "decide"
    READ_POLICY = "read_policy"
    EDIT_POLICY = "edit_policy"
    READ_AUDIT = "read_audit"
    MANAGE_USERS = "manage_users"
    MANAGE_SETTINGS = "manage_settings"


class Open(StrEnum):
    """What a route may declare instead of a permission: it is for anyone, or for everybody who is signed in."""

    ANYONE = "anyone"
    SIGNED_IN = "signed_in"


Need = Permission | Open
_View = TypeVar("_View", bound=Callable[..., Any])

_SELLS = frozenset({Permission.READ_LEDGER, Permission.LOG_CONTACT, Permission.PROPOSE})
_RIGHTS: dict[Role, frozenset[Permission]] = {
    Role.REP: _SELLS,
    Role.LEAD: _SELLS,
    Role.FINANCE: _SELLS
    | {Permission.IMPORT, Permission.ALLOCATE, Permission.CLOSE_MONTH, Permission.EDIT_CUSTOMER, Permission.ANSWER_DISPUTE, Permission.SEND, Permission.READ_POLICY},
    Role.MANAGER: _SELLS | {Permission.CLOSE_MONTH, Permission.READ_AUDIT, Permission.ANSWER_DISPUTE, Permission.DECIDE, Permission.READ_POLICY, Permission.EDIT_POLICY},
    Role.AUDITOR: frozenset({Permission.READ_LEDGER, Permission.READ_AUDIT, Permission.READ_POLICY}),
    Role.ADMIN: frozenset({Permission.MANAGE_USERS, Permission.MANAGE_SETTINGS, Permission.READ_AUDIT}),
}

# The command line and the worker: they do all work, and approve nothing (S29).
_SYSTEM = frozenset(Permission) - {Permission.DECIDE}


@dataclass(frozen=True, slots=True)
class Scope:
    """The customers an actor may see: all of them, or those whose rep or collector today is one of `user_ids` (S28)."""

    user_ids: frozenset[int] | None

    @property
    def everything(self) -> bool:
        """True when no row is hidden."""
        return self.user_ids is None


ALL = Scope(None)


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: a signed-in user, or `system` (the command line and the worker; `user_id` and `role` None)."""

    name: str
    user_id: int | None
    role: Role | None
    scope: Scope
    language: str | None = None

    def may(self, permission: Permission) -> bool:
        """Whether the role holds the right (S28)."""
        return permission in (_SYSTEM if self.role is None else _RIGHTS[self.role])

    def need(self, permission: Permission) -> None:
        """Raise Forbidden unless the role holds the right."""
        if not self.may(permission):
            raise Forbidden(permission.value)


SYSTEM = Actor(name="system", user_id=None, role=None, scope=ALL)


def roles_with(permission: Permission) -> tuple[Role, ...]:
    """The roles that hold a right, in the order of the enumeration (for the published role matrix)."""
    return tuple(role for role in Role if permission in _RIGHTS[role])


def scope_of(role: Role, user_id: int, team: frozenset[int]) -> Scope:
    """A rep sees his own customers, a team lead also his team's, every other role all of them (S28)."""
    if role is Role.REP:
        return Scope(frozenset({user_id}))
    if role is Role.LEAD:
        return Scope(frozenset({user_id}) | team)
    return ALL


def needs(need: Need) -> Callable[[_View], _View]:
    """Declare what a page or an API route asks of its visitor; the program does not start with a route that declares nothing (S28)."""

    def declare(view: _View) -> _View:
        view.needs = need  # type: ignore[attr-defined]
        return view

    return declare


def need_of(view: Callable[..., Any]) -> Need | None:
    """What a route declared with `needs`, or None."""
    found = getattr(view, "needs", None)
    return found if isinstance(found, (Permission, Open)) else None


def roles_for(need: Need) -> tuple[str, ...]:
    """Who may use a route: `anyone`, or the names of the roles that hold what it needs (for the published role matrix)."""
    if need is Open.ANYONE:
        return ("anyone",)
    return tuple(role.value for role in (Role if need is Open.SIGNED_IN else roles_with(Permission(need))))
