"""Segmenters from artifacts, and the masks that they give.

Axes: B batch, C classes (background excluded), H x W pixels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import torch
import torch.nn.functional as F
from pydantic import ConfigDict
from torch import Tensor

from wsmis_core.cam.multiscale import rescaled
from wsmis_core.models.segmenters import Segmenter, make_segmenter
from wsmis_core.spec import Spec, validate
from wsmis_core.spec.encoders import SegmenterArch
from wsmis_core.spec.losses import Loss, outputs_of
from wsmis_core.spec.parts import Chosen, Normalisation, Probability
from wsmis_core.spec.stages import TrainSegmenter
from wsmis_core.stages.inputs import Input, load_model
from wsmis_core.stages.maps import resized
from wsmis_core.stages.outputs import OUTPUTS, Channels

__all__ = ["SegmenterDetails", "TrainedSegmenter", "class_ids_of", "probabilities", "strongest_class"]


class SegmenterDetails(Spec):
    """What an artifact says of its segmenter; what is not needed to use it is passed over."""

    model_config = ConfigDict(extra="ignore")

    arch: SegmenterArch
    encoder: str
    classes: tuple[str, ...]
    image_size: int
    normalisation: Normalisation
    loss: Loss
    threshold: Probability = 0.5
    chosen_threshold: dict[str, Any] | None = None  # how it was chosen, if it was
    targets: str

    @classmethod
    def of(cls, params: TrainSegmenter, classes: Sequence[str]) -> Self:
        """Those of a segmenter that is trained with ``params``; a threshold is yet to be chosen."""
        to_choose = {"threshold"} if isinstance(params.threshold, Chosen) else set()
        learnt = {} if params.epochs else {"targets": "none"}
        return cls(**params.model_dump(exclude=to_choose) | learnt, classes=tuple(classes))

    @classmethod
    def read(cls, details: Mapping[str, Any]) -> Self:
        """Those of a manifest; raises SpecError where it is of another version."""
        return validate(cls, details, prefix="details")

    @property
    def channels(self) -> Channels:
        """What the channels mean."""
        return OUTPUTS[outputs_of(self.loss)]

    def make(self) -> Segmenter:
        """The segmenter without its weights."""
        return make_segmenter(self.arch, encoder=self.encoder, classes=self.channels.count(len(self.classes)))


@dataclass(frozen=True, slots=True)
class TrainedSegmenter:
    """A segmenter in eval, and how it is asked."""

    model: Segmenter
    details: SegmenterDetails
    scales: Sequence[float]
    flip: bool

    @classmethod
    def load(cls, source: Input, *, device: torch.device, scales: Sequence[float], flip: bool) -> Self:
        """That of an artifact."""
        details = SegmenterDetails.read(source.details)
        model = load_model(source, lambda _: details.make()).to(device)
        assert isinstance(model, Segmenter)
        return cls(model, details, scales, flip)

    def probabilities(self, images: Tensor) -> Tensor:
        """Probabilities (B, C, H, W) of the classes on images (B, 3, H, W) of the size it was trained at."""
        return probabilities(
            self.model, images, channels=self.details.channels, scales=self.scales, flip=self.flip
        )

    def class_ids(self, probability: Tensor, *, size: tuple[int, int]) -> Tensor:
        """Class ids (height, width) of one image's probabilities (C, H, W), resized bilinearly first."""
        at_size = resized(probability, size)
        return class_ids_of(at_size, channels=self.details.channels, threshold=self.details.threshold)


@torch.no_grad()
def probabilities(
    segmenter: Segmenter, images: Tensor, *, channels: Channels, scales: Sequence[float], flip: bool
) -> Tensor:
    """Probabilities (B, C, H, W) of the classes.

    They are the mean over the sizes ``scales`` of the images (B, 3, H, W) and, with ``flip``, over each
    one's mirror.
    """
    total: Tensor | None = None
    for scale in scales:
        at_scale = rescaled(images, scale)
        seen = channels.probabilities(segmenter(at_scale).float())
        if flip:
            seen = (seen + channels.probabilities(segmenter(at_scale.flip(-1)).float()).flip(-1)) / 2
        if at_scale is not images:
            seen = F.interpolate(seen, size=images.shape[-2:], mode="bilinear", align_corners=False)
        total = seen if total is None else total + seen
    assert total is not None, "one scale at least"
    return total / len(scales)


def class_ids_of(probability: Tensor, *, channels: Channels, threshold: float) -> Tensor:
    """Class ids (..., H, W), uint8, of probabilities (..., C, H, W)."""
    strength, class_ids = strongest_class(probability, channels=channels)
    return torch.where(strength > threshold, class_ids, torch.zeros_like(class_ids))


def strongest_class(probability: Tensor, *, channels: Channels) -> tuple[Tensor, Tensor]:
    """At each pixel of probabilities (..., C, H, W) how strong the strongest class is, and its id (uint8)."""
    return channels.strength(probability), (probability.argmax(dim=-3) + 1).to(torch.uint8)
