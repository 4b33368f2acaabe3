"""Segmenters from published files give the published logits; encoders are filled from files of anything."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import segmentation_models_pytorch as smp
import torch
import torchvision
from torch import Tensor, nn

from tests.core.models.published import deeplab_reference
from tests.core.models.published.states import State, blank, in_a_row, linear, random_state, told
from wsmis_core.models import make_classifier
from wsmis_core.models.published import fill, names_of_encoder, names_of_segmenter, read_state
from wsmis_core.models.segmenters import Segmenter, make_segmenter
from wsmis_core.spec.encoders import SegmenterArch

RELATIVE = 1e-5
# 38 cells of stride 8 a column, so that the widest branch, of 36, sees more than its own cell.
TALL = (304, 32)


def with_statistics(network: nn.Module) -> nn.Module:
    """``network`` in eval, its batch norms with random statistics that matter."""
    for name, values in network.named_buffers():
        if name.endswith("running_mean"):
            values.normal_(0, 0.3)
        elif name.endswith("running_var"):
            values.uniform_(0.5, 2)
    return network.eval()


def imported(state: State, arch: SegmenterArch, encoder: str, *, classes: int, folder: Path) -> Segmenter:
    """Ours from a file as WSMIS writes them: the library's model is `model` in a class of its own."""
    path = folder / "best.h5"
    torch.save({"model": {f"model.{name}": tensor for name, tensor in state.items()}}, path)
    segmenter = blank(lambda: make_segmenter(arch, encoder=encoder, classes=classes))
    fill(segmenter, read_state(path, field="f"), names_of_segmenter(arch), source="it", field="f")
    assert isinstance(segmenter, Segmenter)
    return segmenter.eval()


def check(ours: Tensor, truth: Tensor) -> None:
    """The largest error against the largest value."""
    assert ours.shape == truth.shape
    assert truth.std(dim=(2, 3)).min() > 0.01 * truth.abs().max(), "or nothing is shown"
    assert (ours.double() - truth).abs().max() < RELATIVE * truth.abs().max()


def test_deeplabv3_is_torchvisions(tmp_path: Path) -> None:
    torch.manual_seed(0)
    make = torchvision.models.segmentation.deeplabv3_resnet50
    theirs = with_statistics(make(weights=None, weights_backbone=None, num_classes=3, aux_loss=True))
    ours = imported(theirs.state_dict(), "deeplabv3_published", "resnet50", classes=3, folder=tmp_path)
    for size in ((64, 64), TALL):
        images = torch.randn(1, 3, *size)
        with torch.no_grad():
            check(ours(images), theirs(images)["out"])


def test_deeplabv3plus_is_the_papers(irnet_state: State, tmp_path: Path) -> None:
    trunk = {name: tensor for name, tensor in irnet_state.items() if name.startswith("resnet50.")}
    state = deeplab_reference.random_deeplab_plus(trunk, torch.Generator().manual_seed(1), classes=3)
    ours = imported(state, "deeplabv3plus_published", "resnet50", classes=3, folder=tmp_path)
    images = torch.randn(1, 3, *TALL, generator=torch.Generator().manual_seed(2))
    truth = deeplab_reference.deeplab_plus(
        {name: tensor.double() for name, tensor in state.items()}, images.double()
    )
    with torch.no_grad():
        check(ours(images), truth)


@pytest.mark.parametrize(
    ("make", "arch", "encoder"),
    [
        (smp.Unet, "unet", "resnet18"),
        (smp.Unet, "unet", "se_resnext50_32x4d"),
        (smp.UnetPlusPlus, "unetplusplus", "resnet18"),
        (smp.FPN, "fpn", "resnet18"),
        (smp.DeepLabV3, "deeplabv3", "resnet18"),
        (smp.DeepLabV3Plus, "deeplabv3plus", "resnet18"),
    ],
)
def test_others_are_the_librarys(
    tmp_path: Path, make: Callable[..., nn.Module], arch: SegmenterArch, encoder: str
) -> None:
    torch.manual_seed(0)
    theirs = with_statistics(make(encoder_name=encoder, encoder_weights=None, classes=2))
    ours = imported(theirs.state_dict(), arch, encoder, classes=2, folder=tmp_path)
    images = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        check(ours(images), theirs(images))


@pytest.mark.parametrize(
    ("arch", "make", "gone", "prefix"),
    [
        (
            "deeplabv3_published",
            lambda: torchvision.models.segmentation.deeplabv3_resnet50(weights_backbone=None, num_classes=2),
            "classifier.0.convs.4.2.running_var",
            "backbone",
        ),
        (
            "unet",
            lambda: smp.Unet("resnet50", encoder_weights=None, classes=2),
            "decoder.blocks.0.conv1.0.weight",
            "encoder",
        ),
    ],
)
def test_what_is_missing_surplus_or_of_another_shape_is_listed(
    arch: SegmenterArch, make: Callable[[], nn.Module], gone: str, prefix: str
) -> None:
    segmenter = blank(lambda: make_segmenter(arch, encoder="resnet50", classes=3))
    state = random_state(make)
    del state[gone]
    state[f"{prefix}.layer5.weight"] = torch.zeros(1)
    message = told(segmenter, state, names_of_segmenter(arch))
    assert f"missing: {gone}" in message
    assert f"not known: {prefix}.layer5.weight" in message
    assert "of another shape: " in message
    assert not any(tensor.any() for tensor in segmenter.state_dict().values())


def of(make: Callable[[], nn.Module]) -> Callable[[], State]:
    """Random numbers in the shapes of a network, when they are asked for."""
    return lambda: random_state(make)


def over_backbone() -> nn.Module:
    network: nn.Module = torchvision.models.segmentation.fcn_resnet50(weights_backbone=None)
    return network


def of_wsmis() -> State:
    return in_a_row(8) | linear("extra_linear", 2048)


def bare_senet() -> State:
    """As pretrained networks of that name are stored: the encoder's names, and the classes' layer."""
    state = random_state(lambda: smp.Unet("se_resnext50_32x4d", encoder_weights=None))
    inside = {
        name.removeprefix("encoder."): one for name, one in state.items() if name.startswith("encoder.")
    }
    return inside | linear("last_linear", 2048)


@pytest.mark.parametrize(
    ("encoder", "make", "ours", "theirs"),
    [
        ("resnet50", of(torchvision.models.resnet50), "layer4.2.conv3.weight", "layer4.2.conv3.weight"),
        ("resnet101", of(torchvision.models.resnet101), "layer3.22.conv3.weight", "layer3.22.conv3.weight"),
        ("vgg16_bn", of(torchvision.models.vgg16_bn), "features.34.weight", "features.34.weight"),
        ("densenet121", of(torchvision.models.densenet121), "features.norm5.bias", "features.norm5.bias"),
        ("se_resnext50_32x4d", bare_senet, "layer0.conv1.weight", "layer0.conv1.weight"),
        (
            "resnet50",
            of_wsmis,
            "layer1.0.bn1.running_mean",
            "backbone.4.0.bn1.running_mean",
        ),
        ("resnet50", of(over_backbone), "bn1.bias", "backbone.bn1.bias"),
        (
            "resnet18",
            of(lambda: smp.FPN("resnet18", encoder_weights=None)),
            "conv1.weight",
            "encoder.conv1.weight",
        ),
        (
            "vgg16_bn",
            of(lambda: make_classifier("vgg16", classes=2)),
            "features.34.weight",
            "trunk.stage_modules.4.1.weight",
        ),
        (
            "resnet_small",
            of(lambda: make_classifier("resnet_small", classes=2)),
            "trunk.stage_modules.0.0.weight",
            "trunk.stage_modules.0.0.weight",
        ),
    ],
)
def test_an_encoder_alone_from_a_file_of_anything_over_it(
    encoder: str, make: Callable[[], State], ours: str, theirs: str
) -> None:
    segmenter = blank(lambda: make_segmenter("unet", encoder=encoder, classes=1))
    state = make()
    fill(segmenter, state, names_of_encoder(encoder), part="encoder.", source="it", field="f")
    filled = segmenter.state_dict()
    assert torch.equal(filled[f"encoder.{ours}"], state[theirs])
    assert not any(tensor.any() for name, tensor in filled.items() if not name.startswith("encoder."))
