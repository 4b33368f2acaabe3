"""What each step finds in an image, in one form to be scored, whatever the step keeps on disk.

Axes: B batch, C classes (background excluded), K classes of an image, H x W pixels.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from wsmis_core.cam import share_of_range
from wsmis_core.data import DatasetIndex, Sample
from wsmis_core.errors import DataError
from wsmis_core.spec.parts import MapThreshold, Split
from wsmis_core.stages.inputs import Input
from wsmis_core.stages.label_maps import LabelMaps, nearest
from wsmis_core.stages.maps import MapsFolder, background_threshold_mask, resized, strongest

__all__ = [
    "CamsFinder",
    "Finder",
    "Found",
    "LabelsFinder",
    "Shape",
    "Soft",
    "cams_finder",
    "check_classes",
    "check_splits",
    "labels_finder",
]

Shape = tuple[int, int]  # height, width


@dataclass(frozen=True, slots=True)
class Soft:
    """What a threshold cuts into labels.

    Attributes:
        strengths: (H, W) in [0, 1], of the strongest class at each pixel.
        class_ids: (H, W) uint8, that class, from 1.
        maps: (H, W) of each class that the step has a map of.
    """

    strengths: Tensor
    class_ids: Tensor
    maps: Mapping[int, Tensor] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Found:
    """``labels`` (H, W) uint8 class ids, 255 where nothing is said; what they were cut from, if anything."""

    labels: Tensor
    soft: Soft | None = None


class Finder(Protocol):
    """One step's results for images.

    Attributes:
        soft: whether each `Found` has its soft maps.
        calibrated: whether these are probabilities of every class.
    """

    @property
    def soft(self) -> bool: ...

    @property
    def calibrated(self) -> bool: ...

    def found(self, samples: Sequence[Sample], shapes: Sequence[Shape]) -> Iterator[Found]:
        """What is found in each sample, at the shape given for it; made one by one, as they are large."""


@dataclass(frozen=True, slots=True)
class CamsFinder:
    """Activation maps, cut by a threshold; nothing in an image without maps."""

    maps: MapsFolder
    threshold: MapThreshold
    soft: bool = True
    calibrated: bool = False

    def found(self, samples: Sequence[Sample], shapes: Sequence[Shape]) -> Iterator[Found]:
        return map(self._found, samples, shapes)

    def _found(self, sample: Sample, shape: Shape) -> Found:
        if not self.maps.has(sample):
            return nothing(shape)
        stored = self.maps.load(sample)
        if not stored.class_ids:
            return nothing(shape)
        maps = resized(stored.maps, shape)
        strengths, class_ids = strongest(maps, stored.class_ids)
        # The published rule takes a share of the range of the strongest map, not of its maximum.
        soft = Soft(share_of_range(strengths), class_ids, dict(zip(stored.class_ids, maps, strict=True)))
        return Found(background_threshold_mask(maps, stored.class_ids, self.threshold), soft)


@dataclass(frozen=True, slots=True)
class LabelsFinder:
    """Label maps, and the soft maps that they were cut from where there are some."""

    labels: LabelMaps
    maps: MapsFolder | None = None
    calibrated: bool = False

    @property
    def soft(self) -> bool:
        return self.maps is not None

    def found(self, samples: Sequence[Sample], shapes: Sequence[Shape]) -> Iterator[Found]:
        return map(self._found, samples, shapes)

    def _found(self, sample: Sample, shape: Shape) -> Found:
        labels = torch.tensor(nearest(self.labels.array(sample), shape))
        if self.maps is None:
            return Found(labels)
        stored = self.maps.load(sample) if self.maps.has(sample) else None
        if stored is None or not stored.class_ids:
            return Found(labels, nothing(shape).soft)
        strengths, class_ids = strongest(stored.maps, stored.class_ids)
        maps = _nearest(stored.maps, shape)
        soft = Soft(
            _nearest(strengths[None], shape)[0],
            _nearest(class_ids[None], shape)[0],
            dict(zip(stored.class_ids, maps, strict=True)),
        )
        return Found(labels, soft)


def nothing(shape: Shape) -> Found:
    """An image of background, as sure as can be."""
    zeros = torch.zeros(shape)
    labels = zeros.to(torch.uint8)
    return Found(labels, Soft(zeros, torch.ones_like(labels)))


def _nearest(maps: Tensor, shape: Shape) -> Tensor:
    """(K, h, w) at another shape, as `nearest` does label maps."""
    if maps.shape[1:] == shape:
        return maps
    return F.interpolate(maps[None], size=shape, mode="nearest-exact")[0]


def cams_finder(source: Input, role: str, *, threshold: MapThreshold, splits: Sequence[Split]) -> CamsFinder:
    """The activation maps in ``role``; raises DataError where they are not of all ``splits``."""
    check_splits(source, splits, field=f"inputs.{role}")
    return CamsFinder(MapsFolder(source.folder / "cams"), threshold)


def labels_finder(source: Input, role: str, *, splits: Sequence[Split]) -> LabelsFinder:
    """The label maps in ``role``; raises DataError where they are not of all ``splits``."""
    check_splits(source, splits, field=f"inputs.{role}")
    labels = LabelMaps(source.folder / role, size=source.details["image_size"])
    soft = source.details.get("soft_maps")
    return LabelsFinder(labels, None if soft is None else MapsFolder(source.folder / soft))


def check_classes(source: Input, role: str, index: DatasetIndex) -> None:
    """Raise DataError where the model in ``role`` knows other classes than the data set."""
    known = source.details["classes"]
    if known != list(index.classes):
        raise DataError(
            f"The {source.manifest.kind} knows {', '.join(known)}, the data set {', '.join(index.classes)}.",
            field=f"inputs.{role}",
            remedy=f"Name a {source.manifest.kind} that was trained on the same classes.",
        )


def check_splits(source: Input, splits: Sequence[Split], *, field: str) -> None:
    """Raise DataError that names ``field`` where an artifact is not of all ``splits``."""
    there = source.details["splits"]
    missing = [split for split in splits if split not in there]
    if missing:
        raise DataError(
            f"The {source.manifest.kind} are of the splits {', '.join(there)}, not of {', '.join(missing)}.",
            field=field,
            remedy=f"Run {source.manifest.stage} with {', '.join(missing)} among its splits, or name others.",
        )
