"""The word from the worker's main process to its pool: give back what you have."""

from __future__ import annotations

import mmap

__all__ = ["DrainFlag"]


class DrainFlag:
    """One byte of memory, shared with the processes that are forked after it was made.

    It has no lock that a killed process could take with it, as a multiprocessing Event has.
    """

    def __init__(self) -> None:
        self._byte = mmap.mmap(-1, 1)

    def set(self) -> None:
        """The worker is being shut down."""
        self._byte[0] = 1

    def is_set(self) -> bool:
        """Whether the worker is being shut down."""
        return self._byte[0] == 1
