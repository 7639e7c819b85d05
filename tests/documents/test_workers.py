"""Many documents by several processes: the same bytes in the same order as by one, and failures where they belong."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from dataclasses import replace

import pytest

from collect.documents import statement, workers
from collect.documents.facts import StatementFacts
from tests.documents.test_statement import facts


def letters(count: int) -> Iterator[tuple[int, StatementFacts]]:
    """Statements of 0, 1, 2 ... items, in both languages."""
    for number in range(count):
        yield number, replace(facts(number % 7), number=f"DZ-{number:06d}", language=("zh", "en")[number % 2])


def twice(value: int) -> int:
    """Twice a number; 13 has no double."""
    if value == 13:
        raise ValueError("thirteen")
    return 2 * value


def fragile(value: int) -> int:
    """Twice a number here; elsewhere the process is killed at once."""
    if multiprocessing.parent_process() is not None:
        os._exit(9)
    return 2 * value


def numbers(count: int, bad: int | None = None) -> Iterator[tuple[str, int]]:
    """Numbers with their names; reading fails at `bad`."""
    for value in range(count):
        if value == bad:
            raise LookupError(f"no {value}")
        yield f"n{value}", value


def test_processes_give_the_same_bytes_in_the_same_order() -> None:
    """40 letters are more than two chunks; both processes get some, and each begins with other letters than this one."""
    here = list(workers.drawn(letters(40), statement.printed, 40, processes=1))
    there = list(workers.drawn(letters(40), statement.printed, 40, processes=2))
    assert [key for key, _ in there] == list(range(40))
    assert there == here


@pytest.mark.parametrize("processes", [1, 2])
def test_a_document_that_fails_ends_the_batch_after_all_before_it(processes: int) -> None:
    seen = []
    with pytest.raises(ValueError, match="thirteen"):
        for key, value in workers.drawn(numbers(60), twice, 60, processes=processes):
            seen.append((key, value))
    assert seen == [(f"n{value}", 2 * value) for value in range(13)]


@pytest.mark.parametrize("bad", [0, 5, 16, 40])
def test_a_source_that_fails_ends_the_batch_after_all_before_it(bad: int) -> None:
    """At once, within a chunk, between two chunks and ahead of what is drawn: the reading runs ahead, its failure does not."""
    seen = []
    with pytest.raises(LookupError, match=f"no {bad}"):
        for key, _value in workers.drawn(numbers(60, bad), abs, 60, processes=2 if bad in (5, 40) else 1):
            seen.append(key)
    assert seen == [f"n{value}" for value in range(bad)]


def test_what_killed_processes_leave_is_drawn_here() -> None:
    assert list(workers.drawn(numbers(50), fragile, 50, processes=2)) == [(f"n{value}", 2 * value) for value in range(50)]


def test_a_receiver_that_goes_away_ends_the_processes() -> None:
    drawn = workers.drawn(numbers(10_000), abs, 10_000, processes=2)
    assert next(drawn) == ("n0", 0)
    drawn.close()
    assert multiprocessing.active_children() == []


def test_few_documents_start_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "_pool", None)
    assert list(workers.drawn(numbers(3), twice, workers.WORTH - 1)) == [("n0", 0), ("n1", 2), ("n2", 4)]


def test_where_no_process_can_be_started_one_draws_all(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    def refused(*arguments: object) -> None:
        raise OSError("no semaphores here")

    monkeypatch.setattr(workers, "ProcessPoolExecutor", refused)
    assert [value for _, value in workers.drawn(numbers(3), twice, 3, processes=2)] == [0, 2, 4]
    assert "no semaphores here" in caplog.text
