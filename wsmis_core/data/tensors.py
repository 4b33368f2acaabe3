"""From 8-bit images to what a network takes. Imports torch, so the package does not import it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from wsmis_core.spec.parts import Normalisation

__all__ = ["SCHEMES", "to_tensor"]

# Mean and standard deviation of the three channels, of values in [0, 1].
SCHEMES: Mapping[Normalisation, tuple[tuple[float, float, float], tuple[float, float, float]]] = {
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "pneumothorax": ((0.490, 0.490, 0.490), (0.230, 0.230, 0.230)),
}


def to_tensor(images: npt.NDArray[np.uint8], *, scheme: Normalisation) -> Tensor:
    """Images (B, H, W, c), c = 1 or 3, as (B, 3, H, W) float32: (value / 255 - mean) / deviation.

    A grey image is repeated to three channels.
    """
    assert images.ndim == 4, "images are (B, H, W, c)"
    assert images.shape[-1] in (1, 3), "images are grey or RGB"
    mean, deviation = (torch.tensor(values).view(3, 1, 1) for values in SCHEMES[scheme])
    channels = torch.tensor(images).permute(0, 3, 1, 2).float()  # (B, c, H, W)
    return (channels / 255 - mean) / deviation
