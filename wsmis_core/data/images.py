"""Image files as 8-bit arrays: DICOM, PNG and JPEG."""

from __future__ import annotations

import hashlib
import importlib.util
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from wsmis_core.data.dicom import decode_dicom, is_dicom, stretched
from wsmis_core.errors import DataError

__all__ = [
    "DEPTH_AT",
    "IMAGE_SUFFIXES",
    "Picture",
    "decode_image",
    "read_bytes",
    "read_image",
    "read_registered",
    "reason_of",
]

IMAGE_SUFFIXES = (".dcm", ".dicom", ".png", ".jpg", ".jpeg")
FORMATS = ("PNG", "JPEG")
# Where the header of a PNG says how many bits a sample has, and whether it is grey or in colour.
DEPTH_AT, KIND_AT = 24, 25
GREY_WITH_ALPHA = 4

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded file: pixels (H, W) where grey, (H, W, 3) where RGB; the patient's id where it gives one."""

    pixels: Pixels
    patient: str | None = None


def read_image(path: Path) -> Pixels:
    """The pixels of a DICOM, PNG or JPEG file: (H, W) where grey, (H, W, 3) where RGB.

    Raises DataError that names the file where it cannot be read.
    """
    return decode_image(read_bytes(path), name=str(path)).pixels


def read_bytes(path: Path) -> bytes:
    """The file's bytes; raises DataError that names it where it is not there or may not be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(
            f"the file cannot be read: {error.strerror}.", field=str(path), remedy="Check path and rights."
        ) from error


def read_registered(path: Path, *, content: str) -> bytes:
    """The bytes of a file of which the index holds the SHA-256, ``content``.

    Raises DataError that names the file where it cannot be read or is no longer the one that was registered.
    """
    data = read_bytes(path)
    if hashlib.sha256(data).hexdigest() != content:
        raise DataError(
            "the file has changed since the data set was registered.",
            field=str(path),
            remedy="Register the data set again, or put the old file back.",
        )
    return data


def decode_image(data: bytes, *, name: str) -> Picture:
    """The picture in a file's bytes, told apart by content and not by name.

    Values of more than 8 bits without a DICOM window are stretched from minimum to maximum, in colour
    too. Raises DataError, with ``name`` as its field, for bytes that are no DICOM, PNG or JPEG image or a
    broken one.
    """
    try:
        if is_dicom(data):
            return Picture(*decode_dicom(data))
        return Picture(_decode_raster(data))
    except DataError as error:
        raise DataError(error.message, field=name, remedy=error.remedy) from error


def _decode_raster(data: bytes) -> Pixels:
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            image.load()
            if image.mode.startswith("I"):  # 16 bits, or 32 as Pillow widens them
                return stretched(np.asarray(image))
            if image.format == "PNG" and data[DEPTH_AT] == 16:
                return stretched(_deep_colours(data))
            grey = image.mode in {"1", "L", "LA"}
            return np.asarray(image.convert("L" if grey else "RGB"))
    except UnidentifiedImageError as error:
        raise DataError(
            "this is no DICOM, PNG or JPEG image.", remedy="Convert the file, or leave it out."
        ) from error
    except DataError:
        raise
    except Exception as error:  # a damaged file makes Pillow raise whatever it pleases
        raise DataError(
            f"the image cannot be decoded: {reason_of(error)}.", remedy="Export the file again."
        ) from error


def reason_of(error: Exception) -> str:
    """What a decoder raised, in words; some raise without any."""
    return str(error) or type(error).__name__


def _deep_colours(data: bytes) -> npt.NDArray[np.uint16]:
    """The samples of a PNG of 16 bits without its alpha, of which Pillow keeps 8 bits unless it is grey."""
    if importlib.util.find_spec("cv2") is None:
        raise DataError(
            "there is no decoder for colours of 16 bits: opencv-python-headless is missing.",
            remedy="Install it: pip install 'wsmis[torch]'.",
        )
    import cv2  # not in every room

    samples = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), cv2.IMREAD_UNCHANGED)  # (H, W, B G R [alpha])
    if samples is None or samples.dtype != np.uint16:
        raise ValueError("its colours of 16 bits cannot be read")
    deep = samples.astype(np.uint16, copy=False)
    return deep[..., 0] if data[KIND_AT] == GREY_WITH_ALPHA else deep[..., 2::-1]
