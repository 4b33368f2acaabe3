"""Step 2a: confident seeds for IRNet from the maps."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from wsmis_core.cam import normalise
from wsmis_core.data import Sample
from wsmis_core.engine import ItemFolder, Processes, RunContext, StageResult, worker_processes
from wsmis_core.export import write_mask
from wsmis_core.irn import GuardedLabels, label_pair, make_seeds, refined_seeds
from wsmis_core.spec.parts import DenseCrf
from wsmis_core.spec.stages import MakeIrLabels
from wsmis_core.stages.findings import LabelsFinder, check_splits
from wsmis_core.stages.inputs import Pictures, dataset_index, input_artifact, pictures, samples_of
from wsmis_core.stages.kept import KeptUnrefined
from wsmis_core.stages.label_maps import LabelMaps
from wsmis_core.stages.maps import MapsFolder, resized
from wsmis_core.stages.preview import write_preview
from wsmis_core.stages.refinement import all_refined, check_refinement, crf_labels, rgb
from wsmis_core.stages.scoring import validation_scores

__all__ = ["run"]


@dataclass(frozen=True)
class _Source:
    """An image (1, N, size, size) and its classes' maps (K, size, size), each with maximum 1."""

    image: Tensor
    class_ids: tuple[int, ...]
    maps: Tensor


@torch.no_grad()
def run(context: RunContext, params: MakeIrLabels) -> StageResult:
    """Write `ir_labels/<sample>.png` (class ids, 255 unknown) for each image that has maps."""
    check_refinement(params.refine, field="params.refine")
    index = dataset_index(context)
    cams = input_artifact(context, "cams")
    check_splits(cams, params.splits, field="params.splits")
    maps = MapsFolder(cams.folder / "cams")
    images = pictures(context, index, size=params.image_size, normalisation="imagenet")
    samples = [sample for sample in samples_of(index, params.splits) if maps.has(sample)]
    folder = ItemFolder(context, "ir_labels", suffix=".png")
    kept = KeptUnrefined(context)
    with worker_processes() as processes:
        at_once = 2 * processes.count
        for batch in folder.batches(samples, item_id=lambda sample: sample.id, size=at_once, phase="seeds"):
            sources = [_source(sample, images, maps) for sample in batch]
            for sample, seeds in zip(batch, _all_seeds(sources, params, processes), strict=True):
                kept.note(sample, seeds.kept, of="ir_labels")
                folder.write(sample.id, functools.partial(write_mask, mask=seeds.labels.cpu().numpy()))
    finder = LabelsFinder(LabelMaps(context.output / "ir_labels", size=params.image_size))
    scores = validation_scores(context, index, finder, splits=params.splits, size=params.image_size)
    write_preview(context, index, finder, splits=params.splits, caption="Seeds; grey is unknown")
    return StageResult(
        metrics={"images": float(len(samples)), "kept_unrefined": kept.total(), **scores},
        details={
            "classes": list(index.classes),
            "image_size": params.image_size,
            "splits": list(params.splits),
        },
    )


def _source(sample: Sample, images: Pictures, maps: MapsFolder) -> _Source:
    stored = maps.load(sample)
    full = resized(stored.maps.to(images.device), images.shape(sample))
    return _Source(images.raw(sample), stored.class_ids, normalise(full))


def _all_seeds(sources: Sequence[_Source], params: MakeIrLabels, processes: Processes) -> list[GuardedLabels]:
    if isinstance(params.refine, DenseCrf):
        return _by_labels(sources, params, params.refine, processes)
    maps = [source.maps for source in sources]
    refined: Sequence[Tensor | None] = [None] * len(sources)
    if params.refine is not None:
        refined = all_refined(maps, [source.image for source in sources], params.refine, processes)
    return [
        make_seeds(
            source.maps,
            source.class_ids,
            foreground_threshold=params.foreground_threshold,
            background_threshold=params.background_threshold,
            refined=better,
        )
        for source, better in zip(sources, refined, strict=True)
    ]


def _by_labels(
    sources: Sequence[_Source], params: MakeIrLabels, crf: DenseCrf, processes: Processes
) -> list[GuardedLabels]:
    """As published: the CRF refines not the maps, but their cuts for foreground and for background."""
    pairs = [
        label_pair(
            source.maps,
            foreground_threshold=params.foreground_threshold,
            background_threshold=params.background_threshold,
        )
        for source in sources
    ]
    work = [
        (rgb(source.image), labels.cpu().numpy(), 1 + len(source.class_ids), crf)
        for source, pair in zip(sources, pairs, strict=True)
        for labels in pair
    ]
    found = [
        torch.from_numpy(labels).to(sources[0].maps.device) for labels in processes.map(crf_labels, work)
    ]
    return [
        refined_seeds(pair, torch.stack([foreground, background]), source.class_ids)
        for source, pair, foreground, background in zip(sources, pairs, found[::2], found[1::2], strict=True)
    ]
