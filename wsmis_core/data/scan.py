"""From a data set's spec to its index: every file opened and decoded once, everything wrong said."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeGuard, get_args

import numpy as np

from wsmis_core.data.images import decode_image, read_bytes
from wsmis_core.data.index import (
    ClassMask,
    DataProblem,
    DatasetIndex,
    Mask,
    PngMask,
    RleMask,
    Sample,
    fingerprint,
)
from wsmis_core.data.layouts import (
    LAYOUTS,
    ListedClassMask,
    ListedImage,
    ListedMask,
    ListedMaskFile,
    ListedRuns,
    Listing,
)
from wsmis_core.data.masks import decode_class_mask, decode_png_mask
from wsmis_core.data.rle import decode_siim_rle
from wsmis_core.data.splits import check_patients_apart, draw_splits
from wsmis_core.errors import DataError, Problem
from wsmis_core.spec.dataset import DatasetSpec
from wsmis_core.spec.parts import Split

__all__ = ["scan"]

MOST_THREADS = 8  # decoders run outside of Python's lock; more threads than this wait for the disk
TOLD_PROBLEMS = 20


@dataclass(frozen=True, slots=True)
class _Opened:
    """A listed image after a look inside; without ``content`` it could not be read."""

    image: ListedImage
    problems: tuple[DataProblem, ...]
    content: str | None = None
    shape: tuple[int, int] = (0, 0)
    patient: str | None = None
    masks: tuple[Mask, ...] = ()


def scan(spec: DatasetSpec, *, progress: Callable[[int, int], None] | None = None) -> DatasetIndex:
    """The index of the data set, from its table and from every one of its files.

    Files that cannot be read and rows that cannot be used are problems of the index, and left out.
    ``progress`` is called with the files done and their number, from the calling thread.

    Raises DataError where nothing can be made of the set: root, table or columns missing, no image
    left, no class with both positive and negative images, a given split that divides a patient, too few
    patients for the splits. Its ``problems`` begin with the reason.
    """
    listing = LAYOUTS[spec.format](spec)
    opened = _open_all(Path(spec.root), listing, progress)
    problems = [*listing.problems, *(problem for one in opened for problem in one.problems)]
    usable = [one for one in opened if one.content is not None]
    try:
        _check_classes(listing, usable)
        splits = _splits(spec, listing, usable)
    except DataError as error:
        raise DataError(
            error.message,
            field=error.field,
            remedy=error.remedy,
            problems=[*error.problems, *map(_as_error, problems[:TOLD_PROBLEMS])],
        ) from error
    samples = tuple(
        sorted(
            (_sample(one, split) for one, split in zip(usable, splits, strict=True)),
            key=lambda sample: sample.id,
        )
    )
    return DatasetIndex(
        spec=spec,
        classes=listing.classes,
        samples=samples,
        problems=(*problems, *_remarks(listing, usable, samples)),
        has_masks=any(sample.masks for sample in samples),
        fingerprint=fingerprint(listing.classes, samples),
    )


def _open_all(root: Path, listing: Listing, progress: Callable[[int, int], None] | None) -> list[_Opened]:
    opened: list[_Opened] = []
    with ThreadPoolExecutor(min(MOST_THREADS, os.cpu_count() or 1)) as pool:
        for one in pool.map(partial(_open, root, listing.classes), listing.images):
            opened.append(one)
            if progress is not None:
                progress(len(opened), len(listing.images))
    return opened


def _open(root: Path, classes: Sequence[str], image: ListedImage) -> _Opened:
    try:
        data = read_bytes(root / image.file)
        picture = decode_image(data, name=image.file)
    except DataError as error:
        problem = DataProblem(file=image.file, message=error.message, remedy=error.remedy)
        return _Opened(image, (problem,))
    height, width = picture.pixels.shape[:2]
    masks, problems = _open_masks(root, image, (height, width), classes)
    return _Opened(
        image,
        tuple(problems),
        hashlib.sha256(data).hexdigest(),
        (height, width),
        image.patient or picture.patient,
        masks,
    )


def _open_masks(
    root: Path, image: ListedImage, shape: tuple[int, int], classes: Sequence[str]
) -> tuple[tuple[Mask, ...], list[DataProblem]]:
    """The masks of one image, and where they are not what its labels say.

    A class with a region that cannot be read, or is empty though labelled, has none.
    """
    problems: list[DataProblem] = []
    masks: list[Mask] = []
    broken: set[int] = set()
    for listed in image.masks:
        try:
            mask, shown = _open_mask(root, listed, shape, classes=len(classes))
        except DataError as error:
            if not isinstance(listed, ListedClassMask):
                broken.add(listed.class_id)
            problems.append(DataProblem(file=listed.origin, message=error.message, remedy=error.remedy))
            continue
        if isinstance(mask, ClassMask) or any(shown.values()):
            masks.append(mask)
        for class_id, filled in shown.items():
            if filled != bool(image.labels[class_id - 1]):
                state = "shows it, and the label is 0" if filled else "does not show it, and the label is 1"
                problems.append(
                    DataProblem(
                        file=listed.origin,
                        message=f"{classes[class_id - 1]}: the mask {state} ({image.file}).",
                        remedy="Correct one of them.",
                    )
                )
    return tuple(
        mask for mask in masks if isinstance(mask, ClassMask) or mask.class_id not in broken
    ), problems


def _open_mask(
    root: Path, listed: ListedMask, shape: tuple[int, int], *, classes: int
) -> tuple[Mask, dict[int, bool]]:
    """The mask, and for each class that it speaks of whether it shows it."""
    if isinstance(listed, ListedRuns):
        region = decode_siim_rle(listed.runs, shape)
        return RleMask(class_id=listed.class_id, runs=listed.runs), {listed.class_id: bool(region.any())}
    data = read_bytes(root / listed.file)
    content = hashlib.sha256(data).hexdigest()
    if isinstance(listed, ListedMaskFile):
        region = decode_png_mask(data, shape=shape, name=listed.file)
        png = PngMask(class_id=listed.class_id, file=listed.file, content=content)
        return png, {listed.class_id: bool(region.any())}
    labels = decode_class_mask(data, shape=shape, classes=classes, values=listed.values, name=listed.file)
    there = set(np.unique(labels).tolist())
    mask = ClassMask(file=listed.file, content=content, values=listed.values)
    return mask, {class_id: class_id in there for class_id in range(1, classes + 1)}


def _check_classes(listing: Listing, usable: Sequence[_Opened]) -> None:
    if not usable:
        raise DataError(
            f"none of the {len(listing.images)} images can be read.",
            field=listing.table,
            remedy="See the problems of the single files.",
        )
    columns = zip(*(one.image.labels for one in usable), strict=True)
    if all(len(set(column)) == 1 for column in columns):
        raise DataError(
            f"all {len(usable)} usable images have the same labels: there is nothing to tell apart.",
            field=listing.table,
            remedy="Add images that do and that do not show a finding.",
        )


def _patient(one: _Opened) -> str:
    """The image's patient; an image of which none is known is its own."""
    return one.patient or f"image {one.image.id}"


def _splits(spec: DatasetSpec, listing: Listing, usable: Sequence[_Opened]) -> list[Split]:
    patients = [_patient(one) for one in usable]
    if listing.split_column is None:
        return draw_splits(patients, [one.image.labels for one in usable], spec.splits)
    splits = [one.image.split for one in usable]
    assert _all_given(splits), "a layout with a split column gives every image a split"
    check_patients_apart(patients, splits, file=listing.table, column=listing.split_column)
    if "train" not in splits:
        raise DataError(
            f"no usable image is `train` in the column {listing.split_column!r}.",
            field=listing.table,
            remedy="Write train, val or test, or leave options.split_column out for a drawn split.",
        )
    return splits


def _all_given(splits: list[Split | None]) -> TypeGuard[list[Split]]:
    return None not in splits


def _sample(one: _Opened, split: Split) -> Sample:
    assert one.content is not None, "only images that could be read become samples"
    height, width = one.shape
    return Sample(
        id=one.image.id,
        file=one.image.file,
        patient=_patient(one),
        labels=one.image.labels,
        split=split,
        masks=one.masks,
        height=height,
        width=width,
        content=one.content,
    )


def _remarks(listing: Listing, usable: Sequence[_Opened], samples: Sequence[Sample]) -> Iterator[DataProblem]:
    """What does not stop the set from being used, and should be known."""
    anonymous = sum(one.patient is None for one in usable)
    if anonymous:
        yield DataProblem(
            file=listing.table,
            message=f"of {anonymous} images no patient is known: each counts as a patient of its own.",
            remedy="Add a patient column, so that no patient is in two splits.",
            severity="info",
        )
    for position, name in enumerate(listing.classes):
        for split in get_args(Split):
            labels = [sample.labels[position] for sample in samples if sample.split == split]
            if labels and len(set(labels)) == 1:
                which = "positive" if labels[0] else "negative"
                yield DataProblem(
                    file=listing.table,
                    message=f"all {len(labels)} images of the split {split} are {which} for {name!r}.",
                    remedy="Add images or change the splits; scores of this class say nothing there.",
                )


def _as_error(problem: DataProblem) -> Problem:
    return Problem(problem.message, problem.file, problem.remedy)
