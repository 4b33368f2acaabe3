"""ChestX-ray14's table of boxes, `BBox_List_2017.csv`.

Its header is `Image Index,Finding Label,Bbox [x,y,w,h],,,`: the bracketed name is split by its own commas
into four, and three columns have no name. What it calls `Infiltrate` the labels call `Infiltration`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from wsmis_core.data.index import DataProblem
from wsmis_core.data.layouts.entries import filled
from wsmis_core.data.layouts.file_names import file_key
from wsmis_core.data.layouts.listing import ListedBox
from wsmis_core.data.layouts.table import Row, Table, column_like, given_column, read_table
from wsmis_core.errors import DataError

__all__ = ["read_boxes"]

OPTION = "options.boxes"
SIDES = (("Bbox [x", "x"), ("y",), ("w", "width"), ("h]", "h", "height"))
OTHER_NAMES = {"Infiltrate": "Infiltration"}


def read_boxes(
    path: Path, *, name: str, classes: Mapping[str, int | None], frame: int
) -> tuple[dict[str, list[ListedBox]], list[DataProblem]]:
    """The boxes by `file_key` of the image's name without suffix; rows that cannot be used become problems.

    ``classes`` gives the id of each finding that may be named, None for one that is not kept; ``frame`` is
    that of `ListedBox`. Raises DataError where the file is no table with these columns.
    """
    table = read_table(path, name=name, option=OPTION)
    image, finding = (
        given_column(table, column, option=OPTION) for column in ("Image Index", "Finding Label")
    )
    sides = [_side(table, names) for names in SIDES]
    boxes: dict[str, list[ListedBox]] = {}
    problems: list[DataProblem] = list(table.problems)
    for row in table.rows:
        try:
            class_id = _class_id(row, finding, classes)
            if class_id is not None:
                stem = PurePosixPath(filled(row, image)).stem
                box = ListedBox(class_id, _numbers(row, sides), frame, f"{name}, line {row.line} ({stem})")
                boxes.setdefault(file_key(stem), []).append(box)
        except DataError as error:
            problems.append(
                DataProblem(
                    file=name,
                    message=f"line {row.line}: {error.message}.",
                    remedy="Correct the row; the box is left out.",
                )
            )
    return boxes, problems


def _side(table: Table, names: tuple[str, ...]) -> str:
    found = column_like(table.columns, names)
    if found is None:
        raise DataError(
            f"there is no column {names[0]!r}; the columns are {table.column_names}.",
            field=table.name,
            remedy="Give it the header `Image Index,Finding Label,Bbox [x,y,w,h]`.",
        )
    return found


def _class_id(row: Row, column: str, classes: Mapping[str, int | None]) -> int | None:
    finding = filled(row, column)
    finding = OTHER_NAMES.get(finding, finding)
    if finding not in classes:
        raise DataError(f"{finding!r} is none of the findings")
    return classes[finding]


def _numbers(row: Row, columns: list[str]) -> tuple[float, float, float, float]:
    try:
        x, y, width, height = (float(row.cells[column]) for column in columns)
    except ValueError as error:
        raise DataError(f"x, y, width and height are not four numbers: {error}") from error
    if not all(map(math.isfinite, (x, y, width, height))) or width <= 0 or height <= 0:
        raise DataError(f"{x}, {y}, {width}, {height} is not a box")
    return x, y, width, height
