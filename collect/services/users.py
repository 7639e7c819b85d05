"""People: adding them, their role and password, signing in and out, and API tokens (S28, S29)."""

from __future__ import annotations

import hashlib
import re
import secrets
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from collect import i18n
from collect.domain.errors import NotFound, Refusal
from collect.domain.rights import SYSTEM, Actor, Permission, Role, scope_of
from collect.runtime import Runtime, Work
from collect.storage import audit, database
from collect.storage import users as storage
from collect.storage.users import SignIn, Token, User, find_user

_NAME = re.compile(r"[a-z0-9][a-z0-9._@-]{0,63}")
_EMAIL = re.compile(r"[^\s@<>,;:\"()\[\]\\]{1,64}@[^\s@<>,;:\"()\[\]\\]{1,180}")
_hasher = PasswordHasher()
SHORTEST_PASSWORD = 10
LONGEST_PASSWORD = 200

SCOPES: dict[str, Permission] = {
    "reports:read": Permission.READ_LEDGER,
    "customers:read": Permission.READ_LEDGER,
    "invoices:read": Permission.READ_LEDGER,
    "supply:read": Permission.READ_LEDGER,
    "proposals:read": Permission.READ_LEDGER,
    "proposals:decide": Permission.DECIDE,
}
"""What a bearer token may be issued for; its user's role must hold the permission as well, at the moment of use."""

# Guessing: so many tries are free, then each one waits twice as long as the one before, up to a minute. The longest
# wait is short because it also falls on the owner where he shares an address with whoever guesses.
WINDOW = timedelta(minutes=15)
FREE_TRIES = 5
FREE_TRIES_PER_ADDRESS = 50
LONGEST_WAIT = 60


@dataclass(frozen=True, slots=True)
class Profile:
    """What an administrator edits of a person; `stamp` is what `stamp_of` gave when he began."""

    name: str
    email: str | None
    role: Role
    lead: str | None
    language: str | None
    active: bool
    stamp: str


def add(work: Work, username: str, name: str, role: Role, password: str, *, email: str | None = None, lead: str | None = None, language: str | None = None) -> User:
    """Add a person with one role.

    Refuses a taken or malformed user name (`bad_username`, `username_taken`), a password under 10 characters, an
    e-mail address that is none or another's, a lead who is no team lead.
    """
    work.actor.need(Permission.MANAGE_USERS)
    username = username.strip().lower()
    if not _NAME.fullmatch(username) or username == SYSTEM.name:
        raise Refusal("bad_username", "username", value=username)
    if find_user(work.session, username) is not None:
        raise Refusal("username_taken", "username", value=username)
    kept = hash_password(password)
    user = User(username=username, name=_clean_name(name) or username, role=role.value, password_hash=kept, active=True, version=1, recorded_at=work.now)
    user.email = _clean_email(work.session, email, username)
    user.lead_id = _lead_id(work.session, username, lead)
    user.language = _clean_language(language)
    work.session.add(user)
    work.session.flush()
    work.note(audit.Note("create", "user", username, after={"name": user.name, "role": role.value, "email": user.email, "lead": lead}))
    return user


def require(session: Session, username: str) -> User:
    """The user of that name; NotFound otherwise."""
    user = find_user(session, username)
    if user is None:
        raise NotFound("user", username)
    return user


def stamp_of(user: User) -> str:
    """A short mark of everything an administrator edits, by which a stale form is told."""
    seen = [user.name, user.email, user.role, user.lead_id, user.language, user.active]
    return hashlib.sha256(repr(seen).encode()).hexdigest()[:16]


def edit(work: Work, username: str, profile: Profile) -> User:
    """Change what differs, as one audited change; refuses a form that is older than the last change (`changed_meanwhile`)."""
    user = require(work.session, username)
    if stamp_of(user) != profile.stamp:
        raise Refusal("changed_meanwhile", None, what=user.username)
    values = {
        "name": _clean_name(profile.name) or user.username,
        "email": _clean_email(work.session, profile.email, user.username),
        "role": profile.role.value,
        "lead_id": _lead_id(work.session, user.username, profile.lead),
        "language": _clean_language(profile.language),
        "active": profile.active,
    }
    _change(work, user, "edit", values)
    return user


def set_active(work: Work, username: str, active: bool) -> User:
    """Disable or enable a person; disabling ends the sessions and tokens at once. Refuses the last administrator."""
    user = require(work.session, username)
    _change(work, user, "enable" if active else "disable", {"active": active})
    return user


def set_role(work: Work, username: str, role: Role) -> User:
    """Give a person another role; ends his sessions. Refuses one's own role and the last administrator (S29)."""
    user = require(work.session, username)
    _change(work, user, "set_role", {"role": role.value})
    return user


def set_lead(work: Work, username: str, lead: str | None) -> User:
    """Say whose team a person is in (None: nobody's); the lead must be an active team lead."""
    user = require(work.session, username)
    _change(work, user, "set_lead", {"lead_id": _lead_id(work.session, user.username, lead)})
    return user


def set_password(work: Work, username: str, password: str) -> User:
    """Give a person a new password; ends his sessions. Allowed to administrators, and to everybody for himself."""
    user = require(work.session, username)
    if work.actor.user_id != user.id:
        work.actor.need(Permission.MANAGE_USERS)
    user.password_hash = hash_password(password)
    _renew(work, user)
    work.note(audit.Note("set_password", "user", user.username))
    return user


def set_preferences(work: Work, language: str | None, timezone: str | None) -> User:
    """Keep one's own language and time zone (None: as the browser asks, as the company has it)."""
    user = _own(work)
    zone = (timezone or "").strip() or None
    if zone is not None and zone not in available_timezones():
        raise Refusal("unknown_timezone", "timezone", value=zone)
    before = {"language": user.language, "timezone": user.timezone}
    after = {"language": _clean_language(language), "timezone": zone}
    if before != after:
        user.language, user.timezone = after["language"], zone
        work.note(audit.Note("set_preferences", "user", user.username, before=before, after=after))
    return user


def issue_token(work: Work, username: str, scopes: list[str]) -> str:
    """A new bearer token, returned once and kept only as its SHA-256; refuses scopes that do not exist and disabled users."""
    work.actor.need(Permission.MANAGE_USERS)
    user = require(work.session, username)
    unknown = [scope for scope in scopes if scope not in SCOPES]
    if unknown or not scopes:
        raise Refusal("unknown_scope", "scopes", value=" ".join(unknown), known=" ".join(SCOPES))
    if not user.active:
        raise Refusal("user_disabled", None, value=user.username)
    secret = f"collect_{secrets.token_urlsafe(32)}"
    row = Token(token_hash=digest(secret), user_id=user.id, scopes=" ".join(dict.fromkeys(scopes)), created_at=work.now)
    work.session.add(row)
    work.session.flush()
    work.note(audit.Note("issue_token", "user", user.username, after={"token": row.id, "scopes": row.scopes}))
    return secret


def revoke_token(work: Work, username: str, token_id: int) -> None:
    """Make a token useless from now on; NotFound when the user has no such token in use."""
    work.actor.need(Permission.MANAGE_USERS)
    user = require(work.session, username)
    token = next((row for row in storage.load_tokens(work.session, user.id) if row.id == token_id), None)
    if token is None:
        raise NotFound("token", token_id)
    token.revoked_at = work.now
    work.note(audit.Note("revoke_token", "user", user.username, before={"token": token.id, "scopes": token.scopes}))


def actor_of(session: Session, user: User) -> Actor:
    """The user as an actor: his role, and the customers he may see through it today (S28)."""
    role = Role(user.role)
    team = storage.load_team(session, user.id) if role is Role.LEAD else frozenset[int]()
    return Actor(name=user.username, user_id=user.id, role=role, scope=scope_of(role, user.id, team), language=user.language)


def token_actor(runtime: Runtime, bearer: str) -> tuple[Actor, frozenset[str]] | None:
    """Who a bearer token speaks for and its scopes; None when it is unknown, revoked or its user is disabled."""
    with database.reading(runtime.engine) as session:
        found = storage.find_token(session, digest(bearer))
        if found is None or not found[1].active:
            return None
        return actor_of(session, found[1]), frozenset(found[0].scopes.split())


def sign_in(runtime: Runtime, username: str, password: str, address: str, agent: str) -> str:
    """Sign in by user name or e-mail address; returns the session token for the cookie.

    Refuses with one and the same sentence whatever was wrong (`sign_in_failed`), and with `sign_in_throttled` (its
    `seconds` say when to try again) after too many tries for this user from this address, or from this address at all.
    """
    user = check_password(runtime, username, password, address)
    token = secrets.token_urlsafe(32)

    def open_session(session: Session, now: datetime) -> bool:
        fresh = storage.load_user(session, user.id)
        if fresh is None or not fresh.active or fresh.version != user.version:
            return False
        storage.drop_attempts(session, username=user.username, address=address[:64])
        storage.end_old_sign_ins(session, now - timedelta(hours=runtime.settings.session_hours))
        session.add(SignIn(token_hash=digest(token), user_id=user.id, user_version=user.version, created_at=now, seen_at=now, agent=agent[:200]))
        return True

    if not runtime.small(open_session):
        raise Refusal("sign_in_failed")
    return token


def check_password(runtime: Runtime, username: str, password: str, address: str) -> User:
    """The active user these are right for; else `sign_in_failed` or `sign_in_throttled`.

    1. find the user; 2. record the try, before it is judged, so that tries sent at once count one another; 3. count the
    others: a try that comes too early is forgotten again and not judged, so that nobody prolongs another's wait by
    knocking; 4. compare passwords, with the same work when there is no such user.
    """
    with database.reading(runtime.engine) as session:
        typed = username.strip().lower()
        user = find_user(session, typed) or (storage.find_user_by_email(session, typed) if "@" in typed else None)
    key, place = (user.username if user else typed)[:64], address[:64]
    mine = runtime.small(lambda session, now: storage.add_attempt(session, key, place, now))
    wait = runtime.small(lambda session, now: _wait(session, now, mine, key, place))
    if wait:
        raise Refusal("sign_in_throttled", None, seconds=wait)
    known = user.password_hash if user is not None and user.active else _nobodys_hash()
    right = _matches(known, password)
    if user is None or not user.active or not right:
        raise Refusal("sign_in_failed")
    return user


def resume(runtime: Runtime, token: str) -> tuple[User, Actor] | None:
    """Who a session belongs to, read anew each time, so that what an administrator does acts at once.

    None when it is unknown, ended, unused for `session_hours`, or older than the user's last change of role, password
    or access. Its last use is noted at most once a minute; a database that only reads does not end it.
    """
    key, now = digest(token), runtime.clock()
    with database.reading(runtime.engine) as session:
        found = storage.find_sign_in(session, key)
        if found is None:
            return None
        row, user = found
        if not user.active or row.user_version != user.version or now - row.seen_at > timedelta(hours=runtime.settings.session_hours):
            return None
        actor = actor_of(session, user)
    if now - row.seen_at >= timedelta(minutes=1):
        try:
            runtime.small(lambda session, at: storage.touch_sign_in(session, key, at))
        except DBAPIError:
            return user, actor
    return user, actor


def sign_out(runtime: Runtime, token: str) -> None:
    """End the session of a token."""

    def end(session: Session, _now: datetime) -> None:
        found = storage.find_sign_in(session, digest(token))
        if found is not None:
            storage.end_sign_ins(session, found[1].id, only=found[0].token_hash)

    runtime.small(end)


def end_session(runtime: Runtime, user_id: int, token_hash: str) -> None:
    """End one of a user's own sessions by its hash; nothing happens where it is not his."""
    runtime.small(lambda session, _now: storage.end_sign_ins(session, user_id, only=token_hash))


def end_other_sessions(runtime: Runtime, user_id: int, token: str) -> None:
    """End all of a user's sessions but the one of this token."""
    runtime.small(lambda session, _now: storage.end_sign_ins(session, user_id, but=digest(token)))


def sessions_of(runtime: Runtime, user: User) -> list[SignIn]:
    """A user's sessions that still count, latest first."""
    since = runtime.clock() - timedelta(hours=runtime.settings.session_hours)
    with database.reading(runtime.engine) as session:
        return storage.load_sign_ins(session, user, since)


@cache
def timezones() -> tuple[str, ...]:
    """The time zones to choose from: `Area/City` names and UTC. Looked up once: there are hundreds of files of them."""
    areas = ("Africa/", "America/", "Asia/", "Atlantic/", "Australia/", "Europe/", "Indian/", "Pacific/", "UTC")
    return tuple(sorted(name for name in available_timezones() if name.startswith(areas)))


def change_own_password(runtime: Runtime, actor: Actor, old: str, new: str, address: str, agent: str) -> str:
    """Change one's own password, which ends every session; returns the token of a new one for this browser.

    The old password is asked for and throttled as a sign-in is (`password_wrong` on the field `old`).
    """
    try:
        check_password(runtime, actor.name, old, address)
    except Refusal as refusal:
        raise Refusal("password_wrong" if refusal.code == "sign_in_failed" else refusal.code, "old", **refusal.params) from None
    hash_password(new, "new")
    runtime.write(actor, lambda work: set_password(work, actor.name, new))
    return sign_in(runtime, actor.name, new, address, agent)


def digest(secret: str) -> str:
    """What is kept of a token: its SHA-256 (tokens are random, so no salt or slow hash is needed)."""
    return hashlib.sha256(secret.encode()).hexdigest()


def hash_password(password: str, field: str = "password") -> str:
    """The Argon2id hash of a password; Refusal `password_too_short` or `password_too_long` on a field."""
    if len(password) < SHORTEST_PASSWORD:
        raise Refusal("password_too_short", field, least=SHORTEST_PASSWORD)
    if len(password) > LONGEST_PASSWORD:
        raise Refusal("password_too_long", field, most=LONGEST_PASSWORD)
    return _hasher.hash(_folded(password))


def _matches(kept: str, password: str) -> bool:
    if len(password) > LONGEST_PASSWORD:
        kept, password = _nobodys_hash(), ""
    try:
        return _hasher.verify(kept, _folded(password))
    except (Argon2Error, InvalidHashError):
        return False


def _folded(password: str) -> str:
    """The same characters typed on another keyboard are the same password (NFKC)."""
    return unicodedata.normalize("NFKC", password)


@cache
def _nobodys_hash() -> str:
    """A hash that no password matches, compared where there is no user, so that the answer takes as long."""
    return _hasher.hash(secrets.token_hex(32))


def _wait(session: Session, now: datetime, mine: int, username: str, address: str) -> int:
    """Seconds this try has to wait, 0 when it may be judged; a try that waits is forgotten."""
    storage.drop_attempts(session, before=now - 4 * WINDOW)
    waits = [
        _still(storage.load_attempts(session, address, now - WINDOW, mine, username), FREE_TRIES, now),
        _still(storage.load_attempts(session, address, now - WINDOW, mine), FREE_TRIES_PER_ADDRESS, now),
    ]
    if max(waits):
        storage.drop_attempts(session, only=mine)
    return max(waits)


def _still(tries: list[datetime], free: int, now: datetime) -> int:
    """Whole seconds left of the wait after so many tries: 1, 2, 4 … up to a minute after the last one."""
    over = len(tries) - free
    if over < 0:
        return 0
    delay = min(2 ** min(over, 10), LONGEST_WAIT)
    left = (tries[-1] + timedelta(seconds=delay) - now).total_seconds()
    return min(delay, int(left) + 1) if left > 0 else 0


def _change(work: Work, user: User, action: str, values: dict[str, Any]) -> None:
    """Set what differs, under the rules for everybody's access, and leave one audit note."""
    work.actor.need(Permission.MANAGE_USERS)
    before = {name: getattr(user, name) for name, value in values.items() if getattr(user, name) != value}
    after = {name: values[name] for name in before}
    if not after:
        return
    own = work.actor.user_id == user.id
    if own and "role" in after:
        raise Refusal("own_role", "role")
    if own and after.get("active") is False:
        raise Refusal("own_account", "active")
    if user.active and user.role == Role.ADMIN and (after.get("active") is False or "role" in after) and storage.count_active(work.session, Role.ADMIN) == 1:
        raise Refusal("last_admin", "role" if "role" in after else "active")
    for name, value in after.items():
        setattr(user, name, value)
    if "role" in after or "active" in after:
        _renew(work, user)
    if after.get("active") is False:
        for token in storage.load_tokens(work.session, user.id):
            token.revoked_at = work.now
    work.note(audit.Note(action, "user", user.username, before=before, after=after))


def _renew(work: Work, user: User) -> None:
    """A new version of the user: sessions of an older one are over."""
    user.version += 1
    storage.end_sign_ins(work.session, user.id)


def _own(work: Work) -> User:
    user = storage.load_user(work.session, work.actor.user_id) if work.actor.user_id is not None else None
    if user is None:
        raise NotFound("user", work.actor.name)
    return user


def _clean_name(name: str) -> str:
    """A name to show and to put into letters: no control characters, and nothing a mail header would decode."""
    name = " ".join(name.split())
    if len(name) > 100 or "=?" in name or any(unicodedata.category(sign) in ("Cc", "Cf", "Cs") for sign in name):
        raise Refusal("bad_person_name", "name", value=name)
    return name


def _clean_email(session: Session, email: str | None, username: str) -> str | None:
    """The address in lower case, None when empty; refuses what is no address, and another user's."""
    email = (email or "").strip().lower()
    if not email:
        return None
    if len(email) > 254 or not _EMAIL.fullmatch(email) or "=?" in email:
        raise Refusal("bad_email", "email", value=email)
    other = storage.find_user_by_email(session, email)
    if other is not None and other.username != username:
        raise Refusal("email_taken", "email", value=email)
    return email


def _clean_language(language: str | None) -> str | None:
    if not language:
        return None
    if language not in i18n.LANGUAGES:
        raise Refusal("unknown_language", "language", value=language)
    return language


def _lead_id(session: Session, username: str, lead: str | None) -> int | None:
    """The id of a team lead by user name; refuses anyone who is not an active team lead, and oneself."""
    lead = (lead or "").strip().lower()
    if not lead:
        return None
    found = find_user(session, lead)
    if found is None or not found.active or found.role != Role.LEAD or found.username == username:
        raise Refusal("no_team_lead", "lead", value=lead)
    return found.id
