"""One phantom image: a patient's chest under an exposure, with chosen findings and their true masks."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from wsmis_core.data.phantom.canvas import Canvas, Mask, Plane
from wsmis_core.data.phantom.confounders import collimate, device_density, fold_density, mark_side
from wsmis_core.data.phantom.findings import FINDINGS, Finding
from wsmis_core.data.phantom.patient import Patient
from wsmis_core.data.phantom.thorax import body_density, bone_density, lung_level, vessel_density

BILATERAL_RATE = 0.1


@dataclass(frozen=True)
class PhantomImage:
    """An 8-bit image (H, W) and the regions of every finding: a mask (H, W) a lung, none where absent."""

    image: npt.NDArray[np.uint8]
    regions: dict[str, tuple[Mask, ...]]
    view: str

    @property
    def masks(self) -> dict[str, Mask]:
        """The union of the regions of every finding; all False where it is absent."""
        return {
            finding: np.logical_or.reduce(regions) if regions else np.zeros(self.image.shape, dtype=np.bool_)
            for finding, regions in self.regions.items()
        }


def draw(
    rng: np.random.Generator, patient: Patient, *, size: int, findings: Collection[str] = ()
) -> PhantomImage:
    """Draw one image of a patient.

    The label decides the finding alone: pose, exposure, noise, tubes, folds and markers are drawn from the
    same distributions whether or not anything is found. A finding in one lung or, now and then, in both.
    """
    canvas = Canvas.posed(
        size,
        rotation=rng.normal(0, 0.05),
        scale=rng.uniform(0.9, 1.12),
        shift=(rng.normal(0, 0.03), rng.normal(0, 0.03)),
    )
    density = body_density(canvas, patient, rng)
    contrast = _make_contrast(rng)
    affected = {name: _sides(rng) for name in FINDINGS}
    regions: dict[str, list[Mask]] = {name: [] for name in FINDINGS}
    for index, lung in enumerate(patient.lungs):
        field = lung_level(canvas, patient, lung)
        here = {
            name: make(canvas, lung, field, rng)
            for name, make in FINDINGS.items()
            if name in findings and index in affected[name]
        }
        fluid = here["effusion"].mask if "effusion" in here else np.zeros_like(field, dtype=np.bool_)
        for name, finding in here.items():
            # Air over fluid: where fluid stands there is no air.
            regions[name].append(finding.mask & ~fluid if name == "pneumothorax" else finding.mask)
        content = vessel_density(canvas, lung, rng) * rng.uniform(0.1, 0.2) + 0.02 * canvas.noise(rng, 40)
        aeration = patient.aeration * (1 + 0.08 * canvas.noise(rng, 5)) - contrast.lucency * canvas.y
        inside = canvas.coverage(field, 0.02)
        density = density + inside * _lung_density(content - aeration, patient, list(here.values()), contrast)
    density = density + bone_density(canvas, patient, rng)
    density = density + device_density(canvas, rng) + fold_density(canvas, rng)
    picture = _exposed(density, canvas, rng)
    image = Image.fromarray(np.round(255 * collimate(picture, rng)).astype(np.uint8))
    mark_side(image, rng)
    return PhantomImage(
        image=np.asarray(image),
        regions={name: tuple(masks) for name, masks in regions.items()},
        view=str(rng.choice(["PA", "AP"])),
    )


@dataclass(frozen=True)
class _Contrast:
    """How strongly things show in one image, in densities; `lucency` darkens the lungs towards the apex."""

    air: float
    pleura: float
    fluid: float
    lucency: float


def _make_contrast(rng: np.random.Generator) -> _Contrast:
    return _Contrast(
        air=rng.uniform(0.07, 0.17),
        pleura=rng.uniform(0.05, 0.14),
        fluid=rng.uniform(0.6, 0.95),
        lucency=rng.uniform(0.0, 0.05),
    )


def _lung_density(lung: Plane, patient: Patient, findings: Sequence[Finding], contrast: _Contrast) -> Plane:
    """What a lung field adds to the body (H, W): `lung` where it is whole, then air, pleura and fluid."""
    density = lung
    for finding in findings:
        density = density * (1 - finding.air) - (patient.aeration + contrast.air) * finding.air
        density = density + contrast.pleura * finding.line
    for finding in findings:
        density = density * (1 - contrast.fluid * finding.fluid)
    return density


def _sides(rng: np.random.Generator) -> frozenset[int]:
    """Which lungs (indices into the patient's two) a finding is in."""
    return frozenset({0, 1}) if rng.uniform() < BILATERAL_RATE else frozenset({int(rng.integers(2))})


def _exposed(
    density: npt.NDArray[np.float32], canvas: Canvas, rng: np.random.Generator
) -> npt.NDArray[np.float32]:
    """From density to brightness in [0, 1]: gain, offset, gamma, an uneven field and quantum noise."""
    uneven = 1 + 0.04 * canvas.noise(rng, 3)
    bright = density * uneven * rng.uniform(0.9, 1.35) + rng.uniform(-0.06, 0.06)
    curved = np.clip(bright, 0, 1) ** rng.uniform(0.75, 1.25)
    grain = rng.uniform(0.008, 0.03) * rng.standard_normal(curved.shape).astype(np.float32)
    return np.clip(curved + grain, 0, 1).astype(np.float32)
