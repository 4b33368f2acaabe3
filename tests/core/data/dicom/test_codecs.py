"""Every transfer syntax at every depth: what comes out is what was put in."""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pydicom
import pytest
from pydicom import dcmread
from pydicom.pixels.utils import pixel_array
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
)

from wsmis_core.data import decode_image, read_image
from wsmis_core.data.dicom.codecs import APART, HERE, NATIVE, stored_values
from wsmis_core.errors import DataError

Encode = Callable[..., bytes]
Values = npt.NDArray[np.integer[Any]]
SHIPPED = Path(pydicom.__file__).parent / "data" / "test_files"

# By how much a value may differ: nothing where nothing is lost.
TOLERANCES: dict[UID, int] = {
    ImplicitVRLittleEndian: 0,
    ExplicitVRLittleEndian: 0,
    ExplicitVRBigEndian: 0,
    DeflatedExplicitVRLittleEndian: 0,
    RLELossless: 0,
    JPEGBaseline8Bit: 2,
    JPEGExtended12Bit: 2,
    JPEGLossless: 0,
    JPEGLosslessSV1: 0,
    JPEGLSLossless: 0,
    JPEGLSNearLossless: 2,
    JPEG2000Lossless: 0,
    JPEG2000: 4,
}
DEPTHS = [(8, False), (8, True), (10, False), (12, False), (12, True), (16, False), (16, True)]
MOST_BITS = {JPEGBaseline8Bit: 8, JPEGExtended12Bit: 12}  # of the others 16
CASES = [
    pytest.param(syntax, bits, signed, id=f"{syntax.name}-{bits}{'s' if signed else 'u'}")
    for syntax in TOLERANCES
    for bits, signed in DEPTHS
    if bits <= MOST_BITS.get(syntax, 16)
]

COLOUR = [
    RLELossless,
    JPEGBaseline8Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    JPEG2000Lossless,
    JPEG2000,
]


def ramp(bits: int, *, signed: bool, whole: bool = True) -> Values:
    """32 x 48 values that rise over all that there are; else over the upper half of these, less its edges."""
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    if not whole:
        low, high = (low + high) // 2 + 8, high - 8
    values = np.linspace(low, high, 32 * 48).round().reshape(32, 48)
    return values.astype(f"{'i' if signed else 'u'}{1 if bits == 8 else 2}")


@pytest.mark.parametrize(("syntax", "bits", "signed"), CASES)
def test_stored_values_come_back(encoded: Encode, syntax: UID, bits: int, signed: bool) -> None:
    # Signed values are coded as their bits, where -1 lies beside the largest: what is lossy may jump there.
    values = ramp(bits, signed=signed, whole=TOLERANCES[syntax] == 0 or not signed)
    data = encoded(values, bits, syntax)
    dataset = dcmread(io.BytesIO(data))
    assert dataset.file_meta.TransferSyntaxUID == syntax
    stored = stored_values(dataset)
    assert stored.shape == values.shape
    assert np.abs(stored.astype(np.int64) - values).max() <= TOLERANCES[syntax]


@pytest.mark.parametrize("syntax", TOLERANCES, ids=lambda syntax: syntax.name)
def test_windowed_and_turned_round_all_look_the_same(encoded: Encode, syntax: UID) -> None:
    bits = 8 if syntax == JPEGBaseline8Bit else 12
    values = ramp(bits, signed=False)
    centre, width = 2 ** (bits - 1), 2 ** (bits - 1)
    seen = {
        "PhotometricInterpretation": "MONOCHROME1",
        "RescaleSlope": "2",
        "RescaleIntercept": "-100",
        "WindowCenter": str(2 * centre - 100),
        "WindowWidth": str(2 * width),
    }
    shown = decode_image(encoded(values, bits, syntax, **seen), name="a").pixels
    plain = decode_image(encoded(values, bits, ExplicitVRLittleEndian, **seen), name="b").pixels
    assert (plain.min(), plain.max()) == (0, 255)
    assert plain[0, 0] == 255
    assert np.abs(shown.astype(int) - plain).max() <= (5 if TOLERANCES[syntax] else 0)


@pytest.mark.parametrize("planar", [0, 1])
@pytest.mark.parametrize("syntax", COLOUR, ids=lambda syntax: syntax.name)
def test_colour_whatever_the_header_says_of_its_planes(encoded: Encode, syntax: UID, planar: int) -> None:
    """Compressed streams have one order of their own."""
    values = np.zeros((32, 48, 3), dtype=np.uint8)
    values[:16, :, 0], values[16:, :, 2] = 255, 255
    dataset = dcmread(io.BytesIO(encoded(values, 8, syntax)))
    dataset.PlanarConfiguration = planar
    assert np.abs(stored_values(dataset).astype(int) - values).max() <= TOLERANCES[syntax]


@pytest.mark.parametrize(
    "name",
    [
        "MR_small_RLE",
        "MR_small_bigendian",
        "MR_small_expb",
        "MR_small_implicit",
        "MR_small_jp2klossless",
        "MR_small_jpeg_ls_lossless",
        "MR_small_padded",
    ],
)
def test_files_that_pydicom_ships_in_many_syntaxes(name: str) -> None:
    expected = read_image(SHIPPED / "MR_small.dcm")
    np.testing.assert_array_equal(read_image(SHIPPED / f"{name}.dcm"), expected)


def test_a_shipped_jpeg_of_12_bits() -> None:
    values = stored_values(dcmread(SHIPPED / "JPGExtended.dcm"))
    # As pydicom's own tests have it from another decoder.
    assert (values[420, 140], values[230, 120]) == (244, 95)


@pytest.mark.parametrize(
    "name",
    ["JPEGLSNearLossless_08", "JPEGLSNearLossless_16", "693_J2KI", "JPEG2000", "J2K_pixelrep_mismatch"],
)
def test_shipped_files_as_another_decoder_reads_them(name: str) -> None:
    dataset = dcmread(SHIPPED / f"{name}.dcm")
    np.testing.assert_array_equal(stored_values(dataset), pixel_array(dataset, decoding_plugin="gdcm"))


@pytest.mark.parametrize(
    "name", ["SC_rgb_rle", "SC_rgb_jpeg_gdcm", "SC_rgb_dcmtk_+eb+cy+n2", "SC_rgb_jls_lossy_line"]
)
def test_shipped_colour_files(name: str) -> None:
    """A column of blocks of red, green, blue and so on, as pydicom's test files hold it."""
    pixels = read_image(SHIPPED / f"{name}.dcm").astype(int)
    assert np.abs(pixels[5, 50] - [255, 0, 0]).max() <= 8
    assert np.abs(pixels[25, 50] - [0, 255, 0]).max() <= 8
    assert np.abs(pixels[45, 50] - [0, 0, 255]).max() <= 8


@pytest.mark.parametrize("syntax", APART, ids=lambda syntax: syntax.name)
def test_a_missing_codec_is_named(encoded: Encode, monkeypatch: pytest.MonkeyPatch, syntax: UID) -> None:
    dataset = dcmread(io.BytesIO(encoded(ramp(8, signed=False), 8, JPEGLSLossless)))
    dataset.file_meta.TransferSyntaxUID = syntax
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)  # noqa: ARG005 - as it is called
    with pytest.raises(DataError, match="there is no decoder for") as caught:
        stored_values(dataset)
    assert "codecs" in str(caught.value.remedy)


def test_each_syntax_has_one_codec() -> None:
    syntaxes = [*NATIVE, *HERE, *APART]
    assert len(syntaxes) == len(set(syntaxes))
    assert TOLERANCES.keys() <= set(syntaxes)
