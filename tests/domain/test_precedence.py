"""Costs, interest, principal: by which law or contract, for which money, and what a payer's word changes (S14)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from collect.domain import precedence
from collect.domain.matching import Candidate, Line, Named, Open, Proposal, propose
from collect.domain.precedence import Precedence

LAW = Precedence(("fee", "interest"), "law", {"en": "Civil Code, art. 561"}, "consent")
CONTRACT = precedence.of_contract(False, {"en": "clause 8"})
DAY = date(2026, 1, 1)

# The debt of the test vector: an invoice of 10,000.00, and about it costs of 200.00 and interest of 300.00, claimed, due later than it.
PRINCIPAL = Open(1, "INV-1", "invoice", "CNY", DAY, date(2026, 2, 1), 1_000_000)
COSTS = Open(2, "FEE-1", "fee", "CNY", date(2026, 3, 1), date(2026, 3, 1), 20_000, "INV-1")
INTEREST = Open(3, "INT-1", "interest", "CNY", date(2026, 2, 20), date(2026, 2, 20), 30_000, "INV-1")
OLDER = Open(4, "INV-0", "invoice", "CNY", DAY, date(2026, 1, 15), 70_000)


def debtor(*items: Open, order: Precedence = LAW, running: bool = False) -> Candidate:
    return Candidate(7, "debtor", "name", 100, items, running, order=order)


def paid(amount: int, debtor: Candidate, named: bool = False, principal: bool = False) -> Proposal:
    documents = [Named(7, "INV-1", (1,), True, True, True)] if named else []
    found = propose(Line(amount, "CNY", "debtor", principal=principal), [debtor], documents)
    assert found is not None
    return found


def codes(proposal: Proposal) -> list[str]:
    return [one.code for one in proposal.evidence]


def test_a_part_payment_covers_costs_then_interest_then_principal() -> None:
    """5,000.00 on 10,000.00 with 200.00 costs and 300.00 interest: 200.00, 300.00, and 4,500.00 principal (Civil Code art. 561)."""
    found = paid(500_000, debtor(PRINCIPAL, COSTS, INTEREST))
    assert (found.kind, found.parts, found.rest, found.applies) == ("oldest", ((2, 20_000), (3, 30_000), (1, 450_000)), 0, False)
    assert codes(found)[:2] == ["oldest_first", "by_law"] and found.evidence[1].params["source"] == {"en": "Civil Code, art. 561"}


def test_a_running_account_does_so_by_itself() -> None:
    """1,100.00 by rolling balance: costs 200.00 and interest 300.00, then the oldest principal 600.00 of 700.00; the law's default, so it can be undone."""
    found = paid(110_000, debtor(PRINCIPAL, COSTS, INTEREST, OLDER, running=True))
    assert (found.kind, found.parts, found.applies, found.legal) == ("running", ((2, 20_000), (3, 30_000), (4, 60_000)), True, True)
    assert "by_law" in codes(found)


def test_without_law_or_contract_the_oldest_due_comes_first() -> None:
    """1,100.00: the 700.00 due on 15 January, then 400.00 of what was due on 1 February; the claims are due later."""
    assert paid(110_000, debtor(PRINCIPAL, COSTS, INTEREST, OLDER, order=precedence.NONE)).parts == ((4, 70_000), (1, 40_000))
    by_contract = paid(110_000, debtor(PRINCIPAL, COSTS, INTEREST, OLDER, order=CONTRACT))
    assert by_contract.parts == ((4, 70_000), (1, 40_000)) and "by_contract" in codes(by_contract)


def test_a_law_that_knows_interest_alone_leaves_costs_by_their_day() -> None:
    """French Civil Code art. 1343-1: of 1,100.00 the interest 300.00, then the oldest due 700.00, then 100.00; costs are due last."""
    french = Precedence(("interest",), "law", {"en": "art. 1343-1"}, "consent")
    assert paid(110_000, debtor(PRINCIPAL, COSTS, INTEREST, OLDER, order=french)).parts == ((3, 30_000), (4, 70_000), (1, 10_000))


def test_who_names_the_invoice_pays_what_is_claimed_about_it_first() -> None:
    """He names INV-1 and pays 5,000.00: he named the debt, so within it 200.00, 300.00 and 4,500.00; a person looks. OLDER is not touched."""
    found = paid(500_000, debtor(PRINCIPAL, COSTS, INTEREST, OLDER), named=True)
    assert (found.kind, found.parts, found.applies) == ("reference", ((2, 20_000), (3, 30_000), (1, 450_000)), False)
    assert {"claims_first", "by_law", "less_than_named"} <= set(codes(found))


def test_the_whole_debt_with_its_claims_applies_itself() -> None:
    """10,500.00 with INV-1 is exactly 200.00 + 300.00 + 10,000.00."""
    found = paid(1_050_000, debtor(PRINCIPAL, COSTS, INTEREST, OLDER), named=True)
    assert (found.parts, found.rest, found.applies) == (((2, 20_000), (3, 30_000), (1, 1_000_000)), 0, True)


def test_who_pays_exactly_what_he_names_is_followed() -> None:
    """10,000.00 with INV-1: his word binds, costs and interest of 500.00 stay open and the page says so."""
    found = paid(1_000_000, debtor(PRINCIPAL, COSTS, INTEREST), named=True)
    assert (found.parts, found.applies) == (((1, 1_000_000),), True)
    assert ("claims_stay", {"documents": ["FEE-1", "INT-1"], "asked": 50_000}) in found.evidence


@pytest.mark.parametrize(("designation", "applies", "code"), [("payer", True, "principal_alone"), ("consent", False, "principal_needs_consent")])
def test_the_word_principal_binds_or_needs_consent(designation: str, applies: bool, code: str) -> None:
    """5,000.00 "INV-1, principal only": all of it goes there; where the law asks for consent (art. 561, § 367), a person gives it."""
    found = paid(500_000, debtor(PRINCIPAL, COSTS, INTEREST, order=replace(LAW, designation=designation)), named=True, principal=True)
    assert (found.parts, found.applies) == (((1, 500_000),), applies) and code in codes(found)


def test_the_word_principal_without_a_number() -> None:
    """A running account whose payer writes 本金 only: the claims are left out, and it waits for a person's consent."""
    found = paid(110_000, debtor(PRINCIPAL, COSTS, INTEREST, OLDER, running=True), principal=True)
    assert (found.parts, found.applies) == (((4, 70_000), (1, 40_000)), False) and "principal_needs_consent" in codes(found)


def test_what_a_policy_may_choose() -> None:
    laws = {"CN": LAW}
    assert precedence.chosen("law", {}, "CN", laws) is LAW
    assert precedence.chosen("law", {}, "XX", laws) is precedence.NONE
    assert precedence.chosen("costs_first", {"en": "clause 8"}, "XX", laws) == Precedence(("fee", "interest"), "contract", {"en": "clause 8"})
    assert precedence.chosen("oldest", {"en": "clause 8"}, "CN", laws).first == ()
