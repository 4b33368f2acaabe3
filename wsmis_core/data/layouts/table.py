"""CSV tables as people write them: stray blanks, a byte-order mark, other separators, ragged rows."""

from __future__ import annotations

import csv
import io
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from wsmis_core.data.index import DataProblem
from wsmis_core.data.layouts.text_file import read_text
from wsmis_core.errors import DataError

__all__ = ["Row", "Table", "column_like", "given_column", "read_table"]

SEPARATORS = ",;\t"


@dataclass(frozen=True, slots=True)
class Row:
    """A row's cells by column, without blanks around them, and its line in the file (the header's is 1)."""

    line: int
    cells: dict[str, str]


@dataclass(frozen=True, slots=True)
class Table:
    """A table with at least one row; ``problems`` are the rows that were left out."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    problems: tuple[DataProblem, ...]

    @property
    def column_names(self) -> str:
        """The columns, for a message."""
        return ", ".join(map(repr, self.columns))


def read_table(path: Path, *, name: str, option: str) -> Table:
    """The table in a UTF-8 file; commas, semicolons or tabs between the cells, whichever the header has most.

    ``name`` stands for the file in messages, ``option`` for the field of the spec that names it. Raises
    DataError where it is missing, not text, without rows, two columns share a name, or no row has as many
    cells as the header.
    """
    text = read_text(
        path,
        name=name,
        missing=f"Put it there, or name another in {option}.",
        remedy="Save it as CSV in UTF-8.",
    )
    csv.field_size_limit(sys.maxsize)  # run lengths of a large mask pass the default of 128 KiB
    first = text.partition("\n")[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(SEPARATORS, key=first.count))
    try:
        lines = [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader]
    except csv.Error as error:
        raise DataError(
            f"line {reader.line_num} cannot be read: {error}.", field=name, remedy="Correct the quotes."
        ) from error
    filled = [(line, cells) for line, cells in lines if any(cells)]
    if len(filled) < 2:
        found = "a header and no rows" if filled else "nothing"
        raise DataError(
            f"the table holds {found}.", field=name, remedy="Give it a header and a row for each image."
        )
    columns = filled[0][1]
    twice = [column for column, count in Counter(columns).items() if count > 1 and column]
    if twice:
        raise DataError(f"the column {twice[0]!r} is there twice.", field=name, remedy="Rename one of them.")
    problems = [
        DataProblem(
            file=name,
            message=f"line {line} has {len(cells)} cells, and the header {len(columns)}.",
            remedy="Quote cells that hold a separator.",
        )
        for line, cells in filled[1:]
        if len(cells) != len(columns)
    ]
    rows = tuple(
        Row(line, dict(zip(columns, cells, strict=True)))
        for line, cells in filled[1:]
        if len(cells) == len(columns)
    )
    if not rows:
        raise DataError(
            f"no row fits the header: {problems[0].message}",
            field=name,
            remedy="Give header and rows the same number of cells; quote cells that hold a separator.",
        )
    return Table(name, tuple(columns), rows, tuple(problems))


def column_like(columns: tuple[str, ...], names: tuple[str, ...]) -> str | None:
    """The first column that is called one of ``names``, earlier names first; blanks, _ and case aside."""
    known = {_plain(column): column for column in reversed(columns)}
    return next((known[_plain(name)] for name in names if _plain(name) in known), None)


def given_column(table: Table, name: str, *, option: str) -> str:
    """The column that an option of the spec names; raises DataError where the table has none of that name."""
    found = name if name in table.columns else column_like(table.columns, (name,))
    if found is None:
        raise DataError(
            f"there is no column {name!r}; the columns are {table.column_names}.",
            field=table.name,
            remedy=f"Correct the table's header or {option}.",
        )
    return found


def _plain(column: str) -> str:
    return column.casefold().replace(" ", "").replace("_", "")
