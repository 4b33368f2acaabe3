"""What the report says of one step: scores with their intervals, curve, calibration, confusion matrix.

Axes: C classes (background excluded), R resamples.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from wsmis_core.metrics import (
    CURVE_SCORES,
    MASK_SCORES,
    Bootstrap,
    CalibrationCounts,
    CurveCounts,
    ImageTable,
    intervals,
)
from wsmis_core.stages.scoring import StepTally

__all__ = ["BACKGROUND", "calibration_report", "number_or_none", "step_report"]

BACKGROUND = "background"

_DIGITS = 4


def step_report(tally: StepTally, *, classes: Sequence[str], bootstrap: Bootstrap) -> dict[str, Any]:
    """A step's entry in `report.json`.

    The overall scores are at the top; `classes` has each class's own. `background_iou` and each class's
    `class_iou` are of the one confusion matrix, and `mean_iou` is their mean; left out of it are the
    classes in `absent`, which neither truth nor the step has, and in `silent`, of which nothing is said
    where they are. A score that there is nothing to measure of is None.
    """
    report = _scores(tally.table, classes=classes, bootstrap=bootstrap)
    report["confusion"] = {
        "classes": [BACKGROUND, *classes],
        "matrix": tally.table.matrix.tolist(),
    }
    if tally.curve is not None:
        report["curve"] = _curve(tally.curve)
    if tally.calibration is not None:
        report["calibration"] = calibration_report(tally.calibration, classes=classes)
    return report


def _scores(table: ImageTable, *, classes: Sequence[str], bootstrap: Bootstrap) -> dict[str, Any]:
    point = table.scores()
    counted = table.images_counted()
    report: dict[str, Any] = {name: number_or_none(value) for name, value in point.overall.items()}
    report |= {"images": counted.images, "positives": counted.positives, "unknown": table.unknown}
    of_classes: dict[str, dict[str, Any]] = {
        name: {
            **{score: number_or_none(point.by_class[score][number]) for score in MASK_SCORES},
            "class_iou": number_or_none(point.class_iou[1 + number]),
            "positives": counted.by_class[number],
        }
        for number, name in enumerate(classes)
    }
    report["background_iou"] = number_or_none(point.class_iou[0])
    unmeasured = {name: of_one for name, of_one in of_classes.items() if of_one["class_iou"] is None}
    report["absent"] = [name for name, of_one in unmeasured.items() if not of_one["positives"]]
    report["silent"] = [name for name, of_one in unmeasured.items() if of_one["positives"]]
    if bootstrap.possible:
        resampled = table.scores(bootstrap.sums(table.rows))
        report["intervals"] = intervals(resampled.overall)
        by_class = intervals(resampled.by_class)
        for number, name in enumerate(classes):
            of_classes[name]["intervals"] = {score: by_class[score][number] for score in MASK_SCORES}
    report["classes"] = of_classes
    return report


def _curve(curve: CurveCounts) -> dict[str, Any]:
    """Scores at the thresholds, means over the classes, and the best threshold of each."""
    scores = curve.scores()
    best = {name: curve.best(name) for name in CURVE_SCORES}
    return {
        "thresholds": curve.thresholds,
        **{name: _rounded(scores[name]) for name in CURVE_SCORES},
        "best": {
            name: None if of_score is None else {"threshold": of_score.threshold, "score": of_score.score}
            for name, of_score in best.items()
        },
    }


def calibration_report(counts: CalibrationCounts, *, classes: Sequence[str]) -> dict[str, Any]:
    """The expected calibration error, mean over the classes, and each class's own with its bins."""
    cases, probability, share = counts.bins()
    errors = counts.error()
    return {
        "expected_error": number_or_none(errors.nanmean()),
        "classes": {
            name: {
                "expected_error": number_or_none(errors[number]),
                "cases": cases[number].long().tolist(),
                "probability": _rounded(probability[number]),
                "share": _rounded(share[number]),
            }
            for number, name in enumerate(classes)
        },
    }


def number_or_none(value: Tensor) -> float | None:
    """A scalar, None for NaN: there was nothing to measure."""
    return None if torch.isnan(value) else value.item()


def _rounded(values: Tensor) -> list[float | None]:
    return [None if value != value else round(value, _DIGITS) for value in values.tolist()]
