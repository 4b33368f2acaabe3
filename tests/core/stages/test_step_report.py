"""What the report says of a step, whatever its classes are called."""

from __future__ import annotations

import torch

from wsmis_core.metrics import Bootstrap, CurveCounts, ImageTable, Truth
from wsmis_core.stages.report_files import csv_rows
from wsmis_core.stages.scoring import StepTally
from wsmis_core.stages.step_report import step_report

KNOWN = torch.ones(1, 4, dtype=torch.bool)


def tally(labels: list[int], *masks: list[int]) -> StepTally:
    """Of one image of four pixels, by its labels and the true mask of each class."""
    table = ImageTable(1, len(masks))
    truth = Truth(torch.tensor([[mask] for mask in masks], dtype=torch.bool), KNOWN)
    table.enter(0, torch.tensor([labels], dtype=torch.uint8), truth)
    return StepTally(table, None, None)


def test_classes_may_be_called_background_and_all() -> None:
    counted = tally([1, 1, 0, 2], [1, 0, 0, 0], [0, 0, 0, 1])
    once = Bootstrap(["a"], resamples=0, seed=0)
    report = step_report(counted, classes=["background", "all"], bootstrap=once)
    assert report["background_iou"] == 1 / 2
    assert {name: of_one["class_iou"] for name, of_one in report["classes"].items()} == {
        "background": 1 / 2,
        "all": 1,
    }
    rows = list(csv_rows({"steps": {"cams": report}}))
    keys = [row[:3] for row in rows]
    assert len(set(keys)) == len(keys)
    values = {row[:3]: row[3] for row in rows}
    assert values["cams", "", "background_iou"] == values["cams", "background", "class_iou"] == 1 / 2
    assert (values["cams", "", "iou"], values["cams", "all", "iou"]) == (3 / 4, 1)


def test_a_class_of_which_nothing_is_said_is_not_absent() -> None:
    counted = tally([0, 0, 0, 255], [0, 0, 0, 0], [0, 0, 0, 1])
    once = Bootstrap(["a"], resamples=0, seed=0)
    report = step_report(counted, classes=["one", "two"], bootstrap=once)
    assert (report["absent"], report["silent"], report["positives"]) == (["one"], ["two"], 1)
    assert (report["dice_per_image"], report["dice_positives"]) == (1, None)


def test_the_curve_counts_shared_pixels_as_the_confusion_matrix_does() -> None:
    strengths = torch.tensor([[0.9, 0.9, 0.1, 0.1]])
    class_ids = torch.ones(1, 4, dtype=torch.uint8)
    truth = Truth(torch.tensor([[[1, 1, 0, 0]], [[1, 0, 0, 0]]], dtype=torch.bool), KNOWN)
    curve, table = CurveCounts(2), ImageTable(1, 2)
    curve.update(strengths, class_ids, truth)
    table.enter(0, torch.where(strengths > 0.5, class_ids, 0).to(torch.uint8), truth)
    assert curve.scores()["mean_iou"][128] == table.scores().overall["mean_iou"]
