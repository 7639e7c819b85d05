"""What a message, a letter or a call script says: the text of its name in the customer's language, filled with the facts (P8-P12)."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from typing import Protocol

import sqlalchemy as sa
from sqlalchemy.orm import Session

from collect import assets, i18n
from collect.domain import texts
from collect.domain.errors import Refusal
from collect.domain.policy import Rung
from collect.services.policy import Rules
from collect.storage.cases import Promise
from collect.storage.company import Seller
from collect.storage.customers import Contact, Customer, policy_segment
from collect.storage.escalations import Hold
from collect.storage.notices import Notice, NoticeItem
from collect.storage.receivables import Item
from collect.storage.users import User

AHEAD = 31
"""Calendar days ahead of the next rung of the ladder from which a text names it as what follows (P12)."""
WORDS = "words"

OwnTexts = Mapping[str, Mapping[str, Mapping[str, str]]]
"""A policy's own texts: language to name to {subject, body}."""


class Line(Protocol):
    """One item as a text tells it; minor units, `days` past due (negative: not yet due)."""

    @property
    def document_no(self) -> str: ...
    @property
    def issued(self) -> date: ...
    @property
    def due(self) -> date: ...
    @property
    def currency(self) -> str: ...
    @property
    def open(self) -> int: ...
    @property
    def asked(self) -> int: ...
    @property
    def days(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything a text may name. `items` oldest due first; `promise` is (date, minor units, currency); `next_rung` what policy does next."""

    customer: str
    customer_no: str
    company: str
    items: Sequence[Line]
    today: date
    deadline: date | None
    contact: str = ""
    sender: str = ""
    phone: str = ""
    promise: tuple[date, int, str] | None = None
    basis: str = ""
    conditions: str = ""
    next_rung: str = ""


def compose(language: str | None, name: str, facts: Facts, own_texts: OwnTexts | None = None) -> tuple[str, str]:
    """Subject and body of a text; the policy's own text goes before the shipped one. Refusal `unknown_text`.

    Languages other than Chinese are written to in English. Amounts carry their currency, one sum a currency (S10).
    """
    spoken = "zh" if (language or "").lower().startswith("zh") else "en"
    own = (own_texts or {}).get(spoken, {}).get(name, {})
    shipped = _shipped(spoken).get(name)
    if shipped is None and not ("subject" in own and "body" in own):
        raise Refusal("unknown_text", "text", value=name, allowed=names())
    chosen = {**(shipped or {}), **own}
    values = _values(spoken, facts) | dict.fromkeys((one for group in texts.OWN.values() for one in group), "") | _own_values(spoken, facts)
    subject = " ".join(texts.fill(chosen["subject"], values).split())
    otherwise = f"{facts.company}: {values['amount']}" if values["amount"] else facts.company
    return subject or otherwise, texts.fill(chosen["body"], values)


def names() -> tuple[str, ...]:
    """The names of the shipped texts, in alphabetical order."""
    return tuple(sorted(name for name in _shipped("en") if name != WORDS))


def shipped(language: str, name: str) -> tuple[str, str] | None:
    """Subject and body of a shipped text with its placeholders, or None."""
    found = _shipped(language).get(name)
    return (found["subject"], found["body"]) if found and name != WORDS else None


@cache
def _shipped(language: str) -> dict[str, dict[str, str]]:
    """The shipped texts of a language by name; Refusal `bad_text_file` for a file that is no such text."""
    found = {}
    for file in sorted((assets.folder("config") / "letters" / language).glob("*.toml")):
        try:
            read = tomllib.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as problem:
            raise Refusal("bad_text_file", None, value=file, reason=str(problem)) from None
        found[file.stem] = {key: str(value) for key, value in read.items()}
    return found


def _values(language: str, facts: Facts) -> dict[str, str]:
    """The common placeholders as text."""
    words = _shipped(language)[WORDS]
    oldest = facts.items[0] if facts.items else None
    amounts: dict[str, int] = {}
    for line in facts.items:
        amounts[line.currency] = amounts.get(line.currency, 0) + line.asked
    days = max(oldest.days, 0) if oldest else 0
    values = {
        "customer": facts.customer,
        "customer_no": facts.customer_no,
        "company": facts.company,
        "contact": facts.contact or words["contact"],
        "amount": _joined(words, [_money(words, amount, currency) for currency, amount in sorted(amounts.items())]),
        "items": "\n".join(_line(words, line) for line in facts.items),
        "oldest_days": str(days),
        "oldest_age": texts.fill(words["age_one" if days == 1 else "age"], {"days": str(days)}),
        "oldest_due": i18n.show_day(oldest.due) if oldest else "",
        "deadline": i18n.show_day(facts.deadline),
        "today": i18n.show_day(facts.today),
        "sender": facts.sender,
        "phone": facts.phone,
    }
    values["consequence"] = texts.fill(words[facts.next_rung], values) if facts.next_rung in words and facts.deadline else ""
    return values


def _own_values(language: str, facts: Facts) -> dict[str, str]:
    """The placeholders that only some texts may name."""
    words = _shipped(language)[WORDS]
    values = {"basis": facts.basis.strip().rstrip(".。"), "conditions": facts.conditions.strip().rstrip(".。")}
    if facts.promise is not None:
        day, amount, currency = facts.promise
        values |= {"promise_date": i18n.show_day(day), "promise_amount": _money(words, amount, currency)}
    return values


def _line(words: Mapping[str, str], line: Line) -> str:
    """One item: its document, dates, days and what is asked of it, beside what is open where that is more."""
    asked = _money(words, line.asked, line.currency)
    if line.asked != line.open:
        asked = texts.fill(words["part"], {"asked": asked, "open": _money(words, line.open, line.currency)})
    kind = "ahead" if line.days < 0 else "today" if line.days == 0 else "overdue_one" if line.days == 1 else "overdue"
    told = {"document_no": line.document_no, "issued": i18n.show_day(line.issued), "due": i18n.show_day(line.due), "days": str(line.days), "asked": asked}
    return texts.fill(words[kind], told)


def _money(words: Mapping[str, str], minor: int, currency: str) -> str:
    return texts.fill(words.get(f"money_{currency}", words["money"]), {"currency": currency, "amount": i18n.group(minor, currency)})


def _joined(words: Mapping[str, str], parts: list[str]) -> str:
    if len(parts) < 2:
        return "".join(parts)
    return words["between"].join(parts[:-1]) + words["last_between"] + parts[-1]


def facts_of(session: Session, seller: Seller, rules: Rules, notice: Notice, items: Sequence[Line], deadline: date | None, today: date) -> Facts:
    """The facts of a notice from the books: who is written to and by whom, the promise it follows, the hold it tells of."""
    customer = session.get_one(Customer, notice.customer_id)
    segment = rules.policy.segment_of(policy_segment(session, customer), customer.terms)
    facts = Facts(customer.name, customer.customer_no, seller.name, items, today, deadline, contact=_contact(session, customer.id), sender=_sender(session, customer))
    days = items[0].days if items else 0
    ahead = sorted((at, rung) for rung, at in segment.ladder.items() if max(days, 0) < at <= days + AHEAD and rung != notice.step)
    if ahead and days > 0 and notice.step != Rung.REFERRAL:
        facts = replace(facts, next_rung=str(ahead[0][1]))
    if notice.proposal_id is not None:
        hold = session.scalars(sa.select(Hold).where(Hold.proposal_id == notice.proposal_id)).first()
        if hold is not None:
            return replace(facts, basis=hold.basis, conditions=hold.conditions)
    promise = session.scalars(
        sa.select(Promise)
        .where(Promise.customer_id == customer.id, Promise.judged_on <= today, Promise.state.in_(("broken", "partly_kept")))
        .order_by(Promise.judged_on.desc(), Promise.id.desc())
        .limit(1)
    ).first()
    return replace(facts, promise=(promise.due, promise.amount_minor, promise.currency)) if promise is not None else facts


def _contact(session: Session, customer_id: int) -> str:
    """Who is addressed: the one who can decide, else the original contact, else who runs the money (P6)."""
    people = session.scalars(sa.select(Contact).where(Contact.customer_id == customer_id).order_by(Contact.id)).all()
    ranked = sorted(people, key=lambda one: (not one.decides, not one.original, one.role != "finance"))
    chosen = next((one for one in ranked if one.decides or one.original or one.role == "finance"), None)
    return chosen.name if chosen else ""


def _sender(session: Session, customer: Customer) -> str:
    """Who of ours signs: the collector, else the rep."""
    user = session.get(User, customer.collector_id or customer.rep_id or 0)
    return user.name if user is not None else ""


@dataclass(frozen=True, slots=True)
class PlannedLine:
    """An item of a planned notice, with what the planning asked of it."""

    document_no: str
    issued: date
    due: date
    currency: str
    open: int
    asked: int
    days: int


def preview(session: Session, seller: Seller, rules: Rules, notice: Notice, deadline: date | None = None) -> tuple[str, str]:
    """Subject and body of a planned contact as of its day, from what it was planned to ask: for pages; what goes out is checked and written anew (S20)."""
    query = sa.select(Item, NoticeItem.asked_minor).join(NoticeItem, NoticeItem.item_id == Item.id).where(NoticeItem.notice_id == notice.id)
    lines = []
    for item, asked in session.execute(query.order_by(Item.due_date, Item.id)):
        number = item.document_no if item.parts == 1 else f"{item.document_no} {item.part}/{item.parts}"
        due = item.due_date or notice.day
        lines.append(PlannedLine(number, item.issue_date, due, item.currency, max(item.open_minor, asked), asked, (notice.day - due).days))
    if deadline is None:
        ahead = lines[0].due if lines and lines[0].due >= notice.day else None
        deadline = notice.deadline or ahead or rules.calendar(_country(session, seller, notice)).add_business_days(notice.day, 5)
    facts = facts_of(session, seller, rules, notice, lines, deadline, notice.day)
    return compose(_language(session, seller, notice), notice.text, facts, rules.policy.texts)


def _country(session: Session, seller: Seller, notice: Notice) -> str:
    country = session.get_one(Customer, notice.customer_id).country
    return country if len(country) == 2 else seller.country


def _language(session: Session, seller: Seller, notice: Notice) -> str:
    return session.get_one(Customer, notice.customer_id).language or seller.language
