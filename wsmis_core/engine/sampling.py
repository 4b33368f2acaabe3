"""Which samples a step sees: a function of seed and epoch alone.

The number of loader workers, the point of a resume and the number of ranks change
nothing of it: the ranks share each step's batch among them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Draw", "balanced_order", "epoch_batches", "sample_rng", "shuffled_order"]


@dataclass(frozen=True, slots=True)
class Draw:
    """One sample of an epoch; ``repeat`` counts earlier draws of it in that epoch."""

    index: int
    repeat: int


def shuffled_order(count: int, *, seed: int, epoch: int) -> NDArray[np.int64]:
    """A permutation of ``count`` samples."""
    return np.random.default_rng([seed, epoch, 0]).permutation(count)


def balanced_order(groups: Sequence[int], *, seed: int, epoch: int) -> NDArray[np.int64]:
    """As many draws as there are samples, each group equally often, with replacement.

    ``groups`` holds a sample's group: its label, or a number for its combination of labels.
    """
    rng = np.random.default_rng([seed, epoch, 0])
    number = np.asarray(groups)
    weight = 1.0 / np.bincount(number)[number]
    return rng.choice(len(number), size=len(number), p=weight / weight.sum())


def epoch_batches(order: NDArray[np.int64], *, batch_size: int) -> list[list[Draw]]:
    """``order`` in batches of at most ``batch_size``, as even as can be: none is dropped or tiny."""
    count = -(-len(order) // batch_size)
    seen: Counter[int] = Counter()
    batches = []
    for part in np.array_split(order, count):
        batch = []
        for index in part.tolist():
            batch.append(Draw(index, seen[index]))
            seen[index] += 1
        batches.append(batch)
    return batches


def sample_rng(draw: Draw, *, seed: int, epoch: int) -> np.random.Generator:
    """The source of all randomness of one drawn sample."""
    return np.random.default_rng([seed, epoch, 1 + draw.repeat, draw.index])
