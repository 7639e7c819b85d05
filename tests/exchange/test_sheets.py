"""Delimited files: delimiters, quotes, lines and budgets; whatever cannot be a table gets one clear refusal."""

from __future__ import annotations

import csv
import io
import json
import time
import tracemalloc
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collect.domain.errors import Refusal
from collect.exchange import sheets
from collect.exchange.cells import Exact, ExactFrom1904, lost_digits
from collect.sentences import SENTENCES, say
from collect.settings import load

LIMITS = sheets.Limits(1 << 20, 1000, 50, 200, 1 << 22, 200)
Rows = list[tuple[int, list[str]]]


def read(data: bytes | str | Path, limits: sheets.Limits = LIMITS, encoding: str | None = None) -> tuple[list[str], Rows]:
    source = data.encode() if isinstance(data, str) else data
    sheet = sheets.open_sheet(source, "file.csv", limits, encoding)
    rows = list(sheet.rows())
    assert rows == list(sheet.rows()), "it can be read again"
    return sheet.headers, rows


def refusal(data: bytes | str | Path, limits: sheets.Limits = LIMITS) -> Refusal:
    with pytest.raises(Refusal) as caught:
        read(data, limits)
    assert caught.value.code in SENTENCES and "{" not in say(caught.value)
    return caught.value


def test_a_file_on_disk_and_in_memory(tmp_path: Path) -> None:
    """sha256 of `a,b\\n1,2\\n` by sha256sum."""
    path = tmp_path / "x.csv"
    path.write_bytes(b"a,b\n1,2\n")
    for source in (path, path.read_bytes()):
        sheet = sheets.open_sheet(source, "x.csv", LIMITS)
        assert (sheet.name, sheet.encoding, sheet.delimiter, sheet.headers, list(sheet.rows())) == ("x.csv", "utf-8", ",", ["a", "b"], [(2, ["1", "2"])])
        assert sheet.sha256 == "492d5ea496056f1a6a6592241032fab764c321596317930b4fa0e1e8bc3b7470"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("quoted", [False, True])
def test_delimiters_and_line_ends(end: str, delimiter: str, quoted: bool) -> None:
    cells = [["invoice_no", "amount", "name"], ["1", "1.234,50", "a;b,c\td"], ["2", "3", 'x"y']]
    buffer = io.StringIO(newline="")
    csv.writer(buffer, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL).writerows(cells)
    sheet = sheets.open_sheet(buffer.getvalue().encode(), "x", LIMITS)
    assert (sheet.delimiter, sheet.headers, list(sheet.rows())) == (delimiter, cells[0], [(2, cells[1]), (3, cells[2])])


def test_delimiter_without_known_names() -> None:
    """The commas in the semicolon file are decimal signs; in the second file they cut every line alike."""
    assert sheets.open_sheet(b"a;b;c\n1,5;2,5;x\n3;4;y\n", "x", LIMITS).delimiter == ";"
    assert sheets.open_sheet(b"a,b;c\n1,2\n3,4\n", "x", LIMITS).delimiter == ","
    assert sheets.open_sheet(b"a\n1\n", "x", LIMITS).delimiter == ","


def test_lines_blank_rows_and_widths() -> None:
    """Lines: 1 blank, 2 header, 3 row, 4 blank, 5 only commas, 6–7 one record over two lines, 8 short, 9 long, 10 spaces."""
    text = '\na,b,c\n1,2,3\n\n,,\n4,"x\ny",6\n7\n8,9,10,11\n , ,\n12,13,14,,\n'
    assert read(text) == (["a", "b", "c"], [(3, ["1", "2", "3"]), (6, ["4", "x\ny", "6"]), (8, ["7", "", ""]), (9, ["8", "9", "10", "11"]), (11, ["12", "13", "14"])])


def test_headers_lose_outer_spaces_and_empty_ends() -> None:
    assert read(" a ,\u3000b,,c,,\n1,2,3,4,,\n") == (["a", "b", "", "c"], [(2, ["1", "2", "3", "4"])])


def test_header_alone_is_a_table_of_no_rows() -> None:
    assert read("a,b\n") == (["a", "b"], []) == read("a,b")


@pytest.mark.parametrize("data", [b"", b"\n\n", b"\xef\xbb\xbf", b" , ,\n", b"\xff\xfe", b"\r\n \r\n"])
def test_empty_files(data: bytes) -> None:
    assert refusal(data).code == "empty_file"


# --- quotes -----------------------------------------------------------------------------------------------------------


def test_quotes_in_the_middle_of_unquoted_cells_are_text() -> None:
    assert read('a,b,c\n1,5" pipe,3\n')[1] == [(2, ["1", '5" pipe', "3"])]


def test_unclosed_quote_to_the_end() -> None:
    """The quote opens on line 3; without a check all that follows would be one cell."""
    text = "a,b,c\n1,2,3\n" + '4,"Acme,6\n' + "7,8,9\n" * 50
    found = refusal(text)
    assert (found.code, found.params) == ("unclosed_quote", {"line": 3})
    assert refusal(text.rstrip("\n")).params == {"line": 3}


def test_unclosed_quote_met_by_a_proper_one() -> None:
    found = refusal('a,b,c\n1,2,3\n4,"Acme,6\n7,8,9\n10,"Foo, Bar",12\n')
    assert (found.code, found.params) == ("unclosed_quote", {"line": 3})


@pytest.mark.parametrize("end", ['7,8,9\n10,Foo",12\n', '10,Foo",12\n', '7,8,9\n10,Foo,12"\n', '7,8,\n10,Foo",\n'])
def test_unclosed_quote_that_a_stray_one_closes(end: str) -> None:
    """As CSV this is a proper cell over several lines, and two or three rows would be gone without a word."""
    assert refusal('a,b,c\n1,2,3\n4,"Acme,6\n' + end).params == {"line": 3}


WORDS = st.text(st.sampled_from("abcXYZ0123华北.-"), min_size=1, max_size=6)


@given(st.lists(st.lists(WORDS, min_size=4, max_size=4), min_size=2, max_size=12), st.data())
def test_an_open_quote_never_swallows_a_record(rows: list[list[str]], data: st.DataObject) -> None:
    """A quote opens before any cell of any row and, or not, closes after any cell of a later row: refused at its line."""
    at = data.draw(st.integers(0, len(rows) - 2))
    opened, closed = [list(row) for row in rows], data.draw(st.integers(at + 1, len(rows)))
    opened[at][data.draw(st.integers(0, 3))] = '"x'
    if closed < len(rows):
        opened[closed][data.draw(st.integers(0, 3))] += '"'
    text = "a,b,c,d\n" + "".join(",".join(row) + "\n" for row in opened)
    assert (refusal(text).code, refusal(text).params) == ("unclosed_quote", {"line": at + 2})


def test_prose_over_several_lines_is_a_cell() -> None:
    """Each line of the address has as many commas as a record, but with the spaces and ends of prose."""
    assert read('a,b,c\nC1,"Street 5, \nTown, Region",CN\n')[1] == [(2, ["C1", "Street 5, \nTown, Region", "CN"])]
    assert read('a,b,c\nC1,"one\n\ntwo\nthree",CN\n')[1] == [(2, ["C1", "one\n\ntwo\nthree", "CN"])]


def test_unclosed_quote_over_a_long_file() -> None:
    """Beyond the longest cell that the csv module keeps (128 KiB) it gives up with another message."""
    limits = sheets.Limits(1 << 22, 100000, 50, 200, 1, 1)
    assert refusal('a,b,c\n"1,2,3\n' + "4,5,6\n" * 100000, limits).params == {"line": 2}


def test_text_after_a_closing_quote() -> None:
    found = refusal('a,b,c\n1,2,3\n4,"Acme" Ltd,6\n')
    assert (found.code, found.params) == ("stray_quote", {"line": 3})


def test_unclosed_quote_in_the_header() -> None:
    assert refusal('a,"b,c\n1,2,3\n').params == {"line": 1}


# --- budgets ----------------------------------------------------------------------------------------------------------


def test_budgets_of_a_text_file(tmp_path: Path) -> None:
    tight = sheets.Limits(100, 3, 4, 10, 1, 1)
    assert read("a,b\n1,2\n3,4\n5,6\n", tight)[1][-1] == (4, ["5", "6"])
    assert refusal("a,b\n1,2\n3,4\n5,6\n7,8\n", tight).code == "too_many_rows"
    assert len(read("a,b\n1,2\n\n\n\n\n5,6\n", tight)[1]) == 2, "blank lines are no rows"
    assert refusal("a,b,c,d,e\n", tight).code == "too_many_columns"
    assert read("a,b\n1234567890,2\n", tight)[1] == [(2, ["1234567890", "2"])]
    assert refusal("a,b\n1,2\n12345678901,2\n", tight).params == {"line": 3, "limit": 10}
    assert refusal('a,b\n1,2\n"12345\n678901",2\n', tight).params == {"line": 3, "limit": 10}
    assert refusal("a,b\n" + "1,2\n" * 30, tight).code == "file_too_large"
    path = tmp_path / "big.csv"
    path.write_bytes(b"a,b\n" + b"1,2\n" * 30)
    assert refusal(path, tight).code == "file_too_large"


def test_a_huge_file_is_refused_unread(tmp_path: Path) -> None:
    """200 MB of nothing, which the file system keeps as a hole: refused by its size alone, at once."""
    path = tmp_path / "huge.csv"
    with path.open("wb") as file:
        file.truncate(200 << 20)
    begun = time.perf_counter()
    found = refusal(path, sheets.Limits.of(load({})))
    assert (found.code, found.params["limit"]) == ("file_too_large", "100 MB")
    assert time.perf_counter() - begun < 1


def test_a_file_without_line_ends() -> None:
    limits = sheets.Limits(1 << 24, 1000, 5, 100, 1, 1)
    assert refusal("a,b\n" + "x" * (3 << 20), limits).code == "line_too_long"


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """4 MB and 14 MB cost the same: only the pieces of one mebibyte and one record are held."""
    peaks = []
    for count in (20_000, 70_000):
        path = tmp_path / f"{count}.csv"
        path.write_text("invoice_no,description,amount\n" + "".join(f"INV{n},{'x' * 180},{n}.50\n" for n in range(count)), encoding="utf-8")
        tracemalloc.start()
        sheet = sheets.open_sheet(path, "x", sheets.Limits(1 << 30, 1 << 30, 50, 200, 1, 1))
        assert sum(1 for _ in sheet.rows()) == count
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.1 * peaks[0] < 8 << 20, peaks


# --- what is no table -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"%PDF-1.7\n%\xe2\xe3", "file_kind"),
        (b"\x89PNG\r\n\x1a\n\0\0", "file_kind"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "file_kind"),
        (b"<!DOCTYPE html><html><table></table>", "file_kind"),
        (b"\xef\xbb\xbf\n<html><body>", "file_kind"),
        (b'<?xml version="1.0"?><Document/>', "file_kind"),
        (b'{"a": 1}', "file_kind"),
        (b"\x1f\x8b\x08\0\0", "file_kind"),
        (b"PK\x05\x06" + b"\0" * 18, "binary_file"),
        (b"PK\x03\x04 broken", "xlsx_broken"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 512 + "Workbook".encode("utf-16-le"), "old_excel"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 512 + "EncryptedPackage".encode("utf-16-le"), "encrypted_excel"),
        (b"\x00\x01\x02\x03", "binary_file"),
        (bytes(range(256)) * 4, "binary_file"),
    ],
)
def test_other_kinds_of_files(data: bytes, code: str) -> None:
    assert refusal(data).code == code


def test_files_that_are_not_there(tmp_path: Path) -> None:
    assert refusal(tmp_path / "nothing.csv").code == "file_not_readable"
    assert refusal(tmp_path).code == "not_a_file"


def test_a_file_that_changes_meanwhile(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(b"a,b\n1,2\n")
    sheet = sheets.open_sheet(path, "x", LIMITS)
    path.write_bytes(b"a,b\n1,2\n3,4\n")
    with pytest.raises(Refusal, match="file_changed"):
        list(sheet.rows())


# --- real and generated files -----------------------------------------------------------------------------------------


def test_csv_spectrum(shared: Path) -> None:
    """Every file of the collection reads as its authors expect; one is also a Chinese character, and asked about."""
    folder = shared / "naughty" / "csv-spectrum"
    checked = 0
    for path in sorted((folder / "csvs").glob("*.csv")):
        told = json.loads((folder / "json" / f"{path.stem}.json").read_text(encoding="utf-8"))
        expected = told if isinstance(told, list) else [told]
        if path.stem == "location_coordinates":  # the one number on which the collection's two files differ
            expected[0]["Contact Phone Number"] = "2095257564"
        if path.stem == "utf8":  # CA A4 is ʤ in UTF-8 and 胜 in GBK
            assert refusal(path).code == "ambiguous_encoding"
        headers, rows = read(path, encoding="utf-8" if path.stem == "utf8" else None)
        if b"\r" not in path.read_bytes():  # the copies of the CRLF files have lost their carriage returns
            expected = [{key: value.replace("\r\n", "\n") for key, value in row.items()} for row in expected]
        assert [dict(zip(headers, cells, strict=True)) for _, cells in rows] == expected, path.name
        checked += 1
    assert checked == 12


def test_formula_cells_are_text(shared: Path) -> None:
    text = (shared / "naughty" / "csv-injection" / "csv-payload.txt").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.strip()]
    buffer = io.StringIO(newline="")
    csv.writer(buffer).writerows([["customer_no", "name"], *([f"C{n}", line] for n, line in enumerate(lines))])
    assert [cells[1] for _, cells in read(buffer.getvalue(), sheets.Limits(1 << 20, 1000, 50, 4000, 1, 1))[1]] == lines


def test_the_public_receivables(shared: Path) -> None:
    """2,466 invoices; zeros at the start of a number stay."""
    headers, rows = read(shared / "ar" / "ibm" / "converted" / "invoices.csv", sheets.Limits.of(load({})))
    assert (len(rows), rows[0][1][0], rows[-1][0]) == (2466, "0000611365", 2467)
    assert headers[:3] == ["invoice_no", "customer_no", "doc_type"]


CELLS = st.text(st.characters(codec="gb18030", exclude_characters="\0", exclude_categories=("Cs", "Co", "Cn")), max_size=12)


@given(
    st.lists(st.lists(CELLS, min_size=2, max_size=2), max_size=8),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "gb18030"]),
    st.sampled_from(DELIMITERS := [",", ";", "\t"]),
    st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
    st.sampled_from(["\n", "\r\n"]),
)
def test_what_the_standard_library_writes_reads_back(rows: list[list[str]], codec: str, delimiter: str, quoting: int, end: str) -> None:
    """Named, any encoding reads back cell by cell; blank rows are the only ones that go. Lines add up with those in cells."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, delimiter=delimiter, quoting=quoting, lineterminator=end)
    writer.writerow(["客户编号", "客户名称"])
    lines, line = [], 2
    for row in rows:
        writer.writerow(row)
        lines.append(line)
        line += 1 + sum(cell.replace("\r\n", "\n").replace("\r", "\n").count("\n") for cell in row)
    expected = [(line, row) for line, row in zip(lines, rows, strict=True) if any(cell.strip() for cell in row)]
    sheet = sheets.open_sheet(buffer.getvalue().encode(codec), "x", LIMITS, codec)
    assert (sheet.headers, list(sheet.rows())) == (["客户编号", "客户名称"], expected)


MATRIX = list(product(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "gb18030", "gbk"], [",", ";", "\t"], ["en", "zh"]))


@pytest.mark.parametrize(("codec", "delimiter", "language"), MATRIX)
def test_matrix_of_encoding_delimiter_and_header_language(codec: str, delimiter: str, language: str) -> None:
    """Recognised without a word from anybody."""
    headers = {"en": ["invoice_no", "customer_no", "amount"], "zh": ["发票号码", "客户编号", "金额"]}[language]
    rows = [["0001", "华北医疗器械有限公司", "1.234,50"], ["0002", "北京；上海", "（５００）"], ["0003", 'a,b;c\t"d"', "¥1,5"]]
    if codec == "gbk":  # GBK has the yen sign only full-width
        rows[2][2] = "￥1,5"
    buffer = io.StringIO(newline="")
    csv.writer(buffer, delimiter=delimiter).writerows([headers, *rows])
    sheet = sheets.open_sheet(buffer.getvalue().encode(codec), "x", LIMITS)
    assert (sheet.headers, sheet.delimiter, [cells for _, cells in sheet.rows()]) == (headers, delimiter, rows)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_table_or_a_refusal(data: bytes) -> None:
    try:
        read(data)
    except Refusal as found:
        assert found.code in SENTENCES


# --- exact numbers ----------------------------------------------------------------------------------------------------


def test_exact_stays_exact_when_stripped_and_knows_its_day() -> None:
    """Serial 46086 is 2026-03-05: 2026-01-01 is 46023, and 31 + 28 + 4 days later is 46023 + 63."""
    assert isinstance(Exact("5").strip(), Exact)
    assert str(Exact("46086").serial_day()) == "2026-03-05" == str(ExactFrom1904("44624").serial_day())
    assert str(Exact("46086.75").serial_day()) == "2026-03-05"
    assert [Exact(text).serial_day() for text in ("60", "-5", "1e5", "999999", "", "1234567")] == [None] * 6


def test_lost_digits() -> None:
    assert [lost_digits(text) for text in ("1.23457E+19", "1.23456789012346E+19", "2E5", "1,23457E+19")] == [True] * 4
    assert [lost_digits(text) for text in ("INV-1E", "12345678901234567890", "E+19", "10E5X", "1.5", "A2E5")] == [False] * 6
