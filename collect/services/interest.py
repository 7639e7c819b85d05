"""Late-payment interest of an invoice: shown by any rule, and claimed as an item of its own (S14)."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from collect import assets
from collect.domain import interest, money
from collect.domain.errors import NotFound, Refusal
from collect.domain.rights import Permission, Scope
from collect.runtime import Work
from collect.services import invoices
from collect.services.invoices import Bill
from collect.storage import audit
from collect.storage.cash import Allocation
from collect.storage.customers import Customer, find_customer
from collect.storage.rates import AgreedInterest, load_rates
from collect.storage.receivables import Item, find_items

AGREED = "agreed"
LONGEST_CLAUSE = 200
MOST_A_YEAR = Fraction(100)
"""More than this is a slip of the hand; what courts take back is far less (30 % above the loss, 合同编通则解释 art. 65)."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """What a contract says of interest: so many percent a day, or a year of 360 or 365 days, and where it says so."""

    percent: str
    daily: bool
    day_count: int
    clause: str


@dataclass(frozen=True, slots=True)
class Named:
    """A rule with its names and the countries of debtors it is meant for."""

    rule: interest.Rule
    names: Mapping[str, str]
    countries: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reckoned:
    """An invoice's interest by one rule: the accrual of each part, and the sums in minor units."""

    rule: interest.Rule
    parts: tuple[tuple[int, interest.Accrual], ...]
    interest: int
    compensation: int


@cache
def rules() -> dict[str, Named]:
    """The rules as shipped, by code."""
    with (assets.folder("config") / "interest.toml").open("rb") as file:
        told = tomllib.load(file)["rules"]
    return {code: Named(_rule(code, given), {"en": given["en"], "zh": given["zh"]}, tuple(given.get("countries", ()))) for code, given in told.items()}


def rules_of(session: Session, customer_id: int) -> dict[str, Named]:
    """The rules for a customer, by code: first what his contract agrees, if it does, then those as shipped."""
    found = session.get(AgreedInterest, customer_id)
    return ({AGREED: _agreed(found)} if found is not None else {}) | rules()


def agreement_of(session: Session, customer_id: int) -> Agreement | None:
    """What a customer's contract agrees, as it was noted; None where nothing is."""
    found = session.get(AgreedInterest, customer_id)
    return Agreement(found.percent, found.daily, found.day_count, found.clause) if found is not None else None


def _agreed(found: AgreedInterest) -> Named:
    rule = interest.Rule(AGREED, "daily" if found.daily else "yearly", Fraction(found.percent), day_count=found.day_count, source=found.clause)
    if found.daily:
        return Named(rule, {"en": f"Agreed: {found.percent} % a day", "zh": f"合同约定：每日 {found.percent}%"}, ())
    return Named(rule, {"en": f"Agreed: {found.percent} % a year of {found.day_count} days", "zh": f"合同约定：年利率 {found.percent}%（按 {found.day_count} 天）"}, ())


def agree(work: Work, customer_no: str, told: Agreement) -> None:
    """Note what a customer's contract agrees on interest, with its clause; interest is reckoned by it from now on (S14).

    Raises NotFound; Refusal `bad_percent`, `bad_day_count`, `clause_missing`, `too_long`.
    """
    work.actor.need(Permission.ALLOCATE)
    customer = find_customer(work.session, work.actor.scope, customer_no)
    if customer is None:
        raise NotFound("customer", customer_no)
    clause = " ".join(told.clause.split())
    if not clause:
        raise Refusal("clause_missing", "clause")
    if len(clause) > LONGEST_CLAUSE:
        raise Refusal("too_long", "clause", value=clause[:40], longest=LONGEST_CLAUSE)
    if told.day_count not in (360, 365):
        raise Refusal("bad_day_count", "day_count", value=str(told.day_count))
    percent = _percent(told.percent, told.daily)
    known = work.session.get(AgreedInterest, customer.id)
    after = {"percent": percent, "daily": told.daily, "day_count": told.day_count, "clause": clause}
    before = {name: getattr(known, name) for name in after} if known is not None else None
    if before == after:
        return
    if known is None:
        work.session.add(AgreedInterest(customer_id=customer.id, by=work.actor.name, recorded_at=work.now, **after))
    else:
        for name, value in after.items():
            setattr(known, name, value)
        known.by, known.recorded_at = work.actor.name, work.now
    work.note(audit.Note("change", "agreed_interest", customer_no, customer.id, before, after))


def end_agreement(work: Work, customer_no: str) -> None:
    """A contract agrees on no interest any more. NotFound outside the scope."""
    work.actor.need(Permission.ALLOCATE)
    customer = find_customer(work.session, work.actor.scope, customer_no)
    if customer is None:
        raise NotFound("customer", customer_no)
    known = work.session.get(AgreedInterest, customer.id)
    if known is not None:
        before = {"percent": known.percent, "daily": known.daily, "day_count": known.day_count, "clause": known.clause}
        work.session.delete(known)
        work.note(audit.Note("change", "agreed_interest", customer_no, customer.id, before, None))


def _percent(text: str, daily: bool) -> str:
    """A percent as decimal text without needless zeros; Refusal `bad_percent` unless above 0 and at most 100 a year (6 decimals)."""
    told = money.fold(text).strip().removesuffix("%").strip()
    if not re.fullmatch(r"\d{1,3}(\.\d{1,6})?", told) or not 0 < Fraction(told) * (365 if daily else 1) <= MOST_A_YEAR:
        raise Refusal("bad_percent", "percent", value=text[:24])
    whole, _, part = told.partition(".")
    part = part.rstrip("0")
    return f"{int(whole)}.{part}" if part else str(int(whole))


def _rule(code: str, given: Mapping[str, Any]) -> interest.Rule:
    bands = tuple(interest.Band(band["currency"], money.parse(band["least"], band["currency"]), money.parse(band["amount"], band["currency"])) for band in given.get("bands", ()))
    return interest.Rule(
        code,
        given["kind"],
        Fraction(given.get("percent", "0")),
        given.get("reference"),
        Fraction(given.get("multiple", "1")),
        Fraction(given.get("points", "0")),
        given.get("resets", "breach"),
        int(given.get("day_count", 365)),
        bands,
        given["source"],
    )


def reckon(session: Session, scope: Scope, number: str, rule: interest.Rule, as_of: date) -> Reckoned:
    """What an invoice has earned by a date under a rule; NotFound outside the scope, Refusal `rate_unknown`.

    Each part has its own due date; what is provisional earns nothing yet (S7). The fixed sum is due once an invoice.
    """
    items = find_items(session, scope, number)
    if not items:
        raise NotFound("invoice", number)
    quotes = [interest.Quote(rate.since, Fraction(rate.value)) for rate in load_rates(session, rule.reference, "%")] if rule.reference else []
    parts = []
    for item in items:
        if item.due_date is not None and item.voided_on is None:
            parts.append((item.part, interest.accrue(rule, item.currency, item.due_date, as_of, _steps(session, item), quotes)))
    total = sum(accrual.interest for _, accrual in parts)
    return Reckoned(rule, tuple(parts), total, max((accrual.compensation for _, accrual in parts), default=0))


def _steps(session: Session, item: Item) -> list[interest.Step]:
    """What of an item was open from which day on."""
    query = sa.select(Allocation.effective, sa.func.sum(Allocation.amount_minor)).where(Allocation.item_id == item.id).group_by(Allocation.effective)
    steps, open_amount = [interest.Step(item.issue_date, item.amount_minor)], item.amount_minor
    for effective, amount in session.execute(query.order_by(Allocation.effective)):
        open_amount -= int(amount)
        steps.append(interest.Step(effective, open_amount))
    return steps


def claimed(session: Session, item_id: int) -> list[tuple[str, int]]:
    """What was claimed about an invoice (its first part's id) and is not void: the claims' numbers with their minor units."""
    query = sa.select(Item.document_no, Item.amount_minor).where(Item.about_id == item_id, Item.kind == "interest", Item.voided_on.is_(None))
    return [(number, minor) for number, minor in session.execute(query.order_by(Item.id))]


def claim(work: Work, number: str, code: str, claim_no: str, as_of: date) -> Item:
    """Claim what an invoice has earned by a date as an item of its own, due at once; what was claimed before is taken off.

    Refusal `interest_nothing` where nothing is left to claim, `unknown_rule`, and those of issuing a document. The
    fixed sum is claimed with the first claim only.
    """
    items = find_items(work.session, work.actor.scope, number)
    if not items:
        raise NotFound("invoice", number)
    named = rules_of(work.session, items[0].customer_id).get(code)
    if named is None:
        raise Refusal("unknown_rule", "rule", value=code)
    reckoned = reckon(work.session, work.actor.scope, number, named.rule, as_of)
    rest = reckoned.interest + reckoned.compensation - sum(minor for _, minor in claimed(work.session, items[0].id))
    if rest <= 0:
        raise Refusal("interest_nothing", "rule", number=number)
    customer = work.session.get_one(Customer, items[0].customer_id)
    bill = Bill(claim_no, work.today, items[0].currency, rest, "interest", work.today, description=f"{named.rule.source} · {as_of.isoformat()}", about=number)
    return invoices.issue(work, customer.customer_no, bill)[0]
