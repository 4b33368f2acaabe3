"""Affinities of pairs of cells: one, less the strongest boundary on the way between them.

Axes: B batch, D destinations in the order of ``search_paths(radius)``, h x w cells, h' x w' sources.
Source: IRNet, arXiv 1904.05044, section 4.1 and equation 3.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from wsmis_core.irn.paths import SearchPath, ends, search_paths

_IGNORED = 255


class PairLabels(NamedTuple):
    """What the seeds say of pairs, each (B, D, h', w') bool; no pair has more than one label."""

    background: Tensor
    foreground: Tensor
    different: Tensor


def path_maxima(boundary: Tensor, *, radius: int) -> Tensor:
    """The strongest boundary on the path of every pair, its ends included.

    The gradient goes to the strongest cell.

    Args:
        boundary: (B, h, w).

    Returns:
        (B, D, h - radius + 1, w - 2 · radius + 2).
    """
    if torch.is_grad_enabled() and boundary.requires_grad:
        maxima: Tensor = _PathMaxima.apply(boundary, radius)
        return maxima
    return _maxima(boundary, radius)


def affinities(boundary: Tensor, *, radius: int) -> Tensor:
    """The affinity of every cell to each of its destinations; 0 where that lies outside the map.

    Args:
        boundary: (B, h, w) in [0, 1].

    Returns:
        (B, D, h, w) in [0, 1].
    """
    reach = radius - 1
    padded = F.pad(boundary, (reach, reach, 0, reach), value=1.0)
    return 1 - path_maxima(padded, radius=radius)


def pair_labels(seeds: Tensor, *, radius: int) -> PairLabels:
    """Label the pairs whose two ends both have a seed.

    Args:
        seeds: (B, h, w) uint8, 0 background, 255 unknown.
    """
    destinations = [path.destination for path in search_paths(radius)]
    source = ends(seeds, (0, 0), radius=radius).unsqueeze(1)  # (B, 1, h', w')
    destination = torch.stack([ends(seeds, offset, radius=radius) for offset in destinations], dim=1)
    known = (source != _IGNORED) & (destination != _IGNORED)
    equal = known & (source == destination)
    background = source == 0
    return PairLabels(equal & background, equal & ~background, known & (source != destination))


# Tables of runs: ``tables[dim][k - 1]`` holds, for every run of k cells along ``dim`` by its first cell,
# its maximum; the table beside it, where wanted, the flat index of the cell that has it. Runs serve many
# paths: at radius 10, 532 slices take the place of 2134 cells.
Tables = dict[int, list[Tensor]]


class _PathMaxima(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, boundary: Tensor, radius: int) -> Tensor:
        maxima, strongest = _maxima_and_cells(boundary, radius)
        ctx.save_for_backward(strongest)
        ctx.shape = boundary.shape
        return maxima

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (strongest,) = ctx.saved_tensors
        batch, height, width = ctx.shape
        cells = gradient.new_zeros(batch, height * width)
        cells.scatter_add_(1, strongest.flatten(1), gradient.flatten(1))
        return cells.view(batch, height, width), None


def _maxima(boundary: Tensor, radius: int) -> Tensor:
    tables: Tables = {-1: [boundary], -2: [boundary]}
    for dim, runs in tables.items():
        for length in range(1, radius):
            shorter, last = _neighbours(runs[-1], boundary, dim, length)
            runs.append(torch.maximum(shorter, last))
    paths = search_paths(radius)
    maxima = boundary.new_empty(boundary.shape[0], len(paths), *_source_grid(boundary, radius))
    for path, best in zip(paths, maxima.unbind(1), strict=True):
        first, *others = _runs_of(path, tables, radius)
        best.copy_(first)
        for other in others:
            torch.maximum(best, other, out=best)
    return maxima


def _maxima_and_cells(boundary: Tensor, radius: int) -> tuple[Tensor, Tensor]:
    """The maxima, and the flat index h · w of the cell that each comes from, both (B, D, h', w')."""
    batch, height, width = boundary.shape
    indices = torch.arange(height * width, device=boundary.device).view(1, height, width).expand_as(boundary)
    values: Tables = {-1: [boundary], -2: [boundary]}
    cells: Tables = {-1: [indices], -2: [indices]}
    for dim in values:
        for length in range(1, radius):
            shorter, last = _neighbours(values[dim][-1], boundary, dim, length)
            shorter_cell, last_cell = _neighbours(cells[dim][-1], indices, dim, length)
            cells[dim].append(torch.where(last > shorter, last_cell, shorter_cell))
            values[dim].append(torch.maximum(shorter, last))
    paths = search_paths(radius)
    maxima = boundary.new_empty(batch, len(paths), *_source_grid(boundary, radius))
    strongest = torch.empty_like(maxima, dtype=indices.dtype)
    for path, best, cell in zip(paths, maxima.unbind(1), strongest.unbind(1), strict=True):
        (first, *others), (first_cell, *other_cells) = (
            _runs_of(path, tables, radius) for tables in (values, cells)
        )
        best.copy_(first)
        cell.copy_(first_cell)
        for other, other_cell in zip(others, other_cells, strict=True):
            torch.where(other > best, other_cell, cell, out=cell)
            torch.maximum(best, other, out=best)
    return maxima, strongest


def _neighbours(runs: Tensor, single: Tensor, dim: int, length: int) -> tuple[Tensor, Tensor]:
    """Runs of ``length`` cells, and the cells that each must take in to be one longer."""
    count = single.shape[dim] - length
    return runs.narrow(dim, 0, count), single.narrow(dim, length, count)


def _source_grid(boundary: Tensor, radius: int) -> tuple[int, int]:
    return boundary.shape[-2] - radius + 1, boundary.shape[-1] - 2 * radius + 2


def _runs_of(path: SearchPath, tables: Tables, radius: int) -> list[Tensor]:
    """The table entries of a path's runs for every source, each (B, h', w')."""
    (single, *_) = runs = tables[-1 if path.runs_along_rows else -2]
    height, width = _source_grid(single, radius)
    slices = []
    for run in path.runs:
        y, x = run.start[0], run.start[1] + radius - 1
        slices.append(runs[run.length - 1][..., y : y + height, x : x + width])
    return slices
