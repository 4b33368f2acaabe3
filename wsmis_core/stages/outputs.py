"""What the channels of a segmenter mean.

Axes: B batch, C classes (background excluded), H x W pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from wsmis_core.spec.losses import Outputs

__all__ = ["OUTPUTS", "Channels"]


@dataclass(frozen=True, slots=True)
class Channels:
    """One meaning of them.

    Attributes:
        count: how many channels there are for C classes.
        probabilities: the classes' (B, C, H, W), of logits (B, channels, H, W).
        strength: how probable the strongest class is against the background (..., H, W), of probabilities
            (..., C, H, W): over .5 where it is the more probable of both.
    """

    count: Callable[[int], int]
    probabilities: Callable[[Tensor], Tensor]
    strength: Callable[[Tensor], Tensor]


def _without_background(logits: Tensor) -> Tensor:
    return logits.softmax(dim=1)[:, 1:]


def _against_the_rest(probability: Tensor) -> Tensor:
    return probability.amax(dim=-3)


def _against_background(probability: Tensor) -> Tensor:
    strongest = probability.amax(dim=-3)
    background = (1 - probability.sum(dim=-3)).clamp(min=0)
    return strongest / (strongest + background)


OUTPUTS: Mapping[Outputs, Channels] = {
    "sigmoid": Channels(
        count=lambda classes: classes,
        probabilities=torch.sigmoid,
        strength=_against_the_rest,
    ),
    "softmax": Channels(
        count=lambda classes: classes + 1,
        probabilities=_without_background,
        strength=_against_background,
    ),
}
