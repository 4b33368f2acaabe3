"""Run lengths as SIIM-ACR writes them.

A mask (H, W) is flattened column by column, top to bottom. Each run of foreground is two numbers:
the gap of background since the end of the last run (since the first pixel for the first run), and
the run's length. `-1` stands for a mask without foreground.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from wsmis_core.errors import DataError

__all__ = ["EMPTY", "decode_siim_rle", "encode_siim_rle", "siim_runs"]

EMPTY = "-1"


def encode_siim_rle(mask: npt.NDArray[np.bool_]) -> str:
    """The runs of a mask (H, W), separated by single blanks; `-1` where nothing is foreground."""
    flat = np.asarray(mask, dtype=np.int8).ravel(order="F")  # (W * H,)
    edges = np.flatnonzero(np.diff(flat, prepend=0, append=0))  # starts and ends by turns
    if not edges.size:
        return EMPTY
    return " ".join(map(str, np.diff(edges, prepend=0).tolist()))


def decode_siim_rle(text: str, shape: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """The mask (H, W) of `text`; blanks around and between the numbers do not matter.

    Raises DataError for anything but whole numbers, for an odd count, a negative gap or length, and
    runs that end behind the last pixel.
    """
    height, width = shape
    runs = siim_runs(text)  # gap, length, gap, length, ...
    if (end := sum(runs)) > height * width:
        raise DataError(
            f"the runs end at pixel {end}, and an image of {width} x {height} has {height * width}.",
            remedy="Give the runs of this image at its full size, as (gap, length) and not (start, length).",
        )
    flat = np.zeros(height * width, dtype=np.bool_)
    flat[:end] = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
    return flat.reshape(shape, order="F")


def siim_runs(text: str) -> list[int]:
    """Gap, length, gap, length and so on of an image of any size; raises DataError as `decode_siim_rle`."""
    words = text.split()
    if words == [EMPTY]:
        return []
    remedy = f"Write pairs of gap and length, or {EMPTY} for an empty mask."
    try:
        runs = [int(word) for word in words]
    except ValueError:
        raise DataError(f"{_shown(text)} is not a list of whole numbers.", remedy=remedy) from None
    if not runs or len(runs) % 2:
        raise DataError(f"{_shown(text)} has {len(runs)} numbers, not pairs.", remedy=remedy)
    if min(runs) < 0:
        raise DataError(f"{_shown(text)} holds {min(runs)}, which is negative.", remedy=remedy)
    return runs


def _shown(text: str, limit: int = 40) -> str:
    return repr(text if len(text) <= limit else f"{text[: limit - 1]}…")
