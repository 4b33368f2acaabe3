"""Class activation maps: from features and head weights to masks. Pure functions on tensors."""

from __future__ import annotations

from wsmis_core.cam.refinement import pamr, pixel_affinities
from wsmis_core.cam.thresholds import fixed_threshold, otsu, otsu_twice

__all__ = ["fixed_threshold", "otsu", "otsu_twice", "pamr", "pixel_affinities"]
