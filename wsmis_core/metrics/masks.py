"""Scores of binary masks. Dice comes in three kinds that are never to be mixed."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from wsmis_core.metrics.counts import Counts

_IGNORED = 255


@dataclass(frozen=True)
class MaskScores:
    """Where truth and prediction are both empty, nothing was missed: the score is 1.

    Attributes:
        dice_pooled: over the pixels of all images together.
        dice_per_image: mean over images.
        dice_positives: mean over the images with a true object; None without such an image.
        iou: foreground, over the pixels of all images together.
        precision: of the predicted pixels, those that are true, over all images; 0 without a
            predicted pixel where there are true ones.
        recall: of the true pixels, those that are predicted; 0 without a true pixel where some
            are predicted.
        images: how many.
        positives: how many have a true object.
    """

    dice_pooled: float
    dice_per_image: float
    dice_positives: float | None
    iou: float
    precision: float
    recall: float
    images: int
    positives: int


class MaskCounts(Counts):
    """Pixels hit, falsely predicted and missed; images; sums of the images' Dice."""

    def __init__(self, *, device: torch.device | None = None) -> None:
        super().__init__(7, device)

    def update(self, prediction: Tensor, target: Tensor) -> None:
        """Count images.

        Args:
            prediction: (B, H, W) bool.
            target: (B, H, W), bool or uint8: 0 background, 255 not counted, any other foreground.
        """
        known = (target != _IGNORED) if target.dtype == torch.uint8 else torch.ones_like(prediction)
        true = (target != 0) & known
        predicted = prediction & known
        hits = (true & predicted).sum(dim=(1, 2)).double()  # (B,)
        false_alarms = (predicted & ~true).sum(dim=(1, 2)).double()
        misses = (true & ~predicted).sum(dim=(1, 2)).double()
        size = 2 * hits + false_alarms + misses
        dice = torch.where(size > 0, 2 * hits / size.clamp(min=1), 1)
        positive = hits + misses > 0
        images = torch.tensor(float(len(dice)))
        self._add(
            hits.sum(),
            false_alarms.sum(),
            misses.sum(),
            images,
            positive.sum(),
            dice.sum(),
            dice[positive].sum(),
        )

    def scores(self) -> MaskScores:
        """The scores; raises ZeroDivisionError before the first image."""
        hits, false_alarms, misses, images, positives, dice, dice_positives = self.state.tolist()
        nothing = hits + false_alarms + misses == 0

        def share(part: float, whole: float) -> float:
            return 1.0 if nothing else part / max(whole, 1)

        return MaskScores(
            dice_pooled=share(2 * hits, 2 * hits + false_alarms + misses),
            dice_per_image=dice / images,
            dice_positives=dice_positives / positives if positives else None,
            iou=share(hits, hits + false_alarms + misses),
            precision=share(hits, hits + false_alarms),
            recall=share(hits, hits + misses),
            images=int(images),
            positives=int(positives),
        )
