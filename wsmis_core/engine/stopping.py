"""The request to stop: SIGTERM, seen between two steps."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["STOPPED_EXIT_CODE", "StopRequest", "Stopped", "stop_on_sigterm"]

# sysexits.h EX_TEMPFAIL: stopped on request, a later attempt goes on from the checkpoint.
STOPPED_EXIT_CODE = 75


class Stopped(Exception):  # noqa: N818 - no error: the run did as it was told
    """The run stopped on request, its state saved."""


class StopRequest:
    """Whether this rank has been asked to stop."""

    def __init__(self) -> None:
        self.made = False

    def check(self) -> None:
        """Raise Stopped if a stop was asked for; between items, which are saved one by one."""
        if self.made:
            raise Stopped

    def _make(self, _signal: int, _frame: FrameType | None) -> None:
        self.made = True


@contextmanager
def stop_on_sigterm() -> Iterator[StopRequest]:
    """A request that SIGTERM makes, while the context lasts."""
    request = StopRequest()
    before = signal.signal(signal.SIGTERM, request._make)
    try:
        yield request
    finally:
        signal.signal(signal.SIGTERM, before)
