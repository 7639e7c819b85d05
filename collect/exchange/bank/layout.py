"""Which column of a bank's table is which: by the words of banks and wallets, or as a person or a saved mapping placed them."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

from collect import assets
from collect.domain import money
from collect.domain.errors import Refusal
from collect.exchange import forms

ROLES = ("day", "amount", "in", "out", "direction", "balance", "payer", "payer_account", "narrative", "reference", "currency", "value_day", "serial")
"""What a person may call a column; `serial` is a number of the row in this very file, which is no part of the line."""
_MANY = frozenset({"narrative", "serial"})
_MONEY = frozenset({"amount", "in", "out"})
PREAMBLE = 80
"""The head of the table stands within so many rows."""
SAMPLES = 3
"""Rows below the head shown beside each column."""
_SHOWN = 80
_BRACKETED = re.compile(r"\((?![^)]*元)[^)]*\)$")


@dataclass(frozen=True, slots=True)
class Words:
    """The words of config/bank_columns.toml, folded: heads by role, and what stands in cells."""

    heads: Mapping[str, str]
    cells: Mapping[str, frozenset[str]]
    begins: Mapping[str, tuple[str, ...]]
    currencies: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Placing:
    """How the columns of a table were placed: name of the column (`names_of`) to role, an empty one for what is not read.

    `dates` is ymd, dmy or mdy and `decimal` . or , where they were chosen. `head` is the line of the head, from 1, where
    a person pointed at it; a saved mapping finds it by the names. `name` is that of the saved mapping.
    """

    columns: Mapping[str, str]
    dates: str | None = None
    decimal: str | None = None
    head: int | None = None
    name: str = ""

    def whole(self) -> bool:
        """Whether it places a day and an amount, so that the words of banks need not be asked."""
        placed = set(self.columns.values())
        return "day" in placed and bool(placed & _MONEY)


@dataclass(frozen=True, slots=True)
class Head:
    """Where the head of a table stands (from 0), the columns of each role, and how its values are to be read.

    `placed` by a person or a mapping of his: then an amount's own sign counts, and a balance is held against the lines.
    """

    at: int
    roles: Mapping[str, list[int]]
    placed: Placing | None = None
    read: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Column:
    """One column as the mapping page shows it: its name, the cells of the first rows below the head, what its values prove, and the role it seems to have."""

    name: str
    samples: list[str]
    proves: dict[str, str]
    role: str


@cache
def words() -> Words:
    """The words as shipped."""
    with (assets.folder("config") / "bank_columns.toml").open("rb") as file:
        told = tomllib.load(file)
    heads = {fold(head): role for role, names in told["columns"].items() for head in names}
    cells = {name: frozenset(fold(word) for word in told["words"][name]) for name in ("in", "out", "neutral", "account")}
    begins = {name: tuple(told["words"][f"begins_{name}"]) for name in ("in", "out", "refunded", "refunded_whole")}
    return Words(heads, cells, begins, {fold(name): code for name, code in told["currencies"].items()})


def fold(text: str) -> str:
    """A head or word for comparing: plain width, no spaces, small letters."""
    return re.sub(r"\s+", "", money.fold(text)).replace("（", "(").replace("）", ")").lower()


def names_of(row: Sequence[str]) -> list[str]:
    """A name of its own for each column: its heading, `金额 #2` for the second one headed 金额, `#3` for a third one without heading."""
    names: list[str] = []
    taken: set[str] = set()
    for at, cell in enumerate(row):
        plain = " ".join(cell.split())[:_SHOWN] or f"#{at + 1}"
        name, number = plain, 1
        while fold(name) in taken:
            number += 1
            name = f"{plain} #{number}"
        taken.add(fold(name))
        names.append(name)
    return names


def find(rows: Sequence[Sequence[str]], name: str, placing: Placing | None = None, saved: Iterable[Placing] = ()) -> Head:
    """The head of a table: as it was placed, as a saved mapping with all of its headings places it, or by the words of banks.

    Refusals: `statement_no_head` where no row names a day and an amount, those of `check` for columns placed wrongly.
    """
    if placing is not None:
        return _placed(rows, placing, name)
    fits = [(len(one.columns), at, one) for one in saved if one.whole() and (at := _row_with(rows, one.columns)) is not None]
    if fits:
        return _placed(rows, max(fits, key=lambda fit: fit[0])[2], name)
    return _by_words(rows, {}, name)


def check(columns: Mapping[str, str]) -> None:
    """Refusal `statement_column_missing`, `statement_column_twice` or `statement_amounts_both` where placed columns cannot be right."""
    placed = [role for role in columns.values() if role]
    for role in placed:
        if role not in ROLES:
            raise Refusal("unknown_column", "map", value=role, allowed=", ".join(ROLES))
        if role not in _MANY and placed.count(role) > 1:
            first, second = [name for name, own in columns.items() if own == role][:2]
            raise Refusal("statement_column_twice", role, first=first, second=second)
    if "day" not in placed or not _MONEY & set(placed):
        raise Refusal("statement_column_missing", "day" if "day" not in placed else "amount")
    if "amount" in placed and {"in", "out"} & set(placed):
        raise Refusal("statement_amounts_both", "amount")


def _row_with(rows: Sequence[Sequence[str]], names: Iterable[str]) -> int | None:
    """The first row near the top that has all of these headings."""
    wanted = {fold(name) for name in names}
    return next((at for at, row in enumerate(rows[:PREAMBLE]) if wanted and wanted <= {fold(name) for name in names_of(row)}), None)


def _placed(rows: Sequence[Sequence[str]], placing: Placing, name: str) -> Head:
    if not placing.whole():
        found = _by_words(rows, {fold(head): role for head, role in placing.columns.items()}, name)
        return Head(found.at, found.roles, None, {"dates": placing.dates, "decimal": placing.decimal})
    check(placing.columns)
    at = _row_with(rows, [head for head, role in placing.columns.items() if role]) if placing.head is None else placing.head - 1
    if at is None or not 0 <= at < min(len(rows), PREAMBLE):
        raise Refusal("statement_no_head", None, name=name)
    own = {fold(head): role for head, role in placing.columns.items()}
    roles: dict[str, list[int]] = {}
    for column, head in enumerate(names_of(rows[at])):
        if role := own.get(fold(head)):
            roles.setdefault(role, []).append(column)
    if len([column for columns in roles.values() for column in columns]) < len([role for role in own.values() if role]):
        raise Refusal("statement_no_head", None, name=name)
    return Head(at, roles, placing, {"dates": placing.dates, "decimal": placing.decimal})


def role_of(cell: str) -> str:
    """What the words of banks say a heading is; empty for one they do not know."""
    known = words().heads
    return known.get(fold(cell)) or known.get(_BRACKETED.sub("", fold(cell))) or ""


def _by_words(rows: Sequence[Sequence[str]], own: Mapping[str, str], name: str) -> Head:
    for at, row in enumerate(rows[:PREAMBLE]):
        roles: dict[str, list[int]] = {}
        for column, cell in enumerate(row):
            role = own[fold(cell)] if fold(cell) in own else role_of(cell)
            if role:
                roles.setdefault(role, []).append(column)
        if "day" in roles and _MONEY & roles.keys():
            return Head(at, roles)
    raise Refusal("statement_no_head", None, name=name)


def guess(rows: Sequence[Sequence[str]], name: str) -> int:
    """The line of the head that a table most likely has, from 0, where no words tell it: the first row of texts above a row with a day.

    Refusal `statement_no_table` where no row has two cells and a day, `statement_headless` where nothing stands above the
    first such row: it would be taken for headings, and its money lost.
    """
    for at, row in enumerate(rows[:PREAMBLE]):
        if sum(map(bool, row)) < 2 or not any(_is_day(cell) for cell in row):
            continue
        above = [(sum(map(bool, rows[up])), -up) for up in range(at) if sum(map(bool, rows[up])) >= 2]
        if not above:
            raise Refusal("statement_headless", None, name=name, line=at + 1)
        return -max(above)[1]
    raise Refusal("statement_no_table", None, name=name)


def _is_day(cell: str) -> bool:
    text = cell.split()[0] if cell.split() else ""
    for order in ("dmy", "mdy"):
        try:
            forms.parse_day(text, order, "day")
        except Refusal:
            continue
        return True
    return False


def look(rows: Sequence[Sequence[str]], head: int, most: int) -> list[Column]:
    """The columns below a head as a person is shown them; `most` rows are looked at for what they prove."""
    names = names_of(rows[head])
    below = [row for row in rows[head + 1 : head + 1 + most] if sum(map(bool, row)) > 1]
    found: list[Column] = []
    given: set[str] = set()
    for at, name in enumerate(names):
        cells = [row[at] if at < len(row) else "" for row in below]
        evidence = forms.Evidence()
        for cell in cells:
            evidence.see_day(cell.split()[0] if cell.split() else "")
            evidence.see_amount(cell)
        role = role_of(rows[head][at])
        role = role if role in ROLES and (role in _MANY or role not in given) else ""
        given.add(role)
        found.append(Column(name, [_short(cell) for cell in cells[:SAMPLES]], {key: _short(value) for key, value in evidence.seen().items()}, role))
    return found


def _short(text: str) -> str:
    """A cell on one line, as long as a page can bear."""
    plain = " ".join("".join(char if char.isprintable() else " " for char in text[: _SHOWN * 4]).split())
    return plain if len(plain) <= _SHOWN else plain[: _SHOWN - 1] + "…"
