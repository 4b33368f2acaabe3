"""Every stage, through the entry that a job takes, on tiny data; and what all of them promise."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from wsmis_core.rank import main
from wsmis_core.spec import (
    CATALOGUE,
    Coverage,
    PlannedStep,
    RunSpec,
    make_params,
    plan,
    read_manifest,
    recipes,
    verify_files,
)
from wsmis_core.spec.metrics import METRICS, metric_named, missing
from wsmis_core.spec.stages import ALL_SPLITS

OVERRIDES: dict[str, dict[str, Any]] = {
    "train_classifier": {"max_steps": 3, "batch_size": 8},
    "extract_cams": {"image_size": 64},
    "make_ir_labels": {"image_size": 64},
    "train_irnet": {"max_steps": 1, "batch_size": 4, "radius": 4},
    "make_pseudo_labels": {"image_size": 64, "smallest_component": 0.001, "local": {"max_steps": 2}},
    "train_segmenter": {"max_steps": 2, "image_size": 64},
    "train_ceiling": {"max_steps": 2, "image_size": 64},
}
STEPS = plan(recipes()["smoke"], OVERRIDES, coverage=Coverage(masks=ALL_SPLITS))


def run_step(step: PlannedStep, workshop: Any) -> Path:
    inputs = {role: workshop.folder / source / "output" for role, source in step.inputs.items()}
    artifact = workshop.run(step.name, step.stage, step.params, inputs)
    assert isinstance(artifact, Path)
    return artifact


@pytest.fixture(scope="module")
def runs(workshop: Any) -> Path:
    """The run folders of all steps of the recipe `smoke`, one after the other."""
    for step in STEPS:
        run_step(step, workshop)
    assert isinstance(workshop.folder, Path)
    return workshop.folder


def events(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_a_stage_leaves_a_sound_artifact_of_its_kind(runs: Path, step: PlannedStep) -> None:
    output = runs / step.name / "output"
    manifest = read_manifest(output)
    verify_files(manifest, output)
    assert manifest.kind == CATALOGUE[step.stage].output
    assert manifest.files
    assert set(manifest.lineage.inputs) == set(step.inputs)
    assert manifest.lineage.params == step.params
    assert manifest.lineage.fingerprint


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_a_stage_has_the_metrics_that_gates_are_checked_against(runs: Path, step: PlannedStep) -> None:
    known = METRICS[step.stage]
    said = read_manifest(runs / step.name / "output").metrics
    assert [name for name in said if metric_named(name, known) is None] == []
    params = make_params(step.stage, step.params, step.inputs)
    expected = {
        name
        for name, metric in known.items()
        if "*" not in name and missing(metric, params, step.inputs, Coverage(masks=ALL_SPLITS)) is None
    }
    assert expected - set(said) == set()
    for name, value in said.items():
        metric = metric_named(name, known)
        assert metric is not None
        assert value <= metric.most


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_a_stage_says_how_far_it_is_to_the_end(runs: Path, step: PlannedStep) -> None:
    progress = [event for event in events(runs / step.name) if event["type"] == "progress"]
    assert progress[-1]["done"] == progress[-1]["total"] > 0


@pytest.mark.parametrize(
    ("step", "columns"),
    [("extract_cams", 3), ("make_ir_labels", 2), ("make_pseudo_labels", 3), ("train_segmenter", 3)],
)
def test_what_a_step_found_can_be_looked_at(runs: Path, step: str, columns: int) -> None:
    (preview,) = [event for event in events(runs / step) if event["type"] == "preview"]
    with Image.open(runs / step / preview["path"]) as sheet:
        assert sheet.width // columns in range(224, 224 + 20)
        assert np.ptp(np.asarray(sheet)) > 100


def test_a_second_attempt_takes_over_finished_items(runs: Path, tmp_path: Path) -> None:
    first = runs / "make_pseudo_labels"
    spec = RunSpec.model_validate_json((first / "spec.json").read_text())
    (tmp_path / "spec.json").write_text(
        spec.model_copy(update={"attempt": 2, "previous": (first,)}).model_dump_json()
    )
    assert main([str(tmp_path)]) == 0
    before, after = read_manifest(first / "output"), read_manifest(tmp_path / "output")
    assert after.files == before.files
    assert after.digest == before.digest
    assert after.metrics == before.metrics
    name = before.files[0].path
    assert (tmp_path / "output" / name).samefile(first / "output" / name)


def test_true_masks_do_not_reach_what_is_trained_without_them(
    runs: Path, workshop: Any, chest_root: Path, tmp_path: Path
) -> None:
    """The same images and labels with other masks: every step but the ceiling and the scores is the same."""
    data = tmp_path / "data"
    data.mkdir()
    shutil.copytree(chest_root / "dicom-images-train", data / "dicom-images-train")
    rows = (chest_root / "train-rle.csv").read_text().splitlines()
    moved = [row if row.endswith("-1") else f"{row.split(',')[0]}, 5 7" for row in rows[1:]]
    (data / "train-rle.csv").write_text("\n".join([rows[0], *moved]) + "\n")
    others = replace(workshop, folder=tmp_path, dataset={"format": "siim", "root": str(data)})
    for step in STEPS:
        if step.name in {"train_ceiling", "evaluate"}:
            continue
        artifact = run_step(step, others)
        same = [entry.sha256 for entry in read_manifest(runs / step.name / "output").files]
        assert [entry.sha256 for entry in read_manifest(artifact).files] == same, step.name


def test_predictions_are_of_the_images_own_size(runs: Path) -> None:
    masks = list((runs / "predict" / "output" / "masks").glob("*.png"))
    assert masks
    for path in masks:
        with Image.open(path) as mask:
            assert np.asarray(mask).shape == (64, 64)


def test_a_users_mistake_is_written_down_with_its_remedy(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(yaml.safe_dump({"stage": "train_classifier", "params": {"epocs": 1}}))
    assert main(["stage", str(path), "--run-dir", str(tmp_path / "run")]) == 1
    failure = json.loads((tmp_path / "run" / "failure.json").read_text())
    assert (failure["reason"], failure["field"], failure["retryable"]) == (
        "invalid_spec",
        "params.epocs",
        False,
    )
    assert failure["remedy"]
