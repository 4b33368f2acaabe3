"""Boxes by hand on a map of 10 x 10 pixels, and sums over parts."""

from __future__ import annotations

from math import isnan

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from wsmis_core.metrics import BoxTable, box_counts, box_scores
from wsmis_core.metrics.boxes import overlaps, pointing_hit, region_boxes


def filled(*boxes: tuple[int, int, int, int]) -> Tensor:
    mask = torch.zeros(10, 10, dtype=torch.bool)
    for x, y, width, height in boxes:
        mask[y : y + height, x : x + width] = True
    return mask


@pytest.mark.parametrize(
    ("box", "inside"),
    [
        ((6.0, 2.0, 1.0, 1.0), 1),  # the pixel itself: row 2, column 6
        ((6.4, 2.4, 9.0, 9.0), 1),  # it holds the pixel's centre, 6.5 and 2.5
        ((6.6, 2.0, 3.0, 3.0), 0),
        ((0.0, 0.0, 6.5, 9.0), 0),  # the right edge is outside
        ((2.0, 6.0, 1.0, 1.0), 0),  # row and column the other way round
    ],
)
def test_the_maximum_lies_in_a_box_or_not(box: tuple[float, ...], inside: int) -> None:
    activation = torch.rand(10, 10)
    activation[2, 6] = 2
    assert pointing_hit(activation, torch.tensor([box])) == inside
    assert pointing_hit(activation, torch.tensor([(9.0, 9.0, 1.0, 1.0), box])) == inside


def test_several_maxima_count_by_their_share_and_none_misses() -> None:
    box = torch.tensor([[0.0, 0.0, 5.0, 4.0]])
    assert pointing_hit(torch.ones(10, 10), box) == pytest.approx(0.2)
    assert pointing_hit(torch.zeros(10, 10), box) == 0
    assert pointing_hit(-torch.rand(10, 10), box) == 0


def test_boxes_round_regions() -> None:
    mask = filled(
        (1, 2, 3, 1), (3, 3, 1, 4), (7, 0, 1, 1), (8, 1, 2, 1)
    )  # an L, and two that touch at a corner
    found = sorted(region_boxes(mask).tolist())
    assert found == [[1, 2, 3, 5], [7, 0, 1, 1], [8, 1, 2, 1]]
    assert region_boxes(filled()).shape == (0, 4)


def test_overlaps_by_hand() -> None:
    predicted = torch.tensor([[0.0, 0.0, 4.0, 4.0], [8.0, 8.0, 2.0, 2.0]])
    true = torch.tensor([[2.0, 2.0, 4.0, 4.0], [0.0, 0.0, 2.0, 4.0]])
    iou, iobb = overlaps(predicted, true)
    # 4 shared of 16 + 16 - 4, and of the predicted 16; 8 of 16, and of 16; the second meets neither.
    torch.testing.assert_close(iou, torch.tensor([[4 / 28, 8 / 16], [0, 0]]))
    torch.testing.assert_close(iobb, torch.tensor([[4 / 16, 8 / 16], [0, 0]]))


def scores(*images: Tensor) -> dict[str, float]:
    return {name: value.item() for name, value in box_scores(torch.stack(images).sum(dim=0)).items()}


def test_scores_by_hand() -> None:
    activation = torch.zeros(10, 10)
    activation[1, 1] = 1
    true = torch.tensor([[2.0, 2.0, 4.0, 4.0], [0.0, 0.0, 2.0, 4.0]])
    images = [
        box_counts(true, mask=filled((0, 0, 4, 4), (8, 8, 2, 2)), activation=activation),
        box_counts(torch.tensor([[5.0, 5.0, 5.0, 5.0]]), mask=filled()),
        box_counts(torch.zeros(0, 4), mask=filled((0, 0, 9, 9))),  # no box of the class: not counted
    ]
    assert torch.stack(images)[:, :2].tolist() == [[1, 2], [1, 1], [0, 0]]
    found = scores(*images)
    assert found["pointing"] == 1  # of the one image with a map
    # Found at .1: 1/7 and .5 of three; at .3: .5; at .5: none, the overlap must be above it.
    assert [found[f"box_iou_{level}"] for level in (10, 30, 50)] == pytest.approx([2 / 3, 1 / 3, 0])
    assert [found[f"box_iobb_{level}"] for level in (10, 30, 50)] == pytest.approx([2 / 3, 1 / 3, 0])
    # The corner's box is always false, the large one at .5 too; two images.
    assert [found[f"false_iou_{level}"] for level in (10, 30, 50)] == pytest.approx([0.5, 0.5, 1])


def test_a_small_prediction_inside_the_box_is_found_by_the_kinder_measure_only() -> None:
    found = scores(
        box_counts(torch.tensor([[0.0, 0.0, 8.0, 8.0]]), mask=filled((3, 3, 2, 2)))
    )  # IoU 4/64, IoBB 1
    assert (found["box_iou_10"], found["box_iobb_50"]) == (0, 1)
    assert (found["false_iou_10"], found["false_iobb_50"]) == (1, 0)
    assert isnan(found["pointing"])


def test_nothing_counted() -> None:
    assert all(isnan(value) for value in scores(box_counts(torch.zeros(0, 4), mask=filled())).values())


@settings(deadline=None)
@given(seed=st.integers(0, 10_000))
def test_ranks_fill_one_table(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    whole, ranks = BoxTable(4, 1), [BoxTable(4, 1), BoxTable(4, 1)]
    for number in range(4):
        sides = torch.randint(1, 6, (number, 4), generator=generator).double()
        mask = torch.rand(10, 10, generator=generator) > 0.7
        activation = torch.rand(10, 10, generator=generator) if number % 3 else None
        for table in (whole, ranks[number % 2]):
            table.enter(number, [box_counts(sides, mask=mask, activation=activation)])
    together = ranks[0].summed(lambda state: state + ranks[1].state)
    torch.testing.assert_close(together.rows, whole.rows)
