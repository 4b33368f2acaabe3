"""Scores of masks, class by class. Dice comes in three kinds that are never to be mixed.

Axes: C classes (background excluded), H x W pixels.
"""

from __future__ import annotations

import torch
from torch import Tensor

from wsmis_core.metrics.confusion import IGNORED
from wsmis_core.metrics.counts import ratio

__all__ = ["MASK_COUNTS", "MASK_SCORES", "image_counts", "mask_scores", "over_classes", "with_dice"]

# Of an image and a class: pixels hit, falsely predicted and missed; 1 for the image; 1 where it has a true
# object, whether anything is said of it or not; 1 where it has a Dice; 1 where it has both; its Dice; its
# Dice where it has both.
MASK_COUNTS = 9

MASK_SCORES = ("dice_pooled", "dice_per_image", "dice_positives", "iou", "precision", "recall")


def image_counts(labels: Tensor, truth: Tensor, known: Tensor) -> Tensor:
    """What one image adds to the sums that `mask_scores` divides, (C, MASK_COUNTS) float64.

    Args:
        labels: (H, W) uint8 class ids as predicted, 0 background, 255 where nothing is said.
        truth: (C, H, W) bool, the mask of each class.
        known: (H, W) bool, the pixels whose truth is known.
    """
    classes = len(truth)
    counted = known & (labels != IGNORED)
    there = labels[counted].long()
    true = truth[:, counted]  # (C, pixels)
    predicted = torch.bincount(there, minlength=classes + 1)[1:].double()
    own = true.gather(0, (there - 1).clamp(min=0)[None])[0] & (there > 0)
    hits = torch.bincount(there[own], minlength=classes + 1)[1:].double()
    return with_dice(hits, predicted, true.sum(dim=1).double(), truth=truth[:, known], counted=len(there))


def with_dice(hits: Tensor, predicted: Tensor, trues: Tensor, *, truth: Tensor, counted: int) -> Tensor:
    """The figures of one image, (C, ..., MASK_COUNTS), from pixels hit, predicted and true, (C, ...).

    Where all pixels that count are background by truth and prediction, Dice is 1 if the whole truth is; an
    object of which nothing is said has none, and neither has an image in which no pixel counts.

    Args:
        truth: (C, pixels) bool, at the pixels whose truth is known.
        counted: how many of them the step says something of.
    """
    size = predicted + trues
    there = truth.any(dim=1).view(-1, *(1,) * (size.dim() - 1)).expand_as(size)
    both_empty = ~there & (size == 0) & (counted > 0)
    dice = torch.where(size > 0, 2 * hits / size.clamp(min=1), both_empty.double())
    positive = there & (size > 0)
    one = torch.ones_like(dice)
    whether = (there, both_empty | (size > 0), positive)
    figures = [hits, predicted - hits, trues - hits, one, *(each.double() for each in whether)]
    return torch.stack([*figures, dice, dice * positive], dim=-1)


def mask_scores(sums: Tensor) -> dict[str, Tensor]:
    """Each of MASK_SCORES (..., C) of sums (..., C, MASK_COUNTS) over images; NaN with nothing to measure.

    Images, or their objects, of which a step says nothing are left out of the means over images.

    - dice_pooled: over the pixels of all images together; the same as F1.
    - dice_per_image: mean over images; 1 for an image where truth and prediction are both empty.
    - dice_positives: mean over the images with a true object.
    - iou: foreground, over the pixels of all images together; the same as Jaccard's index.
    - precision: of the predicted pixels, those that are true, over all images; 0 without a predicted
      pixel where there are true ones.
    - recall: of the true pixels, those that are predicted; 0 without a true pixel where some are predicted.
    """
    hits, false_alarms, misses, _, _, images, positives, dice, dice_positives = sums.unbind(dim=-1)
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
