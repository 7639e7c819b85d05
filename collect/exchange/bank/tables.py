"""Statements as tables, CSV or Excel, as Chinese banks and wallets export them: the head is found below any preamble, by its words."""

from __future__ import annotations

import csv
import io
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from itertools import pairwise
from typing import Any

from python_calamine import CalamineError, CalamineWorkbook

from collect import assets
from collect.domain import money
from collect.domain.errors import Refusal
from collect.exchange import forms, xlsx_guard
from collect.exchange.bank.shape import MOST_LINES, Entry, Statement, line_of
from collect.exchange.cells import Source
from collect.exchange.xlsx_in import plain_number

_LONGEST_LINE = 4 << 20
_MOST_CELLS = 8_000_000
_PREAMBLE = 80
"""The head of the table stands within so many rows."""
_SPLIT = re.compile(r"[:：]")
_MONEY_AND_CODE = re.compile(r"([A-Z]{3})\s*(-?[\d,.]+)")
_NAME_AND_ACCOUNT = re.compile(r"(.*?)\s*([0-9*]{8,32})")
_BRACKETED = re.compile(r"\((?![^)]*元)[^)]*\)$")


@dataclass(frozen=True, slots=True)
class Words:
    """The words of config/bank_columns.toml, folded: heads by role, and what stands in cells."""

    heads: Mapping[str, str]
    cells: Mapping[str, frozenset[str]]
    begins: Mapping[str, tuple[str, ...]]
    currencies: Mapping[str, str]


@cache
def words() -> Words:
    """The words as shipped."""
    with (assets.folder("config") / "bank_columns.toml").open("rb") as file:
        told = tomllib.load(file)
    heads = {fold(head): role for role, names in told["columns"].items() for head in names}
    cells = {name: frozenset(fold(word) for word in told["words"][name]) for name in ("in", "out", "neutral", "account")}
    begins = {name: tuple(told["words"][f"begins_{name}"]) for name in ("in", "out")}
    return Words(heads, cells, begins, {fold(name): code for name, code in told["currencies"].items()})


def fold(text: str) -> str:
    """A head or word for comparing: plain width, no spaces, small letters."""
    return re.sub(r"\s+", "", money.fold(text)).replace("（", "(").replace("）", ")").lower()


def read(content: bytes, source: Source, columns: Mapping[str, str] | None = None, currency: str | None = None) -> list[Statement]:
    """The statements of a table, one a currency; `columns` maps heads to roles where they are not the usual ones.

    Tables tell no opening and closing balance that could be held against the lines. Lines that are neither in nor out
    (a wallet's own transfers) are left out. Refusals: `statement_no_head` where no row names a day and an amount,
    `bad_statement_line` with line and cell, `statement_direction` where nothing tells money in from money out.
    """
    rows = _rows(content, source)
    at, roles = _head(rows, {fold(head): role for head, role in (columns or {}).items()}, source.name)
    account, base = _preamble(rows[:at])
    read_as = _forms(rows[at + 1 :], roles)
    found: dict[str, list[Entry]] = {}
    for number, row in enumerate(rows[at + 1 :], at + 2):
        entry = _entry(row, roles, read_as, base or currency, number)
        if entry is not None:
            found.setdefault(entry.currency, []).append(entry)
    form = "xls" if content[:2] in (b"PK", b"\xd0\xcf") else "csv"
    if not found:
        raise Refusal("statement_no_lines", None, name=source.name)
    return [Statement(form, account, code, tuple(entries)).checked() for code, entries in found.items()]


def _rows(content: bytes, source: Source) -> list[list[str]]:
    """Every row as texts without outer white space; an Excel file's first sheet that has a table."""
    if content[:2] == b"PK":
        xlsx_guard.inspect(source)
    if content[:2] in (b"PK", b"\xd0\xcf"):
        try:
            book = CalamineWorkbook.from_filelike(io.BytesIO(content))
            sheet = book.get_sheet_by_index(0)
            if sheet.total_height * max(sheet.total_width, 1) > _MOST_CELLS:
                raise Refusal("statement_too_long", None, most=MOST_LINES)
            table = [[_cell(cell) for cell in row] for row in sheet.to_python(skip_empty_area=False)]
        except CalamineError:
            raise Refusal("xlsx_broken", None, name=source.name) from None
    else:
        text = _decoded(content, source.name)
        delimiter = max(",;\t", key=lambda sign: sum(min(line.count(sign), 20) for line in text.splitlines()[:_PREAMBLE]))
        table = _table(text, delimiter, source)
    if len(table) > MOST_LINES:
        raise Refusal("statement_too_long", None, most=MOST_LINES)
    return table


def _table(text: str, delimiter: str, source: Source) -> list[list[str]]:
    """The rows of a CSV; no more of a file that is far too wide or long is taken apart than it takes to see that."""
    table: list[list[str]] = []
    if max(map(len, io.StringIO(text)), default=0) > _LONGEST_LINE:
        raise Refusal("line_too_long", None, name=source.name, limit=_LONGEST_LINE)
    try:
        for row in csv.reader(io.StringIO(text), delimiter=delimiter):
            if len(row) > source.limits.max_columns:
                raise Refusal("too_many_columns", None, name=source.name, count=len(row), limit=source.limits.max_columns)
            table.append([_cell(cell) for cell in row])
            if len(table) > MOST_LINES:
                break
    except csv.Error:
        raise Refusal("statement_no_head", None, name=source.name) from None
    return table


def _decoded(content: bytes, name: str) -> str:
    if b"\x00" in content[:4096] and content[:2] not in (b"\xff\xfe", b"\xfe\xff"):
        raise Refusal("statement_unknown", None, name=name)
    for codec in ("utf-16",) if content[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig", "gb18030", "cp1252"):
        try:
            return content.decode(codec)
        except UnicodeDecodeError:
            continue
    raise Refusal("statement_unknown", None, name=name)


def _cell(value: Any) -> str:
    """A cell as text: banks pad with spaces and tabs; Excel's own numbers and dates as people write them."""
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, (int, float)):
        return plain_number(float(value))
    if isinstance(value, date):
        return value.isoformat()[:10]
    return str(value).strip().strip("'\"").strip()


def _head(rows: list[list[str]], own: Mapping[str, str], name: str) -> tuple[int, dict[str, list[int]]]:
    """Where the head stands, and the columns of each role."""
    known = words().heads
    for at, row in enumerate(rows[:_PREAMBLE]):
        roles: dict[str, list[int]] = {}
        for column, cell in enumerate(row):
            role = own.get(fold(cell)) or known.get(fold(cell)) or known.get(_BRACKETED.sub("", fold(cell)))
            if role:
                roles.setdefault(role, []).append(column)
        if "day" in roles and (roles.keys() & {"amount", "in", "out"}):
            return at, roles
    raise Refusal("statement_no_head", None, name=name)


def _preamble(rows: list[list[str]]) -> tuple[str, str | None]:
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


def _forms(rows: list[list[str]], roles: Mapping[str, list[int]]) -> forms.Forms:
    """The order of dates and the decimal sign, by the evidence of the whole table."""
    evidence = forms.Evidence()
    for row in rows:
        for column in roles["day"][:1]:
            evidence.see_day(_date_text(_at(row, column)))
        for role in ("amount", "in", "out"):
            for column in roles.get(role, ()):
                evidence.see_amount(_at(row, column))
    return evidence.settle(None, None)


def _at(row: list[str], column: int) -> str:
    return row[column] if column < len(row) else ""


def _date_text(text: str) -> str:
    """A day without its time of day."""
    return text.split()[0] if text.split() else ""


def _first(row: list[str], roles: Mapping[str, list[int]], role: str) -> str:
    """The first cell of a role that says anything."""
    return next((cell for cell in (_at(row, column) for column in roles.get(role, ())) if cell not in ("", "-", "--", "/")), "")


def _entry(row: list[str], roles: Mapping[str, list[int]], read_as: forms.Forms, currency: str | None, number: int) -> Entry | None:
    """One row as a line; None for what is no line (totals, notes) or neither in nor out."""
    filled = [cell for cell in row if cell]
    stamp = _date_text(_at(row, roles["day"][0]))
    if not filled:
        return None
    try:
        day = forms.parse_day(stamp, read_as.dates, "day")
    except Refusal:
        if not any(char.isdigit() for char in stamp) or len(filled) <= 2:
            return None
        raise Refusal("bad_statement_line", "day", line=number, value=stamp) from None
    code = _currency(_first(row, roles, "currency")) or currency
    try:
        amount, code = _amount(row, roles, read_as.decimal, code)
    except Refusal as refusal:
        raise Refusal("bad_statement_line", "amount", line=number, value=refusal.params.get("value", "")) from refusal
    if code is None:
        raise Refusal("statement_no_currency", None, account="?")
    sign = _sign(row, roles, number)
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
    )


def _party(row: list[str], roles: Mapping[str, list[int]]) -> tuple[str, str]:
    """The other party's name and account; where one column holds both (`张三 6222…`), they are told apart."""
    payer, account = _first(row, roles, "payer"), "".join(_first(row, roles, "payer_account").split())
    both = _NAME_AND_ACCOUNT.fullmatch(payer) if not account else None
    return (both[1], both[2]) if both else (payer, account)


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
            came = money.parse(inside, unit, decimal) if inside else 0
            went = abs(money.parse(outside, unit, decimal)) if outside else 0
            return came - went, currency
    told = re.sub(r"\(.*\)$", "", money.fold(_at(row, roles["amount"][-1]) if "amount" in roles else ""))
    both = _MONEY_AND_CODE.fullmatch(told)
    if both and money.is_currency(both[1]):
        return money.parse(both[2], both[1], decimal), both[1]
    return money.parse(told, currency or "CNY", decimal), currency


def _sign(row: list[str], roles: Mapping[str, list[int]], number: int) -> int:
    """1 where the amount's own sign counts, -1 where it has to be turned round, 0 for neither in nor out."""
    if "direction" in roles:
        word = fold(_at(row, roles["direction"][0]))
        if word in words().cells["in"]:
            return 1
        if word in words().cells["out"]:
            return -1
        if word in words().cells["neutral"] or not word:
            return 0
        raise Refusal("statement_direction", None, line=number, value=_at(row, roles["direction"][0]))
    if "in" in roles or "out" in roles or "balance" in roles:
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
