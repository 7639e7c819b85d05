"""One search over everything a person may see: customers, the people there, invoices, receipts, credit notes, amounts (S28)."""

from __future__ import annotations

from dataclasses import dataclass

from collect.domain import money
from collect.domain.errors import Refusal
from collect.domain.rights import Scope
from collect.runtime import View
from collect.storage import search as storage
from collect.storage.search import FoundCustomer, FoundDocument

SHOWN = 20
"""So many hits of each sort are shown; one more is looked for, to say that there are more."""
LONGEST = 100


@dataclass(frozen=True, slots=True)
class Target:
    """The page of one object: `customer`, `invoice`, `receipt` or `credit_note`, and its number."""

    kind: str
    number: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What was found; each list may hold one hit more than is shown. `only` is the one exact hit, if there is just one."""

    text: str
    customers: list[FoundCustomer]
    contacts: list[FoundCustomer]
    invoices: list[FoundDocument]
    credits: list[FoundDocument]
    only: Target | None

    @property
    def empty(self) -> bool:
        """Nothing fits."""
        return not (self.customers or self.contacts or self.invoices or self.credits)


def find(view: View, scope: Scope, text: str) -> Answer:
    """Everything the scope sees that fits what was typed; full-width forms are folded, at most 100 characters count."""
    wanted = " ".join(money.fold(text).split())[:LONGEST]
    if not wanted:
        return Answer("", [], [], [], [], None)
    session = view.session
    customers = storage.find_customers(session, scope, wanted, SHOWN + 1)
    invoices = storage.find_invoices(session, scope, wanted, SHOWN + 1)
    credits = storage.find_credits(session, scope, wanted, SHOWN + 1)
    exact = [Target("customer", hit.customer_no) for hit in customers if hit.exact]
    exact += [Target(hit.kind, hit.number) for hit in (*invoices, *credits) if hit.exact and hit.part == 1]
    contacts = storage.find_contacts(session, scope, wanted, SHOWN + 1)
    if len(exact) != 1:
        amounts = amounts_of(wanted, sorted({view.seller.currency, *storage.load_currencies(session, scope)}))
        # An order number or bank reference is looked for where nothing else fits, an amount always.
        if amounts or not (customers or contacts or invoices or credits):
            invoices = _joined(invoices, storage.find_invoices_otherwise(session, scope, wanted, amounts, SHOWN + 1))
            credits = _joined(credits, storage.find_credits_otherwise(session, scope, wanted, amounts, SHOWN + 1))
    return Answer(wanted, customers, contacts, invoices, credits, exact[0] if len(exact) == 1 else None)


def _joined(first: list[FoundDocument], more: list[FoundDocument]) -> list[FoundDocument]:
    """Hits found two ways, each once, at most one more than is shown."""
    return list(dict.fromkeys([*first, *more]))[: SHOWN + 1]


def amounts_of(text: str, currencies: list[str]) -> dict[str, int]:
    """What the text means as an amount, in minor units, in each currency in which it can be one; zero and less mean nothing."""
    found = {}
    for currency in currencies:
        try:
            minor = money.parse(text, currency)
        except Refusal:
            continue
        if minor > 0:
            found[currency] = minor
    return found
