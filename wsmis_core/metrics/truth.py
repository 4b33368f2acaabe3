"""One image's true masks, as counts take them.

Axes: C classes (background excluded), H x W pixels.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from wsmis_core.metrics.confusion import IGNORED

__all__ = ["Truth"]


class Truth(NamedTuple):
    """One image's true masks.

    Attributes:
        classes: (C, H, W) bool, the mask of each class; they may overlap.
        known: (H, W) bool; the other pixels count for nothing.
    """

    classes: Tensor
    known: Tensor

    @property
    def class_ids(self) -> Tensor:
        """(H, W) uint8: 0 background, 255 not known; where classes overlap, the later one."""
        numbers = torch.arange(1, len(self.classes) + 1, dtype=torch.uint8, device=self.known.device)
        ids = (self.classes * numbers[:, None, None]).amax(dim=0)
        return torch.where(self.known, ids, IGNORED).to(torch.uint8)
