"""The architectures of segmenters and the encoders that each can be built on, by name.

The names are those of segmentation-models-pytorch, listed here because specs import no torch; a test
holds the list against the library's own. `resnet_small` is ours, and so are the archs `..._published`.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Literal, get_args

__all__ = ["ENCODERS", "IMAGENET_ENCODERS", "SMALL_ENCODER", "SegmenterArch", "encoder_problem"]

SegmenterArch = Literal[
    "unet",
    "unetplusplus",
    "fpn",
    "deeplabv3",
    "deeplabv3plus",
    "deeplabv3_published",
    "deeplabv3plus_published",
]

SMALL_ENCODER = "resnet_small"

ENCODERS: Mapping[str, tuple[str, ...]] = {
    "small": (SMALL_ENCODER,),
    "resnet": ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152"),
    "resnext": (
        "resnext50_32x4d",
        "resnext101_32x4d",
        "resnext101_32x8d",
        "resnext101_32x16d",
        "resnext101_32x32d",
        "resnext101_32x48d",
    ),
    "senet": (
        "se_resnet50",
        "se_resnet101",
        "se_resnet152",
        "se_resnext50_32x4d",
        "se_resnext101_32x4d",
        "senet154",
    ),
    "sknet": ("timm-skresnet18", "timm-skresnet34", "timm-skresnext50_32x4d"),
    "dpn": ("dpn68", "dpn68b", "dpn92", "dpn98", "dpn107", "dpn131"),
    "vgg": ("vgg11", "vgg11_bn", "vgg13", "vgg13_bn", "vgg16", "vgg16_bn", "vgg19", "vgg19_bn"),
    "densenet": ("densenet121", "densenet161", "densenet169", "densenet201"),
    "inception": ("inceptionresnetv2", "inceptionv4"),
    "xception": ("xception",),
    "efficientnet": (
        *(f"efficientnet-b{number}" for number in range(8)),
        *(f"timm-efficientnet-b{number}" for number in range(9)),
        "timm-efficientnet-l2",
        *(f"timm-tf_efficientnet_lite{number}" for number in range(5)),
    ),
    "mobilenet": ("mobilenet_v2",),
    "mobileone": tuple(f"mobileone_s{number}" for number in range(5)),
    "mit": tuple(f"mit_b{number}" for number in range(6)),
}

# Those that torchvision has the first published ImageNet weights of.
IMAGENET_ENCODERS = frozenset(
    {
        *ENCODERS["resnet"],
        *("resnext50_32x4d", "resnext101_32x8d"),
        *ENCODERS["vgg"],
        *ENCODERS["densenet"],
        *ENCODERS["mobilenet"],
    }
)

# Families that pool between their stages cannot be dilated to the strides that DeepLab wants.
_POOLING = frozenset({"vgg", "densenet", "inception", "xception"})
_SMALL = frozenset({"small"})
_NOT_BUILT: Mapping[SegmenterArch, frozenset[str]] = {
    "unet": frozenset(),
    "unetplusplus": _SMALL | {"mit"},
    "fpn": _SMALL,
    "deeplabv3": _SMALL | _POOLING,
    "deeplabv3plus": _SMALL | _POOLING,
}
# The networks that checkpoints are published of are built on these alone.
_PUBLISHED_ON = ("resnet50", "resnet101")


def encoder_problem(arch: SegmenterArch, encoder: str) -> str | None:
    """Why no segmenter can be built of the two, and what to take instead; None where one can."""
    family = next((family for family, names in ENCODERS.items() if encoder in names), None)
    if family is None:
        names = [name for names in ENCODERS.values() for name in names]
        longer = [name for name in names if encoder and name.startswith(encoder)]
        close = longer[:3] or difflib.get_close_matches(encoder, names, n=3)
        remedy = f"Did you mean {' or '.join(close)}?" if close else "The stage's JSON Schema lists them."
        return f"there is no encoder {encoder!r}. {remedy}"
    if not _is_built(arch, encoder, family):
        archs = [name for name in get_args(SegmenterArch) if _is_built(name, encoder, family)]
        return (
            f"{arch} cannot be built on {encoder}. Take {' or '.join(archs)}, or another encoder such as "
            "resnet50."
        )
    return None


def _is_built(arch: SegmenterArch, encoder: str, family: str) -> bool:
    return family not in _NOT_BUILT[arch] if arch in _NOT_BUILT else encoder in _PUBLISHED_ON
