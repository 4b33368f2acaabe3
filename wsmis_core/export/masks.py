"""Masks as palette PNG files: a pixel's value is its class id, 255 is ignored; and larger numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from wsmis_core.errors import ArtifactError
from wsmis_core.export.colours import palette

__all__ = ["read_mask_png", "write_mask", "write_numbers"]


def write_mask(path: Path, mask: npt.NDArray[np.uint8]) -> None:
    """Write class ids (H, W) to exactly ``path``; the palette only colours them for viewers."""
    image = Image.fromarray(mask, "P")
    image.putpalette(palette())
    image.save(path, "PNG")


def write_numbers(path: Path, numbers: npt.NDArray[np.uint16]) -> None:
    """Write numbers (H, W) to exactly ``path``, a grey PNG of 16 bits."""
    Image.fromarray(numbers).save(path, "PNG")


def read_mask_png(path: Path) -> npt.NDArray[np.uint8]:
    """The class ids (H, W) that `write_mask` wrote; raises ArtifactError for anything else."""
    try:
        with Image.open(path, formats=["PNG"]) as image:
            if image.mode not in {"P", "L"}:
                raise ArtifactError(
                    f"a mask is a PNG of 8-bit class ids, and this one has mode {image.mode}.",
                    field=str(path),
                    remedy="Run the job that made it again.",
                )
            return np.asarray(image)
    except (UnidentifiedImageError, OSError, SyntaxError) as error:
        raise ArtifactError(
            f"the mask cannot be read: {error}.", field=str(path), remedy="Run the job that made it again."
        ) from error
