"""Changes of place: the image is interpolated, its mask takes the nearest pixel, and both stay aligned.

Images are (H, W, c) uint8 and masks (H, W) uint8 or None. What comes from outside repeats the border, in
the mask too: black would shift an image's mean, and teach that smooth and dark is background.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy import ndimage

__all__ = ["Pair", "affine", "elastic", "mirror", "optical"]

Pixels = npt.NDArray[np.uint8]
Pair = tuple[Pixels, Pixels | None]
Plane = npt.NDArray[np.float32]


def mirror(image: Pixels, mask: Pixels | None) -> Pair:
    """Left and right exchanged."""
    return image[:, ::-1], None if mask is None else mask[:, ::-1]


def affine(
    image: Pixels, mask: Pixels | None, *, degrees: float, scale: float, shift: tuple[float, float]
) -> Pair:
    """Turned counter-clockwise and magnified about the centre, then moved right and down.

    ``shift`` is a share of the width and of the height.
    """
    height, width = image.shape[:2]
    cos, sin = (f(math.radians(degrees)) / scale for f in (math.cos, math.sin))
    x, y = width * (0.5 + shift[0]), height * (0.5 + shift[1])
    # Where an output point comes from; Pillow counts from the pixels' corners.
    source = (
        (cos, -sin, width / 2 - cos * x + sin * y),
        (sin, cos, height / 2 - sin * x - cos * y),
    )
    margin = _margin(source, width=width, height=height)
    # The padded image's corner lies the margin up and left.
    coefficients = [value for a, b, c in source for value in (a, b, c + margin)]

    def moved(pixels: Pixels, method: Image.Resampling) -> Pixels:
        flat = pixels[..., 0] if pixels.shape[2:] == (1,) else pixels
        padded = np.pad(flat, [(margin, margin)] * 2 + [(0, 0)] * (flat.ndim - 2), mode="edge")
        moved = Image.fromarray(padded).transform(
            (width, height), Image.Transform.AFFINE, coefficients, resample=method
        )
        return np.asarray(moved).reshape(pixels.shape)

    return (
        moved(image, Image.Resampling.BILINEAR),
        None if mask is None else moved(mask, Image.Resampling.NEAREST),
    )


def _margin(source: tuple[tuple[float, float, float], ...], *, width: int, height: int) -> int:
    """How many pixels beyond the image the corners of the output come from, and one for interpolation."""
    corners = [(x, y) for x in (0, width) for y in (0, height)]
    beyond = [
        max(-place, place - side)
        for (a, b, c), side in zip(source, (width, height), strict=True)
        for x, y in corners
        for place in [a * x + b * y + c]
    ]
    return max(0, math.ceil(max(beyond))) + 1


def elastic(
    image: Pixels, mask: Pixels | None, *, rng: np.random.Generator, alpha: float = 120.0, sigma: float = 6.0
) -> Pair:
    """Each pixel taken from a place up to some pixels away, neighbours from almost the same way off.

    The way is ``alpha`` times uniform noise in [-1, 1] smoothed by a Gaussian of ``sigma`` pixels
    (Simard et al., ICDAR 2003).
    """
    shape = image.shape[:2]
    dy, dx = (
        alpha * ndimage.gaussian_filter(rng.uniform(-1, 1, shape).astype(np.float32), sigma, mode="constant")
        for _ in range(2)
    )
    y, x = _places(shape)
    return _sampled(image, mask, y + dy, x + dx)


def optical(
    image: Pixels, mask: Pixels | None, *, strength: float, centre: tuple[float, float] = (0.0, 0.0)
) -> Pair:
    """Barrel (``strength`` > 0) or pincushion (< 0) distortion.

    A pixel at distance r from the centre comes from r * (1 + strength * r ** 2). r is 1 at the middle of the
    sides; ``centre`` is counted from the image's in the same unit, to the right and down.
    """
    height, width = image.shape[:2]
    y, x = _places((height, width))
    cy, cx = (height - 1) / 2 + centre[1] * height / 2, (width - 1) / 2 + centre[0] * width / 2
    v, u = y - np.float32(cy), x - np.float32(cx)
    factor = 1 + np.float32(strength) * ((2 * v / height) ** 2 + (2 * u / width) ** 2)
    return _sampled(image, mask, cy + v * factor, cx + u * factor)


def _places(shape: tuple[int, ...]) -> tuple[Plane, Plane]:
    """Rows (H, 1) and columns (1, W) of the pixels' centres."""
    return np.arange(shape[0], dtype=np.float32)[:, None], np.arange(shape[1], dtype=np.float32)[None]


def _sampled(image: Pixels, mask: Pixels | None, y: Plane, x: Plane) -> Pair:
    """Image and mask at the rows and columns (H, W) of another grid."""
    places = np.broadcast_arrays(y, x)
    bands = [
        ndimage.map_coordinates(image[..., band], places, order=1, mode="nearest")
        for band in range(image.shape[2])
    ]
    warped = np.stack(bands, axis=-1)  # (H, W, c)
    return warped, None if mask is None else ndimage.map_coordinates(mask, places, order=0, mode="nearest")
