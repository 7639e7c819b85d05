"""XLSX: every kind of cell as text, and workbooks made to hurt refused before they can."""

from __future__ import annotations

import datetime as dt
import io
import random
import struct
import zipfile
from pathlib import Path

import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st

from collect.domain.errors import Refusal
from collect.exchange import forms, sheets, xlsx_guard
from collect.exchange.cells import Exact
from collect.exchange.xlsx_in import plain_number
from collect.sentences import SENTENCES, say

LIMITS = sheets.Limits(1 << 22, 1000, 50, 200, 1 << 24, 200)
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"


def opened(data: bytes | Path, limits: sheets.Limits = LIMITS) -> sheets.Sheet:
    return sheets.open_sheet(data, "book.xlsx", limits)


def refusal(data: bytes, limits: sheets.Limits = LIMITS) -> Refusal:
    with pytest.raises(Refusal) as caught:
        list(opened(data, limits).rows())
    assert caught.value.code in SENTENCES and "{" not in say(caught.value)
    return caught.value


def by_hand(cells: str, **parts: bytes | str) -> bytes:
    """A workbook of one sheet written part by part; `parts` replaces or adds parts (`xl__workbook_xml` is xl/workbook.xml)."""
    content = {
        "[Content_Types].xml": f'<Types xmlns="{PACKAGE}/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="rId1" Type="{OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets><sheet name="S" sheetId="1" r:id="rId1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{PACKAGE}/relationships">'
        f'<Relationship Id="rId1" Type="{OFFICE}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{MAIN}"><sheetData>{cells}</sheetData></worksheet>',
    }
    content |= {name.replace("__", "/").replace("_xml", ".xml"): text for name, text in parts.items()}  # type: ignore[dict-item]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in content.items():
            archive.writestr(name, text)
    return buffer.getvalue()


def text_cell(place: str, text: str) -> str:
    return f'<c r="{place}" t="inlineStr"><is><t>{text}</t></is></c>'


def written(rows: list[list[object]], **options: object) -> bytes:
    """A workbook as xlsxwriter makes it; dates get a date format."""
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"in_memory": True, "default_date_format": "yyyy-mm-dd", **options}) as book:
        sheet = book.add_worksheet()
        for number, row in enumerate(rows):
            for column, value in enumerate(row):
                if isinstance(value, str):
                    sheet.write_string(number, column, value)
                else:
                    sheet.write(number, column, value)
    return buffer.getvalue()


HEAD = '<row r="1">' + text_cell("A1", "a") + text_cell("B1", "b") + "</row>"


def test_every_kind_of_cell() -> None:
    """1409.5 stays so, 0.1 + 0.2 is 0.3 to a person, zeros before a text number stay, dates are ISO."""
    rows: list[list[object]] = [
        ["invoice_no", "amount", "issue_date", "flag", " name "],
        ["00123", 1409.5, dt.date(2026, 3, 5), True, "  x\ny "],
        [123, 1409, 46086, False, ""],
        ["A", 0.1 + 0.2, dt.datetime(2026, 3, 5), None, "华北"],
        ["B", -0.07, 1e-7, None, 123456789012345],
    ]
    sheet = opened(written(rows))
    assert (sheet.encoding, sheet.delimiter, sheet.headers) == ("xlsx", None, ["invoice_no", "amount", "issue_date", "flag", "name"])
    assert (
        list(sheet.rows())
        == list(sheet.rows())
        == [
            (2, ["00123", "1409.5", "2026-03-05", "yes", "  x\ny "]),
            (3, ["123", "1409", "46086", "no", ""]),
            (4, ["A", "0.3", "2026-03-05", "", "华北"]),
            (5, ["B", "-0.07", "0.0000001", "", "123456789012345"]),
        ]
    )
    kinds = [[type(cell) is Exact for cell in cells] for _, cells in sheet.rows()]
    assert kinds[:2] == [[False, True, False, False, False], [True, True, True, False, False]]


def test_times_formats_and_serials() -> None:
    """A Chinese date format is a date; a time of day stays visible; a bare serial is a date to `parse_day` alone."""
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"in_memory": True}) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["a", "b", "c"])
        for column, form in enumerate(['yyyy"年"m"月"d"日"', "[$-804]m/d/yy h:mm", "hh:mm"]):
            sheet.write_datetime(1, column, dt.datetime(2026, 3, 5, 14, 30), book.add_format({"num_format": form}))
    cells = next(opened(buffer.getvalue()).rows())[1]
    assert cells[:2] == ["2026-03-05 14:30:00"] * 2
    assert forms.parse_day(cells[0], "ymd").isoformat() == "2026-03-05"


@pytest.mark.parametrize(("from_1904", "serial"), [(False, 46086), (True, 44624)])
def test_serials_of_both_calendars(from_1904: bool, serial: int) -> None:
    """1904-01-01 is serial 1462 in the other count: 46086 − 1462 = 44624."""
    data = written([["a", "b"], [serial, dt.date(2026, 3, 5)]], date_1904=from_1904)
    cells = next(opened(data).rows())[1]
    assert cells[1] == "2026-03-05"
    assert forms.parse_day(cells[0], "ymd").isoformat() == "2026-03-05"


def test_numbers_longer_than_a_spreadsheet_keeps() -> None:
    """A twenty-digit invoice number typed as a number has lost its end: it must not look like a good one."""
    cells = next(opened(by_hand(HEAD + '<row r="2"><c r="A2"><v>12345678901234567890</v></c><c r="B2"><v>1e999</v></c></row>')).rows())[1]
    assert cells == ["1.23456789012346E+19", "#ERROR!"]
    assert sheets.lost_digits(cells[0])


@given(st.integers(-(10**13), 10**13))
def test_cents_survive_the_spreadsheet(cents: int) -> None:
    """Any amount of up to 15 digits comes back as it was typed, without the zeros that a number has not."""
    text = plain_number(cents / 100)
    whole, _, rest = text.removeprefix("-").partition(".")
    assert int(whole) * 100 + int(rest.ljust(2, "0") or 0) == abs(cents) and len(rest) <= 2


def test_formula_errors_are_seen(tmp_path: Path) -> None:
    """The reader gives an empty cell for #DIV/0!; empty may mean something else in an import, so it is put back."""
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"in_memory": True}) as book:
        book.add_worksheet("empty")
        sheet = book.add_worksheet("Second & more")
        sheet.write_row(2, 1, ["payment_ref", "allocated"])
        sheet.write_row(3, 1, ["P1", 5])
        sheet.write(4, 1, "P2")
        sheet.write_formula(4, 2, "=1/0", None, "#DIV/0!")
    path = tmp_path / "book.xlsx"
    path.write_bytes(buffer.getvalue())
    for source in (path, buffer.getvalue()):
        assert list(opened(source).rows()) == [(4, ["P1", "5"]), (5, ["P2", "#ERROR!"])]


def test_rows_keep_their_numbers_and_blank_ones_go() -> None:
    cells = (
        '<row r="3">'
        + text_cell("B3", "a")
        + text_cell("C3", "b")
        + "</row>"
        + '<row r="7"><c r="B7"><v>1</v></c><c r="F7"><v>2</v></c></row><row r="9"><c r="C9" t="str"><v> </v></c></row>'
    )
    assert list(opened(by_hand(cells)).rows()) == [(7, ["1", "", "", "", "2"])]


def test_cells_without_places() -> None:
    cells = "<row>" + text_cell("A1", "a").replace(' r="A1"', "") + "<c t='inlineStr'><is><t>b</t></is></c></row><row><c><v>1</v></c><c><v>2</v></c></row>"
    assert list(opened(by_hand(cells)).rows()) == [(2, ["1", "2"])]


def test_visible_sheets_come_first() -> None:
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"in_memory": True}) as book:
        hidden, shown = book.add_worksheet("lists"), book.add_worksheet("data")
        hidden.write(0, 0, "hidden")
        shown.write(0, 0, "shown")
        shown.activate()
        hidden.hide()
    assert opened(buffer.getvalue()).headers == ["shown"]


def test_an_empty_workbook() -> None:
    assert refusal(by_hand("")).code == "empty_file"
    assert refusal(by_hand('<row r="1">' + text_cell("A1", " ") + "</row>")).code == "empty_file"
    assert list(opened(by_hand(HEAD)).rows()) == []


# --- budgets and attacks ----------------------------------------------------------------------------------------------


def test_rows_columns_and_cells() -> None:
    tight = sheets.Limits(1 << 20, 2, 3, 5, 1 << 20, 200)
    assert len(list(opened(written([["a", "b"], [1, 2], [3, 4]]), tight).rows())) == 2
    assert refusal(written([["a", "b"], [1, 2], [3, 4], [5, 6]]), tight).code == "too_many_rows"
    assert refusal(written([["a", "b", "c", "d"]]), tight).params["count"] == 4
    assert refusal(written([["a", "b"], [1, "123456"]]), tight).params == {"line": 2, "limit": 5}
    assert refusal(written([["a"]]), sheets.Limits(100, 1, 1, 1, 1, 1)).code == "file_too_large"


def test_a_bomb_by_ratio_and_by_size() -> None:
    """8 MiB of spaces pack to some 8 kB: ratio 1,000; noise as text hardly packs, so its size alone tells."""
    bomb = by_hand(HEAD, xl__theme_xml=" " * (8 << 20))
    assert len(bomb) < 20_000
    assert refusal(bomb).code == "xlsx_too_dense"
    noise = random.Random(7).randbytes(300_000).hex()
    assert refusal(by_hand(HEAD, xl__theme_xml=noise), sheets.Limits(1 << 22, 9, 9, 9, 1 << 19, 200)).code == "xlsx_too_large"


def test_a_bomb_that_declares_a_small_size() -> None:
    """The directory says 100 bytes, with the right checksum of these; the stream goes on for 8 MiB."""
    bomb = bytearray(by_hand(HEAD, xl__theme_xml=" " * (8 << 20)))
    at = bomb.rindex(b"xl/theme.xml") - 46
    assert bomb[at : at + 4] == b"PK\x01\x02"
    struct.pack_into("<I", bomb, at + 24, 100)
    struct.pack_into("<I", bomb, at + 16, __import__("zlib").crc32(b" " * 100))
    assert refusal(bytes(bomb)).code == "xlsx_too_dense"


@pytest.mark.parametrize(
    "cells",
    [
        '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>',
        '<row r="1"><c r="A1"><v>1</v></c></row><row r="1"><c r="XFD1048576"><v>1</v></c></row>',
        '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="Z1"><v>1</v></c><c><v>1</v></c></row><row><c><v>1</v></c></row>',
        '<row r="1"><c s="1" r="A1"><v>1</v></c></row><row><c s="&gt;" r="XFD1048576"><v>1</v></c></row>',
        "<row r='1'><c r='A1'><v>1</v></c></row><row><c t='n' \n r = 'xfd1048576'><v>1</v></c></row>",
        '<x:row xmlns:x="MAIN" r="1"><x:c r="A1"><x:v>1</x:v></x:c></x:row><x:row xmlns:x="MAIN"><x:c r="XFD1048576"><x:v>1</x:v></x:c></x:row>',
    ],
)
def test_two_cells_a_million_rows_apart(cells: str) -> None:
    """The reader keeps the whole rectangle between them: 17 thousand million cells, which ends the process."""
    assert refusal(by_hand(cells.replace("MAIN", MAIN))).code == "xlsx_too_wide"


@pytest.mark.parametrize(
    "cells",
    [
        '<row r="1"><c r="A1"><v>1</v></c><c s=">" r="XFD1048576"><v>1</v></c></row>'.replace('s=">"', "s=1"),
        '<row r="1"><c r="A99999999999"><v>1</v></c></row>',
        '<row r="1"><c r="&#65;1"><v>1</v></c></row>',
        '<row r="1"><c r="A1"><v>1</v></c><c x="' + "y" * (3 << 20) + '" r="XFD1048576"><v>1</v></c></row>',
    ],
)
def test_places_that_cannot_be_followed(cells: str) -> None:
    assert refusal(by_hand(cells), sheets.Limits(1 << 22, 1000, 50, 200, 1 << 24, 10**6)).code == "xlsx_broken"


def test_a_greater_sign_inside_an_attribute_hides_nothing() -> None:
    cells = '<row r="1"><c r="A1"><v>1</v></c><c s=">" r="XFD1048576"><v>1</v></c></row>'
    assert refusal(by_hand(cells)).code == "xlsx_too_wide"


def test_formatted_empty_cells_far_away_are_no_attack() -> None:
    """A person who colours a row to its end: the used area is what has content."""
    cells = HEAD + '<row r="2"><c r="A2"><v>1</v></c><c r="B2"><v>2</v></c></row><row r="1048576"><c r="XFD1048576" s="1"/></row>'
    assert list(opened(by_hand(cells)).rows()) == [(2, ["1", "2"])]


def test_millions_of_empty_shared_strings() -> None:
    strings = f'<sst xmlns="{MAIN}">' + "<si/>" * 600_000 + "</sst>"
    assert refusal(by_hand(HEAD, xl__sharedStrings_xml=strings), sheets.Limits(1 << 22, 1000, 50, 200, 1 << 24, 10**6)).code == "xlsx_too_large"


@pytest.mark.parametrize("part", ["xl__workbook_xml", "xl__sharedStrings_xml", "xl__theme_xml"])
def test_a_doctype_in_any_part(part: str) -> None:
    """Also where the text is cut just inside it: the pieces are of one mebibyte."""
    for padding in (0, (1 << 20) - 12, (1 << 20) - 5):
        text = "<?xml version='1.0'?>" + " " * padding + '<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>'
        assert refusal(by_hand(HEAD, **{part: text}), sheets.Limits(1 << 22, 9, 9, 9, 1 << 24, 10**6)).code == "xlsx_doctype"


def test_a_doctype_in_utf16() -> None:
    text = '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE x [<!ENTITY a "b">]><x/>'
    for codec in ("utf-16", "utf-16-le", "utf-16-be"):
        assert refusal(by_hand(HEAD, xl__theme_xml=text.encode(codec))).code == "xlsx_broken"


def test_other_archives_and_torn_ones() -> None:
    good = written([["a", "b"], [1, 2]])
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("word/document.xml", "<x/>")
    assert refusal(buffer.getvalue()).params["kind"] == "ZIP"
    for cut in (30, len(good) // 2, len(good) - 1, len(good) - 30):
        assert refusal(good[:cut]).code == "xlsx_broken"
    locked = bytearray(good)
    locked[locked.rindex(b"PK\x01\x02") + 8] |= 1
    assert refusal(bytes(locked)).code == "encrypted_excel"
    assert refusal(by_hand("<row")).code == "xlsx_broken"
    assert refusal(by_hand('<row r="1"><c r="A1" t="s"><v>99</v></c></row>')).code == "xlsx_broken"


def test_a_directory_of_a_million_names() -> None:
    """Its declared length is enough to refuse it."""
    good = bytearray(written([["a"]]))
    struct.pack_into("<I", good, good.rindex(b"PK\x05\x06") + 12, 50 << 20)
    assert refusal(bytes(good)).code == "xlsx_broken"


@given(st.data())
def test_a_damaged_workbook_is_read_or_refused(data: st.DataObject) -> None:
    book = bytearray(GOOD)
    for _ in range(data.draw(st.integers(1, 4))):
        book[data.draw(st.integers(4, len(book) - 1))] = data.draw(st.integers(0, 255))
    try:
        list(opened(bytes(book)).rows())
    except Refusal as found:
        assert found.code in SENTENCES


GOOD = written([["invoice_no", "amount"], ["1", 2.5], ["3", 4]])


def test_random_tables_come_back() -> None:
    """Text and cents of a thousand rows, written by another program."""
    source = random.Random(3)
    rows = [[f"{source.randrange(10**6):08d}", source.randrange(10**9) / 100, f"客户 {n}"] for n in range(1, 1000)]
    found = list(opened(written([["invoice_no", "amount", "name"], *rows])).rows())
    assert [(cells[0], float(cells[1]), cells[2]) for _, cells in found] == [tuple(row) for row in rows]


@pytest.mark.parametrize("cell", ['<c t="e"/>', "<c/>"])
def test_cells_without_a_place_are_followed_so_far_and_no_further(cell: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nine million of them took half a minute. Ten rows of 99 cells are 1,000 tags; one row more is too many."""
    monkeypatch.setattr(xlsx_guard, "_MOST_FOLLOWED", 1_000)
    row = "<row>" + cell * 99 + "</row>"
    head = "<row><c t='inlineStr'><is><t>a</t></is></c>" + cell * 98 + "</row>"
    assert opened(by_hand(head + row * 9)).headers[0] == "a"
    assert refusal(by_hand(head + row * 10)).code == "xlsx_unplaced"


def test_formula_errors_are_seen_without_following_every_cell() -> None:
    head = '<row r="1"><c r="A1" t="inlineStr"><is><t>a</t></is></c><c r="B1" t="inlineStr"><is><t>b</t></is></c></row>'
    rows = head + '<row r="2"><c r="A2"><v>1</v></c><c r="B2" s="1" t="e"><v>#N/A</v></c></row>'
    assert list(opened(by_hand(rows)).rows()) == [(2, ["1", "#ERROR!"])]
