"""Which column of a file is which, and what its fixed words mean: names, synonyms and values are data in `config/columns.toml`."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from types import MappingProxyType
from typing import Any

from collect import assets, i18n
from collect.domain.errors import Refusal

KINDS = ("customers", "contacts", "invoices", "credits", "payments", "deliveries")
ADDED = ("line", "reason")
"""What a file of refused rows has beside the columns of its original."""
_UNIT = re.compile(r"[（(]\s*(?:人民币)?元\s*[)）]\s*$")


@dataclass(frozen=True, slots=True)
class Columns:
    """Where each known column stands in a row (from 0), and the headers that nobody knows, as they are written."""

    index: Mapping[str, int]
    ignored: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a kind of file: its Chinese name, its synonyms, and for a fixed choice value to (folded) words."""

    key: str
    required: bool
    zh: str
    also: tuple[str, ...]
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@cache
def columns_of(kind: str) -> Mapping[str, Column]:
    """The columns of a kind of file by key, in the order people expect; Refusal `unknown_import_kind`."""
    if kind not in KINDS:
        raise Refusal("unknown_import_kind", "kind", value=kind)
    return MappingProxyType({key: _column(key, entry) for key, entry in _data()[kind].items()})


@cache
def _data() -> dict[str, dict[str, Any]]:
    return tomllib.loads((assets.folder("config") / "columns.toml").read_text(encoding="utf-8"))


def _column(key: str, entry: dict[str, Any]) -> Column:
    values = {value: tuple(words) for value, words in entry.get("values", {}).items()}
    return Column(key, entry.get("required", False), entry["zh"], tuple(entry.get("also", ())), MappingProxyType(values))


def fold(text: str) -> str:
    """A name without what makes no difference: case, width, spaces and punctuation (`账期（天）` is `账期天`).

    A text of signs alone (`√`) stays as it is.
    """
    plain = unicodedata.normalize("NFKC", text).casefold()
    return "".join(char for char in plain if char.isalnum()) or plain.strip()


@cache
def _names(kind: str) -> Mapping[str, str]:
    """Every folded name of every column of a kind, to its key."""
    names: dict[str, str] = {}
    for key, column in columns_of(kind).items():
        for name in (key, column.zh, *column.also):
            names.setdefault(fold(name), key)
    return names


@cache
def _all_names() -> frozenset[str]:
    return frozenset(name for kind in KINDS for name in _names(kind))


def known(header: str) -> bool:
    """Whether any kind of file has a column of that name: what decides between two readings of a header line."""
    return fold(header) in _all_names()


def foreign(ignored: Iterable[str]) -> tuple[str, ...]:
    """Of the headers that nobody knows those that are not ours: what a file of refused rows adds needs no word."""
    return tuple(header for header in ignored if header not in ADDED)


def _key(names: Mapping[str, str], header: str) -> str:
    """The column that a header is known as, an amount's unit in brackets aside (`金额（元）`); empty for none. 万元 is another unit."""
    return names.get(fold(header)) or names.get(fold(_UNIT.sub("", header)), "")


def match(kind: str, headers: Sequence[str], mapping: Mapping[str, str] | None = None) -> Columns:
    """Find the columns of a kind of file among its headers.

    `mapping` says for a header of this file which column it is (or that it is none: an empty text); it goes before the
    names and synonyms everybody knows. Raises Refusal `missing_column` (with the headers found), `duplicate_column`
    when two headers mean the same column, `unknown_column` when a mapping names a column that the kind does not have.
    """
    own = _own(kind, mapping or {})
    names = _names(kind)
    taken = {own[fold(header)] for header in headers if own.get(fold(header))}
    index: dict[str, int] = {}
    ignored: list[str] = []
    for at, header in enumerate(headers):
        folded = fold(header)
        key = own[folded] if folded in own else _key(names, header)
        if key in taken and folded not in own:
            key = ""
        if not key:
            ignored.append(header.strip() or f"#{at + 1}")
        elif key in index:
            raise Refusal("duplicate_column", key, column=_Label(kind, (key,)), first=headers[index[key]].strip(), second=header.strip())
        else:
            index[key] = at
    _need(kind, index, headers)
    return Columns(MappingProxyType(index), tuple(ignored))


def guess(kind: str, headers: Sequence[str], mapping: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """For each header the column it most likely is, empty for none: what a person is shown to correct.

    As `match`, but nothing is refused: of two headers that mean one column the first has it.
    """
    own = {fold(header): key for header, key in (mapping or {}).items() if not key or key in columns_of(kind)}
    names = _names(kind)
    found: list[str] = []
    taken = {own[fold(header)] for header in headers if own.get(fold(header))}
    given: set[str] = set()
    for header in headers:
        folded = fold(header)
        key = own[folded] if folded in own else _key(names, header)
        if key in given or (key in taken and folded not in own):
            key = ""
        found.append(key)
        given |= {key} - {""}
    return tuple(found)


def place(kind: str, headers: Sequence[str], keys: Sequence[str]) -> Columns:
    """The columns as a person placed them: for each header in turn its column, empty for none.

    Raises Refusal `unknown_column`, `duplicate_column` and `missing_column`, as `match` does.
    """
    index: dict[str, int] = {}
    ignored: list[str] = []
    for at, header in enumerate(headers):
        key = keys[at] if at < len(keys) else ""
        if not key:
            ignored.append(header.strip() or f"#{at + 1}")
        elif key not in columns_of(kind):
            raise Refusal("unknown_column", "map", value=key, allowed=", ".join(columns_of(kind)))
        elif key in index:
            raise Refusal("duplicate_column", key, column=_Label(kind, (key,)), first=headers[index[key]].strip(), second=header.strip())
        else:
            index[key] = at
    _need(kind, index, headers)
    return Columns(MappingProxyType(index), tuple(ignored))


def _need(kind: str, index: Mapping[str, int], headers: Sequence[str]) -> None:
    missing = lacking(kind, index)
    if missing:
        raise Refusal("missing_column", missing[0], column=_Label(kind, missing), found=_few(headers))


def lacking(kind: str, keys: Iterable[str]) -> tuple[str, ...]:
    """The required columns of a kind that are not among `keys`."""
    given = set(keys)
    return tuple(key for key, column in columns_of(kind).items() if column.required and key not in given)


def _own(kind: str, mapping: Mapping[str, str]) -> dict[str, str]:
    for key in mapping.values():
        if key and key not in columns_of(kind):
            raise Refusal("unknown_column", "map", value=key, allowed=", ".join(columns_of(kind)))
    return {fold(header): key for header, key in mapping.items()}


def _few(headers: Iterable[str], most: int = 12) -> str:
    """The first headers as one text; as short as a sentence can bear."""
    names = [header.strip() for header in headers if header.strip()]
    return ", ".join(name if len(name) <= 30 else name[:29] + "…" for name in names[:most]) + (" …" if len(names) > most else "")


@dataclass(frozen=True, slots=True)
class _Label:
    """Columns named in the language of whoever reads the sentence."""

    kind: str
    keys: tuple[str, ...]

    def __str__(self) -> str:
        return ", ".join(column_label(key, i18n.current(), self.kind) for key in self.keys)


@dataclass(frozen=True, slots=True)
class _Allowed:
    """The values a column knows, in the words of whoever reads the sentence."""

    kind: str
    key: str

    def __str__(self) -> str:
        return ", ".join(value_label(self.kind, self.key, value, i18n.current()) for value in columns_of(self.kind)[self.key].values)


def column_label(key: str, language: str, kind: str | None = None) -> str:
    """How a column is named to a reader: `invoice_no`, in Chinese `发票号 (invoice_no)`; unknown keys as they are.

    The English name is the key itself: it is what a file's header may always be called. `kind` picks among kinds that
    name one key differently (`date` is 收款日期 in payments); without it the first kind that has the key decides.
    """
    if language != "zh":
        return key
    for name in (kind,) if kind else KINDS:
        column = columns_of(name).get(key)
        if column:
            return f"{column.zh} ({key})"
    return key


def value_label(kind: str, key: str, value: str, language: str) -> str:
    """One of a column's fixed values as a reader knows it: `void`, in Chinese 作废."""
    words = columns_of(kind)[key].values.get(value)
    return words[0] if words and language == "zh" else value


@cache
def _words(kind: str, key: str) -> Mapping[str, str]:
    words: dict[str, str] = {}
    for value, others in columns_of(kind)[key].values.items():
        for word in (value, *others):
            words.setdefault(fold(word), value)
    return words


@lru_cache(maxsize=4096)
def value(kind: str, key: str, text: str) -> str:
    """The value that a word stands for (有效 is `posted`, 转账 is `transfer`, 是 is `yes`).

    Refusal `bad_choice`, naming what is allowed, for a word nobody knows; a column without fixed values gives the text
    back.
    """
    words = _words(kind, key)
    if not words:
        return text
    try:
        return words[fold(text)]
    except KeyError:
        raise Refusal("bad_choice", key, value=text, allowed=_Allowed(kind, key)) from None
