"""The healthy chest: body outline, lung fields, heart, ribs, clavicles and vessels, as densities."""

import numpy as np

from wsmis_core.data.phantom.canvas import Canvas, Plane, Point
from wsmis_core.data.phantom.patient import Lung, Patient

BRANCHES_PER_LUNG = 9
HILUM_X, HILUM_Y = 0.17, 0.02


def egg_level(
    canvas: Canvas, lung: Lung, *, inwards: float = 0.0, down: float = 0.0, shrink: float = 0.0
) -> Plane:
    """Signed distance (about; negative inside) to a lung's egg, moved inwards or down, or shrunk."""
    outwards = lung.side * canvas.x - (lung.x - inwards)
    height = (canvas.y - (lung.y + down)) / (lung.half_height - shrink)
    width = (lung.half_width - shrink) * (1 + lung.taper * np.clip(height, -1, 1))
    radius = np.sqrt((outwards / width) ** 2 + height**2)
    level: Plane = ((radius - 1) * lung.half_width).astype(np.float32)
    return level


def lung_level(canvas: Canvas, patient: Patient, lung: Lung) -> Plane:
    """Signed distance (about) to the lung field: the egg, above the dome, outside mediastinum and heart."""
    outwards = lung.side * canvas.x
    dome = canvas.y - lung.base - lung.dome * (outwards - lung.x) ** 2
    mediastinum = np.float32(patient.mediastinum) - outwards
    bounds = [egg_level(canvas, lung), dome, mediastinum, -heart_level(canvas, patient)]
    level: Plane = np.maximum.reduce(bounds)
    return level


def heart_level(canvas: Canvas, patient: Patient) -> Plane:
    """Signed distance (about) to the heart's ellipse, which lies on the image's right."""
    radius = np.hypot(
        (canvas.x - patient.heart_x) / patient.heart_width,
        (canvas.y - patient.heart_y) / patient.heart_height,
    )
    level: Plane = ((radius - 1) * min(patient.heart_width, patient.heart_height)).astype(np.float32)
    return level


def body_density(canvas: Canvas, patient: Patient, rng: np.random.Generator) -> Plane:
    """Soft tissue between black corners: shoulders, neck, a thicker lower half, breasts in women."""
    torso = ((canvas.x / 1.06) ** 4 + ((canvas.y - 0.6) / 1.5) ** 4) ** 0.25 - 1
    neck = np.maximum(np.abs(canvas.x) - 0.3, canvas.y + 0.5)
    inside = canvas.coverage(np.minimum(torso, neck) + 0.03 * canvas.noise(rng, 5), 0.06)
    tissue = patient.tissue + 0.08 * canvas.y + 0.02 * canvas.noise(rng, 6)
    spine = 0.08 * np.exp(-((canvas.x / 0.09) ** 2))
    density = inside * (tissue + spine)
    if patient.sex == "F":
        for side in (-1, 1):
            breast = np.hypot((side * canvas.x - 0.42) / 0.34, (canvas.y - 0.3) / 0.3) - 1
            density = density + 0.06 * canvas.coverage(breast, 0.25)
    body: Plane = density.astype(np.float32)
    return body


def bone_density(canvas: Canvas, patient: Patient, rng: np.random.Generator) -> Plane:
    """Ribs behind and in front, clavicles and the scapulae's edges; they lie over lungs and air alike."""
    distance = np.abs(canvas.x)
    cage = canvas.coverage(
        np.maximum(np.hypot(distance / 0.82, (canvas.y + 0.05) / 0.9) - 1, canvas.y - 0.45), 0.2
    )

    def bars(slope: float, curve: float, spacing: float, width: float) -> Plane:
        phase = (canvas.y - slope * distance - curve * distance**2) / spacing + offset
        return np.clip((width - np.abs(phase - np.floor(phase) - 0.5)) / 0.09, 0, 1).astype(np.float32)

    offset = rng.uniform()
    behind = bars(patient.rib_slope, rng.uniform(0.1, 0.6), patient.rib_spacing, rng.uniform(0.2, 0.28))
    front = bars(-patient.rib_slope * 1.2, rng.uniform(-0.5, 0.0), patient.rib_spacing * 1.2, 0.22)
    ribs = cage * (behind + rng.uniform(0.2, 0.6) * front)

    tilt, height = rng.uniform(-0.15, 0.25), rng.uniform(-0.66, -0.5)
    lines: list[tuple[list[Point], float]] = []
    for side in (-1, 1):
        clavicle = [
            (side * t, height - tilt * t + 0.05 * float(np.sin(6 * t))) for t in np.linspace(0.06, 0.75, 12)
        ]
        lines.append((clavicle, 0.06))
        edge, lean = rng.uniform(0.6, 0.8), rng.uniform(-0.15, 0.1)
        lines.append(([(side * (edge + lean * t), -0.5 + t) for t in np.linspace(0, 0.7, 8)], 0.015))
    bones = ribs + 1.2 * canvas.strokes(lines, blur=0.006)
    return (patient.rib_strength * bones).astype(np.float32)


def vessel_density(canvas: Canvas, lung: Lung, rng: np.random.Generator) -> Plane:
    """Branches that leave the hilum, bend and thin out, as a plane in [0, 1]."""
    lines: list[tuple[list[Point], float]] = []

    def branch(start: Point, angle: float, width: float, length: float, depth: int) -> None:
        points = [start]
        for _ in range(4):
            angle += rng.normal(0, 0.18)
            x, y = points[-1]
            points.append(
                (x + lung.side * length / 4 * float(np.cos(angle)), y + length / 4 * float(np.sin(angle)))
            )
        lines.append((points, width))
        if depth:
            for turn in (-1, 1):
                branch(
                    points[2], angle + turn * rng.uniform(0.3, 0.7), width * 0.65, length * 0.75, depth - 1
                )

    for angle in np.linspace(-1.35, 1.25, BRANCHES_PER_LUNG):
        start = (lung.side * HILUM_X, HILUM_Y + rng.uniform(-0.06, 0.06))
        branch(start, angle + rng.normal(0, 0.1), rng.uniform(0.014, 0.028), rng.uniform(0.3, 0.55), 2)
    return canvas.strokes(lines, blur=0.004)
