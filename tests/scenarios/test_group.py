"""A group of customers: one policy, that of its head, and a case for each legal debtor (S24)."""

from __future__ import annotations

from datetime import date

from collect.domain.rights import SYSTEM
from collect.runtime import Runtime
from collect.services import escalation, verify
from tests.taking_in import take_in


def _round(runtime: Runtime, day: date) -> dict[str, str]:
    """Customer to proposed step, as a preview of that day's round."""
    return {one.customer_no: one.step for one in escalation.escalate(runtime, SYSTEM, day, preview=True)}


def test_a_group_has_one_policy_and_each_member_its_own_case(runtime: Runtime) -> None:
    """The head H is a public hospital (first step at 120), M1 and M2 below it are kept as dealers (15 and 30).

    On 10 March 2026 all are late since 1 January (68 days; 30 + 28 + 10). As hospitals nothing is due; the same
    dealer outside the group, X, is past 30: stop supply. On 4 May (123 days; 30 + 28 + 31 + 30 + 4) each member has a
    case of its own, stop new credit, for it is the member who owes.
    """
    customers = "customer_no,name,segment,terms,parent_no\nH,Harbour,hospital,NET30,\nM1,Main,dealer,NET30,H\nM2,Mill,dealer,NET30,M1\nX,Xu,dealer,NET30,\n"
    assert take_in(runtime, "customers", customers).refused == 0
    rows = "".join(f"I{name},{name},2025-12-02,2026-01-01,100.00\n" for name in ("M1", "M2", "X"))
    assert take_in(runtime, "invoices", "invoice_no,customer_no,issue_date,due_date,amount\n" + rows).refused == 0
    assert _round(runtime, date(2026, 3, 10)) == {"X": "stop_supply"}
    later = _round(runtime, date(2026, 5, 4))
    assert (later["M1"], later["M2"]) == ("stop_credit", "stop_credit")
    assert verify.verify(runtime) == []
