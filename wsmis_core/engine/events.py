"""What a run says while it works: lines in `events.jsonl`, figures for TensorBoard."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, TypeVar

from torch.utils.tensorboard import SummaryWriter

from wsmis_core.spec.event import (
    EVENTS_FILE,
    CheckpointEvent,
    Event,
    LogEvent,
    MetricEvent,
    PreviewEvent,
    ProgressEvent,
    event_line,
)

__all__ = ["Events", "Progress", "open_events"]

T = TypeVar("T")

# People and databases need no more than this.
_SECONDS_BETWEEN_PROGRESS = 1.0


class Events:
    """Says events to the run folder on the main rank; elsewhere it is silent."""

    def __init__(self, folder: Path, *, speaks: bool) -> None:
        self._file = (folder / EVENTS_FILE).open("a", encoding="utf-8") if speaks else None
        self._board_folder = folder / "tensorboard"
        self._board: SummaryWriter | None = None

    def close(self) -> None:
        """Flush everything that was said."""
        if self._board is not None:
            self._board.close()
        if self._file is not None:
            self._file.close()

    def metric(self, values: Mapping[str, float], *, step: int, epoch: int | None = None) -> None:
        """Figures at a step."""
        if self._file is None:
            return
        self._say(MetricEvent(time=_now(), step=step, epoch=epoch, values=dict(values)))
        if self._board is None:
            self._board = SummaryWriter(str(self._board_folder))
        for name, value in values.items():
            self._board.add_scalar(name, value, step)

    def log(self, message: str, *, level: Literal["info", "warning", "error"] = "info") -> None:
        """A line for people."""
        self._say(LogEvent(time=_now(), level=level, message=message))

    def preview(self, path: str, *, caption: str) -> None:
        """A picture at ``path``, relative to the run folder."""
        self._say(PreviewEvent(time=_now(), path=path, caption=caption))

    def checkpoint(self, path: str, *, step: int, epoch: int) -> None:
        """A checkpoint at ``path``, relative to the run folder."""
        self._say(CheckpointEvent(time=_now(), path=path, step=step, epoch=epoch))

    def progress(self, phase: str, *, total: int, unit: str, done: int = 0) -> Progress:
        """A counter of ``total`` units that says how far it is."""
        return Progress(self, phase, total=total, unit=unit, done=done)

    def _say(self, event: Event) -> None:
        if self._file is not None:
            self._file.write(event_line.dump_json(event).decode() + "\n")
            self._file.flush()


class Progress:
    """Counts units of work; says so once a second at most, and at the end."""

    def __init__(self, events: Events, phase: str, *, total: int, unit: str, done: int = 0) -> None:
        self._events = events
        self._phase, self._total, self._unit = phase, total, unit
        self._done = self._first = done
        self._started = time.monotonic()
        self._said = float("-inf")
        self._say()

    def advance(self, count: int = 1) -> None:
        """``count`` more units are done."""
        self._done = min(self._total, self._done + count)
        if self._done == self._total or time.monotonic() - self._said >= _SECONDS_BETWEEN_PROGRESS:
            self._say()

    def over(self, items: Sequence[T], *, each: int = 1) -> Iterator[T]:
        """``items``, each counted as ``each`` units once it is done."""
        for item in items:
            yield item
            self.advance(each)

    def _say(self) -> None:
        self._said = time.monotonic()
        seconds = self._said - self._started
        rate = (self._done - self._first) / seconds if seconds > 0 and self._done > self._first else None
        self._events._say(
            ProgressEvent(
                time=_now(),
                phase=self._phase,
                done=self._done,
                total=self._total,
                unit=self._unit,
                rate=rate,
                eta_seconds=(self._total - self._done) / rate if rate else None,
            )
        )


@contextmanager
def open_events(folder: Path, *, speaks: bool) -> Iterator[Events]:
    """Events that are closed at the end."""
    events = Events(folder, speaks=speaks)
    try:
        yield events
    finally:
        events.close()


def _now() -> datetime:
    return datetime.now(UTC)
