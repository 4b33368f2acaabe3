"""Predictions as SIIM-ACR's table of run lengths."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from pathlib import Path

from wsmis_core.files import write_bytes_atomically

__all__ = ["write_rle_csv"]


def write_rle_csv(path: Path, rows: Iterable[tuple[str, str]]) -> None:
    """Write ImageId and EncodedPixels of each image.

    ``rows`` are ids and run lengths as `wsmis_core.data.encode_siim_rle` gives them, `-1` for an empty mask.
    """
    buffer = io.StringIO(newline="")
    table = csv.writer(buffer, lineterminator="\n")
    table.writerow(["ImageId", "EncodedPixels"])
    table.writerows(rows)
    write_bytes_atomically(path, buffer.getvalue().encode())
