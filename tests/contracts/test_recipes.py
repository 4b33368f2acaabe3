"""Every recipe: the published figures in its plan; and all of it, made small, through the entry of a job."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.contracts.chest_layouts import write_chestxray14
from wsmis_core.data import scan
from wsmis_core.data.phantom import write_siim
from wsmis_core.data.phantom.shapes import write_voc
from wsmis_core.spec import (
    Coverage,
    PlannedStep,
    make_dataset_spec,
    plan,
    read_manifest,
    recipes,
    verify_files,
)
from wsmis_core.spec.stages import ALL_SPLITS

# METHOD's tables, by recipe and step. W is WSMIS (arXiv 2007.00748), I is IRNet (arXiv 1904.05044).
CRF = {
    "name": "crf",
    "iterations": 10,
    "gt_prob": 0.7,
    "gaussian_sxy": 3,
    "gaussian_compat": 3,
    "bilateral_sxy": 50,
    "bilateral_srgb": 5,
    "bilateral_compat": 10,
}
SEEDS = {"foreground_threshold": 0.30, "background_threshold": 0.05}
IRNET = {
    "augmentation": "horizontal_flip",
    "radius": 10,
    "optimizer": {"name": "sgd", "weight_decay": 1e-4, "momentum": 0.0},
    "rates": {"boundary": 0.1, "displacement": 1.0},
    "schedule": {"name": "poly", "power": 0.9, "floor": 0.0, "per": "step"},
}
WALK = {
    "radius": 5,
    "beta": 10,
    "log2_steps": 8,
    "threshold": {"name": "fixed", "value": 0.25},
    "smallest_component": 0.0,
}
SEGMENTER = {
    "weights": "imagenet",
    "targets": "pseudo_labels",
    "optimizer": {"name": "sgd", "weight_decay": 1e-6, "momentum": 0.9},
    "schedule": {"name": "poly", "power": 0.9, "floor": 1e-6, "per": "epoch"},
    "keep": "best",
}
VOC_SEGMENTER = SEGMENTER | {
    "arch": "deeplabv3plus_published",
    "encoder": "resnet50",
    "image_size": 512,  # with the CRF loss 513, which is no multiple of 16
    "batch_size": 12,
    "rates": {"trunk": 1e-3, "head": 1e-2},
    "sampler": "shuffled",
}
VOC: dict[str, dict[str, Any]] = {
    "train_classifier": {
        "arch": "resnet50_full",
        "weights": "imagenet",
        "image_size": 352,
        "normalisation": "imagenet",
        "epochs": 50,
        "batch_size": 32,
        "optimizer": {"name": "radam", "weight_decay": 1e-5, "momentum": 0.0},
        "rates": {"trunk_weights": 1e-5, "trunk_biases": 1e-4, "head_weights": 2e-4, "head_biases": 1e-3},
        "schedule": {"name": "step", "every": 10, "gamma": 0.1},
        "dropblock": {"drop_prob": 0.3, "block_size": 7, "schedule": "constant", "ramp_steps": 0},
        "augmentation": "strong",
        "sampler": "shuffled",
        "loss": "bce",
        "keep": "best",
    },
    "extract_cams": {
        "method": "grad_cam_pp",
        "layer": None,
        "scales": [1.0, 0.5, 1.5, 2.0],
        "flip": True,
        "image_size": "native",
        "classes": "labels",
    },
    "make_ir_labels": SEEDS | {"image_size": "native", "refine": CRF},
    "train_irnet": IRNET
    | {
        "trunk": "imagenet",
        "image_size": "native",
        "rescale": [0.5, 1.5],
        "crop_size": 512,
        "epochs": 3,
        "batch_size": 32,
    },
    "make_pseudo_labels": WALK | {"image_size": "native"},
    "train_segmenter": VOC_SEGMENTER | {"epochs": 40, "loss": [{"name": "cross_entropy", "weight": 1.0}]},
}
PNEUMOTHORAX: dict[str, dict[str, Any]] = {
    "train_classifier": {
        "arch": "resnet50",
        "weights": "imagenet",
        "image_size": 512,
        "epochs": 50,
        "batch_size": 16,
        "optimizer": {"name": "adam", "weight_decay": 1e-5, "momentum": 0.0},
        "rates": {"trunk_weights": 1e-4, "trunk_biases": 2e-4, "head_weights": 1e-3, "head_biases": 2e-3},
        "schedule": {"name": "step", "every": 5, "gamma": 0.1},
        "dropblock": {"drop_prob": 0.2, "block_size": 7, "schedule": "constant", "ramp_steps": 0},
        "augmentation": "pneumothorax",
        "sampler": "balanced",
        "loss": "bce",
        "keep": "best",
    },
    "extract_cams": {
        "method": "grad_cam_pp",
        "scales": [1.0, 0.75, 0.5, 0.25],
        "flip": True,
        "image_size": 1024,
    },
    "make_ir_labels": SEEDS | {"image_size": 512},
    "train_irnet": IRNET
    | {
        "image_size": 512,
        "rescale": None,
        "crop_size": None,
        "epochs": 10,
        "batch_size": 24,
        "positives_only": True,
    },
    "make_pseudo_labels": WALK | {"image_size": 512},
    "train_segmenter": SEGMENTER
    | {
        "arch": "unet",
        "encoder": "resnet50",
        "image_size": 256,
        "batch_size": 64,
        "epochs": 40,
        "loss": [{"name": "bce", "weight": 1.0, "pos_weight": None}],
        "rates": {"trunk": 1e-4, "head": 1e-3},
        "sampler": "balanced",
    },
}
PUBLISHED: dict[str, dict[str, dict[str, Any]]] = {
    "voc2012": VOC,
    "voc2012_crf": VOC
    | {
        "train_segmenter": VOC_SEGMENTER
        | {
            "epochs": 30,
            "loss": [
                {"name": "cross_entropy", "weight": 0.5},
                {
                    "name": "kl",
                    "weight": 0.5,
                    "refine": CRF | {"iterations": 4, "gt_prob": 1},
                    "scale": 0.25,
                },
            ],
        }
    },
    "pneumothorax": PNEUMOTHORAX,
}
OURS = {"smoke", "chestxray14"}  # nothing is published for these

# What may be changed to make a recipe small: no method, no loss, no schedule, no threshold.
SIZES = {"image_size", "crop_size", "batch_size", "max_steps", "local"}
OFFLINE = {"weights": "none", "trunk": "random"}  # in place of ImageNet's
SMALL = {"loader_workers": 0, "batch_size": 4, "max_steps": 1, "resamples": 20, "overlays": 2}
SIDE, PATIENTS = 64, 14  # pixels, of the films and of what the networks see
PICTURE_SIDE, PICTURES_DRAWN = 48, 20
GRID = 80  # pixels: the smallest whose grid has room for the published radius
FILMS: dict[str, dict[str, Any]] = {
    "train_classifier": {"image_size": SIDE},
    "extract_cams": {"image_size": SIDE},
    "make_ir_labels": {"image_size": SIDE},
    "train_irnet": {"image_size": GRID},
    "make_pseudo_labels": {"image_size": SIDE},
    "train_segmenter": {"image_size": SIDE},
}
PICTURES: dict[str, dict[str, Any]] = {
    "train_classifier": {"image_size": SIDE},
    "train_irnet": {"crop_size": GRID},
    "train_segmenter": {"image_size": SIDE},
}
SMALLER: dict[str, dict[str, dict[str, Any]]] = {
    "voc2012": PICTURES,
    "voc2012_crf": PICTURES,
    "pneumothorax": FILMS,
    "chestxray14": FILMS,
    "smoke": FILMS
    | {
        "train_ceiling": {"image_size": SIDE},
        "make_pseudo_labels": {"image_size": SIDE, "local": {"max_steps": 1}},
    },
}


@pytest.fixture(scope="module")
def datasets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """A tiny data set of its own kind for each recipe."""
    root = tmp_path_factory.mktemp("data")
    write_voc(root / "voc", images=PICTURES_DRAWN, seed=2, size=PICTURE_SIDE)
    write_siim(root / "siim", patients=PATIENTS, seed=2, size=SIDE)
    boxed = write_chestxray14(root / "chestxray14", root / "siim")
    voc = {"format": "voc2012", "root": str(root / "voc"), "options": {"classes": "annotations"}}
    siim = {"format": "siim", "root": str(root / "siim"), "options": {}}
    return {
        "voc2012": voc,
        "voc2012_crf": voc,
        "pneumothorax": siim,
        "smoke": siim,
        "chestxray14": {
            "format": "chestxray14",
            "root": str(root / "chestxray14"),
            "options": {**boxed, "val_share": 0.2},
        },
    }


@pytest.fixture(scope="module")
def made() -> dict[str, Path]:
    """Artifacts by what was asked for, so that recipes share what they have in common, as jobs do."""
    return {}


def small_plan(name: str, coverage: Coverage) -> list[PlannedStep]:
    """The recipe's steps with nothing changed but sizes, and weights that would be fetched."""
    overrides = {"*": SMALL, **SMALLER[name]}
    for step in plan(recipes()[name], {}, coverage=coverage):
        offline = {param: own for param, own in OFFLINE.items() if step.params.get(param) == "imagenet"}
        changed = overrides.setdefault(step.name, {})
        assert set(changed) <= SIZES
        overrides[step.name] = changed | offline
    return plan(recipes()[name], overrides, coverage=coverage)


def test_each_recipe_s_figures_are_published_or_said_to_be_ours() -> None:
    assert set(PUBLISHED) | OURS == set(recipes())


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_published_figures_are_in_the_plan(name: str) -> None:
    steps = {
        step.name: step.params for step in plan(recipes()[name], {}, coverage=Coverage(masks=ALL_SPLITS))
    }
    for step, figures in PUBLISHED[name].items():
        assert {param: steps[step][param] for param in figures} == figures, step


@pytest.mark.parametrize("name", list(recipes()))
def test_a_recipe_runs_from_labels_to_predictions_and_scores(
    name: str, workshop: Any, datasets: dict[str, dict[str, Any]], made: dict[str, Path]
) -> None:
    dataset = datasets[name]
    index = scan(make_dataset_spec(dataset["format"], dataset["root"], dataset["options"]))
    has_masks = dataset["format"] != "chestxray14"
    coverage = Coverage(masks=ALL_SPLITS) if has_masks else Coverage(boxes=ALL_SPLITS)
    artifacts: dict[str, Path] = {}
    for step in small_plan(name, coverage):
        inputs = {role: artifacts[source] for role, source in step.inputs.items()}
        asked = repr((step.stage, step.params, inputs, dataset))
        if asked not in made:
            made[asked] = workshop.run(
                f"{name}-{step.name}", step.stage, step.params, inputs, dataset=dataset
            )
            verify_files(read_manifest(made[asked]), made[asked])
        artifacts[step.name] = made[asked]
    assert set(artifacts) == set(recipes()[name].steps)

    tested = {sample.id for sample in index.split("test")}
    assert {path.stem for path in (artifacts["predict"] / "masks").glob("*.png")} == tested
    report = json.loads((artifacts["evaluate"] / "report.json").read_text())
    assert 0 <= report["classifier"]["auc"] <= 1
    assert set(report["steps"]) == set(recipes()[name].steps["evaluate"].inputs) - {"classifier"}
    for role, scores in report["steps"].items():
        reached = scores["iou"] if has_masks else scores["boxes"]["box_iou_10"]
        assert 0 <= reached <= 1, role
    if has_masks:
        for step_name in ("extract_cams", "make_ir_labels", "make_pseudo_labels", "train_segmenter"):
            assert 0 <= read_manifest(artifacts[step_name]).metrics["val_iou"] <= 1, step_name
