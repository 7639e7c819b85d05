"""Making an installation: tables, the company, the first administrator, the first policy, the secret; running it again is harmless."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import available_timezones

import sqlalchemy as sa
from sqlalchemy.orm import Session

from collect import i18n
from collect.domain import aging, money
from collect.domain.errors import Refusal
from collect.domain.rights import SYSTEM, Role
from collect.runtime import Runtime, Work
from collect.services import policy, users
from collect.settings import Settings
from collect.storage import audit, company, database, migrate
from collect.storage.policy import load_versions

ADMINISTRATOR = i18n.mark("Administrator")
"""What the first administrator is called until somebody gives the account his name."""


@dataclass(frozen=True, slots=True)
class Company:
    """What `init` needs to know of us; `country` ISO 3166 alpha-2, `currency` ISO 4217, `timezone` an IANA name."""

    name: str
    country: str
    currency: str
    timezone: str
    language: str = "en"


def upgrade(runtime: Runtime) -> None:
    """Bring the tables to this program's version and make the rows that everything needs; a company gets its country's first policy."""
    database.make_folder(runtime.engine)
    migrate.upgrade(runtime.engine)

    def seed(session: Session) -> None:
        if session.get(audit.AuditHead, 1) is None:
            session.add(audit.AuditHead(one=1, seq=0, hash=audit.GENESIS, at=datetime(2000, 1, 1, tzinfo=UTC)))
        if session.get(database.IdSpace, 1) is None:
            session.add(database.IdSpace(one=1, next_id=1))

    database.transact(runtime.engine, seed)
    with database.reading(runtime.engine) as session:
        bare = company.load_seller(session) is not None and not load_versions(session)
    if bare:
        runtime.write(SYSTEM, policy.seed)


def make_secret(settings: Settings) -> bool:
    """Make the secret file (mode 0600, 32 random bytes as hex) unless it exists; True when made."""
    if settings.secret_file.exists():
        return False
    settings.secret_file.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(settings.secret_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(secrets.token_hex(32))
    return True


def initialise(runtime: Runtime, firm: Company, admin_password: str | None, admin_email: str | None = None) -> bool:
    """Tables, company, first administrator (user `admin`) and the policy of the country; returns False when the company was already there.

    Refuses an unknown currency, time zone or country before anything is written.
    """
    check_company(firm)
    upgrade(runtime)

    def add_company(session: Session) -> bool:
        if company.load_seller(session) is not None:
            return False
        now = runtime.clock()
        values = {"name": firm.name, "country": firm.country, "currency": firm.currency, "timezone": firm.timezone, "language": firm.language}
        session.add(company.Seller(id=database.next_ids(session, 1)[0], **values, buckets=runtime.settings.buckets, recorded_at=now))
        head = audit.lock_head(session)
        audit.add_notes(session, head, max(now, head.at), SYSTEM.name, [audit.Note("create", "company", firm.name, after=values)])
        return True

    made = database.transact(runtime.engine, add_company)

    def add_admin(work: Work) -> None:
        if admin_password and not work.session.execute(sa.text("SELECT 1 FROM user_account WHERE role = 'admin'")).first():
            users.add(work, "admin", i18n.in_language(firm.language, ADMINISTRATOR), Role.ADMIN, admin_password, email=admin_email)
        policy.seed(work)

    runtime.write(SYSTEM, add_admin)
    return made


def check_company(firm: Company) -> None:
    """Refusal `bad_company_name`, `unknown_country`, `unknown_currency` or `unknown_timezone`, whichever is first."""
    if not firm.name.strip() or len(firm.name) > 200:
        raise Refusal("bad_company_name", "company", value=firm.name)
    if not (len(firm.country) == 2 and firm.country.isascii() and firm.country.isupper()):
        raise Refusal("unknown_country", "country", value=firm.country)
    money.exponent(firm.currency)
    if firm.timezone not in available_timezones():
        raise Refusal("unknown_timezone", "timezone", value=firm.timezone)


def default_buckets(view_settings: Settings, seller: company.Seller) -> aging.Buckets:
    """The company's aging buckets, else the installation's."""
    return aging.parse_edges(seller.buckets or view_settings.buckets)
