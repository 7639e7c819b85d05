"""The rows of a long list, most of them in a temporary file, so that an export needs no more memory for more rows."""

from __future__ import annotations

import pickle
import tempfile
import weakref
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar, overload

Row = TypeVar("Row", bound=tuple[Any, ...])

HELD = 20_000
"""Rows kept in memory; a list that is no longer than that touches no disk."""
CHUNK = 2_000
"""Rows written and read together."""


class Spool(Sequence[Row]):
    """A finished list of rows that can be counted, read in order as often as wanted, and looked into at any place.

    Takes everything from the iterable at once. What exceeds `HELD` rows goes to a temporary file that nobody else can
    open and that ends with this object.
    """

    def __init__(self, rows: Iterable[Row]) -> None:
        source = iter(rows)
        self._held = list(islice(source, HELD))
        self._starts: list[int] = []
        self._count = len(self._held)
        self._last: tuple[int, list[Row]] = (-1, [])
        if self._count < HELD:
            return
        self._file = tempfile.TemporaryFile(prefix="collect-")  # noqa: SIM115
        weakref.finalize(self, self._file.close)
        while chunk := list(islice(source, CHUNK)):
            self._starts.append(self._file.tell())
            pickle.dump(chunk, self._file, pickle.HIGHEST_PROTOCOL)
            self._count += len(chunk)

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Row]:
        yield from self._held
        for number in range(len(self._starts)):
            yield from self._chunk(number)

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> list[Row]: ...
    def __getitem__(self, index: int | slice) -> Row | list[Row]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(self._count))]
        place = index + self._count if index < 0 else index
        if not 0 <= place < self._count:
            raise IndexError(index)
        if place < len(self._held):
            return self._held[place]
        number, within = divmod(place - len(self._held), CHUNK)
        if self._last[0] != number:
            self._last = (number, self._chunk(number))
        return self._last[1][within]

    def _chunk(self, number: int) -> list[Row]:
        self._file.seek(self._starts[number])
        # Our own rows out of our own unnamed file: nobody else could have written what is read here.
        found: list[Row] = pickle.load(self._file)  # noqa: S301
        return found
