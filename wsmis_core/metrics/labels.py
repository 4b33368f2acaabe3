"""Scores of image labels, several a picture.

Axes: B batch, C classes, N samples, R resamples.
"""

from __future__ import annotations

import torch
from torch import Tensor

from wsmis_core.metrics.counts import Counts, ratio

__all__ = ["LABEL_SCORES", "LabelCounts", "LabelTable", "auc", "label_counts", "label_scores", "weighted_auc"]

LABEL_SCORES = ("f1", "f1_negative", "precision", "recall", "jaccard", "accuracy")

_PROBABILITY = 0.5


def label_counts(probabilities: Tensor, labels: Tensor) -> Tensor:
    """Of each image and class whether it is a hit, a false alarm, a miss, a rejection: (B, 4, C) of 0 and 1.

    A probability above .5 says that the image has the class.

    Args:
        probabilities: (B, C).
        labels: (B, C) of 0 and 1; of a label below 0, which is not known, nothing is counted.
    """
    said, true, known = probabilities > _PROBABILITY, labels > _PROBABILITY, labels >= 0
    kinds = [said & true, said & ~true, ~said & true, ~said & ~true]
    return torch.stack([kind & known for kind in kinds], dim=1).double()


def label_scores(sums: Tensor) -> dict[str, Tensor]:
    """Each of LABEL_SCORES (..., C) of sums (..., 4, C) of `label_counts`; NaN with nothing to measure."""
    hits, false_alarms, misses, rejections = sums.unbind(dim=-2)
    wrong = false_alarms + misses
    there = hits + wrong > 0
    # A class that is there, but never said, has precision 0; one never true, but said, recall 0.
    return {
        "f1": ratio(2 * hits, 2 * hits + wrong),
        "f1_negative": ratio(2 * rejections, 2 * rejections + wrong),
        "precision": torch.where(there, hits / (hits + false_alarms).clamp(min=1), torch.nan),
        "recall": torch.where(there, hits / (hits + misses).clamp(min=1), torch.nan),
        "jaccard": ratio(hits, hits + wrong),
        "accuracy": ratio(hits + rejections, hits + wrong + rejections),
    }


class LabelCounts(Counts):
    """For each class, images rightly and falsely said to have it and not to have it."""

    def __init__(self, classes: int, *, device: torch.device | None = None) -> None:
        super().__init__(4 * classes, device)
        self.classes = classes

    def update(self, probabilities: Tensor, labels: Tensor) -> None:
        """Count images, as `label_counts` does."""
        self._add(label_counts(probabilities, labels).sum(dim=0))

    def by_class(self) -> dict[str, Tensor]:
        """Each score for each class, (C,) float64, NaN where there is nothing to measure."""
        return label_scores(self.state.view(4, self.classes))

    def scores(self) -> dict[str, float]:
        """Each score's mean over the classes that have it; 1 where none has: nothing was missed."""
        means = {name: values.nanmean().item() for name, values in self.by_class().items()}
        return {name: 1.0 if mean != mean else mean for name, mean in means.items()}


class LabelTable(Counts):
    """The probabilities of all samples by their number, for scores that need the samples' order.

    Ranks fill in their own samples; summed over ranks, the table is whole.
    """

    def __init__(self, samples: int, classes: int, *, device: torch.device | None = None) -> None:
        self.shape = (2, samples, classes)
        super().__init__(2 * samples * classes, device)

    def update(self, samples: Tensor, probabilities: Tensor, labels: Tensor) -> None:
        """Enter samples, each once over all ranks.

        Args:
            samples: (B,) numbers of the samples, each below ``samples``.
            probabilities: (B, C).
            labels: (B, C) of 0 and 1, or below 0: unknown.
        """
        entered = torch.stack([probabilities, labels]).detach().to(self.state)
        self.state.view(self.shape)[:, samples.to(self.state.device)] += entered

    @property
    def probabilities(self) -> Tensor:
        """(N, C), once all samples are in."""
        return self.state.view(self.shape)[0]

    @property
    def labels(self) -> Tensor:
        """(N, C), once all samples are in."""
        return self.state.view(self.shape)[1]


def known_negative(labels: Tensor) -> Tensor:
    """Where a label is known to be 0."""
    return (labels >= 0) & (labels <= _PROBABILITY)


def auc(scores: Tensor, labels: Tensor) -> Tensor:
    """The chance that a random positive scores higher than a random negative; a tie counts half.

    Args:
        scores: (N, C).
        labels: (N, C) of 0 and 1, or below 0: not known, and left out.

    Returns:
        (C,) float64, NaN where a class has no positive or no negative.
    """
    return weighted_auc(scores, labels, torch.ones(1, len(scores), device=scores.device))[0]


def weighted_auc(scores: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """`auc` (R, C) where each sample counts as often as its ``weights`` (R, N) say."""
    return torch.stack(
        [_auc(of_class, true, weights.double()) for of_class, true in zip(scores.T, labels.T, strict=True)],
        dim=1,
    )


def _auc(scores: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """One class's area (R,): each value's positives over the negatives below it and half of those at it."""
    known = labels >= 0
    in_order = scores[known].sort().values
    # Equal values share the place of the first of them; the places between stay empty.
    places = torch.searchsorted(in_order, scores[known].contiguous())
    positive = labels[known] > _PROBABILITY

    def at_each_place(chosen: Tensor) -> Tensor:
        sums = weights.new_zeros(len(weights), len(in_order))
        return sums.index_add_(1, places[chosen], weights[:, known][:, chosen])

    positives, negatives = at_each_place(positive), at_each_place(~positive)  # (R, places)
    below = negatives.cumsum(dim=1) - negatives
    won = (positives * (below + negatives / 2)).sum(dim=1)
    return ratio(won, positives.sum(dim=1) * negatives.sum(dim=1))
