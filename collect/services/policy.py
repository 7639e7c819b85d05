"""The collection policy in force: reading it, checking a draft, handing in a new version, and the second person's decision (S24, S29)."""

from __future__ import annotations

import hashlib
import re
import tomllib
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import lru_cache

import sqlalchemy as sa
from sqlalchemy.orm import Session

from collect import assets, calendars
from collect.domain import policy_file
from collect.domain.calendar import Calendar
from collect.domain.errors import Forbidden, NotFound, Refusal
from collect.domain.policy import Policy
from collect.domain.rights import Permission, Role, roles_with
from collect.runtime import Work
from collect.storage import audit
from collect.storage import policy as storage
from collect.storage.company import Seller
from collect.storage.database import next_ids
from collect.storage.policy import PolicyVersion
from collect.storage.users import User, load_user

MOST_CHARACTERS = 200_000
FARTHEST = 366
"""Calendar days ahead that a version may begin: what was decided longer ago should be looked at again."""

_PLACE = re.compile(r"at line (\d+), column (\d+)")


@dataclass(frozen=True, slots=True)
class Rules:
    """What a decision is made by: the policy, the number of its version (0: none is published yet) and the calendars.

    `closed` and `works` are the company's own days; `home` is its country, whose calendar serves customers without one.
    """

    policy: Policy
    number: int
    home: str
    closed: dict[date, str] = field(default_factory=dict)
    works: frozenset[date] = frozenset()
    _calendars: dict[str, Calendar] = field(default_factory=dict, repr=False, compare=False)

    def calendar(self, country: str | None) -> Calendar:
        """The business days of a customer's country with the company's own (S3); the company's country where none is known."""
        key = country or self.home
        found = self._calendars.get(key)
        if found is None:
            found = self._calendars[key] = calendars.load(key).with_company(self.closed, self.works)
        return found


@dataclass(frozen=True, slots=True)
class Version:
    """One version as it is shown. `state`: waiting, refused, coming, in_force or past; names of people where known, else None."""

    number: int
    name: str
    text: str
    content_hash: str
    state: str
    effective: date
    requested_by: str | None
    requester_id: int | None
    requested_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    reason: str | None


def shipped(country: str) -> str:
    """The text of the pack that is shipped for a country, else of the one for every country."""
    folder = assets.folder("config") / "policy"
    own = folder / f"{country.lower()}.toml"
    known = len(country) == 2 and country.isascii() and country.isalpha() and own.is_file()
    return (own if known else folder / "default.toml").read_text(encoding="utf-8")


def check(text: str) -> list[Refusal]:
    """Everything that is wrong with a draft, each with its place in it; empty when it can be published."""
    return _read(_plain(text))[1]


def in_force(session: Session, seller: Seller, as_of: date) -> Rules:
    """The rules that hold on a date; the shipped pack as number 0 where nothing is published.

    Refusal `policy_unreadable` when a version of another release of the program cannot be read by this one.
    """
    version = storage.find_in_force(session, as_of)
    if version is None:
        return of_text(shipped(seller.country), session, seller)
    policy, found = _read(version.text)
    if policy is None:
        raise Refusal("policy_unreadable", None, number=version.number, reason=found[0])
    return _rules(session, seller, policy, version.number)


def of_text(text: str, session: Session, seller: Seller) -> Rules:
    """The rules of a draft, as number 0; raises the first Refusal when anything is wrong with it."""
    policy, found = _read(_plain(text))
    if policy is None:
        raise found[0]
    return _rules(session, seller, policy, 0)


def publish(work: Work, text: str, effective: date | None = None) -> int:
    """Hand in a version and return its number; `effective` is the first day on which it shall hold, today unless named.

    The very first version is in force at once; every later one waits for a second person (S29). Raises the first
    Refusal of `check`; also `policy_same`, `policy_waiting_same`, `policy_effective_past`, `policy_effective_far`.
    """
    work.actor.need(Permission.EDIT_POLICY)
    text = _plain(text)
    policy, found = _read(text)
    if policy is None:
        raise found[0]
    effective = effective or work.today
    if effective < work.today:
        raise Refusal("policy_effective_past", "effective", value=effective.isoformat(), earliest=work.today.isoformat())
    if effective > work.today + timedelta(days=FARTHEST):
        raise Refusal("policy_effective_far", "effective", value=effective.isoformat(), latest=(work.today + timedelta(days=FARTHEST)).isoformat())
    known = storage.load_versions(work.session)
    digest = hash_of(text)
    _refuse_repetition(work, known, digest)
    version = PolicyVersion(
        id=next_ids(work.session, 1)[0],
        number=known[0].number + 1 if known else 1,
        name=policy.name,
        text=text,
        content_hash=digest,
        state="waiting" if known else "in_force",
        effective=effective,
        requested_by=work.actor.user_id,
        requested_at=work.now,
    )
    work.session.add(version)
    work.session.flush()
    after = {"name": policy.name, "content_hash": digest, "effective": effective.isoformat()}
    work.note(audit.Note("publish", "policy", str(version.number), after=after))
    return version.number


def decide(work: Work, number: int, approve: bool, content_hash: str, reason: str | None = None) -> None:
    """Approve or refuse a waiting version, as somebody who may and who did not ask for it (S29).

    `content_hash` is that of the text the decider has read: another one is Refusal `changed_meanwhile`. Refusing needs
    a reason; the one who asked may take his own version back. An approved version begins today where its day has gone
    by. Refusals besides: `policy_needs_person`, `policy_own_request`, `policy_decided`, `policy_overtaken`.
    """
    person = _decider(work)
    version = storage.find_version(work.session, number)
    if version is None:
        raise NotFound("policy", number)
    if version.content_hash != content_hash:
        raise Refusal("changed_meanwhile", None, what=version.name)
    if version.state != "waiting":
        raise Refusal("policy_decided", None, number=number)
    reason = " ".join((reason or "").replace("\x00", "").split())[:400] or None
    before = {"effective": version.effective.isoformat()}
    if approve:
        _approve(work, version, person)
    elif reason is None:
        raise Refusal("missing_reason", "reason")
    version.state = "in_force" if approve else "refused"
    version.decided_by, version.decided_at, version.reason = person.id, work.now, reason
    after = {"effective": version.effective.isoformat(), "content_hash": content_hash}
    work.note(audit.Note("approve" if approve else "refuse", "policy", str(number), before=before, after=after, reason=reason))


def seed(work: Work) -> bool:
    """Put the pack of the company's country in force unless there is a version; True when that was done."""
    if storage.load_versions(work.session):
        return False
    publish(work, shipped(work.seller.country))
    return True


def versions(session: Session, today: date) -> list[Version]:
    """All versions, the latest first, with the state of each as of a day."""
    rows = storage.load_versions(session)
    current = storage.find_in_force(session, today)
    names = {user.id: user.name for user in session.scalars(sa.select(User))} if rows else {}
    return [_version(row, current, names, today) for row in rows]


def version(session: Session, number: int, today: date) -> Version:
    """One version; NotFound when there is none of that number."""
    found = next((entry for entry in versions(session, today) if entry.number == number), None)
    if found is None:
        raise NotFound("policy", number)
    return found


def text_in_force(session: Session, seller: Seller, as_of: date) -> str:
    """The text of the policy in force, as it was published."""
    found = storage.find_in_force(session, as_of)
    return found.text if found else shipped(seller.country)


def parsed(text: str) -> Policy | None:
    """The policy that a stored text means, None when this release of the program cannot read it."""
    return _read(text)[0]


def hash_of(text: str) -> str:
    """What a decision binds to: SHA-256 of the text in UTF-8, as hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def text_of(data: bytes, name: str) -> str:
    """The text of a file; Refusal `policy_not_text` naming it when it is not UTF-8."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Refusal("policy_not_text", "text", name=name) from None


def _plain(text: str) -> str:
    """A text as it is kept: line ends of one kind, no byte order mark; browsers and editors differ in both."""
    text = text.removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}").replace("\r\n", "\n").replace("\r", "\n").strip("\n")
    return text + "\n"


@lru_cache(maxsize=32)
def _read(text: str) -> tuple[Policy | None, list[Refusal]]:
    """A text as a policy, or what is wrong with it; kept, since every page and every message asks for the same few texts."""
    if len(text) > MOST_CHARACTERS:
        return None, [Refusal("policy_too_long", "text", value=len(text), most=MOST_CHARACTERS)]
    try:
        entries = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        place = _PLACE.search(str(problem))
        lines = text.split("\n")
        line = int(place[1]) if place else len(lines) - 1
        return None, [Refusal("policy_not_toml", "text", line=line, column=int(place[2]) if place else 1, value=lines[line - 1].strip())]
    except (ValueError, RecursionError):
        return None, [Refusal("policy_not_toml", "text", line=1, column=1, value="…")]
    country = entries.get("country")
    return policy_file.parse(entries, calendars.load(country if isinstance(country, str) else "").weekend)


def _rules(session: Session, seller: Seller, policy: Policy, number: int) -> Rules:
    closed, works = storage.load_closures(session)
    return Rules(policy, number, seller.country, closed, works)


def _refuse_repetition(work: Work, known: list[PolicyVersion], digest: str) -> None:
    """The text that is in force, or that waits already, is no new version (S16)."""
    current = storage.find_in_force(work.session, work.today)
    if current is not None and current.content_hash == digest:
        raise Refusal("policy_same", "text", number=current.number)
    for row in known:
        if row.state == "waiting" and row.content_hash == digest:
            raise Refusal("policy_waiting_same", "text", number=row.number)


def _decider(work: Work) -> User:
    """The person who decides, with the role he has at this moment; nobody who is not signed in decides anything (S29)."""
    if work.actor.user_id is None:
        raise Refusal("policy_needs_person")
    work.actor.need(Permission.EDIT_POLICY)
    person = load_user(work.session, work.actor.user_id)
    if person is None or not person.active or Role(person.role) not in roles_with(Permission.EDIT_POLICY):
        raise Forbidden(Permission.EDIT_POLICY.value)
    return person


def _approve(work: Work, version: PolicyVersion, person: User) -> None:
    if version.requested_by == person.id:
        raise Refusal("policy_own_request", None, number=version.number)
    later = [row.number for row in storage.load_versions(work.session) if row.state == "in_force" and row.number > version.number]
    if later:
        raise Refusal("policy_overtaken", None, number=version.number, later=later[0])
    policy, found = _read(version.text)
    if policy is None:
        raise Refusal("policy_unreadable", None, number=version.number, reason=found[0])
    version.effective = max(version.effective, work.today)


def _version(row: PolicyVersion, current: PolicyVersion | None, names: dict[int, str], today: date) -> Version:
    state = row.state
    if state == "in_force" and (current is None or row.id != current.id):
        state = "coming" if row.effective > today else "past"
    return Version(
        row.number,
        row.name,
        row.text,
        row.content_hash,
        state,
        row.effective,
        names.get(row.requested_by) if row.requested_by else None,
        row.requested_by,
        row.requested_at,
        names.get(row.decided_by) if row.decided_by else None,
        row.decided_at,
        row.reason,
    )
