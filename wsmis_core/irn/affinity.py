"""What a boundary map and a seed map say of pairs of cells: how akin they are, and how they should be.

Axes: B batch, D destinations in the order of ``search_paths(radius)``, h x w cells, h' x w' sources.
Source: IRNet, arXiv 1904.05044, section 4.4.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from wsmis_core.irn.paths import Offset, SearchPath, ends, search_paths

_IGNORED = 255


class PairLabels(NamedTuple):
    """What the seeds say of the pairs in one direction, each (B, h', w') bool; at most one is true."""

    background: Tensor
    foreground: Tensor
    different: Tensor


def affinities(boundary: Tensor, *, radius: int) -> Tensor:
    """Of every cell and each of its destinations: one, less the strongest boundary on the path.

    A destination outside the map has affinity 0.

    Args:
        boundary: (B, h, w) in [0, 1].

    Returns:
        (B, D, h, w) in [0, 1].
    """
    reach = radius - 1
    padded = F.pad(boundary, (reach, reach, 0, reach), value=1.0)
    result = boundary.new_empty(boundary.shape[0], len(search_paths(radius)), *boundary.shape[1:])
    for place, (_, strongest) in enumerate(path_maxima(padded, radius=radius)):
        torch.sub(1, strongest, out=result[:, place])
    return result


def path_maxima(values: Tensor, *, radius: int) -> Iterator[tuple[SearchPath, Tensor]]:
    """Each path, and the largest value on it from every source, both ends included.

    Paths are put together from runs of cells, whose maxima serve many paths: at radius 10, 532 slices
    take the place of 2134 cells.

    Args:
        values: (B, h, w) of any real type.

    Yields:
        A path and its maxima, (B, h', w').
    """
    # tables[dim][k - 1] holds, for every run of k cells along dim by its first cell, its maximum.
    tables = {-1: [values], -2: [values]}
    for dim, runs in tables.items():
        for length in range(1, radius):
            count = values.shape[dim] - length
            shorter, last = runs[-1].narrow(dim, 0, count), values.narrow(dim, length, count)
            runs.append(torch.maximum(shorter, last))
    height, width = ends(values, (0, 0), radius=radius).shape[-2:]
    for path in search_paths(radius):
        runs = tables[-1 if path.runs_along_rows else -2]
        slices = []
        for run in path.runs:
            y, x = run.start[0], run.start[1] + radius - 1
            slices.append(runs[run.length - 1][:, y : y + height, x : x + width])
        yield path, reduce(torch.maximum, slices)


def pair_labels(seeds: Tensor, destination: Offset, *, radius: int) -> PairLabels:
    """Label the pairs in one direction whose two ends both have a seed.

    Args:
        seeds: (B, h, w) uint8, 0 background, 255 unknown.
    """
    here = ends(seeds, (0, 0), radius=radius)
    there = ends(seeds, destination, radius=radius)
    equal = here == there
    known = (here != _IGNORED) & (there != _IGNORED)
    background = here == 0
    return PairLabels(equal & background, equal & known & ~background, known & ~equal)
