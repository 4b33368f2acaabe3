"""Look-up tables: modality, VOI and palette. Source: DICOM PS3.3, C.7.6.3.1.5, C.11.1.1 and C.11.2.1.1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom import Dataset

__all__ = ["LookupTable", "lookup_table", "table_of"]

MOST_ENTRIES = 2**16  # which a descriptor has no room for, and writes as 0

Values = npt.NDArray[np.integer[Any] | np.floating[Any]]


@dataclass(frozen=True, slots=True)
class LookupTable:
    """Entries for the values from ``first`` on; ``top`` is the entry of full brightness."""

    first: int
    entries: Values
    top: int

    def of(self, values: Values) -> Values:
        """The entries of values of any shape; those outside of the table take its first or last."""
        places = np.rint(values).astype(np.int32) - self.first
        return self.entries[np.clip(places, 0, len(self.entries) - 1)]


def table_of(item: Dataset, *, little_endian: bool) -> LookupTable:
    """The table in an item of a modality or VOI LUT sequence."""
    return lookup_table(item.LUTDescriptor, item.LUTData, little_endian=little_endian)


def lookup_table(
    descriptor: Sequence[int], data: bytes | Sequence[int] | int, *, little_endian: bool
) -> LookupTable:
    """The table that a descriptor (entries, first value, bits) and its data make.

    Data as bytes are words in the file's byte order. Words hold an entry each, or two of 8 bits, the lower
    byte first; the last may be half filled.
    """
    number, first, bits = (int(value) for value in descriptor)
    number = number or MOST_ENTRIES
    if isinstance(data, bytes):
        ordered = data if little_endian else np.frombuffer(data, dtype=">u2").astype("<u2").tobytes()
        packed = number > 1 and len(data) in (number, number + 1)
        entries: Values = np.frombuffer(ordered, dtype=np.uint8 if packed else "<u2")
    else:
        entries = np.atleast_1d(np.asarray(data, dtype=np.uint16))
    entries = entries[:number]
    # Some tables announce fewer bits than their entries have, and some more.
    top = max(2 ** min(bits, 8 * entries.itemsize) - 1, int(entries.max()))
    return LookupTable(first, entries, top)
