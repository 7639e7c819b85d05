"""Customers and their contacts: taking them in from files, and who of ours looks after them from which day."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from zoneinfo import available_timezones

import sqlalchemy as sa

from collect.domain import money, terms
from collect.domain.errors import NotFound, Refusal
from collect.domain.rights import Permission, Role
from collect.runtime import Work
from collect.services import intake
from collect.storage import audit
from collect.storage.customers import Assignment, Contact, Customer, find_customer
from collect.storage.database import bulk, next_ids
from collect.storage.users import User, find_user

CARRY = {"rep": (Role.REP, Role.LEAD), "collector": (Role.REP, Role.FINANCE)}
"""The roles that can carry each duty (S29)."""
FIELDS = ("name", "tax_no", "segment", "terms", "credit_limit", "currency", "country", "language", "timezone", "email", "phone", "address", "margin")
_EMAIL = re.compile(r"[^@\s=<>(),;:\\\"\[\]]{1,64}@[^@\s=<>(),;:\\\"\[\]]+\.[^@\s=<>(),;:\\\"\[\]]+")
_WHOLE_DAYS = re.compile(r"[0-9]{1,4}\.0+")
_LANGUAGES = {"zh": "zh", "zh-cn": "zh", "中文": "zh", "chinese": "zh", "en": "en", "english": "en", "英文": "en", "英语": "en"}


@dataclass(frozen=True, slots=True)
class Account:
    """What documents need to know of their customer."""

    id: int
    currency: str
    terms: str | None


def accounts(batch: intake.Batch, numbers: list[str]) -> dict[str, Account]:
    """The known customers, these numbers (folded) among them; numbers nobody has are absent. Each is looked up once a file."""
    found: dict[str, Account] = batch.accounts
    wanted = list({money.fold(number) for number in numbers if number} - found.keys())
    if wanted:
        c = Customer.__table__.c
        query = sa.select(c.customer_no, c.id, c.currency, c.terms).where(intake.among(batch.work.session, c.customer_no, wanted))
        found.update((number, Account(key, currency, rule)) for number, key, currency, rule in batch.work.session.execute(query))
    return found


def document_of(batch: intake.Batch, row: intake.Row, number_key: str, known: dict[str, Account]) -> tuple[str, str, str, int]:
    """What every document's row begins with: its number, its customer's, its currency, its amount as written (minor units).

    Raises Refusal `extra_cells`, `missing_value` or `unknown_customer`, or what is wrong with currency or amount.
    """
    _check_width(batch, row)
    number = batch.required(row, number_key)
    customer_no = batch.required(row, "customer_no")
    account = known.get(customer_no)
    if account is None:
        raise Refusal("unknown_customer", "customer_no", value=customer_no)
    currency = batch.currency(row, account.currency)
    amount = batch.amount(row, "amount", currency)
    if amount is None:
        raise Refusal("missing_value", "amount")
    return number, customer_no, currency, amount


@lru_cache(maxsize=65536)
def sort_key(name: str) -> str:
    """The key by which names sort: Chinese by pinyin, everything else case-folded (`experience` Languages)."""
    if name.isascii():
        return name.casefold()[:400]
    from pypinyin import lazy_pinyin

    return " ".join(lazy_pinyin(name)).casefold()[:400]


def take_in_customers(batch: intake.Batch, chunk: list[intake.Group]) -> None:
    """Decide and store a chunk of customer rows; parents are linked by `link_parents` once the whole file is in."""
    work = batch.work
    people = _people(work.session)
    drafts: list[tuple[intake.Group, str, dict[str, Any]]] = []
    for group in chunk:
        try:
            number, values = _read_customer(batch, group[0], people)
            for other in group[1:]:
                if _read_customer(batch, other, people)[1] != values:
                    raise Refusal("number_twice_in_file", "customer_no", number=number, line=other.line)
            drafts.append((group, number, values))
        except Refusal as refusal:
            batch.refuse(group, refusal)
    known = {row.customer_no: row for row in work.session.scalars(sa.select(Customer).where(intake.among(work.session, Customer.customer_no, [number for _, number, _ in drafts])))}
    fresh: list[tuple[str, dict[str, Any]]] = []
    for group, number, values in drafts:
        found = known.get(number)
        if found is None:
            fresh.append((number, values))
            batch.new += 1
            batch.unchanged += len(group) - 1
        else:
            try:
                changed = _update(batch, found, values)
                batch.changed += changed
                batch.unchanged += len(group) - changed
            except Refusal as refusal:
                batch.refuse(group, refusal)
    _add(batch, fresh)


def _read_customer(batch: intake.Batch, row: intake.Row, people: dict[str, User]) -> tuple[str, dict[str, Any]]:
    """The number and the values the row gives; columns the file has not, and empty cells, are absent."""
    _check_width(batch, row)
    number = batch.required(row, "customer_no")
    name = batch.text(row, "name", 200)
    if not name:
        raise Refusal("missing_value", "name")
    currency = batch.currency(row, None) if batch.cell(row, "currency") else None
    given: dict[str, Any] = {
        "name": name,
        "tax_no": batch.code(row, "tax_no"),
        "segment": batch.code(row, "segment"),
        "terms": _terms(batch, row),
        "currency": currency,
        "country": _country(batch, row),
        "language": _language(batch, row),
        "timezone": _timezone(batch, row),
        "email": _email(batch, row),
        "phone": batch.code(row, "phone"),
        "address": batch.text(row, "address", 400),
        "margin": batch.code(row, "margin", 16),
        "parent_no": batch.code(row, "parent_no"),
    }
    limit = batch.amount(row, "credit_limit", currency or batch.work.seller.currency)
    if limit is not None and limit < 0:
        raise Refusal("limit_negative", "credit_limit", value=batch.cell(row, "credit_limit"))
    given["credit_limit"] = limit
    for duty in ("rep", "collector"):
        given[duty] = _person(batch, row, duty, people)
    return number, {name: value for name, value in given.items() if value is not None}


def _check_width(batch: intake.Batch, row: intake.Row) -> None:
    if len(row.cells) > batch.index["#width"] + 1:
        raise Refusal("extra_cells", None, value=row.cells[batch.index["#width"]])


def _terms(batch: intake.Batch, row: intake.Row) -> str | None:
    text = batch.code(row, "terms") or batch.code(row, "payment_terms_days")
    if text and _WHOLE_DAYS.fullmatch(text):
        text = text.partition(".")[0]  # a column of days with gaps comes out of a spreadsheet as 30.0
    return str(terms.parse(text)) if text else None


def _country(batch: intake.Batch, row: intake.Row) -> str | None:
    """An ISO code in capitals; anything else is kept as text, with one notice for the file."""
    text = batch.code(row, "country")
    if text is None:
        return None
    code = {"中国": "CN", "中国大陆": "CN", "CHINA": "CN", "香港": "HK", "中国香港": "HK", "台湾": "TW", "中国台湾": "TW", "美国": "US"}.get(text.upper(), text.upper())
    if len(code) == 2 and code.isascii() and code.isalpha():
        return code
    if not any(notice.code == "country_kept_as_text" for notice in batch.notices):
        batch.notices.append(Refusal("country_kept_as_text", "country", value=text, line=row.line))
    return text


def _language(batch: intake.Batch, row: intake.Row) -> str | None:
    text = batch.code(row, "language")
    if text is None:
        return None
    known = _LANGUAGES.get(text.lower())
    if known is None:
        raise Refusal("bad_language", "language", value=text)
    return known


def _timezone(batch: intake.Batch, row: intake.Row) -> str | None:
    text = batch.code(row, "timezone")
    if text is not None and text not in _zones():
        raise Refusal("unknown_timezone", "timezone", value=text)
    return text


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _email(batch: intake.Batch, row: intake.Row) -> str | None:
    text = batch.code(row, "email", 254)
    if text is not None and not _EMAIL.fullmatch(text):
        raise Refusal("bad_email", "email", value=text)
    return text


def _people(session: Any) -> dict[str, User]:
    """The active users by user name: imports name them, the names are few."""
    return {user.username: user for user in session.scalars(sa.select(User).where(User.active))}


def _person(batch: intake.Batch, row: intake.Row, duty: str, people: dict[str, User]) -> int | None:
    """The user a row names; unknown ones, and roles that cannot carry the duty, refuse the row (S29)."""
    text = batch.code(row, duty)
    if text is None:
        return None
    user = people.get(text.lower())
    if user is None:
        raise Refusal("unknown_user", duty, value=text)
    if Role(user.role) not in CARRY[duty]:
        raise Refusal("user_cannot_be", duty, value=text, role=user.role)
    return user.id


def _add(batch: intake.Batch, fresh: list[tuple[str, dict[str, Any]]]) -> None:
    """Insert new customers and their first assignments in bulk."""
    work = batch.work
    ids = iter(next_ids(work.session, len(fresh) * 3 + 1))
    names = ("id", "customer_no", *FIELDS, "sort_key", "rep_id", "collector_id", "version", "recorded_at")
    rows, duties = [], []
    for number, values in fresh:
        key = next(ids)
        values.setdefault("currency", work.seller.currency)
        values.setdefault("country", work.seller.country)
        rows.append((key, number, *(values.get(name) for name in FIELDS), sort_key(values["name"]), values.get("rep"), values.get("collector"), 1, work.now))
        duties += [(next(ids), key, duty, values[duty], work.today, work.now) for duty in ("rep", "collector") if values.get(duty)]
    intake.write(batch, Customer, names, rows)
    if duties:
        bulk(work.session, Assignment.__table__, ("id", "customer_id", "duty", "user_id", "since", "recorded_at"), duties)  # type: ignore[arg-type]


def create(work: Work, number: str, name: str, currency: str, **known: str | None) -> Customer:
    """A customer by himself, as an e-invoice names him; `known` are his other fields: terms, tax_no, email, address, country.

    Refusal `customer_number_taken`, `missing_value`, `too_long`, `unknown_currency`, and those of terms.
    """
    work.actor.need(Permission.IMPORT)
    number, name = money.fold(number).strip(), name.strip()
    for field_name, text, longest in (("customer_no", number, 64), ("name", name, 200)):
        if not text:
            raise Refusal("missing_value", field_name)
        if len(text) > longest or not text.isprintable():
            raise Refusal("too_long", field_name, value=text, longest=longest)
    money.exponent(currency)
    if work.session.scalar(sa.select(Customer.id).where(Customer.customer_no == number)) is not None:
        raise Refusal("customer_number_taken", "customer_no", number=number)
    values = {key: text.strip() for key, text in known.items() if text and text.strip()}
    if "terms" in values:
        values["terms"] = str(terms.parse(values["terms"]))
    customer = Customer(
        id=next_ids(work.session, 1)[0], customer_no=number, name=name, sort_key=sort_key(name), currency=currency, country=values.pop("country", work.seller.country)[:64]
    )
    for key, longest in (("terms", 64), ("tax_no", 64), ("email", 254), ("address", 400)):
        setattr(customer, key, values[key][:longest] if key in values else None)
    customer.version, customer.recorded_at = 1, work.now
    work.session.add(customer)
    work.session.flush()
    work.note(audit.Note("add", "customer", number, customer.id, None, {"name": name, "currency": currency, **values}))
    return customer


def _update(batch: intake.Batch, found: Customer, values: dict[str, Any]) -> int:
    """Bring a known customer up to the row; 1 when something changed, else 0."""
    work = batch.work
    currency = values.get("currency")
    if currency and currency != found.currency and _has_documents(work.session, found.id):
        raise Refusal("customer_currency_in_use", "currency", value=currency, number=found.customer_no)
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    for name in FIELDS:
        if name in values and values[name] != getattr(found, name):
            before[name], after[name] = getattr(found, name), values[name]
            setattr(found, name, values[name])
    for duty in ("rep", "collector"):
        if duty in values and values[duty] != getattr(found, f"{duty}_id"):
            before[duty], after[duty] = getattr(found, f"{duty}_id"), values[duty]
            assign(work, found, duty, values[duty])
    if not after:
        return 0
    found.sort_key = sort_key(found.name)
    found.version += 1
    work.note(audit.Note("change", "customer", found.customer_no, found.id, before, after))
    return 1


def assign(work: Any, customer: Customer, duty: str, user_id: int | None) -> None:
    """From today on, that user has the duty; the assignment before stays in the record (S9)."""
    setattr(customer, f"{duty}_id", user_id)
    work.session.add(Assignment(id=next_ids(work.session, 1)[0], customer_id=customer.id, duty=duty, user_id=user_id, since=work.today, recorded_at=work.now))


def reassign(work: Work, number: str, duty: str, username: str | None, version: int) -> None:
    """Give a customer another rep or collector (None: nobody) from today on; `version` is the one the form was opened with.

    Raises NotFound outside the actor's scope; Refusal `changed_meanwhile`, `unknown_user`, or `user_cannot_be` for a
    role that cannot carry the duty (S29).
    """
    work.actor.need(Permission.EDIT_CUSTOMER)
    customer = find_customer(work.session, work.actor.scope, number)
    if customer is None or duty not in ("rep", "collector"):
        raise NotFound("customer", number)
    if customer.version != version:
        raise Refusal("changed_meanwhile", None, what=customer.name)
    user = find_user(work.session, username) if username else None
    if username and (user is None or not user.active):
        raise Refusal("unknown_user", duty, value=username)
    if user is not None and Role(user.role) not in CARRY[duty]:
        raise Refusal("user_cannot_be", duty, value=username, role=user.role)
    before, after = getattr(customer, f"{duty}_id"), user.id if user else None
    if before == after:
        return
    assign(work, customer, duty, after)
    customer.version += 1
    work.note(audit.Note("assign", "customer", customer.customer_no, customer.id, {duty: before}, {duty: after}))


def _has_documents(session: Any, customer_id: int) -> bool:
    return session.execute(sa.text("SELECT 1 FROM ledger_line WHERE customer_id = :c LIMIT 1"), {"c": customer_id}).first() is not None


def link_parents(batch: intake.Batch, links: dict[str, tuple[intake.Row, str]]) -> None:
    """Set the parents named by a file, all its customers being in; a cycle or an unknown number refuses that row alone."""
    work = batch.work
    numbers = sorted({number for child, (_, parent) in links.items() for number in (child, parent)})
    rows = {row.customer_no: row for row in work.session.scalars(sa.select(Customer).where(intake.among(work.session, Customer.customer_no, numbers)))} if numbers else {}
    by_id = dict(work.session.execute(sa.select(Customer.id, Customer.parent_id).where(Customer.parent_id.is_not(None))).all())
    for child_no, (row, parent_no) in links.items():
        child, parent = rows.get(child_no), rows.get(parent_no)
        if child is None:
            continue
        if parent is None:
            batch.notices.append(Refusal("unknown_parent", "parent_no", value=parent_no, line=row.line))
            continue
        if _reaches(by_id, parent.id, child.id):
            batch.notices.append(Refusal("parent_cycle", "parent_no", value=parent_no, line=row.line))
            continue
        if child.parent_id != parent.id:
            if child.recorded_at != work.now:
                work.note(audit.Note("change", "customer", child_no, child.id, {"parent_id": child.parent_id}, {"parent_no": parent_no}))
            child.parent_id = by_id[child.id] = parent.id


def _reaches(parents: dict[int, int | None], start: int, goal: int) -> bool:
    """Whether going up from `start` comes to `goal`."""
    seen: set[int] = set()
    at: int | None = start
    while at is not None and at not in seen:
        if at == goal:
            return True
        seen.add(at)
        at = parents.get(at)
    return False


def take_in_contacts(batch: intake.Batch, chunk: list[intake.Group]) -> None:
    """Decide and store a chunk of contacts, known by customer and name (P6)."""
    work = batch.work
    known_accounts = accounts(batch, [batch.cell(group[0], "customer_no") for group in chunk])
    drafts: list[tuple[intake.Group, int, str, dict[str, Any]]] = []
    for group in chunk:
        try:
            customer_id, values = _read_contact(batch, group[0], known_accounts)
            for other in group[1:]:
                if _read_contact(batch, other, known_accounts)[1] != values:
                    raise Refusal("number_twice_in_file", "name", number=values["name"], line=other.line)
            drafts.append((group, customer_id, values["name"], values))
        except Refusal as refusal:
            batch.refuse(group, refusal)
    ids = [customer_id for _, customer_id, _, _ in drafts]
    known = {
        (row.customer_id, row.name): row
        for start in range(0, len(ids), 500)
        for row in work.session.scalars(sa.select(Contact).where(Contact.customer_id.in_(ids[start : start + 500])))
    }
    for group, customer_id, name, values in drafts:
        found = known.get((customer_id, name))
        changed = 0
        if found is None:
            defaults: dict[str, Any] = {"role": "other", "original": False, "decides": False}
            work.session.add(Contact(id=next_ids(work.session, 1)[0], customer_id=customer_id, version=1, recorded_at=work.now, **(defaults | values)))
            batch.new += 1
            batch.stored += 1
            batch.unchanged += len(group) - 1
            continue
        after = {key: value for key, value in values.items() if value != getattr(found, key)}
        if after:
            changed = 1
            work.note(audit.Note("change", "contact", name, customer_id, {key: getattr(found, key) for key in after}, after))
            for key, value in after.items():
                setattr(found, key, value)
            found.version += 1
        batch.changed += changed
        batch.unchanged += len(group) - changed
    work.session.flush()


def _read_contact(batch: intake.Batch, row: intake.Row, known: dict[str, Account]) -> tuple[int, dict[str, Any]]:
    _check_width(batch, row)
    customer_no = batch.required(row, "customer_no")
    account = known.get(customer_no)
    if account is None:
        raise Refusal("unknown_customer", "customer_no", value=customer_no)
    name = batch.text(row, "name", 100)
    if not name:
        raise Refusal("missing_value", "name")
    values: dict[str, Any] = {"name": name, "role": batch.choice(row, "role"), "email": _email(batch, row), "preferred_time": batch.text(row, "preferred_time", 64)}
    for flag in ("original", "decides"):
        told = batch.choice(row, flag)
        values[flag] = None if told is None else told == "yes"
    for key in ("phone", "mobile", "wechat"):
        values[key] = batch.code(row, key)
    return account.id, {key: value for key, value in values.items() if value is not None}
