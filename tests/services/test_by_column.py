"""Rows read by the column say what they say when they are read one by one; what is not plain is left to that."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from collect.domain.errors import Refusal
from collect.domain.rights import SYSTEM
from collect.exchange import forms
from collect.exchange.cells import Exact
from collect.runtime import Runtime, Work
from collect.services import cash_in, customers, intake, receivables
from tests.taking_in import take_in

INVOICE = ("invoice_no", "customer_no", "issue_date", "due_date", "currency", "amount", "doc_type", "status", "po_no", "description", "delivery_no")
INVOICES = [
    ("I1", "C1", "2026-01-05", "2026-02-05", "CNY", "12.50", "", "", "", "", ""),
    (" I2 ", "C1", "2026/1/5", "", "", "1,234.5", "invoice", "posted", "PO 1", "two  words", "D1, D2"),
    ("Ｉ３", "Ｃ1", "20260105", "2026年2月5日", "人民币", "¥7", "发票", "有效", "ＰＯ", "线缆", "D1；D1"),
    ("K1", "C1", "2026-01-05", "", "CNY", "-3.00", "credit_note", "void", "", "back", ""),
    ("I4", "C2", "2026-01-05", "2026-02-05", "", "700", "", "", "", "", ""),
    ("I5", "C1", "2026-01-05", "2026-02-05", "CNY", Exact("5"), "", "", "", "a\tb", ""),
    ("I6", "C1", "2026-01-05", "2026-01-05", "CNY", "0.01", "", "", "", "x" * 500, ""),
]
NO_INVOICES = [
    ("", "C1", "2026-01-05", "", "CNY", "1.00", "", "", "", "", ""),
    ("I1", "C9", "2026-01-05", "", "CNY", "1.00", "", "", "", "", ""),
    ("I1", "C1", "2026-02-30", "", "CNY", "1.00", "", "", "", "", ""),
    ("I1", "C1", "2026-02-05", "2026-01-05", "CNY", "1.00", "", "", "", "", ""),
    ("I1", "C1", "2026-01-05", "", "XXQ", "1.00", "", "", "", "", ""),
    ("I1", "C1", "2026-01-05", "", "CNY", "1.005", "", "", "", "", ""),
    ("I1", "C1", "2026-01-05", "", "CNY", "-1.00", "", "", "", "", ""),
    ("I1", "C1", "2026-01-05", "", "CNY", "", "", "", "", "", ""),
    ("I1", "C1", "2026-01-05", "", "CNY", "1.00", "letter", "", "", "", ""),
    ("I1", "C1", "2026-01-05", "", "CNY", "1.00", "", "gone", "", "", ""),
    ("I" * 65, "C1", "2026-01-05", "", "CNY", "1.00", "", "", "", "", ""),
    ("I1", "C1", "2026-01-05", "", "CNY", "1.00", "", "", "", "\x07", ""),
    (Exact("1.23457E+19"), "C1", "2026-01-05", "", "CNY", "1.00", "", "", "", "", ""),
]
PAYMENT = ("payment_ref", "customer_no", "date", "currency", "amount", "invoice_no", "allocated", "method", "bank_reference")
PAYMENTS = [
    ("P1", "C1", "2026-03-05", "CNY", "12.50", "I1", "", "", ""),
    ("P2", "C1", "2026-03-05", "CNY", "12.50", "", "", "转账", "0012"),
    ("P3", "C2", "2026-03-05", "", "12", "Ｉ4", "3", "transfer", ""),
]
NO_PAYMENTS = [
    ("P1", "C1", "2026-03-05", "CNY", "12.50", "", "3.00", "", ""),
    ("P1", "C1", "2026-03-05", "CNY", "0.00", "", "", "", ""),
    ("P1", "C1", "", "CNY", "1.00", "", "", "", ""),
    ("P1", "C1", "2026-03-05", "CNY", "1.00", "", "", "shells", ""),
    ("P1", "C1", "2026-03-05", "CNY", "1.00", "I1", "x", "", ""),
]


def _read(
    runtime: Runtime, kind: str, names: tuple[str, ...], rows: list[tuple[str, ...]], plain: Callable[..., list[Any]], single: Callable[..., Any]
) -> tuple[list[Any], list[Any]]:
    """What the columns make of the rows, all in one chunk and each alone, and what reading each row makes of it (None: refused)."""
    index = {name: at for at, name in enumerate(names)} | {"#width": len(names)}

    def act(work: Work) -> tuple[list[Any], list[Any]]:
        batch = intake.Batch(work, kind, index, forms.Forms("ymd", "."), 1, frozenset(), lambda row, refusal: None)
        accounts = customers.accounts(batch, ["C1", "C2"])
        groups = [[intake.Row(line, [*cells, ""])] for line, cells in enumerate(rows, 2)]
        together = plain(batch, groups, accounts)
        assert together == [plain(batch, [group], accounts)[0] for group in groups]
        one_by_one = []
        for (row,) in groups:
            try:
                one_by_one.append(single(batch, row, accounts))
            except Refusal:
                one_by_one.append(None)
        return together, one_by_one

    return runtime.write(SYSTEM, act)


def test_columns_say_what_rows_say(sqlite_runtime: Runtime) -> None:
    take_in(sqlite_runtime, "customers", "customer_no,name,currency\nC1,甲公司,CNY\nC2,乙,JPY\n")

    def invoice(batch: intake.Batch, row: intake.Row, accounts: dict[str, customers.Account]) -> Any:
        kind = batch.choice(row, "doc_type", "invoice") or "invoice"
        return receivables.read_invoice(batch, row, accounts, kind), kind

    by_column, by_row = _read(sqlite_runtime, "invoices", INVOICE, INVOICES + NO_INVOICES, receivables._read_plain, invoice)
    assert by_column == by_row
    assert [found is not None for found in by_column] == [True] * len(INVOICES) + [False] * len(NO_INVOICES)
    assert [draft.amount for draft, _ in by_column[: len(INVOICES)]] == [1250, 123450, 700, 300, 700, 500, 1]
    by_column, by_row = _read(sqlite_runtime, "payments", PAYMENT, PAYMENTS + NO_PAYMENTS, cash_in._read_plain, cash_in._read)
    assert by_column == by_row
    assert [found is not None for found in by_column] == [True] * len(PAYMENTS) + [False] * len(NO_PAYMENTS)


def test_a_group_of_rows_and_a_row_that_goes_on_are_no_plain_rows(sqlite_runtime: Runtime) -> None:
    take_in(sqlite_runtime, "customers", "customer_no,name\nC1,甲公司\n")
    index = {name: at for at, name in enumerate(INVOICE)} | {"#width": len(INVOICE)}

    def act(work: Work) -> list[Any]:
        batch = intake.Batch(work, "invoices", index, forms.Forms("ymd", "."), 1, frozenset(), lambda row, refusal: None)
        row = intake.Row(2, [*INVOICES[0], ""])
        return receivables._read_plain(batch, [[row, row], [intake.Row(3, [*INVOICES[0], "more", ""])], [row]], customers.accounts(batch, ["C1"]))

    assert [found is not None for found in sqlite_runtime.write(SYSTEM, act)] == [False, False, True]


def test_signs_that_a_database_might_take_for_its_own_are_kept(runtime: Runtime) -> None:
    """PostgreSQL gets rows as text, in which a backslash and \\N have a meaning of their own."""
    take_in(runtime, "customers", "customer_no,name\nC1,甲公司\n")
    texts = ["C:\\new\\table", "\\N", '"quoted" | piped', "100 %", "\\"]
    rows = "".join(f'I{n},C1,2026-01-05,2026-02-05,1,"{text.replace(chr(34), chr(34) * 2)}"\n' for n, text in enumerate(texts))
    take_in(runtime, "invoices", "invoice_no,customer_no,issue_date,due_date,amount,description\n" + rows)
    with runtime.read(SYSTEM) as view:
        assert list(view.session.execute(sa.text("SELECT description FROM item ORDER BY document_no")).scalars()) == texts
