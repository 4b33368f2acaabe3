"""A training that diverged is told as such wherever it shows."""

from __future__ import annotations

import math

import pytest
from torch import nn

from wsmis_core.engine import Ranks
from wsmis_core.engine.divergence import check_figures, check_weights
from wsmis_core.errors import DivergedError


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_figure_that_is_no_number_is_told(value: float) -> None:
    check_figures({"val_f1": 1.0}, when="after step 3")
    with pytest.raises(DivergedError, match=f"val_loss is {value} after step 3") as raised:
        check_figures({"val_f1": 1.0, "val_loss": value}, when="after step 3")
    assert (raised.value.field, bool(raised.value.remedy)) == ("params.rates", True)


@pytest.mark.parametrize("name", ["weight", "running_var"])
def test_weights_and_statistics_that_are_no_numbers_are_told(name: str) -> None:
    model = nn.BatchNorm2d(2)
    check_weights(model, Ranks(), when="after step 3")
    model.state_dict()[name][1] = math.inf
    with pytest.raises(DivergedError, match="not all are finite after step 3"):
        check_weights(model, Ranks(), when="after step 3")
