"""Heads of streams that encoders wrote, and of some that are wrong."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread
from pydicom.encaps import generate_frames
from pydicom.uid import (
    JPEG2000,
    UID,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
)

from wsmis_core.data.dicom.stream_head import stream_head
from wsmis_core.errors import DataError

Encode = Callable[..., bytes]
END_OF_IMAGE = b"\xff\xd9"
BITS = {
    JPEGBaseline8Bit: 8,
    JPEGExtended12Bit: 16,  # by GDCM, of 10 and more
    JPEGLossless: 16,
    JPEGLosslessSV1: 16,
    JPEGLSLossless: 12,
    JPEGLSNearLossless: 12,
    JPEG2000Lossless: 12,
    JPEG2000: 12,
}


def jpeg(size: tuple[int, int], **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.new("L", size).save(buffer, "JPEG", **options)
    return buffer.getvalue()


@pytest.mark.parametrize("syntax", BITS, ids=lambda syntax: syntax.name)
def test_the_head_of_each_compression(encoded: Encode, syntax: UID) -> None:
    bits = min(BITS[syntax], 12)
    values = np.arange(32 * 48).reshape(32, 48) % 2**bits
    data = encoded(values.astype(np.uint8 if bits == 8 else np.uint16), bits, syntax)
    stream = next(generate_frames(dcmread(io.BytesIO(data)).PixelData, number_of_frames=1))
    head = stream_head(stream)
    assert (head.rows, head.columns, head.precision) == (32, 48, BITS[syntax])
    assert 0 < head.coded_at < stream.find(END_OF_IMAGE)
    assert stream_head(b"a file format" + stream).rows == 32


def test_a_picture_within_the_head_is_passed_over() -> None:
    exif = Image.Exif()
    exif[0x10E] = jpeg((8, 8))
    data = jpeg((48, 32), exif=exif, progressive=True)
    head = stream_head(data)
    assert (head.rows, head.columns, head.precision) == (32, 48, 8)
    assert data.find(END_OF_IMAGE) < head.coded_at < data.rfind(END_OF_IMAGE)


def test_fill_bytes_before_a_marker() -> None:
    data = jpeg((48, 32))
    assert stream_head(data[:2] + b"\xff\xff" + data[2:]).coded_at == stream_head(data).coded_at + 2


@pytest.mark.parametrize("kept", [0, 1, 2, 3, 20, 100, 200])
def test_a_head_that_is_not_whole(kept: int) -> None:
    data = jpeg((48, 32))
    assert stream_head(data).coded_at > kept
    with pytest.raises(DataError, match="no head, or is cut off in it"):
        stream_head(data[:kept])


@pytest.mark.parametrize(
    "data",
    [
        bytes(100),
        b"\xff\xd8" + bytes(100),
        b"\xff\xd8\xff\xda\0\2",  # no size
        b"\xff\xd8\xff\xe0\0\0\xff\xda",  # a length that is too small
        b"\xff\xd8\xff\xc0\0\3\1\xff\xda",  # no room for a size
        b"\xff\x4f\xff\x51\0\x0a" + bytes(8) + b"\xff\x90",
    ],
)
def test_no_head(data: bytes) -> None:
    with pytest.raises(DataError, match="no head, or is cut off in it"):
        stream_head(data)
