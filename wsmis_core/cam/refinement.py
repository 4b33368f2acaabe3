"""Pixel-adaptive mask refinement (PAMR): maps that follow the image's own edges.

Axes: B batch, N image channels, K maps, P neighbours, H x W pixels.
Source: Araslanov & Roth, CVPR 2020, arXiv 2005.08104.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

DILATIONS = (1, 2, 4, 8, 12, 24)

_NEIGHBOURS = ((-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1))
_SIGMA_SCALE = 0.1
_SIGMA_FLOOR = 1e-8


def _offsets(dilations: Sequence[int]) -> list[tuple[int, int]]:
    return [(d * dy, d * dx) for d in dilations for dy, dx in _NEIGHBOURS]


def _pad(maps: Tensor, margin: int) -> Tensor:
    return F.pad(maps, (margin, margin, margin, margin), mode="replicate")


def _shifted(padded: Tensor, offset: tuple[int, int], margin: int) -> Tensor:
    """The view of a padded map that lies ``offset`` away from each of its inner cells."""
    y, x = margin + offset[0], margin + offset[1]
    height, width = padded.shape[-2] - 2 * margin, padded.shape[-1] - 2 * margin
    return padded[..., y : y + height, x : x + width]


@torch.no_grad()
def pixel_affinities(image: Tensor, *, dilations: Sequence[int] = DILATIONS) -> Tensor:
    """How much each pixel resembles its neighbours at every dilation.

    The affinity is the softmax over the P = 8 · len(dilations) neighbours of
    ``-mean_n |I_n(x) - I_n(x + p)| / (1e-8 + 0.1 σ_n(x))``. σ is the sample standard deviation over
    the nine cells of every dilation together, so the image's scale does not matter.

    Args:
        image: (B, N, H, W), in any unit.

    Returns:
        (B, P, H, W) in the image's floating type; over P the affinities add up to 1.
    """
    margin = max(dilations)
    offsets = _offsets(dilations)
    padded = _pad(image, margin)  # (B, N, H + 2m, W + 2m)

    # The nine cells of a dilation hold the pixel itself, whose difference is 0.
    cells = len(offsets) + len(dilations)
    total = torch.zeros_like(image)
    squares = torch.zeros_like(image)
    for offset in offsets:
        difference = _shifted(padded, offset, margin) - image
        total += difference
        squares.addcmul_(difference, difference)
    variance = (squares - total.square() / cells).clamp_(min=0) / (cells - 1)
    inverse_scale = (variance.sqrt_() * _SIGMA_SCALE + _SIGMA_FLOOR).reciprocal_()  # (B, N, H, W)

    batch, _, height, width = image.shape
    affinities = image.new_empty(batch, len(offsets), height, width)
    for index, offset in enumerate(offsets):
        difference = (_shifted(padded, offset, margin) - image).abs_()
        torch.mean(difference.mul_(inverse_scale), dim=1, out=affinities[:, index])
    return affinities.neg_().softmax(dim=1)


@torch.no_grad()
def pamr(
    image: Tensor, maps: Tensor, *, iterations: int = 10, dilations: Sequence[int] = DILATIONS
) -> Tensor:
    """Refine soft maps: ``m(x) <- sum_p a_p(x) m(x + p)``, ``iterations`` times.

    Each step is a weighted mean, so values stay within the maps' range and the sum over maps is kept.
    Both borders are replicated. Memory is dominated by the affinities: B · P · H · W values, about
    50 MB for one image of 512 x 512 at the default dilations.

    Args:
        image: (B, N, H, W) floating point, in any unit.
        maps: (B, K, H, W) floating point.

    Returns:
        (B, K, H, W) in the maps' type, without gradient.
    """
    margin = max(dilations)
    offsets = _offsets(dilations)
    precision = torch.promote_types(maps.dtype, torch.float32)
    affinities = pixel_affinities(image.to(precision), dilations=dilations).unsqueeze(2)  # (B, P, 1, H, W)
    refined = maps.to(precision)
    for _ in range(iterations):
        padded = _pad(refined, margin)
        refined = torch.zeros_like(refined)
        for index, offset in enumerate(offsets):
            refined.addcmul_(affinities[:, index], _shifted(padded, offset, margin))
    return refined.to(maps.dtype)
