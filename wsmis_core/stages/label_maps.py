"""Label maps on disk (seeds, pseudo-labels), one PNG of class ids an image, read at a stage's size."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from wsmis_core.data import Sample
from wsmis_core.export import read_mask_png

__all__ = ["LabelMaps", "nearest"]


@dataclass(frozen=True, slots=True)
class LabelMaps:
    """The PNGs of one folder at ``size`` pixels a side."""

    folder: Path
    size: int

    def has(self, sample: Sample) -> bool:
        """Whether the sample has a label map."""
        return self.path(sample).exists()

    def path(self, sample: Sample) -> Path:
        return self.folder / f"{sample.id}.png"

    def array(self, sample: Sample) -> NDArray[np.uint8]:
        """Class ids (size, size), 255 unknown; all background for a sample without a label map."""
        if not self.has(sample):
            return np.zeros((self.size, self.size), dtype=np.uint8)
        return nearest(read_mask_png(self.path(sample)), (self.size, self.size))


def nearest(labels: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Class ids at another (height, width)."""
    if labels.shape == size:
        return labels
    height, width = size
    resized = Image.fromarray(labels).resize((width, height), Image.Resampling.NEAREST)
    return np.array(resized)
