"""Maps over scales and mirrors, with maps that are easy to follow."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from wsmis_core.cam import multi_scale_maps, normalise


def test_mirrors_are_mirrored_back_and_rectified_before_they_are_added() -> None:
    # A detector that answers +1 in the left cell and -5 in the right one, whatever the image.
    def left(images: Tensor) -> Tensor:
        return torch.tensor([[[[1.0, -5.0]]]]).expand(len(images), 1, 1, 2)

    images = torch.zeros(2, 3, 1, 2)
    plain = multi_scale_maps(left, images, scales=[1.0], flip=False, size=(1, 2))
    both = multi_scale_maps(left, images, scales=[1.0], flip=True, size=(1, 2))
    assert plain.tolist() == [[[[1.0, 0.0]]]] * 2
    assert both.tolist() == [[[[1.0, 1.0]]]] * 2


def test_mirror_of_a_symmetric_detector_doubles_its_map() -> None:
    images = torch.rand(2, 3, 6, 8)

    def red(images: Tensor) -> Tensor:
        return images[:, :1]

    both = multi_scale_maps(red, images, scales=[1.0], flip=True, size=(6, 8))
    torch.testing.assert_close(both, 2 * images[:, :1])


def test_scales_are_seen_at_their_sizes_and_added_up() -> None:
    sizes: list[tuple[int, ...]] = []

    def ones(images: Tensor) -> Tensor:
        sizes.append(tuple(images.shape[-2:]))
        return images.new_ones(len(images), 4, *F.avg_pool2d(images, 2).shape[-2:])

    maps = multi_scale_maps(ones, torch.zeros(1, 3, 8, 12), scales=[1.0, 0.5, 1.5], flip=False, size=(5, 7))
    assert sizes == [(8, 12), (4, 6), (12, 18)]
    torch.testing.assert_close(maps, torch.full((1, 4, 5, 7), 3.0))


def test_no_scale_is_refused() -> None:
    with pytest.raises(AssertionError, match="one scale"):
        multi_scale_maps(lambda images: images, torch.zeros(1, 1, 2, 2), scales=[], flip=False, size=(2, 2))


def test_each_map_is_divided_by_its_own_maximum() -> None:
    maps = torch.tensor([[[[2.0, 1.0]], [[0.0, 0.0]]], [[[0.5, 0.25]], [[8.0, 4.0]]]])
    scaled = normalise(maps)
    expected = torch.tensor([[[[1.0, 0.5]], [[0.0, 0.0]]], [[[1.0, 0.5]], [[1.0, 0.5]]]])
    torch.testing.assert_close(scaled, expected, rtol=0, atol=3e-5)
    assert scaled.max() < 1
