"""Cuts through soft maps that need no masks: a share of the range, and Otsu's method.

Axes: C classes, H x W pixels. A mask holds class ids; 0 is background.
Source of Otsu's method: N. Otsu, IEEE Trans. SMC 9(1), 1979.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def fixed_threshold(maps: Tensor, class_ids: Sequence[int], *, background_threshold: float = 0.2) -> Tensor:
    """The mask above a fixed share of the range of the per-pixel class maximum.

    A pixel whose maximum over the classes is below ``min + (max - min) · background_threshold``, or is the
    least of all, is background, any other gets the class of its maximum. Maps without contrast, or without
    a class, say nothing about where: their mask is empty.

    Args:
        maps: (C, H, W), one map for each of ``class_ids``.
        class_ids: the C mask values, each in 1..254.

    Returns:
        (H, W) uint8.
    """
    assert len(maps) == len(class_ids), "one class id a map"
    empty = maps.new_zeros(maps.shape[1:], dtype=torch.uint8)
    if not class_ids:
        return empty
    strongest, which = maps.max(dim=0)  # (H, W)
    low, high = strongest.min(), strongest.max()
    if low == high:
        return empty
    ids = torch.tensor(class_ids, dtype=torch.uint8, device=maps.device)
    background = (strongest < low + (high - low) * background_threshold) | (strongest == low)
    return torch.where(background, empty, ids[which])


def share_of_range(strongest: Tensor) -> Tensor:
    """Where each value (H, W) lies between the least, 0, and the greatest, 1; all 0 without contrast.

    What of a per-pixel class maximum is over a share is foreground under `fixed_threshold` at that share.
    """
    low, high = strongest.min(), strongest.max()
    if low == high:
        return torch.zeros_like(strongest)
    return (strongest - low) / (high - low)


def otsu(values: Tensor, *, bins: int = 256) -> float:
    """The threshold that parts the values' histogram with the largest variance between the two sides.

    Where empty bins leave the place open, it is the middle of the gap. Values above the threshold
    are the upper part; of constant values there is none, and the threshold is the constant.

    Args:
        values: finite numbers of any shape, at least one.
    """
    values = values.detach().double().flatten()
    low, high = values.min().item(), values.max().item()
    if low == high:
        return low
    counts = torch.histc(values, bins=bins, min=low, max=high).cpu()
    # Variances are compared only, so bin numbers serve as the unit of value.
    moments = counts * torch.arange(bins, dtype=counts.dtype)
    below, moment_below = counts.cumsum(0), moments.cumsum(0)
    above, moment_above = counts.sum() - below, moments.sum() - moment_below
    gap = moment_below / below.clamp(min=1) - moment_above / above.clamp(min=1)
    split = int((below * above * gap.square()).argmax())
    next_filled = split + 1 + int((counts[split + 1 :] > 0).int().argmax())
    return low + (high - low) * (split + 1 + next_filled) / 2 / bins


def otsu_twice(values: Tensor, *, bins: int = 256) -> float:
    """Otsu's threshold within the part of the values that lies above Otsu's threshold.

    For soft maps whose small bright core sits in a wide dim halo: the first cut takes the halo
    off the background, the second the core off the halo. Where the upper part is flat, within one bin
    of the first cut's histogram, it has no halo: the first cut stays.
    """
    first = otsu(values, bins=bins)
    upper = values[values > first]
    if not upper.numel() or (upper.max() - upper.min()) * bins <= values.max() - values.min():
        return first
    return otsu(upper, bins=bins)


def otsu_middle(values: Tensor, *, share: float = 0.5, bins: int = 256) -> float:
    """``share`` of the way from Otsu's threshold, for sharp maps, to Otsu's twice, for blurred ones."""
    low = otsu(values, bins=bins)
    return low + share * (otsu_twice(values, bins=bins) - low)
