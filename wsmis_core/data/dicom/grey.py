"""Stored grey values as brightness."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom import Dataset

from wsmis_core.data.dicom.brightness import brightness_bytes, stretched
from wsmis_core.data.dicom.lookup import table_of
from wsmis_core.errors import DataError

__all__ = ["shown"]

LARGEST = 1e28  # of which 2**32 times as much still is a number of 32 bits
CONTINUOUS = ("LINEAR_EXACT", "SIGMOID")  # may be narrower than 1 (C.11.2.1.3)
# Where multi-frame objects keep what others have at the top: for each frame, and for all of them.
FUNCTIONAL_GROUPS = ("PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence")

Values = npt.NDArray[np.integer[Any] | np.floating[Any]]
Pixels = npt.NDArray[np.uint8]


def shown(stored: Values, dataset: Dataset) -> Pixels:
    """Stored grey values (H, W) as brightness: MONOCHROME1 turned round, then the padding made black.

    Raises DataError where a window or rescale is no finite number.
    """
    inside = ~_padding(stored, dataset)
    grey = _brightness(stored, dataset, inside)
    if dataset.PhotometricInterpretation == "MONOCHROME1":
        grey = 255 - grey
    return np.where(inside, grey, np.uint8(0))


def _padding(stored: Values, dataset: Dataset) -> npt.NDArray[np.bool_]:
    """Where values are one, or in a range, that says that there is no picture (C.7.5.1.1.2)."""
    value, limit = dataset.get("PixelPaddingValue"), dataset.get("PixelPaddingRangeLimit")
    if value is None:
        return np.zeros(stored.shape, dtype=np.bool_)
    low, high = sorted((value, value if limit is None else limit))
    padding: npt.NDArray[np.bool_] = (stored >= low) & (stored <= high)
    return padding


def _brightness(stored: Values, dataset: Dataset, inside: npt.NDArray[np.bool_]) -> Pixels:
    little_endian = dataset.file_meta.TransferSyntaxUID.is_little_endian
    if dataset.get("ModalityLUTSequence"):
        values = table_of(dataset.ModalityLUTSequence[0], little_endian=little_endian).of(stored)
    else:
        values = _rescaled(stored, dataset)
    if dataset.get("VOILUTSequence"):
        table = table_of(dataset.VOILUTSequence[0], little_endian=little_endian)
        return brightness_bytes(table.of(values) / np.float32(table.top))
    settings = _settings(dataset, "FrameVOILUTSequence")
    function = str(settings.get("VOILUTFunction") or "LINEAR")
    window = _window(settings, function)
    if window is not None:
        return brightness_bytes(_windowed(values, *window, function=function))
    if values is stored and dataset.BitsStored == 8 and dataset.PixelRepresentation == 0:
        return stored.astype(np.uint8)
    return stretched(values, inside)


def _settings(dataset: Dataset, group: str) -> Dataset:
    """What holds the attributes of a functional group: its item of the frame or of all, or the top."""
    for name in FUNCTIONAL_GROUPS:
        for item in dataset.get(name) or ():
            if item.get(group):
                settings: Dataset = item[group].value[0]
                return settings
    return dataset


def _number(settings: Dataset, name: str) -> float | None:
    """The first value of an attribute; raises DataError where it is not finite, or huge."""
    value = settings.get(name)
    if value is None:
        return None
    number = float(np.atleast_1d(value)[0])
    if not abs(number) <= LARGEST:
        raise DataError(
            f"the {name} of this DICOM file is {number:g}, with which nothing can be shown.",
            remedy="Export it again.",
        )
    return number


def _rescaled(stored: Values, dataset: Dataset) -> Values:
    settings = _settings(dataset, "PixelValueTransformationSequence")
    slope, intercept = _number(settings, "RescaleSlope"), _number(settings, "RescaleIntercept")
    if slope is None or intercept is None or (slope, intercept) == (1, 0):
        return stored
    return stored * np.float32(slope) + np.float32(intercept)


def _window(settings: Dataset, function: str) -> tuple[float, float] | None:
    """The first window's centre and width, where there is one that says something."""
    centre, width = _number(settings, "WindowCenter"), _number(settings, "WindowWidth")
    if centre is None or width is None or width <= 0 or (width < 1 and function not in CONTINUOUS):
        return None
    return centre, width


def _windowed(values: Values, centre: float, width: float, *, function: str) -> npt.NDArray[np.float32]:
    """Brightness, in [0, 1] within the window (C.11.2.1.2 and C.11.2.1.3)."""
    exact = values.astype(np.float32)
    brightness: npt.NDArray[np.float32]
    match function:
        case "SIGMOID":
            # 1 / (1 + exp(-4 x)), which does not overflow
            brightness = (1 + np.tanh(2 * (exact - np.float32(centre)) / np.float32(width))) / 2
        case "LINEAR_EXACT":
            brightness = (exact - np.float32(centre)) / np.float32(width) + np.float32(0.5)
        case _:
            span = np.float32(max(width - 1, 1e-6))  # a width of 1 is a step
            brightness = (exact - np.float32(centre - 0.5)) / span + np.float32(0.5)
    return brightness
