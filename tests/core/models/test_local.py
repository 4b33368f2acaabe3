"""The local net sees as far as it says, and no farther."""

import torch

from wsmis_core.models.local import RECEPTIVE_FIELD, LocalNet


def test_logits_have_the_images_size() -> None:
    assert LocalNet(classes=2)(torch.randn(2, 3, 21, 34)).shape == (2, 2, 21, 34)


def test_the_receptive_field_is_what_the_constant_says() -> None:
    torch.manual_seed(0)
    net = LocalNet(classes=1).eval()
    image = torch.randn(1, 3, 64, 64, requires_grad=True)
    # One cell of the half-resolution map, before interpolation reads its neighbours too.
    net.head(net.features(image))[0, 0, 16, 16].backward()
    assert image.grad is not None
    seen = image.grad[0].abs().sum(dim=0) > 0
    assert seen.any(dim=0).sum() == RECEPTIVE_FIELD
    assert seen.any(dim=1).sum() == RECEPTIVE_FIELD


def test_groups_hold_every_parameter_once() -> None:
    net = LocalNet(classes=1)
    grouped = [id(parameter) for group in net.parameter_groups().values() for parameter in group]
    assert sorted(grouped) == sorted(id(parameter) for parameter in net.parameters())
