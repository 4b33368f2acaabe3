"""Maps at a layer: against the closed forms, references by hand, and the package `grad-cam`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from pytorch_grad_cam import GradCAM, GradCAMPlusPlus, LayerCAM
from pytorch_grad_cam.utils.image import scale_cam_image
from torch import Tensor, nn

from wsmis_core.cam import AT_LAYER, cam, grad_cam, grad_cam_pp, layer_cam, maps_at_layer
from wsmis_core.errors import SpecError


class SmallNet(nn.Module):
    """Three convolutions, the last two of stride 2, pooling and a linear layer of four classes."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(7)
        self.first = nn.Conv2d(3, 5, 3, padding=1)
        self.second = nn.Sequential(nn.Conv2d(5, 6, 3, stride=2, padding=1), nn.ReLU(inplace=True))
        self.third = nn.Sequential(nn.Conv2d(6, 8, 3, stride=2, padding=1), nn.ReLU(inplace=True))
        self.head = nn.Linear(8, 4)
        self.beside = nn.Conv2d(3, 2, 1)
        with torch.no_grad():
            self.head.weight *= 12  # logits and slopes of the order of 1

    def features(self, images: Tensor) -> Tensor:
        features: Tensor = self.third(self.second(self.first(images)))
        return features

    def forward(self, images: Tensor) -> Tensor:
        self.beside(images)
        logits: Tensor = self.head(self.features(images).mean(dim=(2, 3)))
        return logits


@pytest.fixture
def net() -> SmallNet:
    return SmallNet().eval().double()


def pictures(height: int = 12, width: int = 20) -> Tensor:
    return torch.randn(2, 3, height, width, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def maps_of(net: nn.Module, method: str, layer: str, images: Tensor, classes: Sequence[int]) -> Tensor:
    return maps_at_layer(net, images, layer=layer, classes=classes, layer_map=AT_LAYER[method])


def by_hand(net: SmallNet, images: Tensor, class_index: int, *, exponential: bool) -> tuple[Tensor, Tensor]:
    """Activations of the second layer and the slope of the score there, or of its exponential."""
    activations = net.second(net.first(images)).detach().requires_grad_()
    score = net.head(net.third(activations).mean(dim=(2, 3)))[:, class_index]
    target = score.exp() if exponential else score
    (slope,) = torch.autograd.grad(target.sum(), activations)
    return activations.detach(), slope


def test_of_the_last_features_they_are_the_closed_forms(net: SmallNet) -> None:
    images = pictures()
    features, weight = net.features(images).detach(), net.head.weight.detach()
    closed = {
        "grad_cam": grad_cam(features, weight),
        "grad_cam_pp": grad_cam_pp(features, weight, net(images).detach()),
        "layer_cam": layer_cam(features, weight),
    }
    assert set(closed) == set(AT_LAYER)
    for method, expected in closed.items():
        found = maps_of(net, method, "third", images, [0, 1, 2, 3])
        torch.testing.assert_close(found, expected, msg=method)
        assert found.abs().max() > 0


@pytest.mark.parametrize("size", [(12, 20), (4, 24), (1, 30), (30, 1), (1, 1)])
def test_of_an_earlier_layer_they_are_as_by_hand(net: SmallNet, size: tuple[int, int]) -> None:
    images = pictures(*size)
    classes = [2, 0, 3]
    found = {method: maps_of(net, method, "second", images, classes) for method in AT_LAYER}
    for place, number in enumerate(classes):
        activations, slope = by_hand(net, images, number, exponential=False)
        plain = (slope.mean(dim=(2, 3), keepdim=True) * activations).sum(dim=1)
        torch.testing.assert_close(found["grad_cam"][:, place], plain)
        torch.testing.assert_close(
            found["layer_cam"][:, place], (slope.relu() * activations).sum(dim=1).relu()
        )
        _, g = by_hand(net, images, number, exponential=True)
        alpha = g**2 / (2 * g**2 + (g**3 * activations).sum(dim=(2, 3), keepdim=True) + 1e-8)
        weights = (alpha * g.relu()).sum(dim=(2, 3), keepdim=True)
        torch.testing.assert_close(found["grad_cam_pp"][:, place], (weights * activations).sum(dim=1))


@pytest.mark.parametrize("logit", [-800.0, -60.0, 60.0, 800.0])
def test_grad_cam_pp_of_extreme_scores_is_finite(net: SmallNet, logit: float) -> None:
    with torch.no_grad():
        net.head.bias.fill_(logit)
    assert maps_of(net, "grad_cam_pp", "second", pictures(), [0, 1]).isfinite().all()


def test_gradients_are_neither_needed_nor_left_behind(net: SmallNet) -> None:
    expected = maps_of(net, "layer_cam", "second", pictures(), [1])
    net.requires_grad_(False)
    with torch.no_grad():
        found = maps_of(net, "layer_cam", "second", pictures(), [1])
        assert not net(pictures()).requires_grad
    torch.testing.assert_close(found, expected)
    assert not found.requires_grad
    assert all(parameter.grad is None for parameter in net.parameters())


def test_an_activation_that_the_next_module_changes_in_place_is_kept_as_it_was(net: SmallNet) -> None:
    images = pictures()
    activations = net.second[0](net.first(images)).detach().requires_grad_()
    score = net.head(net.third(activations.relu()).mean(dim=(2, 3)))[:, 1]
    (slope,) = torch.autograd.grad(score.sum(), activations)
    expected = (slope.relu() * activations).sum(dim=1).relu().detach()
    torch.testing.assert_close(maps_of(net, "layer_cam", "second.0", images, [1])[:, 0], expected)


@pytest.mark.parametrize(
    ("layer", "why"),
    [
        ("fourth", "no module 'fourth'"),
        ("second.7", "no module"),
        ("head", "does not give feature maps"),
        ("beside", "has no part in the class scores"),
    ],
)
@pytest.mark.parametrize("frozen", [True, False])
def test_a_layer_that_cannot_be_mapped_is_told(net: SmallNet, layer: str, why: str, frozen: bool) -> None:
    net.requires_grad_(not frozen)
    with pytest.raises(SpecError, match=why) as raised:
        maps_of(net, "grad_cam", layer, pictures(), [0])
    assert raised.value.field == "params.layer"
    assert raised.value.remedy


def test_a_module_that_is_passed_twice_is_told(net: SmallNet) -> None:
    twice = nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.ReLU())
    model = nn.Sequential(twice, twice, net)
    with pytest.raises(SpecError, match="is passed 2 times"):
        maps_of(model.double(), "grad_cam", "0.1", pictures(), [0])


class Score:
    """The target of the package: a class score, or its exponential."""

    def __init__(self, class_index: int, *, exponential: bool = False) -> None:
        self.class_index, self.exponential = class_index, exponential

    def __call__(self, logits: Tensor) -> Tensor:
        score = logits[self.class_index]
        return score.exp() if self.exponential else score


def theirs(
    method: Callable[..., Any], net: SmallNet, layer: nn.Module, images: Tensor, targets: list[Score]
) -> NDArray[np.float32]:
    """The package's maps at the images' size, each from 0 to 1."""
    with method(model=net, target_layers=[layer]) as explained:
        maps = explained(input_tensor=images, targets=targets)
    assert isinstance(maps, np.ndarray)
    return maps


def shown_alike(maps: Tensor, images: Tensor) -> NDArray[np.float32]:
    """Our maps (B, h, w) scaled and resized as the package does with its own."""
    height, width = images.shape[-2:]
    scaled = scale_cam_image(maps.relu().numpy(), (width, height))
    return np.asarray(scale_cam_image(scaled), dtype=np.float32)


@pytest.mark.parametrize(("method", "package"), [("grad_cam", GradCAM), ("layer_cam", LayerCAM)])
@pytest.mark.parametrize("layer", ["second", "third"])
def test_grad_cam_and_layer_cam_as_the_package_has_them(
    net: SmallNet, method: str, package: Callable[..., Any], layer: str
) -> None:
    images = pictures(18, 30)
    classes = [1, 3]
    ours = maps_of(net, method, layer, images, classes)
    for place, number in enumerate(classes):
        expected = theirs(package, net, net.get_submodule(layer), images, [Score(number)] * 2)
        assert expected.max() > 0.9
        np.testing.assert_allclose(shown_alike(ours[:, place], images), expected, atol=1e-5)


def test_cam_as_the_packages_grad_cam_of_the_last_features(net: SmallNet) -> None:
    images = pictures(18, 30)
    ours = cam(net.features(images), net.head.weight).detach()
    expected = theirs(GradCAM, net, net.third, images, [Score(2)] * 2)
    np.testing.assert_allclose(shown_alike(ours[:, 2], images), expected, atol=1e-5)


def test_grad_cam_pp_as_the_package_has_it_where_both_must_agree(net: SmallNet) -> None:
    """Of the exponential target, at the last features, and of steep scores.

    The package differentiates whatever target it is given, has the sum of A times g³ where we have the
    sum of g³ A, which are the same where g is the same in every cell, and has 1e-6 for our 1e-8, which no
    longer shows where g is of the order of 1.
    """
    with torch.no_grad():
        net.head.weight *= 4
        net.head.bias.fill_(3)
    images = pictures(18, 30)
    for number in (0, 1, 2, 3):
        ours = maps_of(net, "grad_cam_pp", "third", images, [number])[:, 0]
        expected = theirs(GradCAMPlusPlus, net, net.third, images, [Score(number, exponential=True)] * 2)
        np.testing.assert_allclose(shown_alike(ours, images), expected, atol=1e-4)
    assert F.relu(ours).max() > 0


def test_classes_sure_and_surely_absent_in_one_call() -> None:
    net = SmallNet().eval()
    with torch.no_grad():
        net.head.bias.copy_(torch.tensor([0.0, -40.0, 0.0, 0.0]))
    found = maps_of(net, "grad_cam_pp", "third", pictures().float(), [0, 1])
    assert found.shape == (2, 2, 3, 5)
    assert (found.amax(dim=(2, 3)) > 0).all()
