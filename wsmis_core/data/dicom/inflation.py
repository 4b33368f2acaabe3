"""How much a deflated file holds, before anything takes it all into memory."""

from __future__ import annotations

import io
import zlib

from pydicom.filereader import read_dataset, read_preamble
from pydicom.tag import BaseTag
from pydicom.uid import DeflatedExplicitVRLittleEndian

from wsmis_core.errors import DataError

__all__ = ["check_inflation"]

MOST_INFLATED = 2**28  # bytes; as many as the most pixels take in colours of 8 bits
CHUNK = 2**14  # of which deflation makes at most 16 MiB
META_GROUP = 2


def check_inflation(data: bytes) -> None:
    """Raise DataError where a DICOM file's deflated part is larger than `MOST_INFLATED`."""
    if DeflatedExplicitVRLittleEndian.encode() not in data:
        return
    file = io.BytesIO(data)
    read_preamble(file, force=False)
    meta = read_dataset(file, is_implicit_VR=False, is_little_endian=True, stop_when=_is_behind_meta)
    if meta.get("TransferSyntaxUID") != DeflatedExplicitVRLittleEndian:
        return
    inflation, inflated = zlib.decompressobj(-zlib.MAX_WBITS), 0
    while chunk := file.read(CHUNK):
        inflated += len(inflation.decompress(chunk))
        if inflated > MOST_INFLATED:
            raise DataError(
                f"this DICOM file is deflated, and more than {MOST_INFLATED} bytes large when it is not.",
                remedy="Export it without deflation.",
            )


def _is_behind_meta(tag: BaseTag, vr: str | None, length: int) -> bool:
    del vr, length
    return tag.group != META_GROUP
