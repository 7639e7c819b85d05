"""Columns of a bank's table placed by somebody: names, heads, saved layouts, and balances that bear the lines out."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from collect.domain.errors import Refusal
from collect.exchange.bank import layout, reading
from collect.exchange.bank.layout import Placing
from collect.exchange.bank.shape import Statement
from collect.exchange.cells import Limits

LIMITS = Limits(100 << 20, 1_000_000, 200, 32_768, 400 << 20, 200)
OWN = Placing({"when": "day", "who": "payer", "how much": "amount", "left": "balance", "why": ""}, name="own")


def read(text: str, placing: Placing | None = None, saved: tuple[Placing, ...] = ()) -> list[Statement]:
    return reading.read(text.encode(), "t.csv", LIMITS, placing, saved, "CNY")[0]


def table(*rows: str) -> str:
    return "when,who,how much,left,why\n" + "".join(f"{row}\n" for row in rows)


@pytest.mark.parametrize(
    ("rows", "opening", "closing"),
    [
        (("2026-03-01,A,10,110,", "2026-03-02,B,-5,105,"), 10000, 10500),
        (("2026-03-02,B,-5,105,", "2026-03-01,A,10,110,"), 10000, 10500),
        (("2026-03-01,B,-5,105,", "2026-03-01,A,10,110,"), 10000, 10500),
        (("2026-03-01,A,10,,", "2026-03-01,B,-5,105,", "2026-03-02,C,1,106,"), 10000, 10600),
        (("2026-03-01,A,10,110,", "2026-03-02,C,1,,"), 10000, None),
        (("2026-03-01,A,10,,",), None, None),
    ],
)
def test_balances_tell_opening_and_closing_whichever_day_comes_first(rows: tuple[str, ...], opening: int | None, closing: int | None) -> None:
    """100 + 10 - 5 = 105; the second and third table begin with the last line, the fourth has a line without a balance."""
    (found,) = read(table(*rows), OWN)
    assert (found.opening, found.closing) == (opening, closing)


def test_a_line_that_does_not_follow_from_the_one_before_refuses_the_table() -> None:
    with pytest.raises(Refusal) as told:
        read(table("2026-03-01,A,10,110,", "2026-03-02,B,-5,105,", "2026-03-03,C,1,107,"), OWN)
    assert (told.value.code, told.value.params["line"], told.value.params["expected"]) == ("statement_balance", 4, "106.00")
    with pytest.raises(Refusal, match="bad_statement_line"):
        read(table("2026-03-01,A,10,much,"), OWN)


def test_money_that_is_neither_in_nor_out_leaves_a_gap_that_proves_nothing() -> None:
    way = Placing({"day": "day", "way": "direction", "sum": "amount", "left": "balance"})
    (found,) = read("day,way,sum,left\n2026-03-01,收入,10,110\n2026-03-02,/,50,60\n2026-03-03,支出,5,55\n", way)
    assert (found.opening, [entry.amount for entry in found.entries], [(row.line, row.moved) for row in found.left_out]) == (None, [1000, -500], [(3, True)])


def test_a_saved_layout_is_known_by_all_of_its_headings_and_goes_before_the_words_of_banks() -> None:
    """With the column `why` away it is another layout; of two that fit the one with more headings decides."""
    rows = table("2026-03-01,A,10,110,x")
    few = Placing({"when": "day", "how much": "amount"}, name="few")
    assert read(rows, None, (few, OWN))[0].mapping == "own"
    assert read("when,who,how much,left\n2026-03-01,A,10,110\n", None, (few, OWN))[0].mapping == "few"
    with pytest.raises(Refusal, match="statement_no_head"):
        read("when,who,left,why\n2026-03-01,A,10,110\n", None, (few, OWN))
    banks = "Date,Amount,Balance,Payer\n2026-03-01,+10,7,A\n"
    assert read(banks)[0].mapping == "" and (read(banks)[0].opening, read(banks)[0].closing) == (-300, 700)
    swapped = Placing({"Date": "day", "Amount": "balance", "Balance": "amount", "Payer": ""}, name="swapped")
    (found,) = read(banks, None, (swapped,))
    assert (found.entries[0].amount, found.closing, found.entries[0].payer) == (700, 1000, "")


def test_columns_of_one_name_or_none_are_told_apart() -> None:
    assert layout.names_of(["金额", "", "金额", "金额 #2", ""]) == ["金额", "#2", "金额 #2", "金额 #2 #2", "#5"]
    (found,) = read("d,a,a,\n2026-03-01,1,2,x\n", Placing({"d": "day", "a": "balance", "a #2": "amount", "#4": "payer"}))
    assert (found.entries[0].amount, found.entries[0].payer, found.closing) == (200, "x", 100)


@pytest.mark.parametrize(
    ("columns", "code"),
    [
        ({"when": "day"}, "statement_no_head"),
        ({"when": "day", "who": "day", "how much": "amount"}, "statement_column_twice"),
        ({"when": "day", "left": "in", "how much": "amount"}, "statement_amounts_both"),
        ({"when": "day", "who": "moon", "how much": "amount"}, "unknown_column"),
        ({"when": "day", "gone": "amount"}, "statement_no_head"),
    ],
)
def test_columns_that_cannot_be_right_are_refused(columns: dict[str, str], code: str) -> None:
    with pytest.raises(Refusal, match=code):
        read(table("2026-03-01,A,10,110,"), Placing(columns))


def book_of(**sheets: Sequence[Sequence[object]]) -> bytes:
    """A workbook with these sheets, in order."""
    import io

    import xlsxwriter

    file = io.BytesIO()
    with xlsxwriter.Workbook(file) as book:
        for name, rows in sheets.items():
            sheet = book.add_worksheet(name)
            for at, row in enumerate(rows):
                sheet.write_row(at, 0, row)
    return file.getvalue()


NOTES = (("说明", ""), ("请核对后付款", "2026-03-01"))
FIRST = (("交易日期", "对方户名", "收入", "支出"), ("2026-03-01", "甲公司", "10.00", ""))
SECOND = (("交易日期", "对方户名", "收入", "支出"), ("2026-03-02", "乙公司", "20.00", ""))


def days_of(content: bytes, sheet: str | None = None, saved: Sequence[Placing] = ()) -> list[tuple[str, int]]:
    (found,) = reading.read(content, "t.xlsx", LIMITS, None, saved, "CNY", sheet)[0]
    return [(entry.day.isoformat(), entry.amount) for entry in found.entries]


def test_the_sheet_with_the_table_is_read_wherever_it_stands() -> None:
    """Notes before it, headings alone after it: 10.00 of 1 March. A named sheet is read whatever the others hold."""
    assert days_of(book_of(Notes=NOTES, March=FIRST, April=FIRST[:1])) == [("2026-03-01", 1000)]
    assert days_of(book_of(Empty=(), March=SECOND)) == [("2026-03-02", 2000)]
    assert days_of(book_of(March=FIRST, April=SECOND), "April") == [("2026-03-02", 2000)]
    own = (("tag", "wer", "betrag"), ("2026-03-03", "C GmbH", "30.00"))
    assert days_of(book_of(Notes=NOTES, Own=own), None, [Placing({"tag": "day", "wer": "payer", "betrag": "amount"}, name="own")]) == [("2026-03-03", 3000)]


def test_several_sheets_with_tables_are_refused_by_name_and_none_is_dropped() -> None:
    with pytest.raises(Refusal) as refused:
        days_of(book_of(March=FIRST, Notes=NOTES, April=SECOND))
    assert (refused.value.code, refused.value.params["sheets"]) == ("statement_sheets", "March, April")
    with pytest.raises(Refusal, match="unknown_sheet"):
        days_of(book_of(March=FIRST, April=SECOND), "May")


def test_a_spreadsheets_own_numbers_and_days_are_read_whatever_the_table_writes() -> None:
    """Excel day 46,082 is 1 March 2026; 1.005 as a number is 1.005 though the texts have decimal commas."""
    import io

    import xlsxwriter

    file = io.BytesIO()
    with xlsxwriter.Workbook(file) as book:
        sheet = book.add_worksheet()
        for at, row in enumerate((("when", "who", "how much", "left", "why"), (46082, "A", 1.005, None, None), ("2026-03-02", "B", "2,500", None, None))):
            sheet.write_row(at, 0, row)
    (found,) = reading.read(file.getvalue(), "t.xlsx", LIMITS, Placing(OWN.columns, decimal=","), (), "KWD")[0]
    assert [(entry.day.isoformat(), entry.amount) for entry in found.entries] == [("2026-03-01", 1005), ("2026-03-02", 2500)]
