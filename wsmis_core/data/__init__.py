"""One index over many layouts, and from its files to arrays. Imports no torch."""

from __future__ import annotations

from wsmis_core.data.cache import prepared_image, shape_at
from wsmis_core.data.images import decode_image, read_image
from wsmis_core.data.index import (
    UNKNOWN_LABEL,
    Box,
    ClassMask,
    DataProblem,
    DatasetIndex,
    Mask,
    PngMask,
    RleMask,
    Sample,
)
from wsmis_core.data.masks import VOID, read_class_masks, read_mask
from wsmis_core.data.rle import decode_siim_rle, encode_siim_rle
from wsmis_core.data.scan import scan

__all__ = [
    "UNKNOWN_LABEL",
    "VOID",
    "Box",
    "ClassMask",
    "DataProblem",
    "DatasetIndex",
    "Mask",
    "PngMask",
    "RleMask",
    "Sample",
    "decode_image",
    "decode_siim_rle",
    "encode_siim_rle",
    "prepared_image",
    "read_class_masks",
    "read_image",
    "read_mask",
    "scan",
    "shape_at",
]
