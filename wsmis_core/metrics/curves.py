"""Scores of soft maps at every threshold, from histograms that add up: one pass, not one a threshold.

Axes: C classes (background excluded), T thresholds, H x W pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from wsmis_core.metrics.confusion import class_iou
from wsmis_core.metrics.counts import Counts
from wsmis_core.metrics.masks import MASK_COUNTS, mask_scores, over_classes

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

    Beside `image_counts` of every threshold: of the background the pixels taken for a class at each,
    its true pixels and all pixels that count.
    """

    def __init__(self, classes: int, *, device: torch.device | None = None) -> None:
        self.classes = classes
        self._of_classes = _THRESHOLDS * classes * MASK_COUNTS
        super().__init__(self._of_classes + _THRESHOLDS + 2, device)

    def update(self, strengths: Tensor, class_ids: Tensor, truth: Tensor, known: Tensor) -> None:
        """Count one image.

        Args:
            strengths: (H, W) in [0, 1], of the strongest class at each pixel.
            class_ids: (H, W) uint8, that class, from 1.
            truth: (C, H, W) bool, the mask of each class.
            known: (H, W) bool, the pixels that count.
        """
        true = truth[:, known]  # (C, pixels)
        number = class_ids[known].long() - 1
        # The thresholds that a strength is over: with n of them, those of the numbers below n.
        over = (strengths[known].clamp(0, 1) * _THRESHOLDS).ceil().long()
        cells = number * (_THRESHOLDS + 1) + over
        own = true.gather(0, number[None])[0]
        predicted, hits = (
            _over_each(torch.bincount(chosen, minlength=self.classes * (_THRESHOLDS + 1)))
            for chosen in (cells, cells[own])
        )  # (C, T)
        trues = true.sum(dim=1).double()[:, None].expand_as(hits)
        size = predicted + trues
        dice = torch.where(size > 0, 2 * hits / size.clamp(min=1), 1.0)
        positive = (trues > 0).double()
        counts = [
            hits,
            predicted - hits,
            trues - hits,
            torch.ones_like(dice),
            positive,
            dice,
            dice * positive,
        ]
        background = ~true.any(dim=0)
        taken = _over_each(torch.bincount(over[background], minlength=_THRESHOLDS + 1))
        self._add(torch.stack(counts, dim=-1), taken, background.sum(), known.sum())

    def scores(self) -> dict[str, Tensor]:
        """Each of CURVE_SCORES at each of `thresholds`, the mean over the classes, (T,)."""
        sums = self.state[: self._of_classes].view(self.classes, _THRESHOLDS, MASK_COUNTS).transpose(0, 1)
        scores = mask_scores(sums)  # (T, C) each
        chosen = {name: over_classes(scores[name]) for name in CURVE_SCORES if name in scores}
        return chosen | {"mean_iou": over_classes(self._class_iou(sums))}

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

    def _class_iou(self, sums: Tensor) -> Tensor:
        """IoU of the background and each class, (T, C + 1)."""
        hits, false_alarms, misses = sums[..., :3].unbind(dim=-1)  # (T, C)
        taken, background, known = self.state[self._of_classes : -2], self.state[-2], self.state[-1]
        of_classes = torch.stack([hits, hits + false_alarms, hits + misses], dim=-1)
        predicted = known - (hits + false_alarms).sum(dim=1)
        of_background = torch.stack([background - taken, predicted, background.expand_as(predicted)], dim=-1)
        return class_iou(torch.cat([of_background[:, None], of_classes], dim=1))


def _over_each(histogram: Tensor) -> Tensor:
    """Pixels over each threshold, (..., T), of how many are over 0, 1 .. T thresholds, (... * (T + 1))."""
    bins = histogram.view(-1, _THRESHOLDS + 1)[:, 1:]
    return bins.flip(-1).cumsum(dim=-1).flip(-1).double()
