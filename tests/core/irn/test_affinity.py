"""Affinities and pair labels against the published arrays, and by a plain loop."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from wsmis_core.irn import affinities, pair_labels, path_maxima, search_paths

GOLDEN = Path(__file__).parents[2] / "data" / "golden"


def maxima_by_loop(boundary: Tensor, radius: int) -> Tensor:
    height, width = boundary.shape
    paths = search_paths(radius)
    sources = [(y, x) for y in range(height - radius + 1) for x in range(radius - 1, width - radius + 1)]
    rows = [
        torch.stack(
            [torch.stack([boundary[y + dy, x + dx] for dy, dx in path.cells]).max() for y, x in sources]
        )
        for path in paths
    ]
    return torch.stack(rows).reshape(len(paths), height - radius + 1, width - 2 * radius + 2)


@pytest.mark.parametrize(("radius", "size"), [(2, (2, 3)), (3, (5, 6)), (4, (6, 9))])
def test_path_maxima_and_gradient_as_by_a_plain_loop(radius: int, size: tuple[int, int]) -> None:
    generator = torch.Generator().manual_seed(3)
    boundary = torch.rand(2, *size, generator=generator, dtype=torch.float64, requires_grad=True)
    maxima = path_maxima(boundary, radius=radius)
    expected = torch.stack([maxima_by_loop(one, radius) for one in boundary])
    assert torch.equal(maxima, expected)
    assert torch.equal(path_maxima(boundary.detach(), radius=radius), expected)
    weights = torch.rand(maxima.shape, generator=generator, dtype=torch.float64)
    (gradient,) = torch.autograd.grad((maxima * weights).sum(), boundary)
    (expected_gradient,) = torch.autograd.grad((expected * weights).sum(), boundary)
    torch.testing.assert_close(gradient, expected_gradient)


def test_affinities_as_published() -> None:
    with np.load(GOLDEN / "02_affinity_20x24.npz") as golden:
        boundary = torch.from_numpy(golden["edge"])
        sparse, dense = golden["aff_sparse_f32"], golden["aff_dense_cropped_f32"]
    # The published padding is one cell wider on three sides than pairs can reach.
    padded = F.pad(boundary, (5, 5, 0, 5), value=1.0)
    np.testing.assert_allclose(1 - path_maxima(padded, radius=5).flatten(2), sparse, atol=1e-6)

    ours = affinities(boundary, radius=5)[0]  # (34, 20, 24)
    for place, path in enumerate(search_paths(5)):
        dy, dx = path.destination
        for y in range(20):
            for x in range(24):
                inside = y + dy < 20 and 0 <= x + dx < 24
                expected = dense[y * 24 + x, (y + dy) * 24 + x + dx] if inside else 0
                assert abs(ours[place, y, x].item() - expected) <= 1e-6


def test_pair_labels_as_published() -> None:
    with np.load(GOLDEN / "03_afflabels_r5_20x24.npz") as golden:
        seeds = torch.from_numpy(golden["label"])[None]
        expected = [golden[name] for name in ("bg_pos", "fg_pos", "neg")]
    # The published code knows the 20 classes of VOC and ignores every higher value; here only 255 is ignored.
    labels = pair_labels(torch.where(seeds > 20, 255, seeds), radius=5)
    for ours, published in zip(labels, expected, strict=True):
        assert (ours[0].flatten(1).numpy() == published).all()


def test_pair_labels_by_hand() -> None:
    # Radius 2: sources are the middle column of rows 0 and 1; destinations right, down, and both askew.
    seeds = torch.tensor([[[4, 0, 0], [4, 0, 3], [3, 3, 255]]], dtype=torch.uint8)
    background, foreground, different = pair_labels(seeds, radius=2)
    order = [path.destination for path in search_paths(2)]
    assert order == [(0, 1), (1, 0), (1, -1), (1, 1)]
    # Source (0, 1) is 0: right 0, below 0, left below 4, right below 3.
    # Source (1, 1) is 0: right 3, below 3, left below 3, right below unknown.
    assert background[0, :, :, 0].tolist() == [[True, False], [True, False], [False, False], [False, False]]
    assert different[0, :, :, 0].tolist() == [[False, True], [False, True], [True, True], [True, False]]
    assert not foreground.any()
    assert pair_labels(torch.full_like(seeds, 7), radius=2).foreground.all()
    assert not any(labels.any() for labels in pair_labels(torch.full_like(seeds, 255), radius=2))
