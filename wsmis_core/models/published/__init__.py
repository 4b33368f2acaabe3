"""Weights of files under the names of this product, torchvision, WSMIS and IRNet; one file a family."""

from __future__ import annotations

from wsmis_core.models.classifiers import CLASSIFIERS
from wsmis_core.models.published.files import read_state
from wsmis_core.models.published.irnet import cam_net_names, irnet_names
from wsmis_core.models.published.names import NameMap, fill
from wsmis_core.models.published.own import OWN
from wsmis_core.models.published.parts import TRUNK_PARTS
from wsmis_core.models.published.torchvision import torchvision_names
from wsmis_core.models.published.wsmis import wsmis_names

__all__ = [
    "IRNET_TRUNK",
    "NameMap",
    "fill",
    "names_of_classifier",
    "names_of_irnet",
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
        return (OWN, wsmis_names(trunk), torchvision_names(trunk))
    return (OWN,)


def names_of_irnet() -> tuple[NameMap, ...]:
    """The name maps of files that hold an IRNet."""
    return (OWN, irnet_names(IRNET_TRUNK))


def names_of_trunk(trunk: str) -> tuple[NameMap, ...]:
    """The name maps of files that hold a trunk, whatever hangs on it there."""
    if trunk not in TRUNK_PARTS:
        return (OWN,)
    several = (OWN, torchvision_names(trunk), wsmis_names(trunk))
    return (*several, cam_net_names(trunk), irnet_names(trunk)) if "resnet50" in trunk else several
