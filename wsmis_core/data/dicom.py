"""DICOM files as 8-bit pictures: what a viewer shows when the file is opened.

Stored values pass the modality LUT or rescale, then the VOI LUT or window, and MONOCHROME1 is
turned round. Source: DICOM PS3.3, C.7.6.3 (pixels), C.11.1 (modality), C.11.2 (VOI).
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom import Dataset, dcmread
from pydicom.errors import InvalidDicomError
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.processing import apply_color_lut
from pydicom.pixels.utils import pixel_array

from wsmis_core.errors import DataError

__all__ = ["decode_dicom", "is_dicom"]

MAGIC = b"DICM"
MAGIC_AT = 128

Values = npt.NDArray[np.integer[Any] | np.floating[Any]]
Pixels = npt.NDArray[np.uint8]


def is_dicom(data: bytes) -> bool:
    """Whether the bytes begin as a DICOM file does: a preamble and a magic word."""
    return data[MAGIC_AT : MAGIC_AT + len(MAGIC)] == MAGIC


def decode_dicom(data: bytes) -> tuple[Pixels, str | None]:
    """The picture (H, W) or, in colour, (H, W, 3), and the patient's id where the file gives one.

    Without a VOI LUT or window, 8-bit grey values stay as they are, and others are stretched
    from their minimum to their maximum, the padding value left out and made black.

    Raises DataError for several frames, for no pixels, for a compression without a decoder, and for
    what is broken.
    """
    try:
        dataset = dcmread(io.BytesIO(data))
        _check(dataset)
        return _picture(dataset), str(dataset.get("PatientID") or "").strip() or None
    except DataError:
        raise
    except InvalidDicomError as error:
        raise DataError("this is not a DICOM file.", remedy="Export it again.") from error
    except Exception as error:  # a broken file makes the parser and the codecs raise whatever they please
        raise DataError(
            f"this DICOM file cannot be decoded: {type(error).__name__}: {error}", remedy="Export it again."
        ) from error


def _check(dataset: Dataset) -> None:
    if "PixelData" not in dataset:
        raise DataError("this DICOM file holds no pixels.", remedy="Leave it out, or export it with them.")
    frames = int(dataset.get("NumberOfFrames") or 1)
    if frames != 1:
        raise DataError(
            f"this DICOM file holds {frames} frames, and one is wanted.", remedy="Export its frames singly."
        )
    syntax = dataset.file_meta.TransferSyntaxUID
    try:
        decoder = get_decoder(syntax)
    except NotImplementedError:
        raise DataError(
            f"its compression, {syntax.name} ({syntax}), is not supported.",
            remedy="Convert it to JPEG 2000 or Explicit VR Little Endian.",
        ) from None
    if not decoder.is_available:
        missing = "; ".join(decoder.missing_dependencies)
        raise DataError(
            f"there is no decoder for {syntax.name} ({syntax}): {missing}.",
            remedy="Install the codecs: pip install 'wsmis[codecs]'.",
        )


def _picture(dataset: Dataset) -> Pixels:
    stored = pixel_array(dataset)  # YBR comes out as RGB
    if dataset.PhotometricInterpretation == "PALETTE COLOR":
        stored = apply_color_lut(stored, dataset)
    if stored.ndim == 3:
        bits = 8 * stored.dtype.itemsize
        return _bytes_of(stored / np.float32(2**bits - 1)) if bits > 8 else stored.astype(np.uint8)
    shown = _shown(stored, dataset)
    return 255 - shown if dataset.PhotometricInterpretation == "MONOCHROME1" else shown


def _shown(stored: Values, dataset: Dataset) -> Pixels:
    """Stored grey values (H, W) as brightness, MONOCHROME1 not yet turned round."""
    values = _modality(stored, dataset)
    if dataset.get("VOILUTSequence"):
        table = dataset.VOILUTSequence[0]
        return _bytes_of(_looked_up(values, table) / np.float32(2 ** int(table.LUTDescriptor[2]) - 1))
    window = _window(dataset)
    if window is not None:
        return _bytes_of(_windowed(values, *window, function=str(dataset.get("VOILUTFunction") or "LINEAR")))
    if values is stored and dataset.BitsStored == 8 and dataset.PixelRepresentation == 0:
        return stored.astype(np.uint8)
    padding = dataset.get("PixelPaddingValue")
    inside = np.ones(stored.shape, dtype=np.bool_) if padding is None else stored != padding
    return _bytes_of(_stretched(values, inside))


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


def _bytes_of(brightness: npt.NDArray[np.floating[Any]]) -> Pixels:
    pixels: Pixels = np.rint(brightness * np.float32(255)).astype(np.uint8)
    return pixels
