"""Maps added up over sizes and mirrors of an image.

Axes: B batch, C classes, H x W pixels.
Source: IRNet, arXiv 1904.05044.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

_EPSILON = 1e-5


def multi_scale_maps(
    maps_fn: Callable[[Tensor], Tensor],
    images: Tensor,
    *,
    scales: Sequence[float],
    flip: bool,
    size: tuple[int, int],
) -> Tensor:
    """The sum over scales of ``relu(maps)`` of the images and of their mirrors, mirrored back.

    Args:
        maps_fn: (B, N, H, W) images to (B, C, h, w) maps.
        images: (B, N, H, W).
        scales: factors on H and W.
        size: height and width of the result.

    Returns:
        (B, C, *size), none negative.
    """
    total: Tensor | None = None
    for scale in scales:
        maps = _mirrored_sum(maps_fn, rescaled(images, scale), flip=flip)
        resized = F.interpolate(maps, size=size, mode="bilinear", align_corners=False)
        total = resized if total is None else total + resized
    assert total is not None, "one scale at least"
    return total


def normalise(maps: Tensor) -> Tensor:
    """Each (h, w) map divided by its own maximum + 1e-5."""
    return maps / (maps.amax(dim=(-2, -1), keepdim=True) + _EPSILON)


def rescaled(images: Tensor, scale: float) -> Tensor:
    height, width = (max(1, round(side * scale)) for side in images.shape[-2:])
    if (height, width) == images.shape[-2:]:
        return images
    return F.interpolate(images, size=(height, width), mode="bilinear", align_corners=False, antialias=True)


def _mirrored_sum(maps_fn: Callable[[Tensor], Tensor], images: Tensor, *, flip: bool) -> Tensor:
    if not flip:
        return maps_fn(images).relu()
    plain, mirrored = maps_fn(torch.cat([images, images.flip(-1)])).relu().chunk(2)
    return plain + mirrored.flip(-1)
