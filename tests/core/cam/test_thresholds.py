"""Thresholds: the published arrays, histograms worked by hand, degenerate maps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from wsmis_core.cam import fixed_threshold, otsu, otsu_middle, otsu_twice

GOLDEN = Path(__file__).parents[2] / "data" / "golden" / "06_cam_threshold.npz"


@pytest.mark.parametrize("case", [0, 1, 2])
def test_fixed_threshold_as_published(case: int) -> None:
    with np.load(GOLDEN) as golden:
        maps = torch.from_numpy(golden[f"case{case}_seg_maps"])
        class_ids = (np.flatnonzero(golden[f"case{case}_classes"]) + 1).tolist()
        threshold = float(golden[f"case{case}_threshold"])
        expected = golden[f"case{case}_mask"]
    mask = fixed_threshold(maps, class_ids, background_threshold=threshold)
    assert mask.dtype == torch.uint8
    assert (mask.numpy() == expected).all()


def test_fixed_threshold_by_hand() -> None:
    maps = torch.tensor([[[0.0, 2.0, 10.0]], [[-3.0, 1.0, 4.0]]])
    # Maxima 0, 2, 10: threshold .2 of the range is 2, and 2 is not below it.
    assert fixed_threshold(maps, [7, 9]).tolist() == [[0, 7, 7]]
    # Of no share at all what is at the least is no finding.
    assert fixed_threshold(maps, [7, 9], background_threshold=0.0).tolist() == [[0, 7, 7]]
    assert fixed_threshold(maps.flip(0), [7, 9], background_threshold=0.5).tolist() == [[0, 0, 9]]


def test_fixed_threshold_without_contrast_or_class_is_empty() -> None:
    assert fixed_threshold(torch.full((2, 3, 4), 0.5), [1, 2]).tolist() == [[0] * 4] * 3
    assert fixed_threshold(torch.zeros(0, 2, 2), []).tolist() == [[0, 0], [0, 0]]


def test_otsu_cuts_in_the_middle_of_the_gap() -> None:
    assert otsu(torch.tensor([0.0, 0.0, 0.0, 1.0])) == pytest.approx(0.5)
    # Ten bins of .1: 0 and .1 lie in bins 0 and 1, .8 and 1 in 8 and 9; the open bins reach from .2 to .8.
    assert otsu(torch.tensor([0.0, 0.1, 0.85, 1.0]), bins=10) == pytest.approx(0.5)


def test_otsu_of_two_clusters_lies_between_them() -> None:
    generator = torch.Generator().manual_seed(0)
    low = torch.randn(900, generator=generator) * 0.5 + 10
    high = torch.randn(100, generator=generator) * 0.5 + 20
    assert low.max() < otsu(torch.cat([low, high])) < high.min()


def test_otsu_twice_finds_the_core_within_the_halo() -> None:
    values = torch.cat([torch.zeros(900), torch.full((80,), 0.5), torch.full((20,), 1.0)])
    assert 0 < otsu(values) < 0.5
    assert 0.5 < otsu_twice(values) < 1


@pytest.mark.parametrize("threshold", [otsu, otsu_twice])
def test_constant_values_have_no_upper_part(threshold: object) -> None:
    assert callable(threshold)
    for constant in (0.0, 1.0, -2.5):
        values = torch.full((4, 4), constant)
        assert threshold(values) == constant
        assert not (values > threshold(values)).any()


@given(st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=40))
def test_thresholds_lie_within_the_values(numbers: list[float]) -> None:
    values = torch.tensor(numbers)
    first, second = otsu(values), otsu_twice(values)
    assert values.min() <= first <= second <= values.max()
    if values.min() < values.max():
        assert (values > first).any()
        assert (values <= first).any()


def test_otsu_middle_lies_between_the_two_cuts() -> None:
    values = torch.tensor([0.0] * 80 + [0.5] * 15 + [1.0] * 5)
    assert otsu(values) < otsu_middle(values) < otsu_twice(values)
    assert otsu_middle(values) == pytest.approx((otsu(values) + otsu_twice(values)) / 2)
    assert otsu_middle(values, share=0.0) == otsu(values)
    assert otsu_middle(values, share=1.0) == pytest.approx(otsu_twice(values))


@pytest.mark.parametrize("noise", [0.0, 1e-3])
def test_a_flat_object_is_not_cut_a_second_time(noise: float) -> None:
    generator = torch.Generator().manual_seed(0)
    values = torch.zeros(32, 32)
    values[8:20, 8:20] = 1 - noise * torch.rand(12, 12, generator=generator)
    for cut in (otsu_twice(values), otsu_middle(values, share=1.0)):
        assert cut == otsu(values)
        assert (values > cut).sum() == 144
