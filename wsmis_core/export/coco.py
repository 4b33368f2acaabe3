"""Instances as COCO's JSON, and its run lengths.

A mask (H, W) is flattened column by column, top to bottom. ``counts`` are the lengths of its runs,
background and foreground by turns, background first even where it has length 0. In a file they are text:
each count but the first three less the one two before it, in groups of five bits, the lowest first;
a group's sixth bit says that another follows, and 48 makes it a printable character.
Source: the COCO data format, cocodataset.org.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
import numpy.typing as npt

from wsmis_core.errors import ArtifactError
from wsmis_core.files import write_text_atomically

__all__ = [
    "CocoImage",
    "CocoRle",
    "box_of",
    "counts_of",
    "counts_text",
    "decode_coco_rle",
    "encode_coco_rle",
    "write_coco",
]

Mask = npt.NDArray[np.bool_]

_GROUP_BITS = 5
_GROUP = (1 << _GROUP_BITS) - 1
_SIGN = 1 << (_GROUP_BITS - 1)
_MORE = 1 << _GROUP_BITS
_FIRST_CHARACTER = 48


class CocoRle(TypedDict):
    """A mask of ``size`` [height, width]."""

    size: list[int]
    counts: str


@dataclass(frozen=True, slots=True)
class CocoImage:
    """An image and its objects, the best first; each has category_id, score, segmentation, bbox and area."""

    file_name: str
    height: int
    width: int
    objects: Sequence[dict[str, Any]] = ()


def encode_coco_rle(mask: Mask) -> CocoRle:
    """The compressed run lengths of a mask (H, W)."""
    flat = np.asarray(mask, dtype=np.int8).ravel(order="F")  # (W * H,)
    changes = np.flatnonzero(np.diff(flat, prepend=0))
    counts = np.diff(changes, prepend=0, append=flat.size)
    return {"size": list(mask.shape), "counts": counts_text(counts.tolist())}


def decode_coco_rle(rle: CocoRle) -> Mask:
    """The mask (H, W) of compressed run lengths; raises ArtifactError where they do not fill it."""
    height, width = rle["size"]
    counts = counts_of(rle["counts"])
    if min(counts, default=0) < 0 or sum(counts) != height * width:
        raise ArtifactError(
            f"the runs {counts[:8]} do not fill an image of {width} x {height}.",
            field="segmentation.counts",
            remedy="Run the job that made it again.",
        )
    flat = np.repeat(np.arange(len(counts)) % 2 == 1, counts)
    return flat.reshape((height, width), order="F")


def counts_text(counts: Sequence[int]) -> str:
    """Run lengths as text."""
    differences = [count - (counts[place - 2] if place > 2 else 0) for place, count in enumerate(counts)]
    return "".join(character for value in differences for character in _groups(value))


def _groups(value: int) -> Iterable[str]:
    more = True
    while more:
        group, value = value & _GROUP, value >> _GROUP_BITS
        more = value != (-1 if group & _SIGN else 0)  # the last group's highest bit is the sign
        yield chr((group | _MORE if more else group) + _FIRST_CHARACTER)


def counts_of(text: str) -> list[int]:
    """The run lengths that `counts_text` wrote."""
    counts: list[int] = []
    value = shift = 0
    for character in text:
        group = ord(character) - _FIRST_CHARACTER
        value |= (group & _GROUP) << shift
        shift += _GROUP_BITS
        if group & _MORE:
            continue
        if group & _SIGN:
            value -= 1 << shift
        counts.append(value + (counts[-2] if len(counts) > 2 else 0))
        value = shift = 0
    return counts


def box_of(mask: Mask) -> list[int]:
    """COCO's bbox of a mask that is not empty: left, top, width and height in pixels."""
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    left, top = int(columns[0]), int(rows[0])
    return [left, top, int(columns[-1]) - left + 1, int(rows[-1]) - top + 1]


def write_coco(path: Path, *, images: Sequence[CocoImage], classes: Sequence[str]) -> None:
    """Write one file of all images and their objects; ids of images, objects and classes count from 1."""
    annotations = [
        {"image_id": number, "iscrowd": 0, **found}
        for number, image in enumerate(images, start=1)
        for found in image.objects
    ]
    content = {
        "images": [
            {"id": number, "file_name": image.file_name, "height": image.height, "width": image.width}
            for number, image in enumerate(images, start=1)
        ],
        "categories": [{"id": number, "name": name} for number, name in enumerate(classes, start=1)],
        "annotations": [{"id": number, **one} for number, one in enumerate(annotations, start=1)],
    }
    write_text_atomically(path, json.dumps(content))
