"""The loss of a segmenter: the terms of its spec on logits and targets.

Axes: B batch, C classes (background excluded), H x W pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from wsmis_core.engine import Processes, Term
from wsmis_core.models.losses import (
    LossSum,
    cross_entropy,
    integral_attention,
    kl_divergence,
    pixel_bce,
    soft_dice,
    soft_iou,
)
from wsmis_core.spec.losses import Bce, Kl, LossTerm, Outputs, outputs_of
from wsmis_core.spec.parts import DenseCrf, Pamr
from wsmis_core.stages.maps import UNKNOWN
from wsmis_core.stages.outputs import OUTPUTS
from wsmis_core.stages.refinement import refined_probabilities

__all__ = ["Refiner", "loss_terms"]


@dataclass(frozen=True, slots=True)
class Refiner:
    """Refines probabilities on images (B, 3, h, w) in [0, 255], one core an image at a time."""

    images: Tensor
    processes: Processes

    def __call__(self, probabilities: Tensor, refinement: DenseCrf | Pamr) -> Tensor:
        """(B, K, h, w), which add up to 1 over K, without gradient."""
        return refined_probabilities(probabilities, self.images, refinement, self.processes)


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a term looks at."""

    logits: Tensor
    target: Tensor
    outputs: Outputs
    refiner: Refiner | None


def loss_terms(
    logits: Tensor, target: Tensor, loss: Sequence[LossTerm], *, refiner: Refiner | None = None
) -> list[Term]:
    """The terms of a weighted sum.

    Args:
        logits: (B, C, H, W) where the loss has sigmoid outputs, (B, 1 + C, H, W) where softmax.
        target: (B, H, W) class ids, 255 unknown: these pixels count in no term that reads labels.
        refiner: what refines probabilities on the batch's images, where a term wants it.
    """
    seen = _Seen(logits, target, outputs_of(loss), refiner)
    return [
        Term(name, *mean, weight=term.weight)
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


def _kl(seen: _Seen, term: Kl) -> dict[str, LossSum]:
    assert seen.refiner is not None, "the images are given where a term refines on them"
    size = seen.refiner.images.shape[-2:]
    small = F.interpolate(seen.logits, size=size, mode="area")
    refined = seen.refiner(small.detach().softmax(dim=1), term.refine)
    return {"kl": kl_divergence(small, refined)}


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
    "kl": _kl,
}
