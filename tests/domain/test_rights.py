"""Rights: the role matrix as the rules state it, and whose customers each role sees (S28, S29)."""

from __future__ import annotations

import pytest

from collect.domain.errors import Forbidden
from collect.domain.rights import ALL, SYSTEM, Actor, Open, Permission, Role, Scope, need_of, needs, roles_for, roles_with, scope_of

# S28: reps and leads see, log and propose; finance imports and allocates; managers decide and read; auditors read and change nothing;
# admins manage users and settings and have no say in money.
MATRIX = {
    "read_ledger": ["rep", "lead", "finance", "manager", "auditor"],
    "import": ["finance"],
    "allocate": ["finance"],
    "close_month": ["finance", "manager"],
    "edit_customer": ["finance"],
    "read_audit": ["manager", "auditor", "admin"],
    "log_contact": ["rep", "lead", "finance", "manager"],
    "answer_dispute": ["finance", "manager"],
    "send": ["finance"],
    "propose": ["rep", "lead", "finance", "manager"],
    "decide": ["manager"],
    "read_policy": ["finance", "manager", "auditor"],
    "edit_policy": ["manager"],
    "manage_users": ["admin"],
    "manage_settings": ["admin"],
}


def actor(role: Role) -> Actor:
    return Actor("someone", 7, role, ALL)


@pytest.mark.parametrize("permission", list(MATRIX))
@pytest.mark.parametrize("role", list(Role))
def test_matrix(permission: str, role: Role) -> None:
    assert actor(role).may(Permission(permission)) is (role.value in MATRIX[permission])


def test_the_matrix_is_complete() -> None:
    assert {permission.value for permission in Permission} == set(MATRIX)


@pytest.mark.parametrize("permission", list(Permission))
def test_need(permission: Permission) -> None:
    for role in Role:
        if role.value in MATRIX[permission.value]:
            actor(role).need(permission)
        else:
            with pytest.raises(Forbidden) as refused:
                actor(role).need(permission)
            assert (refused.value.code, refused.value.params) == ("forbidden", {"permission": permission.value})


def test_roles_with_lists_roles_in_their_order() -> None:
    assert [role.value for role in roles_with(Permission.READ_LEDGER)] == ["rep", "lead", "finance", "manager", "auditor"]
    assert roles_for(Permission.ALLOCATE) == ("finance",)
    assert roles_for(Open.ANYONE) == ("anyone",)
    assert roles_for(Open.SIGNED_IN) == ("rep", "lead", "finance", "manager", "auditor", "admin")


def test_the_auditor_changes_nothing_and_the_admin_has_no_say_in_money() -> None:
    assert {permission for permission in Permission if actor(Role.AUDITOR).may(permission)} == {Permission.READ_LEDGER, Permission.READ_AUDIT, Permission.READ_POLICY}
    money = {Permission.READ_LEDGER, Permission.IMPORT, Permission.ALLOCATE, Permission.CLOSE_MONTH, Permission.EDIT_CUSTOMER}
    money |= {Permission.SEND, Permission.PROPOSE, Permission.DECIDE}
    assert not any(actor(Role.ADMIN).may(permission) for permission in money)


@pytest.mark.parametrize(
    ("role", "seen"),
    [
        (Role.REP, {7}),  # a team is nothing to a rep
        (Role.LEAD, {7, 8, 9}),
        (Role.FINANCE, None),
        (Role.MANAGER, None),
        (Role.AUDITOR, None),
        (Role.ADMIN, None),
    ],
)
def test_scope(role: Role, seen: set[int] | None) -> None:
    scope = scope_of(role, 7, frozenset({8, 9}))
    assert scope == Scope(None if seen is None else frozenset(seen))
    assert scope.everything is (seen is None)


def test_a_lead_without_a_team_sees_his_own_customers() -> None:
    assert scope_of(Role.LEAD, 7, frozenset()).user_ids == {7}


def test_system_does_all_work_and_is_nobody() -> None:
    assert all(SYSTEM.may(permission) for permission in Permission if permission is not Permission.DECIDE)
    assert (SYSTEM.user_id, SYSTEM.role, SYSTEM.scope.everything) == (None, None, True)


def test_a_view_declares_what_it_needs() -> None:
    @needs(Permission.IMPORT)
    def view() -> None: ...

    def forgotten() -> None: ...

    assert need_of(view) is Permission.IMPORT
    assert need_of(forgotten) is None


def test_the_program_itself_may_do_everything_but_decide() -> None:
    """The command line and the worker propose and never approve (S29)."""
    assert {permission for permission in Permission if not SYSTEM.may(permission)} == {Permission.DECIDE}
