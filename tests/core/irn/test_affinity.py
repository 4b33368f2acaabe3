"""Affinities and pair labels against the published arrays, and by a plain loop."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from wsmis_core.irn import affinities, pair_labels, path_maxima, search_paths

GOLDEN = Path(__file__).parents[2] / "data" / "golden"


@pytest.mark.parametrize(("radius", "size"), [(2, (2, 3)), (3, (5, 6)), (4, (6, 9)), (7, (9, 14))])
@pytest.mark.parametrize("dtype", [torch.float64, torch.int32])
def test_path_maxima_as_by_a_plain_loop(radius: int, size: tuple[int, int], dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(3)
    values = torch.randint(-500, 500, (2, *size), generator=generator).to(dtype)
    for path, maxima in path_maxima(values, radius=radius):
        for y in range(size[0] - radius + 1):
            for x in range(size[1] - 2 * radius + 2):
                on_path = [values[:, y + dy, radius - 1 + x + dx] for dy, dx in path.cells]
                assert torch.equal(maxima[:, y, x], torch.stack(on_path).amax(dim=0))


def test_affinities_as_published() -> None:
    with np.load(GOLDEN / "02_affinity_20x24.npz") as golden:
        boundary = torch.from_numpy(golden["edge"])
        sparse, dense = golden["aff_sparse_f32"], golden["aff_dense_cropped_f32"]
    # The published padding is one cell wider on three sides than pairs can reach.
    padded = F.pad(boundary, (5, 5, 0, 5), value=1.0)
    strongest = torch.stack([maxima.flatten(1) for _, maxima in path_maxima(padded, radius=5)], dim=1)
    np.testing.assert_allclose(1 - strongest, sparse, atol=1e-6)

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
    seeds = torch.where(seeds > 20, 255, seeds)
    for place, path in enumerate(search_paths(5)):
        labels = pair_labels(seeds, path.destination, radius=5)
        for ours, published in zip(labels, expected, strict=True):
            assert ours.flatten().tolist() == published[place].tolist()


def test_pair_labels_by_hand() -> None:
    # Radius 2: sources are the middle column of rows 0 and 1, both 0.
    seeds = torch.tensor([[[4, 0, 0], [4, 0, 3], [3, 3, 255]]], dtype=torch.uint8)

    def labels(dy: int, dx: int) -> list[list[bool]]:
        return [label.flatten().tolist() for label in pair_labels(seeds, (dy, dx), radius=2)]

    assert labels(0, 1) == [[True, False], [False, False], [False, True]]  # 0 and 3
    assert labels(1, 0) == [[True, False], [False, False], [False, True]]  # 0 and 3
    assert labels(1, -1) == [[False, False], [False, False], [True, True]]  # 4 and 3
    assert labels(1, 1) == [[False, False], [False, False], [True, False]]  # 3 and unknown
    assert pair_labels(torch.full_like(seeds, 7), (0, 1), radius=2).foreground.all()
    assert not any(label.any() for label in pair_labels(torch.full_like(seeds, 255), (0, 1), radius=2))
