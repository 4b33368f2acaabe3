"""Weights of segmenters from files, as they are or to start from, through the entry that a job takes."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
import segmentation_models_pytorch as smp
import torch
import torchvision
from safetensors.torch import load_file
from torch import Tensor

PARAMS = {"encoder": "resnet18", "image_size": 64, "normalisation": "per_image"}


def model(folder: Path) -> dict[str, Tensor]:
    return load_file(folder / "model.safetensors")


@pytest.fixture(scope="module")
def unet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A U-Net for one class, in a file as WSMIS writes them."""
    torch.manual_seed(7)
    state = smp.Unet("resnet18", encoder_weights=None, classes=1).state_dict()
    path = tmp_path_factory.mktemp("published") / "best.h5"
    torch.save({"model": {f"model.{name}": tensor for name, tensor in state.items()}, "epoch": 40}, path)
    return path


def test_a_published_segmenter_becomes_an_artifact_as_it_is(workshop: Any, unet: Path) -> None:
    """Without pseudo-labels; it is scored where there are masks, and can be asked."""
    weights = {"file": str(unet), "sha256": hashlib.sha256(unet.read_bytes()).hexdigest()}
    made = workshop.run("published", "train_segmenter", {**PARAMS, "epochs": 0, "weights": weights})
    published = torch.load(unet, weights_only=True)["model"]
    tensors = model(made)
    assert len(tensors) == len(published)
    for name, tensor in tensors.items():
        theirs = name.replace("head.", "segmentation_head.", 1) if name.startswith("head.") else name
        assert torch.equal(tensor, published[f"model.{theirs}"])
    assert workshop.manifest("published").details["targets"] == "none"
    metrics = workshop.manifest("published").metrics
    assert "val_iou" in metrics
    assert "train_loss" not in metrics
    predictions = workshop.run("asked", "predict", {"flip": False}, {"segmenter": made})
    assert list((predictions / "masks").glob("*.png"))


def test_one_threshold_of_it_may_be_chosen(workshop: Any, unet: Path) -> None:
    params = {**PARAMS, "epochs": 0, "weights": {"file": str(unet)}, "threshold": {"name": "chosen"}}
    workshop.run("chosen", "train_segmenter", params)
    details = workshop.manifest("chosen").details
    assert details["threshold"] == details["chosen_threshold"]["value"]


def test_a_training_starts_from_a_whole_file_or_its_encoder(
    workshop: Any, unet: Path, tmp_path: Path
) -> None:
    still = {"optimizer": {"name": "sgd"}, "rates": {"trunk": 1e-6, "head": 1e-6}}
    step = {**PARAMS, **still, "targets": "true_masks", "batch_size": 2, "max_steps": 1}
    published = torch.load(unet, weights_only=True)["model"]
    whole = workshop.run("whole", "train_segmenter", {**step, "weights": {"file": str(unet)}})
    head = published["model.segmentation_head.0.weight"]
    assert torch.allclose(model(whole)["head.0.weight"], head, atol=1e-4)
    state = torchvision.models.resnet18().state_dict()
    torch.save(state, tmp_path / "resnet18.pth")
    params = {**step, "weights": {"file": str(tmp_path / "resnet18.pth"), "part": "trunk"}}
    made = model(workshop.run("encoder", "train_segmenter", params))
    assert torch.allclose(made["encoder.conv1.weight"], state["conv1.weight"], atol=1e-4)
    assert not torch.allclose(made["head.0.weight"], head, atol=1e-2)


def test_what_does_not_fit_is_told_with_what_the_loss_wants(workshop: Any, unet: Path) -> None:
    params = {**PARAMS, "epochs": 0, "weights": {"file": str(unet)}, "loss": "cross_entropy"}
    failure = workshop.failure("softmax", "train_segmenter", params)
    assert (failure["field"], failure["reason"]) == ("params.weights.file", "invalid_weights")
    assert str(unet) in failure["message"]
    assert "segmentation_head.0.weight (1, 16, 3, 3), not (2, 16, 3, 3)" in failure["message"]
    assert "Losses such as bce make a channel of each class" in failure["remedy"]
