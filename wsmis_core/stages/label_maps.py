"""Label maps on disk (seeds, pseudo-labels), one PNG of class ids an image, read at a stage's size."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from wsmis_core.data import Sample, shape_at
from wsmis_core.export import read_mask_png
from wsmis_core.spec.parts import Size

__all__ = ["LabelMaps", "nearest"]


@dataclass(frozen=True, slots=True)
class LabelMaps:
    """The PNGs of one folder, each at the shape that its image has at ``size``."""

    folder: Path
    size: Size

    def has(self, sample: Sample) -> bool:
        """Whether the sample has a label map."""
        return self.path(sample).exists()

    def path(self, sample: Sample) -> Path:
        return self.folder / f"{sample.id}.png"

    def array(self, sample: Sample) -> NDArray[np.uint8]:
        """Class ids (H, W), 255 unknown; all background for a sample without a label map."""
        shape = shape_at(sample, self.size)
        if not self.has(sample):
            return np.zeros(shape, dtype=np.uint8)
        return nearest(read_mask_png(self.path(sample)), shape)


def nearest(labels: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Class ids at another (height, width)."""
    if labels.shape == size:
        return labels
    height, width = size
    resized = Image.fromarray(labels).resize((width, height), Image.Resampling.NEAREST)
    return np.array(resized)
