"""Many documents in their order, drawn by two processes beside this one where that is worth it, else here: the same bytes."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from multiprocessing.connection import wait
from typing import TypeVar

PROCESSES = 2
WORTH = 400
"""Documents from which on processes are started: both together need about the time of so many to be ready."""
CHUNK = 16  # documents that are handed over at once
AHEAD = 3  # chunks for each process that may be under way: memory does not grow with the number of documents
K = TypeVar("K")
F = TypeVar("F")
R = TypeVar("R")
_log = logging.getLogger(__name__)


def drawn(source: Iterable[tuple[K, F]], draw: Callable[[F], R], expected: int, processes: int | None = None) -> Generator[tuple[K, R]]:
    """Each key of the source with what `draw` makes of its facts, in the order of the source, which is read a little ahead.

    `draw` is a function of a module, its facts and results can be pickled, and it asks nothing but its facts: the
    processes know no database. What it raises, and what reading the source raises, comes up where it belongs, after
    everything before it. `processes` None: two where there are processors for them and `expected` is large enough.
    """
    count = (processors() if expected >= WORTH else 1) if processes is None else processes
    pool = _pool(count) if count > 1 else None
    if pool is None:
        for key, facts in source:
            yield key, draw(facts)
        return
    try:
        yield from _by_processes(pool, count, source, draw)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def processors() -> int:
    """How many processes may draw at the same time."""
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(available, PROCESSES)


def _pool(count: int) -> ProcessPoolExecutor | None:
    """Processes that start from nothing: a fork would take over the threads' locks and the connections of this one."""
    try:
        return ProcessPoolExecutor(count, multiprocessing.get_context("spawn"), _begin)
    except (OSError, ImportError) as problem:
        _log.warning("documents are drawn by one process: %s", problem)
        return None


def _begin() -> None:
    """In a process that draws: an interrupt is for the one that asked, and when that one is gone nobody waits any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)


def _some(draw: Callable[[F], R], facts: list[F]) -> list[R]:
    """In a process: what comes of each, up to the first that fails; the one that asked finds out why by drawing it itself."""
    results: list[R] = []
    for each in facts:
        try:
            results.append(draw(each))
        except Exception:
            _log.debug("a document failed", exc_info=True)
            break
    return results


def _by_processes(pool: ProcessPoolExecutor, count: int, source: Iterable[tuple[K, F]], draw: Callable[[F], R]) -> Iterator[tuple[K, R]]:
    waiting: deque[tuple[list[tuple[K, F]], Future[list[R]] | None]] = deque()
    chunks = _chunks(iter(source))
    failed: Exception | None = None
    while True:
        while failed is None and len(waiting) < count * AHEAD and (chunk := next(chunks, None)) is not None:
            some, failed = chunk
            if some:
                waiting.append((some, _handed(pool, draw, [facts for _, facts in some])))
        if not waiting:
            break
        some, future = waiting.popleft()
        results: list[R] = []
        with suppress(BrokenProcessPool):
            results = future.result() if future is not None else []
        for place, (key, facts) in enumerate(some):
            yield key, results[place] if place < len(results) else draw(facts)
    if failed is not None:
        raise failed


def _handed(pool: ProcessPoolExecutor, draw: Callable[[F], R], facts: list[F]) -> Future[list[R]] | None:
    """Work handed over; None where the processes are no more (killed for want of memory, say)."""
    try:
        return pool.submit(_some, draw, facts)
    except BrokenProcessPool as problem:
        _log.warning("documents are drawn by one process: %s", problem)
        return None


def _chunks(source: Iterator[tuple[K, F]]) -> Iterator[tuple[list[tuple[K, F]], Exception | None]]:
    """The source in chunks, and with the last of them what ended it before its time."""
    some: list[tuple[K, F]] = []
    try:
        for each in source:
            some.append(each)
            if len(some) == CHUNK:
                yield some, None
                some = []
    except Exception as problem:
        yield some, problem
        return
    if some:
        yield some, None
