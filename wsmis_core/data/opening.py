"""The look inside one listed image: its pixels, its masks, its labels, and whether they agree."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from wsmis_core.data.boxes import placed_boxes
from wsmis_core.data.images import decode_image, read_bytes
from wsmis_core.data.index import UNKNOWN_LABEL, Box, ClassMask, DataProblem, Mask, PngMask, RleMask
from wsmis_core.data.layouts import (
    ListedAnnotation,
    ListedClassMask,
    ListedImage,
    ListedMask,
    ListedMaskFile,
    ListedRuns,
    ShownLabels,
)
from wsmis_core.data.masks import VOID, decode_class_mask, decode_png_mask, values_of
from wsmis_core.data.rle import decode_siim_rle
from wsmis_core.errors import DataError

__all__ = ["OpenedImage", "open_image"]


@dataclass(frozen=True, slots=True)
class OpenedImage:
    """A listed image after a look inside; without ``content`` it could not be read.

    ``patient`` is the layout's word, else that of the file, which is ``file_patient``.
    """

    image: ListedImage
    problems: tuple[DataProblem, ...]
    content: str | None = None
    labels: tuple[int, ...] = ()
    shape: tuple[int, int] = (0, 0)
    patient: str | None = None
    file_patient: str | None = None
    masks: tuple[Mask, ...] = ()
    boxes: tuple[Box, ...] = ()


@dataclass(frozen=True, slots=True)
class _OpenedMask:
    """A mask that can be read, the classes that it speaks of, and those of them that it shows."""

    mask: Mask
    origin: str
    about: tuple[int, ...]
    shown: frozenset[int]


def open_image(root: Path, classes: Sequence[str], image: ListedImage) -> OpenedImage:
    """Read and decode an image, its masks and its labels; ``classes`` are the data set's."""
    try:
        data = read_bytes(root / image.file)
        picture = decode_image(data, name=image.file)
    except DataError as error:
        return OpenedImage(image, (_problem(image.file, error),))
    height, width = picture.pixels.shape[:2]
    masks, problems = _open_masks(root, image, (height, width), classes=len(classes))
    try:
        labels = _labels(root, image, masks, classes=len(classes))
    except DataError as error:
        return OpenedImage(image, (*problems, _problem(error.field or image.file, error)))
    boxes, box_problems = placed_boxes(image, labels, (height, width), classes)
    return OpenedImage(
        image,
        (*problems, *_disagreements(image, labels, masks, classes), *box_problems),
        content=hashlib.sha256(data).hexdigest(),
        labels=labels,
        shape=(height, width),
        patient=image.patient or picture.patient,
        file_patient=picture.patient,
        masks=tuple(one.mask for one in masks if one.shown or isinstance(one.mask, ClassMask)),
        boxes=boxes,
    )


def _problem(file: str, error: DataError) -> DataProblem:
    return DataProblem(file=file, message=error.message, remedy=error.remedy)


def _labels(root: Path, image: ListedImage, masks: Sequence[_OpenedMask], *, classes: int) -> tuple[int, ...]:
    """The image's labels; raises DataError where they are in a file or mask that cannot be read."""
    match image.labels:
        case ListedAnnotation():
            data = read_bytes(root / image.labels.file)
            try:
                return image.labels.labels(data)
            except DataError as error:
                raise DataError(error.message, field=image.labels.file, remedy=error.remedy) from error
        case ShownLabels():
            if len(masks) < len(image.masks):
                raise DataError(
                    "its label is that of its mask, which cannot be used.", remedy="Correct the mask."
                )
            shown = {class_id for one in masks for class_id in one.shown}
            return tuple(int(class_id in shown) for class_id in range(1, classes + 1))
        case _:
            return image.labels


def _open_masks(
    root: Path, image: ListedImage, shape: tuple[int, int], *, classes: int
) -> tuple[list[_OpenedMask], list[DataProblem]]:
    """The masks of one image that can be read; a class with a region that cannot has none."""
    problems: list[DataProblem] = []
    masks: list[_OpenedMask] = []
    broken: set[int] = set()
    for listed in image.masks:
        try:
            masks.append(_open_mask(root, listed, shape, classes=classes))
        except DataError as error:
            if not isinstance(listed, ListedClassMask):
                broken.add(listed.class_id)
            problems.append(_problem(listed.origin, error))
    whole = [one for one in masks if isinstance(one.mask, ClassMask) or one.mask.class_id not in broken]
    return whole, problems


def _disagreements(
    image: ListedImage, labels: Sequence[int], masks: Sequence[_OpenedMask], classes: Sequence[str]
) -> Iterator[DataProblem]:
    """Where a mask and the labels do not say the same."""
    for one in masks:
        for class_id in one.about:
            shown, label = class_id in one.shown, labels[class_id - 1]
            if label not in (UNKNOWN_LABEL, shown):
                state = "shows it, and the label is 0" if shown else "does not show it, and the label is 1"
                yield DataProblem(
                    file=one.origin,
                    message=f"{classes[class_id - 1]}: the mask {state} ({image.file}).",
                    remedy="Correct one of them.",
                )


def _open_mask(root: Path, listed: ListedMask, shape: tuple[int, int], *, classes: int) -> _OpenedMask:
    if isinstance(listed, ListedRuns):
        runs = RleMask(class_id=listed.class_id, runs=listed.runs)
        return _opened_region(listed, runs, decode_siim_rle(listed.runs, shape))
    data = read_bytes(root / listed.file)
    content = hashlib.sha256(data).hexdigest()
    if isinstance(listed, ListedMaskFile):
        png = PngMask(class_id=listed.class_id, file=listed.file, content=content)
        return _opened_region(listed, png, decode_png_mask(data, shape=shape, name=listed.file))
    labels = decode_class_mask(data, shape=shape, classes=classes, values=listed.values, name=listed.file)
    return _OpenedMask(
        ClassMask(file=listed.file, content=content, values=listed.values),
        listed.origin,
        about=tuple(range(1, classes + 1)),
        shown=frozenset(values_of(labels) - {0, VOID}),
    )


def _opened_region(
    listed: ListedRuns | ListedMaskFile, mask: Mask, region: npt.NDArray[np.bool_]
) -> _OpenedMask:
    shown = frozenset({listed.class_id} if region.any() else ())
    return _OpenedMask(mask, listed.origin, about=(listed.class_id,), shown=shown)
