"""Images and a CSV: a column of files, and labels as 0/1 columns or as one column of names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from wsmis_core.data.images import IMAGE_SUFFIXES
from wsmis_core.data.layouts.entries import Entry, filled, read_entries, without_row
from wsmis_core.data.layouts.file_finder import FileFinder
from wsmis_core.data.layouts.folder import existing_root, files_below, inside
from wsmis_core.data.layouts.ids import ids_of
from wsmis_core.data.layouts.labels import Labelling, make_labelling
from wsmis_core.data.layouts.listing import GivenSplits, ListedImage, Listing
from wsmis_core.data.layouts.mask_finder import MaskFinder
from wsmis_core.data.layouts.table import Row, Table, column_like, given_column, read_table
from wsmis_core.data.splits import split_named
from wsmis_core.errors import DataError
from wsmis_core.spec.dataset import CsvDataset, SplitShares

__all__ = ["list_csv"]

FILE_COLUMNS = (
    "file",
    "filename",
    "file name",
    "path",
    "file path",
    "image path",
    "image",
    "Image Index",
    "ImageId",
    "name",
    "id",
)
PATIENT_COLUMNS = ("patient", "Patient ID", "subject", "subject id")


@dataclass(frozen=True, slots=True)
class _Columns:
    file: str
    patient: str | None
    split: str | None

    def named(self) -> set[str]:
        return {name for name in (self.file, self.patient, self.split) if name}


def list_csv(spec: CsvDataset) -> Listing:
    """The images that have both a file and a row whose labels are 0 or 1.

    Raises DataError where the root, the table, a column, a folder or every match is missing.
    """
    root = existing_root(spec.root)
    table = read_table(
        inside(root, spec.table, option="options.table"), name=spec.table, option="options.table"
    )
    columns = _columns(spec, table)
    problems = list(table.problems)
    labelling = make_labelling(spec, table, problems, other_columns=columns.named())
    folder = _images_folder(root, spec)
    files = _image_files(root, spec, folder)
    finder = FileFinder(files, folder=folder, suffixes=IMAGE_SUFFIXES)

    entries = read_entries(table, finder, file_column=columns.file, read=_reader(columns, labelling))
    if not entries.kept:
        raise DataError(
            f"no row of {spec.table} belongs to an image below {spec.images}: {entries.problems[0].message}",
            field=spec.table,
            remedy="Name the column of files in options.file_column and their folder in options.images.",
        )
    ids = ids_of([entry.file for entry in entries.kept])
    masks = _masks(root, spec, labelling.classes, files, folder=folder)
    images = tuple(
        ListedImage(
            ids[entry.file],
            entry.file,
            entry.labels,
            masks.masks_of(entry.file, entry.labels) if masks else (),
            patient=entry.patient,
            split=entry.split,
        )
        for entry in entries.kept
    )
    problems += entries.problems
    problems += masks.problems if masks else []
    problems += without_row(files, entries.named, table=table.name)
    return Listing(table.name, labelling.classes, images, _splits(spec, columns), tuple(problems))


def _columns(spec: CsvDataset, table: Table) -> _Columns:
    if spec.file_column:
        file: str | None = given_column(table, spec.file_column, option="options.file_column")
    else:
        file = column_like(table.columns, FILE_COLUMNS)
    if file is None:
        raise DataError(
            f"no column is called as files usually are; the columns are {table.column_names}.",
            field=table.name,
            remedy="Name it in options.file_column.",
        )
    if spec.patient_column:
        patient: str | None = given_column(table, spec.patient_column, option="options.patient_column")
    else:
        patient = column_like(table.columns, PATIENT_COLUMNS)
    split = (
        given_column(table, spec.split_column, option="options.split_column") if spec.split_column else None
    )
    return _Columns(file, patient, split)


def _images_folder(root: Path, spec: CsvDataset) -> str:
    """Where the images lie, relative to the root."""
    folder = inside(root, spec.images, option="options.images")
    if not folder.is_dir():
        raise DataError(
            f"there is no folder {spec.images} below the root.",
            field="options.images",
            remedy="Give the folder that holds the images.",
        )
    return folder.relative_to(root).as_posix()


def _image_files(root: Path, spec: CsvDataset, folder: str) -> list[str]:
    """All image files of the set, those of the masks' folder aside."""
    files = files_below(root, root / folder, IMAGE_SUFFIXES)
    if spec.masks is None:
        return list(files)
    masks = inside(root, spec.masks, option="options.masks").relative_to(root)
    return [file for file in files if not PurePosixPath(file).is_relative_to(masks)]


def _reader(columns: _Columns, labelling: Labelling) -> Callable[[Row, str], Entry]:
    """What a row says of its file."""

    def read(row: Row, file: str) -> Entry:
        patient = filled(row, columns.patient) if columns.patient else None
        split = split_named(row.cells[columns.split]) if columns.split else None
        return Entry(row.line, file, labelling.labels(row), patient, split)

    return read


def _splits(spec: CsvDataset, columns: _Columns) -> GivenSplits | SplitShares:
    if columns.split is None:
        return spec.splits
    return GivenSplits(
        f"the column {columns.split!r}",
        "Correct it, or leave options.split_column out for a drawn split.",
    )


def _masks(
    root: Path, spec: CsvDataset, classes: Sequence[str], images: Sequence[str], *, folder: str
) -> MaskFinder | None:
    """What finds the masks of the images in ``folder``, if there are to be any."""
    if spec.masks is None:
        return None
    below = inside(root, spec.masks, option="options.masks")
    masks = list(files_below(root, below, (".png",)))
    if not masks:
        raise DataError(
            f"there is no PNG below {spec.masks}.",
            field="options.masks",
            remedy="Give the folder that holds <class>/<file stem>.png, or leave the option out.",
        )
    return MaskFinder(
        masks,
        images,
        folder=folder,
        class_folders=[f"{below.relative_to(root).as_posix()}/{name}" for name in classes],
    )
