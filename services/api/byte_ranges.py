"""Which bytes of a file that may still grow a request wants."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["ByteRange", "byte_range"]

# One range alone (RFC 9110, 14.1.2): first-last, first-, or -suffix.
SINGLE = re.compile(r"^bytes=(?:(\d{1,18})-(\d{0,18})|-(\d{1,18}))$", re.ASCII)


@dataclass(frozen=True, slots=True)
class ByteRange:
    """Bytes ``start`` to ``stop``, the last excluded."""

    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start


def byte_range(header: str | None, size: int) -> ByteRange | None:
    """What `Range` asks for of a file of ``size`` bytes; all of it where it asks for nothing sensible.

    None if it cannot be satisfied: the first byte lies behind the end.
    """
    match = SINGLE.match((header or "").strip())
    if match is None:
        return ByteRange(0, size)
    first, last, suffix = match.groups()
    if suffix is not None:
        return ByteRange(max(0, size - int(suffix)), size) if int(suffix) and size else None
    if last and int(last) < int(first):
        return ByteRange(0, size)
    if int(first) >= size:
        return None
    return ByteRange(int(first), min(size, int(last) + 1) if last else size)
