"""Sorting more than memory should hold: records go to temporary files in sorted runs, which are merged; and hashes that repeat."""

from __future__ import annotations

import heapq
import pickle
import tempfile
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from operator import itemgetter
from typing import IO, Any

RUN = 50_000
"""Records sorted in memory at a time; a file with fewer never touches the disk."""
RUN_SIZE = 16_000_000
"""The same bound in characters, for records that are long."""
_BLOCK = 500
_FEW = 50_000

Record = tuple[tuple[Any, ...], Any]


class Sorter:
    """Takes (key, value) records in any order and gives them back by key, with one run in memory however many there are.

    Keys are tuples that compare with each other, no two of them equal; values are what `pickle` keeps. The temporary
    files have no name and vanish with the process.
    """

    def __init__(self, run: int | None = None) -> None:
        self._run = run or RUN
        self._key: Callable[[Any], Any] | None = itemgetter(0)
        self._held: list[Any] = []
        self._size = 0
        self._runs: list[IO[bytes]] = []
        self._files = ExitStack()

    def add(self, key: tuple[Any, ...], value: Any, size: int) -> None:
        """Take one record of about `size` characters."""
        self._hold((key, value), size)

    def _hold(self, record: Any, size: int) -> None:
        self._held.append(record)
        self._size += size
        if len(self._held) >= self._run or self._size >= RUN_SIZE:
            self._spill()

    def _spill(self) -> None:
        self._held.sort(key=self._key)
        file = self._files.enter_context(tempfile.TemporaryFile(prefix="collect-sort-"))  # noqa: SIM115 - the stack closes it
        for start in range(0, len(self._held), _BLOCK):
            pickle.dump(self._held[start : start + _BLOCK], file, pickle.HIGHEST_PROTOCOL)
        self._runs.append(file)
        self._held, self._size = [], 0

    def __iter__(self) -> Iterator[Any]:
        """The records by key; once, and then the files are gone."""
        self._held.sort(key=self._key)
        with self._files:
            yield from heapq.merge(*(_read(file) for file in self._runs), iter(self._held), key=self._key)
        self._held, self._runs = [], []


class Texts(Sorter):
    """The same for texts that are their own keys, at a third of the cost; equal ones all come back."""

    def __init__(self, run: int | None = None) -> None:
        super().__init__(run)
        self._key = None

    def add_text(self, text: str) -> None:
        """Take one text."""
        self._hold(text, len(text))


def _read(file: IO[bytes]) -> Iterator[Any]:
    """The records of one run, a block at a time."""
    file.seek(0)
    while True:
        try:
            # Only what this process wrote a moment ago into a file without a name is read here.
            yield from pickle.load(file)  # noqa: S301
        except EOFError:
            return


class Repeated:
    """The values that stand more than once in an array of 8-byte numbers, kept in 8 bytes each."""

    def __init__(self, values: array[int]) -> None:
        found = _twice(values)
        self._few = frozenset(found) if len(found) <= _FEW else None
        self._many = found

    def __bool__(self) -> bool:
        return len(self._many) > 0

    def among(self, values: list[int]) -> list[bool]:
        """Which of these values stand more than once."""
        if self._few is not None:
            return list(map(self._few.__contains__, values))
        import numpy

        many, asked = numpy.frombuffer(self._many, dtype=numpy.int64), numpy.array(values, dtype=numpy.int64)
        at = numpy.searchsorted(many, asked)
        at[at == len(many)] = 0
        return (many[at] == asked).tolist()  # type: ignore[no-any-return]

    def __contains__(self, value: int) -> bool:
        if self._few is not None:
            return value in self._few
        at = bisect_left(self._many, value)
        return at < len(self._many) and self._many[at] == value


def _twice(values: array[int]) -> array[int]:
    """The repeated values, each once, in order."""
    if len(values) > _FEW:
        import numpy

        ordered = numpy.sort(numpy.frombuffer(values, dtype=numpy.int64))
        return array("q", numpy.unique(ordered[1:][ordered[1:] == ordered[:-1]]).tobytes())
    last: int | None = None
    found: set[int] = set()
    for value in sorted(values):
        if value == last:
            found.add(value)
        last = value
    return array("q", sorted(found))
