"""What a header must say for its pixels to be read, and whether it fits them."""

from __future__ import annotations

from collections.abc import Mapping

from pydicom import Dataset
from pydicom.pixels.utils import get_expected_length
from pydicom.uid import JPEG2000TransferSyntaxes, RLELossless

from wsmis_core.errors import DataError

__all__ = ["MOST_PIXELS", "check_header"]

# What pixels cannot be read without.
NEEDED = (
    "Rows",
    "Columns",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "BitsAllocated",
    "BitsStored",
    "PixelRepresentation",
)
# Samples a pixel of the interpretations that can be shown.
SAMPLES: Mapping[str, int] = {
    "MONOCHROME1": 1,
    "MONOCHROME2": 1,
    "PALETTE COLOR": 1,
    "RGB": 3,
    "YBR_FULL": 3,
    "YBR_FULL_422": 3,
    "YBR_ICT": 3,
    "YBR_RCT": 3,
}
TRANSFORMS = ("YBR_ICT", "YBR_RCT")  # which the codec of JPEG 2000 undoes, and no other
MOST_PIXELS = 2**28 // 3  # 256 MiB in colours of 8 bits, which is also where Pillow suspects a trap
MOST_RUN_LENGTH = 64  # times as many bytes: at most 128 of two
MOST_PADDING = 1 / 8  # of the pixels' bytes; more is another picture than the header's


def check_header(dataset: Dataset) -> None:
    """Raise DataError where pixels cannot be read by this header; cut off what fills native ones up."""
    if not dataset.get("PixelData"):
        raise DataError("this DICOM file holds no pixels.", remedy="Leave it out, or export it with them.")
    if "TransferSyntaxUID" not in dataset.file_meta:
        raise _refusal("this DICOM file does not say how its pixels are stored: it has no transfer syntax.")
    frames = int(dataset.get("NumberOfFrames") or 1)
    if frames != 1:
        raise DataError(
            f"this DICOM file holds {frames} frames, and one is wanted.", remedy="Export its frames singly."
        )
    missing = [name for name in NEEDED if dataset.get(name) is None]
    if missing:
        raise _refusal(f"the header of this DICOM file lacks {', '.join(missing)}.")
    _check_values(dataset)
    _check_length(dataset)


def _check_values(dataset: Dataset) -> None:
    colours, samples = str(dataset.PhotometricInterpretation), dataset.SamplesPerPixel
    transformed = dataset.file_meta.TransferSyntaxUID in JPEG2000TransferSyntaxes
    if SAMPLES.get(colours) != samples or (colours in TRANSFORMS and not transformed):
        raise _refusal(
            f"the header of this DICOM file says SamplesPerPixel {samples} and PhotometricInterpretation "
            f"{colours!r}, which cannot be shown together."
        )
    highest = dataset.get("HighBit")
    if highest is not None and highest != dataset.BitsStored - 1:
        raise _refusal(
            f"the header of this DICOM file says HighBit {highest} and BitsStored {dataset.BitsStored}, and "
            f"HighBit {dataset.BitsStored - 1} is wanted."
        )
    if dataset.Rows * dataset.Columns > MOST_PIXELS:
        raise DataError(
            f"this DICOM file has {dataset.Columns} x {dataset.Rows} pixels, and at most {MOST_PIXELS} "
            "are read.",
            remedy="Export it smaller.",
        )


def _check_length(dataset: Dataset) -> None:
    length, wanted = len(dataset.PixelData), get_expected_length(dataset)
    syntax = dataset.file_meta.TransferSyntaxUID
    if syntax.is_encapsulated:
        fits = syntax != RLELossless or wanted <= length * MOST_RUN_LENGTH
    else:
        fits = 0 < wanted <= length <= wanted + max(wanted * MOST_PADDING, 2)
    if not fits:
        raise _refusal(
            f"this DICOM file holds {length} bytes of pixels, and its {dataset.Columns} x {dataset.Rows} "
            f"pixels take {wanted}."
        )
    if not syntax.is_encapsulated and length > wanted + wanted % 2:
        dataset.PixelData = dataset.PixelData[: wanted + wanted % 2]


def _refusal(message: str) -> DataError:
    return DataError(message, remedy="Export it again.")
