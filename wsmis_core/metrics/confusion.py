"""Intersection over union and Dice of many classes, from one confusion matrix over the whole set.

Axes: C classes, background included as the first.
"""

from __future__ import annotations

import torch
from torch import Tensor

from wsmis_core.metrics.counts import ratio

__all__ = ["IGNORED", "class_dice", "class_iou", "confusion_matrix", "margins"]

IGNORED = 255


def confusion_matrix(prediction: Tensor, target: Tensor, *, classes: int) -> Tensor:
    """Pixels by true class (rows) and predicted class (columns), (C, C) int64.

    Args:
        prediction: class ids below ``classes``, of any shape.
        target: class ids of the same shape, or 255: not counted.
    """
    known = target != IGNORED
    cells = target[known].long() * classes + prediction[known].long()
    return torch.bincount(cells, minlength=classes**2).view(classes, classes)


def margins(matrix: Tensor) -> Tensor:
    """Of each class the pixels hit, predicted and true, (..., C, 3), of confusion matrices (..., C, C)."""
    return torch.stack([matrix.diagonal(dim1=-2, dim2=-1), matrix.sum(dim=-2), matrix.sum(dim=-1)], dim=-1)


def class_iou(of_classes: Tensor) -> Tensor:
    """IoU (..., C) of `margins` (..., C, 3); NaN for a class that neither truth nor prediction has."""
    hits, predicted, true = of_classes.double().unbind(dim=-1)
    return ratio(hits, predicted + true - hits)


def class_dice(of_classes: Tensor) -> Tensor:
    """Dice (..., C) of `margins`, over the pixels of all images together; NaN as of `class_iou`."""
    hits, predicted, true = of_classes.double().unbind(dim=-1)
    return ratio(2 * hits, predicted + true)
