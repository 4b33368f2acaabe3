"""DICOM files in every transfer syntax, each written by pydicom with an encoder of its own."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import gdcm
import numpy as np
import numpy.typing as npt
import openjpeg
import pytest
from PIL import Image
from pydicom import Dataset, dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    JPEG2000,
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
    SecondaryCaptureImageStorage,
)

Values = npt.NDArray[np.integer[Any]]
Encoder = Callable[[Dataset, Values, Path], Dataset]
NEAR = 2  # by which near-lossless values may differ


def _plain(syntax: UID) -> Encoder:
    def encode(dataset: Dataset, values: Values, folder: Path) -> Dataset:
        del folder
        dataset.file_meta.TransferSyntaxUID = syntax
        ordered = values if syntax.is_little_endian else values.astype(values.dtype.newbyteorder(">"))
        dataset.PixelData = ordered.tobytes()
        dataset["PixelData"].VR = "OB" if values.dtype.itemsize == 1 else "OW"
        return dataset

    return encode


def _compressed(syntax: UID, **options: Any) -> Encoder:
    """By pydicom's own `compress`."""

    def encode(dataset: Dataset, values: Values, folder: Path) -> Dataset:
        plain = _plain(ExplicitVRLittleEndian)(dataset, values, folder)
        plain.compress(syntax, generate_instance_uid=False, **options)
        return plain

    return encode


def _encapsulated(syntax: UID, stream: Callable[[Values, Dataset], bytes]) -> Encoder:
    def encode(dataset: Dataset, values: Values, folder: Path) -> Dataset:
        del folder
        dataset.file_meta.TransferSyntaxUID = syntax
        dataset.PixelData = encapsulate([stream(values, dataset)])
        dataset["PixelData"].VR = "OB"
        return dataset

    return encode


def _pillow_jpeg(values: Values, dataset: Dataset) -> bytes:
    """Baseline; its samples have no sign, and signed values are these samples' bits."""
    assert dataset.BitsStored == 8, "baseline has 8 bits"
    if values.ndim == 3:
        dataset.PhotometricInterpretation = "YBR_FULL"
    buffer = io.BytesIO()
    Image.fromarray(values.view(np.uint8)).save(buffer, "JPEG", quality=100, subsampling=0)
    return buffer.getvalue()


def _j2k(**options: Any) -> Callable[[Values, Dataset], bytes]:
    def stream(values: Values, dataset: Dataset) -> bytes:
        return bytes(openjpeg.utils.encode(values, bits_stored=dataset.BitsStored, **options))

    return stream


def _changed_by_gdcm(name: str) -> Encoder:
    def encode(dataset: Dataset, values: Values, folder: Path) -> Dataset:
        before, after = folder / "before.dcm", folder / "after.dcm"
        before.write_bytes(written(_plain(ExplicitVRLittleEndian)(dataset, values, folder)))
        reader = gdcm.ImageReader()
        reader.SetFileName(str(before))
        assert reader.Read(), "GDCM reads what pydicom wrote"
        change = gdcm.ImageChangeTransferSyntax()
        change.SetTransferSyntax(gdcm.TransferSyntax(getattr(gdcm.TransferSyntax, name)))
        change.SetInput(reader.GetImage())
        assert change.Change(), "GDCM has this encoder"
        writer = gdcm.ImageWriter()
        writer.SetFileName(str(after))
        writer.SetFile(reader.GetFile())
        writer.SetImage(change.GetOutput())
        assert writer.Write(), "GDCM writes what it changed"
        return dcmread(io.BytesIO(after.read_bytes()))

    return encode


ENCODERS: Mapping[UID, Encoder] = {
    ImplicitVRLittleEndian: _plain(ImplicitVRLittleEndian),
    ExplicitVRLittleEndian: _plain(ExplicitVRLittleEndian),
    ExplicitVRBigEndian: _plain(ExplicitVRBigEndian),
    DeflatedExplicitVRLittleEndian: _plain(DeflatedExplicitVRLittleEndian),
    RLELossless: _compressed(RLELossless, encoding_plugin="pydicom"),  # GDCM aborts on some sizes
    JPEGBaseline8Bit: _encapsulated(JPEGBaseline8Bit, _pillow_jpeg),
    JPEGExtended12Bit: _changed_by_gdcm("JPEGExtendedProcess2_4"),
    JPEGLossless: _changed_by_gdcm("JPEGLosslessProcess14"),
    JPEGLosslessSV1: _changed_by_gdcm("JPEGLosslessProcess14_1"),
    JPEGLSLossless: _compressed(JPEGLSLossless),
    JPEGLSNearLossless: _compressed(JPEGLSNearLossless, jls_error=NEAR),
    JPEG2000Lossless: _encapsulated(JPEG2000Lossless, _j2k()),
    JPEG2000: _encapsulated(JPEG2000, _j2k(compression_ratios=[3])),
}


def written(dataset: Dataset) -> bytes:
    """The dataset as a file's bytes."""
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


@pytest.fixture
def encoded(tmp_path: Path) -> Callable[..., bytes]:
    """A file's bytes: values (H, W) or, in colour, (H, W, 3), their bits, a syntax, and more attributes."""

    def encode(values: Values, bits: int, syntax: UID, **attributes: Any) -> bytes:
        dataset = Dataset()
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
        dataset.file_meta.MediaStorageSOPInstanceUID = UID("1.2.3.4")
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset.SOPClassUID = SecondaryCaptureImageStorage
        dataset.SOPInstanceUID = UID("1.2.3.4")
        dataset.Rows, dataset.Columns = values.shape[:2]
        dataset.SamplesPerPixel = 3 if values.ndim == 3 else 1
        dataset.PhotometricInterpretation = "RGB" if values.ndim == 3 else "MONOCHROME2"
        if values.ndim == 3:
            dataset.PlanarConfiguration = 0
        dataset.BitsAllocated = 8 * values.dtype.itemsize
        dataset.BitsStored, dataset.HighBit = bits, bits - 1
        dataset.PixelRepresentation = int(np.issubdtype(values.dtype, np.signedinteger))
        for name, value in attributes.items():
            setattr(dataset, name, value)
        return written(ENCODERS[syntax](dataset, values, tmp_path))

    return encode
