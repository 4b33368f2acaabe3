"""GrabCut: a disc found from a blurred guess, and maps and images that give it little to go by."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from wsmis_core.cam import grab_cut


def disc(height: int, width: int) -> tuple[NDArray[np.uint8], NDArray[np.bool_], NDArray[np.float32]]:
    """A noisy grey image with a bright disc, the disc, and a wide blob beside its middle."""
    y, x = np.mgrid[:height, :width]
    inside = (y - height / 2) ** 2 + (x - width / 2) ** 2 < (min(height, width) / 4) ** 2
    noise = np.random.default_rng(3).integers(0, 30, (height, width))
    image = np.repeat((noise + 150 * inside).astype(np.uint8)[..., None], 3, axis=2)
    blob = np.exp(-((y - height / 2 - 3) ** 2 + (x - width / 2 + 3) ** 2) / (min(height, width) / 2) ** 2)
    return image, inside, blob.astype(np.float32)


@pytest.mark.parametrize("size", [(48, 48), (40, 72)])
def test_it_finds_the_disc_from_a_blob(size: tuple[int, int]) -> None:
    image, inside, blob = disc(*size)
    found = grab_cut(image, blob)
    assert found.dtype == np.bool_
    guessed = blob > np.percentile(blob, 70)
    assert (guessed & inside).sum() / (guessed | inside).sum() < 0.85
    assert (found & inside).sum() / (found | inside).sum() > 0.98
    assert (grab_cut(image, blob) == found).all()


def test_the_first_guess_by_percentiles_is_what_iterations_start_from() -> None:
    """Certain pixels stay what they are, whatever the colours say."""
    soft = np.linspace(0, 1, 1000, dtype=np.float32).reshape(20, 50)
    image = np.zeros((20, 50, 3), dtype=np.uint8)
    image[::2] = 255  # nothing to do with the map
    found = grab_cut(image, soft)
    assert not found[soft <= np.percentile(soft, 15)].any()
    assert found[soft > np.percentile(soft, 99.5)].all()


@pytest.mark.parametrize("value", [0.0, 0.7])
def test_a_map_without_contrast_says_nothing(value: float) -> None:
    image, _, blob = disc(16, 24)
    assert not grab_cut(image, np.full_like(blob, value)).any()


@pytest.mark.parametrize("pixels", [1, 3])
def test_a_map_of_a_few_pixels(pixels: int) -> None:
    image, _, blob = disc(16, 24)
    few = np.zeros_like(blob)
    few.ravel()[:pixels] = 1
    assert grab_cut(image, few).shape == few.shape


def test_a_map_whose_lowest_pixels_are_few_has_background_still() -> None:
    image, _, blob = disc(16, 24)
    nearly_all = np.ones_like(blob)
    nearly_all[0, 0] = 0
    assert not grab_cut(image, nearly_all).any()  # every percentile is 1, so all is background


@pytest.mark.parametrize("grey", [0, 128, 255])
def test_an_image_without_contrast(grey: int) -> None:
    _, _, blob = disc(16, 24)
    found = grab_cut(np.full((16, 24, 3), grey, dtype=np.uint8), blob)
    assert found.shape == blob.shape


@pytest.mark.parametrize("size", [(1, 12), (12, 1), (1, 1), (2, 2)])
def test_the_smallest_maps(size: tuple[int, int]) -> None:
    soft = np.arange(size[0] * size[1], dtype=np.float32).reshape(size)
    image = np.zeros((*size, 3), dtype=np.uint8)
    assert grab_cut(image, soft).shape == size
