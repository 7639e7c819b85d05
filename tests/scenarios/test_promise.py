"""The life of a promise: made on a visit, judged by the money, broken by its reversal, and what it did to reminders meanwhile (P16, P17, S22, S23)."""

from __future__ import annotations

from datetime import date
from typing import Any

import sqlalchemy as sa

from collect.domain.account import askable
from collect.domain.aging import parse_edges
from collect.domain.rights import SYSTEM
from collect.reports import aging
from collect.reports import cases as reports
from collect.reports.aging import AgingOptions
from collect.runtime import Runtime
from collect.services import cases, policy, verify
from collect.services.cases import Contact, PromiseDraft
from collect.storage.accounts import load_accounts
from collect.storage.cash import Credit
from collect.storage.customers import find_customer
from tests.conftest import FixedClock
from tests.taking_in import take_in

CUSTOMERS = "customer_no,name,currency,email\nC1,青禾大药房,CNY,ap@qinghe.example\n"
INVOICES = "invoice_no,customer_no,issue_date,due_date,currency,amount\nI1,C1,2026-01-09,2026-02-08,CNY,10000.00\nI2,C1,2026-02-01,2026-03-03,CNY,3000.00\n"


def asked(runtime: Runtime, day: date) -> list[tuple[str, int]]:
    """What reminders may ask for on a day: document and minor units."""
    with runtime.read(SYSTEM) as view:
        (account,) = load_accounts(view.session, SYSTEM.scope, day, view.seller)
        return [(item.document_no, rest) for item, rest in askable(account)]


def judge(runtime: Runtime, clock: FixedClock, day: str) -> dict[str, int]:
    """The morning round of a day, at ten o'clock in Shanghai."""
    clock.set(f"{day}T02:00:00")
    as_of = date.fromisoformat(day)
    return runtime.write(SYSTEM, lambda work: cases.judge(work, as_of, policy.in_force(work.session, work.seller, as_of)))


def promised(runtime: Runtime, day: str) -> int:
    """The promised column of the aging report."""
    with runtime.read(SYSTEM) as view:
        (row,) = aging.build(view, SYSTEM.scope, AgingOptions(date.fromisoformat(day), parse_edges("30,60,90"))).rows
        return row.promised


def case_of(runtime: Runtime) -> Any:
    """The case of the customer as his page tells it."""
    with runtime.read(SYSTEM) as view:
        customer = find_customer(view.session, SYSTEM.scope, "C1")
        assert customer is not None
        return reports.case_file(view, SYSTEM.scope, customer.id, "C1", customer.name)


def test_from_the_visit_to_the_verdict(runtime: Runtime, clock: FixedClock) -> None:
    """10,000.00 due 8 February and 3,000.00 due 3 March are asked on Tuesday 10 March: 13,000.00.

    - On the 10th the customer promises 10,000.00 for Monday the 16th, with a reason for less. Grace ends on the 17th.
      Reminders may ask for the rest only: the promise covers the oldest, so I2 is left. The debt stays in the aging.
    - 9,600.00 arrive on the 17th, a day late. On the 17th nothing is judged; on the 18th the bank's data reach the 17th
      (that very receipt): 9,600 ≥ 95 % of 10,000, in the grace: kept late. The missing 400.00 are asked again.
    - On the 20th the payment is reversed: nothing came: broken, known on the 20th.
    - Reliability with this one judged promise: kept 0 ÷ 10,000, and the portfolio is the same promise: 0 %.
    """
    take_in(runtime, "customers", CUSTOMERS)
    take_in(runtime, "invoices", INVOICES)
    clock.set("2026-03-10T02:00:00")
    assert asked(runtime, date(2026, 3, 10)) == [("I1", 1_000_000), ("I2", 300_000)]

    draft = PromiseDraft(1_000_000, "CNY", date(2026, 3, 16), reason="the smaller invoice is being checked")
    runtime.write(SYSTEM, lambda work: cases.log(work, "C1", Contact("visit", person="王莉", promise=draft)))
    assert asked(runtime, date(2026, 3, 10)) == [("I2", 300_000)]
    assert promised(runtime, "2026-03-10") == 1_000_000 and promised(runtime, "2026-03-09") == 0

    clock.set("2026-03-17T02:00:00")
    take_in(runtime, "payments", "payment_ref,customer_no,date,currency,amount,invoice_no\nR1,C1,2026-03-17,CNY,9600.00,I1\n")
    assert judge(runtime, clock, "2026-03-17") == {}
    assert judge(runtime, clock, "2026-03-18") == {"kept_late": 1}
    assert asked(runtime, date(2026, 3, 18)) == [("I1", 40_000), ("I2", 300_000)]
    assert promised(runtime, "2026-03-18") == 0 and promised(runtime, "2026-03-17") == 1_000_000
    case = case_of(runtime)
    assert (case.promises[0].state, case.promises[0].missing, case.reliability, case.people) == ("kept_late", 40_000, 96, (("王莉", 96),))

    with runtime.engine.begin() as connection:
        connection.execute(sa.update(Credit).where(Credit.number == "R1").values(voided_on=date(2026, 3, 20)))
    assert judge(runtime, clock, "2026-03-20") == {"broken": 1}
    case = case_of(runtime)
    assert (case.promises[0].state, case.promises[0].judged_on, case.reliability) == ("broken", date(2026, 3, 20), 0)


def test_the_cheque_that_never_came(runtime: Runtime, clock: FixedClock) -> None:
    """ "The cheque is in the mail" on the 10th: number and date are asked, the check is due on Friday the 13th, and it was not true.

    The next time the page says so; two of three are false then.
    """
    take_in(runtime, "customers", CUSTOMERS)
    take_in(runtime, "invoices", INVOICES)
    clock.set("2026-03-10T02:00:00")
    facts = {"cheque_no": "0042", "sent_on": "2026-03-09"}
    for found in ("false", "true", "false"):
        runtime.write(SYSTEM, lambda work: cases.log(work, "C1", Contact("call", excuse="cheque_in_mail", facts=facts)))
        (task,) = case_of(runtime).tasks
        assert (task.due, task.look_for) == (date(2026, 3, 13), "Has the cheque of this number come in?")
        runtime.write(SYSTEM, lambda work, key=task.id, found=found: cases.finish_check(work, key, found, None, 1))
    with runtime.read(SYSTEM) as view:
        rate = reports.rates_of_all(view)["cheque_in_mail"]
    assert (rate.true, rate.false, rate.checked) == (1, 2, 3)
    assert case_of(runtime).cause == "oversight"
    assert verify.verify(runtime) == []
