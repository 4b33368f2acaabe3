"""Seeds: the published arrays, the rule by hand, refinement on an image."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from wsmis_core.cam import pamr
from wsmis_core.irn import label_pair, make_seeds, refined_seeds, seeds_of_pair

GOLDEN = Path(__file__).parents[2] / "data" / "golden" / "10_cam_to_ir_label.npz"


@pytest.mark.parametrize("case", [0, 1])
def test_seeds_as_published(case: int) -> None:
    with np.load(GOLDEN) as golden:
        maps = torch.from_numpy(golden[f"case{case}_cams"])
        class_ids = (golden[f"case{case}_keys_0based"] + 1).tolist()
        expected = golden[f"case{case}_label"]
    seeds = make_seeds(maps, class_ids)
    assert seeds.labels.dtype == torch.uint8
    assert (seeds.labels.numpy() == expected).all()
    assert seeds.kept.total() == 0


def test_rule_by_hand() -> None:
    maps = torch.tensor([[[1.0, 0.2, 0.03, 0.3]], [[0.4, 1.0, 0.05, 0.0]]])
    assert make_seeds(maps, [2, 7]).labels.tolist() == [[2, 7, 0, 255]]
    seeds = make_seeds(maps, [2, 7], foreground_threshold=0.25, background_threshold=0.04)
    assert seeds.labels.tolist() == [[2, 7, 255, 2]]


def test_an_image_without_a_class_is_background() -> None:
    assert make_seeds(torch.zeros(0, 2, 3), []).labels.tolist() == [[0] * 3] * 2
    assert make_seeds(torch.zeros(1, 2, 3), [4]).labels.tolist() == [[0] * 3] * 2


def test_refinement_moves_seeds_to_the_edges_of_the_image() -> None:
    image = torch.zeros(1, 1, 24, 24)
    image[..., 12:] = 1
    # A blob that leaks over the edge at column 12.
    y, x = torch.meshgrid(torch.arange(24.0), torch.arange(24.0), indexing="ij")
    maps = torch.exp(-((y - 12) ** 2 + (x - 14) ** 2) / 50)[None]
    unrefined = make_seeds(maps, [1]).labels
    assert (unrefined[:, :12] == 1).any()
    refined = pamr(image, maps[None], dilations=(1, 2, 4))[0]
    seeds = make_seeds(maps, [1], foreground_threshold=0.8, background_threshold=0.4, refined=refined)
    assert seeds.kept.total() == 0
    assert (seeds.labels[:, 12:] == 1).any()
    assert not (seeds.labels[:, :12] == 1).any()


def test_refinement_that_erases_an_object_is_undone_and_counted() -> None:
    maps = torch.tensor([[[1.0, 0.0, 0.2]]])
    seeds = make_seeds(maps, [6], refined=torch.zeros_like(maps))
    assert seeds.labels.tolist() == [[6, 0, 255]]
    assert seeds.kept.total() == 1


def test_a_label_pair_by_hand() -> None:
    maps = torch.tensor([[[1.0, 0.2, 0.03, 0.3]], [[0.4, 1.0, 0.05, 0.0]]])
    pair = label_pair(maps)
    assert pair.tolist() == [[[1, 2, 0, 0]], [[1, 2, 0, 1]]]
    assert seeds_of_pair(pair, [2, 7]).tolist() == [[2, 7, 0, 255]]


def test_a_refined_pair_is_read_as_published() -> None:
    pair = torch.tensor([[[1, 1, 2, 2, 0, 0]], [[1, 1, 2, 2, 1, 0]]], dtype=torch.uint8)
    # Refinement moved both classes by one and took what one map calls background off the other.
    refined = torch.tensor([[[1, 1, 1, 2, 2, 0]], [[1, 1, 1, 2, 0, 2]]], dtype=torch.uint8)
    seeds = refined_seeds(pair, refined, [3, 9])
    assert seeds.labels.tolist() == [[3, 3, 3, 9, 9, 255]]
    assert seeds.kept.total() == 0


def test_a_class_that_refined_labels_have_lost_keeps_its_cells() -> None:
    pair = torch.tensor([[[1, 2, 0, 0]], [[1, 2, 0, 0]]], dtype=torch.uint8)
    refined = torch.tensor([[[1, 1, 0, 0]], [[1, 1, 1, 0]]], dtype=torch.uint8)
    seeds = refined_seeds(pair, refined, [3, 9])
    assert seeds.labels.tolist() == [[3, 9, 255, 0]]
    assert seeds.kept.total() == 1
