"""What a method gives the training loop."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import Parameter

from wsmis_core.engine.ranks import Ranks
from wsmis_core.engine.sampling import shuffled_order

__all__ = ["VALIDATION_LOSS", "LossSums", "Task", "Term"]

# The name under which a task's validation reports what the best checkpoint is chosen by.
VALIDATION_LOSS = "val_loss"
# A batch may hold nothing that a mean is over: its sum is 0, and so is its loss, not 0 / 0.
NOTHING = 1e-30


@dataclass(frozen=True, slots=True)
class Term:
    """One term of a loss, weight * numerator / (denominator + epsilon), over a rank's samples.

    The engine sums numerators and denominators over the ranks before it divides, so that the
    loss is that of the whole batch whatever the number of ranks.
    """

    name: str
    numerator: Tensor
    denominator: Tensor
    weight: float = 1.0
    epsilon: float = NOTHING

    def weightless(self) -> Term:
        """The term of samples that are to change neither loss nor gradient."""
        return replace(self, numerator=self.numerator * 0, denominator=self.denominator * 0)


class LossSums:
    """A loss over many batches: its terms' sums over batches and ranks, divided once."""

    def __init__(self) -> None:
        # Numerators, denominators, weights and epsilons of the terms; none before the first batch.
        self._table: Tensor | None = None

    def add(self, terms: Sequence[Term]) -> None:
        """One more batch."""
        sums = torch.stack(
            [
                torch.stack([term.numerator for term in terms]),
                torch.stack([term.denominator for term in terms]),
            ]
        ).double()
        if self._table is None:
            constants = [[term.weight for term in terms], [term.epsilon for term in terms]]
            self._table = torch.cat([sums, sums.new_tensor(constants)])  # (4, terms)
        else:
            self._table[:2] += sums

    def loss(self, ranks: Ranks) -> float:
        """The loss over all ranks' batches, of which the main rank has one at least."""
        mine = self._table
        count = torch.tensor(0 if mine is None else mine.shape[1], device=ranks.device)
        largest = int(ranks.summed(count * ranks.is_main).item())
        table = torch.zeros(4, largest, dtype=torch.float64, device=ranks.device)
        if mine is not None:
            table[:2] = mine[:2]
            table[2:] = mine[2:] * ranks.is_main
        numerators, denominators, weights, epsilons = ranks.summed(table).unbind()
        return (weights * numerators / (denominators + epsilons)).sum().item()


class Task(ABC):
    """A model, its samples and its loss; the engine knows nothing else of a method."""

    model: nn.Module

    @property
    @abstractmethod
    def size(self) -> int:
        """How many training samples there are."""

    @abstractmethod
    def parameter_groups(self) -> Mapping[str, Sequence[Parameter]]:
        """What is trained, by the names that the learning rates go by."""

    @abstractmethod
    def example(self, index: int, rng: np.random.Generator) -> dict[str, Tensor]:
        """Training sample ``index``, all its randomness drawn from ``rng``."""

    @abstractmethod
    def terms(self, model: nn.Module, batch: Mapping[str, Tensor], *, step: int) -> list[Term]:
        """The loss of a rank's share of a batch; ``model`` is the task's, perhaps wrapped."""

    def order(self, *, seed: int, epoch: int) -> NDArray[np.int64]:
        """The epoch's draws, in order; all samples shuffled unless a task says otherwise."""
        return shuffled_order(self.size, seed=seed, epoch=epoch)

    def validate(self, ranks: Ranks) -> dict[str, float]:
        """Figures after an epoch, the same on every rank; nothing without a validation split."""
        del ranks
        return {}
