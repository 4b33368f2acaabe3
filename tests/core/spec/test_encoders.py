"""The encoders of segmenters, and what cannot be built on them."""

from __future__ import annotations

from typing import Any, get_args

import pytest
import torch
from segmentation_models_pytorch.encoders import encoders

from wsmis_core.errors import SpecError
from wsmis_core.models.segmenters import SEGMENTERS
from wsmis_core.spec import make_params
from wsmis_core.spec.encoders import ENCODERS, SMALL_ENCODER, SegmenterArch, encoder_problem


def problem(params: dict[str, Any]) -> str:
    with pytest.raises(SpecError) as raised:
        make_params("train_segmenter", params, {"pseudo_labels": "job"})
    (only,) = raised.value.problems
    assert only.field == "params.encoder"
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
