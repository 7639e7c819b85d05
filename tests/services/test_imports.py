"""What an import stores, changes, leaves and refuses, on both engines."""

from __future__ import annotations

import random
from datetime import date

import pytest
import sqlalchemy as sa

from collect import sentences
from collect.domain.errors import Refusal
from collect.domain.rights import SYSTEM
from collect.runtime import Runtime
from collect.services import imports, months, verify
from collect.storage import audit
from tests.conftest import FixedClock
from tests.taking_in import counts, take_in

CUSTOMERS = "customer_no,name,terms\nC1,甲公司,NET30\nC2,乙医院,\nC3,丙,30/50+60/50\n"


@pytest.fixture
def books(runtime: Runtime) -> Runtime:
    take_in(runtime, "customers", CUSTOMERS)
    return runtime


def codes(result: imports.Result) -> list[tuple[int, str, str | None]]:
    return [(error.line, error.refusal.code, error.refusal.field) for error in result.errors]


def column(runtime: Runtime, statement: str) -> list[object]:
    with runtime.read(SYSTEM) as view:
        return list(view.session.execute(sa.text(statement)).scalars())


BAD_ROWS = [
    ("I1,C1,2026-01-05,2026-02-05,1e3", "bad_amount", "amount"),
    ("I1,C1,2026-01-05,2026-02-05,", "missing_value", "amount"),
    ("I1,C1,2026-01-05,2026-02-05,NaN", "bad_amount", "amount"),
    ("I1,C1,2026-01-05,2026-02-05,1.005", "too_many_decimals", "amount"),
    ("I1,C1,2026-01-05,2026-02-05,-5", "invoice_not_positive", "amount"),
    ("I1,C1,2026-01-05,2026-02-05,0", "invoice_not_positive", "amount"),
    ("I1,C1,2026-02-05,2026-01-05,5", "due_before_issue", "due_date"),
    ("I1,C1,2026-02-30,2026-03-05,5", "bad_date", "issue_date"),
    ("I1,C7,2026-01-05,2026-02-05,5", "unknown_customer", "customer_no"),
    ("I1,C2,2026-01-05,,5", "no_due_date", "due_date"),
    (",C1,2026-01-05,2026-02-05,5", "missing_value", "invoice_no"),
    ("I1,C1,2026-01-05,2026-02-05,5,more", "extra_cells", None),
    ("I1,C1,2026-01-05,2026-02-05,99999999999999999999", "amount_too_large", "amount"),
    ("I1\x07,C1,2026-01-05,2026-02-05,5", "control_characters", "invoice_no"),
    ("I1" * 40 + ",C1,2026-01-05,2026-02-05,5", "too_long", "invoice_no"),
]


@pytest.mark.parametrize(("row", "code", "field"), BAD_ROWS, ids=[code + str(n) for n, (_, code, _) in enumerate(BAD_ROWS)])
def test_a_bad_row_is_refused_alone_and_with_its_reason(sqlite_runtime: Runtime, row: str, code: str, field: str | None) -> None:
    """The good row beside it goes in; the refused file names line and reason; the sentence has no placeholder left."""
    take_in(sqlite_runtime, "customers", CUSTOMERS)
    result = take_in(sqlite_runtime, "invoices", f"invoice_no,customer_no,issue_date,due_date,amount\n{row}\nGOOD,C1,2026-01-05,2026-02-05,7.00\n")
    assert counts(result) == (1, 0, 0, 1)
    assert codes(result) == [(2, code, field)]
    assert "{" not in sentences.say(result.errors[0].refusal) and sentences.say(result.errors[0].refusal) != str(result.errors[0].refusal)
    refused = imports.refused_text(result)
    assert refused.splitlines()[0].endswith("line,reason") and ",2," in refused
    assert column(sqlite_runtime, "SELECT document_no FROM item") == ["GOOD"]


def test_strict_refuses_the_file_and_a_dry_run_stores_nothing(books: Runtime) -> None:
    rows = "invoice_no,customer_no,issue_date,due_date,amount\nGOOD,C1,2026-01-05,2026-02-05,7.00\nBAD,C1,2026-01-05,2026-02-05,x\n"
    anchor = verify.anchor_of(books)
    assert take_in(books, "invoices", rows, strict=True).refused == 1
    assert counts(take_in(books, "invoices", rows, dry_run=True)) == (1, 0, 0, 1)
    assert column(books, "SELECT document_no FROM item") == []
    assert column(books, "SELECT id FROM import_run WHERE kind = 'invoices'") == []
    assert verify.anchor_of(books) == anchor


def test_money_fields_of_a_known_number_are_refused_and_descriptive_ones_change_on_record(books: Runtime) -> None:
    head = "invoice_no,customer_no,issue_date,due_date,amount,description\n"
    take_in(books, "invoices", head + "I1,C1,2026-01-05,2026-02-05,100.00,first\n")
    for changed, field in (
        ("C2,2026-01-05,2026-02-05,100.00", "customer_no"),
        ("C1,2026-01-06,2026-02-05,100.00", "issue_date"),
        ("C1,2026-01-05,2026-02-06,100.00", "due_date"),
        ("C1,2026-01-05,2026-02-05,100.01", "amount"),
    ):
        result = take_in(books, "invoices", f"{head}I1,{changed},first\n")
        assert codes(result) == [(2, "document_differs", field)]
    assert counts(take_in(books, "invoices", head + "I1,C1,2026-01-05,2026-02-05,100.00,second\n")) == (0, 1, 0, 0)
    assert counts(take_in(books, "invoices", head + "I1,C1,2026-01-05,,100.00,\n")) == (0, 0, 1, 0)
    assert column(books, "SELECT description FROM item") == ["second"]
    with books.read(SYSTEM) as view:
        note = audit.load_notes(view.session, "invoice", "I1")[0]
    assert (note.before, note.after) == ('{"description":"first"}', '{"description":"second"}')
    assert verify.verify(books) == []


def test_terms_make_instalments_that_add_up(books: Runtime) -> None:
    """30/50+60/50 on 100.01 issued 31 January 2026: 50.01 due 2 March, 50.00 due 1 April (largest remainder, earlier part first)."""
    take_in(books, "invoices", "invoice_no,customer_no,issue_date,amount\nI1,C3,2026-01-31,100.01\n")
    with books.read(SYSTEM) as view:
        rows = view.session.execute(sa.text("SELECT part, parts, amount_minor FROM item ORDER BY part")).all()
        dues = [item.due_date for item in view.session.scalars(sa.select(imports.receivables.Item).order_by(imports.receivables.Item.part))]
    assert [tuple(row) for row in rows] == [(1, 2, 5001), (2, 2, 5000)]
    assert dues == [date(2026, 3, 2), date(2026, 4, 1)]
    assert counts(take_in(books, "invoices", "invoice_no,customer_no,issue_date,amount\nI1,C3,2026-01-31,100.01\n")) == (0, 0, 1, 0)
    assert verify.verify(books) == []


def test_voiding_by_file_is_a_dated_entry_and_final(books: Runtime, clock: FixedClock) -> None:
    head = "invoice_no,customer_no,issue_date,due_date,amount,status\n"
    take_in(books, "invoices", head + "I1,C1,2026-01-05,2026-02-05,100.00,posted\nI2,C1,2026-01-05,2026-02-05,50.00,作废\n")
    assert column(books, "SELECT open_minor FROM item ORDER BY document_no") == [10000, 0]
    clock.set("2026-03-12T02:00:00")
    assert counts(take_in(books, "invoices", head + "I1,C1,2026-01-05,2026-02-05,100.00,void\n")) == (0, 1, 0, 0)
    assert counts(take_in(books, "invoices", head + "I1,C1,2026-01-05,2026-02-05,100.00,void\n")) == (0, 0, 1, 0)
    assert codes(take_in(books, "invoices", head + "I1,C1,2026-01-05,2026-02-05,100.00,posted\n")) == [(2, "document_void", "status")]
    assert column(books, "SELECT open_minor FROM item") == [0, 0]
    assert verify.verify(books) == []


def test_receipts_over_several_invoices_wherever_their_rows_stand(books: Runtime) -> None:
    """P1 of 120.00 is told by rows 2 and 4: 100.00 to I1, the rest (20.00) to I2; P2's row between them does no harm."""
    take_in(books, "invoices", "invoice_no,customer_no,issue_date,due_date,amount\nI1,C1,2026-01-05,2026-02-05,100.00\nI2,C1,2026-01-06,2026-02-06,50.00\n")
    rows = ["P1,C1,2026-02-01,120.00,I1,100.00", "P2,C1,2026-02-03,9.00,,", "P1,C1,2026-02-01,120.00,I2,"]
    text = "payment_ref,customer_no,date,amount,invoice_no,allocated\n"
    assert counts(take_in(books, "payments", text + "\n".join(rows))) == (3, 0, 0, 0)
    assert column(books, "SELECT open_minor FROM item ORDER BY document_no") == [0, 3000]
    assert column(books, "SELECT open_minor FROM credit ORDER BY number") == [0, 900]
    rng = random.Random(1)
    for _ in range(3):
        rng.shuffle(rows)
        assert counts(take_in(books, "payments", text + "\n".join(rows))) == (0, 0, 3, 0)
    assert verify.verify(books) == []


def test_one_bad_row_refuses_the_whole_receipt(books: Runtime) -> None:
    take_in(books, "invoices", "invoice_no,customer_no,issue_date,due_date,amount\nI1,C1,2026-01-05,2026-02-05,100.00\nJ1,C2,2026-01-05,2026-02-05,100.00\n")
    text = "payment_ref,customer_no,date,amount,invoice_no,allocated\n"
    result = take_in(
        books,
        "payments",
        text + "P1,C1,2026-02-01,120.00,I1,\nP1,C1,2026-02-01,121.00,,\nP2,C1,2026-02-01,5.00,J1,\nP3,C1,2026-02-01,5.00,NONE,\nP4,C1,2026-02-01,500.00,I1,101.00\n",
    )
    assert counts(result) == (0, 0, 0, 5)
    assert [(line, code) for line, code, _ in sorted(codes(result), key=lambda entry: entry[0])] == [
        (2, "rows_disagree"),
        (3, "refused_with_line"),
        (4, "invoice_of_other_customer"),
        (5, "unknown_invoice"),
        (6, "allocation_beyond_item"),
    ]
    assert column(books, "SELECT number FROM credit") == []


def test_row_order_decides_nothing_when_receipts_reach_for_one_invoice(books: Runtime) -> None:
    """100.00 owed, 80.00 paid on 1 February and 80.00 on 9 February: the earlier receipt is used up in either order of rows."""
    head = "payment_ref,customer_no,date,amount,invoice_no\n"
    rows = ["P9,C1,2026-02-09,80.00,I1", "P1,C1,2026-02-01,80.00,I1"]
    take_in(books, "invoices", "invoice_no,customer_no,issue_date,due_date,amount\nI1,C1,2026-01-05,2026-02-05,100.00\n")
    take_in(books, "payments", head + "\n".join(rows))
    assert column(books, "SELECT open_minor FROM credit ORDER BY number") == [0, 6000]


def test_a_number_twice_with_other_content_refuses_both_rows(books: Runtime) -> None:
    head = "invoice_no,customer_no,issue_date,due_date,amount\n"
    result = take_in(
        books, "invoices", head + "I1,C1,2026-01-05,2026-02-05,5.00\nI2,C1,2026-01-05,2026-02-05,5.00\nI1,C1,2026-01-05,2026-02-05,6.00\nI2,C1,2026-01-05,2026-02-05,5.00\n"
    )
    assert counts(result) == (1, 0, 1, 2)
    assert {code for _, code, _ in codes(result)} == {"number_twice_in_file"}
    lines = [error.line for error in result.errors]
    assert lines == sorted(lines) and [error.refusal.params["line"] for error in result.errors] == lines[::-1]  # each names the other


def test_a_file_of_refused_credits_can_be_corrected_and_taken_in(books: Runtime) -> None:
    """It already has a column `reason`; the one that says why a row was refused is called otherwise."""
    result = take_in(books, "credits", "credit_no,customer_no,date,amount,reason\nK1,C7,2026-01-05,5.00,rebate\n")
    refused = imports.refused_text(result)
    assert refused.splitlines()[0] == "credit_no,customer_no,date,amount,reason,line,refused_reason"
    again = take_in(books, "credits", refused.replace("C7", "C1"))
    assert counts(again) == (1, 0, 0, 0)
    assert column(books, "SELECT reason FROM credit") == ["rebate"]


def test_whole_days_as_a_spreadsheet_writes_them(books: Runtime) -> None:
    """A column of days with gaps is exported as 30.0; one overlong cell refuses its row and no other."""
    result = take_in(books, "customers", f"customer_no,name,payment_terms_days\nC8,辛,30.0\nC9,{'长' * 5000},45\n")
    assert counts(result) == (1, 0, 0, 1) and codes(result) == [(3, "too_long", "name")]
    assert column(books, "SELECT terms FROM customer WHERE customer_no = 'C8'") == ["NET30"]


def test_a_closed_month_takes_no_document(books: Runtime) -> None:
    books.write(SYSTEM, lambda work: months.close(work, "2026-01"))
    result = take_in(books, "invoices", "invoice_no,customer_no,issue_date,due_date,amount\nI1,C1,2026-01-31,2026-02-05,5.00\nI2,C1,2026-02-01,2026-02-05,5.00\n")
    assert counts(result) == (1, 0, 0, 1)
    assert codes(result) == [(2, "month_closed", "issue_date")]
    with pytest.raises(Refusal, match="missing_reason"):
        books.write(SYSTEM, lambda work: months.reopen(work, "2026-01", " "))


def test_customers_change_on_record_and_unknown_people_are_refused(books: Runtime) -> None:
    result = take_in(books, "customers", "customer_no,name,rep,parent_no\nC1,甲集团,,C2\nC4,丁,nobody,\n")
    assert counts(result) == (0, 1, 0, 1)
    assert codes(result) == [(3, "unknown_user", "rep")]
    assert column(books, "SELECT name FROM customer WHERE customer_no = 'C1'") == ["甲集团"]
    assert column(books, "SELECT p.customer_no FROM customer c JOIN customer p ON p.id = c.parent_id") == ["C2"]
    again = take_in(books, "customers", "customer_no,name,parent_no\nC2,乙医院,C1\n")
    assert [notice.code for notice in again.notices] == ["parent_cycle"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("invoice_no,customer_no,issue_date\nI1,C1,2026-01-05\n", "missing_column"),
        ("invoice_no,customer_no,issue_date,amount\nI1,C1,3/5/2026,5\n", "ambiguous_dates"),
        ('invoice_no,customer_no,issue_date,amount\nI1,"C1,2026-01-05,5\n', "unclosed_quote"),
        ("", "empty_file"),
    ],
)
def test_a_file_that_cannot_be_read_one_way_is_refused_whole(books: Runtime, text: str, code: str) -> None:
    with pytest.raises(Refusal) as caught:
        take_in(books, "invoices", text)
    assert caught.value.code == code
    assert "{" not in sentences.say(caught.value)


def test_the_same_file_again_is_known_at_once_until_the_books_have_changed(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unread the second time: nothing was recorded since. After another file wrote another description the rows are compared again, and it changes back."""
    take_in(runtime, "customers", "customer_no,name\nC1,A\n")
    first = "invoice_no,customer_no,issue_date,due_date,amount,description\nI1,C1,2026-01-02,2026-02-01,10.00,first\nI2,C1,2026-01-03,2026-02-01,20.00,\n"
    assert take_in(runtime, "invoices", first).new == 2
    read: list[str] = []
    compared = imports._first_pass
    monkeypatch.setattr(imports, "_first_pass", lambda sheet, *rest: read.append(sheet.name) or compared(sheet, *rest))
    again = take_in(runtime, "invoices", first)
    assert (again.new, again.changed, again.unchanged, again.refused, read) == (0, 0, 2, 0, [])
    take_in(runtime, "payments", "payment_ref,customer_no,date,amount,invoice_no\nR1,C1,2026-02-02,10.00,I1\n")
    read.clear()
    assert take_in(runtime, "invoices", first, dry_run=True).unchanged == 2 and read == []
    assert take_in(runtime, "invoices", first, dates="dmy").unchanged == 2 and len(read) == 1  # another reading is another file
    assert take_in(runtime, "invoices", first.replace("first", "second").replace("I2,C1,2026-01-03,2026-02-01,20.00,\n", "")).changed == 1
    back = take_in(runtime, "invoices", first)
    assert (back.changed, back.unchanged, len(read)) == (1, 1, 3)
    assert verify.verify(runtime) == []
