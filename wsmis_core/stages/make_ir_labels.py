"""Step 2a: confident seeds for IRNet from the maps."""

from __future__ import annotations

import functools

import torch

from wsmis_core.engine import ItemFolder, RunContext, StageResult
from wsmis_core.export import write_mask
from wsmis_core.irn import make_seeds
from wsmis_core.spec.stages import MakeIrLabels
from wsmis_core.stages.inputs import dataset_index, input_artifact, pictures, samples_of
from wsmis_core.stages.maps import load_maps, resized
from wsmis_core.stages.refinement import check_refinement, refined

__all__ = ["run"]


@torch.no_grad()
def run(context: RunContext, params: MakeIrLabels) -> StageResult:
    """Write `ir_labels/<sample>.png` (class ids, 255 unknown) for each image that has maps."""
    check_refinement(params.refine, field="params.refine")
    index = dataset_index(context)
    cams = input_artifact(context, "cams")
    size = params.image_size
    images = pictures(context, index, size=size, normalisation="imagenet")
    samples = [
        sample
        for sample in samples_of(index, params.splits)
        if (cams.folder / "cams" / f"{sample.id}.npz").exists()
    ]
    folder = ItemFolder(context, "ir_labels", suffix=".png")
    kept = 0
    for batch in folder.batches(samples, item_id=lambda sample: sample.id, size=1, phase="seeds"):
        for sample in batch:
            stored = load_maps(cams.folder / "cams" / f"{sample.id}.npz")
            seeds = make_seeds(
                resized(stored.maps.to(context.ranks.device), (size, size)),
                stored.class_ids,
                foreground_threshold=params.foreground_threshold,
                background_threshold=params.background_threshold,
                refine=None
                if params.refine is None
                else functools.partial(refined, image=images.raw(sample), refinement=params.refine),
            )
            kept += seeds.kept_unrefined
            folder.write(sample.id, functools.partial(write_mask, mask=seeds.labels.cpu().numpy()))
    total_kept = context.ranks.summed(torch.tensor(float(kept), device=context.ranks.device)).item()
    if total_kept:
        context.events.log(
            f"Refinement would have erased {total_kept:.0f} objects; they are kept unrefined.",
            level="warning",
        )
    return StageResult(
        metrics={"images": float(len(samples)), "kept_unrefined": total_kept},
        details={"classes": list(index.classes), "image_size": size, "splits": list(params.splits)},
    )
