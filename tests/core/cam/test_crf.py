"""The fully connected CRF: the energy by hand, what must hold of its marginals, and what it takes."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from wsmis_core.cam import dense_crf, require_crf, trusted
from wsmis_core.errors import ResourceError

PUBLISHED: dict[str, Any] = {
    "gaussian_sxy": 3,
    "gaussian_compat": 3,
    "bilateral_sxy": 50,
    "bilateral_srgb": 5,
    "bilateral_compat": 10,
}


def two_halves(height: int, width: int) -> NDArray[np.uint8]:
    image = np.zeros((height, width, 3), dtype=np.uint8)
    image[:, width // 2 :] = 200
    return image


def test_labels_that_are_trusted_by_so_much() -> None:
    certain = np.array([[[1.0]], [[0.0]], [[0.0]]], dtype=np.float32)
    assert trusted(certain, gt_prob=0.7).ravel().tolist() == pytest.approx([0.7, 0.15, 0.15])
    soft = np.array([[[0.75]], [[0.25]]], dtype=np.float32)
    assert trusted(soft, gt_prob=0.7).ravel().tolist() == pytest.approx([0.6, 0.4])


def test_without_agreement_nothing_changes() -> None:
    pytest.importorskip("pydensecrf")
    soft = np.array([[[0.9, 0.4, 0.5]], [[0.1, 0.6, 0.5]]], dtype=np.float32)
    alone = {**PUBLISHED, "gaussian_compat": 0, "bilateral_compat": 0}
    marginals = dense_crf(two_halves(1, 3), soft, iterations=3, **alone)
    np.testing.assert_allclose(marginals, soft, atol=1e-6)


@pytest.mark.parametrize("size", [(24, 36), (1, 9)])
def test_labels_spread_to_the_edges_of_the_image_and_no_further(size: tuple[int, int]) -> None:
    pytest.importorskip("pydensecrf")
    height, width = size
    image = two_halves(height, width)
    bright = image[..., 0] > 0
    known = np.full((2, height, width), 0.5, dtype=np.float32)
    known[:, :, 0] = [[0.9], [0.1]]
    known[:, :, -1] = [[0.1], [0.9]]
    marginals = dense_crf(image, known, iterations=10, **PUBLISHED)
    assert marginals.shape == known.shape
    assert marginals.dtype == np.float32
    np.testing.assert_allclose(marginals.sum(axis=0), 1, atol=1e-5)
    assert (marginals[1] > 0.5).tolist() == bright.tolist()
    again = dense_crf(image, known, iterations=10, **PUBLISHED)
    assert (again == marginals).all()


def test_certain_zeros_stay_finite() -> None:
    pytest.importorskip("pydensecrf")
    certain = np.zeros((3, 5, 4), dtype=np.float32)
    certain[1] = 1
    marginals = dense_crf(two_halves(5, 4), certain, iterations=10, **PUBLISHED)
    assert np.isfinite(marginals).all()
    assert (marginals.argmax(axis=0) == 1).all()


def test_a_host_without_the_extra_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pydensecrf", None)
    with pytest.raises(ResourceError) as raised:
        require_crf()
    assert raised.value.remedy is not None
    assert "pip install 'wsmis[crf]'" in raised.value.remedy
