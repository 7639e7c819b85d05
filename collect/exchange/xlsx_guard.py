"""What stands between an XLSX and the memory of this machine: every part is unpacked piece by piece and counted before anything reads it."""

from __future__ import annotations

import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from collect.domain.errors import Refusal
from collect.exchange.cells import CHUNK, Source, size_text

_DIRECTORY = 1 << 20
"""Bytes the zip directory may take: a workbook has dozens of parts, not tens of thousands."""
_CELL = 32
"""Bytes the reader keeps for a cell or a shared string, empty ones inside the used area among them."""
_DOCTYPE = b"<!DOCTYPE"
_PLAIN = re.compile(rb'<(?:\w+:)?c r="([A-Z]{1,3})([0-9]{1,7})"')
_PLAIN_ROW = re.compile(rb'<row r="([0-9]{1,7})"')
_PREFIX = rb"""<(?:[^<>\s"'/!?=:]{1,64}:)?"""
_OPENING = re.compile(_PREFIX + rb"""(?:row|c)(?=[\s/>])""")
_PREFIXED = re.compile(rb"""<[^<>\s"'/!?=:]{1,64}:c(?=[\s/>])""")
_TAG = re.compile(_PREFIX + rb"""(row|c)((?:\s+[^\s=<>"']+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(/?)>""")
_ATTRIBUTE = re.compile(rb"""\s([^\s=<>"']+)\s*=\s*(?:"([^"<]*)"|'([^'<]*)')""")
_PLACE = re.compile(rb"([A-Za-z]{0,3})([0-9]{1,7})")
_CELLS = tuple(b"<c" + end for end in (b" ", b">", b"/", b"\t", b"\r", b"\n"))
_MOST_ERRORS = 100_000
_ERROR = re.compile(rb'''<(?:\w+:)?c r="([A-Z]{1,3})([0-9]{1,7})"[^<>]{0,200}? t="e"''')
_MOST_FOLLOWED = 1_500_000
"""Rows and cells of a workbook whose place has to be worked out tag by tag; the usual writers give it with each of them."""


@dataclass(slots=True)
class Part:
    """The used area of one worksheet, and where its formula errors stand; rows and columns count from 1."""

    rows: int = 0
    columns: int = 0
    errors: set[tuple[int, int]] = field(default_factory=set)


def inspect(source: Source) -> dict[str, Part]:
    """Unpack every part of an XLSX, keeping nothing, and tell the worksheets' sizes by part name (lower case).

    The sizes that the archive declares are not believed. Raises Refusal `xlsx_too_large` (unpacked bytes, cells or
    strings beyond the limit), `xlsx_too_dense` (unpacked over packed), `xlsx_too_wide`, `xlsx_unplaced`, `xlsx_doctype`, `xlsx_broken`.
    """
    worksheets: dict[str, Part] = {}
    cells, followed = 0, _Followed(source)
    with source.open() as file:
        room = _Room(source)
        try:
            for entry in _entries(file, source):
                cells = _count(_unpack(file, entry, _Room(source)), source, cells)
                part = _scan(_unpack(file, entry, room), source, followed)
                if part and _too_big(part, source):
                    part = _exactly(file, entry, source, part)
                if part:
                    worksheets[entry.filename.lower()] = part
        except (zipfile.BadZipFile, zlib.error, struct.error, OSError, ValueError, NotImplementedError):
            raise Refusal("xlsx_broken", None, name=source.name) from None
    return worksheets


def _exactly(file: BinaryIO, entry: zipfile.ZipInfo, source: Source, part: Part) -> Part:
    """A part that seems too big, by its cells with content alone; Refusal `xlsx_too_wide` where it is, or cannot be followed to its end."""
    wide = Refusal("xlsx_too_wide", None, name=source.name, rows=f"{part.rows:,}", columns=f"{part.columns:,}")
    try:
        found = _scan(_unpack(file, entry, _Room(source)), source, _Followed(source), exact=True)
    except Refusal as refusal:
        raise (wide if refusal.code == "xlsx_unplaced" else refusal) from None
    if found is None or _too_big(found, source):
        raise wide
    return found


class _Followed:
    """How many tags of a workbook have been followed one by one."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.tags = 0

    def take(self, tags: int) -> None:
        self.tags += tags
        if self.tags > _MOST_FOLLOWED:
            raise Refusal("xlsx_unplaced", None, name=self.source.name, most=f"{_MOST_FOLLOWED:,}")


def read_part(source: Source, name: str, most: int = 1 << 22) -> bytes:
    """One small part that `inspect` has passed, by its name in lower case; empty where there is none."""
    with source.open() as file:
        for entry in _entries(file, source):
            if entry.filename.lower() == name:
                return b"".join(_unpack(file, entry, _Room(source)))[:most]
    return b""


def _entries(file: BinaryIO, source: Source) -> list[zipfile.ZipInfo]:
    """The parts, after a look at how large their directory says it is: listing a million names is an attack too."""
    file.seek(max(0, source.size - 65557))
    tail = file.read(65557)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or struct.unpack_from("<I", tail, at + 12)[0] > _DIRECTORY:
        raise zipfile.BadZipFile
    if b"PK\x06\x07" in tail[max(0, at - 20) : at]:
        raise zipfile.BadZipFile  # a directory of the large form: no workbook of an allowed size needs it
    entries = zipfile.ZipFile(file).infolist()
    if any(entry.flag_bits & 1 for entry in entries):
        raise Refusal("encrypted_excel", None, name=source.name)
    return [entry for entry in entries if not entry.filename.endswith("/")]  # is_dir() fails on an entry without a name


class _Room:
    """What may still be unpacked of a file."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.used = 0
        self.most = min(source.limits.xlsx_max_bytes, source.size * source.limits.xlsx_max_ratio)

    def take(self, size: int) -> None:
        self.used += size
        if self.used > self.most:
            limits, name = self.source.limits, self.source.name
            if self.most < limits.xlsx_max_bytes:
                raise Refusal("xlsx_too_dense", None, name=name, ratio=limits.xlsx_max_ratio)
            raise Refusal("xlsx_too_large", None, name=name, limit=size_text(limits.xlsx_max_bytes))


def _unpack(file: BinaryIO, entry: zipfile.ZipInfo, room: _Room) -> Iterator[bytes]:
    """The content of one part in pieces, to the true end of its compressed stream whatever size is declared."""
    file.seek(entry.header_offset)
    header = file.read(30)
    name, extra = struct.unpack_from("<HH", header, 26)
    if header[:4] != b"PK\x03\x04" or entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise zipfile.BadZipFile
    file.seek(name + extra, 1)
    left = entry.compress_size
    inflate = zlib.decompressobj(-15) if entry.compress_type == zipfile.ZIP_DEFLATED else None
    while left > 0 and not (inflate and inflate.eof):
        packed = file.read(min(left, CHUNK))
        if not packed:
            raise zipfile.BadZipFile
        left -= len(packed)
        while packed:
            data = inflate.decompress(packed, CHUNK) if inflate else packed
            packed = inflate.unconsumed_tail if inflate else b""
            room.take(len(data))
            if data:
                yield data
    while inflate and not inflate.eof:
        data = inflate.decompress(b"", CHUNK)
        if not data:
            raise zipfile.BadZipFile
        room.take(len(data))
        yield data


def _count(pieces: Iterator[bytes], source: Source, cells: int) -> int:
    """The cells so far and in this part; more than may be held are refused before anything else looks at them: counting takes a tenth of the time."""
    most = source.limits.xlsx_max_bytes // _CELL
    for data in pieces:
        cells += sum(data.count(opening) for opening in _CELLS)
        if cells > most:
            raise Refusal("xlsx_too_large", None, name=source.name, limit=size_text(source.limits.xlsx_max_bytes))
    return cells


def _scan(pieces: Iterator[bytes], source: Source, followed: _Followed, exact: bool = False) -> Part | None:
    """Look through one part: no DOCTYPE, no encoding that could hide one, the extent if it is a worksheet."""
    part: Part | None = None
    walk = _Walk(exact, followed)
    rest, strings = b"", 0
    for at, data in enumerate(pieces):
        if at == 0 and data[:2] in (b"\xff\xfe", b"\xfe\xff", b"<\0", b"\0<"):
            raise zipfile.BadZipFile
        data = rest + data
        if _DOCTYPE in data:
            raise Refusal("xlsx_doctype", None, name=source.name)
        if part is None and b"sheetData" in data:
            part = Part()
        cut = data.rfind(b"<")
        if cut < 0 or len(data) - cut > CHUNK:
            if part:
                raise zipfile.BadZipFile  # a tag or a cell of a megabyte
            cut = max(0, len(data) - len(_DOCTYPE))
        rest, data = data[cut:], data[:cut]
        strings += data.count(b"<si") + data.count(b":si")
        if strings * _CELL > source.limits.xlsx_max_bytes:
            raise Refusal("xlsx_too_large", None, name=source.name, limit=size_text(source.limits.xlsx_max_bytes))
        if part:
            walk.look(data, part)
    if part:
        walk.look(rest, part)
    return part


class _Walk:
    """Where in a worksheet we are at most, for cells that do not say it themselves."""

    def __init__(self, exact: bool, followed: _Followed) -> None:
        self.exact = exact
        self.followed = followed
        self.row = 0
        self.column = 0

    def look(self, data: bytes, part: Part) -> None:
        """Take the cells of the next piece into the part's extent.

        Common writers put the place first into every cell, and then the places alone tell the extent at least. Where
        some do not, or where `exact` asks for cells with content only, every tag is followed; one that cannot be
        followed is no XML, and would be a way to hide a cell a million rows below.
        """
        if self.exact or b"'e'" in data or b":row" in data or not self._read_places(data, part):
            self._follow(data, part)

    def _read_places(self, data: bytes, part: Part) -> bool:
        """The short way; False, with nothing taken, where a cell or the last row does not say its place as usual."""
        places = _PLAIN.findall(data)
        cells = sum(data.count(opening) for opening in _CELLS) + (len(_PREFIXED.findall(data)) if b":c" in data else 0)
        last = data.rfind(b"<row")
        row = _PLAIN_ROW.match(data, last) if last >= 0 else None
        if len(places) != cells or (last >= 0 and row is None):
            return False
        if b'"e"' in data:
            told = _ERROR.findall(data)
            if len(told) < data.count(b'"e"'):
                return False  # one that is written in another way
            part.errors.update((int(number), _number(letters)) for letters, number in told[: _MOST_ERRORS - len(part.errors)])
        if places:
            part.rows = max(part.rows, max(map(int, {number for _, number in places})))
            part.columns = max(part.columns, max(map(_number, {letters for letters, _ in places})))
            self.row, self.column = max(self.row, int(places[-1][1])), _number(places[-1][0])
        if row:
            self.row = max(self.row, int(row[1]))
        return True

    def _follow(self, data: bytes, part: Part) -> None:
        self.followed.take(len(_OPENING.findall(data)))
        tags = _TAG.findall(data)
        if len(tags) != len(_OPENING.findall(data)):
            raise zipfile.BadZipFile
        for kind, inside, closed in tags:
            told = {name: double or single for name, double, single in _ATTRIBUTE.findall(inside)}
            place = _PLACE.fullmatch(told[b"r"]) if b"r" in told else None
            if b"r" in told and place is None:
                raise zipfile.BadZipFile
            if kind == b"row":
                self.row, self.column = (int(place[2]) if place else self.row + 1), 0
                continue
            row, self.column = (int(place[2]), _number(place[1].upper())) if place else (max(self.row, 1), self.column + 1)
            if told.get(b"t") == b"e" and len(part.errors) < _MOST_ERRORS:
                part.errors.add((row, self.column))
            if not (self.exact and closed):
                part.rows, part.columns = max(part.rows, row), max(part.columns, self.column)


def _number(letters: bytes) -> int:
    """Column letters as a number from 1 (`A` 1, `XFD` 16384)."""
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def _too_big(part: Part, source: Source) -> bool:
    return part.rows * part.columns * _CELL > source.limits.xlsx_max_bytes
