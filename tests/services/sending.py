"""Books with messages planned for Tuesday 10 March 2026, 09:00 in Shanghai (01:00 UTC), for the tests of sending."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import sqlalchemy as sa

from collect.domain.rights import SYSTEM
from collect.runtime import Runtime
from collect.services import dunning
from collect.storage.notices import Notice
from collect.storage.outbox import Message
from tests.taking_in import take_in

TUESDAY = date(2026, 3, 10)
NINE = datetime(2026, 3, 10, 1, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
BEFORE = datetime(2026, 3, 10, 0, 0, tzinfo=UTC)
"""08:00 in Shanghai, before the window: where the clock of these tests begins."""


def fill(runtime: Runtime, customers: int = 3) -> None:
    """C1, C2 … each owe one invoice of 100.00 and one of 50.00 CNY, 9 and 8 days overdue: step `overdue`, by e-mail."""
    rows = ["customer_no,name,email,language,country"]
    bills = ["invoice_no,customer_no,issue_date,due_date,currency,amount"]
    for n in range(1, customers + 1):
        rows.append(f"C{n},Customer {n},c{n}@buyer.example,{'zh' if n % 2 else 'en'},CN")
        bills += [f"A{n},C{n},2026-02-01,2026-03-01,CNY,100.00", f"B{n},C{n},2026-02-02,2026-03-02,CNY,50.00"]
    assert take_in(runtime, "customers", "\n".join(rows) + "\n").refused == 0
    assert take_in(runtime, "invoices", "\n".join(bills) + "\n").refused == 0


def planned(runtime: Runtime, customers: int = 3) -> None:
    """The books, with the round of that Tuesday done."""
    fill(runtime, customers)
    told = dunning.remind(runtime, SYSTEM, TUESDAY)
    found = [(one.decision, one.channel, one.slot) for one in told]
    assert found == [("planned", "email", NINE)] * customers, found


def pay(runtime: Runtime, n: int, invoice: str, amount: str) -> None:
    """A receipt of that day for one invoice."""
    row = f"payment_ref,customer_no,date,currency,amount,invoice_no\nR-{invoice},C{n},2026-03-10,CNY,{amount},{invoice}\n"
    assert take_in(runtime, "payments", row).refused == 0


def states(runtime: Runtime) -> dict[str, list[str]]:
    """State to the recipients of its messages, in order of the addresses."""
    with runtime.read(SYSTEM) as view:
        found: dict[str, list[str]] = {}
        for message in view.session.scalars(sa.select(Message).order_by(Message.recipient)):
            found.setdefault(message.state, []).append(message.recipient.partition("@")[0])
        return found


def message_of(runtime: Runtime, n: int) -> Message:
    """The message to a customer."""
    with runtime.read(SYSTEM) as view:
        found = view.session.scalars(sa.select(Message).where(Message.recipient == f"c{n}@buyer.example")).one()
        view.session.expunge(found)
        return found


def notice_of(runtime: Runtime, message: Message) -> Notice:
    """The notice that a message belongs to."""
    with runtime.read(SYSTEM) as view:
        found = view.session.get_one(Notice, message.notice_id)
        view.session.expunge(found)
        return found
