"""The guard: what is labelled before refinement is labelled after it, whatever refinement does."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from wsmis_core.irn import guarded_labels, restored_labels

IDS = [3, 5]


def label(soft: Tensor) -> Tensor:
    strongest, which = soft.max(dim=0)
    return torch.where(strongest > 0.5, torch.tensor(IDS, dtype=torch.uint8)[which], 0).to(torch.uint8)


def test_what_survives_is_refined() -> None:
    maps = torch.tensor([[[0.9, 0.1, 0.0]], [[0.0, 0.0, 0.0]]])
    refined = torch.tensor([[[0.9, 0.7, 0.0]], [[0.0, 0.0, 0.0]]])
    guarded = guarded_labels(maps, refined, label, class_ids=IDS)
    assert guarded.labels.tolist() == [[3, 3, 0]]
    assert guarded.kept_unrefined == 0


def test_what_would_vanish_is_kept_and_counted() -> None:
    maps = torch.tensor([[[0.9, 0.0, 0.0]], [[0.0, 0.0, 0.8]]])
    refined = torch.tensor([[[0.9, 0.7, 0.0]], [[0.0, 0.1, 0.2]]])
    guarded = guarded_labels(maps, refined, label, class_ids=IDS)
    assert guarded.labels.tolist() == [[3, 3, 5]]
    assert guarded.kept_unrefined == 1


def test_a_class_that_another_one_covers_brings_all_back() -> None:
    maps = torch.tensor([[[0.6, 0.0, 0.0]], [[0.0, 0.0, 0.8]]])
    refined = torch.tensor([[[0.0, 0.0, 0.0]], [[0.9, 0.9, 0.9]]])
    guarded = guarded_labels(maps, refined, label, class_ids=IDS)
    assert guarded.labels.tolist() == [[3, 0, 5]]
    assert guarded.kept_unrefined == 2


@given(seed=st.integers(0, 10_000))
@settings(deadline=None)
def test_no_class_vanishes(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    maps, refined = (torch.rand(2, 2, 2, generator=generator) * 0.8 for _ in range(2))
    guarded = guarded_labels(maps, refined, label, class_ids=IDS)
    assert set(label(maps).flatten().tolist()) - {0} <= set(guarded.labels.flatten().tolist())


def test_a_restored_class_that_covers_another_brings_that_one_back_too() -> None:
    labels = torch.tensor([[3, 3, 5, 0]], dtype=torch.uint8)
    refined = torch.tensor([[5, 0, 0, 0]], dtype=torch.uint8)
    restored = restored_labels(labels, refined, class_ids=IDS)
    assert restored.labels.tolist() == [[3, 3, 5, 0]]
    assert restored.kept_unrefined == 2


@given(seed=st.integers(0, 10_000))
@settings(deadline=None)
def test_no_label_vanishes(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    labels, refined = (torch.randint(0, 4, (2, 3), generator=generator, dtype=torch.uint8) for _ in range(2))
    restored = restored_labels(labels, refined, class_ids=[1, 2, 3]).labels
    assert set(labels.flatten().tolist()) - {0} <= set(restored.flatten().tolist())
