"""Step 1b: class activation maps of the labelled, or the predicted, classes of each image."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from wsmis_core.cam import cam, grad_cam, grad_cam_pp, multi_scale_maps, normalise
from wsmis_core.data import Sample
from wsmis_core.engine import ItemFolder, RunContext, StageResult
from wsmis_core.models import Classifier
from wsmis_core.spec.parts import CAM_THRESHOLD
from wsmis_core.spec.stages import ExtractCams
from wsmis_core.stages.findings import CamsFinder
from wsmis_core.stages.inputs import dataset_index, input_artifact, load_model, pictures, samples_of
from wsmis_core.stages.maps import STRIDE, MapsFolder, StoredMaps, save_maps
from wsmis_core.stages.refinement import check_refinement, refined
from wsmis_core.stages.scoring import validation_scores
from wsmis_core.stages.train_classifier import classifier_from

__all__ = ["run"]

MapsFunction = Callable[[Tensor], Tensor]


@torch.no_grad()
def run(context: RunContext, params: ExtractCams) -> StageResult:
    """Write `cams/<sample>.npz` for each image that has, or is predicted to have, a class."""
    check_refinement(params.refine, field="params.refine")
    index = dataset_index(context)
    source = input_artifact(context, "classifier")
    classifier = load_model(source, classifier_from).to(context.ranks.device)
    assert isinstance(classifier, Classifier)
    images = pictures(context, index, size=params.image_size, normalisation=source.details["normalisation"])
    samples = samples_of(index, params.splits, positives_only=params.classes == "labels")
    folder = ItemFolder(context, "cams", suffix=".npz")
    grid = params.image_size // STRIDE
    for batch in folder.batches(samples, item_id=_id, size=params.batch_size, phase="maps"):
        pixels = images.batch(batch)
        chosen = _classes(params, classifier, pixels, batch)
        maps = multi_scale_maps(
            METHODS[params.method](classifier),
            pixels,
            scales=params.scales,
            flip=params.flip,
            size=(grid, grid),
        )  # (B, C, grid, grid)
        for sample, of_sample, class_ids in zip(batch, maps, chosen, strict=True):
            own = of_sample[[number - 1 for number in class_ids]]  # (K, grid, grid)
            if params.refine is not None and class_ids:
                small = F.interpolate(images.raw(sample), size=(grid, grid), mode="area")
                own = refined(own, small, params.refine)
            folder.write(sample.id, stored_writer(StoredMaps(class_ids, normalise(own))))
    finder = CamsFinder(MapsFolder(context.output / "cams"), CAM_THRESHOLD)
    scores = validation_scores(context, index, finder, splits=params.splits, size=grid)
    return StageResult(
        metrics={"images": float(len(samples)), **scores},
        details={
            "classes": list(index.classes),
            "image_size": params.image_size,
            "normalisation": source.details["normalisation"],
            "splits": list(params.splits),
        },
    )


def _gradient_free(classifier: Classifier) -> MapsFunction:
    return lambda images: cam(classifier.features(images), classifier.head.weight)


def _grad_cam(classifier: Classifier) -> MapsFunction:
    return lambda images: grad_cam(classifier.features(images), classifier.head.weight)


def _grad_cam_pp(classifier: Classifier) -> MapsFunction:
    def maps(images: Tensor) -> Tensor:
        features = classifier.features(images)
        return grad_cam_pp(features, classifier.head.weight, classifier.head(features.mean(dim=(2, 3))))

    return maps


METHODS: dict[str, Callable[[Classifier], MapsFunction]] = {
    "cam": _gradient_free,
    "grad_cam": _grad_cam,
    "grad_cam_pp": _grad_cam_pp,
}


def _classes(
    params: ExtractCams, classifier: Classifier, pixels: Tensor, samples: Sequence[Sample]
) -> list[tuple[int, ...]]:
    """The class ids, from 1, whose maps each image gets."""
    if params.classes == "labels":
        return [sample.class_ids for sample in samples]
    probabilities = classifier(pixels).sigmoid().cpu().numpy()  # (B, C)
    return [_predicted(row, params.probability_threshold) for row in probabilities]


def _predicted(
    probabilities: np.ndarray[tuple[int], np.dtype[np.float32]], threshold: float
) -> tuple[int, ...]:
    """Classes over the threshold; the most probable one where none is."""
    above = np.flatnonzero(probabilities > threshold)
    return tuple(int(number) + 1 for number in (above if len(above) else [probabilities.argmax()]))


def stored_writer(stored: StoredMaps) -> Callable[[Path], None]:
    """What writes the maps to a path."""
    return lambda path: save_maps(path, stored)


def _id(sample: Sample) -> str:
    return sample.id
