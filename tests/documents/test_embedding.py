"""Fonts cut for documents: read back by another program, the letters of a form cut once, the bytes free of what came before."""

from __future__ import annotations

import io
from collections.abc import Sequence

import pypdf
import pytest
from fontTools.pens.recordingPen import DecomposingRecordingPen
from fontTools.ttLib import TTFont as Reader
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfgen.canvas import Canvas

from collect import assets
from collect.documents import embedding, fonts, page, statement, truetype
from collect.documents.page import Heading, Sheets
from tests.documents import reading
from tests.documents.test_statement import facts

FOLDER = assets.folder("config") / "fonts"


def outlines(font: Reader, names: Sequence[str]) -> list[object]:
    """What is drawn for glyphs, parts of composite ones put in their places, and how wide they are."""
    found: list[object] = []
    for name in names:
        pen = DecomposingRecordingPen(font.getGlyphSet())
        font.getGlyphSet()[name].draw(pen)
        found.append((pen.value, font["hmtx"][name][0]))
    return found


@pytest.mark.parametrize(("file", "letters"), [("NotoSansSC-Regular", "华龘A，𠅤 9"), ("NotoSans-Bold", "ŞłéǻΩЖ₹ 7"), ("NotoSansSC-Bold", "上海")])
def test_a_cut_font_draws_the_same_glyphs(file: str, letters: str) -> None:
    """Another program reads the cut, its checksums included, and draws each letter as it draws it from the whole font."""
    fonts.load()
    face = pdfmetrics.getFont(f"collect-{file}").face
    program = truetype.cut(face, ["", *letters, "\uf8ff"])
    # Its own tables only: what a PDF needs, with the sum over the whole file as it must be.
    cut, whole = Reader(io.BytesIO(program), checkChecksums=2), Reader(FOLDER / f"{file}.ttf")
    assert sum(int.from_bytes(program[at : at + 4].ljust(4, b"\0")) for at in range(0, len(program), 4)) & 0xFFFFFFFF == 0xB1B0AFBA
    assert {"cmap", "glyf", "head", "hhea", "hmtx", "loca", "maxp"} <= set(cut.keys()) - {"GlyphOrder"}
    codes = cut["cmap"].tables[0].cmap
    known = whole.getBestCmap()
    assert outlines(cut, [codes.get(code, ".notdef") for code in range(1, len(letters) + 1)]) == outlines(whole, [known[ord(letter)] for letter in letters])
    assert codes.get(len(letters) + 1, ".notdef") == ".notdef"
    assert len(program) < 40_000


def sheets(stock: str = "", texts: Sequence[str] = ("往来账目 (A\\B) 1\xa02",)) -> bytes:
    """A document of one page with texts, the letters of the stock cut once."""
    loaded = fonts.load()
    made = Sheets(page.PORTRAIT, Heading("公司", "账", (), "2026-04-02", "zh"), loaded, 1, stock={loaded.regular[0].name: stock})
    y = made.begin()
    for text in texts:
        y -= 20
        made.say(page.MARGIN, y, text, 9)
    return made.finish()


def test_the_stock_changes_neither_picture_nor_text() -> None:
    """Without a stock, with one that has all, some or other letters, and one too large for one cut."""
    plain = sheets()
    for stock in ("往来账目", "来目", "甲乙丙", "".join(map(chr, range(0x4E00, 0x4F80)))):
        stocked = sheets(stock)
        assert reading.pages(stocked) == reading.pages(plain)
        assert reading.picture(stocked).tobytes() == reading.picture(plain).tobytes()
    assert "往来账目 (A\\B) 1 2" in reading.text(plain)


def test_more_letters_than_one_cut_has_are_all_there() -> None:
    """600 letters in three cuts, all carried by the file, each with a name of its own."""
    texts = ["".join(map(chr, range(start, start + 40))) for start in range(0x5000, 0x5000 + 600, 40)]
    made = sheets("的", texts)
    told = reading.text(made).replace(" ", "")
    assert all(text in told for text in texts)
    names = [name for name, carried in reading.fonts(made) if carried]
    assert len(names) == len(reading.fonts(made)) == len(set(names)) >= 4
    assert all(len(name.partition("+")[0]) == 7 for name in names)  # a slash and six letters


def test_bytes_do_not_depend_on_what_was_made_before() -> None:
    first = statement.render([facts(5)])
    others = [statement.render([facts(3, company="另一家公司"), facts(2)]), statement.render([facts(4, language="en")])]
    assert statement.render([facts(5)]) == first
    for cached in (embedding._stock, embedding._stock_cut, statement._stock):
        cached.cache_clear()
    assert statement.render([facts(5)]) == first and first not in others


def test_the_letters_of_the_form_are_cut_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside the name in bold and in regular letters, the second letter of a batch needs no cut of its own."""
    statement.render([facts(3)])
    cuts = []
    monkeypatch.setattr(embedding, "_cut", lambda face, letters, *more: cuts.append(letters) or embedding.Cut("X", *[b"<<>>"] * 4))
    statement.render([facts(4)])
    assert len(cuts) == 2 and max(map(len, cuts)) < 60


def test_reportlab_itself_can_draw_with_the_fonts() -> None:
    out = io.BytesIO()
    canvas = Canvas(out, invariant=1)
    canvas.setFont(fonts.load().regular[0].name, 12)
    canvas.drawString(50, 50, "甲(乙)\\丙")
    canvas.save()
    assert reading.text(out.getvalue()) == "甲(乙)\\丙"


def test_a_document_in_the_last_resort_names_its_font_and_carries_none() -> None:
    face = fonts._last_resort()
    made = statement.render([facts(2)], fonts.Fonts((face,), (face,)))
    found = pypdf.PdfReader(io.BytesIO(made)).pages[0]["/Resources"]["/Font"]
    assert [entry.get_object()["/BaseFont"][:13] for entry in found.values()] == ["/STSong-Light"]
    assert "FP-0001" in reading.text(made)
