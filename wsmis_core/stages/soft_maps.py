"""The soft maps that pseudo-labels are cut from, and on the way the instances among them.

Axes: K classes of an image, h x w cells of IRNet's grid, H x W pixels.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import torch
from torch import Tensor

from wsmis_core.data import Sample
from wsmis_core.engine import ItemFolder, RunContext
from wsmis_core.spec.stages import MakePseudoLabels
from wsmis_core.stages.inputs import Pictures
from wsmis_core.stages.instances import InstanceFolder, instance_maps, instances_of
from wsmis_core.stages.labelling import guard_threshold, guarded
from wsmis_core.stages.maps import MapsFolder, StoredMaps, resized, save_maps
from wsmis_core.stages.refinement import refined
from wsmis_core.stages.walking import Walk

__all__ = ["write_soft_maps"]

_AT_ONCE = 8  # images; one alone is mostly overhead on small grids
_LEAST_MAXIMUM = 1e-12  # of maps that are all zero


@torch.no_grad()
def write_soft_maps(
    context: RunContext,
    params: MakePseudoLabels,
    samples: Sequence[Sample],
    images: Pictures,
    maps: MapsFolder,
    *,
    walk: Walk | None,
    instances: InstanceFolder | None,
) -> tuple[MapsFolder, int]:
    """Write `walked/<sample>.npz`: at image size, refined where asked for, over their maximum.

    Without a walk the maps stay where they are. Beside them, how many objects this rank kept unrefined
    since refinement would have erased them.
    """
    folder = ItemFolder(context, "walked", suffix=".npz")
    kept = 0
    for batch in folder.batches(
        samples,
        item_id=lambda sample: sample.id,
        size=_AT_ONCE,
        phase="soft maps" if walk is None else "random walk",
        beside=() if instances is None else instances.items,
    ):
        all_stored = [maps.load(sample) for sample in batch]
        shapes = [images.shape(sample) for sample in batch]
        before = [
            one if params.refine_before is None else refined(one, images.raw(sample), params.refine_before)
            for sample, stored in zip(batch, all_stored, strict=True)
            for one in [stored.maps.to(images.device)]
        ]
        if walk is None:
            all_soft = [resized(one, shape) for one, shape in zip(before, shapes, strict=True)]
        elif instances is None:
            all_soft = walk.along(walk.boundaries(batch), before, shapes)
        else:
            boundaries, displacements = walk.fields(batch)
            all_soft = walk.along(boundaries, before, shapes)
            _write_instances(walk, instances, batch, all_stored, before, boundaries, displacements)
        for sample, stored, soft in zip(batch, all_stored, all_soft, strict=True):
            best = soft
            if params.refine is not None:
                better = refined(soft, images.raw(sample), params.refine)
                outcome = guarded(soft, better, stored.class_ids, guard_threshold(params))
                best, kept = outcome.maps, kept + outcome.kept_unrefined
            result = StoredMaps(stored.class_ids, best / best.max().clamp(min=_LEAST_MAXIMUM))
            folder.write(sample.id, functools.partial(save_maps, stored=result))
    return MapsFolder(context.output / "walked"), kept


def _write_instances(
    walk: Walk,
    folder: InstanceFolder,
    samples: Sequence[Sample],
    all_stored: Sequence[StoredMaps],
    before: Sequence[Tensor],
    boundaries: Sequence[Tensor],
    displacements: Sequence[Tensor],
) -> None:
    """The instances of a batch: the maps before the walk are cut up, and each part walks by itself."""
    params = walk.params.instances
    assert params is not None
    parts = [
        instance_maps(
            resized(one, (displacement.shape[1], displacement.shape[2])),
            displacement,
            stored.class_ids,
            params,
        )
        for one, displacement, stored in zip(before, displacements, all_stored, strict=True)
    ]
    some = [number for number, (cut_up, _) in enumerate(parts) if len(cut_up)]
    walked = walk.along(
        [boundaries[number] for number in some],
        [parts[number][0] for number in some],
        [walk.images.shape(samples[number]) for number in some],
    )
    found = dict(zip(some, walked, strict=True))
    for number, sample in enumerate(samples):
        scores, class_ids = found.get(number), parts[number][1]
        if scores is not None and walk.params.refine is not None:
            scores = refined(scores, walk.images.raw(sample), walk.params.refine)
        shape = (sample.height, sample.width)
        folder.write(sample, [] if scores is None else instances_of(scores, class_ids, params, shape=shape))
