"""Bank statements into the books, on both engines: once each line, whatever files overlap (S16, S22)."""

from __future__ import annotations

from datetime import date

import pytest
import sqlalchemy as sa

from collect import sentences
from collect.domain.errors import Refusal
from collect.domain.rights import SYSTEM, Actor, Role, Scope
from collect.runtime import Runtime
from collect.services import bank, verify
from collect.storage import bank as storage
from collect.storage.bank import BankAccount, BankLine
from collect.storage.cases import bank_through
from tests.conftest import FixedClock
from tests.taking_in import take_in

HEAD = "账号：6222001,,,,,\n交易日期,收入,支出,币种,对方户名,摘要\n"


def table(*rows: str) -> bytes:
    return (HEAD + "\n".join(rows) + "\n").encode("gb18030")


MONDAY = table("2026-03-09,100.00,,CNY,甲公司,货款 I1", "2026-03-09,100.00,,CNY,甲公司,货款 I1", "2026-03-09,,35.00,CNY,电力公司,电费")
"""Two lines that are truly equal, and money out."""
TUESDAY = table("2026-03-09,100.00,,CNY,甲公司,货款 I1", "2026-03-09,100.00,,CNY,甲公司,货款 I1", "2026-03-09,,35.00,CNY,电力公司,电费", "2026-03-10,7.00,,CNY,乙医院,")
"""Monday's lines again, and one more."""


@pytest.fixture
def books(runtime: Runtime, clock: FixedClock) -> Runtime:
    clock.set("2026-03-11T04:00:00")
    return runtime


def lines(runtime: Runtime) -> list[tuple[date, int, int, str]]:
    with runtime.read(SYSTEM) as view:
        return [(line.day, line.amount_minor, line.ordinal, line.state) for line in view.session.scalars(sa.select(BankLine).order_by(BankLine.id))]


def test_two_equal_lines_stay_and_overlapping_files_add_what_is_new(books: Runtime) -> None:
    first = bank.take_in(books, SYSTEM, MONDAY, "monday.csv")
    assert (first.statements, first.lines, first.new, first.incoming, first.accounts_made) == (1, 3, 3, 2, ["6222001"])
    again = bank.take_in(books, SYSTEM, MONDAY, "monday.csv")
    assert (again.new, again.unchanged, again.line_ids) == (0, 3, [])
    second = bank.take_in(books, SYSTEM, TUESDAY, "tuesday.csv")
    assert (second.new, second.unchanged, second.incoming, second.accounts_made) == (1, 3, 1, [])
    monday, tuesday = date(2026, 3, 9), date(2026, 3, 10)
    assert lines(books) == [(monday, 10000, 0, "open"), (monday, 10000, 1, "open"), (monday, -3500, 0, "out"), (tuesday, 700, 0, "open")]
    with books.read(SYSTEM) as view:
        assert [row.fresh for row, _ in storage.load_statements(view.session, 10)] == [1, 3]
        assert [(row.waiting, row.waiting_minor) for row in storage.load_accounts(view.session)] == [(3, 20700)]
    assert verify.verify(books) == []


def test_a_dry_run_and_a_refused_file_store_nothing(books: Runtime) -> None:
    assert bank.take_in(books, SYSTEM, MONDAY, "monday.csv", dry_run=True).new == 3
    off = b":20:X\n:25:12345\n:28C:1/1\n:60F:C260309CNY100,00\n:61:2603090309C5,00NTRFNONREF\n:62F:C260309CNY104,99\n-\n"
    with pytest.raises(Refusal, match="statement_off"):
        bank.take_in(books, SYSTEM, off, "off.sta")
    bare = "交易日期,收入,支出,币种\n2026-03-09,1.00,,CNY\n".encode()
    with pytest.raises(Refusal, match="statement_account"):
        bank.take_in(books, SYSTEM, bare, "bare.csv")
    assert bank.take_in(books, SYSTEM, bare, "bare.csv", "6222 001").accounts == ["6222001"]
    assert lines(books) == [(date(2026, 3, 9), 100, 0, "open")]
    with pytest.raises(Refusal, match="import"):
        bank.take_in(books, Actor("rui", 1, Role.REP, Scope(None)), MONDAY, "monday.csv")


def test_what_is_covered_is_what_every_open_account_covers(books: Runtime) -> None:
    """6222001 through 10 March, 6222002 through 9 March: 9 March; the second closed: 10 March."""
    bank.take_in(books, SYSTEM, TUESDAY, "tuesday.csv")
    bank.take_in(books, SYSTEM, MONDAY.replace(b"6222001", b"6222002"), "other.csv")
    with books.read(SYSTEM) as view:
        assert bank_through(view.session, view.today) == date(2026, 3, 9)
        second = view.session.scalars(sa.select(BankAccount).where(BankAccount.number == "6222002")).one()
    with pytest.raises(Refusal, match="changed_meanwhile"):
        books.write(SYSTEM, lambda work: bank.change_account(work, second.id, "旧账户", True, second.version + 1))
    books.write(SYSTEM, lambda work: bank.change_account(work, second.id, "旧账户", True, second.version))
    with books.read(SYSTEM) as view:
        assert bank_through(view.session, view.today) == date(2026, 3, 10)


def covered(runtime: Runtime) -> date | None:
    with runtime.read(SYSTEM) as view:
        return storage.covered_through(view.session)


CAMT = (
    '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:{form}.001.08"><{body}><{part}><Acct><Id><IBAN>DE1</IBAN></Id><Ccy>EUR</Ccy></Acct>'
    '<Ntry><Amt Ccy="EUR">{amount}</Amt><CdtDbtInd>CRDT</CdtDbtInd><BookgDt><Dt>{day}</Dt></BookgDt></Ntry></{part}></{body}></Document>'
)
REPORT = {"form": "camt.052", "body": "BkToCstmrAcctRpt", "part": "Rpt"}
STATEMENT = {"form": "camt.053", "body": "BkToCstmrStmt", "part": "Stmt"}


def test_only_what_closes_a_day_covers_it(books: Runtime) -> None:
    """Today is 11 March. A report within a day covers nothing, a table of today covers yesterday, a statement of today covers today (S22)."""
    bank.take_in(books, SYSTEM, CAMT.format(**REPORT, amount="1.00", day="2026-03-10").encode(), "report.xml")
    assert covered(books) is None
    bank.take_in(books, SYSTEM, "交易日期,收入,支出,币种\n2026-03-11,2.00,,EUR\n".encode(), "today.csv", "DE1")
    assert covered(books) == date(2026, 3, 10)
    bank.take_in(books, SYSTEM, CAMT.format(**STATEMENT, amount="3.00", day="2026-03-11").encode(), "statement.xml")
    assert covered(books) == date(2026, 3, 11)


def test_a_table_whose_balances_do_not_follow_says_so_and_completes_nothing(books: Runtime) -> None:
    """100.00 after + 100.00, then + 50.00 make 150.00; the bank says 170.00: a line is missing. Without balances nobody can know, and that is told."""
    rows = "账号：6222001,,,,\n交易日期,收入,支出,币种,余额\n2026-03-09,100.00,,CNY,100.00\n2026-03-10,50.00,,CNY,{}\n"
    taken = bank.take_in(books, SYSTEM, rows.format("170.00").encode(), "gap.csv")
    assert ([notice.code for notice in taken.notices], taken.new, covered(books)) == (["statement_gap"], 2, None)
    whole = bank.take_in(books, SYSTEM, rows.format("150.00").encode(), "whole.csv")
    assert (whole.notices, covered(books)) == ([], date(2026, 3, 10))
    assert [notice.code for notice in bank.take_in(books, SYSTEM, TUESDAY, "tuesday.csv").notices] == ["statement_unproved"]


def test_a_receipt_of_one_account_says_nothing_of_another(books: Runtime) -> None:
    """Without statements a receipt of 10 March tells that the bank was looked at; with an account behind at 9 March it does not."""
    assert not take_in(books, "customers", "customer_no,name\nC1,甲公司\n").refused
    assert not take_in(books, "payments", "payment_ref,customer_no,date,amount\nR1,C1,2026-03-10,5.00\n").refused
    with books.read(SYSTEM) as view:
        assert bank_through(view.session, view.today) == date(2026, 3, 10)
    bank.take_in(books, SYSTEM, MONDAY, "monday.csv")
    with books.read(SYSTEM) as view:
        assert bank_through(view.session, view.today) == date(2026, 3, 9)


def test_what_waits_is_added_up_beyond_the_largest_amount(books: Runtime) -> None:
    """Twice 92,233,720,368,547,758.07 is more than a column holds: 2 × (2^63 - 1) fen."""
    most = "2026-03-09,92233720368547758.07,,CNY,甲,"
    bank.take_in(books, SYSTEM, table(most, most), "most.csv")
    with books.read(SYSTEM) as view:
        assert [(row.waiting, row.waiting_minor) for row in storage.load_accounts(view.session)] == [(2, 2 * (2**63 - 1))]


def of_account(number: str) -> bytes:
    """A table of one line of an account."""
    return MONDAY.decode("gb18030").replace("6222001", number).encode("gb18030")


def test_an_account_written_in_another_way_is_the_same_or_asked_for(sqlite_runtime: Runtime, clock: FixedClock) -> None:
    """The lines of Monday told of the IBAN and of the account at home are the same lines; where no bank is told, a person says which account it is."""
    clock.set("2026-03-11T04:00:00")
    iban, home, alone = "DE89370400440532013000", "37040044/0532013000", "532013000"
    assert bank.take_in(sqlite_runtime, SYSTEM, of_account(iban), "iban.csv").accounts_made == [iban]
    again = bank.take_in(sqlite_runtime, SYSTEM, of_account(home), "home.csv")
    assert (again.new, again.unchanged, again.accounts, again.accounts_made) == (0, 3, [iban], [])
    with pytest.raises(Refusal, match="statement_like_account") as asked:
        bank.take_in(sqlite_runtime, SYSTEM, of_account(alone), "alone.csv")
    assert (asked.value.field, asked.value.params) == ("account", {"value": alone, "other": iban})
    assert bank.take_in(sqlite_runtime, SYSTEM, of_account(alone), "alone.csv", iban).new == 0
    assert bank.take_in(sqlite_runtime, SYSTEM, of_account(alone), "alone.csv", alone).accounts_made == [alone]


def test_an_account_that_is_named_does_not_take_another_ones_lines(sqlite_runtime: Runtime, clock: FixedClock) -> None:
    """What the file tells counts; named is what it does not tell, or tells with its middle hidden."""
    clock.set("2026-03-11T04:00:00")
    with pytest.raises(Refusal, match="statement_other_account") as told:
        bank.take_in(sqlite_runtime, SYSTEM, MONDAY, "monday.csv", "9999")
    assert told.value.params == {"value": "6222001", "other": "9999"}
    hidden = of_account("6222****0001")
    assert bank.take_in(sqlite_runtime, SYSTEM, hidden, "hidden.csv", "6222555566660001").accounts_made == ["6222555566660001"]
    with pytest.raises(Refusal, match="statement_other_account"):
        bank.take_in(sqlite_runtime, SYSTEM, hidden, "hidden.csv", "6222555566660002")


def test_a_statement_missing_between_two_holds_back_what_is_complete(books: Runtime) -> None:
    """2 March ends with 100.00, 4 March begins with 150.00: the 50.00 of 3 March are missing, until its file comes."""
    told = "账号：6222001,,,,\n交易日期,收入,支出,币种,余额\n2026-03-0{day},{amount},,CNY,{balance}\n"

    def take(day: int, amount: str, balance: str) -> bank.Taken:
        return bank.take_in(books, SYSTEM, told.format(day=day, amount=amount, balance=balance).encode(), f"{day}.csv")

    assert (take(2, "100.00", "100.00").notices, covered(books)) == ([], date(2026, 3, 2))
    (leap,) = take(4, "30.00", "180.00").notices
    assert sentences.say(leap) == (
        "Account 6222001: 100.00 CNY after 2026-03-02, but 150.00 at the beginning of 2026-03-04: a statement in between is missing; get it from the bank. "
        "Until then the bank's data count as complete through 2026-03-02 only."
    )
    with books.read(SYSTEM) as view:
        assert [sentences.say(refusal) for refusal in bank.missing(view).values()] == [sentences.say(leap)]
    assert covered(books) == date(2026, 3, 2)
    assert (take(3, "50.00", "150.00").notices, covered(books)) == ([], date(2026, 3, 4))
    with books.read(SYSTEM) as view:
        assert bank.missing(view) == {}
