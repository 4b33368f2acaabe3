"""From a batch of images to the activation maps of some classes, by the `method` of `ExtractCams`.

Axes: B batch, U the classes asked for, K channels, h x w cells.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from torch import Tensor

from wsmis_core.cam import (
    AT_LAYER,
    cam,
    grad_cam,
    grad_cam_pp,
    layer_cam,
    maps_at_layer,
    multi_scale_maps,
    scale_averaged_maps,
)
from wsmis_core.data import Sample
from wsmis_core.errors import WeightsError
from wsmis_core.models import Classifier
from wsmis_core.spec.stages import ExtractCams
from wsmis_core.stages.maps import STRIDE

__all__ = ["MapsOf", "activation_maps", "check_finite", "lpcam_maps"]

# From images (B, 3, H, W) and U class ids, which count from 1, to maps (B, U, H / 4, W / 4), none negative.
MapsOf = Callable[[Tensor, Sequence[int]], Tensor]


def activation_maps(classifier: Classifier, params: ExtractCams, *, method: str) -> MapsOf:
    """A method's maps over scales and mirrors: in closed form, or at ``params.layer``."""

    def maps_of(images: Tensor, class_ids: Sequence[int]) -> Tensor:
        columns = [number - 1 for number in class_ids]

        def maps_fn(scaled: Tensor) -> Tensor:
            if params.layer is not None:
                return maps_at_layer(
                    classifier, scaled, layer=params.layer, classes=columns, layer_map=AT_LAYER[method]
                )
            features = classifier.features(scaled)
            scores = classifier.head(features.mean(dim=(2, 3)))  # (B, C)
            return CLOSED_FORMS[method](features, classifier.head.weight[columns], scores[:, columns])

        return multi_scale_maps(maps_fn, images, scales=params.scales, flip=params.flip, size=_grid(images))

    return maps_of


def lpcam_maps(classifier: Classifier, params: ExtractCams, directions: Tensor) -> MapsOf:
    """LPCAM's maps, from the ``directions`` (C, K) of all classes' prototypes."""

    def maps_of(images: Tensor, class_ids: Sequence[int]) -> Tensor:
        weight = directions[[number - 1 for number in class_ids]]
        return scale_averaged_maps(
            classifier.features, weight, images, scales=params.scales, flip=params.flip, size=_grid(images)
        )

    return maps_of


def check_finite(maps: Tensor, samples: Sequence[Sample]) -> None:
    """Raise WeightsError that names the first sample whose maps (B, U, h, w) are not finite."""
    finite = maps.isfinite().all(dim=(1, 2, 3)).tolist()
    if not all(finite):
        raise WeightsError(
            f"The activation maps of {samples[finite.index(False)].file} are not finite numbers, so the "
            "classifier's weights are not, or far too large.",
            field="inputs.classifier",
            remedy="Train the classifier again, at lower rates; or give other weights.",
        )


def _grid(images: Tensor) -> tuple[int, int]:
    """The cells of the stored maps, those at the lower and right border included that are not whole."""
    return math.ceil(images.shape[-2] / STRIDE), math.ceil(images.shape[-1] / STRIDE)


# Of the last features (B, K, h, w), the head's rows (U, K) and the scores (B, U).
CLOSED_FORMS: Mapping[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "cam": lambda features, weight, scores: cam(features, weight),  # noqa: ARG005 - one signature for all
    "grad_cam": lambda features, weight, scores: grad_cam(features, weight),  # noqa: ARG005
    "grad_cam_pp": grad_cam_pp,
    "layer_cam": lambda features, weight, scores: layer_cam(features, weight),  # noqa: ARG005
}
