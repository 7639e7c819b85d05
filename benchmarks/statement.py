"""Statements of account: a batch against bare platypus tables of the same rows, one of 3,000 lines against a bare table of its rows."""

from __future__ import annotations

import io
import random
import resource
import time
from collections.abc import Callable
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import Flowable, Paragraph, SimpleDocTemplate, Table, TableStyle

from benchmarks.aging import median
from benchmarks.book import AS_OF
from collect import assets, i18n
from collect.documents import fonts, statement, workers
from collect.documents.facts import OpenLine, Party, Section, StatementFacts
from collect.domain import aging
from collect.domain.rights import ALL, SYSTEM
from collect.reports import statements as reports
from collect.runtime import Runtime
from collect.services import imports, statements
from collect.services.statements import Which, Wish
from collect.storage import statements as storage

LONG, SHORT, MANY = 3000, 30, 100
SAMPLE = 200
WHOLE = 47_004  # statements of a book of a million documents


def run(make: Callable[[], Runtime], files: dict[str, Path], runs: int) -> None:
    """Print the ratios of single documents, then those of a batch over the whole book."""
    fonts.load()
    one = facts(LONG)
    bare = median(lambda: _built([_table(one)]), runs)
    ours = median(lambda: statement.render([one]), runs)
    print(f"  {LONG:,} lines: bare table             {bare * 1000:9.1f} ms")
    print(f"  {LONG:,} lines: statement              {ours * 1000:9.1f} ms   {ours / bare:5.2f} × bare   (goal ≤ 1.5)")
    small = [facts(SHORT, number) for number in range(MANY)]
    bare = median(lambda: [_letter(each) for each in small], max(1, runs // 2))
    ours = median(lambda: [statement.render([each]) for each in small], max(1, runs // 2))
    print(f"  {MANY} of {SHORT} lines: platypus letters {bare * 1000:9.1f} ms   {MANY / bare:6.0f}/s")
    print(f"  {MANY} of {SHORT} lines: statements       {ours * 1000:9.1f} ms   {MANY / ours:6.0f}/s   {bare / ours:5.2f} × the rate of the letters", flush=True)
    _batch(make(), files)


def _batch(runtime: Runtime, files: dict[str, Path]) -> None:
    """All statements of the book as one ZIP, against tables of the same rows and nothing else, made before and after it."""
    for kind in ("customers", "invoices", "payments"):
        assert imports.run(runtime, SYSTEM, kind, files[kind], files[kind].name, imports.Options()).refused == 0
    some = _sample(runtime)
    tables = [_rate(lambda each: _built([_table(each)]), some)]
    alone = [_rate(statement.printed, some)]
    begun, spent, children = time.perf_counter(), _spent(resource.RUSAGE_SELF), _spent(resource.RUSAGE_CHILDREN)
    planned = statements.plan(runtime, SYSTEM, Wish("confirm", AS_OF, "zh"), Which())
    made: list[int] = []
    size = sum(map(len, statements.batch(runtime, SYSTEM, planned, made.append)))
    took, spent, children = time.perf_counter() - begun, _spent(resource.RUSAGE_SELF) - spent, _spent(resource.RUSAGE_CHILDREN) - children
    count = len(made)
    tables.append(_rate(lambda each: _built([_table(each)]), some))
    alone.append(_rate(statement.printed, some))
    bare, ours, whole = sum(tables) / 2, sum(alone) / 2, count / (spent + children)
    lines = sum(len(section.lines) for each in some for section in each.sections) / len(some)
    print(f"  {len(some)} of {lines:.1f} lines: bare tables      {bare:6.0f} per second of a core")
    print(f"  {len(some)} of {lines:.1f} lines: statements       {ours:6.0f} per second of a core   {ours / bare:5.2f} × bare   (goal ≥ 0.75)")
    print(f"  batch of {count:,}, all of it          {whole:6.0f} per second of a core   {whole / bare:5.2f} × bare   (goal ≥ 0.75), {size / count / 1000:.0f} kB each")
    print(f"    by the clock, {workers.processors()} cores          {count / took:6.0f}/s in {took:.1f} s: {WHOLE:,} in {WHOLE / count * took:.0f} s   (goal ≤ 120 s)")
    print(f"    here {spent / count * 1000:.2f} ms each, in the processes that draw {children / count * 1000:.2f} ms each")
    print(f"    {WHOLE:,} on two cores of their own, by that: {WHOLE / whole / 2:.0f} s")


def _spent(who: int) -> float:
    """The processor time of this process or of those it has started and ended."""
    usage = resource.getrusage(who)
    return usage.ru_utime + usage.ru_stime


def _rate(draw: Callable[[StatementFacts], Any], some: list[StatementFacts]) -> float:
    """How many are drawn in a second of a core; processor time, so that others who use the machine count less."""
    draw(some[0])
    begun = time.process_time()
    for each in some:
        draw(each)
    return len(some) / (time.process_time() - begun)


def _sample(runtime: Runtime) -> list[StatementFacts]:
    """The facts of customers with a balance, taken evenly from all of them."""
    with runtime.read(SYSTEM) as view:
        asked = reports.Asked(AS_OF, view.known, aging.Buckets(aging.DEFAULT_EDGES), ALL)
        sums = reports.balances_of(view.session, asked)
        wanted = sorted(sums)[:: max(len(sums) // SAMPLE, 1)]
        parties = {key: Party(row.customer_no, row.name, row.address or "", row.tax_no or "") for key, row in storage.load_parties(view.session, ALL).items()}
        told = list(reports.sections(view.session, asked, sums, parties, wanted))
    return [StatementFacts(f"DZ-{key:06d}", "confirm", "zh", AS_OF, AS_OF, "Bench Ltd", parties[key], sections) for key, sections in told]


@cache
def _fonts() -> tuple[str, str]:
    """The shipped fonts as ReportLab takes them itself, regular and bold."""
    folder = assets.folder("config") / "fonts"
    for name in ("Regular", "Bold"):
        pdfmetrics.registerFont(TTFont(f"bare-{name}", str(folder / f"NotoSansSC-{name}.ttf")))
    return "bare-Regular", "bare-Bold"


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


def _letter(one: StatementFacts) -> bytes:
    """The same letter as somebody would put it together from platypus: paragraphs, the table, the ages, the slip."""
    told, section = statement.words("zh"), one.sections[0]
    plain, heavy = _fonts()
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
    """The rows under their heading, repeated on each page, in the same font."""
    told = statement.words("zh")
    plain, heavy = _fonts()
    rows: list[Any] = [[told[name] for name in ("document", "issued", "due", "days", "original", "settled", "open")]]
    for line in one.sections[0].lines if one.sections else ():
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
