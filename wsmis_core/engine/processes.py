"""Work that keeps one core busy an item, spread over the cores: numbers in, numbers out."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from wsmis_core.engine.ranks import die_with_parent
from wsmis_core.errors import ResourceError

__all__ = ["Processes", "worker_processes"]

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Processes:
    """So many processes of one rank, which are started by the first work."""

    count: int
    _pool: ProcessPoolExecutor

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
        """``function`` of each item, in their order; what it raises is raised here.

        Function, items and results are pickled, so the function is one of a module. Raises
        ResourceError where a process is killed from outside.
        """
        try:
            return list(self._pool.map(function, items))
        except BrokenProcessPool as error:
            raise ResourceError(
                f"One of {self.count} processes of this rank was killed, probably for want of memory.",
                remedy="Give the job a host with more memory or fewer cores, or start it again.",
            ) from error


@contextmanager
def worker_processes() -> Iterator[Processes]:
    """One process for each core that this rank may use; all have ended when the context is left.

    They are spawned, not forked, which CUDA does not survive, and leave it to the rank to stop.
    """
    count = max(1, _cores() // int(os.environ.get("LOCAL_WORLD_SIZE", "1")))
    spawn = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(count, mp_context=spawn, initializer=_start)
    try:
        yield Processes(count, pool)
    finally:
        pool.shutdown(cancel_futures=True)


def _cores() -> int:
    """Those that this process may run on, where the system tells."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _start() -> None:
    die_with_parent()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
