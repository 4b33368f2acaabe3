"""Magnifying, and cutting a square out of an image of any shape.

Images are (H, W, c) uint8 and label maps (H, W) uint8.
Source: IRNet's training, arXiv 1904.05044.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from PIL import Image

__all__ = ["Frame", "framed", "random_frame", "rescaled"]

Pixels = npt.NDArray[np.uint8]
AnyType = TypeVar("AnyType", bound=np.generic)


@dataclass(frozen=True, slots=True)
class Frame:
    """A square of ``side`` pixels on an image: the part of the image in it, and where in it that lies."""

    side: int
    of_image: tuple[slice, slice]
    of_frame: tuple[slice, slice]


def random_frame(shape: tuple[int, int], *, side: int, rng: np.random.Generator) -> Frame:
    """A square laid on an image of ``shape`` (height, width).

    Along a side that is longer than the square it lies anywhere within the image; along a shorter one the
    image lies whole, anywhere within the square.
    """
    spans = [_random_span(length, side, rng) for length in shape]
    (rows, rows_in_frame), (columns, columns_in_frame) = spans
    return Frame(side, (rows, columns), (rows_in_frame, columns_in_frame))


def _random_span(length: int, side: int, rng: np.random.Generator) -> tuple[slice, slice]:
    shown = min(length, side)
    start = int(rng.integers(abs(length - side) + 1))
    moved, whole = slice(start, start + shown), slice(0, shown)
    return (moved, whole) if length > side else (whole, moved)


def framed(values: npt.NDArray[AnyType], frame: Frame, *, fill: Any) -> npt.NDArray[AnyType]:
    """What the frame shows of ``values`` (..., H, W), ``fill`` where there is no image: (..., side, side)."""
    shown = np.full((*values.shape[:-2], frame.side, frame.side), fill, dtype=values.dtype)
    shown[(..., *frame.of_frame)] = values[(..., *frame.of_image)]
    return shown


def rescaled(image: Pixels, labels: Pixels, *, factor: float) -> tuple[Pixels, Pixels]:
    """Both ``factor`` times as high and wide, at least one pixel: the image bicubic, the labels nearest."""
    height, width = (max(1, round(length * factor)) for length in labels.shape)
    flat = image[..., 0] if image.shape[2:] == (1,) else image
    larger = Image.fromarray(flat).resize((width, height), Image.Resampling.BICUBIC)
    moved = Image.fromarray(labels).resize((width, height), Image.Resampling.NEAREST)
    return np.asarray(larger).reshape(height, width, -1), np.asarray(moved)
