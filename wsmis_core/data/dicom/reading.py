"""From a file's bytes to its picture, and what is wrong where there is none."""

from __future__ import annotations

import io
import re

import numpy as np
import numpy.typing as npt
from pydicom import Dataset, dcmread
from pydicom.errors import InvalidDicomError

from wsmis_core.data.dicom.brightness import stretched
from wsmis_core.data.dicom.codecs import stored_values
from wsmis_core.data.dicom.grey import shown
from wsmis_core.data.dicom.header import check_header
from wsmis_core.data.dicom.inflation import check_inflation
from wsmis_core.data.dicom.palette import coloured
from wsmis_core.errors import DataError

__all__ = ["decode_dicom", "is_dicom"]

MAGIC = b"DICM"
MAGIC_AT = 128

Pixels = npt.NDArray[np.uint8]


def is_dicom(data: bytes) -> bool:
    """Whether the bytes begin as a DICOM file does: a preamble and a magic word."""
    return data[MAGIC_AT : MAGIC_AT + len(MAGIC)] == MAGIC


def decode_dicom(data: bytes) -> tuple[Pixels, str | None]:
    """The picture (H, W) or, in colour, (H, W, 3), and the patient's id where the file gives one.

    Without a VOI LUT or window, values of 8 bits stay as they are, and others are stretched from their
    minimum to their maximum, in colour too. The padding value is left out of that, and always black.

    Raises DataError for several frames, for no pixels or too many, for a header that does not fit them, for a
    compression without a decoder, and for what is broken.
    """
    try:
        check_inflation(data)
        dataset = dcmread(io.BytesIO(data))
        check_header(dataset)
        return _picture(dataset), str(dataset.get("PatientID") or "").strip() or None
    except DataError:
        raise
    except InvalidDicomError as error:
        raise DataError("this is not a DICOM file.", remedy="Export it again.") from error
    except Exception as error:  # a broken file makes the parser and the codecs raise whatever they please
        raise DataError(
            f"this DICOM file cannot be decoded: {_told(error)}", remedy="Export it again."
        ) from error


def _picture(dataset: Dataset) -> Pixels:
    stored = stored_values(dataset)
    if stored.shape not in ((dataset.Rows, dataset.Columns), (dataset.Rows, dataset.Columns, 3)):
        raise DataError(
            f"its pixels are {' x '.join(map(str, stored.shape))}, and its header says {dataset.Rows} rows "
            f"and {dataset.Columns} columns.",
            remedy="Export it again.",
        )
    if dataset.PhotometricInterpretation == "PALETTE COLOR":
        return coloured(stored, dataset)
    if stored.ndim == 3:
        return stored.astype(np.uint8) if dataset.BitsStored <= 8 else stretched(stored)
    return shown(stored, dataset)


def _told(error: Exception) -> str:
    """What a parser or codec raised, on one line, without what differs from run to run."""
    first, *lines = str(error).splitlines() or [""]
    if not first.startswith("Unable to decode as exceptions were raised"):
        lines = [f"{type(error).__name__}: {first}", *lines]
    return re.sub(r" at 0x[0-9a-f]+", "", " ".join(line.strip() for line in lines if line.strip()))
