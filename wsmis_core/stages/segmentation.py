"""What a segmenter's outputs mean: losses on them, probabilities and masks from them.

Axes: B batch, C classes (background excluded), H x W pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from wsmis_core.engine import Term
from wsmis_core.models import TRUNKS
from wsmis_core.models.losses import LossSum, cross_entropy, pixel_bce, soft_dice
from wsmis_core.models.segmenters import Segmenter, make_segmenter
from wsmis_core.spec.stages import TrainSegmenter

__all__ = ["OUTPUTS", "Outputs", "class_ids_of", "probabilities", "segmenter_details", "segmenter_from"]

UNKNOWN = 255


@dataclass(frozen=True, slots=True)
class Outputs:
    """How many channels a loss wants for C classes, its terms, and the classes' probabilities."""

    channels: Callable[[int], int]
    terms: Callable[[Tensor, Tensor], list[Term]]
    probabilities: Callable[[Tensor], Tensor]


def segmenter_details(params: TrainSegmenter, classes: Sequence[str]) -> dict[str, Any]:
    """What is needed to build and use the segmenter again."""
    return {
        "arch": params.arch,
        "encoder": params.encoder,
        "classes": list(classes),
        "image_size": params.image_size,
        "normalisation": params.normalisation,
        "loss": params.loss,
        "threshold": params.threshold,
        "targets": params.targets,
        # Over a trunk of step 1 the decoder hangs on that trunk's stages, not on smp's encoder of its name.
        "over_trunk": params.weights == "classifier",
    }


def segmenter_from(details: Mapping[str, Any]) -> Segmenter:
    """A segmenter as an artifact's details describe it, without its weights."""
    channels = OUTPUTS[details["loss"]].channels(len(details["classes"]))
    trunk = TRUNKS[details["encoder"]]("none") if details["over_trunk"] else None
    return make_segmenter(details["arch"], encoder=details["encoder"], classes=channels, trunk=trunk)


@torch.no_grad()
def probabilities(segmenter: Segmenter, images: Tensor, *, details: Mapping[str, Any], flip: bool) -> Tensor:
    """Probabilities (B, C, H, W) of the classes, with ``flip`` the mean with those of the mirror image."""
    of_logits = OUTPUTS[details["loss"]].probabilities
    seen = of_logits(segmenter(images).float())
    if flip:
        seen = (seen + of_logits(segmenter(images.flip(-1)).float()).flip(-1)) / 2
    return seen


def class_ids_of(probability: Tensor, *, threshold: float, size: tuple[int, int]) -> Tensor:
    """Class ids (height, width) of one image's probabilities (C, H, W), resized bilinearly before the cut."""
    resized = F.interpolate(probability[None], size=size, mode="bilinear", align_corners=False)[0]
    strongest, which = resized.max(dim=0)
    return torch.where(strongest > threshold, which + 1, 0).to(torch.uint8)


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
