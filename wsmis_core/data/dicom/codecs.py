"""Which codec reads which transfer syntax.

Pillow and pydicom's own run-length decoder run here: they are sound on damaged files. The others run in
processes of their own. pydicom alone would try GDCM first, here.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom import Dataset
from pydicom.encaps import generate_frames
from pydicom.pixels.common import PhotometricInterpretation
from pydicom.pixels.decoders.base import Decoder, DecodeRunner
from pydicom.pixels.utils import as_pixel_options, pixel_array
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from wsmis_core.data.dicom.codec_process import decoded_apart
from wsmis_core.data.dicom.stream_head import stream_head
from wsmis_core.errors import DataError

__all__ = ["stored_values"]

# Where the pixels are not compressed.
NATIVE = (ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian)
# pydicom's plugins by transfer syntax.
HERE: Mapping[UID, str] = {RLELossless: "pydicom", JPEGBaseline8Bit: "pillow"}
# Codecs of codec_program, which are also the names of their modules.
APART: Mapping[UID, str] = {
    JPEGExtended12Bit: "gdcm",
    JPEGLossless: "gdcm",
    JPEGLosslessSV1: "gdcm",
    JPEGLSLossless: "jpeg_ls",
    JPEGLSNearLossless: "jpeg_ls",
    JPEG2000Lossless: "openjpeg",
    JPEG2000: "openjpeg",
    HTJ2KLossless: "openjpeg",
    HTJ2KLosslessRPCL: "openjpeg",
    HTJ2K: "openjpeg",
}
DISTRIBUTIONS: Mapping[str, str] = {
    "gdcm": "python-gdcm",
    "jpeg_ls": "pyjpegls",
    "openjpeg": "pylibjpeg-openjpeg",
}
# Ends the streams of all these codecs, in whose coded data no 255 is followed by as much. Of what is cut off
# some make a part of the picture, and others never come to an end.
END_OF_IMAGE = b"\xff\xd9"

# What pydicom asks of a module of plugins.
DECODER_DEPENDENCIES = {syntax: (DISTRIBUTIONS[codec],) for syntax, codec in APART.items()}

Values = npt.NDArray[np.integer[Any] | np.floating[Any]]


def stored_values(dataset: Dataset) -> Values:
    """The pixels as they are stored, (H, W) or in colour (H, W, 3); YBR comes out as RGB.

    Raises DataError for a compression that is not known or whose codec is not installed, for a stream that
    its file's header does not fit, and whatever pydicom and the codecs raise for what is broken.
    """
    syntax = dataset.file_meta.TransferSyntaxUID
    if syntax in NATIVE:
        return pixel_array(dataset)
    if syntax not in HERE and syntax not in APART:
        raise DataError(
            f"its compression, {syntax.name} ({syntax}), is not supported.",
            remedy="Convert it to JPEG 2000 or Explicit VR Little Endian.",
        )
    if not is_available(syntax):
        raise DataError(
            f"there is no decoder for {syntax.name} ({syntax}): {DISTRIBUTIONS[APART[syntax]]} is missing.",
            remedy="Install the codecs: pip install 'wsmis[codecs]'.",
        )
    if syntax != RLELossless:
        _check_stream(dataset)
    # Codecs give a pixel's samples one after the other, whatever the header says, or tell that they do not.
    if syntax in HERE:
        return pixel_array(dataset, decoding_plugin=HERE[syntax], planar_configuration=0)
    decoder = Decoder(syntax)
    decoder.add_plugin(APART[syntax], (__name__, "frame_apart"))
    options = as_pixel_options(dataset, planar_configuration=0)
    values: Values = decoder.as_array(dataset, validate=True, raw=False, **options)[0]
    return values


def _check_stream(dataset: Dataset) -> None:
    """Raise DataError where the stream is cut off, or its picture is not the one of the file's header."""
    data = next(generate_frames(dataset.PixelData, number_of_frames=1))
    head = stream_head(data)
    if (head.rows, head.columns) != (dataset.Rows, dataset.Columns):
        raise DataError(
            f"its compressed picture is {head.rows} x {head.columns}, and its header says "
            f"{dataset.Rows} rows and {dataset.Columns} columns.",
            remedy="Export it again.",
        )
    if head.precision > dataset.BitsAllocated:
        raise DataError(
            f"its compressed values have {head.precision} bits, and its header says BitsAllocated "
            f"{dataset.BitsAllocated}.",
            remedy="Export it again.",
        )
    # Pillow makes do without the end, where no pixel is missing.
    if dataset.file_meta.TransferSyntaxUID in APART and data.find(END_OF_IMAGE, head.coded_at) < 0:
        raise DataError("it is cut off: the end of its image is not there.", remedy="Export it again.")


def is_available(syntax: UID) -> bool:
    """Whether the codec of a transfer syntax is installed, as pydicom asks of a module of plugins."""
    return syntax in HERE or importlib.util.find_spec(APART[syntax]) is not None


def frame_apart(data: bytes, runner: DecodeRunner) -> bytes:
    """A frame's pixels, as pydicom asks of a plugin: ``runner`` says what is wanted and is told what came."""
    codec = APART[runner.transfer_syntax]
    pixels, said = decoded_apart(
        data,
        {
            "codec": codec,
            "transfer_syntax": str(runner.transfer_syntax),
            "rows": runner.rows,
            "columns": runner.columns,
            "samples": runner.samples_per_pixel,
            "photometric_interpretation": str(runner.photometric_interpretation),
            "planar_configuration": runner.planar_configuration,
            "bits_allocated": runner.bits_allocated,
            "bits_stored": runner.bits_stored,
            "pixel_representation": runner.pixel_representation,
        },
    )
    if "precision" in said:  # the codec's own bits a sample decide how wide its samples are
        runner.set_option("bits_allocated", 8 if said["precision"] <= 8 else 16)
    if "by_plane" in said:
        runner.set_option("planar_configuration", int(said["by_plane"]))
    transformed = (PhotometricInterpretation.YBR_ICT, PhotometricInterpretation.YBR_RCT)
    if codec == "openjpeg" and runner.photometric_interpretation in transformed:
        runner.set_option("photometric_interpretation", PhotometricInterpretation.RGB)
    return pixels
