"""The maps walked along IRNet's boundaries: what the pseudo-labels are cut from."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

import torch
from torch.nn.utils.rnn import pad_sequence

from wsmis_core.data import Sample
from wsmis_core.engine import ItemFolder, RunContext
from wsmis_core.irn import random_walk
from wsmis_core.models import IRNet
from wsmis_core.spec.stages import MakePseudoLabels
from wsmis_core.stages.inputs import Pictures
from wsmis_core.stages.labelling import guarded
from wsmis_core.stages.maps import MapsFolder, StoredMaps, resized, save_maps
from wsmis_core.stages.refinement import refined

__all__ = ["write_walked_maps"]

_AT_ONCE = 8  # images; one alone is mostly overhead on small grids
_LEAST_MAXIMUM = 1e-12  # of maps that are all zero


@torch.no_grad()
def write_walked_maps(
    context: RunContext,
    params: MakePseudoLabels,
    irnet: IRNet,
    samples: Sequence[Sample],
    images: Pictures,
    maps: MapsFolder,
) -> tuple[MapsFolder, int]:
    """Write `walked/<sample>.npz`: at image size, refined where asked for, over their maximum.

    Beside them, how many objects this rank kept unrefined since refinement would have erased them.
    """
    folder = ItemFolder(context, "walked", suffix=".npz")
    kept = 0
    for batch in folder.batches(
        samples, item_id=lambda sample: sample.id, size=_AT_ONCE, phase="random walk"
    ):
        boundaries = irnet.boundaries(images.batch(batch))  # (B, h, w)
        height, width = boundaries.shape[1:]
        all_stored = [maps.load(sample) for sample in batch]
        starts = []
        for sample, stored in zip(batch, all_stored, strict=True):
            before = stored.maps.to(boundaries.device)
            if params.refine_before is not None:
                before = refined(before, images.raw(sample), params.refine_before)
            starts.append(resized(before, (height, width)))
        all_walked = random_walk(
            pad_sequence(starts, batch_first=True),  # (B, K of the image with most classes, h, w)
            boundaries,
            radius=params.radius,
            beta=params.beta,
            log2_steps=_log2_steps(params, cells=height),
        )
        for sample, stored, walked in zip(batch, all_stored, all_walked, strict=True):
            soft = resized(walked[: len(stored.class_ids)], (params.image_size, params.image_size))
            if params.refine is not None:
                better = refined(soft, images.raw(sample), params.refine)
                outcome = guarded(soft, better, stored.class_ids, params.threshold)
                soft, kept = outcome.maps, kept + outcome.kept_unrefined
            result = StoredMaps(stored.class_ids, soft / soft.max().clamp(min=_LEAST_MAXIMUM))
            folder.write(sample.id, functools.partial(save_maps, stored=result))
    return MapsFolder(context.output / "walked"), kept


def _log2_steps(params: MakePseudoLabels, *, cells: int) -> int:
    """Steps fit for the grid: 2^8 belong to 128 cells a side, a quarter of it to half the side."""
    if params.log2_steps == "grid":
        return max(0, round(8 - 2 * math.log2(128 / cells)))
    return params.log2_steps
