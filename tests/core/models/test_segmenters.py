"""Segmenters: sizes, groups, lone batches, and encoders that start from a classifier's trunk."""

import pytest
import torch

from wsmis_core.engine.batchnorm import bear_lone_values
from wsmis_core.errors import WeightsError
from wsmis_core.models.segmenters import make_segmenter
from wsmis_core.models.trunks import TRUNKS
from wsmis_core.spec.encoders import SegmenterArch


@pytest.mark.parametrize(
    ("arch", "encoder"),
    [
        ("unet", "resnet_small"),
        ("unet", "resnet18"),
        ("unetplusplus", "resnet18"),
        ("fpn", "resnet18"),
        ("deeplabv3", "resnet18"),
        ("deeplabv3plus", "resnet18"),
        ("deeplabv3_published", "resnet50"),
        ("deeplabv3plus_published", "resnet50"),
    ],
)
def test_logits_of_any_size_and_a_lone_training_image(arch: SegmenterArch, encoder: str) -> None:
    torch.manual_seed(0)
    segmenter = make_segmenter(arch, encoder=encoder, classes=2).train()
    bear_lone_values(segmenter)  # as the engine does
    # 20 and 30 are no multiples of 32; 32 leaves DeepLabv3+ with features of 2 x 2 and a pooled 1 x 1.
    logits = segmenter(torch.randn(1, 3, 20, 30))
    assert logits.shape == (1, 2, 20, 30)
    logits.square().mean().backward()
    groups = segmenter.parameter_groups()
    assert list(groups) == ["trunk", "head"]
    grouped = [id(parameter) for group in groups.values() for parameter in group]
    assert sorted(grouped) == sorted(id(parameter) for parameter in segmenter.parameters())


@pytest.mark.parametrize(
    "encoder", ["resnet18", "se_resnet50", "dpn68", "vgg11", "densenet121", "xception", "efficientnet-b0"]
)
def test_every_trained_parameter_has_a_gradient(encoder: str) -> None:
    """Or DistributedDataParallel waits for it; without memory for the values."""
    with torch.device("meta"):
        segmenter = make_segmenter("unet", encoder=encoder, classes=1)
        segmenter(torch.empty(2, 3, 64, 64)).sum().backward()
    idle = {name for name, value in segmenter.named_parameters() if value.grad is None}
    assert idle == {name for name, value in segmenter.named_parameters() if not value.requires_grad}


def test_padding_does_not_move_the_image() -> None:
    torch.manual_seed(0)
    segmenter = make_segmenter("unet", encoder="resnet_small", classes=1).eval()
    image = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        whole, cut = segmenter(image), segmenter(image[..., :61, :])
    assert cut.shape == (1, 1, 61, 64)
    torch.testing.assert_close(cut[..., :16, :], whole[..., :16, :])


@pytest.mark.parametrize(
    ("arch", "encoder"),
    [("unet", "resnet_small"), ("unet", "resnet18"), ("deeplabv3_published", "resnet50")],
)
def test_encoder_computes_what_the_trunk_computes(arch: SegmenterArch, encoder: str) -> None:
    torch.manual_seed(0)
    trunk = TRUNKS[encoder]("none").eval()
    segmenter = make_segmenter(arch, encoder=encoder, classes=1, trunk=trunk).eval()
    images = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(segmenter.encoder(images)[-1], trunk(images))


def test_a_trunk_of_another_architecture_is_told() -> None:
    with pytest.raises(WeightsError, match="does not fit the encoder resnet34"):
        make_segmenter("unet", encoder="resnet34", classes=1, trunk=TRUNKS["resnet18"]("none"))


def test_vggs_trunk_fills_its_encoder() -> None:
    torch.manual_seed(0)
    trunk = TRUNKS["vgg16"]("none")
    encoder = make_segmenter("unet", encoder="vgg16_bn", classes=1, trunk=trunk).encoder
    assert torch.equal(
        encoder.state_dict()["features.34.weight"], trunk.state_dict()["stage_modules.4.1.weight"]
    )
