"""From soft maps to label maps: what refinement would erase is kept, specks go.

Axes: K classes of an image, H x W pixels.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from wsmis_core.data import Sample
from wsmis_core.engine import ItemFolder, RunContext
from wsmis_core.export import write_mask
from wsmis_core.irn import GuardedMaps, guarded_maps
from wsmis_core.models.local import LocalNet
from wsmis_core.spec.parts import Chosen, MapThreshold, Otsu
from wsmis_core.spec.stages import LocalTraining, MakePseudoLabels
from wsmis_core.stages.inputs import Pictures
from wsmis_core.stages.kept import KeptUnrefined
from wsmis_core.stages.label_maps import LabelMaps
from wsmis_core.stages.local_pixels import seen_locally
from wsmis_core.stages.maps import MapsFolder, StoredMaps, as_stored, labels_above, save_maps

__all__ = [
    "guard_threshold",
    "guarded",
    "label_maps",
    "without_specks",
    "write_labels",
    "write_seen_maps",
]


def guard_threshold(params: MakePseudoLabels) -> MapThreshold:
    """What tells whether an object would vanish; Otsu's where the threshold is yet to be chosen."""
    return Otsu() if isinstance(params.threshold, Chosen) else params.threshold


@torch.no_grad()
def write_seen_maps(
    context: RunContext,
    params: MakePseudoLabels,
    local: LocalTraining,
    samples: Sequence[Sample],
    images: Pictures,
    walked: MapsFolder,
    net: LocalNet,
    *,
    kept: KeptUnrefined,
) -> MapsFolder:
    """Write `seen/<sample>.npz`, the walked maps weighed by the local net, over their maximum."""
    folder = ItemFolder(context, "seen", suffix=".npz")
    for (sample,) in folder.batches(samples, item_id=lambda sample: sample.id, size=1, phase="local maps"):
        stored = walked.load(sample)
        better = seen_locally(stored, net, sample, images, prior=local.prior, refine=params.refine)
        before = as_stored(stored.maps.to(better.device))
        outcome = guarded(before, as_stored(better), stored.class_ids, guard_threshold(params))
        kept.note(sample, outcome.kept, of="seen")
        result = StoredMaps(stored.class_ids, outcome.maps)
        folder.write(sample.id, functools.partial(save_maps, stored=result))
    return MapsFolder(context.output / "seen")


@torch.no_grad()
def write_labels(
    context: RunContext,
    params: MakePseudoLabels,
    samples: Sequence[Sample],
    maps: MapsFolder,
    threshold: MapThreshold,
) -> LabelMaps:
    """Write `pseudo_labels/<sample>.png`, the soft maps cut at the threshold."""
    folder = ItemFolder(context, "pseudo_labels", suffix=".png")
    for (sample,) in folder.batches(samples, item_id=lambda sample: sample.id, size=1, phase="labels"):
        stored = maps.load(sample)
        labels = labels_above(stored.maps, stored.class_ids, threshold).numpy()
        labels = without_specks(labels, smallest=params.smallest_component * labels.size)
        folder.write(sample.id, functools.partial(write_mask, mask=labels))
    return label_maps(context, params)


def label_maps(context: RunContext, params: MakePseudoLabels) -> LabelMaps:
    """Those that `write_labels` writes."""
    return LabelMaps(context.output / "pseudo_labels", size=params.image_size)


def guarded(soft: Tensor, better: Tensor, class_ids: Sequence[int], threshold: MapThreshold) -> GuardedMaps:
    """``better`` (K, H, W), but ``soft`` for each class that would vanish.

    Of its objects some may: to take off what the activation maps made up is what the local net is for.
    """
    label = functools.partial(labels_above, class_ids=class_ids, threshold=threshold)
    return guarded_maps(soft, better, label, class_ids=class_ids, smallest=math.inf)


def without_specks(labels: NDArray[np.uint8], *, smallest: float) -> NDArray[np.uint8]:
    """Labels without connected components of under ``smallest`` pixels; a class keeps its largest."""
    cleaned = labels.copy()
    for class_id in np.unique(labels[labels > 0]):
        components, count = ndimage.label(labels == class_id, structure=np.ones((3, 3)))
        sizes = np.bincount(components.ravel(), minlength=count + 1)
        small = sizes < smallest
        small[0] = False
        small[1 + int(sizes[1:].argmax())] = False
        cleaned[small[components]] = 0
    return cleaned
