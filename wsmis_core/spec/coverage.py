"""What a data set has to train on and to score by, split by split."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from wsmis_core.spec.parts import Split
from wsmis_core.spec.stages.params import ALL_SPLITS

__all__ = ["Coverage"]


@dataclass(frozen=True, slots=True)
class Coverage:
    """The splits that have images, those with true masks of images with a label, and those with boxes."""

    images: Collection[Split] = ALL_SPLITS
    masks: Collection[Split] = ()
    boxes: Collection[Split] = ()
