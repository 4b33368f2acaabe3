"""What a segmenter's channels mean: losses on them and probabilities from them.

Axes: B batch, C classes (background excluded), H x W pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from wsmis_core.engine import Term
from wsmis_core.models.losses import LossSum, cross_entropy, pixel_bce, soft_dice
from wsmis_core.stages.maps import UNKNOWN

__all__ = ["OUTPUTS", "Outputs"]


@dataclass(frozen=True, slots=True)
class Outputs:
    """How many channels a loss wants for C classes, its terms, and the classes' probabilities."""

    channels: Callable[[int], int]
    terms: Callable[[Tensor, Tensor], list[Term]]
    probabilities: Callable[[Tensor], Tensor]


def _each_class(
    loss: Callable[[Tensor, Tensor], LossSum], logits: Tensor, target: Tensor
) -> tuple[Tensor, Tensor]:
    """The sums of a binary loss over the classes, each against the rest; 255 stays unknown."""
    numerators, denominators = zip(
        *(
            loss(
                logits[:, number],
                torch.where(target == UNKNOWN, UNKNOWN, target == number + 1).to(torch.uint8),
            )
            for number in range(logits.shape[1])
        ),
        strict=True,
    )
    return torch.stack(numerators).sum(), torch.stack(denominators).sum()


def _bce_terms(logits: Tensor, target: Tensor) -> list[Term]:
    return [Term("bce", *_each_class(pixel_bce, logits, target))]


def _bce_dice_terms(logits: Tensor, target: Tensor) -> list[Term]:
    return [*_bce_terms(logits, target), Term("dice", *_each_class(soft_dice, logits, target))]


def _cross_entropy_terms(logits: Tensor, target: Tensor) -> list[Term]:
    return [Term("cross_entropy", *cross_entropy(logits, target))]


OUTPUTS: Mapping[str, Outputs] = {
    "bce": Outputs(lambda classes: classes, _bce_terms, torch.sigmoid),
    "bce_dice": Outputs(lambda classes: classes, _bce_dice_terms, torch.sigmoid),
    "cross_entropy": Outputs(
        lambda classes: classes + 1, _cross_entropy_terms, lambda logits: logits.softmax(dim=1)[:, 1:]
    ),
}
