"""The classifier's own scores: what it says of image labels.

Axes: N images, C classes, R resamples.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from wsmis_core.data import DatasetIndex, Sample
from wsmis_core.engine import RunContext
from wsmis_core.metrics import (
    LABEL_SCORES,
    Bootstrap,
    CalibrationCounts,
    LabelTable,
    auc,
    intervals,
    label_counts,
    label_scores,
    weighted_auc,
)
from wsmis_core.models import Classifier
from wsmis_core.stages.inputs import Input, load_model, pictures
from wsmis_core.stages.step_report import calibration_report, number_or_none
from wsmis_core.stages.train_classifier import classifier_from

__all__ = ["label_report", "label_table"]


@torch.no_grad()
def label_table(
    context: RunContext, source: Input, index: DatasetIndex, samples: Sequence[Sample], *, batch_size: int
) -> LabelTable:
    """The probabilities of a classifier of the data set's classes for ``samples``, whole on every rank."""
    device = context.ranks.device
    model = load_model(source, classifier_from).to(device)
    assert isinstance(model, Classifier)
    images = pictures(
        context, index, size=source.details["image_size"], normalisation=source.details["normalisation"]
    )
    table = LabelTable(len(samples), len(index.classes), device=device)
    mine = context.ranks.share(len(samples))
    progress = context.progress("classifying", total=len(mine), unit="images")
    for start in range(0, len(mine), batch_size):
        context.stop.check()
        numbers = mine[start : start + batch_size]
        batch = [samples[number] for number in numbers]
        labels = torch.tensor([sample.labels for sample in batch], device=device)
        table.update(torch.tensor(numbers), model(images.batch(batch)).float().sigmoid(), labels)
        progress.advance(len(batch))
    return table.summed(context.ranks.summed)


def label_report(table: LabelTable, *, classes: Sequence[str], bootstrap: Bootstrap) -> dict[str, Any]:
    """The classifier's entry in `report.json`; labels that are not known count for nothing.

    `confusion` of a class: images by what is so (rows: without, with) and what is said (columns).
    """
    probabilities, labels = table.probabilities.cpu(), table.labels.cpu()
    counts = label_counts(probabilities, labels)  # (N, 4, C)
    sums = counts.sum(dim=0)
    scores = {"auc": auc(probabilities, labels), **label_scores(sums)}
    calibration = CalibrationCounts(len(classes))
    calibration.update(probabilities.T, (labels > 0).T, (labels >= 0).T)
    hits, false_alarms, misses, rejections = sums.long().tolist()
    report: dict[str, Any] = {name: number_or_none(values.nanmean()) for name, values in scores.items()}
    report["images"] = len(labels)
    of_classes: dict[str, dict[str, Any]] = {
        name: {
            **{score: number_or_none(values[number]) for score, values in scores.items()},
            "positives": hits[number] + misses[number],
            "negatives": false_alarms[number] + rejections[number],
            "confusion": [
                [rejections[number], false_alarms[number]],
                [misses[number], hits[number]],
            ],
        }
        for number, name in enumerate(classes)
    }
    if bootstrap.possible:
        resampled = label_scores(bootstrap.sums(counts.flatten(1)).view(-1, *counts.shape[1:]))
        resampled["auc"] = torch.cat(
            [weighted_auc(probabilities, labels, weights) for weights in bootstrap.weights()]
        )
        report["intervals"] = intervals({name: values.nanmean(dim=1) for name, values in resampled.items()})
        by_class = intervals(resampled)
        for number, name in enumerate(classes):
            of_classes[name]["intervals"] = {
                score: by_class[score][number] for score in ("auc", *LABEL_SCORES)
            }
    report["calibration"] = calibration_report(calibration, classes=classes)
    report["classes"] = of_classes
    return report
