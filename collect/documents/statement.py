"""Statements of account 对账单 as PDF: what is owed, by document and age, for confirmation with a reply slip, or as a demand (S27)."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from typing import Any

from collect import assets, i18n
from collect.documents import flow, page
from collect.documents import fonts as letters
from collect.documents.facts import Section, StatementFacts
from collect.documents.flow import ROOM, Draw, Flow, Piece
from collect.documents.fonts import Fonts, Run
from collect.documents.page import MARGIN, Heading, Sheets
from collect.domain import amount_words, money
from collect.table import Column

SLIP_HEIGHT = 208.0
FIELD_HEIGHT = 118.0
AGES_HEAD, AGES_ROW = 22.0, 34.0  # the strip of ages: its title, and a row of buckets with their amounts
AGES_SIZES = (8.0, 6.8)  # points of its letters: at best, and the least that is read without effort
# The words that are set in bold, all others in regular letters.
BOLD = (
    *("title", "open_items", "credits", "slip_title", "slip_agree", "slip_differ"),
    *("document", "issued", "due", "days", "original", "settled", "open", "day", "running", "credit_amount", "unapplied"),
    *("total", "less_unapplied"),
)
# Words that few statements have: their letters are cut out of the font where they are used.
RARE = (
    *("group_note", "balance_favour", "open_items_of", "movements", "movements_of", "nothing_open", "increase", "decrease", "opening", "closing"),
    *("kind", "waits", "waits_note", "provisional", "period", "period_value", "comma"),
)
CAPITALS = "零壹贰叁肆伍陆柒捌玖拾佰仟万亿元角分整"


@cache
def words(language: str) -> Mapping[str, Any]:
    """The words of statements in a language, from config/statements; English for one that has none."""
    folder = assets.folder("config") / "statements"
    file = folder / f"{language}.toml"
    return tomllib.loads((file if file.is_file() else folder / "en.toml").read_text(encoding="utf-8"))


def render(statements: Sequence[StatementFacts], fonts: Fonts | None = None) -> bytes:
    """The statements as one PDF, each from a page of its own with pages counted for itself; equal facts give equal bytes.

    A4 upright, the heading of a table on each of its pages. Characters without a glyph are marked and named in a note.
    """
    fonts = fonts or letters.load()
    sheets: Sheets | None = None
    for facts in statements:
        heading, composed = _compose(facts, fonts)
        pages = flow.paginate(composed.parts, *flow.tops(fonts, heading))
        if sheets is None:
            sheets = Sheets(page.PORTRAIT, heading, fonts, len(pages), stock=_stock(facts.kind, facts.language, facts.company, facts.accounts, fonts))
        else:
            sheets.turn(heading, len(pages))
        flow.draw(sheets, pages)
    if sheets is None:
        raise ValueError("nothing to print")
    return sheets.finish()


def printed(facts: StatementFacts) -> tuple[bytes, str]:
    """One statement as PDF, and the SHA-256 of the file."""
    pdf = render([facts])
    return pdf, hashlib.sha256(pdf).hexdigest()


@lru_cache(maxsize=16)
def _stock(kind: str, language: str, company: str, accounts: tuple[tuple[str, str, str], ...], fonts: Fonts) -> dict[str, str]:
    """By face, the letters that stand in every statement of a kind that a company makes, in a fixed order."""
    told = words(language)
    other = ("demand_",) if kind == "confirm" else ("confirm_", "slip_")
    mine = {name.removeprefix(f"{kind}_"): text for name, text in told.items() if isinstance(text, str) and name not in RARE and not name.startswith(other)}
    plain = "".join([*(text for name, text in mine.items() if name not in BOLD), *(each for account in accounts for each in account), company, *page.footer(language)])
    plain += CAPITALS if language == "zh" else ""
    heavy = company + "".join(text for name, text in mine.items() if name in BOLD)
    return {face.name: "".join(sorted(set(letters))) for face, letters in ((fonts.bold[0], heavy), (fonts.regular[0], plain))}


def in_words(minor: int, currency: str, language: str) -> str:
    """An amount in words in the language of a letter: capitals 大写 in Chinese."""
    said = amount_words.chinese if language == "zh" else amount_words.english
    return said(minor, currency, money.exponent(currency))


def _compose(facts: StatementFacts, fonts: Fonts) -> tuple[Heading, Flow]:
    """The heading and the content of one statement."""
    told = words(facts.language)
    composed = Flow(fonts)
    heading = _heading(facts, told)
    for text in (heading.company, heading.title, *(each for fact in heading.facts for each in fact)):
        composed.runs(text)
    _address(facts, told, composed)
    composed.paragraph(_opening(facts, told))
    if len({section.debtor for section in facts.sections}) > 1:
        composed.paragraph(told["group_note"])
    composed.gap(6)
    for currency in sorted({section.currency for section in facts.sections}):
        _panel(facts, told, composed, currency)
    if not facts.sections:
        composed.paragraph(told["nothing_open"], bold=True)
    for section in facts.sections:
        _section(facts, told, composed, section)
    composed.gap(4)
    composed.paragraph(told[f"{facts.kind}_{'purpose' if facts.kind == 'confirm' else 'rights'}"].format(as_of=facts.as_of, pay_by=facts.pay_by), size=9.0, leading=14.0)
    _signed(facts, told, composed)
    for warning in page.warnings(fonts, composed.missing, facts.language):
        composed.paragraph(warning, size=7.5, leading=10.0, colour=page.MUTED)
    if facts.kind == "confirm":
        composed.parts.append(Piece(SLIP_HEIGHT, _slip(facts, told, composed)))
    return heading, composed


def _heading(facts: StatementFacts, told: Mapping[str, Any]) -> Heading:
    """Title and facts: they also stand in one line on each further page."""
    shown = [(told["number"], facts.number), (told["as_of"], facts.as_of.isoformat())]
    if facts.since:
        shown[1] = (told["period"], told["period_value"].format(since=facts.since, as_of=facts.as_of))
    shown.append((told["customer_no"], facts.addressee.number))
    return Heading(facts.company, told[f"{facts.kind}_title"], tuple(shown), facts.made_on.isoformat(), facts.language)


def _address(facts: StatementFacts, told: Mapping[str, Any], composed: Flow) -> None:
    """Whom it goes to."""
    party = facts.addressee
    composed.paragraph(told["to"], size=7.5, leading=10.0, colour=page.MUTED)
    composed.paragraph(party.name, size=12.0, leading=17.0, bold=True)
    for name in ("address", "tax_no"):
        if getattr(party, name):
            composed.paragraph(told[name].format(**{name: getattr(party, name)}), size=9.0, leading=13.0, colour=page.MUTED)
    composed.gap(5)


def _opening(facts: StatementFacts, told: Mapping[str, Any]) -> str:
    """What the letter is about; a demand names debtor, creditor, amount and day (S27)."""
    sums = _sums(facts.sections)
    asked = [_money(told, at["asked"], currency) for currency, at in sums.items() if at["asked"]]
    values = {"debtor": facts.addressee.name, "creditor": facts.company, "asked": told["between"].join(asked)}
    return str(told[f"{facts.kind}_opening"].format(as_of=facts.as_of, pay_by=facts.pay_by, **values))


def _money(told: Mapping[str, Any], minor: int, currency: str) -> str:
    return str(told["amount"].format(currency=told["currencies"].get(currency, currency), amount=i18n.group(minor, currency)))


def _sums(sections: Sequence[Section]) -> dict[str, dict[str, int]]:
    """Balance, overdue and asked by currency, in their order; currencies are never added up (S10)."""
    found: dict[str, dict[str, int]] = {}
    for section in sections:
        at = found.setdefault(section.currency, {"balance": 0, "overdue": 0, "asked": 0})
        for name in at:
            at[name] += getattr(section, name)
    return dict(sorted(found.items()))


def _panel(facts: StatementFacts, told: Mapping[str, Any], composed: Flow, currency: str) -> None:
    """The amount that matters, large, with its words: the balance, or what a demand asks for."""
    at = _sums(facts.sections)[currency]
    demand = facts.kind == "demand"
    amount = at["asked"] if demand else at["balance"]
    label = told["asked"] if demand else told["balance"] if amount >= 0 else told["balance_favour"]
    beside = told["asked_by"].format(pay_by=facts.pay_by) if demand else ""
    if not demand and at["overdue"] > 0 and amount > 0:
        beside = told["of_which_overdue"].format(amount=_money(told, at["overdue"], currency))
    amount = amount if demand else abs(amount)
    spelled = composed.fold(told["words"].format(words=in_words(amount, currency, facts.language)), 9.0, ROOM - 24)
    label_runs, beside_runs = composed.runs(label), composed.runs(beside)
    figure = composed.runs(f"{currency} {i18n.group(amount, currency)}", bold=True)
    height = 46.0 + 13.0 * len(spelled)

    def draw(sheets: Sheets, y: float) -> None:
        sheets.band(MARGIN, y - height + 6, ROOM, height - 6, page.HEAD)
        sheets.band(MARGIN, y - height + 6, 3, height - 6, page.ACCENT)
        sheets.text(MARGIN + 14, y - 13, label_runs, 8.0, page.MUTED)
        sheets.text(MARGIN + ROOM - 12, y - 13, beside_runs, 8.0, page.MUTED, right=True)
        sheets.text(MARGIN + 14, y - 32, figure, 16.0, page.ACCENT)
        for number, runs in enumerate(spelled):
            sheets.text(MARGIN + 14, y - 46 - 13.0 * number, runs, 9.0)

    composed.parts.append(Piece(height, draw))


def _section(facts: StatementFacts, told: Mapping[str, Any], composed: Flow, section: Section) -> None:
    """One debtor in one currency: the items or the period's movements, what is unapplied, and the ages."""
    name = "open_items" if section.opening is None else "movements"
    group = len({each.debtor for each in facts.sections}) > 1
    title = told[f"{name}_of"] if group else told[name]
    composed.gap(6)
    composed.paragraph(title.format(currency=section.currency, debtor=section.debtor.name, number=section.debtor.number), size=10.5, leading=18.0, bold=True, keep=60.0)
    ages = _ages(told, composed, section)
    keep = sum(piece.height for piece in ages)
    if section.opening is None:
        _open_items(told, composed, section, 0.0 if section.credits else keep)
    else:
        _movements(told, composed, section, keep)
    if section.credits and section.opening is None:
        composed.gap(5)
        composed.paragraph(told["credits"].format(currency=section.currency), size=9.0, leading=15.0, bold=True, keep=40.0)
        columns = (
            Column("", told["document"]),
            Column("", told["kind"]),
            Column("", told["day"], "date"),
            Column("", told["credit_amount"], "money"),
            Column("", told["unapplied"], "money"),
        )
        rows = [(line.number, _kind(told, line.kind), line.day, line.amount, line.open) for line in section.credits]
        composed.table(columns, rows, section.currency, keep=keep)
    composed.parts.extend(ages)


def _kind(told: Mapping[str, Any], kind: str) -> str:
    return str(told["kinds"].get(kind, kind))


def _open_items(told: Mapping[str, Any], composed: Flow, section: Section, keep: float) -> None:
    """The open items, oldest due first, and what they come to."""
    columns = (
        Column("", told["document"]),
        Column("", told["issued"], "date"),
        Column("", told["due"], "date"),
        Column("", told["days"], "integer"),
        Column("", told["original"], "money"),
        Column("", told["settled"], "money"),
        Column("", told["open"], "money"),
    )
    rows = [
        (
            line.document if line.kind == "invoice" else f"{line.document} ({_kind(told, line.kind)})",
            line.issued,
            line.due or told["waits"],
            line.days if line.days is not None and line.days > 0 else None,
            line.amount,
            line.settled,
            line.open,
        )
        for line in section.lines
    ]
    empty = (None,) * 3
    totals: list[tuple[Any, ...]] = [(told["total"], *empty, section.amount, section.amount - section.open, section.open)]
    if section.unapplied:
        totals += [(told["less_unapplied"], *empty, None, None, -section.unapplied), (told["running"], *empty, None, None, section.balance)]
    composed.table(columns, rows, section.currency, totals, keep)
    if any(line.due is None for line in section.lines):
        composed.gap(3)
        composed.paragraph(told["waits_note"], size=7.5, leading=11.0, colour=page.MUTED)


def _movements(told: Mapping[str, Any], composed: Flow, section: Section, keep: float) -> None:
    """The period from its opening to its closing balance."""
    columns = (
        Column("", told["day"], "date"),
        Column("", told["document"]),
        Column("", told["kind"]),
        Column("", told["increase"], "money"),
        Column("", told["decrease"], "money"),
        Column("", told["running"], "money"),
    )
    rows: list[tuple[Any, ...]] = [(told["opening"], None, None, None, None, section.opening)]
    for entry in section.movements:
        rows.append((entry.day, entry.number, _kind(told, entry.kind), entry.change if entry.change > 0 else None, -entry.change if entry.change < 0 else None, entry.balance))
    up = sum(entry.change for entry in section.movements if entry.change > 0)
    down = -sum(entry.change for entry in section.movements if entry.change < 0)
    composed.table(columns, rows, section.currency, [(told["closing"], None, None, up, down, section.balance)], keep)


def _ages(told: Mapping[str, Any], composed: Flow, section: Section) -> list[Piece]:
    """The strip of ages: a column a bucket, in letters a little smaller, then in more rows where the amounts are long."""
    if not section.lines:
        return []
    named = {"not_due": told["not_due"]}
    cells = [(named.get(name) or told["bucket"].format(days=name.replace("-", "–")), amount) for name, amount in zip(section.buckets, section.amounts, strict=True)]
    if section.provisional:
        cells.append((told["provisional"], section.provisional))
    set_cells = [(composed.runs(label), composed.runs(i18n.group(amount, section.currency)), amount) for label, amount in cells]
    widest = max(letters.width(runs) for head, figure, _ in set_cells for runs in (head, figure))
    best, least = AGES_SIZES
    in_row = next((count for count in _even_rows(len(cells)) if (ROOM / count - 8) / widest >= least), 1)
    size, each = min(best, (ROOM / in_row - 8) / widest), ROOM / in_row
    title = composed.runs(told["aging"].format(currency=section.currency))
    rows = [set_cells[start : start + in_row] for start in range(0, len(set_cells), in_row)]

    def draw(sheets: Sheets, y: float) -> None:
        sheets.text(MARGIN, y - 16, title, 8.0, page.MUTED)
        for number, row in enumerate(rows):
            top = y - AGES_HEAD - AGES_ROW * number
            sheets.band(MARGIN, top - 16, ROOM, 16, page.HEAD)
            sheets.rule(MARGIN, top, ROOM, 0.6, page.RULE if number else page.ACCENT)
            for place, (head, figure, amount) in enumerate(row):
                right = MARGIN + each * (place + 1) - 4
                sheets.text(right, top - 11, head, size, page.MUTED, right=True)
                sheets.text(right, top - 28, figure, size, page.INK if amount else page.MUTED, right=True)
        sheets.rule(MARGIN, y - AGES_HEAD - AGES_ROW * len(rows), ROOM, 0.6, page.RULE)

    return [Piece(AGES_HEAD + AGES_ROW * len(rows) + 4.0, draw)]


def _even_rows(cells: int) -> list[int]:
    """How many cells a row may have, all in one row first, then in two, three and so on, as even as they come."""
    return [-(-cells // rows) for rows in range(1, cells + 1)]


def _signed(facts: StatementFacts, told: Mapping[str, Any], composed: Flow) -> None:
    """Where to pay, and who sends it, with room for the seal."""
    used = {section.currency for section in facts.sections}
    accounts = [
        told["account_unnamed" if name == number else "account"].format(currency=currency, number=number, name=name)
        for currency, number, name in facts.accounts
        if currency in used
    ]
    if accounts:
        composed.gap(4)
        composed.paragraph(told["pay_to"], size=8.0, leading=12.0, colour=page.MUTED, keep=14.0)
        for account in accounts:
            composed.paragraph(account, size=9.0, leading=13.0)
    company, seal, day = composed.runs(facts.company, bold=True), composed.runs(told["sender_seal"]), composed.runs(facts.made_on.isoformat())

    def draw(sheets: Sheets, y: float) -> None:
        right = MARGIN + ROOM
        sheets.text(right, y - 20, company, min(10.0, ROOM / max(letters.width(company), 1.0)), page.INK, right=True)
        sheets.text(right, y - 34, day, 9.0, page.INK, right=True)
        sheets.text(right - letters.width(day) * 9.0 - 14, y - 34, seal, 9.0, page.MUTED, right=True)

    composed.parts.append(Piece(44.0, draw))


def _slip(facts: StatementFacts, told: Mapping[str, Any], composed: Flow) -> Draw:
    """The reply slip: a line to cut along, what it answers, and two fields, to agree or not, each with room for a seal."""
    half = (ROOM - 12) / 2
    values = {"number": facts.number, "as_of": facts.as_of, "customer": facts.addressee.name, "customer_no": facts.addressee.number, "company": facts.company}
    balances = told["between"].join(_money(told, at["balance"], currency) for currency, at in _sums(facts.sections).items()) or told["nothing_open"]
    head = [
        page.fit(composed.fonts, told["slip_to"].format(**values), ROOM / 9.0),
        page.fit(composed.fonts, told["slip_about"].format(**values), ROOM / 9.0),
        page.fit(composed.fonts, told["slip_balance"].format(amount=balances), ROOM / 9.0),
    ]
    lines = [composed.runs(text) for text in head]
    title, cut = composed.runs(told["slip_title"], bold=True), composed.runs(told["slip_cut"])
    fields = [(composed.runs(told[f"slip_{name}"], bold=True), composed.fold(told[f"slip_{name}_text"], 8.5, half - 20)) for name in ("agree", "differ")]
    columns = [composed.runs(told[f"slip_{name}"]) for name in ("document", "theirs", "reason")]
    marks = [composed.runs(told[f"slip_{name}"]) for name in ("person", "date", "seal")]

    def draw(sheets: Sheets, y: float) -> None:
        sheets.cut(MARGIN, y - 12, ROOM)
        _centred(sheets, y - 23, cut, 7.0)
        sheets.text(MARGIN, y - 36, title, 12.0)
        for number, runs in enumerate(lines):
            sheets.text(MARGIN, y - 51 - 12.5 * number, runs, 9.0)
        for number, (name, said) in enumerate(fields):
            left, top = MARGIN + number * (half + 12), y - 86
            _field(sheets, left, top, half, name, said)
            if number:
                _ruled(sheets, left, top - 33 - 11 * (len(said) - 1), half, columns)
            _signing(sheets, left, top - FIELD_HEIGHT, half, marks)

    return draw


def _centred(sheets: Sheets, y: float, runs: Sequence[Run], size: float) -> None:
    sheets.text(MARGIN + (ROOM - letters.width(runs) * size) / 2, y, runs, size, page.MUTED)


def _field(sheets: Sheets, left: float, top: float, wide: float, name: Sequence[Run], said: Sequence[Sequence[Run]]) -> None:
    """One of the two answers: a frame with a box to tick."""
    sheets.frame(left, top - FIELD_HEIGHT, wide, FIELD_HEIGHT, page.MUTED)
    sheets.frame(left + 10, top - 18, 8.5, 8.5, page.INK)
    sheets.text(left + 24, top - 17, name, 9.5)
    for number, runs in enumerate(said):
        sheets.text(left + 10, top - 31 - 11 * number, runs, 8.5)


def _ruled(sheets: Sheets, left: float, top: float, wide: float, columns: Sequence[Sequence[Run]]) -> None:
    """Lines to write differences on."""
    for place, runs in enumerate(columns):
        sheets.text(left + 10 + (wide - 20) / 3 * place, top - 8, runs, 7.0, page.MUTED)
    for number in range(2):
        sheets.rule(left + 10, top - 12 - 12.0 * number, wide - 20, 0.4, page.MUTED)


def _signing(sheets: Sheets, left: float, bottom: float, wide: float, marks: Sequence[Sequence[Run]]) -> None:
    """Name and date to fill in, and where the seal goes."""
    sheets.frame(left + wide - 100, bottom + 6, 92, 38, page.RULE, dashed=True)
    sheets.text(left + wide - 54 - letters.width(marks[2]) * 3.5, bottom + 22, marks[2], 7.0, page.MUTED)
    for number, runs in enumerate(marks[:2]):
        y = bottom + 27 - 17 * number
        sheets.text(left + 10, y, runs, 8.0, page.MUTED)
        sheets.rule(left + 44, y - 2, wide - 158, 0.4, page.MUTED)
