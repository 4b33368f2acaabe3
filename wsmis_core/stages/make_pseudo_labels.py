"""Step 2c: pseudo-labels by a random walk of the maps along IRNet's boundaries."""

from __future__ import annotations

from typing import Any

from wsmis_core.data import DatasetIndex
from wsmis_core.engine import RunContext, StageResult
from wsmis_core.spec.parts import Chosen, Fixed, MapThreshold
from wsmis_core.spec.stages import MakePseudoLabels
from wsmis_core.stages.findings import LabelsFinder, check_splits
from wsmis_core.stages.inputs import dataset_index, input_artifact, pictures, samples_of
from wsmis_core.stages.instances import InstanceFolder
from wsmis_core.stages.kept import KeptUnrefined
from wsmis_core.stages.labelling import label_maps, write_labels, write_seen_maps
from wsmis_core.stages.local_pixels import local_net
from wsmis_core.stages.maps import MapsFolder
from wsmis_core.stages.preview import write_preview
from wsmis_core.stages.refinement import check_refinement
from wsmis_core.stages.scoring import choose, validation_scores
from wsmis_core.stages.soft_maps import write_soft_maps
from wsmis_core.stages.truth import required_masks
from wsmis_core.stages.walking import Walk

__all__ = ["run"]


def run(context: RunContext, params: MakePseudoLabels) -> StageResult:
    """Write `walked/<sample>.npz` (soft maps) and `pseudo_labels/<sample>.png` (class ids).

    Each image that has activation maps gets both, and with a local net `seen/<sample>.npz`: what it made
    of the walked maps. With ``instances`` each also gets `instances/<sample>.png`, at its own size, in which
    n stands for its n-th object in `instances.json`; that one is COCO's, of all images of the splits.
    """
    check_refinement(params.refine_before, field="params.refine_before")
    check_refinement(params.refine, field="params.refine")
    index = dataset_index(context)
    if isinstance(params.threshold, Chosen):
        required_masks(index, params.threshold.split, size=params.image_size, field="params.threshold.split")
    cams = input_artifact(context, "cams")
    check_splits(cams, params.splits, field="params.splits")
    irnet = input_artifact(context, "irnet") if "irnet" in context.spec.inputs else None
    normalisation = (irnet or cams).details["normalisation"]
    images = pictures(context, index, size=params.image_size, normalisation=normalisation)
    walk = None if irnet is None else Walk.of(irnet, params, images)
    maps = MapsFolder(cams.folder / "cams")
    samples = [sample for sample in samples_of(index, params.splits) if maps.has(sample)]
    instances = None if params.instances is None else InstanceFolder(context)
    kept = KeptUnrefined(context)
    walked = write_soft_maps(
        context, params, samples, images, maps, walk=walk, instances=instances, kept=kept
    )
    context.ranks.wait()
    soft = walked
    if params.local is not None:
        net = local_net(
            context,
            params.local.model_copy(update={"seed": params.seed}),
            samples=index.split("train"),
            images=images,
            maps=walked,
            refine=params.refine,
        )
        soft = write_seen_maps(context, params, params.local, samples, images, walked, net, kept=kept)
    threshold, described = _threshold(context, params, index, soft)
    labels = write_labels(context, params, samples, soft, threshold)
    finder = LabelsFinder(labels, soft)
    scores = validation_scores(context, index, finder, splits=params.splits, size=params.image_size)
    write_preview(
        context, index, finder, splits=params.splits, caption="Soft maps, and the pseudo-labels cut from them"
    )
    metrics = {"images": float(len(samples)), "kept_unrefined": kept.total(), **scores}
    if instances is not None and context.ranks.is_main:
        all_images = samples_of(index, params.splits)
        metrics["instances"] = float(instances.merge(all_images, classes=index.classes))
    return StageResult(
        metrics=metrics,
        details={
            "classes": list(index.classes),
            "image_size": params.image_size,
            "splits": list(params.splits),
            "soft_maps": soft.folder.name,
            "threshold": described,
        },
    )


def _threshold(
    context: RunContext, params: MakePseudoLabels, index: DatasetIndex, soft: MapsFolder
) -> tuple[MapThreshold, dict[str, Any]]:
    """What cuts the soft maps, and how the report names it."""
    if not isinstance(params.threshold, Chosen):
        return params.threshold, params.threshold.model_dump()
    choice = choose(
        context,
        index,
        LabelsFinder(label_maps(context, params), soft),
        params.threshold,
        maps=soft,
        field="params.threshold",
        size=params.image_size,
    )
    return Fixed(value=choice.value), choice.described()
