"""CSV and XLSX as others read them back: every cell, no formula that runs, exact amounts, speed that does not decay."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from collect import i18n, sentences
from collect.domain import money
from collect.domain.errors import Refusal
from collect.exchange import export
from collect.table import Column, Table

COLUMNS = (
    Column("invoice_no", "Invoice", "code"),
    Column("name", "Name"),
    Column("due", "Due date", "date"),
    Column("days", "Days", "integer"),
    Column("currency", "Currency", "code"),
    Column("open", "Open", "money"),
)
ROWS = (
    ("000123", "华北医疗器械有限公司", date(2026, 3, 5), 26, "CNY", 140950),
    ("INV-2", 'Says "hi", twice', None, None, "JPY", -1200),
    ("3", "", date(2012, 2, 29), 0, "KWD", 1),
    ("4", None, date(2026, 1, 1), -3, "CNY", None),
)
TABLE = Table(
    "Open items",
    COLUMNS,
    ROWS,
    totals=(("Total", None, None, None, "CNY", 140950), ("Total", None, None, None, "JPY", -1200)),
    facts=(("As of", "2026-03-31"), ("Basis", "-")),
    notes=("All is well.",),
    currency=4,
)
CHINESE = {"Open items": "未清项", "Invoice": "发票号", "Name": "客户名称", "Due date": "到期日", "Days": "天数", "Currency": "币种"}
CHINESE |= {"Open": "未清金额", "Total": "合计", "As of": "截止日"}


@pytest.fixture
def chinese(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(i18n, "catalogue", lambda language: CHINESE if language == "zh" else {})


def read_csv(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def read_xlsx(data: bytes) -> list[list[Any]]:
    return CalamineWorkbook.from_filelike(io.BytesIO(data)).get_sheet_by_index(0).to_python(skip_empty_area=False)


def one_column(kind: Any, *values: Any, currency: str = "CNY") -> Table:
    return Table("T", (Column("c", "C", "code"), Column("v", "V", kind)), [(currency, value) for value in values], currency=0)


def test_a_program_reads_fixed_english_keys_and_plain_values() -> None:
    """Amounts by hand: 140950 fen are 1409.50, 1200 yen have no decimals, 1 fils is 0.001 dinar."""
    data = export.csv_bytes(TABLE)
    assert not data.startswith(b"\xef\xbb\xbf")
    assert data.count(b"\r\n") == 5
    assert read_csv(data) == [
        ["invoice_no", "name", "due", "days", "currency", "open"],
        ["000123", "华北医疗器械有限公司", "2026-03-05", "26", "CNY", "1409.50"],
        ["INV-2", 'Says "hi", twice', "", "", "JPY", "-1200"],
        ["3", "", "2012-02-29", "0", "KWD", "0.001"],
        ["4", "", "2026-01-01", "-3", "CNY", ""],
    ]


def test_a_person_reads_labels_in_his_language(chinese: None) -> None:
    data = export.csv_bytes(TABLE, "zh", bom=True)
    assert data.startswith(b"\xef\xbb\xbf")
    assert read_csv(data)[0] == ["发票号", "客户名称", "到期日", "天数", "币种", "未清金额"]
    assert read_csv(export.csv_bytes(TABLE, "en"))[0] == ["Invoice", "Name", "Due date", "Days", "Currency", "Open"]


@given(st.lists(st.tuples(st.sampled_from(["CNY", "JPY", "KWD", "CLF"]), st.none() | st.integers(-money.LIMIT, money.LIMIT)), max_size=30))
def test_every_amount_is_written_as_money_writes_it(rows: list[tuple[str, int | None]]) -> None:
    """The column-wise short cut and the plain way agree, in columns of one currency and of several."""
    for some in (rows, [row for row in rows if row[0] == "CNY"], [row for row in rows if row[0] == "KWD" and row[1] is not None]):
        table = Table("T", (Column("c", "C", "code"), Column("v", "V", "money")), some)
        told = [row[1] for row in read_csv(export.csv_bytes(table))[1:]]
        assert told == ["" if value is None else money.plain(value, currency) for currency, value in some]


def test_more_rows_than_a_chunk_all_come_in_order() -> None:
    rows = [("CNY", number) for number in range(2 * export.CHUNK + 7)]
    told = read_csv(export.csv_bytes(Table("T", (Column("c", "C", "code"), Column("v", "V", "integer")), rows)))
    assert [int(row[1]) for row in told[1:]] == list(range(10_007))


FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\rx", "\nx", "＝1+1", "＋1", "－1", "＠SUM(A1)", " =1+1", "\u3000=1+1", "\ufeff=1+1"]
HARMLESS = ["C001", "1-30", "a=b", "info@example.com", "", " padded", "（有限合伙）", "'quoted"]


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_goes_out_as_text(text: str) -> None:
    assert export.is_formula(text)
    assert read_csv(export.csv_bytes(one_column("text", text)))[1][1] == "'" + text
    data = export.xlsx_bytes(one_column("text", text), "en")
    assert read_xlsx(data)[3][1] == text
    assert "<f>" not in sheet_xml(data)
    assert 'quotePrefix="1"' in part(data, "xl/styles.xml")


@pytest.mark.parametrize("text", HARMLESS)
def test_an_ordinary_text_stays_as_it_is(text: str) -> None:
    assert not export.is_formula(text)
    assert read_csv(export.csv_bytes(one_column("code", text)))[1][1] == text


def test_published_payloads_do_not_run(shared: Path) -> None:
    """The DDE line of the collection begins with a letter, so a spreadsheet shows it as it is; the other five would run."""
    payloads = (shared / "naughty" / "csv-injection" / "csv-payload.txt").read_text(encoding="utf-8").splitlines()
    payloads = [line for line in payloads if line]
    assert len(payloads) == 6
    table = one_column("text", *payloads)
    told = [row[1] for row in read_csv(export.csv_bytes(table))[1:]]
    assert [line[0] for line in told] == ["D", "'", "'", "'", "'", "'"]
    data = export.xlsx_bytes(table, "en")
    assert [row[1] for row in read_xlsx(data)[3:9]] == payloads
    assert "<f>" not in sheet_xml(data) and "externalLink" not in " ".join(zipfile.ZipFile(io.BytesIO(data)).namelist())


def test_formulas_in_title_facts_and_notes_are_text_too() -> None:
    table = Table("=1+1", (Column("c", "C", "code"),), [("x",)], facts=(("=2", "=3"),), notes=("=4",))
    assert "<f>" not in sheet_xml(export.xlsx_bytes(table, "en"))


def test_negative_numbers_stay_numbers() -> None:
    assert read_csv(export.csv_bytes(one_column("money", -5)))[1][1] == "-0.05"
    assert read_xlsx(export.xlsx_bytes(one_column("money", -5), "en"))[3][1] == -0.05
    assert read_xlsx(export.xlsx_bytes(one_column("integer", -7), "en"))[3][1] == -7


def test_a_workbook_holds_the_whole_report(chinese: None) -> None:
    """Title, two facts, an empty row, header, four rows, two totals, an empty row, a note."""
    told = read_xlsx(export.xlsx_bytes(TABLE, "zh"))
    assert [row[:2] for row in told[:3]] == [["未清项", ""], ["截止日", "2026-03-31"], ["Basis", "-"]]
    assert told[4] == ["发票号", "客户名称", "到期日", "天数", "币种", "未清金额"]
    assert told[5] == ["000123", "华北医疗器械有限公司", date(2026, 3, 5), 26.0, "CNY", 1409.5]
    assert told[6] == ["INV-2", 'Says "hi", twice', "", "", "JPY", -1200.0]
    assert told[7] == ["3", "", date(2012, 2, 29), 0.0, "KWD", 0.001]
    assert told[8] == ["4", "", date(2026, 1, 1), -3.0, "CNY", ""]
    assert [told[9][0], told[9][4:], told[10][4:]] == ["合计", ["CNY", 1409.5], ["JPY", -1200.0]]
    assert told[12][0] == "All is well."


def test_a_workbook_has_what_makes_it_handy() -> None:
    """The header stands in row 5, so the pane is frozen above row 6 and the filter covers rows 5 to 9, not the totals."""
    data = export.xlsx_bytes(TABLE, "en")
    sheet, styles = sheet_xml(data), part(data, "xl/styles.xml")
    assert '<pane ySplit="5" topLeftCell="A6"' in sheet
    assert '<autoFilter ref="A5:F9"/>' in sheet
    assert set(re.findall('formatCode="(.*?)"', styles)) == {"#,##0", "#,##0.00", "#,##0.000", "yyyy-mm-dd"}
    assert "<b/>" in styles
    assert 'numberStoredAsText="1"' in sheet
    assert CalamineWorkbook.from_filelike(io.BytesIO(data)).sheet_names == ["Open items"]


def test_the_same_report_is_the_same_file_and_its_time_is_an_argument() -> None:
    assert export.xlsx_bytes(TABLE, "en") == export.xlsx_bytes(TABLE, "en")
    made = export.xlsx_bytes(TABLE, "en", datetime(2026, 3, 31, 9, 30, tzinfo=UTC))
    assert "2026-03-31T09:30:00Z" in part(made, "docProps/core.xml")


@given(st.sampled_from(["CNY", "JPY", "KWD"]), st.integers(-(10**15) + 1, 10**15 - 1))
def test_an_amount_of_fifteen_digits_is_an_exact_number(currency: str, minor: int) -> None:
    """Read back as a float and rounded to the currency's decimals it is the amount again."""
    value = read_xlsx(export.xlsx_bytes(one_column("money", minor, currency=currency), "en"))[3][1]
    assert isinstance(value, float)
    places = money.exponent(currency)
    assert Decimal(f"{value:.{places}f}") == Decimal(minor).scaleb(-places)


def test_a_larger_amount_is_text_because_a_spreadsheet_would_round_it() -> None:
    """10^15 fen have sixteen digits."""
    cells = [row[1] for row in read_xlsx(export.xlsx_bytes(one_column("money", 10**15 - 1, 10**15, -money.LIMIT), "en"))[3:6]]
    assert cells == [9999999999999.99, "10000000000000.00", "-92233720368547758.07"]


def test_a_date_before_1900_is_text() -> None:
    cells = [row[1] for row in read_xlsx(export.xlsx_bytes(one_column("date", date(1899, 12, 31), date(1900, 3, 1)), "en"))[3:5]]
    assert cells == ["1899-12-31", date(1900, 3, 1)]


def test_columns_are_as_wide_as_their_text_and_chinese_is_twice_as_wide() -> None:
    assert export.span("abc") == 3
    assert export.span("华北ab（") == 2 * 2 + 2 + 2
    narrow = sheet_xml(export.xlsx_bytes(one_column("text", "abcdefghijkl"), "en"))
    wide = sheet_xml(export.xlsx_bytes(one_column("text", "华北医疗器械有限公司一二"), "en"))
    assert widths(narrow)[1] == pytest.approx(12 + 2, abs=1)
    assert widths(wide)[1] == pytest.approx(24 + 2, abs=1)


@pytest.mark.parametrize(("title", "name"), [("Aging [USD] 1/2: all?*\\", "Aging  USD  1 2  all"), ("History", "Sheet1"), ("'", "Sheet1"), ("x" * 40, "x" * 31)])
def test_any_title_makes_a_sheet_name(title: str, name: str) -> None:
    data = export.xlsx_bytes(Table(title, (Column("c", "C", "code"),), [("x",)]), "en")
    assert CalamineWorkbook.from_filelike(io.BytesIO(data)).sheet_names == [name]


def test_an_empty_table_has_its_header() -> None:
    table = Table("T", COLUMNS, [], currency=4)
    assert len(read_csv(export.csv_bytes(table))) == 1
    assert read_xlsx(export.xlsx_bytes(table, "en"))[2] == ["Invoice", "Name", "Due date", "Days", "Currency", "Open"]


def test_control_characters_and_long_texts_survive() -> None:
    table = one_column("text", "a\x07b", "x" * 4000, "line\nbreak")
    assert [row[1] for row in read_csv(export.csv_bytes(table))[1:]] == ["a\x07b", "x" * 4000, "line\nbreak"]
    assert [row[1] for row in read_xlsx(export.xlsx_bytes(table, "en"))[4:6]] == ["x" * 4000, "line\nbreak"]


def test_more_rows_than_a_sheet_holds_are_refused_before_anything_is_written() -> None:
    out = io.BytesIO()
    with pytest.raises(Refusal) as refusal:
        export.write_xlsx(Table("T", (Column("c", "C", "code"),), [("x",)] * 1_048_576), out, "en")
    assert refusal.value.code == "too_many_rows_for_xlsx"
    assert "1048576" in sentences.say(refusal.value)
    assert out.getvalue() == b""


def test_an_amount_without_a_currency_is_refused() -> None:
    for write in (export.csv_bytes, lambda table: export.xlsx_bytes(table, "en")):
        with pytest.raises(Refusal, match="unknown_currency"):
            write(one_column("money", 5, currency="???"))


def part(data: bytes, name: str) -> str:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return archive.read(name).decode()


def sheet_xml(data: bytes) -> str:
    return part(data, "xl/worksheets/sheet1.xml")


def widths(sheet: str) -> list[float]:
    return [float(piece.split('"')[0]) for piece in sheet.split(' width="')[1:]]
