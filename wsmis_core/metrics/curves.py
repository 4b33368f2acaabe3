"""Scores of soft maps at every threshold, from histograms that add up: one pass, not one a threshold.

Axes: C classes (background excluded), T thresholds, H x W pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from wsmis_core.metrics.confusion import class_iou
from wsmis_core.metrics.counts import Counts
from wsmis_core.metrics.masks import MASK_COUNTS, mask_scores, over_classes, with_dice
from wsmis_core.metrics.truth import Truth

__all__ = ["CURVE_SCORES", "Best", "CurveCounts"]

CURVE_SCORES = ("dice_pooled", "dice_per_image", "dice_positives", "iou", "mean_iou")

# The T thresholds are 0, 1/256 .. 255/256. A power of 2, so a pixel's bin is exact.
_THRESHOLDS = 256


@dataclass(frozen=True)
class Best:
    """A threshold and its score, the best of a curve."""

    threshold: float
    score: float


class CurveCounts(Counts):
    """Counts of what labels cut at each threshold would be: a pixel has its strongest class if it is over.

    Beside `image_counts` of every threshold, what the confusion matrix has at each: the pixels of each class
    that are hit, and those of the background that are taken for a class; and the true pixels of each.
    """

    def __init__(self, classes: int, *, device: torch.device | None = None) -> None:
        self.classes = classes
        of_thresholds = _THRESHOLDS * classes
        self._sizes = [of_thresholds * MASK_COUNTS, of_thresholds, _THRESHOLDS, classes + 1]
        super().__init__(sum(self._sizes), device)

    def update(self, strengths: Tensor, class_ids: Tensor, truth: Truth) -> None:
        """Count one image.

        Args:
            strengths: (H, W) in [0, 1], of the strongest class at each pixel.
            class_ids: (H, W) uint8, that class, from 1.
            truth: at the same size.
        """
        true = truth.classes[:, truth.known]  # (C, pixels)
        true_ids = truth.class_ids[truth.known].long()
        number = class_ids[truth.known].long() - 1
        # The thresholds that a strength is over: with n of them, those of the numbers below n.
        over = (strengths[truth.known].clamp(0, 1) * _THRESHOLDS).ceil().long()
        cells = number * (_THRESHOLDS + 1) + over
        own = true.gather(0, number[None])[0]
        predicted, hits, hits_of_matrix = (
            _over_each(torch.bincount(chosen, minlength=self.classes * (_THRESHOLDS + 1)))
            for chosen in (cells, cells[own], cells[true_ids == number + 1])
        )  # (C, T)
        trues = true.sum(dim=1).double()[:, None].expand_as(hits)
        counts = with_dice(hits, predicted, trues, truth=true, counted=len(number))
        taken = _over_each(torch.bincount(over[true_ids == 0], minlength=_THRESHOLDS + 1))
        self._add(counts, hits_of_matrix, taken, torch.bincount(true_ids, minlength=self.classes + 1))

    def scores(self) -> dict[str, Tensor]:
        """Each of CURVE_SCORES at each of `thresholds`, the mean over the classes, (T,)."""
        counts, *of_matrix = torch.split(self.state, self._sizes)
        sums = counts.view(self.classes, _THRESHOLDS, MASK_COUNTS).transpose(0, 1)
        scores = mask_scores(sums)  # (T, C) each
        chosen = {name: over_classes(scores[name]) for name in CURVE_SCORES if name in scores}
        return chosen | {"mean_iou": over_classes(self._class_iou(sums, *of_matrix))}

    def best(self, score: str) -> Best | None:
        """The threshold with the highest ``score``, the middle one of equals; None where there is none."""
        values = self.scores()[score].cpu()
        if values.isnan().all():
            return None
        highest = values.nan_to_num(-1).max()
        places = (values == highest).nonzero().flatten().tolist()
        return Best(self.thresholds[places[len(places) // 2]], highest.item())

    @property
    def thresholds(self) -> list[float]:
        """The T thresholds; a pixel whose strength is above one has its class there."""
        return [number / _THRESHOLDS for number in range(_THRESHOLDS)]

    def _class_iou(self, sums: Tensor, hits: Tensor, taken: Tensor, true: Tensor) -> Tensor:
        """IoU of the background and each class in the confusion matrix, (T, C + 1).

        Args:
            sums: (T, C, MASK_COUNTS).
            hits: (C * T,) pixels of each class that are hit.
            taken: (T,) pixels of the background that are taken for a class.
            true: (C + 1,) pixels of the background and each class.
        """
        predicted = sums[..., :2].sum(dim=-1)  # (T, C)
        rejected = true.sum() - predicted.sum(dim=1, keepdim=True)  # (T, 1)
        all_hits = torch.cat([(true[0] - taken)[:, None], hits.view(self.classes, _THRESHOLDS).T], dim=1)
        all_predicted = torch.cat([rejected, predicted], dim=1)
        return class_iou(torch.stack([all_hits, all_predicted, true.expand_as(all_hits)], dim=-1))


def _over_each(histogram: Tensor) -> Tensor:
    """Pixels over each threshold, (..., T), of how many are over 0, 1 .. T thresholds, (... * (T + 1))."""
    bins = histogram.view(-1, _THRESHOLDS + 1)[:, 1:]
    return bins.flip(-1).cumsum(dim=-1).flip(-1).double()
