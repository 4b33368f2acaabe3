"""Windows over images of any size: every pixel is seen, and seen where it lies."""

from __future__ import annotations

import itertools

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from wsmis_core.irn import seen_through_windows, window_starts


@given(length=st.integers(1, 700), cells=st.integers(4, 64), stride=st.sampled_from([1, 2, 4]))
def test_windows_cover_every_pixel_on_whole_cells(length: int, cells: int, stride: int) -> None:
    window = cells * stride
    starts = window_starts(length, window=window, stride=stride)
    assert starts[0] == 0
    assert starts[-1] + window >= length > starts[-1]
    assert all(start % stride == 0 for start in starts)
    for one, other in itertools.pairwise(starts):
        assert 0 < other - one <= window - window // 4 + stride  # they overlap by a quarter, to a cell
    if len(starts) > 1:
        fewer = len(starts) - 1
        assert length > fewer * window - (fewer - 1) * (window // 4)  # one less would not reach so far


def test_windows_by_hand() -> None:
    assert window_starts(512, window=512, stride=4) == [0]
    assert window_starts(513, window=512, stride=4) == [0, 4]
    assert window_starts(1024, window=512, stride=4) == [0, 256, 512]
    assert window_starts(1000, window=512, stride=4) == [0, 244, 488]


def pooled(images: Tensor) -> Tensor:
    """A network without context: the mean of each cell's four pixels, fewer at the end, and their sum."""
    height, width = (-(-side // 2) * 2 for side in images.shape[-2:])
    padded = F.pad(images, (0, width - images.shape[-1], 0, height - images.shape[-2]))
    ones = F.pad(torch.ones_like(images), (0, width - images.shape[-1], 0, height - images.shape[-2]))
    sums = 4 * F.avg_pool2d(padded, 2)
    return torch.cat([sums / (4 * F.avg_pool2d(ones, 2)), sums], dim=1)


@settings(max_examples=40, deadline=None)
@given(
    shapes=st.lists(st.tuples(st.integers(1, 45), st.integers(1, 45)), min_size=1, max_size=3),
    seed=st.integers(0, 9),
)
def test_windows_show_what_the_whole_image_does(shapes: list[tuple[int, int]], seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    images = [torch.rand(1, *shape, generator=generator) for shape in shapes]
    seen = seen_through_windows(pooled, images, window=16, stride=2)
    for image, one in zip(images, seen, strict=True):
        torch.testing.assert_close(one, pooled(image[None])[0])


def test_an_image_that_fits_is_seen_as_it_is() -> None:
    images = [torch.rand(3, 16, 16), torch.rand(3, 9, 16), torch.rand(3, 16, 16)]
    seen = seen_through_windows(lambda batch: batch.cumsum(dim=-1), images, window=16, stride=1)
    for image, one in zip(images, seen, strict=True):
        assert torch.equal(one, image.cumsum(dim=-1))


def test_views_are_weighed_by_the_distance_to_their_borders() -> None:
    # A row of six in windows of four, from 0 and 2; each window tells its number.
    numbers = iter([10.0, 20.0])

    def see(batch: Tensor) -> Tensor:
        return torch.stack([torch.full((1, 1, 4), next(numbers)) for _ in batch])

    (row,) = seen_through_windows(see, [torch.zeros(1, 1, 6)], window=4, stride=1)
    # Weights 1 2 2 1 each: cells 2 and 3 are seen by both, with weights 2 and 1, then 1 and 2.
    assert row[0, 0].tolist() == pytest.approx([10, 10, 40 / 3, 50 / 3, 20, 20])
