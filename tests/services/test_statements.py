"""Statements of account: what stands in them by hand, the same file for ever, a life to its end, groups, batches, who may."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from sqlalchemy import event

from collect.documents import workers
from collect.domain.errors import Forbidden, NotFound, Refusal
from collect.domain.rights import ALL, SYSTEM, Actor, Permission, Role, Scope
from collect.runtime import Runtime
from collect.services import cash, statements, verify
from collect.services.statements import DifferenceDraft, Made, Which, Wish
from collect.storage import statements as storage
from tests.conftest import FixedClock
from tests.documents.reading import text
from tests.taking_in import take_in

# C1 (head of a group) owes I1 1,000.00 of which 200.00 came with R1, late by 34 days on 10 March, and I2 50.05 not due;
# 30.00 of R1 are not applied. C2, below C1, owes 40.00 USD, 7 days late. C3 owes nothing late.
CUSTOMERS = """customer_no,name,terms,segment,currency,address,tax_no,language,parent_no
C1,华北仁济医院,NET30,hospital,CNY,北京市东城区 1 号,91110101,zh,
C2,Second & Sons Ltd,NET30,dealer,USD,,,en,C1
C3,远东贸易,NET30,dealer,CNY,,,zh,
"""
INVOICES = """invoice_no,customer_no,issue_date,due_date,amount,currency
I1,C1,2026-01-05,2026-02-04,1000.00,CNY
I2,C1,2026-03-10,2026-04-09,50.05,CNY
I3,C2,2026-02-01,2026-03-03,40.00,USD
I4,C3,2026-03-01,2026-03-31,70.00,CNY
"""
PAYMENTS = """payment_ref,customer_no,date,amount,currency,invoice_no,allocated
R1,C1,2026-02-10,230.00,CNY,I1,200.00
"""
FINANCE = Actor("fang", 7, Role.FINANCE, ALL)


def fill(runtime: Runtime) -> Runtime:
    for kind, rows in (("customers", CUSTOMERS), ("invoices", INVOICES), ("payments", PAYMENTS)):
        assert not take_in(runtime, kind, rows).refused
    return runtime


@pytest.fixture
def books(sqlite_runtime: Runtime) -> Runtime:
    return fill(sqlite_runtime)


def make(runtime: Runtime, number: str, actor: Actor = SYSTEM, **wish: Any) -> tuple[storage.Statement, bytes]:
    return runtime.write(actor, lambda work: statements.make(work, number, Wish(**wish)))


def change(runtime: Runtime, act: Any, row: storage.Statement, *arguments: Any, actor: Actor = FINANCE) -> Any:
    """Call a step of the life with the version that is stored now."""

    def run(work: Any) -> Any:
        found = storage.find_statement(work.session, ALL, row.id)
        assert found
        return act(work, row.id, *arguments, found[0].version)

    return runtime.write(actor, run)


def test_a_confirmation_says_what_is_open(books: Runtime) -> None:
    """800.00 + 50.05 open, 30.00 not applied: balance 820.05; 800.00 overdue by 34 days (24 in February from the 4th, 10)."""
    row, pdf = make(books, "C1")
    assert row.totals == {"CNY": {"open": "850.05", "unapplied": "30.00", "balance": "820.05", "overdue": "800.00", "asked": "770.00"}}
    told = text(pdf)
    for part in (
        "往来账目对账函",
        row.number,
        "华北仁济医院",
        "CNY 820.05",
        "人民币捌佰贰拾元零伍分",
        "I1 2026-01-05 2026-02-04 34 1,000.00 200.00 800.00",
        "合计 1,050.05 200.00 850.05",
    ):
        assert part in told, part
    for part in ("-30.00", "R1", "仅为核对账目之用", "数据无误", "数据不符", "（单位盖章处）", "第 1 页"):
        assert part in told, part
    assert "要求" not in told.replace("如有不符", "") and verify.verify(books) == []


def test_a_demand_names_debtor_creditor_amount_and_day(books: Runtime) -> None:
    """Asked: what is overdue less what is not applied, 800.00 - 30.00; ten days from 10 March."""
    row, pdf = make(books, "C1", kind="demand", language="en")
    told = text(pdf)
    assert row.pay_by == date(2026, 3, 20)
    for part in ("the debtor 华北仁济医院 owes the creditor 华北医疗器械有限公司", "CNY 770.00", "Seven hundred seventy yuan only", "by 2026-03-20", "written request for payment"):
        assert part in told, part
    assert "Reply slip" not in told and "reconciliation" not in told
    with pytest.raises(Refusal, match="nothing_to_demand"):
        make(books, "C3", kind="demand")


def test_a_period_goes_from_its_opening_to_its_closing_balance(books: Runtime) -> None:
    """Before February: 1,000.00. In it: R1 -230.00 -> 770.00. In March I2 +50.05 -> 820.05."""
    _row, pdf = make(books, "C1", since=date(2026, 2, 1))
    told = text(pdf)
    for part in ("期初余额 1,000.00", "2026-02-10 R1 收款 230.00 770.00", "2026-03-10 I2 发票 50.05 820.05", "期末余额 50.05 230.00 820.05"):
        assert part in told, part


def test_the_same_file_comes_back_whatever_happened_since(runtime: Runtime, clock: FixedClock) -> None:
    """Both engines: names, payments and allocations of later days change nothing in what was made today; the next one has them."""
    fill(runtime)
    made = [make(runtime, "C1"), make(runtime, "C1", as_of=date(2026, 2, 20)), make(runtime, "C1", since=date(2026, 2, 1))]
    clock.set("2026-03-11T02:00:00")
    assert not take_in(runtime, "customers", CUSTOMERS.replace("仁济医院", "新名医院")).refused
    take_in(runtime, "payments", "payment_ref,customer_no,date,amount,currency,invoice_no,allocated\nR2,C1,2026-02-15,100.00,CNY,I1,100.00\n")
    runtime.write(SYSTEM, lambda work: cash.apply(work, "receipt", "R1", "I2", 3000, date(2026, 3, 10)))
    with runtime.read(SYSTEM) as view:
        for row, pdf in made:
            again, bytes_again, same = statements.print_again(view.session, ALL, row.id)
            assert same and bytes_again == pdf and again.number == row.number
    assert make(runtime, "C1")[0].totals["CNY"]["balance"] == "720.05"
    assert verify.verify(runtime) == []


def test_a_life_ends_confirmed_after_each_difference_is_settled(runtime: Runtime, clock: FixedClock) -> None:
    """Made, sent, returned, two differences, settled one by one, confirmed; each step refused out of its order."""
    fill(runtime)
    row, _pdf = make(runtime, "C1", FINANCE)
    with pytest.raises(Refusal, match="statement_state"):
        change(runtime, statements.confirm, row, None)
    with pytest.raises(Refusal, match="day_out_of_place"):
        change(runtime, statements.mark_sent, row, date(2026, 3, 9), "courier", "SF123")
    change(runtime, statements.mark_sent, row, date(2026, 3, 10), "courier", "SF123")
    change(runtime, statements.mark_returned, row, date(2026, 3, 10), "by post")
    keys = [
        change(runtime, statements.add_difference, row, DifferenceDraft("CNY", "I1", None, 75000, "price", "list price of 2025")),
        change(runtime, statements.add_difference, row, DifferenceDraft("CNY", "X9", None, 1200, "not_ours")),
    ]
    with pytest.raises(Refusal, match="no_difference"):
        change(runtime, statements.add_difference, row, DifferenceDraft("CNY", "I1", 5, 5, "price"))
    with pytest.raises(Refusal, match="differences_open"):
        change(runtime, statements.confirm, row, None)
    for key in keys:
        change(runtime, statements.settle_difference, row, key, "credit note sent")
    with pytest.raises(Refusal, match="difference_settled"):
        change(runtime, statements.settle_difference, row, keys[0], "again")
    change(runtime, statements.confirm, row, "all clear")
    with pytest.raises(Refusal, match="changed_meanwhile"):
        runtime.write(FINANCE, lambda work: statements.confirm(work, row.id, None, 1))
    with runtime.read(SYSTEM) as view:
        found = storage.find_statement(view.session, ALL, row.id)
        lines = storage.load_differences(view.session, row.id)
    assert found and (found[0].state, found[0].sent_by_way, found[0].proof, found[0].returned_on) == ("confirmed", "courier", "SF123", date(2026, 3, 10))
    assert [(line.document_no, line.ours_minor, line.theirs_minor, line.settled_on) for line in lines] == [
        ("I1", 80000, 75000, date(2026, 3, 10)),
        ("X9", None, 1200, date(2026, 3, 10)),
    ]
    assert verify.verify(runtime) == []


def test_a_group_is_one_confirmation_but_a_demand_to_each_debtor(books: Runtime) -> None:
    confirmed: list[Made] = books.write(SYSTEM, lambda work: statements.make_group(work, "C1", Wish()))
    assert len(confirmed) == 1
    told = text(confirmed[0].pdf)
    assert "华北仁济医院（C1）未结清款项（CNY）" in told and "Second & Sons Ltd（C2）未结清款项（USD）" in told and "独立的债务人" in told
    demands: list[Made] = books.write(SYSTEM, lambda work: statements.make_group(work, "C1", Wish("demand")))
    assert [sorted(made.row.totals) for made in demands] == [["CNY"], ["USD"]]
    assert "I3" not in text(demands[0].pdf) and "华北仁济医院" not in text(demands[1].pdf)
    with books.read(SYSTEM) as view:
        assert all(statements.print_again(view.session, ALL, made.row.id)[2] for made in (*confirmed, *demands))


def unpacked(pieces: Any) -> dict[str, bytes]:
    archive = zipfile.ZipFile(io.BytesIO(b"".join(pieces)))
    assert archive.testzip() is None
    return {name: archive.read(name) for name in archive.namelist()}


def test_a_batch_is_one_archive_and_each_of_its_files_comes_back(runtime: Runtime) -> None:
    """Three customers have a balance, two of them something overdue; C2 is the one dealer with something overdue."""
    fill(runtime)
    files = unpacked(statements.batch(runtime, FINANCE, statements.plan(runtime, FINANCE, Wish(), Which())))
    index = list(csv.DictReader(io.StringIO(files.pop("index.csv").decode())))
    assert [(row["customer_no"], row["currency"], row["balance"]) for row in index] == [("C1", "CNY", "820.05"), ("C2", "USD", "40.00"), ("C3", "CNY", "70.00")]
    with runtime.read(SYSTEM) as view:
        for row in index:
            found = storage.load_page(view.session, ALL, storage.StatementWish(text=row["number"]), None, 2)
            assert len(found) == 1 and statements.print_again(view.session, ALL, found[0][0].id)[1:] == (files[row["file"]], True)
    late = unpacked(statements.batch(runtime, FINANCE, statements.plan(runtime, FINANCE, Wish("demand"), Which(segment="dealer"))))
    assert len(late) == 2 and "Second & Sons" in text(next(iter(late.values())))
    with pytest.raises(Refusal, match="no_statements"):
        statements.plan(runtime, FINANCE, Wish("demand"), Which(segment="nobody"))
    assert verify.verify(runtime) == []


def test_what_was_given_out_is_recorded_when_the_receiver_goes_away(books: Runtime) -> None:
    pieces = statements.batch(books, FINANCE, statements.plan(books, FINANCE, Wish(), Which()))
    next(pieces)
    pieces.close()
    with books.read(SYSTEM) as view:
        assert storage.count_states(view.session, ALL) == {"made": 1}


@pytest.mark.parametrize("processors", [1, 2])
def test_a_customer_that_fails_ends_the_batch_after_those_before_him(books: Runtime, monkeypatch: pytest.MonkeyPatch, processors: int) -> None:
    """The third customer's lines do not add up: the two before are given out and recorded, by one process as by two."""
    monkeypatch.setattr(workers, "WORTH", 0)
    monkeypatch.setattr(workers, "processors", lambda: processors)
    planned = statements.plan(books, FINANCE, Wish(), Which())
    totals, told = statements.reports.totals, []

    def failing(sections: Any) -> Any:
        told.append(sections)
        if len(told) == 3:
            raise Refusal("does_not_tie_out", None, report="1", control="2", currency="CNY")
        return totals(sections)

    monkeypatch.setattr(statements.reports, "totals", failing)
    given: list[int] = []
    with pytest.raises(Refusal, match="does_not_tie_out"):
        list(statements.batch(books, FINANCE, planned, given.append))
    assert given == [1, 2]
    with books.read(SYSTEM) as view:
        assert storage.count_states(view.session, ALL) == {"made": 2}
    assert verify.verify(books) == []


def test_a_batch_by_processes_is_the_same_archive(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    """The planned batch drawn here and by two processes: the same rows and bytes; what comes out is recorded as one drawn here."""
    fill(runtime)
    planned = statements.plan(runtime, FINANCE, Wish(), Which())
    here = [(row.number, row.totals, row.file_hash, pdf) for row, pdf in statements._each(runtime, FINANCE, planned)]
    monkeypatch.setattr(workers, "WORTH", 0)
    monkeypatch.setattr(workers, "processors", lambda: 2)
    there = [(row.number, row.totals, row.file_hash, pdf) for row, pdf in statements._each(runtime, FINANCE, planned)]
    assert there == here and len(here) == 3
    files = unpacked(statements.batch(runtime, FINANCE, planned))
    assert [files[name] for name in sorted(files) if name.endswith(".pdf")] == [pdf for _number, _totals, _hash, pdf in here]
    with runtime.read(SYSTEM) as view:
        made = [storage.load_page(view.session, ALL, storage.StatementWish(text=number), None, 2)[0][0] for number, *_ in here]
        assert [(row.file_hash, row.totals, row.state, row.by) for row in made] == [(digest, totals, "made", "fang") for _number, totals, digest, _pdf in here]
        assert all(statements.print_again(view.session, ALL, row.id)[2] for row in made)


def test_a_batch_asks_the_same_few_questions_whatever_its_size(books: Runtime) -> None:
    """Nothing is asked for each customer, neither while they are drawn nor when they are recorded."""

    def asked(customers: int) -> int:
        planned = statements.plan(books, FINANCE, Wish(), Which())
        planned = replace(planned, customers=planned.customers[:customers], ids=planned.ids[:customers])
        said: list[str] = []
        with listening(books, said):
            list(statements.batch(books, FINANCE, planned))
        return len(said)

    assert asked(1) == asked(3)


@contextmanager
def listening(runtime: Runtime, said: list[str]) -> Iterator[None]:
    """Every statement the database is sent."""

    def hear(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        said.append(statement)

    event.listen(runtime.engine, "before_cursor_execute", hear)
    try:
        yield
    finally:
        event.remove(runtime.engine, "before_cursor_execute", hear)


def test_who_may_and_what_does_not_exist_for_others(books: Runtime) -> None:
    """A rep makes confirmations of his own customers; demands and batches are for finance; auditors make nothing (S28)."""
    rep = Actor("rui", 5, Role.REP, Scope(frozenset({5})))
    with pytest.raises(NotFound):
        make(books, "C1", rep)
    for actor, wish in ((Actor("ao", 6, Role.AUDITOR, ALL), {}), (Actor("lan", 8, Role.LEAD, ALL), {"kind": "demand"})):
        with pytest.raises(Forbidden):
            make(books, "C1", actor, **wish)
    with pytest.raises(Forbidden):
        statements.plan(books, rep, Wish(), Which())
    assert not rep.may(Permission.SEND)
    row, _pdf = make(books, "C1")
    with books.read(rep) as view, pytest.raises(NotFound):
        statements.print_again(view.session, rep.scope, row.id)


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        ({"as_of": date(2026, 3, 11)}, "statement_in_future"),
        ({"since": date(2026, 3, 11)}, "bad_period"),
        ({"kind": "demand", "since": date(2026, 3, 1)}, "bad_period"),
        ({"kind": "demand", "pay_by": date(2026, 3, 9)}, "pay_by_too_early"),
        ({"kind": "hint"}, "not_a_choice"),
        ({"language": "fr"}, "not_a_choice"),
    ],
)
def test_wishes_that_cannot_be(sqlite_runtime: Runtime, wish: dict[str, Any], code: str) -> None:
    take_in(sqlite_runtime, "customers", CUSTOMERS)
    with pytest.raises(Refusal, match=code):
        make(sqlite_runtime, "C1", **wish)


def test_a_statement_that_does_not_tie_out_is_not_printed(books: Runtime) -> None:
    import sqlalchemy as sa

    with books.engine.connect() as connection:
        connection.exec_driver_sql("UPDATE day_total SET documents = documents + 1 WHERE currency = 'CNY'")
        connection.exec_driver_sql("UPDATE item SET amount_minor = amount_minor + 1 WHERE document_no = 'I1'")
        connection.commit()
        assert connection.execute(sa.text("SELECT count(*) FROM statement")).scalar() == 0
    with pytest.raises(Refusal, match="does_not_tie_out"):
        make(books, "C1")
    with pytest.raises(Refusal, match="does_not_tie_out"):
        statements.plan(books, FINANCE, Wish(), Which())
