"""WSMIS's JSON: lists of {"image", "classes"} beside `images/<image>.jpg` and PNGs of class numbers."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from wsmis_core.data.index import DataProblem
from wsmis_core.data.layouts.claims import Claim, settled, without_masks
from wsmis_core.data.layouts.file_names import FilesByName, by_name
from wsmis_core.data.layouts.folder import files_below, inside
from wsmis_core.data.layouts.ids import ids_of
from wsmis_core.data.layouts.listing import GivenSplits, ListedClassMask, ListedImage, Listing
from wsmis_core.errors import DataError
from wsmis_core.spec.dataset import MOST_CLASSES, WsmisDataset
from wsmis_core.spec.parts import Split
from wsmis_core.text import is_text

__all__ = ["list_json"]

IMAGES = "images"
MASKS = "segmentation"
CLASSES_FILE = "class_to_index.json"
SUFFIXES = (".jpg", ".jpeg", ".png")


def list_json(spec: WsmisDataset, root: Path, files: dict[Split, str], splits: GivenSplits) -> Listing:
    """The images of the entries whose classes are known.

    Raises DataError where a file is not such JSON, an image is named twice in different files, or none can be
    used.
    """
    if spec.class_name is not None:
        raise DataError(
            f"the class is named {spec.class_name!r}, and {CLASSES_FILE} names the classes.",
            field="options.class_name",
            remedy="Leave it out: it belongs to the CSV layout.",
        )
    folder = PurePosixPath(files["train"]).parent
    index_of = _class_indices(root, str(folder / CLASSES_FILE))
    classes = tuple(sorted(index_of, key=lambda name: index_of[name]))
    values = tuple((index_of[name], class_id) for class_id, name in enumerate(classes, start=1))
    if all(value == class_id for value, class_id in values):
        values = ()
    problems: list[DataProblem] = []
    images_folder = inside(root, str(folder / IMAGES), option="options.train_file")
    images = by_name(files_below(root, images_folder, SUFFIXES), problems)
    masks = _masks(spec, root, folder, problems)
    claims = [
        claim
        for split, name in files.items()
        for claim in _claims(spec, root, split, name, classes, images, problems)
    ]
    usable = settled(claims, problems)
    if not usable:
        raise DataError(
            "no entry can be used: " + (problems[0].message if problems else "there is none."),
            field=files["train"],
            remedy=f"Put each image as {IMAGES}/<image>.jpg beside it.",
        )
    ids = ids_of([images[claim.image] for claim in usable])
    listed = tuple(
        ListedImage(
            ids[images[claim.image]],
            images[claim.image],
            claim.labels,
            (ListedClassMask(masks[claim.image], values),) if claim.image in masks else (),
            patient=claim.image,
            split=claim.split,
        )
        for claim in usable
    )
    problems += without_masks(usable, masks, folders=spec.masks or MASKS)
    return Listing(files["train"], classes, listed, splits, tuple(problems))


def _masks(spec: WsmisDataset, root: Path, folder: PurePosixPath, problems: list[DataProblem]) -> FilesByName:
    path = inside(root, str(folder / (spec.masks or MASKS)), option="options.masks")
    found = by_name(files_below(root, path, (".png",)), problems)
    if spec.masks is not None and not found:
        raise DataError(
            f"there is no PNG in {spec.masks}.",
            field="options.masks",
            remedy=f"Give the folder that holds <image>.png, relative to {folder}.",
        )
    return found


def _class_indices(root: Path, name: str) -> dict[str, int]:
    """The masks' value of each class, background and void aside."""
    content = _json(root, name)
    problem = _wrong_indices(content)
    if problem is not None:
        raise DataError(
            problem,
            field=name,
            remedy='Write {"background": 0, "<class>": <its value in the masks, 1 to 254>, ...}.',
        )
    return {key: value for key, value in content.items() if 0 < value <= MOST_CLASSES}


def _wrong_indices(content: Any) -> str | None:
    """What is wrong with a file of class indices, if anything."""
    if not isinstance(content, dict):
        return "it holds no object of class names and their indices."
    for key, value in content.items():
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MOST_CLASSES + 1:
            return f"the index of {key!r} is {value!r}, not a whole number from 0 to {MOST_CLASSES}."
        other = next(name for name, index in content.items() if index == value)
        if other != key:
            return f"{other!r} and {key!r} have the same index, {value}."
    if not any(0 < value <= MOST_CLASSES for value in content.values()):
        return "it names no class beside the background."
    return None


def _claims(
    spec: WsmisDataset,
    root: Path,
    split: Split,
    file: str,
    classes: Sequence[str],
    images: FilesByName,
    problems: list[DataProblem],
) -> Iterator[Claim]:
    """What the entries of one file that can be used say; the others become problems."""
    for list_name, items in _lists(spec, _json(root, file), split, file).items():
        for number, item in enumerate(items):
            place = f"{list_name}[{number}]"
            try:
                image, names = _read(item, classes, images)
            except DataError as error:
                problems.append(
                    DataProblem(
                        file=file,
                        message=f"{place}: {error.message}.",
                        remedy="Correct the entry; it is left out.",
                    )
                )
            else:
                yield Claim(
                    images.name_of(image), split, file, place, tuple(int(name in names) for name in classes)
                )


def _lists(spec: WsmisDataset, content: Any, split: Split, file: str) -> Mapping[str, list[Any]]:
    """The lists of entries by name: those of the training file's object, or the file's own."""
    lists = {"entries": content} if isinstance(content, list) else content
    if not isinstance(lists, dict) or not all(isinstance(items, list) for items in lists.values()):
        raise DataError(
            "it holds neither a list nor an object of lists.",
            field=file,
            remedy='Write [{"image": ..., "classes": [...]}, ...], for training {"train": [...], ...}.',
        )
    if split != "train" or not spec.train_sets:
        return lists
    missing = [name for name in spec.train_sets if name not in lists]
    if missing:
        raise DataError(
            f"there is no list {missing[0]!r}; its lists are {', '.join(lists)}.",
            field=file,
            remedy="Correct options.train_sets.",
        )
    return {name: lists[name] for name in spec.train_sets}


def _read(item: Any, classes: Sequence[str], images: FilesByName) -> tuple[str, list[str]]:
    """Image and classes of an entry; raises DataError where it does not say them."""
    if not isinstance(item, dict) or not isinstance(item.get("image"), str) or not item["image"]:
        raise DataError('it has no "image"')
    names = item.get("classes")
    if not isinstance(names, list):
        raise DataError(f'{item["image"]} has no list of "classes"')
    strange = [name for name in names if name not in classes]
    if strange:
        raise DataError(f"{item['image']} has a class {strange[0]!r} that {CLASSES_FILE} does not name")
    if item["image"] not in images:
        raise DataError(f"there is no image {item['image']} in {IMAGES}")
    return item["image"], names


def _json(root: Path, name: str) -> Any:
    """A file's content; raises DataError where it is missing, outside of the root, or no JSON of text."""
    path = inside(root, name, option=name)
    try:
        content = json.loads(path.read_bytes())
        odd = next((place for place, text in _texts(content, "") if not is_text(text)), None)
    except OSError as error:
        raise DataError(
            f"the file cannot be read: {error.strerror}.", field=name, remedy="Check path and rights."
        ) from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"this is no JSON: {error}.", field=name, remedy="Correct the file.") from error
    if odd is not None:
        raise DataError(
            f"what stands at {odd or 'the top'} is not UTF-8 text: it holds NUL or half a surrogate pair.",
            field=name,
            remedy="Correct its escapes.",
        )
    return content


def _texts(content: Any, place: str) -> Iterator[tuple[str, str]]:
    """Every string with its place, names of members at the place of their object."""
    if isinstance(content, str):
        yield place, content
    elif isinstance(content, list):
        for number, item in enumerate(content):
            yield from _texts(item, f"{place}[{number}]")
    elif isinstance(content, dict):
        for key, value in content.items():
            yield place, key
            yield from _texts(value, f"{place}.{key}".lstrip("."))
