"""The maths around IRNet: paths, affinities, losses, seeds, the random walk. Pure functions on tensors."""

from __future__ import annotations

from wsmis_core.irn.affinity import PairLabels, affinities, pair_labels, path_maxima
from wsmis_core.irn.guard import GuardedLabels, GuardedMaps, guarded_labels, guarded_maps, restored_labels
from wsmis_core.irn.instances import (
    Instance,
    detect_instances,
    find_centroids,
    instance_map,
    split_by_instance,
)
from wsmis_core.irn.losses import (
    EPSILON,
    TERMS,
    WEIGHTS,
    IrnetLosses,
    IrnetLossTerms,
    combine,
    irnet_loss_terms,
)
from wsmis_core.irn.paths import Run, SearchPath, ends, search_paths
from wsmis_core.irn.seeds import label_pair, make_seeds, refined_seeds, seeds_of_pair
from wsmis_core.irn.tiling import seen_through_windows, window_starts
from wsmis_core.irn.walk import random_walk, random_walks

__all__ = [
    "EPSILON",
    "TERMS",
    "WEIGHTS",
    "GuardedLabels",
    "GuardedMaps",
    "Instance",
    "IrnetLossTerms",
    "IrnetLosses",
    "PairLabels",
    "Run",
    "SearchPath",
    "affinities",
    "combine",
    "detect_instances",
    "ends",
    "find_centroids",
    "guarded_labels",
    "guarded_maps",
    "instance_map",
    "irnet_loss_terms",
    "label_pair",
    "make_seeds",
    "pair_labels",
    "path_maxima",
    "random_walk",
    "random_walks",
    "refined_seeds",
    "restored_labels",
    "search_paths",
    "seeds_of_pair",
    "seen_through_windows",
    "split_by_instance",
    "window_starts",
]
