"""Every classifier through the entry that a job takes; weights from files and artifacts, 0 epochs too."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torchvision
from safetensors.torch import load_file

from wsmis_core.spec.archs import ENCODER_OF, IRNET_TRUNKS
from wsmis_core.stages.maps import load_maps

ARCHS = (
    *("resnet18", "resnet34", "resnet50", "resnet50_full", "resnet50_oaa"),
    *("resnet_gap", "resnet_small", "vgg16", "irn_resnet50"),
)
STEP: Mapping[str, Any] = {
    "image_size": 64,
    "normalisation": "per_image",
    "augmentation": "none",
    "optimizer": {"name": "sgd"},  # without state, which would be most of what is written
    "batch_size": 2,
    "max_steps": 1,
}
MAPS = {"image_size": 64, "scales": [1.0], "flip": False, "splits": ["val"], "method": "cam"}


@pytest.mark.parametrize("arch", ARCHS)
def test_a_classifier_trains_a_step_and_gives_maps(workshop: Any, arch: str) -> None:
    classifier = workshop.run(f"train_{arch}", "train_classifier", {**STEP, "arch": arch})
    manifest = workshop.manifest(f"train_{arch}")
    assert np.isfinite(manifest.metrics["val_loss"])
    cams = workshop.run(f"cams_{arch}", "extract_cams", MAPS, {"classifier": classifier})
    stored = [load_maps(path) for path in sorted((cams / "cams").glob("*.npz"))]
    assert stored
    assert all(one.maps.shape == (1, 16, 16) and one.maps.isfinite().all() for one in stored)
    for name in (f"train_{arch}", f"cams_{arch}"):
        shutil.rmtree(workshop.folder / name)  # a hundred megabytes a network


@pytest.mark.parametrize("steps", [1, 2])
def test_a_training_that_diverges_is_told_wherever_it_shows(workshop: Any, steps: int) -> None:
    """In the validation behind its last step, or in the loss of a step."""
    rates = dict.fromkeys(("trunk_weights", "trunk_biases", "head_weights", "head_biases"), 100.0)
    huge = {**STEP, "arch": "resnet_small", "dropblock": None, "rates": rates, "pos_weight": 1e30}
    failure = workshop.failure(f"diverges_{steps}", "train_classifier", {**huge, "max_steps": steps})
    assert (failure["reason"], failure["field"]) == ("diverged", "params.rates")
    assert not failure["retryable"]


def test_weights_with_which_numbers_overflow_are_told(workshop: Any, tmp_path: Path) -> None:
    params = {**STEP, "arch": "resnet_small", "dropblock": None}
    made = load_file(workshop.run("sound", "train_classifier", params) / "model.safetensors")
    made["head.weight"] = torch.full_like(made["head.weight"], 3e38)
    made["head.bias"] = torch.full_like(made["head.bias"], -3e38)
    torch.save(made, tmp_path / "huge.pth")
    del params["max_steps"]
    weights = {"file": str(tmp_path / "huge.pth")}
    failure = workshop.failure("overflows", "train_classifier", {**params, "epochs": 0, "weights": weights})
    assert (failure["reason"], failure["field"]) == ("diverged", "params.weights")


def test_irnet_and_a_segmenter_over_another_trunk_or_why_not(workshop: Any, tiny_ir_labels: Path) -> None:
    vgg = workshop.run("vgg", "train_classifier", {**STEP, "arch": "vgg16"})
    step = {"image_size": 64, "batch_size": 2, "max_steps": 1, "optimizer": {"name": "sgd"}}
    refused = workshop.failure(
        "irnet_over_vgg", "train_irnet", step, {"ir_labels": tiny_ir_labels, "classifier": vgg}
    )
    assert refused["field"] == "inputs.classifier"
    assert "vgg16" in refused["message"]
    assert ", ".join(IRNET_TRUNKS) in refused["remedy"]
    params = {**step, "targets": "true_masks", "weights": "classifier"}
    refused = workshop.failure("unet_over_vgg", "train_segmenter", params, {"classifier": vgg})
    assert (refused["field"], refused["reason"]) == ("params.encoder", "invalid_spec")
    assert ENCODER_OF["vgg16"] in refused["remedy"]
    made = workshop.run(
        "vgg_unet", "train_segmenter", {**params, "encoder": ENCODER_OF["vgg16"]}, {"classifier": vgg}
    )
    assert (made / "model.safetensors").exists()


def test_a_published_classifier_becomes_an_artifact_as_it_is(workshop: Any, tmp_path: Path) -> None:
    state = torchvision.models.resnet18(num_classes=1).state_dict()
    path = tmp_path / "best.h5"
    torch.save({"model": state, "epoch": 50}, path)
    params = {"arch": "resnet18", "image_size": 64, "epochs": 0, "weights": {"file": str(path)}}
    made = workshop.run("published", "train_classifier", params)
    tensors = load_file(made / "model.safetensors")
    assert torch.equal(tensors["trunk.stage_modules.4.1.conv2.weight"], state["layer4.1.conv2.weight"])
    assert torch.equal(tensors["head.weight"], state["fc.weight"])
    assert "val_loss" in workshop.manifest("published").metrics

    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    params["weights"] = {"file": str(path), "sha256": digest, "part": "trunk"}
    params |= {**STEP, "epochs": 1}
    made = workshop.run("fine_tuned", "train_classifier", params)
    assert not torch.equal(load_file(made / "model.safetensors")["head.weight"], state["fc.weight"])

    params["weights"] = {"file": str(path), "sha256": "0" * 64}
    failure = workshop.failure("changed", "train_classifier", params)
    assert (failure["field"], failure["reason"]) == ("params.weights.sha256", "invalid_weights")
    assert digest in failure["message"]
    params |= {"weights": {"file": str(path)}, "arch": "resnet34"}
    failure = workshop.failure("another_arch", "train_classifier", params)
    assert (failure["field"], failure["reason"]) == ("params.weights.file", "invalid_weights")
    assert "missing: layer1.2.conv1.weight" in failure["message"]


def test_an_artifact_goes_on_with_its_head_and_dropblock(workshop: Any, tiny_classifier: Path) -> None:
    inputs = {"classifier": tiny_classifier}
    made = workshop.run("as_it_was", "train_classifier", {**_SMALL, "epochs": 0}, inputs)
    before, after = (load_file(folder / "model.safetensors") for folder in (tiny_classifier, made))
    assert all(torch.equal(tensor, after[name]) for name, tensor in before.items())
    dropped = {**STEP, "arch": "resnet_small", "dropblock": {"drop_prob": 0.9, "block_size": 1}}
    plain = {**dropped, "dropblock": None}
    heads = [
        load_file(workshop.run(name, "train_classifier", params, inputs) / "model.safetensors")["head.weight"]
        for name, params in (("dropped", dropped), ("plain", plain))
    ]
    assert not torch.equal(*heads)
    failure = workshop.failure("other", "train_classifier", {**STEP, "arch": "resnet18"}, inputs)
    assert (failure["field"], failure["remedy"]) == ("params.arch", "Set it to resnet_small.")


_SMALL = {"arch": "resnet_small", "image_size": 64, "normalisation": "per_image"}
