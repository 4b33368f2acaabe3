"""What segmenters learn: pseudo-labels, or true masks as the ceiling."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from wsmis_core.data import DatasetIndex, Sample, read_mask
from wsmis_core.engine import RunContext
from wsmis_core.spec.stages import TrainSegmenter
from wsmis_core.stages.inputs import input_artifact
from wsmis_core.stages.label_maps import LabelMaps, nearest

__all__ = ["Targets", "targets"]

Labels = NDArray[np.uint8]


class Targets(Protocol):
    """Class ids of images, 255 unknown, at one size."""

    def has(self, sample: Sample) -> bool:
        """Whether the sample can be learnt from."""

    def array(self, sample: Sample) -> Labels:
        """(size, size)."""


class _TrueMasks:
    """The data set's own masks, read once."""

    def __init__(self, index: DatasetIndex, *, size: int) -> None:
        self.index, self.size = index, size
        self._read: dict[str, Labels] = {}

    def has(self, sample: Sample) -> bool:
        return sample.is_negative or sample.has_masks

    def array(self, sample: Sample) -> Labels:
        if sample.id not in self._read:
            self._read[sample.id] = nearest(read_mask(self.index, sample), (self.size, self.size))
        return self._read[sample.id]


class _PseudoLabels:
    """The label maps of an artifact; an image that is known to have no class has an empty mask."""

    def __init__(self, folder: Path, *, size: int) -> None:
        self.maps, self.size = LabelMaps(folder, size=size), size

    def has(self, sample: Sample) -> bool:
        return sample.is_negative or self.maps.has(sample)

    def array(self, sample: Sample) -> Labels:
        if sample.is_negative:
            return np.zeros((self.size, self.size), dtype=np.uint8)
        return self.maps.array(sample)


def targets(context: RunContext, params: TrainSegmenter, index: DatasetIndex) -> Targets:
    """Those that the params ask for."""
    if params.targets == "true_masks":
        return _TrueMasks(index, size=params.image_size)
    folder = input_artifact(context, "pseudo_labels").folder / "pseudo_labels"
    return _PseudoLabels(folder, size=params.image_size)
