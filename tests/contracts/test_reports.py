"""Scores through the entry of a job: the report's files, what stages say of themselves, chosen thresholds."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from wsmis_core.data import DatasetIndex, Sample, read_class_masks
from wsmis_core.data.index import Box, fingerprint
from wsmis_core.export import read_mask_png
from wsmis_core.metrics import box_counts, box_scores
from wsmis_core.metrics.boxes import region_boxes
from wsmis_core.rank import main
from wsmis_core.spec import RunSpec, read_manifest
from wsmis_core.spec.metrics import METRICS

CHOSEN = {"name": "chosen", "split": "val", "score": "dice_positives"}
ON_TEST = {"resamples": 200, "overlays": 3, "cam_threshold": CHOSEN}
HEADLINES = ("dice_pooled", "dice_per_image", "dice_positives", "iou", "mean_iou", "precision", "recall")


@pytest.fixture(scope="module")
def chosen_labels(workshop: Any, tiny_cams: Path, tiny_irnet: Path) -> Path:
    """Pseudo-labels at the threshold that the validation masks choose."""
    params = {"image_size": 64, "log2_steps": "grid", "threshold": CHOSEN}
    inputs = {"cams": tiny_cams, "irnet": tiny_irnet}
    artifact = workshop.run("chosen_labels", "make_pseudo_labels", params, inputs)
    assert isinstance(artifact, Path)
    return artifact


@pytest.fixture(scope="module")
def segmenter(workshop: Any, chosen_labels: Path, tiny_classifier: Path) -> Path:
    """A segmenter of two steps with a chosen threshold."""
    params = {
        "encoder": "resnet_small",
        "weights": "classifier",
        "image_size": 64,
        "normalisation": "per_image",
        "augmentation": "none",
        "batch_size": 8,
        "max_steps": 2,
        "threshold": CHOSEN | {"score": "iou"},
    }
    inputs = {"pseudo_labels": chosen_labels, "classifier": tiny_classifier}
    artifact = workshop.run("segmenter", "train_segmenter", params, inputs)
    assert isinstance(artifact, Path)
    return artifact


@pytest.fixture(scope="module")
def inputs(
    tiny_classifier: Path, tiny_cams: Path, tiny_ir_labels: Path, chosen_labels: Path, segmenter: Path
) -> dict[str, Path]:
    return {
        "classifier": tiny_classifier,
        "cams": tiny_cams,
        "ir_labels": tiny_ir_labels,
        "pseudo_labels": chosen_labels,
        "segmenter": segmenter,
    }


@pytest.fixture(scope="module")
def on_test(workshop: Any, inputs: dict[str, Path]) -> Path:
    """The report on the test split."""
    artifact = workshop.run("on_test", "evaluate", ON_TEST, inputs)
    assert isinstance(artifact, Path)
    return artifact


@pytest.fixture(scope="module")
def on_val(workshop: Any, inputs: dict[str, Path]) -> dict[str, Any]:
    """The report on the validation split, which thresholds were chosen on."""
    params = {"split": "val", "resamples": 0, "overlays": 0}
    return read(workshop.run("on_val", "evaluate", params, inputs))


def read(artifact: Path) -> dict[str, Any]:
    report = json.loads((artifact / "report.json").read_text())
    assert isinstance(report, dict)
    return report


def test_every_step_has_every_score_with_its_interval(on_test: Path) -> None:
    report = read(on_test)
    assert list(report["steps"]) == ["cams", "ir_labels", "pseudo_labels", "segmenter"]
    for scores in report["steps"].values():
        for name in HEADLINES:
            low, high = scores["intervals"][name]
            assert 0 <= low <= scores[name] <= high <= 1, name
        assert np.sum(scores["confusion"]["matrix"]) > 0
        assert scores["classes"]["pneumothorax"]["dice_positives"] == scores["dice_positives"]
        each = [scores["background_iou"], *(of_one["class_iou"] for of_one in scores["classes"].values())]
        assert scores["mean_iou"] == pytest.approx(np.mean(each))
        assert scores["absent"] == scores["silent"] == []
    with_curves = [name for name, scores in report["steps"].items() if "curve" in scores]
    assert with_curves == ["cams", "pseudo_labels", "segmenter"]
    assert "calibration" in report["steps"]["segmenter"]
    assert report["steps"]["ir_labels"]["unknown"] > 0


def test_the_classifier_is_scored_on_image_labels(on_test: Path) -> None:
    scores = read(on_test)["classifier"]
    of_class = scores["classes"]["pneumothorax"]
    assert np.sum(of_class["confusion"]) == scores["images"] == of_class["positives"] + of_class["negatives"]
    low, high = of_class["intervals"]["auc"]
    assert 0 <= low <= scores["auc"] <= high <= 1
    assert sum(scores["calibration"]["classes"]["pneumothorax"]["cases"]) == scores["images"]


def test_the_table_has_what_the_report_has(workshop: Any, on_test: Path) -> None:
    report = read(on_test)
    rows = list(csv.DictReader(io.StringIO((on_test / "report.csv").read_text())))
    found = {(row["step"], row["class"], row["score"]): row for row in rows}
    assert len(found) == len(rows)
    row = found["segmenter", "pneumothorax", "dice_positives"]
    segmenter = report["steps"]["segmenter"]
    assert float(row["value"]) == segmenter["dice_positives"]
    assert [float(row["low"]), float(row["high"])] == segmenter["intervals"]["dice_positives"]
    assert float(found["classifier", "", "auc"]["value"]) == report["classifier"]["auc"]
    assert float(found["segmenter", "", "background_iou"]["value"]) == segmenter["background_iou"]
    for step, scores in (("segmenter", segmenter), ("classifier", report["classifier"])):
        error = scores["calibration"]["expected_error"]
        assert float(found[step, "", "calibration.expected_error"]["value"]) == error
        assert workshop.manifest("on_test").metrics[f"{step}_expected_error"] == error


def test_the_page_has_a_picture_of_each_step(on_test: Path) -> None:
    page = (on_test / "report.html").read_text()
    assert page.count("<img") == 3 * (2 + 4)
    assert "<script" not in page
    with Image.open(on_test / "overlays.png") as sheet:
        assert sheet.height > 3 * 224


def test_stages_say_their_validation_scores(workshop: Any, on_val: dict[str, Any]) -> None:
    """At 64 pixels, the images' own size, they are those of a report; activation maps are kept smaller."""
    runs = {"ir_labels": "make_ir_labels", "pseudo_labels": "chosen_labels", "segmenter": "segmenter"}
    for role, run in runs.items():
        said = workshop.manifest(run).metrics
        scores = on_val["steps"][role]
        for name in ("dice_pooled", "dice_per_image", "dice_positives", "iou", "mean_iou"):
            assert said[f"val_{name}"] == pytest.approx(scores[name]), (role, name)
        if "curve" in scores:
            best = scores["curve"]["best"]["iou"]
            assert said["val_iou_best"] == pytest.approx(best["score"]), role
            assert said["val_iou_best_threshold"] == best["threshold"], role
    assert (
        workshop.manifest("make_ir_labels").metrics["val_unknown"] == on_val["steps"]["ir_labels"]["unknown"]
    )
    assert 0 <= workshop.manifest("extract_cams").metrics["val_dice_positives"] <= 1


def test_chosen_thresholds_are_the_best_on_their_split(
    workshop: Any, on_test: Path, on_val: dict[str, Any]
) -> None:
    for role, run, score in (
        ("pseudo_labels", "chosen_labels", "dice_positives"),
        ("segmenter", "segmenter", "iou"),
    ):
        best = on_val["steps"][role]["curve"]["best"][score]
        threshold = read(on_test)["steps"][role]["threshold"]
        assert (threshold["name"], threshold["split"], threshold["score"]) == ("chosen", "val", score)
        assert threshold["value"] == best["threshold"]
        assert threshold["reached"] == pytest.approx(best["score"])
        # What was cut there scores what the curve says.
        assert workshop.manifest(run).metrics[f"val_{score}"] == pytest.approx(best["score"])
    of_cams = read(on_test)["steps"]["cams"]["threshold"]
    assert of_cams["value"] == on_val["steps"]["cams"]["curve"]["best"]["dice_positives"]["threshold"]


def test_two_ranks_report_what_one_does(workshop: Any, inputs: dict[str, Path], on_test: Path) -> None:
    by_two = workshop.run("on_test_by_two", "evaluate", ON_TEST, inputs, ranks=2)
    assert_close(read(by_two), read(on_test))
    with Image.open(by_two / "overlays.png") as two, Image.open(on_test / "overlays.png") as one:
        assert two.size == one.size


def assert_close(found: Any, expected: Any, where: str = "report") -> None:
    """The same report, but for rounding."""
    if isinstance(expected, dict):
        assert found.keys() == expected.keys(), where
        for key, value in expected.items():
            assert_close(found[key], value, f"{where}.{key}")
    elif isinstance(expected, list):
        assert len(found) == len(expected), where
        for number, value in enumerate(expected):
            assert_close(found[number], value, f"{where}[{number}]")
    elif isinstance(expected, float):
        assert found == pytest.approx(expected, abs=1e-6), where
    else:
        assert found == expected, where


def test_boxes_are_scored_where_there_are_some(
    workshop: Any, on_test: Path, chosen_labels: Path, tmp_path: Path
) -> None:
    """The same images with a box round each region of their masks."""
    spec = RunSpec.model_validate_json((workshop.folder / "on_test" / "spec.json").read_text())
    assert spec.dataset is not None
    index = DatasetIndex.load(spec.dataset.index)
    samples = tuple(sample.model_copy(update={"boxes": boxes_of(index, sample)}) for sample in index.samples)
    boxed = index.model_copy(update={"samples": samples, "fingerprint": fingerprint(index.classes, samples)})
    boxed.save(tmp_path / "index.json")
    changes = {"index": tmp_path / "index.json", "fingerprint": boxed.fingerprint}
    changed = spec.model_copy(update={"dataset": spec.dataset.model_copy(update=changes)})
    (tmp_path / "spec.json").write_text(changed.model_dump_json())
    assert main([str(tmp_path)]) == 0
    report = read(tmp_path / "output")
    expected = sum(
        box_counts(
            torch.tensor(sample.boxes_of(1)),
            mask=torch.tensor(read_mask_png(chosen_labels / "pseudo_labels" / f"{sample.id}.png") == 1),
        )
        for sample in boxed.split("test")
        if sample.boxes
    )
    assert isinstance(expected, torch.Tensor)
    scores = report["steps"]["pseudo_labels"]["boxes"]
    assert [scores["images"], scores["boxes"]] == expected[:2].tolist()
    assert scores["box_iobb_10"] == box_scores(expected)["box_iobb_10"].item()
    low, high = scores["intervals"]["pointing"]
    assert 0 <= low <= scores["pointing"] <= high <= 1
    assert report["steps"]["ir_labels"]["boxes"]["pointing"] is None  # label maps have no strongest point
    assert report["steps"]["cams"]["dice_positives"] == read(on_test)["steps"]["cams"]["dice_positives"]
    assert "Each step against boxes" in (tmp_path / "output" / "report.html").read_text()
    known, said = METRICS["evaluate"], read_manifest(tmp_path / "output").metrics
    assert [name for name in said if name not in known] == []
    of_boxes = {
        name for name, metric in known.items() if "boxes" in metric.needs and metric.role in spec.inputs
    }
    assert of_boxes - set(said) == set()
    assert "pseudo_labels,,boxes.box_iou_10," in (tmp_path / "output" / "report.csv").read_text()


def boxes_of(index: DatasetIndex, sample: Sample) -> tuple[Box, ...]:
    masks = torch.from_numpy(read_class_masks(index, sample)) == 1
    return tuple(
        Box(class_id=number, x=x, y=y, width=width, height=height)
        for number, mask in enumerate(masks, start=1)
        for x, y, width, height in region_boxes(mask).tolist()
    )


@pytest.fixture(scope="module")
def without_masks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A few images with labels and no masks."""
    root = tmp_path_factory.mktemp("without")
    rng = np.random.default_rng(0)
    rows = ["file,air,split"]
    for number, split in enumerate(["train"] * 4 + ["val"] * 2 + ["test"] * 2):
        Image.fromarray(rng.integers(0, 255, (64, 64), dtype=np.uint8)).save(root / f"{number}.png")
        rows.append(f"{number}.png,{number % 2},{split}")
    (root / "labels.csv").write_text("\n".join(rows))
    return {"format": "csv", "root": str(root), "options": {"split_column": "split"}}


def test_no_threshold_is_chosen_without_masks(
    workshop: Any, tiny_cams: Path, tiny_irnet: Path, without_masks: dict[str, Any]
) -> None:
    failure = workshop.failure(
        "choice_without_masks",
        "make_pseudo_labels",
        {"image_size": 64, "threshold": CHOSEN},
        {"cams": tiny_cams, "irnet": tiny_irnet},
        dataset=without_masks,
    )
    assert (failure["reason"], failure["field"]) == ("invalid_data", "params.threshold.split")
    assert "val split" in failure["message"]


def test_maps_of_other_splits_are_not_scored(workshop: Any, tiny_classifier: Path) -> None:
    params = {"image_size": 64, "scales": [1.0], "splits": ["train"]}
    cams = workshop.run("cams_of_train", "extract_cams", params, {"classifier": tiny_classifier})
    assert not any(name.startswith("val_") for name in workshop.manifest("cams_of_train").metrics)
    failure = workshop.failure("no_maps", "evaluate", {}, {"cams": cams})
    assert failure["field"] == "inputs.cams"
    assert failure["message"] == "The cams are of the splits train, not of test."


@pytest.mark.parametrize("stage", ["make_ir_labels", "make_pseudo_labels"])
def test_labels_are_not_made_of_splits_without_maps(workshop: Any, tiny_classifier: Path, stage: str) -> None:
    params = {"image_size": 64, "scales": [1.0], "splits": ["train"]}
    cams = workshop.run(f"cams_for_{stage}", "extract_cams", params, {"classifier": tiny_classifier})
    failure = workshop.failure(f"{stage}_of_all", stage, {"image_size": 64}, {"cams": cams})
    assert (failure["reason"], failure["field"]) == ("invalid_data", "params.splits")
    assert failure["message"] == "The cams are of the splits train, not of val, test."
    assert "extract_cams" in failure["remedy"]
    made = workshop.run(f"{stage}_of_train", stage, {"image_size": 64, "splits": ["train"]}, {"cams": cams})
    assert (made / "manifest.json").exists()
