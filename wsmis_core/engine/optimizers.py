"""Optimisers over named parameter groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch.nn import Parameter
from torch.optim import SGD, Adam, AdamW, RAdam

from wsmis_core.spec.parts import Optimizer

__all__ = ["make_optimizer", "set_rates"]


def make_optimizer(
    groups: Mapping[str, Sequence[Parameter]], *, spec: Optimizer, rates: Mapping[str, float]
) -> torch.optim.Optimizer:
    """An optimiser whose groups carry the ``name`` and ``base_rate`` of ``groups`` and ``rates``."""
    assert set(groups) == set(rates), f"groups {sorted(groups)} and rates {sorted(rates)} differ"
    params = [
        {"params": list(group), "name": name, "lr": rates[name], "base_rate": rates[name]}
        for name, group in groups.items()
        if len(group) > 0
    ]
    match spec.name:
        case "sgd":
            return SGD(params, momentum=spec.momentum, weight_decay=spec.weight_decay)
        case "adam":
            return Adam(params, weight_decay=spec.weight_decay)
        case "adamw":
            return AdamW(params, weight_decay=spec.weight_decay)
        case "radam":
            return RAdam(params, weight_decay=spec.weight_decay)


def set_rates(optimizer: torch.optim.Optimizer, rates: Mapping[str, float]) -> None:
    """Give each group the rate of its name."""
    for group in optimizer.param_groups:
        group["lr"] = rates[group["name"]]
