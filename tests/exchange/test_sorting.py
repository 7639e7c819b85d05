"""Sorting outside memory: the same order as sorting within it, whatever the size of a run; and which hashes repeat."""

from __future__ import annotations

from array import array
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collect.exchange import sorting
from collect.exchange.sorting import Repeated, Sorter, Texts
from collect.exchange.xlsx_in import Exact


@settings(max_examples=30)
@given(st.lists(st.tuples(st.integers(0, 5), st.text(max_size=3)), max_size=40), st.integers(1, 7))
def test_records_come_back_in_the_order_of_their_keys(records: list[tuple[int, str]], run: int) -> None:
    sorter = Sorter(run)
    for number, (key, value) in enumerate(records):
        sorter.add((key, number), value, len(value))
    assert list(sorter) == sorted((((key, number), value) for number, (key, value) in enumerate(records)), key=lambda record: record[0])


def test_numeric_cells_stay_what_they_are() -> None:
    """A spreadsheet's number that went through a file is still one: it reads with a point in a file of decimal commas."""
    sorter = Sorter(run=1)
    sorter.add((2,), [Exact("1.5"), "x"], 4)
    sorter.add((1,), [Exact("7"), "y"], 2)
    (_, first), (_, second) = list(sorter)
    assert (first, second) == (["7", "y"], ["1.5", "x"])
    assert isinstance(second[0], Exact) and not isinstance(second[1], Exact)


def test_long_records_go_to_a_file_before_there_are_many() -> None:
    sorter = Sorter()
    for number in range(40, 0, -1):
        sorter.add((number,), "x", 1_000_000)
    assert len(sorter._runs) == 2
    assert [key for (key,), _ in sorter] == list(range(1, 41))


@settings(max_examples=30)
@given(st.lists(st.integers(-3, 3), max_size=20))
def test_what_repeats(values: list[int]) -> None:
    repeated = Repeated(array("q", values))
    assert {value for value in range(-4, 5) if value in repeated} == {value for value, count in Counter(values).items() if count > 1}


def test_what_repeats_among_very_many() -> None:
    """60,000 numbers twice, and one that stands alone: kept in 8 bytes each, found by bisection."""
    repeated = Repeated(array("q", [*range(60_000), *range(60_000), 99_999]))
    assert repeated and 0 in repeated and 59_999 in repeated and 99_999 not in repeated and -1 not in repeated
    assert not Repeated(array("q", range(60_000)))


@settings(max_examples=30)
@given(st.lists(st.text(max_size=4), max_size=40), st.integers(1, 7))
def test_texts_come_back_in_order(texts: list[str], run: int) -> None:
    sorter = Texts(run)
    for text in texts:
        sorter.add_text(text)
    assert list(sorter) == sorted(texts)


def test_asking_for_many_values_answers_as_for_each(monkeypatch: pytest.MonkeyPatch) -> None:
    """7 and -2 stand twice, 9 three times; asked in any order, with one beyond the largest and one below the smallest."""
    values = array("q", [7, 1, 9, -2, 7, 9, -2, 3, 9])
    asked = [9, 8, 7, -2, 1, 10, -3]
    assert Repeated(values).among(asked) == [True, False, True, True, False, False, False]
    monkeypatch.setattr(sorting, "_FEW", 1)
    assert Repeated(values).among(asked) == [True, False, True, True, False, False, False]
