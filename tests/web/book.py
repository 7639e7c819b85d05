"""A small book that pages are tested with: three customers, two reps, invoices of every state, money not used up."""

from __future__ import annotations

from datetime import date
from typing import Any

from collect.domain.rights import SYSTEM
from collect.runtime import Runtime
from collect.services import cash, imports
from tests.conftest import FixedClock

CUSTOMERS = """customer_no,name,segment,rep,collector,terms,credit_limit,currency,phone,tax_no,email
C001,同仁大药房,dealer,rui,fang,NET30,1000.00,CNY,010-6512 3456,91110101MA01,pay@tong.example
C/2,Northwind & Söhne <b>,hospital,rosa,,NET30,,EUR,,,
C003,北京协和,dealer,,,30/50@ACCEPTANCE+60/50@ACCEPTANCE,,CNY,,,
"""
# Today is 2026-03-10 (Shanghai). C001: A1 is 59 days late, A2 due today is not due, A3 is settled, A4 is void.
# C/2: B/1 is 9 days late; 25.00 EUR of R-2 are unapplied. C003: one invoice in two parts that wait for the acceptance.
INVOICES = """invoice_no,customer_no,issue_date,due_date,currency,amount,status,po_no,description
A1,C001,2025-12-11,2026-01-10,CNY,1200.00,,PO-7,first delivery
A2,C001,2026-02-08,2026-03-10,CNY,300.50,,,
A3,C001,2026-01-05,2026-02-04,CNY,80.00,,,
A4,C001,2026-01-06,2026-02-05,CNY,9.00,void,,
B/1,C/2,2026-01-30,2026-03-01,EUR,100.00,,,
X1,C003,2026-02-20,,CNY,1000.01,,,
"""
PAYMENTS = """payment_ref,customer_no,date,currency,amount,invoice_no,allocated,bank_reference
R-1,C001,2026-02-10,CNY,280.00,A3,80.00,BANK-1
R-1,C001,2026-02-10,CNY,280.00,A1,150.00,BANK-1
R-2,C/2,2026-03-02,EUR,25.00,,,
"""
CREDITS = """credit_no,customer_no,date,currency,amount,invoice_no,reason
CN-1,C001,2026-03-01,CNY,20.00,,returned goods
"""
CONTACTS = """customer_no,name,role,decides,original,mobile,email
C001,王莉,finance,yes,yes,13800138000,wang@tong.example
"""


def take_in(runtime: Runtime, kind: str, text: str, **options: Any) -> imports.Result:
    """Import CSV text."""
    return imports.run(runtime, SYSTEM, kind, text.encode(), f"{kind}.csv", imports.Options(**options))


def fill(runtime: Runtime, clock: FixedClock) -> None:
    """On 10 March 2026 import the book at 10:00 Shanghai time and apply 10.00 of CN-1 to A1, effective 5 March, at 11:00; then it is noon."""
    clock.set("2026-03-10T02:00:00")
    for kind, text in (("customers", CUSTOMERS), ("contacts", CONTACTS), ("invoices", INVOICES), ("payments", PAYMENTS), ("credits", CREDITS)):
        result = take_in(runtime, kind, text)
        assert not result.refused, [str(error.refusal) for error in result.errors]
    clock.set("2026-03-10T03:00:00")
    runtime.write(SYSTEM, lambda work: cash.apply(work, "credit_note", "CN-1", "A1", 1000, date(2026, 3, 5)))
    clock.set("2026-03-10T04:00:00")
