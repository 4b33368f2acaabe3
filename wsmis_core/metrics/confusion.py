"""Intersection over union of many classes, from one confusion matrix over the whole set."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from wsmis_core.metrics.counts import Counts, ratio

IGNORED = 255


@dataclass(frozen=True)
class ClassIou:
    """IoU by class, and its mean over the classes that are there.

    ``absent`` lists the classes that neither truth nor prediction has: their IoU is None and the
    mean leaves them out. Without any class the mean is None.
    """

    by_class: tuple[float | None, ...]
    mean: float | None
    absent: tuple[int, ...]


class ConfusionCounts(Counts):
    """Pixels by true class (rows) and predicted class (columns)."""

    def __init__(self, classes: int, *, device: torch.device | None = None) -> None:
        """``classes`` counts the background."""
        super().__init__(classes * classes, device)
        self.classes = classes

    @property
    def matrix(self) -> Tensor:
        """(classes, classes) int64."""
        return self.state.long().view(self.classes, self.classes)

    def update(self, prediction: Tensor, target: Tensor) -> None:
        """Count pixels.

        Args:
            prediction: class ids below ``classes``, of any shape.
            target: class ids of the same shape, or 255: not counted.
        """
        known = target != IGNORED
        cells = target[known].long() * self.classes + prediction[known].long()
        self._add(torch.bincount(cells, minlength=self.classes**2))

    def iou(self) -> ClassIou:
        matrix = self.state.view(self.classes, self.classes)
        union = matrix.sum(dim=0) + matrix.sum(dim=1) - matrix.diagonal()
        by_class = ratio(matrix.diagonal(), union)
        absent = (union == 0).nonzero().flatten().tolist()
        return ClassIou(
            by_class=tuple(None if index in absent else iou for index, iou in enumerate(by_class.tolist())),
            mean=by_class.nanmean().item() if len(absent) < self.classes else None,
            absent=tuple(absent),
        )
