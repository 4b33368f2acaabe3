"""Values of any depth as bytes, grey (H, W) or in colour (H, W, 3); of DICOM files and of others."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["brightness_bytes", "stretched"]

Values = npt.NDArray[np.integer[Any] | np.floating[Any]]
Pixels = npt.NDArray[np.uint8]


def stretched(values: Values, inside: npt.NDArray[np.bool_] | None = None) -> Pixels:
    """From the minimum (0) to the maximum (255) of the values ``inside``, of all where none are named.

    The colours share one scale, so that hues stay. Where all values are equal, all is 0.
    """
    exact = values.astype(np.float32)
    seen = exact if inside is None else exact[inside]
    if not seen.size or seen.min() == seen.max():
        return np.zeros(values.shape, dtype=np.uint8)
    return brightness_bytes((exact - seen.min()) / (seen.max() - seen.min()))


def brightness_bytes(brightness: npt.NDArray[np.floating[Any]]) -> Pixels:
    """Brightness as bytes, 0 where it is below 0 and 255 where it is above 1."""
    pixels: Pixels = np.rint(np.clip(brightness, 0, 1) * np.float32(255)).astype(np.uint8)
    return pixels
