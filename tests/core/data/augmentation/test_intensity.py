from __future__ import annotations

import numpy as np
import pytest

from wsmis_core.data.augmentation import intensity

STEPS = np.array([[[0], [51], [102], [255]]], dtype=np.uint8)  # (1, 4, 1)
NOISE = np.random.default_rng(0).integers(0, 256, (32, 32, 1), dtype=np.uint8)


def test_brightness_and_contrast_by_hand() -> None:
    changed = intensity.brightness_contrast(STEPS, brightness=0.1, contrast=1.5)
    assert changed.ravel().tolist() == [26, 102, 178, 255]  # 25.5, 102, 178.5 rounded to even, cut


def test_gamma_by_hand() -> None:
    assert intensity.gamma(STEPS, exponent=2).ravel().tolist() == [0, 10, 41, 255]  # 10.2, 40.8


def test_median_takes_off_a_lone_pixel() -> None:
    image = np.zeros((7, 7, 1), dtype=np.uint8)
    image[3, 3] = 255
    assert not intensity.median(image, side=3).any()


def test_sharpen_leaves_even_areas_and_widens_an_edge() -> None:
    edge = np.repeat(np.array([100, 150], dtype=np.uint8), 16)[None, :, None].repeat(8, axis=0)
    sharp = intensity.sharpen(edge, amount=0.5)
    assert sharp[4, 0, 0] == 100
    assert sharp[4, 15, 0] < 100
    assert sharp[4, 16, 0] > 150


def test_noise_has_the_deviation_that_was_asked_for() -> None:
    grey = np.full((64, 64, 1), 128, dtype=np.uint8)
    noisy = intensity.add_noise(grey, rng=np.random.default_rng(0), sigma=5)
    assert noisy.std() == pytest.approx(5, rel=0.1)


def test_clahe_without_a_limit_equalises_and_with_one_hardly_touches() -> None:
    dull = (NOISE // 8 + 100).astype(np.uint8)  # 32 levels
    one_tile = intensity.clahe(dull, clip=256, tiles=1)
    share = (dull <= 115).mean()
    assert np.unique(one_tile[dull == 115]) == pytest.approx(255 * share, abs=0.51)
    # A limit of the mean bin spreads everything evenly: the identity, to a level.
    flat = intensity.clahe(dull, clip=1, tiles=1).astype(int)
    assert dull.std() < flat.std() < one_tile.std()


def test_clahe_of_tiles_is_continuous() -> None:
    ramp = np.add.outer(np.arange(64), np.arange(64)).astype(np.uint8)[..., None]
    changed = intensity.clahe(ramp, clip=2).astype(int)[..., 0]
    assert np.abs(np.diff(changed, axis=0)).max() < 16


def test_colour_changes_leave_grey_images_alone() -> None:
    np.testing.assert_array_equal(intensity.rgb_shift(NOISE, shift=(9, 9, 9)), NOISE)
    np.testing.assert_array_equal(intensity.hue_saturation(NOISE, hue=0.5, saturation=0.1, value=0.1), NOISE)


def test_colour_changes_by_hand() -> None:
    red = np.tile(np.array([255, 0, 0], dtype=np.uint8), (2, 2, 1))
    assert intensity.rgb_shift(red, shift=(-5, 7, -9))[0, 0].tolist() == [250, 7, 0]
    green = intensity.hue_saturation(red, hue=1 / 3, saturation=0, value=0)[0, 0].tolist()
    assert green[1] == 255
    assert green[0] <= 3
    assert intensity.clahe(red, clip=2).shape == red.shape
