"""The contract of every scope."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
import torch

from wsmis_core.data.augmentation import augment
from wsmis_core.data.augmentation.scopes import SCOPES
from wsmis_core.spec.parts import Augmentation

MASK = np.zeros((40, 48), dtype=np.uint8)
MASK[10:30, 6:20] = 2
MASK[5:12, 30:44] = 1
RGB = np.random.default_rng(0).integers(0, 256, (40, 48, 3), dtype=np.uint8)


def test_every_scope_of_the_spec_is_there() -> None:
    assert SCOPES.keys() == set(get_args(Augmentation))


@pytest.mark.parametrize("scope", get_args(Augmentation))
@pytest.mark.parametrize("bands", [1, 3])
def test_contract(scope: Augmentation, bands: int) -> None:
    image = RGB[..., :bands].copy()
    image.flags.writeable = MASK.flags.writeable = False
    for seed in range(12):
        changed, moved = augment(image, MASK, scope=scope, rng=np.random.default_rng(seed))
        assert moved is not None
        assert changed.shape == image.shape
        assert moved.shape == MASK.shape
        assert changed.dtype == moved.dtype == np.uint8
        assert changed.flags.c_contiguous
        assert moved.flags.c_contiguous
        assert set(np.unique(moved)) <= {0, 1, 2}
        again, moved_again = augment(image, MASK, scope=scope, rng=np.random.default_rng(seed))
        np.testing.assert_array_equal(changed, again)
        np.testing.assert_array_equal(moved, moved_again)
        alone, nothing = augment(image, scope=scope, rng=np.random.default_rng(seed))
        np.testing.assert_array_equal(changed, alone)
        assert nothing is None


@pytest.mark.parametrize("scope", [scope for scope in get_args(Augmentation) if scope != "none"])
def test_chance_changes_some_and_not_all(scope: Augmentation) -> None:
    rng = np.random.default_rng(0)
    same = [bool((augment(RGB, MASK, scope=scope, rng=rng)[0] == RGB).all()) for _ in range(64)]
    assert 0 <= sum(same) < 50
    assert scope == "strong" or any(same)


@pytest.mark.parametrize("scope", get_args(Augmentation))
def test_the_mask_stays_on_its_object(scope: Augmentation) -> None:
    image = np.where(MASK == 2, 230, 20).astype(np.uint8)[..., None]
    rng = np.random.default_rng(5)
    for _ in range(16):
        changed, moved = augment(image, MASK, scope=scope, rng=rng)
        assert moved is not None
        threshold = (int(changed.max()) + int(changed.min())) / 2
        assert ((changed[..., 0] > threshold) == (moved == 2)).mean() > 0.96


@pytest.mark.parametrize("shape", [(9, 1, 3), (1, 9, 1), (1, 1, 3)])
@pytest.mark.parametrize("scope", ["none", "horizontal_flip"])
def test_torch_takes_what_is_one_pixel_wide(shape: tuple[int, int, int], scope: Augmentation) -> None:
    image, mask = np.zeros(shape, dtype=np.uint8), np.zeros(shape[:2], dtype=np.uint8)
    for seed in range(6):
        changed, moved = augment(image, mask, scope=scope, rng=np.random.default_rng(seed))
        assert moved is not None
        assert torch.from_numpy(changed).shape == shape
        assert torch.from_numpy(moved).shape == shape[:2]
