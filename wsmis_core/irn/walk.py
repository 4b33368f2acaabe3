"""The random walk that spreads activation up to boundaries: exact, sparse, in float64.

Axes: B batch, C maps, h x w cells, N = h · w, D destinations of ``search_paths(radius)``.
Source: IRNet, arXiv 1904.05044, section 5.2.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from wsmis_core.irn.affinity import affinities
from wsmis_core.irn.paths import search_paths

# Images walk together as long as they have no more cells than so many maps of 128 x 128.
_CELLS_AT_ONCE = 8 * 128 * 128


def random_walks(
    maps: Sequence[Tensor],
    boundaries: Sequence[Tensor],
    *,
    radius: int = 5,
    beta: float = 10.0,
    log2_steps: Sequence[int],
) -> list[Tensor]:
    """`random_walk` of images of any shapes, those with the same number of steps together.

    A smaller image is padded with cells of boundary 1: nothing walks into them or past them.

    Args:
        maps: each (C, h, w); C and the shape are the image's own.
        boundaries: each (h, w).
        log2_steps: of each image.

    Returns:
        The walked maps of each image, in its own shape.
    """
    walked: dict[int, Tensor] = {}
    for group in _groups([tuple(one.shape) for one in boundaries], log2_steps):
        height, width = (max(boundaries[number].shape[side] for number in group) for side in (0, 1))
        most = max(len(maps[number]) for number in group)
        together = random_walk(
            torch.stack([_padded(maps[number], (most, height, width), 0.0) for number in group]),
            torch.stack([_padded(boundaries[number], (height, width), 1.0) for number in group]),
            radius=radius,
            beta=beta,
            log2_steps=log2_steps[group[0]],
        )
        for number, one in zip(group, together, strict=True):
            classes, rows, columns = maps[number].shape
            walked[number] = one[:classes, :rows, :columns]
    return [walked[number] for number in range(len(maps))]


def _groups(shapes: Sequence[tuple[int, ...]], log2_steps: Sequence[int]) -> list[list[int]]:
    """The images in groups of equal steps that are small enough to walk together."""
    groups: list[list[int]] = []
    for steps in sorted(set(log2_steps)):
        height = width = 0
        group: list[int] = []
        for number, shape in enumerate(shapes):
            if log2_steps[number] != steps:
                continue
            height, width = max(height, shape[0]), max(width, shape[1])
            if group and (len(group) + 1) * height * width > _CELLS_AT_ONCE:
                groups.append(group)
                group, (height, width) = [], shape
            group.append(number)
        groups.append(group)
    return groups


def _padded(values: Tensor, shape: tuple[int, ...], fill: float) -> Tensor:
    """``values`` with ``fill`` behind the end of each side, up to ``shape``."""
    pads = [part for have, want in zip(values.shape, shape, strict=True) for part in (want - have, 0)]
    return F.pad(values, pads[::-1], value=fill)


@torch.no_grad()
def random_walk(
    maps: Tensor, boundary: Tensor, *, radius: int = 5, beta: float = 10.0, log2_steps: int = 8
) -> Tensor:
    """``(maps · (1 - boundary)) T^(2^log2_steps)``, T the affinities to the power ``beta``.

    T's columns add up to 1, so each step gives every cell the weighted mean of the cells within
    ``radius``: values stay within the range of ``maps · (1 - boundary)``. T is never built: a
    destination lies the same number of places on in every row-major flattened map, and pairs that
    would leave the map have affinity 0, so that a step is two products of whole vectors for each
    destination. Single precision loses 5e-4 over 256 steps; this keeps to 1e-12.

    Args:
        maps: (C, h, w) or (B, C, h, w).
        boundary: (h, w) or (B, h, w) in [0, 1].
        log2_steps: 0 or more; the walk takes ``2 ** log2_steps`` steps.

    Returns:
        The walked maps, in the shape and type of ``maps``.
    """
    assert maps.shape[-2:] == boundary.shape[-2:], "maps and boundary share a grid"
    assert beta > 0, "at 0, cells outside the map would count as neighbours"
    height, width = boundary.shape[-2:]
    cells = height * width
    weights = affinities(boundary.reshape(-1, height, width).double(), radius=radius).pow_(beta)
    weights = weights.flatten(2).unsqueeze(1)  # (B, 1, D, N)
    steps = []
    for place, path in enumerate(search_paths(radius)):
        dy, dx = path.destination
        if dy < height and abs(dx) < width:
            shift = dy * width + dx
            steps.append((weights[:, :, place, : cells - shift], shift))

    def step(values: Tensor) -> Tensor:
        spread = values.clone()  # a cell's affinity to itself is 1
        for weight, shift in steps:
            spread[..., : cells - shift].addcmul_(weight, values[..., shift:])
            spread[..., shift:].addcmul_(weight, values[..., : cells - shift])
        return spread

    share = step(torch.ones_like(weights[:, :, 0])).reciprocal_()  # (B, 1, N)
    start = maps.double() * (1 - boundary.double().unsqueeze(-3))
    walked = start.reshape(len(weights), -1, cells)  # (B, C, N)
    for _ in range(2**log2_steps):
        walked = step(walked).mul_(share)
    return walked.reshape(maps.shape).to(maps.dtype)
