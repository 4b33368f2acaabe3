"""Step 2c: pseudo-labels by a random walk of the maps along IRNet's boundaries."""

from __future__ import annotations

import torch

from wsmis_core.engine import RunContext, StageResult
from wsmis_core.spec.stages import MakePseudoLabels
from wsmis_core.stages.inputs import dataset_index, input_artifact, pictures, samples_of
from wsmis_core.stages.labelling import write_labels
from wsmis_core.stages.local_pixels import local_net
from wsmis_core.stages.maps import MapsFolder
from wsmis_core.stages.refinement import check_refinement
from wsmis_core.stages.walking import Walk, write_soft_maps

__all__ = ["run"]


def run(context: RunContext, params: MakePseudoLabels) -> StageResult:
    """Write `walked/<sample>.npz` (soft maps) and `pseudo_labels/<sample>.png` (class ids).

    Each image that has activation maps gets both.
    """
    check_refinement(params.refine_before, field="params.refine_before")
    check_refinement(params.refine, field="params.refine")
    index = dataset_index(context)
    cams = input_artifact(context, "cams")
    irnet = input_artifact(context, "irnet") if "irnet" in context.spec.inputs else None
    normalisation = (irnet or cams).details["normalisation"]
    images = pictures(context, index, size=params.image_size, normalisation=normalisation)
    walk = None if irnet is None else Walk.of(irnet, params, images)
    maps = MapsFolder(cams.folder / "cams")
    samples = [sample for sample in samples_of(index, params.splits) if maps.has(sample)]
    walked, kept_in_walk = write_soft_maps(context, params, samples, images, maps, walk)
    context.ranks.wait()
    net = None
    if params.local is not None:
        net = local_net(
            context,
            params.local.model_copy(update={"seed": params.seed}),
            samples=index.split("train"),
            images=images,
            maps=walked,
            refine=params.refine,
        )
    kept_here = kept_in_walk + write_labels(context, params, samples, images, walked, net)
    kept = context.ranks.summed(torch.tensor(float(kept_here), device=context.ranks.device)).item()
    if kept:
        context.events.log(
            f"Refinement would have erased {kept:.0f} objects; they are kept unrefined.", level="warning"
        )
    return StageResult(
        metrics={"images": float(len(samples)), "kept_unrefined": kept},
        details={
            "classes": list(index.classes),
            "image_size": params.image_size,
            "splits": list(params.splits),
        },
    )
