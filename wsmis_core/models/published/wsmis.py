"""The classifiers of WSMIS (arXiv 2007.00748).

Their ResNet is torchvision's layers in a row under `backbone`, so that each goes by its place in it:
convolution, batch norm, ReLU, pooling, then the four layers. VGG16's row is torchvision's `features`. Where
DropBlock is in the row, what follows has moved. The three convolutions of OAA are `extra_convs`; the last
layer is `extra_linear`, and `linear` in the network that is cut after layer3.
"""

from __future__ import annotations

from collections.abc import Mapping

from wsmis_core.models.published.names import NameMap
from wsmis_core.models.published.parts import TRUNK_PARTS, Parts, joined, named_alike

__all__ = ["wsmis_names"]

# The part of a trunk at each place of the row that has weights.
_RESNET = {0: "conv1", 1: "bn1", 4: "layer1", 5: "layer2", 6: "layer3", 7: "layer4"}
_VGG = {int(part.removeprefix("features.")): part for part in named_alike("vgg16")}
# With DropBlock, from this place on all is moved by so many. In VGG16 it stands behind the first convolution
# with its norm and ReLU, and a place beside it is empty.
_RESNET_DROPPED = (7, 1)
_VGG_DROPPED = (3, 2)
_HEADS = {"extra_convs.": "neck.", "extra_linear.": "head.", "linear.": "head."}


def wsmis_names(trunk: str) -> tuple[NameMap, NameMap]:
    """A classifier over ``trunk``, without DropBlock and with it."""
    row, rows = (_VGG, ("features", "backbone")) if trunk == "vgg16" else (_RESNET, ("backbone",))
    start, step = _VGG_DROPPED if trunk == "vgg16" else _RESNET_DROPPED
    dropped = {place + step * (place >= start): part for place, part in row.items()}

    def names(family: str, row: Mapping[int, str]) -> NameMap:
        theirs: Parts = {part: [f"{name}.{place}." for name in rows] for place, part in row.items()}
        return NameMap(family, {**joined(theirs, TRUNK_PARTS[trunk], below="trunk."), **_HEADS})

    return names("WSMIS's", row), names("WSMIS's with DropBlock", dropped)
