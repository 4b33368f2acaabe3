"""Soft maps refined on the image: one function for each `name` of a `Refinement`.

Axes: K maps, N image channels, H x W pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from wsmis_core.cam import dense_crf, pamr, require_crf, trusted
from wsmis_core.errors import ResourceError
from wsmis_core.spec.parts import DenseCrf, GrabCut, Pamr, Refinement
from wsmis_core.stages.maps import resized

__all__ = ["REFINEMENTS", "check_refinement", "refined"]

_EPSILON = 1e-5


def check_refinement(refinement: Refinement | None, *, field: str) -> None:
    """Raise ResourceError that names the ``field`` where this host cannot do what it asks for."""
    if isinstance(refinement, DenseCrf):
        try:
            require_crf()
        except ResourceError as error:
            raise ResourceError(error.message, field=field, remedy=error.remedy) from error


def refined(maps: Tensor, image: Tensor, refinement: Refinement) -> Tensor:
    """Soft maps, none negative, that follow the edges of the image.

    Args:
        maps: (K, h, w), on the image's device.
        image: (1, N, H, W) in [0, 255], N = 1 or 3.

    Returns:
        (K, H, W), within the range of the maps; of other refinements than PAMR from 0 to their maximum.
    """
    at_image = resized(maps, (image.shape[-2], image.shape[-1]))
    return REFINEMENTS[refinement.name](at_image, image, refinement)


def _pamr(maps: Tensor, image: Tensor, refinement: Pamr) -> Tensor:
    return pamr(image, maps[None], iterations=refinement.iterations, dilations=refinement.dilations)[0]


def _on_arrays(
    refine: Callable[[NDArray[np.float32], NDArray[np.uint8], Any], NDArray[np.float32]],
) -> Callable[[Tensor, Tensor, Any], Tensor]:
    """Of a function on arrays, maps (K, H, W) over their common maximum and an image (H, W, 3)."""

    def on_tensors(maps: Tensor, image: Tensor, refinement: Any) -> Tensor:
        highest = maps.max() + _EPSILON
        found = refine((maps / highest).float().cpu().numpy(), _rgb(image), refinement)
        return torch.from_numpy(found).to(maps) * highest

    return on_tensors


def _rgb(image: Tensor) -> NDArray[np.uint8]:
    """An image (1, 1 or 3, H, W) as (H, W, 3)."""
    return image[0].expand(3, -1, -1).permute(1, 2, 0).round().to(torch.uint8).contiguous().cpu().numpy()


def _crf(maps: NDArray[np.float32], image: NDArray[np.uint8], refinement: DenseCrf) -> NDArray[np.float32]:
    """The CRF's marginals of the K classes, from the maps as their probabilities.

    Background has what the strongest map leaves of 1.
    """
    known = np.concatenate([1 - maps.max(axis=0, keepdims=True), maps])  # (1 + K, H, W)
    marginals = dense_crf(
        image,
        trusted(known / known.sum(axis=0), gt_prob=refinement.gt_prob),
        **refinement.model_dump(exclude={"name", "gt_prob"}),
    )
    return marginals[1:]


def _grab_cut(
    maps: NDArray[np.float32], image: NDArray[np.uint8], refinement: GrabCut
) -> NDArray[np.float32]:
    """Zero outside of each class's GrabCut mask, in its order from the middle of the range up inside.

    So thresholds up to a half give the mask itself, and of two classes' masks the stronger map wins.
    """
    from wsmis_core.cam.grabcut import grab_cut  # OpenCV takes its time, which other refinements need not

    percentiles = refinement.background, refinement.probable, refinement.foreground
    masks = [
        grab_cut(image, soft, percentiles=percentiles, iterations=refinement.iterations) for soft in maps
    ]
    return np.where(np.stack(masks), (1 + maps) / 2, 0).astype(np.float32)


# From maps (K, H, W) and an image (1, N, H, W) of one size, and the params of the name.
REFINEMENTS: Mapping[str, Callable[[Tensor, Tensor, Any], Tensor]] = {
    "pamr": _pamr,
    "crf": _on_arrays(_crf),
    "grabcut": _on_arrays(_grab_cut),
}
