"""The published code's configs as params: by hand-written ones of each kind."""

from __future__ import annotations

import math
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from wsmis_core.errors import SpecError
from wsmis_core.spec import Converted, convert_config, read_yaml

CONFIGS = Path(__file__).parents[2] / "data" / "wsmis_configs"


def config(name: str) -> dict[str, Any]:
    read = read_yaml(CONFIGS / f"{name}.yaml")
    assert isinstance(read, dict)
    return read


def notes(made: Converted) -> dict[str, str]:
    return {note.key: note.why for note in made.notes}


def test_a_classifier() -> None:
    made = convert_config(config("classifier"))
    assert made.stage == "train_classifier"
    assert made.params == {
        "arch": "resnet50_full",
        "weights": "imagenet",
        "image_size": 320,
        "normalisation": "imagenet",
        "augmentation": "strong",
        "sampler": "shuffled",
        "dropblock": {"drop_prob": 0.25, "block_size": 5},
        "pos_weight": 3,
        "optimizer": {"name": "radam", "weight_decay": 2e-5},
        "rates": {"trunk_weights": 2e-5, "trunk_biases": 2e-4, "head_weights": 2e-3, "head_biases": 2e-2},
        "schedule": {"name": "step", "every": 4, "gamma": 0.5},
        "epochs": 12,
        "batch_size": 20,
        "keep": "best",
    }
    assert set(notes(made)) == {
        "project",
        "log_path",
        "devices",
        "train.path",
        "val.path",
        "train.transform.images_output_format_type",
        "val.transform.images_output_format_type",
        "model.classes",
        "model.metrics",
        "model.regularize.name",
        "monitor.interval",
    }
    assert "the published resnet50_full has none" in notes(made)["model.regularize.name"]


def test_a_pneumothorax_classifier_in_the_older_form() -> None:
    made = convert_config(config("pneumothorax_classifier"))
    params = made.params
    assert (params["arch"], params["weights"], params["sampler"]) == ("resnet50", "none", "balanced")
    assert params["dropblock"] == {
        "drop_prob": 0.1,
        "block_size": 3,
        "schedule": "linear",
        "ramp_steps": 10,
    }
    assert params["rates"] == {
        "trunk_weights": 0.001,
        "trunk_biases": 0.001,
        "head_weights": 0.01,
        "head_biases": 0.01,
    }
    assert params["schedule"] == {"name": "poly", "per": "epoch", "power": 0.8, "floor": 1e-7}
    assert params["optimizer"] == {"name": "adam", "weight_decay": 1e-4}
    told = notes(made)
    assert told["wandb_entity"] == "no such key is known"
    for key in (
        "val.transform.size",
        "val.transform.augmentation_scope",
        "train.transform.size_transform",
        "optimizer.momentum",
        "scheduler.max_iters",
    ):
        assert key in told


def test_maps_of_a_classifier() -> None:
    made = convert_config(config("maps"))
    assert (made.stage, made.inputs) == ("extract_cams", ("classifier",))
    assert made.params == {
        "image_size": 320,
        "scales": [1.0],
        "flip": False,
        "classes": "predicted",
        "threshold": {"name": "fixed", "value": 0.3},
        "batch_size": 6,
    }
    assert "wsmis import-weights" in notes(made)["model.weights_path"]
    assert {"maps_layer", "weights_layer", "interpolation", "train.input_path"} <= set(notes(made))


def test_a_segmenter() -> None:
    made = convert_config(config("segmenter"))
    assert (made.stage, made.inputs) == ("train_segmenter", ("pseudo_labels",))
    assert made.params == {
        "arch": "unet",
        "encoder": "se_resnext50_32x4d",
        "weights": "none",
        "targets": "pseudo_labels",
        "image_size": 400,
        "normalisation": "imagenet",
        "augmentation": "strong",
        "sampler": "shuffled",
        "loss": [{"name": "cross_entropy"}],
        "optimizer": {"name": "sgd", "weight_decay": 1e-5, "momentum": 0.8},
        "rates": {"trunk": 0.002, "head": 0.02},
        "schedule": {"name": "poly", "per": "epoch", "power": 0.7, "floor": 1e-5},
        "epochs": 6,
        "batch_size": 3,
        "keep": "best",
    }
    assert "which torchvision has not" in notes(made)["model.arch"]
    assert notes(made)["model.pretrained"] == "see model.arch"
    assert {"train.masks", "val.masks"} <= set(notes(made))


def test_a_segmenter_with_the_crf_in_its_loss() -> None:
    made = convert_config(config("crf_segmenter"))
    assert (made.params["arch"], made.params["image_size"]) == ("deeplabv3plus_published", 400)
    assert made.params["loss"] == [
        {"name": "cross_entropy", "weight": 0.25},
        {"name": "kl", "weight": 0.75, "scale": 0.5, "refine": {"name": "crf", "iterations": 6}},
    ]
    assert made.params["rates"] == {"trunk": 0.002, "head": 0.002}
    assert made.params["weights"] == "imagenet"
    assert "ImageNet" in notes(made)["model.pretrained"]
    assert "401 becomes 400" in notes(made)["train.transform.size"]


def test_a_pneumothorax_segmenter() -> None:
    made = convert_config(config("pneumothorax_segmenter"))
    assert (made.params["encoder"], made.params["sampler"]) == ("resnet34", "balanced")
    assert made.params["loss"] == [{"name": "bce", "pos_weight": 2.5}, {"name": "dice", "weight": 0.5}]
    assert "model.loss.1.name" in notes(made)
    assert "model.pretrained" not in notes(made)


def test_the_scores_of_a_segmenter() -> None:
    made = convert_config(config("evaluation"))
    assert (made.stage, made.inputs, made.params) == ("evaluate", ("segmenter",), {"batch_size": 2})


@pytest.mark.parametrize(
    ("name", "change", "key"),
    [
        ("classifier", {"task": "irn_maps"}, "task"),
        ("classifier", {"task": None}, "task"),
        ("classifier", {"num_epochs": None}, "num_epochs"),
        ("classifier", {"num_epochs": -3}, "num_epochs"),
        ("classifier", {"num_epochs": 0}, "num_epochs"),
        ("segmenter", {"num_epochs": 0}, "num_epochs"),
        ("classifier", {"model": {"arch": "resnet50", "pretrained": "no"}}, "model.pretrained"),
        ("classifier", {"model": {"arch": "resnet50", "weights_path": ["a", "b"]}}, "model.weights_path"),
        ("segmenter", {"model": {"arch": "serexnext_unet", "pretrained": 1}}, "model.pretrained"),
        ("maps", {"use_predicted_labels": "no"}, "use_predicted_labels"),
        ("classifier", {"train": {"transform": {"size": True}}}, "train.transform.size"),
        ("classifier", {"batch_size": "many"}, "batch_size"),
        ("classifier", {"optimizer": {"name": "lion", "lr": 0.1}}, "optimizer.name"),
        ("classifier", {"optimizer": {"name": "sgd", "lr": [0.1, 0.2, 0.3]}}, "optimizer.lr"),
        ("classifier", {"optimizer": {"name": "sgd", "lr": [0.1, "x"]}}, "optimizer.lr"),
        ("classifier", {"scheduler": {"name": "cosine", "t_max": 2}}, "scheduler.name"),
        ("classifier", {"scheduler": {"name": "step", "step_size": 0, "gamma": 0.1}}, "scheduler.step_size"),
        ("classifier", {"train": {"transform": {"size": "large"}}}, "train.transform.size"),
        (
            "classifier",
            {"train": {"transform": {"size": 64, "images_normalization": "none"}}},
            "train.transform.images_normalization",
        ),
        ("segmenter", {"model": {"arch": "pspnet", "loss": {"name": "mean_iou"}}}, "model.arch"),
        ("segmenter", {"model": {"arch": "unet", "loss": {"name": "mean_iou"}}}, "model.encoder"),
        (
            "segmenter",
            {"model": {"arch": "unet", "encoder": "resnet5", "loss": {"name": "mean_iou"}}},
            "model.encoder",
        ),
        (
            "segmenter",
            {"model": {"arch": "serexnext_unet", "loss": [{"name": "focal"}]}},
            "model.loss.0.name",
        ),
        ("crf_segmenter", {"model": {"arch": "serexnext_unet", "loss": {"name": "mean_iou"}}}, "model.loss"),
        ("crf_segmenter", {"crf": {"scale_factor": 0}}, "crf.scale_factor"),
        ("crf_segmenter", {"crf": {"scale_factor": math.inf}}, "crf.scale_factor"),
        ("crf_segmenter", {"crf": {"scale_factor": math.nan}}, "crf.scale_factor"),
        ("crf_segmenter", {"crf": {"scale_factor": True}}, "crf.scale_factor"),
        ("crf_segmenter", {"crf": {"iterations": 0}}, "crf.iterations"),
        ("crf_segmenter", {"crf": {"iterations": "x"}}, "crf.iterations"),
        (
            "segmenter",
            {"model": {"arch": "serexnext_unet", "loss": [{"name": "mean_iou", "weight": -1}]}},
            "model.loss.0.weight",
        ),
    ],
)
def test_what_has_no_counterpart_names_the_config_s_key(name: str, change: dict[str, Any], key: str) -> None:
    changed = {**deepcopy(config(name)), **change}
    with pytest.raises(SpecError) as told:
        convert_config(changed)
    assert told.value.field == key
    assert told.value.remedy or "Did you mean" in told.value.message


@pytest.mark.parametrize(
    ("arch", "pretrained", "weights", "told"),
    [
        ("resnet50", True, {"file": "a.h5"}, {"model.pretrained": "come from model.weights_path"}),
        ("resnet50", False, "none", {"model.weights_path": "the published resnet50 does not read it unless"}),
        ("RESNET50_FULL", True, "imagenet", {"model.weights_path": "resnet50_full does not read it at all"}),
        (
            "resnet_gap",
            False,
            "imagenet",
            {"model.pretrained": "starts from ImageNet's weights all the same"},
        ),
        ("vgg16", None, "none", {"model.weights_path": "set weights to {file: PATH}"}),
    ],
)
def test_a_classifier_starts_where_the_published_one_does(
    arch: str, pretrained: bool | None, weights: object, told: dict[str, str]
) -> None:
    changed = config("classifier")
    changed["model"] |= {"arch": arch, "pretrained": pretrained, "weights_path": "a.h5"}
    made = convert_config(changed)
    assert made.params["weights"] == weights
    for key, why in told.items():
        assert why in notes(made)[key]


def test_a_segmenter_s_file_is_not_read_as_in_the_published_training() -> None:
    changed = config("pneumothorax_segmenter")
    changed["model"]["weights_path"] = "a.h5"
    made = convert_config(changed)
    assert made.params["weights"] == "imagenet"
    assert "set weights to {file: PATH}" in notes(made)["model.weights_path"]


def test_of_a_plateau_the_rates_stay_and_a_note_says_so() -> None:
    changed = config("classifier")
    changed["scheduler"] = {"name": "plateau", "mode": "max", "patience": 2, "factor": 0.5, "min_lr": 1e-7}
    changed["optimizer"] = {"name": "adam", "lr": 0.1, "momentum": 0.9}
    made = convert_config(changed)
    assert made.params["schedule"] == {"name": "constant"}
    assert "the rates stay as they are" in notes(made)["scheduler.name"]
    assert {"scheduler.mode", "scheduler.min_lr", "optimizer.momentum"} <= set(notes(made))


def test_every_key_is_a_param_s_or_in_a_note() -> None:
    """A key that nobody has foreseen is told, wherever it is."""
    for path in sorted(CONFIGS.glob("*.yaml")):
        whole = config(path.stem)
        whole["model"]["surprise"] = {"deeper": 1}
        whole["surprise"] = [1, 2]
        told = notes(convert_config(whole))
        assert "surprise" in told
        assert "model.surprise.deeper" in told


@pytest.mark.parametrize("given", [None, [], "task: segmentation", {}])
def test_what_is_no_config_is_told(given: object) -> None:
    with pytest.raises(SpecError):
        convert_config(given)
