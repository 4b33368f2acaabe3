"""Segmenters from artifacts, and the masks that they give.

Axes: B batch, C classes (background excluded), H x W pixels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from wsmis_core.models import TRUNKS
from wsmis_core.models.segmenters import Segmenter, make_segmenter
from wsmis_core.spec.stages import TrainSegmenter
from wsmis_core.stages.maps import resized
from wsmis_core.stages.outputs import OUTPUTS

__all__ = ["class_ids_of", "probabilities", "segmenter_details", "segmenter_from", "strongest_class"]


def segmenter_details(params: TrainSegmenter, classes: Sequence[str]) -> dict[str, Any]:
    """What is needed to build and use the segmenter again."""
    return {
        "arch": params.arch,
        "encoder": params.encoder,
        "classes": list(classes),
        "image_size": params.image_size,
        "normalisation": params.normalisation,
        "loss": params.loss,
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
    strengths, class_ids = strongest_class(resized(probability, size))
    return torch.where(strengths > threshold, class_ids, torch.zeros_like(class_ids))


def strongest_class(probability: Tensor) -> tuple[Tensor, Tensor]:
    """The highest of the probabilities (C, H, W) at each pixel, and the class id (uint8) that has it."""
    strengths, which = probability.max(dim=0)
    return strengths, (which + 1).to(torch.uint8)
