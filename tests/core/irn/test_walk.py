"""The random walk against the published float64 arrays, a dense matrix, and by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from wsmis_core.irn import affinities, random_walk, random_walks, search_paths

GOLDEN = Path(__file__).parents[2] / "data" / "golden" / "02_propagate_20x24_C1.npz"


@pytest.mark.parametrize(("beta", "log2_steps"), [(10, 8), (10, 6), (8, 4)])
def test_walk_as_published(beta: int, log2_steps: int) -> None:
    with np.load(GOLDEN) as golden:
        boundary = torch.from_numpy(golden["edge"][0]).double()
        maps = torch.from_numpy(golden["x"]).double()
        truth = golden[f"rw_b{beta}_t{log2_steps}_f64"][0]
    walked = random_walk(maps, boundary, beta=beta, log2_steps=log2_steps)
    np.testing.assert_allclose(walked, truth, rtol=1e-10)


def test_two_cells_by_hand() -> None:
    # Affinity 1 - max(.5, 0) = .5, to the power 1: T = [[1, .5], [.5, 1]] / 1.5; start = (.5 · 6, 3).
    walked = random_walk(
        torch.tensor([[[6.0, 0.0]]]), torch.tensor([[0.5, 0.0]]), radius=2, beta=1, log2_steps=0
    )
    torch.testing.assert_close(walked, torch.tensor([[[2.0, 1.0]]]))


def test_as_the_dense_matrix_power() -> None:
    generator = torch.Generator().manual_seed(1)
    height, width, radius = 5, 7, 4
    boundary = torch.rand(height, width, generator=generator, dtype=torch.float64)
    maps = torch.rand(3, height, width, generator=generator, dtype=torch.float64)
    dense = torch.eye(height * width, dtype=torch.float64)
    for path, affinity in zip(
        search_paths(radius), affinities(boundary[None], radius=radius)[0], strict=True
    ):
        dy, dx = path.destination
        for y in range(height - dy):
            for x in range(max(0, -dx), width - max(0, dx)):
                i, j = y * width + x, (y + dy) * width + x + dx
                dense[i, j] = dense[j, i] = affinity[y, x] ** 10
    transition = torch.linalg.matrix_power(dense / dense.sum(0, keepdim=True), 8)
    expected = ((maps * (1 - boundary)).flatten(1) @ transition).reshape(maps.shape)
    torch.testing.assert_close(random_walk(maps, boundary, radius=radius, log2_steps=3), expected)


def test_a_closed_boundary_keeps_activation_in() -> None:
    boundary = torch.zeros(9, 9)
    boundary[:, 4] = 1
    maps = torch.zeros(1, 9, 9)
    maps[:, 4, 1] = 1
    walked = random_walk(maps, boundary, log2_steps=6)
    assert walked[..., :4].min() > 0
    assert walked[..., 4:].abs().max() == 0


def test_batch_is_as_one_by_one_and_the_type_is_kept() -> None:
    generator = torch.Generator().manual_seed(2)
    maps, boundary = torch.rand(3, 2, 6, 8, generator=generator), torch.rand(3, 6, 8, generator=generator)
    before = maps.clone(), boundary.clone()
    walked = random_walk(maps, boundary, log2_steps=2)
    assert walked.dtype == torch.float32
    for one, map_, edge in zip(walked, maps, boundary, strict=True):
        assert torch.equal(random_walk(map_, edge, log2_steps=2), one)
    assert torch.equal(maps, before[0])
    assert torch.equal(boundary, before[1])
    assert random_walk(torch.zeros(0, 6, 8), boundary[0]).shape == (0, 6, 8)


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    height=st.integers(1, 9),
    width=st.integers(1, 9),
    log2_steps=st.integers(0, 5),
)
def test_values_stay_in_range_on_any_grid(seed: int, height: int, width: int, log2_steps: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    boundary = torch.rand(height, width, generator=generator, dtype=torch.float64)
    maps = torch.rand(2, height, width, generator=generator, dtype=torch.float64)
    start = maps * (1 - boundary)
    walked = random_walk(maps, boundary, log2_steps=log2_steps)
    for one, begun in zip(walked, start, strict=True):
        assert begun.min() - 1e-12 <= one.min()
        assert one.max() <= begun.max() + 1e-12


def test_images_of_different_shapes_walk_together_as_alone() -> None:
    generator = torch.Generator().manual_seed(3)
    shapes = [(2, 7, 12), (1, 12, 5), (3, 9, 9), (1, 2, 3), (2, 7, 12)]
    steps = [3, 3, 0, 3, 5]
    maps = [torch.rand(shape, generator=generator, dtype=torch.float64) for shape in shapes]
    boundaries = [torch.rand(shape[1:], generator=generator, dtype=torch.float64) for shape in shapes]
    together = random_walks(maps, boundaries, radius=4, beta=3, log2_steps=steps)
    for number, walked in enumerate(together):
        alone = random_walk(maps[number], boundaries[number], radius=4, beta=3, log2_steps=steps[number])
        torch.testing.assert_close(walked, alone, rtol=1e-13, atol=0)


def test_large_images_walk_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wsmis_core.irn.walk._CELLS_AT_ONCE", 30)
    sizes = []

    def noted(maps: torch.Tensor, boundary: torch.Tensor, **kind: float) -> torch.Tensor:
        del kind
        sizes.append(tuple(boundary.shape))
        return maps

    monkeypatch.setattr("wsmis_core.irn.walk.random_walk", noted)
    shapes = [(3, 4), (4, 3), (3, 3), (6, 6), (2, 2)]
    maps = [torch.full((1, *shape), float(number)) for number, shape in enumerate(shapes)]
    walked = random_walks(maps, [one[0] for one in maps], log2_steps=[1] * 5)
    assert sizes == [(1, 3, 4), (2, 4, 3), (1, 6, 6), (1, 2, 2)]
    assert [(one.min().item(), one.max().item()) for one in walked] == [(n, n) for n in range(5)]
