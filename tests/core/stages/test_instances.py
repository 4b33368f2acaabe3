"""Instances on a synthetic field: two discs of one class that touch, and what is too small to count."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from wsmis_core.irn import Instance, random_walk
from wsmis_core.spec.parts import Fixed, Instances, Otsu
from wsmis_core.stages.instances import instance_maps, instances_of, numbered

SIDE = 48
CENTRES = ((24, 12), (24, 33))
RADIUS = 10


def discs() -> Tensor:
    """Two discs (2, h, w) whose edges meet in one column."""
    rows, columns = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    return torch.stack([(rows - y) ** 2 + (columns - x) ** 2 <= RADIUS**2 for y, x in CENTRES])


def towards_the_nearer_centre() -> Tensor:
    """A displacement (2, h, w) from each cell of a disc to its centre; none elsewhere."""
    rows, columns = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    field = torch.zeros(2, SIDE, SIDE)
    for disc, (y, x) in zip(discs(), CENTRES, strict=True):
        field += disc * torch.stack([y - rows, x - columns]).clamp(-4, 4)
    return field


def found(params: Instances, maps: Tensor, class_ids: list[int]) -> list[tuple[int, float, Tensor]]:
    """Class, score and mask of the instances of maps that walk up to the discs' edges."""
    inside = discs().any(dim=0)
    boundary = torch.where(inside, 0.0, 1.0)
    parts, ids = instance_maps(maps, towards_the_nearer_centre(), class_ids, params)
    walked = random_walk(parts, boundary, radius=5, beta=10, log2_steps=6)
    return [
        (one.class_id, one.score, torch.from_numpy(one.mask))
        for one in instances_of(walked, ids, params, shape=(SIDE, SIDE))
    ]


def spots() -> Tensor:
    """An activation map (1, h, w) that lights up the middle of both discs, one brighter."""
    rows, columns = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    return torch.stack(
        [
            strength * torch.exp(-((rows - y) ** 2 + (columns - x) ** 2) / 40.0)
            for strength, (y, x) in zip((1.0, 0.8), CENTRES, strict=True)
        ]
    ).amax(dim=0, keepdim=True)


def overlap(one: Tensor, other: Tensor) -> float:
    return float((one & other).sum() / (one | other).sum())


def test_two_objects_of_a_class_are_told_apart() -> None:
    instances = found(Instances(), spots(), [3])
    counted = [one for one in instances if one[1] > 0]
    assert [class_id for class_id, _, _ in counted] == [3, 3]
    (_, better, left), (_, worse, right) = counted
    assert 1 >= better > worse > 0.25
    assert overlap(left, discs()[0]) > 0.9
    assert overlap(right, discs()[1]) > 0.9
    assert not (left & right).any()


def test_without_displacement_they_are_one() -> None:
    parts, ids = instance_maps(spots(), torch.zeros(2, SIDE, SIDE), [3], Instances())
    assert ids == [3]
    torch.testing.assert_close(parts, spots())


def test_parts_without_activation_are_left_out() -> None:
    maps = torch.cat([spots() * discs()[0], torch.zeros(1, SIDE, SIDE)])
    parts, ids = instance_maps(maps, towards_the_nearer_centre(), [3, 5], Instances())
    assert ids == [3]
    assert parts.shape == (1, SIDE, SIDE)


def test_scores_cut_and_the_images_own_size() -> None:
    scores = torch.zeros(3, 8, 8)
    scores[0, :4, :4] = 4.0
    scores[1, 6:, 6:] = 2.0
    scores[2] = 0.5  # an eighth of the maximum: under the threshold everywhere
    small, large, other = (
        instances_of(scores, [7, 9, 9], Instances(smallest=share), shape=shape)
        for share, shape in ((0.01, (8, 8)), (0.01, (16, 24)), (0.2, (8, 8)))
    )
    assert [(one.class_id, one.score, int(one.mask.sum())) for one in small] == [(7, 1, 16), (9, 0.5, 4)]
    assert [(one.class_id, one.score) for one in large] == [(7, 1), (9, 0.5)]
    assert [one.mask.shape for one in large] == [(16, 24)] * 2
    assert [(one.class_id, one.score) for one in other] == [(7, 1), (9, 0)]
    assert numbered(small, shape=(8, 8))[:4, :4].min() == 1
    assert np.unique(numbered(small, shape=(8, 8))).tolist() == [0, 1, 2]
    assert np.unique(numbered(other, shape=(8, 8))).tolist() == [0, 1]


@pytest.mark.parametrize(
    ("scores", "threshold"),
    [
        (torch.zeros(2, 5, 5), Fixed(value=0.25)),
        (torch.zeros(2, 5, 5), Otsu()),
        (torch.rand(2, 5, 5), Fixed(value=1.0)),
        (torch.ones(1, 5, 5), Otsu()),
    ],
)
def test_nothing_to_find_is_no_instance(scores: Tensor, threshold: Fixed | Otsu) -> None:
    assert instances_of(scores, [1] * len(scores), Instances(threshold=threshold), shape=(9, 9)) == []
    assert not numbered([], shape=(4, 4)).any()


def test_more_objects_than_a_palette_has_room_for() -> None:
    places = np.arange(900).reshape(30, 30)
    objects = [Instance(1, 1 - number / 1000, places == number) for number in range(300)]
    assert np.unique(numbered(objects, shape=(30, 30))).tolist() == list(range(301))
