"""Which order of settlement holds for whom: the law of the company's country, what the policy says, and contracts that agree otherwise (S14)."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache

from sqlalchemy.orm import Session

from collect import assets
from collect.domain import precedence
from collect.domain.errors import NotFound, Refusal
from collect.domain.precedence import Precedence
from collect.domain.rights import Permission, Scope
from collect.runtime import Work
from collect.services import policy
from collect.storage import audit
from collect.storage import bank_lines as storage
from collect.storage.bank_lines import AgreedOrder
from collect.storage.company import Seller
from collect.storage.customers import find_customer

LONGEST_CLAUSE = 200


@cache
def laws() -> Mapping[str, Precedence]:
    """The orders that the law gives, by country, as shipped."""
    with (assets.folder("config") / "precedence.toml").open("rb") as file:
        told = tomllib.load(file)
    return {country: Precedence(tuple(given["first"]), "law", {"en": given["en"], "zh": given["zh"]}, given["designation"]) for country, given in told.items()}


@dataclass(frozen=True, slots=True)
class Orders:
    """The order of settlement of every customer: the company's, and those that a contract agreed."""

    usual: Precedence
    agreed: Mapping[int, Precedence]

    def of(self, customer_id: int) -> Precedence:
        """That of one customer."""
        return self.agreed.get(customer_id, self.usual)


def load(session: Session, scope: Scope, seller: Seller, as_of: date) -> Orders:
    """The orders that hold on a date, in a fixed number of statements; Refusal `policy_unreadable`."""
    return Orders(usual(session, seller, as_of), {one.customer_id: _agreed(one) for one in storage.load_agreed_orders(session, scope)})


def usual(session: Session, seller: Seller, as_of: date) -> Precedence:
    """The order that holds where no contract says otherwise: what the policy in force says, else the law of the company's country."""
    rules = policy.in_force(session, seller, as_of).policy
    return precedence.chosen(rules.receipts.order, rules.receipts.source, rules.country or seller.country, laws())


def _agreed(one: AgreedOrder) -> Precedence:
    return precedence.of_contract(one.costs_first, {"en": one.clause, "zh": one.clause})


def agree(work: Work, customer_no: str, costs_first: bool, clause: str) -> None:
    """Note what a customer's contract agrees on the order of settlement, with its clause; it holds from now on (S14).

    Raises NotFound; Refusal `clause_missing`, `too_long`.
    """
    work.actor.need(Permission.ALLOCATE)
    customer = find_customer(work.session, work.actor.scope, customer_no)
    if customer is None:
        raise NotFound("customer", customer_no)
    clause = " ".join(clause.split())
    if not clause:
        raise Refusal("clause_missing", "clause")
    if len(clause) > LONGEST_CLAUSE:
        raise Refusal("too_long", "clause", value=clause[:40], longest=LONGEST_CLAUSE)
    known = work.session.get(AgreedOrder, customer.id)
    if known is not None and (known.costs_first, known.clause) == (costs_first, clause):
        return
    before = {"costs_first": known.costs_first, "clause": known.clause} if known is not None else None
    if known is None:
        known = AgreedOrder(customer_id=customer.id, costs_first=costs_first, clause=clause, by=work.actor.name, recorded_at=work.now)
        work.session.add(known)
    known.costs_first, known.clause, known.by, known.recorded_at = costs_first, clause, work.actor.name, work.now
    work.note(audit.Note("change", "settlement_order", customer_no, customer.id, before, {"costs_first": costs_first, "clause": clause}))


def end_agreement(work: Work, customer_no: str) -> None:
    """A contract says nothing of it any more: the company's order holds again. NotFound outside the scope."""
    work.actor.need(Permission.ALLOCATE)
    customer = find_customer(work.session, work.actor.scope, customer_no)
    if customer is None:
        raise NotFound("customer", customer_no)
    known = work.session.get(AgreedOrder, customer.id)
    if known is not None:
        before = {"costs_first": known.costs_first, "clause": known.clause}
        work.session.delete(known)
        work.note(audit.Note("change", "settlement_order", customer_no, customer.id, before, None))
