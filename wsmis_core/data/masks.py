"""True masks of a sample."""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from wsmis_core.data.images import read_bytes
from wsmis_core.data.index import DatasetIndex, RleMask, Sample
from wsmis_core.data.rle import decode_siim_rle
from wsmis_core.errors import DataError

__all__ = ["decode_png_mask", "read_class_masks", "read_mask"]


def read_class_masks(index: DatasetIndex, sample: Sample) -> npt.NDArray[np.bool_]:
    """One mask a class (C, H, W) at the image's own size; regions of a class are united.

    A class of which the index has no mask is all background: ask ``sample.has_masks`` whether it may be
    taken for the truth. Raises DataError where a mask file can no longer be read or has another size.
    """
    shape = (sample.height, sample.width)
    masks = np.zeros((len(index.classes), *shape), dtype=np.bool_)
    for mask in sample.masks:
        if isinstance(mask, RleMask):
            region = decode_siim_rle(mask.runs, shape)
        else:
            path = index.root / mask.file
            region = decode_png_mask(read_bytes(path), shape=shape, name=str(path))
        masks[mask.class_id - 1] |= region
    return masks


def read_mask(index: DatasetIndex, sample: Sample) -> npt.NDArray[np.uint8]:
    """Class ids (H, W) at the image's own size: 0 background, 1 the first of the index's classes.

    Where regions of several classes overlap, the later class wins.
    """
    masks = read_class_masks(index, sample)  # (C, H, W)
    ids = np.arange(1, len(masks) + 1, dtype=np.uint8)[:, None, None]
    mask: npt.NDArray[np.uint8] = np.max(masks * ids, axis=0, initial=0)
    return mask


def decode_png_mask(data: bytes, *, shape: tuple[int, int], name: str) -> npt.NDArray[np.bool_]:
    """The foreground (H, W) of a mask file's bytes: every pixel whose value, or palette index, is not 0.

    An alpha channel does not count. Raises DataError, with ``name`` as its field, where it is no image or
    not of ``shape``.
    """
    try:
        with Image.open(io.BytesIO(data)) as image:
            bands = np.asarray(image)
            if image.mode in {"LA", "RGBA", "PA"}:
                bands = bands[..., :-1]
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise DataError(
            f"the mask cannot be decoded: {error}.", field=name, remedy="Write it as PNG again."
        ) from error
    foreground: npt.NDArray[np.bool_] = bands != 0 if bands.ndim == 2 else (bands != 0).any(axis=-1)
    if foreground.shape != shape:
        height, width = foreground.shape
        raise DataError(
            f"the mask has {width} x {height} pixels, and its image {shape[1]} x {shape[0]}.",
            field=name,
            remedy="Write the mask at the size of its image.",
        )
    return foreground
