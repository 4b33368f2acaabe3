"""Every tensor of a file is accounted for, whatever family it is of; what is not is told by its name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torchvision
from safetensors.torch import save_file
from torch import Tensor, nn

from tests.core.models.published import reference
from tests.core.models.published.states import (
    State,
    blank,
    convolutions,
    in_a_row,
    linear,
    random_state,
    told,
)
from wsmis_core.models import TRUNKS, IRNet, Trunk, make_classifier
from wsmis_core.models.published import (
    fill,
    names_of_classifier,
    names_of_irnet,
    names_of_trunk,
    read_state,
)


def wsmis_oaa() -> State:
    return in_a_row(8) | convolutions(2048) | linear("extra_linear", 512)


def wsmis_full() -> State:
    return in_a_row(8) | linear("extra_linear", 2048)


def wsmis_gap() -> State:
    return in_a_row(7) | linear("linear", 1024)


def wsmis_dropblock() -> State:
    """DropBlock has no weights; it is in the row behind layer3 and behind layer4."""
    children = list(torchvision.models.resnet50().children())
    row = [*children[:7], nn.Identity(), children[7], nn.Identity()]
    backbone = random_state(lambda: nn.ModuleDict({"backbone": nn.Sequential(*row)}))
    return backbone | linear("extra_linear", 2048)


def wsmis_vgg() -> State:
    vgg = torchvision.models.vgg
    features = random_state(
        lambda: nn.ModuleDict({"features": vgg.make_layers(vgg.cfgs["D"], batch_norm=True)})
    )
    return features | convolutions(512) | linear("extra_linear", 512)


def wsmis_vgg_dropblock() -> State:
    """DropBlock's place is 4, and there is no 3: the second convolution is at 5."""
    return {
        f"features.{int(rest[0]) + 2 * (int(rest[0]) > 2)}.{rest[1]}" if part == "features" else name: tensor
        for name, tensor in wsmis_vgg().items()
        for part, *rest in [name.split(".")]
    }


def torchvision_resnet34() -> State:
    return random_state(lambda: torchvision.models.resnet34(num_classes=2))


@pytest.mark.parametrize(
    ("arch", "make", "family", "ours", "theirs"),
    [
        (
            "resnet50_oaa",
            wsmis_oaa,
            "WSMIS's",
            "trunk.stage_modules.4.2.conv3.weight",
            "backbone.7.2.conv3.weight",
        ),
        (
            "resnet50_full",
            wsmis_full,
            "WSMIS's",
            "trunk.stage_modules.0.1.running_var",
            "backbone.1.running_var",
        ),
        (
            "resnet50",
            wsmis_dropblock,
            "WSMIS's with DropBlock",
            "trunk.stage_modules.4.2.conv3.weight",
            "backbone.8.2.conv3.weight",
        ),
        (
            "vgg16",
            wsmis_vgg_dropblock,
            "WSMIS's with DropBlock",
            "trunk.stage_modules.4.1.weight",
            "features.36.weight",
        ),
        ("resnet_gap", wsmis_gap, "WSMIS's", "head.weight", "linear.weight"),
        ("vgg16", wsmis_vgg, "WSMIS's", "trunk.stage_modules.4.1.weight", "features.34.weight"),
        ("resnet34", torchvision_resnet34, "torchvision's", "head.bias", "fc.bias"),
    ],
)
def test_a_torch_file_with_a_model_fills_a_classifier(
    tmp_path: Path, arch: str, make: Callable[[], State], family: str, ours: str, theirs: str
) -> None:
    state = make()
    path = tmp_path / "best.h5"
    torch.save({"model": state, "epoch": 3}, path)
    classifier = blank(lambda: make_classifier(arch, classes=2))
    read = read_state(path, field="f")
    assert fill(classifier, read, names_of_classifier(arch), source="it", field="f") == family
    filled = classifier.state_dict()
    assert torch.equal(filled[ours], state[theirs])
    assert len(filled) == len(read)


def test_a_trunk_alone_from_a_file_of_anything_over_it(irnet_state: State) -> None:
    irnet = blank(lambda: IRNet(TRUNKS["resnet50_irn"]("none")))
    thousand = random_state(torchvision.models.resnet50)  # its classes do not fit, and do not matter
    for state, first in (
        (thousand, "conv1.weight"),
        (wsmis_oaa(), "backbone.0.weight"),
        (wsmis_dropblock(), "backbone.0.weight"),
        (reference.with_twins(irnet_state, reference.IRNET_TWINS), "resnet50.conv1.weight"),
        (random_state(lambda: make_classifier("resnet50", classes=4)), "trunk.stage_modules.0.0.weight"),
    ):
        fill(irnet, state, names_of_trunk("resnet50_irn"), part="trunk.", source="it", field="f")
        filled = irnet.state_dict()
        assert torch.equal(filled["trunk.stage_modules.0.0.weight"], state[first])
        assert not any(tensor.any() for name, tensor in filled.items() if not name.startswith("trunk."))
    cut = blank(lambda: make_classifier("resnet_gap", classes=2))
    fill(cut, thousand, names_of_trunk("resnet50_cut"), part="trunk.", source="it", field="f")
    last = "5.conv3.weight"
    assert torch.equal(cut.state_dict()[f"trunk.stage_modules.3.{last}"], thousand[f"layer3.{last}"])


def test_old_files_that_do_not_count_batches() -> None:
    state = {
        name: value
        for name, value in random_state(lambda: torchvision.models.resnet18(num_classes=3)).items()
        if not name.endswith("num_batches_tracked")
    }
    fill(
        make_classifier("resnet18", classes=3), state, names_of_classifier("resnet18"), source="it", field="f"
    )


def test_what_is_missing_surplus_or_of_another_shape_is_listed() -> None:
    classifier = blank(lambda: make_classifier("resnet18", classes=2))
    state = random_state(lambda: torchvision.models.resnet18(num_classes=3))
    del state["layer2.0.conv1.weight"]
    state["layer5.weight"] = torch.zeros(1)
    message = told(classifier, state, names_of_classifier("resnet18"))
    assert "missing: layer2.0.conv1.weight" in message
    assert "not known: layer5.weight" in message
    assert "fc.weight (3, 512), not (2, 512)" in message
    assert not any(tensor.any() for tensor in classifier.state_dict().values())


def test_twins_that_differ_are_an_error(irnet_state: State) -> None:
    state = reference.with_twins(irnet_state, reference.IRNET_TWINS)
    model = blank(lambda: IRNet(TRUNKS["resnet50_irn"]("none")))
    fill(model, state, names_of_irnet(), source="it", field="f")
    state["stage3.0.1.conv2.weight"] = state["stage3.0.1.conv2.weight"] + 1
    state["dp_layers.6.4.running_mean"] = torch.zeros(2)
    message = told(model, state, names_of_irnet())
    assert "stage3.0.1.conv2.weight and resnet50.layer2.1.conv2.weight" in message
    assert "dp_layers.6.4.running_mean and mean_shift.running_mean" in message
    del state["mean_shift.running_mean"], state["fc_dp7.4.running_mean"], state["dp_layers.6.4.running_mean"]
    del state["stage3.0.1.conv2.weight"]
    assert "missing: mean_shift.running_mean" in told(model, state, names_of_irnet())


def test_of_irnets_buffers_those_that_are_known_are_left_out(irnet_state: State) -> None:
    model = blank(lambda: IRNet(TRUNKS["resnet50_irn"]("none")))
    for name in ("path_indices", "path_indices0.weight", "ind_tone", "fc_dp6.4.running_var"):
        assert f"not known: {name}" in told(model, irnet_state | {name: torch.zeros(2)}, names_of_irnet())


HEAD = torch.rand(2, 128)


@pytest.mark.parametrize(
    ("tensor", "problem"),
    [
        (
            torch.zeros(1, dtype=torch.half).expand(10**13),
            "another shape: head.weight (10000000000000,), not",
        ),
        (torch.zeros(1).expand(10**6, 10**6, 1, 1), "another shape: head.weight (1000000, 1000000), not"),
        (HEAD.to_sparse(), "not a plain tensor: head.weight"),
        (HEAD.to("meta"), "not a plain tensor: head.weight"),
        (HEAD.to(torch.complex64), "another type: head.weight torch.complex64, not torch.float32"),
        (HEAD > 0.5, "another type: head.weight torch.bool"),
        (HEAD.long(), "another type: head.weight torch.int64"),
        (torch.full((2, 128), 1e300, dtype=torch.double), "not finite: head.weight"),
        (torch.full((2, 128), torch.nan), "not finite: head.weight"),
    ],
)
def test_a_tensor_that_is_none_of_the_models_is_told_before_it_is_converted(
    tensor: Tensor, problem: str
) -> None:
    model = make_classifier("resnet_small", classes=2)
    before = model.head.weight.clone()
    state = {**model.state_dict(), "head.weight": tensor}
    assert problem in told(model, state, names_of_classifier("resnet_small"))
    assert torch.equal(model.head.weight, before)


def test_a_variance_below_0_is_told_and_counters_of_another_width_are_not() -> None:
    model = make_classifier("resnet_small", classes=2)
    state = {
        name: tensor.int() if name.endswith("num_batches_tracked") else tensor.half()
        for name, tensor in model.state_dict().items()
    }
    fill(model, state, names_of_classifier("resnet_small"), source="it", field="f")
    variance = next(name for name in state if name.endswith("running_var"))
    state[variance] = -state[variance]
    assert f"a variance below 0: {variance}" in told(model, state, names_of_classifier("resnet_small"))


def test_a_small_trunk_is_read_by_its_own_names_alone(tmp_path: Path) -> None:
    source, target = (make_classifier("resnet_small", classes=classes) for classes in (2, 1))
    save_file(source.state_dict(), tmp_path / "model.safetensors")
    state = read_state(tmp_path / "model.safetensors", field="f")
    fill(target, state, names_of_trunk("resnet_small"), part="trunk.", source="it", field="f")
    assert isinstance(target.trunk, Trunk)
    pairs = zip(target.trunk.parameters(), source.trunk.parameters(), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)
    assert "head.weight (2, 128), not (1, 128)" in told(target, state, names_of_classifier("resnet_small"))
