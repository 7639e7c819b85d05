"""Rows beside memory: counted, read again and again, looked into, and bounded however many there are."""

from __future__ import annotations

import io
import tracemalloc
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest

from collect.exchange import export, spool
from collect.table import Column, Table

FIRST = date(2026, 3, 1)
COLUMNS = (Column("number", "Number", "code"), Column("name", "Name"), Column("day", "Date", "date"), Column("currency", "Currency", "code"), Column("amount", "Amount", "money"))


def rows(count: int) -> Iterator[tuple[Any, ...]]:
    """Row n: its number, a Chinese name, a day, a currency or nothing, n cents."""
    for n in range(count):
        yield (f"I{n:07d}", f"客户{n}\u2028", FIRST + timedelta(days=n % 31), "CNY" if n % 2 else "JPY", n or None)


@pytest.mark.parametrize("count", [0, 1, 4, 5, 6, 7, 8, 9, 23])
def test_it_is_the_list_that_went_in(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    """Five rows in memory, chunks of three: every count around both edges."""
    monkeypatch.setattr(spool, "HELD", 5)
    monkeypatch.setattr(spool, "CHUNK", 3)
    whole, found = list(rows(count)), spool.Spool(rows(count))
    assert (len(found), list(found), list(found)) == (count, whole, whole)
    assert [found[n] for n in range(-count, count)] == [whole[n] for n in range(-count, count)]
    assert found[2:20:4] == whole[2:20:4]
    both = iter(found)
    assert [(next(both), found[count - 1])[0] for _ in range(count)] == whole, "reading in order goes on beside a look elsewhere"
    with pytest.raises(IndexError):
        found[count]


def test_a_file_of_many_rows_is_that_of_the_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "HELD", 100)
    monkeypatch.setattr(spool, "CHUNK", 7)
    files = [Table("Rows", COLUMNS, some, currency=3) for some in (list(rows(1000)), spool.Spool(rows(1000)))]
    assert export.csv_bytes(files[0]) == export.csv_bytes(files[1])
    assert export.xlsx_bytes(files[0], "zh") == export.xlsx_bytes(files[1], "zh")


class Nowhere(io.RawIOBase):
    """Takes everything and keeps nothing."""

    def write(self, data: Any) -> int:
        return len(data)


def test_memory_does_not_grow_with_the_rows() -> None:
    """Three times the rows of an export cost no tenth more: 40,000 and 120,000, both beyond what is held."""

    def peak(count: int) -> int:
        tracemalloc.start()
        export.write_csv(Table("Rows", COLUMNS, spool.Spool(rows(count)), currency=3), Nowhere())  # type: ignore[arg-type]
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    assert peak(120_000) < 1.1 * peak(40_000)
