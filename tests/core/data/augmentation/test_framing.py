"""Magnified images, and squares cut out of images of any shape."""

from __future__ import annotations

import numpy as np
import pytest

from wsmis_core.data.augmentation import framed, random_frame, rescaled


@pytest.mark.parametrize("shape", [(5, 9), (9, 5), (4, 4), (3, 2), (1, 20)])
def test_a_frame_shows_all_that_fits_and_fills_the_rest(shape: tuple[int, int]) -> None:
    values = np.arange(1, 1 + shape[0] * shape[1], dtype=np.uint8).reshape(shape)
    places = set()
    for seed in range(200):
        frame = random_frame(shape, side=4, rng=np.random.default_rng(seed))
        shown = framed(values, frame, fill=255)
        assert shown.shape == (4, 4)
        inside = shown[shown != 255]
        assert inside.size == min(shape[0], 4) * min(shape[1], 4)
        # One block of the image, in its order.
        block = values[frame.of_image]
        np.testing.assert_array_equal(inside.reshape(block.shape), block)
        places.add((frame.of_image[0].start, frame.of_image[1].start) if max(shape) > 4 else None)
        if min(shape) < 4:
            places.add((frame.of_frame[0].start, frame.of_frame[1].start))
    every_place = {
        (5, 9): 2 * 6,
        (9, 5): 6 * 2,
        (4, 4): 1,
        (3, 2): 1 + 2 * 3,
        (1, 20): 17 + 4 - 1,  # (0, 0) is both a place in the image and one in the frame
    }
    assert len(places) == every_place[shape]


def test_a_frame_fits_an_image_and_its_labels_alike() -> None:
    pixels = np.random.default_rng(0).normal(size=(3, 7, 3)).astype(np.float32)  # (c, H, W)
    frame = random_frame((7, 3), side=5, rng=np.random.default_rng(3))
    shown, labels = framed(pixels, frame, fill=0), framed((pixels[0] > 0).astype(np.uint8), frame, fill=255)
    assert shown.shape == (3, 5, 5)
    known = labels != 255
    np.testing.assert_array_equal(shown[0][known] > 0, labels[known] == 1)
    assert (shown[:, ~known] == 0).all()
    assert known.sum() == 5 * 3


def test_magnified_by_hand() -> None:
    image = np.array([[0, 100], [200, 50]], dtype=np.uint8)[..., None]
    labels = np.array([[0, 255], [3, 3]], dtype=np.uint8)
    larger, moved = rescaled(image, labels, factor=1.5)
    assert larger.shape == (3, 3, 1)
    assert moved.shape == (3, 3)
    assert set(np.unique(moved)) <= {0, 3, 255}
    twice, moved = rescaled(np.repeat(image, 3, axis=2), labels, factor=2)
    assert twice.shape == (4, 4, 3)
    assert moved.tolist() == [[0, 0, 255, 255]] * 2 + [[3, 3, 3, 3]] * 2
    small, moved = rescaled(image, labels, factor=0.1)
    assert (small.shape, moved.shape) == ((1, 1, 1), (1, 1))


def test_a_constant_image_stays_constant() -> None:
    image = np.full((20, 31, 3), 77, dtype=np.uint8)
    larger, _ = rescaled(image, image[..., 0], factor=0.7)
    assert larger.shape == (14, 22, 3)
    assert (larger == 77).all()
