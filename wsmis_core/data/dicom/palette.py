"""Indices into a palette as colours. Source: DICOM PS3.3, C.7.9."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom import Dataset
from pydicom.pixels.processing import apply_color_lut

from wsmis_core.data.dicom.brightness import brightness_bytes
from wsmis_core.data.dicom.lookup import lookup_table

__all__ = ["coloured"]

COLOURS = ("Red", "Green", "Blue")

Values = npt.NDArray[np.integer[Any] | np.floating[Any]]
Pixels = npt.NDArray[np.uint8]


def coloured(indices: Values, dataset: Dataset) -> Pixels:
    """Indices (H, W) as the colours of the file's palette (H, W, 3), which are not stretched."""
    if "RedPaletteColorLookupTableData" not in dataset:  # it is in segments
        colours = apply_color_lut(indices, dataset)[..., :3]
        return brightness_bytes(colours / np.float32(np.iinfo(colours.dtype).max))
    tables = [
        lookup_table(
            dataset.RedPaletteColorLookupTableDescriptor,  # all three are the same
            dataset[f"{colour}PaletteColorLookupTableData"].value,
            little_endian=dataset.file_meta.TransferSyntaxUID.is_little_endian,
        )
        for colour in COLOURS
    ]
    top = max(table.top for table in tables)
    return brightness_bytes(np.stack([table.of(indices) for table in tables], axis=-1) / np.float32(top))
