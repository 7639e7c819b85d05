"""Statements as tables, CSV or Excel, as Chinese banks and wallets export them: the head is found below any preamble, by its words."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from itertools import chain as chain_of
from itertools import pairwise
from typing import Any, Literal

from python_calamine import CalamineError, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from collect.domain import money
from collect.domain.errors import Refusal
from collect.exchange import decoding, forms, xlsx_guard
from collect.exchange.bank import layout
from collect.exchange.bank.layout import Head, Placing, fold, words
from collect.exchange.bank.shape import MOST_LINES, Entry, LeftOut, Statement, line_of
from collect.exchange.cells import Exact, Source
from collect.exchange.xlsx_in import plain_number

_LONGEST_LINE = 4 << 20
_MOST_CELLS = 8_000_000
_MANY_CELLS = 3
"""Delimiters without a space behind them in one line of a cell, from which on it is a row that an open quote took in."""
_SPLIT = re.compile(r"[:：]")
_MONEY_AND_CODE = re.compile(r"([A-Z]{3})\s*(-?[\d,.]+)")
_ACCOUNT = re.compile(r"(?:(?<=\s)(?!(?:19|20)[0-9]{6}$)[0-9*]{8,32}|(?<![\s0-9*_.\-/:])[0-9*]{9,32})$")
"""An account at the end of a name: behind a space and no date, or right behind it where it is longer than a date is."""


def read(content: bytes, source: Source, placing: Placing | None = None, saved: Iterable[Placing] = (), currency: str | None = None, sheet: str | None = None) -> list[Statement]:
    """The statements of a table (of a workbook the sheet that is meant), one a currency; its columns as they were placed, as a saved mapping places them, or by the words of banks.

    Balances beside the lines tell opening and closing, and every line is held against the one before. Where a person or a
    mapping of his named the balance a break refuses the table (`statement_balance`); where the words alone take a column
    for one it is told (`Statement.broken`), for banks print many kinds, and exports with a filter leave lines out.
    Lines that are neither in nor out (a wallet's own transfers) are left out and told. Refusals: `statement_no_head`
    where no row names a day and an amount, `bad_statement_line` with line and cell, `statement_direction` where nothing
    tells money in from money out.
    """
    saved = list(saved)
    rows = rows_of(content, source, saved if placing is None else [placing], sheet)
    head = layout.find(rows, source.name, placing, saved)
    account, base = preamble(rows[: head.at])
    body = rows[head.at + 1 :]
    read_as = _forms(body, head)
    found: dict[str, list[Entry]] = {}
    left: list[LeftOut] = []
    balances: dict[str, list[tuple[Entry, int | None]]] = {}
    for number, row in enumerate(body, head.at + 2):
        entry = _entry(row, head, read_as, base or currency, number)
        if isinstance(entry, Entry):
            found.setdefault(entry.currency, []).append(entry)
            balances.setdefault(entry.currency, []).append((entry, _balance(row, head, read_as, entry)))
        elif any(row):
            left.append(LeftOut(number, line_of(*row)[:80], entry is None))
    form = "xls" if content[:2] in (b"PK", b"\xd0\xcf") else "csv"
    if not found:
        raise Refusal("statement_no_lines", None, name=source.name)
    statements = []
    for code, entries in found.items():
        opening, closing, broken = None, None, None
        try:
            opening, closing = chain(balances[code], any(row.moved for row in left))
        except Refusal as refusal:
            if head.placed:
                raise
            broken = refusal
        told = Statement(form, account, code, tuple(entries), opening=opening, closing=closing, mapping=head.placed.name if head.placed else "", broken=broken)
        statements.append(told.checked())
    return [*statements[:-1], statements[-1].leaving(left)]


def chain(lines: Sequence[tuple[Entry, int | None]], gaps: bool) -> tuple[int | None, int | None]:
    """Opening and closing balance that the balances beside the lines tell, each line held against the one before it.

    A table has its first day first or its last; what all of its balances bear out is the order. Lines without a balance
    are added up to the next that has one. Nothing is told where lines were left out between (`gaps`), for their money is
    in the balances too, nor where no line has a balance. Refusal `statement_balance` with the first line that does
    not follow.
    """
    if gaps or not any(balance is not None for _, balance in lines):
        return None, None
    failed: list[Refusal] = []
    forward = lines[0][0].day <= lines[-1][0].day
    for order in (forward, not forward):
        try:
            return _followed(lines if order else list(reversed(lines)))
        except Refusal as refusal:
            failed.append(refusal)
        if lines[0][0].day != lines[-1][0].day:
            break
    raise failed[0]


def _followed(lines: Sequence[tuple[Entry, int | None]]) -> tuple[int, int | None]:
    """The balances before the first and after the last line, the lines being in the order of time."""
    opening: int | None = None
    moved = 0
    told: int | None = None
    for entry, balance in lines:
        moved += entry.amount
        told = balance
        if balance is None:
            continue
        if opening is None:
            opening = balance - moved
        elif opening + moved != balance:
            parts = {name: money.plain(value, entry.currency) for name, value in (("expected", opening + moved), ("balance", balance), ("moved", entry.amount))}
            raise Refusal("statement_balance", "balance", line=entry.line, currency=entry.currency, **parts)
    return opening or 0, told


def rows_of(content: bytes, source: Source, saved: Iterable[Placing] = (), sheet: str | None = None) -> list[list[str]]:
    """Every row as texts without outer white space; of an Excel file those of one sheet (`_sheet_of`)."""
    if content[:2] == b"PK":
        xlsx_guard.inspect(source)
    if content[:2] in (b"PK", b"\xd0\xcf"):
        table = _sheet_of(content, source, list(saved), sheet)
    else:
        if max(map(len, io.BytesIO(content)), default=0) > _LONGEST_LINE:
            raise Refusal("line_too_long", None, name=source.name, limit=_LONGEST_LINE)
        text = _decoded(content, source.name)
        top = text[: 1 << 20].splitlines()[: layout.PREAMBLE]
        delimiter = max(",;\t", key=lambda sign: sum(min(line.count(sign), 20) for line in top))
        table = _table(text, delimiter, source)
    if len(table) > MOST_LINES:
        raise Refusal("statement_too_long", None, most=MOST_LINES)
    return table


def _sheet_of(content: bytes, source: Source, saved: list[Placing], wanted: str | None) -> list[list[str]]:
    """The rows of the wanted sheet (Refusal `unknown_sheet`), else of the one with headings that a bank or a saved mapping has and rows below.

    Several of those are refused (`statement_sheets`), for no money may be lost; where there is none it is the first with
    anything in it. Hidden sheets count only where no other is there, or by name.
    """
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(content))
        known = [entry for entry in book.sheets_metadata if entry.typ == SheetTypeEnum.WorkSheet]
        names = [entry.name for entry in known if entry.visible == SheetVisibleEnum.Visible] or [entry.name for entry in known]
        if wanted is not None:
            if wanted not in (entry.name for entry in known):
                raise Refusal("unknown_sheet", "sheet", value=wanted, allowed=", ".join(entry.name for entry in known[:20]))
            names = [wanted]
        tables, cells = {}, 0
        for name in names:
            sheet = book.get_sheet_by_name(name)
            if sheet.total_height > MOST_LINES + layout.PREAMBLE:
                raise Refusal("statement_too_long", None, most=MOST_LINES)
            cells += sheet.total_height * max(sheet.total_width, 1)
            if cells > _MOST_CELLS:
                raise Refusal("statement_too_long", None, most=MOST_LINES)
            tables[name] = [[_cell(cell) for cell in row] for row in sheet.to_python(skip_empty_area=False)]
    except CalamineError:
        raise Refusal("xlsx_broken", None, name=source.name) from None
    told = [name for name, rows in tables.items() if _has_lines(rows, source.name, saved)] if len(tables) > 1 else []
    if len(told) > 1:
        raise Refusal("statement_sheets", "sheet", name=source.name, sheets=", ".join(told[:20]))
    filled = [name for name, rows in tables.items() if any(map(any, rows))]
    return tables[[*told, *filled, *tables][0]] if tables else []


def _has_lines(rows: list[list[str]], name: str, saved: list[Placing]) -> bool:
    """Whether a sheet has a head that is recognised, and anything below it."""
    try:
        head = layout.find(rows, name, None, saved)
    except Refusal:
        return False
    return any(map(any, rows[head.at + 1 :]))


def _table(text: str, delimiter: str, source: Source) -> list[list[str]]:
    """The rows of a CSV; no more of a file that is far too wide or long is taken apart than it takes to see that."""
    table: list[list[str]] = []
    # A quote that is left open takes the last line into its cell, and so it shows whether one was.
    reader = csv.reader(chain_of(io.StringIO(text, newline=None), ["\n", _END]), delimiter=delimiter)
    line, start = 0, 1
    try:
        for row in reader:
            start, line = line + 1, reader.line_num
            if row == [_END]:
                break
            if len(row) > source.limits.max_columns:
                raise Refusal("too_many_columns", None, name=source.name, count=len(row), limit=source.limits.max_columns)
            if line > start and _swallowed(row, delimiter):
                raise Refusal("unclosed_quote", None, line=start)
            table.append([_cell(cell) for cell in row])
            if len(table) > MOST_LINES:
                break
    except csv.Error as problem:
        if "field larger" in str(problem):
            raise Refusal("cell_too_long", None, line=line + 1, limit=csv.field_size_limit()) from None
        raise Refusal("statement_no_head", None, name=source.name) from None
    return table


_END = "\x00end"


def _swallowed(row: list[str], delimiter: str) -> bool:
    """Whether a record over several lines holds whole rows, because a quote was left open: no text has so many signs of a table in a line."""
    for cell in row:
        for line in cell.split("\n")[1:]:
            if line == _END or line.count(delimiter) - line.count(f"{delimiter} ") >= _MANY_CELLS:
                return True
    return False


def _decoded(content: bytes, name: str) -> str:
    """The text of a table: UTF-16 by its mark or zero bytes, UTF-8 or GB18030 where all of it is, else the Western code page.

    Refusals: `binary_file` for zero bytes at the beginning that are none of an encoding (a single one further down is a
    bank's slip), `table_cut` where the last character is only half there.
    """
    if wide := decoding.wide_codec(content[:4096]):
        codecs: tuple[str, ...] = (wide,)
    elif b"\x00" in content[:4096]:
        raise Refusal("binary_file", None, name=name)
    else:
        codecs = ("utf-8-sig", "gb18030", "cp1252")
    for codec in codecs:
        try:
            return content.decode(codec)
        except UnicodeDecodeError as problem:
            if problem.end == len(problem.object) and problem.start > len(problem.object) - 4 and codec != "cp1252":
                raise Refusal("table_cut", None, name=name) from None
    raise Refusal("statement_unknown", None, name=name)


def _cell(value: Any) -> str:
    """A cell as text: banks pad with spaces and tabs; Excel's own numbers and dates as people write them."""
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, (int, float)):
        return Exact(plain_number(float(value)))
    if isinstance(value, date):
        return value.isoformat()[:10]
    return str(value).strip().strip("'\"").strip()


def preamble(rows: Sequence[Sequence[str]]) -> tuple[str, str | None]:
    """The account number and currency that stand above the table: `账号: 123` in one cell, or beside each other."""
    account, currency = "", None
    for row in rows:
        cells = [part.strip() for cell in row for part in _SPLIT.split(cell) if part.strip()]
        for label, value in pairwise(cells):
            if not account and fold(label) in words().cells["account"]:
                account = "".join(value.split())
            if currency is None and fold(label) in ("币种", "currency"):
                currency = _currency(value)
    return account[:64], currency


def _currency(text: str) -> str | None:
    """The ISO code of what a cell calls a currency; None where it is none."""
    code = text.strip().upper()[:3]
    return words().currencies.get(fold(text)) or (code if money.is_currency(code) else None)


def _forms(rows: list[list[str]], head: Head) -> forms.Forms:
    """The order of dates and the decimal sign, as chosen, else by the evidence of the whole table."""
    evidence = forms.Evidence()
    for row in rows:
        for column in head.roles["day"][:1]:
            evidence.see_day(_date_text(_at(row, column)))
        for role in ("amount", "in", "out"):
            for column in head.roles.get(role, ()):
                evidence.see_amount(_at(row, column))
    return evidence.settle(head.read.get("dates"), head.read.get("decimal"))


def _at(row: list[str], column: int) -> str:
    return row[column] if column < len(row) else ""


def _date_text(text: str) -> str:
    """A day without its time of day; a spreadsheet's own number stays one."""
    return text if isinstance(text, Exact) else text.split()[0] if text.split() else ""


def _first(row: list[str], roles: Mapping[str, list[int]], role: str) -> str:
    """The first cell of a role that says anything."""
    return next((cell for cell in (_at(row, column) for column in roles.get(role, ())) if cell not in ("", "-", "--", "/")), "")


def _entry(row: list[str], head: Head, read_as: forms.Forms, currency: str | None, number: int) -> Entry | Literal[False] | None:
    """One row as a line; False for what is none (totals, notes), None for money that went neither in nor out."""
    roles = head.roles
    filled = [cell for cell in row if cell]
    stamp = _date_text(_at(row, roles["day"][0]))
    if not filled:
        return False
    try:
        day = forms.parse_day(stamp, read_as.dates, "day")
    except Refusal:
        if not any(char.isdigit() for char in stamp) or len(filled) <= 2:
            return False
        raise Refusal("bad_statement_line", "day", line=number, value=stamp) from None
    code = _currency(_first(row, roles, "currency")) or currency
    try:
        amount, code = _amount(row, roles, read_as.decimal, code)
    except Refusal as refusal:
        raise Refusal("bad_statement_line", "amount", line=number, value=refusal.params.get("value", "")) from refusal
    if code is None:
        raise Refusal("statement_no_currency", None, account="?")
    sign = _sign(row, head, number)
    if sign == 0:
        return None
    told = [_at(row, column) for column in roles.get("narrative", ())]
    payer, account = _party(row, roles)
    serials = roles.get("serial", ())
    return Entry(
        day,
        amount * sign,
        code,
        _value_day(row, roles, read_as),
        payer[:200],
        account[:64],
        _first(row, roles, "reference")[:140],
        line_of(*(text for text in told if text not in ("/", "-", "--")))[:2000],
        False,
        "|".join(cell for column, cell in enumerate(row) if cell and column not in serials),
        line=number,
    )


def _balance(row: list[str], head: Head, read_as: forms.Forms, entry: Entry) -> int | None:
    """The balance beside a line; None for an empty cell. Refusal `bad_statement_line` where somebody said which column it is."""
    text = _first(row, head.roles, "balance")
    try:
        return _minor(text, entry.currency, read_as.decimal) if text else None
    except Refusal:
        if not head.placed:
            return None
        raise Refusal("bad_statement_line", "balance", line=entry.line, value=text[:40]) from None


def _minor(text: str, currency: str, decimal: money.Decimals) -> int:
    """An amount in minor units; a spreadsheet's own number has its point whatever the table writes."""
    return money.parse(text, currency, "." if isinstance(text, Exact) else decimal)


def _party(row: list[str], roles: Mapping[str, list[int]]) -> tuple[str, str]:
    """The other party's name and account; where one column holds both (`张三 6222…`), they are told apart."""
    payer, account = _first(row, roles, "payer"), "".join(_first(row, roles, "payer_account").split())
    both = _ACCOUNT.search(payer, max(0, len(payer) - 40)) if not account else None
    return (payer[: both.start()].rstrip(), both[0]) if both else (payer, account)


def _value_day(row: list[str], roles: Mapping[str, list[int]], read_as: forms.Forms) -> date | None:
    """The day of value, where a column tells it; it decides nothing, so one that cannot be read is left out."""
    try:
        return forms.parse_day(_date_text(_first(row, roles, "value_day")), read_as.dates, "value_day")
    except Refusal:
        return None


def _amount(row: list[str], roles: Mapping[str, list[int]], decimal: money.Decimals, currency: str | None) -> tuple[int, str | None]:
    """The signed amount and its currency: in less out, else the amount column."""
    if "in" in roles or "out" in roles:
        inside, outside = _first(row, roles, "in"), _first(row, roles, "out")
        if inside or outside:
            unit = currency or "CNY"
            came = _minor(inside, unit, decimal) if inside else 0
            went = abs(_minor(outside, unit, decimal)) if outside else 0
            return came - went, currency
    cell = _at(row, roles["amount"][-1]) if "amount" in roles else ""
    if isinstance(cell, Exact):
        return _minor(cell, currency or "CNY", "."), currency
    told, _, aside = money.fold(cell).partition("(")
    told = told or money.fold(cell)  # in brackets as a whole: an amount below nothing
    both = _MONEY_AND_CODE.fullmatch(told)
    if both and money.is_currency(both[1]):
        return money.parse(both[2], both[1], decimal), both[1]
    paid = money.parse(told, currency or "CNY", decimal)
    back = _back(aside.removesuffix(")"), abs(paid), currency or "CNY", decimal)
    return (paid - back if paid > 0 else paid + back), currency


def _back(aside: str, paid: int, currency: str, decimal: money.Decimals) -> int:
    """What of an amount came back since, by the words behind it: `131.77(已退款89.84)`, `468.32(已全额退款)`; 0 where they say nothing of it.

    It is no longer out (or in), and its own row counts as neither in nor out. Refusal `bad_amount` for more than was paid.
    """
    begins = words().begins
    if aside in begins["refunded_whole"]:
        return paid
    word = next((word for word in begins["refunded"] if aside.startswith(word)), None)
    if word is None:
        return 0
    back = money.parse(aside.removeprefix(word), currency, decimal)
    if not 0 <= back <= paid:
        raise Refusal("bad_amount", "amount", value=aside[:40])
    return back


def _sign(row: list[str], head: Head, number: int) -> int:
    """1 where the amount's own sign counts, -1 where it has to be turned round, 0 for neither in nor out."""
    roles = head.roles
    if "direction" in roles:
        word = fold(_at(row, roles["direction"][0]))
        if word in words().cells["in"]:
            return 1
        if word in words().cells["out"]:
            return -1
        if word in words().cells["neutral"] or not word:
            return 0
        raise Refusal("statement_direction", None, line=number, value=_at(row, roles["direction"][0]))
    if head.placed or "in" in roles or "out" in roles or "balance" in roles:
        return 1
    if "card" in roles:
        return -1
    text = " ".join(_at(row, column) for column in roles.get("narrative", ()))
    if text.startswith(words().begins["in"]):
        return 1
    if text.startswith(words().begins["out"]):
        return -1
    if "amount" in roles and money.fold(_at(row, roles["amount"][-1])).startswith(("+", "-")):
        return 1
    raise Refusal("statement_direction", None, line=number, value=text[:40])
