"""What a segmenter finds in an image; apart from other findings, as its networks take seconds to import.

Axes: B batch, C classes (background excluded), H x W pixels.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from wsmis_core.data import DatasetIndex, Sample
from wsmis_core.engine import RunContext
from wsmis_core.stages.findings import Found, Shape, Soft, check_classes
from wsmis_core.stages.inputs import Pictures, input_artifact, pictures
from wsmis_core.stages.maps import resized
from wsmis_core.stages.segmentation import TrainedSegmenter, strongest_class

__all__ = ["SegmenterFinder", "segmenter_finder"]


@dataclass(frozen=True, slots=True)
class SegmenterFinder:
    """A segmenter's classes where they are stronger than its threshold."""

    segmenter: TrainedSegmenter
    images: Pictures
    soft: bool = True
    calibrated: bool = True

    def found(self, samples: Sequence[Sample], shapes: Sequence[Shape]) -> Iterator[Found]:
        seen = self.segmenter.probabilities(self.images.batch(samples))
        return map(self._found, seen, shapes)

    def _found(self, probability: Tensor, shape: Shape) -> Found:
        maps = resized(probability, shape)  # (C, H, W)
        details = self.segmenter.details
        strengths, class_ids = strongest_class(maps, channels=details.channels)
        labels = torch.where(strengths > details.threshold, class_ids, torch.zeros_like(class_ids))
        return Found(labels, Soft(strengths, class_ids, dict(enumerate(maps, start=1))))


def segmenter_finder(
    context: RunContext, role: str, index: DatasetIndex, *, scales: Sequence[float], flip: bool
) -> SegmenterFinder:
    """The segmenter in ``role``; raises DataError where it knows other classes than the data set."""
    source = input_artifact(context, role)
    check_classes(source, role, index)
    segmenter = TrainedSegmenter.load(source, device=context.ranks.device, scales=scales, flip=flip)
    details = segmenter.details
    images = pictures(context, index, size=details.image_size, normalisation=details.normalisation)
    return SegmenterFinder(segmenter, images)
