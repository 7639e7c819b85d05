"""Statements of account: one of 3,000 lines against a bare ReportLab table of its rows, small ones against the same letter in bare platypus."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.platypus import Flowable, Paragraph, SimpleDocTemplate, Table, TableStyle

from benchmarks.aging import median
from collect import i18n
from collect.documents import fonts, statement
from collect.documents.facts import OpenLine, Party, Section, StatementFacts
from collect.domain import aging

AS_OF = date(2026, 3, 31)
LONG, SHORT, MANY = 3000, 30, 100


def run(make: Callable[[], Any], files: dict[str, Path], runs: int) -> None:
    """Print both ratios; neither database nor files are needed."""
    del make, files
    fonts.load()
    one = facts(LONG)
    bare = median(lambda: _bare(one), runs)
    ours = median(lambda: statement.render([one]), runs)
    print(f"  {LONG:,} lines: bare table             {bare * 1000:9.1f} ms")
    print(f"  {LONG:,} lines: statement              {ours * 1000:9.1f} ms   {ours / bare:5.2f} × bare   (goal ≤ 1.5)")
    small = [facts(SHORT, number) for number in range(MANY)]
    bare = median(lambda: [_letter(each) for each in small], max(1, runs // 2))
    ours = median(lambda: [statement.render([each]) for each in small], max(1, runs // 2))
    print(f"  {MANY} of {SHORT} lines: bare platypus    {bare * 1000:9.1f} ms   {MANY / bare:6.0f}/s")
    print(f"  {MANY} of {SHORT} lines: statements       {ours * 1000:9.1f} ms   {MANY / ours:6.0f}/s   {bare / ours:5.0%} of the bare rate   (goal ≥ 75 %)")


def facts(count: int, seed: int = 0) -> StatementFacts:
    """A Chinese confirmation of so many open items."""
    rng = random.Random(seed)
    buckets = aging.Buckets(aging.DEFAULT_EDGES)
    amounts = [0] * len(buckets.names)
    lines = []
    for number in range(count):
        due = AS_OF - timedelta(days=rng.randint(-30, 900))
        open_minor = rng.randint(100, 9_000_000)
        amounts[buckets.place((AS_OF - due).days)] += open_minor
        lines.append(OpenLine(f"INV-{seed:03d}-{number:05d}", "invoice", due - timedelta(days=30), due, (AS_OF - due).days, open_minor + 5000, 5000, open_minor))
    lines.sort(key=lambda line: line.due or date.max)
    party = Party("C001", "同仁大药房连锁有限公司", "北京市东城区崇文门外大街", "91110101MA01ABCD2X")
    section = Section(party, "CNY", tuple(lines), (), buckets.names, tuple(amounts), 0)
    return StatementFacts(f"DZ-{seed:06d}", "confirm", "zh", AS_OF, AS_OF, "华北医疗器械有限公司", party, (section,))


def _bare(one: StatementFacts) -> bytes:
    """The same rows as a platypus table in the same embedded font, its heading repeated."""
    return _built([_table(one)])


def _letter(one: StatementFacts) -> bytes:
    """The same letter as somebody would put it together from platypus: paragraphs, the table, the ages, the slip."""
    told, section = statement.words("zh"), one.sections[0]
    plain, heavy = fonts.load().regular[0].name, fonts.load().bold[0].name
    body = ParagraphStyle("body", fontName=plain, fontSize=9.5, leading=15, wordWrap="CJK")
    strong = ParagraphStyle("strong", fontName=heavy, fontSize=12, leading=17, wordWrap="CJK")
    above = [one.company, told["confirm_title"], one.addressee.name, f"CNY {i18n.group(section.balance, 'CNY')}"]
    texts = [told["confirm_opening"].format(as_of=one.as_of), statement.in_words(section.balance, "CNY", "zh"), one.addressee.address, one.addressee.tax_no]
    ages = Table([list(section.buckets), [i18n.group(amount, "CNY") for amount in section.amounts]], style=[("FONT", (0, 0), (-1, -1), plain, 7)])
    slip = Table(
        [[told["slip_agree"], told["slip_differ"]], [told["slip_agree_text"], told["slip_differ_text"]], [told["slip_seal"]] * 2], style=[("FONT", (0, 0), (-1, -1), plain, 8)]
    )
    purpose = Paragraph(told["confirm_purpose"].format(as_of=one.as_of), body)
    return _built([*(Paragraph(text, strong) for text in above), *(Paragraph(text, body) for text in texts), _table(one), ages, purpose, slip])


def _table(one: StatementFacts) -> Table:
    """The rows under their heading."""
    told = statement.words("zh")
    plain, heavy = fonts.load().regular[0].name, fonts.load().bold[0].name
    rows: list[Any] = [[told[name] for name in ("document", "issued", "due", "days", "original", "settled", "open")]]
    for line in one.sections[0].lines:
        days = str(line.days) if line.days and line.days > 0 else ""
        rows.append([line.document, i18n.show_day(line.issued), i18n.show_day(line.due), days, *(i18n.group(value, "CNY") for value in (line.amount, line.settled, line.open))])
    style = [
        ("FONT", (0, 0), (-1, -1), plain, 8.5),
        ("FONT", (0, 0), (-1, 0), heavy, 8.5),
        ("ALIGN", (3, 0), (-1, -1), "RIGHT"),
        ("ROWBACKGROUNDS", (0, 1), (-1, -1), [(1, 1, 1), (0.96, 0.97, 0.98)]),
    ]
    return Table(rows, repeatRows=1, style=TableStyle(style))


def _built(parts: list[Flowable]) -> bytes:
    out = io.BytesIO()
    SimpleDocTemplate(out, pagesize=A4, invariant=1).build(parts)
    return out.getvalue()
