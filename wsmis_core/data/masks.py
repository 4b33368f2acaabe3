"""True masks of a sample."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from wsmis_core.data.images import DEPTH_AT, read_registered, reason_of
from wsmis_core.data.index import ClassMask, DatasetIndex, PngMask, RleMask, Sample
from wsmis_core.data.rle import decode_siim_rle
from wsmis_core.errors import DataError

__all__ = ["VOID", "decode_class_mask", "decode_png_mask", "read_class_masks", "read_mask", "values_of"]

VOID = 255  # neither background nor a class: not scored, not learnt from
SPREAD = {2: 85, 4: 17}  # by the bits of a grey value, what Pillow multiplies it by

Labels = npt.NDArray[np.uint8]


def read_class_masks(index: DatasetIndex, sample: Sample) -> Labels:
    """One mask a class (C, H, W) at the image's own size: 1 the class, 0 not, 255 void.

    Regions of a class are united; a void pixel is void for every class. A class of which the index has no
    mask is all background: ask ``sample.has_masks`` whether it may be taken for the truth. Raises DataError
    where a mask file can no longer be read or is not the one that was registered.
    """
    masks = np.zeros((len(index.classes), sample.height, sample.width), dtype=np.uint8)
    for mask in sample.masks:
        if isinstance(mask, ClassMask):
            labels = _class_mask(index, sample, mask)
            masks[labels == np.arange(1, len(masks) + 1, dtype=np.uint8)[:, None, None]] = 1
            masks[:, labels == VOID] = VOID
        else:
            masks[mask.class_id - 1, _region(index, sample, mask)] = 1
    return masks


def read_mask(index: DatasetIndex, sample: Sample) -> Labels:
    """Class ids (H, W) at the image's own size: 0 background, 1 the first of the index's classes, 255 void.

    Where regions of several classes overlap, the later class wins. Raises as `read_class_masks`.
    """
    labels = np.zeros((sample.height, sample.width), dtype=np.uint8)
    for mask in sample.masks:
        if isinstance(mask, ClassMask):
            labels = np.maximum(labels, _class_mask(index, sample, mask))
        else:
            region = _region(index, sample, mask)
            labels[region] = np.maximum(labels[region], mask.class_id)
    return labels


def decode_class_mask(
    data: bytes, *, shape: tuple[int, int], classes: int, values: Sequence[tuple[int, int]] = (), name: str
) -> Labels:
    """The class ids (H, W), 255 void, of the bytes of a PNG with a palette or up to 8 bits of grey.

    What counts are the values in the file, not its colours.

    ``values`` holds (value in the file, class id) of each class, where these are not the same. Raises
    DataError, with ``name`` as its field, where it is no such image, not of ``shape``, or holds a value
    that stands for nothing.
    """
    decoded, mode = _decoded(data, name=name)
    if mode not in {"P", "L", "1"}:
        raise DataError(
            f"a mask of all classes holds their numbers, and this one is of colours or more bits ({mode}).",
            field=name,
            remedy="Write it as a PNG with a palette or as 8-bit grey, a pixel's value its class's number.",
        )
    pixels: Labels = decoded.astype(np.uint8)
    if mode == "L":
        pixels //= SPREAD.get(data[DEPTH_AT], 1)
    _check_shape(pixels, shape, name=name)
    ids = dict(values) if values else {number: number for number in range(1, classes + 1)}
    known = {0: 0, VOID: VOID, **ids}
    unknown = values_of(pixels) - known.keys()
    if unknown:
        raise DataError(
            f"the mask holds the value {min(unknown)}, which stands for no class: these are "
            f"{', '.join(map(str, sorted(ids)))}, with 0 background and {VOID} void.",
            field=name,
            remedy="Correct the mask, or the data set's classes.",
        )
    table = np.zeros(VOID + 1, dtype=np.uint8)
    table[list(known)] = list(known.values())
    labels: Labels = table[pixels]
    return labels


def values_of(labels: Labels) -> set[int]:
    """The values that occur; much faster than sorting them."""
    return set(np.flatnonzero(np.bincount(labels.ravel(), minlength=VOID + 1)).tolist())


def decode_png_mask(data: bytes, *, shape: tuple[int, int], name: str) -> npt.NDArray[np.bool_]:
    """The foreground (H, W) of a mask file's bytes: every pixel whose value, or palette index, is not 0.

    An alpha channel does not count. Raises DataError, with ``name`` as its field, where it is no PNG or
    not of ``shape``.
    """
    bands, mode = _decoded(data, name=name)
    if mode in {"LA", "RGBA", "PA"}:
        bands = bands[..., :-1]
    foreground: npt.NDArray[np.bool_] = bands != 0 if bands.ndim == 2 else (bands != 0).any(axis=-1)
    _check_shape(foreground, shape, name=name)
    return foreground


def _class_mask(index: DatasetIndex, sample: Sample, mask: ClassMask) -> Labels:
    path = index.root / mask.file
    return decode_class_mask(
        read_registered(path, content=mask.content),
        shape=(sample.height, sample.width),
        classes=len(index.classes),
        values=mask.values,
        name=str(path),
    )


def _region(index: DatasetIndex, sample: Sample, mask: RleMask | PngMask) -> npt.NDArray[np.bool_]:
    shape = (sample.height, sample.width)
    if isinstance(mask, RleMask):
        return decode_siim_rle(mask.runs, shape)
    path = index.root / mask.file
    return decode_png_mask(read_registered(path, content=mask.content), shape=shape, name=str(path))


def _decoded(data: bytes, *, name: str) -> tuple[npt.NDArray[np.generic], str]:
    """The values of a mask file's bytes, and Pillow's name of their kind."""
    try:
        with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
            return np.asarray(image), image.mode
    except UnidentifiedImageError as error:
        raise DataError("the mask is no PNG.", field=name, remedy="Convert it to PNG.") from error
    except Exception as error:  # a damaged file makes Pillow raise whatever it pleases
        raise DataError(
            f"the mask cannot be decoded: {reason_of(error)}.", field=name, remedy="Write it as PNG again."
        ) from error


def _check_shape(mask: npt.NDArray[np.generic], shape: tuple[int, int], *, name: str) -> None:
    height, width = mask.shape
    if (height, width) != shape:
        raise DataError(
            f"the mask has {width} x {height} pixels, and its image {shape[1]} x {shape[0]}.",
            field=name,
            remedy="Write the mask at the size of its image.",
        )
