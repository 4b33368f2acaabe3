"""COCO's run lengths, worked by hand, and its file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from wsmis_core.errors import ArtifactError
from wsmis_core.export import CocoImage, box_of, decode_coco_rle, encode_coco_rle, write_coco
from wsmis_core.export.coco import counts_of, counts_text


@pytest.mark.parametrize(
    ("counts", "text"),
    [
        ([2, 3, 1, 1], "231N"),  # the fourth: 1 - 3 = -2, which is 11110 in five bits: 30 + 48 is N
        ([0, 6, 1], "061"),
        ([15], "?"),  # the largest that one group holds beside its sign
        ([16], "`0"),  # 10000 would be -16, so that a group of 0 follows: 16 + 32 + 48, then 48
        ([40], "X1"),  # 40 = 8 + 1 * 32: 8 + 32 + 48 is X
        ([0, 0, 40, 5, 5], "00X15mN"),  # the fifth: 5 - 40 = -35 = 29 - 2 * 32: 29 + 32 + 48 is m, -2 is N
        ([1024 * 1024], "PPPP1"),  # 32 ** 4
        ([6, 1, 40, 4, 5, 4, 5, 4, 21], "61X13mN000`0"),
    ],
)
def test_counts_as_text_by_hand(counts: list[int], text: str) -> None:
    assert counts_text(counts) == text
    assert counts_of(text) == counts


@given(st.lists(st.integers(0, 2**26), min_size=1, max_size=20))
def test_text_holds_any_counts(counts: list[int]) -> None:
    text = counts_text(counts)
    assert counts_of(text) == counts
    assert all(48 <= ord(character) < 112 for character in text)


def test_masks_go_column_by_column() -> None:
    mask = np.zeros((9, 10), dtype=np.bool_)
    mask[6, 0] = True  # 6 above it, then 2 below and 4 whole columns and 2 pixels: 40 with the last one
    mask[2:6, 5:8] = True
    rle = encode_coco_rle(mask)
    assert rle["size"] == [9, 10]
    assert counts_of(rle["counts"]) == [6, 1, 2 + 4 * 9 + 2, 4, 5, 4, 5, 4, 3 + 2 * 9]
    assert encode_coco_rle(np.array([[False, True], [True, True]]))["counts"] == "13"
    assert encode_coco_rle(np.array([[True, False], [True, False]]))["counts"] == "022"
    assert encode_coco_rle(np.zeros((2, 3), dtype=np.bool_)) == {"size": [2, 3], "counts": "6"}
    assert encode_coco_rle(np.ones((2, 3), dtype=np.bool_)) == {"size": [2, 3], "counts": "06"}


@given(arrays.arrays(np.bool_, arrays.array_shapes(min_dims=2, max_dims=2, max_side=20)))
def test_masks_come_back(mask: np.ndarray[tuple[int, int], np.dtype[np.bool_]]) -> None:
    np.testing.assert_array_equal(decode_coco_rle(encode_coco_rle(mask)), mask)


def test_runs_that_do_not_fill_the_image_are_refused() -> None:
    with pytest.raises(ArtifactError, match="do not fill an image of 3 x 2"):
        decode_coco_rle({"size": [2, 3], "counts": "7"})
    with pytest.raises(ArtifactError, match="do not fill"):
        decode_coco_rle({"size": [2, 3], "counts": "8N"})  # 8 and -2


def test_the_box_of_a_mask() -> None:
    mask = np.zeros((7, 9), dtype=np.bool_)
    mask[2, 3:6] = mask[4, 1] = True
    assert box_of(mask) == [1, 2, 5, 3]


def test_the_file_joins_images_objects_and_classes_by_ids(tmp_path: Path) -> None:
    found = [{"category_id": 2, "score": 0.5, "area": 3}, {"category_id": 1, "score": 0.25, "area": 9}]
    images = [
        CocoImage("a.png", 4, 6, found[:1]),
        CocoImage("b.png", 5, 5),
        CocoImage("c.png", 3, 2, found[1:]),
    ]
    write_coco(tmp_path / "instances.json", images=images, classes=["cat", "dog"])
    assert json.loads((tmp_path / "instances.json").read_text()) == {
        "images": [
            {"id": 1, "file_name": "a.png", "height": 4, "width": 6},
            {"id": 2, "file_name": "b.png", "height": 5, "width": 5},
            {"id": 3, "file_name": "c.png", "height": 3, "width": 2},
        ],
        "categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}],
        "annotations": [
            {"id": 1, "image_id": 1, "iscrowd": 0, **found[0]},
            {"id": 2, "image_id": 3, "iscrowd": 0, **found[1]},
        ],
    }
