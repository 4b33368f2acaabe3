"""Scores of every step against true masks, and a contact sheet of them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from wsmis_core.cam import fixed_threshold
from wsmis_core.data import DatasetIndex, Sample, read_class_masks, read_image, read_mask
from wsmis_core.engine import RunContext, StageResult
from wsmis_core.errors import DataError
from wsmis_core.export import Captioned, contact_sheet, overlay
from wsmis_core.files import write_bytes_atomically, write_text_atomically
from wsmis_core.metrics import MaskCounts
from wsmis_core.models.segmenters import Segmenter
from wsmis_core.spec.parts import Fixed
from wsmis_core.spec.stages import Evaluate
from wsmis_core.stages.inputs import dataset_index, input_artifact, load_model, pictures
from wsmis_core.stages.label_maps import LabelMaps, nearest
from wsmis_core.stages.maps import UNKNOWN, labels_above, load_maps, resized
from wsmis_core.stages.segmentation import class_ids_of, probabilities, segmenter_from

__all__ = ["run"]

_CELL = 224  # pixels a picture on the contact sheet

Labels = NDArray[np.uint8]
# A step's class ids (H, W) for a sample, at the image's own size; 255 where the step does not say.
Step = Callable[[Sample], Labels]


@torch.no_grad()
def run(context: RunContext, params: Evaluate) -> StageResult:
    """Write `report.json`, `report.csv` and, where asked for, `overlays.png`."""
    index = dataset_index(context)
    samples = [sample for sample in index.split(params.split) if sample.has_masks]
    if not any(sample.class_ids for sample in samples):
        raise DataError(
            f"No image of the {params.split} split has a true mask to score against.",
            field="params.split",
            remedy="Name another split, or register the data set with its masks.",
        )
    steps: dict[str, Step] = {
        role: STEPS[role](context, params, index, role) for role in STEPS if role in context.spec.inputs
    }
    device = context.ranks.device
    counts = {name: [MaskCounts(device=device) for _ in index.classes] for name in steps}
    shown = _shown(samples, params.overlays)
    rows = []
    mine = [samples[number] for number in context.ranks.share(len(samples))]
    for sample in context.events.progress("scoring", total=len(mine), unit="images").over(mine):
        truth = read_class_masks(index, sample)  # (C, H, W)
        labels = {name: step(sample) for name, step in steps.items()}
        for name, found in labels.items():
            for number, counter in enumerate(counts[name]):
                known = np.where(found == UNKNOWN, np.uint8(UNKNOWN), truth[number])
                counter.update(torch.from_numpy(found == number + 1)[None], torch.from_numpy(known)[None])
        if sample.id in shown:
            rows.append(_row(index, sample, labels))
    scores = {
        name: _scores([counter.summed(context.ranks.summed) for counter in counters], index.classes)
        for name, counters in counts.items()
    }
    if context.ranks.is_main:
        _write(context, params, scores, rows)
    return StageResult(
        metrics={
            f"{name}_{score}": value
            for name, of_step in scores.items()
            for score, value in _flat(of_step)
            if value is not None
        },
        details={"split": params.split, "classes": list(index.classes)},
    )


def _cams(context: RunContext, params: Evaluate, index: DatasetIndex, role: str) -> Step:
    del index
    folder = input_artifact(context, role).folder / "cams"

    def step(sample: Sample) -> Labels:
        path = folder / f"{sample.id}.npz"
        if not path.exists():
            return np.zeros((sample.height, sample.width), dtype=np.uint8)
        stored = load_maps(path)
        maps = resized(stored.maps, (sample.height, sample.width))
        if isinstance(params.cam_threshold, Fixed):  # the published rule: a share of the range
            share = params.cam_threshold.value
            return fixed_threshold(maps, stored.class_ids, background_threshold=share).numpy()
        return labels_above(maps, stored.class_ids, params.cam_threshold).numpy()

    return step


def _label_maps(context: RunContext, params: Evaluate, index: DatasetIndex, role: str) -> Step:
    del params, index
    artifact = input_artifact(context, role)
    maps = LabelMaps(artifact.folder / role, size=artifact.details["image_size"])
    return lambda sample: nearest(maps.array(sample), (sample.height, sample.width))


def _segmenter(context: RunContext, params: Evaluate, index: DatasetIndex, role: str) -> Step:
    del params
    source = input_artifact(context, role)
    details = source.details
    if details["classes"] != list(index.classes):
        raise DataError(
            f"The segmenter knows {', '.join(details['classes'])}, the data set {', '.join(index.classes)}.",
            field=f"inputs.{role}",
            remedy="Name a segmenter that was trained on the same classes.",
        )
    model = load_model(source, segmenter_from).to(context.ranks.device)
    assert isinstance(model, Segmenter)
    images = pictures(context, index, size=details["image_size"], normalisation=details["normalisation"])

    def step(sample: Sample) -> Labels:
        (probability,) = probabilities(model, images.batch([sample]), details=details, flip=True)
        size = (sample.height, sample.width)
        return class_ids_of(probability, threshold=details["threshold"], size=size).cpu().numpy()

    return step


STEPS: Mapping[str, Callable[[RunContext, Evaluate, DatasetIndex, str], Step]] = {
    "cams": _cams,
    "ir_labels": _label_maps,
    "pseudo_labels": _label_maps,
    "segmenter": _segmenter,
    "ceiling": _segmenter,
}


def _scores(counters: list[MaskCounts], classes: tuple[str, ...]) -> dict[str, Any]:
    """Means over the classes, and each class's own scores where there are several."""
    each = {name: asdict(counter.scores()) for name, counter in zip(classes, counters, strict=True)}
    if len(each) == 1:
        return next(iter(each.values()))
    return {
        score: _mean([scores[score] for scores in each.values()]) for score in next(iter(each.values()))
    } | {"classes": each}


def _mean(values: list[float | None]) -> float | None:
    """The mean over the classes that have a value."""
    there = [value for value in values if value is not None]
    return sum(there) / len(there) if there else None


def _flat(scores: Mapping[str, Any]) -> list[tuple[str, float | None]]:
    return [(name, value) for name, value in scores.items() if name != "classes"]


def _shown(samples: list[Sample], count: int) -> set[str]:
    """Samples for the contact sheet, spread evenly over the split: three of four with a label."""
    positives = [sample.id for sample in samples if sample.class_ids]
    negatives = [sample.id for sample in samples if not sample.class_ids]
    of_negatives = min(len(negatives), count // 4)
    return {
        group[int(place)]
        for group, share in ((positives, count - of_negatives), (negatives, of_negatives))
        for place in np.linspace(0, len(group) - 1, min(share, len(group)))
    }


def _row(index: DatasetIndex, sample: Sample, labels: Mapping[str, Labels]) -> list[Captioned]:
    """The image, its true mask and each step's labels, captioned."""
    image = read_image(index.path(sample))
    truth = read_mask(index, sample)
    layers = {sample.id[-16:]: np.zeros_like(truth), "truth": truth, **labels}
    return [(overlay(image, layer, side=_CELL), caption) for caption, layer in layers.items()]


def _write(
    context: RunContext,
    params: Evaluate,
    scores: Mapping[str, Mapping[str, Any]],
    rows: list[list[Captioned]],
) -> None:
    report = {"split": params.split, "steps": scores}
    write_text_atomically(context.output / "report.json", json.dumps(report, indent=1))
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(["step", *(name for name, _ in _flat(next(iter(scores.values()))))])
    writer.writerows([name, *(value for _, value in _flat(of_step))] for name, of_step in scores.items())
    write_text_atomically(context.output / "report.csv", table.getvalue())
    if rows:
        sheet = contact_sheet(rows)
        for folder in (context.output, context.previews):
            write_bytes_atomically(folder / "overlays.png", sheet)
        context.events.preview("previews/overlays.png", caption="Each step beside the true mask")
