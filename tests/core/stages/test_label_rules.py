"""From soft maps to labels, and labels between sizes."""

from __future__ import annotations

import numpy as np
import torch

from wsmis_core.spec.parts import Fixed, OtsuTwice
from wsmis_core.stages.label_maps import nearest
from wsmis_core.stages.labelling import without_specks
from wsmis_core.stages.maps import labels_above


def test_the_strongest_class_above_the_cut_wins() -> None:
    maps = torch.tensor([[[4.0, 1.0, 0.2]], [[2.0, 2.0, 0.4]]])  # (2 classes, 1, 3), maximum 4
    assert labels_above(maps, (3, 7), Fixed(value=0.25)).tolist() == [[3, 7, 0]]
    assert labels_above(maps, (3, 7), Fixed(value=0.05)).tolist() == [[3, 7, 7]]


def test_otsu_twice_cuts_the_core_off_the_halo() -> None:
    row = torch.tensor([0.0] * 80 + [0.5] * 15 + [1.0] * 5)
    labels = labels_above(row.view(1, 1, -1), (1,), OtsuTwice())
    assert labels.sum().item() == 5


def test_specks_go_and_each_class_keeps_its_largest_component() -> None:
    labels = np.zeros((8, 8), dtype=np.uint8)
    labels[0:3, 0:3] = 1  # 9 pixels
    labels[6, 6] = 1
    labels[5, 0:2] = 2  # small, but all there is of class 2
    cleaned = without_specks(labels, smallest=4)
    assert (cleaned == 1).sum() == 9
    assert (cleaned == 2).sum() == 2


def test_labels_between_sizes_stay_labels() -> None:
    labels = np.array([[0, 255], [3, 3]], dtype=np.uint8)
    larger = nearest(labels, (4, 6))
    assert larger.shape == (4, 6)
    assert larger[0].tolist() == [0, 0, 0, 255, 255, 255]
    assert nearest(larger, (2, 2)).tolist() == labels.tolist()
