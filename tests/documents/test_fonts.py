"""The fonts that ship, what they can show, and what happens to a character that none of them has."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from fontTools.ttLib import TTFont as Reader
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from reportlab.pdfgen.canvas import Canvas

from collect import assets
from collect.documents import fonts
from tests.documents import reading

FOLDER = assets.folder("config") / "fonts"
# Plane 2 characters of the Table of General Standard Chinese Characters, one from each of its blocks.
PLANE_TWO = "𠙶𠅤𣲘𤩽𥕢𦒍𧿹𨙸𩾌𪟝𪨰𫄧𫠊𫭟𬇕𬭸𬺓"


def gbk() -> set[str]:
    """The characters of GBK by its rows and cells, from Python's own table; user-defined ones are not among them."""
    pairs = (bytes((row, cell)) for row in range(0x81, 0xFF) for cell in range(0x40, 0xFF))
    return {char for pair in pairs for char in pair.decode("gbk", "ignore") if len(pair.decode("gbk", "ignore")) == 1} - {chr(code) for code in range(0xE000, 0xF900)}


def test_regular_shows_every_character_that_a_chinese_name_may_have() -> None:
    """GBK but for ≒, which Noto Sans SC lacks; U+4E00-9FA5 and U+3400-4DB5 whole; the rare ones by name."""
    has = set(map(chr, Reader(FOLDER / "NotoSansSC-Regular.ttf").getBestCmap()))
    assert {char for char in gbk() if char.isprintable()} - has == {"≒"}
    assert not {chr(code) for code in range(0x4E00, 0x9FA6)} - has
    assert not {chr(code) for code in range(0x3400, 0x4DB6)} - has
    assert not set("龘㙓鿏䶮" + PLANE_TWO) - has
    assert not set("¥￥€£$ÄäÉéÑñ–—…“”‘’•·№×±≤≥→✓") - has
    assert "𠮷" not in has


@pytest.mark.parametrize("bold", [False, True])
@pytest.mark.parametrize(
    "name",
    [
        "Şişecam Ağır Sanayi İç ve Dış Ticaret",
        "Spółka Łódź ĄĘŹŻ",
        "Škoda Příbram Ďábel",
        "Győr Hűtő",
        "Țară și Oțel",
        "Công ty Cổ phần Điện tử",
        "Ελληνική Εταιρεία",
        "ООО Їжак",
        "₹ ₽ ₺ ₩ ₫ €",
    ],
)
def test_letters_of_other_languages_are_set_in_one_face(name: str, bold: bool) -> None:
    """The Chinese fonts have few of these; the second font takes the whole name, in its own bold."""
    runs, missing = fonts.load().runs(name, bold)
    assert [(text, missing) for _, text in runs] == [(name, set())]
    assert ("Bold" in runs[0][0].name) == bold


def test_bold_shows_gb2312() -> None:
    has = set(map(chr, Reader(FOLDER / "NotoSansSC-Bold.ttf").getBestCmap()))
    pairs = (bytes((row, cell)) for row in range(0xB0, 0xF8) for cell in range(0xA1, 0xFF))
    wanted = {char for pair in pairs for char in pair.decode("gb2312", "ignore")}
    assert len(wanted) == 6763
    assert not wanted - has


def test_digits_are_of_one_width() -> None:
    for chain in (fonts.load().regular, fonts.load().bold):
        assert len({chain[0].widths[digit] for digit in "0123456789"}) == 1


def test_the_licence_ships_beside_the_fonts() -> None:
    licence = (FOLDER / "OFL.txt").read_text(encoding="utf-8")
    assert "Copyright 2014-2021 Adobe (http://www.adobe.com/), with Reserved Font Name 'Source'" in licence
    assert "Copyright 2022 The Noto Project Authors" in licence
    assert all(path.name in licence for path in FOLDER.glob("*.ttf"))
    assert "SIL OPEN FONT LICENSE Version 1.1" in licence


def test_a_bold_text_with_a_rare_character_is_set_in_regular_as_a_whole() -> None:
    chain = fonts.load()
    (face, told), *more = chain.runs("上海龘公司", bold=True)[0]
    assert (face, told, more) == (chain.regular[0], "上海龘公司", [])
    assert chain.runs("上海公司", bold=True)[0] == [(chain.bold[0], "上海公司")]


def test_what_no_font_has_is_marked_and_named() -> None:
    runs, missing = fonts.load().runs("𠮷野家😀")
    assert "".join(text for _, text in runs) == "〓野家〓"
    assert missing == {"𠮷", "😀"}


@pytest.mark.parametrize(
    ("given_text", "shown"),
    [
        ("a\tb\nc", "a b c"),
        ("e\u0301", "é"),
        ("x\u200bz\ufeff", "xz"),
        ("❤\ufe0f", "❤"),
        ("a\x00b\x1b", "ab"),
        ("a\u202eb", "ab"),
    ],
)
def test_what_cannot_be_seen_is_left_out(given_text: str, shown: str) -> None:
    assert fonts.clean(given_text) == shown


@given(st.text(max_size=40), st.booleans())
def test_any_text_can_be_set(text: str, bold: bool) -> None:
    """Whatever comes in, each piece is a text its face has in full, and nothing visible is lost without a word."""
    runs, missing = fonts.load().runs(text, bold)
    for face, piece in runs:
        assert set(piece) <= face.widths.keys()
    told = "".join(piece for _, piece in runs)
    assert len(told) == len(fonts.clean(text))
    assert (fonts.MARK in told) >= bool(missing)


@given(st.text("ab ，。（）华北医", max_size=30))
def test_a_width_is_the_sum_of_its_pieces(text: str) -> None:
    runs, _ = fonts.load().runs(text)
    assert fonts.width(runs) == pytest.approx(sum(fonts.width(fonts.load().runs(char)[0]) for char in text))


def test_rare_characters_have_glyphs_that_differ() -> None:
    """Each is drawn large by another program: none blank, none the same picture as the font's own 'not defined' box."""
    chars = "龘㙓鿏䶮𠅤𬭸"
    face = fonts.load().regular[0]
    (box,) = boxes(face, "\uf8ff")
    drawn = boxes(face, chars)
    assert all(reading.ink(image) > 200 for image in drawn)
    pictures = [image.tobytes() for image in drawn]
    assert box.tobytes() not in pictures
    assert len(set(pictures)) == len(chars)


def boxes(face: fonts.Face, chars: str) -> list[Image.Image]:
    """Each character drawn alone in a field of 100 by 100 points, its font not asked whether it has it."""
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=(100 * len(chars), 100), invariant=1)
    canvas.setFont(face.name, 60)
    for number, char in enumerate(chars):
        canvas.drawString(100 * number + 20, 25, char)
    canvas.save()
    image = reading.picture(out.getvalue(), scale=1.0)
    return [image.crop((100 * n, 0, 100 * n + 100, 100)) for n in range(len(chars))]


def test_text_beyond_the_first_plane_can_be_copied() -> None:
    out = io.BytesIO()
    canvas = Canvas(out, invariant=1)
    canvas.setFont(fonts.load().regular[0].name, 12)
    canvas.drawString(50, 50, "甲𠅤𬭸乙")
    canvas.save()
    assert reading.text(out.getvalue()) == "甲𠅤𬭸乙"


def test_a_configured_font_comes_first_and_the_shipped_one_fills_its_gaps() -> None:
    """The bold file configured as regular: GB 2312 in it, the rest in the shipped regular."""
    chain = fonts.load([FOLDER / "NotoSansSC-Bold.ttf"])
    assert chain.runs("上海")[0][0][0] is chain.regular[0]
    assert chain.runs("龘")[0][0][0].name.endswith("NotoSansSC-Regular")
    assert chain.bold[0] is chain.regular[0]


def test_a_font_that_cannot_be_used_is_named_in_the_log_and_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    broken = tmp_path / "broken.ttf"
    broken.write_bytes(b"no font at all")
    chain = fonts.load([broken, tmp_path / "absent.ttf"])
    assert chain.regular[0].name.endswith("NotoSansSC-Regular")
    assert [str(broken) in record.getMessage() for record in caplog.records] == [True, False]


def test_without_any_font_the_last_resort_is_not_embedded_and_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "fonts").mkdir()
    monkeypatch.setattr(fonts.assets, "folder", lambda name: tmp_path)
    monkeypatch.setattr(fonts, "SYSTEM", ())
    chain = fonts._load.__wrapped__(())
    assert not chain.embedded
    runs, missing = chain.runs("华北𠮷A")
    assert ["".join(text for _, text in runs), missing] == ["华北〓A", {"𠮷"}]
