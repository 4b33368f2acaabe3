"""The maths around IRNet: paths, affinities, losses, seeds, the random walk. Pure functions on tensors."""

from __future__ import annotations

from wsmis_core.irn.affinity import PairLabels, affinities, pair_labels, path_maxima
from wsmis_core.irn.guard import GuardedLabels, guarded_labels
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
from wsmis_core.irn.seeds import make_seeds
from wsmis_core.irn.walk import random_walk

__all__ = [
    "EPSILON",
    "TERMS",
    "WEIGHTS",
    "GuardedLabels",
    "IrnetLossTerms",
    "IrnetLosses",
    "PairLabels",
    "Run",
    "SearchPath",
    "affinities",
    "combine",
    "ends",
    "guarded_labels",
    "irnet_loss_terms",
    "make_seeds",
    "pair_labels",
    "path_maxima",
    "random_walk",
    "search_paths",
]
