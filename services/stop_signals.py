"""The requests to stop as something to wait for, instead of an exception anywhere."""

from __future__ import annotations

import os
import select
import signal
import time
from types import FrameType, TracebackType
from typing import Self

__all__ = ["StopSignals"]

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class StopSignals:
    """Within the context, counts SIGTERM, SIGINT and, unless nohup has it ignored, SIGHUP."""

    def __init__(self) -> None:
        self.count = 0
        # A pipe, since a handler must not touch the locks of what it interrupts.
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._writer, False)

    def __enter__(self) -> Self:
        self._before = {
            number: signal.signal(number, self._note)
            for number in _SIGNALS
            if number is not signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN
        }
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        os.close(self._reader)
        os.close(self._writer)

    def wait(self, seconds: float, *, beyond: int = 0) -> bool:
        """Whether more than ``beyond`` requests have come; waits ``seconds`` for it at most."""
        end = time.monotonic() + seconds
        while self.count <= beyond and (left := end - time.monotonic()) > 0:
            if select.select([self._reader], [], [], left)[0]:
                os.read(self._reader, 64)
        return self.count > beyond

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        self.count += 1
        os.write(self._writer, b"\0")
