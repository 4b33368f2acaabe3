"""The parts that all ResNets have, and all VGGs, by torchvision's names, and where trunks here keep them.

Families of files differ in how they name the same parts: each maps a part to the prefixes under which its
files hold it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from wsmis_core.models.torchvision_stages import VGG_END, VGG_STARTS

__all__ = ["TRUNK_OF_ENCODER", "TRUNK_PARTS", "Parts", "joined", "named_alike"]

# part -> prefixes of its tensors
Parts = Mapping[str, Sequence[str]]

_RESNET = {
    "conv1": ["stage_modules.0.0."],
    "bn1": ["stage_modules.0.1."],
    "layer1": ["stage_modules.1."],
    "layer2": ["stage_modules.2."],
    "layer3": ["stage_modules.3."],
    "layer4": ["stage_modules.4."],
}
_VGG = {
    f"features.{layer}": [f"stage_modules.{stage}.{layer - start}."]
    for stage, (start, end) in enumerate(zip(VGG_STARTS, (*VGG_STARTS[1:], VGG_END), strict=True))
    for layer in range(start, end)
}

# Where a trunk keeps its parts; resnet_small is not cut into these.
TRUNK_PARTS: Mapping[str, Parts] = {
    "resnet18": _RESNET,
    "resnet34": _RESNET,
    "resnet50": _RESNET,
    "resnet50_cut": {part: prefixes for part, prefixes in _RESNET.items() if part != "layer4"},
    "resnet50_irn": _RESNET,
    "vgg16": _VGG,
}

# The trunk whose network a segmenter's encoder is, where its name is another.
TRUNK_OF_ENCODER: Mapping[str, str] = {"vgg16_bn": "vgg16"}


def named_alike(trunk: str) -> Parts:
    """The parts of a trunk's whole network under their own names, as torchvision has them."""
    parts = _VGG if trunk == "vgg16" else _RESNET
    return {part: [f"{part}."] for part in parts}


def joined(theirs: Parts, ours: Parts, *, below: str) -> dict[str, str]:
    """The places of a name map: the prefixes of a part there to ours ``below`` a prefix.

    A part that is cut off here gets a place that no model has.
    """
    return {
        prefix: f"{below}{ours[part][0]}" if part in ours else f"cut off.{part}."
        for part, prefixes in theirs.items()
        for prefix in prefixes
    }
