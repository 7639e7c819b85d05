"""Late-payment interest of an invoice: shown by any rule, and claimed as an item of its own (S14)."""

from __future__ import annotations

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
from collect.domain.rights import Scope
from collect.runtime import Work
from collect.services import invoices
from collect.services.invoices import Bill
from collect.storage.cash import Allocation
from collect.storage.customers import Customer
from collect.storage.rates import load_rates
from collect.storage.receivables import Item, find_items


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


def claim(work: Work, number: str, code: str, claim_no: str, as_of: date) -> Item:
    """Claim what an invoice has earned by a date as an item of its own, due at once; what was claimed before is taken off.

    Refusal `interest_nothing` where nothing is left to claim, `unknown_rule`, and those of issuing a document. The
    fixed sum is claimed with the first claim only.
    """
    named = rules().get(code)
    if named is None:
        raise Refusal("unknown_rule", "rule", value=code)
    reckoned = reckon(work.session, work.actor.scope, number, named.rule, as_of)
    items = find_items(work.session, work.actor.scope, number)
    before = work.session.scalar(
        sa.select(sa.func.coalesce(sa.func.sum(Item.amount_minor), 0)).where(Item.about_id == items[0].id, Item.kind == "interest", Item.voided_on.is_(None))
    )
    rest = reckoned.interest + reckoned.compensation - int(before or 0)
    if rest <= 0:
        raise Refusal("interest_nothing", "rule", number=number)
    customer = work.session.get_one(Customer, items[0].customer_id)
    bill = Bill(claim_no, work.today, items[0].currency, rest, "interest", work.today, description=f"{named.rule.source} · {as_of.isoformat()}", about=number)
    return invoices.issue(work, customer.customer_no, bill)[0]
