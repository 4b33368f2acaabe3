from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from wsmis_core.data import decode_image, read_image
from wsmis_core.errors import DataError


def _encoded(image: Image.Image, kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


def _png_of_grey_with_alpha(values: npt.NDArray[np.uint16]) -> bytes:
    """Of big-endian values (H, W, 2); no library here writes these."""
    height, width = values.shape[:2]
    lines = b"".join(b"\0" + line.tobytes() for line in values)  # 0: unfiltered
    header = struct.pack(">IIBBBBB", width, height, 16, 4, 0, 0, 0)
    return _chunks((b"IHDR", header), (b"IDAT", zlib.compress(lines)), (b"IEND", b""))


def _chunks(*chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG of named chunks, whatever sense they make."""
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(held)) + name + held + struct.pack(">I", zlib.crc32(name + held))
        for name, held in chunks
    )


def test_grey_png() -> None:
    grey = np.arange(12, dtype=np.uint8).reshape(3, 4)
    np.testing.assert_array_equal(decode_image(_encoded(Image.fromarray(grey)), name="a").pixels, grey)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
def test_colour_png_is_rgb(mode: str) -> None:
    image = Image.new("RGB", (4, 3), (255, 0, 51)).convert(mode)
    pixels = decode_image(_encoded(image), name="a").pixels
    assert pixels.shape == (3, 4, 3)
    assert pixels[0, 0].tolist() == [255, 0, 51]


@pytest.mark.parametrize("mode", ["1", "LA"])
def test_grey_with_less_or_more_is_grey(mode: str) -> None:
    assert decode_image(_encoded(Image.new(mode, (4, 3))), name="a").pixels.shape == (3, 4)


def test_16_bit_png_is_stretched() -> None:
    values = np.array([[1000, 2000], [3000, 1500]], dtype=np.uint16)
    pixels = decode_image(_encoded(Image.fromarray(values)), name="a").pixels
    np.testing.assert_array_equal(pixels, [[0, 128], [255, 64]])


@pytest.mark.parametrize("alpha", [None, 40000])
def test_16_bit_colour_is_stretched_as_grey_is(alpha: int | None) -> None:
    rgb = np.array([[[1000, 2000, 3000], [1500, 1500, 1500]]], dtype=np.uint16)
    stored = rgb[..., ::-1]  # as OpenCV writes it
    if alpha is not None:
        stored = np.concatenate([stored, np.full((1, 2, 1), alpha, dtype=np.uint16)], axis=2)
    data = cv2.imencode(".png", stored)[1].tobytes()
    pixels = decode_image(data, name="a").pixels
    np.testing.assert_array_equal(pixels, [[[0, 128, 255], [64, 64, 64]]])


def test_16_bit_grey_with_alpha_is_grey() -> None:
    values = np.array([[[1000, 0], [2000, 9], [3000, 65535]]], dtype=">u2")
    pixels = decode_image(_png_of_grey_with_alpha(values), name="a").pixels
    np.testing.assert_array_equal(pixels, [[0, 128, 255]])


def test_16_bit_colour_that_was_cut_off() -> None:
    data = cv2.imencode(".png", np.zeros((64, 64, 3), dtype=np.uint16))[1].tobytes()
    with pytest.raises(DataError, match="cannot be decoded"):
        decode_image(data[:80], name="a")


def test_a_constant_16_bit_png_is_black() -> None:
    image = Image.fromarray(np.full((2, 2), 9, dtype=np.uint16))
    assert not decode_image(_encoded(image), name="a").pixels.any()


def test_jpeg_under_another_name(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(_encoded(Image.new("L", (5, 2), 90), "JPEG"))
    assert (read_image(path) == 90).all()


@pytest.mark.parametrize("data", [b"", b"not an image", _encoded(Image.new("L", (64, 64)))[:60]])
def test_what_is_no_image_is_named(data: bytes) -> None:
    with pytest.raises(DataError) as caught:
        decode_image(data, name="some/file.png")
    assert caught.value.field == "some/file.png"
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("kind", "before", "behind"),
    [(3, [(b"tRNS", b"\0")], []), (0, [], [(b"iCCP", b"")])],  # AssertionError and IndexError of Pillow's
)
def test_images_on_which_the_decoder_trips(
    kind: int, before: list[tuple[bytes, bytes]], behind: list[tuple[bytes, bytes]]
) -> None:
    header = (b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, kind, 0, 0, 0))
    data = _chunks(header, *before, (b"IDAT", zlib.compress(b"\0\0")), *behind, (b"IEND", b""))
    with pytest.raises(DataError, match=r"the image cannot be decoded: \w") as caught:
        decode_image(data, name="a.png")
    assert caught.value.field == "a.png"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No such file") as caught:
        read_image(tmp_path / "gone.dcm")
    assert caught.value.field == str(tmp_path / "gone.dcm")
