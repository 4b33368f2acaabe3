"""Search paths against the published index arrays, and what every path must satisfy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from wsmis_core.irn import ends, search_paths

GOLDEN = Path(__file__).parents[2] / "data" / "golden" / "01_pathindex_r5.npz"


def test_shortest_radius_by_hand() -> None:
    right, down, left_down, right_down = search_paths(2)
    assert right.cells == ((0, 1), (0, 0))
    assert down.cells == ((1, 0), (0, 0))
    # A diagonal of one cell has distance 1 / sqrt(2) from the cells on both its sides.
    assert left_down.cells == ((1, -1), (0, -1), (1, 0), (0, 0))
    assert right_down.cells == ((1, 1), (0, 1), (1, 0), (0, 0))


def test_paths_as_published() -> None:
    paths = search_paths(5)
    with np.load(GOLDEN) as golden:
        assert [path.destination for path in paths] == [tuple(d) for d in golden["search_dst"].tolist()]
        groups = [golden[f"search_paths_{index}"] for index in range(int(golden["n_lengths"]))]
    published = [[tuple(cell) for cell in path] for group in groups for path in group.tolist()]
    assert [list(path.cells) for path in paths] == published


def test_sources_and_destinations_as_published() -> None:
    with np.load(GOLDEN) as golden:
        height, width = golden["default_size"].tolist()
        sources, destinations = golden["src_indices"], golden["dst_indices"]
    cells = torch.arange(height * width).reshape(height, width)
    assert ends(cells, (0, 0), radius=5).flatten().tolist() == sources.tolist()
    for path, expected in zip(search_paths(5), destinations, strict=True):
        assert ends(cells, path.destination, radius=5).flatten().tolist() == expected.tolist()


@pytest.mark.parametrize(("radius", "count"), [(1, 0), (2, 4), (5, 34), (10, 152)])
def test_number_of_destinations(radius: int, count: int) -> None:
    assert len(search_paths(radius)) == count


@pytest.mark.parametrize("radius", [3, 5, 10])
def test_runs_cover_the_same_cells_once(radius: int) -> None:
    for path in search_paths(radius):
        step = (0, 1) if path.runs_along_rows else (1, 0)
        covered = [
            (run.start[0] + k * step[0], run.start[1] + k * step[1])
            for run in path.runs
            for k in range(run.length)
        ]
        assert len(covered) == len(set(covered))
        assert set(covered) == set(path.cells)
        assert (0, 0) in covered
