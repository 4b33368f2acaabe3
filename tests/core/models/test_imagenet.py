"""ImageNet weights from torch's cache: no other file than the published one is read."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision
from torchvision.models import WeightsEnum

from wsmis_core.errors import WeightsError
from wsmis_core.models.imagenet import imagenet_state
from wsmis_core.models.segmenters import make_segmenter


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    return folder


class Harmful:
    """Unpickled, it would leave a file behind."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (Path.touch, (self.path,))


def published(name: str) -> WeightsEnum:
    weights: WeightsEnum = torchvision.models.get_model_weights(name)["IMAGENET1K_V1"]
    return weights


def take_as_published(monkeypatch: pytest.MonkeyPatch, cache: Path, state: object, name: str) -> None:
    """Put a file into the cache, and have torchvision say that its hash is the published one's."""
    torch.save(state, cache / "whole.pth")
    digest = hashlib.sha256((cache / "whole.pth").read_bytes()).hexdigest()
    path = (cache / "whole.pth").rename(cache / f"{name}-{digest[:8]}.pth")
    weights = type("Weights", (), {"url": f"https://nowhere.example/models/{path.name}"})
    monkeypatch.setattr(torchvision.models, "get_model_weights", lambda _: {"IMAGENET1K_V1": weights})


def test_a_file_in_the_cache_that_is_not_the_published_one_is_not_read(cache: Path) -> None:
    path = cache / published("resnet18").url.split("/")[-1]
    for held in (Harmful(cache / "was here"), torchvision.models.resnet18().state_dict(), b"a page"):
        torch.save({"x": held}, path)
        with pytest.raises(WeightsError, match=r"its SHA-256 is .*, not f37072fd") as raised:
            imagenet_state("resnet18")
        assert raised.value.field == "params.weights"
        assert str(raised.value.remedy).startswith("Delete it")
        assert not (cache / "was here").exists()


def test_the_published_file_runs_no_code_either(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    take_as_published(monkeypatch, cache, {"x": Harmful(cache / "was here")}, "resnet18")
    with pytest.raises(WeightsError, match="would run code"):
        imagenet_state("resnet18")
    assert not (cache / "was here").exists()


def test_densenets_under_their_published_names_fill_an_encoder(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = torchvision.models.densenet121().state_dict()
    old = {
        name.replace(".norm1.", ".norm.1.")
        .replace(".norm2.", ".norm.2.")
        .replace(".conv1.", ".conv.1.")
        .replace(".conv2.", ".conv.2."): tensor
        for name, tensor in state.items()
    }
    take_as_published(monkeypatch, cache, old, "densenet121")
    encoder = make_segmenter("unet", encoder="densenet121", classes=1, weights="imagenet").encoder
    name = "features.denseblock2.denselayer3.conv2.weight"
    assert torch.equal(encoder.state_dict()[name], state[name])
