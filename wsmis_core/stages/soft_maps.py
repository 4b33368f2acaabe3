"""The soft maps that pseudo-labels are cut from, and on the way the instances among them.

Axes: K classes of an image, h x w cells of IRNet's grid, H x W pixels.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from wsmis_core.data import Sample
from wsmis_core.engine import ItemFolder, Processes, RunContext, worker_processes
from wsmis_core.spec.parts import Refinement
from wsmis_core.spec.stages import MakePseudoLabels
from wsmis_core.stages.inputs import Pictures
from wsmis_core.stages.instances import InstanceFolder, instance_maps, instances_of
from wsmis_core.stages.kept import KeptUnrefined
from wsmis_core.stages.labelling import guard_threshold
from wsmis_core.stages.maps import MapsFolder, StoredMaps, as_stored, labels_above, resized, save_maps
from wsmis_core.stages.refinement import all_guarded, refined
from wsmis_core.stages.walking import Walk

__all__ = ["write_soft_maps"]

_AT_ONCE = 8  # images; one alone is mostly overhead on small grids


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
    kept: KeptUnrefined,
) -> MapsFolder:
    """Write `walked/<sample>.npz`: at image size, refined where asked for, over their maximum.

    Without a walk the maps stay where they are.
    """
    folder = ItemFolder(context, "walked", suffix=".npz")
    with worker_processes() as processes:
        for batch in folder.batches(
            samples,
            item_id=lambda sample: sample.id,
            size=_AT_ONCE,
            phase="soft maps" if walk is None else "random walk",
            beside=() if instances is None else instances.items,
        ):
            refine = _Refine(params, images, batch, processes)
            all_stored = map(maps.load, batch)
            found = [StoredMaps(stored.class_ids, stored.maps.to(images.device)) for stored in all_stored]
            found, kept_before = refine(found, params.refine_before)
            before = [stored.maps for stored in found]
            shapes = [images.shape(sample) for sample in batch]
            if walk is None:
                soft = [resized(one, shape) for one, shape in zip(before, shapes, strict=True)]
            elif instances is None:
                soft = walk.along(walk.boundaries(batch), before, shapes)
            else:
                boundaries, displacements = walk.fields(batch)
                soft = walk.along(boundaries, before, shapes)
                _write_instances(walk, instances, batch, found, boundaries, displacements)
            found = [StoredMaps(old.class_ids, new) for old, new in zip(found, soft, strict=True)]
            found, kept_after = refine(found, params.refine)
            for sample, stored, *counts in zip(batch, found, kept_before, kept_after, strict=True):
                kept.note(sample, sum(counts))
                result = StoredMaps(stored.class_ids, as_stored(stored.maps))
                folder.write(sample.id, functools.partial(save_maps, stored=result))
    return MapsFolder(context.output / "walked")


@dataclass(frozen=True, slots=True)
class _Refine:
    """Refines the maps of a batch on its images, but for classes that would vanish."""

    params: MakePseudoLabels
    images: Pictures
    samples: Sequence[Sample]
    processes: Processes

    def __call__(
        self, found: list[StoredMaps], refinement: Refinement | None
    ) -> tuple[list[StoredMaps], list[int]]:
        """The maps, at image size where there is a refinement, and how many classes of each kept theirs."""
        if refinement is None:
            return found, [0] * len(found)
        return all_guarded(
            found,
            [self.images.raw(sample) for sample in self.samples],
            refinement,
            self.processes,
            scaled=as_stored,
            label=functools.partial(labels_above, threshold=guard_threshold(self.params)),
        )


def _write_instances(
    walk: Walk,
    folder: InstanceFolder,
    samples: Sequence[Sample],
    before: Sequence[StoredMaps],
    boundaries: Sequence[Tensor],
    displacements: Sequence[Tensor],
) -> None:
    """The instances of a batch: the maps before the walk are cut up, and each part walks by itself."""
    params = walk.params.instances
    assert params is not None
    parts = [
        instance_maps(
            resized(stored.maps, (displacement.shape[1], displacement.shape[2])),
            displacement,
            stored.class_ids,
            params,
        )
        for stored, displacement in zip(before, displacements, strict=True)
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
