"""NIH ChestX-ray14: PNGs in numbered folders, a table of findings, lists of the splits, boxes of some."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath

from wsmis_core.data.images import IMAGE_SUFFIXES
from wsmis_core.data.index import DataProblem
from wsmis_core.data.layouts.box_table import read_boxes
from wsmis_core.data.layouts.entries import Entries, Entry, filled, first_of, read_entries, without_row
from wsmis_core.data.layouts.file_finder import FileFinder
from wsmis_core.data.layouts.file_names import file_key
from wsmis_core.data.layouts.folder import existing_root, files_below, inside
from wsmis_core.data.layouts.ids import ids_of
from wsmis_core.data.layouts.labels import findings_in
from wsmis_core.data.layouts.listing import GivenSplits, ListedBox, ListedImage, Listing
from wsmis_core.data.layouts.name_list import read_names
from wsmis_core.data.layouts.table import Row, given_column, read_table
from wsmis_core.errors import DataError
from wsmis_core.spec.chest_datasets import CHESTXRAY14_CLASSES, ChestXray14Dataset
from wsmis_core.text import is_text

__all__ = ["list_chestxray14"]

TABLES = "Data_Entry_2017*.csv"
IMAGE_FOLDERS = ("images", "images_[0-9]*")
NO_FINDING = "No Finding"
TABLE_OPTION = "options.table"


def list_chestxray14(spec: ChestXray14Dataset) -> Listing:
    """The images that have a file, a row and, where there are lists, a place in one.

    Raises DataError where the root, the table, a column, a folder, a list or every match is missing, or an
    image is in both lists.
    """
    root = existing_root(spec.root)
    name = _table_name(spec, root)
    table = read_table(inside(root, name, option=TABLE_OPTION), name=name, option=TABLE_OPTION)
    files = _image_files(spec, root)
    read = partial(
        _entry,
        classes=spec.classes,
        findings=given_column(table, "Finding Labels", option=TABLE_OPTION),
        patient=given_column(table, "Patient ID", option=TABLE_OPTION),
    )
    entries = read_entries(
        table,
        FileFinder(files, folder=".", suffixes=IMAGE_SUFFIXES),
        file_column=given_column(table, "Image Index", option=TABLE_OPTION),
        read=read,
    )
    listed, list_problems = _with_splits(spec, root, entries)
    if not listed:
        why = "".join(f": {problem.message}" for problem in [*entries.problems, *list_problems][:1])
        raise DataError(
            f"no image has both a row of {name} and a place in the lists{why}",
            field=name,
            remedy="Name the images' folder in options.images, and the lists that belong to them.",
        )
    boxes, box_problems = _boxes(spec, root, listed)
    ids = ids_of([entry.file for entry in listed])
    images = tuple(
        ListedImage(
            ids[entry.file],
            entry.file,
            entry.labels,
            boxes=tuple(boxes.get(_stem(entry), ())),
            patient=entry.patient,
            split=entry.split,
        )
        for entry in listed
    )
    unnamed = without_row(files, entries.named, table=name)
    problems = (*table.problems, *entries.problems, *list_problems, *box_problems, *unnamed)
    return Listing(name, spec.classes, images, _splits(spec), problems)


def _table_name(spec: ChestXray14Dataset, root: Path) -> str:
    if spec.table is not None:
        return spec.table
    found = sorted(path.name for path in root.glob(TABLES))
    if len(found) != 1:
        there = f"{len(found)} files are {TABLES}: {', '.join(found)}" if found else f"there is no {TABLES}"
        raise DataError(
            f"{there}.", field=TABLE_OPTION, remedy="Name the table of findings, a path under the root."
        )
    return found[0]


def _image_files(spec: ChestXray14Dataset, root: Path) -> list[str]:
    """The images of the named folder, else of all that are called as published."""
    if spec.images is not None:
        folders = [inside(root, spec.images, option="options.images")]
    else:
        there = sorted(path for pattern in IMAGE_FOLDERS for path in root.glob(pattern) if path.is_dir())
        folders = [inside(root, path.name, option="options.images") for path in there if is_text(path.name)]
    files = [file for folder in folders for file in files_below(root, folder, IMAGE_SUFFIXES)]
    if not files:
        where = spec.images or " or ".join(IMAGE_FOLDERS)
        raise DataError(
            f"there is no image in {where} below the root.",
            field="options.images",
            remedy="Name the folder that holds the PNGs.",
        )
    return files


def _entry(row: Row, file: str, *, classes: Sequence[str], findings: str, patient: str) -> Entry:
    names = findings_in(row, findings, separator="|", no_finding=NO_FINDING)
    unknown = names - {*CHESTXRAY14_CLASSES}
    if unknown:
        raise DataError(f"{min(unknown)!r} in the column {findings!r} is none of the 14 findings")
    return Entry(row.line, file, tuple(int(name in names) for name in classes), filled(row, patient), None)


def _with_splits(
    spec: ChestXray14Dataset, root: Path, entries: Entries
) -> tuple[list[Entry], list[DataProblem]]:
    """The entries with what the lists say; those in none are left out, and become problems.

    Without a list of them, all that the other list does not name train.
    """
    train = _listed(root, spec.train_val_list, option="options.train_val_list")
    test = _listed(root, spec.test_list, option="options.test_list") or frozenset()
    if twice := sorted(test & (train or frozenset())):
        raise DataError(
            f"{spec.train_val_list} and {spec.test_list} both name {twice[0]}"
            + (f" and {len(twice) - 1} more." if twice[1:] else "."),
            field=spec.test_list,
            remedy="Keep each image in one of them: what trains must not be scored.",
        )
    named: list[Entry] = []
    problems: list[DataProblem] = []
    for entry in entries.kept:
        stem = _stem(entry)
        if stem in test or train is None or stem in train:
            named.append(replace(entry, split="test" if stem in test else "train"))
        else:
            problems.append(
                DataProblem(
                    file=entry.file,
                    message=f"neither {spec.train_val_list} nor {spec.test_list} names it; it is left out.",
                    remedy="Add it to one of them, or set both options to null for drawn splits.",
                )
            )
    return named, [*first_of(problems, file=spec.test_list or "", what="images are in neither list")]


def _listed(root: Path, name: str | None, *, option: str) -> frozenset[str] | None:
    """The names in a list, as `_stem` has them."""
    if name is None:
        return None
    path = inside(root, name, option=option)
    return frozenset(
        file_key(PurePosixPath(word).stem) for word in read_names(path, name=name, option=option)
    )


def _boxes(
    spec: ChestXray14Dataset, root: Path, entries: Sequence[Entry]
) -> tuple[dict[str, list[ListedBox]], list[DataProblem]]:
    """The boxes by image, as `_stem` names it; none where the table that is usual is not there."""
    if spec.boxes is None:
        return {}, []
    path = inside(root, spec.boxes, option="options.boxes")
    if not path.exists() and spec.boxes == ChestXray14Dataset.model_fields["boxes"].default:
        return {}, [
            DataProblem(
                file=spec.boxes,
                message="it is not there: no image has boxes.",
                remedy="Put it under the root, or set options.boxes to null.",
                severity="info",
            )
        ]
    kept = {name: number for number, name in enumerate(spec.classes, start=1)}
    ids = {str(name): kept.get(name) for name in CHESTXRAY14_CLASSES}
    boxes, problems = read_boxes(path, name=spec.boxes, classes=ids, frame=spec.box_frame)
    missing = boxes.keys() - {_stem(entry) for entry in entries}
    if missing:
        problems.append(
            DataProblem(
                file=spec.boxes,
                message=f"{len(missing)} images with boxes, such as {min(missing)}, are not in the data set.",
                severity="info",
            )
        )
    return boxes, problems


def _stem(entry: Entry) -> str:
    return file_key(PurePosixPath(entry.file).stem)


def _splits(spec: ChestXray14Dataset) -> GivenSplits:
    lists = [name for name in (spec.train_val_list, spec.test_list) if name is not None]
    return GivenSplits(
        origin=f"the split by {' and '.join(lists) or 'shares'}",
        remedy="Set options.train_val_list and test_list to null for splits that are drawn by patient.",
        drawn=spec.drawn(given="test" if spec.test_list else None),
        option="options.val_share",
    )
