"""Whether a probability of .8 comes true in 8 of 10 cases.

Source: Guo, Pleiss, Sun, Weinberger, On Calibration of Modern Neural Networks (ICML 2017, arXiv
1706.04599), section 2, for each class by itself: the probability is that of the class, the accuracy the
share of cases that have it.

Axes: C classes, B bins of equal width.
"""

from __future__ import annotations

import torch
from torch import Tensor

from wsmis_core.metrics.counts import Counts, ratio

__all__ = ["CALIBRATION_BINS", "CalibrationCounts"]

CALIBRATION_BINS = 15  # as published


class CalibrationCounts(Counts):
    """Of each class and bin the cases, the sum of their probabilities, and those that have the class."""

    def __init__(self, classes: int, *, device: torch.device | None = None) -> None:
        super().__init__(3 * classes * CALIBRATION_BINS, device)
        self.shape = (3, classes, CALIBRATION_BINS)

    def update(self, probabilities: Tensor, truth: Tensor, known: Tensor) -> None:
        """Count cases, pixels or images.

        Args:
            probabilities: (C, ...).
            truth: bool, of the same shape.
            known: bool, (...) or the same shape: what counts.
        """
        classes = len(probabilities)
        counted = known.expand_as(truth)
        values = probabilities[counted].double()
        # A bin holds its upper edge, the first one its lower too.
        bins = ((values * CALIBRATION_BINS).ceil().long() - 1).clamp(0, CALIBRATION_BINS - 1)
        numbers = torch.arange(classes, device=truth.device).view(-1, *(1,) * (truth.dim() - 1))
        cells = numbers.expand_as(truth)[counted] * CALIBRATION_BINS + bins
        size = classes * CALIBRATION_BINS
        self._add(
            torch.bincount(cells, minlength=size),
            torch.bincount(cells, weights=values, minlength=size),
            torch.bincount(cells, weights=truth[counted].double(), minlength=size),
        )

    def bins(self) -> tuple[Tensor, Tensor, Tensor]:
        """Of each class and bin the cases, the mean probability and the share that has it, (C, B) each.

        NaN for the last two where the bin is empty.
        """
        cases, probabilities, true = self.state.view(self.shape)
        return cases, ratio(probabilities, cases), ratio(true, cases)

    def error(self) -> Tensor:
        """The expected calibration error of each class, (C,); NaN without a case.

        The mean over the bins of how far the share is from the mean probability, weighed by the cases.
        """
        cases, probabilities, true = self.state.view(self.shape)
        return ratio((probabilities - true).abs().sum(dim=1), cases.sum(dim=1))
