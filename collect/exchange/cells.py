"""What a table in a file is made of before anyone knows what it means: its source, its budgets, its exact numbers."""

from __future__ import annotations

import hashlib
import io
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import BinaryIO

from collect.domain.errors import Refusal
from collect.settings import Settings

CHUNK = 1 << 20
"""Bytes read at a time: small beside any memory limit, large beside the cost of a call."""

_LOST = re.compile(r"[-+]?[0-9](?:[.,][0-9]+)?[Ee]\+?[0-9]{1,3}")


class Exact(str):
    """A numeric cell of an XLSX: text with `.` decimals whatever the file's number form; it stays one when stripped."""

    __slots__ = ()
    epoch = date(1899, 12, 30)

    def strip(self, chars: str | None = None, /) -> Exact:
        return self

    def serial_day(self) -> date | None:
        """The date whose serial number this is; None outside 1900-03-01 to 2199-12-31 or with a sign.

        A time of day (the fraction) is dropped. Days before March 1900 are None because spreadsheets count a
        29 February 1900 that never was.
        """
        whole, _, _ = self.partition(".")
        if not whole.isdecimal() or len(whole) > 6:
            return None
        try:
            day = self.epoch + timedelta(days=int(whole))
        except OverflowError:
            return None
        return day if date(1900, 3, 1) <= day <= date(2199, 12, 31) else None


class ExactFrom1904(Exact):
    """The same in a workbook that counts days from 1904."""

    __slots__ = ()
    epoch = date(1904, 1, 1)


def lost_digits(text: str) -> bool:
    """Whether the text is a long number as a spreadsheet mangles it (`1.23457E+19`): the digits are gone for good."""
    return len(text) < 40 and _LOST.fullmatch(text.strip()) is not None


@dataclass(frozen=True, slots=True)
class Limits:
    """What a file may cost: bytes, rows, columns, characters in a cell, bytes an XLSX unpacks to, unpacked over packed."""

    max_bytes: int
    max_rows: int
    max_columns: int
    max_cell: int
    xlsx_max_bytes: int
    xlsx_max_ratio: int

    @classmethod
    def of(cls, settings: Settings) -> Limits:
        """The limits that an installation has set."""
        return cls(settings.max_bytes, settings.max_rows, settings.max_columns, settings.max_cell, settings.xlsx_max_bytes, settings.xlsx_max_ratio)


class Source:
    """The bytes of a file, on disk or in memory, that can be read again from the start as often as needed.

    Raises Refusal `file_not_readable` where the disk says no, `file_too_large` before anything is read, and
    `file_changed` when a file on disk is no longer the one that was looked at first.
    """

    def __init__(self, origin: Path | bytes, name: str, limits: Limits) -> None:
        self.origin = origin
        self.name = name
        self.limits = limits
        self._stamp = self._look()
        self.size = self._stamp[0]
        if self.size > limits.max_bytes:
            raise Refusal("file_too_large", None, name=name, limit=size_text(limits.max_bytes))

    def _look(self) -> tuple[int, int]:
        if isinstance(self.origin, bytes):
            return len(self.origin), 0
        try:
            seen = self.origin.stat()
        except OSError as problem:
            raise self._unreadable(problem) from None
        if not stat.S_ISREG(seen.st_mode):
            raise Refusal("not_a_file", None, name=self.name)
        return seen.st_size, seen.st_mtime_ns

    def _unreadable(self, problem: OSError) -> Refusal:
        return Refusal("file_not_readable", None, name=self.name, reason=problem.strerror or str(problem))

    def open(self) -> BinaryIO:
        """The bytes from the start; the caller closes it."""
        if isinstance(self.origin, bytes):
            return io.BytesIO(self.origin)
        if self._look() != self._stamp:
            raise Refusal("file_changed", None, name=self.name)
        try:
            return self.origin.open("rb", buffering=CHUNK)
        except OSError as problem:
            raise self._unreadable(problem) from None

    def head(self, size: int) -> bytes:
        """The first bytes."""
        with self.open() as file:
            return file.read(size)

    def chunks(self) -> Iterator[bytes]:
        """The bytes in pieces of `CHUNK`."""
        with self.open() as file:
            while chunk := file.read(CHUNK):
                yield chunk

    def sha256(self) -> str:
        """The fingerprint of the raw bytes."""
        digest = hashlib.sha256()
        for chunk in self.chunks():
            digest.update(chunk)
        return digest.hexdigest()


def size_text(size: int) -> str:
    """A limit for people: `100 MB`, or in bytes where it is smaller than one."""
    return f"{size / 1048576:g} MB" if size >= 1048576 else f"{size} B"
