"""SIIM-ACR Pneumothorax: DICOM files in any folders, and one CSV of run lengths.

The CSV has the columns `ImageId` and ` EncodedPixels`, with a blank before the second one's name and
values in the published file. An image may have several rows, whose regions are united; ` -1` says that
there is no pneumothorax.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from wsmis_core.data.index import DataProblem
from wsmis_core.data.layouts.entries import first_of
from wsmis_core.data.layouts.file_names import FilesByName, by_name
from wsmis_core.data.layouts.folder import existing_root, files_below, inside
from wsmis_core.data.layouts.ids import ids_of
from wsmis_core.data.layouts.listing import ListedImage, ListedRuns, Listing
from wsmis_core.data.layouts.table import Table, given_column, read_table
from wsmis_core.data.rle import EMPTY, siim_runs
from wsmis_core.errors import DataError
from wsmis_core.spec.dataset import SiimDataset

__all__ = ["list_siim"]

CLASSES = ("pneumothorax",)
SUFFIXES = (".dcm", ".dicom")
EMPTY_FLOAT = "-1.0"  # what a column of numbers and blanks makes of it


@dataclass(frozen=True, slots=True)
class _Claim:
    """What one row says of an image."""

    line: int
    runs: str

    @property
    def problem(self) -> DataError | None:
        """Why these are no run lengths of any image."""
        try:
            siim_runs(self.runs)
        except DataError as error:
            return error
        return None


def list_siim(spec: SiimDataset) -> Listing:
    """The images that have both a file and a row of run lengths.

    Raises DataError where the root, the CSV, one of its columns, every DICOM file or every match is missing.
    """
    root = existing_root(spec.root)
    table = read_table(inside(root, spec.rle, option="options.rle"), name=spec.rle, option="options.rle")
    files, file_problems = _files_by_image(root, spec.images)
    rows, named, row_problems = _rows_by_image(table, files)
    both = sorted(rows.keys() & files.keys())
    if not both and named & files.keys():
        first = next(problem for problem in row_problems if problem.severity == "warning")
        raise DataError(f"no row can be used: {first.message}", field=spec.rle, remedy=first.remedy)
    if not both:
        raise DataError(
            f"no ImageId of {spec.rle} is the name of a DICOM file: "
            f"the rows say {min(rows, default='nothing')}, the files {min(files)}.",
            field=spec.rle,
            remedy="Name each file <ImageId>.dcm, or give the CSV that belongs to these files.",
        )
    no_file = list(_without_file(rows.keys() - files.keys(), table))
    no_row = list(_without_row(files[name] for name in files.keys() - named))
    without = [
        *first_of(no_file, file=table.name, what="rows have no file either"),
        *first_of(no_row, file=table.name, what="files have no row either"),
    ]
    ids = ids_of([files[name] for name in both])
    images = tuple(_image(ids[files[name]], name, files[name], rows[name], table) for name in both)
    problems = (*table.problems, *row_problems, *file_problems, *without)
    return Listing(table.name, CLASSES, images, spec.splits, problems)


def _rows_by_image(
    table: Table, files: FilesByName
) -> tuple[dict[str, list[_Claim]], set[str], list[DataProblem]]:
    """What the rows say of each ImageId whose label is known, called as its file is, equal rows once.

    Beside it all ImageIds that have a row, be it one that says nothing.
    """
    id_column = given_column(table, "ImageId", option="options.rle")
    runs_column = given_column(table, "EncodedPixels", option="options.rle")
    by_image: dict[str, list[_Claim]] = {}
    named: set[str] = set()
    problems: list[DataProblem] = []
    for row in table.rows:
        name = files.name_of(_without_suffix(row.cells[id_column]))
        runs = " ".join(row.cells[runs_column].split())
        named.add(name)
        claim = _Claim(row.line, EMPTY if runs == EMPTY_FLOAT else runs)
        if not name or not claim.runs:
            column = runs_column if name else id_column
            problems.append(
                DataProblem(
                    file=table.name,
                    message=f"line {row.line} ({name or 'no ImageId'}) has nothing in the column {column!r}.",
                    remedy=f"Write {EMPTY} for an image without pneumothorax, or take the row out.",
                )
            )
            continue
        known = by_image.setdefault(name, [])
        same = next((other for other in known if other.runs == claim.runs), None)
        if same is None:
            known.append(claim)
        else:
            problems.append(
                DataProblem(
                    file=table.name,
                    message=f"line {row.line} ({name}) says the same as line {same.line}; it counts once.",
                    severity="info",
                )
            )
    unreadable = {name: found for name, claims in by_image.items() if (found := _unreadable(claims))}
    known_images = {name: claims for name, claims in by_image.items() if name not in unreadable}
    problems += [
        DataProblem(
            file=table.name,
            message=f"line {claim.line} ({name}): {problem.message}",
            remedy=f"{problem.remedy} The image is left out.",
        )
        for name, found in unreadable.items()
        for claim, problem in found
    ]
    return known_images, named, [*problems, *_contradictions(known_images, table)]


def _without_suffix(name: str) -> str:
    return next((name[: -len(suffix)] for suffix in SUFFIXES if name.lower().endswith(suffix)), name)


def _unreadable(claims: Sequence[_Claim]) -> list[tuple[_Claim, DataError]]:
    """The rows that are no run lengths of any image, unless others are: the label is not known."""
    wrong = [(claim, problem) for claim in claims if (problem := claim.problem)]
    all_wrong = len(wrong) == sum(claim.runs != EMPTY for claim in claims)
    return wrong if all_wrong else []


def _contradictions(by_image: Mapping[str, Sequence[_Claim]], table: Table) -> Iterator[DataProblem]:
    for name, claims in by_image.items():
        empty = [claim for claim in claims if claim.runs == EMPTY]
        if empty and len(claims) > 1:
            yield DataProblem(
                file=table.name,
                message=f"line {empty[0].line} ({name}) says {EMPTY}, and another row has runs; these count.",
                remedy="Take one of them out.",
            )


def _files_by_image(root: Path, images: str) -> tuple[FilesByName, list[DataProblem]]:
    """Paths relative to the root by file name without suffix.

    The files are those of the images' folder; where it holds none, all below the root.
    """
    folder = inside(root, images, option="options.images")
    found = list(files_below(root, folder, SUFFIXES))
    problems: list[DataProblem] = []
    if not found:
        found = list(files_below(root, root, SUFFIXES))
        what = "holds no DICOM file" if folder.is_dir() else "does not exist"
        if not found:
            raise DataError(
                f"{images} {what}, and there is no .dcm file anywhere below the root.",
                field="options.images",
                remedy="Give the folder that holds the DICOM files.",
            )
        problems.append(
            DataProblem(
                file=images,
                message=f"the folder {what}: the {len(found)} DICOM files below the root are used.",
                remedy="Name their folder in options.images.",
                severity="info",
            )
        )
    return by_name(found, problems), problems


def _image(sample_id: str, name: str, file: str, claims: Sequence[_Claim], table: Table) -> ListedImage:
    masks = tuple(
        ListedRuns(1, claim.runs, f"{table.name}, line {claim.line} ({name})")
        for claim in claims
        if claim.runs != EMPTY
    )
    return ListedImage(sample_id, file, (int(bool(masks)),), masks)


def _without_file(names: Iterable[str], table: Table) -> Iterator[DataProblem]:
    for name in sorted(names):
        yield DataProblem(
            file=table.name,
            message=f"{name} has a row and no file.",
            remedy="Add the file, or take the row out.",
        )


def _without_row(files: Iterable[str]) -> Iterator[DataProblem]:
    for file in sorted(files):
        yield DataProblem(
            file=file, message="this file has no row: its label is not known.", remedy="Add a row for it."
        )
