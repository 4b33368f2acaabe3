"""The five kinds of objects: an outline, and a marking on a part of it that tells the kind best.

Axes: `x` and `y` of an object's own canvas, (H, W) each; one unit is its radius, `x` points to its head.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from wsmis_core.data.phantom.canvas import Canvas, Plane

HEAD = 0.15  # from this x on the object bears its marking: a third of its area, more or less
_SHARPNESS = 2.5  # of a marking's edges, per half period


@dataclass(frozen=True)
class Kind:
    """A class of objects: its usual hue, its outline's radius by angle, its marking by place and period."""

    hue: float
    radius: Callable[[Plane], Plane]
    marking: Callable[[Plane, Plane, float], Plane]


def outline(canvas: Canvas, kind: Kind) -> Plane:
    """How far outside of the object each pixel lies, below 0 inside; (H, W) in radii, true near its edge."""
    level: Plane = np.hypot(canvas.x, canvas.y) - kind.radius(np.arctan2(canvas.y, canvas.x))
    return level


def head(canvas: Canvas) -> Plane:
    """Where the marking is, 1 or 0 with a soft edge, (H, W); the outline is not cut out."""
    return canvas.coverage(np.float32(HEAD) - canvas.x)


@lru_cache
def areas(name: str) -> tuple[float, float]:
    """Those of a whole object and of its head, in squares of its radius."""
    canvas = Canvas.posed(256, scale=0.5)
    body = canvas.coverage(outline(canvas, KINDS[name]))
    square = canvas.pixel**2
    return float(body.sum()) * square, float((body * head(canvas)).sum()) * square


def _disc(angle: Plane) -> Plane:
    return np.ones_like(angle)


def _polygon(corners: int, size: float) -> Callable[[Plane], Plane]:
    """A regular polygon whose corners lie at ``size``."""
    sector = 2 * np.pi / corners

    def radius(angle: Plane) -> Plane:
        edge: Plane = (size * np.cos(sector / 2) / np.cos(np.mod(angle, sector) - sector / 2)).astype(
            np.float32
        )
        return edge

    return radius


def _lobes(count: int, *, depth: float) -> Callable[[Plane], Plane]:
    """Round lobes, ``depth`` radii deep between them."""

    def radius(angle: Plane) -> Plane:
        edge: Plane = np.float32(1.1) - np.float32(depth) * np.float32(0.5) * (1 - np.cos(count * angle))
        return edge

    return radius


def _wave(place: Plane, period: float) -> Plane:
    """-1 to 1, steep at the changes."""
    wave: Plane = np.clip(_SHARPNESS * np.sin(2 * np.pi * place / np.float32(period)), -1, 1)
    return wave


def _dark(wave: Plane) -> Plane:
    """A wave as 0 to 1."""
    dark: Plane = (wave + 1) * np.float32(0.5)
    return dark


def _stripes(x: Plane, y: Plane, period: float) -> Plane:  # noqa: ARG001 - the markings' signature
    return _dark(_wave(y, period))


def _checks(x: Plane, y: Plane, period: float) -> Plane:
    return _dark(_wave(x, period * 1.6) * _wave(y, period * 1.6))


def _rings(x: Plane, y: Plane, period: float) -> Plane:
    return _dark(_wave(np.hypot(x - np.float32(0.55), y), period))


def _dots(x: Plane, y: Plane, period: float) -> Plane:
    lattice = np.cos(2 * np.pi * x / (period * 1.3)) + np.cos(2 * np.pi * y / (period * 1.3))
    dots: Plane = np.clip(_SHARPNESS * (lattice - 0.9), 0, 1).astype(np.float32)
    return dots


def _grid(x: Plane, y: Plane, period: float) -> Plane:
    lines = np.maximum(np.cos(2 * np.pi * x / (period * 1.4)), np.cos(2 * np.pi * y / (period * 1.4)))
    grid: Plane = np.clip(_SHARPNESS * (lines - 0.45), 0, 1).astype(np.float32)
    return grid


# In the order of their names, which is that of the masks' values from 1.
KINDS: Mapping[str, Kind] = {
    "clover": Kind(0.0, _lobes(4, depth=0.45), _dots),
    "disc": Kind(0.2, _disc, _rings),
    "square": Kind(0.4, _polygon(4, 1.25), _checks),
    "star": Kind(0.6, _lobes(5, depth=0.6), _stripes),
    "triangle": Kind(0.8, _polygon(3, 1.45), _grid),
}
