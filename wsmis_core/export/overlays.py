"""Masks and maps laid over images: colour that leaves the film readable, and contours that do not."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from wsmis_core.export.colours import class_colour

__all__ = ["overlay"]

Pixels = npt.NDArray[np.uint8]
Colours = npt.NDArray[np.float32]

# Black, violet, red, orange, pale yellow: brightness grows with the value.
_HEAT = np.array([(0, 0, 4), (87, 16, 110), (188, 55, 84), (249, 142, 9), (252, 255, 164)], dtype=np.float32)
_WHITE = (255, 255, 255)


def overlay(
    image: Pixels,
    layer: npt.NDArray[Any],
    *,
    opacity: float = 0.4,
    truth: npt.NDArray[Any] | None = None,
    side: int | None = None,
) -> Pixels:
    """``layer`` over ``image``, RGB (H, W, 3).

    Args:
        image: (H, W), (H, W, 1) or (H, W, 3) uint8.
        layer: (h, w), of any size. Whole numbers or bool: class ids, filled and with a contour in the class's
            colour, 255 (ignored) grey. Floating point: a map in [0, 1], as heat, more opaque where higher.
        opacity: of filled classes, and of a map's maximum.
        truth: class ids (h, w) whose contours are drawn white on top.
        side: the longer side of the result in pixels; the image's own where not given.
    """
    base = _rgb(image, side)
    shape = base.shape[:2]
    if np.issubdtype(layer.dtype, np.floating):
        mixed = _with_heat(base, np.clip(_resized(layer.astype(np.float32), shape), 0, 1), opacity)
    else:
        mixed = _with_classes(base, _resized(layer.astype(np.uint8), shape), opacity)
    if truth is not None:
        mixed[_contours(_resized(truth.astype(np.uint8), shape))] = _WHITE
    blended: Pixels = np.rint(mixed).astype(np.uint8)
    return blended


def _rgb(image: Pixels, side: int | None) -> Colours:
    picture = Image.fromarray(image[..., 0] if image.shape[2:] == (1,) else image).convert("RGB")
    if side is not None and side != max(picture.size):
        scale = side / max(picture.size)
        picture = picture.resize(
            (max(1, round(picture.width * scale)), max(1, round(picture.height * scale))),
            Image.Resampling.BICUBIC,
        )
    return np.asarray(picture, dtype=np.float32)


def _resized(layer: npt.NDArray[Any], shape: tuple[int, ...]) -> npt.NDArray[Any]:
    method = Image.Resampling.NEAREST if layer.dtype == np.uint8 else Image.Resampling.BILINEAR
    return np.asarray(Image.fromarray(layer).resize((shape[1], shape[0]), method))


def _with_heat(base: Colours, heat: Colours, opacity: float) -> Colours:
    anchors = np.linspace(0, 1, len(_HEAT))
    colours = np.stack([np.interp(heat, anchors, _HEAT[:, band]) for band in range(3)], axis=-1)
    weight = opacity * np.sqrt(heat)[..., None]
    mixed: Colours = ((1 - weight) * base + weight * colours).astype(np.float32)
    return mixed


def _with_classes(base: Colours, mask: Pixels, opacity: float) -> Colours:
    mixed = base.copy()
    edges = _contours(mask)
    for class_id in np.unique(mask[mask > 0]).tolist():
        colour = np.array(class_colour(class_id), dtype=np.float32)
        inside = mask == class_id
        mixed[inside] = (1 - opacity) * base[inside] + opacity * colour
        mixed[inside & edges] = colour
    return mixed


def _contours(mask: Pixels) -> npt.NDArray[np.bool_]:
    """Foreground pixels with a different class beside them (H, W); the image's own border is no contour."""
    padded = np.pad(mask, 1, mode="edge")
    beside = (padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:])
    edges: npt.NDArray[np.bool_] = (mask > 0) & np.logical_or.reduce([mask != other for other in beside])
    return edges
