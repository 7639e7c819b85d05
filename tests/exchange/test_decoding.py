"""Encodings: each recognised from the bytes alone, and asked about wherever two readings make sense."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collect.domain.errors import Refusal
from collect.exchange import sheets
from collect.sentences import say

LIMITS = sheets.Limits(1 << 20, 1000, 50, 4000, 1 << 22, 200)
# Chinese and English headers over one Chinese row: 客户 is D83F.. in no two encodings the same bytes.
CHINESE = "客户编号,客户名称\nC001,华北医疗器械有限公司\n"
ENGLISH = "customer_no,name\nC001,华北医疗器械有限公司\n"


def read(data: bytes, encoding: str | None = None) -> tuple[str, list[list[str]]]:
    sheet = sheets.open_sheet(data, "file.csv", LIMITS, encoding)
    return sheet.encoding, [sheet.headers, *(cells for _, cells in sheet.rows())]


def refusal(data: bytes, encoding: str | None = None) -> Refusal:
    with pytest.raises(Refusal) as caught:
        read(data, encoding)
    return caught.value


@pytest.mark.parametrize("text", [CHINESE, ENGLISH])
@pytest.mark.parametrize(
    ("codec", "mark", "label"),
    [
        ("utf-8", b"", "utf-8"),
        ("utf-8", b"\xef\xbb\xbf", "utf-8"),
        ("utf-16-le", b"\xff\xfe", "utf-16"),
        ("utf-16-be", b"\xfe\xff", "utf-16"),
        ("utf-16-le", b"", "utf-16"),
        ("utf-16-be", b"", "utf-16"),
        ("utf-32-le", b"\xff\xfe\x00\x00", "utf-32"),
        ("gbk", b"", "gb18030"),
        ("gb18030", b"", "gb18030"),
        ("gb18030", b"\x84\x31\x95\x33", "gb18030"),
    ],
)
def test_each_encoding_is_recognised(text: str, codec: str, mark: bytes, label: str) -> None:
    headers = text.splitlines()[0].split(",")
    assert read(mark + text.encode(codec)) == (label, [headers, ["C001", "华北医疗器械有限公司"]])


@pytest.mark.parametrize("header", ["客户编号,客户名称", '"客户编号";"客户名称"'])
def test_rare_characters_of_gb18030(header: str) -> None:
    """𠮷 takes four bytes in GB18030 and is not in GBK at all; the known header names decide."""
    assert read(f"{header}\nC1,𠮷野家㛃\n".replace(",", ";" if ";" in header else ",").encode("gb18030"))[1][1] == ["C1", "𠮷野家㛃"]


def test_characters_cut_by_the_edge_of_a_piece() -> None:
    """The file is read in pieces of a mebibyte: shift a three-byte character over the edge, byte by byte."""
    for shift in range(4):
        body = "x" * (3900 - shift) + ",\n"
        text = "a,b\n" + body * 268 + "华" * 1300 + ",华\n"
        limits = sheets.Limits(1 << 23, 1000, 50, 4000, 1, 1)
        for codec in ("utf-8", "gb18030", "utf-16"):
            sheet = sheets.open_sheet(text.encode(codec), "x.csv", limits)
            assert list(sheet.rows())[-1] == (270, ["华" * 1300, "华"])


# What a single GBK character is in UTF-8: C5AE is 女 and Ů, D1A7D0A3 is 学校 and ѧУ, C2B7 is 路 and a middle dot.
@pytest.mark.parametrize("name", ["女", "学校", "陆", "路", "联", "贸", "A 女"])
def test_chinese_that_is_also_utf8_is_asked_about(name: str) -> None:
    data = f"customer_no,name\nC001,{name}\n".encode("gbk")
    if name == "联":  # C1AA: no UTF-8 begins with C1, so this one is certain
        assert read(data)[1][1] == ["C001", "联"]
        return
    data.decode("utf-8")  # the premise
    found = refusal(data)
    assert found.code == "ambiguous_encoding"
    sentence = say(found)
    assert "--encoding" in sentence and (name.removeprefix("A ") in sentence or name[0] in sentence)
    assert read(data, "gbk")[1][1] == ["C001", name]
    assert read(data, "utf-8")[1][1] != ["C001", name]


def test_all_1920_characters_that_are_valid_in_both() -> None:
    """Lead C2–DF with trail 80–BF: 30 × 64 = 1,920 pairs. None that is a common character may be read as UTF-8 unasked."""
    pairs = [bytes((lead, trail)) for lead in range(0xC2, 0xE0) for trail in range(0x80, 0xC0)]
    assert len(pairs) == 1920
    guessed = []
    for pair in pairs:
        char = pair.decode("gbk")
        try:
            common = 0xB0 <= char.encode("gb2312")[0] <= 0xD7
        except UnicodeEncodeError:
            common = False
        try:
            _, rows = read(b"customer_no,name\nC001," + pair + b"\n")
        except Refusal as found:
            assert found.code == "ambiguous_encoding"
            continue
        if common:
            guessed.append((char, rows[1][1]))
    assert guessed == []


def test_chinese_headers_decide() -> None:
    """With 客户编号 above it, 女 in GBK needs no question: the header is no UTF-8."""
    assert read("客户编号,名称\nC001,女\n".encode("gbk")) == ("gb18030", [["客户编号", "名称"], ["C001", "女"]])


@pytest.mark.parametrize(
    "name", ["Müller GmbH", "José", "Société Générale", "Łódź", "MÜLLER", "Ångström", "£100", "¥ 100.00", "Привет мир", "Ελλάδα", "日本語", "Straße – 5 €", "😀", "臺灣"]
)
def test_other_languages_in_utf8(name: str) -> None:
    assert read(f"customer_no,name\nC001,{name}\n".encode())[1][1] == ["C001", name]


@pytest.mark.parametrize(
    ("codec", "name"),
    [
        ("cp1252", "Müller GmbH"),
        ("cp1252", "José"),
        ("latin-1", "Société Générale"),
        ("cp1251", "Привет мир"),
        ("shift_jis", "株式会社カタカナ"),
        ("big5", "臺灣大哥大股份有限公司"),
        ("euc_kr", "대한민국 삼성전자 주식회사 서울 부산 인천 광주 대전 울산 현대자동차"),
    ],
)
def test_other_encodings_are_asked_about_and_then_read(codec: str, name: str) -> None:
    data = f"customer_no,name\nC001,{name}\n".encode(codec)
    found = refusal(data)
    assert found.code in ("unreadable_encoding", "unlikely_encoding") and "--encoding" in say(found)
    assert read(data, codec)[1][1] == ["C001", name]


def test_one_bad_byte_far_down_is_named_by_its_line() -> None:
    data = ENGLISH.encode() * 300 + b"C1,\xff\xff\n"
    found = refusal(data)
    assert (found.code, found.params["line"]) == ("unreadable_encoding", 601)
    assert refusal(data, "utf-8").params == {"name": "file.csv", "encoding": "utf-8", "line": 601}


def test_half_a_character_at_the_end() -> None:
    """E5 8D 8E is 华; without its end UTF-8 is out, and the 鍗 that E5 8D is in GBK is too rare to be believed."""
    assert refusal("a,b\n1,华".encode()[:-1]).code == "unlikely_encoding"
    assert refusal("a,b\n1,华".encode()[:-2]).code == "unreadable_encoding"


def test_the_option_overrides_and_is_checked() -> None:
    assert read("a,b\n1,é\n".encode("cp1252"), "windows-1252")[1][1] == ["1", "é"]
    assert read("a,b\n1,é\n".encode("utf-16"), "UTF-16")[1][1] == ["1", "é"]
    assert read("a,b\n1,é\n".encode("utf-16-be"), "utf-16")[1][1] == ["1", "é"]
    assert read("\ufeffa,b\n1,é\n".encode(), "utf8")[1] == [["a", "b"], ["1", "é"]]
    for wrong in ("klingon", "base64", "utf-7", "punycode", "", "a\0b", "x" * 300):
        assert refusal(b"a,b\n1,2\n", wrong).code == "unknown_encoding"


def test_zero_bytes_are_no_text() -> None:
    assert refusal(b"a,b\n1,\x00\x002\n").code == "binary_file"
    assert refusal("a,b\n1,\x002\n".encode("utf-16")).code == "binary_file"
    assert refusal(b"a,b\n1,\x002\n", "latin-1").code == "binary_file"


@given(st.lists(st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5), min_size=2, max_size=12), min_size=4, max_size=30))
def test_chinese_in_utf8_is_never_taken_for_gbk(names: list[str]) -> None:
    rows = [[f"C{n}", name] for n, name in enumerate(names)]
    text = "customer_no,name\n" + "".join(f"{a},{b}\n" for a, b in rows)
    assert read(text.encode()) == ("utf-8", [["customer_no", "name"], *rows])


COMMON = [bytes((lead, trail)).decode("gb2312") for lead in range(0xB0, 0xD7) for trail in range(0xA1, 0xFF)]


@given(st.lists(st.text(st.sampled_from(COMMON), min_size=1, max_size=6), min_size=1, max_size=8))
def test_common_chinese_in_gbk_is_read_or_asked_about_never_misread(names: list[str]) -> None:
    rows = [[f"C{n}", name] for n, name in enumerate(names)]
    data = ("customer_no,name\n" + "".join(f"{a},{b}\n" for a, b in rows)).encode("gbk")
    try:
        assert read(data) == ("gb18030", [["customer_no", "name"], *rows])
    except Refusal as found:
        assert found.code in ("ambiguous_encoding", "unlikely_encoding")


def test_naughty_strings_in_utf8(shared: Path) -> None:
    """The list of naughty strings as cells: read back unchanged, or asked about where one is a Chinese character too (Ⱥ is 群)."""
    import csv
    import io

    asked = []
    for text in json.loads((shared / "naughty" / "blns.json").read_text(encoding="utf-8")):
        buffer = io.StringIO(newline="")
        csv.writer(buffer).writerows([["customer_no", "name"], ["C1", text]])
        data = buffer.getvalue().encode("utf-8")
        try:
            _, rows = read(data)
        except Refusal as found:
            assert found.code == "ambiguous_encoding", text
            asked.append(text)
            _, rows = read(data, "utf-8")
        assert rows[1] == ["C1", text], text
    assert len(asked) <= 3 and "Ⱥ" in asked, asked
