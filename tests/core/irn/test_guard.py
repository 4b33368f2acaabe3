"""The guard: what is labelled before refinement is labelled after it, whatever refinement does."""

from __future__ import annotations

import math

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from wsmis_core.irn import guarded_labels, guarded_maps, restored_labels

IDS = [3, 5]


def label(soft: Tensor) -> Tensor:
    strongest, which = soft.max(dim=0)
    return torch.where(strongest > 0.5, torch.tensor(IDS, dtype=torch.uint8)[which], 0).to(torch.uint8)


def test_what_survives_is_refined() -> None:
    maps = torch.tensor([[[0.9, 0.1, 0.0]], [[0.0, 0.0, 0.0]]])
    refined = torch.tensor([[[0.9, 0.7, 0.0]], [[0.0, 0.0, 0.0]]])
    guarded = guarded_labels(maps, refined, label, class_ids=IDS)
    assert guarded.labels.tolist() == [[3, 3, 0]]
    assert not guarded.kept


def test_what_would_vanish_is_kept_and_counted() -> None:
    maps = torch.tensor([[[0.9, 0.0, 0.0]], [[0.0, 0.0, 0.8]]])
    refined = torch.tensor([[[0.9, 0.7, 0.0]], [[0.0, 0.1, 0.2]]])
    guarded = guarded_labels(maps, refined, label, class_ids=IDS)
    assert guarded.labels.tolist() == [[3, 3, 5]]
    assert guarded.kept == {5: 1}


def test_a_class_that_another_one_covers_is_put_back_where_it_was() -> None:
    maps = torch.tensor([[[0.6, 0.0, 0.0]], [[0.0, 0.0, 0.8]]])
    refined = torch.tensor([[[0.0, 0.0, 0.0]], [[0.9, 0.9, 0.9]]])
    guarded = guarded_labels(maps, refined, label, class_ids=IDS)
    assert guarded.labels.tolist() == [[3, 5, 5]]
    assert guarded.kept == {3: 1}


def test_a_speck_that_is_all_of_a_class_and_covered_brings_all_back() -> None:
    maps = torch.tensor([[[0.6, 0.0, 0.0]], [[0.0, 0.0, 0.8]]])
    refined = torch.tensor([[[0.0, 0.0, 0.0]], [[0.9, 0.9, 0.9]]])
    guarded = guarded_maps(maps, refined, label, class_ids=IDS, smallest=0.5)
    assert torch.equal(guarded.maps, maps)
    assert guarded.kept == {3: 1, 5: 1}


def test_classes_that_were_never_there_do_not_count() -> None:
    maps = torch.tensor([[[0.6, 0.0, 0.0]], [[0.0, 0.0, 0.4]]])
    guarded = guarded_maps(maps, 0 * maps, label, class_ids=IDS)
    assert guarded.kept == {3: 1}


def two_discs() -> Tensor:
    """A map (1, 32, 48) with an object of 121 cells, one of 25, 1.6 %, and one of 9, .6 %."""
    maps = torch.zeros(1, 32, 48)
    maps[0, 4:15, 4:15] = 0.9
    maps[0, 20:25, 30:35] = 0.7
    maps[0, 4:7, 40:43] = 0.7
    return maps


def disc_label(soft: Tensor) -> Tensor:
    return torch.where(soft[0] > 0.5, 3, 0).to(torch.uint8)


def test_an_object_beside_another_of_its_class_is_put_back_and_a_speck_is_not() -> None:
    maps = two_discs()
    refined = torch.zeros_like(maps)
    refined[0, 3:16, 4:14] = 1.0
    guarded = guarded_maps(maps, refined, disc_label, class_ids=[3])
    expected = refined.clone()
    expected[0, 20:25, 30:35] = 0.7
    assert torch.equal(guarded.maps, expected)
    assert guarded.kept == {3: 1}
    every = guarded_maps(maps, refined, disc_label, class_ids=[3], smallest=0.0)
    assert every.kept == {3: 2}
    none = guarded_maps(maps, refined, disc_label, class_ids=[3], smallest=math.inf)
    assert torch.equal(none.maps, refined)
    assert not none.kept


def test_an_object_that_slips_under_the_cut_is_left_to_lower_ones() -> None:
    maps = two_discs()
    refined = maps.clone()
    refined[0, 20:25, 30:35] = 0.45
    assert torch.equal(guarded_maps(maps, refined, disc_label, class_ids=[3]).maps, refined)
    refined[0, 20:25, 30:35] = 0.3
    assert torch.equal(guarded_maps(maps, refined, disc_label, class_ids=[3]).maps, maps)


def test_a_class_that_vanishes_counts_all_its_objects() -> None:
    maps = two_discs()
    guarded = guarded_maps(maps, torch.zeros_like(maps), disc_label, class_ids=[3])
    assert torch.equal(guarded.maps, maps)
    assert guarded.kept == {3: 2}


def test_objects_among_labels_are_restored() -> None:
    labels = disc_label(two_discs())
    refined = labels.clone()
    refined[:, 20:] = 0
    restored = restored_labels(labels, refined, class_ids=[3])
    assert (restored.labels[20:25, 30:35] == 3).all()
    assert not restored.labels[4:7, 40:43].any()
    assert restored.kept == {3: 1}


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
    assert restored.kept == {3: 1, 5: 1}


@given(seed=st.integers(0, 10_000))
@settings(deadline=None)
def test_no_label_vanishes(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    labels, refined = (torch.randint(0, 4, (2, 3), generator=generator, dtype=torch.uint8) for _ in range(2))
    restored = restored_labels(labels, refined, class_ids=[1, 2, 3]).labels
    assert set(labels.flatten().tolist()) - {0} <= set(restored.flatten().tolist())
