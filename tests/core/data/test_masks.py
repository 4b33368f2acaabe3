"""Masks of all classes in one PNG, with void, beside regions of single classes."""

from __future__ import annotations

import hashlib
import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from wsmis_core.data import (
    ClassMask,
    DatasetIndex,
    Mask,
    PngMask,
    RleMask,
    Sample,
    read_class_masks,
    read_mask,
)
from wsmis_core.data.index import fingerprint
from wsmis_core.data.masks import decode_class_mask, decode_png_mask
from wsmis_core.errors import DataError
from wsmis_core.spec import SiimDataset

VALUES = np.array([[0, 1, 2, 255], [0, 1, 255, 2]], dtype=np.uint8)


def _png(values: np.ndarray[tuple[int, int], np.dtype[np.uint8]], mode: str = "P") -> bytes:
    image = Image.fromarray(values)
    if mode == "P":
        image = Image.frombytes("P", image.size, values.tobytes())
        image.putpalette([7] * 768)
    buffer = io.BytesIO()
    image.convert(mode).save(buffer, "PNG")
    return buffer.getvalue()


def _chunks(*chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG of named chunks, whatever sense they make."""
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(held)) + name + held + struct.pack(">I", zlib.crc32(name + held))
        for name, held in chunks
    )


def _header(width: int, height: int, *, depth: int, kind: int = 0) -> tuple[bytes, bytes]:
    return b"IHDR", struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)


def _kept(path: Path, data: bytes) -> str:
    """Write a mask; its SHA-256, as the index holds it."""
    path.write_bytes(data)
    return hashlib.sha256(data).hexdigest()


def _read(root: Path, *masks: Mask) -> tuple[list[list[list[int]]], list[list[int]]]:
    """What `read_class_masks` and `read_mask` say of an image of 4 x 2 pixels with these masks."""
    sample = Sample(
        id="a",
        file="a.jpg",
        patient="a",
        labels=(1, 1),
        split="train",
        masks=masks,
        height=2,
        width=4,
        content="hash",
    )
    classes = ("cat", "dog")
    index = DatasetIndex(
        spec=SiimDataset(root=str(root)),
        classes=classes,
        samples=(sample,),
        has_masks=True,
        fingerprint=fingerprint(classes, (sample,)),
    )
    return read_class_masks(index, sample).tolist(), read_mask(index, sample).tolist()


@pytest.mark.parametrize("mode", ["P", "L"])
def test_numbers_of_classes_and_void(tmp_path: Path, mode: str) -> None:
    content = _kept(tmp_path / "m.png", _png(VALUES, mode))
    masks, mask = _read(tmp_path, ClassMask(file="m.png", content=content))
    assert masks == [[[0, 1, 0, 255], [0, 1, 255, 0]], [[0, 0, 1, 255], [0, 0, 255, 1]]]
    assert mask == VALUES.tolist()


def test_other_numbers_than_the_classes_own(tmp_path: Path) -> None:
    content = _kept(tmp_path / "m.png", _png(np.where(VALUES == 2, 15, VALUES).astype(np.uint8)))
    _, mask = _read(tmp_path, ClassMask(file="m.png", content=content, values=((15, 1), (1, 2))))
    assert mask == [[0, 2, 1, 255], [0, 2, 255, 1]]


def test_regions_of_single_classes(tmp_path: Path) -> None:
    """Where two overlap, the later class counts, whichever comes first."""
    content = _kept(tmp_path / "m.png", _png(np.array([[0, 9, 9, 0], [0, 0, 0, 0]], dtype=np.uint8)))
    second = PngMask(class_id=2, file="m.png", content=content)
    first = RleMask(class_id=1, runs="2 4")  # the second column from above, and the third
    masks, mask = _read(tmp_path, second, first)
    assert masks == [[[0, 1, 1, 0], [0, 1, 1, 0]], [[0, 1, 1, 0], [0, 0, 0, 0]]]
    assert mask == [[0, 2, 2, 0], [0, 1, 1, 0]]


@pytest.mark.parametrize(
    "mask", [ClassMask(file="m.png", content="old"), PngMask(class_id=1, file="m.png", content="old")]
)
def test_a_mask_that_was_exchanged(tmp_path: Path, mask: Mask) -> None:
    (tmp_path / "m.png").write_bytes(_png(VALUES))
    with pytest.raises(DataError, match="has changed since the data set was registered") as caught:
        _read(tmp_path, mask)
    assert caught.value.field == str(tmp_path / "m.png")


@pytest.mark.parametrize(("depth", "line"), [(1, b"\x50"), (2, b"\x11"), (4, b"\x01\x01")])
def test_grey_of_few_bits_holds_the_numbers_of_classes(depth: int, line: bytes) -> None:
    data = _chunks(_header(4, 1, depth=depth), (b"IDAT", zlib.compress(b"\0" + line)), (b"IEND", b""))
    assert decode_class_mask(data, shape=(1, 4), classes=2, name="m.png").tolist() == [[0, 1, 0, 1]]


def test_a_mask_on_which_the_decoder_trips() -> None:
    """An empty colour profile behind the pixels makes Pillow raise an IndexError."""
    pixels = (b"IDAT", zlib.compress(b"\0\0"))
    data = _chunks(_header(1, 1, depth=8), pixels, (b"iCCP", b""), (b"IEND", b""))
    with pytest.raises(DataError, match="cannot be decoded") as caught:
        decode_png_mask(data, shape=(1, 1), name="m.png")
    assert caught.value.field == "m.png"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (_png(np.full((2, 4), 3, dtype=np.uint8)), "the value 3, which stands for no class: these are 1, 2"),
        (_png(VALUES, "RGB"), "of colours or more bits (RGB)"),
        (_png(np.zeros((4, 2), dtype=np.uint8)), "2 x 4 pixels, and its image 4 x 2"),
        (b"GIF89a", "the mask is no PNG"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 4 2\n", "the mask is no PNG"),
        (_png(VALUES)[:-30], "cannot be decoded"),
    ],
)
def test_files_that_are_no_mask_of_the_image(data: bytes, said: str) -> None:
    with pytest.raises(DataError) as caught:
        decode_class_mask(data, shape=(2, 4), classes=2, name="m.png")
    assert said in caught.value.message
    assert caught.value.field == "m.png"
    assert caught.value.remedy
