"""Colour, the patient, and files that cannot be shown: each a named problem."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset, dcmread
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import (
    UID,
    ExplicitVRLittleEndian,
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
from wsmis_core.errors import DataError

Writer = Callable[..., Path]
Encode = Callable[..., bytes]
RAMP = np.array([[0, 100], [200, 255]], dtype=np.uint8)
FILM = (np.arange(32 * 48) // 6).astype(np.uint8).reshape(32, 48)
COMPRESSED = [
    RLELossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    JPEG2000Lossless,
]


def refusal(data: bytes) -> DataError:
    """What is said of a file that cannot be shown."""
    with pytest.raises(DataError) as caught:
        decode_image(data, name="a.dcm")
    assert caught.value.field == "a.dcm"
    assert caught.value.remedy
    assert "\n" not in caught.value.message
    return caught.value


def changed(data: bytes, change: Callable[[Dataset], None]) -> bytes:
    """A file after a change of its data set."""
    dataset = dcmread(io.BytesIO(data))
    change(dataset)
    buffer = io.BytesIO()
    dataset.save_as(buffer)
    return buffer.getvalue()


def with_value(name: str, value: object) -> Callable[[Dataset], None]:
    return lambda dataset: setattr(dataset, name, value)


def without(name: str) -> Callable[[Dataset], None]:
    return lambda dataset: delattr(dataset, name)


def test_colour(tmp_path: Path, write_dicom: Writer) -> None:
    values = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    np.testing.assert_array_equal(read_image(write_dicom(tmp_path / "a.dcm", values)), values)


def test_colour_of_more_bits_is_stretched_as_grey_is(tmp_path: Path, write_dicom: Writer) -> None:
    values = np.array([[[1000, 2000, 3000], [1500, 1500, 1500]]], dtype=np.uint16)
    path = write_dicom(tmp_path / "a.dcm", values, BitsStored=12, HighBit=11)
    np.testing.assert_array_equal(read_image(path), [[[0, 128, 255], [64, 64, 64]]])


def test_colour_of_8_bits_in_words_stays_as_it_is(tmp_path: Path, write_dicom: Writer) -> None:
    values = np.arange(12, dtype=np.uint16).reshape(2, 2, 3)
    path = write_dicom(tmp_path / "a.dcm", values, BitsStored=8, HighBit=7)
    np.testing.assert_array_equal(read_image(path), values)


def test_colours_of_a_palette_are_not_stretched(tmp_path: Path, write_dicom: Writer) -> None:
    palette = {
        f"{colour}PaletteColorLookupTable{part}": value
        for colour, entries in (("Red", [0, 25700]), ("Green", [257, 0]), ("Blue", [0, 51400]))
        for part, value in (
            ("Descriptor", [2, 0, 16]),
            ("Data", np.array(entries, dtype="<u2").tobytes()),
        )
    }
    indices = np.array([[0, 1]], dtype=np.uint8)
    path = write_dicom(tmp_path / "a.dcm", indices, PhotometricInterpretation="PALETTE COLOR", **palette)
    np.testing.assert_array_equal(read_image(path), [[[0, 1, 0], [100, 0, 200]]])


def test_the_patient_is_read(tmp_path: Path, write_dicom: Writer) -> None:
    path = write_dicom(tmp_path / "a.dcm", RAMP, PatientID=" P7 ")
    assert decode_image(path.read_bytes(), name="a").patient == "P7"
    path = write_dicom(tmp_path / "b.dcm", RAMP, PatientID="")
    assert decode_image(path.read_bytes(), name="b").patient is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (with_value("NumberOfFrames", 3), "holds 3 frames"),
        (without("PixelData"), "holds no pixels"),
        (with_value("PixelData", b""), "holds no pixels"),
        (with_value("PixelData", bytes(1534)), "1534 bytes of pixels, and its 48 x 32 pixels take 1536"),
        (with_value("PixelData", bytes(2000)), "holds 2000 bytes of pixels"),
        (with_value("Rows", 0), "48 x 0 pixels take 0"),
        (with_value("Rows", 64), "48 x 64 pixels take 3072"),
        (with_value("Rows", 16), "48 x 16 pixels take 768"),
        (with_value("BitsAllocated", 16), "48 x 32 pixels take 3072"),
        (with_value("BitsAllocated", 7), "48 x 32 pixels take 0"),
        (with_value("SamplesPerPixel", 2), "48 x 32 pixels take 3072"),
        (without("Columns"), "the header of this DICOM file lacks Columns"),
        (without("PixelRepresentation"), "the header of this DICOM file lacks PixelRepresentation"),
    ],
)
def test_a_header_that_does_not_fit_its_pixels(
    encoded: Encode, change: Callable[[Dataset], None], said: str
) -> None:
    assert said in refusal(changed(encoded(FILM, 8, ExplicitVRLittleEndian), change)).message


def test_no_transfer_syntax(encoded: Encode) -> None:
    data = encoded(FILM, 8, ExplicitVRLittleEndian)
    uid = f"{ExplicitVRLittleEndian}\0".encode()  # of even length
    element = b"\x02\x00\x10\x00UI" + len(uid).to_bytes(2, "little") + uid
    assert data.count(element) == 1
    assert "does not say how its pixels are stored" in refusal(data.replace(element, b"")).message


def test_what_fills_the_pixels_up_is_left_out(encoded: Encode) -> None:
    fill = with_value("PixelData", FILM.tobytes() + bytes(100))
    padded = changed(encoded(FILM, 8, ExplicitVRLittleEndian), fill)
    np.testing.assert_array_equal(decode_image(padded, name="a").pixels, FILM)


@pytest.mark.parametrize("kept", [132, 140, 300, -2])
def test_a_file_that_was_cut_off(encoded: Encode, kept: int) -> None:
    refusal(encoded(FILM, 8, ExplicitVRLittleEndian)[:kept])


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9])
@pytest.mark.parametrize("syntax", COMPRESSED, ids=lambda syntax: syntax.name)
def test_a_compressed_stream_that_was_cut_off(encoded: Encode, syntax: UID, share: float) -> None:
    def cut(dataset: Dataset) -> None:
        stream = next(generate_frames(dataset.PixelData, number_of_frames=1))
        dataset.PixelData = encapsulate([stream[: int(share * len(stream))] + b"\0"])

    refusal(changed(encoded(FILM, 8, syntax), cut))


@pytest.mark.parametrize("rows", [16, 64])
@pytest.mark.parametrize("syntax", COMPRESSED, ids=lambda syntax: syntax.name)
def test_a_compressed_stream_of_another_size(encoded: Encode, syntax: UID, rows: int) -> None:
    refusal(changed(encoded(FILM, 8, syntax), with_value("Rows", rows)))


def test_a_compression_that_nobody_decodes(tmp_path: Path, write_dicom: Writer) -> None:
    path = write_dicom(tmp_path / "a.dcm", RAMP, jpeg=True)
    dataset = dcmread(path)
    dataset.file_meta.TransferSyntaxUID = UID("1.2.840.10008.1.2.4.100")  # MPEG2
    dataset.save_as(path)
    with pytest.raises(DataError, match="MPEG2"):
        read_image(path)


def test_a_stream_of_another_compression(encoded: Encode) -> None:
    data = encoded(FILM, 8, JPEGLSLossless)
    other = data.replace(str(JPEGLSLossless).encode(), str(JPEGBaseline8Bit).encode())
    assert "pillow: cannot identify image file" in refusal(other).message
