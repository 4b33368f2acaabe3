"""Segmenters, and what fills their encoder alone.

Those of segmentation-models-pytorch, WSMIS's U-Net among them, have the parts that ours have. WSMIS's
`deeplabv3_resnet50` is torchvision's, its `deeplabv3plus_resnet50` that of VainF's DeepLabV3Plus-Pytorch,
both over torchvision's ResNet as `backbone`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from wsmis_core.models.published.names import NameMap
from wsmis_core.models.published.parts import TRUNK_PARTS
from wsmis_core.spec.encoders import SegmenterArch

__all__ = ["AN_ENCODER", "DEEPLABS", "LIBRARY", "OVER_BACKBONE", "encoder_of_classifier", "in_encoder"]

LIBRARY = NameMap(
    "segmentation-models-pytorch's",
    {"encoder.": "encoder.", "decoder.": "decoder.", "segmentation_head.": "head."},
)
# Whatever stands on the backbone, where that alone is wanted.
OVER_BACKBONE = NameMap(
    "a segmenter's of torchvision",
    {"backbone.": "encoder.", "classifier.": "head.", "aux_classifier.": "head."},
)
# An encoder's own names, which are those of the network that it is, without its classes.
AN_ENCODER = NameMap(
    "a classification network's of these names",
    {"": "encoder."},
    left_out=(r"(fc|_fc|classifier|last_linear|head)\..*",),
)

DEEPLABS: Mapping[SegmenterArch, NameMap] = {
    "deeplabv3_published": NameMap(
        "torchvision's DeepLabv3",
        {
            "backbone.": "encoder.",
            "classifier.0.convs.": "decoder.aspp.branches.",
            "classifier.0.project.": "decoder.aspp.project.",
            "classifier.1.": "decoder.refine.0.",
            "classifier.2.": "decoder.refine.1.",
            "classifier.4.": "head.0.",
        },
        left_out=(r"aux_classifier\..*",),
    ),
    "deeplabv3plus_published": NameMap(
        "WSMIS's DeepLabv3+",
        {
            "backbone.": "encoder.",
            "classifier.project.": "decoder.low_level.",
            "classifier.aspp.convs.": "decoder.aspp.branches.",
            "classifier.aspp.project.": "decoder.aspp.project.",
            "classifier.classifier.0.": "decoder.refine.0.",
            "classifier.classifier.1.": "decoder.refine.1.",
            "classifier.classifier.3.": "head.0.",
        },
    ),
}


def encoder_of_classifier(trunk: str) -> NameMap:
    """A classifier of this product over ``trunk``, for the encoder that is the same network."""
    return NameMap("a classifier of this product", {**_parts(trunk), "neck.": "neck.", "head.": "head."})


def in_encoder(names: NameMap, trunk: str) -> NameMap:
    """The files that ``names`` reads into ``trunk``, for the encoder that is the same network."""
    parts = _parts(trunk)
    return replace(names, places={theirs: parts.get(ours, ours) for theirs, ours in names.places.items()})


def _parts(trunk: str) -> dict[str, str]:
    """Where a trunk keeps its parts, and where an encoder does, which has them by torchvision's names."""
    return {f"trunk.{prefix}": f"encoder.{part}." for part, (prefix,) in TRUNK_PARTS[trunk].items()}
