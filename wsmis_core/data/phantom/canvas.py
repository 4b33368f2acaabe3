"""The drawing plane: coordinates that turn with the patient, soft edges, smooth noise and strokes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

Plane = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
Point = tuple[float, float]


@dataclass(frozen=True)
class Canvas:
    """A square image of `size` pixels whose axes are those of the patient.

    `x` grows to the image's right and `y` downwards, (H, W) each; one unit is half the image's side before
    the patient's rotation, scale and shift.
    """

    size: int
    x: Plane
    y: Plane
    rotation: float
    scale: float
    shift: Point

    @classmethod
    def posed(
        cls, size: int, *, rotation: float = 0.0, scale: float = 1.0, shift: Point = (0.0, 0.0)
    ) -> "Canvas":
        """A canvas seen under a rotation (radians), a magnification and a shift (units)."""
        axis = ((np.arange(size, dtype=np.float32) + 0.5) / size * 2 - 1).astype(np.float32)
        u = (axis[None, :] - np.float32(shift[0])) / np.float32(scale)
        v = (axis[:, None] - np.float32(shift[1])) / np.float32(scale)
        cos, sin = np.float32(np.cos(rotation)), np.float32(np.sin(rotation))
        return cls(size, cos * u + sin * v, cos * v - sin * u, rotation, scale, shift)

    @property
    def pixel(self) -> float:
        """The side of a pixel in the patient's units."""
        return 2.0 / (self.size * self.scale)

    def pixels(self, point: Point) -> Point:
        """Where a point of the patient lies, in pixels (column, row)."""
        cos, sin = float(np.cos(self.rotation)), float(np.sin(self.rotation))
        u = (cos * point[0] - sin * point[1]) * self.scale + self.shift[0]
        v = (sin * point[0] + cos * point[1]) * self.scale + self.shift[1]
        return (u + 1) * self.size / 2 - 0.5, (v + 1) * self.size / 2 - 0.5

    def coverage(self, level: Plane, softness: float = 0.0) -> Plane:
        """How far inside a signed distance is: 1 inside (negative), 0 outside, a ramp of `softness` units.

        The ramp is never narrower than a pixel, which is what smooths the edges.
        """
        ramp = level / np.float32(max(softness, self.pixel))
        covered: Plane = np.clip(np.float32(0.5) - ramp, 0, 1)
        return covered

    def strokes(self, lines: Sequence[tuple[Sequence[Point], float]], *, blur: float = 0.0) -> Plane:
        """Polylines (points, width), in the patient's units as is `blur`, as a plane in [0, 1]."""
        image = Image.new("L", (self.size, self.size))
        pen = ImageDraw.Draw(image)
        for points, width in lines:
            inked = width / self.pixel
            # A line narrower than a pixel is drawn a pixel wide and paler.
            pen.line(
                [self.pixels(point) for point in points],
                fill=round(255 * min(1.0, inked)),
                width=max(1, round(inked)),
                joint="curve",
            )
        smooth = image.filter(ImageFilter.GaussianBlur(max(0.5, blur / self.pixel)))
        return np.asarray(smooth, dtype=np.float32) / np.float32(255)

    def noise(self, rng: np.random.Generator, cells: int) -> Plane:
        """Smooth noise of mean 0 and deviation about 1, drawn on `cells` x `cells` and interpolated."""
        coarse = rng.standard_normal((cells, cells)).astype(np.float32)
        return np.asarray(Image.fromarray(coarse).resize((self.size, self.size), Image.Resampling.BICUBIC))
