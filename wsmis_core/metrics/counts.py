"""What all metrics are made of: sums that add up over batches and ranks, divided at the very end."""

from __future__ import annotations

from abc import ABC
from collections.abc import Callable
from copy import copy
from typing import Self

import torch
from torch import Tensor


class Counts(ABC):
    """Sums in one flat float64 vector, ``state``, which is whole for counts up to 2^53."""

    state: Tensor

    def __init__(self, size: int, device: torch.device | None = None) -> None:
        self.state = torch.zeros(size, dtype=torch.float64, device=device)

    def __add__(self, other: Self) -> Self:
        return self.with_state(self.state + other.state)

    def summed(self, over_ranks: Callable[[Tensor], Tensor]) -> Self:
        """The sums over all ranks, given what sums a tensor over them."""
        return self.with_state(over_ranks(self.state))

    def with_state(self, state: Tensor) -> Self:
        """The same kind of counts holding ``state``, a vector of the same size."""
        assert state.shape == self.state.shape, "counts of one kind have one size"
        counts = copy(self)
        counts.state = state
        return counts

    def _add(self, *sums: Tensor) -> None:
        added = torch.cat([part.detach().reshape(-1).to(self.state) for part in sums])
        self.state = self.state + added


def ratio(numerator: Tensor, denominator: Tensor) -> Tensor:
    """The quotient, NaN where the denominator is 0: there is nothing to measure."""
    return torch.where(denominator > 0, numerator / denominator, torch.nan)
