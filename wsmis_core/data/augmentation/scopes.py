"""The named scopes of augmentation.

Source: the published scopes (WSMIS, arXiv 2007.00748); where they give no range, the one here is the usual
one of the field. `xray` is our own: what two takes of one patient may differ in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from wsmis_core.data.augmentation import intensity
from wsmis_core.data.augmentation.geometry import Pair, affine, elastic, mirror, optical
from wsmis_core.spec.parts import Augmentation

__all__ = ["augment"]

Pixels = npt.NDArray[np.uint8]
Rng = np.random.Generator


def augment(image: Pixels, mask: Pixels | None = None, *, scope: Augmentation, rng: Rng) -> Pair:
    """A changed image (H, W, c), and its mask (H, W) moved along with it; the arguments stay as they are.

    All chance comes from ``rng``. Pixels from outside repeat the border.
    """
    assert image.ndim == 3, "an image is (H, W, c)"
    changed, moved = SCOPES[scope](image, mask, rng)
    return _laid_out(changed), None if moved is None else _laid_out(moved)


def _laid_out(pixels: Pixels) -> Pixels:
    """The pixels in a memory of their own, which torch takes.

    A mirrored side of one pixel counts as contiguous, but keeps its negative stride.
    """
    return pixels.copy(order="C")


def _none(image: Pixels, mask: Pixels | None, rng: Rng) -> Pair:  # noqa: ARG001 - the scopes' signature
    return image, mask


def _flip(image: Pixels, mask: Pixels | None, rng: Rng) -> Pair:
    return mirror(image, mask) if _chance(rng, 0.5) else (image, mask)


def _strong(image: Pixels, mask: Pixels | None, rng: Rng) -> Pair:
    image, mask = _flip(image, mask, rng)
    if _chance(rng, 0.4):
        scale, degrees = rng.uniform(0.8, 1.2), rng.uniform(-30, 30)
        image, mask = affine(image, mask, degrees=degrees, scale=scale, shift=(0, 0))
    if _chance(rng, 0.5):
        image, mask = elastic(image, mask, rng=rng)
    if _chance(rng, 0.5):
        image = intensity.add_noise(image, rng=rng, sigma=rng.uniform(3, 7))
    if _chance(rng, 0.5):
        image = _one_of(_clahe, _sharpen, _brightness_contrast, _gamma, _median, rng=rng)(image, rng)
    if _chance(rng, 0.5):
        image = _one_of(_rgb_shift, _hue_saturation, rng=rng)(image, rng)
    return image, mask


def _pneumothorax(image: Pixels, mask: Pixels | None, rng: Rng) -> Pair:
    image, mask = _flip(image, mask, rng)
    if _chance(rng, 0.3):
        image = _one_of(_brightness_contrast, _gamma, rng=rng)(image, rng)
    if _chance(rng, 0.3):
        if _chance(rng, 0.5):
            return elastic(image, mask, rng=rng)
        centre = (rng.uniform(-0.1, 0.1), rng.uniform(-0.1, 0.1))
        return optical(image, mask, strength=rng.uniform(-0.2, 0.2), centre=centre)
    return image, mask


def _xray(image: Pixels, mask: Pixels | None, rng: Rng) -> Pair:
    image, mask = _flip(image, mask, rng)
    degrees = rng.uniform(-10, 10) if _chance(rng, 0.5) else 0.0
    scale = rng.uniform(0.9, 1.1) if _chance(rng, 0.5) else 1.0
    shift = (rng.uniform(-0.05, 0.05), rng.uniform(-0.05, 0.05)) if _chance(rng, 0.5) else (0.0, 0.0)
    if (degrees, scale, shift) != (0.0, 1.0, (0.0, 0.0)):
        image, mask = affine(image, mask, degrees=degrees, scale=scale, shift=shift)
    if _chance(rng, 0.5):
        image = _brightness_contrast(image, rng)
    if _chance(rng, 0.5):
        image = _gamma(image, rng)
    return image, mask


SCOPES: Mapping[Augmentation, Callable[[Pixels, Pixels | None, Rng], Pair]] = {
    "none": _none,
    "weak": _flip,
    "horizontal_flip": _flip,
    "strong": _strong,
    "pneumothorax": _pneumothorax,
    "xray": _xray,
}

Change = Callable[[Pixels, Rng], Pixels]


def _one_of(*changes: Change, rng: Rng) -> Change:
    return changes[int(rng.integers(len(changes)))]


def _chance(rng: Rng, probability: float) -> bool:
    return rng.random() < probability


def _brightness_contrast(image: Pixels, rng: Rng) -> Pixels:
    return intensity.brightness_contrast(
        image, brightness=rng.uniform(-0.2, 0.2), contrast=rng.uniform(0.8, 1.2)
    )


def _gamma(image: Pixels, rng: Rng) -> Pixels:
    return intensity.gamma(image, exponent=rng.uniform(0.8, 1.2))


def _clahe(image: Pixels, rng: Rng) -> Pixels:  # noqa: ARG001 - the changes' signature
    return intensity.clahe(image, clip=2)


def _sharpen(image: Pixels, rng: Rng) -> Pixels:
    return intensity.sharpen(image, amount=rng.uniform(0.2, 0.5))


def _median(image: Pixels, rng: Rng) -> Pixels:
    return intensity.median(image, side=int(rng.choice([3, 5])))


def _rgb_shift(image: Pixels, rng: Rng) -> Pixels:
    red, green, blue = rng.uniform(-20, 20, 3)
    return intensity.rgb_shift(image, shift=(red, green, blue))


def _hue_saturation(image: Pixels, rng: Rng) -> Pixels:
    hue, saturation, value = rng.uniform(-1, 1, 3) * (0.1, 0.12, 0.08)
    return intensity.hue_saturation(image, hue=hue, saturation=saturation, value=value)
