"""Scores of masks, class by class. Dice comes in three kinds that are never to be mixed.

Axes: C classes (background excluded), H x W pixels.
"""

from __future__ import annotations

import torch
from torch import Tensor

from wsmis_core.metrics.counts import ratio

__all__ = ["MASK_COUNTS", "MASK_SCORES", "image_counts", "mask_scores", "over_classes"]

# Of an image and a class: pixels hit, falsely predicted and missed; 1 for the image; 1 where it has a true
# object; its Dice; its Dice where it has one.
MASK_COUNTS = 7

MASK_SCORES = ("dice_pooled", "dice_per_image", "dice_positives", "iou", "precision", "recall")


def image_counts(labels: Tensor, truth: Tensor, known: Tensor) -> Tensor:
    """What one image adds to the sums that `mask_scores` divides, (C, 7) float64.

    Args:
        labels: (H, W) uint8 class ids as predicted, 0 background.
        truth: (C, H, W) bool, the mask of each class.
        known: (H, W) bool, the pixels that count.
    """
    classes = len(truth)
    there = labels[known].long()
    true = truth[:, known]  # (C, pixels)
    predicted = torch.bincount(there, minlength=classes + 1)[1:].double()
    own = true.gather(0, (there - 1).clamp(min=0)[None])[0] & (there > 0)
    hits = torch.bincount(there[own], minlength=classes + 1)[1:].double()
    trues = true.sum(dim=1).double()
    size = predicted + trues
    dice = torch.where(size > 0, 2 * hits / size.clamp(min=1), 1.0)
    positive = (trues > 0).double()
    one = torch.ones_like(dice)
    return torch.stack([hits, predicted - hits, trues - hits, one, positive, dice, dice * positive], dim=1)


def mask_scores(sums: Tensor) -> dict[str, Tensor]:
    """Each of MASK_SCORES (..., C) of sums (..., C, 7) over images; NaN where there is nothing to measure.

    - dice_pooled: over the pixels of all images together; the same as F1.
    - dice_per_image: mean over images; 1 for an image where truth and prediction are both empty.
    - dice_positives: mean over the images with a true object.
    - iou: foreground, over the pixels of all images together; the same as Jaccard's index.
    - precision: of the predicted pixels, those that are true, over all images; 0 without a predicted
      pixel where there are true ones.
    - recall: of the true pixels, those that are predicted; 0 without a true pixel where some are predicted.
    """
    hits, false_alarms, misses, images, positives, dice, dice_positives = sums.unbind(dim=-1)
    there = hits + false_alarms + misses > 0

    def share(part: Tensor, whole: Tensor) -> Tensor:
        return torch.where(there, part / whole.clamp(min=1), torch.nan)

    return {
        "dice_pooled": share(2 * hits, 2 * hits + false_alarms + misses),
        "dice_per_image": ratio(dice, images),
        "dice_positives": ratio(dice_positives, positives),
        "iou": share(hits, hits + false_alarms + misses),
        "precision": share(hits, hits + false_alarms),
        "recall": share(hits, hits + misses),
    }


def over_classes(scores: Tensor) -> Tensor:
    """The mean (...) of scores (..., C) over the classes that have one; NaN where none has."""
    return scores.nanmean(dim=-1)
