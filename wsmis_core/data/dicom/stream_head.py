"""What the head of a compressed stream says of its picture, without a codec.

JPEG, JPEG-LS and JPEG 2000 begin alike: markers of two bytes, each but the first with a length and that much
data. Sources: ITU-T T.81, B.1 and B.2.2; T.87, C.1; T.800, A.5.1.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from wsmis_core.errors import DataError

__all__ = ["StreamHead", "stream_head"]

# How the streams of JPEG and JPEG-LS, and of JPEG 2000 start; a file format may be round the latter.
STARTS = (b"\xff\xd8\xff", b"\xff\x4f\xff\x51")
CODED = (b"\xff\xda", b"\xff\x90")  # start of scan and of tile-part: what follows is coded
FILL = b"\xff\xff"
FRAMES = (*range(0xC0, 0xC4), *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0), 0xF7)
SIZE = 0x51
PRECISION_AT = 40  # in JPEG 2000's marker of the size: of the first component, less 1, below the sign's bit


@dataclass(frozen=True, slots=True)
class StreamHead:
    """Rows, columns and bits a sample of a stream, and where its coded data begin."""

    rows: int
    columns: int
    precision: int
    coded_at: int


def stream_head(data: bytes) -> StreamHead:
    """The head of a JPEG, JPEG-LS or JPEG 2000 stream. Raises DataError where it has none that is whole."""
    at = min((start for first in STARTS if (start := data.find(first)) >= 0), default=len(data)) + 2
    size: tuple[int, int, int] | None = None
    while (marker := data[at : at + 2]) not in CODED:
        if marker == FILL:
            at += 1
            continue
        length = int.from_bytes(data[at + 2 : at + 4])
        segment = data[at : at + 2 + length]
        if not marker.startswith(b"\xff") or not 2 <= length == len(segment) - 2:
            raise _no_head()
        try:
            if marker[1] in FRAMES:
                precision, rows, columns = struct.unpack_from(">BHH", segment, 4)
                size = rows, columns, precision
            elif marker[1] == SIZE:
                right, bottom, left, top = struct.unpack_from(">IIII", segment, 6)
                size = bottom - top, right - left, (segment[PRECISION_AT] & 0x7F) + 1
        except (struct.error, IndexError) as error:
            raise _no_head() from error
        at += len(segment)
    if size is None:
        raise _no_head()
    return StreamHead(*size, coded_at=at)


def _no_head() -> DataError:
    return DataError("its compressed stream has no head, or is cut off in it.", remedy="Export it again.")
