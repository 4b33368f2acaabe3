"""One file a layout: from a folder and its table to the list of labelled images."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from wsmis_core.data.layouts.chestxray14 import list_chestxray14
from wsmis_core.data.layouts.chexpert import list_chexpert
from wsmis_core.data.layouts.csv import list_csv
from wsmis_core.data.layouts.listing import (
    GivenSplits,
    ListedAnnotation,
    ListedBox,
    ListedClassMask,
    ListedImage,
    ListedMask,
    ListedMaskFile,
    ListedRuns,
    Listing,
    ShownLabels,
)
from wsmis_core.data.layouts.siim import list_siim
from wsmis_core.data.layouts.voc2012 import list_voc2012
from wsmis_core.data.layouts.wsmis import list_wsmis

__all__ = [
    "LAYOUTS",
    "GivenSplits",
    "ListedAnnotation",
    "ListedBox",
    "ListedClassMask",
    "ListedImage",
    "ListedMask",
    "ListedMaskFile",
    "ListedRuns",
    "Listing",
    "ShownLabels",
]

# By the spec's `format`; each takes the spec of its own format.
LAYOUTS: Mapping[str, Callable[[Any], Listing]] = {
    "siim": list_siim,
    "csv": list_csv,
    "voc2012": list_voc2012,
    "wsmis": list_wsmis,
    "chestxray14": list_chestxray14,
    "chexpert": list_chexpert,
}
