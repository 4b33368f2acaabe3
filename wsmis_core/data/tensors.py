"""From 8-bit images to what a network takes. Imports torch, so the package does not import it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from wsmis_core.spec.parts import Normalisation

__all__ = ["SCHEMES", "to_tensor"]

# Keeps an image without contrast finite.
_LEAST_DEVIATION = 1e-3


def _fixed(
    mean: tuple[float, float, float], deviation: tuple[float, float, float]
) -> Callable[[Tensor], Tensor]:
    """By the mean and standard deviation of the three channels, of values in [0, 1]."""
    return lambda values: (values - torch.tensor(mean).view(3, 1, 1)) / torch.tensor(deviation).view(3, 1, 1)


def _per_image(values: Tensor) -> Tensor:
    """By each image's own mean and standard deviation: exposure and contrast no longer matter."""
    deviation, mean = torch.std_mean(values, dim=(1, 2, 3), keepdim=True)
    return ((values - mean) / (deviation + _LEAST_DEVIATION)).expand(-1, 3, -1, -1)


# Values in [0, 1], (B, c, H, W), to (B, 3, H, W).
SCHEMES: Mapping[Normalisation, Callable[[Tensor], Tensor]] = {
    "imagenet": _fixed((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "pneumothorax": _fixed((0.490, 0.490, 0.490), (0.230, 0.230, 0.230)),
    "per_image": _per_image,
}


def to_tensor(images: npt.NDArray[np.uint8], *, scheme: Normalisation) -> Tensor:
    """Images (B, H, W, c), c = 1 or 3, as (B, 3, H, W) float32, normalised by a scheme.

    A grey image is repeated to three channels.
    """
    assert images.ndim == 4, "images are (B, H, W, c)"
    assert images.shape[-1] in (1, 3), "images are grey or RGB"
    values = torch.tensor(images).permute(0, 3, 1, 2).float() / 255  # (B, c, H, W)
    return SCHEMES[scheme](values)
