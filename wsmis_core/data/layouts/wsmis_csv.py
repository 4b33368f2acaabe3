"""WSMIS's CSVs: `name,label` beside `<name>.dcm`, masks as `<masks>/<name>.png`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from wsmis_core.data.index import DataProblem
from wsmis_core.data.layouts.claims import Claim, settled
from wsmis_core.data.layouts.entries import filled, without_row
from wsmis_core.data.layouts.file_finder import FileFinder
from wsmis_core.data.layouts.folder import files_below, inside
from wsmis_core.data.layouts.ids import ids_of
from wsmis_core.data.layouts.labels import number_in
from wsmis_core.data.layouts.listing import GivenSplits, ListedImage, Listing
from wsmis_core.data.layouts.mask_finder import MaskFinder
from wsmis_core.data.layouts.table import Row, Table, column_like, read_table
from wsmis_core.errors import DataError
from wsmis_core.spec.dataset import WsmisDataset
from wsmis_core.spec.parts import Split

__all__ = ["list_tables"]

CLASS = "pneumothorax"
MASKS = "masks"
NAME_COLUMNS = ("name", "image", "ImageId", "file", "id")
LABEL_COLUMNS = ("label", "labels", "target")
SUFFIXES = (".dcm", ".dicom")


def list_tables(spec: WsmisDataset, root: Path, files: dict[Split, str], splits: GivenSplits) -> Listing:
    """The DICOM files that a row gives a label of 0 or 1.

    Raises DataError where a table or its columns are missing, or two tables name one image.
    """
    if spec.train_sets:
        raise DataError(
            f"the lists {', '.join(spec.train_sets)} are named, and {files['train']} has none.",
            field="options.train_sets",
            remedy="Leave it out: it belongs to the JSON layout.",
        )
    folder = PurePosixPath(files["train"]).parent
    images = list(files_below(root, root / folder, SUFFIXES))
    masks = _masks(spec, root, folder, images)
    problems: list[DataProblem] = []
    claims = [
        claim
        for split, name in files.items()
        for claim in _claims(
            read_table(root / name, name=name, option=f"options.{split}_file"),
            split,
            FileFinder(images, folder=str(PurePosixPath(name).parent), suffixes=SUFFIXES),
            problems,
        )
    ]
    usable = settled(claims, problems)
    if not usable:
        raise DataError(
            f"no row can be used: {problems[0].message}",
            field=files["train"],
            remedy="Put each file <name>.dcm beside the CSV that names it.",
        )
    problems += without_row(images, {claim.image for claim in claims}, table=files["train"])
    ids = ids_of([claim.image for claim in usable])
    listed = tuple(
        ListedImage(
            ids[claim.image],
            claim.image,
            claim.labels,
            masks.masks_of(claim.image, claim.labels) if masks else (),
            split=claim.split,
        )
        for claim in usable
    )
    problems += masks.problems if masks else []
    classes = (spec.class_name or CLASS,)
    return Listing(files["train"], classes, listed, splits, tuple(problems))


def _masks(spec: WsmisDataset, root: Path, folder: PurePosixPath, images: Sequence[str]) -> MaskFinder | None:
    """What finds the masks; None where there is no folder of them and none was named."""
    path = inside(root, str(folder / (spec.masks or MASKS)), option="options.masks")
    found = list(files_below(root, path, (".png",)))
    if spec.masks is not None and not found:
        raise DataError(
            f"there is no PNG in {spec.masks}.",
            field="options.masks",
            remedy=f"Give the folder that holds <name>.png, relative to {folder}.",
        )
    if not found:
        return None
    return MaskFinder(
        found,
        images,
        folder=(root / folder).relative_to(root).as_posix(),
        class_folders=[path.relative_to(root).as_posix()],
    )


def _claims(table: Table, split: Split, finder: FileFinder, problems: list[DataProblem]) -> Iterator[Claim]:
    """What the rows that can be used say; the others become problems."""
    problems += table.problems
    columns = [column_like(table.columns, names) for names in (NAME_COLUMNS, LABEL_COLUMNS)]
    name_column, label_column = columns
    if name_column is None or label_column is None:
        missing = NAME_COLUMNS[0] if name_column is None else LABEL_COLUMNS[0]
        raise DataError(
            f"there is no column {missing!r}; the columns are {table.column_names}.",
            field=table.name,
            remedy="Give it the columns name and label.",
        )
    for row in table.rows:
        try:
            file, label = _read(row, finder, name_column=name_column, label_column=label_column)
            yield Claim(file, split, table.name, f"line {row.line}", (label,))
        except DataError as error:
            problems.append(
                DataProblem(
                    file=table.name,
                    message=f"line {row.line}: {error.message}.",
                    remedy="Correct the row; it is left out.",
                )
            )


def _read(row: Row, finder: FileFinder, *, name_column: str, label_column: str) -> tuple[str, int]:
    """File and label of a row; raises DataError where it does not say them."""
    name, label = filled(row, name_column), number_in(row, label_column)
    return finder.find(name), label
