"""The two findings: what they add to the density, and exactly where they are."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from wsmis_core.data.phantom.canvas import Canvas, Mask, Plane
from wsmis_core.data.phantom.patient import Lung
from wsmis_core.data.phantom.thorax import egg_level

SMALLEST_AREA = 0.01  # of the image; a smaller finding is drawn larger
GROWTH = 1.25


@dataclass(frozen=True)
class Finding:
    """One finding in one lung: `air` and `fluid` cover it in [0, 1], `line` is its bright rim; all (H, W)."""

    mask: Mask
    air: Plane
    fluid: Plane
    line: Plane


@dataclass(frozen=True)
class _Collapse:
    """How far the visceral pleura has come off the wall, in canvas units."""

    inwards: float
    down: float
    shrink: float


def pneumothorax(canvas: Canvas, lung: Lung, field: Plane, rng: np.random.Generator) -> Finding:
    """Air without lung between the chest wall and the visceral pleura: an apical cap, a crescent, or both.

    `field` is the lung field's signed distance.
    """
    shape = rng.uniform()
    size = float(np.exp(rng.normal(np.log(0.15), 0.4)))
    apical, lateral = (
        (size, 0.2 * size) if shape < 0.35 else (0.25 * size, size) if shape < 0.55 else (size, 0.8 * size)
    )
    collapse = _Collapse(inwards=lateral, down=1.3 * apical, shrink=rng.uniform(0.0, 0.012))
    for _ in range(20):
        level = _pleura_level(canvas, lung, collapse)
        mask = (field < 0) & (level > 0)
        if mask.mean() >= SMALLEST_AREA:
            break
        collapse = replace(collapse, inwards=collapse.inwards * GROWTH, down=collapse.down * GROWTH)
    inside = canvas.coverage(field)
    rim = np.exp(-((level / np.float32(max(0.009, 0.8 * canvas.pixel))) ** 2)) * inside
    air = canvas.coverage(-level) * inside
    return Finding(mask=mask, air=air, fluid=np.zeros_like(air), line=rim)


def _pleura_level(canvas: Canvas, lung: Lung, collapse: _Collapse) -> Plane:
    return egg_level(canvas, lung, inwards=collapse.inwards, down=collapse.down, shrink=collapse.shrink)


def effusion(canvas: Canvas, lung: Lung, field: Plane, rng: np.random.Generator) -> Finding:
    """Fluid on the diaphragm under a meniscus that climbs the chest wall."""
    height, climb = rng.uniform(0.08, 0.4), rng.uniform(0.5, 2.0)
    outwards = lung.side * canvas.x - lung.x
    for _ in range(20):
        surface = (
            lung.base - height - climb * np.clip(outwards, 0, None) ** 2 + 0.2 * np.clip(outwards, None, 0)
        )
        level = surface - canvas.y
        mask = (field < 0) & (level < 0)
        if mask.mean() >= SMALLEST_AREA:
            break
        height *= GROWTH
    fluid = canvas.coverage(level, 0.03) * canvas.coverage(field)
    return Finding(mask=mask, air=np.zeros_like(fluid), fluid=fluid, line=np.zeros_like(fluid))


FINDINGS: dict[str, Callable[[Canvas, Lung, Plane, np.random.Generator], Finding]] = {
    "pneumothorax": pneumothorax,
    "effusion": effusion,
}
