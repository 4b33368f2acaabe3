"""Step 1b: class activation maps of the labelled, or the predicted, classes of each image."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from wsmis_core.cam import normalise
from wsmis_core.data import DatasetIndex, Sample
from wsmis_core.engine import ItemFolder, RunContext, StageResult, worker_processes
from wsmis_core.export import write_mask
from wsmis_core.models import Classifier
from wsmis_core.spec.stages import ExtractCams
from wsmis_core.stages.activation_maps import MapsOf, activation_maps, check_finite, lpcam_maps
from wsmis_core.stages.findings import CamsFinder, check_classes
from wsmis_core.stages.inputs import (
    Pictures,
    dataset_index,
    input_artifact,
    load_model,
    pictures,
    samples_of,
)
from wsmis_core.stages.kept import KeptUnrefined
from wsmis_core.stages.lpcam import lpcam_directions
from wsmis_core.stages.maps import (
    STRIDE,
    MapsFolder,
    StoredMaps,
    background_threshold_mask,
    resized,
    save_maps,
)
from wsmis_core.stages.preview import write_preview
from wsmis_core.stages.refinement import all_guarded, check_refinement
from wsmis_core.stages.scoring import validation_scores
from wsmis_core.stages.train_classifier import classifier_from

__all__ = ["run"]


@torch.no_grad()
def run(context: RunContext, params: ExtractCams) -> StageResult:
    """Write `cams/<sample>.npz` and `masks/<sample>.png` of each image that has, or is predicted, a class."""
    check_refinement(params.refine, field="params.refine")
    index = dataset_index(context)
    source = input_artifact(context, "classifier")
    check_classes(source, "classifier", index)
    classifier = load_model(source, classifier_from).to(context.ranks.device)
    assert isinstance(classifier, Classifier)
    classifier.requires_grad_(False)
    images = pictures(context, index, size=params.image_size, normalisation=source.details["normalisation"])
    samples = samples_of(index, params.splits, positives_only=params.classes == "labels")
    maps_of = _maps_of(context, params, classifier, index, images)
    kept = KeptUnrefined(context)
    _write_maps(context, params, classifier, samples, images, maps_of, kept=kept)
    _write_masks(context, params, samples, images)
    finder = CamsFinder(MapsFolder(context.output / "cams"), params.mask_threshold)
    at = params.image_size if params.image_size == "native" else params.image_size // STRIDE
    scores = validation_scores(context, index, finder, splits=params.splits, size=at)
    write_preview(
        context,
        index,
        finder,
        splits=params.splits,
        caption="Activation maps, and where they are over the threshold",
    )
    return StageResult(
        metrics={"images": float(len(samples)), "kept_unrefined": kept.total(), **scores},
        details={
            "classes": list(index.classes),
            "image_size": params.image_size,
            "normalisation": source.details["normalisation"],
            "splits": list(params.splits),
        },
    )


def _maps_of(
    context: RunContext, params: ExtractCams, classifier: Classifier, index: DatasetIndex, images: Pictures
) -> MapsOf:
    if params.method != "lpcam":
        return activation_maps(classifier, params, method=params.method)
    directions = lpcam_directions(
        context,
        params,
        classifier,
        classes=index.classes,
        samples=samples_of(index, ["train"], positives_only=True),
        images=images,
        maps_of=activation_maps(classifier, params, method="cam"),
    )
    return lpcam_maps(classifier, params, directions)


def _write_maps(
    context: RunContext,
    params: ExtractCams,
    classifier: Classifier,
    samples: Sequence[Sample],
    images: Pictures,
    maps_of: MapsOf,
    *,
    kept: KeptUnrefined,
) -> None:
    """Write `cams/<sample>.npz`."""
    folder = ItemFolder(context, "cams", suffix=".npz")
    with worker_processes() as processes:
        for batch in folder.batches(
            samples, item_id=lambda sample: sample.id, size=params.batch_size, phase="maps"
        ):
            for alike in images.of_one_shape(batch):
                found = _maps(params, classifier, alike, images, maps_of)
                if params.refine is not None:
                    grid = found[0].maps.shape[1:]
                    found, counts = all_guarded(
                        found,
                        [F.interpolate(images.raw(sample), size=grid, mode="area") for sample in alike],
                        params.refine,
                        processes,
                        scaled=normalise,
                        label=functools.partial(background_threshold_mask, threshold=params.mask_threshold),
                    )
                    for sample, count in zip(alike, counts, strict=True):
                        kept.note(sample, count, of="cams")
                for sample, stored in zip(alike, found, strict=True):
                    folder.write(sample.id, functools.partial(save_maps, stored=stored))


def _maps(
    params: ExtractCams,
    classifier: Classifier,
    samples: Sequence[Sample],
    images: Pictures,
    maps_of: MapsOf,
) -> list[StoredMaps]:
    """The maps of images of one shape, each with maximum 1."""
    pixels = images.batch(samples)
    chosen = _classes(params, classifier, pixels, samples)
    asked = sorted(set().union(*chosen))
    maps = _normalised(maps_of(pixels, asked), params)  # (B, len(asked), h, w)
    check_finite(maps, samples)
    return [
        StoredMaps(class_ids, of_sample[[asked.index(number) for number in class_ids]])
        for class_ids, of_sample in zip(chosen, maps, strict=True)
    ]


def _normalised(maps: Tensor, params: ExtractCams) -> Tensor:
    """Maps with maximum 1, float32, however small the gradients are from which they come."""
    if params.method in ("cam", "lpcam"):
        return normalise(maps)
    return normalise(maps, epsilon=torch.finfo(maps.dtype).tiny).float()


def _write_masks(
    context: RunContext, params: ExtractCams, samples: Sequence[Sample], images: Pictures
) -> None:
    """Write `masks/<sample>.png`, the maps at image size cut at the threshold."""
    folder = ItemFolder(context, "masks", suffix=".png")
    maps = MapsFolder(context.output / "cams")
    for (sample,) in folder.batches(samples, item_id=lambda sample: sample.id, size=1, phase="masks"):
        stored = maps.load(sample)
        full = resized(stored.maps.to(context.ranks.device), images.shape(sample))
        mask = background_threshold_mask(full, stored.class_ids, params.mask_threshold)
        folder.write(sample.id, functools.partial(write_mask, mask=mask.cpu().numpy()))


def _classes(
    params: ExtractCams, classifier: Classifier, pixels: Tensor, samples: Sequence[Sample]
) -> list[tuple[int, ...]]:
    """The class ids, from 1, whose maps each image gets."""
    if params.classes == "labels":
        return [sample.class_ids for sample in samples]
    probabilities = classifier(pixels).sigmoid().cpu().numpy()  # (B, C)
    return [_predicted(row, params.probability_threshold) for row in probabilities]


def _predicted(probabilities: NDArray[np.float32], threshold: float) -> tuple[int, ...]:
    """Classes over the threshold; the most probable one where none is."""
    above = np.flatnonzero(probabilities > threshold)
    return tuple(int(number) + 1 for number in (above if len(above) else [probabilities.argmax()]))
