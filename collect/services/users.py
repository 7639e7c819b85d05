"""People: adding them, their role and password, signing in and out, and API tokens (S28, S29)."""

from __future__ import annotations

import re

from argon2 import PasswordHasher

from collect.domain.errors import Refusal
from collect.domain.rights import Role
from collect.runtime import Work
from collect.storage import audit
from collect.storage.users import User, find_user

_NAME = re.compile(r"[a-z0-9][a-z0-9._@-]{0,63}")
_hasher = PasswordHasher()
SHORTEST_PASSWORD = 10


def add(work: Work, username: str, name: str, role: Role, password: str, *, email: str | None = None, lead: str | None = None, language: str | None = None) -> User:
    """Add a person with one role; refuses a taken or malformed user name and a password under 10 characters."""
    username = username.strip().lower()
    if not _NAME.fullmatch(username) or username == "system":
        raise Refusal("bad_username", "username", value=username)
    if find_user(work.session, username) is not None:
        raise Refusal("username_taken", "username", value=username)
    if len(password) < SHORTEST_PASSWORD:
        raise Refusal("password_too_short", "password", least=SHORTEST_PASSWORD)
    user = User(username=username, name=name.strip() or username, email=email, role=role.value, password_hash=_hasher.hash(password), language=language, active=True, version=1, recorded_at=work.now)
    work.session.add(user)
    work.session.flush()
    work.note(audit.Note("create", "user", username, after={"name": user.name, "role": role.value, "email": email}))
    return user
