"""The loss of a segmenter: the terms of its spec on logits and targets.

Axes: B batch, C classes (background excluded), H x W pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from wsmis_core.engine import Term
from wsmis_core.models.losses import (
    LossSum,
    cross_entropy,
    integral_attention,
    pixel_bce,
    soft_dice,
    soft_iou,
)
from wsmis_core.spec.losses import Bce, LossTerm, Outputs, outputs_of
from wsmis_core.stages.maps import UNKNOWN
from wsmis_core.stages.outputs import OUTPUTS

__all__ = ["loss_terms"]

# A batch may hold no pixel that a mean is over: its sum is 0, and so is its loss, not 0 / 0.
_NOTHING = 1e-30


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a term looks at."""

    logits: Tensor
    target: Tensor
    outputs: Outputs


def loss_terms(logits: Tensor, target: Tensor, loss: Sequence[LossTerm]) -> list[Term]:
    """The terms of a weighted sum.

    Args:
        logits: (B, C, H, W) where the loss has sigmoid outputs, (B, 1 + C, H, W) where softmax.
        target: (B, H, W) class ids, 255 unknown: these pixels count nowhere.
    """
    seen = _Seen(logits, target, outputs_of(loss))
    return [
        Term(name, *mean, weight=term.weight, epsilon=_NOTHING)
        for term in loss
        for name, mean in TERMS[term.name](seen, term).items()
    ]


def _bce(seen: _Seen, term: Bce) -> dict[str, LossSum]:
    def of_class(logits: Tensor, target: Tensor) -> LossSum:
        return pixel_bce(logits, target, pos_weight=term.pos_weight)

    return {"bce": _each_class(of_class, seen.logits, seen.target)}


def _integral_attention(seen: _Seen, term: LossTerm) -> dict[str, LossSum]:
    del term
    target = seen.target.unsqueeze(1)
    class_ids = torch.arange(1, seen.logits.shape[1] + 1, device=target.device).view(-1, 1, 1)
    attention = (target == class_ids).to(seen.logits)  # (B, C, H, W)
    means = integral_attention(seen.logits, attention, known=target != UNKNOWN)
    return means._asdict()


def _cross_entropy(seen: _Seen, term: LossTerm) -> dict[str, LossSum]:
    del term
    return {"cross_entropy": cross_entropy(seen.logits, seen.target)}


def _iou(seen: _Seen, term: LossTerm) -> dict[str, LossSum]:
    del term
    return {"iou": soft_iou(seen.logits, seen.target)}


def _dice(seen: _Seen, term: LossTerm) -> dict[str, LossSum]:
    del term
    probabilities = OUTPUTS[seen.outputs].probabilities(seen.logits)
    return {"dice": _each_class(soft_dice, probabilities, seen.target)}


def _each_class(loss: Callable[[Tensor, Tensor], LossSum], maps: Tensor, target: Tensor) -> LossSum:
    """The sums of a binary loss over the classes, each against the rest; 255 stays unknown."""
    numerators, denominators = zip(
        *(
            loss(
                maps[:, number],
                torch.where(target == UNKNOWN, UNKNOWN, target == number + 1).to(torch.uint8),
            )
            for number in range(maps.shape[1])
        ),
        strict=True,
    )
    return LossSum(torch.stack(numerators).sum(), torch.stack(denominators).sum())


# The means of a term, still to be taken, by what they are called.
TERMS: Mapping[str, Callable[[_Seen, Any], dict[str, LossSum]]] = {
    "bce": _bce,
    "integral_attention": _integral_attention,
    "cross_entropy": _cross_entropy,
    "iou": _iou,
    "dice": _dice,
}
