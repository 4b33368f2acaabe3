"""The classifiers of WSMIS (arXiv 2007.00748).

Their ResNet is torchvision's layers in a row under `backbone`, so that each goes by its place in it:
convolution, batch norm, ReLU, pooling, then the four layers. VGG16's row is torchvision's `features`. The
three convolutions of OAA are `extra_convs`; the last layer is `extra_linear`, and `linear` in the network
that is cut after layer3.
"""

from __future__ import annotations

from wsmis_core.models.published.names import NameMap
from wsmis_core.models.published.parts import TRUNK_PARTS, Parts, joined, named_alike

__all__ = ["wsmis_names"]

_RESNET: Parts = {
    "conv1": ["backbone.0."],
    "bn1": ["backbone.1."],
    "layer1": ["backbone.4."],
    "layer2": ["backbone.5."],
    "layer3": ["backbone.6."],
    "layer4": ["backbone.7."],
}
_VGG: Parts = {
    part: [f"{part}.", f"{part.replace('features', 'backbone')}."] for part in named_alike("vgg16")
}
_HEADS = {"extra_convs.": "neck.", "extra_linear.": "head.", "linear.": "head."}


def wsmis_names(trunk: str) -> NameMap:
    """A classifier over ``trunk``."""
    theirs = _VGG if trunk == "vgg16" else _RESNET
    return NameMap("WSMIS's", {**joined(theirs, TRUNK_PARTS[trunk], below="trunk."), **_HEADS})
