"""Images decoded and resized once, then read back as arrays."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from wsmis_core.data.images import decode_image, read_registered
from wsmis_core.data.index import DatasetIndex, Sample
from wsmis_core.files import write_bytes_atomically
from wsmis_core.spec.parts import Size

__all__ = ["prepared_image", "resized", "shape_at"]

PREPARATION = 4  # counts up whenever decoding or resizing gives other pixels

Pixels = npt.NDArray[np.uint8]


def shape_at(sample: Sample, size: Size) -> tuple[int, int]:
    """Height and width of the sample's image at ``size``."""
    return (sample.height, sample.width) if size == "native" else (size, size)


def prepared_image(index: DatasetIndex, sample: Sample, *, size: Size, cache: Path) -> Pixels:
    """The sample's image (*shape_at(sample, size), c), c = 1 where grey and 3 where RGB.

    A square one, for which the aspect is not kept, is read from ``cache`` where it is there, else made and
    stored there, under the hash of the file's bytes: equal files of several data sets share it. Several
    processes may ask at once; a broken entry is made anew. An image at its own size is always read from its
    file: the cache would be as large as the decoded data set.

    Raises DataError where the file is no longer the one that was registered.
    """
    if size == "native":
        return _with_bands(_decoded(index, sample))
    path = cache / sample.content / f"{size}-{PREPARATION}.npy"
    stored = _stored(path, size)
    if stored is not None:
        return stored
    prepared = resized(_decoded(index, sample), size)
    buffer = io.BytesIO()
    np.save(buffer, prepared, allow_pickle=False)
    write_bytes_atomically(path, buffer.getvalue())
    return prepared


def _decoded(index: DatasetIndex, sample: Sample) -> Pixels:
    source = index.path(sample)
    return decode_image(read_registered(source, content=sample.content), name=str(source)).pixels


def resized(pixels: Pixels, size: int) -> Pixels:
    """(H, W) or (H, W, 3) as (size, size, c): the mean of the area where both sides shrink, else bilinear."""
    shrinks = size <= min(pixels.shape[:2])
    method = Image.Resampling.BOX if shrinks else Image.Resampling.BILINEAR
    return _with_bands(np.asarray(Image.fromarray(pixels).resize((size, size), method)))


def _with_bands(pixels: Pixels) -> Pixels:
    return pixels[..., None] if pixels.ndim == 2 else pixels


def _stored(path: Path, size: int) -> Pixels | None:
    try:
        array = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):  # not there, or not whole
        return None
    whole = array.dtype == np.uint8 and array.ndim == 3 and array.shape[:2] == (size, size)
    return array if whole else None
