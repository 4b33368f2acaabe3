from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from wsmis_core.data import decode_image, read_image
from wsmis_core.errors import DataError


def _encoded(image: Image.Image, kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


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


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No such file") as caught:
        read_image(tmp_path / "gone.dcm")
    assert caught.value.field == str(tmp_path / "gone.dcm")
