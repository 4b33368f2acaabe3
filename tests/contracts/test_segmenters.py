"""Each architecture and each loss of the segmenters, trained and asked through the entry that a job takes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from wsmis_core.models.segmenters import SEGMENTERS
from wsmis_core.rank import main
from wsmis_core.spec import RunSpec
from wsmis_core.stages.segmenter_loss import TERMS

TINY = {
    "encoder": "resnet_small",
    "targets": "true_masks",
    "image_size": 64,
    "normalisation": "per_image",
    "batch_size": 4,
    "max_steps": 1,
}
CLASSES = ("square", "disc")


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    """Twelve grey images with a square, a disc, both or neither, of 48 x 40 pixels, and their masks."""
    root = tmp_path_factory.mktemp("shapes")
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:40, :48]
    rows = ["file,split,square,disc"]
    for number in range(12):
        masks = {
            "square": (abs(x - rng.integers(8, 16)) < 6) & (abs(y - rng.integers(10, 30)) < 6),
            "disc": np.hypot(x - rng.integers(30, 40), y - rng.integers(10, 30)) < 7,
        }
        there = [bool(number & 1), bool(number & 2)]
        pixels = rng.integers(0, 60, (40, 48))
        for name, has in zip(CLASSES, there, strict=True):
            (root / "masks" / name).mkdir(parents=True, exist_ok=True)
            if has:
                pixels[masks[name]] += 120 if name == "square" else 180
                Image.fromarray(masks[name]).save(root / "masks" / name / f"{number}.png")
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(root / f"{number}.png")
        split = ("train", "train", "val", "test")[number // 3]
        rows.append(f"{number}.png,{split},{there[0]:d},{there[1]:d}")
    (root / "labels.csv").write_text("\n".join(rows) + "\n")
    return {"format": "csv", "root": str(root), "options": {"masks": "masks", "split_column": "split"}}


def masks_of(predictions: Path) -> list[Any]:
    found = []
    for path in sorted((predictions / "masks").glob("*.png")):
        with Image.open(path) as mask:
            found.append(np.asarray(mask))
    assert found
    return found


@pytest.mark.parametrize(
    ("arch", "encoder"),
    [
        *((arch, "resnet50" if arch.endswith("_published") else "resnet18") for arch in SEGMENTERS),
        ("unet", "se_resnext50_32x4d"),
    ],
)
def test_an_architecture_is_trained_and_asked(
    workshop: Any, shapes: Mapping[str, Any], arch: str, encoder: str
) -> None:
    name = f"{arch}-{encoder}"
    params = {**TINY, "arch": arch, "encoder": encoder, "batch_size": 2}
    segmenter = workshop.run(name, "train_segmenter", params, dataset=shapes)
    way = {"flip": False}
    masks = masks_of(
        workshop.run(f"predict-{name}", "predict", way, {"segmenter": segmenter}, dataset=shapes)
    )
    assert {mask.shape for mask in masks} == {(40, 48)}
    assert {int(value) for mask in masks for value in np.unique(mask)} <= {0, 1, 2}


CRF_LOSS = [{"name": "cross_entropy", "weight": 0.5}, {"name": "kl", "weight": 0.5}]
PAMR_LOSS = ["iou", {"name": "kl", "refine": {"name": "pamr"}}]
# kl reads no labels: it goes with another.
LOSSES = [*(name for name in TERMS if name != "kl"), "bce_dice", ["cross_entropy", "dice"], PAMR_LOSS]


@pytest.mark.parametrize("loss", LOSSES, ids=str)
@pytest.mark.parametrize("classes", [1, 2])
def test_a_loss_trains_one_class_and_several(
    workshop: Any, shapes: Mapping[str, Any], loss: Any, classes: int
) -> None:
    name = f"{loss}-{classes}"
    dataset = shapes if classes == 2 else None
    segmenter = workshop.run(name, "train_segmenter", {**TINY, "loss": loss}, dataset=dataset)
    metrics = workshop.manifest(name).metrics
    assert all(np.isfinite(value) for value in metrics.values())
    assert {"train_loss", "val_loss", "val_target_mean_iou", "val_target_dice_pooled"} <= set(metrics)
    masks = masks_of(
        workshop.run(f"predict-{name}", "predict", {}, {"segmenter": segmenter}, dataset=dataset)
    )
    assert {mask.shape for mask in masks} == {(64, 64) if classes == 1 else (40, 48)}
    assert {int(value) for mask in masks for value in np.unique(mask)} <= set(range(classes + 1))


def test_the_published_crf_loss_trains(workshop: Any, shapes: Mapping[str, Any]) -> None:
    """The CRF runs on a process for each core."""
    workshop.run("crf-loss", "train_segmenter", {**TINY, "loss": CRF_LOSS}, dataset=shapes)
    metrics = workshop.manifest("crf-loss").metrics
    assert metrics["train_kl"] > 0
    assert metrics["train_loss"] == pytest.approx(metrics["train_cross_entropy"] + metrics["train_kl"])


def test_a_training_that_refines_its_prediction_goes_on_from_a_checkpoint(
    workshop: Any, shapes: Mapping[str, Any], tmp_path: Path
) -> None:
    params = {**TINY, "loss": PAMR_LOSS, "max_steps": 3, "epochs": 3, "checkpoint_seconds": 1e-9}
    whole = workshop.run("whole", "train_segmenter", params, dataset=shapes)
    killed, resumed = tmp_path / "killed", tmp_path / "resumed"
    shutil.copytree(whole.parent / "checkpoints" / "step-00000002", killed / "checkpoints" / "step-00000002")
    spec = RunSpec.model_validate_json((whole.parent / "spec.json").read_text())
    resumed.mkdir()
    again = spec.model_copy(update={"attempt": 2, "previous": (killed,)})
    (resumed / "spec.json").write_text(again.model_dump_json())
    assert main([str(resumed)]) == 0
    assert "Going on from the checkpoint of step 2" in (resumed / "events.jsonl").read_text()
    model = "model.safetensors"
    assert (resumed / "output" / model).read_bytes() == (whole / model).read_bytes()


def test_sizes_and_mirrors_are_averaged_in_predictions_and_scores(
    workshop: Any, shapes: Mapping[str, Any]
) -> None:
    params = {**TINY, "loss": "cross_entropy", "max_steps": 20, "epochs": 10, "augmentation": "none"}
    segmenter = workshop.run("several", "train_segmenter", params, dataset=shapes)
    inputs = {"segmenter": segmenter}
    ways: dict[str, dict[str, Any]] = {
        "plain": {"flip": False},
        "flip": {"flip": True},
        "scales": {"flip": False, "scales": [1.0, 0.5, 1.5]},
    }
    masks = {}
    for name, way in ways.items():
        predictions = workshop.run(f"predict-{name}", "predict", way, inputs, dataset=shapes)
        masks[name] = np.stack(masks_of(predictions))
        workshop.run(f"evaluate-{name}", "evaluate", {**way, "overlays": 0}, inputs, dataset=shapes)
        assert "segmenter_dice_pooled" in workshop.manifest(f"evaluate-{name}").metrics
    assert (masks["plain"] != masks["flip"]).any()
    assert (masks["plain"] != masks["scales"]).any()


def test_the_weights_of_the_epoch_with_the_best_score_are_kept(
    workshop: Any, shapes: Mapping[str, Any]
) -> None:
    params = {**TINY, "max_steps": 12, "epochs": 4, "keep": "val_target_mean_iou", "augmentation": "none"}
    workshop.run("kept", "train_segmenter", params, dataset=shapes)
    lines = (workshop.folder / "kept" / "events.jsonl").read_text().splitlines()
    told = [event["values"] for event in map(json.loads, lines) if event["type"] == "metric"]
    scores = [values["val_target_mean_iou"] for values in told if "val_target_mean_iou" in values]
    assert len(scores) > 1
    assert workshop.manifest("kept").metrics["val_target_mean_iou"] == max(scores)


def test_what_cannot_be_trained_is_told_before_it_starts(workshop: Any) -> None:
    failure = workshop.failure("mixed", "train_segmenter", {**TINY, "loss": ["bce", "cross_entropy"]})
    assert (failure["reason"], failure["field"]) == ("invalid_spec", "params.loss")
    failure = workshop.failure("vgg", "train_segmenter", {**TINY, "arch": "deeplabv3", "encoder": "vgg16"})
    assert (failure["reason"], failure["field"]) == ("invalid_spec", "params.encoder")
