"""Stanford CheXpert: JPEGs by patient and study, tables of 1, 0, -1 (uncertain) and blank (not mentioned)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from wsmis_core.data.images import IMAGE_SUFFIXES
from wsmis_core.data.index import UNKNOWN_LABEL, DataProblem
from wsmis_core.data.layouts.entries import Entry, read_entries, without_row
from wsmis_core.data.layouts.file_finder import FileFinder
from wsmis_core.data.layouts.folder import existing_root, files_below, inside
from wsmis_core.data.layouts.ids import ids_of
from wsmis_core.data.layouts.labels import NUMBERS
from wsmis_core.data.layouts.listing import GivenSplits, ListedImage, Listing
from wsmis_core.data.layouts.table import Row, Table, given_column, read_table
from wsmis_core.errors import DataError
from wsmis_core.spec.chest_datasets import ChexpertDataset, LabelPolicy
from wsmis_core.spec.parts import Split

__all__ = ["list_chexpert"]

POLICIES: Mapping[LabelPolicy, int] = {"ones": 1, "zeros": 0, "ignore": UNKNOWN_LABEL}
UNCERTAIN = ("-1", "-1.0")
PATIENT = re.compile(r"patient\d+")


@dataclass(frozen=True, slots=True)
class _Part:
    """What one of the tables says."""

    entries: tuple[Entry, ...]
    named: frozenset[str]
    problems: tuple[DataProblem, ...]


def list_chexpert(spec: ChexpertDataset) -> Listing:
    """The images that have a file, a row in one of the tables and a label that is known.

    Raises DataError where the root, a table, a column or every match is missing.
    """
    root = existing_root(spec.root)
    files = list(files_below(root, root, IMAGE_SUFFIXES))
    finder = FileFinder(files, folder=".", suffixes=IMAGE_SUFFIXES)
    tables: dict[Split, str] = {"train": spec.train}
    if spec.valid is not None:
        tables[spec.valid_split] = spec.valid
    parts = [_part(spec, root, finder, name, split) for split, name in tables.items()]
    entries = [entry for part in parts for entry in part.entries]
    problems = [problem for part in parts for problem in part.problems]
    if not entries:
        why = f": {problems[0].message}" if problems else "."
        raise DataError(
            f"no row of {' or '.join(tables.values())} belongs to an image below the root{why}",
            field=spec.train,
            remedy="Give the folder that holds the tables and the images as the root.",
        )
    ids = _ids([entry.file for entry in entries])
    images = tuple(
        ListedImage(ids[entry.file], entry.file, entry.labels, patient=entry.patient, split=entry.split)
        for entry in entries
    )
    named = {file for part in parts for file in part.named}
    return Listing(
        spec.train,
        spec.classes,
        images,
        GivenSplits(
            origin=f"the split by {' and '.join(tables.values())}",
            remedy="Set options.valid to null for splits that are drawn by patient.",
            drawn=spec.drawn(given=spec.valid_split if spec.valid else None),
            option="options.val_share",
        ),
        (*problems, *without_row(files, named, table=spec.train)),
    )


def _part(spec: ChexpertDataset, root: Path, finder: FileFinder, name: str, split: Split) -> _Part:
    option = "options.train" if split == "train" else "options.valid"
    table = read_table(inside(root, name, option=option), name=name, option=option)
    read = partial(
        _entry,
        split=split,
        path=given_column(table, "Path", option=option),
        columns=[given_column(table, column, option=option) for column in spec.classes],
        values={
            **NUMBERS,
            **dict.fromkeys(UNCERTAIN, POLICIES[spec.uncertain]),
            "": POLICIES[spec.blank],
        },
    )
    entries = read_entries(table, finder, file_column=given_column(table, "Path", option=option), read=read)
    views = _frontal(table, option=option) if spec.frontal_only else None
    shown = [entry for entry in entries.kept if views is None or entry.line in views]
    kept = tuple(entry for entry in shown if set(entry.labels) != {UNKNOWN_LABEL})
    counts = {
        "lateral views": len(entries.kept) - len(shown),
        "none of their labels is known": len(shown) - len(kept),
    }
    total = len(entries.kept)
    left_out = [
        DataProblem(file=name, message=f"left out, as {what}: {count} of {total} images.", severity="info")
        for what, count in counts.items()
        if count
    ]
    return _Part(kept, entries.named, (*table.problems, *entries.problems, *left_out))


def _entry(
    row: Row, file: str, *, split: Split, path: str, columns: Sequence[str], values: Mapping[str, int]
) -> Entry:
    patient = PATIENT.search(row.cells[path])
    if patient is None:
        raise DataError(f"there is no patient, as in patient00001, in {row.cells[path]!r}")
    for column in columns:
        if row.cells[column].casefold() not in values:
            raise DataError(f"{row.cells[column]!r} in the column {column!r} is not 1, 0, -1 or blank")
    labels = tuple(values[row.cells[column].casefold()] for column in columns)
    return Entry(row.line, file, labels, patient[0], split)


def _frontal(table: Table, *, option: str) -> set[int]:
    """The lines of the frontal views."""
    column = given_column(table, "Frontal/Lateral", option=option)
    return {row.line for row in table.rows if row.cells[column].casefold() == "frontal"}


def _ids(files: Sequence[str]) -> dict[str, str]:
    """`patient00001_study1_view1_frontal` where that is unique, else as `ids_of` makes them."""
    short = {file: "_".join(PurePosixPath(file).parts[-3:]) for file in files}
    if len(set(short.values())) < len(short):
        return ids_of(files)
    ids = ids_of(list(short.values()))
    return {file: ids[name] for file, name in short.items()}
