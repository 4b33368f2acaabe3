"""Weights of files under the names of this product, torchvision, WSMIS and IRNet; one file a family."""

from __future__ import annotations

from wsmis_core.models.classifiers import CLASSIFIERS
from wsmis_core.models.published.irnet import cam_net_names, irnet_names
from wsmis_core.models.published.names import NameMap, fill
from wsmis_core.models.published.own import OWN
from wsmis_core.models.published.parts import TRUNK_OF_ENCODER, TRUNK_PARTS
from wsmis_core.models.published.segmenters import (
    AN_ENCODER,
    DEEPLABS,
    LIBRARY,
    OVER_BACKBONE,
    encoder_of_classifier,
    in_encoder,
)
from wsmis_core.models.published.torchvision import torchvision_names
from wsmis_core.models.published.wsmis import wsmis_names
from wsmis_core.models.state_dicts import read_state
from wsmis_core.spec.encoders import SegmenterArch

__all__ = [
    "IRNET_TRUNK",
    "NameMap",
    "fill",
    "names_of_classifier",
    "names_of_encoder",
    "names_of_irnet",
    "names_of_segmenter",
    "names_of_trunk",
    "read_state",
]

IRNET_TRUNK = "resnet50_irn"


def names_of_classifier(arch: str) -> tuple[NameMap, ...]:
    """The name maps of files that hold a classifier of ``arch``."""
    trunk = CLASSIFIERS[arch].trunk
    if trunk == IRNET_TRUNK:
        return (OWN, cam_net_names(trunk))
    if trunk in TRUNK_PARTS:
        return (OWN, *wsmis_names(trunk), torchvision_names(trunk))
    return (OWN,)


def names_of_irnet() -> tuple[NameMap, ...]:
    """The name maps of files that hold an IRNet."""
    return (OWN, irnet_names(IRNET_TRUNK))


def names_of_trunk(trunk: str) -> tuple[NameMap, ...]:
    """The name maps of files that hold a trunk, whatever hangs on it there."""
    if trunk not in TRUNK_PARTS:
        return (OWN,)
    several = (OWN, torchvision_names(trunk), *wsmis_names(trunk))
    return (*several, cam_net_names(trunk), irnet_names(trunk)) if "resnet50" in trunk else several


def names_of_segmenter(arch: SegmenterArch) -> tuple[NameMap, ...]:
    """The name maps of files that hold a segmenter of ``arch``."""
    return (OWN, DEEPLABS.get(arch, LIBRARY))


def names_of_encoder(encoder: str) -> tuple[NameMap, ...]:
    """The name maps of files that hold a segmenter's encoder, whatever hangs on it there."""
    several = [OWN, LIBRARY, OVER_BACKBONE]
    trunk = TRUNK_OF_ENCODER.get(encoder, encoder)
    if trunk in TRUNK_PARTS:
        several.append(encoder_of_classifier(trunk))
        several += [in_encoder(names, trunk) for names in names_of_trunk(trunk) if names is not OWN]
    return (*several, AN_ENCODER)
