"""A loss over many batches."""

from __future__ import annotations

import pytest
import torch

from wsmis_core.engine import LossSums, Ranks, Term


def terms(*sums: tuple[float, float]) -> list[Term]:
    (first, of_first), (second, of_second) = sums
    return [
        Term("first", torch.tensor(first), torch.tensor(of_first), weight=0.5),
        Term("second", torch.tensor(second), torch.tensor(of_second), epsilon=1.0),
    ]


def test_a_mean_over_nothing_is_0() -> None:
    sums = LossSums()
    sums.add([Term("of none known", torch.tensor(0.0), torch.tensor(0.0))])
    assert sums.loss(Ranks()) == 0


def test_sums_are_divided_once_and_weighed() -> None:
    sums = LossSums()
    sums.add(terms((3.0, 2.0), (1.0, 1.0)))
    sums.add(terms((1.0, 6.0), (2.0, 1.0)))
    assert sums.loss(Ranks()) == pytest.approx(0.5 * 4 / 8 + 3 / (2 + 1))
