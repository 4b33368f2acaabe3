"""Parts of maps that walk and are refined one by one."""

from __future__ import annotations

import pytest
import torch

from wsmis_core.irn import guarded_maps
from wsmis_core.spec.parts import Fixed, Instances
from wsmis_core.stages import parts
from wsmis_core.stages.parts import part_labels


def test_labels_are_the_parts_whose_objects_count() -> None:
    scores = torch.zeros(300, 20, 20)
    scores[299, 2:8, 2:8] = 1.0
    scores[1, 12:15, 12:15] = 0.5
    scores[2, 18, 18] = 0.9  # a quarter of 1 % of the image
    labels = part_labels(scores, range(1, 301), Instances(threshold=Fixed(value=0.25)))
    assert set(labels.flatten().tolist()) == {0, 2, 300}
    assert (labels == 2).sum() == 9


def test_a_part_that_refinement_would_erase_is_kept() -> None:
    params = Instances(threshold=Fixed(value=0.25))
    scores = torch.zeros(2, 20, 20)
    scores[0, 2:8, 2:8] = 1.0
    scores[1, 12:15, 12:15] = 0.5
    refined = scores.clone()
    refined[1] *= 0.1
    guarded = guarded_maps(scores, refined, lambda soft: part_labels(soft, (1, 2), params), class_ids=(1, 2))
    assert torch.equal(guarded.maps, scores)
    assert guarded.kept == {2: 1}


def test_images_walk_together_as_long_as_they_are_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "_VALUES_AT_ONCE", 10)
    assert list(parts._groups([4, 0, 4, 4, 20, 1, 0])) == [[0, 2], [3], [4], [5]]
    assert list(parts._groups([0, 0])) == []
