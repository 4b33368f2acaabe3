"""PAMR: numbers worked by hand, and what must hold for any image."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from wsmis_core.cam import pamr, pixel_affinities


def test_constant_image_gives_every_neighbour_the_same_affinity() -> None:
    affinities = pixel_affinities(torch.full((1, 3, 5, 4), 7.0), dilations=(1, 2))
    assert affinities.shape == (1, 16, 5, 4)
    torch.testing.assert_close(affinities, torch.full_like(affinities, 1 / 16))


def test_affinities_of_one_bright_pixel_by_hand() -> None:
    # One pixel of 9 amid zeros. Around it: differences are eight times -9, and 0 for itself.
    image = torch.zeros(1, 1, 3, 3, dtype=torch.float64)
    image[0, 0, 1, 1] = 9
    affinities = pixel_affinities(image, dilations=(1,))
    torch.testing.assert_close(affinities[0, :, 1, 1], torch.full((8,), 1 / 8, dtype=torch.float64))
    # Above it: values 0 but for one 9, mean 1, sample variance (8 · 1 + 64) / 8 = 9, sigma 3.
    # The bright neighbour below has distance 9 / (0.1 · 3) = 30, the seven others 0.
    above = affinities[0, :, 0, 1]
    bright = math.exp(-30) / (7 + math.exp(-30))
    assert above[6].item() == pytest.approx(bright, rel=1e-5)  # (1, 0) is the seventh neighbour
    assert above[0].item() == pytest.approx((1 - bright) / 7, rel=1e-9)


def test_one_iteration_on_a_constant_image_is_the_mean_of_the_neighbours() -> None:
    maps = torch.tensor([[0.0, 8.0, 0.0]]).reshape(1, 1, 1, 3)
    refined = pamr(torch.ones(1, 1, 1, 3), maps, iterations=1, dilations=(1,))
    # A single row is replicated: middle: 2 x 8 and 6 x 0 -> 2; edge: 3 columns of (0, 0, 8) less itself -> 3.
    torch.testing.assert_close(refined.flatten(), torch.tensor([3.0, 2.0, 3.0]))


def test_blurred_map_snaps_to_a_step_edge() -> None:
    image = torch.zeros(1, 1, 16, 16)
    image[..., 8:] = 1
    ramp = torch.linspace(0, 1, 16).expand(1, 1, 16, 16).contiguous()
    refined = pamr(image, ramp, dilations=(1, 2, 4))
    assert (refined[..., 8] - refined[..., 7]).min() > 3 * (ramp[..., 8] - ramp[..., 7]).max()


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), scale=st.sampled_from([1e-2, 1.0, 255.0, 65535.0]))
def test_range_sum_over_maps_and_scale_invariance(seed: int, scale: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    image = torch.rand(2, 3, 9, 11, generator=generator, dtype=torch.float64)
    maps = torch.rand(2, 2, 9, 11, generator=generator, dtype=torch.float64)
    maps[:, 1] = 1 - maps[:, 0]
    refined = pamr(image, maps, iterations=3, dilations=(1, 4))
    assert refined.min() >= maps.min()
    assert refined.max() <= maps.max()
    torch.testing.assert_close(refined.sum(1), torch.ones(2, 9, 11, dtype=torch.float64))
    torch.testing.assert_close(
        pamr(image * scale, maps, iterations=3, dilations=(1, 4)), refined, rtol=1e-3, atol=1e-4
    )


def test_arguments_stay_as_they_were_and_the_type_is_kept() -> None:
    image, maps = torch.rand(1, 1, 6, 6), torch.rand(1, 2, 6, 6).half()
    before = image.clone(), maps.clone()
    refined = pamr(image, maps)
    assert refined.dtype == torch.float16
    assert refined.shape == maps.shape
    assert torch.equal(image, before[0])
    assert torch.equal(maps, before[1])
    assert torch.equal(pamr(image, maps, iterations=0), maps)
