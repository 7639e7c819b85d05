"""A table as a PDF: every cell read back by another program, pages, notes, faces, and the same bytes each time."""

from __future__ import annotations

import hashlib
import io
import threading
from datetime import date
from typing import Any

import pypdf
import pytest

from collect import i18n
from collect.documents import fonts, layout, page
from collect.documents.table import render_table
from collect.domain.errors import Refusal
from collect.table import Column, Table
from tests.documents import reading

BUCKETS = ("not_due", "1-30", "31-60", "61-90", "91-120", "121+")
MONEY = (*BUCKETS, "provisional", "unapplied", "total", "disputed", "promised", "in_paper")
COLUMNS = (
    Column("key", "Customer", "code"),
    Column("name", "Name"),
    Column("currency", "Currency", "code"),
    *(Column(key, key.replace("_", " ").capitalize(), "money") for key in MONEY),
)
CHINESE = {
    "Aging": "账龄", "Customer": "客户编号", "Name": "客户名称", "Currency": "币种", "Not due": "未到期", "Total": "合计", "Provisional": "暂估", "Unapplied": "未核销收款",
    "Disputed": "争议", "Promised": "承诺付款", "In paper": "票据", "As of": "截止日", page.PRINTED: "打印于 {printed}", page.PAGE_OF: "第 {page} 页 / 共 {pages} 页",
    page.NO_GLYPH: "{mark} 代表字体中没有的字符：{characters}。", "Nothing to show.": "没有可显示的内容。",
}  # fmt: skip
NAMES = ("华北医疗器械有限公司", "上海龘鿏精密仪器股份有限公司", "广州㙓记贸易行", "Müller & Söhne GmbH", "<b>O'Brien</b> & Sons")


@pytest.fixture
def chinese(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(i18n, "catalogue", lambda language: CHINESE if language == "zh" else {})


def aging(count: int, **more: Any) -> Table:
    """Rows whose amounts tell their place: row n, column k is n * 1,000,003 + k minor units, the unapplied negative."""
    currencies = ("CNY", "USD", "JPY", "KWD")
    rows = [
        (f"C{n:04d}", NAMES[n % len(NAMES)], currencies[n % 4], *(n * 1_000_003 + k if key != "unapplied" else -n for k, key in enumerate(MONEY)))
        for n in range(count)
    ]  # fmt: skip
    totals = [("Total", None, code, *(sum(row[3 + k] for row in rows if row[2] == code) for k in range(len(MONEY)))) for code in currencies]
    return Table("Aging", COLUMNS, rows, totals, (("As of", "2026-03-31"),), ("A finished sentence.",), 2, **more)


def small(*rows: tuple[Any, ...], **more: Any) -> Table:
    return Table("Items", (Column("no", "Invoice", "code"), Column("text", "Text"), Column("c", "Currency", "code"), Column("a", "Amount", "money")), rows, currency=2, **more)


def render(table: Table, language: str = "en") -> bytes:
    return render_table(table, language, "华北医疗器械有限公司", "2026-04-02 09:31")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_cell_is_read_back(language: str, chinese: None) -> None:
    """120 rows in four currencies; names may be broken over lines, so lines are joined before they are compared."""
    table = aging(120)
    told = "".join("".join(lines) for lines in reading.pages(render(table, language))).replace(" ", "")
    for row in table.rows:
        shown = [row[0], row[1], row[2], *(i18n.group(value, row[2]) for value in row[3:])]
        assert "".join(shown).replace(" ", "") in told, row
    label = "合计" if language == "zh" else "Total"
    for row in table.totals:
        assert "".join([label, row[2], *(i18n.group(value, row[2]) for value in row[3:])]) in told, row


def test_amounts_stand_as_the_reader_writes_them() -> None:
    """Worked by hand: grouping, the currency's decimals, sign, nothing for an empty cell, zero as zero."""
    table = small(("1", "a", "CNY", 140950), ("2", "b", "JPY", -1234567), ("3", "c", "KWD", 1), ("4", "d", "CNY", None), ("5", "e", "CNY", 0))
    lines = reading.pages(render(table))[0]
    for wanted in ("1 a CNY 1,409.50", "2 b JPY -1,234,567", "3 c KWD 0.001", "4 d CNY", "5 e CNY 0.00"):
        assert wanted in lines


def test_points_stand_under_points() -> None:
    """1.00 yuan, 100 yen and 1.000 dinar: the digit before the point ends at the same place in each row."""
    pdf = render(small(("1", "a", "CNY", 111), ("2", "b", "JPY", 1), ("3", "c", "KWD", 1111)))
    edges = [reading.right_edge(pdf, before) for before in ("1 a CNY 1", "2 b JPY 1", "3 c KWD 1")]
    assert max(edges) - min(edges) < 0.1


def test_each_page_repeats_head_and_tells_its_number(chinese: None) -> None:
    pages = reading.pages(render(aging(120), "zh"))
    assert len(pages) >= 3
    for number, lines in enumerate(pages, start=1):
        assert f"第 {number} 页 / 共 {len(pages)} 页" in lines[-1]
        assert "打印于 2026-04-02 09:31" in lines[-1]
        assert "客户编号 客户名称 币种 未到期 1-30 31-60 61-90 91-120 121+" in " ".join(lines[:10])
        assert "华北医疗器械有限公司" in " ".join(lines[:4]) and "2026-03-31" in " ".join(lines[:6])
    assert "A finished sentence." in " ".join(pages[-1])


def test_totals_are_not_parted_from_the_last_row() -> None:
    """Whatever the number of rows: the page with the totals has all four of them, and the row before them."""
    for count in range(20, 60, 3):
        last = reading.pages(render(aging(count)))[-1]
        assert sum(line.startswith("Total ") for line in last) == 4
        assert any(line.startswith(f"C{count - 1:04d}") for line in last)


def test_the_same_table_gives_the_same_bytes_also_from_several_threads() -> None:
    """Fonts are shared by all documents of a process."""
    table = aging(60)
    wanted = hashlib.sha256(render(table)).hexdigest()
    told: list[str] = []
    threads = [threading.Thread(target=lambda: told.append(hashlib.sha256(render(table)).hexdigest())) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told == [wanted] * 6


def test_fonts_are_embedded() -> None:
    found = reading.fonts(render(aging(5)))
    assert {name.partition("+")[2] for name, _ in found} == {"NotoSansSC-Regular", "NotoSansSC-Bold"}
    assert all(embedded for _, embedded in found)


def test_rare_characters_are_drawn_in_rows_and_in_bold() -> None:
    """The same table with the name left out has much less ink in it: 龘 alone has over a hundred dark pixels."""
    with_names = reading.ink(reading.picture(render(small(("1", "龘㙓鿏𠅤", "CNY", 5), totals=(("龘", None, "CNY", 5),)))))
    without = reading.ink(reading.picture(render(small(("1", "", "CNY", 5), totals=(("", None, "CNY", 5),)))))
    assert with_names - without > 5 * 100


def test_what_no_font_has_is_marked_and_named_never_a_silent_box(chinese: None) -> None:
    told = reading.text(render(small(("1", "𠮷野家 😀", "CNY", 5)), "zh"))
    assert "〓野家 〓" in told
    assert "〓 代表字体中没有的字符：U+1F600, U+20BB7。" in told
    assert "U+" not in reading.text(render(small(("1", "野家", "CNY", 5)), "zh"))


def test_a_document_whose_font_is_not_embedded_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    resort = fonts._last_resort()
    pdf = render_table(small(("1", "华北", "CNY", 5)), "en", "华北", "now", fonts.Fonts((resort,), (resort,)))
    assert page.NOT_EMBEDDED in reading.text(pdf)
    assert page.NOT_EMBEDDED not in reading.text(render(small(("1", "华北", "CNY", 5))))


def test_markup_in_names_is_text() -> None:
    assert "<b>O'Brien</b> & Sons <img src=x> %s {0} \\( )" in reading.text(render(small(("1", "<b>O'Brien</b> & Sons <img src=x> %s {0} \\( )", "CNY", 5))))


def test_an_empty_table_says_so(chinese: None) -> None:
    told = reading.pages(render(Table("Aging", COLUMNS, [], currency=2), "zh"))
    assert len(told) == 1
    assert any("没有可显示的内容。" in line for line in told[0])


def test_a_text_taller_than_a_page_is_cut_short_with_an_ellipsis() -> None:
    pages = reading.pages(render(small(("1", "word " * 4000, "CNY", 5), ("2", "after", "CNY", 6))))
    assert "…" in " ".join(pages[0])
    assert any("2 after CNY 0.06" in line for lines in pages for line in lines)


def test_many_notes_go_on_over_the_page() -> None:
    notes = tuple(f"Note number {n}." for n in range(150))
    told = reading.text(render(small(("1", "a", "CNY", 5), notes=notes)))
    assert all(note in told for note in notes)
    assert "Page 3 of 3" in told


def test_long_company_title_and_facts_stay_on_the_paper() -> None:
    """Nothing is drawn in the right margin: it is as white as paper."""
    facts = tuple((f"Label {n}", "a long value " * 5) for n in range(6))
    pdf = render_table(small(*(("1", "a", "CNY", 5),) * 120, facts=facts), "en", "公司" * 80, "now")
    for number in range(2):
        image = reading.picture(pdf, number, scale=1.0)
        assert reading.ink(image, (image.width - 28, 0, image.width, image.height)) == 0
    assert reading.text(pdf).count("a long value") >= 6


def test_dates_and_whole_numbers() -> None:
    table = Table("T", (Column("d", "Due", "date"), Column("n", "Days", "integer")), [(date(2026, 3, 5), -3), (None, None)])
    assert "2026-03-05 -3" in reading.pages(render(table))[0]


def test_what_the_file_says_of_itself() -> None:
    reader = pypdf.PdfReader(io.BytesIO(render(aging(2), "zh")))
    assert reader.metadata is not None
    assert (reader.metadata.title, reader.metadata.author, reader.metadata.subject) == ("账龄", "华北医疗器械有限公司", "截至日期 2026-03-31")
    assert reader.trailer["/Root"]["/Lang"] == "zh-CN"  # type: ignore[index]


def test_an_amount_without_a_currency_is_refused() -> None:
    with pytest.raises(Refusal, match="unknown_currency"):
        render(small(("1", "a", "???", 5)))


def test_a_table_too_long_for_paper_is_refused_before_anything_is_drawn() -> None:
    with pytest.raises(Refusal, match="too_many_rows_for_pdf"):
        render_table(Table("Aging", COLUMNS, [()] * 50_001), "en", "Acme", "now")


def test_a_heading_is_never_broken_within_a_word_for_the_sake_of_even_lines() -> None:
    """`Customer no.` in a column as wide as `Customer` takes two lines: even ones would be `Custom` and `er no.`."""
    face = fonts.load()
    runs = face.runs("Customer no.", bold=True)[0]
    lines = layout.balance(runs, layout.longest_word(runs))
    assert ["".join(text for _, text in line) for line in lines] == ["Customer", "no."]
