"""What a bank takes back and what two forms tell of one account: asked, answered, and the books that stay whole (S5, S13, S16)."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa

from collect.domain.errors import Refusal
from collect.domain.rights import SYSTEM
from collect.runtime import Runtime
from collect.services import bank, line_questions, matching, months, verify
from collect.storage.audit import Audit
from collect.storage.bank import BankLine
from collect.storage.cash import Allocation, Credit
from collect.storage.receivables import Item
from tests.conftest import FixedClock
from tests.taking_in import take_in

# C1 owes INV-4001 250.00 EUR. Today is 20 March 2026.
CUSTOMERS = "customer_no,name,currency\nC1,Acme Trading GmbH,EUR\n"
INVOICES = "invoice_no,customer_no,issue_date,due_date,currency,amount\nINV-4001,C1,2026-01-02,2026-02-01,EUR,250.00\n"
IBAN = "DE89370400440532013000"


def camt(*entries: tuple[str, str, str, str, str], form: str = "053") -> bytes:
    """A camt of entries (day, amount signed, end-to-end id, text, reversal flag)."""
    kind, inner = {"053": ("BkToCstmrStmt", "Stmt"), "054": ("BkToCstmrDbtCdtNtfctn", "Ntfctn")}[form]
    told = ""
    for day, amount, end, text, flag in entries:
        side = ("DBIT", "Cdtr") if amount.startswith("-") else ("CRDT", "Dbtr")
        told += (
            f'<Ntry><Amt Ccy="EUR">{amount.lstrip("-")}</Amt><CdtDbtInd>{side[0]}</CdtDbtInd>{f"<RvslInd>{flag}</RvslInd>" if flag else ""}<Sts>BOOK</Sts>'
            f"<BookgDt><Dt>{day}</Dt></BookgDt><NtryDtls><TxDtls><Refs><EndToEndId>{end}</EndToEndId></Refs><RltdPties><{side[1]}><Nm>Acme Trading GmbH</Nm></{side[1]}>"
            f"</RltdPties><RmtInf><Ustrd>{text}</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>"
        )
    return (
        f'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.{form}.001.08"><{kind}><{inner}><Id>1</Id><Acct><Id><IBAN>{IBAN}</IBAN></Id><Ccy>EUR</Ccy></Acct>'
        f"{told}</{inner}></{kind}></Document>"
    ).encode()


def mt940(*entries: tuple[str, str, str, str]) -> bytes:
    """An MT940 of entries (day as MMDD, amount with a comma, end-to-end id or empty, text), from nothing up."""
    lines, total = "", 0
    for day, amount, end, text in entries:
        lines += f":61:26{day}{day}C{amount}NTRFNONREF\n:86:166?00GUTSCHRIFT" + (f"?20EREF+{end}?21SVWZ+{text}" if end else f"?20{text}") + "?32Acme Trading GmbH\n"
        total += int(amount.replace(",", ""))
    return f":20:A\n:25:{IBAN}\n:28C:1/1\n:60F:C260309EUR0,00\n{lines}:62F:C260309EUR{total // 100},{total % 100:02}\n-\n".encode()


@pytest.fixture
def books(runtime: Runtime, clock: FixedClock) -> Runtime:
    clock.set("2026-03-20T04:00:00")
    assert not take_in(runtime, "customers", CUSTOMERS).refused
    assert not take_in(runtime, "invoices", INVOICES).refused
    return runtime


def taken(runtime: Runtime, text: bytes, name: str) -> bank.Taken:
    found = bank.take_in(runtime, SYSTEM, text, name)
    runtime.write(SYSTEM, lambda work: matching.propose_and_apply(work, found.line_ids))
    return found


def lines(runtime: Runtime) -> list[BankLine]:
    with runtime.read(SYSTEM) as view:
        return list(view.session.scalars(sa.select(BankLine).order_by(BankLine.id)))


def left(runtime: Runtime) -> int:
    with runtime.read(SYSTEM) as view:
        return view.session.scalars(sa.select(Item.open_minor)).one()


def answer(runtime: Runtime, line: BankLine, yes: bool, note: str = "") -> None:
    runtime.write(SYSTEM, lambda work: line_questions.answer(work, line.id, line.version, yes, note))


def refused(act: Any) -> str:
    with pytest.raises(Refusal) as caught:
        act()
    return caught.value.code


CAME = ("2026-03-09", "250.00", "E2E-4711", "INV-4001", "")
WENT = ("2026-03-16", "-250.00", "E2E-4711", "returned", "true")


def test_a_reversal_is_asked_and_accepted_as_a_dated_entry(books: Runtime) -> None:
    """250.00 came on 9 March and settled INV-4001; taken back on 16 March it is open again from that day on, not before."""
    assert taken(books, camt(CAME), "in.xml").incoming == 1 and left(books) == 0
    assert taken(books, camt(CAME, WENT), "out.xml").taken_back == 1
    came, went = lines(books)
    assert (went.question, went.other_id, went.state, left(books)) == ("reversal", came.id, "out", 0)
    answer(books, went, True)
    came, went = lines(books)
    assert (left(books), came.state, went.question, went.other_id) == (25_000, "ignored", None, came.id)
    with books.read(SYSTEM) as view:
        credit = view.session.scalars(sa.select(Credit)).one()
        assert (credit.voided_on, credit.open_minor) == (date(2026, 3, 16), 0)
        shares = view.session.execute(sa.select(Allocation.effective, Allocation.amount_minor).order_by(Allocation.id)).all()
        assert [tuple(share) for share in shares] == [(date(2026, 3, 9), 25_000), (date(2026, 3, 16), -25_000)]
        assert {"answer", "take_back"} <= set(view.session.scalars(sa.select(Audit.action)))
    assert refused(lambda: answer(books, went, True)) == "no_question"
    assert taken(books, camt(CAME, WENT), "again.xml").new == 0  # the same files again change nothing
    assert verify.verify(books) == []


def test_a_refused_reversal_keeps_its_note_and_the_receipt(books: Runtime) -> None:
    taken(books, camt(CAME, WENT), "both.xml")
    went = lines(books)[1]
    assert went.question == "reversal"
    assert refused(lambda: answer(books, went, False)) == "missing_reason"
    answer(books, went, False, "our refund of order 7")
    went = lines(books)[1]
    assert (went.question, went.reason, left(books)) == (None, "our refund of order 7", 0)
    assert verify.verify(books) == []


def test_a_reversal_in_a_closed_month_counts_from_today(books: Runtime, clock: FixedClock) -> None:
    """The books of March are closed on 3 April: the receipt is reversed on 3 April."""
    taken(books, camt(CAME, WENT), "both.xml")
    clock.set("2026-04-03T04:00:00")
    books.write(SYSTEM, lambda work: months.close(work, "2026-03"))
    answer(books, lines(books)[1], True, "no funds")
    with books.read(SYSTEM) as view:
        assert view.session.scalars(sa.select(Credit.voided_on)).one() == date(2026, 4, 3)
    assert left(books) == 25_000 and verify.verify(books) == []


def test_a_reversal_of_a_line_that_still_waits_sets_it_aside(books: Runtime) -> None:
    """999.00 of nobody known: taken back, it waits for nobody any more."""
    taken(books, camt(("2026-03-09", "999.00", "E2E-9", "", ""), ("2026-03-10", "-999.00", "X", "", "true")), "both.xml")
    answer(books, lines(books)[1], True)
    assert lines(books)[0].state == "ignored" and verify.verify(books) == []


def test_two_forms_of_one_account_tell_each_line_once(books: Runtime) -> None:
    """The MT940 tells the camt's line again under its end-to-end id, and one more of 30.00; the advice told it first."""
    assert taken(books, camt(CAME, form="054"), "advice.xml").new == 1
    assert taken(books, camt(CAME), "statement.xml").unchanged == 1
    found = taken(books, mt940(("0309", "250,00", "E2E-4711", "INV-4001"), ("0309", "30,00", "E2E-4712", "")), "a.sta")
    assert (found.lines, found.new, found.unchanged, found.doubtful) == (2, 1, 1, 0)
    again = taken(books, mt940(("0309", "250,00", "E2E-4711", "INV-4001"), ("0309", "30,00", "E2E-4712", "")), "a.sta")
    assert (again.new, again.unchanged) == (0, 2)
    assert left(books) == 0 and [line.amount_minor for line in lines(books)] == [25_000, 3_000] and verify.verify(books) == []


def test_what_is_not_certain_is_asked_and_never_matched_by_itself(books: Runtime) -> None:
    """Two equal payments of 250.00 without numbers in camt; the MT940 has three under other texts: two are doubtful, one is new."""
    equal = ("2026-03-09", "250.00", "NOTPROVIDED", "payment", "")
    assert taken(books, camt(equal, equal), "two.xml").new == 2
    three = mt940(("0309", "250,00", "", "INV-4001"), ("0309", "250,00", "", "INV-4001"), ("0309", "250,00", "", "INV-4001"))
    found = taken(books, three, "three.sta")
    assert (found.new, found.doubtful, found.incoming) == (3, 2, 1)
    first, second, third, fourth, fifth = lines(books)
    assert [(line.question, line.other_id, line.state) for line in (third, fourth)] == [("double", first.id, "open"), ("double", second.id, "open")]
    assert (fifth.question, third.score) == (None, None)
    assert refused(lambda: books.write(SYSTEM, lambda work: matching.accept(work, third.id, third.version, [], customer_no="C1"))) == "line_has_question"
    assert taken(books, three, "three.sta").new == 0
    answer(books, third, True)
    answer(books, fourth, False, "the bank says two")
    _, _, third, fourth, _ = lines(books)
    assert (third.state, fourth.state, fourth.question, fourth.reason) == ("ignored", "open", None, "the bank says two")
    books.write(SYSTEM, lambda work: matching.propose(work, [fourth.id]))
    assert taken(books, three, "three.sta").new == 0 and verify.verify(books) == []
