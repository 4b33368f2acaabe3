"""From a data set's spec to its index: every file opened and decoded once, everything wrong said."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeGuard, get_args

from wsmis_core.data.index import UNKNOWN_LABEL, DataProblem, DatasetIndex, Sample, fingerprint
from wsmis_core.data.layouts import LAYOUTS, GivenSplits, Listing
from wsmis_core.data.layouts.entries import first_of
from wsmis_core.data.layouts.folder import unseen
from wsmis_core.data.opening import OpenedImage, open_image
from wsmis_core.data.splits import check_patients_apart, draw_splits
from wsmis_core.errors import DataError, Problem
from wsmis_core.spec.dataset import DatasetSpec, SplitShares
from wsmis_core.spec.parts import Split

__all__ = ["scan"]

MOST_THREADS = 8  # decoders run outside of Python's lock; more threads than this wait for the disk
TOLD_PROBLEMS = 20
LABELS = {1: "positive", 0: "negative", UNKNOWN_LABEL: "unknown"}


def scan(spec: DatasetSpec, *, progress: Callable[[int, int], None] | None = None) -> DatasetIndex:
    """The index of the data set, from its table and from every one of its files.

    Files that cannot be read and rows that cannot be used are problems of the index, and left out.
    ``progress`` is called with the files done and their number, from the calling thread.

    Raises DataError where nothing can be made of the set: root, table or columns missing, no image
    left, no class with both positive and negative images, a given split that divides a patient, too few
    patients for the splits. Its ``problems`` begin with the reason.
    """
    listing = LAYOUTS[spec.format](spec)
    _check_listed_splits(listing)
    opened = _open_all(Path(spec.root), listing, progress)
    problems = [
        *unseen(Path(spec.root).resolve()),
        *listing.problems,
        *(problem for one in opened for problem in one.problems),
    ]
    usable = [one for one in opened if one.content is not None]
    try:
        _check_classes(listing, usable)
        splits = _splits(listing, usable)
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


def _open_all(root: Path, listing: Listing, progress: Callable[[int, int], None] | None) -> list[OpenedImage]:
    opened: list[OpenedImage] = []
    with ThreadPoolExecutor(min(MOST_THREADS, os.cpu_count() or 1)) as pool:
        for one in pool.map(partial(open_image, root, listing.classes), listing.images):
            opened.append(one)
            if progress is not None:
                progress(len(opened), len(listing.images))
    return opened


def _check_classes(listing: Listing, usable: Sequence[OpenedImage]) -> None:
    if not usable:
        raise DataError(
            f"none of the {len(listing.images)} images can be read.",
            field=listing.table,
            remedy="See the problems of the single files.",
        )
    columns = zip(*(one.labels for one in usable), strict=True)
    if all(map(_one_kind, columns)):
        raise DataError(
            f"all {len(usable)} usable images have the same labels: there is nothing to tell apart.",
            field=listing.table,
            remedy="Add images that do and that do not show a finding.",
        )


def _one_kind(labels: Iterable[int]) -> bool:
    """Whether the labels that are known are all the same."""
    return len(set(labels) - {UNKNOWN_LABEL}) < 2


def _patient(one: OpenedImage) -> str:
    """The image's patient; an image of which none is known is its own."""
    return one.patient or f"image {one.image.id}"


def _check_listed_splits(listing: Listing) -> None:
    """Tell what is wrong with given splits before the files are opened, where all patients are listed."""
    patients = [image.patient for image in listing.images if image.patient is not None]
    splits = [image.split for image in listing.images]
    given = listing.splits
    if isinstance(given, GivenSplits) and _all_given(splits) and len(patients) == len(splits):
        _check_given(given, patients, splits, table=listing.table)


def _check_given(given: GivenSplits, patients: Sequence[str], splits: Sequence[Split], *, table: str) -> None:
    try:
        check_patients_apart(patients, splits, origin=given.origin)
        if "train" not in splits:
            raise DataError(f"no usable image is `train` in {given.origin}.", remedy="Name some.")
    except DataError as error:
        raise DataError(error.message, field=table, remedy=f"{error.remedy} {given.remedy}") from error


def _splits(listing: Listing, usable: Sequence[OpenedImage]) -> list[Split]:
    patients = [_patient(one) for one in usable]
    labels = [one.labels for one in usable]
    given = listing.splits
    if isinstance(given, SplitShares):
        return draw_splits(patients, labels, given)
    splits = [one.image.split for one in usable]
    assert _all_given(splits), "a layout that gives splits gives every image one"
    _check_given(given, patients, splits, table=listing.table)
    if given.drawn is not None:
        training = [number for number, split in enumerate(splits) if split == "train"]
        drawn = draw_splits(
            [patients[number] for number in training],
            [labels[number] for number in training],
            given.drawn,
            option=given.option,
        )
        for number, split in zip(training, drawn, strict=True):
            splits[number] = split
    return splits


def _all_given(splits: list[Split | None]) -> TypeGuard[list[Split]]:
    return None not in splits


def _sample(one: OpenedImage, split: Split) -> Sample:
    assert one.content is not None, "only images that could be read become samples"
    height, width = one.shape
    return Sample(
        id=one.image.id,
        file=one.image.file,
        patient=_patient(one),
        labels=one.labels,
        split=split,
        masks=one.masks,
        boxes=one.boxes,
        height=height,
        width=width,
        content=one.content,
    )


def _remarks(
    listing: Listing, usable: Sequence[OpenedImage], samples: Sequence[Sample]
) -> Iterator[DataProblem]:
    """What does not stop the set from being used, and should be known."""
    anonymous = sum(one.patient is None for one in usable)
    if anonymous:
        yield DataProblem(
            file=listing.table,
            message=f"of {anonymous} images no patient is known: each counts as a patient of its own.",
            remedy="Add a patient column, so that no patient is in two splits.",
            severity="info",
        )
    divided = list(_divided_patients(usable, {sample.id: sample.split for sample in samples}))
    yield from first_of(divided, file=listing.table, what="patients of the files are in two splits")
    for position, name in enumerate(listing.classes):
        for split in get_args(Split):
            labels = [sample.labels[position] for sample in samples if sample.split == split]
            if labels and _one_kind(labels):
                which = " or ".join(LABELS[label] for label in sorted(set(labels), reverse=True))
                yield DataProblem(
                    file=listing.table,
                    message=f"all {len(labels)} images of the split {split} are {which} for {name!r}.",
                    remedy="Add images or change the splits; scores of this class say nothing there.",
                )


def _divided_patients(usable: Sequence[OpenedImage], splits: Mapping[str, Split]) -> Iterator[DataProblem]:
    """Patients that the files say are one, and the layout says are several, in several splits."""
    first: dict[str, OpenedImage] = {}
    told: set[str] = set()
    for one in usable:
        patient = one.file_patient
        if patient is None or patient in told:
            continue
        other = first.setdefault(patient, one)
        split, other_split = splits[one.image.id], splits[other.image.id]
        if split != other_split:
            told.add(patient)
            yield DataProblem(
                file=one.image.file,
                message=f"its PatientID {patient!r} is also that of {other.image.file}; by the table they "
                f"are the patients {_patient(one)!r} in {split} and {_patient(other)!r} in {other_split}.",
                remedy="If it is one patient, give both images one id: what trains must not be scored.",
            )


def _as_error(problem: DataProblem) -> Problem:
    return Problem(problem.message, problem.file, problem.remedy)
