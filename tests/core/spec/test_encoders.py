"""The encoders of segmenters, and what cannot be built on them."""

from __future__ import annotations

from typing import Any, get_args

import pytest
import torch
import torchvision
from segmentation_models_pytorch.encoders import encoders

from wsmis_core.errors import SpecError
from wsmis_core.models.imagenet import LAYERS_OF_CLASSES, RECIPE
from wsmis_core.models.segmenters import SEGMENTERS
from wsmis_core.spec import make_params
from wsmis_core.spec.encoders import (
    ENCODERS,
    IMAGENET_ENCODERS,
    SMALL_ENCODER,
    SegmenterArch,
    encoder_problem,
)


def problem(params: dict[str, Any], *, field: str = "params.encoder") -> str:
    with pytest.raises(SpecError) as raised:
        make_params("train_segmenter", params, {"pseudo_labels": "job"})
    (only,) = raised.value.problems
    assert only.field == field
    return str(only)


def test_the_names_are_the_librarys_own() -> None:
    names = [name for family in ENCODERS.values() for name in family]
    assert sorted(names) == sorted([*encoders, SMALL_ENCODER])


@pytest.mark.filterwarnings("ignore:`timm-` encoders are deprecated:DeprecationWarning")
@pytest.mark.parametrize("arch", ["unetplusplus", "deeplabv3plus"])
@pytest.mark.parametrize("family", [family for family in ENCODERS if family != "small"])
def test_what_is_said_not_to_build_does_not_and_the_rest_does(arch: SegmenterArch, family: str) -> None:
    """One of each family; without memory for weights, except where the library reads a value of its own."""
    encoder = ENCODERS[family][0]
    make = SEGMENTERS[arch]
    with torch.device("cpu" if family == "mit" else "meta"):
        if encoder_problem(arch, encoder) is None:
            make(encoder, 1)
        else:
            with pytest.raises(ValueError, match="not support"):
                make(encoder, 1)


@pytest.mark.parametrize("arch", ["deeplabv3_published", "deeplabv3plus_published"])
def test_what_was_published_is_built_on_two_encoders(arch: SegmenterArch) -> None:
    names = [name for family in ENCODERS.values() for name in family]
    built = [name for name in names if encoder_problem(arch, name) is None]
    assert built == ["resnet50", "resnet101"]
    for name in built:
        with torch.device("meta"):
            SEGMENTERS[arch](name, 1)


def has_imagenet_weights(name: str) -> bool:
    try:
        return RECIPE in torchvision.models.get_model_weights(name).__members__
    except ValueError:
        return False


def test_imagenet_weights_are_of_the_encoders_that_torchvision_has() -> None:
    names = [name for family in ENCODERS.values() for name in family]
    assert {name for name in names if has_imagenet_weights(name)} == IMAGENET_ENCODERS


@pytest.mark.parametrize("name", sorted(IMAGENET_ENCODERS))
def test_imagenet_weights_fit_the_encoder(name: str) -> None:
    with torch.device("meta"):
        theirs = getattr(torchvision.models, name)().state_dict()
        encoder = SEGMENTERS["unet"](name, 1).encoder.state_dict()
    shapes = {key: value.shape for key, value in theirs.items() if not key.startswith(LAYERS_OF_CLASSES)}
    assert shapes == {key: value.shape for key, value in encoder.items()}


@pytest.mark.parametrize("encoder", ["se_resnext50_32x4d", "resnet_small", "efficientnet-b0"])
def test_imagenet_weights_that_there_are_none_of_are_refused(encoder: str) -> None:
    params = {"encoder": encoder, "weights": "imagenet"}
    told = problem(params, field="params.weights")
    assert f"torchvision has none of ImageNet for {encoder}. Set it to none" in told
    make_params("train_segmenter", {**params, "encoder": "resnet50"}, {"pseudo_labels": "job"})
    assert "there is no encoder" in problem({**params, "encoder": "zzz"})


def test_every_arch_is_there() -> None:
    assert tuple(SEGMENTERS) == get_args(SegmenterArch)


def test_an_unknown_encoder_is_told_with_those_that_are_close() -> None:
    assert "Did you mean se_resnext50_32x4d?" in problem({"encoder": "se_resnext50"})
    assert "Did you mean resnet50 or" in problem({"encoder": "resnet_50"})
    assert "JSON Schema lists them" in problem({"encoder": "zzz"})


def test_what_cannot_be_built_is_told_with_what_can() -> None:
    told = problem({"arch": "deeplabv3plus", "encoder": "vgg16"})
    assert "deeplabv3plus cannot be built on vgg16. Take unet or unetplusplus or fpn" in told
    assert "Take unet, or another encoder" in problem({"arch": "fpn", "encoder": SMALL_ENCODER})
    told = problem({"arch": "deeplabv3_published", "encoder": "resnet18"})
    assert (
        "cannot be built on resnet18. Take unet or unetplusplus or fpn or deeplabv3 or deeplabv3plus, or"
        in told
    )
