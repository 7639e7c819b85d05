"""The common ground of every import: a batch of rows, what became of each, and the buffers that are written in bulk."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from collect.domain import money
from collect.domain.errors import Refusal
from collect.exchange import columns, forms, sheets
from collect.runtime import Work
from collect.storage import database
from collect.storage.ledger import load_volumes

MOST_ERRORS = 1000
"""Refusals kept with their sentences in the result; every refused row goes to the file of refused rows all the same."""


class Row(NamedTuple):
    """A record of the file: its line, and its cells with an empty one at the end for columns the file has not."""

    line: int
    cells: list[str]


Group = list[Row]
"""The rows of a file that speak of one object (a receipt over several invoices)."""


@dataclass(frozen=True, slots=True)
class Error:
    """Why a row was refused, for a person and for a program."""

    line: int
    refusal: Refusal
    value: str


@dataclass
class Batch:
    """One import under way: what it reads with, what it has counted, and what it will write."""

    work: Work
    kind: str
    index: dict[str, int]
    forms: forms.Forms
    import_id: int
    closed: frozenset[str]
    on_refused: Callable[[Row, Refusal], None]
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    refused: int = 0
    stored: int = 0
    errors: list[Error] = field(default_factory=list)
    notices: list[Refusal] = field(default_factory=list)
    digests: dict[str, Any] = field(default_factory=lambda: {name: hashlib.sha256() for name in ("items", "credits", "allocations")})
    days: dict[str, date] = field(default_factory=dict)
    words: dict[tuple[str, str], str] = field(default_factory=dict)
    currencies: dict[str, str] = field(default_factory=dict)
    accounts: dict[str, Any] = field(default_factory=dict)
    stored_before: dict[str, bool] = field(default_factory=dict)
    told: dict[str, list[str]] = field(default_factory=lambda: {"items": [], "credits": [], "allocations": []})
    room: dict[str, list[int]] = field(default_factory=dict)
    read_once: dict[str, Any] = field(default_factory=dict)

    def knows(self, table: type[database.Base]) -> bool:
        """Whether the table held anything before this import. The rows of one number are decided together, so only what
        was there before can be met again: into empty books nothing has to be looked up."""
        name = table.__tablename__
        if name not in self.stored_before:
            self.stored_before[name] = self.work.session.execute(sa.select(sa.literal(1)).select_from(table).limit(1)).first() is not None
        return self.stored_before[name]

    def cell(self, row: Row, key: str) -> str:
        """The cell of a column, outer white space gone; empty where the file has no such column."""
        at = self.index.get(key)
        return row.cells[at].strip() if at is not None else ""

    def text(self, row: Row, key: str, longest: int) -> str | None:
        """Free text, None when empty; control characters and more than `longest` characters are refused."""
        value = self.cell(row, key)
        if not value:
            return None
        if not value.isprintable():
            value = "".join(" " if char in "\r\n\t\u3000\u00a0" else char for char in value).strip()
            if any(ord(char) < 32 or ord(char) == 127 for char in value):
                raise Refusal("control_characters", key, value=value)
        if len(value) > longest:
            raise Refusal("too_long", key, value=value, longest=longest)
        return value or None

    def code(self, row: Row, key: str, longest: int = 64) -> str | None:
        """A number or code as text: full-width forms folded, leading zeros kept.

        Refuses a number of which a spreadsheet kept only the first fifteen digits: `digits_lost`.
        """
        at = self.index.get(key)
        raw = row.cells[at] if at is not None else None
        if not raw:
            return None
        if raw.__class__ is str and raw.isascii() and raw.isprintable() and len(raw) <= longest:
            return raw.strip() or None
        value = self.text(row, key, longest)
        if value and isinstance(raw, sheets.Exact) and sheets.lost_digits(value):
            raise Refusal("digits_lost", key, value=value)
        return money.fold(value) or None if value else None

    def required(self, row: Row, key: str, longest: int = 64) -> str:
        """A code that must be there: Refusal `missing_value`."""
        value = self.code(row, key, longest)
        if not value:
            raise Refusal("missing_value", key)
        return value

    def day(self, row: Row, key: str) -> date | None:
        """A date in the file's own form; each distinct text is parsed once."""
        text = self.cell(row, key)
        if not text:
            return None
        known = self.days.get(text)
        if known is None:
            known = forms.parse_day(text, self.forms.dates, key)
            if len(self.days) < 100_000:
                self.days[text] = known
        return known

    def required_day(self, row: Row, key: str) -> date:
        """A date that must be there: Refusal `missing_value`."""
        value = self.day(row, key)
        if value is None:
            raise Refusal("missing_value", key)
        return value

    def amount(self, row: Row, key: str, currency: str) -> int | None:
        """An amount in minor units in the file's own number form, None when empty."""
        text = self.cell(row, key)
        if not text:
            return None
        decimal: money.Decimals = "." if isinstance(row.cells[self.index[key]], sheets.Exact) else self.forms.decimal
        return money.parse(text, currency, decimal, key)

    def choice(self, row: Row, key: str, default: str | None = None) -> str | None:
        """One of the values a column knows, under its English or Chinese name."""
        text = self.cell(row, key)
        if not text:
            return default
        known = self.words.get((key, text))
        if known is None:
            known = self.words[key, text] = columns.value(self.kind, key, text)
        return known

    def currency(self, row: Row, customer_currency: str | None) -> str:
        """The row's currency, else the customer's, else the company's; Refusal `unknown_currency`."""
        text = self.cell(row, "currency")
        if not text:
            return customer_currency or self.work.seller.currency
        known = self.currencies.get(text)
        if known is None:
            code = money.fold(text).upper()
            known = _CURRENCY_NAMES.get(code, code)
            money.exponent(known)
            self.currencies[text] = known
        return known

    def take_room(self, currency: str, side: int, amount: int) -> None:
        """Count a new amount (minor units) among all that was ever invoiced (side 0) or received and credited (side 1).

        Databases add up in 64 bits: Refusal `books_full` before a sum over the books could go beyond them.
        """
        room = self.room.get(currency)
        if room is None:
            room = self.room[currency] = [money.LIMIT - volume for volume in load_volumes(self.work.session, self.work.seller.id, currency)]
        if amount > room[side]:
            raise Refusal("books_full", "amount", value=money.plain(amount, currency), currency=currency)
        room[side] -= amount

    def refuse(self, rows: Sequence[Row], refusal: Refusal, blamed: Row | None = None) -> None:
        """Refuse all the rows of a group for the reason found in one of them."""
        for row in rows:
            self.refused += 1
            at = blamed if blamed is not None else row
            value = str(refusal.params.get("value") or (self.cell(at, refusal.field) if refusal.field else ""))
            if refusal.code == "number_twice_in_file" and row.line == refusal.params.get("line"):  # the last one names the first
                refusal = Refusal(refusal.code, refusal.field, **(refusal.params | {"line": rows[0].line}))
            reason = refusal if at is row else Refusal("refused_with_line", refusal.field, line=at.line, reason=refusal)
            if len(self.errors) < MOST_ERRORS:
                self.errors.append(Error(row.line, reason, value))
            self.on_refused(row, reason)

    def digest(self, table: str, *parts: object) -> None:
        """Add one stored row to the digest that the audit keeps (S30)."""
        self.digest_text(table, "\x1f".join(map(str, parts)))

    def digest_text(self, table: str, text: str) -> None:
        """The same with the parts joined already."""
        told = self.told[table]
        told.append(text)
        if len(told) >= 2000:
            self.finish_digest(table)

    def finish_digest(self, table: str) -> str:
        """Bring the digest of a table up to its last stored row; returns it in hexadecimal."""
        told = self.told[table]
        if told:
            self.digests[table].update(("\n".join(told) + "\n").encode())
            told.clear()
        return str(self.digests[table].hexdigest())


_CURRENCY_NAMES = {"RMB": "CNY", "人民币": "CNY", "￥": "CNY", "¥": "CNY", "美元": "USD", "欧元": "EUR", "港币": "HKD", "港元": "HKD", "日元": "JPY", "英镑": "GBP"}


def among(session: Session, column: Any, values: Sequence[str]) -> sa.ColumnElement[bool]:
    """`column IN values` for thousands of texts at once: one parameter on both databases, one compiled statement."""
    if session.get_bind().dialect.name == "postgresql":
        return column == sa.any_(sa.bindparam("among", list(values), type_=sa.ARRAY(sa.String), unique=True))  # type: ignore[no-any-return]
    each = sa.func.json_each(json.dumps(values, ensure_ascii=False)).table_valued("value")
    return column.in_(sa.select(each.c.value))  # type: ignore[no-any-return]


CHUNK = 2000
"""Groups decided together: enough for bulk work, few enough for a processor to keep at hand."""


def chunks(groups: Iterator[Group], size: int = CHUNK) -> Iterator[list[Group]]:
    """Groups in lists of about `size`, so that lookups and writes are done for many at once."""
    chunk: list[Group] = []
    for group in groups:
        chunk.append(group)
        if len(chunk) >= size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def write(batch: Batch, table: type[database.Base], names: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    """Write buffered rows in bulk and count them."""
    if rows:
        batch.stored += database.bulk(batch.work.session, table.__table__, names, rows)  # type: ignore[arg-type]
