"""Confidence intervals by the bootstrap: how far a score would move with other patients.

Source: B. Efron, R. Tibshirani, An Introduction to the Bootstrap (1993), chapters 6 (resampling) and 13
(percentile intervals). Images of one patient are no independent observations: patients are drawn, with
all their images.

Axes: N images, G groups (patients), R resamples, F figures.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["LEVEL", "Bootstrap", "Interval", "intervals"]

LEVEL = 0.95

# Fewer say nothing of how groups differ.
_LEAST_GROUPS = 2
# Multiplicities in memory at once.
_AT_ONCE = 2**23

Interval = tuple[float, float]


@dataclass(frozen=True)
class Bootstrap:
    """``resamples`` sets of as many groups as there are, drawn with replacement; the same for one seed.

    ``groups`` names each image's group.
    """

    groups: Sequence[str]
    resamples: int
    seed: int

    @property
    def possible(self) -> bool:
        """Whether there is anything to draw from."""
        return self.resamples > 0 and len(set(self.groups)) >= _LEAST_GROUPS

    def sums(self, rows: Tensor) -> Tensor:
        """The sums (R, F) of the images' ``rows`` (N, F) over each resample, on the CPU."""
        numbers = torch.from_numpy(self._numbers)
        count = int(numbers.max()) + 1
        of_groups = torch.zeros(count, rows.shape[1], dtype=torch.float64)
        of_groups.index_add_(0, numbers, rows.cpu().double())
        return torch.cat([drawn @ of_groups for drawn in self._multiplicities()])

    def weights(self) -> Iterator[Tensor]:
        """How often each image is in each resample, (R, N) in parts of some resamples each."""
        numbers = torch.from_numpy(self._numbers)
        for drawn in self._multiplicities():
            yield drawn[:, numbers]

    @property
    def _numbers(self) -> NDArray[np.int64]:
        """Each image's group as a number."""
        return np.unique(np.asarray(self.groups), return_inverse=True)[1].astype(np.int64)

    def _multiplicities(self) -> Iterator[Tensor]:
        """How often each group is in each resample, (R, G) in parts of some resamples each."""
        rng = np.random.default_rng(self.seed)
        groups = len(set(self.groups))
        at_once = max(1, _AT_ONCE // groups)
        for start in range(0, self.resamples, at_once):
            count = min(at_once, self.resamples - start)
            drawn = rng.integers(0, groups, size=(count, groups)) + groups * np.arange(count)[:, None]
            counts = np.bincount(drawn.ravel(), minlength=count * groups)
            yield torch.from_numpy(counts.reshape(count, groups)).double()


def intervals(values: Mapping[str, Tensor]) -> dict[str, Any]:
    """The percentile interval of each score's resampled values (R, ...), as nested lists [low, high].

    A resample that has nothing to measure is left out; None where none has.
    """
    return {name: _interval(of_score.double()) for name, of_score in values.items()}


def _interval(values: Tensor) -> Any:
    if values.dim() > 1:
        return [_interval(column) for column in values.unbind(dim=1)]
    there = values[~values.isnan()]
    if not len(there):
        return None
    tail = (1 - LEVEL) / 2
    return tuple(np.quantile(there.numpy(), [tail, 1 - tail]).tolist())
