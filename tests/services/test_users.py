"""People: what is refused, what ends sessions and tokens at once, and how guessing is slowed without locking anyone out."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from argon2 import PasswordHasher

from collect.domain.errors import Forbidden, NotFound, Refusal
from collect.domain.rights import SYSTEM, Actor, Permission, Role
from collect.runtime import Runtime
from collect.services import users
from collect.storage import audit, database
from collect.storage import users as storage
from tests.conftest import PASSWORD as ADMIN_PASSWORD
from tests.conftest import FixedClock

GOOD = "seven tall sea horses"
HERE, THERE = "192.0.2.1", "198.51.100.9"


@pytest.fixture(autouse=True)
def _quick_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(users, "_hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    users._nobodys_hash.cache_clear()


def add(runtime: Runtime, username: str, role: Role = Role.REP, **more: Any) -> int:
    return runtime.write(SYSTEM, lambda work: users.add(work, username, username.title(), role, GOOD, **more)).id


def actor(runtime: Runtime, username: str) -> Actor:
    with database.reading(runtime.engine) as session:
        return users.actor_of(session, users.require(session, username))


def refusal_of(act: Any) -> Refusal:
    with pytest.raises(Refusal) as caught:
        act()
    return caught.value


def enter(runtime: Runtime, username: str = "rui", password: str = GOOD, address: str = HERE) -> str:
    return users.sign_in(runtime, username, password, address, "a browser")


def every_text(runtime: Runtime) -> str:
    """Every text in every table, to look for what must not be stored."""
    with runtime.engine.connect() as connection:
        return "\n".join(str(row) for table in database.Base.metadata.sorted_tables for row in connection.execute(sa.select(table)))


@pytest.mark.parametrize("name", ["", "system", "Ünal", "a b", "-dash", "x" * 65, "a/b", "a\x00b"])
def test_names_that_cannot_be(sqlite_runtime: Runtime, name: str) -> None:
    assert refusal_of(lambda: add(sqlite_runtime, name)).code == "bad_username"


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"username": "RUI "}, "username_taken", "username"),
        ({"password": "ninechars"}, "password_too_short", "password"),
        ({"password": "x" * 201}, "password_too_long", "password"),
        ({"email": "no address"}, "bad_email", "email"),
        ({"email": "=?utf-8?q?a?=@b.example"}, "bad_email", "email"),
        ({"email": "RUI@ours.example"}, "email_taken", "email"),
        ({"lead": "rui"}, "no_team_lead", "lead"),
        ({"lead": "nobody"}, "no_team_lead", "lead"),
        ({"language": "fr"}, "unknown_language", "language"),
        ({"name": "Eve\u202etxt"}, "bad_person_name", "name"),
        ({"name": "=?utf-8?q?=0d=0aBcc:?="}, "bad_person_name", "name"),
    ],
)
def test_people_that_cannot_be_added(sqlite_runtime: Runtime, changes: dict[str, Any], code: str, field: str) -> None:
    add(sqlite_runtime, "rui", email="rui@ours.example")
    values = {"username": "new", "name": "New", "role": Role.REP, "password": GOOD, **changes}
    refusal = refusal_of(lambda: sqlite_runtime.write(SYSTEM, lambda work: users.add(work, **values)))
    assert (refusal.code, refusal.field) == (code, field)
    with database.reading(sqlite_runtime.engine) as session:
        assert [user.username for user in storage.load_users(session)] == ["admin", "rui"]


def test_scopes_of_roles(runtime: Runtime) -> None:
    """A rep sees himself, a lead also his team (two of three reps report to lan), finance everybody (S28)."""
    lan = add(runtime, "lan", Role.LEAD)
    rui, ren = add(runtime, "rui", lead="lan"), add(runtime, "ren", lead="LAN")
    add(runtime, "far")
    add(runtime, "fang", Role.FINANCE)
    assert actor(runtime, "rui").scope.user_ids == {rui}
    assert actor(runtime, "lan").scope.user_ids == {lan, rui, ren}
    assert actor(runtime, "fang").scope.everything
    runtime.write(SYSTEM, lambda work: users.set_lead(work, "ren", None))
    assert actor(runtime, "lan").scope.user_ids == {lan, rui}


def test_sign_in_by_name_or_email_and_out(runtime: Runtime) -> None:
    add(runtime, "rui", email="Rui@Ours.example")
    for name in ("rui", " RUI ", "rui@ours.example", "RUI@OURS.EXAMPLE"):
        token = enter(runtime, name)
        found = users.resume(runtime, token)
        assert found is not None and found[0].username == "rui" and found[1].role is Role.REP
        users.sign_out(runtime, token)
        assert users.resume(runtime, token) is None
    assert users.resume(runtime, "no such token") is None


@pytest.mark.parametrize(
    "change",
    [
        lambda work: users.set_role(work, "rui", Role.FINANCE),
        lambda work: users.set_password(work, "rui", "another long one"),
        lambda work: users.set_active(work, "rui", False),
    ],
)
def test_what_ends_a_session_at_once(runtime: Runtime, change: Any) -> None:
    add(runtime, "rui")
    token = enter(runtime)
    runtime.write(SYSTEM, change)
    assert users.resume(runtime, token) is None


def test_what_does_not_end_a_session_acts_at_once(runtime: Runtime) -> None:
    """A new lead changes what the lead sees in his running session; his own stays."""
    lan = add(runtime, "lan", Role.LEAD)
    rui = add(runtime, "rui")
    token = enter(runtime, "lan")
    runtime.write(SYSTEM, lambda work: users.set_lead(work, "rui", "lan"))
    found = users.resume(runtime, token)
    assert found is not None and found[1].scope.user_ids == {lan, rui}


def test_an_unused_session_ends_after_the_set_hours(runtime: Runtime, clock: FixedClock) -> None:
    """12 hours: used every 11 hours it goes on, after 12 hours and a second it is over."""
    add(runtime, "rui")
    token = enter(runtime)
    for _ in range(3):
        clock.now += timedelta(hours=11)
        assert users.resume(runtime, token) is not None
    clock.now += timedelta(hours=12, seconds=1)
    assert users.resume(runtime, token) is None


def test_use_is_noted_at_most_once_a_minute(runtime: Runtime, clock: FixedClock) -> None:
    add(runtime, "rui")
    token = enter(runtime)

    def seen() -> Any:
        with database.reading(runtime.engine) as session:
            found = storage.find_sign_in(session, users.digest(token))
            assert found is not None
            return found[0].seen_at

    first = seen()
    clock.now += timedelta(seconds=50)
    users.resume(runtime, token)
    assert seen() == first
    clock.now += timedelta(seconds=11)
    users.resume(runtime, token)
    assert seen() - first >= timedelta(seconds=61)


def test_the_same_answer_and_the_same_work_whatever_is_wrong(sqlite_runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unknown user, wrong password, disabled user with the right one, a password of a megabyte: one hash is compared each time."""
    add(sqlite_runtime, "rui")
    add(sqlite_runtime, "off")
    sqlite_runtime.write(SYSTEM, lambda work: users.set_active(work, "off", False))
    compared = []
    real = users._hasher

    class Counting:
        def verify(self, kept: str, password: str) -> bool:
            compared.append(kept)
            return real.verify(kept, password)

        def hash(self, password: str) -> str:
            return real.hash(password)

    users._nobodys_hash()
    monkeypatch.setattr(users, "_hasher", Counting())
    for name, password in (("nobody", GOOD), ("rui", "wrong"), ("off", GOOD), ("rui", "x" * 1_000_000), ("nobody@ours.example", GOOD)):
        refusal = refusal_of(lambda name=name, password=password: enter(sqlite_runtime, name, password))
        assert (refusal.code, refusal.field, refusal.params) == ("sign_in_failed", None, {})
    assert len(compared) == 5


def test_guessing_waits_longer_each_time_and_locks_nobody_out(runtime: Runtime, clock: FixedClock) -> None:
    """Five tries are free; then 1, 2, 4, 8 … seconds after the last one; knocking too early prolongs nothing."""
    add(runtime, "rui")
    for _ in range(5):
        assert refusal_of(lambda: enter(runtime, password="wrong")).code == "sign_in_failed"
    for wait in (1, 2, 4, 8, 16, 32, 60, 60):
        for _ in range(3):
            refusal = refusal_of(lambda: enter(runtime))  # the right password, too early
            assert (refusal.code, refusal.params["seconds"]) == ("sign_in_throttled", wait)
        assert users.resume(runtime, enter(runtime, address=THERE)) is not None  # the owner, elsewhere
        clock.now += timedelta(seconds=wait)
        assert refusal_of(lambda: enter(runtime, password="wrong")).code == "sign_in_failed"
    clock.now += timedelta(seconds=60)
    assert users.resume(runtime, enter(runtime)) is not None
    assert refusal_of(lambda: enter(runtime, password="wrong")).code == "sign_in_failed"  # and begins anew


def test_one_address_cannot_try_everybody(runtime: Runtime, clock: FixedClock) -> None:
    """Fifty tries of any names from one address, then it waits too; another address does not."""
    add(runtime, "rui")
    for number in range(50):
        assert refusal_of(lambda number=number: enter(runtime, f"user{number}", "wrong")).code == "sign_in_failed"
    assert refusal_of(lambda: enter(runtime)).code == "sign_in_throttled"
    assert enter(runtime, address=THERE)
    clock.now += timedelta(seconds=2)
    assert enter(runtime)


def test_an_email_is_no_second_budget(sqlite_runtime: Runtime) -> None:
    add(sqlite_runtime, "rui", email="rui@ours.example")
    for name in ("rui", "rui@ours.example", "RUI", "rui", "Rui@Ours.example"):
        assert refusal_of(lambda name=name: enter(sqlite_runtime, name, "wrong")).code == "sign_in_failed"
    assert refusal_of(lambda: enter(sqlite_runtime, "rui@ours.example")).code == "sign_in_throttled"


def test_guesses_at_the_same_moment_count_one_another(runtime: Runtime) -> None:
    """Sixteen at once: a judged one saw all that were judged before it, so at most five are judged."""
    add(runtime, "rui")
    with ThreadPoolExecutor(8) as pool:
        codes = [refusal.code for refusal in pool.map(lambda _: refusal_of(lambda: enter(runtime, password="wrong")), range(16))]
    assert codes.count("sign_in_failed") <= 5
    assert set(codes) <= {"sign_in_failed", "sign_in_throttled"}


def test_a_clock_set_back_makes_nobody_wait_for_long(sqlite_runtime: Runtime, clock: FixedClock) -> None:
    add(sqlite_runtime, "rui")
    for _ in range(5):
        refusal_of(lambda: enter(sqlite_runtime, password="wrong"))
    clock.now -= timedelta(hours=3)
    assert refusal_of(lambda: enter(sqlite_runtime)).params["seconds"] <= users.LONGEST_WAIT


def test_one_password_typed_on_two_keyboards(sqlite_runtime: Runtime) -> None:
    """Full-width and composed characters are the same password (NFKC): `ｓｅｖｅｎ…é` and `seven…e` with an accent."""
    sqlite_runtime.write(SYSTEM, lambda work: users.add(work, "zoe", "Zoé", Role.REP, "ｓｅｖｅｎ tall café"))
    assert enter(sqlite_runtime, "zoe", "seven tall cafe\u0301")


def test_own_password(runtime: Runtime) -> None:
    """Asks for the old one, ends every other session, gives this browser a new one."""
    add(runtime, "rui")
    me, elsewhere = actor(runtime, "rui"), enter(runtime)
    refusal = refusal_of(lambda: users.change_own_password(runtime, me, "wrong", "another long one", HERE, "b"))
    assert (refusal.code, refusal.field) == ("password_wrong", "old")
    refusal = refusal_of(lambda: users.change_own_password(runtime, me, GOOD, "short", HERE, "b"))
    assert (refusal.code, refusal.field) == ("password_too_short", "new")
    assert users.resume(runtime, elsewhere) is not None
    fresh = users.change_own_password(runtime, me, GOOD, "another long one", HERE, "b")
    assert users.resume(runtime, elsewhere) is None
    assert users.resume(runtime, fresh) is not None
    assert refusal_of(lambda: enter(runtime)).code == "sign_in_failed"


def test_sessions_are_listed_and_ended(runtime: Runtime) -> None:
    rui, fang = add(runtime, "rui"), add(runtime, "fang", Role.FINANCE)
    mine, other, foreign = enter(runtime), enter(runtime), enter(runtime, "fang")
    found = users.resume(runtime, mine)
    assert found is not None
    assert {row.token_hash for row in users.sessions_of(runtime, found[0])} == {users.digest(mine), users.digest(other)}
    users.end_session(runtime, rui, users.digest(foreign))
    assert users.resume(runtime, foreign) is not None, "another's session is not one's own to end"
    users.end_other_sessions(runtime, rui, mine)
    assert (users.resume(runtime, mine) is not None, users.resume(runtime, other)) == (True, None)
    users.end_session(runtime, fang, users.digest(foreign))
    assert users.resume(runtime, foreign) is None


def test_the_last_administrator_stays(runtime: Runtime) -> None:
    for act in (lambda work: users.set_active(work, "admin", False), lambda work: users.set_role(work, "admin", Role.FINANCE)):
        assert refusal_of(lambda act=act: runtime.write(SYSTEM, act)).code == "last_admin"
    add(runtime, "ada", Role.ADMIN)
    runtime.write(SYSTEM, lambda work: users.set_active(work, "admin", False))
    assert refusal_of(lambda: runtime.write(SYSTEM, lambda work: users.set_role(work, "ada", Role.REP))).code == "last_admin"
    runtime.write(SYSTEM, lambda work: users.set_active(work, "admin", True))
    runtime.write(SYSTEM, lambda work: users.set_role(work, "ada", Role.REP))


def test_nobody_changes_his_own_role_or_access(runtime: Runtime) -> None:
    add(runtime, "ada", Role.ADMIN)
    ada = actor(runtime, "ada")
    assert refusal_of(lambda: runtime.write(ada, lambda work: users.set_role(work, "ada", Role.FINANCE))).code == "own_role"
    assert refusal_of(lambda: runtime.write(ada, lambda work: users.set_active(work, "ada", False))).code == "own_account"


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.ADMIN])
def test_only_administrators_manage_people(sqlite_runtime: Runtime, role: Role) -> None:
    add(sqlite_runtime, "rui")
    add(sqlite_runtime, "who", role)
    who = actor(sqlite_runtime, "who")
    acts: list[Any] = [
        lambda work: users.add(work, "new", "New", Role.ADMIN, GOOD),
        lambda work: users.set_role(work, "rui", Role.ADMIN),
        lambda work: users.set_active(work, "rui", False),
        lambda work: users.set_password(work, "rui", "another long one"),
        lambda work: users.set_lead(work, "rui", None),
        lambda work: users.issue_token(work, "who", ["reports:read"]),
        lambda work: users.revoke_token(work, "rui", 1),
    ]
    for act in acts:
        with pytest.raises(Forbidden):
            sqlite_runtime.write(who, act)


def test_tokens(runtime: Runtime) -> None:
    """Shown once, kept as a hash, limited to scopes, dead when revoked or when the user is disabled, and not alive again after."""
    add(runtime, "fang", Role.FINANCE)
    secret = runtime.write(SYSTEM, lambda work: users.issue_token(work, "fang", ["reports:read", "reports:read"]))
    found = users.token_actor(runtime, secret)
    assert found is not None and found[0].name == "fang" and found[0].may(Permission.IMPORT) and found[1] == {"reports:read"}
    assert secret not in every_text(runtime)
    assert users.token_actor(runtime, secret + "x") is None
    second = runtime.write(SYSTEM, lambda work: users.issue_token(work, "fang", list(users.SCOPES)))
    with database.reading(runtime.engine) as session:
        first_id = storage.load_tokens(session, found[0].user_id or 0)[0].id
    runtime.write(SYSTEM, lambda work: users.revoke_token(work, "fang", first_id))
    assert users.token_actor(runtime, secret) is None
    assert users.token_actor(runtime, second) is not None
    runtime.write(SYSTEM, lambda work: users.set_active(work, "fang", False))
    assert users.token_actor(runtime, second) is None
    assert refusal_of(lambda: runtime.write(SYSTEM, lambda work: users.issue_token(work, "fang", ["reports:read"]))).code == "user_disabled"
    runtime.write(SYSTEM, lambda work: users.set_active(work, "fang", True))
    assert users.token_actor(runtime, second) is None
    with pytest.raises(NotFound):
        runtime.write(SYSTEM, lambda work: users.revoke_token(work, "fang", first_id))


@pytest.mark.parametrize("scopes", [[], ["everything"], ["reports:read", "admin"]])
def test_scopes_that_do_not_exist(sqlite_runtime: Runtime, scopes: list[str]) -> None:
    assert refusal_of(lambda: sqlite_runtime.write(SYSTEM, lambda work: users.issue_token(work, "admin", scopes))).code == "unknown_scope"


def profile(runtime: Runtime, username: str, **changes: Any) -> users.Profile:
    with database.reading(runtime.engine) as session:
        user = users.require(session, username)
        values = {"name": user.name, "email": user.email, "role": Role(user.role), "lead": None, "language": user.language, "active": user.active}
        return users.Profile(**{**values, "stamp": users.stamp_of(user), **changes})


def test_editing_is_one_change_and_a_stale_form_loses_nothing(runtime: Runtime) -> None:
    """Two administrators open the same person: the second one's form is refused, and the first one's change stays."""
    add(runtime, "rui")
    first = profile(runtime, "rui", name="Rui R.", email="rui@ours.example")
    second = profile(runtime, "rui", name="Somebody else")
    runtime.write(SYSTEM, lambda work: users.edit(work, "rui", first))
    assert refusal_of(lambda: runtime.write(SYSTEM, lambda work: users.edit(work, "rui", second))).code == "changed_meanwhile"
    with database.reading(runtime.engine) as session:
        assert users.require(session, "rui").name == "Rui R."
        notes = storage_notes(session, "rui")
    assert [note.action for note in notes] == ["edit", "create"]
    assert notes[0].before == '{"email":null,"name":"Rui"}'
    assert notes[0].after == '{"email":"rui@ours.example","name":"Rui R."}'


def storage_notes(session: Any, username: str) -> list[audit.Audit]:
    return audit.load_notes(session, "user", username)


def test_every_change_is_audited_and_no_secret_is(runtime: Runtime) -> None:
    add(runtime, "rui")
    runtime.write(SYSTEM, lambda work: users.set_role(work, "rui", Role.FINANCE))
    runtime.write(SYSTEM, lambda work: users.set_password(work, "rui", "another long one"))
    secret = runtime.write(SYSTEM, lambda work: users.issue_token(work, "rui", ["reports:read"]))
    runtime.write(SYSTEM, lambda work: users.set_active(work, "rui", False))
    runtime.write(SYSTEM, lambda work: users.set_active(work, "rui", False))  # nothing changes, nothing is noted
    with database.reading(runtime.engine) as session:
        notes = storage_notes(session, "rui")
        told = "".join(f"{note.before}{note.after}" for note in notes)
    assert [note.action for note in notes] == ["disable", "issue_token", "set_password", "set_role", "create"]
    assert all(word not in told for word in (GOOD, "another long one", secret, "argon2"))
    assert GOOD not in every_text(runtime) and ADMIN_PASSWORD not in every_text(runtime)


def test_preferences_are_ones_own(runtime: Runtime) -> None:
    add(runtime, "rui")
    me = actor(runtime, "rui")
    runtime.write(me, lambda work: users.set_preferences(work, "zh", " Europe/Berlin "))
    with database.reading(runtime.engine) as session:
        kept = users.require(session, "rui")
        assert (kept.language, kept.timezone) == ("zh", "Europe/Berlin")
    assert refusal_of(lambda: runtime.write(me, lambda work: users.set_preferences(work, "zh", "Mars/Base"))).code == "unknown_timezone"
    with pytest.raises(NotFound):
        runtime.write(SYSTEM, lambda work: users.set_preferences(work, "zh", None))
