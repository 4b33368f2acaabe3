"""Stored grey values as brightness."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom import Dataset

from wsmis_core.data.dicom.brightness import brightness_bytes, stretched

__all__ = ["shown"]

Values = npt.NDArray[np.integer[Any] | np.floating[Any]]
Pixels = npt.NDArray[np.uint8]


def shown(stored: Values, dataset: Dataset) -> Pixels:
    """Stored grey values (H, W) as brightness: MONOCHROME1 turned round, then the padding made black."""
    padding = dataset.get("PixelPaddingValue")
    inside = np.ones(stored.shape, dtype=np.bool_) if padding is None else stored != padding
    grey = _brightness(stored, dataset, inside)
    if dataset.PhotometricInterpretation == "MONOCHROME1":
        grey = 255 - grey
    return np.where(inside, grey, np.uint8(0))


def _brightness(stored: Values, dataset: Dataset, inside: npt.NDArray[np.bool_]) -> Pixels:
    values = _modality(stored, dataset)
    if dataset.get("VOILUTSequence"):
        table = dataset.VOILUTSequence[0]
        # Some tables announce fewer bits than their entries have.
        top = max(2 ** int(table.LUTDescriptor[2]) - 1, int(_entries(table).max()))
        return brightness_bytes(_looked_up(values, table) / np.float32(top))
    window = _window(dataset)
    if window is not None:
        return brightness_bytes(
            _windowed(values, *window, function=str(dataset.get("VOILUTFunction") or "LINEAR"))
        )
    if values is stored and dataset.BitsStored == 8 and dataset.PixelRepresentation == 0:
        return stored.astype(np.uint8)
    return stretched(values, inside)


def _modality(stored: Values, dataset: Dataset) -> Values:
    if dataset.get("ModalityLUTSequence"):
        return _looked_up(stored, dataset.ModalityLUTSequence[0])
    slope, intercept = dataset.get("RescaleSlope"), dataset.get("RescaleIntercept")
    if slope is None or intercept is None or (slope, intercept) == (1, 0):
        return stored
    return stored * np.float32(slope) + np.float32(intercept)


def _looked_up(values: Values, table: Dataset) -> Values:
    """Values through a LUT; those outside of it take its first or last entry."""
    first, entries = int(table.LUTDescriptor[1]), _entries(table)
    return entries[np.clip(np.rint(values).astype(np.int32) - first, 0, len(entries) - 1)]


def _entries(table: Dataset) -> Values:
    number, data = int(table.LUTDescriptor[0]), table.LUTData
    if isinstance(data, bytes):
        width = np.uint8 if len(data) == number else np.dtype("<u2")
        entries: Values = np.frombuffer(data, dtype=width)
    else:
        entries = np.atleast_1d(np.asarray(data, dtype=np.uint16))
    return entries[: number or 2**16]


def _window(dataset: Dataset) -> tuple[float, float] | None:
    """The first window's centre and width, where there is one that says something."""
    centre, width = (
        np.atleast_1d(dataset[name].value)[0] if dataset.get(name) is not None else None
        for name in ("WindowCenter", "WindowWidth")
    )
    if centre is None or width is None or float(width) < 1:
        return None
    return float(centre), float(width)


def _windowed(values: Values, centre: float, width: float, *, function: str) -> npt.NDArray[np.float32]:
    """Brightness, in [0, 1] within the window (C.11.2.1.2 and C.11.2.1.3)."""
    exact = values.astype(np.float32)
    brightness: npt.NDArray[np.float32]
    match function:
        case "SIGMOID":
            brightness = 1 / (1 + np.exp(-4 * (exact - np.float32(centre)) / np.float32(width)))
        case "LINEAR_EXACT":
            brightness = (exact - np.float32(centre)) / np.float32(width) + np.float32(0.5)
        case _:
            span = np.float32(max(width - 1, 1e-6))  # a width of 1 is a step
            brightness = (exact - np.float32(centre - 0.5)) / span + np.float32(0.5)
    return brightness
