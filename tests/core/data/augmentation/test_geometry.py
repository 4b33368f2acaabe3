from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from wsmis_core.data.augmentation.geometry import affine, elastic, mirror, optical

SIZE = 33


def _dot(row: int, column: int, *, side: int = 5) -> npt.NDArray[np.uint8]:
    """A white square of ``side`` pixels around a pixel, (33, 33)."""
    image = np.zeros((SIZE, SIZE), dtype=np.uint8)
    half = side // 2
    image[row - half : row + half + 1, column - half : column + half + 1] = 255
    return image


def _centre(image: npt.NDArray[np.uint8]) -> tuple[float, float]:
    rows, columns = np.nonzero(image > 127)
    return rows.mean(), columns.mean()


def test_mirror() -> None:
    image = np.arange(6, dtype=np.uint8).reshape(2, 3, 1)
    mirrored, mask = mirror(image, image[..., 0])
    assert mirrored[..., 0].tolist() == [[2, 1, 0], [5, 4, 3]]
    assert mask is not None
    assert mask.tolist() == [[2, 1, 0], [5, 4, 3]]


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({}, (16, 24)),
        ({"degrees": 90.0}, (8, 16)),  # counter-clockwise: from the right to the top
        ({"degrees": 180.0}, (16, 8)),
        ({"scale": 1.5}, (16, 28)),
        ({"scale": 0.5}, (16, 20)),
        ({"shift": (4 / SIZE, -3 / SIZE)}, (13, 28)),
        ({"degrees": -90.0, "scale": 0.5, "shift": (-2 / SIZE, 0.0)}, (20, 14)),
    ],
)
def test_affine_moves_a_dot(changes: dict[str, object], wanted: tuple[float, float]) -> None:
    dot = _dot(16, 24)
    given = {"degrees": 0.0, "scale": 1.0, "shift": (0.0, 0.0)} | changes
    image, mask = affine(dot[..., None], dot // 255, **given)  # type: ignore[arg-type]  # one dict of mixed values
    assert mask is not None
    assert _centre(image[..., 0]) == pytest.approx(wanted, abs=0.51)
    assert _centre(mask * 255) == pytest.approx(wanted, abs=0.51)
    assert set(np.unique(mask)) <= {0, 1}


def test_affine_of_nothing_changes_nothing() -> None:
    image = np.random.default_rng(0).integers(0, 256, (8, 9, 3), dtype=np.uint8)
    same, _ = affine(image, None, degrees=0, scale=1, shift=(0, 0))
    np.testing.assert_array_equal(same, image)


def test_outside_repeats_the_border() -> None:
    image = np.tile(np.arange(10, 18, dtype=np.uint8), (8, 1))  # column x is 10 + x
    moved, mask = affine(image[..., None], image, degrees=0, scale=1, shift=(0.5, 0))
    assert mask is not None
    for found in (moved[..., 0], mask):
        assert found[3].tolist() == [10, 10, 10, 10, 10, 11, 12, 13]


@pytest.mark.parametrize("degrees", [-45.0, 10.0, 90.0])
@pytest.mark.parametrize("scale", [0.2, 1.0])
def test_wherever_it_comes_from_a_white_image_stays_white(degrees: float, scale: float) -> None:
    white = np.full((9, 14, 1), 255, dtype=np.uint8)
    assert (affine(white, None, degrees=degrees, scale=scale, shift=(-0.3, 0.4))[0] == 255).all()


def test_elastic_keeps_image_and_mask_together() -> None:
    dot = _dot(16, 16, side=13)
    image, mask = elastic(dot[..., None], dot // 255, rng=np.random.default_rng(1))
    assert mask is not None
    assert (mask != dot // 255).any()
    assert ((image[..., 0] > 127) == mask).mean() > 0.98


def test_optical_by_hand() -> None:
    # At half a side's distance r = 1: a strength of .5 takes that pixel from 1.5 times as far, outside.
    image = np.zeros((SIZE, SIZE, 1), dtype=np.uint8)
    image[:, 0] = 255
    barrel, _ = optical(image, None, strength=0.5)
    assert (barrel[16, :3] == 255).all()
    assert barrel[16, 16, 0] == 0
    pincushion, _ = optical(image, None, strength=-0.2)
    assert not pincushion.any()
    dot = _dot(16, 24)
    assert _centre(optical(dot[..., None], None, strength=0.4)[0][..., 0])[1] < 24
    assert _centre(optical(dot[..., None], None, strength=-0.4)[0][..., 0])[1] > 24
    np.testing.assert_array_equal(optical(dot[..., None], None, strength=0)[0][..., 0], dot)
