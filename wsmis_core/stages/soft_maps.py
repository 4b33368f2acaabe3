"""The soft maps that pseudo-labels are cut from, and on the way the instances among them.

Axes: K classes of an image, h x w cells of IRNet's grid, H x W pixels.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from wsmis_core.data import Sample
from wsmis_core.engine import ItemFolder, Processes, RunContext, worker_processes
from wsmis_core.spec.parts import Refinement
from wsmis_core.spec.stages import MakePseudoLabels
from wsmis_core.stages.inputs import Pictures
from wsmis_core.stages.instances import InstanceFolder
from wsmis_core.stages.kept import KeptUnrefined
from wsmis_core.stages.labelling import guard_threshold
from wsmis_core.stages.maps import MapsFolder, StoredMaps, as_stored, labels_above, resized, save_maps
from wsmis_core.stages.parts import write_instances
from wsmis_core.stages.refinement import all_guarded
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
                write_instances(
                    walk, instances, batch, found, boundaries, displacements, processes, kept=kept
                )
            found = [StoredMaps(old.class_ids, new) for old, new in zip(found, soft, strict=True)]
            found, kept_after = refine(found, params.refine)
            for sample, stored, earlier, later in zip(batch, found, kept_before, kept_after, strict=True):
                kept.note(sample, earlier | later, of="walked")  # of each class the most: it is one object
                result = StoredMaps(stored.class_ids, as_stored(stored.maps))
                folder.write(sample.id, functools.partial(save_maps, stored=result))
    return MapsFolder(context.output / "walked")


@dataclass(frozen=True, slots=True)
class _Refine:
    """Refines the maps of a batch on its images, but for what would vanish."""

    params: MakePseudoLabels
    images: Pictures
    samples: Sequence[Sample]
    processes: Processes

    def __call__(
        self, found: list[StoredMaps], refinement: Refinement | None
    ) -> tuple[list[StoredMaps], list[Counter[int]]]:
        """The maps, at image size where there is a refinement, and the objects of each that kept theirs."""
        if refinement is None:
            return found, [Counter() for _ in found]
        return all_guarded(
            found,
            [self.images.raw(sample) for sample in self.samples],
            refinement,
            self.processes,
            scaled=as_stored,
            label=functools.partial(labels_above, threshold=guard_threshold(self.params)),
        )
