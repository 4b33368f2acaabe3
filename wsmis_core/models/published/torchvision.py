"""torchvision's ResNets and VGG16-BN, with their layers for a thousand classes or others."""

from __future__ import annotations

from wsmis_core.models.published.names import NameMap
from wsmis_core.models.published.parts import TRUNK_PARTS, joined, named_alike

__all__ = ["torchvision_names"]


def torchvision_names(trunk: str) -> NameMap:
    """A classifier over ``trunk``."""
    places = joined(named_alike(trunk), TRUNK_PARTS[trunk], below="trunk.")
    return NameMap("torchvision's", {**places, "fc.": "head.", "classifier.": "head."})
