"""From soft maps to label maps: what refinement would erase is kept, specks go.

Axes: K classes of an image, H x W pixels.
"""

from __future__ import annotations

import functools
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
from wsmis_core.spec.parts import Threshold
from wsmis_core.spec.stages import MakePseudoLabels
from wsmis_core.stages.inputs import Pictures
from wsmis_core.stages.local_pixels import seen_locally
from wsmis_core.stages.maps import MapsFolder, labels_above

__all__ = ["guarded", "without_specks", "write_labels"]


@torch.no_grad()
def write_labels(
    context: RunContext,
    params: MakePseudoLabels,
    samples: Sequence[Sample],
    images: Pictures,
    maps: MapsFolder,
    net: LocalNet | None,
) -> int:
    """Write `pseudo_labels/<sample>.png`, the soft maps cut at the threshold.

    Returns how many objects of this rank's images the local net would have erased.
    """
    folder = ItemFolder(context, "pseudo_labels", suffix=".png")
    kept = 0
    for (sample,) in folder.batches(samples, item_id=lambda sample: sample.id, size=1, phase="labels"):
        stored = maps.load(sample)
        soft = stored.maps.to(context.ranks.device)
        if net is not None and params.local is not None:
            better = seen_locally(stored, net, sample, images, prior=params.local.prior, refine=params.refine)
            outcome = guarded(soft, better, stored.class_ids, params.threshold)
            soft, kept = outcome.maps, kept + outcome.kept_unrefined
        labels = labels_above(soft, stored.class_ids, params.threshold).cpu().numpy()
        labels = without_specks(labels, smallest=params.smallest_component * labels.size)
        folder.write(sample.id, functools.partial(write_mask, mask=labels))
    return kept


def guarded(soft: Tensor, better: Tensor, class_ids: Sequence[int], threshold: Threshold) -> GuardedMaps:
    """``better`` (K, H, W), but ``soft`` for each class that would vanish, and how many these are."""
    label = functools.partial(labels_above, class_ids=class_ids, threshold=threshold)
    return guarded_maps(soft, better, label, class_ids=class_ids)


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
