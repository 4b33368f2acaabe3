"""State dicts of random numbers under published names, models of zeros to fill, and what a misfit says."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import torch
import torchvision
from torch import Tensor, nn

from wsmis_core.errors import WeightsError
from wsmis_core.models.published import NameMap, fill

State = dict[str, Tensor]


def blank(make: Callable[[], nn.Module]) -> nn.Module:
    """A model of zeros: its own beginning takes longer than all else here."""
    with torch.device("meta"):
        model = make()
    model.to_empty(device="cpu")
    for tensor in model.state_dict().values():
        tensor.zero_()
    return model


def random_state(make: Callable[[], nn.Module]) -> State:
    """Numbers in the shapes of a network."""
    with torch.device("meta"):
        state = make().state_dict()
    return {
        name: torch.rand(tensor.shape) if tensor.is_floating_point() else torch.tensor(5)
        for name, tensor in state.items()
    }


def told(model: nn.Module, state: State, names: Sequence[NameMap], *, part: str = "") -> str:
    with pytest.raises(WeightsError) as raised:
        fill(model, state, names, part=part, source="it", field="params.weights.file")
    assert raised.value.field == "params.weights.file"
    assert raised.value.remedy
    return raised.value.message


def in_a_row(count: int) -> State:
    """ResNet50's first children as a list of modules stores them."""
    return random_state(
        lambda: nn.ModuleDict(
            {"backbone": nn.Sequential(*list(torchvision.models.resnet50().children())[:count])}
        )
    )


def convolutions(width: int) -> State:
    """The three of OAA."""
    weights = [torch.rand(512, inputs, 3, 3) for inputs in (width, 512, 512)]
    state = {f"extra_convs.{2 * place}.weight": weight for place, weight in enumerate(weights)}
    return state | {f"extra_convs.{2 * place}.bias": torch.rand(512) for place in range(3)}


def linear(name: str, width: int) -> State:
    return {f"{name}.weight": torch.rand(2, width), f"{name}.bias": torch.rand(2)}
