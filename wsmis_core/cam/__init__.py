"""Class activation maps: from features and head weights to masks. Pure functions on tensors."""

from __future__ import annotations

from wsmis_core.cam.crf import dense_crf, require_crf, trusted
from wsmis_core.cam.grabcut import grab_cut
from wsmis_core.cam.gradients import AT_LAYER, maps_at_layer
from wsmis_core.cam.lpcam import Prototypes, choose_prototypes, class_scores, cosine_clusters, direction
from wsmis_core.cam.maps import cam, grad_cam, grad_cam_pp, layer_cam
from wsmis_core.cam.multiscale import multi_scale_maps, normalise, scale_averaged_maps
from wsmis_core.cam.refinement import pamr, pixel_affinities
from wsmis_core.cam.thresholds import (
    fixed_threshold,
    otsu,
    otsu_middle,
    otsu_twice,
    share_of_range,
)

__all__ = [
    "AT_LAYER",
    "Prototypes",
    "cam",
    "choose_prototypes",
    "class_scores",
    "cosine_clusters",
    "dense_crf",
    "direction",
    "fixed_threshold",
    "grab_cut",
    "grad_cam",
    "grad_cam_pp",
    "layer_cam",
    "maps_at_layer",
    "multi_scale_maps",
    "normalise",
    "otsu",
    "otsu_middle",
    "otsu_twice",
    "pamr",
    "pixel_affinities",
    "require_crf",
    "scale_averaged_maps",
    "share_of_range",
    "trusted",
]
