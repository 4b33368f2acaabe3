"""PASCAL VOC 2012's devkit: lists of names, JPEGs, annotation XML and PNGs of class numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from wsmis_core.data.images import read_bytes
from wsmis_core.data.index import DataProblem
from wsmis_core.data.layouts.claims import Claim, without_masks
from wsmis_core.data.layouts.file_names import FilesByName, by_name
from wsmis_core.data.layouts.folder import existing_root, files_below, inside, real_path
from wsmis_core.data.layouts.ids import ids_of
from wsmis_core.data.layouts.listing import (
    GivenSplits,
    ListedAnnotation,
    ListedClassMask,
    ListedImage,
    Listing,
    ShownLabels,
)
from wsmis_core.data.layouts.voc_annotation import labels_of, read_objects
from wsmis_core.data.layouts.voc_lists import IMAGE_SUFFIXES, named_lists, read_lists
from wsmis_core.errors import DataError
from wsmis_core.spec.dataset import MOST_CLASSES, VOC_CLASSES, SplitShares, Voc2012Dataset

__all__ = ["list_voc2012"]

DEVKITS = (".", "VOC2012", "VOCdevkit/VOC2012")
DEEPEST = 3  # folders that a devkit elsewhere may lie below the root
USUAL_VAL_SHARE = 0.1
READERS = 8  # threads for annotations, whose files are small: they wait for the disk


@dataclass(frozen=True, slots=True)
class _Found:
    """A listed image whose label is known, with its files relative to the root."""

    claim: Claim
    image: str
    annotation: str | None
    mask: str | None


def list_voc2012(spec: Voc2012Dataset) -> Listing:
    """The images that a list names, that are there and whose label is known.

    Raises DataError where the root, the devkit, a list or a folder is missing, two lists name one image, or
    no image can be used.
    """
    root = existing_root(spec.root)
    devkit = _devkit(root, spec)
    images, image_problems = _images(spec, root, devkit)
    claims, list_problems = read_lists(spec, images, root=root, devkit=devkit)
    found, problems = _found(spec, root, devkit, images, claims)
    if not found:
        first = problems[0] if problems else DataProblem(file=spec.lists, message="the lists are empty.")
        raise DataError(
            f"none of the {len(claims)} listed images can be used: {first.message}",
            field=first.file,
            remedy=first.remedy,
        )
    classes = _classes(spec, root, [one.annotation for one in found if one.annotation])
    ids = ids_of([one.image for one in found])
    read_labels = partial(labels_of, classes=classes, difficult=spec.difficult)
    listed = tuple(
        ListedImage(
            ids[one.image],
            one.image,
            ListedAnnotation(one.annotation, read_labels) if one.annotation else ShownLabels(),
            (ListedClassMask(one.mask),) if one.mask else (),
            patient=one.claim.image,
            split=one.claim.split,
        )
        for one in found
    )
    return Listing(
        table=claims[0].file,
        classes=classes,
        images=listed,
        splits=_splits(spec, devkit),
        problems=(*image_problems, *list_problems, *problems, *_without_masks(spec, found)),
    )


def _devkit(root: Path, spec: Voc2012Dataset) -> Path:
    """The folder that holds the lists: the root, one of the usual ones, or the only one below it."""
    real_path(root / spec.lists, name=spec.lists, option="options.lists")
    for name in DEVKITS:
        if (root / name / spec.lists).is_dir():
            return root / name
    for depth in range(1, DEEPEST + 1):
        below = sorted(root.glob(f"{'*/' * depth}{spec.lists}"))
        devkits = [Path(*path.parts[: len(root.parts) + depth]) for path in below if path.is_dir()]
        if len(devkits) > 1:
            names = " and ".join(str(path.relative_to(root)) for path in devkits[:2])
            raise DataError(
                f"{len(devkits)} folders hold {spec.lists}, among them {names}.",
                field="root",
                remedy="Give the one that is meant as the root.",
            )
        if devkits:
            return inside(root, str(devkits[0].relative_to(root)), option="root")
    raise DataError(
        f"there is no folder {spec.lists} in {spec.root} or below it.",
        field="root",
        remedy="Give the folder VOCdevkit/VOC2012, or name the lists' folder in options.lists.",
    )


def _images(spec: Voc2012Dataset, root: Path, devkit: Path) -> tuple[FilesByName, list[DataProblem]]:
    problems: list[DataProblem] = []
    images = _files(root, devkit, spec.images, IMAGE_SUFFIXES, problems, option="options.images")
    if not images:
        raise DataError(
            f"there is no JPEG or PNG in {spec.images}.",
            field="options.images",
            remedy="Give the folder that holds the images.",
        )
    return images, problems


def _found(
    spec: Voc2012Dataset, root: Path, devkit: Path, images: FilesByName, claims: Sequence[Claim]
) -> tuple[list[_Found], list[DataProblem]]:
    """The files of the listed images; those without image or label become problems."""
    problems: list[DataProblem] = []
    annotations = _files(root, devkit, spec.annotations, (".xml",), problems, option="options.annotations")
    masks = [
        _files(root, devkit, folder, (".png",), problems, option="options.masks") for folder in spec.masks
    ]
    found: list[_Found] = []
    for claim in claims:
        name = claim.image
        mask = next((files[name] for files in masks if name in files), None)
        one = _Found(claim, images.get(name, ""), annotations.get(name), mask)
        if not one.image:
            problems.append(
                DataProblem(
                    file=claim.file,
                    message=f"{claim.place}: there is no image {name} in {spec.images}.",
                    remedy="Add it, or take the line out.",
                )
            )
        elif one.annotation or (spec.labels == "annotations_or_masks" and one.mask):
            found.append(one)
        else:
            problems.append(
                DataProblem(
                    file=one.image,
                    message=f"there is no {name}.xml in {spec.annotations}: its label is not known.",
                    remedy="Add it, or set options.labels to annotations_or_masks to read labels off masks."
                    if one.mask
                    else "Add it, or take the image out of the lists.",
                )
            )
    return found, problems


def _files(
    root: Path,
    devkit: Path,
    folder: str,
    suffixes: Sequence[str],
    problems: list[DataProblem],
    *,
    option: str,
) -> FilesByName:
    """Files relative to the root by name without suffix; none where there is no such folder."""
    return by_name(files_below(root, inside(root, str(devkit / folder), option=option), suffixes), problems)


def _classes(spec: Voc2012Dataset, root: Path, annotations: Sequence[str]) -> tuple[str, ...]:
    """The names of the classes, in the order of the masks' values."""
    if spec.classes == "voc":
        return VOC_CLASSES
    if spec.classes != "annotations":
        return spec.classes
    with ThreadPoolExecutor(READERS) as pool:
        names = {name for found in pool.map(partial(_names, root), annotations) for name in found}
    if not 1 <= len(names) <= MOST_CLASSES:
        raise DataError(
            f"the annotations name {len(names)} classes; 1 to {MOST_CLASSES} are possible.",
            field=spec.annotations,
            remedy="Name the classes in options.classes.",
        )
    return tuple(sorted(names))


def _names(root: Path, annotation: str) -> set[str]:
    """The names in a file; none in one that cannot be read, which is said when its image is opened."""
    try:
        return {one.name for one in read_objects(read_bytes(root / annotation))}
    except DataError:
        return set()


def _without_masks(spec: Voc2012Dataset, found: Sequence[_Found]) -> Iterator[DataProblem]:
    masked = {one.claim.image for one in found if one.mask}
    folders = " or ".join(spec.masks) or "any folder"
    return without_masks([one.claim for one in found], masked, folders=folders)


def _splits(spec: Voc2012Dataset, devkit: Path) -> GivenSplits:
    share = spec.val_share
    if share is None:
        share = 0.0 if spec.val_list else USUAL_VAL_SHARE
    return GivenSplits(
        origin=" and ".join(named_lists(spec, devkit).values()),
        remedy="The lists are those in options.train_list, val_list and test_list.",
        drawn=SplitShares(val=share, test=0, seed=spec.seed) if share else None,
        option="options.val_share",
    )
