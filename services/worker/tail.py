"""Reads `events.jsonl` while the ranks write it: whole lines, each once."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from wsmis_core.spec import Event, event_line

__all__ = ["Batch", "EventTail"]

logger = logging.getLogger(__name__)

CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Batch:
    """Events that were read, and the file's offset behind them."""

    events: tuple[Event, ...]
    end: int


class EventTail:
    """What was appended since the last batch that was accepted.

    A batch is read again until `accept` is called, so that events that could not be stored
    are not lost. Lines that are no events are logged, and passed over.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0

    def unread(self, *, ended: bool = False) -> Batch:
        """The next events, at most ``CHUNK_BYTES`` of them.

        The last line waits until its end is written, or no more is to come (``ended``).
        """
        try:
            with self._path.open("rb") as file:
                file.seek(self._offset)
                chunk = file.read(CHUNK_BYTES)
        except FileNotFoundError:
            return Batch((), self._offset)
        whole = chunk.rfind(b"\n") + 1
        if len(chunk) == CHUNK_BYTES and not whole:
            logger.warning("%s: a line of more than %d bytes is passed over in parts", self._path, len(chunk))
            return Batch((), self._offset + len(chunk))
        used = chunk if ended and len(chunk) < CHUNK_BYTES else chunk[:whole]
        events = tuple(event for line in used.splitlines() if (event := self._event(line)) is not None)
        return Batch(events, self._offset + len(used))

    def accept(self, batch: Batch) -> None:
        """``batch`` is stored: go on behind it."""
        self._offset = batch.end

    def _event(self, line: bytes) -> Event | None:
        if not line.strip():
            return None
        try:
            return event_line.validate_json(line)
        except ValidationError as error:
            reason = error.errors(include_url=False)[0]["msg"]
            logger.warning("%s: not an event (%s): %r", self._path, reason, line[:200])
            return None
