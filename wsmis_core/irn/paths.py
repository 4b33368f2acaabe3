"""Search paths: which cells of a map lie between the two ends of a pair of cells.

A pair is a source cell and a destination ``(dy, dx)`` away from it. Of each two opposite directions
one is kept, so that destinations point right or down. Sources are the cells whose every destination
stays in the map: all but the last ``radius - 1`` rows and the outer ``radius - 1`` columns.
Source: IRNet, arXiv 1904.05044, section 4.4.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from torch import Tensor

Offset = tuple[int, int]


@dataclass(frozen=True)
class Run:
    """Consecutive cells of one row or one column, from ``start`` to the right or down."""

    start: Offset
    length: int


@dataclass(frozen=True)
class SearchPath:
    """The cells within less than one cell's width of the line from the source (0, 0) to ``cells[0]``.

    ``cells`` are offsets (dy, dx) from the source, the far end first. ``runs`` cover the same cells
    in as few rows, or as few columns (``runs_along_rows`` false), as there are.
    """

    cells: tuple[Offset, ...]
    runs: tuple[Run, ...]
    runs_along_rows: bool

    @property
    def destination(self) -> Offset:
        return self.cells[0]


@cache
def search_paths(radius: int) -> tuple[SearchPath, ...]:
    """The paths to all destinations nearer than ``radius`` cells, the shortest path first."""
    reach = radius - 1
    destinations = [(0, dx) for dx in range(1, radius)]
    destinations += [
        (dy, dx)
        for dy in range(1, radius)
        for dx in range(-reach, radius)
        if dy * dy + dx * dx < radius * radius
    ]
    return tuple(sorted((_path(*destination) for destination in destinations), key=lambda p: len(p.cells)))


def _path(dy: int, dx: int) -> SearchPath:
    cells = [
        (y, x)
        for y in range(dy + 1)
        for x in range(min(0, dx), max(0, dx) + 1)
        if (dy * x - dx * y) ** 2 < dy * dy + dx * dx
    ]
    along_rows = dy <= abs(dx)
    lines: dict[int, list[Offset]] = {}
    for cell in cells:
        lines.setdefault(cell[0 if along_rows else 1], []).append(cell)
    cells.sort(key=lambda cell: -(cell[0] + abs(cell[1])))
    return SearchPath(
        cells=tuple(cells),
        # A line cuts the band around the path in one piece, and cells were met in rising order.
        runs=tuple(Run(start=line[0], length=len(line)) for line in lines.values()),
        runs_along_rows=along_rows,
    )


def ends(maps: Tensor, offset: Offset, *, radius: int) -> Tensor:
    """The cells ``offset`` away from every source, as a view; (0, 0) gives the sources themselves.

    Args:
        maps: (..., h, w), h >= radius and w >= 2 · radius - 1.

    Returns:
        (..., h - radius + 1, w - 2 · radius + 2).
    """
    reach = radius - 1
    height, width = maps.shape[-2] - reach, maps.shape[-1] - 2 * reach
    y, x = offset[0], reach + offset[1]
    return maps[..., y : y + height, x : x + width]
