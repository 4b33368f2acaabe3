"""Closed forms of the maps against autograd, and numbers worked by hand."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from wsmis_core.cam import cam, grad_cam, grad_cam_pp
from wsmis_core.cam.gradients import grad_cam_pp_at


def slopes(features: Tensor, weight: Tensor, class_index: int, *, exponential: bool) -> Tensor:
    """The slope of a class score, or of its exponential, by autograd through pooling and layer."""
    leaf = features.detach().requires_grad_()
    score = leaf.mean(dim=(-2, -1)) @ weight[class_index]
    target = score.exp() if exponential else score
    (slope,) = torch.autograd.grad(target.sum(), leaf)
    return slope


def grad_cam_by_autograd(features: Tensor, weight: Tensor) -> Tensor:
    maps = []
    for class_index in range(len(weight)):
        slope = slopes(features, weight, class_index, exponential=False)
        maps.append((slope.mean(dim=(-2, -1), keepdim=True) * features).sum(dim=1))
    return torch.stack(maps, dim=1)


def grad_cam_pp_by_autograd(features: Tensor, weight: Tensor) -> Tensor:
    maps = []
    for class_index in range(len(weight)):
        slope = slopes(features, weight, class_index, exponential=True)
        below = 2 * slope**2 + (slope**3 * features).sum(dim=(-2, -1), keepdim=True) + 1e-8
        channel_weights = (slope**2 / below * slope.relu()).sum(dim=(-2, -1), keepdim=True)
        maps.append((channel_weights * features).sum(dim=1))
    return torch.stack(maps, dim=1)


@pytest.mark.parametrize("size", [(4, 5), (1, 6), (7, 1), (1, 1)])
@pytest.mark.parametrize("scale", [0.01, 1.0, 3.0])
def test_closed_forms_as_by_autograd(size: tuple[int, int], scale: float) -> None:
    generator = torch.Generator().manual_seed(4)
    features = torch.randn(3, 6, *size, generator=generator, dtype=torch.float64).relu()
    features[0, 2] = 0  # a channel that is dead for one image
    weight = scale * torch.randn(4, 6, generator=generator, dtype=torch.float64)
    logits = features.mean(dim=(-2, -1)) @ weight.T
    torch.testing.assert_close(grad_cam(features, weight), grad_cam_by_autograd(features, weight))
    plus_plus = grad_cam_pp(features, weight, logits)
    torch.testing.assert_close(plus_plus, grad_cam_pp_by_autograd(features, weight))
    in_single = grad_cam_pp(features.float(), weight.float(), logits.float())
    torch.testing.assert_close(in_single, plus_plus.float(), rtol=1e-5, atol=1e-6)


def test_cam_by_hand() -> None:
    features = torch.tensor([[[[1.0, 2.0]], [[0.0, 4.0]]]])  # two channels of 1 x 2 cells
    weight = torch.tensor([[3.0, -1.0], [0.0, 0.5]])
    assert cam(features, weight).tolist() == [[[[3.0, 2.0]], [[0.0, 2.0]]]]
    assert grad_cam(features, weight).tolist() == [[[[1.5, 1.0]], [[0.0, 1.0]]]]


def test_the_mean_of_a_cam_is_the_logit() -> None:
    features, weight = torch.rand(2, 5, 3, 4), torch.randn(3, 5)
    logits = features.mean(dim=(-2, -1)) @ weight.T
    torch.testing.assert_close(cam(features, weight).mean(dim=(-2, -1)), logits)


def test_grad_cam_pp_by_hand() -> None:
    # One cell, A = 1, w = 1, s = log 2: g = 2, alpha = 4 / (8 + 8 + 1e-8), weight = 2 alpha = .5.
    maps = grad_cam_pp(torch.ones(1, 1, 1, 1), torch.ones(1, 1), torch.full((1, 1), math.log(2)))
    assert maps.item() == pytest.approx(0.5)


@pytest.mark.parametrize("logit", [-800.0, -60.0, 60.0, 200.0])
def test_grad_cam_pp_of_extreme_scores_is_finite(logit: float) -> None:
    features = torch.rand(1, 3, 2, 2)
    features[0, 1] = 0
    maps = grad_cam_pp(features, torch.tensor([[1.0, 2.0, -1.0]]), torch.full((1, 1), logit))
    assert maps.isfinite().all()
    assert maps.min() >= 0


@pytest.mark.parametrize("logit", [-26.0, -30.0, -45.0])
def test_grad_cam_pp_of_a_class_surely_absent_has_its_shape(logit: float) -> None:
    generator = torch.Generator().manual_seed(0)
    features = torch.rand(1, 32, 16, 16, generator=generator)
    weight = torch.randn(1, 32, generator=generator) * 0.03
    logits = torch.full((1, 1), logit)
    exact = grad_cam_pp(features.double(), weight.double(), logits.double())
    slopes = (weight[0] / 256)[None, :, None, None].expand_as(features)
    for found in (
        grad_cam_pp(features, weight, logits),
        grad_cam_pp_at(features, slopes, logits[:, 0])[None],
    ):
        torch.testing.assert_close(
            found / found.max(), exact / exact.max(), rtol=1e-4, atol=1e-6, check_dtype=False
        )


def test_grad_cam_pp_keeps_the_features_type_where_it_can() -> None:
    features = torch.rand(1, 3, 2, 2)
    assert grad_cam_pp(features, torch.ones(1, 3), torch.zeros(1, 1)).dtype == torch.float32
