"""Colour, the patient, and files that cannot be shown: each a named problem."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import Dataset, dcmread
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
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
from wsmis_core.data.dicom import inflation
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
STREAMS = [syntax for syntax in COMPRESSED if syntax != RLELossless]
DEEP = [syntax for syntax in STREAMS if syntax != JPEGBaseline8Bit]


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


def palette(descriptor: list[int], red: bytes, green: bytes, blue: bytes) -> dict[str, Any]:
    return {
        "PhotometricInterpretation": "PALETTE COLOR",
        **{
            f"{colour}PaletteColorLookupTable{part}": value
            for colour, entries in (("Red", red), ("Green", green), ("Blue", blue))
            for part, value in (("Descriptor", descriptor), ("Data", entries))
        },
    }


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ExplicitVRBigEndian])
def test_colours_of_a_palette_are_not_stretched(encoded: Encode, syntax: UID) -> None:
    order = "<u2" if syntax.is_little_endian else ">u2"
    entries = [np.array(words, dtype=order).tobytes() for words in ([0, 25800], [300, 0], [0, 51300])]
    indices = np.array([[0, 1]], dtype=np.uint8)
    data = encoded(indices, 8, syntax, **palette([2, 0, 16], *entries))
    np.testing.assert_array_equal(decode_image(data, name="a").pixels, [[[0, 1, 0], [100, 0, 200]]])


def test_a_palette_of_bytes_for_indices_of_words(tmp_path: Path, write_dicom: Writer) -> None:
    colours = palette([3, 300, 8], b"\1\2\3\0", b"\4\5\6\0", b"\7\x08\x09\0")
    path = write_dicom(tmp_path / "a.dcm", np.array([[0, 301, 999]], dtype=np.uint16), **colours)
    np.testing.assert_array_equal(read_image(path), [[[1, 4, 7], [2, 5, 8], [3, 6, 9]]])


def test_a_palette_in_segments(tmp_path: Path, write_dicom: Writer) -> None:
    segments = {
        name.replace("Red", "SegmentedRed")
        .replace("Green", "SegmentedGreen")
        .replace("Blue", "SegmentedBlue")
        if name.endswith("Data")
        else name: value
        for name, value in palette([2, 0, 8], b"\0\2\1\2", b"\0\2\3\4", b"\0\2\5\6").items()
    }
    path = write_dicom(tmp_path / "a.dcm", np.array([[0, 1]], dtype=np.uint8), **segments)
    np.testing.assert_array_equal(read_image(path), [[[1, 3, 5], [2, 4, 6]]])


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
        (with_value("BitsStored", 12), "HighBit 7 and BitsStored 12, and HighBit 11 is wanted"),
        (with_value("HighBit", 11), "HighBit 11 and BitsStored 8, and HighBit 7 is wanted"),
        (with_value("SamplesPerPixel", 2), "SamplesPerPixel 2 and PhotometricInterpretation 'MONOCHROME2'"),
        (with_value("SamplesPerPixel", 3), "SamplesPerPixel 3 and PhotometricInterpretation 'MONOCHROME2'"),
        (with_value("PhotometricInterpretation", "RGB"), "PhotometricInterpretation 'RGB', which cannot be"),
        (with_value("PhotometricInterpretation", "HSV"), "PhotometricInterpretation 'HSV', which cannot be"),
        (without("Columns"), "the header of this DICOM file lacks Columns"),
        (without("PixelRepresentation"), "the header of this DICOM file lacks PixelRepresentation"),
    ],
)
def test_a_header_that_does_not_fit_its_pixels(
    encoded: Encode, change: Callable[[Dataset], None], said: str
) -> None:
    assert said in refusal(changed(encoded(FILM, 8, ExplicitVRLittleEndian), change)).message


@pytest.mark.parametrize(
    "photometric", ["HSV", "CMYK", "YBR_PARTIAL_422", "YBR_ICT", "YBR_RCT", "MONOCHROME1"]
)
def test_colours_that_cannot_be_shown(tmp_path: Path, write_dicom: Writer, photometric: str) -> None:
    values = np.zeros((2, 2, 3), dtype=np.uint8)
    path = write_dicom(tmp_path / "a.dcm", values, PhotometricInterpretation=photometric)
    assert f"SamplesPerPixel 3 and PhotometricInterpretation '{photometric}'" in str(
        refusal(path.read_bytes())
    )


def test_a_header_without_high_bit(encoded: Encode) -> None:
    data = changed(encoded(FILM, 8, ExplicitVRLittleEndian), without("HighBit"))
    np.testing.assert_array_equal(decode_image(data, name="a").pixels, FILM)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, RLELossless, JPEG2000Lossless])
def test_too_many_pixels(encoded: Encode, syntax: UID) -> None:
    def grow(dataset: Dataset) -> None:
        dataset.Rows = dataset.Columns = 65535

    message = refusal(changed(encoded(FILM, 8, syntax), grow)).message
    assert "65535 x 65535 pixels, and at most 89478485 are read" in message


def test_more_pixels_than_runs_could_make(encoded: Encode) -> None:
    def grow(dataset: Dataset) -> None:
        dataset.Rows = dataset.Columns = 9000

    message = refusal(changed(encoded(FILM, 8, RLELossless), grow)).message
    assert re.search(r"holds \d+ bytes of pixels, and its 9000 x 9000 pixels take 81000000", message)


def test_runs_as_long_as_they_can_be(encoded: Encode) -> None:
    black = np.zeros((1024, 1024), dtype=np.uint8)
    np.testing.assert_array_equal(decode_image(encoded(black, 8, RLELossless), name="a").pixels, black)


def test_a_deflated_file_that_would_not_end(encoded: Encode, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = np.zeros((1024, 1024), dtype=np.uint8)
    data = encoded(plain, 8, DeflatedExplicitVRLittleEndian)
    np.testing.assert_array_equal(decode_image(data, name="a").pixels, plain)
    monkeypatch.setattr(inflation, "MOST_INFLATED", 2**20)
    assert "deflated, and more than 1048576 bytes large when it is not" in refusal(data).message
    uid = str(DeflatedExplicitVRLittleEndian)
    data = encoded(plain, 8, ExplicitVRLittleEndian, PatientComments=uid)
    np.testing.assert_array_equal(decode_image(data, name="a").pixels, plain)


@pytest.mark.parametrize("syntax", DEEP, ids=lambda syntax: syntax.name)
def test_a_compressed_stream_of_more_bits_than_the_header_has_room_for(encoded: Encode, syntax: UID) -> None:
    def flatten(dataset: Dataset) -> None:
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 8, 8, 7

    message = refusal(changed(encoded(16 * FILM.astype(np.uint16), 12, syntax), flatten)).message
    assert re.search(r"have 1[26] bits, and its header says BitsAllocated 8", message)


@pytest.mark.parametrize("syntax", [JPEGExtended12Bit, JPEGLossless, JPEGLosslessSV1, JPEGLSLossless])
def test_a_stream_that_was_cut_off_behind_a_picture_in_its_head(encoded: Encode, syntax: UID) -> None:
    note = b"\xff\xd8 a small picture \xff\xd9"
    segment = b"\xff\xe0" + (len(note) + 2).to_bytes(2) + note

    def cut(dataset: Dataset) -> None:
        stream = next(generate_frames(dataset.PixelData, number_of_frames=1))
        dataset.PixelData = encapsulate([stream[:2] + segment + stream[2 : len(stream) // 2]])

    assert "it is cut off" in refusal(changed(encoded(FILM, 8, syntax), cut)).message


@pytest.mark.parametrize("syntax", STREAMS, ids=lambda syntax: syntax.name)
def test_a_compressed_stream_of_another_shape(encoded: Encode, syntax: UID) -> None:
    def turn(dataset: Dataset) -> None:
        dataset.Rows, dataset.Columns = dataset.Columns, dataset.Rows

    message = refusal(changed(encoded(FILM, 8, syntax), turn)).message
    assert "its compressed picture is 32 x 48, and its header says 48 rows and 32 columns" in message


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
