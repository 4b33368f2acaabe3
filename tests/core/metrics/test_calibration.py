"""Calibration by hand: bins, their shares, the expected error; what is not known; sums over parts."""

from __future__ import annotations

import pytest
import torch

from wsmis_core.metrics import CalibrationCounts


def test_by_hand() -> None:
    counts = CalibrationCounts(2)
    probabilities = torch.tensor([[0.0, 0.05, 0.95, 0.95, 1.0], [0.5, 0.5, 0.5, 0.5, 0.5]])
    truth = torch.tensor([[0, 1, 1, 0, 1], [1, 1, 0, 0, 1]], dtype=torch.bool)
    known = torch.tensor([True, True, True, True, True])
    counts.update(probabilities, truth, known)
    cases, probability, share = counts.bins()
    # Of the first class two cases lie in the first bin, up to 1/15, and three in the last.
    assert cases[0].tolist() == [2, *[0] * 13, 3]
    assert probability[0, [0, 14]].tolist() == pytest.approx([0.025, 2.9 / 3])
    assert share[0, [0, 14]].tolist() == pytest.approx([1 / 2, 2 / 3])
    assert probability[0, 1].isnan()
    first = (2 * (0.5 - 0.025) + 3 * (2.9 / 3 - 2 / 3)) / 5
    assert counts.error().tolist() == pytest.approx([first, 0.1])


def test_upper_edges_belong_to_their_bin() -> None:
    counts = CalibrationCounts(1)
    counts.update(
        torch.tensor([[0.2, 0.2001]], dtype=torch.float64),
        torch.tensor([[True, True]]),
        torch.tensor([True, True]),
    )
    assert counts.bins()[0][0].nonzero().flatten().tolist() == [2, 3]


def test_what_is_not_known_counts_for_nothing() -> None:
    counts = CalibrationCounts(2)
    known = torch.tensor([[True, False], [False, False]])  # as for labels: of each class by itself
    counts.update(torch.tensor([[0.9, 0.1], [0.3, 0.4]]), torch.ones(2, 2, dtype=torch.bool), known)
    assert counts.bins()[0].sum(dim=1).tolist() == [1, 0]
    assert counts.error().tolist() == pytest.approx([0.1, float("nan")], nan_ok=True)


def test_pixels_of_parts_add_up() -> None:
    probabilities, truth = torch.rand(3, 4, 5), torch.rand(3, 4, 5) < 0.5
    known = torch.rand(4, 5) < 0.8
    whole, first, second = CalibrationCounts(3), CalibrationCounts(3), CalibrationCounts(3)
    whole.update(probabilities, truth, known)
    first.update(probabilities[:, :1], truth[:, :1], known[:1])
    second.update(probabilities[:, 1:], truth[:, 1:], known[1:])
    torch.testing.assert_close((first + second).state, whole.state)
    torch.testing.assert_close((first + second).error(), whole.error())
