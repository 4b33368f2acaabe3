"""LPCAM's prototypes: cells of the training images collected, clustered a class at a time, and kept.

Axes: C classes, K channels, h x w feature cells.
"""

from __future__ import annotations

import functools
import math
import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from wsmis_core.cam import Prototypes, choose_prototypes, class_scores, cosine_clusters, direction, normalise
from wsmis_core.data import Sample
from wsmis_core.engine import ItemFolder, RunContext
from wsmis_core.errors import DataError
from wsmis_core.models import Classifier
from wsmis_core.spec.parts import Lpcam
from wsmis_core.spec.stages import ExtractCams
from wsmis_core.stages.activation_maps import MapsOf
from wsmis_core.stages.arrays import read_arrays
from wsmis_core.stages.inputs import Pictures

__all__ = ["lpcam_directions"]

KINDS = ("foreground", "background")


def lpcam_directions(
    context: RunContext,
    params: ExtractCams,
    classifier: Classifier,
    *,
    classes: Sequence[str],
    samples: Sequence[Sample],
    images: Pictures,
    maps_of: MapsOf,
) -> Tensor:
    """The directions (C, K) of all classes' prototypes, which `prototypes/<class id>.npz` keeps.

    ``samples`` are the training images with a label, ``maps_of`` gives their activation maps. Raises
    DataError where there are none. A class that none of them shows, or that lights up nowhere, has its
    row of the classifier as its one prototype.
    """
    if not samples:
        raise DataError(
            "No image of the train split has a label, and LPCAM learns its prototypes there.",
            field="params.method",
            remedy="Use another method, or register the data set with labelled training images.",
        )
    settings = params.lpcam or Lpcam()
    part = context.part("lpcam")
    folder = ItemFolder(context, "prototypes", suffix=".npz")
    class_ids = range(1, len(classes) + 1)
    missing = torch.tensor(float(len(folder.unfinished(class_ids, item_id=str))), device=context.ranks.device)
    if context.ranks.summed(missing).item():
        cells = _collect(part, params, settings, classifier, samples, images, maps_of)
        context.ranks.wait()
        for (class_id,) in folder.batches(class_ids, item_id=str, size=1, phase="prototypes", unit="classes"):
            found = _prototypes(cells, samples, class_id, params.seed, settings, classifier)
            folder.write(str(class_id), functools.partial(_save, prototypes=found))
        context.ranks.wait()
        if context.ranks.is_main:
            shutil.rmtree(part.output)  # large, and of no more use
    return torch.stack(
        [direction(_load(folder.path(str(class_id)), context.ranks.device)) for class_id in class_ids]
    )


def _collect(
    part: RunContext,
    params: ExtractCams,
    settings: Lpcam,
    classifier: Classifier,
    samples: Sequence[Sample],
    images: Pictures,
    maps_of: MapsOf,
) -> ItemFolder:
    """Write some cells' features of each image: `cells/<sample>.npz` with two arrays (N, K) a class."""
    folder = ItemFolder(part, "cells", suffix=".npz")
    images_of_class = Counter(class_id for sample in samples for class_id in sample.class_ids)
    for batch in folder.batches(
        samples, item_id=lambda sample: sample.id, size=params.batch_size, phase="prototype cells"
    ):
        for alike in images.of_one_shape(batch):
            pixels = images.batch(alike)
            features = classifier.features(pixels)  # (B, K, h, w)
            shown = sorted({class_id for sample in alike for class_id in sample.class_ids})
            maps = normalise(maps_of(pixels, shown))
            maps = F.interpolate(maps, size=features.shape[-2:], mode="nearest")  # (B, U, h, w)
            for sample, of_image, lit in zip(alike, features, maps > settings.foreground, strict=True):
                arrays = {}
                for class_id in sample.class_ids:
                    most = math.ceil(settings.cells / images_of_class[class_id])
                    rng = np.random.default_rng([params.seed, class_id, int(sample.content[:16], 16)])
                    inside = lit[shown.index(class_id)]
                    for kind, where in zip(KINDS, (inside, ~inside), strict=True):
                        drawn = _drawn(of_image[:, where].T, most, rng)  # (N, K)
                        arrays[_name(kind, class_id)] = drawn.cpu().numpy()
                folder.write(sample.id, functools.partial(_save_arrays, arrays=arrays))
    return folder


def _prototypes(
    cells: ItemFolder,
    samples: Sequence[Sample],
    class_id: int,
    seed: int,
    settings: Lpcam,
    classifier: Classifier,
) -> Prototypes:
    weight = classifier.head.weight
    centres, scores = {}, {}
    for number, kind in enumerate(KINDS):
        name = _name(kind, class_id)
        collected = [
            read_arrays(cells.path(sample.id), names=(name,))[name]
            for sample in samples
            if class_id in sample.class_ids
        ]
        together = torch.from_numpy(np.concatenate([np.empty((0, weight.shape[1]), np.float32), *collected]))
        rng = np.random.default_rng([seed, class_id, number])
        centres[kind] = cosine_clusters(together.to(weight.device), settings.clusters, rng=rng)
        scores[kind] = class_scores(centres[kind], weight, class_id - 1)
    foreground, background = (centres[kind] for kind in KINDS)
    if not len(foreground):
        return Prototypes(weight[class_id - 1 : class_id], background[:0])
    return choose_prototypes(
        foreground,
        background,
        foreground_scores=scores["foreground"],
        background_scores=scores["background"],
        class_score=settings.class_score,
        context_scores=settings.context_scores,
    )


def _drawn(cells: Tensor, most: int, rng: np.random.Generator) -> Tensor:
    """At most so many of the cells (N, K)."""
    if len(cells) <= most:
        return cells
    return cells[torch.from_numpy(rng.choice(len(cells), most, replace=False)).to(cells.device)]


def _name(kind: str, class_id: int) -> str:
    return f"{kind}-{class_id}"


def _save(path: Path, prototypes: Prototypes) -> None:
    foreground, context = prototypes.foreground, prototypes.context
    _save_arrays(path, {"foreground": foreground.cpu().numpy(), "context": context.cpu().numpy()})


def _load(path: Path, device: torch.device) -> Prototypes:
    arrays = read_arrays(path, names=("foreground", "context"))
    return Prototypes(**{name: torch.from_numpy(array).to(device) for name, array in arrays.items()})


def _save_arrays(path: Path, arrays: dict[str, NDArray[np.float32]]) -> None:
    with path.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]  # numpy takes the names for its own options
