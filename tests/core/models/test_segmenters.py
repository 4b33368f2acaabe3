"""Segmenters: sizes, groups, lone batches, and encoders that start from a classifier's trunk."""

import pytest
import torch

from wsmis_core.errors import SpecError, WeightsError
from wsmis_core.models.segmenters import make_segmenter
from wsmis_core.models.trunks import TRUNKS


@pytest.mark.parametrize(
    ("arch", "encoder"), [("unet", "resnet_small"), ("unet", "resnet18"), ("deeplabv3plus", "resnet18")]
)
def test_logits_of_any_size_and_a_lone_training_image(arch: str, encoder: str) -> None:
    torch.manual_seed(0)
    segmenter = make_segmenter(arch, encoder=encoder, classes=2).train()
    # 20 and 30 are no multiples of 32; 32 leaves DeepLabv3+ with features of 2 x 2 and a pooled 1 x 1.
    logits = segmenter(torch.randn(1, 3, 20, 30))
    assert logits.shape == (1, 2, 20, 30)
    logits.square().mean().backward()
    groups = segmenter.parameter_groups()
    assert list(groups) == ["trunk", "head"]
    grouped = [id(parameter) for group in groups.values() for parameter in group]
    assert sorted(grouped) == sorted(id(parameter) for parameter in segmenter.parameters())


def test_padding_does_not_move_the_image() -> None:
    torch.manual_seed(0)
    segmenter = make_segmenter("unet", encoder="resnet_small", classes=1).eval()
    image = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        whole, cut = segmenter(image), segmenter(image[..., :61, :])
    assert cut.shape == (1, 1, 61, 64)
    torch.testing.assert_close(cut[..., :16, :], whole[..., :16, :])


@pytest.mark.parametrize("encoder", ["resnet_small", "resnet18"])
def test_encoder_computes_what_the_trunk_computes(encoder: str) -> None:
    torch.manual_seed(0)
    trunk = TRUNKS[encoder]("none").eval()
    segmenter = make_segmenter("unet", encoder=encoder, classes=1, trunk=trunk).eval()
    images = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(segmenter.encoder(images)[-1], trunk(images))


def test_what_cannot_be_built_is_told() -> None:
    with pytest.raises(SpecError, match="no encoder resnet_17"):
        make_segmenter("unet", encoder="resnet_17", classes=1)
    with pytest.raises(SpecError, match="resnet_small"):
        make_segmenter("deeplabv3plus", encoder="resnet_small", classes=1)
    with pytest.raises(WeightsError, match="does not fit the encoder resnet34"):
        make_segmenter("unet", encoder="resnet34", classes=1, trunk=TRUNKS["resnet18"]("none"))
