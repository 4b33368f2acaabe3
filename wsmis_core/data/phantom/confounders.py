"""What is there at the same rate whatever is found: tubes, skin folds, side markers, collimation."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from wsmis_core.data.phantom.canvas import Canvas, Plane, Point

DRAIN_RATE = 0.3
LINE_RATE = 0.4
FOLD_RATE = 0.25
MARKER_RATE = 0.7
COLLIMATION_RATE = 0.3


def device_density(canvas: Canvas, rng: np.random.Generator) -> Plane:
    """Chest drains (two walls and a lumen) from the flank, and thin lines from the neck to the heart."""
    density = np.zeros((canvas.size, canvas.size), dtype=np.float32)
    if rng.uniform() < DRAIN_RATE:
        side = int(rng.choice([-1, 1]))
        start, end = (
            (side * 1.0, rng.uniform(0.0, 0.4)),
            (side * rng.uniform(0.2, 0.55), rng.uniform(-0.6, 0.1)),
        )
        path = _bezier(start, (side * rng.uniform(0.3, 0.7), start[1] + rng.uniform(-0.3, 0.1)), end)
        width = rng.uniform(0.025, 0.04)
        density += rng.uniform(0.12, 0.25) * np.clip(
            canvas.strokes([(path, width)]) - 0.8 * canvas.strokes([(path, width * 0.5)]), 0, 1
        )
    if rng.uniform() < LINE_RATE:
        side = int(rng.choice([-1, 1]))
        start = (side * rng.uniform(0.1, 0.7), -1.1)
        path = _bezier(
            start, (side * rng.uniform(0.0, 0.4), -0.5), (rng.uniform(-0.15, 0.1), rng.uniform(-0.2, 0.3))
        )
        density += rng.uniform(0.1, 0.25) * canvas.strokes([(path, rng.uniform(0.01, 0.018))])
    return density


def fold_density(canvas: Canvas, rng: np.random.Generator) -> Plane:
    """A skin fold: an edge that runs down a lung like a pleural line, with lung on both sides of it."""
    if rng.uniform() >= FOLD_RATE:
        return np.zeros((canvas.size, canvas.size), dtype=np.float32)
    side = int(rng.choice([-1, 1]))
    x, lean = side * rng.uniform(0.35, 0.65), rng.uniform(-0.2, 0.2)
    path = _bezier((x, -0.7), (x + lean, 0.0), (x + rng.uniform(-0.2, 0.2), 0.6))
    return rng.uniform(0.03, 0.09) * canvas.strokes([(path, rng.uniform(0.01, 0.03))], blur=0.004)


def mark_side(image: Image.Image, rng: np.random.Generator) -> None:
    """Burn an L or an R, boxed or not, into a corner of a grey image (in place)."""
    if rng.uniform() >= MARKER_RATE:
        return
    size = image.width
    left = bool(rng.uniform() < 0.5)
    height = size * rng.uniform(0.05, 0.09)
    x = size * (rng.uniform(0.02, 0.1) if left else rng.uniform(0.82, 0.9))
    y = size * (rng.uniform(0.02, 0.15) if rng.uniform() < 0.7 else rng.uniform(0.75, 0.88))
    pen = ImageDraw.Draw(image)
    if rng.uniform() < 0.4:
        pen.rectangle((x - 0.3 * height, y - 0.1 * height, x + 0.9 * height, y + 1.2 * height), outline=255)
    # The image's left is the patient's right.
    pen.text((x, y), "R" if left else "L", fill=255, font=ImageFont.load_default(height))


def collimate(image: Plane, rng: np.random.Generator) -> Plane:
    """Black borders where the beam was cut off, on one or two sides."""
    if rng.uniform() >= COLLIMATION_RATE:
        return image
    cut = image.copy()
    for turn in rng.choice(4, size=int(rng.integers(1, 3)), replace=False):
        np.rot90(cut, int(turn))[: round(image.shape[0] * rng.uniform(0.01, 0.05))] = 0
    return cut


def _bezier(start: Point, bend: Point, end: Point) -> list[Point]:
    """Points along a quadratic Bezier curve."""
    return [
        (
            (1 - t) ** 2 * start[0] + 2 * t * (1 - t) * bend[0] + t**2 * end[0],
            (1 - t) ** 2 * start[1] + 2 * t * (1 - t) * bend[1] + t**2 * end[1],
        )
        for t in np.linspace(0, 1, 24).tolist()
    ]
