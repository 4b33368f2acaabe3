"""Who is drawn: the anatomy that the images of one patient share."""

from dataclasses import dataclass

import numpy as np

SIDES = (-1, 1)  # the image's left (the patient's right) and the image's right


@dataclass(frozen=True)
class Lung:
    """One lung field: an egg cut by the diaphragm's dome. Lengths in canvas units, `x` measured outwards."""

    side: int
    x: float
    y: float
    half_width: float
    half_height: float
    taper: float
    base: float
    dome: float


@dataclass(frozen=True)
class Patient:
    """A person: what the DICOM header says of them, and the shape of their chest."""

    sex: str
    age: int
    lungs: tuple[Lung, Lung]
    heart_x: float
    heart_y: float
    heart_width: float
    heart_height: float
    mediastinum: float
    rib_spacing: float
    rib_slope: float
    rib_strength: float
    tissue: float
    aeration: float


def make_patient(rng: np.random.Generator) -> Patient:
    """Draw a patient; nothing of it depends on what will be found in their images."""
    half_width = rng.uniform(0.27, 0.36)
    half_height = rng.uniform(0.58, 0.74)
    centre = rng.uniform(0.34, 0.42)
    base = rng.uniform(0.38, 0.56)

    def lung(side: int) -> Lung:
        return Lung(
            side=side,
            x=centre + rng.uniform(-0.02, 0.02),
            y=rng.uniform(-0.1, -0.02),
            half_width=half_width * rng.uniform(0.93, 1.07),
            half_height=half_height * rng.uniform(0.96, 1.04),
            taper=rng.uniform(0.12, 0.32),
            base=base + rng.uniform(-0.05, 0.05),
            dome=rng.uniform(0.6, 1.6),
        )

    return Patient(
        sex=str(rng.choice(["M", "F"])),
        age=int(rng.integers(18, 90)),
        lungs=(lung(SIDES[0]), lung(SIDES[1])),
        heart_x=rng.uniform(0.08, 0.18),
        heart_y=rng.uniform(0.2, 0.32),
        heart_width=rng.uniform(0.24, 0.36),
        heart_height=rng.uniform(0.24, 0.34),
        mediastinum=rng.uniform(0.1, 0.16),
        rib_spacing=rng.uniform(0.13, 0.18),
        rib_slope=rng.uniform(0.1, 0.45),
        rib_strength=rng.uniform(0.04, 0.11),
        tissue=rng.uniform(0.5, 0.64),
        aeration=rng.uniform(0.26, 0.36),
    )
