"""Stored grey values as brightness."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom import Dataset

__all__ = ["brightness_bytes", "shown"]

Values = npt.NDArray[np.integer[Any] | np.floating[Any]]
Pixels = npt.NDArray[np.uint8]


def shown(stored: Values, dataset: Dataset) -> Pixels:
    """Stored grey values (H, W) as brightness, MONOCHROME1 not yet turned round."""
    values = _modality(stored, dataset)
    if dataset.get("VOILUTSequence"):
        table = dataset.VOILUTSequence[0]
        return brightness_bytes(_looked_up(values, table) / np.float32(2 ** int(table.LUTDescriptor[2]) - 1))
    window = _window(dataset)
    if window is not None:
        return brightness_bytes(
            _windowed(values, *window, function=str(dataset.get("VOILUTFunction") or "LINEAR"))
        )
    if values is stored and dataset.BitsStored == 8 and dataset.PixelRepresentation == 0:
        return stored.astype(np.uint8)
    padding = dataset.get("PixelPaddingValue")
    inside = np.ones(stored.shape, dtype=np.bool_) if padding is None else stored != padding
    return brightness_bytes(_stretched(values, inside))


def _modality(stored: Values, dataset: Dataset) -> Values:
    if dataset.get("ModalityLUTSequence"):
        return _looked_up(stored, dataset.ModalityLUTSequence[0])
    slope, intercept = dataset.get("RescaleSlope"), dataset.get("RescaleIntercept")
    if slope is None or intercept is None or (slope, intercept) == (1, 0):
        return stored
    return stored * np.float32(slope) + np.float32(intercept)


def _looked_up(values: Values, table: Dataset) -> Values:
    """Values through a LUT; those outside of it take its first or last entry."""
    number, first, _ = (int(part) for part in table.LUTDescriptor)
    data = table.LUTData
    if isinstance(data, bytes):
        width = np.uint8 if len(data) == number else np.dtype("<u2")
        entries: Values = np.frombuffer(data, dtype=width)
    else:
        entries = np.atleast_1d(np.asarray(data, dtype=np.uint16))
    entries = entries[: number or 2**16]
    return entries[np.clip(np.rint(values).astype(np.int32) - first, 0, len(entries) - 1)]


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
    """Brightness in [0, 1] (C.11.2.1.2 and C.11.2.1.3)."""
    exact = values.astype(np.float32)
    brightness: npt.NDArray[np.float32]
    match function:
        case "SIGMOID":
            brightness = 1 / (1 + np.exp(-4 * (exact - np.float32(centre)) / np.float32(width)))
        case "LINEAR_EXACT":
            brightness = np.clip((exact - np.float32(centre)) / np.float32(width) + np.float32(0.5), 0, 1)
        case _:
            span = np.float32(max(width - 1, 1e-6))  # a width of 1 is a step
            brightness = np.clip((exact - np.float32(centre - 0.5)) / span + np.float32(0.5), 0, 1)
    return brightness


def _stretched(values: Values, inside: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
    """From the minimum (0) to the maximum (1) of the values inside; 0 elsewhere, and where all are equal."""
    exact: npt.NDArray[np.float32] = values.astype(np.float32)
    seen = exact[inside]
    if not seen.size or seen.min() == seen.max():
        return np.zeros_like(exact)
    stretched: npt.NDArray[np.float32] = (exact - seen.min()) / (seen.max() - seen.min())
    return np.where(inside, stretched, np.float32(0))


def brightness_bytes(brightness: npt.NDArray[np.floating[Any]]) -> Pixels:
    """Brightness in [0, 1] as bytes."""
    pixels: Pixels = np.rint(brightness * np.float32(255)).astype(np.uint8)
    return pixels
