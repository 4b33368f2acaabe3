"""Maps added up over sizes and mirrors of an image.

Axes: B batch, C classes, K channels, H x W pixels, h x w cells.
Sources: IRNet, arXiv 1904.05044; LPCAM, arXiv 2303.10334, section 3.3.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from wsmis_core.cam.maps import cam

_EPSILON = 1e-5  # as published, for maps of the scores' own scale


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

    def at_scale(scaled: Tensor) -> Tensor:
        if not flip:
            return maps_fn(scaled).relu()
        plain, mirrored = maps_fn(torch.cat([scaled, scaled.flip(-1)])).relu().chunk(2)
        return plain + mirrored.flip(-1)

    return _summed(at_scale, images, scales=scales, size=size)


def scale_averaged_maps(
    features_fn: Callable[[Tensor], Tensor],
    weight: Tensor,
    images: Tensor,
    *,
    scales: Sequence[float],
    flip: bool,
    size: tuple[int, int],
) -> Tensor:
    """The mean over scales of ``relu(weight · f / |f|)``, f the features of image and mirror added up.

    Args:
        features_fn: (B, N, H, W) images to (B, K, h, w) features.
        weight: (C, K).
        images: (B, N, H, W).

    Returns:
        (B, C, *size), none negative.
    """

    def at_scale(scaled: Tensor) -> Tensor:
        features = features_fn(scaled)
        if flip:
            features = features + features_fn(scaled.flip(-1)).flip(-1)
        return cam(F.normalize(features, dim=1), weight).relu()

    return _summed(at_scale, images, scales=scales, size=size) / len(scales)


def _summed(
    maps_fn: Callable[[Tensor], Tensor], images: Tensor, *, scales: Sequence[float], size: tuple[int, int]
) -> Tensor:
    """The maps of the images at each scale, all at ``size``, added up."""
    total: Tensor | None = None
    for scale in scales:
        maps = maps_fn(rescaled(images, scale))
        resized = F.interpolate(maps, size=size, mode="bilinear", align_corners=False)
        total = resized if total is None else total + resized
    assert total is not None, "one scale at least"
    return total


def normalise(maps: Tensor, *, epsilon: float = _EPSILON) -> Tensor:
    """Each (h, w) map divided by its own maximum + ``epsilon``."""
    return maps / (maps.amax(dim=(-2, -1), keepdim=True) + epsilon)


def rescaled(images: Tensor, scale: float) -> Tensor:
    height, width = (max(1, round(side * scale)) for side in images.shape[-2:])
    if (height, width) == images.shape[-2:]:
        return images
    return F.interpolate(images, size=(height, width), mode="bilinear", align_corners=False, antialias=True)
