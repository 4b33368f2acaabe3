"""What must be finite numbers in a training, and is not where it diverges."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import nn

from wsmis_core.engine.ranks import Ranks
from wsmis_core.errors import DivergedError

__all__ = ["check_figures", "check_weights"]

_REMEDY = "Lower the learning rates, or set precision to float32."


def check_figures(
    figures: Mapping[str, float], *, when: str, field: str = "params.rates", remedy: str = _REMEDY
) -> None:
    """Raise DivergedError where one of ``figures`` is not finite; one that does not apply is left out."""
    for name, value in figures.items():
        if not math.isfinite(value):
            raise DivergedError(f"{name} is {value} {when}.", field=field, remedy=remedy)


def check_weights(model: nn.Module, ranks: Ranks, *, when: str) -> None:
    """Raise DivergedError, on every rank, where a parameter or a statistic of ``model`` is not finite."""
    tensors = [tensor for tensor in model.state_dict().values() if tensor.is_floating_point()]
    broken = ~torch.stack([tensor.isfinite().all() for tensor in tensors])
    if ranks.summed(broken.sum()).item():
        raise DivergedError(
            f"Of {len(tensors)} tensors of weights and statistics not all are finite {when}.",
            field="params.rates",
            remedy=_REMEDY,
        )
