"""LPCAM: clusters, prototypes and maps of two channels, worked by hand; and with little to go by."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from wsmis_core.cam import (
    Prototypes,
    choose_prototypes,
    class_scores,
    cosine_clusters,
    direction,
    scale_averaged_maps,
)

NONE = torch.empty(0, 2)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def rows(tensor: Tensor) -> list[tuple[float, ...]]:
    return sorted(tuple(round(value, 4) for value in row) for row in tensor.tolist())


@pytest.mark.parametrize("seed", range(5))
def test_cells_are_parted_by_angle_and_centres_are_means_of_raw_cells(seed: int) -> None:
    # Two directions, of very different lengths: by distance the first two cells would be together.
    cells = torch.tensor([[1.0, 0.0], [0.0, 1.0], [9.0, 0.1], [0.1, 20.0], [5.0, 0.2]])
    centres = cosine_clusters(cells, 2, rng=rng(seed))
    assert rows(centres) == [(0.05, 10.5), (5.0, 0.1)]


def test_as_many_clusters_as_there_are_directions() -> None:
    cells = torch.tensor([[1.0, 1.0], [2.0, 2.0], [0.0, 3.0]])
    assert rows(cosine_clusters(cells, 12, rng=rng())) == [(0.0, 3.0), (1.5, 1.5)]
    assert rows(cosine_clusters(cells[:1], 12, rng=rng())) == [(1.0, 1.0)]
    assert cosine_clusters(NONE, 12, rng=rng()).shape == (0, 2)
    dead = torch.zeros(3, 2)  # cells of no direction
    assert cosine_clusters(dead, 2, rng=rng()).isfinite().all()


@pytest.mark.parametrize("seed", range(20))
def test_clusters_of_any_cells_are_centres_of_what_is_nearest_to_them(seed: int) -> None:
    cells = torch.from_numpy(rng(seed).random((60, 3))).float()
    centres = cosine_clusters(cells, 7, rng=rng(seed))
    assert torch.equal(cosine_clusters(cells, 7, rng=rng(seed)), centres)
    unit = torch.nn.functional.normalize
    nearest = (unit(cells) @ unit(centres).T).argmax(dim=1)
    means = [cells[nearest == number].mean(dim=0) for number in range(len(centres))]
    torch.testing.assert_close(torch.stack(means), centres)
    assert 5 <= len(centres) <= 7


def test_scores_by_softmax_over_classes_and_by_the_sigmoid_with_one() -> None:
    centres = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
    weight = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
    e = math.e
    assert class_scores(centres, weight, 0).tolist() == pytest.approx([e / (e + 2), 1 / (2 + e**2)])
    one = class_scores(centres, weight[1:2], 0)
    assert one.tolist() == pytest.approx([1 / 2, e**2 / (1 + e**2)])


def test_prototypes_by_their_scores() -> None:
    foreground = torch.tensor([[1.0, 0.0], [2.0, 0.0], [3.0, 0.0]])
    background = torch.tensor([[0.0, 1.0], [0.0, 2.0], [0.0, 3.0], [0.0, 4.0]])
    chosen = choose_prototypes(
        foreground,
        background,
        foreground_scores=torch.tensor([0.95, 0.9, 0.91]),
        background_scores=torch.tensor([0.05, 0.06, 0.89, 0.9]),
    )
    assert chosen.foreground.tolist() == [[1.0, 0.0], [3.0, 0.0]]
    assert chosen.context.tolist() == [[0.0, 2.0], [0.0, 3.0]]


def test_the_best_stands_for_a_class_that_no_cluster_is_sure_of() -> None:
    chosen = choose_prototypes(
        torch.tensor([[1.0, 0.0], [2.0, 0.0]]),
        NONE,
        foreground_scores=torch.tensor([0.1, 0.3]),
        background_scores=torch.empty(0),
    )
    assert chosen.foreground.tolist() == [[2.0, 0.0]]
    assert chosen.context.shape == (0, 2)


def test_a_direction_is_the_difference_of_mean_cosines() -> None:
    prototypes = Prototypes(
        torch.tensor([[2.0, 0.0], [3.0, 4.0]]), torch.tensor([[0.0, 5.0], [1.0, 0.0], [4.0, 3.0]])
    )
    # (1, 0) and (.6, .8) on the one side, (0, 1), (1, 0) and (.8, .6) on the other.
    torch.testing.assert_close(direction(prototypes), torch.tensor([0.8 - 0.6, 0.4 - 1.6 / 3]))
    alone = Prototypes(prototypes.foreground, NONE)
    torch.testing.assert_close(direction(alone), torch.tensor([0.8, 0.4]))


def test_maps_by_hand() -> None:
    """Features are the image's channels: cells (3, 4), (0, 2), (1, 0), and (0, 0), which has no direction."""
    images = torch.tensor([[[[3.0, 0.0, 1.0, 0.0]], [[4.0, 2.0, 0.0, 0.0]]]])
    weight = torch.tensor([[1.0, 0.0], [0.5, -0.5]])

    def features(scaled: Tensor) -> Tensor:
        return scaled

    once = scale_averaged_maps(features, weight, images, scales=[1.0], flip=False, size=(1, 4))
    expected = torch.tensor([[[[0.6, 0.0, 1.0, 0.0]], [[0.0, 0.0, 0.5, 0.0]]]])
    torch.testing.assert_close(once, expected)

    # What sees the image's columns from the left, whichever way it is held, adds up with its mirror.
    def leftmost(scaled: Tensor) -> Tensor:
        return scaled * torch.tensor([1.0, 0.0, 0.0, 0.0])

    both = scale_averaged_maps(leftmost, weight, images, scales=[1.0], flip=True, size=(1, 4))
    torch.testing.assert_close(both, torch.tensor([[[[0.6, 0.0, 0.0, 0.0]], [[0.0, 0.0, 0.0, 0.0]]]]))
    # The length of a feature does not matter, so an image of constant channels is the same at any scale.
    constant = torch.tensor([3.0, 4.0]).view(1, 2, 1, 1).expand(1, 2, 4, 8)
    mean = scale_averaged_maps(features, weight, constant, scales=[1.0, 0.5, 2.0], flip=True, size=(2, 4))
    torch.testing.assert_close(mean[0, 0], torch.full((2, 4), 0.6))
    torch.testing.assert_close(mean[0, 1], torch.zeros(2, 4))
