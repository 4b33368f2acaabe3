"""Masks of all classes in one PNG, with void, beside regions of single classes."""

from __future__ import annotations

import io
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
from wsmis_core.data.masks import decode_class_mask
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
    (tmp_path / "m.png").write_bytes(_png(VALUES, mode))
    masks, mask = _read(tmp_path, ClassMask(file="m.png", content="hash"))
    assert masks == [[[0, 1, 0, 255], [0, 1, 255, 0]], [[0, 0, 1, 255], [0, 0, 255, 1]]]
    assert mask == VALUES.tolist()


def test_other_numbers_than_the_classes_own(tmp_path: Path) -> None:
    (tmp_path / "m.png").write_bytes(_png(np.where(VALUES == 2, 15, VALUES).astype(np.uint8)))
    _, mask = _read(tmp_path, ClassMask(file="m.png", content="hash", values=((15, 1), (1, 2))))
    assert mask == [[0, 2, 1, 255], [0, 2, 255, 1]]


def test_regions_of_single_classes(tmp_path: Path) -> None:
    """Where two overlap, the later class counts, whichever comes first."""
    (tmp_path / "m.png").write_bytes(_png(np.array([[0, 9, 9, 0], [0, 0, 0, 0]], dtype=np.uint8)))
    second = PngMask(class_id=2, file="m.png", content="hash")
    first = RleMask(class_id=1, runs="2 4")  # the second column from above, and the third
    masks, mask = _read(tmp_path, second, first)
    assert masks == [[[0, 1, 1, 0], [0, 1, 1, 0]], [[0, 1, 1, 0], [0, 0, 0, 0]]]
    assert mask == [[0, 2, 2, 0], [0, 1, 1, 0]]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (_png(np.full((2, 4), 3, dtype=np.uint8)), "the value 3, which stands for no class: these are 1, 2"),
        (_png(VALUES, "RGB"), "of colours or more bits (RGB)"),
        (_png(np.zeros((4, 2), dtype=np.uint8)), "2 x 4 pixels, and its image 4 x 2"),
        (b"GIF89a", "cannot be decoded"),
        (_png(VALUES)[:-30], "cannot be decoded"),
    ],
)
def test_files_that_are_no_mask_of_the_image(data: bytes, said: str) -> None:
    with pytest.raises(DataError) as caught:
        decode_class_mask(data, shape=(2, 4), classes=2, name="m.png")
    assert said in caught.value.message
    assert caught.value.field == "m.png"
    assert caught.value.remedy
