"""Scores of image labels, several a picture.

Axes: B batch, C classes, N samples.
"""

from __future__ import annotations

import torch
from torch import Tensor

from wsmis_core.metrics.counts import Counts, ratio

_PROBABILITY = 0.5


class LabelCounts(Counts):
    """For each class, images rightly and falsely said to have it and not to have it."""

    def __init__(self, classes: int, *, device: torch.device | None = None) -> None:
        super().__init__(4 * classes, device)
        self.classes = classes

    def update(self, probabilities: Tensor, labels: Tensor) -> None:
        """Count images; a probability above .5 says that the image has the class.

        Args:
            probabilities: (B, C).
            labels: (B, C) of 0 and 1, or below 0: unknown, not counted.
        """
        said, true, false = probabilities > _PROBABILITY, labels > _PROBABILITY, known_negative(labels)
        kinds = [said & true, said & false, ~said & true, ~said & false]
        self._add(*(kind.sum(dim=0) for kind in kinds))

    def by_class(self) -> dict[str, Tensor]:
        """Each score for each class, (C,) float64, NaN where there is nothing to measure."""
        hits, false_alarms, misses, rejections = self.state.view(4, self.classes)
        wrong = false_alarms + misses
        there = hits + wrong > 0
        images = hits + wrong + rejections
        # A class that is there, but never said, has precision 0; one never true, but said, recall 0.
        return {
            "f1": ratio(2 * hits, 2 * hits + wrong),
            "f1_negative": ratio(2 * rejections, 2 * rejections + wrong),
            "precision": torch.where(there, hits / (hits + false_alarms).clamp(min=1), torch.nan),
            "recall": torch.where(there, hits / (hits + misses).clamp(min=1), torch.nan),
            "jaccard": ratio(hits, hits + wrong),
            "accuracy": ratio(hits + rejections, images),
        }

    def scores(self) -> dict[str, float]:
        """Each score's mean over the classes that have it; 1 where none has: nothing was missed."""
        means = {name: values.nanmean().item() for name, values in self.by_class().items()}
        return {name: 1.0 if mean != mean else mean for name, mean in means.items()}


class LabelScores(Counts):
    """The probabilities of all samples by their number, for scores that need the samples' order.

    Ranks fill in their own samples; summed over ranks, the table is whole.
    """

    def __init__(self, samples: int, classes: int, *, device: torch.device | None = None) -> None:
        super().__init__(2 * samples * classes, device)
        self.shape = (2, samples, classes)

    def update(self, samples: Tensor, probabilities: Tensor, labels: Tensor) -> None:
        """Enter samples, each once over all ranks.

        Args:
            samples: (B,) numbers of the samples, each below ``samples``.
            probabilities: (B, C).
            labels: (B, C) of 0 and 1, or below 0: unknown.
        """
        table = torch.zeros(self.shape, dtype=self.state.dtype, device=self.state.device)
        table[:, samples.to(table.device)] = torch.stack([probabilities, labels]).detach().to(table)
        self._add(table)

    def auc(self) -> Tensor:
        """The area under the ROC curve of each class, (C,), once all samples are in."""
        probabilities, labels = self.state.view(self.shape)
        return auc(probabilities, labels)


def known_negative(labels: Tensor) -> Tensor:
    """Where a label is known to be 0."""
    return (labels >= 0) & (labels <= _PROBABILITY)


def auc(scores: Tensor, labels: Tensor) -> Tensor:
    """The chance that a random positive scores higher than a random negative; a tie counts half.

    Args:
        scores: (N, C).
        labels: (N, C) of 0 and 1, or below 0: unknown, neither positive nor negative.

    Returns:
        (C,) float64, NaN where a class has no positive or no negative.
    """
    positive, negative = labels > _PROBABILITY, known_negative(labels)
    positives, negatives = positive.sum(dim=0).double(), negative.sum(dim=0).double()
    # Mann and Whitney's U: the positives' ranks, equals at their mean rank, less P (P + 1) / 2.
    # Above all others, the unknown take no rank from them.
    columns = scores.where(positive | negative, torch.inf).T.contiguous()  # (C, N)
    in_order = columns.sort(dim=1).values
    below = torch.searchsorted(in_order, columns, right=False)
    up_to = torch.searchsorted(in_order, columns, right=True)
    ranks = (below + up_to + 1).double() / 2
    rank_sum = torch.where(positive.T, ranks, 0).sum(dim=1)
    return ratio(rank_sum - positives * (positives + 1) / 2, positives * negatives)
