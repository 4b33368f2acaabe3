"""Pictures drawn by several processes."""

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

Planned = TypeVar("Planned")
Written = TypeVar("Written")

AT_ONCE = 8  # pictures that a process is given


def each(
    write: Callable[[Planned], Written], planned: Sequence[Planned], *, processes: int
) -> Iterator[Written]:
    """``write`` of every planned picture, in order, by so many processes."""
    if processes == 1:
        yield from map(write, planned)
        return
    with ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(write, planned, chunksize=AT_ONCE)
