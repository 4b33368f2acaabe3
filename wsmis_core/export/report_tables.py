"""The tables of the report's page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from wsmis_core.export.markup import table

__all__ = ["STEP_SCORES", "boxes_section", "classes_section", "classifier_section", "masks_section", "number"]

# The scores of a table, in this order, by their names in the report.
STEP_SCORES = {
    "dice_positives": "Dice, positives",
    "dice_per_image": "Dice, per image",
    "dice_pooled": "Dice, pooled (F1)",
    "mean_iou": "mean IoU",
    "iou": "IoU (Jaccard)",
    "precision": "precision",
    "recall": "recall",
}
# Why a class has no IoU, by where the report lists it.
_LEFT_OUT = {
    "absent": "neither truth nor result has it",
    "silent": "the result says nothing where it is",
}
_BOX_SCORES = {
    "pointing": "pointing",
    "box_iou_10": "IoU > .1",
    "box_iou_30": "IoU > .3",
    "box_iou_50": "IoU > .5",
    "box_iobb_10": "IoBB > .1",
    "box_iobb_30": "IoBB > .3",
    "box_iobb_50": "IoBB > .5",
    "false_iou_10": "false an image, IoU",
    "false_iobb_10": "false an image, IoBB",
}
_LABEL_SCORES = {
    "auc": "AUC",
    "f1": "F1",
    "f1_negative": "F1, negative",
    "precision": "precision",
    "recall": "recall",
    "jaccard": "Jaccard",
    "accuracy": "accuracy",
}


def masks_section(steps: Mapping[str, Any]) -> str:
    rows = [[name, *_cells(scores, STEP_SCORES), _share(scores["unknown"])] for name, scores in steps.items()]
    scores_table = table(_against(steps), ["step", *STEP_SCORES.values(), "pixels not told"], rows)
    said = "".join(
        f"<p>{escape(name)}: left out of the mean IoU, since {why}: {escape(', '.join(scores[key]))}.</p>"
        for name, scores in steps.items()
        for key, why in _LEFT_OUT.items()
        if scores[key]
    )
    return f"<section><h2>Masks</h2>{scores_table}{said}</section>"


def _against(steps: Mapping[str, Any]) -> str:
    return f"Each step against the true masks of {max(one['images'] for one in steps.values()):,} images"


def classes_section(steps: Mapping[str, Any]) -> str:
    """A table for each step, closed until asked for; none where one class is all there is."""
    if all(len(scores["classes"]) == 1 for scores in steps.values()):
        return ""
    names = {name: title for name, title in STEP_SCORES.items() if name != "mean_iou"}
    tables = []
    for step, scores in steps.items():
        rows = [
            [name, f"{of_class['positives']:,}", *_cells(of_class, names)]
            for name, of_class in scores["classes"].items()
        ]
        scores_table = table(f"{step}: each class", ["class", "images with it", *names.values()], rows)
        tables.append(f"<details><summary>{escape(step)}</summary>{scores_table}</details>")
    return f"<section><h2>Each class</h2>{''.join(tables)}</section>"


def boxes_section(steps: Mapping[str, Any]) -> str:
    """A table of all classes, and one of each class of every step."""
    found = {name: scores["boxes"] for name, scores in steps.items() if "boxes" in scores}
    if not found:
        return ""
    headings = ["boxes", *_BOX_SCORES.values()]
    rows = [[name, f"{of_step['boxes']:,}", *_cells(of_step, _BOX_SCORES)] for name, of_step in found.items()]
    whole = table("Each step against boxes", ["step", *headings], rows)
    tables = []
    for step, of_step in found.items():
        if len(of_step["classes"]) > 1:
            of_classes = [
                [name, f"{of_class['boxes']:,}", *_cells(of_class, _BOX_SCORES)]
                for name, of_class in of_step["classes"].items()
            ]
            of_class_table = table(f"{step}: boxes of each class", ["class", *headings], of_classes)
            tables.append(f"<details><summary>{escape(step)}</summary>{of_class_table}</details>")
    return f"<section><h2>Boxes</h2>{whole}{''.join(tables)}</section>"


def classifier_section(report: Mapping[str, Any]) -> str:
    if "classifier" not in report:
        return ""
    scores = report["classifier"]
    rows = [
        [name, f"{of_class['positives']:,}", f"{of_class['negatives']:,}", *_cells(of_class, _LABEL_SCORES)]
        for name, of_class in scores["classes"].items()
    ]
    if len(rows) > 1:
        rows.append(["mean", "", "", *_cells(scores, _LABEL_SCORES)])
    headings = ["class", "images with it", "without", *_LABEL_SCORES.values()]
    scores_table = table("The classifier against image labels, at probability .5", headings, rows)
    matrices = table(
        "Images by what is so and what is said",
        ["class", "with, said so", "with, missed", "without, said to have it", "without, said so"],
        [
            [name, f"{hits:,}", f"{misses:,}", f"{false_alarms:,}", f"{rejections:,}"]
            for name, of_class in scores["classes"].items()
            for (rejections, false_alarms), (misses, hits) in [of_class["confusion"]]
        ],
    )
    return f"<section><h2>Classifier</h2>{scores_table}{matrices}</section>"


def _cells(scores: Mapping[str, Any], names: Mapping[str, str]) -> list[str]:
    bounds = scores.get("intervals", {})
    return [_with_interval(scores[name], bounds.get(name)) for name in names]


def _with_interval(value: float | None, bounds: Sequence[float] | None) -> str:
    if value is None or bounds is None:
        return number(value)
    return f"{value:.3f}\n{bounds[0]:.3f}–{bounds[1]:.3f}"


def number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"
