"""Instances: the published centroids and instance map, and objects worked by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from wsmis_core.irn import detect_instances, find_centroids, instance_map, split_by_instance

GOLDEN = Path(__file__).parents[2] / "data" / "golden" / "09_centroids.npz"


@pytest.mark.parametrize("steps", [1, 10, 100, 300])
def test_centroids_as_published(steps: int) -> None:
    with np.load(GOLDEN) as golden:
        displacement = torch.from_numpy(golden["displacement"])
        expected = golden[f"centroids_it{steps}"]
    assert (find_centroids(displacement, steps=steps).numpy() == expected).all()


def test_centroids_of_a_weak_field_as_published() -> None:
    with np.load(GOLDEN) as golden:
        displacement = torch.from_numpy(golden["displacement_small"])
        expected = golden["centroids_small_it300"]
    assert (find_centroids(displacement).numpy() == expected).all()


@pytest.mark.parametrize(("threshold", "name"), [(2.5, "instance_map"), (1.0, "instance_map_thres1")])
def test_instance_map_as_published(threshold: float, name: str) -> None:
    with np.load(GOLDEN) as golden:
        displacement = torch.from_numpy(golden["displacement"])
        expected = golden[name]
    instances = instance_map(find_centroids(displacement), displacement, threshold=threshold)
    assert (instances.numpy() == expected).all()


def test_following_a_field_by_hand() -> None:
    # Three cells in a row: the outer ones point to the middle, half a cell at a time.
    displacement = torch.tensor([[[0.0, 0.0, 0.0]], [[0.5, 0.0, -0.5]]])
    assert find_centroids(displacement, steps=1)[1].tolist() == [[0, 1, 2]]  # .5 and 1.5 round to even
    assert find_centroids(displacement, steps=2)[1].tolist() == [[1, 1, 1]]  # .75 and 1.25
    out = torch.tensor([[[-9.0]], [[9.0]]]).expand(2, 2, 3)
    assert find_centroids(out, steps=3).tolist() == [[[0, 0, 0], [0, 0, 0]], [[2, 2, 2], [2, 2, 2]]]


def test_maps_are_split_by_instance() -> None:
    maps = torch.tensor([[[1.0, 2.0, 3.0]]])
    parts = split_by_instance(maps, torch.tensor([[1, 0, 1]]))
    assert parts.tolist() == [[[[0.0, 2.0, 0.0]], [[1.0, 0.0, 3.0]]]]


def test_objects_by_hand() -> None:
    scores = torch.zeros(2, 4, 5)
    scores[0, 0, :2] = torch.tensor([0.9, 0.5])
    scores[0, 3, 4] = 0.8  # touches nothing: an object of its own, a twentieth of the image
    scores[1, 1, :2] = 0.6
    scores[1, 2, 2] = 0.25  # not above the threshold
    objects = detect_instances(scores, [3, 7], smallest=0.1)
    assert [(one.class_id, int(one.mask.sum())) for one in objects] == [(3, 2), (3, 1), (7, 2)]
    assert [one.score for one in objects] == pytest.approx([0.9, 0, 0.6])
    assert detect_instances(torch.zeros(0, 4, 5), []) == []
    assert detect_instances(torch.zeros(1, 4, 5), [3]) == []
