"""Real DICOM files and small data sets, written into a temporary folder."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import ExplicitVRLittleEndian, JPEGBaseline8Bit, SecondaryCaptureImageStorage, generate_uid

DicomWriter = Callable[..., Path]


@pytest.fixture
def write_dicom() -> DicomWriter:
    return _write_dicom


def _write_dicom(path: Path, values: npt.NDArray[Any], *, jpeg: bool = False, **attributes: Any) -> Path:
    """A DICOM file of ``values`` (H, W), or (H, W, 3) in colour, with more attributes."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=[str(path)])
    dataset.file_meta.TransferSyntaxUID = JPEGBaseline8Bit if jpeg else ExplicitVRLittleEndian
    dataset.SOPClassUID = SecondaryCaptureImageStorage
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID
    dataset.Rows, dataset.Columns = values.shape[:2]
    dataset.SamplesPerPixel = 3 if values.ndim == 3 else 1
    dataset.PhotometricInterpretation = "RGB" if values.ndim == 3 else "MONOCHROME2"
    if values.ndim == 3:
        dataset.PlanarConfiguration = 0
    dataset.BitsAllocated = dataset.BitsStored = 8 * values.dtype.itemsize
    dataset.HighBit = dataset.BitsStored - 1
    dataset.PixelRepresentation = int(np.issubdtype(values.dtype, np.signedinteger))
    for name, value in attributes.items():
        setattr(dataset, name, value)
    if jpeg:
        buffer = io.BytesIO()
        Image.fromarray(values).save(buffer, "JPEG", quality=95)
        dataset.PixelData = encapsulate([buffer.getvalue()])
        dataset["PixelData"].VR = "OB"
    else:
        dataset.PixelData = values.tobytes()
        dataset["PixelData"].VR = "OB" if values.dtype.itemsize == 1 else "OW"
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(path, enforce_file_format=True)
    return path
